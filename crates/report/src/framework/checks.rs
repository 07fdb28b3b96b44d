//! What several frameworks ask alike.

use super::Answer;
use crate::words::many;
use crate::{
    case::{Case, Exhibit},
    model::Gap,
    zone::{IsolationStatus, ZoneCrossing},
};
use bulkhead_model::{Direction, ServiceName};

/// As many gaps are told one by one.
const GAPS: usize = 12;

/// An answer for what only a running estate can show.
pub(super) fn files(what: &str) -> Answer {
    Answer::open(format!("This report was made from files: {what}."))
}

/// An answer for what only a zone has.
pub(super) fn no_zone() -> Answer {
    Answer::open("No zone was named, so it is not known which systems are meant.").gaps(vec![Gap::new(
        "the report is about the whole estate",
        "make it for a zone: bulkhead report FRAMEWORK --zone NAME",
    )])
}

/// No more gaps than anybody reads, and how many more there are.
pub(super) fn few(mut gaps: Vec<Gap>) -> Vec<Gap> {
    let more = gaps.len().saturating_sub(GAPS);
    if more > 0 {
        gaps.truncate(GAPS);
        gaps.push(Gap::new(format!("{more} more of this kind"), "see the evidence"));
    }
    gaps
}

pub(super) fn names(names: &[ServiceName]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(ToString::to_string).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn crossing_gap(case: &Case<'_>, crossing: &ZoneCrossing) -> Gap {
    let peers = match (crossing.peers.as_slice(), crossing.peer_count) {
        ([one], 1) => one.clone(),
        (peers, count) => {
            format!("{count} peers ({}…)", peers.iter().take(3).cloned().collect::<Vec<_>>().join(", "))
        }
    };
    let (from, to) = match crossing.direction {
        Direction::Ingress => (peers, crossing.member.clone()),
        Direction::Egress => (crossing.member.clone(), peers),
    };
    let fault = crossing.fault.clone().unwrap_or_default();
    let remedy = if fault.starts_with("mode ") {
        // What is no service is guarded by the services outside.
        let is_service = case.border.services().iter().any(|s| s.name.to_string() == crossing.member);
        let holder = if is_service { Some(&crossing.member) } else { crossing.peers.first() };
        let holder = holder.map_or("NAME", String::as_str);
        format!("promote it once it is known well enough: bulkhead promote {holder}")
    } else if fault.starts_with("no document") {
        "write a document for what none targets".to_owned()
    } else if fault.starts_with("no conduit") {
        format!("remove what allows it, or add a conduit with owner and reason to {}", case.subject())
    } else if fault.ends_with("no applications") {
        "name the ports that are needed".to_owned()
    } else {
        "give the rule a reason and an owner, or remove it".to_owned()
    };
    Gap::new(format!("{from} may open {} to {to}: {fault}", crossing.traffic), remedy)
}

/// Whether nothing crosses in these directions but what is answered for, and that is enforced.
pub(super) fn crossing(case: &mut Case<'_>, directions: &[Direction]) -> Answer {
    let shown =
        [case.show(Exhibit::Crossings), case.show(Exhibit::Observed), case.show(Exhibit::Enforcement)];
    let isolation = &case.border.isolation;
    let about = |direction: &Direction| directions.contains(direction);
    let of: Vec<&ZoneCrossing> = isolation.crossings.iter().filter(|c| about(&c.direction)).collect();
    let mut gaps: Vec<Gap> = of
        .iter()
        .filter(|crossing| crossing.fault.is_some())
        .map(|crossing| crossing_gap(case, crossing))
        .collect();
    let observed: Vec<_> = isolation.observed.iter().filter(|seen| about(&seen.direction)).collect();
    for seen in observed.iter().filter(|seen| seen.contradicts) {
        gaps.push(Gap::new(
            format!(
                "{} → {} {} passed {} times, first at {}, and the policy in force then denies it",
                seen.client,
                seen.server,
                seen.what,
                seen.connections,
                crate::render::time(seen.first_seen)
            ),
            "find out how: compare `bulkhead policy explain` with the node's health, and tell us",
        ));
    }
    if isolation.status == IsolationStatus::Empty {
        return Answer::open(isolation.sentence.clone()).shown(shown);
    }
    if !gaps.is_empty() {
        let reason = format!(
            "Over all flows, {} across the border of {} that nobody answers for.",
            many(gaps.len(), "way"),
            case.subject()
        );
        return Answer::not_met(reason, few(gaps)).shown(shown);
    }
    let holds = format!(
        "Over all flows between {}, {} across the border of {} in this direction, and nothing that nobody answers for",
        many(isolation.checked, "pair"),
        many(of.len(), "way"),
        case.subject()
    );
    if case.estate.operation.is_none() {
        return files(&format!("{holds}, as the documents have it; what is enforced is not known"))
            .shown(shown);
    }
    if !isolation.doubts.is_empty() {
        let gaps =
            isolation.doubts.iter().map(|doubt| Gap::new(doubt.clone(), "mend the node: bulkhead check"));
        let reason = format!("{holds}; that it is enforced everywhere is not known.");
        return Answer::open(reason).gaps(few(gaps.collect())).shown(shown);
    }
    let passing = observed.iter().filter(|seen| seen.connections > 0).count();
    let denied: u64 = observed.iter().map(|seen| seen.denied).sum();
    Answer::met(format!(
        "{holds}. Kinds of connection seen across it: {}; of these passed: {passing}. Denied connections: {denied}.",
        observed.len()
    ))
    .shown(shown)
}

/// Whether every service that is meant enforces its policy, so that what no rule allows is denied.
pub(super) fn enforced(case: &mut Case<'_>, holds: &str) -> Answer {
    let shown = [case.show(Exhibit::Enforcement)];
    let services = case.border.services();
    let lax = case.border.isolation.not_enforcing.clone();
    let Some(operation) = &case.estate.operation else {
        return files("nothing says what is enforced").shown(shown);
    };
    if services.is_empty() {
        return Answer::open(format!("No service belongs to {}.", case.subject())).shown(shown);
    }
    if !lax.is_empty() {
        let gaps = vec![Gap::new(
            format!("{} of {} services do not enforce: {}", lax.len(), services.len(), names(&lax)),
            "promote them once they are known well enough: bulkhead promote NAME",
        )];
        let reason = "A policy on a service that learns or is monitored proves nothing about traffic: all of it passes.";
        return Answer::not_met(reason, gaps).shown(shown);
    }
    let doubts = operation.doubts();
    if !doubts.is_empty() {
        let gaps = doubts.into_iter().map(|doubt| Gap::new(doubt, "mend the node: bulkhead check"));
        return Answer::open(
            "Every service is in a mode that holds back; that all of it is enforced is not known.",
        )
        .gaps(few(gaps.collect()))
        .shown(shown);
    }
    Answer::met(format!(
        "Every service in {1} ({0} in all) enforces its policy: {holds}",
        services.len(),
        case.subject()
    ))
    .shown(shown)
}

/// Whether the world can get at anybody who is meant, whoever answers for it.
pub(super) fn apart_from_world(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::World), case.show(Exhibit::Enforcement)];
    let (reached, checked) = case.reached_by_world();
    if case.border.services().is_empty() {
        return Answer::open(format!("No service belongs to {}.", case.subject())).shown(shown);
    }
    if !reached.is_empty() {
        let gaps = reached.iter().map(|(service, traffic)| {
            Gap::new(
                format!("{service} can be reached from the world: {traffic}"),
                "let a service outside of the zone receive what comes from the world",
            )
        });
        let reason = format!("The world reaches {} services of {} directly.", reached.len(), case.subject());
        return Answer::not_met(reason, few(gaps.collect())).shown(shown);
    }
    match &case.estate.operation {
        None => files("as the documents have it, the world reaches none of them; what is enforced is not known").shown(shown),
        Some(operation) if !operation.doubts().is_empty() => {
            Answer::open("The world reaches none of them; that this is enforced everywhere is not known.").shown(shown)
        }
        Some(_) => Answer::met(format!(
            "Over all flows, neither the world nor any external address reaches one of the {checked} services of {} directly.",
            case.subject()
        ))
        .shown(shown),
    }
}

/// Whether exceptions have an owner, a reason and an end that has not passed.
pub(super) fn exceptions(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Exceptions)];
    let exceptions = case.exceptions();
    let mut gaps = Vec::new();
    for exception in &exceptions {
        let name = &exception.place;
        if exception.expired {
            gaps.push(Gap::new(format!("{name} has expired"), "remove it, or renew it with a reason"));
        }
        if exception.owner.is_none() {
            gaps.push(Gap::new(format!("{name} has no owner"), "add an owner"));
        }
        if exception.reason.is_none() {
            gaps.push(Gap::new(format!("{name} has no reason"), "add a reason"));
        }
    }
    if !gaps.is_empty() {
        let reason =
            format!("Of {} exceptions, some have expired or lack an owner or a reason.", exceptions.len());
        return Answer::not_met(reason, few(gaps)).shown(shown);
    }
    Answer::met(match exceptions.len() {
        0 => "There are no exceptions.".to_owned(),
        count => {
            format!("Every exception ({count} in all) has an owner, a reason and an end that has not passed.")
        }
    })
    .shown(shown)
}

/// Whether nodes see everything: they report, and nothing was lost.
pub(super) fn observed(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Sensors)];
    let Some(operation) = &case.estate.operation else {
        return files("nothing observes anything").shown(shown);
    };
    let mut gaps: Vec<Gap> = operation
        .doubts()
        .into_iter()
        .chain(operation.degraded.iter().cloned())
        .map(|doubt| Gap::new(doubt, "run `bulkhead check` on the node and mend what it says"))
        .collect();
    if operation.lost_events > 0 {
        gaps.push(Gap::new(
            format!("{} events were lost since the controller was started", operation.lost_events),
            "see `bulkhead status` for where; larger tables or fewer events per second help",
        ));
    }
    if !gaps.is_empty() {
        return Answer::not_met("Not everything that happens is seen.", few(gaps)).shown(shown);
    }
    let endpoints: u64 = operation.nodes.iter().map(|node| u64::from(node.endpoints)).sum();
    Answer::met(format!(
        "{} with {} report, everything they promise holds, and no event was lost.",
        many(operation.nodes.len(), "node"),
        many(endpoints, "endpoint")
    ))
    .shown(shown)
}

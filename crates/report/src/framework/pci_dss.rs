//! PCI DSS v4.0: 1.2 to 1.4, 7, 10, 11.4.5, 11.4.6 and 12.5.2.

use super::{Answer, Item, checks};
use crate::{
    case::{Case, Exhibit, RuleFacts},
    model::Gap,
    zone::IsolationStatus,
};
use bulkhead_model::Direction;

const DAY: u64 = 86_400_000;
/// Six months, and a year, in days: the longest that there are.
const HALF_YEAR: u64 = 184;
const YEAR: u64 = 366;

pub(super) const ITEMS: &[Item] = &[
    Item {
        number: "1.2.1",
        asks: "Standards say how network security controls are configured, and they are followed.",
        judge: |case| {
            let shown = [case.show(Exhibit::Documents)];
            Answer::open(format!(
                "The rules are {} documents, checked when they are applied and kept with their history. Whether they \
                 follow a written standard is not seen.",
                case.estate.set.policies().len()
            ))
            .shown(shown)
        },
    },
    Item {
        number: "1.2.2",
        asks: "Changes to connections and controls are approved and go through change control.",
        judge: |case| {
            let shown = [case.show(Exhibit::Revisions)];
            match case.estate.operation.is_some() {
                false => checks::files("the history of changes is with the controller, or in your version control").shown(shown),
                true => Answer::open(
                    "Every change is recorded with who made it, when, and the difference. Whether it was approved before \
                     is not seen.",
                )
                .shown(shown),
            }
        },
    },
    Item {
        number: "1.2.3",
        asks: "An accurate diagram shows all connections between the cardholder environment and other networks.",
        judge: |case| {
            let shown = [case.show(Exhibit::Observed), case.show(Exhibit::Crossings)];
            Answer::open(format!(
                "Of what Bulkhead sees, the evidence lists every connection across the border of {}; networks without \
                 Bulkhead are not seen.",
                case.subject()
            ))
            .shown(shown)
        },
    },
    Item {
        number: "1.2.4",
        asks: "An accurate diagram shows how account data flows.",
        judge: |case| {
            let shown = [case.show(Exhibit::Observed)];
            Answer::open("Connections are seen; which of them carry account data is not.").shown(shown)
        },
    },
    Item {
        number: "1.2.5",
        asks: "All services, protocols and ports that are allowed are known, approved and needed.",
        judge: ports_known,
    },
    Item {
        number: "1.2.6",
        asks: "Insecure services, protocols and ports that are in use are made safe.",
        judge: insecure,
    },
    Item {
        number: "1.2.7",
        asks: "Configurations of network security controls are reviewed at least every six months.",
        judge: reviewed,
    },
    Item {
        number: "1.2.8",
        asks: "Configurations are safe from unauthorised access and are the ones in force.",
        judge: consistent,
    },
    Item {
        number: "1.3.1",
        asks: "Only necessary traffic comes into the cardholder environment; everything else is denied.",
        judge: |case| {
            if case.zone.is_none() {
                checks::no_zone()
            } else {
                checks::crossing(case, &[Direction::Ingress])
            }
        },
    },
    Item {
        number: "1.3.2",
        asks: "Only necessary traffic leaves the cardholder environment; everything else is denied.",
        judge: |case| {
            if case.zone.is_none() { checks::no_zone() } else { checks::crossing(case, &[Direction::Egress]) }
        },
    },
    Item {
        number: "1.3.3",
        asks: "Wireless networks are kept apart from the cardholder environment.",
        judge: |_| {
            Answer::open(
                "Wireless networks are not seen; to workloads they are part of the world, or of a range that documents name.",
            )
        },
    },
    Item {
        number: "1.4.1",
        asks: "Network security controls stand between trusted and untrusted networks.",
        judge: |case| {
            checks::enforced(
                case,
                "one stands at the interface of every workload, on both ends of every connection.",
            )
        },
    },
    Item {
        number: "1.4.2",
        asks: "From untrusted networks comes only what is meant for public systems, and answers to what was asked.",
        judge: |case| {
            let world = case.show(Exhibit::World);
            checks::crossing(case, &[Direction::Ingress]).shown([world])
        },
    },
    Item {
        number: "1.4.3",
        asks: "Forged source addresses are detected and blocked.",
        judge: |case| {
            checks::enforced(case, "a packet with an address that is not the workload's own is denied.")
        },
    },
    Item {
        number: "1.4.4",
        asks: "Systems that store cardholder data cannot be reached directly from untrusted networks.",
        judge: |case| if case.zone.is_none() { checks::no_zone() } else { checks::apart_from_world(case) },
    },
    Item {
        number: "1.4.5",
        asks: "Internal addresses and routes are told to nobody who need not know them.",
        judge: |_| Answer::open("What connections carry is not inspected."),
    },
    Item {
        number: "7.2.5",
        asks: "Accounts of applications and systems may do what they need and no more.",
        judge: least,
    },
    Item {
        number: "7.3.3",
        asks: "Access is denied unless it is allowed.",
        judge: |case| checks::enforced(case, "what no rule allows is denied at its first packet."),
    },
    Item { number: "10.2.1", asks: "Audit logs are kept, and are active.", judge: audit },
    Item {
        number: "10.3.3",
        asks: "Logs are copied at once to a central server that is hard to change.",
        judge: copied,
    },
    Item {
        number: "10.3.4",
        asks: "Changes of existing log data are detected.",
        judge: |case| {
            let shown = [case.show(Exhibit::Records)];
            let Some(operation) = &case.estate.operation else {
                return checks::files("there is no audit log").shown(shown);
            };
            match operation.audit.broken_at {
                None => Answer::met(format!(
                    "Each of {} entries holds the hash of the one before; the chain was walked for this report and is whole. \
                     Its head stands in this report, so that a log that is cut off later is found out.",
                    operation.audit.entries
                ))
                .shown(shown),
                Some(at) => Answer::not_met(
                    "The chain of the audit log is broken.",
                    vec![Gap::new(format!("entry {at}, or one before it, was changed"), "compare the log with its copies")],
                )
                .shown(shown),
            }
        },
    },
    Item {
        number: "10.5.1",
        asks: "Logs are kept for a year, and three months of them are at hand.",
        judge: kept,
    },
    Item {
        number: "10.7.2",
        asks: "Failures of security controls are detected, told, and dealt with at once.",
        judge: failures,
    },
    Item {
        number: "11.4.5",
        asks: "At least once a year a penetration test shows that segmentation works and isolates the environment.",
        judge: |case| segmentation(case, "once a year"),
    },
    Item {
        number: "11.4.6",
        asks: "Service providers have segmentation tested at least every six months.",
        judge: |case| segmentation(case, "every six months"),
    },
    Item {
        number: "12.5.2",
        asks: "The scope is written down and confirmed at least once a year, with what is in it, connected to it, or \
               bears on its security.",
        judge: scope,
    },
];

fn ports_known(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Rules), case.show(Exhibit::Enforcement)];
    let rules = case.rules();
    let lax = case.border.isolation.not_enforcing.clone();
    let mut gaps = Vec::new();
    if !lax.is_empty() {
        gaps.push(Gap::new(
            format!(
                "everything is allowed for {} services that do not enforce: {}",
                lax.len(),
                checks::names(&lax)
            ),
            "promote them once they are known well enough: bulkhead promote NAME",
        ));
    }
    let wrong = |rule: &&RuleFacts| !rule.narrow || !rule.accounted;
    for rule in rules.iter().filter(wrong) {
        let (what, remedy) = match (rule.narrow, rule.learned) {
            (false, _) => ("names no ports and no applications", "name the ports that are needed"),
            (true, true) => {
                ("was learned, and nobody has approved it", "review it, and write it down with a reason")
            }
            (true, false) => ("says no need", "give it a name or a reason"),
        };
        gaps.push(Gap::new(format!("{} {what}", rule.place), remedy));
    }
    if !gaps.is_empty() {
        let count = rules.iter().filter(wrong).count();
        let reason = format!(
            "Rules that allow something: {}; too wide or without a need: {count}; services that allow everything: {}.",
            rules.len(),
            lax.len()
        );
        return Answer::not_met(reason, checks::few(gaps)).shown(shown);
    }
    Answer::met(format!(
        "Every rule that allows something ({} in all) names ports or applications, and why.",
        rules.len()
    ))
    .shown(shown)
}

fn insecure(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Insecure)];
    let insecure = case.insecure();
    if insecure.is_empty() {
        return Answer::met("No rule allows a protocol that is known to be insecure, and none was seen.")
            .shown(shown);
    }
    let gaps = insecure.iter().map(|found| {
        Gap::new(
            format!("{}: {}", found.what, found.place),
            "use a protocol that encrypts, or write down what makes it safe",
        )
    });
    let reason = format!(
        "Insecure protocols are allowed or in use in {} places; what makes them safe is not seen.",
        insecure.len()
    );
    Answer::not_met(reason, checks::few(gaps.collect())).shown(shown)
}

fn reviewed(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Documents)];
    let documents = case.documents();
    if documents.is_empty() {
        return Answer::not_met(
            "There is nothing to review.",
            vec![Gap::new(
                format!("no document targets {}", case.subject()),
                "write documents, or let Bulkhead learn them",
            )],
        )
        .shown(shown);
    }
    let now = case.estate.now;
    let fresh = |time: Option<bulkhead_model::Timestamp>| {
        time.is_some_and(|time| time <= now && now.since(time).as_millis() <= u128::from(HALF_YEAR * DAY))
    };
    let late: Vec<_> = documents.iter().filter(|document| !fresh(document.reviewed)).collect();
    if late.is_empty() {
        return Answer::met(format!(
            "Every document ({} in all) was written or reviewed by somebody in the last six months.",
            documents.len()
        ))
        .shown(shown);
    }
    let gaps = late.iter().map(|document| {
        let what = match document.reviewed {
            Some(time) => format!("{} was looked at last on {}", document.name, crate::render::time(time)),
            None => format!("{}: nobody is known to have looked at it", document.name),
        };
        Gap::new(what, "review it and write the date into its annotation bulkhead.dev/reviewed")
    });
    let reason =
        format!("{} of {} documents were not looked at in the last six months.", late.len(), documents.len());
    Answer::not_met(reason, checks::few(gaps.collect())).shown(shown)
}

fn consistent(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Sensors), case.show(Exhibit::Records)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("nothing is in force").shown(shown);
    };
    let mut gaps: Vec<Gap> = operation
        .doubts()
        .into_iter()
        .map(|doubt| Gap::new(doubt, "mend the node: bulkhead check"))
        .collect();
    if let Some(at) = operation.audit.broken_at {
        gaps.push(Gap::new(
            format!("the audit log is broken at entry {at}"),
            "compare the log with its copies",
        ));
    }
    if !gaps.is_empty() {
        return Answer::not_met(
            "What is in force may not be what the configuration says.",
            checks::few(gaps),
        )
        .shown(shown);
    }
    Answer::met(format!(
        "Revision {} is what the policy says and what every node enforces; changes need a role and are in an audit log \
         that is whole.",
        operation.enforced_revision
    ))
    .shown(shown)
}

fn least(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Rules), case.show(Exhibit::Learning)];
    let wide: Vec<Gap> = case
        .rules()
        .iter()
        .filter(|rule| rule.anybody || !rule.narrow)
        .map(|rule| {
            let what = if rule.anybody { "allows anybody" } else { "names no ports and no applications" };
            Gap::new(format!("{} {what}", rule.place), "name the peers and the ports that are needed")
        })
        .collect();
    if !wide.is_empty() {
        let reason = format!("Rules that allow more than anything needs: {}.", wide.len());
        return Answer::not_met(reason, checks::few(wide)).shown(shown);
    }
    Answer::open("On the network, every rule names its peers and its ports. Accounts and their permissions are not seen.")
        .shown(shown)
}

fn audit(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Records), case.show(Exhibit::Sensors)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("there is no audit log").shown(shown);
    };
    let mut gaps: Vec<Gap> = operation
        .nodes
        .iter()
        .filter(|node| node.silent)
        .map(|node| Gap::new(format!("node {} does not report", node.name), "start its agent: bulkhead up"))
        .collect();
    if operation.nodes.is_empty() {
        gaps.push(Gap::new("no node reports", "start an agent: bulkhead up"));
    }
    if operation.audit.entries == 0 {
        gaps.push(Gap::new("the audit log is empty", "look for what removed it: bulkhead audit verify"));
    }
    if !gaps.is_empty() {
        return Answer::not_met("Not everything is recorded.", gaps).shown(shown);
    }
    Answer::met(format!(
        "The audit log has {}, each with who, when, from where and what; denied \
         connections are events. This is Bulkhead's own record; those of the systems themselves are not seen.",
        operation.audit.entries
    ))
    .shown(shown)
}

fn copied(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Records)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("there are no logs").shown(shown);
    };
    let outputs = operation.outputs.iter().filter(|output| output.enabled).count();
    if outputs == 0 {
        return Answer::not_met(
            "Events stay on this host.",
            vec![Gap::new("no output is configured", "send events to your log server: bulkhead outputs")],
        )
        .shown(shown);
    }
    Answer::open(format!(
        "Events are sent to {outputs} systems as they happen. Whether one of these is your central log server, and who may \
         change it, is not seen."
    ))
    .shown(shown)
}

fn kept(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Records)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("there are no logs").shown(shown);
    };
    let days = operation.event_days;
    if days < 365 {
        return Answer::not_met(
            format!("Events are kept for {days} days; the audit log is never cut."),
            vec![Gap::new(
                format!("events are removed after {days} days"),
                "keep them for 365 days: bulkhead settings, retention.event_days",
            )],
        )
        .shown(shown);
    }
    Answer::met(format!("Events are kept for {days} days and are all at hand; the audit log is never cut."))
        .shown(shown)
}

fn failures(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Sensors), case.show(Exhibit::Records)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("nothing runs that could fail").shown(shown);
    };
    let mut gaps: Vec<Gap> = operation
        .degraded
        .iter()
        .map(|what| Gap::new(format!("now: {what}"), "mend it: bulkhead status"))
        .collect();
    gaps.extend(operation.nodes.iter().filter(|node| node.silent).map(|node| {
        Gap::new(format!("now: node {} does not report", node.name), "start its agent: bulkhead up")
    }));
    if operation.outputs.iter().all(|output| !output.enabled) {
        gaps.push(Gap::new(
            "failures are events, and no output tells anybody of them",
            "configure one: bulkhead outputs",
        ));
    }
    if !gaps.is_empty() {
        return Answer::not_met(
            "Failures are detected; not all of them are told or dealt with.",
            checks::few(gaps),
        )
        .shown(shown);
    }
    Answer::met("Failures of sensors, enforcement and storage are detected and sent on; none is open now.")
        .shown(shown)
}

fn segmentation(case: &mut Case<'_>, interval: &str) -> Answer {
    if case.zone.is_none() {
        return checks::no_zone();
    }
    let shown = [
        case.show(Exhibit::Members),
        case.show(Exhibit::Ways),
        case.show(Exhibit::Crossings),
        case.show(Exhibit::Detours),
        case.show(Exhibit::Observed),
        case.show(Exhibit::Denied),
        case.show(Exhibit::Enforcement),
    ];
    let isolation = &case.border.isolation;
    let sentence = isolation.sentence.clone();
    match isolation.status {
        IsolationStatus::Open | IsolationStatus::NotEnforced => {
            let gaps = checks::crossing(case, &[Direction::Ingress, Direction::Egress]).gaps;
            let gaps = match gaps.is_empty() {
                true => vec![Gap::new(sentence.clone(), "promote the services that do not enforce")],
                false => gaps,
            };
            Answer::not_met(format!("{sentence} A test would find this."), gaps).shown(shown)
        }
        IsolationStatus::Proved | IsolationStatus::Unproved | IsolationStatus::Empty => Answer::open(format!(
            "{sentence} A proof is no penetration test, which {interval} is a qualified tester's: give them this report."
        ))
        .shown(shown),
    }
}

fn scope(case: &mut Case<'_>) -> Answer {
    let Some(zone) = case.zone else { return checks::no_zone() };
    let shown = [case.show(Exhibit::Scope), case.show(Exhibit::Members), case.show(Exhibit::Ways)];
    let counts = crate::scope::ScopeCounts::of(&case.border.standings);
    let found = format!(
        "Services in scope: {}; connected to them: {}; bearing on their security: {}; out of scope: {}. The hosts they \
         run on and this controller bear on their security as well.",
        counts.in_scope, counts.connected_to, counts.security_impacting, counts.out_of_scope
    );
    if case.border.services().is_empty() {
        return Answer::open(case.border.isolation.sentence.clone()).shown(shown);
    }
    let confirmed = crate::case::reviewed(&zone.metadata);
    let Some(time) = confirmed else {
        return Answer::open(format!("{found} Whether this was confirmed is not written down."))
            .gaps(vec![Gap::new(
                "the zone does not say when its scope was confirmed",
                "confirm it and write the date into the zone's annotation bulkhead.dev/reviewed",
            )])
            .shown(shown);
    };
    let age = case.estate.now.since(time).as_millis();
    if age > u128::from(YEAR * DAY) || time > case.estate.now {
        return Answer::not_met(
            format!("{found} It was confirmed last on {}.", crate::render::time(time)),
            vec![Gap::new(
                "the scope was not confirmed in the last twelve months",
                "confirm it and write the date down",
            )],
        )
        .shown(shown);
    }
    Answer::met(format!("{found} It was confirmed on {}.", crate::render::time(time))).shown(shown)
}

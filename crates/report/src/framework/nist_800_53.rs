//! NIST SP 800-53 Rev. 5: SC-7, boundary protection, and AC-4, information flow enforcement.

use super::{Answer, Item, checks};
use crate::{
    case::{Case, Exhibit},
    model::Gap,
    zone::IsolationStatus,
};
use bulkhead_model::Direction;

const BOTH: &[Direction] = &[Direction::Ingress, Direction::Egress];

pub(super) const ITEMS: &[Item] = &[
    Item {
        number: "AC-4",
        asks: "What may flow between systems is decided by an approved policy, and that policy is enforced.",
        judge: |case| checks::crossing(case, BOTH),
    },
    Item {
        number: "AC-4(21)",
        asks: "Flows of different kinds are kept apart, logically or physically.",
        judge: isolated,
    },
    Item {
        number: "SC-7 a",
        asks: "Communication is watched and controlled at external borders and at important internal ones.",
        judge: |case| {
            let seen = checks::observed(case);
            if seen.status != crate::model::RequirementStatus::Met {
                return seen;
            }
            let enforced =
                checks::enforced(case, "every connection is decided and counted at both of its ends.");
            merge(enforced, seen.evidence)
        },
    },
    Item {
        number: "SC-7 b",
        asks: "What the public can reach is kept apart from the internal networks.",
        judge: |case| if case.zone.is_none() { checks::no_zone() } else { checks::apart_from_world(case) },
    },
    Item {
        number: "SC-7 c",
        asks: "External networks are reached only over interfaces that are managed.",
        judge: |case| checks::crossing(case, &[Direction::Egress]),
    },
    Item {
        number: "SC-7(3)",
        asks: "There are few connections to the outside.",
        judge: |case| {
            let shown = [case.show(Exhibit::World)];
            let (reached, checked) = case.reached_by_world();
            let outside = case.reaching_world();
            Answer::open(format!(
                "The world reaches {} of {checked} services, and {outside} of them reach the world; how many are few \
                 enough is yours to say.",
                reached.len()
            ))
            .shown(shown)
        },
    },
    Item {
        number: "SC-7(4)",
        asks: "Exceptions from the traffic policy are written down with a need and a time, and removed when it ends.",
        judge: checks::exceptions,
    },
    Item {
        number: "SC-7(5)",
        asks: "Traffic is denied unless it is allowed by exception.",
        judge: |case| checks::enforced(case, "what no rule allows is denied at its first packet."),
    },
    Item {
        number: "SC-7(9)",
        asks: "Outgoing traffic that threatens others is restricted and recorded.",
        judge: |case| {
            let denied = case.show(Exhibit::Denied);
            checks::crossing(case, &[Direction::Egress]).shown([denied])
        },
    },
    Item { number: "SC-7(10)", asks: "Data is kept from leaving.", judge: exfiltration },
    Item {
        number: "SC-7(11)",
        asks: "Incoming traffic comes from authorised sources and goes to authorised destinations.",
        judge: |case| checks::crossing(case, &[Direction::Ingress]),
    },
    Item {
        number: "SC-7(12)",
        asks: "Hosts protect themselves.",
        judge: |case| {
            let enforced = checks::enforced(case, "each workload's own interface is guarded.");
            let mut answer = Answer::open(format!(
                "{} Processes of the hosts themselves are not guarded by this tool.",
                enforced.reason
            ));
            answer.gaps = enforced.gaps;
            answer.evidence = enforced.evidence;
            answer
        },
    },
    Item {
        number: "SC-7(18)",
        asks: "When the device that guards a border fails, the border stays closed.",
        judge: fails_closed,
    },
    Item {
        number: "SC-7(20)",
        asks: "A component can be cut off at any time.",
        judge: |case| {
            let shown = [case.show(Exhibit::Sensors)];
            match &case.estate.operation {
                None => checks::files("nothing runs that could be cut off").shown(shown),
                Some(operation) if operation.nodes.iter().any(|node| !node.silent) => Answer::met(
                    "Any service can be quarantined by hand or over the interface; its open connections end with it.",
                )
                .shown(shown),
                Some(_) => Answer::not_met(
                    "No node reports, so that nothing could be cut off.",
                    vec![Gap::new("no node reports", "start the agent: bulkhead up")],
                )
                .shown(shown),
            }
        },
    },
    Item {
        number: "SC-7(21)",
        asks: "Components that do different things are isolated from each other by borders.",
        judge: isolated,
    },
];

fn merge(mut answer: Answer, evidence: Vec<String>) -> Answer {
    for id in evidence {
        answer = answer.shown([id]);
    }
    answer
}

fn isolated(case: &mut Case<'_>) -> Answer {
    if case.zone.is_none() {
        return checks::no_zone();
    }
    let shown = [case.show(Exhibit::Members), case.show(Exhibit::Ways)];
    let status = case.border.isolation.status;
    let sentence = case.border.isolation.sentence.clone();
    match status {
        IsolationStatus::Proved => Answer::met(sentence).shown(shown),
        IsolationStatus::Unproved | IsolationStatus::Empty => Answer::open(sentence).shown(shown),
        IsolationStatus::Open | IsolationStatus::NotEnforced => {
            let crossing = checks::crossing(case, BOTH);
            let gaps = match crossing.gaps.is_empty() {
                true => vec![Gap::new(sentence.clone(), "promote the services that do not enforce")],
                false => crossing.gaps,
            };
            merge(Answer::not_met(sentence, gaps).shown(shown), crossing.evidence)
        }
    }
}

fn exfiltration(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::World)];
    let free = case.free_to_world();
    if !free.is_empty() {
        let gaps = free.iter().map(|(service, why)| {
            Gap::new(
                format!("{service} may send anything to the world: {why}"),
                "name the destinations that are needed",
            )
        });
        let reason = format!(
            "Services of {1} that may send anything to anywhere outside: {0}.",
            free.len(),
            case.subject()
        );
        return Answer::not_met(reason, checks::few(gaps.collect())).shown(shown);
    }
    Answer::open(
        "No service may send anything to anywhere; what leaves over what is allowed is not inspected.",
    )
    .shown(shown)
}

fn fails_closed(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Sensors)];
    let Some(operation) = &case.estate.operation else {
        return checks::files("nothing runs").shown(shown);
    };
    let open: Vec<Gap> = operation
        .nodes
        .iter()
        .filter(|node| node.silent || !node.gate)
        .map(|node| {
            Gap::new(
                format!(
                    "node {} has no gate: an interface that is new there is open until it is known",
                    node.name
                ),
                "enforce a service there, which installs the gate, and see `bulkhead check`",
            )
        })
        .collect();
    if operation.nodes.is_empty() || !open.is_empty() {
        return Answer::not_met("Not every node is closed where nothing is known.", open).shown(shown);
    }
    Answer::met(
        "The kernel goes on enforcing the last policy when the agent ends, and the gate of every node closes interfaces \
         that nobody knows.",
    )
    .shown(shown)
}

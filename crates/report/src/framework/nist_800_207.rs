//! NIST SP 800-207, section 2.1: the tenets of zero trust.

use super::{Answer, Item, checks};
use crate::{
    case::{Case, Exhibit},
    model::Gap,
};
use bulkhead_model::Direction;

pub(super) const ITEMS: &[Item] = &[
    Item {
        number: "Tenet 1",
        asks: "Everything that holds data or computes counts as a resource to be protected.",
        judge: resources,
    },
    Item {
        number: "Tenet 2",
        asks: "Communication is protected wherever it takes place; being inside the network earns no trust.",
        judge: |case| {
            let trust = checks::enforced(case, "being inside the network earns nothing.");
            let mut answer = Answer::open(format!(
                "{} Whether what passes is encrypted and authenticated is not seen.",
                trust.reason
            ));
            answer.gaps = trust.gaps;
            answer.evidence = trust.evidence;
            answer
        },
    },
    Item {
        number: "Tenet 3",
        asks: "Access to one resource is granted for one session, and gives no access to another.",
        judge: |case| {
            checks::enforced(
                case,
                "every connection is decided at its first packet, by both ends, and again when the policy changes.",
            )
        },
    },
    Item {
        number: "Tenet 4",
        asks: "Access is decided by a policy that knows who asks, of whom, and what was observed.",
        judge: by_identity,
    },
    Item {
        number: "Tenet 5",
        asks: "The state and the security of all assets are watched and measured.",
        judge: |case| {
            let seen = checks::observed(case);
            let reason = format!("{} The patches and weaknesses of workloads are not seen.", seen.reason);
            let mut answer = Answer::open(reason);
            answer.gaps = seen.gaps;
            answer.evidence = seen.evidence;
            answer
        },
    },
    Item {
        number: "Tenet 6",
        asks: "Who asks is authenticated and authorised before access is granted, again and again.",
        judge: |case| {
            let answer = checks::crossing(case, &[Direction::Ingress, Direction::Egress]);
            let mut open = Answer::open(format!(
                "Authorisation: {} Authentication: a workload is known by its interface and address, which it cannot \
                 leave; keys and passwords are not seen.",
                answer.reason
            ));
            open.gaps = answer.gaps;
            open.evidence = answer.evidence;
            open
        },
    },
    Item {
        number: "Tenet 7",
        asks: "As much as possible is recorded about assets, network and communication, and used to improve.",
        judge: |case| {
            let learning = case.show(Exhibit::Learning);
            checks::observed(case).shown([learning])
        },
    },
];

fn resources(case: &mut Case<'_>) -> Answer {
    let shown = [case.show(Exhibit::Enforcement), case.show(Exhibit::Sensors)];
    let services = case.estate.inventory.services().len();
    match &case.estate.operation {
        None => checks::files("the services are those that documents name, not those that there are").shown(shown),
        Some(operation) if operation.doubts().is_empty() => Answer::met(format!(
            "Every workload that a runtime starts is found and belongs to one of {services} services; nodes report no \
             workload that they do not cover."
        ))
        .shown(shown),
        Some(operation) => {
            let gaps = operation.doubts().into_iter().map(|doubt| Gap::new(doubt, "mend the node: bulkhead check"));
            Answer::not_met("Not every workload is covered.", checks::few(gaps.collect())).shown(shown)
        }
    }
}

fn by_identity(case: &mut Case<'_>) -> Answer {
    let rules = case.rules();
    let shown = [case.show(Exhibit::Rules)];
    let anybody: Vec<Gap> = rules
        .iter()
        .filter(|rule| rule.anybody)
        .map(|rule| Gap::new(format!("{} allows anybody", rule.place), "name the services that are meant"))
        .collect();
    if rules.is_empty() {
        return Answer::not_met(
            "There is no rule that allows anything by identity.",
            vec![Gap::new("no document has a rule", "let Bulkhead learn, and promote what it has learned")],
        )
        .shown(shown);
    }
    if !anybody.is_empty() {
        let reason = format!("{} of {} rules do not ask who it is.", anybody.len(), rules.len());
        return Answer::not_met(reason, checks::few(anybody)).shown(shown);
    }
    Answer::met(format!(
        "Rules that allow something ({}) name services, zones or declared addresses; services are known by their \
         owner and labels, not by addresses.",
        rules.len()
    ))
    .shown(shown)
}

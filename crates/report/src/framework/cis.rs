//! CIS Kubernetes Benchmark, section 5.3.

use super::{Answer, Item, checks::files};
use crate::{
    case::{Case, Exhibit},
    model::Gap,
};
use bulkhead_model::Mode;

pub(super) const ITEMS: &[Item] = &[
    Item {
        number: "5.3.1",
        asks: "The network of the cluster can enforce network policies.",
        judge: capable,
    },
    Item { number: "5.3.2", asks: "Every namespace has network policies.", judge: every_namespace },
];

fn capable(case: &mut Case<'_>) -> Answer {
    let Some(operation) = &case.estate.operation else {
        return files("whether anything enforces these documents is not known");
    };
    let doubts = operation.doubts();
    let answer = if doubts.is_empty() {
        Answer::met(format!(
            "Bulkhead is attached to {} endpoints on {} nodes and enforces policies itself, whichever network plugin \
             is there.",
            operation.nodes.iter().map(|node| u64::from(node.endpoints)).sum::<u64>(),
            operation.nodes.len()
        ))
    } else {
        let gaps = doubts
            .into_iter()
            .map(|doubt| Gap::new(doubt, "run `bulkhead check` on the node and mend what it says"));
        Answer::not_met("Not everything is enforced that the policy says.", gaps.collect())
    };
    answer.shown([case.show(Exhibit::Sensors)])
}

fn every_namespace(case: &mut Case<'_>) -> Answer {
    let namespaces = case.namespaces();
    let shown = [case.show(Exhibit::Namespaces)];
    if namespaces.is_empty() {
        return Answer::open("No service is known, so there is no namespace to look at.").shown(shown);
    }
    let mut gaps = Vec::new();
    for (name, namespace) in &namespaces {
        if namespace.targeted < namespace.services {
            gaps.push(Gap::new(
                format!(
                    "namespace {name}: no document targets {} of {} services",
                    namespace.services - namespace.targeted,
                    namespace.services
                ),
                "let Bulkhead learn them and promote them, or write documents that target them",
            ));
        }
    }
    if !gaps.is_empty() {
        let reason =
            format!("{} of {} namespaces have services without a policy.", gaps.len(), namespaces.len());
        return Answer::not_met(reason, gaps).shown(shown);
    }
    let lax: u64 = namespaces.values().map(|n| n.services - n.enforcing).sum();
    let note = match (lax, case.estate.operation.is_some()) {
        (_, false) => " Whether they are enforced is not known.".to_owned(),
        (0, true) => " All of them enforce it.".to_owned(),
        (lax, true) => format!(
            " {lax} services are in {} or {}: on these, a policy is defined and proves nothing about traffic.",
            Mode::Learn,
            Mode::Monitor
        ),
    };
    let reason =
        format!("In every namespace ({} in all), documents target every service.{note}", namespaces.len());
    Answer::met(reason).shown(shown)
}

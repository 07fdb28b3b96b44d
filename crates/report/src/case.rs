//! What a report is being made of: the estate, the border that it is about, and the evidence that was shown so far.

mod exhibits;
mod facts;

pub(crate) use exhibits::Exhibit;
pub(crate) use facts::{RuleFacts, reviewed};

use crate::{
    crossing::Tables,
    estate::Estate,
    model::Evidence,
    zone::{Border, subject},
};
use bulkhead_policy::document::Zone;

#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) estate: &'a Estate<'a>,
    pub(crate) tables: &'a Tables<'a>,
    pub(crate) zone: Option<&'a Zone>,
    pub(crate) border: Border<'a>,
    shown: Vec<(Exhibit, Evidence)>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(estate: &'a Estate<'a>, tables: &'a Tables<'a>, zone: Option<&'a Zone>) -> Self {
        Self { estate, tables, zone, border: Border::new(estate, tables, zone), shown: Vec::new() }
    }

    /// `zone cardholder-data`, or `the estate`.
    pub(crate) fn subject(&self) -> String {
        subject(self.zone)
    }

    /// Puts a table among the evidence, unless it is there, and says its identifier.
    pub(crate) fn show(&mut self, exhibit: Exhibit) -> String {
        if let Some((_, evidence)) = self.shown.iter().find(|(known, _)| *known == exhibit) {
            return evidence.id.clone();
        }
        let id = format!("E{}", self.shown.len() + 1);
        let evidence = self.exhibit(exhibit, id.clone());
        self.shown.push((exhibit, evidence));
        id
    }

    pub(crate) fn into_evidence(self) -> Vec<Evidence> {
        self.shown.into_iter().map(|(_, evidence)| evidence).collect()
    }

    /// What the report cannot say, whatever its requirements say.
    pub(crate) fn limits(&self) -> Vec<String> {
        let mut limits = vec![
            "Only traffic of workloads that Bulkhead guards is seen and held back: processes of the hosts themselves, and \
             networks without Bulkhead, are not."
                .to_owned(),
            "Rules that name both ports and applications let connections on these ports pass until it is known what they \
             speak."
                .to_owned(),
            "A domain name in a rule means the addresses that it resolves to at the moment.".to_owned(),
        ];
        match &self.estate.operation {
            None => limits.insert(
                0,
                "It was made from files: services are those that documents name, each as if it enforced what targets it; \
                 nothing is known of what runs."
                    .to_owned(),
            ),
            Some(operation) => {
                if (operation.learn_scale - 1.0).abs() > f64::EPSILON {
                    limits.insert(0, "Learning runs on a scaled clock, as in a demonstration: its figures do not hold.".to_owned());
                }
                if operation.lost_events > 0 {
                    let lost = operation.lost_events;
                    limits.insert(0, format!("{lost} events were lost since the controller was started: what they told is not in here."));
                }
            }
        }
        limits
    }
}

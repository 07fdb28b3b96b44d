//! How well sensor and enforcement are, and what is not covered, said aloud.

use super::Node;
use crate::resolver;
use bulkhead_abi::Stat;
use bulkhead_model::{
    Attachment, Identity, Timestamp,
    node::{NodeHealth, NodeReport},
};
use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering},
    time::SystemTime,
};

impl Node {
    pub(super) async fn report_health(&mut self) {
        let lost = self.datapath.stat(Stat::LostEvents).unwrap_or(0);
        let health = NodeHealth {
            time: Timestamp::from(SystemTime::now()),
            lost_events: lost + self.lost_flows.load(Ordering::Relaxed),
            endpoints: u32::try_from(self.attached.len() + self.groups.len()).unwrap_or(u32::MAX),
            tables: self.datapath.fill(),
            packets: self.packets(),
            not_covered: self.not_covered(),
            kernel: bulkhead_datapath::kernel_release(),
            attach_kind: self.datapath.attach_kind().to_string(),
            gate: self.gate_installed,
            revision: self.applied_revision,
        };
        self.send(NodeReport::Health(health)).await;
    }

    /// What the kernel counted; what cannot be read is left out.
    fn packets(&self) -> BTreeMap<String, u64> {
        let read = |(stat, name): (Stat, &str)| Some((name.to_owned(), self.datapath.stat(stat).ok()?));
        Stat::PACKETS.into_iter().filter_map(read).collect()
    }

    /// Each a sentence with what to do.
    fn not_covered(&self) -> Vec<String> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let mut sentences: Vec<String> = Vec::new();
        if self.keeps_earlier {
            sentences.push(
                "the controller has no policy: the kernel goes on with the one that an earlier agent enforced, and \
                 what has started since stays closed"
                    .to_owned(),
            );
        }
        let mut hidden_names: Vec<String> = Vec::new();
        for workload in self.workloads.values() {
            if let Some(why) = &workload.unconfined {
                let how = match workload.attachment {
                    Attachment::Own => "is not confined:",
                    _ => {
                        "uses the host's network: its connections are seen as the host's and are not confined, \
                         because"
                    }
                };
                sentences.push(format!("{} ({}) {how} {why}", workload.name, workload.service));
            }
            match &workload.attachment {
                Attachment::Own if workload.pid != 0 => {
                    if resolver::is_hidden(workload) {
                        hidden_names.push(workload.service.to_string());
                    }
                    let placed = view.endpoints.values().filter(|e| e.workload == workload.id).count();
                    if placed < workload.interfaces.len() && workload.unconfined.is_none() {
                        sentences.push(format!(
                            "{} ({}) has a network interface that is not up yet, or that Bulkhead does not attach to: \
                             what passes there is neither seen nor confined",
                            workload.name, workload.service
                        ));
                    }
                }
                _ => {}
            }
        }
        hidden_names.sort_unstable();
        hidden_names.dedup();
        if !hidden_names.is_empty() {
            sentences.push(format!(
                "names that {} resolve are not seen: Docker's resolver asks a server on the host's loopback for them, and \
                 no answer passes an interface of theirs; give Docker a server that containers can reach (`dns` in \
                 daemon.json)",
                hidden_names.join(", ")
            ));
        }
        let dropped = match self.datapath.stat(Stat::Unidentified).unwrap_or(0) {
            0 => String::new(),
            dropped => format!(" ({dropped} packets of interfaces without a name have been dropped so far)"),
        };
        let unknown = view.endpoints.values().filter(|e| e.identity == Identity::UNKNOWN).count();
        if unknown > 0 {
            sentences.push(format!(
                "{unknown} endpoints wait for the policy of their service and are closed{dropped}"
            ));
        }
        let unclaimed: Vec<&str> = self
            .attached
            .iter()
            .filter(|(i, _)| !view.endpoints.contains_key(i) && !self.exempt.contains(i))
            .map(|(_, link)| link.name.as_str())
            .collect();
        if self.discovered && !unclaimed.is_empty() {
            sentences.push(format!(
                "no runtime knows the workload behind {}: closed while anything is enforced on this host{dropped}",
                unclaimed.join(", ")
            ));
        }
        if !self.exempt.is_empty() {
            sentences.push(format!(
                "{} interfaces were here before Bulkhead and belong to no container that a runtime knows: they pass \
                 unseen",
                self.exempt.len()
            ));
        }
        sentences.extend(self.datapath.kept_sizes().iter().map(|kept| {
            format!(
                "kernel table {} has room for {} as before: the new size, {}, takes effect after `bulkhead down \
                 --remove`, which ends enforcement until the next start",
                kept.table, kept.entries, kept.wanted
            )
        }));
        sentences.extend(self.troubles.iter().map(|(about, message)| format!("{about}: {message}")));
        sentences
    }
}

//! What the controller wants, made true in the kernel.

use super::Node;
use bulkhead_abi::{CONTROL_CLOSED, CONTROL_MARK, CONTROL_SILENT};
use bulkhead_model::{
    Identity,
    node::{NodeReport, Prefix},
};
use bulkhead_policy::compiled::{CompiledPolicy, NodePolicy};
use ipnet::IpNet;
use std::{collections::BTreeSet, sync::PoisonError};

impl Node {
    pub(super) async fn apply(&mut self, wanted: NodePolicy) {
        // The controller knows none: what an earlier agent enforced holds until it does.
        if self.keeps_earlier && wanted.revision == 0 {
            return;
        }
        let news = wanted.revision != self.applied_revision
            || !std::sync::Arc::ptr_eq(&wanted.compiled, &self.wanted.compiled);
        self.stream_flows(wanted.stream_flows);
        self.wanted = wanted;
        let kept = self.keeps_earlier;
        if news {
            // Interfaces are closed before anything is enforced, and opened after nothing is any more.
            let closes = self.wanted.compiled.services.iter().any(|s| s.mode.drops());
            if closes {
                self.set_control(CONTROL_CLOSED, true);
                self.install_gate();
            }
            self.has_policy = true;
            if !self.write_policy() {
                return;
            }
            self.applied_revision = self.wanted.revision;
            self.keeps_earlier = false;
            self.end_upgrade();
            if !closes {
                self.set_control(CONTROL_CLOSED, false);
                self.remove_gate();
            }
            self.set_control(CONTROL_SILENT, self.config.silent);
            self.send(NodeReport::Applied { revision: self.applied_revision }).await;
        }
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            view.services = self.wanted.identities.iter().map(|(name, id)| (*id, name.clone())).collect();
        }
        self.renew_identities();
        self.identify_endpoints(false);
        if kept {
            // Before anybody asks which groups are nobody's.
            self.confine_and_tell().await;
        }
        if news {
            self.report_health().await;
        }
    }

    /// Writes the wanted policy into the kernel. Returns whether it holds.
    ///
    /// An address of a container network that belongs to no known workload is nobody's, and never the world's: a
    /// container that speaks before discovery has told of it must not be learned, or let in, as the Internet.
    pub(super) fn write_policy(&mut self) -> bool {
        let mut policy = CompiledPolicy::clone(&self.wanted.compiled);
        let declared: BTreeSet<IpNet> = policy.prefixes.iter().map(|p| p.net).collect();
        let nobodys = self.container_networks.difference(&declared);
        policy.prefixes.extend(nobodys.map(|net| Prefix { net: *net, identity: Identity::UNKNOWN }));
        match self.tables.apply(&self.datapath, &policy) {
            Ok(applied) => {
                tracing::debug!(
                    revision = self.wanted.revision,
                    services = applied.services,
                    written = applied.written,
                    removed = applied.removed,
                    "policy applied"
                );
                self.clear_trouble("policy");
                true
            }
            Err(error) => {
                self.trouble("policy", error.to_string());
                false
            }
        }
    }

    fn install_gate(&mut self) {
        if !self.config.gate || self.gate_installed {
            return;
        }
        self.write_gate();
    }

    /// A gate that an earlier agent left gets the interfaces of now.
    pub(super) fn refresh_gate(&mut self) {
        if self.gate_installed {
            self.write_gate();
        }
    }

    /// Whoever writes the host's rules anew (`nft flush ruleset`) throws the gate away with them: it is written again,
    /// and the controller is told that it was open. So is one that could not be written before.
    pub(super) async fn watch_gate(&mut self) {
        let wanted = self.config.gate && self.datapath.flags().is_ok_and(|flags| flags & CONTROL_CLOSED != 0);
        if !wanted || self.gate_installed && self.gate.holds(&self.names_of_attached()) {
            return;
        }
        if self.gate_installed {
            self.gate_installed = false;
            let what =
                "somebody has removed it (nft flush ruleset?): first packets of new containers were not held";
            self.trouble("gate", what.to_owned());
            self.report_health().await;
        }
        self.write_gate();
    }

    fn names_of_attached(&self) -> BTreeSet<String> {
        self.attached.values().map(|link| link.name.clone()).collect()
    }

    pub(super) fn write_gate(&mut self) {
        // Packets are marked before anybody asks for the mark.
        self.set_control(CONTROL_MARK, true);
        let names = self.names_of_attached();
        match self.gate.install(&names) {
            Ok(()) => {
                self.gate_installed = true;
                self.clear_trouble("gate");
            }
            Err(error) => {
                self.trouble("gate", format!("the first packet of a new container is not held: {error}"));
            }
        }
    }

    fn remove_gate(&mut self) {
        if !self.gate_installed {
            return;
        }
        match self.gate.remove() {
            Ok(()) => {
                self.gate_installed = false;
                self.set_control(CONTROL_MARK, false);
            }
            Err(error) => self.trouble("gate", error.to_string()),
        }
    }
}

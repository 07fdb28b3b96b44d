//! What the controller wants, made true in the kernel.

use super::Node;
use bulkhead_abi::{CONTROL_CLOSED, CONTROL_MARK, CONTROL_SILENT};
use bulkhead_model::node::NodeReport;
use bulkhead_policy::compiled::NodePolicy;
use std::{collections::BTreeSet, sync::PoisonError};

impl Node {
    pub(super) async fn apply(&mut self, wanted: NodePolicy) {
        let news = wanted.revision != self.applied_revision
            || !std::sync::Arc::ptr_eq(&wanted.compiled, &self.wanted.compiled);
        self.stream_flows(wanted.stream_flows);
        self.wanted = wanted;
        if news {
            // Interfaces are closed before anything is enforced, and opened after nothing is any more.
            let closes = self.wanted.compiled.services.iter().any(|s| s.mode.drops());
            if closes {
                self.set_control(CONTROL_CLOSED, true);
                self.install_gate();
            }
            let compiled = self.wanted.compiled.clone();
            match self.tables.apply(&self.datapath, &compiled) {
                Ok(applied) => {
                    tracing::debug!(
                        revision = self.wanted.revision,
                        services = applied.services,
                        written = applied.written,
                        removed = applied.removed,
                        "policy applied"
                    );
                    self.clear_trouble("policy");
                    self.applied_revision = self.wanted.revision;
                }
                Err(error) => return self.trouble("policy", error.to_string()),
            }
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

    fn write_gate(&mut self) {
        // Packets are marked before anybody asks for the mark.
        self.set_control(CONTROL_MARK, true);
        let names: BTreeSet<String> = self.attached.values().map(|link| link.name.clone()).collect();
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

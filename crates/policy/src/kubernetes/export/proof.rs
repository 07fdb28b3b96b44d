//! Whether what was exported, read again, means the same.

use super::{Dialect, Export, export, map, segments};
use crate::{
    Compiler, FlowChange, Inventory, PolicySet, flow_diff,
    flowset::{AddressSet, ProtocolSet, TrafficSet},
    kubernetes::{Diagnostic, PROTOCOLS, import, read, syntax},
    yaml::Tree,
};
use bulkhead_model::{Identity, Peer, ServiceName, Timestamp};

/// What came of writing documents in another language and reading them again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    pub export: Export,
    /// What is wrong with what was written, or cannot be understood of it.
    pub diagnostics: Vec<Diagnostic>,
    /// Flows between any two peers that what was written allows and the documents do not (gained), and the other way round.
    pub differences: Vec<FlowChange>,
}

impl Proof {
    /// Differences of which the export, or what was said when it was read again, does not tell.
    pub fn untold(&self) -> impl Iterator<Item = &FlowChange> {
        self.differences.iter().filter(|change| !self.is_told(change))
    }

    fn is_told(&self, change: &FlowChange) -> bool {
        let ends = [change.client.service(), change.server.service()];
        let mut named = ends.into_iter().flatten().map(ServiceName::to_string);
        named.any(|name| self.export.remarks.iter().any(|remark| speaks_of(remark, &name)))
    }
}

/// Whether a remark names a service, and not merely one whose name begins alike.
fn speaks_of(remark: &str, name: &str) -> bool {
    remark.match_indices(name).any(|(at, _)| {
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let before = remark[..at].chars().next_back();
        let after = remark[at + name.len()..].chars().next();
        !before.is_some_and(of_a_name) && !after.is_some_and(|c| of_a_name(c) && c != '.')
    })
}

/// Writes the documents in another language, reads that again, and compares what both mean over all flows between the
/// services of the inventory and everything else. Only for languages that are read ([`Dialect::is_read`]).
pub fn prove(set: &PolicySet, inventory: &Inventory, now: Timestamp, dialect: Dialect) -> Proof {
    let export = export(set, inventory, now, dialect);
    let labelled = labelled(inventory);
    let pods = pods(&labelled);
    let mut files = vec![("pods", pods.as_str())];
    files.push(("exported", export.text.as_str()));
    let reading = read(files);
    let imported: PolicySet = import(&reading.resources).documents.into_iter().collect();
    // Labels that only the export gives mean nothing to other documents.
    let imported = imported.by_name(&labelled);
    // Nothing is exported for what no document targets, and what has no policy is open everywhere.
    let before = set.with_bystanders(inventory);
    let mut differences = flow_diff(&before, &imported, inventory, now);
    // Nothing is served on port 0, and no language tells all ports from all others.
    let zero: TrafficSet = PROTOCOLS
        .map(|(protocol, _)| ProtocolSet::port(protocol, 0))
        .into_iter()
        .collect::<ProtocolSet>()
        .into();
    // Where ranges and names are all that there is outside, nothing is left for "the world" to be.
    let compiled = Compiler::default().compile_beside(&before, &[&imported], inventory, now);
    let named = compiled.prefixes.iter().filter(|prefix| prefix.identity != Identity::WORLD);
    if named.map(|prefix| prefix.net).collect::<AddressSet>().is_all() {
        differences.retain(|change| ![&change.client, &change.server].contains(&&Peer::World));
    }
    for change in &mut differences {
        change.gained = change.gained.difference(&zero);
        change.lost = change.lost.difference(&zero);
    }
    differences.retain(|change| !change.gained.is_empty() || !change.lost.is_empty());
    Proof { export, diagnostics: reading.diagnostics, differences }
}

/// The services with the labels that the export gives to those that have none.
fn labelled(inventory: &Inventory) -> Inventory {
    let mut labelled = inventory.clone();
    let names: Vec<ServiceName> = inventory.services().map(|service| service.name.clone()).collect();
    for name in names {
        if let Some(service) = labelled.service_mut(&name)
            && segments::lasting_labels(service).next().is_none()
        {
            let (key, value) = segments::invented_label(&name);
            service.labels.insert(key, value);
        }
    }
    labelled
}

/// One pod for each service, as manifests.
fn pods(inventory: &Inventory) -> String {
    let pod = |service: &crate::Service| {
        // Labels that only containers can have are selected by nothing that is exported.
        let labels = service.labels.iter().filter(|(key, value)| syntax::is_label(key, value));
        let labels = labels.map(|(key, value)| (key.clone(), Tree::text(value))).collect();
        let named = service
            .named_ports
            .iter()
            .filter(|(name, _)| syntax::is_port_name(name))
            .flat_map(|(name, ports)| ports.iter().map(move |port| (name, port)));
        let ports = named.map(|(name, (protocol, number))| {
            map([
                ("name", Tree::text(name)),
                ("protocol", Tree::text(protocol.to_string().to_ascii_uppercase())),
                ("containerPort", Tree::Number((*number).into())),
            ])
        });
        let container = map([("name", Tree::text("c")), ("ports", Tree::List(ports.collect()))]);
        map([
            ("apiVersion", Tree::text("v1")),
            ("kind", Tree::text("Pod")),
            (
                "metadata",
                map([
                    ("name", Tree::text(service.name.name())),
                    ("namespace", Tree::text(service.name.namespace())),
                    ("labels", Tree::Map(labels)),
                ]),
            ),
            ("spec", map([("containers", Tree::List(vec![container]))])),
        ])
        .to_yaml()
    };
    inventory.services().map(pod).collect::<Vec<_>>().join("---\n")
}

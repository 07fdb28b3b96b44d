//! A shop: web → api → ledger and vault, which are the cardholder zone, and an acquirer outside.

use bulkhead_model::{
    Application, Edge, EdgeCounters, EdgeKey, ExternalName, IpProtocol, Mode, Peer, ServiceName, Timestamp,
};
use bulkhead_policy::{Inventory, PolicySet, ReadOptions, document::DocumentKey};
use bulkhead_report::{
    Estate, Framework, Report, ReportSource, Requirement, RequirementStatus, SigningKey, SourceKind,
    estate::{AuditFacts, DocumentFacts, NodeFacts, Operation, OutputFacts, RevisionFacts, ServiceFacts},
};
use std::collections::BTreeMap;

pub(crate) const DAY: u64 = 86_400_000;
/// 2026-11-20T12:00:00Z
pub(crate) const NOW: Timestamp = Timestamp(1_795_176_000_000);

/// Everything about it is as it should be.
pub(crate) const GOOD: &str = r#"
apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata:
  name: cardholder-data
  annotations: {bulkhead.dev/reviewed: "2026-10-01"}
spec:
  services: [pay/ledger, pay/vault]
  cidrs: [198.51.100.0/24]
  owner: payments team
  reason: holds account data
  conduits:
    - {name: checkout pays, from: [{service: shop/api}], ports: [tcp/8443], owner: payments team, reason: to take orders}
  exceptions:
    - {name: migration, from: [{service: shop/batch}], to: [{service: pay/ledger}], ports: [tcp/5432], owner: data team, reason: moves the old orders, expires: 2027-01-31}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: ledger, namespace: pay}
spec:
  target: {service: ledger}
  ingress:
    - {name: checkout, from: [{service: shop/api}], ports: [tcp/8443], owner: payments team, reason: to take orders}
    - {name: migration, from: [{service: shop/batch}], ports: [tcp/5432], owner: data team, reason: old orders, expires: 2027-01-31}
  egress:
    - {name: secrets, to: [{service: vault}], ports: [tcp/8200], reason: keys}
    - {name: acquirer, to: [{cidr: 198.51.100.0/24}], ports: [tcp/443], reason: to be paid}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: vault, namespace: pay}
spec:
  target: {service: vault}
  ingress:
    - {name: secrets, from: [{service: ledger}], ports: [tcp/8200], reason: keys}
  egress: []
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: shop, namespace: shop}
spec:
  target: {namespace: shop}
  ingress:
    - {name: customers, from: [world], ports: [tcp/443], reason: it is a shop}
    - {name: inside, from: [{namespace: shop}], ports: [tcp/9000], reason: the API}
  egress:
    - {name: inside, to: [{namespace: shop}], ports: [tcp/9000], reason: the API}
    - {name: pay, to: [{service: pay/ledger}], ports: [tcp/8443, tcp/5432], reason: orders}
"#;

/// An estate that owns what reports borrow.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) set: PolicySet,
    pub(crate) inventory: Inventory,
    pub(crate) edges: Vec<Edge>,
    pub(crate) operation: Option<Operation>,
    pub(crate) services: BTreeMap<ServiceName, ServiceFacts>,
    pub(crate) revisions: Vec<RevisionFacts>,
}

pub(crate) fn name(text: &str) -> ServiceName {
    text.parse().expect("a service name")
}

impl Shop {
    pub(crate) fn good() -> Self {
        Self::of(GOOD)
    }

    pub(crate) fn of(yaml: &str) -> Self {
        let set = PolicySet::read([("shop.yaml", yaml)], ReadOptions::default()).expect("sound documents");
        let names = ["pay/ledger", "pay/vault", "shop/api", "shop/batch", "shop/web"];
        let mut inventory = Inventory::of_names(names.map(name));
        let mut services = BTreeMap::new();
        for service in names.map(name) {
            inventory.service_mut(&service).expect("there").mode = Mode::Enforce;
            let facts = ServiceFacts {
                workloads: 2,
                first_seen: Timestamp(NOW.0 - 90 * DAY),
                enforced_since: Some(Timestamp(NOW.0 - 30 * DAY)),
                observed_hours: 2000.0,
                upper_day: 0.004,
                learning: "Nothing new for 60 days.".to_owned(),
                ..ServiceFacts::default()
            };
            services.insert(service, facts);
        }
        let node = NodeFacts {
            name: "node-1".to_owned(),
            last_report: Timestamp(NOW.0 - 2000),
            kernel: "6.12.0".to_owned(),
            attach_kind: "tcx".to_owned(),
            gate: true,
            endpoints: 10,
            ..NodeFacts::default()
        };
        let output = OutputFacts {
            name: "siem".to_owned(),
            enabled: true,
            kind: "syslog over tls".to_owned(),
            from_severity: "notice".to_owned(),
        };
        let revision = RevisionFacts {
            revision: 7,
            time: Timestamp(NOW.0 - 40 * DAY),
            actor: "ada".to_owned(),
            summary: "pay/ledger updated".to_owned(),
        };
        let mut shop = Self {
            set,
            inventory,
            edges: Vec::new(),
            operation: Some(Operation {
                wanted_revision: 7,
                enforced_revision: 7,
                nodes: vec![node],
                audit: AuditFacts { entries: 120, broken_at: None, head: "ab".repeat(32) },
                outputs: vec![output],
                event_days: 365,
                oldest_event: Some(Timestamp(NOW.0 - 90 * DAY)),
                learn_scale: 1.0,
                ..Operation::default()
            }),
            services,
            revisions: vec![revision],
        };
        shop.saw("shop/api", "pay/ledger", 8443, 420, 0);
        shop.saw("pay/ledger", "pay/vault", 8200, 99, 0);
        shop.saw("shop/web", "shop/api", 9000, 1000, 0);
        shop.saw("shop/web", "pay/vault", 8200, 0, 3);
        shop
    }

    /// A connection that was first seen before anything was enforced.
    pub(crate) fn saw(&mut self, client: &str, server: &str, port: u16, connections: u64, denied: u64) {
        let peer = |text: &str| match text {
            "world" => Peer::World,
            _ if text.contains('/') => Peer::Service(name(text)),
            _ => Peer::External(ExternalName(text.into())),
        };
        self.edges.push(Edge {
            key: EdgeKey {
                client: peer(client),
                server: peer(server),
                protocol: IpProtocol::TCP,
                port,
                application: Application::UNKNOWN,
            },
            counters: EdgeCounters { connections, denied, ..EdgeCounters::default() },
            first_seen: Timestamp(NOW.0 - 60 * DAY),
            last_seen: Timestamp(NOW.0 - DAY),
        });
    }

    pub(crate) fn mode(&mut self, service: &str, mode: Mode) {
        self.inventory.service_mut(&name(service)).expect("there").mode = mode;
    }

    pub(crate) fn operation(&mut self) -> &mut Operation {
        self.operation.as_mut().expect("runs")
    }

    pub(crate) fn estate(&self) -> Estate<'_> {
        let running = self.operation.is_some();
        let documents = self.set.documents().map(|document| {
            let facts = DocumentFacts {
                origin: bulkhead_model::RuleOrigin::User,
                revision: 7,
                updated: Timestamp(NOW.0 - 40 * DAY),
                actor: "ada".to_owned(),
            };
            (document.key(), facts)
        });
        let documents: BTreeMap<DocumentKey, DocumentFacts> = documents.collect();
        Estate {
            now: NOW,
            source: ReportSource {
                kind: if running { SourceKind::Estate } else { SourceKind::Files },
                names: vec![if running { "node-1".to_owned() } else { "shop.yaml".to_owned() }],
                version: "0.1.0".to_owned(),
                revision: running.then_some(7),
                audit_head: running.then(|| "ab".repeat(32)),
            },
            set: &self.set,
            inventory: &self.inventory,
            edges: self.edges.iter().collect(),
            services: if running { self.services.clone() } else { BTreeMap::new() },
            documents: if running { documents } else { BTreeMap::new() },
            revisions: if running { self.revisions.clone() } else { Vec::new() },
            operation: self.operation.clone(),
        }
    }

    pub(crate) fn report(&self, framework: Framework) -> Report {
        bulkhead_report::report(framework, &self.estate(), Some("cardholder-data"))
            .expect("the zone is there")
    }

    pub(crate) fn pci(&self, number: &str) -> Requirement {
        requirement(&self.report(Framework::PciDss), number)
    }
}

pub(crate) fn requirement(report: &Report, number: &str) -> Requirement {
    let found = report.requirements.iter().find(|requirement| requirement.number == number);
    found.unwrap_or_else(|| panic!("no requirement {number}")).clone()
}

pub(crate) fn statuses(report: &Report) -> Vec<(String, RequirementStatus)> {
    report.requirements.iter().map(|requirement| (requirement.number.clone(), requirement.status)).collect()
}

/// The same key every time, from a fixed seed, so that sealed reports can be compared.
pub(crate) fn key() -> SigningKey {
    // PKCS#8 v1 of RFC 8410, around 32 bytes that are the seed.
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([42; 32]);
    SigningKey::from_pkcs8(&der).expect("a key")
}

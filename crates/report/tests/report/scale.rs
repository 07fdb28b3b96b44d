//! A big estate: nothing in a report may grow with the square of it.

use bulkhead_model::{Application, Edge, EdgeCounters, EdgeKey, IpProtocol, Mode, Peer, Timestamp};
use bulkhead_policy::{Inventory, PolicySet, ReadOptions};
use bulkhead_report::{
    Estate, Framework, ReportFormat, ReportSource, SealedReport, SourceKind, report, verify,
};
use std::{collections::BTreeMap, fmt::Write};

const SERVICES: usize = 5_000;

#[test]
fn five_thousand_services_are_reported_whole() {
    let name = |at: usize| format!("team-{}/service-{at}", at % 50);
    let mut text = String::from(
        "apiVersion: bulkhead.dev/v1alpha1\nkind: Zone\nmetadata: {name: cardholder-data}\nspec: {namespaces: [team-0], conduits: [{from: [{namespace: team-1}], ports: [tcp/8080], owner: o, reason: r}]}\n",
    );
    for at in 0..SERVICES {
        let next = name((at + 1) % SERVICES);
        let before = name((at + SERVICES - 1) % SERVICES);
        let _ = write!(
            text,
            "---\napiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {{name: p{at}, namespace: team-{}}}\nspec:\n  target: {{service: {}}}\n  ingress:\n    - {{from: [{{service: {before}}}], ports: [tcp/8080], reason: chain}}\n  egress:\n    - {{to: [{{service: {next}}}], ports: [tcp/8080], reason: chain}}\n",
            at % 50,
            name(at)
        );
    }
    let set = PolicySet::read([("big", text.as_str())], ReadOptions::default()).expect("sound");
    let services: Vec<_> = (0..SERVICES).map(|at| name(at).parse().expect("a name")).collect();
    let mut inventory = Inventory::of_names(services.iter().cloned());
    for (at, service) in services.iter().enumerate() {
        // Some learn, which is the worst: everybody reaches them.
        let mode = if at % 500 == 0 { Mode::Learn } else { Mode::Enforce };
        inventory.service_mut(service).expect("there").mode = mode;
    }
    let edges: Vec<Edge> = (0..SERVICES)
        .map(|at| Edge {
            key: EdgeKey {
                client: Peer::Service(services[at].clone()),
                server: Peer::Service(services[(at + 1) % SERVICES].clone()),
                protocol: IpProtocol::TCP,
                port: 8080,
                application: Application::UNKNOWN,
            },
            counters: EdgeCounters { connections: 5, ..EdgeCounters::default() },
            first_seen: Timestamp(1),
            last_seen: Timestamp(2),
        })
        .collect();
    let estate = Estate {
        now: Timestamp(3),
        source: ReportSource {
            kind: SourceKind::Files,
            names: vec!["big".into()],
            version: "0".into(),
            revision: None,
            audit_head: None,
        },
        set: &set,
        inventory: &inventory,
        edges: edges.iter().collect(),
        services: BTreeMap::new(),
        documents: BTreeMap::new(),
        revisions: vec![],
        operation: None,
    };
    let made = report(Framework::PciDss, &estate, Some("cardholder-data")).expect("made");
    let scope =
        made.evidence.iter().find(|item| item.columns[..] == ["Service", "Standing", "Why"]).expect("there");
    assert_eq!(scope.total, SERVICES as u64);
    let page = SealedReport::new(made, None).render(ReportFormat::Html);
    assert!(page.len() < 8 << 20, "{} bytes", page.len());
    assert_eq!(verify(&page, None).expect("readable").problems.len(), 1, "nothing but the missing signature");
}

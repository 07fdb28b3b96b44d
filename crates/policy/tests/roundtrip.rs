//! Policies that go from one language to another mean the same there: proved over all flows with sets.

use bulkhead_model::{Identity, Timestamp};
use bulkhead_policy::{
    Compiler, Inventory, PolicySet, Reach, ReadOptions, View,
    document::Document,
    flowset::TrafficSet,
    kubernetes::{self, Connectivity, Endpoint, Resources, Semantics, Severity},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

mod support {
    pub mod corpora;
}
use support::corpora;

/// All that the documents allow where policies of manifests could say it too: pairs of ends and traffic.
///
/// An end outside is a range of addresses of `connectivity`; services are called by their names.
fn meaning(
    set: &PolicySet,
    inventory: &Inventory,
    connectivity: &Connectivity,
) -> BTreeMap<(String, String), TrafficSet> {
    let compiled = Compiler::default().compile(set, inventory, Timestamp(0));
    let reach = Reach::new(compiled.clone(), View::Policy);
    let mut flows = BTreeMap::new();
    let mut add = |from: &str, to: &str, traffic: TrafficSet| {
        let traffic = traffic.intersection(&kubernetes::universe().into());
        if !traffic.is_empty() {
            flows.insert((from.to_owned(), to.to_owned()), traffic);
        }
    };
    for service in inventory.services() {
        let name = service.name.to_string();
        for other in inventory.services().filter(|other| other.name != service.name) {
            add(&name, &other.name.to_string(), reach.traffic(service.identity, other.identity));
        }
        // The documents may cut addresses more finely than the manifests do; each cut must come to the same.
        let outside = |range: &bulkhead_policy::flowset::AddressSet| -> Vec<Identity> {
            let mut found: Vec<Identity> =
                range.witness().map(|address| compiled.external_identity(address)).into_iter().collect();
            let starts = compiled.prefixes.iter().map(|prefix| prefix.net.network());
            found.extend(
                starts.filter(|start| range.contains(*start)).map(|start| compiled.external_identity(start)),
            );
            found.sort_unstable();
            found.dedup();
            found
        };
        for range in &connectivity.sources {
            for identity in outside(range) {
                add(&range.to_string(), &name, reach.traffic(identity, service.identity));
            }
        }
        for range in &connectivity.destinations {
            for identity in outside(range) {
                add(&name, &range.to_string(), reach.traffic(service.identity, identity));
            }
        }
    }
    flows
}

/// The same of manifests. Pods of the host's network are no services.
fn manifest_meaning(
    resources: &Resources,
    connectivity: &Connectivity,
) -> BTreeMap<(String, String), TrafficSet> {
    let mut flows: BTreeMap<(String, String), TrafficSet> = BTreeMap::new();
    for connection in &connectivity.connections {
        let names = |end: &Endpoint, ranges: &[bulkhead_policy::flowset::AddressSet]| match end {
            Endpoint::IngressController => Vec::new(),
            Endpoint::Workload(name) if resources.workloads[name].pods.iter().all(|pod| pod.host_network) => {
                Vec::new()
            }
            Endpoint::Workload(name) => vec![format!("{}/{}", name.namespace, name.name)],
            Endpoint::External(addresses) => {
                ranges.iter().filter(|range| range.is_subset(addresses)).map(ToString::to_string).collect()
            }
        };
        for from in names(&connection.from, &connectivity.sources) {
            for to in names(&connection.to, &connectivity.destinations) {
                // Workloads of one name and two kinds are one service.
                if from != to {
                    let traffic = TrafficSet::from(connection.traffic.clone());
                    let known = flows.entry((from.clone(), to)).or_default();
                    *known = known.union(&traffic);
                }
            }
        }
    }
    flows
}

fn differences(
    expected: &BTreeMap<(String, String), TrafficSet>,
    actual: &BTreeMap<(String, String), TrafficSet>,
) -> Vec<String> {
    let none = TrafficSet::none();
    let mut pairs: Vec<_> = expected.keys().chain(actual.keys()).collect();
    pairs.sort();
    pairs.dedup();
    pairs
        .into_iter()
        .filter_map(|pair| {
            let (expected, actual) = (expected.get(pair).unwrap_or(&none), actual.get(pair).unwrap_or(&none));
            (expected != actual).then(|| format!("{} → {}: {expected} became {actual}", pair.0, pair.1))
        })
        .collect()
}

fn read(case: &Path) -> Resources {
    let files = corpora::manifests(&case.join("input"));
    let reading = kubernetes::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let errors: Vec<_> =
        reading.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut resources = reading.resources;
    // Isolation of networks is no policy, so it is not for documents to say.
    resources.networks.clear();
    resources
}

fn cases() -> Option<Vec<PathBuf>> {
    let cases = corpora::directories("networkpolicy/connlist");
    if cases.is_none() {
        eprintln!("SKIPPED: no corpora (set BULKHEAD_CORPORA to their directory)");
    }
    cases
}

#[test]
fn imported_documents_mean_what_the_manifests_mean() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let resources = read(case);
        let connectivity = kubernetes::connections(&resources, Semantics::KUBERNETES);
        let import = kubernetes::import(&resources);
        // By way of text, as a person would have it.
        let text = Document::join(&import.documents);
        let set = PolicySet::read([("imported.yaml", text.as_str())], ReadOptions::default());
        let set = set.unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
        assert_eq!(set, import.policy_set(), "{text}");
        let expected = manifest_meaning(&resources, &connectivity);
        let actual = meaning(&set, &import.inventory(), &connectivity);
        for difference in differences(&expected, &actual) {
            wrong.push(format!("{}: {difference}", case.file_name().expect("a name").display()));
        }
    }
    eprintln!("import: {} differences in {} cases", wrong.len(), cases.len());
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

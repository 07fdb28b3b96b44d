//! What each fuzz target does with its bytes. None may panic, hang or take more memory than its input warrants; some
//! also check a property.
#![forbid(unsafe_code)]

use bulkhead_agent::read_answer;
use bulkhead_discovery::naming::{self, Facts};
use bulkhead_model::Timestamp;
use bulkhead_policy::{
    Inventory, PolicySet, ReadOptions, View, document, kubernetes,
    scan::{Weaknesses, read_scan},
    verify::verify,
};
use bulkhead_records::{Format, History, Names, Options, OwnerOfPod, read};
use bulkhead_report::verify as verify_report;

/// Policy documents as people write them: YAML and JSON, any number in one text. What is understood means the same
/// after it was written out.
pub fn policy_documents(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (documents, problems) = document::read("fuzz.yaml", text, ReadOptions::default());
    for problem in problems {
        assert!(!problem.to_string().is_empty(), "a complaint says something");
    }
    for document in documents {
        let written = document.to_yaml();
        let (again, problems) = document::read("written.yaml", &written, ReadOptions::default());
        assert!(problems.is_empty() && again == [document], "does not survive being written:\n{written}");
    }
}

/// Manifests with policies of Kubernetes, Calico, Cilium and NeuVector: read and imported. What is imported can be read, and
/// whoever is refused is told why.
pub fn kubernetes_manifests(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let reading = kubernetes::read([("fuzz.yaml", text)]);
    let told =
        reading.diagnostics.iter().all(|problem| !problem.message.is_empty() && problem.place.line > 0);
    assert!(told, "a complaint says something, and where: {:?}", reading.diagnostics);
    if let Ok(resources) = reading.into_result() {
        let imported = kubernetes::import(&resources);
        let written = document::Document::join(&imported.documents);
        let again = PolicySet::read([("written.yaml", written.as_str())], ReadOptions::default());
        assert!(again.is_ok(), "{again:?} of\n{written}");
    }
}

/// Policy documents in every language that they are exported to; what is read again is read without an error.
pub fn policy_exports(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(set) = PolicySet::read([("fuzz.yaml", text)], ReadOptions::default()) else { return };
    let inventory = Inventory::named_in(&set);
    for (dialect, _) in kubernetes::Dialect::ALL {
        let export = kubernetes::export(&set, &inventory, Timestamp(0), dialect);
        if dialect.is_read() {
            let again = kubernetes::read([("exported.yaml", export.text.as_str())]);
            assert!(!again.has_errors(), "{dialect}: {:?} of\n{}", again.diagnostics, export.text);
        }
    }
}

/// Flow records of other products, whichever they seem to be and as each: every line is a record or told with a reason, and
/// what is read can be summed up.
pub fn flow_records(bytes: &[u8]) {
    let rules = OwnerOfPod { owner: naming::owner_of_pod, sanitise: naming::sanitise };
    for format in Format::ALL.map(Some).into_iter().chain([None]) {
        let mut history = History::new(Names::new(rules));
        let options = Options { format, columns: None };
        let Ok(summary) = read(bytes, &options, |item| history.add(item)) else { continue };
        assert_eq!(summary.faults.len() as u64, summary.malformed.min(20), "{summary:?}");
        let edges = history.edges();
        assert!(history.sightings(&edges).is_sorted_by_key(|sighting| sighting.time));
    }
}

/// Results of vulnerability scanners: SARIF, CycloneDX, Trivy's and Grype's. What is found is a score or a likelihood, and
/// whoever is refused is told why.
pub fn scan_results(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let scanned = match read_scan("fuzz.json", text) {
        Ok(scanned) => scanned,
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz.json:"), "a complaint says where: {error}");
            return;
        }
    };
    let found = scanned.iter().flat_map(|scanned| &scanned.vulnerabilities);
    for vulnerability in found {
        assert!(
            !vulnerability.id.is_empty() && (0.0..=10.0).contains(&vulnerability.score),
            "{vulnerability:?}"
        );
    }
    let names = ["shop/redis", "shop/api", "shop/postgres"].map(|name| name.parse().expect("a name"));
    let weaknesses = Weaknesses::new(&scanned, &Inventory::of_names(names), &Default::default());
    for weakness in &weaknesses.of {
        assert!((0.0..=1.0).contains(&weakness.weight), "{weakness:?}");
    }
}

/// Claims about a policy: read, or refused with a place; what is read can be checked.
pub fn assertions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (claims, problems) = document::read_assertions("fuzz.yaml", text, ReadOptions::default());
    assert!(problems.iter().all(|problem| !problem.to_string().is_empty()), "{problems:?}");
    let set = PolicySet::default();
    let findings = verify(&set, &Inventory::named_in(&set), Timestamp(0), View::Now, &claims);
    assert_eq!(findings.len(), claims.len(), "every claim is answered");
}

/// Tables of addresses and their names: a line each, or the first that is none.
pub fn name_tables(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut names = Names::new(OwnerOfPod { owner: naming::owner_of_pod, sanitise: naming::sanitise });
    match names.table(text) {
        Ok(count) => assert!(count <= text.lines().count()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Reports that somebody hands over as signed: what is sound has a signer and nothing wrong.
pub fn signed_reports(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(found) = verify_report(text, None) {
        assert_eq!(found.sound, found.problems.is_empty(), "{found:?}");
        assert!(!found.sound || found.signed_by.is_some(), "{found:?}");
    }
}

/// Names, images and labels, which whoever starts a container chooses, one a line: what becomes of them is a valid
/// service name, the same one each time.
pub fn service_names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let (name, image) = (lines.next().unwrap_or_default(), lines.next().unwrap_or(text));
    let command: Vec<String> = lines.clone().take(3).map(str::to_owned).collect();
    let keys = [
        "bulkhead.service",
        "com.docker.compose.service",
        "io.kubernetes.pod.name",
        "io.kubernetes.pod.namespace",
    ];
    let labels = keys.iter().zip(lines).map(|(&key, value)| (key.to_owned(), value.to_owned())).collect();
    let facts = Facts { labels: &labels, name, image, command: &command };
    let (service, _) = naming::service_of(&facts);
    assert_eq!(service.to_string().parse(), Ok(service.clone()), "from {text:?}");
    assert_eq!(naming::service_of(&facts).0, service);
}

/// DNS answers, which any server that a workload asks may write: a name of theirs is one that can be asked for, and it
/// has addresses.
pub fn dns_answers(bytes: &[u8]) {
    if let Some(resolved) = read_answer(bytes) {
        assert!((1..=253).contains(&resolved.name.len()) && !resolved.addresses.is_empty(), "{resolved:?}");
        assert!(resolved.ttl_seconds <= 86_400, "{resolved:?}");
    }
}

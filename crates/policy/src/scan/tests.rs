use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Vec<Scanned> {
    read_scan("scan.json", text).unwrap_or_else(|error| panic!("{error}"))
}

const TRIVY: &str = r#"{"SchemaVersion": 2, "ArtifactName": "redis:7", "ArtifactType": "container_image",
  "Metadata": {"ImageID": "sha256:aa", "RepoTags": ["redis:7"], "RepoDigests": ["redis@sha256:bb"]},
  "Results": [{"Target": "redis", "Vulnerabilities": [
    {"VulnerabilityID": "CVE-2022-0543", "PkgName": "lua", "InstalledVersion": "5.1", "Severity": "CRITICAL",
     "CVSS": {"nvd": {"V2Score": 10, "V3Score": 9.1}, "redhat": {"V3Score": 7.0}}},
    {"VulnerabilityID": "CVE-2023-1", "Severity": "LOW"}]}, {"Target": "clean"}]}"#;

const GRYPE: &str = r#"{"matches": [
    {"vulnerability": {"id": "CVE-2021-44228", "severity": "Critical", "knownExploited": [{"cve": "CVE-2021-44228"}],
       "cvss": [{"version": "2.0", "metrics": {"baseScore": 9.3}}, {"version": "3.1", "metrics": {"baseScore": 8.0}}]},
     "relatedVulnerabilities": [], "artifact": {"name": "log4j-core", "version": "2.14"}}],
  "source": {"type": "image", "target": {"userInput": "registry.example/shop/api:1.2", "manifestDigest": "sha256:cc",
    "repoDigests": ["registry.example/shop/api@sha256:dd"]}}}"#;

const CYCLONEDX: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5",
  "metadata": {"component": {"type": "container", "name": "postgres", "version": "16",
    "properties": [{"name": "aquasecurity:trivy:RepoDigest", "value": "postgres@sha256:ee"}]}},
  "components": [{"bom-ref": "pkg:deb/openssl", "name": "openssl", "version": "3.0"}],
  "vulnerabilities": [
    {"id": "CVE-2022-3602", "ratings": [{"score": 4.0, "method": "CVSSv2"}, {"score": 7.5, "method": "CVSSv31"}],
     "affects": [{"ref": "pkg:deb/openssl"}]},
    {"id": "CVE-2000-1", "ratings": [{"severity": "critical"}], "analysis": {"state": "not_affected"}}]}"#;

const SARIF: &str = r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a scanner", "rules": [
    {"id": "CVE-2020-1938", "properties": {"security-severity": "9.8", "tags": ["kev"]}}, {"id": "CVE-2020-2"}]}},
  "results": [{"ruleId": "CVE-2020-1938", "ruleIndex": 0, "level": "error"}, {"ruleId": "CVE-2020-2", "level": "note"}],
  "properties": {"imageName": "tomcat:9", "repoDigests": ["tomcat@sha256:ff"]}}]}"#;

#[test]
fn four_formats_are_read() {
    let told: Vec<_> = [TRIVY, GRYPE, CYCLONEDX, SARIF]
        .iter()
        .flat_map(|text| read(text))
        .map(|scanned| {
            let found = scanned.vulnerabilities.iter();
            let found = found.map(|it| (it.id.clone(), it.score, it.exploited, it.package.clone()));
            let names = scanned.names.iter().cloned().collect::<Vec<_>>();
            (names, scanned.digests.len(), found.collect::<Vec<_>>())
        })
        .collect();
    let cve = |id: &str, score: f64, exploited: bool, package: &str| {
        (id.to_owned(), score, exploited, package.to_owned())
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            (
                names(&["redis:7", "redis@sha256:bb"]),
                2,
                vec![cve("CVE-2022-0543", 9.1, false, "lua 5.1"), cve("CVE-2023-1", 2.0, false, "")]
            ),
            (
                names(&["registry.example/shop/api:1.2", "registry.example/shop/api@sha256:dd"]),
                2,
                vec![cve("CVE-2021-44228", 8.0, true, "log4j-core 2.14")]
            ),
            (
                names(&["postgres:16", "postgres@sha256:ee"]),
                1,
                vec![cve("CVE-2022-3602", 7.5, false, "openssl 3.0")]
            ),
            (
                names(&["tomcat:9", "tomcat@sha256:ff"]),
                1,
                vec![cve("CVE-2020-1938", 9.8, true, ""), cve("CVE-2020-2", 2.0, false, "")]
            ),
        ]
    );
}

#[test]
fn what_is_no_scan_result_is_told_with_its_place() {
    let told = |text: &str| read_scan("scan.json", text).expect_err("wrong").to_string();
    assert_eq!(told("{\"runs\": [\n  oops]}"), "scan.json:2:3: expected value");
    assert!(told("{}").starts_with("scan.json:1:1: this is JSON, but no scan result"));
    assert_eq!(told("{\"matches\": 7}"), "scan.json: matches: expected a list");
}

#[test]
fn images_are_services_by_digest_by_reference_or_by_name() {
    let name = |text: &str| text.parse::<ServiceName>().expect("a name");
    let inventory = Inventory::of_names(["shop/cache", "shop/api", "shop/postgres", "shop/web"].map(name));
    let images = BTreeMap::from([
        (name("shop/cache"), vec!["docker.io/library/redis:7".to_owned()]),
        (name("shop/api"), vec!["mirror.example/api@sha256:dd".to_owned()]),
        (name("shop/web"), vec!["nginx:1".to_owned()]),
    ]);
    let scanned: Vec<Scanned> = [TRIVY, GRYPE, CYCLONEDX, SARIF].iter().flat_map(|text| read(text)).collect();
    let weaknesses = Weaknesses::new(&scanned, &inventory, &images);
    let told: Vec<_> = weaknesses
        .of
        .iter()
        .map(|it| {
            (it.service.to_string(), it.worst.id.as_str(), it.vulnerabilities, (it.weight * 100.0).round())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("shop/api".to_owned(), "CVE-2021-44228", 1, 97.0),
            ("shop/cache".to_owned(), "CVE-2022-0543", 2, 91.0),
            ("shop/postgres".to_owned(), "CVE-2022-3602", 1, 75.0),
        ]
    );
    assert_eq!(weaknesses.strange, ["tomcat:9"]);
    assert_eq!(weaknesses.unscanned, [name("shop/web")]);
    let weights = weaknesses.weights(&inventory);
    let identity = |text: &str| inventory.service(&name(text)).expect("there").identity;
    assert_eq!(weights.of(identity("shop/api")), EXPLOITED);
    assert_eq!(weights.of(identity("shop/web")), UNSCANNED);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = read_scan("scan.json", &text);
    }

    #[test]
    fn damaged_results_are_read_or_refused(which in 0usize..4, at in any::<prop::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z]{0,3}") {
        let mut text = [TRIVY, GRYPE, CYCLONEDX, SARIF][which].to_owned();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        let _ = read_scan("scan.json", &text);
    }
}

use super::*;
use crate::output::{Screen, screen::tests::printed};
use std::io;

const GOOD: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/api}]
      ports: [6379]
    - from: [{service: shop/api}]
      ports: [6379]
";

const CLAIMS: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: Assertions
metadata: {name: shop}
spec:
  - name: the API uses Redis
    always: {from: [{service: shop/api}], to: [{service: shop/redis}], ports: [6379]}
  - name: nobody uses Redis
    never: {from: [any], to: [{service: shop/redis}]}
";

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.into() }
}

/// As the command does it, without base and flows.
fn report(sources: &[Source], strict: bool) -> Report {
    let mut report = Report::of_documents(sources);
    if let Some((set, assertions)) = readable(sources) {
        let places = Places::new(sources);
        report.findings.extend(faults::lint(&set, &places));
        report.claims(&set, &assertions, &places);
    }
    report.conclude(strict);
    report
}

fn lines(report: &Report, print: fn(&mut Screen, &Report) -> io::Result<()>) -> String {
    printed(80, |s| print(s, report).expect("memory"))
}

#[test]
fn good_documents_of_both_kinds_pass_together() {
    let foreign = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let (good, _) = GOOD.split_at(GOOD.rfind("    - from").expect("two rules"));
    let report = report(&[source("a.yaml", good), source("b.yaml", foreign)], true);
    assert!(report.ok, "{:?}", report.findings);
}

#[test]
fn every_fault_of_every_file_is_told_in_every_form() {
    let typo = GOOD.replace("ports:", "prots:");
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n\
                  spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}\n";
    let sources = [source("a.yaml", &typo), source("b.yaml", policy)];
    let report = report(&sources, false);
    let files: Vec<_> = report.findings.iter().map(|f| f.file.as_str()).collect();
    assert!(!report.ok);
    assert!(files.contains(&"a.yaml") && files.contains(&"b.yaml"), "{:?}", report.findings);
    assert!(lines(&report, print::text).contains("a.yaml:8:7: error:"), "{}", lines(&report, print::text));
    let github = lines(&report, print::github);
    assert!(github.starts_with("::error file=a.yaml,line=8,col=7,"), "{github}");
    assert!(lines(&report, print::markdown).contains("| a.yaml:8 |"));
    let junit = printed(80, |s| print::junit(s, &report, &sources).expect("memory"));
    assert!(junit.contains("tests=\"2\" failures=\"2\""), "{junit}");
}

#[test]
fn what_is_not_meant_and_broken_claims_are_told_where_they_stand() {
    let sources = [source("redis.yaml", GOOD), source("claims.yaml", CLAIMS)];
    let report = report(&sources, false);
    let told: Vec<(&str, u32, &str, &str)> =
        report.findings.iter().map(|f| (f.file.as_str(), f.line, f.severity, f.rule.as_str())).collect();
    assert_eq!(
        told,
        [("claims.yaml", 7, "error", "claim-broken"), ("redis.yaml", 9, "warning", "lint-redundant")],
        "{:?}",
        report.findings
    );
    assert_eq!((report.ok, report.errors, report.warnings, report.claims.len()), (false, 1, 1, 2));
    insta::assert_snapshot!("check_text", lines(&report, print::text));
    insta::assert_snapshot!("check_markdown", lines(&report, print::markdown));
    insta::assert_snapshot!(
        "check_junit",
        printed(80, |s| print::junit(s, &report, &sources).expect("memory"))
    );
}

#[test]
fn code_scanning_gets_rules_places_and_help() {
    let report = report(&[source("a b/redis.yaml", GOOD), source("claims.yaml", CLAIMS)], false);
    let log = sarif::log(&report);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    for result in results {
        let at = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[at]["id"], result["ruleId"]);
        assert!(rules[at]["help"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0));
        assert!(!place["artifactLocation"]["uri"].as_str().expect("a place").contains(' '));
        assert!(matches!(result["level"].as_str(), Some("error" | "warning")));
    }
}

#[test]
fn every_kind_of_fault_has_a_rule_with_help() {
    use bulkhead_policy::Lint;
    let lints = [
        Lint::Unknown,
        Lint::SelectsNothing,
        Lint::Expired,
        Lint::Shadowed,
        Lint::Redundant,
        Lint::Dead,
        Lint::Conflicting,
        Lint::OverBroad,
        Lint::Unused,
    ];
    for lint in lints {
        let id = rules::of_lint(lint);
        assert!(rules::RULES.iter().any(|rule| rule.id == id), "{id}");
    }
    let mut ids: Vec<_> = rules::RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules::RULES.len());
}

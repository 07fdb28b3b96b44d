//! Zones and compliance reports, over the interface.

use crate::support::{Running, eventually, name, start};
use bulkhead_api::{
    ApplyRequest, AuditQuery, IsolationStatus, ModeChange, ReportFormat, ReportQuery, RequirementStatus,
    Role, SealedReport, TokenRequest, ZoneQuery,
};
use bulkhead_model::{Mode, node::NodeReport};
use bulkhead_report::{Pin, verify};
use std::os::unix::fs::PermissionsExt;

const ZONE: &str = "apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata: {name: stores}
spec:
  services: [shop/redis]
  owner: data team
  reason: holds the carts
  conduits:
    - {name: the API caches, from: [{service: shop/api}], ports: [tcp/6379], owner: data team, reason: carts}
---
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - {from: [{service: shop/api}], ports: [tcp/6379], reason: carts}
  egress: []
";

impl Running {
    /// The node says that it enforces what is wanted.
    async fn follow(&self) {
        let revision = self.admin.status().await.expect("status").revision;
        self.report(NodeReport::Applied { revision }).await;
        eventually("the node follows", || async {
            let status = self.admin.status().await.ok()?;
            (status.enforced_revision >= revision).then_some(())
        })
        .await;
    }
}

async fn shop() -> Running {
    let running = start().await;
    running.shop().await;
    let request: ApplyRequest =
        serde_json::from_value(serde_json::json!({ "documents": ZONE })).expect("a request");
    running.admin.apply(&request).await.expect("applied");
    running.follow().await;
    running
}

async fn sealed(running: &Running, framework: &str, zone: Option<&str>) -> SealedReport {
    let query = ReportQuery { zone: zone.map(str::to_owned), format: Some(ReportFormat::Json) };
    let text = running.admin.report(framework, &query).await.expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn zones_are_told_with_what_crosses_their_borders() {
    let running = shop().await;
    let zones = running.admin.zones(&ZoneQuery::default()).await.expect("zones").items;
    let zone = &zones[0];
    assert_eq!((zone.name.as_str(), zone.owner.as_deref(), zone.border), ("stores", Some("data team"), true));
    assert_eq!(zone.members[0].service, name("shop/redis"));
    // It learns, so nothing is held back whatever the documents say.
    assert_eq!(zone.isolation.status, IsolationStatus::NotEnforced);
    assert_eq!(zone.conduits[0].connections, 9, "seen on the conduit");
    let change = ModeChange { mode: Mode::Enforce, reason: None };
    running.admin.set_mode(&name("shop/redis"), &change).await.expect("enforced");
    let query = ZoneQuery { zone: Some("stores".to_owned()) };
    let zone = running.admin.zones(&query).await.expect("zones").items.remove(0);
    // No node has said that it follows.
    assert_eq!(zone.isolation.status, IsolationStatus::Unproved, "{:?}", zone.isolation);
    assert!(zone.isolation.crossings.iter().all(|crossing| crossing.fault.is_none()));
    running.follow().await;
    let proved = running.admin.zones(&query).await.expect("zones").items.remove(0);
    assert_eq!(proved.isolation.status, IsolationStatus::Proved, "{:?}", proved.isolation);
    assert_eq!((proved.scope.in_scope, proved.scope.connected_to, proved.scope.out_of_scope), (1, 1, 1));
    let missing = ZoneQuery { zone: Some("nowhere".to_owned()) };
    assert!(running.admin.zones(&missing).await.is_err());
    running.controller.stop().await;
}

#[tokio::test]
async fn a_report_is_signed_by_the_controllers_key_and_is_in_the_audit_log() {
    let running = shop().await;
    let key = running.admin.reports().await.expect("frameworks").key;
    let pin = Pin::parse(&key.pem).expect("a key");
    assert_eq!(pin.fingerprint(), key.fingerprint);
    for format in [ReportFormat::Json, ReportFormat::Html, ReportFormat::Md] {
        let query = ReportQuery { zone: Some("stores".to_owned()), format: Some(format) };
        let text = running.admin.report("pci-dss", &query).await.expect("a report");
        let found = verify(&text, Some(&pin)).expect("readable");
        assert!(found.sound && found.pinned, "{format}: {:?}", found.problems);
        assert!(!verify(&text.replacen("stores", "sto/es", 1), Some(&pin)).is_ok_and(|found| found.sound));
    }
    let query = AuditQuery { action: Some("report.create".to_owned()), ..AuditQuery::default() };
    let entries = running.admin.audit(&query).await.expect("audit").items;
    assert_eq!(entries.len(), 3);
    assert_eq!((entries[0].target.as_str(), entries[0].detail.as_str()), ("pci-dss", "zone stores"));
    // The head in the report is that of the entry which tells of its making.
    let last = sealed(&running, "pci-dss", Some("stores")).await;
    let newest = running.admin.audit(&query).await.expect("audit").items.remove(0);
    assert_eq!(last.report.source.audit_head, Some(newest.hash));
    let file = running.directory.path().join("report.key");
    assert_eq!(std::fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
    running.controller.stop().await;
}

#[tokio::test]
async fn what_only_learns_is_not_reported_as_isolated() {
    let running = shop().await;
    let report = sealed(&running, "nist-800-53", Some("stores")).await.report;
    let of = |number: &str| report.requirements.iter().find(|r| r.number == number).expect("there").status;
    assert_eq!(of("SC-7(21)"), RequirementStatus::NotMet);
    assert_eq!(of("SC-7(5)"), RequirementStatus::NotMet);
    running.controller.stop().await;
}

#[tokio::test]
async fn a_viewer_may_read_reports_and_what_there_is_not_is_not_found() {
    let running = shop().await;
    let request = TokenRequest { name: "auditor".to_owned(), role: Role::Viewer, expires_in_seconds: None };
    let secret = running.admin.create_token(&request).await.expect("created").secret;
    let auditor = running.raw().with_token(Some(&secret));
    let page = auditor.send("GET", "/api/v1/reports/cis-kubernetes?format=html", None).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let named = page.headers["content-disposition"].to_str().expect("text");
    assert!(named.starts_with("inline; filename=\"cis-kubernetes-"), "{named}");
    for (path, status) in [
        ("/api/v1/reports/none", 404),
        ("/api/v1/reports/pci-dss?zone=nowhere", 404),
        ("/api/v1/reports/pci-dss?format=pdf", 400),
        ("/api/v1/reports/pci-dss?zone=%22%3E%3Cscript%3E", 404),
        ("/api/v1/zones?zone=nowhere", 404),
    ] {
        assert_eq!(auditor.send("GET", path, None).await.status, status, "{path}");
    }
    assert_eq!(running.raw().with_token(None).send("GET", "/api/v1/reports/pci-dss", None).await.status, 401);
    running.controller.stop().await;
}

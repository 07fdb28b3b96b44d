//! The binary against a real controller in this process: what scripts and people meet.

use bulkhead_controller::{Controller, ControllerConfig};
use bulkhead_model::{
    Application, Attachment, Direction, EdgeCounters, FlowTuple, Interface, IpProtocol, Mode, RuleRef,
    Timestamp, Verdict, Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, EdgeReport, NodeHealth, NodeReport},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// A controller with a small shop, known by two workloads and one connection between them.
struct Shop {
    controller: Controller,
    state: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let state = tempfile::tempdir().expect("temporary directory");
        let config = ControllerConfig {
            state_dir: state.path().to_owned(),
            listen: "127.0.0.1:0".parse().expect("valid"),
            node: "host-a".into(),
            ..ControllerConfig::default()
        };
        let controller = Controller::start(config).await.expect("the controller starts");
        fs::write(state.path().join("server"), &controller.url).expect("write");
        let mut shop = Self { controller, state };
        shop.stock().await;
        shop
    }

    async fn tell(&self, report: NodeReport) {
        self.controller.reports.send(report).await.expect("the controller listens");
    }

    async fn stock(&mut self) {
        let workloads = vec![workload("web", 2), workload("redis", 3)];
        self.tell(NodeReport::Workloads(workloads)).await;
        // The policy that is published for them names their identities.
        let mut policy = self.controller.policy.clone();
        let published =
            policy.wait_for(|policy| policy.identities.len() >= 2).await.expect("published").clone();
        let identity = |name: &str| published.identities[&name.parse().expect("valid")];
        let (web, redis) = (identity("shop/web"), identity("shop/redis"));
        let now = Timestamp::from(std::time::SystemTime::now());
        let tuple = FlowTuple {
            protocol: IpProtocol::TCP,
            client_address: address(2),
            client_port: 40_000,
            server_address: address(3),
            server_port: 6379,
        };
        for (local, peer, direction, name) in
            [(web, redis, Direction::Egress, "web"), (redis, web, Direction::Ingress, "redis")]
        {
            self.tell(NodeReport::Connection(Box::new(ConnectionReport {
                time: now,
                local,
                peer,
                direction,
                tuple,
                application: Application::UNKNOWN,
                verdict: Verdict::Allowed,
                reason: None,
                rule: RuleRef::NONE,
                mode: Mode::Learn,
                workload: Some(id(name)),
                process: None,
                packet: Vec::new(),
                adopted: false,
            })))
            .await;
            self.tell(NodeReport::Edges(vec![EdgeReport {
                local,
                peer,
                direction,
                peer_address: None,
                protocol: IpProtocol::TCP,
                port: 6379,
                application: Application::UNKNOWN,
                counting: 1,
                counters: EdgeCounters { connections: 7, bytes_to_server: 700, ..EdgeCounters::default() },
                rule: RuleRef::NONE,
                last_seen: now,
            }]))
            .await;
        }
        self.tell(NodeReport::Health(NodeHealth {
            time: now,
            endpoints: 2,
            kernel: "6.12.0".into(),
            attach_kind: "tcx".into(),
            not_covered: vec!["host network: 'exporter' is seen but not confined".into()],
            ..NodeHealth::default()
        }))
        .await;
        // Reports are taken in order: once the node is known, all of it is.
        self.until(&["status", "-o", "json"], |status| {
            status["nodes"].as_array().is_some_and(|n| !n.is_empty())
        })
        .await;
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
        for name in ["BULKHEAD_SERVER", "BULKHEAD_TOKEN", "BULKHEAD_CA", "COLUMNS"] {
            command.env_remove(name);
        }
        command.args(arguments).env("BULKHEAD_STATE", self.state.path()).stdin(Stdio::null());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts"))
            .await
            .expect("no panic")
    }

    /// The answer as text; the command must end with 0.
    async fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(code(&output), 0, "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments).await).expect("JSON")
    }

    /// Asks until the answer is as wanted: what is reported becomes visible at its own pace.
    async fn until(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.json(arguments).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.state.path().join(name);
        fs::write(&path, text).expect("write");
        path
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn id(name: &str) -> WorkloadId {
    WorkloadId(format!("{name:0>12}0123456789ab").into())
}

fn address(last: u8) -> IpAddr {
    [172, 30, 0, last].into()
}

fn workload(name: &str, last: u8) -> Workload {
    Workload {
        id: id(name),
        name: format!("shop-{name}-1").into(),
        service: format!("shop/{name}").parse().expect("valid"),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: format!("{name}:1").into(),
        image_digest: None,
        labels: BTreeMap::new(),
        declared_peers: Vec::new(),
        exposes: Vec::new(),
        published: Vec::new(),
        attachment: Attachment::Own,
        unconfined: None,
        interfaces: vec![Interface { network: "shop".into(), addresses: vec![address(last)], mac: None }],
        pid: 0,
        netns: None,
        started: None,
    }
}

const POLICY: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/web}]
      ports: [6379]
  egress: []
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_show_the_shop_as_tables_that_fit_and_as_data() {
    let shop = Shop::open().await;
    let status = shop.text(&["status"]).await;
    assert!(status.contains("host-a") && status.contains("'exporter' is seen but not confined"), "{status}");
    for list in [
        &["services"][..],
        &["services", "shop/redis"],
        &["edges"],
        &["graph"],
        &["events"],
        &["policy", "list"],
    ] {
        let table = shop.text(list).await;
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{list:?}\n{table}");
        assert!(!table.contains('\x1b'), "{list:?}");
    }
    let services = shop.json(&["services", "-o", "json"]).await;
    let names: Vec<_> =
        services["items"].as_array().expect("a list").iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["shop/redis", "shop/web"]);
    let edges = shop.until(&["edges", "-o", "json"], |list| !list["items"][0].is_null()).await;
    assert_eq!(edges["items"][0]["port"], 6379);
    let yaml = shop.text(&["edges", "-o", "yaml"]).await;
    let same: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(same["items"][0]["id"], edges["items"][0]["id"]);
    assert!(shop.text(&["graph", "-o", "dot"]).await.starts_with("digraph bulkhead {"));
    assert!(shop.text(&["graph", "-o", "mermaid"]).await.starts_with("graph LR"));
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_applied_explained_and_taken_back() {
    let shop = Shop::open().await;
    let file = shop.file("redis.yaml", POLICY);
    let path = file.to_str().expect("UTF-8");
    assert_eq!(code(&shop.run(&["policy", "diff", "-f", path]).await), 1, "it is new");
    shop.text(&["policy", "apply", "-f", path, "--yes"]).await;
    assert_eq!(code(&shop.run(&["policy", "diff", "-f", path]).await), 0, "now it is the same");
    assert!(shop.text(&["policy", "show", "shop/redis"]).await.contains("SegmentationPolicy"));
    assert!(shop.text(&["policy", "effective", "shop/redis"]).await.contains("shop/web"));
    shop.text(&["mode", "shop/redis", "enforce", "--yes"]).await;

    let asked = |from: &'static str| {
        ["policy", "explain", "--from", from, "--to", "shop/redis", "--port", "6379", "--quiet"]
    };
    assert_eq!(code(&shop.run(&asked("shop/web")).await), 0);
    assert_eq!(code(&shop.run(&asked("world")).await), 1);
    let reach = shop.run(&["policy", "reach", "--from", "shop/web", "--to", "shop/redis"]).await;
    assert_eq!(code(&reach), 1, "{}", said(&reach));
    assert!(shop.text(&["policy", "who-can-reach", "shop/redis"]).await.contains("shop/web"));

    shop.text(&["policy", "delete", "shop/redis", "--yes"]).await;
    let history = shop.json(&["policy", "history", "-o", "json"]).await;
    assert!(history["items"].as_array().is_some_and(|items| items.len() >= 2), "{history}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_compared_with_the_policy_in_force_and_judged_by_what_was_seen() {
    let shop = Shop::open().await;
    let inside = shop.file("redis.yaml", POLICY);
    let inside = inside.to_str().expect("UTF-8");
    shop.text(&["policy", "apply", "-f", inside, "--yes"]).await;
    shop.until(&["edges", "-o", "json"], |list| !list["items"][0].is_null()).await;
    let candidate = shop.file("candidate.yaml", &POLICY.replace("ports: [6379]", "ports: [6380]"));
    let candidate = candidate.to_str().expect("UTF-8");

    let check = |path| ["policy", "check", path, "--base", "server", "--flows", "recorded", "-o", "json"];
    let output = shop.run(&check(candidate)).await;
    assert_eq!(code(&output), 1, "{}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["difference"]["base"], "server");
    let flow = &report["difference"]["flows"][0];
    assert_eq!(
        (flow["gained"].as_str(), flow["lost"].as_str()),
        (Some("tcp/6380"), Some("tcp/6379")),
        "{report}"
    );
    assert_eq!(report["simulation"]["expected_denials"]["edges"], 1, "{report}");
    assert_eq!(report["findings"][0]["rule"], "flow-denied", "{report}");
    let same = shop.run(&check(inside)).await;
    assert_eq!(code(&same), 0, "{}{}", String::from_utf8_lossy(&same.stdout), said(&same));
    let report: Value = serde_json::from_slice(&same.stdout).expect("JSON");
    assert_eq!(report["difference"]["flows"].as_array().map(Vec::len), Some(0), "{report}");

    shop.text(&["mode", "shop/redis", "enforce", "--yes"]).await;
    let simulate = |path| ["policy", "simulate", "-f", path, "--flows", "recorded", "-o", "json"];
    // What was learned would still allow what the candidate merely leaves out.
    assert_eq!(code(&shop.run(&simulate(candidate)).await), 0);
    let denying = shop.file("denying.yaml", &POLICY.replace("- from:", "- action: deny\n      from:"));
    let output = shop.run(&simulate(denying.to_str().expect("UTF-8"))).await;
    assert_eq!(code(&output), 1, "{}", said(&output));
    let simulation: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let change = &simulation["changes"][0];
    assert_eq!(
        (change["before"].as_str(), change["after"].as_str()),
        (Some("allowed"), Some("denied")),
        "{simulation}"
    );
    assert_eq!(change["edge"]["port"], 6379);
    assert!(change["last_seen"].as_u64().is_some_and(|time| time > 0), "{simulation}");
    assert_eq!(code(&shop.run(&simulate(inside)).await), 0);

    let blast = ["blast-radius", "shop/web", "--candidate", candidate, "-o", "json"];
    let blast = shop.json(&blast).await;
    assert!(blast["under_candidate"]["count"]["services"].is_u64(), "{blast}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_document_is_refused_with_its_file_line_and_column() {
    let shop = Shop::open().await;
    let good = shop.file("a.yaml", POLICY);
    let wrong =
        shop.file("b.yaml", &POLICY.replace("ports:", "prots:").replace("name: redis", "name: other"));
    let files = [good.to_str().expect("UTF-8"), wrong.to_str().expect("UTF-8")];
    let output = shop.run(&["policy", "apply", "--yes", "-f", files[0], "-f", files[1]]).await;
    assert_eq!(code(&output), 6, "{}", said(&output));
    assert!(said(&output).contains("b.yaml:8:"), "{}", said(&output));
    let list = shop.json(&["policy", "list", "-o", "json"]).await;
    let user = list["items"].as_array().expect("a list").iter().filter(|p| p["origin"] == "user").count();
    assert_eq!(user, 0, "nothing is half applied: {list}");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_is_previewed_changed_and_quarantine_is_lifted() {
    let shop = Shop::open().await;
    let preview = shop.run(&["mode", "shop/redis", "enforce", "--dry-run", "-o", "json"]).await;
    let preview: Value = serde_json::from_slice(&preview.stdout).expect("JSON");
    assert_eq!(preview["to"], "enforce");
    let mode = async || shop.json(&["services", "shop/redis", "-o", "json"]).await["mode"].clone();
    assert_eq!(mode().await, "learn", "a dry run changes nothing");
    shop.text(&["mode", "shop/redis", "monitor", "--yes"]).await;
    assert_eq!(mode().await, "monitor");
    shop.text(&["quarantine", "shop/redis", "--reason", "test"]).await;
    assert_eq!(mode().await, "quarantine");
    shop.text(&["quarantine", "shop/redis", "--lift"]).await;
    assert_eq!(mode().await, "monitor");
    shop.text(&["automation", "shop/redis", "on", "--profile", "strict"]).await;
    let service = shop.json(&["services", "shop/redis", "-o", "json"]).await;
    assert_eq!(service["automation"]["profile"], "strict");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_is_not_permitted_have_their_own_codes() {
    let shop = Shop::open().await;
    assert_eq!(code(&shop.run(&["services", "shop/nobody"]).await), 5);
    assert_eq!(code(&shop.run(&["policy", "show", "shop/nothing"]).await), 5);
    let wrong = shop.run(&["status", "--token", "bh_wrong"]).await;
    assert_eq!(code(&wrong), 4, "{}", said(&wrong));

    let output = shop.run(&["token", "create", "reader", "--role", "viewer"]).await;
    let secret = String::from_utf8(output.stdout.clone()).expect("UTF-8").trim().to_owned();
    assert!(secret.starts_with("bh_") && !secret.contains('\n'), "the secret alone on standard output");
    assert_eq!(code(&shop.run(&["status", "--token", &secret]).await), 0);
    let refused = shop.run(&["mode", "shop/redis", "monitor", "--yes", "--token", &secret]).await;
    assert_eq!(code(&refused), 4, "{}", said(&refused));
    assert!(said(&refused).contains("what to do:"), "{}", said(&refused));

    let tokens = shop.json(&["token", "list", "-o", "json"]).await;
    assert!(!tokens.to_string().contains(&secret), "secrets are never listed");
    let token =
        tokens["items"].as_array().expect("a list").iter().find(|t| t["name"] == "reader").expect("listed");
    shop.text(&["token", "revoke", token["id"].as_str().expect("text")]).await;
    assert_eq!(code(&shop.run(&["status", "--token", &secret]).await), 4);
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_audit_review_and_blast_radius_answer() {
    let shop = Shop::open().await;
    shop.text(&["settings", "set", "retention.event_days=60"]).await;
    assert_eq!(shop.json(&["settings", "-o", "json"]).await["retention"]["event_days"], 60);
    assert_eq!(code(&shop.run(&["settings", "set", "no.such=1"]).await), 2);
    assert_eq!(code(&shop.run(&["settings", "set", "retention.event_days=0"]).await), 6);
    let audit = shop.text(&["audit"]).await;
    assert!(audit.contains("admin"), "{audit}");
    let verification = shop.json(&["audit", "verify", "-o", "json"]).await;
    assert_eq!(verification["intact"], true);
    let head = verification["head"].as_str().expect("text").to_owned();
    assert_eq!(code(&shop.run(&["audit", "verify", "--head", &head]).await), 0);
    assert_eq!(code(&shop.run(&["audit", "verify", "--head", "0000"]).await), 1);
    shop.text(&["review"]).await;
    shop.text(&["outputs"]).await;
    assert!(shop.text(&["blast-radius"]).await.contains("shop/web"));
    assert!(shop.text(&["blast-radius", "shop/web"]).await.contains("shop/redis"));
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_followed_as_they_happen() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let shop = Shop::open().await;
    let mut command =
        tokio::process::Command::from(shop.command(&["events", "-f", "-o", "json", "-t", "mode-changed"]));
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    shop.text(&["mode", "shop/redis", "monitor", "--yes"]).await;
    let line = lines.next_line().await.expect("readable").expect("an event");
    let event: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!((&event["type"], &event["to"]), (&"mode-changed".into(), &"monitor".into()));
    child.kill().await.expect("it was running");
    shop.controller.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_support_bundle_holds_no_token() {
    let shop = Shop::open().await;
    let path = shop.state.path().join("bundle.tar.gz");
    shop.text(&["support-bundle", "-o", path.to_str().expect("UTF-8")]).await;
    let secret =
        fs::read_to_string(shop.state.path().join("admin.token")).expect("readable").trim().to_owned();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&path).expect("open")));
    let mut names = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        names.push(entry.path().expect("a path").display().to_string());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
        assert!(!text.contains(&secret), "{names:?}");
    }
    for name in ["status.json", "services.json", "edges.json", "events.json", "policies.json", "metrics.txt"]
    {
        assert!(names.contains(&format!("bulkhead-support/{name}")), "{name} is not in {names:?}");
    }
    shop.controller.stop().await;
}

//! A controller in this process, with an estate that tests ask about.

use crate::program::{clean, code, said};
use bulkhead_controller::{Controller, ControllerConfig};
use bulkhead_model::{
    Application, Direction, EdgeCounters, FlowTuple, Interface, IpProtocol, Mode, RuleRef, Timestamp,
    Verdict, Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, EdgeReport, NodeHealth, NodeReport},
};
use serde_json::Value;
use std::{
    fs,
    net::IpAddr,
    path::PathBuf,
    process::{Command, Output},
};

pub(crate) const POLICY: &str = "\
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

/// A controller with a small shop, known by two workloads and one connection between them.
pub(crate) struct Shop {
    pub(crate) controller: Controller,
    pub(crate) state: tempfile::TempDir,
}

impl Shop {
    pub(crate) async fn open() -> Self {
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

    pub(crate) async fn tell(&self, report: NodeReport) {
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

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(env!("CARGO_BIN_EXE_bulkhead"));
        command.args(arguments).env("BULKHEAD_STATE", self.state.path());
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the binary starts"))
            .await
            .expect("no panic")
    }

    /// The answer as text; the command must end with 0.
    pub(crate) async fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(code(&output), 0, "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments).await).expect("JSON")
    }

    /// Asks until the answer is as wanted: what is reported becomes visible at its own pace.
    pub(crate) async fn until(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.json(arguments).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.state.path().join(name);
        fs::write(&path, text).expect("write");
        path
    }
}

fn id(name: &str) -> WorkloadId {
    WorkloadId(format!("{name:0>12}0123456789ab").into())
}

fn address(last: u8) -> IpAddr {
    [172, 30, 0, last].into()
}

pub(crate) fn workload(name: &str, last: u8) -> Workload {
    Workload {
        name: format!("shop-{name}-1").into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: format!("{name}:1").into(),
        interfaces: vec![Interface { network: "shop".into(), addresses: vec![address(last)], mac: None }],
        ..Workload::new(id(name), format!("shop/{name}").parse().expect("valid"))
    }
}

//! A controller in this process, with a small shop that reports to it.

use bulkhead_api::client::Client;
use bulkhead_controller::{Controller, ControllerConfig, Limits};
use bulkhead_model::{
    Application, DenyReason, Direction, EdgeCounters, Exposure, FlowTuple, Identity, IpProtocol, Mode,
    Process, RuleRef, ServiceName, Timestamp, Verdict, Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, EdgeReport, NodeHealth, NodeReport},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use std::{collections::BTreeMap, future::Future, net::SocketAddr, path::Path, time::Duration};

pub(crate) struct Running {
    pub(crate) controller: Controller,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) admin: Client,
}

pub(crate) fn config(directory: &Path) -> ControllerConfig {
    ControllerConfig {
        state_dir: directory.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        limits: Limits { burst: 1_000_000, per_second: 1_000_000, failures: 1_000_000, ..Limits::default() },
        ..ControllerConfig::default()
    }
}

pub(crate) async fn start() -> Running {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut ControllerConfig)) -> Running {
    let directory = tempfile::tempdir().expect("directory");
    let mut config = config(directory.path());
    change(&mut config);
    let controller = Controller::start(config).await.expect("starts");
    let admin = client(&controller, controller.admin_token.clone());
    Running { controller, directory, admin }
}

pub(crate) fn client(controller: &Controller, token: Option<String>) -> Client {
    Client::new(&controller.url, token, None).expect("a client")
}

/// Asks until the answer is there; fails after a time that only a broken controller needs.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    for _ in 0..3_000 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}

pub(crate) fn name(text: &str) -> ServiceName {
    text.parse().expect("a service name")
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

pub(crate) fn workload(id: &str, service: &str, port: u16) -> Workload {
    Workload {
        name: id.into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: format!("{service}:1").into(),
        labels: BTreeMap::from([("tier".to_owned(), service.to_owned())]),
        exposes: vec![Exposure { protocol: IpProtocol::TCP, port }],
        pid: 1,
        ..Workload::new(WorkloadId(id.into()), name(service))
    }
}

/// As if the kernel had begun to count anew: what is told next is all new.
pub(crate) fn counting() -> u64 {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

impl Running {
    pub(crate) async fn report(&self, report: NodeReport) {
        self.controller.reports.send(report).await.expect("the controller takes reports");
    }

    pub(crate) async fn identity(&self, service: &str) -> Identity {
        let wanted = name(service);
        let mut policy = self.controller.policy.clone();
        let found =
            policy.wait_for(|policy| policy.identities.contains_key(&wanted)).await.expect("published");
        found.identities[&wanted]
    }

    /// web → api → redis, as nodes would tell it.
    pub(crate) async fn shop(&self) {
        let workloads = vec![
            workload("web-1", "shop/web", 80),
            workload("api-1", "shop/api", 8080),
            workload("redis-1", "shop/redis", 6379),
        ];
        self.report(NodeReport::Workloads(workloads)).await;
        self.connect("shop/web", "shop/api", 8080, Verdict::Allowed).await;
        self.connect("shop/api", "shop/redis", 6379, Verdict::Allowed).await;
        self.count("shop/web", "shop/api", 8080, 4, 0).await;
        self.count("shop/api", "shop/redis", 6379, 9, 0).await;
        self.report(NodeReport::Health(NodeHealth {
            kernel: "6.12".to_owned(),
            packets: [("malformed".to_owned(), 3)].into(),
            ..NodeHealth::default()
        }))
        .await;
        eventually("two counted edges and the node are seen", || async {
            let status = self.admin.status().await.ok()?;
            let edges = self.admin.edges(&Default::default()).await.ok()?.items;
            let counted = edges.iter().all(|judged| judged.edge.counters.connections > 0);
            (edges.len() == 2 && counted && !status.nodes.is_empty()).then_some(())
        })
        .await;
    }

    pub(crate) async fn connect(&self, client: &str, server: &str, port: u16, verdict: Verdict) {
        self.connect_by(client, server, port, verdict, "web").await;
    }

    pub(crate) async fn connect_by(
        &self,
        client: &str,
        server: &str,
        port: u16,
        verdict: Verdict,
        command: &str,
    ) {
        let (local, peer) = (self.identity(client).await, self.identity(server).await);
        let report = ConnectionReport {
            time: now(),
            local,
            peer,
            direction: Direction::Egress,
            tuple: FlowTuple {
                protocol: IpProtocol::TCP,
                client_address: [172, 20, 0, 2].into(),
                client_port: 40_000,
                server_address: [172, 20, 0, 3].into(),
                server_port: port,
            },
            application: Application::UNKNOWN,
            verdict,
            reason: (verdict != Verdict::Allowed).then_some(DenyReason::NoRule),
            rule: RuleRef::NONE,
            mode: Mode::Learn,
            workload: None,
            process: Some(Process {
                pid: 7,
                executable: "/usr/bin/web".into(),
                command_line: command.into(),
                uid: 0,
                parents: vec![],
            }),
            packet: vec![0x45, 0],
            adopted: false,
        };
        self.report(NodeReport::Connection(Box::new(report))).await;
    }

    pub(crate) async fn count(&self, client: &str, server: &str, port: u16, connections: u64, denied: u64) {
        let report = EdgeReport {
            local: self.identity(client).await,
            peer: self.identity(server).await,
            direction: Direction::Egress,
            peer_address: None,
            protocol: IpProtocol::TCP,
            port,
            application: Application::UNKNOWN,
            counting: counting(),
            counters: EdgeCounters {
                connections,
                denied,
                packets_to_server: connections * 5,
                packets_to_client: connections * 5,
                ..EdgeCounters::default()
            },
            rule: RuleRef::NONE,
            last_seen: now(),
        };
        self.report(NodeReport::Edges(vec![report])).await;
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw {
            url: self.controller.url.clone(),
            token: self.controller.admin_token.clone(),
            cookie: None,
            csrf: None,
        }
    }
}

/// Requests as anybody may send them.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) csrf: Option<String>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Raw {
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), cookie: None, csrf: None, url: self.url.clone() }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        self.send_with(method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request =
            http::Request::builder().method(method).uri(format!("{}{path}", self.url.trim_end_matches('/')));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-bulkhead-csrf", csrf);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default().to_owned()));
        let request = request.body(body).expect("a request");
        let response = bulkhead_api::transport::send(request, None).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

pub(crate) const REDIS: &str = "apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: redis, namespace: shop}
spec:
  target: {service: shop/redis}
  ingress:
    - from: [{service: shop/web}]
      ports: [tcp/6379]
";

//! An estate of any size, made up, behind the real controller: its store, its interface, its console. Nodes report what
//! they would report of real containers. For the console's tests and figures.
//!
//! Prints one line of JSON with the address and a token as soon as everything is known, then obeys lines on its standard
//! input, each answered by a line: `edge` (an edge that never was is reported now), `changes N` (from now on N edges a
//! second move), `denials N` (from now on N connections a second are denied, each on one of 3 N edges). Ends with its
//! input.

use bulkhead_api::{EdgeQuery, ModeChange, client::Client};
use bulkhead_controller::{Controller, ControllerConfig, Limits};
use bulkhead_model::{
    Application, DenyReason, Direction, EdgeCounters, Exposure, FlowTuple, Identity, IpProtocol, Mode,
    RuleRef, ServiceName, Timestamp, Verdict, Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, EdgeReport, NodeHealth, NodeReport},
};
use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{Interval, MissedTickBehavior, interval},
};

const NAMESPACES: usize = 40;
const ROLES: [&str; 8] = ["gateway", "web", "api", "worker", "queue", "cache", "db", "jobs"];
/// Services that enforce their learned policy; every other of them meets a denial.
const ENFORCED: usize = 12;

struct Estate {
    controller: Controller,
    names: Vec<ServiceName>,
    identities: Vec<Identity>,
    edges: Vec<(usize, usize, u16)>,
    /// How often traffic passed over each of them.
    passed: Vec<u64>,
    invented: u16,
    cursor: usize,
    denied: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let services = numbers.next().transpose()?.unwrap_or(1_000);
    let edges = numbers.next().transpose()?.unwrap_or(10_000);
    let state = tempfile::tempdir()?;
    let config = ControllerConfig {
        state_dir: state.path().to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        limits: Limits { burst: 1_000_000, per_second: 1_000_000, ..Limits::default() },
        ..ControllerConfig::default()
    };
    let controller = Controller::start(config).await?;
    let token = controller.admin_token.clone().ok_or("a new store has an admin's token")?;
    let admin = Client::new(&controller.url, Some(token.clone()), None)?;
    let names: Vec<ServiceName> = (0..services).map(name).collect::<Result<_, _>>()?;
    let edges = wiring(services, edges);
    let passed = vec![1; edges.len()];
    let mut estate =
        Estate { controller, names, identities: vec![], edges, passed, invented: 0, cursor: 0, denied: 0 };
    estate.settle(&admin).await?;
    println!(
        "{}",
        serde_json::json!({ "url": estate.controller.url, "token": token, "edges": estate.edges.len() })
    );

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut rate, mut denials) = (0, 0);
    let mut beat = beat();
    let mut health = interval(Duration::from_secs(2));
    loop {
        tokio::select! {
            line = lines.next_line() => match line?.as_deref().map(str::trim) {
                None => break,
                Some("edge") => println!("{}", estate.invent().await?),
                Some(text) => {
                    match text.split_once(' ') {
                        Some(("changes", number)) => rate = number.parse()?,
                        Some(("denials", number)) => denials = number.parse()?,
                        _ => return Err("edge, changes N or denials N".into()),
                    }
                    println!("{text}");
                }
            },
            _ = beat.tick() => {
                estate.stir(rate).await?;
                estate.deny(denials).await?;
            }
            _ = health.tick() => estate.report(NodeReport::Health(node_health())).await?,
        }
    }
    estate.controller.stop().await;
    Ok(())
}

/// Ten a second, each with its share of the second's changes.
fn beat() -> Interval {
    let mut beat = interval(Duration::from_millis(100));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

fn name(n: usize) -> Result<ServiceName, bulkhead_model::InvalidServiceName> {
    let role = ROLES[n / NAMESPACES % ROLES.len()];
    let number = n / NAMESPACES / ROLES.len();
    let number = if number == 0 { String::new() } else { format!("-{}", number + 1) };
    format!("team-{:02}/{role}{number}", n % NAMESPACES).parse()
}

/// Most edges stay within a namespace or go to its neighbours; the same numbers make the same estate.
fn wiring(services: usize, edges: usize) -> Vec<(usize, usize, u16)> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let mut all = std::collections::BTreeSet::new();
    while all.len() < edges && services > 1 {
        let client = random(services);
        let server = match random(10) {
            0..6 => (client + NAMESPACES * (1 + random(ROLES.len()))) % services,
            6..9 => (client + 1 + NAMESPACES * random(ROLES.len())) % services,
            _ => random(services),
        };
        if client != server {
            all.insert((client, server, [8080, 5432, 6379, 9092, 443][random(5)]));
        }
    }
    all.into_iter().collect()
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

fn node_health() -> NodeHealth {
    NodeHealth { kernel: "made up".to_owned(), ..NodeHealth::default() }
}

fn workload(name: &ServiceName, number: usize) -> Workload {
    Workload {
        name: format!("{}-{number}", name.name()).into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: format!("registry.example/{}:1", name.name()).into(),
        exposes: vec![Exposure { protocol: IpProtocol::TCP, port: 8080 }],
        pid: 1,
        ..Workload::new(WorkloadId(format!("w{number}").into()), name.clone())
    }
}

impl Estate {
    async fn report(&self, report: NodeReport) -> Result<(), Box<dyn Error>> {
        Ok(self.controller.reports.send(report).await?)
    }

    fn edge(&self, (client, server, port): (usize, usize, u16), passed: u64, denied: u64) -> EdgeReport {
        EdgeReport {
            local: self.identities[client],
            peer: self.identities[server],
            direction: Direction::Egress,
            peer_address: None,
            protocol: IpProtocol::TCP,
            port,
            application: Application::UNKNOWN,
            counting: 1,
            counters: EdgeCounters {
                connections: passed,
                denied,
                packets_to_server: 40 * passed,
                packets_to_client: 60 * passed,
                ..EdgeCounters::default()
            },
            rule: RuleRef::NONE,
            last_seen: now(),
        }
    }

    /// Until the store holds everything, and readers see it.
    async fn settle(&mut self, admin: &Client) -> Result<(), Box<dyn Error>> {
        let workloads = self.names.iter().enumerate().map(|(number, name)| workload(name, number)).collect();
        self.report(NodeReport::Workloads(workloads)).await?;
        let mut policy = self.controller.policy.clone();
        let all = self.names.len();
        let told = policy.wait_for(|policy| policy.identities.len() >= all).await?.clone();
        self.identities = self.names.iter().map(|name| told.identities[name]).collect();
        for edges in self.edges.chunks(500) {
            let reports = edges.iter().map(|edge| self.edge(*edge, 1, 0)).collect();
            self.report(NodeReport::Edges(reports)).await?;
        }
        let seen = self.edges.len() as u64;
        while admin.status().await?.edges < seen {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let enforced = ENFORCED.min(self.names.len());
        for name in &self.names[..enforced] {
            admin.set_mode(name, &ModeChange { mode: Mode::Enforce, reason: None }).await?;
        }
        let denied = (0..enforced).step_by(2).map(|n| (n, (n + 7) % all, 2_222));
        let reports = denied.map(|edge| self.edge(edge, 0, 3)).collect();
        self.report(NodeReport::Edges(reports)).await?;
        let one = EdgeQuery { limit: Some(1), ..EdgeQuery::default() };
        while seen > 0 && admin.edges(&one).await?.items.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// An edge that never was. Answers with its identifier.
    async fn invent(&mut self) -> Result<String, Box<dyn Error>> {
        self.invented += 1;
        let (client, server, port) = (0, 1, 20_000 + self.invented);
        self.report(NodeReport::Edges(vec![self.edge((client, server, port), 1, 0)])).await?;
        Ok(format!("{}|{}|tcp|{port}|unknown", self.names[client], self.names[server]))
    }

    /// A tenth of a second's worth of traffic on edges that are known.
    async fn stir(&mut self, rate: usize) -> Result<(), Box<dyn Error>> {
        let share = rate / 10;
        if share == 0 || self.edges.is_empty() {
            return Ok(());
        }
        let mut reports = Vec::with_capacity(share);
        for at in (self.cursor..self.cursor + share).map(|at| at % self.edges.len()) {
            self.passed[at] += 1;
            reports.push(self.edge(self.edges[at], self.passed[at], 0));
        }
        self.cursor += share;
        self.report(NodeReport::Edges(reports)).await
    }

    /// A tenth of a second's worth of denied connections; after three seconds the same come again.
    async fn deny(&mut self, rate: usize) -> Result<(), Box<dyn Error>> {
        for _ in 0..rate / 10 {
            let at = self.denied % (3 * rate);
            self.denied += 1;
            let (client, server) = (at % self.names.len(), (at * 7 + 3) % self.names.len());
            if client == server {
                continue;
            }
            let port = 30_000 + u16::try_from(at / self.names.len())?;
            let tuple = FlowTuple {
                protocol: IpProtocol::TCP,
                client_address: IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1)),
                client_port: 40_000,
                server_address: IpAddr::V4(Ipv4Addr::new(10, 2, 0, 1)),
                server_port: port,
            };
            let report = ConnectionReport {
                time: now(),
                local: self.identities[client],
                peer: self.identities[server],
                direction: Direction::Egress,
                tuple,
                application: Application::UNKNOWN,
                verdict: Verdict::Denied,
                reason: Some(DenyReason::NoRule),
                rule: RuleRef::NONE,
                mode: Mode::Enforce,
                workload: Some(WorkloadId(format!("w{client}").into())),
                process: None,
                packet: vec![],
                adopted: false,
            };
            self.report(NodeReport::Connection(Box::new(report))).await?;
        }
        Ok(())
    }
}

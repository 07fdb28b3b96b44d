//! A disk that is really full: a tmpfs of a few MiB. Needs root to mount it.

use bulkhead_api::{ErrorCode, ModeChange, QuarantineRequest, client::Client, client::ClientError};
use bulkhead_controller::{Controller, ControllerConfig};
use bulkhead_model::{
    Application, Direction, FlowTuple, IpProtocol, Mode, Process, RuleRef, ServiceName, Timestamp, Verdict,
    Workload, WorkloadId, WorkloadOwner,
    node::{ConnectionReport, NodeReport},
};
use std::{future::Future, path::PathBuf, process::Command, time::Duration};

/// A tmpfs in a directory of its own, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(size: &str) -> Self {
        let disk = Self(tempfile::tempdir().expect("directory"));
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        disk
    }

    fn resize(&self, size: &str) {
        self.mount(&["-o", &format!("remount,size={size}")]);
    }

    fn mount(&self, options: &[&str]) {
        let status = Command::new("mount").args(options).arg(self.0.path()).status().expect("runs");
        assert!(status.success(), "mount {options:?}");
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    for _ in 0..3_000 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}

fn workload(id: &str, service: &str) -> Workload {
    Workload {
        name: id.into(),
        owner: WorkloadOwner::Compose,
        runtime: "docker".into(),
        image: service.into(),
        pid: 1,
        ..Workload::new(WorkloadId(id.into()), service.parse().expect("a name"))
    }
}

async fn start(disk: &Disk) -> (Controller, Client) {
    let config = ControllerConfig {
        state_dir: disk.state(),
        listen: ([127, 0, 0, 1], 0).into(),
        ..ControllerConfig::default()
    };
    let controller = Controller::start(config).await.expect("starts");
    let client = Client::new(&controller.url, controller.admin_token.clone(), None).expect("a client");
    (controller, client)
}

#[tokio::test]
async fn a_full_disk_degrades_says_so_still_acts_and_recovers_without_loss() {
    if !bulkhead_testkit::require_root("a tmpfs is mounted") {
        return;
    }
    let disk = Disk::new("3m");
    let (controller, admin) = start(&disk).await;
    let (web, api): (ServiceName, ServiceName) =
        ("shop/web".parse().expect("a name"), "shop/api".parse().expect("a name"));
    let workloads = vec![workload("web-1", "shop/web"), workload("api-1", "shop/api")];
    controller.reports.send(NodeReport::Workloads(workloads)).await.expect("taken");
    let mut policy = controller.policy.clone();
    let told = policy.wait_for(|policy| policy.identities.len() == 2).await.expect("published").clone();
    let mut sent = 0;
    for port in 1..=600 {
        let report = ConnectionReport {
            time: Timestamp::from(std::time::SystemTime::now()),
            local: told.identities[&web],
            peer: told.identities[&api],
            direction: Direction::Egress,
            tuple: FlowTuple {
                protocol: IpProtocol::TCP,
                client_address: [192, 0, 2, 1].into(),
                client_port: 40_000,
                server_address: [192, 0, 2, 2].into(),
                server_port: port,
            },
            application: Application::UNKNOWN,
            verdict: Verdict::Allowed,
            reason: None,
            rule: RuleRef::NONE,
            mode: Mode::Learn,
            workload: None,
            process: Some(Process {
                pid: 1,
                executable: "/bin/web".into(),
                command_line: "x".repeat(8_000).into(),
                uid: 0,
                parents: vec![],
            }),
            packet: vec![],
            adopted: false,
        };
        controller.reports.send(NodeReport::Connection(Box::new(report))).await.expect("taken");
        sent += 1;
    }
    eventually("it says that the disk is full", || async {
        let status = admin.status().await.ok()?;
        status.degraded.iter().any(|wrong| wrong.what.contains("no space is left")).then_some(())
    })
    .await;

    // What must be done is done; that it is not stored yet is not kept secret.
    let refused = admin.quarantine(&web, &QuarantineRequest::default()).await.expect_err("not durable");
    assert!(matches!(&refused, ClientError::Api(error) if error.code == ErrorCode::Unavailable), "{refused}");
    policy
        .wait_for(|policy| policy.compiled.services.iter().any(|service| service.mode == Mode::Quarantine))
        .await
        .expect("enforced all the same");

    disk.resize("64m");
    eventually("it recovers by itself", || async {
        let status = admin.status().await.ok()?;
        (status.degraded.is_empty() && status.store.pending == 0).then_some(())
    })
    .await;
    admin.set_mode(&api, &ModeChange { mode: Mode::Monitor, reason: None }).await.expect("durable again");
    controller.stop().await;
    let (controller, admin) = start(&disk).await;
    let status = admin.status().await.expect("status");
    assert_eq!(status.edges, sent);
    assert_eq!((status.services.quarantine, status.services.monitor), (1, 1));
    assert!(admin.verify_audit().await.expect("verified").intact);
    controller.stop().await;
}

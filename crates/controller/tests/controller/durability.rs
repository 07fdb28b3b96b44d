//! Killed, damaged, of another version: what was answered is not lost, and what is wrong is said.

use crate::support::{REDIS, Running, client, config, eventually, name, start, start_with, workload};
use bulkhead_api::{ApplyRequest, EventQuery, ModeChange, QuarantineRequest};
use bulkhead_controller::{Controller, ControllerConfig, ControllerError};
use bulkhead_model::{
    Mode, Timestamp, Verdict,
    node::{NodeHealth, NodeReport},
};
use bulkhead_store::{SqliteStore, Store};
use std::{
    fs,
    future::Future,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const CHILD: &str = "BULKHEAD_TEST_CHILD_STATE";

/// Not a test of its own: the process that [`a_killed_controller_has_lost_nothing_it_answered`] kills.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let controller = Controller::start(config(Path::new(&directory))).await.expect("starts");
    let admin = client(&controller, controller.admin_token.clone());
    // Inside the other one, which outlives this process.
    let directory = tempfile::tempdir_in(&directory).expect("directory");
    let running = Running { controller, admin, directory };
    running.shop().await;
    running
        .admin
        .set_mode(&name("shop/redis"), &ModeChange { mode: Mode::Enforce, reason: None })
        .await
        .expect("set");
    let request = ApplyRequest { documents: REDIS.to_owned(), ..ApplyRequest::default() };
    running.admin.apply(&request).await.expect("applied");
    running.admin.quarantine(&name("shop/web"), &QuarantineRequest::default()).await.expect("quarantined");
    running.connect("shop/web", "shop/redis", 6379, Verdict::Denied).await;
    eventually("the denial", || async {
        let query = EventQuery { kind: Some("denied".to_owned()), ..EventQuery::default() };
        (!running.admin.events(&query).await.ok()?.items.is_empty()).then_some(())
    })
    .await;
    println!("ready");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_controller_has_lost_nothing_it_answered() {
    let directory = tempfile::tempdir().expect("directory");
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["durability::child", "--exact", "--nocapture"])
        .env(CHILD, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let ready = lines.any(|line| line.is_ok_and(|line| line.contains("ready")));
    // SIGKILL: no destructor runs.
    child.kill().expect("killed");
    child.wait().expect("ends");
    assert!(ready, "the child never got ready");
    let controller = Controller::start(config(directory.path())).await.expect("starts again");
    let admin = client(&controller, controller.admin_token.clone());
    assert_eq!(admin.service(&name("shop/redis")).await.expect("there").summary.mode, Mode::Enforce);
    assert_eq!(admin.service(&name("shop/web")).await.expect("there").summary.mode, Mode::Quarantine);
    admin.policy("shop", "redis").await.expect("there");
    assert_eq!(admin.edges(&Default::default()).await.expect("edges").items.len(), 3);
    let denied = EventQuery { kind: Some("denied".to_owned()), ..EventQuery::default() };
    assert_eq!(admin.events(&denied).await.expect("events").items.len(), 1);
    assert!(admin.verify_audit().await.expect("verified").intact);
    let policy = controller.policy.borrow().clone();
    assert_eq!(policy.compiled.services.len(), 3);
    controller.stop().await;
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_and_said() {
    let running = start().await;
    running.shop().await;
    let token = running.controller.admin_token.clone();
    let directory = running.directory;
    running.controller.stop().await;
    let path = directory.path().join("bulkhead.db");
    for suffix in ["-wal", "-shm"] {
        // With its journal SQLite would mend the file by itself.
        let _ = fs::remove_file(directory.path().join(format!("bulkhead.db{suffix}")));
    }
    fs::write(&path, "nothing that SQLite would know".repeat(100)).expect("writes");
    let controller = Controller::start(config(directory.path())).await.expect("starts all the same");
    assert_eq!(controller.admin_token, token, "who had access has it still");
    let admin = client(&controller, controller.admin_token.clone());
    let status = admin.status().await.expect("status");
    assert!(status.degraded[0].what.contains("damaged"), "{:?}", status.degraded);
    let events = EventQuery { kind: Some("degraded".to_owned()), ..EventQuery::default() };
    crate::support::eventually("the event is stored", || async {
        (admin.events(&events).await.ok()?.items.len() == 1).then_some(())
    })
    .await;
    controller.stop().await;
}

fn damage(directory: &Path) {
    for suffix in ["-wal", "-shm"] {
        // With its journal SQLite would mend the file by itself.
        let _ = fs::remove_file(directory.join(format!("bulkhead.db{suffix}")));
    }
    fs::write(directory.join("bulkhead.db"), "nothing that SQLite would know".repeat(100)).expect("writes");
}

/// The shop with an enforced redis, stopped.
async fn an_enforced_shop(with_backup: bool) -> (tempfile::TempDir, u64) {
    let after = if with_backup { Duration::from_millis(50) } else { Duration::from_secs(3_600) };
    let running = start_with(|config| config.backup_after = after).await;
    running.shop().await;
    running
        .admin
        .set_mode(&name("shop/redis"), &ModeChange { mode: Mode::Enforce, reason: None })
        .await
        .expect("set");
    let revision = running.admin.status().await.expect("status").revision;
    let good = running.directory.path().join("bulkhead.db.good");
    if with_backup {
        eventually("the backup has the mode", || async {
            let copy = tempfile::tempdir().ok()?;
            fs::copy(&good, copy.path().join("bulkhead.db")).ok()?;
            let opened = SqliteStore::open(&copy.path().join("bulkhead.db"), Timestamp(1)).ok()?;
            let loaded = { opened.store }.load().ok()?;
            let redis = loaded.services.into_iter().find(|service| service.name == name("shop/redis"))?;
            redis.data.contains("\"enforce\"").then_some(())
        })
        .await;
    }
    let directory = running.directory;
    running.controller.stop().await;
    assert_eq!(good.exists(), with_backup);
    (directory, revision)
}

#[tokio::test]
async fn it_is_settled_once_the_node_enforces_the_stored_policy_and_not_before() {
    let (directory, _) = an_enforced_shop(false).await;
    let controller = Controller::start(config(directory.path())).await.expect("starts");
    let admin = client(&controller, controller.admin_token.clone());
    let revision = controller.policy.borrow().revision;
    let mut settled = Box::pin(controller.settled());
    // The node reports, and could not do what it was told.
    for told in [0, revision - 1] {
        let health = NodeHealth { revision: told, ..NodeHealth::default() };
        controller.reports.send(NodeReport::Health(health)).await.expect("taken");
        eventually("the report is seen", || async {
            (admin.status().await.ok()?.nodes.first()?.health.revision == told).then_some(())
        })
        .await;
        let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(settled.as_mut().poll(cx).is_pending()));
        assert!(waits.await, "the policy is not in the kernel");
    }
    controller.reports.send(NodeReport::Applied { revision }).await.expect("taken");
    settled.await;
    controller.stop().await;
}

#[tokio::test]
async fn a_damaged_database_is_replaced_by_its_backup_with_all_modes() {
    let (directory, revision) = an_enforced_shop(true).await;
    damage(directory.path());
    let enforced = ControllerConfig { enforced: true, ..config(directory.path()) };
    let controller = Controller::start(enforced).await.expect("starts");
    let first = controller.policy.borrow().clone();
    assert!(first.revision >= revision, "what was enforced before is told at once");
    assert!(first.compiled.services.iter().any(|service| service.mode == Mode::Enforce));
    let admin = client(&controller, controller.admin_token.clone());
    let status = admin.status().await.expect("status");
    assert_eq!(status.services.enforce, 1);
    let said: Vec<&str> = status.degraded.iter().map(|wrong| wrong.what.as_str()).collect();
    assert!(said.len() == 1 && said[0].contains("its backup, 0 minutes old,"), "{said:?}");
    controller.stop().await;
}

#[tokio::test]
async fn a_lost_state_takes_nothing_from_a_kernel_that_enforces_until_somebody_says_so() {
    for lost in ["damaged", "removed"] {
        let (directory, _) = an_enforced_shop(false).await;
        damage(directory.path());
        if lost == "removed" {
            fs::remove_file(directory.path().join("bulkhead.db")).expect("removed");
        }
        let enforced = ControllerConfig { enforced: true, ..config(directory.path()) };
        // Also after a restart, which finds a database that can be read.
        for round in 0..2 {
            let controller = Controller::start(enforced.clone()).await.expect("starts");
            let running = Running {
                admin: client(&controller, controller.admin_token.clone()),
                controller,
                directory: tempfile::tempdir().expect("directory"),
            };
            running.report(NodeReport::Workloads(vec![workload("web-1", "shop/web", 80)])).await;
            eventually("the workload is known", || async {
                (running.admin.status().await.ok()?.workloads == 1).then_some(())
            })
            .await;
            assert_eq!(running.controller.policy.borrow().revision, 0, "{lost}, round {round}");
            let status = running.admin.status().await.expect("status");
            let kept = status.degraded.iter().find(|wrong| wrong.what.contains("kept as it is"));
            assert!(kept.expect("said").remedy.contains("--begin-anew"), "{lost}, round {round}");
            running.controller.stop().await;
        }
        for begin_anew in [true, false] {
            let anew = ControllerConfig { begin_anew, ..enforced.clone() };
            let controller = Controller::start(anew).await.expect("starts");
            assert!(controller.policy.borrow().revision > 0, "{lost}: once said it stays said");
            controller.stop().await;
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_a_clear_error() {
    let running = start().await;
    let directory = running.directory;
    running.controller.stop().await;
    // `user_version` is at offset 60 of the file.
    let path = directory.path().join("bulkhead.db");
    let mut bytes = fs::read(&path).expect("reads");
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&path, bytes).expect("writes");
    let error = Controller::start(config(directory.path())).await.expect_err("refused");
    assert!(matches!(error, ControllerError::Store(_)), "{error}");
    assert!(error.to_string().contains("newer Bulkhead"), "{error}");
}

#[tokio::test]
async fn a_stopped_controller_comes_back_as_it_was() {
    let running = start().await;
    running.shop().await;
    running
        .admin
        .set_mode(&name("shop/api"), &ModeChange { mode: Mode::Monitor, reason: None })
        .await
        .expect("set");
    let revision = running.admin.status().await.expect("status").revision;
    let token = running.controller.admin_token.clone();
    let directory = running.directory;
    running.controller.stop().await;
    let controller = Controller::start(config(directory.path())).await.expect("starts again");
    // The first that a node is told, before any task of the controller has run: never an empty one.
    let first = controller.policy.borrow().clone();
    assert!(first.revision >= revision, "{first:?}");
    assert_eq!((first.identities.len(), first.compiled.services.len()), (3, 3), "{first:?}");
    assert_eq!(controller.admin_token, token);
    let admin = client(&controller, token);
    let status = admin.status().await.expect("status");
    assert!(status.revision >= revision);
    assert_eq!((status.services.monitor, status.services.learn), (1, 2));
    let detail = admin.service(&name("shop/api")).await.expect("there");
    assert_eq!(detail.summary.learning.edges, 2);
    assert_eq!(detail.ingress[0].edge.counters.connections, 4);
    controller.stop().await;
}

use super::*;
use crate::{Backoff, Discovery, RuntimeState, watch_runtimes};
use bulkhead_model::{Attachment, Workload, WorkloadId};
use engine::{FakeContainer, FakeEngine};
use serde_json::json;
use std::path::Path;

mod engine;

/// Longer than any test lasts: what is found, is found by events.
const NEVER: Duration = Duration::from_secs(3600);

fn follow(socket: &Path, reconcile: Duration) -> Discovery {
    let docker = Docker::with_reconciliation(socket, reconcile);
    watch_runtimes(vec![Box::new(docker)], &Backoff::new(Duration::from_millis(1), Duration::from_millis(5)))
}

async fn snapshot(discovery: &mut Discovery) -> Vec<Workload> {
    match discovery.updates.recv().await {
        Some(Update::Snapshot(workloads)) => workloads,
        other => panic!("expected a snapshot, got {other:?}"),
    }
}

async fn up(discovery: &mut Discovery) -> Workload {
    match discovery.updates.recv().await {
        Some(Update::Up(workload)) => workload,
        other => panic!("expected a workload that is up, got {other:?}"),
    }
}

fn down(id: &str) -> Option<Update> {
    Some(Update::Down(WorkloadId(id.into())))
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn socket(&self) -> std::path::PathBuf {
        self.0.path().join("docker.sock")
    }
}

#[tokio::test]
async fn a_container_is_followed_from_its_creation_to_its_end() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    let mut discovery = follow(&place.socket(), NEVER);
    let first = snapshot(&mut discovery).await;
    assert_eq!(first.iter().map(|w| w.service.to_string()).collect::<Vec<_>>(), ["default/redis"]);
    assert_eq!(first[0].pid, 100);
    assert_eq!(&*first[0].runtime, "docker");

    // Held, as an inspection is while its container starts: what the list says comes at once.
    engine.hold_inspections(true);
    engine.put(&FakeContainer::created("bb", "api-1"));
    engine.tell_of_container("create", "bb");
    let begun = up(&mut discovery).await;
    assert_eq!((begun.service.to_string().as_str(), begun.pid), ("default/api", 0));

    // The network knows the address before the container does.
    let endpoint = json!({"MacAddress": "02:42:ac:12:00:09", "IPv4Address": "172.18.0.9/16", "IPv6Address": "fd00::9/64"});
    engine.put_network("shop_backend-id", json!({"Containers": {"bb": endpoint}}));
    engine.tell_of_network("connect", "shop_backend", "bb");
    let attached = up(&mut discovery).await;
    assert_eq!(attached.interfaces.len(), 1);
    assert_eq!(
        attached.interfaces[0].addresses,
        ["172.18.0.9".parse::<std::net::IpAddr>().unwrap(), "fd00::9".parse().unwrap()]
    );
    assert_eq!(attached.interfaces[0].mac, Some([2, 0x42, 0xac, 0x12, 0, 9]));

    engine.put(&FakeContainer::running("bb", "api-1", 200));
    engine.tell_of_container("start", "bb");
    engine.hold_inspections(false);
    let running = up(&mut discovery).await;
    assert_eq!((running.pid, running.netns.as_deref()), (200, Some("/var/run/docker/netns/x")));

    engine.put(&FakeContainer { name: "gateway".into(), ..FakeContainer::running("bb", "", 200) });
    engine.tell_of_container("rename", "bb");
    assert_eq!(up(&mut discovery).await.service.to_string(), "default/gateway");

    engine.remove("bb");
    engine.tell_of_container("die", "bb");
    assert_eq!(discovery.updates.recv().await, down("bb"));
    engine.tell_of_container("destroy", "bb"); // says nothing new
    engine.remove("aa");
    engine.tell_of_container("destroy", "aa");
    assert_eq!(discovery.updates.recv().await, down("aa"));
}

#[tokio::test]
async fn an_inspection_that_its_containers_end_overtook_does_not_revive_it() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    let mut discovery = follow(&place.socket(), NEVER);
    snapshot(&mut discovery).await;
    engine.hold_inspections(true);
    engine.tell_of_container("update", "aa");
    engine.tell_of_container("die", "aa");
    assert_eq!(discovery.updates.recv().await, down("aa"));
    engine.hold_inspections(false);
    // The next thing that is told is about another container.
    engine.put(&FakeContainer::running("bb", "api", 200));
    engine.tell_of_container("start", "bb");
    assert_eq!(&*up(&mut discovery).await.id.0, "bb");
}

#[tokio::test]
async fn a_restarted_container_is_down_and_up_again() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    let mut discovery = follow(&place.socket(), NEVER);
    snapshot(&mut discovery).await;
    engine.put(&FakeContainer { state: "exited", ..FakeContainer::created("aa", "redis") });
    engine.tell_of_container("die", "aa");
    assert_eq!(discovery.updates.recv().await, down("aa"));
    engine.put(&FakeContainer::running("aa", "redis", 300));
    engine.tell_of_container("start", "aa");
    assert_eq!(up(&mut discovery).await.pid, 300);
}

#[tokio::test]
async fn when_the_engine_vanishes_and_comes_back_everything_is_told_anew() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    let mut discovery = follow(&place.socket(), NEVER);
    assert_eq!(snapshot(&mut discovery).await.len(), 1);
    drop(engine);
    std::fs::remove_file(place.socket()).expect("it was there");
    // Ready before it can be reached.
    let elsewhere = place.0.path().join("new.sock");
    let engine = FakeEngine::listen(&elsewhere);
    engine.put(&FakeContainer::running("bb", "api", 200));
    std::fs::rename(elsewhere, place.socket()).expect("renamed");
    let workloads = snapshot(&mut discovery).await;
    assert_eq!(workloads.iter().map(|w| &*w.id.0).collect::<Vec<_>>(), ["bb"]);
    assert_eq!(discovery.status.read()[0].gaps, 1);
    assert!(matches!(discovery.status.read()[0].state, RuntimeState::Connected { .. }));
}

#[tokio::test]
async fn without_an_engine_the_first_snapshot_is_empty_and_the_engine_is_absent_until_it_comes() {
    let place = Place::new();
    let mut discovery = follow(&place.socket(), NEVER);
    assert!(snapshot(&mut discovery).await.is_empty());
    assert_eq!(discovery.status.read()[0].state, RuntimeState::Absent);
    let _engine = FakeEngine::listen(&place.socket());
    assert!(snapshot(&mut discovery).await.is_empty());
    assert!(matches!(discovery.status.read()[0].state, RuntimeState::Connected { .. }));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_gap_and_a_snapshot_mends_it() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    let mut discovery = follow(&place.socket(), NEVER);
    assert!(snapshot(&mut discovery).await.is_empty());
    engine.heard_by(1).await;
    engine.put(&FakeContainer::running("aa", "redis", 100));
    engine.tell("{\"Type\": \"container\", \"Action\": ");
    assert_eq!(snapshot(&mut discovery).await.len(), 1);
}

#[tokio::test]
async fn a_strange_document_costs_its_container_some_detail_and_others_nothing() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    engine.put(&FakeContainer::running("bb", "api", 200));
    engine.put_inspected("bb", r#"{"Id": "bb", "State": {"Pid": "not a number"}}"#);
    engine.put_listed("cc", json!({"Id": ["what?"]}));
    engine.put_listed("dd", json!(null));
    let mut discovery = follow(&place.socket(), NEVER);
    let mut workloads = snapshot(&mut discovery).await;
    workloads.sort_by(|a, b| a.id.cmp(&b.id));
    let told: Vec<_> = workloads.iter().map(|w| (w.service.to_string(), w.pid)).collect();
    assert_eq!(told, [("default/redis".to_owned(), 100), ("default/api".to_owned(), 0)]);
    engine.tell_of_container("update", "bb");
    engine.tell(r#"{"Type": "volume", "Action": "mount"}"#);
    engine.tell_of_container("start", "gone-already");
    engine.put(&FakeContainer::running("ee", "web", 300));
    engine.tell_of_container("start", "ee");
    assert_eq!(&*up(&mut discovery).await.id.0, "ee");
    assert_eq!(discovery.status.read()[0].gaps, 0);
}

#[tokio::test]
async fn what_no_event_told_of_is_found_by_comparing() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa", "redis", 100));
    let mut discovery = follow(&place.socket(), Duration::from_millis(5));
    snapshot(&mut discovery).await;
    engine.put(&FakeContainer::running("bb", "api", 200));
    assert_eq!(&*up(&mut discovery).await.id.0, "bb");
    engine.remove("aa");
    assert_eq!(discovery.updates.recv().await, down("aa"));
}

#[tokio::test]
async fn a_thousand_containers_are_told_in_one_snapshot() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    for i in 1..=1000 {
        engine.put(&FakeContainer::running(&format!("{i:064x}"), &format!("shop-{i}"), i));
    }
    let mut discovery = follow(&place.socket(), NEVER);
    let workloads = snapshot(&mut discovery).await;
    assert_eq!(workloads.len(), 1000);
    assert!(workloads.iter().all(|w| w.pid != 0 && w.service.name() == "shop"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_of_short_lives_nothing_that_ended_is_left() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    let mut discovery = follow(&place.socket(), NEVER);
    snapshot(&mut discovery).await;
    for i in 1..=500 {
        let (id, name) = (format!("{i:064x}"), format!("job-{i}"));
        engine.put(&FakeContainer::created(&id, &name));
        engine.tell_of_container("create", &id);
        engine.tell_of_network("connect", "shop_backend", &id);
        engine.put(&FakeContainer::running(&id, &name, i));
        engine.tell_of_container("start", &id);
        if i % 2 == 0 {
            tokio::task::yield_now().await; // so that some are found in each state
        }
        engine.remove(&id);
        engine.tell_of_container("die", &id);
        engine.tell_of_network("disconnect", "shop_backend", &id);
        engine.tell_of_container("destroy", &id);
    }
    engine.put(&FakeContainer::running("last", "last", 1));
    engine.tell_of_container("start", "last");
    let mut up = std::collections::BTreeSet::new();
    while !up.contains("last") {
        match discovery.updates.recv().await {
            Some(Update::Up(workload)) => {
                up.insert(workload.id.0.to_string());
            }
            Some(Update::Down(id)) => assert!(up.remove(&*id.0), "{id} ended twice"),
            other => panic!("the connection was lost: {other:?}"),
        }
    }
    assert_eq!(up.into_iter().collect::<Vec<_>>(), ["last"]);
}

#[tokio::test]
async fn shared_namespaces_name_their_owner_by_identifier() {
    let place = Place::new();
    let engine = FakeEngine::listen(&place.socket());
    engine.put(&FakeContainer::running("aa11", "redis", 100));
    let sharing = |id: &str, mode: &str| {
        let network_mode = mode.into();
        engine.put(&FakeContainer { network_mode, ..FakeContainer::running(id, "sidecar", 200) });
    };
    sharing("bb", "container:redis");
    sharing("cc", "container:aa1");
    sharing("dd", "host");
    sharing("ee", "none");
    let mut discovery = follow(&place.socket(), NEVER);
    let mut workloads = snapshot(&mut discovery).await;
    workloads.sort_by(|a, b| a.id.cmp(&b.id));
    let attachments: Vec<_> = workloads.into_iter().map(|w| w.attachment).collect();
    let shared = Attachment::Shared(WorkloadId("aa11".into()));
    assert_eq!(attachments, [Attachment::Own, shared.clone(), shared, Attachment::Host, Attachment::None]);
}

#[tokio::test]
async fn the_engines_own_version_is_spoken_up_to_the_newest_known() {
    for (offered, prefix) in [("1.41", "/v1.41/"), ("1.99", "/v1.51/"), ("nonsense", "/containers/")] {
        let place = Place::new();
        let engine = FakeEngine::listen(&place.socket());
        engine.set_version(offered);
        let mut discovery = follow(&place.socket(), NEVER);
        snapshot(&mut discovery).await;
        let paths = engine.paths();
        let list = paths.iter().find(|path| path.contains("/containers/json")).expect("it was asked for");
        assert!(list.starts_with(prefix), "{offered}: {list}");
    }
}

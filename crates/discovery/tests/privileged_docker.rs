//! A real Docker Engine with real containers.

use bulkhead_discovery::{
    Backoff, Discovery, RuntimeState, Update,
    docker::Docker,
    namespace::{Namespaces, path_of},
    process, watch_runtimes,
};
use bulkhead_model::{Attachment, Workload, WorkloadOwner};
use bulkhead_testkit::{Dockerd, image, require_root};
use std::time::Duration;
use tokio::time::timeout;

/// Far beyond what anything here takes; it turns a hang into a failure.
const SAFETY_NET: Duration = Duration::from_secs(120);

fn follow(dockerd: &Dockerd) -> Discovery {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
    watch_runtimes(vec![Box::new(Docker::new(dockerd.socket()))], &backoff)
}

async fn next(discovery: &mut Discovery) -> Update {
    timeout(SAFETY_NET, discovery.updates.recv()).await.expect("in time").expect("followed")
}

async fn snapshot(discovery: &mut Discovery) -> Vec<Workload> {
    loop {
        if let Update::Snapshot(workloads) = next(discovery).await {
            return workloads;
        }
    }
}

/// Reads on until the container of this name is as wanted, and returns all states of it on the way.
async fn until(discovery: &mut Discovery, name: &str, wanted: impl Fn(&Workload) -> bool) -> Vec<Workload> {
    let mut seen = Vec::new();
    loop {
        if let Update::Up(workload) = next(discovery).await
            && *workload.name == *name
        {
            seen.push(workload);
            if wanted(seen.last().expect("just put there")) {
                return seen;
            }
        }
    }
}

async fn until_down(discovery: &mut Discovery, workload: &Workload) {
    loop {
        if let Update::Down(id) = next(discovery).await
            && id == workload.id
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_containers_are_followed_through_their_lives() {
    if !require_root("real_containers_are_followed_through_their_lives") {
        return;
    }
    let dockerd = Dockerd::start();
    let image = image::busybox(&dockerd);
    dockerd.docker(&["network", "create", "--ipv6", "--subnet", "fd00:b1::/64", "shop_backend"]);
    dockerd.docker(&["network", "create", "shop_front"]);
    let mut discovery = follow(&dockerd);
    assert!(snapshot(&mut discovery).await.is_empty());

    let id = dockerd.docker(&[
        "run",
        "-d",
        "--name",
        "cache-1",
        "--network",
        "shop_backend",
        "--label",
        "tier=back",
        "-e",
        "DB_ADDR=db:5432",
        "-e",
        "DB_PASSWORD=hunter2",
        "--expose",
        "6379",
        "-p",
        "127.0.0.1:16379:6379",
        image,
        "nc",
        "-ll",
        "-p",
        "6379",
        "-e",
        "cat",
    ]);
    let complete = |w: &Workload| w.pid != 0 && w.interfaces.iter().any(|i| i.addresses.len() == 2);
    let seen = until(&mut discovery, "cache-1", complete).await;
    assert!(seen.iter().all(|w| w.service.to_string() == "default/cache"), "the service never changes");
    assert_eq!(seen[0].pid, 0, "the service is known before the process");
    let cache = seen.last().expect("at least one").clone();
    assert_eq!((&*cache.id.0, cache.owner), (&*id, WorkloadOwner::ContainerName));
    assert_eq!(cache.pid, dockerd.process_of("cache-1"));
    assert_eq!(cache.declared_peers, ["db:5432".into()] as [Box<str>; 1]);
    assert_eq!(cache.exposes.iter().map(|e| e.port).collect::<Vec<_>>(), [6379]);
    assert_eq!(cache.published[0].host_port, 16379);
    assert_eq!(cache.labels["tier"], "back");
    assert!(cache.image_digest.as_deref().is_some_and(|d| d.starts_with("sha256:")));
    assert!(cache.started.is_some());
    assert!(!format!("{cache:?}").contains("hunter2"));

    // What Docker says of the addresses is what the namespace has, and the path leads there.
    let namespaces = Namespaces::new();
    assert!(path_of(&cache).is_some_and(|path| !path.starts_with("/proc")), "Docker's own path: {cache:?}");
    let namespace = namespaces.of_workload(&cache).expect("entered");
    let inside = namespace.interfaces().expect("listed");
    let eth0 = inside.iter().find(|i| &*i.name == "eth0").expect("it has one");
    assert_eq!(eth0.mac, cache.interfaces[0].mac);
    assert!(cache.interfaces[0].addresses.iter().all(|a| eth0.addresses.contains(a)));
    assert!(process::processes_in(namespace.id()).contains(&cache.pid));

    // A second network at run time.
    dockerd.docker(&["network", "connect", "shop_front", "cache-1"]);
    let both = |w: &Workload| w.interfaces.iter().filter(|i| !i.addresses.is_empty()).count() == 2;
    until(&mut discovery, "cache-1", both).await;
    assert_eq!(namespace.interfaces().expect("listed").iter().filter(|i| !i.loopback).count(), 2);
    dockerd.docker(&["network", "disconnect", "shop_front", "cache-1"]);
    until(&mut discovery, "cache-1", |w| w.interfaces.len() == 1).await;

    // Namespaces that are not its own.
    for (name, mode, expected) in [
        ("sidecar", "container:cache-1", Attachment::Shared(cache.id.clone())),
        ("agent", "host", Attachment::Host),
        ("loner", "none", Attachment::None),
    ] {
        dockerd.docker(&["run", "-d", "--name", name, "--network", mode, image, "sleep", "1000"]);
        let seen = until(&mut discovery, name, |w| w.pid != 0).await;
        assert!(seen.iter().all(|w| w.attachment == expected), "{name}: {seen:?}");
    }

    dockerd.docker(&["rename", "loner", "hermit-2"]);
    let renamed = until(&mut discovery, "hermit-2", |_| true).await;
    assert_eq!(renamed[0].service.to_string(), "default/hermit");

    // A restart is an end and a new beginning, with another process.
    namespaces.forget(namespace.id());
    drop(namespace);
    dockerd.docker(&["restart", "-t", "0", "cache-1"]);
    until_down(&mut discovery, &cache).await;
    let seen = until(&mut discovery, "cache-1", complete).await;
    assert_ne!(seen.last().expect("at least one").pid, cache.pid);
    dockerd.docker(&["rm", "-f", "cache-1"]);
    until_down(&mut discovery, &cache).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_engine_is_survived_and_everything_is_told_anew() {
    if !require_root("a_crash_of_the_engine_is_survived_and_everything_is_told_anew") {
        return;
    }
    let mut dockerd = Dockerd::start_with(&["--live-restore"]);
    let image = image::busybox(&dockerd);
    for name in ["one", "two"] {
        dockerd.docker(&["run", "-d", "--name", name, image, "sleep", "1000"]);
    }
    let mut discovery = follow(&dockerd);
    assert_eq!(snapshot(&mut discovery).await.len(), 2);
    let victim = dockerd.process_of("two");
    dockerd.crash();
    // It ends while nobody tells of it.
    bulkhead_testkit::run_ok("kill", &["-9", &victim.to_string()]);
    dockerd.launch();
    let after = snapshot(&mut discovery).await;
    assert_eq!(after.iter().map(|w| &*w.name).collect::<Vec<_>>(), ["one"]);
    assert!(after[0].pid != 0);
    let status = &discovery.status.read()[0];
    assert_eq!((status.gaps, status.workloads), (1, 1));
    assert!(matches!(status.state, RuntimeState::Connected { .. }));
    dockerd.docker(&["rm", "-f", "one"]);
    until_down(&mut discovery, &after[0]).await;
}

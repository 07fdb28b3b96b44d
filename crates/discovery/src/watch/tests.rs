use super::*;
use bulkhead_model::ServiceName;
use std::{io, time::Duration};

fn workload(id: &str, runtime: &str) -> Workload {
    Workload {
        name: id.into(),
        runtime: runtime.into(),
        image: "image".into(),
        ..Workload::new(WorkloadId(id.into()), ServiceName::new("default", id).expect("valid"))
    }
}

/// A runtime that says what it is told to, one script per connection.
struct Scripted {
    name: &'static str,
    connections: mpsc::Receiver<mpsc::Receiver<Update>>,
}

#[async_trait::async_trait]
impl Runtime for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn endpoint(&self) -> String {
        "script".into()
    }

    async fn follow(&mut self, sink: &Sink) -> RuntimeError {
        let Some(mut script) = self.connections.recv().await else { return std::future::pending().await };
        while let Some(update) = script.recv().await {
            let sent = match update {
                Update::Snapshot(workloads) => sink.snapshot(workloads).await,
                change => sink.send(change).await,
            };
            if let Err(error) = sent {
                return error;
            }
        }
        let source = io::ErrorKind::NotFound.into();
        RuntimeError::Connect { path: "script".into(), source }
    }
}

type Connections = mpsc::Sender<mpsc::Receiver<Update>>;

fn scripted(name: &'static str) -> (Box<dyn Runtime>, Connections) {
    let (connections, receiver) = mpsc::channel(16);
    (Box::new(Scripted { name, connections: receiver }), connections)
}

fn connect(connections: &Connections) -> mpsc::Sender<Update> {
    let (updates, receiver) = mpsc::channel(16);
    connections.try_send(receiver).expect("followed");
    updates
}

fn watch(runtimes: Vec<Box<dyn Runtime>>) -> Discovery {
    watch_runtimes(runtimes, &Backoff::new(Duration::from_millis(1), Duration::from_millis(1)))
}

fn ids(update: Option<Update>) -> Vec<String> {
    match update {
        Some(Update::Snapshot(workloads)) => workloads.iter().map(|w| w.id.0.to_string()).collect(),
        other => panic!("expected a snapshot, got {other:?}"),
    }
}

#[tokio::test]
async fn the_first_snapshot_waits_until_every_runtime_has_spoken_or_is_absent() {
    let (docker, docker_side) = scripted("docker");
    let (containerd, containerd_side) = scripted("containerd");
    let mut discovery = watch(vec![docker, containerd]);
    let docker = connect(&docker_side);
    docker.try_send(Update::Snapshot(vec![workload("a", "docker")])).expect("followed");
    docker.try_send(Update::Up(workload("b", "docker"))).expect("followed");
    drop(connect(&containerd_side)); // not there
    // Whether "b" is in the snapshot or comes after it is a race that does not matter.
    let first = ids(discovery.updates.recv().await);
    assert_eq!(first[0], "a");
    if first.len() == 1 {
        assert_eq!(discovery.updates.recv().await, Some(Update::Up(workload("b", "docker"))));
    }
    let containerd = connect(&containerd_side);
    containerd.try_send(Update::Snapshot(vec![workload("c", "containerd/default")])).expect("followed");
    assert_eq!(ids(discovery.updates.recv().await), ["a", "b", "c"]);
    assert!(matches!(discovery.status.read()[1].state, RuntimeState::Connected { .. }));
}

#[tokio::test]
async fn a_lost_runtime_keeps_its_workloads_and_a_new_snapshot_follows_the_gap() {
    let (docker, docker_side) = scripted("docker");
    let mut discovery = watch(vec![docker]);
    let connection = connect(&docker_side);
    connection
        .try_send(Update::Snapshot(vec![workload("a", "docker"), workload("b", "docker")]))
        .expect("followed");
    assert_eq!(ids(discovery.updates.recv().await), ["a", "b"]);
    drop(connection);
    let connection = connect(&docker_side);
    connection.try_send(Update::Snapshot(vec![workload("b", "docker")])).expect("followed");
    connection.try_send(Update::Down(WorkloadId("b".into()))).expect("followed");
    connection.try_send(Update::Down(WorkloadId("never-known".into()))).expect("followed");
    connection.try_send(Update::Up(workload("c", "docker"))).expect("followed");
    assert_eq!(ids(discovery.updates.recv().await), ["b"]);
    assert_eq!(discovery.updates.recv().await, Some(Update::Down(WorkloadId("b".into()))));
    assert_eq!(discovery.updates.recv().await, Some(Update::Up(workload("c", "docker"))));
    assert_eq!(discovery.status.read()[0].gaps, 1);
}

#[tokio::test]
async fn dockers_containers_are_told_once_however_many_see_them() {
    let (docker, docker_side) = scripted("docker");
    let (containerd, containerd_side) = scripted("containerd");
    let mut discovery = watch(vec![docker, containerd]);
    let from_containerd = connect(&containerd_side);
    let seen = vec![workload("a", "containerd/moby"), workload("n", "containerd/default")];
    from_containerd.try_send(Update::Snapshot(seen)).expect("followed");
    drop(connect(&docker_side)); // not there yet
    assert_eq!(ids(discovery.updates.recv().await), ["a", "n"]);
    let from_docker = connect(&docker_side);
    from_docker.try_send(Update::Snapshot(vec![workload("a", "docker")])).expect("followed");
    let Some(Update::Snapshot(workloads)) = discovery.updates.recv().await else { panic!("no snapshot") };
    let told: Vec<_> = workloads.iter().map(|w| (&*w.id.0, &*w.runtime)).collect();
    assert_eq!(told, [("a", "docker"), ("n", "containerd/default")]);
    from_containerd.try_send(Update::Up(workload("b", "containerd/moby"))).expect("followed");
    from_containerd.try_send(Update::Down(WorkloadId("b".into()))).expect("followed");
    from_containerd.try_send(Update::Up(workload("m", "containerd/k8s.io"))).expect("followed");
    assert_eq!(discovery.updates.recv().await, Some(Update::Up(workload("m", "containerd/k8s.io"))));
}

#[tokio::test]
async fn a_runtime_that_was_never_there_is_absent_not_lost() {
    let (docker, docker_side) = scripted("docker");
    let mut discovery = watch(vec![docker]);
    drop(connect(&docker_side));
    assert!(ids(discovery.updates.recv().await).is_empty());
    assert_eq!(discovery.status.read()[0].state, RuntimeState::Absent);
}

#[tokio::test]
async fn nothing_is_followed_once_nobody_listens() {
    let (docker, docker_side) = scripted("docker");
    let discovery = watch(vec![docker]);
    drop(discovery);
    docker_side.closed().await;
}

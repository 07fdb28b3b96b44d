//! An engine that is only its API: a unix socket that answers with the documents it was given.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::{broadcast, watch},
    task::JoinSet,
};

#[derive(Debug)]
pub(super) struct FakeEngine {
    world: Arc<World>,
    _accepting: JoinSet<()>,
}

#[derive(Debug)]
struct World {
    documents: Mutex<Documents>,
    events: broadcast::Sender<String>,
    /// How many clients read events.
    listeners: watch::Sender<usize>,
    /// Inspections wait while it is true.
    held: watch::Sender<bool>,
    paths: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Documents {
    version: String,
    listed: BTreeMap<String, Value>,
    inspected: BTreeMap<String, String>,
    networks: BTreeMap<String, Value>,
}

impl FakeEngine {
    pub(super) fn listen(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("bound");
        let documents = Documents { version: "1.41".into(), ..Documents::default() };
        let world = Arc::new(World {
            documents: Mutex::new(documents),
            events: broadcast::channel(1 << 14).0,
            listeners: watch::channel(0).0,
            held: watch::channel(false).0,
            paths: Mutex::default(),
        });
        let mut accepting = JoinSet::new();
        let serving = world.clone();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, serving.clone()));
            }
        });
        Self { world, _accepting: accepting }
    }

    pub(super) fn set_version(&self, version: &str) {
        self.world.documents.lock().expect("whole").version = version.into();
    }

    pub(super) fn put(&self, container: &FakeContainer) {
        let mut documents = self.world.documents.lock().expect("whole");
        documents.listed.insert(container.id.clone(), container.listed());
        documents.inspected.insert(container.id.clone(), container.inspected().to_string());
    }

    pub(super) fn put_listed(&self, id: &str, document: Value) {
        self.world.documents.lock().expect("whole").listed.insert(id.into(), document);
    }

    pub(super) fn put_inspected(&self, id: &str, document: &str) {
        self.world.documents.lock().expect("whole").inspected.insert(id.into(), document.into());
    }

    pub(super) fn put_network(&self, id: &str, document: Value) {
        self.world.documents.lock().expect("whole").networks.insert(id.into(), document);
    }

    pub(super) fn remove(&self, id: &str) {
        let mut documents = self.world.documents.lock().expect("whole");
        documents.listed.remove(id);
        documents.inspected.remove(id);
    }

    pub(super) fn hold_inspections(&self, held: bool) {
        self.world.held.send_replace(held);
    }

    pub(super) fn tell(&self, line: &str) {
        self.world.events.send(format!("{line}\n")).expect("somebody listens");
    }

    pub(super) fn tell_of_container(&self, action: &str, id: &str) {
        self.tell(
            &json!({"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": {}}})
                .to_string(),
        );
    }

    pub(super) fn tell_of_network(&self, action: &str, network: &str, container: &str) {
        let attributes = json!({"container": container, "name": network, "type": "bridge"});
        let actor = json!({"ID": format!("{network}-id"), "Attributes": attributes});
        self.tell(&json!({"Type": "network", "Action": action, "Actor": actor}).to_string());
    }

    /// Waits until `count` clients have asked for events.
    pub(super) async fn heard_by(&self, count: usize) {
        self.world.listeners.subscribe().wait_for(|listeners| *listeners >= count).await.expect("alive");
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.world.paths.lock().expect("whole").clone()
    }
}

async fn serve(mut stream: UnixStream, world: Arc<World>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    world.paths.lock().expect("whole").push(path.clone());
    let bare = match path.strip_prefix("/v") {
        Some(rest) => rest.split_once('/').map_or(String::new(), |(_, rest)| format!("/{rest}")),
        None => path,
    };
    if bare.starts_with("/events") {
        let mut events = world.events.subscribe();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        world.listeners.send_modify(|listeners| *listeners += 1);
        while let Ok(line) = events.recv().await {
            let chunk = format!("{:x}\r\n{line}\r\n", line.len());
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
        }
        return;
    }
    if bare.starts_with("/containers/") && !bare.starts_with("/containers/json") {
        let mut held = world.held.subscribe();
        let _ = held.wait_for(|held| !held).await;
    }
    let (status, body) = answer(&bare, &world.documents.lock().expect("whole"));
    let version = world.documents.lock().expect("whole").version.clone();
    let answer = format!(
        "HTTP/1.1 {status}\r\nApi-Version: {version}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn answer(path: &str, documents: &Documents) -> (&'static str, String) {
    const OK: &str = "200 OK";
    let missing = ("404 Not Found", r#"{"message":"no such thing"}"#.to_owned());
    if path == "/_ping" {
        return (OK, "OK".into());
    }
    if let Some(query) = path.strip_prefix("/containers/json") {
        let asked = |id: &String| !query.contains("filters") || query.contains(&**id);
        let listed: Vec<_> =
            documents.listed.iter().filter(|(id, _)| asked(id)).map(|(_, document)| document).collect();
        return (OK, json!(listed).to_string());
    }
    if let Some(id) = path.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json")) {
        return documents.inspected.get(id).map_or(missing, |document| (OK, document.clone()));
    }
    if let Some(id) = path.strip_prefix("/networks/") {
        return documents.networks.get(id).map_or(missing, |document| (OK, document.to_string()));
    }
    missing
}

/// A container of the fake engine, as Docker would describe it.
#[derive(Debug, Clone)]
pub(super) struct FakeContainer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) pid: u32,
    pub(super) address: String,
    pub(super) network_mode: String,
}

impl FakeContainer {
    pub(super) fn running(id: &str, name: &str, pid: u32) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            state: "running",
            pid,
            address: format!("172.18.{}.{}", pid / 250, pid % 250 + 2),
            network_mode: "shop_backend".into(),
        }
    }

    pub(super) fn created(id: &str, name: &str) -> Self {
        Self { state: "created", pid: 0, address: String::new(), ..Self::running(id, name, 0) }
    }

    fn networks(&self) -> Value {
        json!({"shop_backend": {"IPAddress": self.address, "GlobalIPv6Address": "", "MacAddress": ""}})
    }

    fn listed(&self) -> Value {
        json!({
            "Id": self.id,
            "Names": [format!("/{}", self.name)],
            "Image": "redis:7",
            "ImageID": "sha256:aa",
            "Labels": {},
            "State": self.state,
            "Ports": [],
            "HostConfig": {"NetworkMode": self.network_mode},
            "NetworkSettings": {"Networks": self.networks()},
        })
    }

    fn inspected(&self) -> Value {
        json!({
            "Id": self.id,
            "Name": format!("/{}", self.name),
            "Image": "sha256:aa",
            "Path": "redis-server",
            "Args": [],
            "State": {"Status": self.state, "Pid": self.pid, "StartedAt": "2026-11-20T13:30:00Z"},
            "Config": {"Image": "redis:7", "Labels": {}, "Env": null, "ExposedPorts": {"6379/tcp": {}}},
            "HostConfig": {"NetworkMode": self.network_mode, "PortBindings": null},
            "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/x", "Ports": {}, "Networks": self.networks()},
        })
    }
}

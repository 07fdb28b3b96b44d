//! The life of a host's Bulkhead, in network and mount namespaces of its own: up, once only, down, removed.

use bulkhead_api::{QuarantineRequest, Status, client::Client};
use bulkhead_controller::{Controller, ControllerConfig};
use bulkhead_model::{ServiceName, Workload, WorkloadId, WorkloadOwner, node::NodeReport};
use bulkhead_testkit::{Child, Network, netns::Host, require_root};
use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const BULKHEAD: &str = env!("CARGO_BIN_EXE_bulkhead");

/// Furnishes the namespaces, then plays the life; says what every command ended with.
const LIFE: &str = r#"
set -u
bulkhead=$1 state=$2
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
export BULKHEAD_STATE=$state BULKHEAD_LOG=warn
unset BULKHEAD_SERVER BULKHEAD_TOKEN
# A process that waits for the line that ends the announcement needs no clock.
coproc up { exec "$bulkhead" up --listen 127.0.0.1:0 --config /dev/null \
    --docker-socket /run/none.sock --containerd-socket /run/none.sock 2>"$state.log"; }
pid=$up_PID
announced=no
while IFS= read -r line <&"${up[0]}"; do
    echo "said: $line"
    case $line in *"Stop with"*) announced=yes; break ;; esac
done
echo "announced: $announced"
"$bulkhead" status -o json >/dev/null; echo "status: $?"
"$bulkhead" up --config /dev/null 2>"$state.second"; echo "second: $?"
grep -c "process $pid" "$state.second" | sed 's/^/names the first: /'
"$bulkhead" check -o json | grep -q "Bulkhead runs here (process $pid)"; echo "check: $?"
exec {kept}<&"${up[0]}"
"$bulkhead" down >/dev/null; echo "down: $?"
wait "$pid"; echo "up: $?"
[ -d /sys/fs/bpf/bulkhead ]; echo "pinned: $?"
"$bulkhead" down --remove >/dev/null; echo "remove: $?"
[ ! -e /sys/fs/bpf/bulkhead ]; echo "unpinned: $?"
stat -c 'token: %a' "$state/admin.token"
cat "$state.log" >&2
"#;

#[test]
fn one_bulkhead_comes_up_is_found_by_all_commands_goes_down_and_leaves_nothing() {
    if !require_root("the life of a Bulkhead") {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private", "bash", "-c", LIFE, "life"])
        .args([env!("CARGO_BIN_EXE_bulkhead")])
        .arg(dir.path().join("state"))
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [
        "announced: yes",
        "status: 0",
        "second: 6",
        "names the first: 1",
        "check: 0",
        "down: 0",
        "up: 0",
        "pinned: 0",
        "remove: 0",
        "unpinned: 0",
        "token: 600",
    ] {
        assert!(said.lines().any(|l| l == line), "'{line}' is missing in\n{said}\n{log}");
    }
    assert!(said.contains("token       bh_"), "the first run shows its token\n{said}");
}

/// What a host has on its disk when it boots: a service that is cut off from everything.
fn store_a_policy(state: &Path) {
    let redis: ServiceName = "shop/redis".parse().expect("a service name");
    let workload = Workload {
        name: "redis-1".into(),
        owner: WorkloadOwner::Label,
        runtime: "test".into(),
        ..Workload::new(WorkloadId("redis-1".into()), redis.clone())
    };
    tokio::runtime::Runtime::new().expect("threads").block_on(async {
        let config = ControllerConfig {
            state_dir: state.to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            ..ControllerConfig::default()
        };
        let controller = Controller::start(config).await.expect("starts");
        let client = Client::new(&controller.url, controller.admin_token.clone(), None).expect("a client");
        controller.reports.send(NodeReport::Workloads(vec![workload])).await.expect("taken");
        let mut policy = controller.policy.clone();
        policy.wait_for(|policy| policy.identities.contains_key(&redis)).await.expect("published");
        client.quarantine(&redis, &QuarantineRequest::default()).await.expect("quarantined");
        controller.stop().await;
    });
}

/// The capabilities that the unit leaves, as `setpriv --bounding-set` wants them.
fn capabilities_of_the_unit() -> String {
    let unit = include_str!("../../../deploy/systemd/bulkhead.service");
    let given = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).expect("set");
    let names = given.split(' ').map(|name| name.strip_prefix("CAP_").expect("a capability").to_lowercase());
    names.fold("-all".to_owned(), |set, name| format!("{set},+{name}"))
}

fn connect(from: &Host, to: &Host) -> io::Result<TcpStream> {
    let to = SocketAddr::new(to.addresses()[0], 5432);
    from.namespace.enter(|| TcpStream::connect_timeout(&to, Duration::from_secs(2)))
}

/// `bulkhead up` on the network's router, as its unit starts it; returns once the service manager has been told.
fn start(network: &Network, dir: &Path, manager: &UnixDatagram) -> Child {
    let rights = capabilities_of_the_unit();
    let mut arguments =
        vec!["--bounding-set", &rights, "--inh-caps", "-all", "--no-new-privs", BULKHEAD, "up"];
    arguments.extend(["--config", "/dev/null", "--listen", "127.0.0.1:7070"]);
    arguments.extend(["--docker-socket", "/run/none.sock", "--containerd-socket", "/run/none.sock"]);
    let log = dir.join("log");
    let said = std::fs::File::create(&log).expect("a log");
    let mut up = network.router.command("setpriv", &arguments);
    up.env("BULKHEAD_STATE", dir.join("state")).env("BULKHEAD_LOG", "warn").env_remove("BULKHEAD_SERVER");
    up.env("NOTIFY_SOCKET", dir.join("notify")).stdout(Stdio::null()).stderr(said);
    let up = Child::spawn(&mut up).expect("setpriv starts");
    let mut word = [0; 64];
    // The one before may have said good-bye.
    let length = loop {
        let length = manager.recv(&mut word).unwrap_or_else(|error| {
            panic!("never ready: {error}\n{}", std::fs::read_to_string(&log).expect("a log"))
        });
        if &word[..length] != b"STOPPING=1" {
            break length;
        }
    };
    assert_eq!(&word[..length], b"READY=1");
    up
}

fn ask(network: &Network, dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = network.router.command(BULKHEAD, arguments);
    command.env("BULKHEAD_STATE", dir.join("state")).env_remove("BULKHEAD_SERVER");
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn status(network: &Network, dir: &Path) -> Status {
    serde_json::from_slice(&ask(network, dir, &["status", "-o", "json"])).expect("a status")
}

fn assert_closed(network: &mut Network) {
    let rules = network.router.run("nft", &["list", "ruleset"]).stdout;
    assert_eq!(rules.matches(" drop\n").count(), 6, "{rules}");
    let late = network.add_host();
    connect(&network.hosts[late], &network.hosts[0]).expect_err("nobody knows it");
}

#[test]
fn after_a_boot_it_is_ready_once_the_stored_policy_holds_with_no_more_rights_than_its_unit_gives() {
    if !require_root("a boot") {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let dir = dir.path();
    store_a_policy(&dir.join("state"));
    let mut network = Network::new(43, 2);
    let _listener = network.hosts[0].namespace.enter(|| TcpListener::bind("[::]:5432")).expect("a free port");
    connect(&network.hosts[1], &network.hosts[0]).expect("the kernel knows nothing after a boot");
    let manager = UnixDatagram::bind(dir.join("notify")).expect("bind");
    manager.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");

    let up = start(&network, dir, &manager);
    // What a runtime starts from now on is closed until somebody knows it.
    assert_closed(&mut network);
    let now = status(&network, dir);
    assert_eq!(now.enforced_revision, now.revision);
    assert!(now.nodes[0].health.gate, "{now:?}");
    assert!(now.degraded.is_empty(), "{:?}", now.degraded);
    // That nobody knows these interfaces is true; whatever else is said would be a right that is missing.
    let known = ["were here before Bulkhead", "no runtime knows"];
    let troubles = now.not_covered.iter().filter(|said| !known.iter().any(|known| said.contains(known)));
    assert_eq!(troubles.collect::<Vec<_>>(), Vec::<&String>::new());

    // Its database is lost, and the backup with it: the kernel goes on, and new containers stay closed.
    ask(&network, dir, &["down"]);
    drop(up);
    std::fs::write(dir.join("state/bulkhead.db"), "no database".repeat(100)).expect("writes");
    // It is there once the first start was some seconds old.
    let _ = std::fs::remove_file(dir.join("state/bulkhead.db.good"));
    let up = start(&network, dir, &manager);
    assert_closed(&mut network);
    let now = status(&network, dir);
    assert!(now.degraded.iter().any(|wrong| wrong.what.contains("kept as it is")), "{:?}", now.degraded);
    ask(&network, dir, &["down", "--remove"]);
    drop(up);
}

/// What a host lacks, one after the other; says what every start ended with, what it said, and what it left.
const LACKS: &str = r#"
set -u
bulkhead=$1
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
export BULKHEAD_LOG=error
unset BULKHEAD_SERVER BULKHEAD_TOKEN BULKHEAD_STATE
# Reachable for everybody, whatever the folders above it.
touch /run/bin && mount --bind "$bulkhead" /run/bin
try() {
    local name=$1
    shift
    timeout 60 "$@" /run/bin up --config /dev/null --listen 127.0.0.1:0 --state-dir "/run/state-$name" \
        --docker-socket /run/none.sock --containerd-socket /run/none.sock >/dev/null 2>/run/said
    echo "$name: $?"
    sed "s/^/$name says: /" /run/said
    [ -e /sys/fs/bpf/bulkhead ] || echo "$name leaves nothing"
}
nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
try user $nobody
# Also where it may have a lock and a state.
mkdir -p /run/bulkhead /run/state-user2
chmod 777 /run/bulkhead
rm -f /run/bulkhead/*
chown 65534:65534 /run/state-user2
try user2 $nobody
rm -f /run/bulkhead/*
# Somebody else was here first: what they have made is not taken over.
mkdir -p /sys/fs/bpf/bulkhead/v1
chown -R 65534:65534 /sys/fs/bpf/bulkhead
try squatter env
rm -rf /sys/fs/bpf/bulkhead
rm -f /run/bulkhead/*
# The programs need no types of the kernel: it comes up without them.
mkdir /run/empty
mount --bind /run/empty /sys/kernel/btf
coproc up { exec /run/bin up --config /dev/null --listen 127.0.0.1:0 --state-dir /run/state-btf \
    --docker-socket /run/none.sock --containerd-socket /run/none.sock 2>/run/said; }
pid=$up_PID
exec {out}<&"${up[0]}"
while IFS= read -r line <&"$out"; do
    case $line in *"Stop with"*) echo "btf announced"; break ;; esac
done
kill "$pid"; wait "$pid"; echo "btf: $?"; sed 's/^/btf says: /' /run/said
# What is checked is what is so.
/run/bin check -o json | grep -A1 '"check": "btf"' | grep -q '"outcome": "ok"' && echo "btf is not missed"
umount /sys/kernel/btf
/run/bin down --remove -o json
umount /sys/fs/bpf
mount -t tmpfs -o ro tmpfs /sys/fs
try bpffs env
"#;

#[test]
fn where_it_cannot_run_it_ends_with_its_code_says_what_to_do_and_leaves_nothing() {
    if !require_root("what a host may lack") {
        return;
    }
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private", "bash", "-c", LACKS, "lacks"])
        .args([env!("CARGO_BIN_EXE_bulkhead")])
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("btf announced\nbtf: 0"), "{said}\n{log}");
    assert!(said.contains("btf is not missed"), "{said}\n{log}");
    assert!(said.contains("\"enforced\": false,\n  \"left\": []"), "{said}\n{log}");
    for (name, code, remedy) in [
        ("user", 4, "sudo bulkhead up"),
        ("user2", 4, "sudo bulkhead up"),
        ("squatter", 7, "belongs to user 65534; remove it"),
        ("bpffs", 7, "mount -t bpf"),
    ] {
        assert!(said.lines().any(|line| line == format!("{name}: {code}")), "{name}\n{said}\n{log}");
        let says = format!("{name} says: ");
        let told = said.lines().filter_map(|line| line.strip_prefix(&says));
        assert!(
            told.collect::<Vec<_>>().join(" ").contains(remedy),
            "{name} does not say {remedy}\n{said}\n{log}"
        );
        if name == "squatter" {
            continue;
        }
        let nothing = format!("{name} leaves nothing");
        assert!(said.lines().any(|line| line == nothing), "{name} leaves pins\n{said}\n{log}");
    }
}

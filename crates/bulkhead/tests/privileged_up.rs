//! The life of a host's Bulkhead, in network and mount namespaces of its own: up, once only, down, removed.

use bulkhead_testkit::require_root;
use std::process::{Command, Stdio};

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

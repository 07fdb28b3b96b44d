use super::{Finding, host::Host};
use crate::output::amount;
use rustix::process::Resource;
use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

/// Capabilities by number (linux/capability.h) and what each is needed for.
const CAPABILITIES: [(u32, &str, &str); 7] = [
    (39, "CAP_BPF", "load programs"),
    (2, "CAP_DAC_READ_SEARCH", "read what belongs to other users' processes"),
    (12, "CAP_NET_ADMIN", "attach them to interfaces, set nftables rules"),
    (13, "CAP_NET_RAW", "answer a workload whose connection is denied"),
    (38, "CAP_PERFMON", "let the verifier reason about pointers"),
    (21, "CAP_SYS_ADMIN", "enter network namespaces"),
    (19, "CAP_SYS_PTRACE", "find the process behind a connection"),
];

/// What CAP_SYS_ADMIN could do before these were taken out of it, it still can.
const OF_ADMINISTRATORS: [u32; 2] = [38, 39];
const ADMINISTRATOR: u64 = 1 << 21;

pub(super) fn privileges(host: &Host) -> Vec<Finding> {
    vec![capabilities(host), memlock(host)]
}

fn capabilities(host: &Host) -> Finding {
    let status = host.read("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    let missing: Vec<_> = CAPABILITIES
        .iter()
        .filter(|(bit, ..)| {
            effective & (1 << bit) == 0
                && !(OF_ADMINISTRATORS.contains(bit) && effective & ADMINISTRATOR != 0)
        })
        .map(|(_, name, why)| format!("{name} ({why})"))
        .collect();
    if missing.is_empty() {
        Finding::ok("capabilities", "every needed capability is there")
    } else {
        Finding::failed(
            "capabilities",
            format!("missing: {}", missing.join(", ")),
            "`bulkhead up` cannot load or attach its programs",
            "run it as root (sudo bulkhead up), or give the service these capabilities (AmbientCapabilities= in its \
             systemd unit)",
        )
    }
}

fn memlock(host: &Host) -> Finding {
    let limit = rustix::process::getrlimit(Resource::Memlock).current;
    if host.at_least((5, 11)) {
        return Finding::ok(
            "memlock",
            "kernel tables are accounted to the memory cgroup, not to RLIMIT_MEMLOCK",
        );
    }
    match limit {
        Some(bytes) if bytes < 256 << 20 => Finding::warning(
            "memlock",
            format!("locked memory is limited to {} (RLIMIT_MEMLOCK)", amount::bytes(bytes)),
            "before kernel 5.11 the tables count as locked memory; `bulkhead up` raises the limit where it may",
            "ulimit -l unlimited, or LimitMEMLOCK=infinity in the systemd unit",
        ),
        _ => Finding::ok("memlock", "enough memory may be locked for the kernel tables"),
    }
}

pub(super) fn findings(host: &Host, state_dir: &Path) -> Vec<Finding> {
    vec![clock_sane(), clock_synchronised(host), state(state_dir), disk(state_dir), ipv6(host)]
}

fn clock_sane() -> Finding {
    let now = SystemTime::now();
    // The binary itself cannot come from the future: a day for time zones of build machines.
    let built = std::env::current_exe().and_then(fs::metadata).and_then(|m| m.modified());
    match built {
        Ok(built) if built > now + Duration::from_secs(86_400) => Finding::warning(
            "clock",
            "the clock is behind: this program was written in its future",
            "learning counts clock hours, and events carry the wrong time",
            "set the clock (timedatectl set-ntp true)",
        ),
        _ => Finding::ok("clock", "the clock is plausible"),
    }
}

fn clock_synchronised(host: &Host) -> Finding {
    let sources = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid"];
    if sources.iter().any(|path| host.exists(path)) {
        Finding::ok("clock-source", "something keeps the clock right")
    } else {
        Finding::warning(
            "clock-source",
            "nothing seems to keep the clock right (no systemd-timesyncd, chrony or ntpd)",
            "a clock that jumps makes the hours of learning wrong; Bulkhead notices jumps and says so, but cannot \
             mend them",
            "timedatectl set-ntp true, or apt-get install chrony; on a virtual machine whose hypervisor sets the \
             clock, nothing",
        )
    }
}

/// The nearest directory above `dir` that exists.
fn existing(dir: &Path) -> &Path {
    dir.ancestors().find(|d| d.is_dir()).unwrap_or(Path::new("/"))
}

fn state(dir: &Path) -> Finding {
    let there = existing(dir);
    if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_ok() {
        let found = if there == dir { "is writable" } else { "can be created" };
        Finding::ok("state", format!("the state directory {} {found}", dir.display()))
    } else {
        Finding::failed(
            "state",
            format!("cannot write into {}", there.display()),
            "nothing that is learned or written would survive a restart",
            format!("run as root, or choose another: --state-dir DIR (now {})", dir.display()),
        )
    }
}

fn disk(dir: &Path) -> Finding {
    let Ok(stat) = rustix::fs::statvfs(existing(dir)) else {
        return Finding::warning(
            "disk",
            format!("cannot see how much disk is free under {}", dir.display()),
            "history may end early",
            "run this check as root",
        );
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} free for the state directory", amount::bytes(free));
    match free {
        0..0x0400_0000 => Finding::failed(
            "disk",
            found,
            "events and edges could not be stored; at least 64 MiB are needed to start",
            "make room, or choose another place: --state-dir DIR",
        ),
        0x0400_0000..0x4000_0000 => Finding::warning(
            "disk",
            found,
            "history may be cut short: retention gives way before the disk is full",
            "make room, or choose another place: --state-dir DIR",
        ),
        _ => Finding::ok("disk", found),
    }
}

fn ipv6(host: &Host) -> Finding {
    if host.exists("/proc/net/if_inet6") {
        Finding::ok("ip-families", "IPv4 and IPv6")
    } else {
        Finding::ok("ip-families", "IPv4 only: this kernel has IPv6 switched off")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::Outcome;

    #[test]
    fn a_state_directory_that_does_not_exist_yet_is_judged_by_its_parent() {
        let root = tempfile::tempdir().expect("temporary directory");
        let finding = state(&root.path().join("not/yet"));
        assert_eq!(finding.outcome, Outcome::Ok);
        assert!(finding.found.ends_with("can be created"), "{}", finding.found);
    }

    #[test]
    fn missing_capabilities_are_named_with_their_use() {
        let root = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(root.path().join("proc/self")).expect("create");
        fs::write(root.path().join("proc/self/status"), "Name:\tx\nCapEff:\t0000000000000000\n")
            .expect("write");
        let finding = capabilities(&Host::fake(root.path(), "6.1.0"));
        assert_eq!(finding.outcome, Outcome::Failed);
        assert!(finding.found.contains("CAP_BPF (load programs)"), "{}", finding.found);
    }

    #[test]
    fn the_unit_gives_every_capability_that_is_asked_for_and_keeps_the_hosts_mounts() {
        let unit = include_str!("../../../../../deploy/systemd/bulkhead.service");
        let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let given: Vec<&str> = value("CapabilityBoundingSet").expect("set").split(' ').collect();
        for (_, name, _) in CAPABILITIES {
            assert!(given.contains(&name), "{name} is missing in {given:?}");
        }
        assert_eq!(value("Type"), Some("notify"), "runtimes wait until it is ready");
        for key in ["ProtectHome", "ProtectSystem", "PrivateTmp", "PrivateMounts", "InaccessiblePaths"] {
            assert_eq!(value(key), None, "{key} makes a mount namespace, in which pins are lost");
        }
    }
}

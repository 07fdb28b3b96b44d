use super::{Finding, host::Host};

/// The oldest kernel that the programs are made for.
const OLDEST: (u32, u32) = (5, 10);
/// tcx came with 6.6.
const TCX: (u32, u32) = (6, 6);

pub(super) fn findings(host: &Host) -> Vec<Finding> {
    vec![
        version(host),
        btf(host),
        bpffs(host),
        lockdown(host),
        jit(host),
        attach(host),
        nftables(host),
        cgroups(host),
    ]
}

fn version(host: &Host) -> Finding {
    let release = &host.release;
    if host.at_least(OLDEST) {
        Finding::ok("kernel-version", format!("kernel {release} (5.10 or later is needed)"))
    } else {
        Finding::failed(
            "kernel-version",
            format!("kernel {release} is older than 5.10"),
            "the kernel programs do not load, so nothing can be observed or enforced",
            "boot a newer kernel: Debian 11, Ubuntu 22.04, RHEL 9 and later have one",
        )
    }
}

fn btf(host: &Host) -> Finding {
    if host.exists("/sys/kernel/btf/vmlinux") {
        Finding::ok("btf", "the kernel describes its types (BTF)")
    } else {
        // The programs touch packets and tables alone: no structure of the kernel has to be found in it.
        Finding::ok("btf", "the kernel does not describe its types (BTF), and the programs need none of them")
    }
}

fn bpffs(host: &Host) -> Finding {
    match host.mounts().iter().find(|m| m.kind == "bpf" && m.point == "/sys/fs/bpf") {
        Some(mount) if mount.options.split(',').any(|o| o == "ro") => Finding::failed(
            "bpffs",
            "/sys/fs/bpf is mounted read-only",
            "programs and tables cannot be pinned, so enforcement would end with the agent",
            "mount -o remount,rw /sys/fs/bpf",
        ),
        Some(_) => Finding::ok("bpffs", "/sys/fs/bpf is a BPF file system"),
        None if host.exists("/sys/fs/bpf") => Finding::warning(
            "bpffs",
            "no BPF file system at /sys/fs/bpf",
            "programs and tables cannot be pinned until it is mounted, and would not survive the agent; `bulkhead up` \
             mounts it if it may",
            "mount -t bpf bpf /sys/fs/bpf (in a container: mount the host's directory into it)",
        ),
        None => Finding::failed(
            "bpffs",
            "the kernel offers no /sys/fs/bpf",
            "programs and tables cannot be pinned",
            "mount /sys (mount -t sysfs sysfs /sys), or boot a kernel with CONFIG_BPF_SYSCALL=y",
        ),
    }
}

fn lockdown(host: &Host) -> Finding {
    match host.value("/sys/kernel/security/lockdown") {
        Some(text) if text.contains("[confidentiality]") => Finding::failed(
            "lockdown",
            "the kernel is locked down for confidentiality",
            "BPF programs may not read kernel memory, so they are refused",
            "boot with lockdown=integrity (or none)",
        ),
        _ => Finding::ok("lockdown", "kernel lockdown does not forbid BPF programs"),
    }
}

fn jit(host: &Host) -> Finding {
    match host.value("/proc/sys/net/core/bpf_jit_enable").as_deref() {
        Some("0") => Finding::warning(
            "bpf-jit",
            "the BPF compiler of the kernel is off (net.core.bpf_jit_enable=0)",
            "programs are interpreted, at about ten times the cost per packet",
            "sysctl -w net.core.bpf_jit_enable=1",
        ),
        Some(_) => Finding::ok("bpf-jit", "BPF programs are compiled to machine code"),
        None => Finding::warning(
            "bpf-jit",
            "cannot tell whether BPF programs are compiled (net.core.bpf_jit_enable is not readable)",
            "where they are interpreted, a packet costs about ten times as much",
            "run this check as root on the host",
        ),
    }
}

fn attach(host: &Host) -> Finding {
    if host.at_least(TCX) {
        return Finding::ok("attach", "programs attach with tcx, first in order");
    }
    match host.kernel_option("CONFIG_NET_CLS_BPF").as_deref() {
        Some("n") => Finding::failed(
            "attach",
            "neither tcx (kernel 6.6) nor the clsact classifier is in this kernel",
            "programs cannot be attached to the interfaces of containers",
            "boot a kernel with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS, or 6.6 and later",
        ),
        _ => Finding::ok("attach", "programs attach with clsact (tcx needs kernel 6.6)"),
    }
}

fn nftables(host: &Host) -> Finding {
    let means = "the first-packet gate cannot be installed: a new container of an enforced service may send packets \
                 for some milliseconds before its policy holds";
    if host.kernel_option("CONFIG_NF_TABLES").as_deref() == Some("n") {
        return Finding::warning(
            "nftables",
            "this kernel has no nftables",
            means,
            "boot one with CONFIG_NF_TABLES",
        );
    }
    let dirs = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
    match dirs.iter().map(|dir| format!("{dir}/nft")).find(|path| host.exists(path)) {
        Some(path) => {
            Finding::ok("nftables", format!("nftables is there ({path}), for the first-packet gate"))
        }
        None => Finding::warning(
            "nftables",
            "the program nft is not installed",
            means,
            "apt-get install nftables",
        ),
    }
}

/// Hooks are on interfaces; only containers in the host's network, which have none, are told by their control group.
fn cgroups(host: &Host) -> Finding {
    let mounts = host.mounts();
    let v2 = mounts.iter().find(|m| m.kind == "cgroup2");
    let v1 = mounts.iter().any(|m| m.kind == "cgroup");
    let tree = match (v2, v1) {
        (Some(_), false) => "cgroup v2".to_owned(),
        (Some(mount), true) => format!("cgroup v1 and v2 side by side (hybrid; v2 at {})", mount.point),
        (None, true) => "cgroup v1".to_owned(),
        (None, false) => "no cgroup file system".to_owned(),
    };
    let without = "containers in the host's network (--network host) are seen as the host and are not confined; all others are";
    let remedy =
        "boot with systemd.unified_cgroup_hierarchy=1, or give these containers a network of their own";
    match v2 {
        None => Finding::warning("cgroups", format!("{tree}: no hierarchy of version 2"), without, remedy),
        Some(_) if host.kernel_option("CONFIG_CGROUP_BPF").is_some_and(|value| value != "y") => {
            Finding::warning(
                "cgroups",
                format!("{tree}, but the kernel runs no programs for control groups"),
                without,
                "boot a kernel with CONFIG_CGROUP_BPF=y, or give these containers a network of their own",
            )
        }
        Some(_) if v1 => Finding::ok(
            "cgroups",
            format!(
                "{tree}: containers in the host's network are confined where their runtime uses v2 too (runc 1.1)"
            ),
        ),
        Some(_) => {
            Finding::ok("cgroups", format!("{tree}: containers in the host's network are confined too"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::Outcome;
    use std::fs;

    fn host(release: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().expect("temporary directory");
        for (path, content) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("has a parent")).expect("create");
            fs::write(path, content).expect("write");
        }
        let host = Host::fake(root.path(), release);
        (root, host)
    }

    fn outcomes(host: &Host) -> Vec<(&'static str, Outcome)> {
        findings(host).into_iter().map(|f| (f.check, f.outcome)).collect()
    }

    #[test]
    fn a_modern_host_passes_every_kernel_check() {
        let mounts = "29 23 0:26 / /sys/fs/bpf rw shared:10 - bpf bpf rw,mode=700\n\
                      30 23 0:27 / /sys/fs/cgroup rw shared:10 - cgroup2 cgroup2 rw\n";
        let (_root, host) = host(
            "6.12.0-amd64",
            &[
                ("/sys/kernel/btf/vmlinux", ""),
                ("/proc/self/mountinfo", mounts),
                ("/proc/sys/net/core/bpf_jit_enable", "1\n"),
                ("/usr/sbin/nft", ""),
            ],
        );
        assert!(outcomes(&host).iter().all(|(_, o)| *o == Outcome::Ok), "{:?}", findings(&host));
    }

    #[test]
    fn an_old_and_bare_host_fails_with_a_remedy_for_each() {
        let (_root, host) = host("4.19.0", &[("/proc/self/mountinfo", "")]);
        let found = findings(&host);
        let failed: Vec<_> = found.iter().filter(|f| f.outcome == Outcome::Failed).map(|f| f.check).collect();
        assert_eq!(failed, ["kernel-version", "bpffs"]);
        assert!(found.iter().filter(|f| f.outcome != Outcome::Ok).all(|f| !f.remedy.is_empty()));
    }

    #[test]
    fn every_kind_of_cgroup_tree_is_named_with_what_it_means_for_the_hosts_network() {
        let v2 = "30 23 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n";
        let v1 = "31 23 0:28 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory\n";
        for (mounts, named, outcome) in [
            (v2.to_owned(), "cgroup v2: ", Outcome::Ok),
            (v1.to_owned(), "cgroup v1: ", Outcome::Warning),
            (format!("{v2}{v1}"), "/sys/fs/cgroup/unified", Outcome::Ok),
            (String::new(), "no cgroup", Outcome::Warning),
        ] {
            let (_root, host) = host("5.10.0", &[("/proc/self/mountinfo", &mounts)]);
            let finding = cgroups(&host);
            assert_eq!(finding.outcome, outcome, "{}", finding.found);
            assert!(finding.found.contains(named), "{}", finding.found);
            assert_eq!(finding.remedy.contains("unified_cgroup_hierarchy"), outcome == Outcome::Warning);
        }
        let files = [
            ("/proc/self/mountinfo", v2),
            ("/boot/config-5.10.0", "CONFIG_CGROUPS=y\n# CONFIG_CGROUP_BPF is not set\n"),
        ];
        let (_root, host) = host("5.10.0", &files);
        assert_eq!(cgroups(&host).outcome, Outcome::Warning);
    }

    #[test]
    fn a_kernel_before_6_6_attaches_with_clsact() {
        let (_root, old) = host("5.10.0", &[]);
        assert!(attach(&old).found.contains("clsact"));
        let (_root, new) = host("6.6.1", &[]);
        assert!(attach(&new).found.contains("with tcx"));
    }
}

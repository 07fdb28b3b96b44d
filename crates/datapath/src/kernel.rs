use std::{fs, path::Path};

/// `uname -r`.
pub fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// What this kernel offers to the datapath.
#[derive(Debug, Clone)]
pub struct KernelFeatures {
    pub release: String,
    pub version: (u32, u32),
    pub btf: bool,
    pub tcx: bool,
    pub bpffs: bool,
    /// `v1`, `v2` or `hybrid`.
    pub cgroup: &'static str,
}

/// One feature with what it is needed for.
#[derive(Debug, Clone)]
pub struct Feature {
    pub name: &'static str,
    pub present: bool,
    pub needed_for: &'static str,
}

impl KernelFeatures {
    pub fn probe() -> Self {
        let release = kernel_release();
        let version = parse_version(&release);
        let cgroup = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            "v2"
        } else if Path::new("/sys/fs/cgroup/unified").exists() {
            "hybrid"
        } else {
            "v1"
        };
        Self {
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            tcx: version >= (6, 6),
            bpffs: is_bpffs(Path::new("/sys/fs/bpf")),
            cgroup,
            release,
            version,
        }
    }

    pub fn list(&self) -> Vec<Feature> {
        vec![
            Feature {
                name: "kernel 5.10",
                present: self.version >= (5, 10),
                needed_for: "the kernel programs",
            },
            Feature { name: "BTF", present: self.btf, needed_for: "loading typed maps" },
            Feature {
                name: "tcx",
                present: self.tcx,
                needed_for: "ordered, pinned attachment (clsact serves on older kernels)",
            },
            Feature { name: "bpffs", present: self.bpffs, needed_for: "enforcement without the agent" },
            Feature {
                name: "cgroup v2",
                present: self.cgroup == "v2",
                needed_for: "confining host-network workloads",
            },
        ]
    }
}

/// Whether the directory is the root of a mounted bpf file system.
pub(crate) fn is_bpffs(path: &Path) -> bool {
    fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| {
        mounts.lines().any(|line| {
            line.split(' ').nth(4).map(Path::new) == Some(path)
                && line.split(" - ").nth(1).is_some_and(|rest| rest.starts_with("bpf "))
        })
    })
}

fn parse_version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_are_read() {
        assert_eq!(parse_version("5.10.0-30-cloud-amd64"), (5, 10));
        assert_eq!(parse_version("6.18.44-fc-v657"), (6, 18));
        assert_eq!(parse_version(""), (0, 0));
    }
}

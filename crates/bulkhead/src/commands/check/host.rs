//! The files that tell what a host is, under a root that tests may choose.

use std::{fs, io, path::PathBuf};

#[derive(Debug, Clone)]
pub(super) struct Host {
    root: PathBuf,
    /// `uname -r`
    pub(super) release: String,
}

/// Major and minor.
pub(super) type Version = (u32, u32);

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) point: String,
    pub(super) kind: String,
    /// Options of the mount, then of its superblock.
    pub(super) options: String,
}

impl Host {
    pub(super) fn this() -> Self {
        let uname = rustix::system::uname();
        Self { root: "/".into(), release: uname.release().to_string_lossy().into_owned() }
    }

    #[cfg(test)]
    pub(super) fn fake(root: &std::path::Path, release: &str) -> Self {
        Self { root: root.into(), release: release.into() }
    }

    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    pub(super) fn exists(&self, absolute: &str) -> bool {
        self.path(absolute).exists()
    }

    pub(super) fn read(&self, absolute: &str) -> io::Result<String> {
        fs::read_to_string(self.path(absolute))
    }

    /// The content without the line end; none where it cannot be read.
    pub(super) fn value(&self, absolute: &str) -> Option<String> {
        self.read(absolute).ok().map(|text| text.trim().to_owned())
    }

    pub(super) fn version(&self) -> Option<Version> {
        let mut parts = self.release.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    pub(super) fn at_least(&self, version: Version) -> bool {
        self.version().is_some_and(|this| this >= version)
    }

    pub(super) fn mounts(&self) -> Vec<Mount> {
        let text = self.read("/proc/self/mountinfo").unwrap_or_default();
        text.lines().filter_map(parse_mount).collect()
    }

    /// The value of a kernel build option, where the configuration can be found in clear text: `y`, `m`.
    pub(super) fn kernel_option(&self, name: &str) -> Option<String> {
        let text = self.read(&format!("/boot/config-{}", self.release)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Some(line.unwrap_or("n").to_owned())
    }
}

/// See proc_pid_mountinfo(5): `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
fn parse_mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let point = before.nth(4)?.to_owned();
    let own = before.next()?;
    let mut after = after.split(' ');
    let kind = after.next()?.to_owned();
    let superblock = after.nth(1).unwrap_or("");
    Some(Mount { point, kind, options: format!("{own},{superblock}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn releases_of_every_distribution_are_read() {
        for (release, version) in [
            ("5.10.0-28-cloud-amd64", Some((5, 10))),
            ("6.18.44", Some((6, 18))),
            ("6.8.0-rc1", Some((6, 8))),
            ("4.18.0-513.el8.x86_64", Some((4, 18))),
            ("strange", None),
        ] {
            assert_eq!(Host::fake(Path::new("/"), release).version(), version, "{release}");
        }
    }

    #[test]
    fn mounts_are_read_with_and_without_optional_fields() {
        let line = "29 23 0:26 / /sys/fs/bpf rw,nosuid,relatime shared:10 - bpf bpf rw,mode=700";
        let mount = parse_mount(line).expect("well formed");
        assert_eq!((&*mount.point, &*mount.kind), ("/sys/fs/bpf", "bpf"));
        assert_eq!(mount.options, "rw,nosuid,relatime,rw,mode=700");
        assert!(parse_mount("29 23 0:26 / /x rw - tmpfs tmpfs rw").is_some());
        assert!(parse_mount("nonsense").is_none());
    }
}

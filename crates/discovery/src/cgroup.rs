//! The control group of a container, by which the kernel knows its sockets wherever they are.
//!
//! Only groups of version 2 count: those of version 1 take no programs that see packets. And only a group that is the
//! container's own: where a runtime knows version 1 alone, its containers stay in the group of version 2 that it was
//! started in itself, with whatever else is there.

mod watch;

pub use watch::GroupWatch;

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A control group of version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlGroup {
    /// Its folder, as this process sees it.
    pub folder: PathBuf,
    /// The kernel's number of it, never given to another one while the host runs.
    pub id: u64,
}

const UNIFY: &str =
    "boot the host with systemd.unified_cgroup_hierarchy=1, or give the container a network of its own";

/// Why a container has no group of its own that could be used, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("its process has gone")]
    Gone,
    #[error("this host has control groups of version 1 only, which take no programs; {UNIFY}")]
    NoHierarchy,
    #[error(
        "its runtime keeps it in no control group of version 2 of its own (it is in {0}); run it by runc 1.1 or later, \
         {UNIFY}"
    )]
    NotOwn(String),
    #[error(
        "its control group ({0}) is not among those that this process sees; run Bulkhead in the host's cgroup namespace, \
         with the host's /sys/fs/cgroup"
    )]
    Unseen(String),
}

/// The group of the container with this identifier of the runtime's, by its first process.
pub fn of_container(pid: u32, container: &str) -> Result<ControlGroup, GroupError> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).map_err(|_| GroupError::Gone)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let path = own_group(&text, container, has_hierarchy(&mounts))?;
    let folders = folders(&mounts, &path);
    let found = folders.into_iter().find_map(|folder| match number_of(&folder) {
        Ok(id) => Some(ControlGroup { folder, id }),
        Err(_) => None,
    });
    found.ok_or(GroupError::Unseen(path))
}

/// The groups that this process is in itself: its own and those above.
pub fn of_this_process() -> BTreeSet<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")) else { return BTreeSet::new() };
    let paths = Path::new(path).ancestors().filter_map(Path::to_str);
    paths.flat_map(|path| folders(&mounts, path)).filter_map(|folder| number_of(&folder).ok()).collect()
}

/// The number of the group whose folder this is.
pub fn number_of(folder: &Path) -> io::Result<u64> {
    fs::metadata(folder).map(|status| status.ino())
}

/// Out of `/proc/PID/cgroup`: the group of version 2 that is named after the container, not one below it.
fn own_group(text: &str, container: &str, mounted: bool) -> Result<String, GroupError> {
    // A process that has ended but was not waited for is in no group.
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")).filter(|_| mounted) else {
        return Err(if text.is_empty() { GroupError::Gone } else { GroupError::NoHierarchy });
    };
    let mut own = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        own.push('/');
        own.push_str(part);
        if is_named_after(part, container) {
            return Ok(own);
        }
    }
    Err(GroupError::NotOwn(path.to_owned()))
}

/// `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `slice:cri-containerd:ID`.
fn is_named_after(group: &str, container: &str) -> bool {
    // Containerd's own names of containers are only unique in a namespace: `default/web`.
    let id = container.rsplit('/').next().unwrap_or(container);
    let group = group.strip_suffix(".scope").unwrap_or(group);
    let before = group.strip_suffix(id).filter(|_| !id.is_empty());
    // A short name may be the end of somebody else's.
    before.is_some_and(|before| before.is_empty() || id.len() == 64 && before.ends_with(['-', ':']))
}

fn has_hierarchy(mounts: &str) -> bool {
    hierarchies(mounts).next().is_some()
}

/// Root within the hierarchy and mount point, of each mount of version 2.
fn hierarchies(mounts: &str) -> impl Iterator<Item = (&str, &str)> {
    mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (after.split(' ').next() == Some("cgroup2")).then_some((root, point))
    })
}

/// Where the group may be seen.
fn folders(mounts: &str, group: &str) -> Vec<PathBuf> {
    let below = |(root, point): (&str, &str)| {
        let rest = Path::new(group).strip_prefix(root).ok()?;
        Some(Path::new(point).join(rest))
    };
    hierarchies(mounts).filter_map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339caaaa";
    const HYBRID: &str = "30 23 0:27 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755\n\
                          31 30 0:28 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n\
                          32 30 0:29 / /sys/fs/cgroup/unified rw shared:11 - cgroup2 cgroup2 rw\n";

    fn own(path: &str, container: &str) -> Result<String, GroupError> {
        own_group(&format!("4:memory:/elsewhere/{ID}\n0::{path}\n"), container, true)
    }

    #[test]
    fn a_container_is_found_by_its_name_in_every_runtimes_way_of_writing_it() {
        for path in [
            format!("/docker/{ID}"),
            format!("/system.slice/docker-{ID}.scope"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope"),
            format!("/kubepods-pod1.slice:cri-containerd:{ID}"),
        ] {
            assert_eq!(own(&path, ID), Ok(path.clone()));
            // An init system inside of it has groups of its own below.
            assert_eq!(own(&format!("{path}/init.scope"), ID), Ok(path));
        }
        assert_eq!(own("/default/web", "default/web"), Ok("/default/web".to_owned()));
    }

    #[test]
    fn a_group_that_others_are_in_is_nobodys_own() {
        for (path, container) in [
            ("/", ID),
            ("/system.slice/docker.service", ID),
            ("/user.slice", "default/web"),
            ("/default/the-web", "default/web"),
            ("/default/web", ""),
        ] {
            assert_eq!(own(path, container), Err(GroupError::NotOwn(path.to_owned())));
        }
    }

    #[test]
    fn without_a_hierarchy_of_version_2_there_is_nothing_to_do_but_to_boot_with_one() {
        let text = format!("4:memory:/docker/{ID}\n");
        assert_eq!(own_group(&text, ID, true), Err(GroupError::NoHierarchy));
        // The kernel knows one that is mounted nowhere.
        let text = format!("{text}0::/docker/{ID}\n");
        assert_eq!(own_group(&text, ID, false), Err(GroupError::NoHierarchy));
        assert!(GroupError::NoHierarchy.to_string().contains("systemd.unified_cgroup_hierarchy=1"));
    }

    #[test]
    fn the_folder_is_where_the_hierarchy_is_mounted() {
        assert_eq!(folders(HYBRID, "/docker/x"), [PathBuf::from("/sys/fs/cgroup/unified/docker/x")]);
        let part = HYBRID.replace("0:29 / /", "0:29 /docker /");
        assert_eq!(folders(&part, "/docker/x"), [PathBuf::from("/sys/fs/cgroup/unified/x")]);
        assert!(folders(&part, "/other/x").is_empty());
        assert!(!has_hierarchy(
            "31 30 0:28 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory\n"
        ));
    }
}

//! Control groups of version 2, as runtimes make them for containers.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use crate::process::Child;

/// A process is in one group at a time.
static MOVING: Mutex<()> = Mutex::new(());

/// A control group, gone when dropped. Its processes have to be gone by then.
#[derive(Debug)]
pub struct ControlGroup {
    parent: PathBuf,
    folder: PathBuf,
}

/// Where control groups of version 2 are, alone or beside version 1; none where this host has none.
#[must_use]
pub fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        after.starts_with("cgroup2 ").then(|| point.into())
    })
}

impl ControlGroup {
    /// Makes a group of this name, in one that ends with the room.
    ///
    /// # Panics
    /// Without root, or where there is no hierarchy.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let parent = crate::dockerd::cgroup_parent();
        let parent = hierarchy().expect("control groups of version 2").join(parent.trim_start_matches('/'));
        let folder = parent.join(name);
        fs::create_dir_all(&folder).expect("root may make groups");
        Self { parent, folder }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kernel's number of it.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn id(&self) -> u64 {
        fs::metadata(&self.folder).expect("there").ino()
    }

    /// Starts a command in it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new("sh");
        let enter = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", self.folder.display());
        command.args(["-c", &enter, "sh", program]).args(arguments);
        let child = Child::spawn(&mut command).unwrap_or_else(|error| panic!("{program}: {error}"));
        let inside = || {
            let processes = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
            processes.lines().any(|process| process == child.id().to_string())
        };
        assert!(
            crate::wait_until(std::time::Duration::from_secs(20), inside),
            "{program} is not in the group"
        );
        child
    }

    /// Runs a closure while this process is in the group: sockets that it makes belong to the group, and go on to do so
    /// when they are handed back. Those of other threads too: let them make none meanwhile.
    ///
    /// # Panics
    /// When this process cannot be moved.
    pub fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let _one = MOVING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let groups = fs::read_to_string("/proc/self/cgroup").expect("this process runs");
        let before = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let before = hierarchy().expect("it was there").join(before);
        let move_to =
            |folder: &Path| fs::write(folder.join("cgroup.procs"), "0").expect("root may move processes");
        move_to(&self.folder);
        let result = work();
        move_to(&before);
        result
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        let gone = || fs::remove_dir(&self.folder).is_ok() || !self.folder.exists();
        crate::wait_until(std::time::Duration::from_secs(5), gone);
        // Unless there is another one in it.
        let _ = fs::remove_dir(&self.parent);
    }
}

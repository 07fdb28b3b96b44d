use super::{ControlGroup, hierarchies, is_named_after, number_of};
use rustix::{
    fd::OwnedFd,
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
};
use std::{
    collections::HashMap,
    ffi::OsStr,
    fmt, fs, io,
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};
use tokio::io::unix::AsyncFd;

/// Tells of control groups of version 2 as they are made. A runtime makes the group of a container before it starts the
/// container's process.
pub struct GroupWatch {
    inotify: AsyncFd<OwnedFd>,
    /// Groups that are there, by the number of their watch.
    folders: HashMap<i32, PathBuf>,
}

impl fmt::Debug for GroupWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupWatch").field("groups", &self.folders.len()).finish_non_exhaustive()
    }
}

impl GroupWatch {
    /// Of all groups that this process sees; none where there is no hierarchy.
    pub fn new() -> io::Result<Option<Self>> {
        let roots = roots();
        if roots.is_empty() {
            return Ok(None);
        }
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "safe here: nobody else gets at this descriptor, nor replaces it")]
        let inotify = AsyncFd::new(inotify)?;
        let mut watch = Self { inotify, folders: HashMap::new() };
        for root in roots {
            watch.add(&root, &mut Vec::new())?;
        }
        Ok(Some(watch))
    }

    /// Waits for new groups.
    pub async fn next(&mut self) -> io::Result<Vec<ControlGroup>> {
        loop {
            let mut ready = self.inotify.readable().await?;
            let mut made = Vec::new();
            let mut lost = false;
            let mut gone = Vec::new();
            let mut buffer = [MaybeUninit::uninit(); 8192];
            let mut reader = Reader::new(self.inotify.get_ref(), &mut buffer);
            loop {
                match reader.next() {
                    Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => lost = true,
                    Ok(event) if event.events().contains(ReadFlags::IGNORED) => gone.push(event.wd()),
                    Ok(event) => {
                        if let (Some(parent), Some(name)) = (self.folders.get(&event.wd()), event.file_name())
                        {
                            made.push(parent.join(OsStr::from_bytes(name.to_bytes())));
                        }
                    }
                    Err(rustix::io::Errno::AGAIN) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            ready.clear_ready();
            drop(ready);
            for number in gone {
                self.folders.remove(&number);
            }
            if lost {
                made = roots();
            }
            let mut found = Vec::new();
            for folder in made {
                // It may have gone again.
                let _ = self.add(&folder, &mut found);
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// The group that is named after a container.
    pub fn named_after(&self, container: &str) -> Option<ControlGroup> {
        let mut named = self.folders.values().filter(|folder| is_of(folder, container));
        named.find_map(|folder| group_at(folder))
    }

    /// Watches a folder and all below it, and adds those that are new to `found`.
    fn add(&mut self, folder: &Path, found: &mut Vec<ControlGroup>) -> io::Result<()> {
        let flags = WatchFlags::CREATE | WatchFlags::ONLYDIR;
        let number = inotify::add_watch(self.inotify.get_ref(), folder, flags)?;
        if self.folders.insert(number, folder.to_owned()).is_none() {
            found.extend(group_at(folder));
        }
        // What was made in it before it was watched.
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let _ = self.add(&entry.path(), found);
            }
        }
        Ok(())
    }
}

impl ControlGroup {
    /// Whether it is named after the container.
    pub fn is_of(&self, container: &str) -> bool {
        is_of(&self.folder, container)
    }
}

fn is_of(folder: &Path, container: &str) -> bool {
    folder.file_name().and_then(OsStr::to_str).is_some_and(|name| is_named_after(name, container))
}

fn group_at(folder: &Path) -> Option<ControlGroup> {
    number_of(folder).ok().map(|id| ControlGroup { folder: folder.to_owned(), id })
}

fn roots() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    hierarchies(&mounts).map(|(_, point)| point.into()).collect()
}

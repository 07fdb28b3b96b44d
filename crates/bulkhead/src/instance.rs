//! One Bulkhead per host: a lock that dies with its process, and the process id in it.

use crate::exit::{Code, Failure};
use anyhow::Result;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Where the lock is; tests and several instances in namespaces may choose another.
pub(crate) const RUN_DIR: &str = "/run/bulkhead";
const LOCK: &str = "bulkhead.lock";

/// The process that holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: i32,
}

/// Held as long as it lives. The kernel lets go of it however the process ends, so that it can never be stale.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(run_dir: &Path) -> Result<Lock> {
        fs::create_dir_all(run_dir).map_err(|error| refused("create", run_dir, error))?;
        let path = run_dir.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| refused("open", &path, error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let who = read_pid(&mut file).map_or("another process".into(), |pid| format!("process {pid}"));
            return Err(Failure::new(Code::Invalid, format!("Bulkhead already runs on this host ({who})"))
                .remedy("look at it: bulkhead status; stop it: bulkhead down")
                .into());
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Lock { _file: file })
    }
}

fn refused(verb: &str, path: &Path, error: io::Error) -> anyhow::Error {
    let what = format!("cannot {verb} {}: {error}", path.display());
    if error.kind() == io::ErrorKind::PermissionDenied {
        Failure::new(Code::NotPermitted, what).remedy("run as root: sudo bulkhead up").into()
    } else {
        Failure::new(Code::Failed, what).into()
    }
}

/// Who holds the lock now; nobody where it cannot be read.
pub(crate) fn holder(run_dir: &Path) -> Option<Holder> {
    let mut file = File::open(run_dir.join(LOCK)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        // The file is closed at once, and the lock with it.
        Ok(()) => None,
        Err(_) => read_pid(&mut file).map(|pid| Holder { pid }),
    }
}

fn read_pid(file: &mut File) -> Option<i32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|&pid| pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_told_who_runs() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert_eq!(holder(dir.path()), None);
        let lock = Lock::take(dir.path()).expect("free");
        let me = std::process::id();
        assert_eq!(holder(dir.path()).map(|h| h.pid as u32), Some(me));
        let refused = Lock::take(dir.path()).expect_err("taken");
        assert_eq!(refused.to_string(), format!("Bulkhead already runs on this host (process {me})"));
        drop(lock);
        assert_eq!(holder(dir.path()), None);
        drop(Lock::take(dir.path()).expect("free again"));
    }
}

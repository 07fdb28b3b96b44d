//! Network namespaces of workloads, looked into from outside.
//!
//! `setns` concerns one thread. A namespace is entered by a thread of its own, which opens the netlink sockets there
//! and ends; the sockets go on answering for that namespace from any thread. So no thread of the caller ever changes
//! its namespace, and a question costs one system call or two.
//!
//! A [`Namespace`] that is held keeps the kernel's namespace alive, with its addresses and the far ends of its links.
//! [`Namespaces::forget`] it when its workload goes.

mod cache;
mod interface;

pub use cache::Namespaces;
pub use interface::NamespaceInterface;

use crate::netlink::{Family, Socket};
use bulkhead_model::Workload;
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{Mode, OFlags},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use std::{
    fmt, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

/// The inode of the namespace, as `readlink /proc/PID/ns/net` shows it. Unique while the namespace lives; the kernel
/// gives the number away again afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId {
    pub device: u64,
    pub inode: u64,
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.inode)
    }
}

/// The namespace cannot be entered or asked.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    #[error("cannot open the network namespace {}: it is gone, or this process lacks root", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot enter the network namespace {}: not a network namespace, or CAP_SYS_ADMIN is missing", path.display())]
    Enter { path: PathBuf, source: io::Error },
    #[error("the kernel does not answer {question} in {namespace}")]
    Ask { namespace: NamespaceId, question: &'static str, source: io::Error },
    #[error("the workload runs in no namespace of its own that could be entered")]
    Nowhere,
}

/// One network namespace that can be asked. Cheap to ask, not to open: get it from [`Namespaces`].
#[derive(Debug)]
pub struct Namespace {
    id: NamespaceId,
    ephemeral: RangeInclusive<u16>,
    route: Mutex<Socket>,
    diagnosis: Mutex<Socket>,
    /// The processes that were found here last, ascending: a hint that spares the walk through all of `/proc`.
    pub(crate) processes: Mutex<Vec<u32>>,
}

impl Namespace {
    /// Of the process `pid`. Make sure that the process is still the one that is meant: numbers are reused.
    pub fn of_process(pid: u32) -> Result<Self, NamespaceError> {
        Self::at(&PathBuf::from(format!("/proc/{pid}/ns/net")))
    }

    /// By a path that leads to the namespace: `/proc/PID/ns/net`, or a bind mount of it such as
    /// `/var/run/docker/netns/...` and `/run/netns/...`.
    pub fn at(path: &Path) -> Result<Self, NamespaceError> {
        Self::enter(open(path)?, path)
    }

    fn enter(file: OwnedFd, path: &Path) -> Result<Self, NamespaceError> {
        let failed = |source| NamespaceError::Enter { path: path.to_owned(), source };
        let id = identify(&file).map_err(|e| failed(e.into()))?;
        let (route, diagnosis, ephemeral) = within(file, || {
            Ok((Socket::open(Family::Route)?, Socket::open(Family::SocketDiagnosis)?, ephemeral_ports()))
        })
        .map_err(failed)?;
        Ok(Self {
            id,
            ephemeral,
            route: Mutex::new(route),
            diagnosis: Mutex::new(diagnosis),
            processes: Mutex::default(),
        })
    }

    pub fn id(&self) -> NamespaceId {
        self.id
    }

    /// The ports that the namespace's kernel gives to sockets that ask for none.
    pub fn ephemeral_ports(&self) -> RangeInclusive<u16> {
        self.ephemeral.clone()
    }

    /// The interfaces of the namespace with their addresses, loopback too.
    pub fn interfaces(&self) -> Result<Vec<NamespaceInterface>, NamespaceError> {
        interface::list(&mut self.route.lock().unwrap_or_else(PoisonError::into_inner))
            .map_err(|source| self.unanswered("for its interfaces", source))
    }

    pub(crate) fn diagnose<T>(
        &self,
        question: &'static str,
        ask: impl FnOnce(&mut Socket) -> io::Result<T>,
    ) -> Result<T, NamespaceError> {
        ask(&mut self.diagnosis.lock().unwrap_or_else(PoisonError::into_inner))
            .map_err(|source| self.unanswered(question, source))
    }

    fn unanswered(&self, question: &'static str, source: io::Error) -> NamespaceError {
        NamespaceError::Ask { namespace: self.id, question, source }
    }
}

/// The interfaces of the namespace that `path` leads to. For repeated questions hold a [`Namespace`].
pub fn namespace_interfaces(path: &Path) -> Result<Vec<NamespaceInterface>, NamespaceError> {
    Namespace::at(path)?.interfaces()
}

/// Where the workload's namespace can be entered: the runtime's own path, which no recycled process number can lead
/// astray, else its first process.
pub fn path_of(workload: &Workload) -> Option<PathBuf> {
    let named = workload.netns.as_deref().map(PathBuf::from).filter(|path| path.exists());
    named.or_else(|| (workload.pid != 0).then(|| PathBuf::from(format!("/proc/{}/ns/net", workload.pid))))
}

fn open(path: &Path) -> Result<OwnedFd, NamespaceError> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| NamespaceError::Open { path: path.to_owned(), source: e.into() })
}

fn identify(file: impl AsFd) -> rustix::io::Result<NamespaceId> {
    let status = rustix::fs::fstat(file)?;
    Ok(NamespaceId { device: status.st_dev, inode: status.st_ino })
}

/// Runs `act` on a thread that has entered the namespace, and ends the thread.
fn within<T: Send + 'static>(
    namespace: OwnedFd,
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let thread = thread::Builder::new().name("in-namespace".into()).spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        act()
    })?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace panicked")))
}

/// `/proc/sys/net` shows the values of the namespace of the thread that reads it.
fn ephemeral_ports() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let range = text.ok().and_then(|text| {
        let mut numbers = text.split_whitespace().map(str::parse::<u16>);
        Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
    });
    range.unwrap_or(32768..=60999) // the kernel's own default
}

//! Processes of a workload, and the process behind a connection, without probes in the kernel.
//!
//! A connection leads to its socket's inode ([`crate::socket`]), the inode to a process that holds it open. The answer
//! is *absent rather than wrong*: everything about a process is read through one open descriptor of its `/proc`
//! directory, which goes dead with the process and never shows another that got its number, and the socket is
//! looked at again when all is read.

mod parents;
mod procfs;

use crate::{
    namespace::{Namespace, NamespaceError, NamespaceId},
    socket::{self, SocketTuple},
};
use bulkhead_model::Process;
use procfs::ProcessDirectory;
use std::sync::PoisonError;

/// Bytes of a command line that are kept.
pub const COMMAND_LINE_LIMIT: usize = 256;

/// The process behind a connection of this namespace; where several share the socket, the one with the lowest number,
/// which is as a rule the one that opened it. `None` when it cannot be known for certain any more.
pub fn of_connection(namespace: &Namespace, tuple: &SocketTuple) -> Result<Option<Process>, NamespaceError> {
    Ok(socket::inode_of(namespace, tuple)?.and_then(|inode| of_socket(namespace, inode)))
}

/// The process of this number, which has just been told by the kernel.
pub fn of_pid(pid: u32) -> Option<Process> {
    let directory = ProcessDirectory::open(pid)?;
    Some(Process {
        pid,
        executable: directory.executable()?,
        command_line: directory.command_line(COMMAND_LINE_LIMIT)?,
        uid: directory.uid()?,
        parents: parents::parents(&directory),
    })
}

/// The process of this namespace that holds the socket open.
pub fn of_socket(namespace: &Namespace, inode: u64) -> Option<Process> {
    if inode == 0 {
        return None;
    }
    let mut known = namespace.processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(process) = first_owner(&known, namespace.id(), inode) {
        return Some(process);
    }
    let fresh = processes_in(namespace.id());
    *namespace.processes.lock().unwrap_or_else(PoisonError::into_inner) = fresh.clone();
    known.sort_unstable();
    let unknown: Vec<u32> = fresh.into_iter().filter(|pid| known.binary_search(pid).is_err()).collect();
    first_owner(&unknown, namespace.id(), inode)
}

/// The numbers of all processes in the namespace, ascending, without threads of the kernel and what has ended.
pub fn processes_in(namespace: NamespaceId) -> Vec<u32> {
    let is_here = |pid: &u32| {
        ProcessDirectory::open(*pid).is_some_and(|directory| {
            directory.network_namespace() == Some(namespace.inode) && directory.executable().is_some()
        })
    };
    let mut found: Vec<u32> = procfs::all_processes().filter(is_here).collect();
    found.sort_unstable();
    found
}

fn first_owner(pids: &[u32], namespace: NamespaceId, inode: u64) -> Option<Process> {
    pids.iter().find_map(|pid| {
        let directory = ProcessDirectory::open(*pid)?;
        if directory.network_namespace() != Some(namespace.inode) {
            return None;
        }
        let descriptor = directory.descriptor_of(inode)?;
        let process = Process {
            pid: *pid,
            executable: directory.executable()?,
            command_line: directory.command_line(COMMAND_LINE_LIMIT)?,
            uid: directory.uid()?,
            parents: parents::parents(&directory),
        };
        directory.holds(&descriptor, inode).then_some(process)
    })
}

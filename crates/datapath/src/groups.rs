//! Programs on control groups: workloads in the host's network have no interface, their sockets are told by their group.

use crate::{Datapath, DatapathError, attach::unpin_link, error::in_table, sys};
use aya::programs::{Program, ProgramError, ProgramFd};
use bulkhead_abi::FIRST_GROUP;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

/// Program, `enum bpf_attach_type`, name of the pin. What is sent and received comes first: from then on nothing passes
/// unseen.
const HOOKS: [(&str, u32, &str); 4] = [
    ("bh_from_socket", 1, "from"),
    ("bh_to_socket", 0, "to"),
    ("bh_connect4", 10, "connect4"),
    ("bh_connect6", 11, "connect6"),
];

impl Datapath {
    /// Has the kernel take the programs of control groups, which costs some tens of milliseconds once. A kernel without
    /// `CONFIG_CGROUP_BPF` does not take them.
    pub fn load_group_programs(&mut self) -> Result<(), DatapathError> {
        for (name, _, _) in HOOKS {
            let program =
                self.ebpf.program_mut(name).expect("the object holds every program that is named here");
            let loaded = match program {
                Program::CgroupSkb(program) if program.fd().is_err() => program.load(),
                Program::CgroupSockAddr(program) if program.fd().is_err() => program.load(),
                _ => Ok(()),
            };
            loaded.map_err(|source| DatapathError::Program { name, source: Box::new(source) })?;
        }
        Ok(())
    }

    /// Puts the programs on a control group of version 2, of which `id` is the number (that of its folder's inode), or
    /// replaces those of an earlier agent without a gap. Its sockets are an endpoint of this number, from
    /// [`FIRST_GROUP`] on: see [`Self::set_endpoint`].
    pub fn attach_group(&mut self, folder: &Path, id: u64, endpoint: u32) -> Result<(), DatapathError> {
        if !(FIRST_GROUP..1 << 24).contains(&endpoint) {
            return Err(DatapathError::Ifindex(endpoint));
        }
        self.load_group_programs()?;
        self.groups.set(&id, &endpoint).map_err(in_table(&self.groups))?;
        let failed = |source| DatapathError::Group { group: folder.to_owned(), source };
        let group = File::open(folder).map_err(failed)?;
        for (name, kind, side) in HOOKS {
            if self.renew_link(name, &self.group_link(id, side))? {
                continue;
            }
            let program = self.group_program(name)?;
            let link = sys::create_link(program.as_fd(), group.as_fd(), kind).map_err(failed)?;
            sys::pin(link.as_fd(), &self.group_link(id, side)).map_err(failed)?;
        }
        Ok(())
    }

    /// Replaces the programs that an earlier agent put on control groups by those of this one, and forgets groups that
    /// are gone. Returns the endpoint of each group that is left.
    pub fn take_over_groups(&mut self) -> Result<BTreeMap<u64, u32>, DatapathError> {
        let mut kept = BTreeMap::new();
        let mut pinned = self.pinned_groups();
        pinned.extend(self.groups.keys().map_err(in_table(&self.groups))?);
        for id in pinned {
            let endpoint = self.groups.get(&id).map_err(in_table(&self.groups))?;
            let mut whole = endpoint.is_some();
            if whole {
                self.load_group_programs()?;
            }
            for (name, _, side) in HOOKS {
                whole = whole && self.renew_link(name, &self.group_link(id, side))?;
            }
            match endpoint {
                Some(endpoint) if whole => {
                    kept.insert(id, endpoint);
                }
                _ => self.detach_group(id)?,
            }
        }
        Ok(kept)
    }

    /// Takes the programs off a control group, which may be gone. When this returns, no packet meets them any more.
    pub fn detach_group(&self, id: u64) -> Result<(), DatapathError> {
        for (_, _, side) in HOOKS {
            if let Err(error) = unpin_link(&self.group_link(id, side)) {
                tracing::debug!(%error, id, side, "link of a control group");
            }
        }
        if let Some(endpoint) = self.groups.get(&id).map_err(in_table(&self.groups))? {
            self.remove_endpoint(endpoint)?;
            self.forget_flows(endpoint)?;
        }
        self.groups.remove(&id).map_err(in_table(&self.groups))
    }

    fn group_link(&self, id: u64, side: &str) -> PathBuf {
        self.pins.join("groups").join(format!("{id}-{side}"))
    }

    fn pinned_groups(&self) -> BTreeSet<u64> {
        let entries = fs::read_dir(self.pins.join("groups")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.split_once('-')?.0.parse().ok()).collect()
    }

    /// Whether a link is pinned there that took the program. One that did not, of a group that is gone, is removed.
    fn renew_link(&self, name: &'static str, path: &Path) -> Result<bool, DatapathError> {
        let link = match sys::open_pinned(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            link => link.map_err(|source| DatapathError::Group { group: path.to_owned(), source })?,
        };
        let renewed = sys::update_link(link.as_fd(), self.group_program(name)?.as_fd()).is_ok();
        if !renewed {
            let _ = fs::remove_file(path);
        }
        Ok(renewed)
    }

    fn group_program(&self, name: &'static str) -> Result<&ProgramFd, DatapathError> {
        let fd = match self.ebpf.program(name) {
            Some(Program::CgroupSkb(program)) => program.fd(),
            Some(Program::CgroupSockAddr(program)) => program.fd(),
            _ => Err(ProgramError::NotLoaded),
        };
        fd.map_err(|source| DatapathError::Program { name, source: Box::new(source) })
    }
}

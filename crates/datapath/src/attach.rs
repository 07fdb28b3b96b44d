use crate::{Datapath, DatapathError, kernel::interfaces, load::program, sys};
use aya::programs::{
    LinkOrder, ProgramError, TcAttachType,
    links::{FdLink, PinnedLink},
    tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle},
};
use std::{fmt, fs, io, path::Path, process::Command};

/// How programs sit on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachKind {
    /// Links of their own, first in order, pinned (kernel 6.6).
    Tcx,
    /// Filters of the clsact qdisc, which outlive the process by themselves.
    Clsact,
}

impl fmt::Display for AttachKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        })
    }
}

/// Priority and handle of our clsact filters: first, and recognisable.
const PRIORITY: u16 = 1;
const HANDLE: u32 = 0xb01;

const HOOKS: [(&str, TcAttachType, &str); 2] =
    [("bh_from_workload", TcAttachType::Ingress, "from"), ("bh_to_workload", TcAttachType::Egress, "to")];

impl Datapath {
    /// Puts both programs on the host's side of a workload's interface, or replaces those of an earlier agent without
    /// a gap.
    pub fn attach(&mut self, interface: &str, ifindex: u32) -> Result<(), DatapathError> {
        for (name, hook, side) in HOOKS {
            match self.attach {
                AttachKind::Tcx => self.attach_tcx(interface, ifindex, name, hook, side)?,
                AttachKind::Clsact => self.attach_clsact(interface, name, hook)?,
            }
        }
        Ok(())
    }

    fn attach_tcx(
        &mut self,
        interface: &str,
        ifindex: u32,
        name: &'static str,
        hook: TcAttachType,
        side: &str,
    ) -> Result<(), DatapathError> {
        let path = self.pins.join("links").join(format!("{ifindex}-{side}"));
        let failed =
            |source| DatapathError::Attach { interface: interface.to_owned(), source: Box::new(source) };
        let program = program(&mut self.ebpf, name)?;
        if let Ok(old) = PinnedLink::from_pin(&path) {
            if let Ok(link) = SchedClassifierLink::try_from(FdLink::from(old))
                && let Ok(id) = program.attach_to_link(link)
            {
                // The pin keeps the link; what is taken here is one more reference to it.
                drop(program.take_link(id).map_err(failed)?);
                return Ok(());
            }
            // It belonged to an interface that is gone.
            let _ = fs::remove_file(&path);
        }
        let id = program
            .attach_with_options(interface, hook, TcAttachOptions::TcxOrder(LinkOrder::first()))
            .map_err(failed)?;
        let link = program.take_link(id).map_err(failed)?;
        let link: FdLink = link.try_into().map_err(|_| failed(ProgramError::NotAttached))?;
        link.pin(&path).map_err(|source| DatapathError::Pin { interface: interface.to_owned(), source })?;
        Ok(())
    }

    fn attach_clsact(
        &mut self,
        interface: &str,
        name: &'static str,
        hook: TcAttachType,
    ) -> Result<(), DatapathError> {
        let failed =
            |source| DatapathError::Attach { interface: interface.to_owned(), source: Box::new(source) };
        // "Exists" is the usual answer at the second hook and at a restart.
        let _ = tc::qdisc_add_clsact(interface);
        let program = program(&mut self.ebpf, name)?;
        let handle = TcHandle::from(HANDLE);
        let replaced = SchedClassifierLink::attached(interface, hook, PRIORITY, handle, None)
            .map_err(ProgramError::IOError)
            .and_then(|link| program.attach_to_link(link));
        let id = match replaced {
            Ok(id) => id,
            Err(_) => {
                let options = NlOptions { priority: PRIORITY, handle, classid: None };
                program
                    .attach_with_options(interface, hook, TcAttachOptions::Netlink(options))
                    .map_err(failed)?
            }
        };
        let link = program.take_link(id).map_err(failed)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "dropping it would detach the filter, which shall stay"
        )]
        std::mem::forget(link);
        Ok(())
    }

    /// Takes the programs off an interface that is still there. When this returns, no packet meets them any more.
    pub fn detach(&mut self, interface: &str, ifindex: u32) {
        for (name, hook, side) in HOOKS {
            let _ = unpin_link(&self.pins.join("links").join(format!("{ifindex}-{side}")));
            if self.attach == AttachKind::Clsact {
                let _ = tc::qdisc_detach_program(interface, hook, name);
            }
        }
    }

    /// Forgets what belonged to an interface that is gone.
    pub fn forget(&self, ifindex: u32) -> Result<(), DatapathError> {
        for (_, _, side) in HOOKS {
            let _ = fs::remove_file(self.pins.join("links").join(format!("{ifindex}-{side}")));
        }
        self.remove_endpoint(ifindex)
    }

    /// Interfaces for which links are pinned, by index.
    pub fn pinned(&self) -> Vec<u32> {
        let entries = fs::read_dir(self.pins.join("links")).into_iter().flatten().flatten();
        let mut indices: Vec<u32> =
            entries.filter_map(|entry| entry.file_name().to_str()?.split_once('-')?.0.parse().ok()).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

/// Detaches and forgets a link; that there is none is no error.
pub(crate) fn unpin_link(path: &Path) -> io::Result<()> {
    let detached = match sys::detach_pinned(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result,
    };
    fs::remove_file(path).and(detached)
}

/// Takes every program off every interface and control group and removes every pin below `pins`: when this returns, nothing is enforced
/// any more.
pub fn remove_all(pins: &Path) -> io::Result<()> {
    let mut result = Ok(());
    let folders = ["links", "groups"].map(|folder| fs::read_dir(pins.join(folder)));
    for link in folders.into_iter().flatten().flatten().flatten() {
        // Whatever happens, the rest goes too.
        result = result.and(unpin_link(&link.path()));
    }
    for interface in interfaces()? {
        let mut ours = false;
        for (name, hook, _) in HOOKS {
            ours |= tc::qdisc_detach_program(&interface, hook, name).is_ok();
        }
        if ours {
            remove_empty_clsact(&interface);
        }
    }
    match fs::remove_dir_all(pins) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => result,
        removed => result.and(removed),
    }
}

/// The qdisc was added for our filters; it goes with them unless somebody else has put filters there.
fn remove_empty_clsact(interface: &str) {
    let empty = ["ingress", "egress"].iter().all(|side| {
        Command::new("tc")
            .args(["filter", "show", "dev", interface, side])
            .output()
            .is_ok_and(|output| output.status.success() && output.stdout.is_empty())
    });
    if empty {
        let _ = Command::new("tc").args(["qdisc", "del", "dev", interface, "clsact"]).status();
    }
}

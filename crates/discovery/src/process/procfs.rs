use rustix::{
    fd::OwnedFd,
    fs::{CWD, Dir, Mode, OFlags, openat, readlinkat, readlinkat_raw},
};
use std::{ffi::CString, fs::File, io::Read};

/// One process's directory under `/proc`, held open: reads fail once the process is gone, whoever got its number.
#[derive(Debug)]
pub(super) struct ProcessDirectory(OwnedFd);

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

impl ProcessDirectory {
    pub(super) fn open(pid: u32) -> Option<Self> {
        openat(CWD, format!("/proc/{pid}"), DIRECTORY, Mode::empty()).ok().map(Self)
    }

    /// Inode of its network namespace.
    pub(super) fn network_namespace(&self) -> Option<u64> {
        inode_in(&self.link("ns/net")?, "net")
    }

    /// Inode of its process namespace.
    pub(super) fn process_namespace(&self) -> Option<u64> {
        inode_in(&self.link("ns/pid")?, "pid")
    }

    /// Name of the descriptor that refers to the socket.
    pub(super) fn descriptor_of(&self, inode: u64) -> Option<CString> {
        let descriptors = openat(&self.0, "fd", READ | OFlags::DIRECTORY, Mode::empty()).ok()?;
        let mut list = Dir::read_from(&descriptors).ok()?;
        while let Some(Ok(entry)) = list.next() {
            // What does not fit is longer than the name of any socket.
            let mut link = [0; 32];
            let name = entry.file_name();
            let Ok(length) = readlinkat_raw(&descriptors, name, &mut link) else { continue };
            if std::str::from_utf8(&link[..length]).ok().and_then(|link| inode_in(link, "socket"))
                == Some(inode)
            {
                return Some(name.to_owned());
            }
        }
        None
    }

    /// Whether the descriptor refers to the socket (still).
    pub(super) fn holds(&self, descriptor: &CString, inode: u64) -> bool {
        let path = format!("fd/{}", descriptor.to_string_lossy());
        self.link(&path).and_then(|link| inode_in(&link, "socket")) == Some(inode)
    }

    /// Absolute path as the process sees it. `None` for kernel threads.
    pub(super) fn executable(&self) -> Option<Box<str>> {
        let path = self.link("exe")?;
        Some(path.strip_suffix(" (deleted)").unwrap_or(&path).into())
    }

    /// Arguments separated by blanks, at most `limit` bytes, control characters replaced: it ends up on terminals.
    pub(super) fn command_line(&self, limit: usize) -> Option<Box<str>> {
        Some(tidy(&self.read("cmdline", limit)?, limit))
    }

    /// Effective user.
    pub(super) fn uid(&self) -> Option<u32> {
        self.status_field("Uid:")?.split_whitespace().nth(1)?.parse().ok()
    }

    pub(super) fn parent(&self) -> Option<u32> {
        self.status_field("PPid:")?.trim().parse().ok()
    }

    fn status_field(&self, name: &str) -> Option<String> {
        let status = self.read("status", 8 * 1024)?;
        let status = String::from_utf8_lossy(&status);
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
    }

    fn link(&self, name: &str) -> Option<String> {
        let target = readlinkat(&self.0, name, Vec::new()).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    fn read(&self, name: &str, limit: usize) -> Option<Vec<u8>> {
        read_at(&self.0, name, limit)
    }
}

fn read_at(directory: &OwnedFd, name: &str, limit: usize) -> Option<Vec<u8>> {
    let file = File::from(openat(directory, name, READ, Mode::empty()).ok()?);
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The numbers of all processes.
pub(super) fn all_processes() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// `socket:[4711]` → 4711.
fn inode_in(link: &str, kind: &str) -> Option<u64> {
    link.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

fn tidy(arguments: &[u8], limit: usize) -> Box<str> {
    let text = String::from_utf8_lossy(arguments);
    let text = text.trim_end_matches('\0').replace(|c: char| c.is_control(), " ");
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_are_not_of_the_asked_kind_have_no_inode() {
        assert_eq!(inode_in("socket:[4711]", "socket"), Some(4711));
        for link in ["pipe:[4711]", "socket:4711", "socket:[]", "/tmp/socket:[1]", "socket:[1] (deleted)"] {
            assert_eq!(inode_in(link, "socket"), None, "{link}");
        }
    }

    #[test]
    fn a_command_line_is_cut_at_a_character_and_cannot_steer_a_terminal() {
        assert_eq!(&*tidy(b"sh\0-c\0echo hi\0", 256), "sh -c echo hi");
        assert_eq!(&*tidy(b"a\x1b[31m\nb\0", 256), "a [31m b");
        assert_eq!(&*tidy("ää".as_bytes(), 3), "ä");
        assert!(tidy(&[0xff; 300], 256).len() <= 256);
    }

    #[test]
    fn a_process_finds_itself() {
        let own = ProcessDirectory::open(std::process::id()).expect("this process runs");
        let executable = std::env::current_exe().expect("known");
        assert_eq!(own.executable().as_deref(), executable.to_str());
        assert!(
            own.network_namespace().is_some()
                && own.process_namespace().is_some()
                && own.uid().is_some()
                && own.parent().is_some()
        );
    }
}

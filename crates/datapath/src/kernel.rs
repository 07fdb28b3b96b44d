use crate::sys;
use std::{fs, io, path::Path};

/// `uname -r`.
pub fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Links of their own on an interface came with 6.6.
pub(crate) fn has_tcx() -> bool {
    parse_version(&kernel_release()) >= (6, 6)
}

/// Names of all interfaces of the network that this thread is in; what /sys shows may be another's.
pub(crate) fn interfaces() -> io::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/thread-self/net/dev")?;
    Ok(table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect())
}

/// Whether the path is, or would be made, in a BPF file system.
pub(crate) fn in_bpffs(path: &Path) -> bool {
    path.ancestors().find_map(|path| sys::file_system(path).ok()) == Some(sys::BPF_FS)
}

fn parse_version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions_are_read() {
        assert_eq!(parse_version("5.10.0-30-cloud-amd64"), (5, 10));
        assert_eq!(parse_version("6.18.44-fc-v657"), (6, 18));
        assert_eq!(parse_version(""), (0, 0));
    }
}

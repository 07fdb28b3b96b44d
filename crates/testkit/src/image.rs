//! Images without a registry: root file systems made from what the distribution's packages installed here.

use std::path::Path;
use std::process::Command;

use crate::Dockerd;

/// Name of the image that [`busybox`] imports.
pub const BUSYBOX: &str = "bulkhead-test/busybox:1";

/// Imports an image with a static busybox and links for all its applets (`sh`, `nc`, `wget`, `httpd`, `ping` ...),
/// and returns its name.
///
/// # Panics
/// When `busybox-static` is not installed.
pub fn busybox(dockerd: &Dockerd) -> &'static str {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("bin");
    std::fs::create_dir(&folder).expect("an empty folder");
    for other in ["tmp", "etc"] {
        std::fs::create_dir(root.path().join(other)).expect("an empty folder");
    }
    let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    std::fs::copy(program.expect("busybox-static is not installed"), folder.join("busybox")).expect("a copy");
    for applet in crate::run_ok("busybox", &["--list"]).lines().filter(|&applet| applet != "busybox") {
        std::os::unix::fs::symlink("busybox", folder.join(applet)).expect("a link");
    }
    let archive = Command::new("tar").arg("-C").arg(root.path()).args(["-c", "."]).output().expect("tar");
    assert!(archive.status.success(), "tar: {}", String::from_utf8_lossy(&archive.stderr));
    dockerd.import(&archive.stdout, BUSYBOX, &["ENV PATH=/bin", "CMD [\"sh\"]"]);
    BUSYBOX
}

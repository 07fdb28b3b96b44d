use super::{Finding, host::Host};
use crate::instance::{self, Holder};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

pub(super) fn findings(host: &Host, state_dir: &Path, listen: SocketAddr) -> Vec<Finding> {
    let running = instance::holder(Path::new(instance::RUN_DIR));
    let mut found = vec![agent(host, running), port(listen, running)];
    found.extend(token(state_dir));
    found
}

fn agent(host: &Host, running: Option<Holder>) -> Finding {
    let pinned = host.exists("/sys/fs/bpf/bulkhead");
    match (running, pinned) {
        (Some(holder), _) => Finding::ok("agent", format!("Bulkhead runs here (process {})", holder.pid)),
        (None, true) => Finding::warning(
            "agent",
            "no agent runs, but programs of an earlier one are pinned",
            "what they enforced is still enforced; new containers of enforced services stay closed",
            "start it again (bulkhead up), or remove everything (bulkhead down --remove)",
        ),
        (None, false) => Finding::ok("agent", "no agent runs on this host yet"),
    }
}

fn port(listen: SocketAddr, running: Option<Holder>) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok("port", format!("{listen} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && running.is_some() => {
            Finding::ok("port", format!("{listen} is in use, by the Bulkhead that runs here as it seems"))
        }
        Err(error) => Finding::failed(
            "port",
            format!("cannot listen on {listen}: {error}"),
            "the controller would not start",
            "choose another address: bulkhead up --listen 127.0.0.1:7071",
        ),
    }
}

/// Only where there is one: a host that never ran Bulkhead has no token yet.
fn token(state_dir: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let path = state_dir.join("admin.token");
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    Some(if mode & 0o077 == 0 {
        Finding::ok("token", format!("{} is readable by its owner alone", path.display()))
    } else {
        Finding::failed(
            "token",
            format!("{} can be read by others (mode {mode:o})", path.display()),
            "every user of this host may be administrator of Bulkhead",
            format!("chmod 600 {}, then make a new one: bulkhead token create --role admin", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::Outcome;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_port_in_use_fails_unless_it_is_ours() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = taken.local_addr().expect("address");
        assert_eq!(port(address, None).outcome, Outcome::Failed);
        assert_eq!(port(address, Some(Holder { pid: 1 })).outcome, Outcome::Ok);
    }

    #[test]
    fn a_token_that_others_can_read_fails() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert_eq!(token(dir.path()), None);
        let path = dir.path().join("admin.token");
        fs::write(&path, "bh_x").expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert_eq!(token(dir.path()).map(|f| f.outcome), Some(Outcome::Failed));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        assert_eq!(token(dir.path()).map(|f| f.outcome), Some(Outcome::Ok));
    }
}

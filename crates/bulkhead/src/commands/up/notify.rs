//! Tells a service manager how far it is (sd_notify(3)).

use std::{
    io,
    os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net},
};

/// Sends `state` (`READY=1`) to the manager that started this process; does nothing where none did.
pub(super) fn notify(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(socket.as_bytes(), state) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

fn send(socket: &[u8], state: &str) -> io::Result<()> {
    let address = match socket.strip_prefix(b"@") {
        Some(name) => net::SocketAddr::from_abstract_name(name)?,
        None => net::SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    net::UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told_on_a_path_and_on_an_abstract_name() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("notify");
        let name = format!("bulkhead-notify-{}", std::process::id());
        let abstract_address = net::SocketAddr::from_abstract_name(&name).expect("valid");
        for (manager, socket) in [
            (net::UnixDatagram::bind(&path), path.as_os_str().as_bytes().to_vec()),
            (net::UnixDatagram::bind_addr(&abstract_address), format!("@{name}").into_bytes()),
        ] {
            let manager = manager.expect("bind");
            send(&socket, "READY=1").expect("sent");
            let mut buffer = [0; 64];
            let n = manager.recv(&mut buffer).expect("received");
            assert_eq!(&buffer[..n], b"READY=1");
        }
    }
}

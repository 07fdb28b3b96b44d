use crate::{Backoff, Discovery, Runtime, containerd::Containerd, docker::Docker, watch_runtimes};
use std::path::PathBuf;

/// Which runtimes of this host are followed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Socket of the Docker Engine; `None`: not followed.
    pub docker: Option<PathBuf>,
    /// Socket of containerd; `None`: not followed.
    pub containerd: Option<PathBuf>,
    /// Namespaces of containerd that are looked into.
    pub containerd_namespaces: Vec<String>,
    /// Pauses between attempts to reach a runtime.
    pub backoff: Backoff,
}

impl Default for Config {
    /// Both, where distributions put them. What is not there is no fault.
    fn default() -> Self {
        Self {
            docker: Some(Docker::DEFAULT_SOCKET.into()),
            containerd: Some(Containerd::DEFAULT_SOCKET.into()),
            containerd_namespaces: Containerd::DEFAULT_NAMESPACES.map(str::to_owned).to_vec(),
            backoff: Backoff::default(),
        }
    }
}

/// Follows the runtimes of this host, see [`watch_runtimes`].
///
/// Must be called within a Tokio runtime.
pub fn watch(config: Config) -> Discovery {
    let mut runtimes: Vec<Box<dyn Runtime>> = Vec::new();
    if let Some(socket) = config.docker {
        runtimes.push(Box::new(Docker::new(socket)));
    }
    if let Some(socket) = config.containerd {
        runtimes.push(Box::new(Containerd::new(socket, config.containerd_namespaces)));
    }
    watch_runtimes(runtimes, &config.backoff)
}

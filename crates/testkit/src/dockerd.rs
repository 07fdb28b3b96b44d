//! A private `dockerd`: own data, own socket, own containerd, nothing shared with one that the host may run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{Child, Output, finish, run};
use crate::wait_until;

// Long enough for a machine that builds something else at the same time.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running `dockerd`, stopped with its containers when dropped. Its bridges and firewall rules are those of the
/// network namespace it was started in: tests run in a room of their own, where they end with the room.
#[derive(Debug)]
pub struct Dockerd {
    folder: tempfile::TempDir,
    process: Option<Child>,
    extra: Vec<String>,
}

impl Dockerd {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be started, with the end of its log.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`Dockerd::start`], with further options, e.g. `--live-restore` or `--userland-proxy=false`.
    ///
    /// # Panics
    /// When it cannot be started, with the end of its log.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let place = if in_a_room() { PathBuf::from("/run") } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("bulkhead-dockerd-").tempdir_in(place);
        let folder = folder.expect("a temporary folder");
        let extra = options.iter().map(|&option| option.to_owned()).collect();
        let mut dockerd = Self { folder, process: None, extra };
        dockerd.launch();
        dockerd
    }

    /// Path of the API socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Path of the socket of the containerd that this `dockerd` started.
    #[must_use]
    pub fn containerd_socket(&self) -> PathBuf {
        self.folder.path().join("exec/containerd/containerd.sock")
    }

    /// Ends the process without ending containers politely (`kill -9`), as a crash would.
    pub fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::SIGKILL);
            wait_until(START_LIMIT, || !process.is_running());
            self.forget_containerd();
        }
    }

    // The kernel kills the daemon's containerd with it. Where nobody reaps orphans at once its process id stays taken
    // for a while, and the next daemon would wait for that corpse instead of starting a containerd.
    fn forget_containerd(&self) {
        let file = self.folder.path().join("exec/containerd/containerd.pid");
        let Ok(process) = std::fs::read_to_string(&file) else { return };
        let status = format!("/proc/{}/status", process.trim());
        let dead = || std::fs::read_to_string(&status).map_or(true, |text| text.contains("State:\tZ"));
        wait_until(START_LIMIT, dead);
        let _ = std::fs::remove_file(file);
    }

    /// Starts it again after [`Dockerd::crash`] or [`Dockerd::stop`], on the same data.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn launch(&mut self) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let log = std::fs::File::options().create(true).append(true).open(at("log")).expect("a log file");
        let mut command = Command::new("dockerd");
        command
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("docker.sock"))])
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", &cgroup_parent()])
            .args(&self.extra)
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let _ = std::fs::remove_file(at("pid"));
        self.process = Some(Child::spawn(&mut command).expect("dockerd is not installed"));
        let answers = wait_until(START_LIMIT, || self.docker_output(&["version"]).success);
        assert!(answers, "dockerd does not answer: {}", self.log_end());
    }

    /// Stops it politely.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// The `docker` client on this daemon's socket.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT");
        command.arg("--host").arg(format!("unix://{}", self.socket().display()));
        command
    }

    /// Runs `docker ARGUMENTS`, which has to succeed, and returns its trimmed standard output.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.docker_output(arguments);
        assert!(output.success, "docker {arguments:?}: {}{}", output.stdout, output.stderr);
        output.stdout.trim().to_owned()
    }

    /// Runs `docker ARGUMENTS`, which may fail.
    pub fn docker_output(&self, arguments: &[&str]) -> Output {
        finish(self.command().args(arguments))
    }

    /// Imports a tar archive of a root file system as an image.
    ///
    /// # Panics
    /// When the archive is not one.
    pub fn import(&self, archive: &[u8], image: &str, changes: &[&str]) {
        let mut command = self.command();
        command.arg("import");
        for change in changes {
            command.args(["--change", change]);
        }
        command.args(["-", image]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the docker client is not installed");
        child.stdin.take().expect("piped").write_all(archive).expect("docker import reads its input");
        assert!(child.wait().expect("a child of ours").success(), "docker import {image}");
    }

    /// The process id of a running container's first process, as the host sees it.
    ///
    /// # Panics
    /// When there is no such container.
    #[must_use]
    pub fn process_of(&self, container: &str) -> u32 {
        self.docker(&["inspect", "--format", "{{.State.Pid}}", container]).parse().expect("a process id")
    }

    /// Where it keeps everything; for tests that look inside.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    // A crashed daemon leaves mounts behind, and a folder with mounts in it cannot be removed.
    fn unmount(&self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let folder = self.folder.path().display().to_string();
        for target in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if target.starts_with(&folder) {
                let _ = run("umount", &["-l", target]);
            }
        }
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// The control group of the room that tests run in. Whatever is left in it ends with the room, as does what is in the
/// room's own `/run`: also where a test is killed and cleans up nothing.
const ROOM: &str = "BULKHEAD_CGROUP";

fn in_a_room() -> bool {
    std::env::var_os(ROOM).is_some()
}

pub(crate) fn cgroup_parent() -> String {
    std::env::var(ROOM).unwrap_or_else(|_| format!("/bulkhead-test-{}", std::process::id()))
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if self.process.is_none() && !std::thread::panicking() {
            // Containers of a crashed daemon still run; only a daemon can end them.
            self.launch();
        }
        let containers = self.docker_output(&["ps", "-aq"]).stdout;
        let mut remove = vec!["rm", "-f", "-v"];
        remove.extend(containers.split_whitespace());
        if remove.len() > 3 {
            self.docker_output(&remove);
        }
        self.docker_output(&["network", "prune", "-f"]);
        // Before its folder goes, or it would make it anew.
        self.stop();
        self.forget_containerd();
        self.unmount();
    }
}

//! Child processes that end with the test that started them.

use std::io;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What a finished command said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether it exited with zero.
    pub success: bool,
    /// Standard output, lossily as UTF-8.
    pub stdout: String,
    /// Standard error, lossily as UTF-8.
    pub stderr: String,
}

/// Runs a command to its end.
///
/// # Panics
/// When the program cannot be started at all.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    finish(Command::new(program).args(arguments))
}

/// Runs a command that has to succeed and returns its standard output.
///
/// # Panics
/// When it does not succeed, with what it said.
pub fn run_ok(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    assert!(output.success, "{program} {arguments:?}: {}{}", output.stdout, output.stderr);
    output.stdout
}

pub(crate) fn finish(command: &mut Command) -> Output {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().to_string_lossy()));
    Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A background process; dropping it ends it (SIGTERM, then SIGKILL after five seconds).
#[derive(Debug)]
pub struct Child(std::process::Child);

impl Child {
    /// Starts a command with no standard input; its output streams are left as the command says.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Sends a signal; silently nothing when the process is gone.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        // A process id always fits: Linux's limit is 2^22.
        Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(i32::MAX))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        self.signal(Signal::SIGTERM);
        if !crate::wait_until(std::time::Duration::from_secs(5), || !self.is_running()) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

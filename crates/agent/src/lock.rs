//! One agent for one set of pinned tables, whatever each of them sees of the file system.

use crate::AgentError;
use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as it lives; the kernel lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct PinLock {
    _folder: File,
}

impl PinLock {
    /// Takes the lock on the folder of pins; none where there is no folder.
    pub(crate) fn take(pins: &Path) -> Result<Option<Self>, AgentError> {
        let failed = |source| AgentError::Pins { path: pins.to_owned(), source };
        let folder = match File::open(pins) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            folder => folder.map_err(failed)?,
        };
        let begun = Instant::now();
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(Some(Self { _folder: folder })),
                // A command that a dead agent was just starting may have it for some moments more.
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(AgentError::Taken(pins.to_owned())),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_refused_until_the_first_has_ended() {
        let pins = std::env::temp_dir().join(format!("bulkhead-lock-{}", std::process::id()));
        assert!(PinLock::take(&pins).expect("nothing is there").is_none());
        std::fs::create_dir(&pins).expect("a new folder");
        let first = PinLock::take(&pins).expect("free");
        let refused = PinLock::take(&pins).expect_err("taken").to_string();
        assert!(refused.contains("another Bulkhead"), "{refused}");
        drop(first);
        PinLock::take(&pins).expect("free again").expect("there");
        std::fs::remove_dir(&pins).expect("empty");
    }
}

//! A sign of life for whatever takes longer than a moment.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    future::Future,
    io::{self, IsTerminal, Read, Write},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Nothing is shown before this time: a line that flashes disturbs more than it tells.
const PATIENCE: Duration = Duration::from_millis(700);

/// The line of the outermost sign: those within others are not shown.
static OUTERMOST: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A line on standard error while something works, if it takes long and somebody looks. It is gone when this is dropped,
/// so that nothing else is printed into it; what is said in the meantime is said with [`aside`].
pub(crate) struct Sign {
    bar: ProgressBar,
    /// Shows the line when it is time; ends with its sender.
    waits: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Sign {
    /// That something is done, and for how long already.
    pub(crate) fn new(message: &str) -> Self {
        Self::of(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", message)
    }

    /// How much of `bytes` is done; see [`Sign::counted`].
    pub(crate) fn of_bytes(message: &str, bytes: u64) -> Self {
        let line = "{spinner} {msg} {percent} % of {total_bytes} ({elapsed}, {eta} left)";
        Self::of(ProgressBar::new(bytes), line, message)
    }

    fn of(bar: ProgressBar, line: &str, message: &str) -> Self {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(message.to_owned());
        if let Ok(style) = ProgressStyle::with_template(line) {
            bar.set_style(style);
        }
        let mut outermost = OUTERMOST.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = (outermost.is_none() && std::io::stderr().is_terminal()).then(|| {
            *outermost = Some(bar.clone());
            let (sender, receiver) = mpsc::sync_channel::<()>(0);
            let line = bar.clone();
            let shows = thread::spawn(move || {
                if receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    line.set_draw_target(ProgressDrawTarget::stderr());
                    line.enable_steady_tick(Duration::from_millis(100));
                }
            });
            (sender, shows)
        });
        Self { bar, waits }
    }

    /// The same input; what is read of it counts as done.
    pub(crate) fn counted(&self, input: impl Read) -> impl Read {
        self.bar.wrap_read(input)
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        if let Some((sender, shows)) = self.waits.take() {
            drop(sender);
            // It cannot panic; and if it did, nothing would be shown.
            let _ = shows.join();
            self.bar.finish_and_clear();
            *OUTERMOST.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Standard error, with the line out of its way.
pub(crate) struct Aside;

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Does what writes to standard error, with the line out of its way.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let line = OUTERMOST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Awaits `work` with a [`Sign`].
pub(crate) async fn during<T>(message: &str, work: impl Future<Output = T>) -> T {
    let _sign = Sign::new(message);
    work.await
}

/// Does `work`, which waits for nothing but this processor, with a [`Sign`].
pub(crate) fn work<T>(message: &str, work: impl FnOnce() -> T) -> T {
    let _sign = Sign::new(message);
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_is_shown_anything_and_only_by_the_outermost() {
        let outer = Sign::new("outer");
        assert_eq!(outer.waits.is_some(), io::stderr().is_terminal());
        assert!(outer.bar.is_hidden(), "not at once");
        let inner = Sign::of_bytes("inner", 10);
        assert!(inner.waits.is_none());
        let mut read = Vec::new();
        inner.counted(&b"12345"[..]).read_to_end(&mut read).expect("memory");
        assert_eq!((read.len(), inner.bar.position()), (5, 5));
        drop(inner);
        drop(outer);
        assert!(OUTERMOST.lock().expect("no panic").is_none(), "the next one may be shown");
    }
}

//! A sign of life for whatever takes longer than a moment.

use indicatif::{ProgressBar, ProgressStyle};
use std::{future::Future, io::IsTerminal, time::Duration};

/// Nothing is shown before this time: a spinner that flashes disturbs more than it tells.
const PATIENCE: Duration = Duration::from_millis(700);

/// Awaits `work`; shows a spinner with `message` on standard error if it takes long and somebody looks.
pub(crate) async fn during<T>(message: &str, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    tokio::select! {
        result = &mut work => return result,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    let spinner = ProgressBar::new_spinner().with_message(message.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let result = work.await;
    spinner.finish_and_clear();
    result
}

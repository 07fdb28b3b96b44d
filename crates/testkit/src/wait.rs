use std::time::{Duration, Instant};

/// Waits until `condition` holds and returns whether it did within `limit`. The limit is a safety net for a broken
/// machine, never part of what a test asserts: choose it generously.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

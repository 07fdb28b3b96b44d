use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// Pauses that double from `first` to `longest`, each varied by a quarter so that many do not come back at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Default for Backoff {
    /// A socket that appears is noticed within five seconds.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(4))
    }
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// After a success the next pause is short again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let base = self.next;
        self.next = (base * 2).min(self.longest);
        // The seed of a hash map is random enough to spread pauses.
        let random = RandomState::new().build_hasher().finish() % 1024;
        base.mul_f64(0.75 + 0.5 * random as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for base in [100, 200, 350, 350] {
            let pause = backoff.pause().as_millis() as u64;
            assert!((base * 3 / 4..=base * 5 / 4).contains(&pause), "{base}: {pause}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(125));
    }
}

//! How often one may ask.

use crate::config::Limits;
use bulkhead_model::Timestamp;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// Callers that are remembered.
const CALLERS: usize = 10_000;
/// A failed login is forgiven after this time.
const FORGIVE_MS: f64 = 30_000.0;

#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    requests: Mutex<HashMap<String, Bucket>>,
    failures: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    fn fill(&mut self, now: Timestamp, per_ms: f64, most: f64) {
        let passed = now.0.saturating_sub(self.at.0) as f64;
        self.left = (self.left + passed * per_ms).min(most);
        self.at = now;
    }
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, requests: Mutex::default(), failures: Mutex::default() }
    }

    /// Whether the caller may make one more request now.
    pub(crate) fn request(&self, caller: &str, now: Timestamp) -> bool {
        let most = f64::from(self.limits.burst);
        let mut buckets = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > CALLERS {
            buckets.clear();
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket { left: most, at: now });
        bucket.fill(now, f64::from(self.limits.per_second) / 1000.0, most);
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }

    /// Whether the address may try to log in.
    pub(crate) fn may_try(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut buckets = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(&address) else { return true };
        bucket.fill(now, 1.0 / FORGIVE_MS, f64::from(self.limits.failures));
        bucket.left >= 1.0
    }

    /// A login failed.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) {
        let most = f64::from(self.limits.failures);
        let mut buckets = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > CALLERS {
            buckets.clear();
        }
        let bucket = buckets.entry(address).or_insert(Bucket { left: most, at: now });
        bucket.fill(now, 1.0 / FORGIVE_MS, most);
        bucket.left = (bucket.left - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_burst_and_then_a_rate() {
        let limiter = Limiter::new(Limits { burst: 3, per_second: 1, ..Limits::default() });
        let allowed = (0..5).filter(|_| limiter.request("a", Timestamp(1000))).count();
        assert_eq!(allowed, 3);
        assert!(limiter.request("b", Timestamp(1000)));
        assert!(limiter.request("a", Timestamp(2100)));
        assert!(!limiter.request("a", Timestamp(2100)));
    }

    #[test]
    fn failed_logins_lock_an_address_out_for_a_while() {
        let limiter = Limiter::new(Limits { failures: 2, ..Limits::default() });
        let address = IpAddr::from([192, 0, 2, 1]);
        assert!(limiter.may_try(address, Timestamp(0)));
        limiter.failed(address, Timestamp(0));
        limiter.failed(address, Timestamp(0));
        assert!(!limiter.may_try(address, Timestamp(10)));
        assert!(limiter.may_try(address, Timestamp(31_000)));
    }
}

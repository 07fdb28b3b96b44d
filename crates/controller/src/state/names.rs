//! What workloads resolved, so that an address outside has a name.

use bulkhead_model::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// Addresses that are remembered; beyond, the ones that expire first are forgotten.
const LIMIT: usize = 50_000;
/// Clients use an answer for longer than it says.
const GRACE_MS: u64 = 3_600_000;

#[derive(Debug, Default)]
pub(super) struct Names {
    by_address: HashMap<IpAddr, Vec<(Box<str>, Timestamp)>>,
    by_name: BTreeMap<Box<str>, BTreeMap<IpAddr, Timestamp>>,
    count: usize,
}

impl Names {
    /// Whether anything is new.
    pub(super) fn learn(
        &mut self,
        name: &str,
        addresses: &[IpAddr],
        ttl_seconds: u32,
        now: Timestamp,
    ) -> bool {
        let name: Box<str> = name.trim_end_matches('.').to_ascii_lowercase().into();
        if name.is_empty() || name.len() > 253 {
            return false;
        }
        let until = Timestamp(now.0 + (u64::from(ttl_seconds.min(86_400)) * 1000).max(GRACE_MS));
        let mut new = false;
        for address in addresses.iter().take(64) {
            let known = self.by_name.entry(name.clone()).or_default();
            if known.insert(*address, until).is_none() {
                new = true;
                self.count += 1;
            }
            let names = self.by_address.entry(*address).or_default();
            names.retain(|(known, _)| *known != name);
            names.insert(0, (name.clone(), until));
            names.truncate(8);
        }
        if self.count > LIMIT {
            self.expire(Timestamp(now.0 + GRACE_MS / 2));
        }
        new
    }

    /// Names of an address, the latest first.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        self.by_address.get(&address).into_iter().flatten().map(|(name, _)| &**name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = IpAddr> + '_)> {
        self.by_name.iter().map(|(name, addresses)| (&**name, addresses.keys().copied()))
    }

    /// Forgets what is over; says whether anything was.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let before = self.count;
        self.by_name.retain(|_, addresses| {
            addresses.retain(|_, until| *until > now);
            !addresses.is_empty()
        });
        self.by_address.retain(|_, names| {
            names.retain(|(_, until)| *until > now);
            !names.is_empty()
        });
        self.count = self.by_name.values().map(BTreeMap::len).sum();
        self.count != before
    }
}

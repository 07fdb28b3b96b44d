//! What workloads resolved, so that an address outside has a name.

use bulkhead_model::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// Addresses that are remembered, each with each of its names.
const LIMIT: usize = 50_000;
/// Where they are stored: without them, a new controller would deny what a rule allows to a name until somebody asks for
/// it again.
pub(super) const KEY: &str = "names";
/// Clients use an answer for longer than it says.
const GRACE_MS: u64 = 3_600_000;

#[derive(Debug, Default)]
pub(super) struct Names {
    by_address: HashMap<IpAddr, Vec<(Box<str>, Timestamp)>>,
    by_name: BTreeMap<Box<str>, BTreeMap<IpAddr, Timestamp>>,
    count: usize,
    /// Something was learned since it was stored, or is known to hold for a good while longer.
    unsaved: bool,
}

impl Names {
    /// What was stored, but for what is over.
    pub(super) fn restore(data: Option<&str>, now: Timestamp) -> Self {
        let mut names = Self::default();
        let stored: BTreeMap<Box<str>, BTreeMap<IpAddr, Timestamp>> =
            data.and_then(|data| super::persist::read("names", data)).unwrap_or_default();
        for (name, addresses) in stored {
            for (address, until) in addresses.into_iter().filter(|(_, until)| *until > now) {
                names.enter(&name, address, until);
            }
        }
        names.unsaved = false;
        names
    }

    /// To be stored, if anything was learned since.
    pub(super) fn take_unsaved(&mut self) -> Option<String> {
        let unsaved = std::mem::take(&mut self.unsaved);
        unsaved.then(|| serde_json::to_string(&self.by_name).ok()).flatten()
    }

    /// Whether it is new.
    fn enter(&mut self, name: &str, address: IpAddr, until: Timestamp) -> bool {
        let before = self.by_name.entry(name.into()).or_default().insert(address, until);
        let new = before.is_none();
        self.unsaved |= before.is_none_or(|before| before.0 + GRACE_MS / 10 < until.0);
        self.count += usize::from(new);
        let names = self.by_address.entry(address).or_default();
        names.retain(|(known, _)| **known != *name);
        names.insert(0, (name.into(), until));
        names.truncate(8);
        new
    }

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
            new |= self.enter(&name, *address, until);
        }
        new
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.count > LIMIT
    }

    /// Forgets down to seven eighths of what may be remembered: first names that do not matter, of these what is over
    /// soonest. So no flood of answers costs a policy its names unless they are names of the policy.
    pub(super) fn make_room(&mut self, matters: impl Fn(&str) -> bool) {
        let mut all: Vec<(bool, Timestamp, Box<str>, IpAddr)> = Vec::with_capacity(self.count);
        for (name, addresses) in &self.by_name {
            let matters = matters(name);
            all.extend(addresses.iter().map(|(address, until)| (matters, *until, name.clone(), *address)));
        }
        all.sort_unstable();
        let excess = all.len().saturating_sub(LIMIT / 8 * 7);
        for (_, _, name, address) in all.drain(..excess) {
            if let Some(addresses) = self.by_name.get_mut(&name) {
                addresses.remove(&address);
                if addresses.is_empty() {
                    self.by_name.remove(&name);
                }
            }
            if let Some(names) = self.by_address.get_mut(&address) {
                names.retain(|(known, _)| *known != name);
                if names.is_empty() {
                    self.by_address.remove(&address);
                }
            }
        }
        self.count = all.len();
        self.unsaved = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_forgotten_before_those_that_a_policy_speaks_of() {
        let now = Timestamp(1_763_337_600_000);
        let mut names = Names::default();
        let address = |number: u32| IpAddr::V4((0xc612_0000 + number).into());
        names.learn("api.example.com", &[address(0)], 1, now);
        let mut number = 0;
        while number < 3 * u32::try_from(LIMIT).expect("small") {
            let addresses: Vec<IpAddr> = (1..=64).map(|n| address(number + n)).collect();
            names.learn(&format!("n{number}.example.net"), &addresses, 86_400, now);
            number += 64;
            if names.is_crowded() {
                names.make_room(|name| name == "api.example.com");
            }
            assert!(names.count <= LIMIT);
        }
        assert_eq!(names.of(address(0)).collect::<Vec<_>>(), ["api.example.com"]);
        assert_eq!(names.all().map(|(_, addresses)| addresses.count()).sum::<usize>(), names.count);
        assert!(names.by_address.len() <= names.count, "an address goes with its last name");
        names.make_room(|_| false);
        assert_eq!(names.of(address(0)).count(), 0, "what matters to nobody and is over first goes first");
    }
}

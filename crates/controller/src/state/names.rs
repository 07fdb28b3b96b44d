//! What workloads resolved, so that an address outside has a name.

use bulkhead_model::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// Addresses that are remembered; beyond, the ones that expire first are forgotten.
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

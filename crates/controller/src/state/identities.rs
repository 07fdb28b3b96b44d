use bulkhead_model::{Identity, ServiceName};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Who has which number. A number is given out once, ever: kernel tables, edges and events may speak of it long after
/// its service is gone, and an address of a dead workload must never be allowed what its heir is allowed.
#[derive(Debug)]
pub(super) struct Identities {
    by_name: Arc<BTreeMap<ServiceName, Identity>>,
    by_number: HashMap<Identity, ServiceName>,
    next: u32,
}

impl Identities {
    pub(super) fn new(known: Vec<(ServiceName, Identity)>, next: u32) -> Self {
        // A damaged counter must not make two services share a number.
        let highest = known.iter().map(|(_, identity)| identity.0 + 1).max().unwrap_or(0);
        let by_number = known.iter().map(|(name, identity)| (*identity, name.clone())).collect();
        let next = next.max(highest).max(Identity::FIRST_SERVICE);
        Self { by_name: Arc::new(known.into_iter().collect()), by_number, next }
    }

    pub(super) fn get(&self, name: &ServiceName) -> Option<Identity> {
        self.by_name.get(name).copied()
    }

    pub(super) fn name(&self, identity: Identity) -> Option<&ServiceName> {
        self.by_number.get(&identity)
    }

    pub(super) fn all(&self) -> Arc<BTreeMap<ServiceName, Identity>> {
        Arc::clone(&self.by_name)
    }

    /// The number of the service; with the next free one where it is new. `None` where all 16.7 million are used up.
    pub(super) fn assign(&mut self, name: &ServiceName) -> Option<(Identity, Option<u32>)> {
        if let Some(identity) = self.get(name) {
            return Some((identity, None));
        }
        let identity = Identity(self.next);
        if !identity.is_service() {
            return None;
        }
        self.next += 1;
        Arc::make_mut(&mut self.by_name).insert(name.clone(), identity);
        self.by_number.insert(identity, name.clone());
        Some((identity, Some(self.next)))
    }

    /// Nothing refers to the service any more.
    pub(super) fn retire(&mut self, name: &ServiceName) {
        if let Some(identity) = Arc::make_mut(&mut self.by_name).remove(name) {
            self.by_number.remove(&identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_number_is_never_given_out_again() {
        let mut identities = Identities::new(Vec::new(), 0);
        let name = |text: &str| text.parse::<ServiceName>().expect("a name");
        let (first, _) = identities.assign(&name("a/a")).expect("free");
        identities.retire(&name("a/a"));
        let (second, next) = identities.assign(&name("a/a")).expect("free");
        assert_ne!(first, second);
        let mut again = Identities::new(vec![], next.expect("new"));
        assert_eq!(again.assign(&name("b/b")).expect("free").0.0, second.0 + 1);
    }
}

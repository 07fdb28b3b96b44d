//! From a compiled policy to kernel tables, as one step.
//!
//! Every service has two slots; the lowest bit of the epoch says which one holds. A new policy is written into the
//! other slots, with tables and classes of its own wherever something changed, and then one store of the epoch turns
//! all of them on at once: no packet sees half a policy, and since every cached verdict carries its epoch, open
//! connections are decided anew too.

use crate::{Datapath, DatapathError, error::in_table, load::next_epoch, prefixes::Prefixes};
use bulkhead_abi::{ClassRef, Control, PeerKey, Rule, RuleKey, Service, Slot, mode_number};
use bulkhead_model::Identity;
use bulkhead_policy::compiled::{Class, CompiledDirection, CompiledPolicy, CompiledService, Entry};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What one application of a policy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// The epoch that holds now.
    pub epoch: u32,
    /// Services whose tables or mode changed.
    pub services: usize,
    /// Entries written, of any table.
    pub written: usize,
    pub removed: usize,
}

/// What is installed, as far as user space needs to know it to install the next.
#[derive(Debug, Default)]
pub struct Policy {
    next_table: u32,
    next_class: u32,
    services: HashMap<u32, Installed>,
    tables: HashMap<u32, InstalledTable>,
    classes: HashMap<Class, InstalledClass>,
    prefixes: Prefixes,
    /// Keys that an earlier process left; removed after the first application.
    stale: Option<Stale>,
}

#[derive(Debug, Default)]
struct Installed {
    slots: [Slot; 2],
    /// What the latest policy asked for, to find out whether the next one asks for the same.
    wanted: Option<Wanted>,
    /// Brought by a policy that is written and does not hold yet.
    fresh: bool,
}

/// A policy that is written and does not hold yet.
#[derive(Debug, Default)]
struct Staged {
    applied: Applied,
    /// Tables that no slot of their service names any more.
    replaced: Vec<u32>,
    latest: HashMap<u32, Wanted>,
}

#[derive(Debug, Clone)]
struct Wanted {
    directions: [Arc<CompiledDirection>; 2],
    slot: Slot,
}

/// A table belongs to one direction of one service.
#[derive(Debug, Default)]
struct InstalledTable {
    peers: Vec<u32>,
    classes: Vec<Class>,
}

#[derive(Debug, Default, Clone)]
struct InstalledClass {
    id: u32,
    uses: u32,
}

#[derive(Debug)]
struct Stale {
    peers: Vec<PeerKey>,
    rules: Vec<RuleKey>,
    services: Vec<u32>,
}

impl Policy {
    /// Begins where an earlier agent stopped: what it installed keeps holding until the first [`Self::apply`].
    pub fn recover(datapath: &Datapath) -> Result<Self, DatapathError> {
        let peers = datapath.peers.keys().map_err(in_table(&datapath.peers))?;
        let rules = datapath.rules.keys().map_err(in_table(&datapath.rules))?;
        let services = datapath.services.keys().map_err(in_table(&datapath.services))?;
        let mut policy = Self {
            next_table: peers.iter().map(|k| k.table).max().unwrap_or(0) + 1,
            next_class: rules.iter().map(|k| k.class_id).max().unwrap_or(0) + 1,
            prefixes: Prefixes::recover(datapath)?,
            ..Self::default()
        };
        for identity in &services {
            if let Some(service) = datapath.services.get(identity).map_err(in_table(&datapath.services))? {
                let top = service.slot.iter().flat_map(|s| s.table).max().unwrap_or(0);
                policy.next_table = policy.next_table.max(top + 1);
                let installed = Installed { slots: service.slot, ..Installed::default() };
                policy.services.insert(*identity, installed);
            }
        }
        if !(peers.is_empty() && rules.is_empty() && services.is_empty()) {
            policy.stale = Some(Stale { peers, rules, services });
        }
        Ok(policy)
    }

    /// Installs the policy. On an error nothing has changed for any packet, what was written is taken back, and the
    /// call may be repeated, with this or another policy.
    pub fn apply(&mut self, datapath: &Datapath, wanted: &CompiledPolicy) -> Result<Applied, DatapathError> {
        let control = datapath.control()?;
        let target = (control.epoch as usize & 1) ^ 1;
        let staged = match self.stage(datapath, wanted, target) {
            // Taking back has also made room: what only the policy before the present one named is gone.
            Err(DatapathError::Full { .. }) => self.stage(datapath, wanted, target)?,
            result => result?,
        };
        let Staged { mut applied, replaced, latest } = staged;

        applied.epoch = next_epoch(control.epoch, 1);
        if let Err(error) = datapath.set_control(Control { epoch: applied.epoch, ..control }) {
            self.take_back(datapath, target)?;
            return Err(error);
        }
        for (identity, wanted) in latest {
            if let Some(installed) = self.services.get_mut(&identity) {
                installed.wanted = Some(wanted);
                installed.fresh = false;
            }
        }

        // What only the slots of two policies ago named is now used by nobody.
        for table in replaced {
            self.release(datapath, table, &mut applied)?;
        }
        let keep: HashSet<u32> = wanted.services.iter().map(|s| s.identity.0).collect();
        let gone: Vec<u32> = self.services.keys().filter(|id| !keep.contains(id)).copied().collect();
        for identity in gone {
            datapath.services.remove(&identity).map_err(in_table(&datapath.services))?;
            if let Some(installed) = self.services.remove(&identity) {
                for table in tables_of(&installed.slots) {
                    self.release(datapath, table, &mut applied)?;
                }
            }
            applied.removed += 1;
        }
        if let Some(stale) = self.stale.take() {
            self.remove_stale(datapath, &stale, &mut applied)?;
        }
        Ok(applied)
    }

    /// Writes the policy into the slots that do not hold. All of it, or none.
    fn stage(
        &mut self,
        datapath: &Datapath,
        wanted: &CompiledPolicy,
        target: usize,
    ) -> Result<Staged, DatapathError> {
        let mut staged = Staged::default();
        let mut written = Ok(());
        for service in &wanted.services {
            written = self.install(datapath, service, target, &mut staged);
            if written.is_err() {
                break;
            }
        }
        let written = written
            .and_then(|()| self.prefixes.write(datapath, target, &wanted.prefixes, &mut staged.applied));
        match written {
            Ok(()) => Ok(staged),
            Err(error) => {
                self.take_back(datapath, target)?;
                Err(error)
            }
        }
    }

    /// Has the slots that do not hold say what those that hold say, and removes all that nobody names then. Services
    /// that only this application brought are forgotten.
    fn take_back(&mut self, datapath: &Datapath, target: usize) -> Result<(), DatapathError> {
        let fresh: Vec<u32> = self.services.iter().filter(|(_, s)| s.fresh).map(|(id, _)| *id).collect();
        for identity in fresh {
            datapath.services.remove(&identity).map_err(in_table(&datapath.services))?;
            self.services.remove(&identity);
        }
        for (identity, installed) in &mut self.services {
            let slots = [installed.slots[target ^ 1]; 2];
            if installed.slots != slots {
                datapath
                    .services
                    .set(identity, &Service { slot: slots })
                    .map_err(in_table(&datapath.services))?;
                installed.slots = slots;
            }
        }
        let named: HashSet<u32> = self.services.values().flat_map(|s| tables_of(&s.slots)).collect();
        let orphans: Vec<u32> = self.tables.keys().filter(|table| !named.contains(table)).copied().collect();
        for table in orphans {
            self.release(datapath, table, &mut Applied::default())?;
        }
        Ok(())
    }

    fn install(
        &mut self,
        datapath: &Datapath,
        service: &CompiledService,
        target: usize,
        staged: &mut Staged,
    ) -> Result<(), DatapathError> {
        let identity = service.identity.0;
        let before = self.services.get(&identity).and_then(|s| s.wanted.clone());
        let mut slot = Slot { mode: mode_number(service.mode), ..Slot::default() };
        let directions = [Arc::clone(&service.ingress), Arc::clone(&service.egress)];
        for (side, direction) in directions.iter().enumerate() {
            let same = before
                .as_ref()
                .filter(|b| Arc::ptr_eq(&b.directions[side], direction) || b.directions[side] == *direction);
            (slot.table[side], slot.otherwise[side]) = match same {
                Some(before) => (before.slot.table[side], before.slot.otherwise[side]),
                None => self.install_direction(datapath, direction, &mut staged.applied)?,
            };
        }
        let old = self.services.get(&identity).map(|installed| installed.slots);
        // Nobody has asked for a new service yet, so its slot that holds may say the same.
        let mut new = old.unwrap_or([slot; 2]);
        new[target] = slot;
        if Some(new) != old {
            datapath.services.set(&identity, &Service { slot: new }).map_err(in_table(&datapath.services))?;
            staged.applied.written += 1;
        }
        let fresh = old.is_none();
        let installed = self.services.entry(identity).or_default();
        installed.slots = new;
        installed.fresh = fresh;
        if let Some(old) = old {
            staged.replaced.extend(tables_of(&old).difference(&tables_of(&new)));
        }
        if before.is_none_or(|b| b.slot != slot) {
            staged.applied.services += 1;
        }
        staged.latest.insert(identity, Wanted { directions, slot });
        Ok(())
    }

    /// A table of peers with the classes that it needs. Returns its number and what holds for peers it does not name.
    fn install_direction(
        &mut self,
        datapath: &Datapath,
        direction: &CompiledDirection,
        applied: &mut Applied,
    ) -> Result<(u32, ClassRef), DatapathError> {
        let table = self.next_table;
        self.next_table += 1;
        // Known from the beginning, so that what is written of it can be taken back.
        self.tables.insert(table, InstalledTable::default());
        let mut references = Vec::with_capacity(direction.classes.len());
        for class in &direction.classes {
            references.push(self.install_class(datapath, class, applied)?);
            self.table(table).classes.push(class.clone());
        }
        for (peer, class) in &direction.peers {
            let Some(reference) = references.get(*class as usize) else { continue };
            let key = PeerKey { table, peer: peer.0 };
            datapath.peers.set(&key, reference).map_err(in_table(&datapath.peers))?;
            self.table(table).peers.push(peer.0);
            applied.written += 1;
        }
        Ok((table, references.get(direction.default as usize).copied().unwrap_or_default()))
    }

    fn table(&mut self, table: u32) -> &mut InstalledTable {
        self.tables.entry(table).or_default()
    }

    fn install_class(
        &mut self,
        datapath: &Datapath,
        class: &Class,
        applied: &mut Applied,
    ) -> Result<ClassRef, DatapathError> {
        let mut reference = ClassRef {
            class_id: 0,
            lengths: class.entries.iter().fold(0, |bits, e| bits | 1 << e.prefix_len.min(16)),
            rule: class.otherwise.rule.0,
            allow: u32::from(class.otherwise.allow),
        };
        if let Some(known) = self.classes.get_mut(class) {
            known.uses += 1;
            reference.class_id = known.id;
            return Ok(reference);
        }
        let id = self.next_class;
        self.next_class += 1;
        reference.class_id = id;
        let narrowed: HashSet<(u8, u16, u8)> =
            class.entries.iter().filter(|e| e.application.is_some()).map(ports_of).collect();
        for (written, entry) in class.entries.iter().enumerate() {
            let rule = Rule {
                rule: entry.outcome.rule.0,
                allow: u16::from(entry.outcome.allow),
                applications: u16::from(entry.application.is_none() && narrowed.contains(&ports_of(entry))),
            };
            if let Err(error) = datapath.rules.set(&rule_key(id, entry), &rule) {
                for entry in &class.entries[..written] {
                    datapath.rules.remove(&rule_key(id, entry)).map_err(in_table(&datapath.rules))?;
                }
                return Err(in_table(&datapath.rules)(error));
            }
            applied.written += 1;
        }
        self.classes.insert(class.clone(), InstalledClass { id, uses: 1 });
        Ok(reference)
    }

    fn release(
        &mut self,
        datapath: &Datapath,
        table: u32,
        applied: &mut Applied,
    ) -> Result<(), DatapathError> {
        let Some(installed) = self.tables.remove(&table) else { return Ok(()) };
        for peer in installed.peers {
            datapath.peers.remove(&PeerKey { table, peer }).map_err(in_table(&datapath.peers))?;
            applied.removed += 1;
        }
        for class in installed.classes {
            let Some(known) = self.classes.get_mut(&class) else { continue };
            known.uses -= 1;
            if known.uses > 0 {
                continue;
            }
            let id = known.id;
            self.classes.remove(&class);
            for entry in &class.entries {
                datapath.rules.remove(&rule_key(id, entry)).map_err(in_table(&datapath.rules))?;
                applied.removed += 1;
            }
        }
        Ok(())
    }

    fn remove_stale(
        &mut self,
        datapath: &Datapath,
        stale: &Stale,
        applied: &mut Applied,
    ) -> Result<(), DatapathError> {
        for key in stale.peers.iter().filter(|k| !self.tables.contains_key(&k.table)) {
            datapath.peers.remove(key).map_err(in_table(&datapath.peers))?;
            applied.removed += 1;
        }
        let classes: HashSet<u32> = self.classes.values().map(|c| c.id).collect();
        for key in stale.rules.iter().filter(|k| !classes.contains(&k.class_id)) {
            datapath.rules.remove(key).map_err(in_table(&datapath.rules))?;
            applied.removed += 1;
        }
        for identity in stale.services.iter().filter(|id| !self.services.contains_key(id)) {
            datapath.services.remove(identity).map_err(in_table(&datapath.services))?;
            applied.removed += 1;
        }
        Ok(())
    }

    /// Whether the kernel knows the service, so that endpoints may be given to it.
    pub fn knows(&self, identity: Identity) -> bool {
        self.services.contains_key(&identity.0)
    }
}

fn tables_of(slots: &[Slot; 2]) -> HashSet<u32> {
    slots.iter().flat_map(|s| s.table).collect()
}

fn ports_of(entry: &Entry) -> (u8, u16, u8) {
    (entry.protocol.0, entry.port, entry.prefix_len)
}

fn rule_key(class_id: u32, entry: &Entry) -> RuleKey {
    RuleKey {
        class_id,
        port: entry.port,
        protocol: entry.protocol.0,
        length: entry.prefix_len,
        application: entry.application.map_or(0, |a| a.number()),
        pad: 0,
    }
}

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
                policy.services.insert(*identity, Installed { slots: service.slot, wanted: None });
            }
        }
        if !(peers.is_empty() && rules.is_empty() && services.is_empty()) {
            policy.stale = Some(Stale { peers, rules, services });
        }
        Ok(policy)
    }

    /// Installs the policy. On an error nothing has changed for any packet, and the call may be repeated.
    pub fn apply(&mut self, datapath: &Datapath, wanted: &CompiledPolicy) -> Result<Applied, DatapathError> {
        let control = datapath.control()?;
        let target = (control.epoch as usize & 1) ^ 1;
        let mut applied = Applied::default();
        let mut replaced = Vec::new();
        for service in &wanted.services {
            self.install(datapath, service, target, &mut replaced, &mut applied)?;
        }
        self.prefixes.write(datapath, target, &wanted.prefixes, &mut applied)?;

        applied.epoch = next_epoch(control.epoch, 1);
        datapath.set_control(Control { epoch: applied.epoch, ..control })?;

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

    fn install(
        &mut self,
        datapath: &Datapath,
        service: &CompiledService,
        target: usize,
        replaced: &mut Vec<u32>,
        applied: &mut Applied,
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
                None => self.install_direction(datapath, direction, applied)?,
            };
        }
        let known = self.services.contains_key(&identity);
        let installed = self.services.entry(identity).or_default();
        let old = installed.slots;
        let mut new = old;
        new[target] = slot;
        if !known {
            // Nobody has asked for this service yet, so the slot that holds may say the same.
            new[target ^ 1] = slot;
        }
        installed.wanted = Some(Wanted { directions, slot });
        if new != old {
            datapath.services.set(&identity, &Service { slot: new }).map_err(in_table(&datapath.services))?;
            installed.slots = new;
            applied.written += 1;
            if known {
                let named = tables_of(&new);
                replaced.extend(tables_of(&old).difference(&named));
            }
        }
        if before.is_none_or(|b| b.slot != slot) {
            applied.services += 1;
        }
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
        let mut installed = InstalledTable::default();
        let mut references = Vec::with_capacity(direction.classes.len());
        for class in &direction.classes {
            references.push(self.install_class(datapath, class, applied)?);
            installed.classes.push(class.clone());
        }
        for (peer, class) in &direction.peers {
            let Some(reference) = references.get(*class as usize) else { continue };
            let key = PeerKey { table, peer: peer.0 };
            datapath.peers.set(&key, reference).map_err(in_table(&datapath.peers))?;
            installed.peers.push(peer.0);
            applied.written += 1;
        }
        self.tables.insert(table, installed);
        Ok((table, references.get(direction.default as usize).copied().unwrap_or_default()))
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
        for entry in &class.entries {
            let rule = Rule {
                rule: entry.outcome.rule.0,
                allow: u16::from(entry.outcome.allow),
                applications: u16::from(entry.application.is_none() && narrowed.contains(&ports_of(entry))),
            };
            datapath.rules.set(&rule_key(id, entry), &rule).map_err(in_table(&datapath.rules))?;
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

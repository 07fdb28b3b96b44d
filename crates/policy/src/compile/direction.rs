//! The tables of one direction of one service.

use super::{BoundRule, PeerSet};
use crate::{
    compiled::{Class, CompiledDirection},
    inventory::{Inventory, Service},
    ports::{self, PortRule},
};
use bulkhead_model::{Direction, Identity, IpProtocol, PortRange};
use std::{collections::HashMap, sync::Arc};

/// The rules that concern a peer, in order, each with the list of ports that it means for that peer (an index into
/// `Direct::port_lists`, or `OWN`).
type Signature = Vec<(u32, u32)>;

/// The rule's own ports, no names among them.
const OWN: u32 = u32::MAX;

/// In place of a rule for a peer that is listed without one.
const NO_RULE: u32 = u32::MAX;

/// The making of one direction of one service.
struct Direct<'a> {
    rules: &'a [Arc<BoundRule>],
    direction: Direction,
    local: &'a Service,
    port_lists: Vec<Vec<(IpProtocol, PortRange)>>,
    class_of_signature: HashMap<Signature, u32>,
    class_index: HashMap<Class, u32>,
    classes: Vec<Class>,
    /// The signature that was looked for last, kept for its room.
    signature: Signature,
}

/// Peers to which the same rules apply are one class; `rules` are in deciding order.
pub(crate) fn compile(
    rules: &[Arc<BoundRule>],
    direction: Direction,
    local: &Service,
    inventory: &Inventory,
    atoms: &[Identity],
) -> CompiledDirection {
    let mut direct = Direct {
        rules,
        direction,
        local,
        port_lists: Vec::new(),
        class_of_signature: HashMap::new(),
        class_index: HashMap::new(),
        classes: Vec::new(),
        signature: Vec::new(),
    };
    let those = |wanted: &dyn Fn(&PeerSet) -> bool| -> Vec<u32> {
        (0..).zip(rules).filter(|(_, rule)| wanted(&rule.peers)).map(|(index, _)| index).collect()
    };
    // A service that no rule speaks of in particular, whether it exists yet or not.
    let of_services = those(&|peers| peers.any || peers.every_service);
    let default = direct.class(&of_services, None);
    // Whom rules name, each with a rule; one list in order costs far less than a map of lists.
    let mut named: Vec<(Identity, u32)> = Vec::new();
    for (index, rule) in (0..).zip(rules) {
        let peers = rule.peers.services.iter().chain(&rule.peers.atoms);
        named.extend(peers.map(|&identity| (identity, index)));
    }
    let names_matter = of_services.iter().any(|&index| !rules[index as usize].named.is_empty());
    if direction == Direction::Egress && names_matter {
        named.extend(inventory.services().map(|service| (service.identity, NO_RULE)));
    }
    let of_world = those(&|peers| peers.any || peers.world);
    let fixed = [
        (Identity::UNKNOWN, Vec::new()),
        (Identity::HOST, those(&|peers| peers.any || peers.host)),
        (Identity::REMOTE_HOST, those(&|peers| peers.any || peers.remote_host)),
        (Identity::WORLD, of_world.clone()),
        (Identity::MULTICAST, those(&|peers| peers.any || peers.multicast)),
    ];
    let mut listed: Vec<(Identity, u32)> =
        fixed.into_iter().map(|(identity, rules)| (identity, direct.class(&rules, None))).collect();
    // External addresses that no rule names are as the world is; where that is as everybody is, nothing need say so.
    if listed.iter().any(|&(identity, class)| identity == Identity::WORLD && class != default) {
        named.extend(atoms.iter().map(|&atom| (atom, NO_RULE)));
    }
    named.sort_unstable();
    let any_names = rules.iter().any(|rule| !rule.named.is_empty());
    let mut holding: Vec<u32> = Vec::new();
    // Most peers are named by one rule.
    let mut of_single: Vec<Option<u32>> = vec![None; rules.len()];
    for of_one in named.chunk_by(|a, b| a.0 == b.0) {
        let identity = of_one[0].0;
        let general = if identity.is_external() { &of_world } else { &of_services };
        holding.clear();
        holding.extend(of_one.iter().map(|(_, rule)| *rule).filter(|rule| *rule != NO_RULE));
        if !general.is_empty() {
            holding.extend(general);
            holding.sort_unstable();
        }
        holding.dedup();
        // Only names of ports mean something else to every peer.
        let peer = if any_names { inventory.by_identity(identity) } else { None };
        let class = match holding.as_slice() {
            &[rule] if !any_names => {
                let known = of_single[rule as usize];
                *of_single[rule as usize].insert(known.unwrap_or_else(|| direct.class(&holding, None)))
            }
            rules => direct.class(rules, peer),
        };
        listed.push((identity, class));
    }
    listed.retain(|(_, class)| *class != default);
    listed.sort_unstable();
    CompiledDirection { classes: direct.classes, default, peers: listed }
}

impl Direct<'_> {
    /// The class of peers to which exactly these rules apply.
    fn class(&mut self, rules: &[u32], peer: Option<&Service>) -> u32 {
        let mut signature = std::mem::take(&mut self.signature);
        signature.clear();
        for &rule in rules {
            let ports = self.ports(rule, peer);
            signature.push((rule, ports));
        }
        let known = self.class_of_signature.get(&signature).copied();
        self.signature = signature;
        if let Some(class) = known {
            return class;
        }
        let signature = self.signature.clone();
        let port_rules: Vec<PortRule<'_>> = signature
            .iter()
            .map(|&(rule, list)| {
                let rule = &self.rules[rule as usize];
                let ports = match list {
                    OWN => rule.ports.as_deref(),
                    list => Some(self.port_lists[list as usize].as_slice()),
                };
                let (outcome, passes) = (rule.outcome, rule.passes);
                PortRule { outcome, passes, ports, applications: &rule.applications }
            })
            .collect();
        let class = ports::class(&port_rules);
        let next = self.classes.len() as u32;
        let index = *self.class_index.entry(class.clone()).or_insert(next);
        if index == next {
            self.classes.push(class);
        }
        self.class_of_signature.insert(signature, index);
        index
    }

    /// Which ports a rule means where `peer` is the other end.
    fn ports(&mut self, rule: u32, peer: Option<&Service>) -> u32 {
        let rule = &self.rules[rule as usize];
        if rule.named.is_empty() {
            return OWN;
        }
        let server = match self.direction {
            Direction::Ingress => Some(self.local),
            Direction::Egress => peer,
        };
        let list = rule.ports_at(server);
        let known = self.port_lists.iter().position(|known| *known == list);
        known.unwrap_or_else(|| {
            self.port_lists.push(list);
            self.port_lists.len() - 1
        }) as u32
    }
}

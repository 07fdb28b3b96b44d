//! What the compiler makes of a policy: tables in which the first hit is the answer.
//!
//! For one service and direction, every peer belongs to a *class*: the set of peers that the policy treats alike. A
//! class is a list of disjoint port prefixes per protocol, so that the kernel may probe them in any order, and an
//! outcome for what no entry covers. All conflicts between rules, tiers and orders have been resolved before.

use bulkhead_model::{Application, Identity, IpProtocol, Mode, RuleRef, ServiceName, node::Prefix};
use std::{collections::BTreeMap, sync::Arc};

/// All that a node enforces, as one revision. Tables change as a whole: no packet sees half of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompiledPolicy {
    /// Every service of the inventory in ascending order of identity, in the mode that the inventory gives it. Those that
    /// no document targets have empty tables, which deny.
    pub services: Vec<CompiledService>,
    /// Declared external ranges and resolved names: this prefix is that external atom. Most specific wins. A part that
    /// was taken out of a range (`except`) and that no rule speaks of is there as [`Identity::WORLD`].
    pub prefixes: Vec<Prefix>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledService {
    pub identity: Identity,
    pub mode: Mode,
    pub ingress: Arc<CompiledDirection>,
    pub egress: Arc<CompiledDirection>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompiledDirection {
    /// At least one.
    pub classes: Vec<Class>,
    /// Index into `classes` of every peer that `peers` does not name.
    pub default: u32,
    /// Ascending by identity; only peers whose class is not the default.
    pub peers: Vec<(Identity, u32)>,
}

/// One way of treating peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Class {
    pub entries: Vec<Entry>,
    /// What holds where no entry matches.
    pub otherwise: Outcome,
}

/// A set of server ports of one protocol: those whose first `prefix_len` bits are those of `port`. `prefix_len == 0`
/// is the whole protocol, which is the only form for protocols without ports. ICMP has `type * 256 + code` for a port.
///
/// Entries of one class are disjoint in (protocol, ports); for one (protocol, ports) there is one entry with
/// `application: None` and there may be more that differ in their application, which are more specific: of a flow whose
/// application is known, the entry of that application decides, else that of [`Application::OTHER`], else `None`'s.
/// A flow whose application is not known meets `None`'s entry alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    pub protocol: IpProtocol,
    pub port: u16,
    /// 0..=16
    pub prefix_len: u8,
    pub application: Option<Application>,
    pub outcome: Outcome,
}

/// Allow or deny, and the rule that says so ([`RuleRef::NONE`] for "no rule matched", which denies).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Outcome {
    pub allow: bool,
    pub rule: RuleRef,
}

/// What a controller wants a node to do. Sent whole on a `watch` channel; the agent applies the difference.
#[derive(Debug, Clone, Default)]
pub struct NodePolicy {
    pub revision: u64,
    pub identities: Arc<BTreeMap<ServiceName, Identity>>,
    pub compiled: Arc<CompiledPolicy>,
    /// Whether anybody listens to single flows.
    pub stream_flows: bool,
}

//! What the event reader needs to know of endpoints, shared with the node that keeps it true.

use crate::strangers::Strangers;
use bulkhead_discovery::namespace::Namespace;
use bulkhead_model::{Identity, ServiceName, WorkloadId};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, RwLock},
};

/// One interface of a workload.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) workload: WorkloadId,
    pub(crate) identity: Identity,
    pub(crate) namespace: Arc<Namespace>,
    /// Ethernet address of the workload's end, and of the host's.
    pub(crate) mac: [u8; 6],
    pub(crate) host_mac: [u8; 6],
    pub(crate) addresses: Vec<IpAddr>,
    /// Since when its interface is known, CLOCK_MONOTONIC; 0 where it was there before the agent.
    pub(crate) since_ns: u64,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    /// By the index of the host's end.
    pub(crate) endpoints: HashMap<u32, Endpoint>,
    pub(crate) by_address: HashMap<IpAddr, u32>,
    /// Names of the interfaces that programs are attached to.
    pub(crate) interfaces: HashMap<u32, Box<str>>,
    pub(crate) services: HashMap<Identity, ServiceName>,
    pub(crate) strangers: Strangers,
}

pub(crate) type SharedView = Arc<RwLock<View>>;

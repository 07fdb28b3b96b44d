//! The node's one loop: links, workloads and policy come in, kernel tables and reports go out.

mod endpoints;
mod groups;
mod health;
mod policy;

use crate::{
    AgentConfig, AgentError,
    events::{self, EventReader},
    links::{HostLink, LinkChange, Links},
    lock::PinLock,
    translate,
    view::SharedView,
};
use bulkhead_abi::{CONTROL_CLOSED, CONTROL_FLOWS, Event};
use bulkhead_datapath::{Answerer, Datapath, EdgeReader, Gate, Policy};
use bulkhead_discovery::{
    Update,
    cgroup::{self, GroupWatch},
    namespace::Namespaces,
};
use bulkhead_model::{
    Workload, WorkloadId,
    node::{ConnectionReport, NodeReport},
};
use bulkhead_policy::compiled::NodePolicy;
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    future::Future,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

pub(crate) struct Node {
    _lock: Option<PinLock>,
    config: AgentConfig,
    datapath: Datapath,
    tables: Policy,
    gate: Gate,
    gate_installed: bool,
    links: Links,
    /// Interfaces with our programs on them.
    attached: BTreeMap<u32, HostLink>,
    /// Interfaces that wait for a policy, as programs of another version sit on them: those decide with what they know,
    /// and new ones would know nothing.
    waiting: BTreeMap<u32, HostLink>,
    /// Control groups with our programs on them, by the number of their endpoint.
    groups: BTreeMap<u32, groups::Group>,
    group_watch: Option<GroupWatch>,
    /// The groups that the agent is in itself, where it runs in a container.
    own_groups: BTreeSet<u64>,
    /// Workloads in the host's network that have ended and may be started again.
    resting: BTreeMap<WorkloadId, Workload>,
    /// Of the interfaces, the ones that were there before us and belong to no workload.
    exempt: BTreeSet<u32>,
    /// Interfaces that were there when the agent came and may be nobody's. Where something was enforced already, only
    /// those that an earlier agent found to be: another one may be of a container that is just being started.
    found_at_start: BTreeSet<u32>,
    /// Whether discovery has told the whole truth once.
    discovered: bool,
    workloads: BTreeMap<WorkloadId, Workload>,
    namespaces: Namespaces,
    view: SharedView,
    /// Addresses that are written into the kernel's table of owners.
    owned: BTreeMap<IpAddr, (u32, u32)>,
    host_addresses: HashSet<IpAddr>,
    container_networks: BTreeSet<IpNet>,
    wanted: NodePolicy,
    /// Whether this process has been told a policy.
    has_policy: bool,
    /// Whether an earlier agent enforced something, and this one has been told nothing yet that takes its place.
    keeps_earlier: bool,
    applied_revision: u64,
    /// What could not be done lately, by what it is about.
    troubles: BTreeMap<String, String>,
    edges: EdgeReader,
    boot: u64,
    reports: mpsc::Sender<NodeReport>,
    /// Connections of strangers that have a name now, to be told.
    identified: Vec<ConnectionReport>,
    /// Workloads of which something has changed since the controller was told.
    told_anew: Vec<WorkloadId>,
    flows: Arc<AtomicBool>,
    lost_flows: Arc<AtomicU64>,
}

impl Node {
    pub(crate) async fn start(
        config: AgentConfig,
        reports: mpsc::Sender<NodeReport>,
    ) -> Result<Self, AgentError> {
        // Before anything of another agent's is touched; where there is nothing yet, opening makes the folder.
        let pins = &config.datapath.pins;
        let held = PinLock::take(pins)?;
        let datapath = Datapath::open(&config.datapath)?;
        let lock = if held.is_some() { held } else { PinLock::take(pins)? };
        let tables = Policy::recover(&datapath)?;
        let gate = Gate::new(config.patterns.iter().cloned());
        let gate_installed = config.gate && gate.installed();
        let mut node = Self {
            _lock: lock,
            datapath,
            tables,
            gate,
            gate_installed,
            links: Links::watch()?,
            attached: BTreeMap::new(),
            groups: BTreeMap::new(),
            group_watch: None,
            own_groups: cgroup::of_this_process(),
            resting: BTreeMap::new(),
            waiting: BTreeMap::new(),
            exempt: BTreeSet::new(),
            found_at_start: BTreeSet::new(),
            discovered: false,
            workloads: BTreeMap::new(),
            namespaces: Namespaces::new(),
            view: SharedView::default(),
            owned: BTreeMap::new(),
            host_addresses: HashSet::new(),
            container_networks: BTreeSet::new(),
            wanted: NodePolicy::default(),
            has_policy: false,
            keeps_earlier: false,
            applied_revision: 0,
            troubles: BTreeMap::new(),
            edges: EdgeReader::default(),
            boot: translate::boot(),
            reports,
            identified: Vec::new(),
            told_anew: Vec::new(),
            flows: Arc::default(),
            lost_flows: Arc::default(),
            config,
        };
        let before = node.links.all().await?;
        let closed = node.datapath.flags()? & CONTROL_CLOSED != 0;
        node.keeps_earlier = closed;
        node.found_at_start = before
            .iter()
            .map(|link| link.ifindex)
            .filter(|index| !closed || node.datapath.is_exempt(*index))
            .collect();
        for mut link in before {
            link.since_ns = 0;
            node.attach_to(link);
        }
        node.watch_groups();
        if !node.datapath.has_earlier() {
            node.take_over_groups();
        }
        node.recover_owners()?;
        if !node.datapath.has_earlier() {
            node.refresh_gate();
            node.forget_links_that_are_gone();
        }
        node.refresh_host_addresses().await;
        Ok(node)
    }

    pub(crate) async fn run(
        mut self,
        mut updates: mpsc::Receiver<Update>,
        mut policy: watch::Receiver<NodePolicy>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), AgentError> {
        let reader = EventReader {
            events: self.datapath.events()?,
            answerer: self.answerer(),
            view: self.view.clone(),
            reports: self.reports.clone(),
            flows: self.flows.clone(),
            lost_flows: self.lost_flows.clone(),
        };
        let mut reader = tokio::spawn(reader.run());
        let mut report = interval(self.config.report_interval);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweep = interval(self.config.sweep_interval);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What a controller had not stored when it died is told again.
        let mut resend = interval(self.config.resend_interval);
        resend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = pin!(shutdown);
        policy.mark_changed();
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                result = &mut reader => {
                    events::ended(result)?;
                    break;
                }
                change = self.links.next() => self.link_changed(change).await?,
                made = groups::made(&mut self.group_watch) => self.groups_are_there(&made),
                changed = policy.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let wanted = policy.borrow_and_update().clone();
                    self.apply(wanted).await;
                }
                update = updates.recv() => match update {
                    Some(update) => self.workload_changed(update).await,
                    None => break,
                },
                _ = report.tick() => self.report_edges().await,
                _ = sweep.tick() => self.sweep().await,
                _ = resend.tick() => self.edges.begin_anew(),
            }
            for report in std::mem::take(&mut self.identified) {
                self.send(NodeReport::Identified(Box::new(report))).await;
            }
            for id in std::mem::take(&mut self.told_anew) {
                if let Some(workload) = self.workloads.get(&id).cloned() {
                    self.send(NodeReport::WorkloadUp(Box::new(workload))).await;
                }
            }
        }
        // Whatever was counted up to now is told.
        self.report_edges().await;
        reader.abort();
        Ok(())
    }

    fn answerer(&mut self) -> Option<Answerer> {
        match Answerer::open() {
            Ok(answerer) => Some(answerer),
            Err(error) => {
                self.trouble("answers", format!("first denials are not answered: {error}"));
                None
            }
        }
    }

    async fn link_changed(&mut self, change: Option<LinkChange>) -> Result<(), AgentError> {
        match change {
            Some(LinkChange::New(link)) => {
                if self.link_is_there(link) {
                    self.identify_endpoints(false);
                }
            }
            Some(LinkChange::Gone(ifindex)) => self.link_is_gone(ifindex),
            Some(LinkChange::Addresses) => self.refresh_host_addresses().await,
            // Messages were lost: look at everything.
            None => {
                let links = self.links.all().await?;
                let there: BTreeSet<u32> = links.iter().map(|link| link.ifindex).collect();
                let gone: Vec<u32> = self.attached.keys().filter(|i| !there.contains(i)).copied().collect();
                for ifindex in gone {
                    self.link_is_gone(ifindex);
                }
                for link in links {
                    self.link_is_there(link);
                }
                self.identify_endpoints(true);
            }
        }
        Ok(())
    }

    /// Attaches to a new workload interface. Returns whether it is one.
    fn link_is_there(&mut self, mut link: HostLink) -> bool {
        link.since_ns = bulkhead_datapath::monotonic_ns();
        self.attach_to(link)
    }

    /// An upgrade to tables of another layout ends here: they hold a policy, so the new programs take the old ones' place.
    fn end_upgrade(&mut self) {
        if !self.datapath.has_earlier() {
            return;
        }
        if let Err(error) = self.datapath.remove_earlier() {
            self.trouble("upgrade", error.to_string());
        }
        for link in std::mem::take(&mut self.waiting).into_values() {
            self.attach_to(link);
        }
        self.refresh_gate();
        self.forget_links_that_are_gone();
    }

    fn attach_to(&mut self, link: HostLink) -> bool {
        let candidate = link.veth && link.far && self.config.matches(&link.name);
        if !candidate {
            return false;
        }
        if let Some(known) = self.attached.get(&link.ifindex)
            && known.name == link.name
        {
            return true;
        }
        if self.datapath.has_earlier() {
            self.waiting.insert(link.ifindex, link);
            return false;
        }
        match self.datapath.attach(&link.name, link.ifindex) {
            Ok(()) => {
                self.clear_trouble(&link.name);
                tracing::debug!(interface = link.name, ifindex = link.ifindex, "attached");
                {
                    let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
                    view.interfaces.insert(link.ifindex, link.name.as_str().into());
                }
                let name = link.name.clone();
                self.attached.insert(link.ifindex, link);
                if self.gate_installed
                    && let Err(error) = self.gate.open(&name)
                {
                    // It may have been thrown away: written again, it opens for this one too.
                    self.trouble("gate", error.to_string());
                    self.write_gate();
                }
                true
            }
            Err(error) => {
                // It may have gone again already; if not, the gate keeps it closed.
                self.a_stranger_left();
                self.trouble(&link.name, error.to_string());
                false
            }
        }
    }

    fn link_is_gone(&mut self, ifindex: u32) {
        self.waiting.remove(&ifindex);
        let Some(link) = self.attached.remove(&ifindex) else { return };
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            view.interfaces.remove(&ifindex);
        }
        self.exempt.remove(&ifindex);
        self.clear_trouble(&link.name);
        if self.gate_installed
            && let Err(error) = self.gate.close(&link.name)
        {
            tracing::debug!(%error, interface = link.name, "gate");
        }
        if let Err(error) = self.datapath.forget(ifindex).and_then(|()| self.datapath.forget_flows(ifindex)) {
            tracing::warn!(%error, ifindex, "cannot forget an interface");
        }
        if !self.drop_endpoint(ifindex) {
            self.a_stranger_left();
        }
    }

    fn forget_links_that_are_gone(&self) {
        for ifindex in self.datapath.pinned().into_iter().filter(|i| !self.attached.contains_key(i)) {
            if let Err(error) = self.datapath.forget(ifindex) {
                tracing::warn!(%error, ifindex, "cannot forget an interface");
            }
        }
    }

    async fn report_edges(&mut self) {
        let deltas = match self.datapath.read_edges(&mut self.edges) {
            Ok(deltas) => deltas,
            Err(error) => return self.trouble("edges", error.to_string()),
        };
        self.clear_trouble("edges");
        let reports: Vec<_> = deltas.iter().filter_map(|delta| translate::edge(delta, self.boot)).collect();
        if !reports.is_empty() {
            self.send(NodeReport::Edges(reports)).await;
        }
    }

    async fn sweep(&mut self) {
        // What changed without an event (an address added inside a container) is found here.
        self.identify_endpoints(true);
        self.confine_and_tell().await;
        self.leave_groups_of_nobody();
        match self.datapath.sweep_flows() {
            Ok(report) if self.flows.load(Ordering::Relaxed) => {
                for (key, flow) in report.expired {
                    let event = closed_event(&key, &flow);
                    let record = {
                        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
                        translate::flow(&event, &view, None, true)
                    };
                    self.send(NodeReport::Flow(Box::new(record))).await;
                }
            }
            Ok(_) => {}
            Err(error) => self.trouble("flows", error.to_string()),
        }
        self.watch_gate().await;
        self.report_health().await;
    }

    async fn send(&self, report: NodeReport) {
        if self.reports.send(report).await.is_err() {
            tracing::debug!("the controller takes no reports any more");
        }
    }

    /// Remembers what does not work, once, until it works again.
    fn trouble(&mut self, about: &str, message: String) {
        if self.troubles.get(about) != Some(&message) {
            tracing::warn!(about, message, "trouble");
            self.troubles.insert(about.to_owned(), message);
        }
    }

    fn clear_trouble(&mut self, about: &str) {
        self.troubles.remove(about);
    }

    fn set_control(&mut self, flag: u32, on: bool) {
        let changed = self
            .datapath
            .flags()
            .and_then(|flags| self.datapath.set_flags(if on { flags | flag } else { flags & !flag }));
        if let Err(error) = changed {
            self.trouble("control", error.to_string());
        }
    }

    fn stream_flows(&mut self, on: bool) {
        self.flows.store(on, Ordering::Relaxed);
        self.set_control(CONTROL_FLOWS, on);
    }
}

fn closed_event(key: &bulkhead_abi::FlowKey, flow: &bulkhead_abi::Flow) -> Event {
    Event {
        kind: bulkhead_abi::EVENT_FLOW_CLOSED,
        direction: flow.direction,
        verdict: flow.verdict,
        reason: flow.reason,
        mode: 0,
        flags: 0,
        length: 0,
        ifindex: key.ifindex(),
        local: flow.local,
        peer: flow.peer,
        rule: flow.rule,
        application: flow.application,
        port: flow.port,
        rtt_us: flow.rtt_us,
        time_ns: bulkhead_datapath::monotonic_ns(),
        pid: 0,
        pad: 0,
        key: *key,
        packets: flow.packets,
        bytes: flow.bytes,
        snap: [0; bulkhead_abi::SNAP],
    }
}

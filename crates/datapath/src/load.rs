use crate::{
    AttachKind, DatapathError, Events,
    error::in_table,
    kernel::{has_tcx, in_bpffs},
    sys::{self, SkbContext, TestRun},
    table::Table,
};
use aya::{Ebpf, EbpfLoader, maps::RingBuf, programs::SchedClassifier};
use bulkhead_abi::{
    Address, CACHE_SLOTS, CONTROL_CLOSED, CONTROL_MARK, ClassRef, ContactKey, Control, ENDPOINT_EXEMPT, Edge,
    EdgeKey, Endpoint, Flow, FlowKey, Owner, PeerKey, Prefix, Rule, RuleKey, Service, Stat,
};
use bulkhead_model::{Identity, node::TableFill};
use std::{
    fs, io,
    net::IpAddr,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    process::Command,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The compiled kernel programs, as they are loaded.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bulkhead.bpf.o"));

/// Capacities of the kernel tables, in entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    pub endpoints: u32,
    /// Addresses of workloads and hosts.
    pub owners: u32,
    /// Prefixes of external ranges and names.
    pub prefixes: u32,
    pub services: u32,
    pub peers: u32,
    pub rules: u32,
    /// Connections and datagram exchanges; the least recently used go first.
    pub flows: u32,
    pub edges: u32,
    pub contacts: u32,
    pub fragments: u32,
    /// Bytes of the event ring, a power of two.
    pub events: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            endpoints: 16_384,
            owners: 131_072,
            prefixes: 131_072,
            services: 16_384,
            peers: 262_144,
            rules: 262_144,
            flows: 262_144,
            edges: 65_536,
            contacts: 65_536,
            fragments: 8_192,
            events: 1 << 22,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    /// A folder in a bpf file system. All pins live below it.
    pub pins: PathBuf,
    pub sizes: Sizes,
    /// `None`: tcx where the kernel has it.
    pub attach: Option<AttachKind>,
    /// Of the tables' layout; tests play an upgrade with it.
    pub version: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pins: PathBuf::from("/sys/fs/bpf/bulkhead"),
            sizes: Sizes::default(),
            attach: None,
            version: bulkhead_abi::ABI_VERSION,
        }
    }
}

/// A pinned table is taken over with the size that it was made with: another one takes effect once it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSize {
    pub table: &'static str,
    pub entries: u32,
    pub wanted: u32,
}

/// Whether an agent has left something in the kernel that closes interfaces, whichever version of the tables it is in.
/// What cannot be read may be.
pub fn enforces(pins: &Path) -> bool {
    let folders = fs::read_dir(pins).into_iter().flatten().flatten();
    folders.map(|folder| folder.path()).any(|maps| match Table::<u32, Control>::open(&maps, CONTROL) {
        Ok(table) => table
            .get(&0)
            .is_ok_and(|control| control.is_none_or(|control| control.flags & CONTROL_CLOSED != 0)),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    })
}

const CONTROL: &str = "bh_control_map";

/// The loaded programs and their maps.
#[derive(Debug)]
pub struct Datapath {
    pub(crate) ebpf: Ebpf,
    pub(crate) attach: AttachKind,
    pub(crate) pins: PathBuf,
    pub(crate) cpus: usize,
    pub(crate) control: Table<u32, Control>,
    stats: OwnedFd,
    /// What earlier agents have seen refused: the counters are as old as the maps.
    refused_before: [u64; REFUSALS.len()],
    kept: Vec<KeptSize>,
    /// Folders with the tables of other versions, whose programs sit on interfaces until these do.
    earlier: Vec<PathBuf>,
    pub endpoints: Table<u32, Endpoint>,
    /// The endpoint of each control group that programs sit on.
    pub(crate) groups: Table<u64, u32>,
    pub owners: Table<Address, Owner>,
    pub(crate) prefixes: Table<Prefix, u32>,
    pub(crate) services: Table<u32, Service>,
    pub(crate) peers: Table<PeerKey, ClassRef>,
    pub(crate) rules: Table<RuleKey, Rule>,
    pub flows: Table<FlowKey, Flow>,
    pub(crate) edges: Table<EdgeKey, Edge>,
    pub(crate) edge_use: Table<u32, u64>,
    /// What was told lately; the value is a moment of CLOCK_MONOTONIC, ns.
    pub contacts: Table<ContactKey, u64>,
}

/// What packets are refused in tables that they fill.
const REFUSALS: [Stat; 3] = [Stat::FlowsFull, Stat::EdgesFull, Stat::EdgesKept];

impl Datapath {
    /// Loads the programs. Maps that are pinned already are taken over with all that they hold, so that a restart or an
    /// upgrade of the agent changes nothing for a packet; interfaces keep their old programs until [`Self::attach`].
    pub fn open(config: &Config) -> Result<Self, DatapathError> {
        let fresh = !config.pins.exists();
        let opened = Self::load(config);
        if opened.is_err() && fresh {
            // Half a datapath is of no use to anybody; why it failed says more than why it cannot be removed.
            let _ = fs::remove_dir_all(&config.pins);
        }
        opened
    }

    fn load(config: &Config) -> Result<Self, DatapathError> {
        let maps = config.pins.join(format!("v{}", config.version));
        prepare(&config.pins, &maps)?;
        let sizes = &config.sizes;
        let cpus = aya::util::nr_cpus().unwrap_or(1);
        let cache = CACHE_SLOTS * u32::try_from(cpus).unwrap_or(1);
        let mut kept = Vec::new();
        let hz = sys::hz();
        let edges_for_all = edges_for_all(made_for(&maps, "bh_edges")?.unwrap_or(sizes.edges));
        let mut loader = EbpfLoader::new();
        loader.default_map_pin_directory(&maps);
        loader.override_global("bh_hz", &hz, true).override_global("bh_edges_for_all", &edges_for_all, true);
        for (name, size) in [
            ("bh_endpoints", sizes.endpoints),
            ("bh_groups", sizes.endpoints),
            ("bh_owners", sizes.owners),
            ("bh_prefixes", sizes.prefixes),
            ("bh_services", sizes.services),
            ("bh_peers", sizes.peers),
            ("bh_rules", sizes.rules),
            ("bh_flows", sizes.flows),
            ("bh_edges", sizes.edges),
            ("bh_contacts", sizes.contacts),
            ("bh_fragments", sizes.fragments),
            ("bh_events", sizes.events),
            ("bh_cache", cache),
        ] {
            let made = made_for(&maps, name)?.unwrap_or(size);
            // How large the cache is follows from the host.
            if made != size && name != "bh_cache" {
                kept.push(KeptSize { table: name.trim_start_matches("bh_"), entries: made, wanted: size });
            }
            loader.map_max_entries(name, made);
        }
        let mut ebpf = loader.load(OBJECT)?;
        for name in PROGRAMS {
            program(&mut ebpf, name)?
                .load()
                .map_err(|source| DatapathError::Program { name, source: Box::new(source) })?;
        }
        let attach =
            config.attach.unwrap_or_else(|| if has_tcx() { AttachKind::Tcx } else { AttachKind::Clsact });
        let mut datapath = Self {
            attach,
            cpus,
            control: open(&maps, CONTROL)?,
            stats: sys::open_pinned(&maps.join("bh_stats"))
                .map_err(|source| DatapathError::Table { table: "bh_stats", source })?,
            endpoints: open(&maps, "bh_endpoints")?,
            groups: open(&maps, "bh_groups")?,
            owners: open(&maps, "bh_owners")?,
            prefixes: open(&maps, "bh_prefixes")?,
            services: open(&maps, "bh_services")?,
            peers: open(&maps, "bh_peers")?,
            rules: open(&maps, "bh_rules")?,
            flows: open(&maps, "bh_flows")?,
            edges: open(&maps, "bh_edges")?,
            edge_use: open(&maps, "bh_edge_use")?,
            contacts: open(&maps, "bh_contacts")?,
            pins: config.pins.clone(),
            refused_before: [0; REFUSALS.len()],
            kept,
            earlier: earlier(&config.pins, &maps),
            ebpf,
        };
        for (place, stat) in REFUSALS.into_iter().enumerate() {
            datapath.refused_before[place] = datapath.stat(stat)?;
        }
        // An epoch of 0 is that of an empty cache slot.
        if datapath.control()?.epoch == 0 {
            datapath.set_control(Control { epoch: 2, flags: 0 })?;
        }
        datapath.carry_over()?;
        Ok(datapath)
    }

    /// Whether programs of another version, with tables of their own, are in the kernel: they go on to decide with what
    /// they know. Attach only once these tables hold a policy, then call [`Self::remove_earlier`].
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// What is closed stays closed, what is let pass stays so; everything else of another version's tables is written
    /// anew from the policy. The layout of the control word is the same in all versions.
    fn carry_over(&self) -> Result<(), DatapathError> {
        for maps in &self.earlier {
            if let Ok(control) = Table::<u32, Control>::open(maps, CONTROL)
                && let Ok(Some(earlier)) = control.get(&0)
            {
                self.set_flags(self.flags()? | earlier.flags & (CONTROL_CLOSED | CONTROL_MARK))?;
            }
            let mut exempt = Vec::new();
            if let Ok(endpoints) = Table::<u32, Endpoint>::open(maps, "bh_endpoints") {
                // Whoever cannot be read is closed.
                let _ = endpoints.for_each(|index, endpoint| {
                    if endpoint.flags & ENDPOINT_EXEMPT != 0 {
                        exempt.push(index);
                    }
                });
            }
            exempt.into_iter().try_for_each(|index| self.exempt_endpoint(index))?;
        }
        Ok(())
    }

    /// Forgets the tables of other versions, once no interface is decided by them any more.
    pub fn remove_earlier(&mut self) -> Result<(), DatapathError> {
        for maps in std::mem::take(&mut self.earlier) {
            fs::remove_dir_all(&maps).map_err(|source| DatapathError::PinDirectory { path: maps, source })?;
        }
        Ok(())
    }

    /// The stream of kernel events. Once: the ring has one reader.
    pub fn events(&mut self) -> Result<Events, DatapathError> {
        let map = self.ebpf.take_map("bh_events").ok_or_else(|| {
            DatapathError::Events(io::Error::other("the event ring has been taken already"))
        })?;
        let ring = RingBuf::try_from(map).map_err(|e| DatapathError::Events(io::Error::other(e)))?;
        Events::new(ring).map_err(DatapathError::Events)
    }

    /// Tables that were made before with other sizes than are asked for now.
    pub fn kept_sizes(&self) -> &[KeptSize] {
        &self.kept
    }

    pub fn attach_kind(&self) -> AttachKind {
        self.attach
    }

    /// Says whose endpoint an interface is. Packets of endpoints that were never said to be anybody's are closed once
    /// anything is enforced.
    pub fn set_endpoint(&self, ifindex: u32, identity: Identity) -> Result<(), DatapathError> {
        if ifindex >= 1 << 24 {
            return Err(DatapathError::Ifindex(ifindex));
        }
        self.endpoints
            .set(&ifindex, &Endpoint { identity: identity.0, flags: 0 })
            .map_err(in_table(&self.endpoints))
    }

    /// Lets everything pass on an interface that belongs to no workload.
    pub fn exempt_endpoint(&self, ifindex: u32) -> Result<(), DatapathError> {
        self.endpoints
            .set(&ifindex, &Endpoint { identity: 0, flags: ENDPOINT_EXEMPT })
            .map_err(in_table(&self.endpoints))
    }

    /// Whether everything passes on an interface.
    pub fn is_exempt(&self, ifindex: u32) -> bool {
        matches!(self.endpoints.get(&ifindex), Ok(Some(endpoint)) if endpoint.flags & ENDPOINT_EXEMPT != 0)
    }

    pub fn remove_endpoint(&self, ifindex: u32) -> Result<(), DatapathError> {
        self.endpoints.remove(&ifindex).map_err(in_table(&self.endpoints))
    }

    /// Says whose an address is. Call [`Self::invalidate`] once after the last of several.
    pub fn set_owner(&self, address: IpAddr, identity: Identity, ifindex: u32) -> Result<(), DatapathError> {
        self.owners
            .set(&address.into(), &Owner { identity: identity.0, ifindex })
            .map_err(in_table(&self.owners))
    }

    /// Addresses that belong to interfaces of workloads.
    pub fn interface_owners(&self) -> Result<Vec<(IpAddr, Owner)>, DatapathError> {
        let mut found = Vec::new();
        self.owners
            .for_each(|address, owner| {
                if owner.ifindex != 0 {
                    found.push((address.into(), owner));
                }
            })
            .map_err(in_table(&self.owners))?;
        Ok(found)
    }

    pub fn remove_owner(&self, address: IpAddr) -> Result<(), DatapathError> {
        self.owners.remove(&address.into()).map_err(in_table(&self.owners))
    }

    pub(crate) fn control(&self) -> Result<Control, DatapathError> {
        Ok(self.control.get(&0).map_err(in_table(&self.control))?.unwrap_or_default())
    }

    pub(crate) fn set_control(&self, control: Control) -> Result<(), DatapathError> {
        self.control.set(&0, &control).map_err(in_table(&self.control))
    }

    /// Has every open connection decided anew at its next packet: identities have changed.
    pub fn invalidate(&self) -> Result<(), DatapathError> {
        let control = self.control()?;
        // Even steps keep the slot.
        self.set_control(Control { epoch: next_epoch(control.epoch, 2), ..control })
    }

    /// Sets `bulkhead_abi::CONTROL_*` bits.
    pub fn set_flags(&self, flags: u32) -> Result<(), DatapathError> {
        let control = self.control()?;
        if control.flags != flags {
            self.set_control(Control { flags, ..control })?;
        }
        Ok(())
    }

    pub fn flags(&self) -> Result<u32, DatapathError> {
        Ok(self.control()?.flags)
    }

    /// Kernel counters since the maps were made, summed over CPUs.
    pub fn stat(&self, stat: Stat) -> Result<u64, DatapathError> {
        let mut values = vec![0_u8; 8 * self.cpus];
        sys::lookup(self.stats.as_fd(), &(stat as u32).to_ne_bytes(), &mut values)
            .map_err(|source| DatapathError::Table { table: "bh_stats", source })?;
        Ok(values
            .chunks_exact(8)
            .map(|v| u64::from_ne_bytes(v.try_into().expect("eight bytes")))
            .fold(0, u64::wrapping_add))
    }

    /// Fill of the tables that packets make grow, and of those that policy fills. Not of those that only remember
    /// lately seen things to spare work: they are always full. `edges-for-all` is that part of the edges which is not
    /// kept for what a policy allows.
    pub fn fill(&self) -> Vec<TableFill> {
        fn fill<K, V>(name: &str, table: &Table<K, V>, by_packets: u64) -> Option<TableFill>
        where
            K: IntoBytes + FromBytes + Immutable + Copy,
            V: IntoBytes + FromBytes + Immutable + Copy,
        {
            let entries = table.count().ok()? as u64;
            let (capacity, refused) = (u64::from(table.capacity()), table.refused() + by_packets);
            Some(TableFill { name: name.to_owned(), entries, capacity, refused })
        }
        let mut before = self.refused_before.into_iter();
        let [flows, edges, kept] = REFUSALS.map(|stat| {
            let before = before.next().unwrap_or(0);
            self.stat(stat).map_or(0, |now| now.saturating_sub(before))
        });
        let edges = fill("edges", &self.edges, edges);
        let for_all = edges.as_ref().map(|edges| {
            let capacity = u64::from(edges_for_all(self.edges.capacity()));
            let name = "edges-for-all".to_owned();
            TableFill { name, entries: edges.entries.min(capacity), capacity, refused: kept }
        });
        [
            fill("flows", &self.flows, flows),
            edges,
            for_all,
            fill("endpoints", &self.endpoints, 0),
            fill("owners", &self.owners, 0),
            fill("peers", &self.peers, 0),
            fill("prefixes", &self.prefixes, 0),
            fill("rules", &self.rules, 0),
            fill("services", &self.services, 0),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Runs a program on a packet without any network: tests and benches. `program` is `bh_from_workload`,
    /// `bh_to_workload` or `bh_empty`.
    pub fn test_run(
        &mut self,
        program_name: &'static str,
        packet: &[u8],
        context: SkbContext,
        repeat: u32,
    ) -> Result<TestRun, DatapathError> {
        let program = program(&mut self.ebpf, program_name)?;
        let fd = program
            .fd()
            .map_err(|source| DatapathError::Program { name: program_name, source: Box::new(source) })?;
        sys::test_run(fd.as_fd(), packet, context, repeat).map_err(DatapathError::TestRun)
    }
}

const PROGRAMS: [&str; 5] = ["bh_from_workload", "bh_to_workload", "bh_flush", "bh_empty", "bh_clock"];

pub(crate) fn program<'a>(
    ebpf: &'a mut Ebpf,
    name: &'static str,
) -> Result<&'a mut SchedClassifier, DatapathError> {
    let program = ebpf.program_mut(name).expect("the object holds every program that is named here");
    program.try_into().map_err(|source| DatapathError::Program { name, source: Box::new(source) })
}

fn open<K, V>(maps: &Path, name: &'static str) -> Result<Table<K, V>, DatapathError>
where
    K: IntoBytes + FromBytes + Immutable + Copy,
    V: IntoBytes + FromBytes + Immutable + Copy,
{
    Table::open(maps, name).map_err(|source| DatapathError::Table { table: name, source })
}

/// Of a table of so many edges, those that any traffic may make; as `bh_edges_for_all` in `bpf/edges.h`. The rest is
/// kept for what a policy allows, so that no scan can fill it.
pub(crate) const fn edges_for_all(capacity: u32) -> u32 {
    capacity - capacity / 4
}

/// The next epoch, never 0 or 1, with the parity that `step` asks for.
pub(crate) const fn next_epoch(epoch: u32, step: u32) -> u32 {
    let next = epoch.wrapping_add(step);
    if next < 2 { next + 2 } else { next }
}

/// Folders of other versions beside this one.
fn earlier(pins: &Path, maps: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(pins).into_iter().flatten().flatten().map(|folder| folder.path());
    folders.filter(|folder| folder != maps && folder.join(CONTROL).exists()).collect()
}

/// The entries that a pinned map was made for, where there is one.
fn made_for(maps: &Path, name: &'static str) -> Result<Option<u32>, DatapathError> {
    let shape = sys::open_pinned(&maps.join(name)).and_then(|map| sys::shape(map.as_fd()));
    match shape {
        Ok(shape) => Ok(Some(shape.entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DatapathError::Table { table: name, source }),
    }
}

fn prepare(pins: &Path, maps: &Path) -> Result<(), DatapathError> {
    let failed = |source| DatapathError::PinDirectory { path: pins.to_owned(), source };
    if pins.starts_with("/sys/fs/bpf") && !in_bpffs(pins) {
        let status =
            Command::new("mount").args(["-t", "bpf", "bpf", "/sys/fs/bpf"]).status().map_err(failed)?;
        if !status.success() {
            return Err(failed(io::Error::other(format!("mount -t bpf: {status}"))));
        }
    }
    if !in_bpffs(pins) {
        return Err(failed(io::Error::other("this folder is in no BPF file system")));
    }
    fs::create_dir_all(maps).map_err(failed)?;
    fs::create_dir_all(pins.join("groups")).map_err(failed)?;
    // A BPF file system may be writable for everybody, and whoever made these tables could change them.
    for folder in [pins, maps] {
        let owner = fs::symlink_metadata(folder).map_err(failed)?.uid();
        if owner != sys::user() {
            let what = format!("{} belongs to user {owner}; remove it", folder.display());
            return Err(failed(io::Error::other(what)));
        }
    }
    fs::create_dir_all(pins.join("links")).map_err(failed)
}

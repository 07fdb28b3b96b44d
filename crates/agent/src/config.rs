use bulkhead_datapath::Config;
use std::time::Duration;

/// How the agent of this node works.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub datapath: Config,
    /// Drop denied packets without an answer, instead of a reset or an ICMP message.
    pub silent: bool,
    /// Hold the first packet of new interfaces with nftables once anything is enforced.
    pub gate: bool,
    /// Interfaces that may be workloads', as nftables matches names.
    pub patterns: Vec<String>,
    /// How often edge counters are read and reported.
    pub report_interval: Duration,
    /// How often all edge counters are reported, changed or not.
    pub resend_interval: Duration,
    /// How often flows are expired and table fill is measured.
    pub sweep_interval: Duration,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            datapath: Config::default(),
            silent: false,
            gate: true,
            patterns: vec!["veth*".to_owned()],
            report_interval: Duration::from_secs(1),
            resend_interval: Duration::from_secs(60),
            sweep_interval: Duration::from_secs(15),
        }
    }
}

impl AgentConfig {
    /// Whether an interface of this name may be a workload's.
    pub(crate) fn matches(&self, interface: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => interface.starts_with(prefix),
            None => interface == pattern,
        })
    }
}

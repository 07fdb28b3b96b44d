use bulkhead_abi::{MARK_MASK, MARK_SEEN};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::{Command, Stdio},
};

/// What can go wrong with the gate.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error(
        "cannot run nft: {0}. Install the package nftables; without it the first packet of a new container is not held"
    )]
    Run(io::Error),
    #[error("nft refused the gate: {0}")]
    Refused(String),
}

/// The gate closes workload interfaces that no program has seen yet, agent or no agent.
///
/// A program marks every packet of an interface it sits on; persistent nftables rules drop what comes from a workload
/// interface without the mark, and what goes to one that is not in the set of attached interfaces. The name is matched
/// per packet, so that an interface is closed from its creation on. Removing the gate is the explicit way to fail open.
#[derive(Debug)]
pub struct Gate {
    patterns: Vec<String>,
}

const TABLE: &str = "bulkhead";
/// Chains of each of the two tables: from workloads, to them forwarded, to them from the host.
const HOOKS: usize = 3;

impl Gate {
    /// `patterns` are interface names as nftables matches them: `veth*`.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        Self { patterns: patterns.into_iter().collect() }
    }

    /// Whether nft is here and may be used.
    pub fn supported() -> Result<(), GateError> {
        nft("list tables\n").map(drop)
    }

    /// Installs the gate in one transaction, with these interfaces open. Replaces one that is there.
    pub fn install(&self, attached: &BTreeSet<String>) -> Result<(), GateError> {
        let (mask, seen, rest) = (MARK_MASK, MARK_SEEN, !MARK_MASK);
        let elements = if attached.is_empty() {
            String::new()
        } else {
            let names: Vec<_> = attached.iter().map(|name| format!("\"{name}\"")).collect();
            format!("elements = {{ {} }};", names.join(", "))
        };
        let mut script = String::new();
        for (family, priority) in [("bridge", -300), ("inet", -350)] {
            let table = format!("{family} {TABLE}");
            script += &format!("table {table}\ndelete table {table}\ntable {table} {{\n");
            script += &format!("  set attached {{ type ifname; {elements} }}\n");
            script += &format!("  chain from_workload {{ type filter hook prerouting priority {priority};\n");
            for pattern in &self.patterns {
                script += &format!(
                    "    iifname \"{pattern}\" meta mark and {mask:#010x} != {seen:#010x} counter drop\n"
                );
            }
            // The bridge family sees a packet first. Where it has been checked last, the mark is cleared.
            if family == "inet" {
                script += &format!(
                    "    meta mark and {mask:#010x} == {seen:#010x} meta mark set meta mark and {rest:#010x}\n"
                );
            }
            script += "  }\n";
            for hook in ["forward", "output"] {
                script +=
                    &format!("  chain to_workload_{hook} {{ type filter hook {hook} priority {priority};\n");
                for pattern in &self.patterns {
                    script += &format!("    oifname \"{pattern}\" oifname != @attached counter drop\n");
                }
                script += "  }\n";
            }
            script += "}\n";
        }
        nft(&script).map(drop)
    }

    /// Opens the way to an interface on which the programs sit.
    pub fn open(&self, interface: &str) -> Result<(), GateError> {
        element("add", interface)
    }

    /// Closes the way to an interface that is gone, so that nobody inherits its name.
    pub fn close(&self, interface: &str) -> Result<(), GateError> {
        element("delete", interface)
    }

    /// Removes the gate; that there is none is no error.
    pub fn remove(&self) -> Result<(), GateError> {
        let mut script = String::new();
        for family in ["bridge", "inet"] {
            // Naming a table makes it, so that deleting it cannot fail.
            script += &format!("table {family} {TABLE}\ndelete table {family} {TABLE}\n");
        }
        nft(&script).map(drop)
    }

    /// Whether the gate stands as it was installed, with these interfaces open: tables, hooks and rules. `nft flush
    /// ruleset` takes all of it, and says nothing.
    pub fn holds(&self, attached: &BTreeSet<String>) -> bool {
        // One at a time: nft looks for the tables of one family alone.
        let list = |family: &str| nft(&format!("list table {family} {TABLE}\n"));
        let (Ok(bridge), Ok(inet)) = (list("bridge"), list("inet")) else { return false };
        let said = bridge + &inet;
        let hooks = 2 * HOOKS;
        said.matches("hook ").count() == hooks
            && said.matches(" drop\n").count() == hooks * self.patterns.len()
            && attached.iter().all(|name| said.matches(&format!("\"{name}\"")).count() >= 2)
    }

    /// Whether both tables are there.
    pub fn installed(&self) -> bool {
        ["bridge", "inet"].iter().all(|family| nft(&format!("list table {family} {TABLE}\n")).is_ok())
    }
}

fn element(verb: &str, interface: &str) -> Result<(), GateError> {
    let mut script = String::new();
    for family in ["bridge", "inet"] {
        script += &format!("{verb} element {family} {TABLE} attached {{ \"{interface}\" }}\n");
    }
    nft(&script).map(drop)
}

fn nft(script: &str) -> Result<String, GateError> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(GateError::Run)?;
    child.stdin.take().expect("piped above").write_all(script.as_bytes()).map_err(GateError::Run)?;
    let output = child.wait_with_output().map_err(GateError::Run)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(GateError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

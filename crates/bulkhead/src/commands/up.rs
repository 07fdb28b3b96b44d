//! `bulkhead up`: discovery, agent and controller in one process.

mod announce;
pub(crate) mod configuration;
mod notify;

use super::Context;
use crate::{
    connect,
    exit::{Code, Failure},
    instance::{self, Lock},
    output::{
        Screen,
        screen::Colour,
        waiting::{self, Sign},
    },
};
use anyhow::{Context as _, Result};
use bulkhead_agent::{Agent, AgentConfig, AgentError};
use bulkhead_api::{Profile, Status, client::Client};
use bulkhead_controller::{Controller, ControllerConfig, ControllerError, Tls};
use bulkhead_discovery::StatusReader;
use clap::{Args, ValueEnum};
use configuration::Configuration;
use notify::notify;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::Deserialize;
use std::{
    convert::Infallible,
    fs, io,
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};
use tracing_subscriber::EnvFilter;

/// Start Bulkhead on this host: find every container, learn, and enforce
///
/// Runs until it is stopped (Ctrl-C, SIGTERM, or bulkhead down). What was enforced stays enforced by the kernel then.
/// Options may also stand in a TOML file, with _ in place of -.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Configuration file [default: /etc/bulkhead/bulkhead.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address of the console and the REST interface [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// PEM file of the server's certificate chain [default: plain HTTP on loopback, self-signed elsewhere]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// PEM file of its key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// Promote services on evidence alone, where nothing else is set for them
    #[arg(long)]
    automatic: bool,

    /// How much evidence promotion asks for: fast, default or strict
    #[arg(long, value_parser = super::mode::parse_profile)]
    profile: Option<Profile>,

    /// Let learning believe that time passes so many times faster: for demonstrations, its figures do not hold
    #[arg(long, value_name = "FACTOR")]
    learn_scale: Option<f64>,

    /// Socket of Docker [default: /var/run/docker.sock]
    #[arg(long, value_name = "PATH")]
    docker_socket: Option<PathBuf>,

    /// Socket of containerd [default: /run/containerd/containerd.sock]
    #[arg(long, value_name = "PATH")]
    containerd_socket: Option<PathBuf>,

    /// Connections that the kernel keeps track of at once [default: 262144]
    #[arg(long, value_name = "N")]
    max_connections: Option<u32>,

    /// How workloads learn of a denial [default: reset]
    #[arg(long, value_enum, value_name = "HOW")]
    reject: Option<Reject>,

    /// Do not hold the first packets of new interfaces with nftables
    #[arg(long)]
    no_gate: bool,

    /// Where the state is lost while the kernel still enforces a policy: give that up and begin without one
    #[arg(long)]
    begin_anew: bool,

    /// Name of this node [default: the host's]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,

    /// Log as JSON, one object a line; how much is said by BULKHEAD_LOG (warn, info, debug, bulkhead_agent=trace)
    #[arg(long)]
    log_json: bool,
}

/// What is answered to a workload whose packet is denied. The world outside never gets an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reject {
    /// A reset or an ICMP message, so that applications fail at once
    #[default]
    Reset,
    /// Nothing: they run into their time-out
    Drop,
}

/// How long the first report of the node may take before everything is announced without it.
const FIRST_REPORT: Duration = Duration::from_secs(15);

pub(crate) fn run(cx: &mut Context, args: &UpArgs) -> Result<Code> {
    let config = Configuration::new(args)?;
    let _lock = Lock::take(Path::new(instance::RUN_DIR))?;
    log(args.log_json, cx.global.color);
    // Before kernel 5.11 tables count as locked memory. Where the limit may not be raised, loading says so.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?
        .block_on(serve(&mut cx.screen, &cx.global.state_dir, &config))
}

fn log(json: bool, colour: Colour) {
    let filter = EnvFilter::try_from_env("BULKHEAD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi =
        io::stderr().is_terminal() && colour != Colour::Never && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| waiting::Aside).with_ansi(ansi);
    if json { builder.json().init() } else { builder.init() }
}

async fn serve(screen: &mut Screen, state_dir: &Path, config: &Configuration) -> Result<Code> {
    // Before anything runs, so that no signal falls between.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let mut sign = Some(Sign::new("starting"));
    let token_was_there = state_dir.join(connect::TOKEN_FILE).exists();
    let controller =
        Controller::start(controller_config(state_dir, config)).await.map_err(explain_controller)?;
    let local = local_url(&controller.url, controller.address);
    write_server_file(state_dir, &local)?;

    let discovery = bulkhead_discovery::watch(bulkhead_discovery::Config {
        docker: Some(config.docker_socket.clone()),
        containerd: Some(config.containerd_socket.clone()),
        ..Default::default()
    });
    let runtimes = discovery.status.clone();
    let (stop_agent, stopped) = oneshot::channel::<()>();
    let mut agent = tokio::spawn(Agent::run(
        agent_config(config),
        discovery.updates,
        controller.policy.clone(),
        controller.reports.clone(),
        async move {
            // Dropped or sent: both mean to end.
            let _ = stopped.await;
        },
    ));

    let ended = tokio::select! {
        status = first_report(&controller, &local) => {
            sign.take();
            announce(screen, config, &controller, &runtimes, token_was_there, status.as_ref())?;
            tokio::select! {
                never = ready(&controller) => match never {},
                signal = signals.next() => Ended::Asked(signal),
                result = &mut agent => Ended::Agent(result.map_err(Into::into)),
            }
        }
        signal = signals.next() => Ended::Asked(signal),
        result = &mut agent => Ended::Agent(result.map_err(Into::into)),
    };
    drop(sign);
    notify("STOPPING=1");
    match ended {
        Ended::Asked(name) => {
            screen
                .paragraph(0, &format!("{name}: stopping. What is enforced stays enforced by the kernel."))?;
            screen.flush()?;
            let _ = stop_agent.send(());
            // Whoever asks twice does not want to wait.
            tokio::select! {
                result = end(agent, controller) => result,
                name = signals.next() => {
                    Err(Failure::new(Code::Failed, format!("{name} again: ended at once")).into())
                }
            }
        }
        Ended::Agent(result) => {
            controller.stop().await;
            match result {
                Ok(Ok(())) => Err(Failure::new(Code::Failed, "the agent has ended by itself")
                    .remedy("look into the log above; start it again: bulkhead up")
                    .into()),
                Ok(Err(error)) => Err(explain_agent(error)),
                Err(panic) => Err(panic),
            }
        }
    }
}

/// Whoever waits for this one, a container runtime above all, may go on once the kernel enforces what is stored.
async fn ready(controller: &Controller) -> Infallible {
    controller.settled().await;
    notify("READY=1");
    std::future::pending().await
}

/// Why it ends.
enum Ended {
    Asked(&'static str),
    Agent(Result<Result<(), AgentError>>),
}

async fn end(agent: JoinHandle<Result<(), AgentError>>, controller: Controller) -> Result<Code> {
    // The agent first: what it still reports is written.
    let result = agent.await.context("the agent broke down")?;
    controller.stop().await;
    result.map_err(explain_agent)?;
    Ok(Code::Success)
}

fn controller_config(state_dir: &Path, config: &Configuration) -> ControllerConfig {
    ControllerConfig {
        state_dir: state_dir.to_owned(),
        listen: config.listen,
        tls: match &config.tls {
            Some(files) => Tls::Files { certificate: files.certificate.clone(), key: files.key.clone() },
            None => Tls::Auto,
        },
        learn_scale: config.learn_scale,
        automatic: config.automatic,
        profile: config.profile,
        path_prefix: config.path_prefix.clone(),
        node: config.node.clone(),
        enforced: bulkhead_agent::enforces(Path::new(super::PINS)),
        begin_anew: config.begin_anew,
        ..ControllerConfig::default()
    }
}

fn agent_config(config: &Configuration) -> AgentConfig {
    let mut agent =
        AgentConfig { silent: config.reject == Reject::Drop, gate: config.gate, ..AgentConfig::default() };
    agent.datapath.pins = super::PINS.into();
    config.tables.apply(&mut agent.datapath.sizes);
    if let Some(connections) = config.max_connections {
        agent.datapath.sizes.flows = connections;
    }
    if let Some(patterns) = &config.interfaces {
        agent.patterns = patterns.clone();
    }
    agent
}

/// The address by which programs of this host reach the server, also where it listens on all addresses.
fn local_url(url: &str, address: SocketAddr) -> String {
    let url = url.trim_end_matches('/');
    if !address.ip().is_unspecified() {
        return url.to_owned();
    }
    let local = match address {
        SocketAddr::V4(_) => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(_) => format!("[::1]:{}", address.port()),
    };
    url.replace(&address.to_string(), &local)
}

/// So that the other commands find the server without being told.
fn write_server_file(state_dir: &Path, url: &str) -> Result<()> {
    let path = state_dir.join(connect::SERVER_FILE);
    fs::write(&path, format!("{url}\n")).with_context(|| format!("cannot write {}", path.display()))
}

/// The status once the node has reported; none where that takes too long or there is no token to ask with.
async fn first_report(controller: &Controller, url: &str) -> Option<Status> {
    let deadline = Instant::now() + FIRST_REPORT;
    let authority = controller.certificate.as_ref().and_then(|path| fs::read(path).ok());
    let client = Client::new(url, Some(controller.admin_token.clone()?), authority.as_deref()).ok()?;
    loop {
        let status = timeout_at(deadline, client.status()).await.ok()?.ok();
        if status.as_ref().is_some_and(|status| !status.nodes.is_empty()) || Instant::now() >= deadline {
            return status;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn announce(
    screen: &mut Screen,
    config: &Configuration,
    controller: &Controller,
    runtimes: &StatusReader,
    token_was_there: bool,
    status: Option<&Status>,
) -> Result<()> {
    let started = announce::Started {
        url: &controller.url,
        new_token: controller.admin_token.as_deref().filter(|_| !token_was_there),
        token_file: &controller.admin_token_file.display().to_string(),
        runtimes: &runtimes.read(),
        status,
    };
    Ok(announce::print(screen, config, &started)?)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal that asks to end. A terminal that closes does not: enforcement is no matter of terminals.
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => tracing::info!("SIGHUP: going on"),
            }
        }
    }
}

fn explain_controller(error: ControllerError) -> anyhow::Error {
    let remedy = match &error {
        ControllerError::StateDirectory { .. } | ControllerError::File { .. } => {
            "run as root, or choose another place: --state-dir DIR"
        }
        ControllerError::Listen { .. } => "choose another address: --listen 127.0.0.1:7071",
        ControllerError::Tls(_) => "check the files of --tls-certificate and --tls-key: PEM, and a pair",
        ControllerError::PlainElsewhere(_) => {
            "leave TLS to Bulkhead, or name --tls-certificate and --tls-key"
        }
        ControllerError::Store(_) => "a database of a newer version needs that version; see --state-dir",
        ControllerError::ReportKey { .. } => {
            "restore the key from a copy, or remove the file for a new one and tell those who check reports"
        }
        ControllerError::Thread(_) => "is the host out of memory or of processes?",
    };
    let code = match &error {
        ControllerError::StateDirectory { source, .. } | ControllerError::File { source, .. }
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Code::NotPermitted
        }
        _ => Code::Failed,
    };
    Failure::new(code, format!("the controller does not start: {error}")).remedy(remedy).into()
}

fn explain_agent(error: AgentError) -> anyhow::Error {
    if let AgentError::Taken(_) = &error {
        return Failure::new(Code::Invalid, format!("{error}"))
            .remedy(
                "it may run in a container of its own; look at it: bulkhead status; stop it: bulkhead down",
            )
            .into();
    }
    let root = rustix::process::geteuid().is_root();
    let code = if root { Code::Failed } else { Code::NotPermitted };
    let remedy = if root {
        "bulkhead check says what this host lacks"
    } else {
        "run as root: sudo bulkhead up; bulkhead check says what else this host lacks"
    };
    Failure::new(code, format!("the agent has failed: {error}")).remedy(remedy).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_this_host_find_a_server_that_listens_everywhere() {
        let url = |url: &str, address: &str| local_url(url, address.parse().expect("valid"));
        assert_eq!(url("http://127.0.0.1:7070/", "127.0.0.1:7070"), "http://127.0.0.1:7070");
        assert_eq!(url("https://0.0.0.0:7070/", "0.0.0.0:7070"), "https://127.0.0.1:7070");
        assert_eq!(url("https://[::]:7070/x/", "[::]:7070"), "https://[::1]:7070/x");
    }
}

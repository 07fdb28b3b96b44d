//! `bulkhead up`: discovery, agent and controller in one process.

mod announce;
mod configuration;
mod notify;

use super::Context;
use crate::{
    connect,
    exit::{Code, Failure},
    instance::{self, Lock},
};
use anyhow::Result;
use bulkhead_api::Profile;
use clap::{Args, ValueEnum};
use configuration::Configuration;
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

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

    /// Name of this node [default: the host's]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,

    /// Log as JSON, one object a line; how much is said by BULKHEAD_LOG (info, debug, bulkhead_agent=trace)
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

//! The one binary of Bulkhead.
//!
//! `bulkhead up` runs the agent and the controller of a host; every other command asks a running controller, or, where
//! the question is about files alone, answers it on the spot. This crate only parses arguments, calls the libraries and
//! prints: whatever Bulkhead *is* lives in the other crates.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod commands;
mod connect;
mod exit;
mod instance;
mod output;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = arguments::Cli::parse();
    exit::report(commands::run(cli))
}

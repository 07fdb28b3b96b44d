//! The one binary of Bulkhead.
//!
//! `bulkhead up` runs the agent and the controller of a host; every other command asks a running controller, or, where
//! the question is about files alone, answers it on the spot. This crate only parses arguments, calls the libraries and
//! prints: whatever Bulkhead *is* lives in the other crates.

//! The release binary is static and runs on any x86-64 Linux, in an empty container image as well: it is built with
//! `RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target x86_64-unknown-linux-gnu -p bulkhead`
//! (naming the target keeps the flag away from build scripts and procedural macros). SQLite is compiled in, and the
//! kernel programs are embedded. Of the C library's name services, which a static program loads at run time, only the
//! look-up of `--server` by name makes use; addresses need none.

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

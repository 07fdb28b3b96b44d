//! The binary as people and scripts meet it: its answers, exit codes, streams and files.
//!
//! Tests that need a kernel or containers are in the files `privileged_*.rs` beside this folder.

mod cookbook;
mod offline;
mod program;
mod questions;
mod records;
mod report;
mod server;
mod shapes;
mod shop;
mod terminal;

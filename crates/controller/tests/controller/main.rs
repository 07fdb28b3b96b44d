//! The controller from outside: reports in, policies out, and the whole of the REST interface over real connections.

mod changes;
mod durability;
mod fuzz;
mod outputs;
mod reports;
mod rest;
mod roles;
mod scale;
mod server;
mod streams;
mod support;

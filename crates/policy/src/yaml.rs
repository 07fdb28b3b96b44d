//! A small tree of YAML (or JSON, which is YAML) in which every node knows where it stood, and a writer of tidy YAML.
//!
//! Documents are decoded from this tree by hand and not by `serde`, because a person who wrote ten mistakes wants to
//! hear of all ten, each with its line, and `serde` stops at the first.

mod emit;
mod parse;

pub use emit::Tree;
pub use parse::{Limits, Mark, Node, SyntaxError, Value, parse};

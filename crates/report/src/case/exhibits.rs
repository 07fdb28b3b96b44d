//! The evidence, table by table.

mod border;
mod operation;
mod policy;

use super::Case;
use crate::{model::Evidence, render::time};
use bulkhead_model::{Direction, Timestamp};

/// Larger tables are cut: their number of rows is told, and what is most telling comes first.
const ROWS: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhibit {
    Members,
    Scope,
    Ways,
    Crossings,
    Detours,
    Observed,
    Denied,
    Enforcement,
    Rules,
    Insecure,
    Documents,
    Revisions,
    Exceptions,
    Sensors,
    Records,
    Learning,
    Namespaces,
    World,
}

/// A table before it is numbered and hashed.
struct Table {
    title: String,
    says: String,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn cells<const N: usize>(cells: [String; N]) -> Vec<String> {
    cells.to_vec()
}

fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("–").to_owned()
}

fn when(moment: Option<Timestamp>) -> String {
    moment.filter(|moment| moment.0 > 0).map_or_else(|| "–".to_owned(), time)
}

fn way(direction: Direction) -> String {
    match direction {
        Direction::Ingress => "in".to_owned(),
        Direction::Egress => "out".to_owned(),
    }
}

/// A share as people read it: `0.4 %`, `12 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

impl Case<'_> {
    pub(super) fn exhibit(&self, exhibit: Exhibit, id: String) -> Evidence {
        let Table { title, says, columns, mut rows } = match exhibit {
            Exhibit::Members => self.members(),
            Exhibit::Scope => self.scope(),
            Exhibit::Ways => self.ways(),
            Exhibit::Crossings => self.crossings(),
            Exhibit::Detours => self.detours(),
            Exhibit::Observed => self.traffic(false),
            Exhibit::Denied => self.traffic(true),
            Exhibit::Enforcement => self.enforcement(),
            Exhibit::Rules => self.rule_table(),
            Exhibit::Insecure => self.insecure_table(),
            Exhibit::Documents => self.document_table(),
            Exhibit::Revisions => self.revisions(),
            Exhibit::Exceptions => self.exception_table(),
            Exhibit::Sensors => self.sensors(),
            Exhibit::Records => self.records(),
            Exhibit::Learning => self.learning(),
            Exhibit::Namespaces => self.namespace_table(),
            Exhibit::World => self.world(),
        };
        let total = rows.len() as u64;
        rows.truncate(ROWS);
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let mut evidence = Evidence { id, title, says, columns, rows, total, sha256: String::new() };
        evidence.sha256 = evidence.hash();
        evidence
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

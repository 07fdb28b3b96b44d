//! What a report says, before anybody makes it look like something. The JSON of these types is the stable form: fields are
//! added, never renamed.

use crate::canonical;
use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `schema` of every report of this form.
pub const SCHEMA: &str = "bulkhead.dev/report/v1alpha1";

/// A report: what a framework asks for, what was found, and the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// `bulkhead.dev/report/v1alpha1`
    pub schema: String,
    pub framework: FrameworkInfo,
    /// The zone that it is about; the whole estate where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub made: Timestamp,
    pub source: ReportSource,
    pub summary: ReportSummary,
    /// What this report cannot say, whatever its requirements say.
    pub limits: Vec<String>,
    pub requirements: Vec<Requirement>,
    pub evidence: Vec<Evidence>,
}

/// A catalogue of requirements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FrameworkInfo {
    /// `pci-dss`, `nist-800-53`, `nist-800-207`, `cis-kubernetes`
    pub id: String,
    /// With the version that the numbers of requirements are of.
    pub title: String,
    /// What of it is looked at.
    pub about: String,
    /// Whether most of it is about a zone, which has to be named.
    pub needs_zone: bool,
    /// How many requirements are looked at.
    pub requirements: u32,
}

/// What a report was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportSource {
    pub kind: SourceKind,
    /// Names of the nodes, or of the files.
    pub names: Vec<String>,
    /// Version of Bulkhead.
    pub version: String,
    /// Of the policy; absent for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Hash of the newest entry of the audit log; absent for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A running controller.
    Estate,
    /// Documents, and perhaps recorded flows, without anything that enforces them.
    Files,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportSummary {
    pub met: u32,
    pub not_met: u32,
    pub not_decidable: u32,
    pub sentence: String,
}

/// One requirement and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// As the framework numbers it.
    pub number: String,
    /// What it asks for, in our words.
    pub asks: String,
    pub status: RequirementStatus,
    /// Why this status.
    pub reason: String,
    /// What is missing and what to do; not empty where it is not met.
    pub gaps: Vec<Gap>,
    /// Identifiers of [`Evidence`].
    pub evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RequirementStatus {
    Met,
    NotMet,
    /// This tool does not see what would decide it.
    NotDecidable,
}

impl fmt::Display for RequirementStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::NotDecidable => "not decidable by this tool",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub what: String,
    pub remedy: String,
}

impl Gap {
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// A table that requirements refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `E1`, `E2`, ...
    pub id: String,
    pub title: String,
    /// What the table shows, as a sentence with numbers.
    pub says: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Rows that there are; more than are shown where the table is cut.
    pub total: u64,
    /// Of everything above, as canonical JSON.
    pub sha256: String,
}

impl Evidence {
    /// The hash that belongs to what the other fields say now.
    pub fn hash(&self) -> String {
        let content = serde_json::json!({
            "id": self.id,
            "title": self.title,
            "says": self.says,
            "columns": self.columns,
            "rows": self.rows,
            "total": self.total,
        });
        canonical::hash(&content)
    }
}

impl Report {
    /// The hash of all of it as canonical JSON.
    pub fn hash(&self) -> String {
        canonical::hash(&canonical::value(self))
    }
}

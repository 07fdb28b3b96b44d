//! Seals: what was said, hashed piece by piece and signed, so that it can be checked without the server.
//!
//! A [`Seal`] vouches for a [`Statement`]: the hash of every evidence table, of the whole report, and of the pages that
//! were made of it. One signature serves all three forms, so the same words and numbers stand in all of them.

use crate::{
    canonical,
    key::{PublicKey, SigningKey},
    model::Report,
    render,
};
use bulkhead_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// `algorithm` of every signature so far.
pub const ALGORITHM: &str = "ed25519";

/// What a report looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    #[default]
    Json,
    Html,
    Md,
}

/// The text names no form of a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no form of a report: expected html, md or json")]
pub struct UnknownFormat(pub String);

impl FromStr for ReportFormat {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "html" => Ok(Self::Html),
            "md" => Ok(Self::Md),
            _ => Err(UnknownFormat(text.to_owned())),
        }
    }
}

impl fmt::Display for ReportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Md => "md",
        })
    }
}

/// What is vouched for. Hashes are SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// `bulkhead.dev/report/v1alpha1`
    pub schema: String,
    /// Identifier of the framework.
    pub framework: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    pub made: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Of every evidence table, by its identifier.
    pub evidence: BTreeMap<String, String>,
    /// Of the report as canonical JSON.
    pub report: String,
    /// Of the HTML page without its seal.
    pub html: String,
    /// Of the Markdown text without its seal.
    pub markdown: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `ed25519`
    pub algorithm: String,
    /// The public key, 32 bytes in hexadecimal.
    pub key: String,
    /// Of the statement as canonical JSON, 64 bytes in hexadecimal.
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Seal {
    pub statement: Statement,
    /// Absent where nobody vouches for it: then the hashes say that it is whole, and not whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// A report with its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SealedReport {
    pub report: Report,
    pub seal: Seal,
}

impl Statement {
    pub(crate) fn of(report: &Report) -> Self {
        Self {
            schema: report.schema.clone(),
            framework: report.framework.id.clone(),
            zone: report.zone.clone(),
            made: report.made,
            revision: report.source.revision,
            evidence: report.evidence.iter().map(|item| (item.id.clone(), item.hash())).collect(),
            report: report.hash(),
            html: canonical::sha256(render::html(report).concat().as_bytes()),
            markdown: canonical::sha256(render::markdown(report).as_bytes()),
        }
    }

    /// What is signed.
    pub(crate) fn text(&self) -> String {
        canonical::compact(&canonical::value(self))
    }
}

impl Seal {
    /// The key that signed, as far as its text can be read.
    pub fn key(&self) -> Option<PublicKey> {
        PublicKey::from_hex(&self.signature.as_ref()?.key)
    }

    /// The one text of this seal.
    pub(crate) fn text(&self) -> String {
        canonical::pretty(&canonical::value(self))
    }
}

impl SealedReport {
    /// Seals a report; with a key, signs it.
    pub fn new(report: Report, key: Option<&SigningKey>) -> Self {
        let statement = Statement::of(&report);
        let signature = key.map(|key| Signature {
            algorithm: ALGORITHM.to_owned(),
            key: key.public().to_hex(),
            value: key.sign(statement.text().as_bytes()),
        });
        Self { report, seal: Seal { statement, signature } }
    }

    /// The file.
    pub fn render(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Json => canonical::pretty(&canonical::value(self)),
            ReportFormat::Html => {
                let [before, after] = render::html(&self.report);
                [&before, &render::html_seal(&self.seal), &after].map(String::as_str).concat()
            }
            ReportFormat::Md => render::markdown(&self.report) + &render::markdown_seal(&self.seal),
        }
    }
}

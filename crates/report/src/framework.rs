//! Frameworks: catalogues of requirements, each with what this tool can find out about it.

mod checks;
mod cis;
mod nist_800_207;
mod nist_800_53;
mod pci_dss;

use crate::{
    case::Case,
    estate::Estate,
    model::{FrameworkInfo, Gap, Report, ReportSummary, Requirement, RequirementStatus, SCHEMA},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framework {
    PciDss,
    #[serde(rename = "nist-800-53")]
    Nist80053,
    #[serde(rename = "nist-800-207")]
    Nist800207,
    CisKubernetes,
}

/// The text names no framework.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a framework: expected pci-dss, nist-800-53, nist-800-207 or cis-kubernetes")]
pub struct UnknownFramework(pub String);

/// A report about a zone that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no zone '{0}'")]
pub struct NoSuchZone(pub String);

/// One requirement and how it is judged.
pub(crate) struct Item {
    pub(crate) number: &'static str,
    /// In our words.
    pub(crate) asks: &'static str,
    pub(crate) judge: fn(&mut Case<'_>) -> Answer,
}

/// What was found of a requirement.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: RequirementStatus,
    pub(crate) reason: String,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) evidence: Vec<String>,
}

impl Answer {
    fn new(status: RequirementStatus, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), gaps: Vec::new(), evidence: Vec::new() }
    }

    pub(crate) fn met(reason: impl Into<String>) -> Self {
        Self::new(RequirementStatus::Met, reason)
    }

    pub(crate) fn not_met(reason: impl Into<String>, gaps: Vec<Gap>) -> Self {
        Self { gaps, ..Self::new(RequirementStatus::NotMet, reason) }
    }

    pub(crate) fn open(reason: impl Into<String>) -> Self {
        Self::new(RequirementStatus::NotDecidable, reason)
    }

    pub(crate) fn gaps(mut self, gaps: Vec<Gap>) -> Self {
        self.gaps = gaps;
        self
    }

    pub(crate) fn shown<const N: usize>(mut self, evidence: [String; N]) -> Self {
        for id in evidence {
            if !self.evidence.contains(&id) {
                self.evidence.push(id);
            }
        }
        self
    }
}

impl Framework {
    pub const ALL: [Framework; 4] = [Self::PciDss, Self::Nist80053, Self::Nist800207, Self::CisKubernetes];

    pub const fn id(self) -> &'static str {
        match self {
            Self::PciDss => "pci-dss",
            Self::Nist80053 => "nist-800-53",
            Self::Nist800207 => "nist-800-207",
            Self::CisKubernetes => "cis-kubernetes",
        }
    }

    pub fn info(self) -> FrameworkInfo {
        let (title, about, needs_zone) = match self {
            Self::PciDss => (
                "PCI DSS v4.0",
                "Network security controls around the cardholder data environment, least privilege, audit trail, \
                 segmentation and scope: requirements of 1, 7, 10, 11.4 and 12.5.2.",
                true,
            ),
            Self::Nist80053 => (
                "NIST SP 800-53 Rev. 5: SC-7 and AC-4",
                "Boundary protection with the enhancements that a network can answer, and information flow enforcement.",
                false,
            ),
            Self::Nist800207 => (
                "NIST SP 800-207: tenets of zero trust",
                "The seven tenets of zero trust, as far as the network between workloads can show them.",
                false,
            ),
            Self::CisKubernetes => (
                "CIS Kubernetes Benchmark: 5.3",
                "Network policies: that the network can enforce them, and that every namespace has some.",
                false,
            ),
        };
        FrameworkInfo {
            id: self.id().to_owned(),
            title: title.to_owned(),
            about: about.to_owned(),
            needs_zone,
            requirements: u32::try_from(self.items().len()).unwrap_or(u32::MAX),
        }
    }

    fn items(self) -> &'static [Item] {
        match self {
            Self::PciDss => pci_dss::ITEMS,
            Self::Nist80053 => nist_800_53::ITEMS,
            Self::Nist800207 => nist_800_207::ITEMS,
            Self::CisKubernetes => cis::ITEMS,
        }
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Framework {
    type Err = UnknownFramework;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|framework| framework.id() == text)
            .ok_or_else(|| UnknownFramework(text.to_owned()))
    }
}

/// Makes a report about a zone, or about the whole estate.
///
/// # Errors
/// There is no such zone.
pub fn report(framework: Framework, estate: &Estate<'_>, zone: Option<&str>) -> Result<Report, NoSuchZone> {
    if let Some(name) = zone
        && estate.set.zone(name).is_none()
    {
        return Err(NoSuchZone(name.to_owned()));
    }
    let inventory = crate::crossing::inventory_of(estate);
    let tables = crate::crossing::Tables::new(estate, &inventory);
    let mut case = Case::new(estate, &tables, zone.and_then(|name| estate.set.zone(name)));
    let requirements: Vec<Requirement> = framework
        .items()
        .iter()
        .map(|item| {
            let Answer { status, reason, gaps, evidence } = (item.judge)(&mut case);
            Requirement {
                number: item.number.to_owned(),
                asks: item.asks.to_owned(),
                status,
                reason,
                gaps,
                evidence,
            }
        })
        .collect();
    Ok(Report {
        schema: SCHEMA.to_owned(),
        framework: framework.info(),
        zone: zone.map(str::to_owned),
        made: estate.now,
        source: estate.source.clone(),
        summary: summary(&requirements),
        limits: case.limits(),
        requirements,
        evidence: case.into_evidence(),
    })
}

fn summary(requirements: &[Requirement]) -> ReportSummary {
    let count = |status| requirements.iter().filter(|r| r.status == status).count() as u32;
    let (met, not_met, not_decidable) = (
        count(RequirementStatus::Met),
        count(RequirementStatus::NotMet),
        count(RequirementStatus::NotDecidable),
    );
    let sentence = format!(
        "Met: {met} of {} requirements; not met: {not_met}; not decidable by this tool: {not_decidable}.",
        requirements.len()
    );
    ReportSummary { met, not_met, not_decidable, sentence }
}

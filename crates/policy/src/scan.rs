//! Results of vulnerability scanners: SARIF 2.1.0, CycloneDX, Trivy's and Grype's JSON, told apart by what they hold.
//!
//! Scanners add fields and leave others out from version to version, so only what cannot be done without is asked for: a
//! text that is one of the four, and findings with a name. A finding without any score counts by its severity in words.

mod read;

pub use read::{ScanError, read_scan};

use crate::{blast::Weights, inventory::Inventory};
use bulkhead_model::{Identity, ServiceName};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What one scanner found in one thing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Scanned {
    /// What it is called: references of an image (`redis:7`), or a service (`shop/redis`).
    pub names: BTreeSet<String>,
    /// `sha256:...` of image, manifest or configuration.
    pub digests: BTreeSet<String>,
    pub vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Vulnerability {
    /// `CVE-2021-44228`
    pub id: String,
    /// CVSS, 0 to 10: the highest that anybody gives, the newest version of CVSS where there are several.
    pub score: f64,
    /// Whether it is known to be exploited.
    pub exploited: bool,
    /// What has it: `openssl 3.0.1`.
    pub package: String,
}

/// The worst that is known of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weakness {
    pub service: ServiceName,
    pub vulnerabilities: usize,
    pub worst: Vulnerability,
    /// How likely an attacker who can talk to it takes it, 0 to 1.
    pub weight: f64,
}

/// Scan results as they concern services.
#[derive(Debug, Clone, Default)]
pub struct Weaknesses {
    /// Of each service with any vulnerability, in the order of names.
    pub of: Vec<Weakness>,
    /// Scanned things that are no service, by their names.
    pub strange: Vec<String>,
    /// Services of which nothing was scanned.
    pub unscanned: Vec<ServiceName>,
    scanned: BTreeSet<ServiceName>,
}

/// A service that was scanned without finding; something is always unknown.
const CLEAN: f64 = 0.05;
/// A service that was not scanned.
const UNSCANNED: f64 = 0.2;
/// One with a vulnerability that is known to be exploited.
const EXPLOITED: f64 = 0.97;

impl Vulnerability {
    /// How likely it gives way: CVSS as a share of 10, more where it is known to be exploited.
    pub fn weight(&self) -> f64 {
        let weight = (self.score / 10.0).clamp(0.0, 1.0);
        if self.exploited { weight.max(EXPLOITED) } else { weight }
    }
}

impl Weaknesses {
    /// Maps what was scanned to services: by digest, by the reference of the image, or by the service's own name.
    /// `images` says which images run as which service; without any, the last part of an image's name is compared with
    /// the service's.
    pub fn new(
        scanned: &[Scanned],
        inventory: &Inventory,
        images: &BTreeMap<ServiceName, Vec<String>>,
    ) -> Self {
        let mut found: BTreeMap<&ServiceName, Vec<&Vulnerability>> = BTreeMap::new();
        let mut weaknesses = Self::default();
        for thing in scanned {
            let means = |name: &ServiceName| match images.get(name).filter(|images| !images.is_empty()) {
                Some(images) => thing.is_service(name) || images.iter().any(|image| thing.is_image(image)),
                None => thing.is_service(name) || thing.is_called(name.name()),
            };
            let mut strange = true;
            for service in inventory.services().filter(|service| means(&service.name)) {
                strange = false;
                weaknesses.scanned.insert(service.name.clone());
                found.entry(&service.name).or_default().extend(&thing.vulnerabilities);
            }
            if strange {
                weaknesses.strange.extend(thing.names.iter().next().or(thing.digests.iter().next()).cloned());
            }
        }
        for (service, vulnerabilities) in found {
            let worst = vulnerabilities.iter().max_by(|a, b| {
                (a.weight(), a.score).partial_cmp(&(b.weight(), b.score)).unwrap_or(std::cmp::Ordering::Equal)
            });
            if let Some(&worst) = worst {
                weaknesses.of.push(Weakness {
                    service: service.clone(),
                    vulnerabilities: vulnerabilities.len(),
                    weight: worst.weight().max(CLEAN),
                    worst: worst.clone(),
                });
            }
        }
        let names = inventory.services().map(|service| &service.name);
        weaknesses.unscanned = names.filter(|name| !weaknesses.scanned.contains(*name)).cloned().collect();
        weaknesses.unscanned.sort();
        weaknesses
    }

    pub fn service(&self, name: &ServiceName) -> Option<&Weakness> {
        self.of.binary_search_by_key(&name, |weakness| &weakness.service).ok().map(|at| &self.of[at])
    }

    /// Weights for attack paths.
    pub fn weights(&self, inventory: &Inventory) -> Weights {
        let identity = |name: &ServiceName| inventory.service(name).map(|service| service.identity);
        let clean = self.scanned.iter().map(|name| (name, CLEAN));
        let weak = self.of.iter().map(|weakness| (&weakness.service, weakness.weight));
        let of = clean.chain(weak).filter_map(|(name, weight)| Some((identity(name)?, weight)));
        Weights::new(UNSCANNED, of.collect::<BTreeMap<Identity, f64>>())
    }
}

impl Scanned {
    fn is_service(&self, name: &ServiceName) -> bool {
        self.names.contains(&name.to_string())
    }

    fn is_image(&self, image: &str) -> bool {
        let (reference, digest) = match image.split_once('@') {
            Some((reference, digest)) => (reference, Some(digest)),
            None if image.starts_with("sha256:") => ("", Some(image)),
            None => (image, None),
        };
        if digest.is_some_and(|digest| self.digests.contains(digest)) {
            return true;
        }
        // Beside a digest, no tag does not mean the latest.
        let says_which =
            |reference: &str| !reference.is_empty() && (digest.is_none() || tag(reference).is_some());
        says_which(reference)
            && self
                .names
                .iter()
                .any(|name| !name.contains('@') && full_reference(name) == full_reference(reference))
    }

    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|image| {
            let last = image.rsplit('/').next().unwrap_or(image);
            last.split([':', '@']).next() == Some(name)
        })
    }
}

/// A reference as every registry client completes it: `redis` is `docker.io/library/redis:latest`.
fn full_reference(reference: &str) -> String {
    let (host, path) = match reference.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => ("docker.io", reference),
    };
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    let library = if host == "docker.io" && !path.contains('/') { "library/" } else { "" };
    let latest = if tag(reference).is_some() { "" } else { ":latest" };
    format!("{host}/{library}{path}{latest}")
}

fn tag(reference: &str) -> Option<&str> {
    reference.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests;

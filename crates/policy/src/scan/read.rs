//! From the four formats to what was scanned.

use super::{Scanned, Vulnerability};
use serde_json::Value;
use std::collections::BTreeMap;

/// A text that is no scan result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error("{file}:{line}:{column}: {message}")]
    Json { file: String, line: usize, column: usize, message: String },
    #[error(
        "{file}:1:1: this is JSON, but no scan result; expected SARIF 2.1.0 (\"runs\"), CycloneDX (\"bomFormat\"), \
         Trivy's (\"Results\") or Grype's (\"matches\")"
    )]
    Strange { file: String },
    #[error("{file}: {path}: {message}")]
    Field { file: String, path: String, message: String },
}

/// Everything that a text says was scanned. `file` is what messages call it.
///
/// # Errors
/// The text is no JSON, none of the four formats, or lacks what they cannot do without.
pub fn read_scan(file: &str, text: &str) -> Result<Vec<Scanned>, ScanError> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let whole = error.to_string();
        let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
        ScanError::Json { file: file.to_owned(), line: error.line(), column: error.column(), message }
    })?;
    let list = |path: &str, of: &Value| match of {
        Value::Array(items) => Ok(items.clone()),
        Value::Null => Ok(Vec::new()),
        _ => Err(ScanError::Field {
            file: file.to_owned(),
            path: path.to_owned(),
            message: "expected a list".to_owned(),
        }),
    };
    if value.get("runs").is_some() {
        return Ok(list("runs", &value["runs"])?.iter().map(sarif).collect());
    }
    if value["bomFormat"] == "CycloneDX" {
        list("vulnerabilities", &value["vulnerabilities"])?;
        return Ok(vec![cyclonedx(&value)]);
    }
    if value.get("matches").is_some() {
        list("matches", &value["matches"])?;
        return Ok(vec![grype(&value)]);
    }
    if value.get("Resources").is_some()
        || value.get("Results").is_some()
        || value.get("ArtifactName").is_some()
    {
        list("Results", &value["Results"])?;
        let resources = list("Resources", &value["Resources"])?;
        return Ok(match resources.is_empty() {
            true => vec![trivy(&value)],
            false => resources.iter().map(trivy).collect(),
        });
    }
    Err(ScanError::Strange { file: file.to_owned() })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Critical, High and so on, as the middle of what CVSS calls so.
fn score_of_word(word: &str) -> f64 {
    match word.to_ascii_lowercase().as_str() {
        "critical" => 9.5,
        "high" | "error" | "important" => 8.0,
        "medium" | "moderate" | "warning" => 5.5,
        "low" | "note" => 2.0,
        "negligible" | "info" | "none" => 0.5,
        // Nobody knows yet.
        _ => 4.0,
    }
}

/// A number, also where somebody wrote it as text.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.filter(|number: &f64| (0.0..=10.0).contains(number))
}

fn named(package: &Value, version: &Value) -> String {
    let whole = format!("{} {}", text(package), text(version));
    whole.trim().to_owned()
}

impl Scanned {
    /// A reference of an image, or a digest.
    fn call(&mut self, reference: &str) {
        if let Some((_, digest)) = reference.split_once('@') {
            self.digests.insert(digest.to_owned());
        }
        if reference.starts_with("sha256:") {
            self.digests.insert(reference.to_owned());
        } else if !reference.is_empty() {
            self.names.insert(reference.to_owned());
        }
    }

    fn find(&mut self, id: &str, score: f64, exploited: bool, package: String) {
        if !id.is_empty() {
            self.vulnerabilities.push(Vulnerability { id: id.to_owned(), score, exploited, package });
        }
    }
}

fn trivy(value: &Value) -> Scanned {
    let mut scanned = Scanned::default();
    scanned.call(text(&value["ArtifactName"]));
    // Of a scanned cluster, each resource has a namespace and a name.
    if let (Some(namespace), Some(name)) = (value["Namespace"].as_str(), value["Name"].as_str()) {
        scanned.names.insert(format!("{namespace}/{name}"));
    }
    let metadata = match &value["Metadata"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    for metadata in metadata {
        scanned.call(text(&metadata["ImageID"]));
        items(&metadata["RepoTags"]).chain(items(&metadata["RepoDigests"])).for_each(|name| {
            scanned.call(text(name));
        });
    }
    for found in items(&value["Results"]).flat_map(|result| items(&result["Vulnerabilities"])) {
        let scores = found["CVSS"].as_object().into_iter().flat_map(|vendors| vendors.values());
        let scores = scores.filter_map(|vendor| {
            number(&vendor["V40Score"]).or(number(&vendor["V3Score"])).or(number(&vendor["V2Score"]))
        });
        let score = scores.reduce(f64::max).unwrap_or_else(|| score_of_word(text(&found["Severity"])));
        let exploited = found["KnownExploited"] == true || found["CISAKEV"] == true;
        let package = named(&found["PkgName"], &found["InstalledVersion"]);
        scanned.find(text(&found["VulnerabilityID"]), score, exploited, package);
    }
    scanned
}

fn grype(value: &Value) -> Scanned {
    let mut scanned = Scanned::default();
    let source = &value["source"]["target"];
    if let Some(target) = source.as_str() {
        scanned.call(target);
    }
    for name in ["userInput", "imageID", "manifestDigest"] {
        scanned.call(text(&source[name]));
    }
    items(&source["tags"]).chain(items(&source["repoDigests"])).for_each(|name| scanned.call(text(name)));
    for found in items(&value["matches"]) {
        let (vulnerability, artifact) = (&found["vulnerability"], &found["artifact"]);
        let related = items(&found["relatedVulnerabilities"]);
        let best = |of: &Value| {
            let scores = items(&of["cvss"]).filter_map(|cvss| {
                let major = text(&cvss["version"]).chars().next().unwrap_or('0');
                Some((major, number(&cvss["metrics"]["baseScore"])?))
            });
            scores.max_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1))).map(|(_, score)| score)
        };
        let score = std::iter::once(vulnerability).chain(related).filter_map(best).reduce(f64::max);
        let score = score.unwrap_or_else(|| score_of_word(text(&vulnerability["severity"])));
        let exploited = items(&vulnerability["knownExploited"]).next().is_some();
        let package = named(&artifact["name"], &artifact["version"]);
        scanned.find(text(&vulnerability["id"]), score, exploited, package);
    }
    scanned
}

fn cyclonedx(value: &Value) -> Scanned {
    let mut scanned = Scanned::default();
    let root = &value["metadata"]["component"];
    let (name, version) = (text(&root["name"]), text(&root["version"]));
    if version.is_empty() || version.starts_with("sha256:") || name.contains([':', '@']) {
        scanned.call(name);
        scanned.call(version);
    } else {
        scanned.call(&format!("{name}:{version}"));
    }
    for hash in items(&root["hashes"]).filter(|hash| hash["alg"] == "SHA-256") {
        scanned.call(&format!("sha256:{}", text(&hash["content"])));
    }
    for property in items(&root["properties"]) {
        // Trivy says here what the image is called and which digests it has.
        let key = text(&property["name"]);
        if ["RepoTag", "RepoDigest", "ImageID"].iter().any(|known| key.ends_with(known)) {
            scanned.call(text(&property["value"]));
        }
    }
    let components: BTreeMap<&str, &Value> =
        items(&value["components"]).map(|component| (text(&component["bom-ref"]), component)).collect();
    for found in items(&value["vulnerabilities"]) {
        let rate = |rating: &Value| {
            let method = text(&rating["method"]);
            let newest = if method.starts_with("CVSSv4") {
                4
            } else if method.starts_with("CVSSv3") {
                3
            } else {
                2
            };
            let word = rating["severity"].as_str().map(score_of_word);
            number(&rating["score"]).map(|score| (newest, score)).or(word.map(|score| (0, score)))
        };
        let best = items(&found["ratings"])
            .filter_map(rate)
            .max_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
        let score = best.map_or_else(|| score_of_word(""), |(_, score)| score);
        let exploited = items(&found["properties"]).any(|property| {
            let key = text(&property["name"]).to_ascii_lowercase();
            (key.contains("kev") || key.contains("known-exploited")) && text(&property["value"]) == "true"
        }) || found["analysis"]["state"] == "exploited";
        let affected = items(&found["affects"]).find_map(|affected| components.get(text(&affected["ref"])));
        let package = affected.map_or(String::new(), |it| named(&it["name"], &it["version"]));
        // Told to be harmless by who made it.
        if matches!(text(&found["analysis"]["state"]), "not_affected" | "false_positive" | "resolved") {
            continue;
        }
        scanned.find(text(&found["id"]), score, exploited, package);
    }
    scanned
}

fn sarif(run: &Value) -> Scanned {
    let mut scanned = Scanned::default();
    let properties = &run["properties"];
    for name in ["imageName", "imageID"] {
        scanned.call(text(&properties[name]));
    }
    items(&properties["repoTags"]).chain(items(&properties["repoDigests"])).for_each(|name| {
        scanned.call(text(name));
    });
    let rules: Vec<&Value> = items(&run["tool"]["driver"]["rules"]).collect();
    for found in items(&run["results"]) {
        let id = found["ruleId"].as_str().or(found["rule"]["id"].as_str()).unwrap_or("");
        let index = found["ruleIndex"].as_u64().or(found["rule"]["index"].as_u64());
        let rule = index
            .and_then(|index| rules.get(usize::try_from(index).ok()?).copied())
            .or_else(|| rules.iter().copied().find(|rule| rule["id"] == id));
        let id = if id.is_empty() { rule.map_or("", |rule| text(&rule["id"])) } else { id };
        let severity = |of: &Value| number(&of["properties"]["security-severity"]);
        let level = found["level"]
            .as_str()
            .or(rule.and_then(|rule| rule["defaultConfiguration"]["level"].as_str()))
            .unwrap_or("warning");
        let score = severity(found).or(rule.and_then(severity)).unwrap_or_else(|| score_of_word(level));
        // Where the run does not say what was scanned, its results may.
        if scanned.names.is_empty() && scanned.digests.is_empty() {
            let places =
                items(&found["locations"]).map(|place| &place["physicalLocation"]["artifactLocation"]);
            places.filter_map(|place| place["uri"].as_str()).take(1).for_each(|uri| scanned.call(uri));
        }
        let exploited = rule.is_some_and(|rule| {
            items(&rule["properties"]["tags"]).any(|tag| matches!(text(tag), "kev" | "known-exploited"))
        });
        // SARIF has no place of its own for the version of Grype's artifact: the id may be followed by the package.
        let (id, package) = match id.split_once('-').filter(|(word, _)| *word == "CVE" || *word == "GHSA") {
            Some(_) => split_package(id),
            None => (id.to_owned(), String::new()),
        };
        scanned.find(&id, score, exploited, package);
    }
    scanned
}

/// `CVE-2021-44228-log4j-core` is a vulnerability and a package.
fn split_package(id: &str) -> (String, String) {
    let parts: Vec<&str> = id.split('-').collect();
    let own = if parts.first() == Some(&"CVE") { 3 } else { 4 };
    let own = own.min(parts.len());
    (parts[..own].join("-"), parts[own..].join("-"))
}

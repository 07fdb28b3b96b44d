//! Single things that are wrong or suspicious, and where they stand.

use super::{Source, rules};
use crate::commands::{
    documents::Unread,
    policy::{
        files::{Files, options},
        lint,
    },
};
use bulkhead_model::{Direction, ServiceName};
use bulkhead_policy::{
    PolicySet, Service,
    document::{DocumentKey, read_assertions},
    kubernetes::Severity,
    verify,
    yaml::{self, Limits, Mark, Node, Value},
};
use serde::Serialize;
use std::collections::HashMap;

/// One thing that is wrong or suspicious.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Fault {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    /// `error` or `warning`.
    pub(super) severity: &'static str,
    /// What kind of fault: the same word in every version.
    pub(super) rule: String,
    pub(super) field: String,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

/// What could not be read at all.
pub(super) fn unread(unread: &Unread) -> Fault {
    let (line, column) = unread.mark.unwrap_or((1, 1));
    Fault {
        file: unread.name.clone(),
        line,
        column,
        severity: "error",
        rule: rules::UNREADABLE.to_owned(),
        field: String::new(),
        message: unread.why.clone(),
        suggestion: None,
    }
}

/// What readers say of the texts.
pub(super) fn of_documents(sources: &[Source]) -> Vec<Fault> {
    let files = || sources.iter().map(|s| (s.name.as_str(), s.text.as_str()));
    let own = PolicySet::read(files(), options()).err().unwrap_or_default();
    let claims = files().flat_map(|(name, text)| read_assertions(name, text, options()).1);
    let mut faults: Vec<Fault> = own
        .into_iter()
        .chain(claims)
        .map(|d| Fault {
            file: d.file.into(),
            line: d.mark.line,
            column: d.mark.column,
            severity: "error",
            rule: rules::DOCUMENT.to_owned(),
            field: d.path,
            message: d.message,
            suggestion: d.suggestion,
        })
        .collect();
    for d in lint::of_manifests(sources) {
        let fault = Fault {
            file: d.place.file.to_string(),
            line: d.place.line,
            column: d.place.column,
            severity: if d.severity == Severity::Error { "error" } else { "warning" },
            rule: rules::MANIFEST.to_owned(),
            field: d.field,
            message: d.message,
            suggestion: d.suggestion,
        };
        // Text that is no YAML is refused by both readers, in words of their own.
        let same_place = |f: &Fault| {
            f.file == fault.file && f.line == fault.line && f.severity == "error" && f.field.is_empty()
        };
        if !(fault.severity == "error" && fault.field.is_empty() && faults.iter().any(same_place)) {
            faults.push(fault);
        }
    }
    faults
}

/// What is allowed but probably not meant.
pub(super) fn lint(files: &Files, places: &Places) -> Vec<Fault> {
    let findings = lint::of_documents(files, &[]);
    findings
        .into_iter()
        .map(|finding| {
            let (file, mark) = places.of_rule(&finding.document, finding.rule);
            let field = finding.rule.map(|(direction, index)| format!("spec.{direction}[{index}]"));
            Fault {
                file,
                line: mark.line,
                column: mark.column,
                severity: "warning",
                rule: rules::of_lint(finding.lint),
                field: field.unwrap_or_default(),
                message: format!("{}: {}", finding.document, finding.message),
                suggestion: finding.suggestion,
            }
        })
        .collect()
}

/// A claim that is broken, or that speaks of nobody.
pub(super) fn claim(finding: &verify::Finding, places: &Places) -> Option<Fault> {
    let (severity, rule, message) = match (finding.holds, finding.checked) {
        (true, 0) => ("warning", rules::CLAIM_EMPTY, "there is nothing that the claim speaks of".to_owned()),
        (true, _) => return None,
        (false, _) => {
            let first = finding.violations.first().map(|violation| {
                let rules = match violation.rules.as_slice() {
                    [] => String::new(),
                    rules => format!(" ({})", rules.join("; ")),
                };
                format!(": {}: {}{rules}", violation.path.join(" → "), violation.what)
            });
            let message = format!(
                "the claim is broken by {} of {}{}",
                finding.broken,
                finding.checked,
                first.unwrap_or_default()
            );
            ("error", rules::CLAIM_BROKEN, message)
        }
    };
    let (file, mark) = places.of_claim(&finding.name);
    Some(Fault {
        file,
        line: mark.line,
        column: mark.column,
        severity,
        rule: rule.to_owned(),
        field: finding.name.clone(),
        message,
        suggestion: None,
    })
}

/// Where documents, their rules and claims stand.
#[derive(Debug)]
pub(super) struct Places {
    documents: HashMap<DocumentKey, (String, Node)>,
    claims: HashMap<String, (String, Mark)>,
    first: String,
}

impl Places {
    pub(super) fn new(sources: &[Source]) -> Self {
        let (mut documents, mut claims) = (HashMap::new(), HashMap::new());
        for source in sources {
            let (own, _) = bulkhead_policy::document::read(&source.name, &source.text, options());
            let keys: Vec<DocumentKey> = own.iter().map(|document| document.key()).collect();
            for node in yaml::parse(&source.text, Limits::default()).0 {
                let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
                if kind == "Assertions" {
                    if let Some(Value::List(items)) = node.get("spec").map(|spec| &spec.value) {
                        for item in items {
                            let name = item.get("name").and_then(Node::text).unwrap_or_default();
                            claims.entry(name.to_owned()).or_insert((source.name.clone(), item.mark));
                        }
                    }
                    continue;
                }
                let name =
                    node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
                let namespace =
                    node.get("metadata").and_then(|metadata| metadata.get("namespace")).and_then(Node::text);
                let key = keys.iter().find(|key| {
                    key.kind.to_string() == kind
                        && Some(&*key.name) == name
                        && namespace.is_none_or(|namespace| *key.namespace == *namespace)
                });
                if let Some(key) = key {
                    documents.entry(key.clone()).or_insert((source.name.clone(), node));
                }
            }
        }
        let first = sources.first().map(|source| source.name.clone()).unwrap_or_default();
        Self { documents, claims, first }
    }

    /// The beginning of everything: for what has no place of its own.
    pub(super) fn first(&self) -> (String, Mark) {
        (self.first.clone(), Mark { line: 1, column: 1 })
    }

    fn of_rule(&self, key: &DocumentKey, rule: Option<(Direction, usize)>) -> (String, Mark) {
        let Some((file, node)) = self.documents.get(key) else { return self.first() };
        let rule = rule.and_then(|(direction, index)| {
            match node.get("spec").and_then(|spec| spec.get(&direction.to_string())).map(|list| &list.value) {
                Some(Value::List(rules)) => rules.get(index).map(|rule| rule.mark),
                _ => None,
            }
        });
        (file.clone(), rule.unwrap_or(node.mark))
    }

    fn of_claim(&self, name: &str) -> (String, Mark) {
        self.claims.get(name).cloned().unwrap_or_else(|| self.first())
    }

    /// The first document that targets the service.
    pub(super) fn of_target(&self, set: &PolicySet, service: &ServiceName) -> Option<(String, Mark)> {
        let service =
            Service::new(service.clone(), bulkhead_model::Identity(bulkhead_model::Identity::FIRST_SERVICE));
        let policy = set.policies().find(|policy| set.selects(&policy.target, &service))?;
        Some(self.of_rule(&policy.key(), None))
    }
}

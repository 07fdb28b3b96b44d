//! What files say to questions: documents, or policies of Kubernetes where there are none, and the workloads of manifests
//! beside them.

use crate::{
    commands::{
        Context,
        documents::{self, Source, Unread},
    },
    exit::{Code, Failure},
    output::waiting,
};
use anyhow::Result;
use bulkhead_model::{Identity, Mode, Peer, ServiceName};
use bulkhead_policy::{
    Document, Inventory, PolicySet, ReadOptions, SegmentationPolicy, Service,
    document::{Criteria, Metadata, read_assertions},
    kubernetes::{self, Diagnostic, Severity},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Files as questions see them.
#[derive(Debug, Default, Clone)]
pub(in crate::commands) struct Files {
    pub(in crate::commands) set: PolicySet,
    /// Of the manifests, with their labels and ports.
    services: Vec<Service>,
    /// Whether the set was made of policies of Kubernetes, and so speaks of every workload of the manifests.
    pub(super) imported: bool,
    /// What the set cannot say of the policies that it was made of, or what was passed over.
    remarks: Vec<String>,
}

impl From<PolicySet> for Files {
    fn from(set: PolicySet) -> Self {
        Self { set, ..Self::default() }
    }
}

/// Files may hold objects of others beside the documents.
pub(super) fn options() -> ReadOptions {
    ReadOptions { skip_foreign: true, ..ReadOptions::default() }
}

/// The text of every file; where one cannot be read, all that is wrong with the others as well.
pub(in crate::commands) fn sources(cx: &mut Context, paths: &[PathBuf]) -> Result<Vec<Source>> {
    let (sources, unread) = documents::gather(paths);
    if unread.is_empty() { Ok(sources) } else { Err(refused_with(cx, &sources, unread)) }
}

/// Tells what cannot be read, and all that is wrong with what can.
pub(super) fn refused_with(cx: &mut Context, sources: &[Source], unread: Vec<Unread>) -> anyhow::Error {
    let mut others = Files::of(sources).err().unwrap_or_default();
    for source in sources {
        let (_, wrong) = read_assertions(&source.name, &source.text, options());
        let wrong = wrong.iter().map(ToString::to_string);
        // Text that is no YAML is refused by both readers.
        let new: Vec<String> = wrong.filter(|line| !others.contains(line)).collect();
        others.extend(new);
    }
    match <[Unread; 1]>::try_from(unread) {
        Ok([alone]) if others.is_empty() => Failure::from(alone).into(),
        Ok([unread]) => refused(cx, [unread.to_string()].into_iter().chain(others)),
        Err(unread) => refused(cx, unread.iter().map(ToString::to_string).chain(others)),
    }
}

/// Tells each error, and how many there are.
fn refused(cx: &mut Context, wrong: impl IntoIterator<Item = String>) -> anyhow::Error {
    let mut count = 0;
    for line in wrong {
        count += 1;
        if let Err(error) = cx.note(&line) {
            return error.into();
        }
    }
    let what = if count == 1 { "error" } else { "errors" };
    Failure::new(Code::Invalid, format!("the files have {count} {what}"))
        .remedy("mend what is said above; nothing is answered from half of them")
        .into()
}

impl Files {
    /// Files and directories; every error of every file where there is any.
    pub(in crate::commands) fn read(cx: &mut Context, paths: &[PathBuf]) -> Result<Self> {
        let sources = sources(cx, paths)?;
        Self::sound(cx, &sources)
    }

    /// Texts that were read; every error of every one where there is any.
    pub(super) fn sound(cx: &mut Context, sources: &[Source]) -> Result<Self> {
        let files = waiting::work("reading the documents", || Self::of(sources))
            .map_err(|wrong| refused(cx, wrong))?;
        for remark in &files.remarks {
            cx.note(remark)?;
        }
        Ok(files)
    }

    /// Texts that were read; each error on a line where there is any.
    pub(super) fn of(sources: &[Source]) -> Result<Self, Vec<String>> {
        let texts = || sources.iter().map(|source| (source.name.as_str(), source.text.as_str()));
        let own = PolicySet::read(texts(), options());
        // Large sets of documents need not be read twice to see that there is nothing else in them.
        let reading = kubernetes::read(texts().filter(|(_, text)| has_others(text)));
        let mut wrong: Vec<String> =
            own.as_ref().err().into_iter().flatten().map(ToString::to_string).collect();
        // Text that is no YAML is refused by both readers.
        let is_new = |d: &&Diagnostic| d.severity == Severity::Error && !(d.field.is_empty() && own.is_err());
        wrong.extend(reading.diagnostics.iter().filter(is_new).map(ToString::to_string));
        let (Ok(set), true) = (own, wrong.is_empty()) else { return Err(wrong) };
        let mut files = Self::from(set);
        let resources = reading.resources;
        if resources.workloads.is_empty() && resources.policies.is_empty() {
            return Ok(files);
        }
        let import = kubernetes::import(&resources);
        files.services = import.services;
        let documents = files.set.policies().len();
        match (resources.policies.len(), documents) {
            (0, _) => {}
            (_, 0) => {
                for document in import.documents {
                    files.set.insert(document);
                }
                files.imported = true;
                files.remarks = import.remarks;
            }
            (count, _) => files.remarks.push(format!(
                "{count} policies of Kubernetes are passed over, because there are documents of Bulkhead; \
                 'bulkhead policy import' makes documents of them"
            )),
        }
        Ok(files)
    }

    /// Whether manifests tell which services there are and what their labels are.
    pub(super) fn tells_services(&self) -> bool {
        !self.services.is_empty()
    }

    /// The set in words that mean the same beside other manifests: each service by its name, and one that the manifests do
    /// not have closed, since nothing can be opened to it.
    pub(super) fn apart(&self, everybody: &Inventory) -> PolicySet {
        if !self.imported {
            return self.set.clone();
        }
        let mut own = everybody.clone();
        for service in &self.services {
            if let Some(known) = own.service_mut(&service.name) {
                known.labels.clone_from(&service.labels);
            }
        }
        let mut set = self.set.by_name(&own);
        let mine: BTreeSet<&ServiceName> = self.services.iter().map(|service| &service.name).collect();
        for absent in everybody.services().filter(|service| !mine.contains(&service.name)) {
            set.insert(Document::Policy(SegmentationPolicy {
                metadata: Metadata {
                    name: format!("{}:absent", absent.name.name()),
                    namespace: absent.name.namespace().to_owned(),
                    ..Metadata::default()
                },
                target: Criteria::service(&absent.name),
                mode: None,
                tier: bulkhead_model::RuleOrigin::Declared,
                order: None,
                ingress: Vec::new(),
                egress: Vec::new(),
            }));
        }
        set
    }
}

/// Whether a text has objects that are not Bulkhead's.
fn has_others(text: &str) -> bool {
    text.match_indices("apiVersion").any(|(at, word)| {
        let value = text[at + word.len()..].trim_start_matches(['"', '\'', ':', ' ', '\t']);
        !value.starts_with("bulkhead.dev/")
    })
}

/// The services that manifests, documents and questions name. Of a service that several files describe, the first one's
/// labels count. Those that a document targets enforce it; the others hold nothing back.
pub(in crate::commands) fn inventory<'p>(
    files: &[&'p Files],
    peers: impl IntoIterator<Item = &'p Peer>,
) -> Inventory {
    let mut services: BTreeMap<ServiceName, Service> = BTreeMap::new();
    for service in files.iter().flat_map(|files| &files.services) {
        services.entry(service.name.clone()).or_insert_with(|| service.clone());
    }
    let named = files.iter().flat_map(|files| files.set.named_services());
    for name in named.chain(peers.into_iter().filter_map(|peer| peer.service().cloned())) {
        services.entry(name.clone()).or_insert_with(|| Service::new(name, Identity::UNKNOWN));
    }
    let numbers = (Identity::FIRST_SERVICE..).map(Identity);
    let numbered = services.into_values().zip(numbers);
    let learning =
        |(service, identity): (Service, Identity)| Service { identity, mode: Mode::Learn, ..service };
    let known = Inventory::new(numbered.map(learning));
    let targeted: BTreeSet<&ServiceName> =
        files.iter().flat_map(|files| files.set.targeted(&known)).collect();
    let mode = |name: &ServiceName| if targeted.contains(name) { Mode::Enforce } else { Mode::Learn };
    Inventory::new(known.services().map(|service| Service { mode: mode(&service.name), ..service.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFESTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
";
    const DOCUMENT: &str = "\
apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: db, namespace: shop}
spec:
  target: {selector: {matchLabels: {app: db}}}
  ingress: []
";

    fn of(texts: &[(&str, &str)]) -> Result<Files, Vec<String>> {
        let source = |(name, text): &(&str, &str)| Source { name: (*name).into(), text: (*text).into() };
        Files::of(&texts.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn policies_of_kubernetes_are_taken_where_there_are_no_documents() {
        let files = of(&[("k8s.yaml", MANIFESTS)]).expect("readable");
        assert!(files.imported && files.tells_services());
        let inventory = inventory(&[&files], []);
        let db = inventory.service(&"shop/db".parse().expect("valid")).expect("known");
        assert_eq!((db.mode, db.labels["app"].as_str()), (Mode::Enforce, "db"));
    }

    #[test]
    fn documents_come_before_policies_of_kubernetes_and_are_told_the_labels_of_workloads() {
        let files = of(&[("k8s.yaml", MANIFESTS), ("own.yaml", DOCUMENT)]).expect("readable");
        assert!(!files.imported && files.remarks[0].contains("1 policies of Kubernetes are passed over"));
        let inventory = inventory(&[&files], []);
        let mode = |name: &str| inventory.service(&name.parse().expect("valid")).map(|service| service.mode);
        assert_eq!((mode("shop/db"), mode("shop/web")), (Some(Mode::Enforce), Some(Mode::Learn)));
    }

    #[test]
    fn every_error_of_every_file_is_told_once() {
        let wrong = of(&[
            ("a.yaml", &DOCUMENT.replace("ingress", "ingres")),
            ("b.yaml", &MANIFESTS.replace("port: 5432", "port: 70000")),
            ("c.yaml", "a: [b"),
            ("d.yaml", DOCUMENT),
        ]);
        let wrong = wrong.expect_err("three files are wrong");
        for (file, count) in [("a.yaml:", 1), ("b.yaml:", 1), ("c.yaml:", 1), ("d.yaml:", 0)] {
            let told = wrong.iter().filter(|line| line.starts_with(file)).count();
            assert_eq!(told, count, "{file} {wrong:?}");
        }
    }
}

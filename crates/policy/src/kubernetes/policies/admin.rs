//! Decoding of the policies of administrators: `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` and
//! `ClusterNetworkPolicy`.

use super::{
    Action, Field, IpProtocol, Layer, NamespaceMatch, Object, PeerMatch, Place, Policy, PortMatch, PortRange,
    PortSpec, Reader, Rule, Selector, Subject,
};

/// Highest priority number of the admin kinds.
const LAST_PRIORITY: i64 = 1000;

/// How the kinds differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` v1alpha1.
    V1Alpha1,
    /// `ClusterNetworkPolicy` v1alpha2.
    V1Alpha2,
}

impl Reader<'_> {
    pub(in crate::kubernetes) fn admin_network_policy(&mut self, object: Object<'_>) -> Option<Policy> {
        self.admin_policy("AdminNetworkPolicy", object, Dialect::V1Alpha1)
    }

    pub(in crate::kubernetes) fn baseline_network_policy(&mut self, object: Object<'_>) -> Option<Policy> {
        self.admin_policy("BaselineAdminNetworkPolicy", object, Dialect::V1Alpha1)
    }

    pub(in crate::kubernetes) fn cluster_network_policy(&mut self, object: Object<'_>) -> Option<Policy> {
        self.admin_policy("ClusterNetworkPolicy", object, Dialect::V1Alpha2)
    }

    fn admin_policy(
        &mut self,
        kind: &'static str,
        mut object: Object<'_>,
        dialect: Dialect,
    ) -> Option<Policy> {
        let place = Place::new(&self.file, object.mark);
        let metadata = self.metadata(&mut object)?;
        let baseline = kind == "BaselineAdminNetworkPolicy";
        if baseline && metadata.name != "default" {
            self.error_in(
                &object,
                "the only name of a BaselineAdminNetworkPolicy is 'default'",
                "call it default",
            );
        }
        let Some(spec) = object.get("spec") else {
            self.error_in(&object, format!("a {kind} needs a spec"), "add spec.subject");
            return None;
        };
        object.ignore(&["apiVersion", "kind", "status"]);
        let mut spec = self.object(&spec)?;
        self.finish(object);
        let layer = self.layer(kind, &mut spec, dialect);
        let subject = match spec.get("subject") {
            Some(subject) => self.subject(&subject),
            None => {
                self.error_in(&spec, format!("a {kind} needs a subject"), "add 'subject: {namespaces: {}}'");
                None
            }
        };
        let rules = |reader: &mut Self, field: Option<Field<'_>>, peers| {
            let list = field.map(|field| reader.list(&field)).unwrap_or_default();
            list.iter().filter_map(|at| reader.admin_rule(at, peers, baseline, dialect)).collect::<Vec<_>>()
        };
        let ingress = spec.get("ingress");
        let ingress = rules(self, ingress, "from");
        let egress = spec.get("egress");
        let egress = rules(self, egress, "to");
        self.finish(spec);
        let (layer, subject) = (layer?, subject?);
        (!self.failed).then(|| Policy {
            kind,
            namespace: None,
            name: metadata.name,
            layer,
            subject,
            isolates: false,
            // Without rules for a direction, the policy does not affect it.
            ingress: (!ingress.is_empty()).then_some(ingress),
            egress: (!egress.is_empty()).then_some(egress),
            place,
        })
    }

    fn layer(&mut self, kind: &str, spec: &mut Object<'_>, dialect: Dialect) -> Option<Layer> {
        if kind == "BaselineAdminNetworkPolicy" {
            return Some(Layer::baseline(0));
        }
        let priority = match spec.get("priority") {
            Some(field) => {
                self.integer(&field, 0, LAST_PRIORITY).and_then(|number| u16::try_from(number).ok())
            }
            None => {
                let article = if kind.starts_with('A') { "an" } else { "a" };
                self.error_in(
                    spec,
                    format!("{article} {kind} needs a priority"),
                    "a number from 0 to 1000, lowest first",
                );
                None
            }
        };
        if dialect == Dialect::V1Alpha1 {
            return priority.map(Layer::admin);
        }
        let Some(tier) = spec.get("tier") else {
            self.error_in(spec, format!("a {kind} needs a tier"), "Admin or Baseline");
            return None;
        };
        match self.text(&tier)? {
            "Admin" => priority.map(Layer::admin),
            "Baseline" => priority.map(Layer::baseline),
            other => {
                self.error_with(&tier, format!("'{other}' is not a tier"), "expected Admin or Baseline");
                None
            }
        }
    }

    fn subject(&mut self, at: &Field<'_>) -> Option<Subject> {
        let mut object = self.object(at)?;
        let (namespaces, pods) = (object.get("namespaces"), object.get("pods"));
        self.finish(object);
        match (namespaces, pods) {
            (Some(namespaces), None) => Some(Subject::labelled(
                NamespaceMatch::Selected(self.selector(&namespaces)?),
                Selector::everything(),
            )),
            (None, Some(pods)) => self.namespaced_pod(&pods),
            _ => {
                self.error(at, "a subject must say either namespaces or pods");
                None
            }
        }
    }

    fn namespaced_pod(&mut self, at: &Field<'_>) -> Option<Subject> {
        let mut object = self.object(at)?;
        let namespaces =
            object.get("namespaceSelector").and_then(|field| self.selector(&field)).unwrap_or_default();
        let pods = object.get("podSelector").and_then(|field| self.selector(&field)).unwrap_or_default();
        self.finish(object);
        Some(Subject::labelled(NamespaceMatch::Selected(namespaces), pods))
    }

    fn admin_rule(
        &mut self,
        at: &Field<'_>,
        peers: &'static str,
        baseline: bool,
        dialect: Dialect,
    ) -> Option<Rule> {
        let place = Place::new(&self.file, at.node.mark);
        let mut object = self.object(at)?;
        let name = object.get("name").and_then(|field| self.text(&field)).unwrap_or("").to_owned();
        let (allow, expected): (_, &[&str]) = match (dialect, baseline) {
            (Dialect::V1Alpha2, _) => ("Accept", &["Accept", "Deny", "Pass"]),
            (Dialect::V1Alpha1, true) => ("Allow", &["Allow", "Deny"]),
            (Dialect::V1Alpha1, false) => ("Allow", &["Allow", "Deny", "Pass"]),
        };
        let action = match object.get("action") {
            Some(field) => match self.text(&field)? {
                text if text == allow => Action::Allow,
                "Deny" => Action::Deny,
                "Pass" if !baseline => Action::Pass,
                other => {
                    let message = format!("'{other}' is not an action here");
                    self.error_with(&field, message, format!("expected {}", expected.join(", ")));
                    Action::Deny
                }
            },
            // With an error there is no policy, and the rest of the rule is looked at all the same.
            None => {
                self.error_in(&object, "a rule needs an action", format!("one of {}", expected.join(", ")));
                Action::Deny
            }
        };
        let list = object.get(peers).map(|field| self.list(&field)).unwrap_or_default();
        if list.is_empty() {
            let remedy = format!("'{peers}: [{{namespaces: {{}}}}]' means every pod");
            self.error_in(&object, format!("a rule must say {peers} with at least one peer"), remedy);
        }
        let matches = list.iter().flat_map(|peer| self.admin_peer(peer, peers == "to")).collect();
        let ports = match dialect {
            Dialect::V1Alpha1 => object.get("ports"),
            Dialect::V1Alpha2 => object.get("protocols"),
        };
        let ports = ports.map(|field| self.list(&field));
        self.finish(object);
        // An empty list of ports is no port in v1alpha1, and every one in v1alpha2.
        let ports = ports.filter(|list| !list.is_empty() || dialect == Dialect::V1Alpha1).map(|list| {
            let each = list.iter().filter_map(|port| match dialect {
                Dialect::V1Alpha1 => self.admin_port(port),
                Dialect::V1Alpha2 => self.cluster_protocol(port),
            });
            each.collect()
        });
        Some(Rule { name, action, peers: Some(matches), ports, applications: Vec::new(), place })
    }

    fn admin_peer(&mut self, at: &Field<'_>, egress: bool) -> Vec<PeerMatch> {
        let Some(mut object) = self.object(at) else { return Vec::new() };
        let (namespaces, pods) = (object.get("namespaces"), object.get("pods"));
        let (networks, nodes, domains) = if egress {
            (object.get("networks"), object.get("nodes"), object.get("domainNames"))
        } else {
            (None, None, None)
        };
        self.finish(object);
        let said = [&namespaces, &pods, &networks, &nodes, &domains].into_iter().flatten().count();
        if said != 1 {
            let fields = if egress { "namespaces, pods, networks or nodes" } else { "namespaces or pods" };
            self.error(at, format!("a peer must say exactly one of {fields}"));
            return Vec::new();
        }
        if let Some(namespaces) = namespaces {
            let namespaces = self.selector(&namespaces).map(NamespaceMatch::Selected);
            let all = namespaces.map(|namespaces| Subject::labelled(namespaces, Selector::everything()));
            return all.map(PeerMatch::Pods).into_iter().collect();
        }
        if let Some(pods) = pods {
            return self.namespaced_pod(&pods).map(PeerMatch::Pods).into_iter().collect();
        }
        if let Some(networks) = networks {
            let list = self.list(&networks);
            let each = list.iter().filter_map(|at| self.network(at));
            // The API says of both versions: "cluster-internal traffic will be checked against the rule as well".
            return each
                .map(|network| PeerMatch::Addresses { addresses: network.into(), pods_too: true })
                .collect();
        }
        if let Some(domains) = domains {
            let list = self.list(&domains);
            return list.iter().filter_map(|at| self.domain_name(at)).collect();
        }
        let all =
            nodes.and_then(|field| self.selector(&field)).is_some_and(|nodes| nodes.selects_everything());
        if all {
            return vec![PeerMatch::Host, PeerMatch::RemoteHost];
        }
        let message = "nodes by label match nothing here, because manifests do not tell which these are";
        self.warning(at.node.mark, &at.path, message, None);
        vec![PeerMatch::Unknown("nodes by label")]
    }

    pub(super) fn domain_name(&mut self, at: &Field<'_>) -> Option<PeerMatch> {
        let text = self.text(at)?;
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        if !crate::document::is_host_name(&name) {
            self.error(at, format!("'{text}' is not a domain name"));
            return None;
        }
        let message = "manifests do not tell the addresses of a domain name: no connection is listed for it";
        self.warning(at.node.mark, &at.path, message, None);
        Some(PeerMatch::Name(name.into()))
    }

    fn admin_port(&mut self, at: &Field<'_>) -> Option<PortMatch> {
        let mut object = self.object(at)?;
        let (number, named, range) =
            (object.get("portNumber"), object.get("namedPort"), object.get("portRange"));
        self.finish(object);
        match (number, named, range) {
            (Some(number), None, None) => {
                let mut number = self.object(&number)?;
                let protocol = number.get("protocol").map(|field| self.protocol(&field));
                let port = number.get("port").and_then(|field| self.port_number(&field))?;
                self.finish(number);
                let port = PortSpec::Range(PortRange::single(port));
                Some(PortMatch { protocol: protocol.unwrap_or(Some(IpProtocol::TCP)), port })
            }
            (None, Some(name), None) => {
                Some(PortMatch { protocol: None, port: PortSpec::Named(self.port_name(&name)?) })
            }
            (None, None, Some(range)) => {
                let mut object = self.object(&range)?;
                let protocol = object.get("protocol").map(|field| self.protocol(&field));
                let port = PortSpec::Range(self.start_end(&mut object)?);
                self.finish(object);
                Some(PortMatch { protocol: protocol.unwrap_or(Some(IpProtocol::TCP)), port })
            }
            _ => {
                self.error(at, "a port must say exactly one of portNumber, namedPort or portRange");
                None
            }
        }
    }

    fn start_end(&mut self, object: &mut Object<'_>) -> Option<PortRange> {
        let (Some(start), Some(end)) = (object.get("start"), object.get("end")) else {
            self.error_in(object, "a port range needs start and end", "both are included");
            return None;
        };
        let (first, last) = (self.port_number(&start)?, self.port_number(&end)?);
        if last < first {
            self.error(&end, format!("the range ends at {last}, before it starts at {first}"));
            return None;
        }
        Some(PortRange { first, last })
    }

    /// One entry of `protocols`: exactly one of `tcp`, `udp`, `sctp`, `destinationNamedPort`.
    fn cluster_protocol(&mut self, at: &Field<'_>) -> Option<PortMatch> {
        let mut object = self.object(at)?;
        let named = object.get("destinationNamedPort");
        let protocols = [
            (IpProtocol::TCP, object.get("tcp")),
            (IpProtocol::UDP, object.get("udp")),
            (IpProtocol::SCTP, object.get("sctp")),
        ];
        self.finish(object);
        let mut said = protocols.into_iter().filter_map(|(protocol, field)| Some((protocol, field?)));
        match (said.next(), said.next(), named) {
            (None, None, Some(name)) => {
                Some(PortMatch { protocol: None, port: PortSpec::Named(self.port_name(&name)?) })
            }
            (Some((protocol, field)), None, None) => {
                let mut object = self.object(&field)?;
                let port = object.get("destinationPort");
                self.finish(object);
                let port = match port {
                    None => PortSpec::All,
                    Some(port) => PortSpec::Range(self.number_or_range(&port)?),
                };
                Some(PortMatch { protocol: Some(protocol), port })
            }
            _ => {
                self.error(at, "an entry must say exactly one of tcp, udp, sctp or destinationNamedPort");
                None
            }
        }
    }

    fn number_or_range(&mut self, at: &Field<'_>) -> Option<PortRange> {
        let mut object = self.object(at)?;
        let (number, range) = (object.get("number"), object.get("range"));
        self.finish(object);
        match (number, range) {
            (Some(number), None) => Some(PortRange::single(self.port_number(&number)?)),
            (None, Some(range)) => {
                let mut range = self.object(&range)?;
                let ports = self.start_end(&mut range)?;
                self.finish(range);
                Some(ports)
            }
            _ => {
                self.error(at, "a port must say either number or range");
                None
            }
        }
    }
}

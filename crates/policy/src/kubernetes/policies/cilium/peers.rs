//! Who the rules of Cilium mean.

use super::{AddressSet, Context, Direction, Field, Object, PeerMatch, Reader, Subject, outside};
use crate::document::is_host_name;

/// Whom a rule means.
pub(super) enum Whom {
    /// It does not say.
    Unsaid,
    Everybody,
    These(Vec<PeerMatch>),
}

impl Reader<'_> {
    /// The peers of a rule. `None` where what it says cannot be understood, which has been reported then.
    pub(super) fn cilium_peers(
        &mut self,
        object: &mut Object<'_>,
        at: &Field<'_>,
        context: &Context<'_>,
    ) -> Option<Whom> {
        let ingress = context.direction == Direction::Ingress;
        let keys: [&'static str; 4] = if ingress {
            ["fromEndpoints", "fromEntities", "fromCIDR", "fromCIDRSet"]
        } else {
            ["toEndpoints", "toEntities", "toCIDR", "toCIDRSet"]
        };
        let unknown: &[&'static str] = if ingress {
            &["fromRequires", "fromGroups", "fromNodes"]
        } else {
            &["toRequires", "toGroups", "toNodes", "toServices"]
        };
        for key in unknown {
            if let Some(field) = object.get(key) {
                let message = format!("whom {key} means is not known from manifests");
                self.cannot(&field, context.action, &message);
                return None;
            }
        }
        let [endpoints, entities, cidrs, sets] = keys.map(|key| object.get(key));
        let names = if ingress { None } else { object.get("toFQDNs") };
        let said = [&endpoints, &entities, &cidrs, &sets, &names].into_iter().flatten().count();
        if said == 0 {
            return Some(Whom::Unsaid);
        }
        if said > 1 {
            let remedy = "make a rule of each";
            self.error_with(at, "a rule has one kind of peers alone; a cluster refuses this policy", remedy);
            return None;
        }
        let mut peers = Vec::new();
        for at in endpoints.map(|field| self.list(&field)).unwrap_or_default() {
            peers.push(PeerMatch::Pods(self.cilium_endpoints(&at, context.namespace)?));
        }
        for at in entities.map(|field| self.list(&field)).unwrap_or_default() {
            match self.text(&at)? {
                "all" => return Some(Whom::Everybody),
                other => peers.extend(self.cilium_entity(&at, other, context)?),
            }
        }
        for at in cidrs.map(|field| self.list(&field)).unwrap_or_default() {
            peers.push(outside(self.address_or_network(&at)?.into()));
        }
        for at in sets.map(|field| self.list(&field)).unwrap_or_default() {
            peers.push(outside(self.cilium_cidr_set(&at, context)?));
        }
        for at in names.map(|field| self.list(&field)).unwrap_or_default() {
            peers.push(self.cilium_name(&at, context)?);
        }
        Some(Whom::These(peers))
    }

    fn cilium_entity(&mut self, at: &Field<'_>, name: &str, context: &Context<'_>) -> Option<Vec<PeerMatch>> {
        Some(match name {
            "world" => vec![outside(AddressSet::all())],
            "world-ipv4" => vec![outside(AddressSet::all_v4())],
            "world-ipv6" => vec![outside(AddressSet::all_v6())],
            "host" => vec![PeerMatch::Host],
            "remote-node" => vec![PeerMatch::RemoteHost],
            "cluster" => {
                vec![PeerMatch::Pods(Subject::everything()), PeerMatch::Host, PeerMatch::RemoteHost]
            }
            "none" => Vec::new(),
            "init" | "ingress" | "health" | "unmanaged" | "kube-apiserver" => {
                let message = format!("manifests do not tell who {name} is");
                self.cannot(at, context.action, &message);
                return None;
            }
            other => {
                let known = ["world", "host", "remote-node", "cluster", "all", "none"];
                let meant = crate::suggest::nearest(other, known).unwrap_or("world");
                self.error_with(
                    at,
                    format!("'{other}' is not an entity"),
                    format!("did you mean '{meant}'?"),
                );
                return None;
            }
        })
    }

    fn cilium_cidr_set(&mut self, at: &Field<'_>, context: &Context<'_>) -> Option<AddressSet> {
        let mut object = self.object(at)?;
        let (cidr, except) = (object.get("cidr"), object.get("except"));
        let (name, selector) = (object.get("cidrGroupRef"), object.get("cidrGroupSelector"));
        self.finish(object);
        let mut addresses = match (cidr, name, selector) {
            (Some(cidr), None, None) => self.address_or_network(&cidr)?.into(),
            (None, Some(at), None) => {
                let wanted = self.text(&at)?;
                let Some(group) = context.groups.iter().find(|group| group.name == wanted) else {
                    let message = format!("there is no CiliumCIDRGroup '{wanted}' among the manifests");
                    self.cannot(&at, context.action, &message);
                    return None;
                };
                group.addresses.clone()
            }
            (None, None, Some(at)) => {
                let selector = self.selector(&at)?;
                let chosen = context.groups.iter().filter(|group| selector.matches(&group.labels));
                AddressSet::union_of(chosen.map(|group| &group.addresses))
            }
            _ => {
                self.error(at, "an entry must say exactly one of cidr, cidrGroupRef and cidrGroupSelector");
                return None;
            }
        };
        for at in except.map(|field| self.list(&field)).unwrap_or_default() {
            addresses = addresses.difference(&self.address_or_network(&at)?.into());
        }
        Some(addresses)
    }

    fn cilium_name(&mut self, at: &Field<'_>, context: &Context<'_>) -> Option<PeerMatch> {
        let mut object = self.object(at)?;
        let (name, pattern) = (object.get("matchName"), object.get("matchPattern"));
        self.finish(object);
        let ((Some(field), None) | (None, Some(field))) = (name.clone(), pattern) else {
            self.error(at, "an entry must say either matchName or matchPattern");
            return None;
        };
        let text = self.text(&field)?.trim_end_matches('.').to_ascii_lowercase();
        let star = text.contains('*');
        if !is_host_name(&text) {
            self.cannot(&field, context.action, &format!("'{text}' cannot be a host name here"));
            return None;
        }
        if star && name.is_some() {
            self.error_with(&field, "matchName knows no '*'", "write matchPattern");
            return None;
        }
        // '*.' at the start is one label there (and `**.` any number), and one or more here.
        if text.starts_with("*.") {
            let message =
                format!("'{text}' means names with one label more there, and with any number more here");
            self.cannot(&field, context.action, &message);
            return None;
        }
        let name = text.strip_prefix("**.").map_or(text.clone(), |rest| format!("*.{rest}"));
        Some(PeerMatch::Name(name.into()))
    }
}

//! `source` and `destination` of Calico's rules.

use super::{
    Action, Alternatives, Context, Direction, Field, PeerMatch, Reader, Scope, Selector, SetMatch, Subject,
    said, selector, split, subjects,
};
use crate::flowset::AddressSet;
use std::net::IpAddr;

/// Peers of a rule (`None`: everybody) and the sets of addresses among them.
type Entity = (Option<Vec<PeerMatch>>, Vec<SetMatch>);

/// Everything that an entity may say of who it is.
const WHO: [&str; 8] = [
    "selector",
    "notSelector",
    "namespaceSelector",
    "nets",
    "notNets",
    "serviceAccounts",
    "services",
    "domains",
];

impl Reader<'_> {
    /// Whether an entity says nothing of the pod itself but the ports on which it serves.
    pub(super) fn calico_own_side(&mut self, at: &Field<'_>, context: &Context<'_>, action: Action) -> bool {
        let Some(mut object) = self.object(at) else { return false };
        let server = context.direction == Direction::Ingress;
        let restricting = WHO.into_iter().find_map(|key| said(object.get(key)));
        let ports = ["ports", "notPorts"].into_iter().find_map(|key| said(object.get(key)));
        self.finish(object);
        if let Some(field) = restricting {
            self.cannot(&field, action, "which of the policy's own pods a rule is for cannot be said");
            return false;
        }
        if let Some(field) = ports.filter(|_| !server) {
            self.cannot(&field, action, "ports from which connections come cannot be said");
            return false;
        }
        true
    }

    /// Who an entity is. `None` where it cannot be said, which has been reported then.
    pub(super) fn calico_entity(
        &mut self,
        at: &Field<'_>,
        context: &Context<'_>,
        action: Action,
    ) -> Option<Entity> {
        let mut object = self.object(at)?;
        for key in ["serviceAccounts", "services"] {
            if let Some(field) = said(object.get(key)) {
                let message = format!("manifests do not tell whom {key} means");
                self.cannot(&field, action, &message);
                return None;
            }
        }
        let [pods, not_pods, namespaces, nets, not_nets, domains] =
            ["selector", "notSelector", "namespaceSelector", "nets", "notNets", "domains"]
                .map(|key| said(object.get(key)));
        let (ports, not_ports) = (said(object.get("ports")), said(object.get("notPorts")));
        self.finish(object);
        if let Some(field) = ports.or(not_ports).filter(|_| context.direction == Direction::Ingress) {
            self.cannot(&field, action, "ports from which connections come cannot be said");
            return None;
        }
        if let Some(field) = domains {
            let list = self.list(&field);
            if [&pods, &not_pods, &namespaces, &nets, &not_nets].into_iter().any(Option::is_some) {
                self.cannot(&field, action, "domains beside other peers cannot be said");
                return None;
            }
            return Some((Some(list.iter().filter_map(|at| self.domain_name(at)).collect()), Vec::new()));
        }
        if nets.is_some() || not_nets.is_some() {
            return self.calico_nets([&pods, &not_pods, &namespaces, &nets, &not_nets], action);
        }
        let labels = [&pods, &not_pods, &namespaces];
        if labels.iter().all(|field| field.is_none()) {
            return Some((None, Vec::new()));
        }
        if pods.is_none() && namespaces.is_none() {
            let message = "notSelector alone also means all that is no pod, which cannot be said";
            self.cannot(at, action, message);
            return None;
        }
        let mut wanted = pods.as_ref().map_or_else(|| Some(vec![Vec::new()]), |at| self.expression(at))?;
        if let Some(field) = &not_pods {
            let contrary = format!("!({})", self.text(field)?);
            self.expression(field)?;
            let Some(both) = selector::parse(&contrary).ok().and_then(|not| selector::product(&wanted, &not))
            else {
                self.error(field, "the expression has too many alternatives");
                return None;
            };
            wanted = both;
        }
        self.calico_labelled(wanted, namespaces.as_ref(), context)
    }

    /// Pods and sets of addresses by label.
    fn calico_labelled(
        &mut self,
        wanted: Alternatives,
        namespaces: Option<&Field<'_>>,
        context: &Context<'_>,
    ) -> Option<Entity> {
        let global = |wanted: &Alternatives| -> Vec<SetMatch> {
            wanted.iter().cloned().map(|labels| SetMatch::Global(Selector::new(labels))).collect()
        };
        let (scope, mut sets) = match (namespaces, context.namespace) {
            (Some(at), _) => {
                let text = self.text(at)?;
                if selector::is_global(text) {
                    return Some((Some(Vec::new()), global(&wanted)));
                }
                (Scope::Chosen(self.expression(at)?), Vec::new())
            }
            (None, Some(namespace)) => (Scope::Own(namespace), Vec::new()),
            (None, None) => (Scope::Chosen(vec![Vec::new()]), global(&wanted)),
        };
        let wanted: Alternatives =
            wanted.into_iter().filter(|labels| split(labels.clone()).is_some()).collect();
        let pods: Vec<Subject> = subjects(scope, wanted);
        sets.extend(pods.iter().cloned().map(SetMatch::Namespaced));
        Some((Some(pods.into_iter().map(PeerMatch::Pods).collect()), sets))
    }

    /// Ranges of addresses: of pods as well, unless `notSelector: all()` takes these out.
    fn calico_nets(
        &mut self,
        [pods, not_pods, namespaces, nets, not_nets]: [&Option<Field<'_>>; 5],
        action: Action,
    ) -> Option<Entity> {
        if let Some(field) = pods.as_ref().or(namespaces.as_ref()) {
            self.cannot(field, action, "which pods have addresses in a range is not known");
            return None;
        }
        let outside_alone = match not_pods {
            None => false,
            Some(field) if self.expression(field)? == [Vec::new()] => true,
            Some(field) => {
                self.cannot(field, action, "which pods have addresses in a range is not known");
                return None;
            }
        };
        let mut union = |field: &Option<Field<'_>>| -> Option<AddressSet> {
            let Some(field) = field else { return Some(AddressSet::all()) };
            let list = self.list(field);
            list.iter()
                .map(|net| self.address_or_network(net))
                .collect::<Option<Vec<_>>>()
                .map(|nets| nets.into_iter().collect())
        };
        let wanted = union(nets)?;
        let excepted = match not_nets {
            None => AddressSet::none(),
            Some(_) => union(not_nets)?,
        };
        let addresses = wanted.difference(&excepted);
        Some((Some(vec![PeerMatch::Addresses { addresses, pods_too: !outside_alone }]), Vec::new()))
    }

    /// A range, or one address.
    pub(in crate::kubernetes) fn address_or_network(&mut self, at: &Field<'_>) -> Option<ipnet::IpNet> {
        match at.node.text().and_then(|text| text.parse::<IpAddr>().ok()) {
            Some(address) => Some(address.into()),
            None => self.network(at),
        }
    }
}

//! What the rules of Cilium mean: ports, types of ICMP, and what of layer 7 leaves nothing out.

use super::{Context, Field, Reader, parsed_by};
use crate::kubernetes::{Action, PROTOCOLS, PortMatch, PortSpec};
use bulkhead_model::{Application, IcmpType, IpProtocol, PortRange};

/// Names of the types of ICMP, as Cilium knows them, that mean the same in every version of it.
const TYPES_V4: [(&str, u8); 9] = [
    ("EchoReply", 0),
    ("DestinationUnreachable", 3),
    ("Redirect", 5),
    ("Echo", 8),
    ("EchoRequest", 8),
    ("TimeExceeded", 11),
    ("ParameterProblem", 12),
    ("Timestamp", 13),
    ("TimestampReply", 14),
];
const TYPES_V6: [(&str, u8); 6] = [
    ("DestinationUnreachable", 1),
    ("PacketTooBig", 2),
    ("TimeExceeded", 3),
    ("ParameterProblem", 4),
    ("EchoRequest", 128),
    ("EchoReply", 129),
];

impl Reader<'_> {
    /// One entry of `toPorts`: ports, and the applications that traffic has to be. `None`: it cannot be understood, which
    /// has been reported.
    pub(super) fn cilium_ports(
        &mut self,
        at: &Field<'_>,
        context: &Context<'_>,
    ) -> Option<(Vec<PortMatch>, Vec<Application>)> {
        let mut object = self.object(at)?;
        let ports = object.get("ports");
        let mut applications = Vec::new();
        for key in ["rules", "serverNames", "terminatingTLS", "originatingTLS", "listener"] {
            let Some(field) = object.get(key) else { continue };
            let understood = if key == "rules" { self.cilium_parser(&field) } else { None };
            match understood {
                Some(these) if these.is_empty() || context.action == Action::Allow => {
                    applications.extend(these)
                }
                _ => {
                    let message = format!("{key} of layer 7 cannot be said");
                    self.cannot(&field, context.action, &message);
                    return None;
                }
            }
        }
        self.finish(object);
        let list = ports.map(|ports| self.list(&ports)).unwrap_or_default();
        if list.is_empty() {
            self.error_with(at, "an entry of toPorts without ports", "leave toPorts out to mean every port");
            return None;
        }
        let ports: Option<Vec<Vec<PortMatch>>> = list.iter().map(|port| self.cilium_port(port)).collect();
        Some((ports?.concat(), applications))
    }

    /// What traffic has to be for rules of layer 7 that leave no request of one protocol out; `None` where they do.
    fn cilium_parser(&mut self, at: &Field<'_>) -> Option<Vec<Application>> {
        let object = self.object(at)?;
        let parsers: Vec<_> = object.entries().collect();
        let [(key, _, field)] = parsers.as_slice() else { return parsers.is_empty().then(Vec::new) };
        let rules = self.list(field);
        let mut is_any = |at: &Field<'_>| {
            let Some(mut rule) = self.object(at) else { return false };
            match *key {
                "dns" => {
                    let pattern = rule.get("matchPattern");
                    pattern.is_some_and(|pattern| matches!(pattern.node.text(), Some("*" | "**")))
                }
                _ => rule.entries().next().is_none(),
            }
        };
        parsed_by(key).filter(|_| rules.iter().any(&mut is_any))
    }

    fn cilium_port(&mut self, at: &Field<'_>) -> Option<Vec<PortMatch>> {
        let mut object = self.object(at)?;
        let (port, end, protocol) = (object.get("port"), object.get("endPort"), object.get("protocol"));
        self.finish(object);
        let protocols: Vec<IpProtocol> = match protocol {
            Some(field) if field.node.text() != Some("ANY") => vec![self.protocol(&field)?],
            _ => PROTOCOLS.map(|(protocol, _)| protocol).to_vec(),
        };
        let port = match port {
            None => PortSpec::All,
            Some(field) => match field.node.text().map(str::parse::<u16>) {
                Some(Ok(0)) => PortSpec::All,
                Some(Ok(first)) => {
                    let last = match &end {
                        Some(end) => u16::try_from(self.integer(end, 0, 65535)?).ok()?,
                        None => 0,
                    };
                    if last != 0 && last < first {
                        self.error(&field, format!("endPort {last} lies before port {first}"));
                        return None;
                    }
                    PortSpec::Range(PortRange { first, last: if last == 0 { first } else { last } })
                }
                _ => PortSpec::Named(self.port_name(&field)?),
            },
        };
        Some(
            protocols
                .into_iter()
                .map(|protocol| PortMatch { protocol: Some(protocol), port: port.clone() })
                .collect(),
        )
    }

    pub(super) fn cilium_icmp(&mut self, at: &Field<'_>) -> Option<Vec<PortMatch>> {
        let mut object = self.object(at)?;
        let fields = object.get("fields").map(|fields| self.list(&fields)).unwrap_or_default();
        self.finish(object);
        fields.iter().map(|at| self.cilium_icmp_field(at)).collect()
    }

    fn cilium_icmp_field(&mut self, at: &Field<'_>) -> Option<PortMatch> {
        let mut object = self.object(at)?;
        let (kind, family) = (object.get("type"), object.get("family"));
        self.finish(object);
        let protocol = match family.as_ref().and_then(|field| field.node.text()) {
            None | Some("IPv4") => IpProtocol::ICMP,
            Some("IPv6") => IpProtocol::ICMPV6,
            Some(other) => {
                self.error_with(at, format!("'{other}' is not a family"), "expected IPv4 or IPv6");
                return None;
            }
        };
        let Some(kind) = kind else {
            self.error(at, "a type is missing");
            return None;
        };
        let text = kind.node.text().unwrap_or("");
        let names: &[(&str, u8)] = if protocol == IpProtocol::ICMP { &TYPES_V4 } else { &TYPES_V6 };
        let number = match names.iter().find(|(name, _)| *name == text) {
            Some((_, number)) => *number,
            None => u8::try_from(self.integer(&kind, 0, 255)?).ok()?,
        };
        Some(PortMatch { protocol: Some(protocol), port: PortSpec::Range(IcmpType::any_code(number)) })
    }
}

//! Flows of Cilium's Hubble: `hubble observe -o jsonpb`, its exporter (`{"flow": {...}}`), or `-o json` of old (the flow
//! alone). One packet event a line.
//!
//! `is_reply` tells answers from questions; without it, SYN and ACK do, else ports. Policy verdicts and traces tell of the
//! same packet: they count apart, and the larger number holds, as do the reports of both ends. An event of layer 7 names
//! its application and opens nothing. `TRANSLATED` and `TRACED` tell of packets on their way, not of a verdict.

use crate::{
    Certainty, End, Format, Item, Named, Record, Reporter,
    direction::{Listeners, Opener, by_flags},
    json::{self, Count, First, Text, Time},
    read::{LineFormat, Parsed, Taken},
};
use bulkhead_model::{Application, IcmpType, IpProtocol, Verdict};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, net::IpAddr};

#[derive(Debug, Default)]
pub(super) struct Hubble {
    listeners: Listeners,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    flow: Option<Flow<'a>>,
    lost_events: Option<LostEvents>,
    node_status: Option<serde::de::IgnoredAny>,
    agent_event: Option<serde::de::IgnoredAny>,
    debug_event: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    time: Time,
}

#[derive(Deserialize)]
struct LostEvents {
    #[serde(default)]
    num_events_lost: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Flow<'a> {
    time: Time,
    #[serde(borrow)]
    verdict: Text<'a>,
    #[serde(borrow, rename = "IP")]
    ip: Option<Ip<'a>>,
    l4: Option<Layer4>,
    #[serde(borrow)]
    source: Option<Endpoint<'a>>,
    #[serde(borrow)]
    destination: Option<Endpoint<'a>>,
    #[serde(borrow, rename = "Type")]
    kind: Text<'a>,
    #[serde(borrow)]
    traffic_direction: Text<'a>,
    is_reply: Option<Reply>,
    reply: Option<bool>,
    event_type: Option<EventType>,
    #[serde(borrow)]
    source_names: First<Text<'a>>,
    #[serde(borrow)]
    destination_names: First<Text<'a>>,
    l7: Option<Layer7>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ip<'a> {
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow)]
    destination: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Layer4 {
    #[serde(rename = "TCP")]
    tcp: Option<Ports>,
    #[serde(rename = "UDP")]
    udp: Option<Ports>,
    #[serde(rename = "SCTP")]
    sctp: Option<Ports>,
    #[serde(rename = "ICMPv4")]
    icmp: Option<Icmp>,
    #[serde(rename = "ICMPv6")]
    icmpv6: Option<Icmp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ports {
    source_port: Count,
    destination_port: Count,
    flags: Flags,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Flags {
    #[serde(rename = "SYN")]
    syn: bool,
    #[serde(rename = "ACK")]
    ack: bool,
    #[serde(rename = "RST")]
    rst: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Icmp {
    r#type: Count,
    code: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoint<'a> {
    identity: Count,
    #[serde(borrow)]
    namespace: Text<'a>,
    #[serde(borrow)]
    pod_name: Text<'a>,
    #[serde(borrow)]
    workloads: First<Workload<'a>>,
    #[serde(borrow)]
    labels: Labels<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Workload<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
}

/// `{"value": true}` of protocol buffers, or the bare value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Wrapped {
        #[serde(default)]
        value: bool,
    },
    Bare(bool),
}

#[derive(Deserialize)]
struct EventType {
    #[serde(default)]
    r#type: Count,
}

#[derive(Deserialize)]
struct Layer7 {
    dns: Option<serde::de::IgnoredAny>,
    http: Option<serde::de::IgnoredAny>,
    kafka: Option<serde::de::IgnoredAny>,
}

/// What the labels of an identity tell, without a list of them.
#[derive(Debug, Default)]
struct Labels<'a> {
    reserved: Option<Named<'static>>,
    app: Option<Cow<'a, str>>,
    namespace: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Labels<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of labels")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Labels<'de>, A::Error> {
                let mut labels = Labels::default();
                while let Some(Text(label)) = list.next_element()? {
                    labels.take(label);
                }
                Ok(labels)
            }
            fn visit_unit<E>(self) -> Result<Labels<'de>, E> {
                Ok(Labels::default())
            }
        }
        deserializer.deserialize_any(List)
    }
}

impl<'a> Labels<'a> {
    fn take(&mut self, label: Cow<'a, str>) {
        const APPS: [&str; 3] = ["k8s:app.kubernetes.io/name=", "k8s:app=", "k8s:k8s-app="];
        let of = |prefix: &str, label: &Cow<'a, str>| match label {
            Cow::Borrowed(text) => text.strip_prefix(prefix).map(Cow::Borrowed),
            Cow::Owned(text) => text.strip_prefix(prefix).map(|value| Cow::Owned(value.to_owned())),
        };
        if let Some(reserved) = label.strip_prefix("reserved:") {
            self.reserved = match (reserved, self.reserved.take()) {
                ("host", _) => Some(Named::Host),
                ("remote-node" | "kube-apiserver", None) => Some(Named::RemoteHost),
                ("world" | "world-ipv4" | "world-ipv6", None) => Some(Named::World),
                (_, known) => known,
            };
        } else if let Some(namespace) = of("k8s:io.kubernetes.pod.namespace=", &label) {
            self.namespace = Some(namespace);
        } else if self.app.is_none() {
            self.app = APPS.iter().find_map(|prefix| of(prefix, &label));
        }
    }
}

/// Event numbers of Cilium's monitor.
const POLICY_VERDICT: u64 = 5;

impl LineFormat for Hubble {
    fn format(&self) -> Format {
        Format::Hubble
    }

    fn parse<'a>(&mut self, text: &'a str) -> Parsed<'a> {
        let line: Line<'a> = serde_json::from_str(text).map_err(|error| json::wrong(&error))?;
        if let Some(lost) = line.lost_events {
            return Ok(Taken::Item(Item::Lost { time: line.time.0, count: lost.num_events_lost.0.max(1) }));
        }
        if line.node_status.is_some() || line.agent_event.is_some() || line.debug_event.is_some() {
            return Ok(Taken::Nothing("events of nodes and agents"));
        }
        let flow = match line.flow {
            Some(flow) => flow,
            None => serde_json::from_str(text).map_err(|error| json::wrong(&error))?,
        };
        self.flow(flow, line.time)
    }
}

impl Hubble {
    fn flow<'a>(&mut self, flow: Flow<'a>, outer: Time) -> Parsed<'a> {
        let verdict = match flow.verdict.0.as_ref() {
            "FORWARDED" | "REDIRECTED" => Verdict::Allowed,
            "AUDIT" => Verdict::WouldDeny,
            "DROPPED" => Verdict::Denied,
            "TRACED" | "TRANSLATED" | "ERROR" | "VERDICT_UNKNOWN" => {
                return Ok(Taken::Nothing("events without a verdict"));
            }
            "" => return Err("it has no verdict".to_owned()),
            other => return Err(format!("'{other}' is not a verdict of Hubble")),
        };
        let time = flow.time.0.or(outer.0).ok_or("it has no time")?;
        let ip = flow.ip.unwrap_or_default();
        let Some(l4) = flow.l4 else { return Ok(Taken::Nothing("events without a protocol")) };
        let address = |text: &Text<'_>| text.0.parse::<IpAddr>().ok();
        let (source_address, destination_address) = (address(&ip.source), address(&ip.destination));
        let source = end(flow.source, source_address, flow.source_names);
        let destination = end(flow.destination, destination_address, flow.destination_names);
        let reply = flow.is_reply.map(|reply| match reply {
            Reply::Wrapped { value } | Reply::Bare(value) => value,
        });
        // Protocol buffers of old left a `false` out, so its absence says nothing where `reply` is all there is.
        let reply = reply.or(flow.reply.filter(|reply| *reply));
        let (protocol, ports, icmp) = match l4 {
            Layer4 { tcp: Some(ports), .. } => (IpProtocol::TCP, Some(ports), None),
            Layer4 { udp: Some(ports), .. } => (IpProtocol::UDP, Some(ports), None),
            Layer4 { sctp: Some(ports), .. } => (IpProtocol::SCTP, Some(ports), None),
            Layer4 { icmp: Some(icmp), .. } => (IpProtocol::ICMP, None, Some(icmp)),
            Layer4 { icmpv6: Some(icmp), .. } => (IpProtocol::ICMPV6, None, Some(icmp)),
            _ => return Ok(Taken::Nothing("events without a protocol")),
        };
        let ports = ports.unwrap_or_default();
        let (from, to) = (ports.source_port.port()?, ports.destination_port.port()?);
        let (source_place, destination_place) = ((source_address, from), (destination_address, to));
        let (opener, certainty) = match (reply, by_flags(ports.flags.syn, ports.flags.ack)) {
            (Some(reply), _) => {
                let opener = if reply { Opener::Destination } else { Opener::Source };
                self.listeners.stated(opener, protocol, source_place, destination_place)
            }
            (None, Some(opener)) => self.listeners.stated(opener, protocol, source_place, destination_place),
            (None, None) if icmp.is_some() => (Opener::Source, Certainty::Stated),
            (None, None) => self.listeners.conclude(protocol, source_place, destination_place),
        };
        let mut port = if opener == Opener::Source { to } else { from };
        if let Some(icmp) = icmp {
            if opener == Opener::Destination || is_answer(protocol, icmp.r#type.0) {
                // The question was told when it was asked; which one it was, the answer does not say.
                return Ok(Taken::Nothing("answers to pings, and errors"));
            }
            let byte =
                |count: Count| u8::try_from(count.0).map_err(|_| format!("{} is no ICMP type", count.0));
            port = IcmpType { kind: byte(icmp.r#type)?, code: byte(icmp.code)? }.as_port();
        }
        let layer7 = flow.kind.0 == "L7";
        let opens = opener == Opener::Source
            && !layer7
            && (protocol != IpProtocol::TCP || (ports.flags.syn && !ports.flags.ack));
        let policy_verdict = flow.event_type.is_some_and(|event| event.r#type.0 == POLICY_VERDICT);
        let reporter = match (flow.traffic_direction.0.as_ref(), opener) {
            _ if policy_verdict => Reporter::Unknown,
            ("EGRESS", Opener::Source) | ("INGRESS", Opener::Destination) => Reporter::Client,
            ("INGRESS", Opener::Source) | ("EGRESS", Opener::Destination) => Reporter::Server,
            _ => Reporter::Unknown,
        };
        let application = match flow.l7 {
            Some(Layer7 { dns: Some(_), .. }) => "dns".parse().unwrap_or_default(),
            Some(Layer7 { http: Some(_), .. }) => "http".parse().unwrap_or_default(),
            Some(Layer7 { kafka: Some(_), .. }) => "kafka".parse().unwrap_or_default(),
            _ => Application::UNKNOWN,
        };
        let answered = (opener == Opener::Destination).then_some(!ports.flags.rst);
        let (client, server) = match opener {
            Opener::Source => (source, destination),
            Opener::Destination => (destination, source),
        };
        Ok(Record {
            start: time,
            end: time,
            client,
            server,
            protocol,
            port,
            application,
            verdict,
            answered,
            connections: u64::from(opens),
            bytes_to_server: 0,
            bytes_to_client: 0,
            reporter,
            certainty,
            threat: false,
        }
        .into())
    }
}

/// Echo replies, unreachables and the like: they answer something, whoever sends them.
fn is_answer(protocol: IpProtocol, kind: u64) -> bool {
    match protocol {
        IpProtocol::ICMP => matches!(kind, 0 | 3 | 4 | 5 | 11 | 12 | 14),
        _ => matches!(kind, 1..=4 | 129),
    }
}

fn end<'a>(endpoint: Option<Endpoint<'a>>, address: Option<IpAddr>, names: First<Text<'a>>) -> End<'a> {
    let endpoint = endpoint.unwrap_or_default();
    let namespace = endpoint.namespace.given().or(endpoint.labels.namespace);
    let workload = endpoint.workloads.0.unwrap_or_default();
    // A job or a replica set is no service: the pod's name tells whose it is.
    let lasting = !matches!(workload.kind.0.as_ref(), "Job" | "ReplicaSet" | "Pod");
    let named = match (namespace, workload.name.given(), endpoint.pod_name.given()) {
        (Some(namespace), Some(workload), _) if lasting => Named::Service(namespace, workload),
        (Some(namespace), _, Some(pod)) | (Some(namespace), Some(pod), None) => Named::Pod(namespace, pod),
        (Some(namespace), None, None) => match endpoint.labels.app {
            Some(app) => Named::Service(namespace, app),
            None => Named::Nothing,
        },
        (None, ..) => {
            // Numbers of Cilium's reserved identities.
            let reserved = endpoint.labels.reserved.or(match endpoint.identity.0 {
                1 => Some(Named::Host),
                6 | 7 => Some(Named::RemoteHost),
                2 | 9 | 10 => Some(Named::World),
                _ => None,
            });
            match (reserved, names.0.and_then(Text::given)) {
                (Some(Named::World) | None, Some(name)) => Named::Domain(name),
                // Its address says more.
                (Some(Named::World), None) if address.is_some() => Named::Nothing,
                (reserved, _) => reserved.unwrap_or_default(),
            }
        }
    };
    End { address, named }
}

//! Conversations of NeuVector: the answers of `GET /v1/conversation` (all of them) and `GET /v1/conversation/FROM/TO`
//! (one, with more detail), as one JSON text or one conversation a line.
//!
//! NeuVector counts by pair, port and application, so a record stands for many connections. It says when the last one was,
//! in the detailed answer alone: without a time, all are taken to be of the time zero, and nothing is said about
//! completeness. `from` opened them.

use crate::{
    Certainty, End, Named, Record, Reporter,
    json::{self, Count, Time},
    read::{ReadError, Sink},
};
use bulkhead_model::{Application, IpProtocol, Timestamp, Verdict};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, io::BufRead, net::IpAddr};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conversation {
    from: Option<Place>,
    to: Option<Place>,
    entries: Vec<Entry>,
    /// Where there are no entries: what the pair did in all.
    ports: Vec<String>,
    applications: Vec<String>,
    policy_action: String,
    sessions: Count,
    bytes: Count,
}

/// An end in full, or its identifier alone where the answer was asked to be compact.
#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Full(Box<Endpoint>),
    Compact(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    id: String,
    kind: String,
    display_name: String,
    pod_name: String,
    domain: String,
    service: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    port: String,
    mapped_port: String,
    application: String,
    policy_action: String,
    sessions: Count,
    bytes: Count,
    last_seen_at: Time,
    client_ip: Option<String>,
    server_ip: Option<String>,
    fqdn: Option<String>,
    severity: String,
    threat_name: String,
}

pub(crate) fn read(input: impl BufRead, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let mut texts = serde_json::Deserializer::from_reader(input);
    // Several texts may stand one after the other; each is walked through without being kept.
    loop {
        let before = sink.summary.lines;
        match (Texts { sink: &mut *sink }).deserialize(&mut texts) {
            Ok(()) => {}
            Err(error)
                if error.is_eof()
                    && sink.summary.lines == before
                    && error.to_string().starts_with("EOF while parsing a value") =>
            {
                return Ok(());
            }
            Err(error) if error.is_io() => return Err(ReadError::Io(error.into())),
            Err(error) => {
                // Nothing after it can be trusted to begin where it seems to.
                let line = u64::try_from(error.line()).unwrap_or(u64::MAX);
                sink.put(line, Err(json::wrong(&error)));
                sink.summary.lines += 1;
                return Ok(());
            }
        }
    }
}

/// A text, a list, or an object that holds conversations somewhere: whatever is one is taken.
struct Texts<'a, 's> {
    sink: &'a mut Sink<'s>,
}

impl<'de> DeserializeSeed<'de> for Texts<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // One element in memory at a time.
        while let Some(element) = list.next_element::<serde_json::Value>()? {
            conversation(self.sink, element);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut fields = serde_json::Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "conversations" | "conversation" => map.next_value_seed(Texts { sink: &mut *self.sink })?,
                "from" | "to" | "entries" | "ports" | "applications" | "policy_action" | "sessions"
                | "bytes" => {
                    fields.insert(key, map.next_value()?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !fields.is_empty() {
            conversation(self.sink, serde_json::Value::Object(fields));
        }
        Ok(())
    }
}

fn conversation(sink: &mut Sink<'_>, value: serde_json::Value) {
    let conversation = match serde_json::from_value::<Conversation>(value) {
        Ok(conversation) => conversation,
        Err(error) => {
            sink.summary.lines += 1;
            return sink.put(sink.summary.lines, Err(json::wrong(&error)));
        }
    };
    let (Some(from), Some(to)) = (&conversation.from, &conversation.to) else {
        sink.summary.lines += 1;
        return sink.put(sink.summary.lines, Err("a conversation has no from or no to".to_owned()));
    };
    let whole;
    let entries = match conversation.entries.is_empty() {
        false => &conversation.entries,
        true => {
            whole = summary(&conversation);
            &whole
        }
    };
    for entry in entries {
        sink.summary.lines += 1;
        let parsed = record(from, to, entry).map(Into::into);
        sink.put(sink.summary.lines, parsed);
    }
}

/// Entries out of what is said of all of them: an application belongs to the port only where there is one of each.
fn summary(of: &Conversation) -> Vec<Entry> {
    let alone = of.ports.len() == 1 && of.applications.len() == 1;
    let mut ports = of.ports.clone();
    if ports.is_empty() {
        ports.push(String::new());
    }
    let share = ports.len() as u64;
    ports
        .into_iter()
        .map(|port| Entry {
            port,
            application: if alone { of.applications[0].clone() } else { String::new() },
            policy_action: of.policy_action.clone(),
            sessions: Count((of.sessions.0 / share).max(1)),
            bytes: Count(of.bytes.0 / share),
            ..Entry::default()
        })
        .collect()
}

fn record<'a>(from: &'a Place, to: &'a Place, entry: &'a Entry) -> Result<Record<'a>, String> {
    // A port that the host maps to the container's is how it was asked for; the container's is what it serves.
    let text = if entry.port.is_empty() { &entry.mapped_port } else { &entry.port };
    let (protocol, port) = port(text)?;
    let verdict = match entry.policy_action.as_str() {
        "" | "allow" | "open" | "learn" => Verdict::Allowed,
        "violate" | "check_app" | "check_vh" => Verdict::WouldDeny,
        "deny" => Verdict::Denied,
        other => return Err(format!("'{other}' is not an action of NeuVector")),
    };
    let time = entry.last_seen_at.0.unwrap_or(Timestamp(0));
    Ok(Record {
        start: time,
        end: time,
        client: end(from, entry.client_ip.as_deref(), None),
        server: end(to, entry.server_ip.as_deref(), entry.fqdn.as_deref()),
        protocol,
        port,
        application: match entry.application.as_str() {
            "" => Application::UNKNOWN,
            name => super::application(name),
        },
        verdict,
        answered: None,
        connections: entry.sessions.0,
        // NeuVector does not say which way they went.
        bytes_to_server: entry.bytes.0,
        bytes_to_client: 0,
        reporter: Reporter::Unknown,
        certainty: Certainty::Stated,
        threat: !entry.severity.is_empty() || !entry.threat_name.is_empty(),
    })
}

/// `tcp/6379`, `udp/53`, `icmp`, or a whole protocol.
fn port(text: &str) -> Result<(IpProtocol, u16), String> {
    let (protocol, port) = text.split_once('/').unwrap_or((text, ""));
    if protocol.is_empty() || protocol == "any" {
        return Err("it names no port".to_owned());
    }
    let protocol = super::protocol(protocol)?;
    match port {
        _ if protocol.is_icmp() => Ok((protocol, super::echo_request(protocol))),
        "" | "any" => Ok((protocol, 0)),
        _ => port.parse().map(|port| (protocol, port)).map_err(|_| format!("'{text}' is not a port")),
    }
}

fn end<'a>(place: &'a Place, address: Option<&str>, domain: Option<&'a str>) -> End<'a> {
    let given = address.and_then(|text| text.parse::<IpAddr>().ok());
    let domain = domain.filter(|name| !name.is_empty()).map(|name| Named::Domain(name.into()));
    let endpoint = match place {
        Place::Full(endpoint) => &**endpoint,
        Place::Compact(id) => {
            let (address, named) = by_identifier(id);
            return End { address: given.or(address), named: domain.unwrap_or(named) };
        }
    };
    let (address, by_identifier) = by_identifier(&endpoint.id);
    let address = given.or(address);
    let named = match endpoint.kind.as_str() {
        "container" | "nv_service" if !endpoint.domain.is_empty() => {
            let namespace = Cow::Borrowed(endpoint.domain.as_str());
            // `redis.shop`: the service within its domain.
            let service =
                endpoint.service.strip_suffix(&endpoint.domain).and_then(|name| name.strip_suffix('.'));
            match (service.unwrap_or(&endpoint.service), endpoint.pod_name.as_str()) {
                ("", "") if endpoint.display_name.is_empty() => Named::Nothing,
                ("", "") => Named::Pod(namespace, endpoint.display_name.as_str().into()),
                ("", pod) => Named::Pod(namespace, pod.into()),
                (service, _) => Named::Service(namespace, service.into()),
            }
        }
        "container" if !endpoint.service.is_empty() => {
            Named::Service("default".into(), endpoint.service.as_str().into())
        }
        "node_ip" => Named::RemoteHost,
        "external" => domain.unwrap_or(if address.is_some() { Named::Nothing } else { Named::World }),
        _ => domain.unwrap_or(by_identifier),
    };
    End { address, named }
}

/// `external`, `Host:10.1.5.89`, `Workload:10.0.0.7`.
fn by_identifier(id: &str) -> (Option<IpAddr>, Named<'static>) {
    match id.split_once(':') {
        Some(("Host" | "nv.host", address)) => (address.parse().ok(), Named::RemoteHost),
        Some(("Workload", address)) => (address.parse().ok(), Named::Nothing),
        _ if id == "external" => (None, Named::World),
        _ => (None, Named::Nothing),
    }
}

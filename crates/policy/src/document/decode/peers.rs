//! Who is meant: peers, selectors, ranges, host names.

use super::{list, plain_name};
use crate::{
    document::{
        Cidr, Criteria, LabelExpression, LabelOperator, LabelSelector, PeerSpec, fields::Reader, is_host_name,
    },
    glob::Glob,
    suggest,
    yaml::{Node, Value},
};
use bulkhead_model::ServiceName;
use ipnet::IpNet;
use std::net::IpAddr;

const CRITERIA: [&str; 4] = ["service", "selector", "namespace", "zone"];

const PEER_WORDS: [(&str, PeerSpec); 5] = [
    ("any", PeerSpec::Any),
    ("world", PeerSpec::World),
    ("host", PeerSpec::Host),
    ("remoteHost", PeerSpec::RemoteHost),
    ("multicast", PeerSpec::Multicast),
];

pub(in crate::document) fn peer(r: &mut Reader<'_>, node: &Node, namespace: &str) -> Option<PeerSpec> {
    let words: Vec<&str> = PEER_WORDS.iter().map(|(word, _)| *word).collect();
    if let Some(text) = node.text() {
        if let Some((_, peer)) = PEER_WORDS.iter().find(|(word, _)| *word == text) {
            return Some(peer.clone());
        }
        let suggestion = match suggest::nearest(text, words.iter().copied()) {
            Some(word) => format!("did you mean '{word}'?"),
            None if text.parse::<IpNet>().is_ok() => format!("did you mean {{cidr: {text}}}?"),
            None => format!("did you mean {{service: {text}}}?"),
        };
        let message = format!(
            "'{text}' is not a peer; expected {}, or a map such as {{service: shop/api}}",
            list(&words)
        );
        r.wrong(node.mark, message, Some(suggestion));
        return None;
    }
    let known: Vec<&str> =
        CRITERIA.iter().chain(&["cidr", "name", "external"]).chain(&words).copied().collect();
    let fields = r.map(node, &known)?;
    let present: Vec<&str> = fields.iter().map(|(key, _, _)| key.as_str()).collect();
    if present.iter().all(|key| CRITERIA.contains(key)) {
        return criteria(r, node, namespace, &known).map(PeerSpec::Services);
    }
    let [(key, _, value)] = fields else {
        if present.iter().all(|key| known.contains(key)) {
            let message = format!(
                "{} exclude each other in one peer; only service, selector, namespace and zone go together",
                list(&present).replace(" or ", " and ")
            );
            r.wrong(node.mark, message, Some("write them as separate items of the list".to_owned()));
        }
        return None;
    };
    r.at(key, |r| match key.as_str() {
        "cidr" => cidr(r, value).map(PeerSpec::Cidr),
        "name" => host_name(r, value).map(PeerSpec::Name),
        "external" => plain_name(r, value).map(|name| PeerSpec::External(name.into())),
        word => {
            let (_, peer) = PEER_WORDS.iter().find(|(known, _)| *known == word)?;
            match &value.value {
                Value::Null => Some(peer.clone()),
                Value::Scalar { text, .. } if text == "true" => Some(peer.clone()),
                Value::Map(fields) if fields.is_empty() => Some(peer.clone()),
                _ => {
                    r.wrong(value.mark, "expected true", Some(format!("write just '{word}'")));
                    None
                }
            }
        }
    })
}

pub(super) fn criteria(r: &mut Reader<'_>, node: &Node, namespace: &str, known: &[&str]) -> Option<Criteria> {
    let fields = r.map(node, known)?;
    let mut criteria = Criteria::default();
    let mut sound = true;
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "service" => criteria.service = service_glob(r, node, namespace),
            "namespace" => criteria.namespace = namespace_glob(r, node),
            "selector" => criteria.selector = selector(r, node),
            "zone" => criteria.zone = plain_name(r, node).map(Into::into),
            _ => {}
        });
        // What could not be read must not widen what is meant.
        sound &= match key.as_str() {
            "service" => criteria.service.is_some(),
            "namespace" => criteria.namespace.is_some(),
            "selector" => criteria.selector.is_some(),
            "zone" => criteria.zone.is_some(),
            _ => false,
        };
    }
    if fields.is_empty() {
        r.wrong(node.mark, format!("empty; expected one of {}", list(known)), None);
        return None;
    }
    sound.then_some(criteria)
}

/// `namespace/name`, or `name` in the document's own namespace; `*` alone is every service there is.
pub(super) fn service_glob(r: &mut Reader<'_>, node: &Node, namespace: &str) -> Option<Glob> {
    let text = r.text(node, "the name of a service (namespace/name)")?;
    let full = match text {
        "*" => "*/*".to_owned(),
        _ if text.contains('/') => text.to_owned(),
        _ => format!("{namespace}/{text}"),
    };
    // A star is as good as any letter for the check of the form.
    if full.replace('*', "x").parse::<ServiceName>().is_err() {
        let message = format!(
            "'{text}' is not the name of a service; expected namespace/name of letters, digits, '-', '_', '.' \
             and '*' for any"
        );
        r.wrong(node.mark, message, None);
        return None;
    }
    Some(Glob::new(&full))
}

pub(super) fn namespace_glob(r: &mut Reader<'_>, node: &Node) -> Option<Glob> {
    let text = r.text(node, "the name of a namespace")?;
    if ServiceName::new(&text.replace('*', "x"), "x").is_err() {
        r.wrong(node.mark, format!("'{text}' is not the name of a namespace"), None);
        return None;
    }
    Some(Glob::new(text))
}

pub(super) fn selector(r: &mut Reader<'_>, node: &Node) -> Option<LabelSelector> {
    if matches!(node.value, Value::Null) {
        return Some(LabelSelector::default());
    }
    let fields = r.map(node, &["matchLabels", "matchExpressions"])?;
    let mut selector = LabelSelector::default();
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "matchLabels" => selector.match_labels = r.texts(node),
            "matchExpressions" => selector.match_expressions = r.list(node, expression),
            _ => {}
        });
    }
    Some(selector)
}

const OPERATORS: [(&str, LabelOperator); 4] = [
    ("In", LabelOperator::In),
    ("NotIn", LabelOperator::NotIn),
    ("Exists", LabelOperator::Exists),
    ("DoesNotExist", LabelOperator::DoesNotExist),
];

fn expression(r: &mut Reader<'_>, node: &Node) -> Option<LabelExpression> {
    let fields = r.map(node, &["key", "operator", "values"])?;
    let (mut key, mut operator, mut values) = (None, None, Vec::new());
    for (field, _, node) in fields {
        r.at(field, |r| match field.as_str() {
            "key" => key = r.text(node, "a label").map(str::to_owned),
            "operator" => operator = r.word(node, &OPERATORS),
            "values" => values = r.list(node, |r, node| r.text(node, "a text").map(str::to_owned)),
            _ => {}
        });
    }
    for field in ["key", "operator"] {
        if node.get(field).is_none() {
            r.at(field, |r| r.wrong(node.mark, "missing", None));
        }
    }
    let needs_values = matches!(operator, Some(LabelOperator::In | LabelOperator::NotIn));
    if operator.is_some() && needs_values == values.is_empty() {
        let message =
            if needs_values { "In and NotIn need values" } else { "Exists and DoesNotExist take no values" };
        r.at("values", |r| r.wrong(node.mark, message, None));
        return None;
    }
    Some(LabelExpression { key: key?, operator: operator?, values })
}

pub(super) fn cidr(r: &mut Reader<'_>, node: &Node) -> Option<Cidr> {
    if node.text().is_some() {
        return net(r, node).map(Cidr::whole);
    }
    let fields = r.map(node, &["net", "except"])?;
    let (mut whole, mut except) = (None, Vec::new());
    for (key, _, node) in fields {
        r.at(key, |r| match key.as_str() {
            "net" => whole = net(r, node),
            "except" => except = r.list(node, |r, node| net(r, node).map(|net| (net, node.mark))),
            _ => {}
        });
    }
    if node.get("net").is_none() {
        r.at("net", |r| r.wrong(node.mark, "missing; expected a range such as 203.0.113.0/24", None));
    }
    let whole = whole?;
    for (part, mark) in &except {
        if !whole.contains(part) {
            r.at("except", |r| r.wrong(*mark, format!("{part} is not a part of {whole}"), None));
        }
    }
    Some(Cidr { net: whole, except: except.into_iter().map(|(net, _)| net).collect() })
}

fn net(r: &mut Reader<'_>, node: &Node) -> Option<IpNet> {
    let expected = "a range of addresses such as 203.0.113.0/24 or 2001:db8::/32";
    let text = r.text(node, expected)?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address));
    }
    let Ok(net) = text.parse::<IpNet>() else {
        r.wrong(node.mark, format!("'{text}' is not {expected}"), None);
        return None;
    };
    if net.trunc() != net {
        let message = format!("{text} has bits set beyond its prefix");
        r.wrong(node.mark, message, Some(format!("did you mean {}?", net.trunc())));
        return None;
    }
    Some(net)
}

pub(super) fn host_name(r: &mut Reader<'_>, node: &Node) -> Option<Box<str>> {
    let text = r.text(node, "a host name such as api.example.com or *.example.com")?;
    let clean = text.trim_end_matches('.').to_ascii_lowercase();
    if clean.parse::<IpNet>().is_ok() || clean.parse::<IpAddr>().is_ok() {
        r.wrong(
            node.mark,
            format!("'{text}' is an address"),
            Some(format!("did you mean {{cidr: {text}}}?")),
        );
        return None;
    }
    if !is_host_name(&clean) {
        let only_stars = clean.split('.').all(|label| label.bytes().all(|b| b == b'*'));
        let suggestion = only_stars.then(|| "did you mean 'world'?".to_owned());
        r.wrong(node.mark, format!("'{text}' is not a host name"), suggestion);
        return None;
    }
    Some(clean.into())
}

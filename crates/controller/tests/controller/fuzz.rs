//! The interface fed from its own OpenAPI document with what it asks for and with what it does not: it answers, never
//! with a failure of its own, and every error has its shape.

use crate::support::start;
use serde_json::{Map, Value, json};

/// A small generator of pseudo-random numbers (SplitMix64): the same seed, the same requests.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn text(&mut self) -> String {
        const TEXTS: &[&str] = &[
            "shop/redis",
            "shop/web",
            "web",
            "",
            "world",
            "host",
            "203.0.113.7",
            "203.0.113.0/24",
            "*.example.com",
            "a/b/c",
            "../../etc/passwd",
            "%00",
            "\u{0}",
            "ünïcödé",
            "bh_",
            "tcp",
            "enforce",
            "learn",
            "-1",
            "1e99",
            "' OR 1=1 --",
            "<script>alert(1)</script>",
            "admin",
            "🦀",
            "a|b|c|d",
            "http://127.0.0.1:1/",
            "127.0.0.1:1",
            "apiVersion: bulkhead.dev/v1alpha1\nkind: SegmentationPolicy\nmetadata: {name: x, namespace: shop}\nspec: {target: {service: shop/redis}, ingress: [{from: [any]}]}\n",
            "a: &a [*a, *a]",
            "- - - - - -",
            "{{{{{{",
            "---\n---\n---",
        ];
        match self.below(10) {
            0 => "x".repeat(self.below(5_000)),
            1 => (0..self.below(30)).filter_map(|_| char::from_u32(self.next() as u32 % 0x3000)).collect(),
            _ => TEXTS[self.below(TEXTS.len())].to_owned(),
        }
    }

    /// A value that fits the schema, mostly.
    fn value(&mut self, document: &Value, schema: &Value, depth: u32) -> Value {
        if depth > 8 || self.chance(8) {
            return self.nonsense();
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = document.pointer(&reference[1..]).cloned().unwrap_or(Value::Null);
            return self.value(document, &target, depth + 1);
        }
        if let Some(choices) = schema["enum"].as_array() {
            return choices[self.below(choices.len())].clone();
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[key].as_array() {
                let choice = choices[self.below(choices.len())].clone();
                return self.value(document, &choice, depth + 1);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts.clone() {
                if let Value::Object(fields) = self.value(document, &part, depth + 1) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[self.below(kinds.len())].clone(),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("object") => {
                let mut object = Map::new();
                for (key, field) in schema["properties"].as_object().cloned().unwrap_or_default() {
                    if !self.chance(15) {
                        object.insert(key, self.value(document, &field, depth + 1));
                    }
                }
                if self.chance(5) {
                    object.insert(self.text(), self.nonsense());
                }
                Value::Object(object)
            }
            Some("array") => {
                let item = schema["items"].clone();
                (0..self.below(4)).map(|_| self.value(document, &item, depth + 1)).collect()
            }
            Some("string") => Value::String(self.text()),
            Some("integer") => match self.below(6) {
                0 => json!(u64::MAX),
                1 => json!(-1),
                2 => json!(0),
                _ => json!(self.next() % 100_000),
            },
            Some("number") => json!(self.next() as f64 / 1e6),
            Some("boolean") => json!(self.chance(50)),
            Some("null") => Value::Null,
            _ => self.nonsense(),
        }
    }

    fn nonsense(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!([]),
            2 => json!({}),
            3 => json!(true),
            4 => json!(-1e300),
            5 => json!([[[[[[[[]]]]]]]]),
            6 => json!(u64::MAX),
            _ => json!(self.text()),
        }
    }

    fn encoded(&mut self) -> String {
        let text = self.text();
        text.bytes().take(300).map(|byte| format!("%{byte:02X}")).collect()
    }
}

const REQUESTS: usize = 1_500;

#[tokio::test]
async fn no_request_makes_the_server_fail() {
    let running = start().await;
    running.shop().await;
    let document = serde_json::to_value(bulkhead_api::openapi()).expect("JSON");
    let operations: Vec<(String, String, Value)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().expect("an item").clone();
            item.into_iter().map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
        })
        .filter(|(path, method, _)| {
            !(path.ends_with("/stream") || path.ends_with("/session") && method == "DELETE")
        })
        // It would send to wherever chance points.
        .filter(|(path, ..)| !path.ends_with("/test"))
        .collect();
    assert!(operations.len() > 35);
    let seed = std::env::var("BULKHEAD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let raw = running.raw();
    for _ in 0..REQUESTS {
        let (path, method, operation) = operations[random.below(operations.len())].clone();
        let mut target = String::new();
        for part in path.split('/').skip(1) {
            let parameter = part.starts_with('{');
            let part = match (parameter, part) {
                (true, "{namespace}") if random.chance(60) => "shop".to_owned(),
                (true, "{name}") if random.chance(60) => "redis".to_owned(),
                (true, _) => random.encoded(),
                (false, part) => part.to_owned(),
            };
            target.push('/');
            target.push_str(&part);
        }
        let mut query = Vec::new();
        for parameter in operation["parameters"].as_array().cloned().unwrap_or_default() {
            if parameter["in"] == "query" && random.chance(60) {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                let value = match random.value(&document, &parameter["schema"], 0) {
                    Value::String(text) => {
                        text.bytes().take(300).map(|byte| format!("%{byte:02X}")).collect()
                    }
                    other => other.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>(),
                };
                query.push(format!("{name}={value}"));
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        let body = match schema.is_null() {
            true => None,
            false if random.chance(3) => Some(random.text()),
            false => Some(random.value(&document, &schema, 0).to_string()),
        };
        let reply = raw.send(&method, &target, body.as_deref()).await;
        assert!(reply.status < 500, "{method} {target} {body:?}: {}", String::from_utf8_lossy(&reply.body));
        if reply.status >= 400 {
            let error = &reply.json()["error"];
            let whole = error["message"].as_str().is_some_and(|text| !text.is_empty())
                && error["remedy"].as_str().is_some_and(|text| !text.is_empty());
            assert!(whole, "{method} {target}: {error}");
        }
    }
    running.admin.status().await.expect("it still answers");
    running.controller.stop().await;
}

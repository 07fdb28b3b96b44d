//! Leaves out whatever may be a secret. Too much rather than too little: who helps can ask.

use crate::commands::outputs::host;
use serde_json::Value;
use std::borrow::Cow;

const LEFT_OUT: &str = "(left out)";

/// Words in the name of a field or a variable that say its value is secret.
const SECRET_WORDS: [&str; 8] =
    ["secret", "token", "password", "passwd", "credential", "apikey", "api_key", "authorization"];

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Leaves out the values of secret fields, the contents of packets, the paths of addresses (chat services put secrets
/// into them), and what [`text`] leaves out of every string.
pub(super) fn tree(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    _ if is_secret(name) && !field.is_null() => *field = LEFT_OUT.into(),
                    _ if name == "packet" => *field = LEFT_OUT.into(),
                    Value::String(address) if name == "url" => *address = origin(address),
                    _ => tree(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tree),
        Value::String(string) => *string = text(string),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `https://host:port` of an address.
fn origin(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://{}/{LEFT_OUT}", host(address)),
        None => LEFT_OUT.to_owned(),
    }
}

/// The text without the private keys in it.
fn without_keys(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    while let Some(begin) = text.find("PRIVATE KEY-----").and_then(|at| text[..at].rfind("-----BEGIN")) {
        let end = text[begin..].find("-----END").map_or(text.len(), |at| {
            let end = begin + at + "-----END".len();
            text[end..].find("-----").map_or(text.len(), |at| end + at + "-----".len())
        });
        text = Cow::Owned(format!("{}{LEFT_OUT}{}", &text[..begin], &text[end..]));
    }
    text
}

/// Leaves private keys out of a text, and word by word Bulkhead's tokens, `name=value` and `name: value` with a secret
/// name, passwords in addresses, and the paths of addresses of the web.
pub(super) fn text(text: &str) -> String {
    let text = &*without_keys(text);
    let mut out = String::with_capacity(text.len());
    let mut secret_follows = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let blank = &piece[word.len()..];
        if word.is_empty() {
            out += piece;
            continue;
        }
        if std::mem::take(&mut secret_follows) {
            // `Authorization: Bearer abc`: the scheme is none, what follows it is.
            if word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic") {
                out += piece;
                secret_follows = true;
                continue;
            }
            out += LEFT_OUT;
        } else {
            let (shown, follows) = one_word(word);
            out += &shown;
            secret_follows = follows;
        }
        out += blank;
    }
    out
}

/// The word without secrets, and whether the next word is one.
fn one_word(word: &str) -> (String, bool) {
    if let Some(at) = word.find("bh_") {
        return (format!("{}{LEFT_OUT}", &word[..at]), false);
    }
    if let Some((name, value)) = word.split_once('=')
        && is_secret(name)
        && !value.is_empty()
    {
        return (format!("{name}={LEFT_OUT}"), false);
    }
    if let Some((name, value)) = word.split_once(':')
        && is_secret(name)
        && !value.starts_with("//")
    {
        return if value.is_empty() {
            (word.to_owned(), true)
        } else {
            (format!("{name}:{LEFT_OUT}"), false)
        };
    }
    if word.starts_with("--") && is_secret(word) {
        return (word.to_owned(), true);
    }
    if let Some(at) = word.find("https://").or_else(|| word.find("http://"))
        && word[at..].splitn(4, '/').nth(3).is_some_and(|path| !path.is_empty())
    {
        return (format!("{}{}", &word[..at], origin(&word[at..])), false);
    }
    if let Some((scheme, rest)) = word.split_once("://")
        && let Some((user, host)) = rest.split_once('@')
        && !user.contains('/')
    {
        return (format!("{scheme}://{LEFT_OUT}@{host}"), false);
    }
    (word.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_left_out_of_texts_and_the_rest_stays() {
        for (before, after) in [
            ("nothing here\n  but text", "nothing here\n  but text"),
            ("token bh_0123abc in a line", "token (left out) in a line"),
            ("mysql --password=hunter2 -h db", "mysql --password=(left out) -h db"),
            ("mysql --password hunter2 -h db", "mysql --password (left out) -h db"),
            ("Authorization: Bearer abc.def next", "Authorization: Bearer (left out) next"),
            (
                "PGPASSWORD=x psql postgres://u:p@db/shop",
                "PGPASSWORD=(left out) psql postgres://(left out)@db/shop",
            ),
            ("api-key:abc", "api-key:(left out)"),
            (
                "cannot post to https://hooks.example.com/T0/XYZ: no",
                "cannot post to https://hooks.example.com/(left out) no",
            ),
            (
                "see http://127.0.0.1:7070/ or https://u:p@host",
                "see http://127.0.0.1:7070/ or https://(left out)@host",
            ),
            (
                "a\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\nb -----BEGIN CERTIFICATE-----",
                "a\n(left out)\nb -----BEGIN CERTIFICATE-----",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMHcCAQ", "(left out)"),
        ] {
            assert_eq!(text(before), after);
        }
    }

    #[test]
    fn secret_fields_packets_and_paths_of_addresses_are_left_out() {
        let mut value = json!({
            "target": {"url": "https://user:pw@hooks.example.com/services/T0/B0/XYZ?key=1", "secret": "s", "ca_pem": null},
            "packet": [69, 0],
            "process": {"command_line": "redis-cli --password hunter2"},
            "tokens": 3,
            "name": "shop/redis",
        });
        tree(&mut value);
        let text = value.to_string();
        for secret in ["pw@", "XYZ", "hunter2", "69"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(value["target"]["url"], "https://hooks.example.com/(left out)");
        assert_eq!(value["name"], "shop/redis");
    }
}

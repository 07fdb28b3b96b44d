//! Lines exactly as they are printed, which nearly all are: without blanks, fields in their order, no escapes. They are
//! read in a third of the time that any other JSON takes. Whatever looks otherwise is left to the reader of all JSON, which
//! also says what is wrong.

use super::{Line, Peer};
use crate::json::Text;
use bulkhead_model::{Direction, Timestamp, Verdict};
use std::{borrow::Cow, ops::ControlFlow};

/// The fields of a record in the order in which they are printed, as they stand before their values.
const FIELDS: [&str; 18] = [
    "\"time\":",
    "\"client\":",
    "\"server\":",
    "\"protocol\":",
    "\"client_address\":",
    "\"client_port\":",
    "\"server_address\":",
    "\"server_port\":",
    "\"application\":",
    "\"direction\":",
    "\"verdict\":",
    "\"mode\":",
    "\"rule\":",
    "\"ended\":",
    "\"packets_to_server\":",
    "\"packets_to_client\":",
    "\"bytes_to_server\":",
    "\"bytes_to_client\":",
];
/// Deeper values are not skipped here.
const DEEPEST: u8 = 8;

/// The line; `None` where it is not as it would be printed, be it sound or not.
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let mut cursor = Cursor { text, at: 0 };
    let (mut time, mut client, mut server, mut port, mut verdict) = (None, None, None, None, None);
    let (mut protocol, mut application, mut direction, mut ended) = (None, Text::default(), None, false);
    let (mut client_address, mut server_address) = (Text::default(), Text::default());
    let (mut bytes_to_server, mut bytes_to_client, mut packets_to_client) = (0, 0, 0);
    let (mut next, mut seen) = (0, 0_u32);
    cursor.eat(b'{')?;
    loop {
        let field = cursor.field(next)?;
        if let Some(field) = field {
            next = field + 1;
            if seen & 1 << field != 0 {
                return None;
            }
            seen |= 1 << field;
        }
        match field {
            Some(0) => time = Some(Timestamp(cursor.number()?)),
            Some(1) => client = Some(cursor.peer()?),
            Some(2) => server = Some(cursor.peer()?),
            Some(3) => protocol = Some(cursor.text()?),
            Some(4) => client_address = cursor.text()?,
            Some(6) => server_address = cursor.text()?,
            Some(7) => port = Some(u16::try_from(cursor.number()?).ok()?),
            Some(8) => application = cursor.text()?,
            Some(9) => {
                direction = Some(match cursor.string()? {
                    "ingress" => Direction::Ingress,
                    "egress" => Direction::Egress,
                    _ => return None,
                });
            }
            Some(10) => {
                verdict = Some(match cursor.string()? {
                    "allowed" => Verdict::Allowed,
                    "would-deny" => Verdict::WouldDeny,
                    "denied" => Verdict::Denied,
                    _ => return None,
                });
            }
            Some(13) => ended = cursor.truth()?,
            Some(15) => packets_to_client = cursor.number()?,
            Some(16) => bytes_to_server = cursor.number()?,
            Some(17) => bytes_to_client = cursor.number()?,
            // Read by nobody.
            Some(_) | None => cursor.skip(0)?,
        }
        if cursor.more(b'}')?.is_break() {
            break;
        }
    }
    if !text.as_bytes()[cursor.at..].is_empty() {
        return None;
    }
    Some(Line {
        time: time?,
        client: client?,
        server: server?,
        protocol: protocol?,
        client_address,
        server_address,
        server_port: port?,
        application,
        direction,
        verdict: verdict?,
        ended,
        bytes_to_server,
        bytes_to_client,
        packets_to_client,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.rest().first() == Some(&byte)).then(|| self.at += 1)
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest().starts_with(literal.as_bytes()).then(|| self.at += literal.len())
    }

    /// Whether a comma follows, or the end of what is listed.
    fn more(&mut self, end: u8) -> Option<ControlFlow<()>> {
        let byte = *self.rest().first()?;
        self.at += 1;
        match byte {
            b',' => Some(ControlFlow::Continue(())),
            _ if byte == end => Some(ControlFlow::Break(())),
            _ => None,
        }
    }

    /// Which field begins here; `Some(None)` for one that is not known. It is probably `expected`, or one soon after.
    fn field(&mut self, expected: usize) -> Option<Option<usize>> {
        let places = (expected..FIELDS.len()).chain(0..expected.min(FIELDS.len()));
        for field in places {
            if self.literal(FIELDS[field]).is_some() {
                return Some(Some(field));
            }
        }
        self.string()?;
        self.eat(b':')?;
        Some(None)
    }

    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let length = plain(self.rest());
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length;
        // An escape, a control character or the end of the line.
        self.eat(b'"')?;
        Some(text)
    }

    fn text(&mut self) -> Option<Text<'a>> {
        Some(Text(Cow::Borrowed(self.string()?)))
    }

    fn number(&mut self) -> Option<u64> {
        let rest = self.rest();
        // Of 19 digits each number fits.
        let digits = rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let sound = (1..20).contains(&digits) && (digits == 1 || rest[0] != b'0');
        if !sound || matches!(rest.get(digits), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at += digits;
        Some(rest[..digits].iter().fold(0, |number, byte| number * 10 + u64::from(byte - b'0')))
    }

    fn truth(&mut self) -> Option<bool> {
        self.literal("false").map(|()| false).or_else(|| self.literal("true").map(|()| true))
    }

    /// `{"kind":"service","name":"shop/redis"}`, `{"kind":"world"}`.
    fn peer(&mut self) -> Option<Peer<'a>> {
        self.literal("{\"kind\":")?;
        let kind = self.text()?;
        let name = match self.literal(",\"name\":") {
            Some(()) => self.text()?,
            None => Text::default(),
        };
        self.eat(b'}')?;
        Some(Peer { kind, name })
    }

    fn skip(&mut self, depth: u8) -> Option<()> {
        match self.rest().first()? {
            b'"' => self.string().map(drop),
            b'0'..=b'9' => self.number().map(drop),
            b't' | b'f' => self.truth().map(drop),
            b'n' => self.literal("null"),
            b'[' | b'{' if depth < DEEPEST => self.skip_many(depth),
            _ => None,
        }
    }

    fn skip_many(&mut self, depth: u8) -> Option<()> {
        let (end, named) = if self.rest().first() == Some(&b'{') { (b'}', true) } else { (b']', false) };
        self.at += 1;
        if self.eat(end).is_some() {
            return Some(());
        }
        loop {
            if named {
                self.string()?;
                self.eat(b':')?;
            }
            self.skip(depth + 1)?;
            if self.more(end)?.is_break() {
                return Some(());
            }
        }
    }
}

/// So many bytes come before the first that ends a text or means something else in one. Eight at a time: the highest bit of
/// each byte that is a quote, a backslash or a control character is set (and maybe of bytes after the first of these).
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);
    let mut at = 0;
    while let Some((chunk, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let is = |byte: u8| {
            let differs = word ^ u64::from_ne_bytes([byte; 8]);
            differs.wrapping_sub(ONES) & !differs
        };
        let control = word.wrapping_sub(BLANKS) & !word;
        let found = (is(b'"') | is(b'\\') | control) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulkhead_model::{FlowRecord, Process};
    use proptest::prelude::*;

    const LINE: &str = r#"{"time":1767225600000,"client":{"kind":"service","name":"shop/web"},"server":{"kind":"world"},"protocol":"tcp","client_address":"10.0.0.1","client_port":40000,"server_address":"2001:db8::1","server_port":443,"application":"tls","direction":"egress","verdict":"would-deny","mode":"monitor","rule":7,"reason":null,"process":{"pid":7,"executable":"/bin/a","command_line":"a b","uid":0},"ended":true,"packets_to_server":3,"packets_to_client":2,"bytes_to_server":900,"bytes_to_client":4000}"#;

    fn both(text: &str) -> (Option<Line<'_>>, Option<Line<'_>>) {
        (line(text), serde_json::from_str(text).ok())
    }

    #[test]
    fn what_is_printed_is_read_here() {
        let mut record: FlowRecord = serde_json::from_str(LINE).expect("a record");
        for (process, ended) in [(true, true), (false, true), (true, false), (false, false)] {
            record.ended = ended;
            record.process = record.process.filter(|_| process).or_else(|| {
                process.then(|| Process {
                    pid: 1,
                    executable: "/usr/bin/ä".into(),
                    command_line: "".into(),
                    uid: 0,
                    parents: Vec::new(),
                })
            });
            let text = serde_json::to_string(&record).expect("serialisable");
            let (fast, slow) = both(&text);
            assert!(fast.is_some(), "{text}");
            assert_eq!(fast, slow);
        }
    }

    #[test]
    fn what_is_not_as_it_is_printed_is_left_to_the_other_reader() {
        for (from, to) in [
            ("\"tcp\"", "\"t\\u0063p\""),
            ("\"tcp\"", "null"),
            ("\"tcp\"", " \"tcp\""),
            ("443", "70000"),
            ("443", "0443"),
            ("443", "443.0"),
            ("443", "-1"),
            ("40000", "1e3"),
            ("1767225600000", "99999999999999999999"),
            ("\"ended\":true", "\"ended\":true,\"ended\":true"),
            ("would-deny", "perhaps"),
            ("\"world\"}", "\"world\",\"more\":1}"),
            ("\"server_port\":443,", ""),
            ("\"rule\":7", "\"rule\":7,"),
            ("\"/bin/a\"", "\"/bin/\t\""),
        ] {
            let text = LINE.replace(from, to);
            assert_ne!(text, LINE);
            assert_eq!(line(&text), None, "{text}");
        }
        assert_eq!(line(&format!("{LINE} ")), None);
        assert_eq!(line(""), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_here_the_other_reader_reads_alike(
            places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"{}[]:,\"\\0a1 .-\x1f\xc3"[..])), 0..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = LINE.as_bytes().to_vec();
            for (index, byte) in places {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.remove(cut.index(bytes.len()));
            }
            let text = String::from_utf8_lossy(&bytes);
            let (fast, slow) = both(&text);
            prop_assert!(fast.is_none() || fast == slow, "{}", text);
        }

        #[test]
        fn texts_end_at_the_first_byte_that_means_something(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let first = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            prop_assert_eq!(plain(&bytes), first.unwrap_or(bytes.len()));
        }
    }
}

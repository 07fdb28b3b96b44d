//! How an answer travels: what the reader has already is not sent again, and what is large is sent compressed.

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use bulkhead_model::Timestamp;
use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt;
use std::io::Write;

/// Answers below it fit into a packet or two. A session's secret is in one of them, so that it never shares a compressed
/// answer with text that somebody else chose.
const WORTH_IT: u64 = 2_048;
/// A graph of 10,000 edges takes 5 ms with it, and becomes a fifth; the best level takes ten times as long for a sixth less.
const LEVEL: Compression = Compression::new(1);

/// What the reader says of itself.
#[derive(Debug, Default)]
pub(super) struct Reader {
    gzip: bool,
    /// `ETag`s of what it has.
    has: Option<HeaderValue>,
}

impl Reader {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let takes = |encoding: &str| {
            let (name, weight) = encoding.split_once(';').unwrap_or((encoding, ""));
            name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        };
        let encodings =
            headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        Self {
            gzip: encodings.flat_map(|value| value.split(',')).any(takes),
            has: headers.get(header::IF_NONE_MATCH).cloned(),
        }
    }

    fn has(&self, tag: &HeaderValue) -> bool {
        let (Some(has), Ok(tag)) = (&self.has, tag.to_str()) else { return false };
        has.to_str().is_ok_and(|has| has.split(',').any(|each| each.trim() == tag))
    }
}

/// An answer that a reader may keep, to ask whether it is still so. `time`: when it was made, which is its first field and
/// makes no other answer of it.
pub(super) fn kept(mut response: Response<Body>, body: &[u8], time: Timestamp) -> Response<Body> {
    let head = format!("{{\"time\":{},", time.0);
    let content = body.strip_prefix(head.as_bytes()).unwrap_or(body);
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    let tag: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = response.headers_mut();
    // Weak: compressed or not, at this time or that, it says the same.
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    // Never shown without asking, so that nothing of it is seen after signing out.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, authorization, cookie"));
    response
}

/// The answer as this reader gets it.
pub(super) async fn send(reader: &Reader, mut response: Response<Body>) -> Response<Body> {
    if response.headers().get(header::ETAG).is_some_and(|tag| reader.has(tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
        *response.body_mut() = Body::empty();
        return response;
    }
    // Streams have no end that is known, and are not held back for the sake of a few bytes.
    let large = response.body().size_hint().exact().is_some_and(|size| size >= WORTH_IT);
    if !large || !reader.gzip || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return super::failure(super::unwritten()) };
    let mut encoder = GzEncoder::new(Vec::with_capacity(64 << 10), LEVEL);
    let packed = encoder.write_all(&body.to_bytes()).and_then(|()| encoder.finish());
    let Ok(packed) = packed else { return super::failure(super::unwritten()) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.entry(header::VARY).or_insert(HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use axum::http::{HeaderMap, HeaderValue, header};

    fn reader(encodings: &'static str, has: &'static str) -> Reader {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(has));
        Reader::of(&headers)
    }

    #[test]
    fn compression_is_for_those_who_take_it() {
        for takes in ["gzip", "deflate, gzip;q=0.5", "br , gzip"] {
            assert!(reader(takes, "").gzip, "{takes}");
        }
        for refuses in ["", "br", "gzip;q=0", "identity", "gzipped"] {
            assert!(!reader(refuses, "").gzip, "{refuses}");
        }
    }

    #[test]
    fn a_tag_is_found_among_several() {
        let tag = HeaderValue::from_static("W/\"ab\"");
        assert!(reader("", "W/\"cd\", W/\"ab\"").has(&tag));
        assert!(!reader("", "W/\"abc\"").has(&tag));
        assert!(!Reader::default().has(&tag));
    }
}

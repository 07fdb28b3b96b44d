//! The console, embedded.

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
};
use flate2::read::GzDecoder;
use std::io::Read;

struct Asset {
    path: &'static str,
    /// Its `ETag`.
    tag: &'static str,
    /// gzip
    packed: &'static [u8],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The file at the path; for paths that are places in the console, its page. `prefix`: as a proxy shows the server.
pub(crate) fn serve(path: &str, prefix: &str, headers: &HeaderMap) -> Response<Body> {
    let path = path.trim_start_matches('/');
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let asset = match find(path) {
        Some(asset) => asset,
        None if is_file && path.starts_with("assets/") => return not_found(),
        None => match find("index.html") {
            Some(page) => page,
            None => return not_found(),
        },
    };
    if asset.path == "index.html" {
        return page(asset, path, prefix);
    }
    let caching = match asset.path.starts_with("assets/") {
        // Their names hold a hash of what is in them.
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type(asset.path))
        .header(header::CACHE_CONTROL, caching)
        .header(header::ETAG, asset.tag)
        .header(header::VARY, "accept-encoding");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == asset.tag.as_bytes()) {
        return finish(response.status(StatusCode::NOT_MODIFIED), Body::empty());
    }
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accepts.contains("gzip") {
        finish(response.header(header::CONTENT_ENCODING, "gzip"), Body::from(asset.packed))
    } else {
        finish(response, Body::from(unpack(asset.packed)))
    }
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Packed by the build of this very binary.
    let _ = GzDecoder::new(packed).read_to_end(&mut bytes);
    bytes
}

/// The page names its parts relative to itself. Where it is shown for a place deeper down, or below a known prefix, it is
/// told what they are relative to; at the root it is left alone, so that it also works below a prefix nobody told of.
fn page(asset: &Asset, path: &str, prefix: &str) -> Response<Body> {
    let text = String::from_utf8_lossy(&unpack(asset.packed)).into_owned();
    let base = match prefix.trim_matches('/') {
        "" => "/".to_owned(),
        prefix => format!("/{prefix}/"),
    };
    let base: String = base.chars().filter(|c| c.is_ascii_alphanumeric() || "/-_.~".contains(*c)).collect();
    let at_root = base == "/" && !path.contains('/');
    let text = match at_root || text.contains("<base ") {
        true => text,
        false => text.replacen("<head>", &format!("<head><base href=\"{base}\">"), 1),
    };
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-cache");
    finish(response, Body::from(text))
}

fn finish(response: http::response::Builder, body: Body) -> Response<Body> {
    response.body(body).unwrap_or_else(|_| not_found())
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

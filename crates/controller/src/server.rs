//! Connections in, requests to their endpoints.

use crate::{app::App, error::ControllerError, rest, ui};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, RawPathParams, Request, State},
    http::{HeaderValue, Response, StatusCode, header},
    middleware::{self, Next},
    response::IntoResponse,
    routing::{MethodRouter, delete, get, post, put},
};
use bulkhead_api::{ApiError, ENDPOINTS, Endpoint, ErrorCode, Method, PREFIX};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

/// How long a client may take to send its headers, or to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long open connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ControllerError> {
    let failed = |source| ControllerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The whole interface as one service; tests call it without a network.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router: Router<Arc<App>> = Router::new();
    for endpoint in ENDPOINTS {
        router = router.route(endpoint.path, method(endpoint));
    }
    router
        .fallback(fallback)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(security_headers))
        .with_state(app)
}

fn method(endpoint: &'static Endpoint) -> MethodRouter<Arc<App>> {
    let handler = move |State(app): State<Arc<App>>, params: RawPathParams, request: Request| async move {
        let params = params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        rest::handle(app, endpoint, params, request).await
    };
    match endpoint.method {
        Method::Get => get(handler),
        Method::Post => post(handler),
        Method::Put => put(handler),
        Method::Delete => delete(handler),
    }
}

async fn wrong_method() -> Response<Body> {
    let error = ApiError::new(
        ErrorCode::Invalid,
        "this path does not have this method",
        "see /api/v1/openapi.json for what there is",
    );
    let mut response = rest::failure(error);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

async fn fallback(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let path = request.uri().path();
    if path.starts_with("/api/") || path == "/api" {
        let message = format!("there is nothing at {}", path.chars().take(200).collect::<String>());
        let remedy = format!("see {PREFIX}/openapi.json for what there is");
        return rest::failure(ApiError::new(ErrorCode::NotFound, message, remedy));
    }
    if request.method() != http::Method::GET && request.method() != http::Method::HEAD {
        return wrong_method().await;
    }
    ui::serve(path, &app.config.path_prefix, request.headers())
}

async fn security_headers(request: Request, next: Next) -> Response<Body> {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ] {
        // A page may be stricter than the console.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Accepts connections until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(app.config.limits.connections));
    let router = router(Arc::clone(&app));
    let prefix: Arc<str> = match app.config.path_prefix.trim_matches('/') {
        "" => "".into(),
        prefix => format!("/{prefix}").into(),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            tracing::warn!(%peer, "too many connections");
            continue;
        };
        let door = Door { router: router.clone(), prefix: Arc::clone(&prefix), peer };
        let (tls, stopped) = (tls.clone(), stopped.clone());
        tokio::spawn(async move {
            connection(stream, tls, door, stopped).await;
            drop(slot);
        });
    }
    // Answers that are under way are finished, within reason.
    let all = u32::try_from(app.config.limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(FAREWELL, slots.acquire_many(all)).await.is_err() {
        tracing::debug!("connections are still open at the end");
    }
}

/// What a connection's requests go through.
#[derive(Clone)]
struct Door {
    router: Router,
    /// A proxy may leave the path below which it shows the server, or take it away: both are understood.
    prefix: Arc<str>,
    peer: SocketAddr,
}

impl Door {
    fn prepare(&self, request: &mut http::Request<hyper::body::Incoming>) {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let text = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Some(rest) = text.strip_prefix(&*self.prefix).filter(|_| !self.prefix.is_empty()) else { return };
        let rest = match rest.chars().next() {
            Some('/') => rest.to_owned(),
            None | Some('?') => format!("/{rest}"),
            Some(_) => return,
        };
        if let Ok(uri) = rest.parse() {
            *request.uri_mut() = uri;
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, door: Door, stopped: watch::Receiver<bool>) {
    // Small answers must not wait for more.
    let _ = stream.set_nodelay(true);
    let peer = door.peer;
    match tls {
        None => exchange(stream, door, stopped).await,
        Some(acceptor) => match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => exchange(stream, door, stopped).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
            Err(_) => tracing::debug!(%peer, "TLS took too long"),
        },
    }
}

async fn exchange<S>(stream: S, door: Door, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = door.peer;
    let service = hyper::service::service_fn(move |mut request| {
        door.prepare(&mut request);
        let mut router = door.router.clone();
        // A router is always ready.
        async move { router.call(request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

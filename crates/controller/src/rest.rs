//! One request: who asks, may they, and what is the answer.

mod admin;
mod automation;
pub(crate) mod graph;
mod history;
mod policies;
mod proposals;
mod questions;
mod reports;
mod services;
mod status;
mod transfer;
mod trials;

use crate::{
    app::App,
    state::{Actor, AuthTable, Credential, sha256},
    stream,
};
use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, Response, StatusCode, header},
};
use bulkhead_api::{Access, ApiError, CSRF_HEADER, Endpoint, ErrorBody, ErrorCode, ErrorDetail};
use bulkhead_model::{ServiceName, Timestamp};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

pub(crate) const COOKIE: &str = "bulkhead_session";
const LIST_LIMIT: u32 = 10_000;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) credential: Option<Credential>,
    /// CSRF value and end of a cookie session, with the hash of the cookie.
    pub(crate) session: Option<(String, Timestamp, Vec<u8>)>,
    pub(crate) address: IpAddr,
}

impl Caller {
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            name: self.credential.as_ref().map_or_else(|| "nobody".to_owned(), |c| c.name.clone()),
            role: self.credential.as_ref().map(|c| c.role),
            address: Some(self.address.to_string()),
        }
    }
}

/// A request that may be answered.
pub(crate) struct Asked {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    params: HashMap<String, String>,
    query: String,
    body: Bytes,
}

pub(crate) type Answer = Result<Response<Body>, ApiError>;

impl Asked {
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_urlencoded::from_str(&self.query).map_err(|error| {
            let message = format!("the query cannot be understood: {error}");
            ApiError::new(ErrorCode::Invalid, message, "see /api/v1/openapi.json for the parameters")
        })
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let is_json = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next().is_some_and(|t| t.trim() == "application/json"));
        if !is_json {
            let remedy = "send JSON with the header Content-Type: application/json";
            return Err(ApiError::new(ErrorCode::Invalid, "the body is not declared as JSON", remedy));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("the body cannot be understood: {error}");
            let mut wrong =
                ApiError::new(ErrorCode::Invalid, message, "see /api/v1/openapi.json for the body");
            wrong.details.push(ErrorDetail {
                message: error.to_string(),
                line: u32::try_from(error.line()).ok(),
                column: u32::try_from(error.column()).ok(),
                ..ErrorDetail::default()
            });
            wrong
        })
    }

    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub(crate) fn service(&self) -> Result<ServiceName, ApiError> {
        ServiceName::new(self.param("namespace"), self.param("name")).map_err(|error| {
            ApiError::new(ErrorCode::Invalid, error.to_string(), "name a service as namespace/name")
        })
    }
}

pub(crate) fn json(value: &impl Serialize) -> Answer {
    Ok(with_type("application/json", written(value)?))
}

/// The same of what a reader may keep and ask about again; `time` is the value's first field.
fn json_kept(value: &impl Serialize, time: Timestamp) -> Answer {
    let body = written(value)?;
    let response = with_type("application/json", Body::empty());
    let response = transfer::kept(response, &body, time);
    Ok(response.map(|_| Body::from(body)))
}

fn written(value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        unwritten()
    })
}

fn unwritten() -> ApiError {
    ApiError::new(ErrorCode::Internal, "the answer cannot be written", "look at the server's log")
}

pub(crate) fn text(kind: &'static str, body: String) -> Response<Body> {
    with_type(kind, body)
}

fn with_type(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

pub(crate) fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn failure(error: ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&ErrorBody { error }).unwrap_or_default();
    let mut response = with_type("application/json", body);
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("5"));
    }
    response
}

/// A page of a list whose items have ascending keys.
pub(crate) fn page<T>(
    items: impl Iterator<Item = T>,
    after: Option<&str>,
    limit: Option<u32>,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let limit = limit.map_or(usize::MAX, |limit| limit.clamp(1, LIST_LIMIT) as usize);
    let mut skipping = after.map(str::to_owned);
    let mut found = Vec::new();
    for item in items {
        if let Some(last) = &skipping {
            if key(&item) == *last {
                skipping = None;
            }
            continue;
        }
        if found.len() == limit {
            let next = found.last().map(&key);
            return (found, next);
        }
        found.push(item);
    }
    (found, None)
}

pub(crate) async fn handle(
    app: Arc<App>,
    endpoint: &'static Endpoint,
    params: HashMap<String, String>,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let reader = transfer::Reader::of(request.headers());
    let response = match answer(&app, endpoint, params, request).await {
        Ok(response) => response,
        Err(error) => failure(error),
    };
    let response = transfer::send(&reader, response).await;
    app.metrics.request(endpoint.id, response.status().as_u16(), begun.elapsed());
    response
}

async fn answer(
    app: &Arc<App>,
    endpoint: &'static Endpoint,
    params: HashMap<String, String>,
    request: Request,
) -> Answer {
    let now = app.config.clock.now();
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
    let (parts, body) = request.into_parts();
    let caller = admit(app, endpoint, &parts.headers, address, now).await?;
    let body = match Limited::new(body, app.config.limits.body).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {} bytes", app.config.limits.body);
            return Err(ApiError::new(ErrorCode::TooLarge, message, "send less at once"));
        }
        Err(error) => {
            let message = format!("the body broke off: {error}");
            return Err(ApiError::new(ErrorCode::Invalid, message, "send the request again"));
        }
    };
    let asked = Asked {
        app: Arc::clone(app),
        caller,
        headers: parts.headers,
        params,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
    };
    dispatch(endpoint.id, asked).await
}

/// Lets the caller in, or says why not.
async fn admit(
    app: &Arc<App>,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    address: IpAddr,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let table = app.auth.load();
    let caller = identify(&table, headers, address, now);
    let Access::Role(role) = endpoint.access else {
        let key = format!("address {address}");
        limit(app, &key, now)?;
        return Ok(caller.unwrap_or(Caller { credential: None, session: None, address }));
    };
    let presented = headers.contains_key(header::AUTHORIZATION) || cookie(headers).is_some();
    if !app.limiter.may_try(address, now) && caller.as_ref().is_none_or(|c| c.credential.is_none()) {
        return Err(too_many_failures());
    }
    let Some(caller) = caller else {
        if presented {
            failed_login(app, address, now).await;
        }
        return Err(ApiError::new(
            ErrorCode::Unauthenticated,
            if presented { "the credential is not valid" } else { "a credential is needed" },
            "send Authorization: Bearer bh_..., or log in; `bulkhead token` makes tokens",
        ));
    };
    let Some(credential) = &caller.credential else {
        return Err(ApiError::new(ErrorCode::Unauthenticated, "a credential is needed", "log in"));
    };
    limit(app, &credential.token, now)?;
    if credential.role < role {
        let message = format!("this needs the role {role}; '{}' is {}", credential.name, credential.role);
        return Err(ApiError::new(ErrorCode::Forbidden, message, "ask an admin for a token with that role"));
    }
    if let Some((csrf, ..)) = &caller.session
        && !endpoint.method.is_safe()
        && headers.get(CSRF_HEADER).is_none_or(|sent| sent.as_bytes() != csrf.as_bytes())
    {
        let message = "the header X-Bulkhead-CSRF does not hold the session's value";
        return Err(ApiError::new(ErrorCode::Forbidden, message, "GET /api/v1/session says the value"));
    }
    note_use(app, credential, now);
    Ok(caller)
}

fn limit(app: &App, key: &str, now: Timestamp) -> Result<(), ApiError> {
    if app.limiter.request(key, now) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::RateLimited, "too many requests", "slow down, or use the streams"))
}

pub(crate) fn too_many_failures() -> ApiError {
    ApiError::new(ErrorCode::RateLimited, "too many failed logins from this address", "wait half a minute")
}

/// Counts a failed login, and keeps it in the audit log.
pub(crate) async fn failed_login(app: &App, address: IpAddr, now: Timestamp) {
    app.limiter.failed(address, now);
    app.metrics.login_failures.fetch_add(1, Ordering::Relaxed);
    let actor = Actor { name: "unknown".to_owned(), role: None, address: Some(address.to_string()) };
    let noted = app.act(move |state| state.audit(&actor, "session.failed", "session", "")).await;
    if let Err(error) = noted {
        tracing::warn!(%error, "a failed login is not in the audit log");
    }
}

fn note_use(app: &Arc<App>, credential: &Credential, now: Timestamp) {
    // Once a minute is enough to know whether a token is in use.
    if app.metrics.first_use(&credential.token, now) {
        let (app, token) = (Arc::clone(app), credential.token.clone());
        tokio::spawn(async move {
            let _ = app.act(move |state| state.token_used(&token)).await;
        });
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn identify(table: &AuthTable, headers: &HeaderMap, address: IpAddr, now: Timestamp) -> Option<Caller> {
    let valid = |credential: &Credential| credential.expires.is_none_or(|end| end > now);
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let secret = value.to_str().ok()?.strip_prefix("Bearer ")?.trim();
        let credential = table.tokens.get(&sha256(secret)).filter(|c| valid(c))?.clone();
        return Some(Caller { credential: Some(credential), session: None, address });
    }
    let hash = sha256(cookie(headers)?);
    let (credential, csrf, expires) = table.sessions.get(&hash)?;
    if *expires <= now || !valid(credential) {
        return None;
    }
    let session = Some((csrf.clone(), *expires, hash));
    Some(Caller { credential: Some(credential.clone()), session, address })
}

async fn dispatch(id: &str, asked: Asked) -> Answer {
    match id {
        "login" => admin::login(asked).await,
        "session" => admin::session(&asked),
        "logout" => admin::logout(asked).await,
        "status" => status::status(asked).await,
        "services" => services::list(&asked),
        "service" => services::detail(asked).await,
        "promotion" => services::promotion(asked).await,
        "setMode" => services::set_mode(asked).await,
        "quarantine" => services::quarantine(asked).await,
        "release" => services::release(asked).await,
        "setAutomation" => services::set_automation(asked).await,
        "graph" => graph::graph(&asked),
        "graphColumns" => graph::columns(&asked),
        "graphStream" => stream::graph(asked),
        "history" => history::timeline(asked).await,
        "pastGraph" => history::graph(asked).await,
        "edges" => graph::edges(&asked),
        "flowStream" => stream::flows(asked).await,
        "events" => graph::events(asked).await,
        "eventStream" => stream::events(asked).await,
        "policies" => policies::list(asked).await,
        "apply" => policies::apply(asked).await,
        "policyHistory" => policies::history(asked).await,
        "restore" => policies::restore(asked).await,
        "effectivePolicy" => policies::effective(asked).await,
        "policy" => policies::one(asked).await,
        "putPolicy" => policies::put(asked).await,
        "deletePolicy" => policies::delete(asked).await,
        "explain" => questions::explain(asked).await,
        "simulate" => questions::simulate(asked).await,
        "reach" => questions::reach(asked).await,
        "whoCanReach" => questions::who_can_reach(asked).await,
        "trials" => trials::list(asked).await,
        "beginTrial" => trials::begin(asked).await,
        "trial" => trials::one(asked).await,
        "stopTrial" => trials::stop(asked).await,
        "proposals" => proposals::list(asked).await,
        "propose" => proposals::make(asked).await,
        "proposal" => proposals::one(asked).await,
        "decideProposal" => proposals::decide(asked).await,
        "withdrawProposal" => proposals::withdraw(asked).await,
        "blastRanking" => questions::ranking(asked).await,
        "blastPlan" => questions::blast_plan(asked).await,
        "blastRadius" => questions::blast(asked).await,
        "zones" => reports::zones(asked).await,
        "reports" => reports::frameworks(&asked),
        "reportKey" => reports::key(&asked),
        "report" => reports::report(asked).await,
        "review" => questions::review(asked).await,
        "decide" => questions::decide(asked).await,
        "tokens" => admin::tokens(asked).await,
        "createToken" => admin::create_token(asked).await,
        "deleteToken" => admin::delete_token(asked).await,
        "audit" => admin::audit(asked).await,
        "verifyAudit" => admin::verify_audit(asked).await,
        "automation" => automation::get(asked).await,
        "putAutomation" => automation::put(asked).await,
        "settings" => json(&asked.app.view.load().settings),
        "putSettings" => admin::put_settings(asked).await,
        "outputs" => admin::outputs(asked).await,
        "putOutputs" => admin::put_outputs(asked).await,
        "testOutput" => admin::test_output(asked).await,
        "openapi" => status::openapi(),
        "metrics" => Ok(text("text/plain; version=0.0.4; charset=utf-8", crate::metrics::render(&asked.app))),
        "healthz" => Ok(text("text/plain; charset=utf-8", "ok\n".to_owned())),
        "readyz" => status::ready(&asked),
        other => {
            tracing::error!(endpoint = other, "an endpoint of the table has no handler");
            Err(ApiError::new(ErrorCode::Internal, "this endpoint has no handler", "report it"))
        }
    }
}

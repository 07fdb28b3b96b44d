//! The typed client, one method per endpoint.

use crate::{transport::TransportError, *};
use bulkhead_model::ServiceName;
use bytes::Bytes;
use http::{Method as HttpMethod, Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, fmt, marker::PhantomData, sync::Arc};
use tokio_rustls::rustls::ClientConfig;

/// Answers larger than this are refused: nothing that the server says is.
const ANSWER_LIMIT: usize = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server said no, and why.
    #[error("{0}")]
    Api(ApiError),
    #[error("the answer is not what was expected ({status}): {source}")]
    Answer { status: u16, source: serde_json::Error },
    #[error("the answer (status {0}) is not from Bulkhead: check the address of the server")]
    Foreign(u16),
    #[error("the query cannot be written: {0}")]
    Query(#[from] serde_urlencoded::ser::Error),
    #[error("the answer broke off: {0}")]
    Body(String),
}

/// A server and a credential for it.
#[derive(Clone)]
pub struct Client {
    server: String,
    token: Option<String>,
    trust: Option<Arc<ClientConfig>>,
    waits: Option<Waits>,
}

/// Called when a request begins; what it returns is dropped when its answer is there. For signs of life.
pub type Waits = fn() -> Box<dyn Any + Send>;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Client {
    /// `server`: `http(s)://host:port[/prefix]`; a bare `host:port` is http. `authority`: PEM of the certificate (or
    /// its authority) to trust for https instead of the system's.
    pub fn new(server: &str, token: Option<String>, authority: Option<&[u8]>) -> Result<Self, ClientError> {
        let server = match server.split_once("://") {
            Some(("http" | "https", _)) => server.trim_end_matches('/').to_owned(),
            Some(_) => return Err(TransportError::Address(server.to_owned()).into()),
            None => format!("http://{}", server.trim_end_matches('/')),
        };
        let trust =
            if server.starts_with("https://") { Some(crate::transport::trust(authority)?) } else { None };
        Ok(Self { server, token, trust, waits: None })
    }

    /// Tells when it waits for an answer.
    #[must_use]
    pub fn telling(self, waits: Waits) -> Self {
        Self { waits: Some(waits), ..self }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    async fn send(
        &self,
        method: HttpMethod,
        path: &str,
        body: Option<Vec<u8>>,
        resume: Option<u64>,
    ) -> Result<http::Response<hyper::body::Incoming>, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.server));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(position) = resume {
            request = request.header("last-event-id", position);
        }
        let request =
            request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(TransportError::from)?;
        Ok(crate::transport::send(request, self.trust.clone()).await?)
    }

    /// Any endpoint, any body: the raw text of a success.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<String, ClientError> {
        let _waits = self.waits.map(|begins| begins());
        let method = HttpMethod::from_bytes(method.name().as_bytes())
            .map_err(|e| TransportError::Request(e.into()))?;
        let response = self.send(method, path, body, None).await?;
        let status = response.status();
        let body = collect(response).await?;
        if !status.is_success() {
            return Err(failure(status.as_u16(), &body));
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<T, ClientError> {
        let text = self.raw(method, path, body).await?;
        serde_json::from_str(&text).map_err(|source| ClientError::Answer { status: 200, source })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, ClientError> {
        self.call(Method::Get, &with_query(path, query)?, None).await
    }

    async fn with_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|source| ClientError::Answer { status: 0, source })?;
        self.call(method, path, Some(body)).await
    }

    async fn stream<T>(
        &self,
        path: &str,
        query: &impl Serialize,
        resume: Option<u64>,
    ) -> Result<Stream<T>, ClientError> {
        let response = self.send(HttpMethod::GET, &with_query(path, query)?, None, resume).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(failure(status.as_u16(), &collect(response).await?));
        }
        Ok(Stream { body: response.into_body(), buffer: Vec::new(), position: resume, item: PhantomData })
    }
}

fn with_query(path: &str, query: &impl Serialize) -> Result<String, ClientError> {
    let query = serde_urlencoded::to_string(query)?;
    Ok(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
}

async fn collect(response: http::Response<hyper::body::Incoming>) -> Result<Bytes, ClientError> {
    match Limited::new(response.into_body(), ANSWER_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ClientError::Body("too large".to_owned())),
        Err(error) => Err(ClientError::Body(error.to_string())),
    }
}

fn failure(status: u16, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => ClientError::Api(body.error),
        Err(_) => ClientError::Foreign(status),
    }
}

/// Server-sent events, decoded.
pub struct Stream<T> {
    body: hyper::body::Incoming,
    buffer: Vec<u8>,
    position: Option<u64>,
    item: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Stream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("position", &self.position).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Stream<T> {
    /// Position to resume from after the connection broke.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// The next item; `None` when the server ends the stream.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let message: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(item) = self.parse(&message)? {
                    return Ok(Some(item));
                }
                continue;
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::Body(error.to_string())),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
            if self.buffer.len() > ANSWER_LIMIT {
                return Err(ClientError::Body("an event without end".to_owned()));
            }
        }
    }

    fn parse(&mut self, message: &[u8]) -> Result<Option<T>, ClientError> {
        let text = String::from_utf8_lossy(message);
        let mut data = String::new();
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.strip_prefix(' ').unwrap_or(value));
            } else if let Some(value) = line.strip_prefix("id:") {
                self.position = value.trim().parse().ok().or(self.position);
            }
        }
        if data.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&data).map(Some).map_err(|source| ClientError::Answer { status: 200, source })
    }
}

fn of(service: &ServiceName, rest: &str) -> String {
    format!("{PREFIX}/services/{}/{}{rest}", service.namespace(), service.name())
}

// === impl endpoints ===

impl Client {
    pub async fn session(&self) -> Result<Session, ClientError> {
        self.get("/api/v1/session", &()).await
    }

    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/api/v1/status", &()).await
    }

    pub async fn services(&self, query: &ServiceQuery) -> Result<ServiceList, ClientError> {
        self.get("/api/v1/services", query).await
    }

    pub async fn service(&self, name: &ServiceName) -> Result<ServiceDetail, ClientError> {
        self.get(&of(name, ""), &()).await
    }

    pub async fn promotion(
        &self,
        name: &ServiceName,
        query: &PromotionQuery,
    ) -> Result<PromotionPreview, ClientError> {
        self.get(&of(name, "/promotion"), query).await
    }

    pub async fn set_mode(
        &self,
        name: &ServiceName,
        change: &ModeChange,
    ) -> Result<ServiceSummary, ClientError> {
        self.with_body(Method::Put, &of(name, "/mode"), change).await
    }

    pub async fn quarantine(
        &self,
        name: &ServiceName,
        request: &QuarantineRequest,
    ) -> Result<ServiceSummary, ClientError> {
        self.with_body(Method::Post, &of(name, "/quarantine"), request).await
    }

    pub async fn release(&self, name: &ServiceName) -> Result<ServiceSummary, ClientError> {
        self.call(Method::Delete, &of(name, "/quarantine"), None).await
    }

    pub async fn set_automation(
        &self,
        name: &ServiceName,
        automation: &Automation,
    ) -> Result<ServiceSummary, ClientError> {
        self.with_body(Method::Put, &of(name, "/automation"), automation).await
    }

    pub async fn graph(&self, query: &GraphQuery) -> Result<Graph, ClientError> {
        self.get("/api/v1/graph", query).await
    }

    pub async fn graph_stream(&self, query: &GraphQuery) -> Result<Stream<GraphChange>, ClientError> {
        self.stream("/api/v1/graph/stream", query, None).await
    }

    pub async fn edges(&self, query: &EdgeQuery) -> Result<EdgeList, ClientError> {
        self.get("/api/v1/edges", query).await
    }

    pub async fn flows(&self, query: &FlowQuery) -> Result<Stream<FlowMessage>, ClientError> {
        self.stream("/api/v1/flows/stream", query, None).await
    }

    pub async fn events(&self, query: &EventQuery) -> Result<EventList, ClientError> {
        self.get("/api/v1/events", query).await
    }

    /// `resume`: a [`Stream::position`] from before.
    pub async fn event_stream(
        &self,
        query: &EventStreamQuery,
        resume: Option<u64>,
    ) -> Result<Stream<EventMessage>, ClientError> {
        self.stream("/api/v1/events/stream", query, resume).await
    }

    pub async fn policies(&self) -> Result<PolicyList, ClientError> {
        self.get("/api/v1/policies", &()).await
    }

    pub async fn policy(&self, namespace: &str, name: &str) -> Result<Policy, ClientError> {
        self.get(&format!("/api/v1/policies/{namespace}/{name}"), &()).await
    }

    pub async fn delete_policy(&self, namespace: &str, name: &str) -> Result<ApplyResult, ClientError> {
        self.call(Method::Delete, &format!("/api/v1/policies/{namespace}/{name}"), None).await
    }

    pub async fn apply(&self, request: &ApplyRequest) -> Result<ApplyResult, ClientError> {
        self.with_body(Method::Post, "/api/v1/policies/apply", request).await
    }

    pub async fn policy_history(&self, query: &HistoryQuery) -> Result<PolicyHistory, ClientError> {
        self.get("/api/v1/policies/history", query).await
    }

    pub async fn restore(&self, request: &RestoreRequest) -> Result<ApplyResult, ClientError> {
        self.with_body(Method::Post, "/api/v1/policies/restore", request).await
    }

    pub async fn effective_policy(&self, name: &ServiceName) -> Result<EffectivePolicy, ClientError> {
        self.get(&format!("/api/v1/policies/effective/{}/{}", name.namespace(), name.name()), &()).await
    }

    pub async fn explain(&self, request: &ExplainRequest) -> Result<Explanation, ClientError> {
        self.with_body(Method::Post, "/api/v1/policy/explain", request).await
    }

    pub async fn simulate(&self, request: &SimulateRequest) -> Result<Simulation, ClientError> {
        self.with_body(Method::Post, "/api/v1/policy/simulate", request).await
    }

    pub async fn reach(&self, query: &ReachQuery) -> Result<Reach, ClientError> {
        self.get("/api/v1/policy/reach", query).await
    }

    pub async fn who_can_reach(&self, query: &WhoCanReachQuery) -> Result<WhoCanReach, ClientError> {
        self.get("/api/v1/policy/who-can-reach", query).await
    }

    pub async fn trials(&self) -> Result<TrialList, ClientError> {
        self.get("/api/v1/policy/trials", &()).await
    }

    pub async fn begin_trial(&self, request: &TrialRequest) -> Result<TrialDetail, ClientError> {
        self.with_body(Method::Post, "/api/v1/policy/trials", request).await
    }

    pub async fn trial(&self, id: &str) -> Result<TrialDetail, ClientError> {
        self.get(&format!("/api/v1/policy/trials/{id}"), &()).await
    }

    pub async fn stop_trial(&self, id: &str) -> Result<(), ClientError> {
        self.raw(Method::Delete, &format!("/api/v1/policy/trials/{id}"), None).await.map(drop)
    }

    pub async fn proposals(&self, query: &ProposalQuery) -> Result<ProposalList, ClientError> {
        self.get("/api/v1/policy/proposals", query).await
    }

    pub async fn propose(&self, request: &ProposalRequest) -> Result<ProposalDetail, ClientError> {
        self.with_body(Method::Post, "/api/v1/policy/proposals", request).await
    }

    pub async fn proposal(&self, id: &str) -> Result<ProposalDetail, ClientError> {
        self.get(&format!("/api/v1/policy/proposals/{id}"), &()).await
    }

    pub async fn decide_proposal(
        &self,
        id: &str,
        decision: &ProposalDecision,
    ) -> Result<ProposalDetail, ClientError> {
        self.with_body(Method::Post, &format!("/api/v1/policy/proposals/{id}/decision"), decision).await
    }

    pub async fn withdraw_proposal(&self, id: &str) -> Result<ProposalDetail, ClientError> {
        self.call(Method::Delete, &format!("/api/v1/policy/proposals/{id}"), None).await
    }

    pub async fn blast_ranking(&self) -> Result<BlastRanking, ClientError> {
        self.get("/api/v1/blast-radius", &()).await
    }

    pub async fn history(&self, query: &HistoryRange) -> Result<Timeline, ClientError> {
        self.get("/api/v1/history", query).await
    }

    pub async fn past_graph(&self, query: &PastGraphQuery) -> Result<PastGraph, ClientError> {
        self.get("/api/v1/history/graph", query).await
    }

    pub async fn automation(&self) -> Result<AutomationRules, ClientError> {
        self.get("/api/v1/automation", &()).await
    }

    pub async fn put_automation(&self, rules: &AutomationRules) -> Result<AutomationRules, ClientError> {
        self.with_body(Method::Put, "/api/v1/automation", rules).await
    }

    pub async fn blast_plan(&self, query: &BlastPlanQuery) -> Result<BlastPlan, ClientError> {
        self.get("/api/v1/blast-radius/plan", query).await
    }

    pub async fn blast_radius(
        &self,
        name: &ServiceName,
        query: &BlastQuery,
    ) -> Result<BlastRadius, ClientError> {
        self.get(&format!("/api/v1/blast-radius/{}/{}", name.namespace(), name.name()), query).await
    }

    pub async fn review(&self, query: &ReviewQuery) -> Result<ReviewList, ClientError> {
        self.get("/api/v1/review", query).await
    }

    pub async fn decide(&self, request: &ReviewRequest) -> Result<ReviewResult, ClientError> {
        self.with_body(Method::Post, "/api/v1/review", request).await
    }

    pub async fn zones(&self, query: &ZoneQuery) -> Result<ZoneList, ClientError> {
        self.get("/api/v1/zones", query).await
    }

    pub async fn reports(&self) -> Result<ReportFrameworks, ClientError> {
        self.get("/api/v1/reports", &()).await
    }

    /// The report as a file, byte by byte as it was signed.
    pub async fn report(&self, framework: &str, query: &ReportQuery) -> Result<String, ClientError> {
        self.raw(Method::Get, &with_query(&format!("/api/v1/reports/{framework}"), query)?, None).await
    }

    pub async fn tokens(&self) -> Result<TokenList, ClientError> {
        self.get("/api/v1/tokens", &()).await
    }

    pub async fn create_token(&self, request: &TokenRequest) -> Result<CreatedToken, ClientError> {
        self.with_body(Method::Post, "/api/v1/tokens", request).await
    }

    pub async fn delete_token(&self, id: &str) -> Result<(), ClientError> {
        self.raw(Method::Delete, &format!("/api/v1/tokens/{id}"), None).await.map(drop)
    }

    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditList, ClientError> {
        self.get("/api/v1/audit", query).await
    }

    pub async fn verify_audit(&self) -> Result<AuditVerification, ClientError> {
        self.get("/api/v1/audit/verify", &()).await
    }

    pub async fn settings(&self) -> Result<Settings, ClientError> {
        self.get("/api/v1/settings", &()).await
    }

    pub async fn put_settings(&self, settings: &Settings) -> Result<Settings, ClientError> {
        self.with_body(Method::Put, "/api/v1/settings", settings).await
    }

    pub async fn outputs(&self) -> Result<Outputs, ClientError> {
        self.get("/api/v1/outputs", &()).await
    }

    pub async fn put_outputs(&self, outputs: &Outputs) -> Result<Outputs, ClientError> {
        self.with_body(Method::Put, "/api/v1/outputs", outputs).await
    }

    pub async fn test_output(&self, name: &str) -> Result<OutputTest, ClientError> {
        self.call(Method::Post, &format!("/api/v1/outputs/{name}/test"), None).await
    }

    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.raw(Method::Get, "/metrics", None).await
    }
}

//! Every endpoint, once: the server routes and guards by this table, the OpenAPI document is made from it.

use crate::*;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        RefOr, Schema,
        path::{Parameter, ParameterIn},
        schema::Ref,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes nothing.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }
}

/// Who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Whoever has at least this role.
    Role(Role),
}

/// Schemas found so far, by name.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;
type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// What an endpoint answers on success.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Json(SchemaOf),
    /// Server-sent events whose data is this.
    Stream(SchemaOf),
    /// Of this content type.
    Text(&'static str),
    /// 204.
    Empty,
}

#[derive(Clone, Copy)]
pub struct Endpoint {
    pub method: Method,
    /// From the server's root, parameters in braces: `/api/v1/services/{namespace}/{name}`.
    pub path: &'static str,
    /// Unique, lower camel case.
    pub id: &'static str,
    pub access: Access,
    pub tag: &'static str,
    pub summary: &'static str,
    pub(crate) query: Option<fn() -> Vec<Parameter>>,
    pub(crate) body: Option<SchemaOf>,
    pub(crate) answer: Answer,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

fn schema<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let name = T::name().into_owned();
    if !schemas.iter().any(|(known, _)| *known == name) {
        schemas.push((name.clone(), T::schema()));
        T::schemas(schemas);
    }
    Ref::from_schema_name(name).into()
}

fn query<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}

const OPEN: Access = Access::Open;
const VIEWER: Access = Access::Role(Role::Viewer);
const PROPOSER: Access = Access::Role(Role::Proposer);
const OPERATOR: Access = Access::Role(Role::Operator);
const ADMIN: Access = Access::Role(Role::Admin);

const fn endpoint(
    method: Method,
    path: &'static str,
    id: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    answer: Answer,
) -> Endpoint {
    Endpoint { method, path, id, access, tag, summary, query: None, body: None, answer }
}

impl Endpoint {
    const fn query<T: IntoParams>(mut self) -> Self {
        self.query = Some(query::<T>);
        self
    }

    const fn body<T: ToSchema>(mut self) -> Self {
        self.body = Some(schema::<T>);
        self
    }

    /// Whether it answers with a stream that does not end.
    pub const fn is_stream(&self) -> bool {
        matches!(self.answer, Answer::Stream(_))
    }
}

const fn json<T: ToSchema>() -> Answer {
    Answer::Json(schema::<T>)
}

const fn stream<T: ToSchema>() -> Answer {
    Answer::Stream(schema::<T>)
}

use Method::{Delete, Get, Post, Put};

/// The table, in the order of the document.
#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    endpoint(Post, "/api/v1/session", "login", OPEN, "session", "Exchange a token for a session cookie", json::<Session>()).body::<SessionRequest>(),
    endpoint(Get, "/api/v1/session", "session", VIEWER, "session", "Who am I, and my CSRF value", json::<Session>()),
    endpoint(Delete, "/api/v1/session", "logout", VIEWER, "session", "End the session", Answer::Empty),

    endpoint(Get, "/api/v1/status", "status", VIEWER, "status", "The estate at a glance", json::<Status>()),

    endpoint(Get, "/api/v1/services", "services", VIEWER, "services", "All services", json::<ServiceList>()).query::<ServiceQuery>(),
    endpoint(Get, "/api/v1/services/{namespace}/{name}", "service", VIEWER, "services", "Everything about one service", json::<ServiceDetail>()),
    endpoint(Get, "/api/v1/services/{namespace}/{name}/promotion", "promotion", VIEWER, "services", "What another mode would deny", json::<PromotionPreview>()).query::<PromotionQuery>(),
    endpoint(Put, "/api/v1/services/{namespace}/{name}/mode", "setMode", OPERATOR, "services", "Change the mode", json::<ServiceSummary>()).body::<ModeChange>(),
    endpoint(Post, "/api/v1/services/{namespace}/{name}/quarantine", "quarantine", OPERATOR, "services", "Cut the service off", json::<ServiceSummary>()).body::<QuarantineRequest>(),
    endpoint(Delete, "/api/v1/services/{namespace}/{name}/quarantine", "release", OPERATOR, "services", "End the quarantine; the mode before it holds again", json::<ServiceSummary>()),
    endpoint(Put, "/api/v1/services/{namespace}/{name}/automation", "setAutomation", OPERATOR, "services", "Ask for promotion on evidence, or stop it", json::<ServiceSummary>()).body::<Automation>(),

    endpoint(Get, "/api/v1/graph", "graph", VIEWER, "graph", "The connection graph", json::<Graph>()).query::<GraphQuery>(),
    endpoint(Get, "/api/v1/graph/columns", "graphColumns", VIEWER, "graph", "The connection graph as columns, for pictures of it", json::<GraphColumns>()).query::<GraphQuery>(),
    endpoint(Get, "/api/v1/graph/stream", "graphStream", VIEWER, "graph", "Changes of the graph as they happen", stream::<GraphChange>()).query::<GraphQuery>(),
    endpoint(Get, "/api/v1/history", "history", VIEWER, "graph", "What was counted over time", json::<Timeline>()).query::<HistoryRange>(),
    endpoint(Get, "/api/v1/history/graph", "pastGraph", VIEWER, "graph", "The connection graph of a stretch of the past", json::<PastGraph>()).query::<PastGraphQuery>(),
    endpoint(Get, "/api/v1/edges", "edges", VIEWER, "graph", "Edges as a list", json::<EdgeList>()).query::<EdgeQuery>(),
    endpoint(Get, "/api/v1/flows/stream", "flowStream", VIEWER, "graph", "Single flows as they happen", stream::<FlowMessage>()).query::<FlowQuery>(),

    endpoint(Get, "/api/v1/events", "events", VIEWER, "events", "What happened, newest first", json::<EventList>()).query::<EventQuery>(),
    endpoint(Get, "/api/v1/events/stream", "eventStream", VIEWER, "events", "Events as they happen, resumable by Last-Event-ID", stream::<EventMessage>()).query::<EventStreamQuery>(),

    endpoint(Get, "/api/v1/policies", "policies", VIEWER, "policies", "All policy documents", json::<PolicyList>()),
    endpoint(Post, "/api/v1/policies/apply", "apply", OPERATOR, "policies", "Apply documents, all or none; or say what would happen", json::<ApplyResult>()).body::<ApplyRequest>(),
    endpoint(Get, "/api/v1/policies/history", "policyHistory", VIEWER, "policies", "Revisions, newest first", json::<PolicyHistory>()).query::<HistoryQuery>(),
    endpoint(Post, "/api/v1/policies/restore", "restore", OPERATOR, "policies", "Make an earlier revision hold again", json::<ApplyResult>()).body::<RestoreRequest>(),
    endpoint(Get, "/api/v1/policies/effective/{namespace}/{name}", "effectivePolicy", VIEWER, "policies", "All rules of a service in deciding order", json::<EffectivePolicy>()),
    endpoint(Get, "/api/v1/policies/{namespace}/{name}", "policy", VIEWER, "policies", "One document; as YAML with format=yaml", json::<Policy>()).query::<PolicyFormatQuery>(),
    endpoint(Put, "/api/v1/policies/{namespace}/{name}", "putPolicy", OPERATOR, "policies", "Create or replace one document", json::<ApplyResult>()).body::<PolicyPut>(),
    endpoint(Delete, "/api/v1/policies/{namespace}/{name}", "deletePolicy", OPERATOR, "policies", "Delete one document", json::<ApplyResult>()),

    endpoint(Post, "/api/v1/policy/explain", "explain", VIEWER, "policy", "May A speak to B, and what decides", json::<Explanation>()).body::<ExplainRequest>(),
    endpoint(Post, "/api/v1/policy/simulate", "simulate", VIEWER, "policy", "Which edges would documents change", json::<Simulation>()).body::<SimulateRequest>(),
    endpoint(Get, "/api/v1/policy/reach", "reach", VIEWER, "policy", "Can A ever reach B, and how", json::<Reach>()).query::<ReachQuery>(),
    endpoint(Get, "/api/v1/policy/who-can-reach", "whoCanReach", VIEWER, "policy", "Who can reach a service", json::<WhoCanReach>()).query::<WhoCanReachQuery>(),

    endpoint(Get, "/api/v1/policy/trials", "trials", VIEWER, "policy", "Candidates that are or were tried beside the policy in force, newest first", json::<TrialList>()),
    endpoint(Post, "/api/v1/policy/trials", "beginTrial", OPERATOR, "policy", "Try documents beside the policy in force; nothing is enforced by them", json::<TrialDetail>()).body::<TrialRequest>(),
    endpoint(Get, "/api/v1/policy/trials/{id}", "trial", VIEWER, "policy", "What a trial found so far", json::<TrialDetail>()),
    endpoint(Delete, "/api/v1/policy/trials/{id}", "stopTrial", OPERATOR, "policy", "End a running trial; remove one that has ended", Answer::Empty),

    endpoint(Get, "/api/v1/policy/proposals", "proposals", VIEWER, "policy", "Proposed changes of documents, newest first", json::<ProposalList>()).query::<ProposalQuery>(),
    endpoint(Post, "/api/v1/policy/proposals", "propose", PROPOSER, "policy", "Propose documents for others to decide on", json::<ProposalDetail>()).body::<ProposalRequest>(),
    endpoint(Get, "/api/v1/policy/proposals/{id}", "proposal", VIEWER, "policy", "A proposal, and what accepting it would do now", json::<ProposalDetail>()),
    endpoint(Post, "/api/v1/policy/proposals/{id}/decision", "decideProposal", OPERATOR, "policy", "Accept a proposal, which applies it, or reject it", json::<ProposalDetail>()).body::<ProposalDecision>(),
    endpoint(Delete, "/api/v1/policy/proposals/{id}", "withdrawProposal", PROPOSER, "policy", "Take a proposal back", json::<ProposalDetail>()),

    endpoint(Get, "/api/v1/blast-radius", "blastRanking", VIEWER, "blast-radius", "Services by what falls with them", json::<BlastRanking>()),
    endpoint(Get, "/api/v1/blast-radius/plan", "blastPlan", VIEWER, "blast-radius", "What to close first", json::<BlastPlan>()).query::<BlastPlanQuery>(),
    endpoint(Get, "/api/v1/blast-radius/{namespace}/{name}", "blastRadius", VIEWER, "blast-radius", "What falls with one service", json::<BlastRadius>()).query::<BlastQuery>(),

    endpoint(Get, "/api/v1/review", "review", VIEWER, "review", "Learned rules that wait for a decision", json::<ReviewList>()).query::<ReviewQuery>(),
    endpoint(Post, "/api/v1/review", "decide", OPERATOR, "review", "Decide", json::<ReviewResult>()).body::<ReviewRequest>(),

    endpoint(Get, "/api/v1/zones", "zones", VIEWER, "compliance", "Zones: members, conduits, exceptions, and whether they are isolated", json::<ZoneList>()).query::<ZoneQuery>(),
    endpoint(Get, "/api/v1/reports", "reports", VIEWER, "compliance", "Frameworks that reports can be made for", json::<ReportFrameworks>()),
    endpoint(Get, "/api/v1/reports/key", "reportKey", VIEWER, "compliance", "The key that signs reports", json::<ReportKey>()),
    endpoint(Get, "/api/v1/reports/{framework}", "report", VIEWER, "compliance", "A signed report; as a page or Markdown with format", json::<SealedReport>()).query::<ReportQuery>(),

    endpoint(Get, "/api/v1/tokens", "tokens", ADMIN, "administration", "API tokens", json::<TokenList>()),
    endpoint(Post, "/api/v1/tokens", "createToken", ADMIN, "administration", "Create a token; its secret is shown this once", json::<CreatedToken>()).body::<TokenRequest>(),
    endpoint(Delete, "/api/v1/tokens/{id}", "deleteToken", ADMIN, "administration", "Revoke a token and the sessions made from it", Answer::Empty),
    endpoint(Get, "/api/v1/audit", "audit", ADMIN, "administration", "Who did what, newest first", json::<AuditList>()).query::<AuditQuery>(),
    endpoint(Get, "/api/v1/audit/verify", "verifyAudit", ADMIN, "administration", "Whether the audit log is whole", json::<AuditVerification>()),
    endpoint(Get, "/api/v1/automation", "automation", VIEWER, "administration", "Which services are promoted on evidence", json::<AutomationRules>()),
    endpoint(Put, "/api/v1/automation", "putAutomation", OPERATOR, "administration", "Replace the rules of it", json::<AutomationRules>()).body::<AutomationRules>(),
    endpoint(Get, "/api/v1/settings", "settings", VIEWER, "administration", "Settings", json::<Settings>()),
    endpoint(Put, "/api/v1/settings", "putSettings", ADMIN, "administration", "Replace the settings", json::<Settings>()).body::<Settings>(),
    endpoint(Get, "/api/v1/outputs", "outputs", ADMIN, "administration", "Systems that events are sent to, without secrets", json::<Outputs>()),
    endpoint(Put, "/api/v1/outputs", "putOutputs", ADMIN, "administration", "Replace them", json::<Outputs>()).body::<Outputs>(),
    endpoint(Post, "/api/v1/outputs/{name}/test", "testOutput", ADMIN, "administration", "Send a test message", json::<OutputTest>()),

    endpoint(Get, "/api/v1/openapi.json", "openapi", OPEN, "status", "This document", Answer::Text("application/json")),
    endpoint(Get, "/metrics", "metrics", VIEWER, "status", "Metrics in the Prometheus text format", Answer::Text("text/plain")),
    endpoint(Get, "/healthz", "healthz", OPEN, "status", "Whether the process lives", Answer::Text("text/plain")),
    endpoint(Get, "/readyz", "readyz", OPEN, "status", "Whether it serves: 503 while degraded beyond use", Answer::Text("text/plain")),
];

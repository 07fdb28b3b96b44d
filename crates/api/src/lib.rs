//! What the REST interface says: one type for each request and answer, the table of endpoints with the role that each
//! asks for, the OpenAPI document made from both, and (feature `client`) a client that speaks them.
//!
//! Server, command line and console share these types, so that a word means one thing everywhere and a stale document
//! fails a test instead of a user.

#![forbid(unsafe_code)]

mod blast;
#[cfg(feature = "client")]
pub mod client;
pub mod endpoints;
mod error;
mod events;
mod graph;
mod history;
mod learning;
mod openapi;
mod policies;
mod proposals;
mod reports;
mod review;
mod services;
mod session;
mod settings;
mod status;
#[cfg(feature = "client")]
pub mod transport;
mod trials;

pub use blast::{
    BlastClose, BlastCount, BlastExposure, BlastPlan, BlastPlanQuery, BlastPort, BlastQuery, BlastRadius,
    BlastRanking, BlastReached, BlastSide, BlastStep, BlastSummary,
};
pub use bulkhead_report::{
    Evidence, FrameworkInfo, Gap, Isolation, IsolationStatus, Report, ReportFormat, ReportSource,
    ReportSummary, Requirement, RequirementStatus, ScopeCounts, Seal, SealedReport, Signature, SourceKind,
    Statement, ZoneCrossing, ZoneDetour, ZoneList, ZoneMember, ZoneStatus, ZoneTraffic, ZoneWay,
};
pub use endpoints::{Access, ENDPOINTS, Endpoint, Method};
pub use error::{ApiError, ErrorBody, ErrorCode, ErrorDetail};
pub use events::{EventList, EventMessage, EventQuery, EventStreamQuery};
pub use graph::{
    EdgeColumns, EdgeList, EdgeQuery, FlowMessage, FlowQuery, Graph, GraphChange, GraphColumns, GraphNode,
    GraphQuery,
};
pub use history::{HistoryRange, PastEdge, PastGraph, PastGraphQuery, Timeline, TimelinePoint};
pub use learning::{
    Automation, AutomationBy, CurvePoint, Gate, LearningSummary, Profile, Progress, UnknownProfile,
};
pub use openapi::openapi;
pub use policies::{
    ApplyRequest, ApplyResult, ChangeAction, EffectivePolicy, EffectiveRule, ExplainRequest, Explanation,
    Finding, HistoryQuery, Policy, PolicyChange, PolicyFormatQuery, PolicyHistory, PolicyList, PolicyPut,
    PolicyRevision, Reach, ReachHop, ReachQuery, Reacher, RestoreRequest, SimulateRequest, Simulation,
    VerdictChange, WhoCanReach, WhoCanReachQuery,
};
pub use proposals::{
    Proposal, ProposalDecided, ProposalDecision, ProposalDetail, ProposalList, ProposalQuery,
    ProposalRequest, ProposalState,
};
pub use reports::{ReportFrameworks, ReportKey, ReportQuery, ZoneQuery};
pub use review::{
    Decided, Decision, Narrowing, ReviewDecision, ReviewItem, ReviewKind, ReviewList, ReviewPattern,
    ReviewQuery, ReviewRequest, ReviewResult,
};
pub use services::{
    JudgedEdge, ModeChange, PromotionPreview, PromotionQuery, QuarantineRequest, RuleInfo, ServiceDetail,
    ServiceList, ServiceQuery, ServiceSummary, SideVerdict,
};
pub use session::{
    AuditEntry, AuditList, AuditQuery, AuditVerification, CreatedToken, Role, Session, SessionRequest, Token,
    TokenList, TokenRequest, UnknownRole,
};
pub use settings::{
    AutomationRule, AutomationRules, AutomationSetting, GateSettings, Output, OutputStatus, OutputTarget,
    OutputTest, Outputs, Retention, ScanThresholds, Settings, SyslogFormat, SyslogTransport, WebhookFormat,
};
pub use status::{Degradation, ModeCounts, NodeStatus, Status, StoreStatus};
pub use trials::{
    Trial, TrialCounts, TrialDetail, TrialEdge, TrialEffect, TrialJudge, TrialList, TrialRequest, TrialState,
};

/// Where the interface lives below the server's address.
pub const PREFIX: &str = "/api/v1";
/// Header that carries the CSRF value of a cookie session.
pub const CSRF_HEADER: &str = "x-bulkhead-csrf";

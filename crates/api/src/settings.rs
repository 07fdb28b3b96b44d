use crate::{Automation, Profile};
use bulkhead_model::{ServiceName, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What can be changed while the controller runs. PUT replaces all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Promote services without being asked, where nothing else is set for them.
    pub automatic: bool,
    pub profile: Profile,
    /// Automation by namespace, zone or label; the first that fits is taken.
    pub automation: Vec<AutomationRule>,
    pub retention: Retention,
    pub scan: ScanThresholds,
    pub gates: GateSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationRule {
    /// Only services of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only members of this zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only services whose workloads all have these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    pub automatic: bool,
    #[serde(default)]
    pub profile: Profile,
}

/// Which services are promoted on evidence. What is set by hand for a service holds, else the first rule that fits, else
/// the default. PUT replaces all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationRules {
    /// For services that no rule fits.
    pub automatic: bool,
    #[serde(default)]
    pub profile: Profile,
    #[serde(default)]
    pub rules: Vec<AutomationRule>,
    #[serde(default)]
    pub by_hand: Vec<AutomationSetting>,
}

/// What was set for one service by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutomationSetting {
    pub service: ServiceName,
    pub automation: Automation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Events older than this are removed.
    #[schema(minimum = 1, maximum = 3650)]
    pub event_days: u32,
    /// History of the graph that is older is removed.
    #[schema(minimum = 1, maximum = 3650)]
    pub history_days: u32,
    /// Edges unused for longer are forgotten, unless a policy in force speaks of them.
    #[schema(minimum = 1, maximum = 3650)]
    pub edge_days: u32,
    /// So many revisions of the policy are kept, each with all documents.
    #[schema(minimum = 10, maximum = 1000000)]
    pub revisions: u32,
    /// Lines of the audit log that are older are removed. The hash of the last of them is kept, so that the rest can be
    /// verified.
    #[schema(minimum = 30, maximum = 36500)]
    pub audit_days: u32,
    /// Oldest events, history and revisions go once the database is larger; the newest thousand events and lines of
    /// history, ten revisions and the audit log stay.
    #[schema(minimum = 16, maximum = 1048576)]
    pub max_megabytes: u64,
}

/// When fan-out counts as a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScanThresholds {
    /// Distinct new peers and ports within the window.
    #[schema(minimum = 2, maximum = 100000)]
    pub targets: u32,
    #[schema(minimum = 1, maximum = 3600)]
    pub window_seconds: u32,
}

/// When a service that was promoted on evidence is treated as in Monitor for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateSettings {
    /// The first minutes after a start, until two starts were watched.
    pub startup: bool,
    /// Hours of weekdays and of the weekend that were never watched.
    pub calendar: bool,
    /// So many hours after a new image was deployed, what is new with it only alerts. This is an attack window; 0
    /// closes it.
    #[schema(maximum = 720)]
    pub deployment_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            automatic: false,
            profile: Profile::Default,
            automation: Vec::new(),
            retention: Retention::default(),
            scan: ScanThresholds::default(),
            gates: GateSettings::default(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            event_days: 30,
            history_days: 30,
            edge_days: 90,
            revisions: 1000,
            audit_days: 730,
            max_megabytes: 1024,
        }
    }
}

impl Default for GateSettings {
    fn default() -> Self {
        Self { startup: true, calendar: true, deployment_hours: 6 }
    }
}

impl Default for ScanThresholds {
    fn default() -> Self {
        Self { targets: 20, window_seconds: 60 }
    }
}

/// Systems that events are sent to. PUT replaces all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    pub outputs: Vec<Output>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Unique; letters, digits, `-`, `_`.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// At least this severity.
    #[serde(default = "warning")]
    pub min_severity: Severity,
    /// Only these types; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    pub target: OutputTarget,
    /// Only in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OutputStatus>,
}

fn yes() -> bool {
    true
}

fn warning() -> Severity {
    Severity::Warning
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum OutputTarget {
    /// RFC 5424 messages, as text or in the Common Event Format.
    Syslog {
        /// `host:port`
        address: String,
        transport: SyslogTransport,
        #[serde(default)]
        format: SyslogFormat,
        /// PEM of the certificate authority, for TLS; the system's where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_pem: Option<String>,
    },
    Webhook {
        /// `https://...`, or `http://` for addresses of the own network.
        url: String,
        #[serde(default)]
        format: WebhookFormat,
        /// Key of the HMAC-SHA256 in `X-Bulkhead-Signature`. Answers say `***`; PUT of `***` keeps what is stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca_pem: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogTransport {
    Udp,
    Tcp,
    Tls,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogFormat {
    #[default]
    Rfc5424,
    Cef,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    #[default]
    Json,
    Slack,
    Teams,
    /// A log record in OpenTelemetry's protocol (OTLP over HTTP, JSON): the URL is that of a collector, with `/v1/logs`.
    Otlp,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputStatus {
    pub sent: u64,
    /// Waiting in the spool.
    pub queued: u64,
    /// Dropped because the spool was full.
    pub lost: u64,
    pub last_success: Option<Timestamp>,
    pub last_error: Option<String>,
}

/// What became of a test message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputTest {
    pub delivered: bool,
    /// What the other side said, or why it could not be reached.
    pub message: String,
    pub milliseconds: u64,
}

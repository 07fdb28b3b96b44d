use bulkhead_report::{FrameworkInfo, ReportFormat};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What reports can be made for, and with which key they are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportFrameworks {
    pub items: Vec<FrameworkInfo>,
    pub key: ReportKey,
}

/// The key that signs reports; whoever notes its fingerprint can check reports offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportKey {
    /// `ed25519`
    pub algorithm: String,
    /// `sha256:` and the hash of the public key.
    pub fingerprint: String,
    /// The public key in PEM.
    pub pem: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReportQuery {
    /// The zone that it is about; the whole estate without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// `json` (default), `html` or `md`.
    #[param(inline)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ReportFormat>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ZoneQuery {
    /// Only this zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

//! `[traces]`: where a trace of each build goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where `muster serve` sends a trace of each build that ended: an OpenTelemetry collector, or whatever else takes OTLP
/// over HTTP in protobuf. Where it is silent, OpenTelemetry's own variables are heeded. It is read at the start only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TracesSection {
    /// The collector's address, `http://collector:4318`; `/v1/traces` is added to it. Not set is what
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` says; without either nothing is sent.
    pub endpoint: Option<String>,
    /// Headers of each request that are no secrets. Those of `OTEL_EXPORTER_OTLP_HEADERS` are sent, too, unless they are
    /// written here.
    pub headers: BTreeMap<String, String>,
    /// Headers whose value stands in a file (mode 0600), as credentials do: `{ authorization = "collector.auth" }`.
    pub header_files: BTreeMap<String, PathBuf>,
    /// What the service is called in its traces. Not set is what `OTEL_SERVICE_NAME` says, else `muster`.
    pub service_name: Option<String>,
}

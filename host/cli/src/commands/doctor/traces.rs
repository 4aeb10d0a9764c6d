//! Whether traces can be sent, where they are wanted.

use super::finding::Findings;
use super::run::failure;
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::serve;

/// Asks the collector to take a request without spans.
pub(super) async fn look(findings: &mut Findings, host: &HostFile, kept: &Kept) {
    let settings = match serve::trace_settings(host, &kept.state, |name| std::env::var(name).ok()) {
        Ok(Some(settings)) => settings,
        Ok(None) => return,
        Err(error) => return failure(findings, "traces", &error),
    };
    let endpoint = &settings.endpoint;
    match service::Traces::probe(&settings).await {
        Ok(()) => findings.ok("traces", format!("{endpoint} takes them")),
        // Builds do not suffer from it.
        Err(why) => findings.warning(
            "traces",
            format!("{endpoint} does not take them: {why}"),
            "check `[traces]`, and that the collector is reachable and takes OTLP over HTTP",
        ),
    }
}

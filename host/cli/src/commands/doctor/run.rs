//! Looks at everything, and tells it.

use anyhow::Context;
use serde_json::json;

use super::finding::{Finding, Findings};
use super::{machine, server, state, traces};
use crate::args::{DoctorArgs, GlobalArgs};
use crate::commands::output::print_beside;
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::exit::{Exit, what_and_hint};
use crate::serve;

/// Looks and tells.
///
/// # Errors
/// Nothing can be told.
pub(in crate::commands) fn run(global: &GlobalArgs, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start")?;
    let findings = runtime.block_on(look(global, args));
    runtime.shutdown_background();
    if args.json {
        print_beside(&json!({"ok": !findings.failed(), "findings": findings.0}).to_string())?;
    } else {
        print_beside(&findings.0.iter().map(line).collect::<String>())?;
    }
    Ok(if findings.failed() { Exit::Failed } else { Exit::Passed })
}

async fn look(global: &GlobalArgs, args: &DoctorArgs) -> Findings {
    let mut findings = Findings::default();
    let folders = Folders::of_process();
    let config = global.config.as_deref();
    let is_read = match HostFile::find(config, &folders) {
        Ok(host) => {
            let name = host.source.as_ref().map(|source| source.path.display().to_string());
            findings.ok("configuration", name.unwrap_or_else(|| "no file, all defaults".to_owned()));
            match serve::kept(args.state.as_deref(), &host, &folders) {
                Ok(kept) => {
                    state::look(&mut findings, &host, &kept).await;
                    machine::look(&mut findings, &host, &kept).await;
                    traces::look(&mut findings, &host, &kept).await;
                }
                Err(error) => failure(&mut findings, "state folder", &error),
            }
            true
        }
        Err(error) => {
            failure(&mut findings, "configuration", &error.into());
            false
        }
    };
    // Which server is meant stands in the configuration, unless it is named.
    if is_read || args.server.server.is_some() {
        server::look(&mut findings, &args.server, config, &folders).await;
    }
    findings
}

/// An error as a finding.
pub(super) fn failure(findings: &mut Findings, about: &str, error: &anyhow::Error) {
    let (what, hint) = what_and_hint(error);
    findings.failure(about, what, hint);
}

fn line(finding: &Finding) -> String {
    // A message that points at a line of a file has several; they stand below.
    let found = finding.found.replace('\n', "\n          ");
    let hint = if finding.hint.is_empty() { String::new() } else { format!(": {}", finding.hint) };
    format!("{:<8}  {}: {found}{hint}\n", finding.grade.word(), finding.about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Grade;

    #[test]
    fn a_line_says_what_to_do() {
        let finding = Finding {
            about: "disk".into(),
            grade: Grade::Warning,
            found: "2 GiB are free".into(),
            hint: "make room".into(),
        };
        assert_eq!(line(&finding), "warning   disk: 2 GiB are free: make room\n");
    }
}

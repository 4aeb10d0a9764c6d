//! The server: reached, ready, and what the token may do there.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::finding::Findings;
use super::run::failure;
use crate::args::ServerArgs;
use crate::client::{Client, ServerError, find};
use crate::config::find::Folders;

/// Clocks may differ by so much; a date has whole seconds.
const SKEW: Duration = Duration::from_secs(5);

/// Who the server takes us for.
#[derive(Deserialize)]
struct WhoAmI {
    name: String,
    scopes: Vec<String>,
}

/// Looks at it. That none answers where none was named is no failure.
pub(super) async fn look(findings: &mut Findings, args: &ServerArgs, config: Option<&Path>, folders: &Folders) {
    let server = match find(args, config, folders) {
        Ok(server) => server,
        Err(error) => return failure(findings, "server", &error),
    };
    let (has_token, told_by, url) = (server.token.is_some(), server.told_by.clone(), server.url.clone());
    let client = match Client::new(server) {
        Ok(client) => client,
        Err(error) => return failure(findings, "server", &error),
    };
    match client.ready().await {
        Ok((ready, words, date)) => {
            let standing = words["standing"].as_str().unwrap_or("something else");
            if ready {
                findings.ok("server", format!("{url} is ready ({standing})"));
            } else {
                let hint = "its log says more; a store or blob store that is away is asked again until it answers";
                findings.failure("server", format!("{url} is not ready: {words}"), hint);
            }
            clock(findings, date);
        }
        Err(error @ ServerError::Unreachable { .. }) if args.server.is_none() => {
            findings.warning("server", error.to_string(), error.hint());
            return;
        }
        Err(error) => return failure(findings, "server", &error.into()),
    }
    if !has_token {
        let hint = "`muster tokens create NAME` makes one, run by an administrator; name it by MUSTER_TOKEN";
        return findings.warning("token", told_by, hint);
    }
    match client.get::<WhoAmI>("/whoami").await {
        Ok(who) => findings.ok("token", format!("{} may {}", who.name, who.scopes.join(", "))),
        Err(error) => failure(findings, "token", &error.into()),
    }
}

fn clock(findings: &mut Findings, date: Option<SystemTime>) {
    let Some(date) = date else { return };
    let now = SystemTime::now();
    let skew = now.duration_since(date).unwrap_or_else(|early| early.duration());
    if skew > SKEW {
        let found = format!("this clock and the server's differ by {} s", skew.as_secs());
        findings.warning("clock", found, "set both by NTP: times of logs and the ends of tokens go by the server's");
    } else {
        findings.ok("clock", "as the server's");
    }
}

//! The list of all builds.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::shell::{Shell, html};
use super::words;
use crate::api::{Args, Filter, builds_page};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildItem, OutcomeWord};

/// What a form asks for: a field that is left empty says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    project: String,
    builder: String,
    outcome: String,
    running: Option<bool>,
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "builds.html")]
struct Page {
    shell: Shell,
    asked: Asked,
    outcomes: Vec<(&'static str, bool)>,
    builds: Vec<BuildItem>,
    older: Option<String>,
}

/// A page of builds, newest first.
pub(super) async fn builds(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Args(asked): Args<Asked>,
) -> Result<Response, Problem> {
    let named = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let filter = Filter {
        project: named(&asked.project),
        builder: named(&asked.builder),
        outcome: OutcomeWord::from_word(&asked.outcome),
        running: asked.running,
        before: asked.before,
        limit: None,
    };
    let found = builds_page(&service, filter).await?;
    let outcomes = [OutcomeWord::Passed, OutcomeWord::Failed, OutcomeWord::Errored, OutcomeWord::Canceled];
    let outcomes = outcomes.map(|outcome| (outcome.word(), outcome.word() == asked.outcome)).to_vec();
    let older = found.next.map(|next| format!("/builds?before={next}{}", rest(&asked)));
    let mut shell = Shell::new("builds · muster", Some(&identity));
    shell.place = "Builds";
    html(StatusCode::OK, &Page { shell, asked, outcomes, builds: found.builds, older })
}

/// What the next page is asked with, too.
fn rest(asked: &Asked) -> String {
    let running = asked.running.map(|running| running.to_string()).unwrap_or_default();
    let named =
        [("project", &asked.project), ("builder", &asked.builder), ("outcome", &asked.outcome), ("running", &running)];
    let said = named.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| format!("&{name}={}", words::query(value))).collect()
}

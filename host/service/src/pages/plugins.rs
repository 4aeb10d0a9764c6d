//! Plugins and builders, and the buttons that change them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::shell::{Shell, html};
use super::words;
use crate::api::{Args, InPath, reload_plugins, roll_back};
use crate::generations::before;
use crate::identity::{Identity, Scope};
use crate::ports::{BuilderView, PluginView, ReloadReport};
use crate::problem::Problem;
use crate::service::Service;

#[derive(Template)]
#[template(path = "plugins.html")]
struct Page {
    shell: Shell,
    /// What was done just now.
    told: Vec<String>,
    /// Whoever reads may reload and roll back here.
    may_change: bool,
    plugins: Vec<Plugin>,
    builders: Vec<BuilderView>,
}

/// A plugin, and its generations.
struct Plugin {
    view: PluginView,
    /// The digest that a rollback returns to.
    before: Option<String>,
    generations: Vec<Generation>,
}

struct Generation {
    digest: String,
    at_ms: u64,
    who: String,
    source: String,
    serves: bool,
}

/// What a button did: the page that it leads to says so.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    /// How many plugins a reload changed.
    reloaded: Option<u64>,
    /// The plugin that was rolled back.
    rolled_back: Option<String>,
}

/// The plugins, their generations, and the builders that come from them.
pub(super) async fn plugins(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Args(done): Args<Done>,
) -> Result<Response, Problem> {
    let told = told(&done, &service.planner().plugins());
    page(&service, &identity, told.into_iter().collect()).await
}

/// An address can be written by anyone: of a plugin only what is so is told, and a number of changes is all it can claim.
fn told(done: &Done, plugins: &[PluginView]) -> Option<String> {
    match (done.reloaded, &done.rolled_back) {
        (Some(0), _) => Some("Configuration and plugins are read anew; no plugin changed.".to_owned()),
        (Some(changed), _) => {
            let changed = report::text::plural(changed, "plugin");
            Some(format!("Configuration and plugins are read anew: {changed} changed. Builds that run keep theirs."))
        }
        (None, Some(name)) => {
            let plugin = plugins.iter().find(|plugin| plugin.name == *name)?;
            Some(format!("`{name}` serves with {} now. Builds that run keep theirs.", words::short(&plugin.digest)))
        }
        (None, None) => None,
    }
}

async fn page(service: &Service, identity: &Identity, told: Vec<String>) -> Result<Response, Problem> {
    let mut plugins = Vec::new();
    for view in service.planner().plugins() {
        let rows = service.store().generations(&view.name).await?;
        let before = before(&rows, &view.digest).map(str::to_owned);
        let generations = rows.into_iter().map(|row| Generation {
            serves: row.digest == view.digest,
            at_ms: crate::view::unix_ms(row.at),
            digest: row.digest,
            who: row.who,
            source: row.source,
        });
        plugins.push(Plugin { generations: generations.collect(), before, view });
    }
    let mut shell = Shell::new("plugins · muster", Some(identity));
    shell.place = "Plugins";
    let may_change = identity.scopes.allow(Scope::Manage) && service.driven().is_some();
    html(StatusCode::OK, &Page { shell, told, may_change, plugins, builders: service.planner().builders() })
}

/// Reads configuration and plugins anew.
pub(super) async fn reload(State(service): State<Arc<Service>>, identity: Identity) -> Result<Response, Problem> {
    let report = reload_plugins(&service, &identity).await?;
    let changed = report.changed.len();
    answer(&service, &identity, report, &format!("reloaded={changed}")).await
}

/// Returns to the generation of a plugin before the one that serves.
pub(super) async fn rollback(
    State(service): State<Arc<Service>>,
    identity: Identity,
    InPath(name): InPath<String>,
) -> Result<Response, Problem> {
    let report = roll_back(&service, &identity, &name).await?;
    answer(&service, &identity, report, &format!("rolled_back={}", words::query(&name))).await
}

/// Leads back to the page, where loading it again does nothing again; only what is worth a look is shown at once.
async fn answer(service: &Service, identity: &Identity, report: ReloadReport, done: &str) -> Result<Response, Problem> {
    if report.notes.is_empty() {
        return Ok(Redirect::to(&format!("/plugins?{done}")).into_response());
    }
    page(service, identity, report.notes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_makes_nobody_say_what_is_not_so() {
        let plugins =
            [PluginView { name: "tap".into(), digest: "sha256:0123456789abcdef".into(), ..Default::default() }];
        let rolled_back = |name: &str| told(&Done { rolled_back: Some(name.into()), ..Done::default() }, &plugins);
        assert!(rolled_back("tap").is_some_and(|told| told.starts_with("`tap` serves with 0123456789ab now")));
        assert_eq!(rolled_back("whatever one likes"), None);
        assert_eq!(told(&Done::default(), &plugins), None);
    }
}

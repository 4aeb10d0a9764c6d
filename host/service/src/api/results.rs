//! The tests of a build.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Args, Build, page};
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{TestsPage, VerdictWord, test, tries};

/// Tests of a page, unless asked otherwise, and at most.
const PAGE: u32 = 200;
const MAX_PAGE: u32 = 1_000;

/// Which tests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// With this verdict only.
    verdict: Option<VerdictWord>,
    /// Those whose name holds this text only.
    q: Option<String>,
    /// Later in the list than this one: `next` of the page before.
    after: Option<u32>,
    /// How many.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// The tests of a build, in listed order
#[utoipa::path(
    get, path = "/builds/{id}/tests", tag = "results",
    params(("id" = u64, Path, description = "its number"), Filter), responses((status = 200, body = TestsPage))
)]
pub(super) async fn tests(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(filter): Args<Filter>,
) -> Result<Json<TestsPage>, Problem> {
    let limit = page(filter.limit, PAGE, MAX_PAGE)? as usize;
    let known = service.known(id).await?;
    let facts = known.facts();
    let facts = facts.as_ref();
    let wanted = |index: &engine::TestIndex| {
        let test = facts.test(*index);
        let verdict = test.verdict.as_ref().map(|verdict| VerdictWord::from(verdict.kind));
        filter.after.is_none_or(|after| index.0 > after)
            && filter.verdict.is_none_or(|wanted| verdict == Some(wanted))
            && filter.q.as_ref().is_none_or(|text| test.test.name.contains(text.as_str()))
    };
    let mut found: Vec<_> = facts.indices().filter(wanted).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let tries = tries(facts);
    let of = |index| tries.get(index).map(Vec::as_slice).unwrap_or_default();
    let tests = found.iter().map(|index| test(facts, *index, of(index))).collect();
    Ok(Json(TestsPage { tests, next: found.last().filter(|_| more).map(|index| index.0) }))
}

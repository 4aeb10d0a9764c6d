//! What is kept of a build for other programs and for people.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use coordinator::streams::ORDERED;
use coordinator::view::BuildReport;
use coordinator::{StoredExcerpts, now};
use engine::Outcome;
use futures::{StreamExt as _, stream};
use http::header;
use report::summary::Paint;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Args, Build};
use super::log::{TEXT, as_it_is, pieces};
use crate::facts::Known;
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::{CertificateView, certificate as certificate_view};

/// JUnit XML of the tests that have a verdict by now
#[utoipa::path(
    get, path = "/builds/{id}/junit", tag = "results", params(("id" = u64, Path, description = "its number")),
    responses((status = 200, description = "JUnit XML", body = String, content_type = "application/xml"))
)]
pub(super) async fn junit(State(service): State<Arc<Service>>, Build(id): Build) -> Result<Response, Problem> {
    let report = report_of(&service, &service.known(id).await?).await?;
    let xml = written(move |out| report::junit::write(&report, out)).await?;
    Ok(([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], xml).into_response())
}

/// The HTML report: one page that needs nothing else
#[utoipa::path(
    get, path = "/builds/{id}/report", tag = "results", params(("id" = u64, Path, description = "its number")),
    responses((status = 200, description = "HTML", body = String, content_type = "text/html"))
)]
pub(super) async fn html(State(service): State<Arc<Service>>, Build(id): Build) -> Result<Response, Problem> {
    let report = report_of(&service, &service.known(id).await?).await?;
    let html = written(move |out| report::html::write(&report, out)).await?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

/// How the summary is to look.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Look {
    /// 1: with the colors of terminals.
    #[param(minimum = 0, maximum = 1)]
    color: Option<u8>,
    /// 1: only failures and the end.
    #[param(minimum = 0, maximum = 1)]
    quiet: Option<u8>,
}

/// The end of a build in words, as `muster build` prints it
#[utoipa::path(
    get, path = "/builds/{id}/summary", tag = "results", params(("id" = u64, Path, description = "its number"), Look),
    responses((status = 200, description = "text", body = String, content_type = "text/plain"))
)]
pub(super) async fn summary(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(look): Args<Look>,
) -> Result<Response, Problem> {
    let report = report_of(&service, &service.known(id).await?).await?;
    let paint = Paint { color: look.color == Some(1) };
    let text = report::summary::summary(&report, paint, look.quiet == Some(1));
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// Where the time of a build went
#[utoipa::path(
    get, path = "/builds/{id}/certificate", tag = "results", params(("id" = u64, Path, description = "its number")),
    responses((status = 200, body = CertificateView))
)]
pub(super) async fn certificate(
    State(service): State<Arc<Service>>,
    Build(id): Build,
) -> Result<Json<CertificateView>, Problem> {
    let known = service.known(id).await?;
    let report = report_of(&service, &known).await?;
    let certificate = report.certificate.as_ref().filter(|_| known.has_ended());
    certificate.map(certificate_view).map(Json).ok_or_else(|| {
        Problem::new(Kind::NotYet, format!("build {} has no certificate: it is not over", id.0), "wait for its end")
    })
}

/// The log as its builder frames it: of 2015, or as it was printed.
pub(super) async fn framed(service: &Arc<Service>, known: Known) -> Result<Response, Problem> {
    let build = known.build();
    if !known.has_ended() {
        let detail = format!("the log of build {} is framed when the build is over", build.0);
        return Err(Problem::new(Kind::NotYet, detail, "leave out `framed`, or wait for its end"));
    }
    let (now, _, known) = as_it_is(service, build, ORDERED, known).await?;
    let log = pieces(Arc::clone(service), build, ORDERED, 0, now.end);
    let report = report_of(service, &known).await?;
    if report.log == coordinator::ports::LogFormat::Plain {
        return Ok(text(log));
    }
    let report = Arc::new(report);
    let of_tail = Arc::clone(&report);
    let head = written(move |out| report::go2015::write_head(&report, out)).await?;
    let tail = written(move |out| report::go2015::write_tail(&of_tail, out)).await?;
    let once = |bytes: Vec<u8>| stream::iter([Ok(Bytes::from(bytes))]);
    Ok(text(once(head).chain(log).chain(once(tail))))
}

fn text(pieces: impl futures::Stream<Item = Result<Bytes, logs::LogError>> + Send + 'static) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], Body::from_stream(pieces)).into_response()
}

/// The report of a build, running or over. Before its tests are known there is nothing in it.
async fn report_of(service: &Service, known: &Known) -> Result<BuildReport, Problem> {
    if known.look(|facts, _| facts.tests.is_empty() && facts.ended.is_none()) {
        return Err(Problem::new(
            Kind::NotYet,
            format!("the tests of build {} are not known yet: it is in the phase `{}`", known.build().0, known.phase()),
            "come again when it is in the phase `test`: its events say when",
        ));
    }
    Ok(report_now(service, known).await)
}

/// The report of a build as far as it has come, whatever is in it.
pub(crate) async fn report_now(service: &Service, known: &Known) -> BuildReport {
    let facts = known.facts();
    let (now, running) = (now(), Outcome::Errored { cause: "it is not over".to_owned() });
    let excerpts = StoredExcerpts::new(service.logs().clone(), facts.spec.build);
    let (ended, outcome) = facts.ended.as_ref().map_or((now, &running), |(ended, outcome, _)| (*ended, outcome));
    coordinator::report_of(&facts, ended, outcome, &known.kept.log(), &excerpts).await
}

/// Writes a report where it keeps nobody waiting: a big one takes a while.
async fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()> + Send + 'static) -> Result<Vec<u8>, Problem> {
    let done = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        write(&mut out).map(|()| out)
    });
    let written = done.await.map_err(|error| Problem::internal(format!("writing a report: {error}")))?;
    written.map_err(|error| Problem::internal(format!("writing a report: {error}")))
}

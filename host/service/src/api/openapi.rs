//! The API's description, made of the routes themselves.

use axum::response::IntoResponse;
use http::header;
use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{PathItem, Ref, RefOr};

use super::{group, outside};
use crate::identity::Scope;
use crate::problem::{PROBLEM_JSON, ProblemBody};

/// How the document calls the bearer token.
const TOKEN: &str = "token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        version = "1",
        description = "A tree is made once, its tests run on many machines. Every refusal is an `application/problem+json` with a stable `type`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemBody))
)]
struct Base;

/// The whole description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = utoipa::openapi::OpenApi::default();
    for scope in Scope::ALL {
        let (_, mut part) = group(scope).split_for_parts();
        for operation in part.paths.paths.values_mut().flat_map(operations) {
            let scopes = [scope.word()];
            operation.security = Some(vec![SecurityRequirement::new(TOKEN, scopes)]);
        }
        api.merge(part);
    }
    let mut document = Base::openapi().nest("/api/v1", api);
    let (_, outside) = outside().split_for_parts();
    document.merge(outside);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.responses.responses.entry("default".to_owned()).or_insert_with(refusal);
    }
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("`muster tokens create` makes one."));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    document
}

/// Every operation of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.head].into_iter().flatten()
}

/// Any answer that is not described otherwise.
fn refusal() -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description("a refusal, and what to do about it")
        .content(PROBLEM_JSON, content)
        .build()
        .into()
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server", security(()), responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(super) async fn document() -> impl IntoResponse {
    let text = openapi().to_pretty_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text)
}

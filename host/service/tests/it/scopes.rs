//! What each scope may do on every route, held against the API's own description.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use service::identity::Scope;

use crate::recorded::ended;
use crate::server::{Server, answer, start};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Everybody, with or without a token.
    Nothing,
    /// Whoever has this scope, or a bigger one.
    Scope(Scope),
}

use Needs::{Nothing, Scope as Needed};
use Scope::{Admin, Manage, Read, Submit};

/// Method, path, who may, and the status for those who may. `{id}` is a build of `submit` that has ended.
const ROUTES: &[(&str, &str, Needs, u16)] = &[
    ("GET", "/healthz", Nothing, 200),
    ("GET", "/readyz", Nothing, 200),
    ("GET", "/metrics", Needed(Read), 200),
    ("GET", "/api/v1/openapi.json", Nothing, 200),
    ("GET", "/api/v1/whoami", Needed(Read), 200),
    ("HEAD", "/api/v1/trees/{digest}", Needed(Read), 404),
    ("PUT", "/api/v1/trees/{digest}", Needed(Submit), 422),
    ("GET", "/api/v1/builds", Needed(Read), 200),
    ("POST", "/api/v1/builds", Needed(Submit), 409),
    ("GET", "/api/v1/builds/{id}", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/events", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/log", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/log/lines", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/log/search", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/logs", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/logs/{stream}", Needed(Read), 404),
    ("GET", "/api/v1/builds/{id}/machines/{lease}/log", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/tests", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/junit", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/report", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/summary", Needed(Read), 200),
    ("GET", "/api/v1/builds/{id}/certificate", Needed(Read), 200),
    ("POST", "/api/v1/builds/{id}/cancel", Needed(Submit), 409),
    ("POST", "/api/v1/builds/{id}/retry", Needed(Submit), 409),
    ("GET", "/api/v1/queue", Needed(Read), 200),
    ("GET", "/api/v1/builders", Needed(Read), 200),
    ("GET", "/api/v1/plugins", Needed(Read), 200),
    ("POST", "/api/v1/plugins/reload", Needed(Manage), 200),
    ("POST", "/api/v1/plugins/{name}/rollback", Needed(Manage), 200),
    ("GET", "/api/v1/pools", Needed(Read), 200),
    ("GET", "/api/v1/events", Needed(Read), 200),
    ("GET", "/api/v1/tokens", Needed(Admin), 200),
    ("POST", "/api/v1/tokens", Needed(Admin), 201),
    ("DELETE", "/api/v1/tokens/{id}", Needed(Admin), 404),
];

#[test]
fn every_route_of_the_description_is_in_the_table() -> anyhow::Result<()> {
    let document = serde_json::to_value(service::openapi())?;
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let scope = operation["security"][0]["token"][0].as_str();
            described.insert((method.to_uppercase(), path.clone(), scope.map(str::to_owned)));
        }
    }
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, needs, _)| {
            let scope = match needs {
                // The metrics may be open: their first alternative is no token at all.
                _ if *path == "/metrics" => None,
                Nothing => None,
                Needed(scope) => Some(scope.word().to_owned()),
            };
            ((*method).to_owned(), (*path).to_owned(), scope)
        })
        .collect();
    assert_eq!(table, described);
    Ok(())
}

/// A token, or the lack of one; what is said to those who may not.
struct Caller {
    name: &'static str,
    token: Option<String>,
    scope: Option<Scope>,
    refusal: u16,
}

async fn callers(server: &Server) -> anyhow::Result<Vec<Caller>> {
    let expired = server.token_until("late", Scope::Admin, Some(1)).await?;
    let mut callers = vec![
        Caller { name: "no token", token: None, scope: None, refusal: 401 },
        Caller { name: "a wrong token", token: Some("muster_0000".to_owned()), scope: None, refusal: 401 },
        Caller { name: "an expired token", token: Some(expired), scope: None, refusal: 401 },
    ];
    for scope in Scope::ALL {
        // All are of one name: whose build it is makes no difference here.
        let token = server.token("somebody", scope).await?;
        callers.push(Caller { name: scope.word(), token: Some(token), scope: Some(scope), refusal: 403 });
    }
    Ok(callers)
}

/// What each route is sent.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/api/v1/builds") => Some(json!({ "tree": format!("sha256:{}", "1".repeat(64)) })),
        ("POST", "/api/v1/tokens") => Some(json!({ "name": "new", "scopes": ["read"] })),
        _ => None,
    }
}

#[tokio::test]
async fn each_scope_may_do_what_the_table_says() -> anyhow::Result<()> {
    let server = start().await?;
    let build = ended(&server.store, "somebody").await?;
    let callers = callers(&server).await?;
    for (method, template, needs, success) in ROUTES {
        let path = template
            .replace("tokens/{id}", "tokens/none")
            .replace("{id}", &build.0.to_string())
            .replace("{stream}", "a1")
            .replace("{lease}", "1")
            .replace("{name}", "pytest")
            .replace("{digest}", &format!("sha256:{}", "2".repeat(64)))
            .replace("search", "search?q=x");
        for caller in &callers {
            let may = match needs {
                Nothing => true,
                Needed(needed) => caller.scope.is_some_and(|scope| scope >= *needed),
            };
            let mut request = server.http.request(Method::from_bytes(method.as_bytes())?, server.url(&path));
            if let Some(token) = &caller.token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body(method, template) {
                request = request.json(&body);
            }
            let (status, told) = answer(request).await?;
            let expected = if may { *success } else { caller.refusal };
            assert_eq!(status, expected, "{method} {path} with {}: {told}", caller.name);
            // An answer to HEAD has no body that could say it.
            if !may && *method != "HEAD" {
                assert!(!told["hint"].as_str().unwrap_or_default().is_empty(), "{method} {path}: {told}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_anothers_needs_manage() -> anyhow::Result<()> {
    let server = start().await?;
    let build = ended(&server.store, "somebody").await?.0;
    let other = server.client(Scope::Submit).await?;
    for what in ["cancel", "retry"] {
        let (status, told) = answer(other.request(Method::POST, &format!("/builds/{build}/{what}"))).await?;
        assert_eq!((status, told["type"].as_str()), (403, Some("urn:muster:scope-missing")), "{what}: {told}");
    }
    let manager = server.client(Scope::Manage).await?;
    let (status, told) = answer(manager.request(Method::POST, &format!("/builds/{build}/cancel"))).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:ended")), "{told}");
    Ok(())
}

//! Tokens over the API: shown once, good until revoked, and each change is told.

use http::Method;
use serde_json::json;
use service::identity::Scope;

use crate::server::{Client, answer, start};

#[tokio::test]
async fn a_token_is_shown_once_and_good_until_it_is_revoked() -> anyhow::Result<()> {
    let server = start().await?;
    let admin = server.client(Scope::Admin).await?;
    let (status, made) =
        admin.post("/tokens", &json!({ "name": "ci", "scopes": ["submit"], "expires_in_s": 60 })).await?;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().unwrap_or_default().to_owned();
    let made_client = Client { server: &server, token };
    let (status, who) = made_client.get("/whoami").await?;
    assert_eq!((status, &who["name"], &who["scopes"]), (200, &json!("ci"), &json!(["submit"])));
    let (_, all) = admin.get("/tokens").await?;
    let listed = all["tokens"].as_array().into_iter().flatten().find(|token| token["id"] == made["id"]);
    let listed = listed.cloned().unwrap_or_default();
    assert_eq!((&listed["name"], &listed["by"]), (&json!("ci"), &json!("admin")), "{all}");
    assert!(listed.get("token").is_none() && listed["used"].is_u64(), "{listed}");
    let path = format!("/tokens/{}", made["id"].as_str().unwrap_or_default());
    assert_eq!(answer(admin.request(Method::DELETE, &path)).await?.0, 204);
    assert_eq!(made_client.get("/whoami").await?.0, 401);
    assert_eq!(answer(admin.request(Method::DELETE, &path)).await?.0, 404);
    let (_, events) = admin.get("/events?limit=1").await?;
    assert_eq!((&events["events"][0]["kind"], &events["events"][0]["who"]), (&json!("token-revoked"), &json!("admin")));
    let (_, older) = admin.get(&format!("/events?before={}", events["next"])).await?;
    assert_eq!((&older["events"][0]["kind"], &older["next"]), (&json!("token-created"), &json!(null)), "{older}");
    Ok(())
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused() -> anyhow::Result<()> {
    let server = start().await?;
    let admin = server.client(Scope::Admin).await?;
    for wanted in [
        json!({ "name": " ", "scopes": ["read"] }),
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x", "scopes": ["root"] }),
        json!({ "name": "x", "scopes": ["read"], "expires_in_s": 0 }),
        json!({ "name": "x", "scopes": ["read"], "life": 5 }),
    ] {
        let (status, told) = admin.post("/tokens", &wanted).await?;
        assert_eq!((status, told["type"].as_str()), (400, Some("urn:muster:bad-request")), "{wanted}: {told}");
    }
    Ok(())
}

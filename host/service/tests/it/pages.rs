//! Pages as they are sent: whole without a script, closed to whatever builds print, open to who logged in.

use http::Method;
use reqwest::redirect::Policy;
use service::Standing;
use service::identity::Scope;

use crate::scene::{self, HOSTILE};
use crate::server::{Server, settings, start, start_with};

/// Reads a page with a token: status, content.
async fn page(server: &Server, token: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let answer = server.http.get(server.url(path)).bearer_auth(token).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
async fn a_build_is_told_whole_and_escaped() -> anyhow::Result<()> {
    let server = start().await?;
    let token = server.token("ada", Scope::Submit).await?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    let (status, html) = page(&server, &token, &format!("/builds/{build}")).await?;
    assert_eq!(status, 200, "{html}");
    for told in [
        "failed · shop #",
        "2 tests failed",
        "assert 502 == 200",
        "The coordinator was restarted at",
        "2 machines went on where they were, 1 machine was given up",
        "machine lost: no answer for 30 s. Its tests",
        "local-2",
        "<svg viewBox",
        "each of 60 tests has exactly one verdict",
        "<button>Retry</button>",
        "class=\"c1\"",
    ] {
        assert!(html.contains(told), "{told} is not in {html}");
    }
    assert!(!html.contains("<button class=\"danger\">"), "what is over cannot be canceled");
    for path in ["", "?q=script", "?verdict=failed", "/log", "/log?q=onerror", "/logs/a3"] {
        let (_, html) = page(&server, &token, &format!("/builds/{build}{path}")).await?;
        assert!(!html.contains("<img src=x") && !html.contains("<script>"), "{path}: {html}");
        assert!(html.contains("&lt;") || html.contains("&#60;"), "{path}: {html}");
    }
    let (_, found) = page(&server, &token, "/builds?project=%22%3E%3Cscript%3E").await?;
    assert!(!found.contains("\"><script>"), "{found}");
    Ok(())
}

#[tokio::test]
async fn texts_are_for_terminals() -> anyhow::Result<()> {
    let server = start().await?;
    let token = server.token("ada", Scope::Read).await?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    let (_, index) = page(&server, &token, "/index.txt").await?;
    assert!(index.contains(&format!("#{build} failed shop (pytest)")) && index.contains("active, up"), "{index}");
    let (_, text) = page(&server, &token, &format!("/builds/{build}.txt")).await?;
    let told = ["failed: 2 tests failed", "flaky tests/api/test_orders.py::test_case_59", "56 passed in"];
    assert!(told[..2].iter().all(|told| text.contains(told)) && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains(HOSTILE), "a text needs no escapes: {text}");
    let asked = server.http.get(server.url("/")).header("accept", "text/plain").bearer_auth(&token).send().await?;
    assert_eq!(asked.headers()["content-type"], "text/plain; charset=utf-8");
    Ok(())
}

#[tokio::test]
async fn pages_confine_what_browsers_do() -> anyhow::Result<()> {
    let server = start().await?;
    let token = server.token("ada", Scope::Admin).await?;
    for path in ["/", "/builds", "/plugins", "/events", "/tokens", "/login", "/builds/999"] {
        let answer = server.http.get(server.url(path)).bearer_auth(&token).send().await?;
        let policy = answer.headers()["content-security-policy"].to_str()?.to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let html = answer.text().await?;
        assert!(html.starts_with("<!doctype html>"), "{path}: {html}");
        let inline = ["<style", "style=\"", "onclick", "<script>"];
        assert!(inline.iter().all(|inline| !html.contains(inline)), "{path}: {html}");
        for asset in html.split(['"']).filter(|part| part.starts_with("/assets/")) {
            let answer = server.http.get(server.url(asset)).send().await?;
            assert_eq!(answer.status(), 200, "{asset}");
            assert!(answer.headers()["cache-control"].to_str()?.contains("immutable"), "{asset}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn each_page_needs_its_scope() -> anyhow::Result<()> {
    let server = start_with(service::ServiceSettings { streams: 64, ..settings() }).await?;
    let http = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    let read = server.token("grace", Scope::Read).await?;
    let submit = server.token("grace", Scope::Submit).await?;
    let admin = server.token("root", Scope::Admin).await?;
    let ask = async |method: Method, path: &str, token: Option<&str>| {
        let mut request = http.request(method, server.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        anyhow::Ok(request.send().await?)
    };
    let pages = ["/", "/index.txt", "/live", "/builds", "/plugins", "/events", "/tokens"].map(str::to_owned);
    let more = ["", ".txt", "/live", "/log", "/logs/a3", "/machines/1"].map(|path| format!("/builds/{build}{path}"));
    for path in pages.iter().chain(&more) {
        let answer = ask(Method::GET, path, None).await?;
        if path.ends_with(".txt") {
            assert_eq!(answer.status(), 401, "{path}: texts are for programs");
        } else {
            assert_eq!(answer.status(), 303, "{path}");
            assert!(answer.headers()["location"].to_str()?.starts_with("/login?next=%2F"), "{path}");
        }
        let reader = ask(Method::GET, path, Some(&read)).await?.status();
        assert_eq!(reader, if path == "/tokens" { 403 } else { 200 }, "{path}");
        assert_eq!(ask(Method::GET, path, Some(&admin)).await?.status(), 200, "{path}");
    }
    // Each form, and what it answers to no token, `read`, `submit` (of another), `manage` and `admin`.
    let forms = [
        (format!("/builds/{build}/cancel"), [401, 403, 403, 409, 409]),
        (format!("/builds/{build}/retry"), [401, 403, 403, 409, 409]),
        ("/plugins/reload".to_owned(), [401, 403, 403, 303, 303]),
        ("/plugins/pytest/rollback".to_owned(), [401, 403, 403, 303, 303]),
        ("/plugins/none/rollback".to_owned(), [401, 403, 403, 404, 404]),
        ("/tokens/none/revoke".to_owned(), [401, 403, 403, 403, 404]),
    ];
    let manage = server.token("root", Scope::Manage).await?;
    for (path, expected) in forms {
        for (token, expected) in [None, Some(&read), Some(&submit), Some(&manage), Some(&admin)].iter().zip(expected) {
            let answer = ask(Method::POST, &path, token.map(String::as_str)).await?;
            let status = answer.status();
            let text = answer.text().await?;
            assert_eq!(status, expected, "{path}: {text}");
            let told = expected == 303 || text.contains("<h1>") && text.contains("class=\"note bad");
            assert!(told, "{path}: what is refused is said on a page: {text}");
        }
    }
    assert_eq!(
        server.planner.changes(),
        ["root reloads", "root reloads", "root rolls pytest back", "root rolls pytest back"]
    );
    Ok(())
}

#[tokio::test]
async fn what_one_may_not_do_is_not_shown() -> anyhow::Result<()> {
    let server = start().await?;
    let (build, older) = (scene::failed(&server.store, &server.logs).await?.0, ("sha256:00", "sha256:01"));
    for digest in [older.0, older.1] {
        let (plugin, source) = ("pytest".to_owned(), "bundled".to_owned());
        let at = engine::Time::from_nanos(1_785_542_400_000_000_000);
        let row = store::GenerationRow { plugin, digest: digest.to_owned(), at, who: "ada".to_owned(), source };
        server.store.record_generation(&row).await?;
    }
    let shown = async |scope: Scope, path: &str, form: &str| {
        let token = server.token("grace", scope).await?;
        anyhow::Ok(page(&server, &token, path).await?.1.contains(&format!("action=\"{form}\"")))
    };
    let retry = format!("/builds/{build}/retry");
    let (of_build, of_log) = (format!("/builds/{build}"), format!("/builds/{build}/log"));
    for (page, form, needed) in [
        (of_build.as_str(), retry.as_str(), Scope::Manage),
        (of_log.as_str(), retry.as_str(), Scope::Manage),
        ("/plugins", "/plugins/reload", Scope::Manage),
        ("/plugins", "/plugins/pytest/rollback", Scope::Manage),
    ] {
        for scope in Scope::ALL {
            assert_eq!(shown(scope, page, form).await?, scope >= needed, "{form} on {page} for `{scope}`");
        }
    }
    let tokens = server.store.tokens().await?;
    let id = tokens.first().map(|token| token.id.clone()).unwrap_or_default();
    assert!(shown(Scope::Admin, "/tokens", &format!("/tokens/{id}/revoke")).await?);
    let elsewhere = format!("/builds/{}", scene::running(&server.store, &server.logs).await?.build);
    assert!(!shown(Scope::Admin, &elsewhere, &format!("{elsewhere}/cancel")).await?, "another process drives it");
    server.service.stand(Standing::Standby);
    assert!(!shown(Scope::Admin, "/plugins", "/plugins/reload").await?, "a standby changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_form_is_taken_from_this_site_only() -> anyhow::Result<()> {
    let server = start().await?;
    let http = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let token = server.token("ada", Scope::Admin).await?;
    let link = server.service.login_link(&token).await.map_err(|problem| anyhow::anyhow!("{:?}", problem.kind()))?;
    let set = http.get(server.url(&link)).send().await?.headers()["set-cookie"].to_str()?.to_owned();
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    let rows = server.store.tokens().await?;
    let id = rows.iter().find(|row| row.by == "test").map(|row| row.id.clone()).unwrap_or_default();
    for form in ["/plugins/reload", "/plugins/pytest/rollback", &format!("/tokens/{id}/revoke")] {
        let post = || http.post(server.url(form)).header("cookie", &cookie);
        assert_eq!(post().send().await?.status(), 403, "{form} from nowhere");
        assert_eq!(post().header("origin", "http://evil.example").send().await?.status(), 403, "{form} from elsewhere");
        let origin = format!("http://{}", server.address);
        assert_eq!(post().header("origin", origin).send().await?.status(), 303, "{form}");
    }
    assert!(server.store.tokens().await?.is_empty(), "the session went with its token");
    Ok(())
}

#[tokio::test]
async fn pools_show_their_machines_and_what_they_do() -> anyhow::Result<()> {
    let server = start().await?;
    let token = server.token("ada", Scope::Read).await?;
    let build = scene::running(&server.store, &server.logs).await?.build.0;
    server.planner.have(scene::pools(build));
    let (_, html) = page(&server, &token, "/").await?;
    let (_, text) = page(&server, &token, "/index.txt").await?;
    for told in [
        format!("local-1 (local): #{build} test, runs a3 ("),
        format!("local-2 (local): #{build} test, adopted ("),
        format!("local-4 (local): #{build} is being made ("),
        "10.0.0.7:8080: lost (".to_owned(),
        "nothing answers at 10.0.0.7:8080".to_owned(),
        "10.0.0.8:8080: free (".to_owned(),
        "local (local): 3 of 8 in use; local".to_owned(),
        "cloud (gce): up to 40 machines".to_owned(),
    ] {
        assert!(text.contains(&told), "{told} is not in {text}");
    }
    for told in ["test, runs a3", "nothing answers at 10.0.0.7:8080", "up to 40 machines", "is being made"] {
        assert!(html.contains(told), "{told} is not in {html}");
    }
    let answer = server.http.get(server.url("/api/v1/pools")).bearer_auth(&token).send().await?;
    let pools: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
    let first = &pools["pools"][0]["machines"][0];
    assert_eq!((&first["state"], &first["phase"], &first["running"]), (&"held".into(), &"test".into(), &3.into()));
    Ok(())
}

#[tokio::test]
async fn a_session_is_of_its_token_and_of_this_site() -> anyhow::Result<()> {
    let server = start().await?;
    let http = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let token = server.token("ada", Scope::Admin).await?;
    let log_in = async |secret: &str| {
        let form = format!("token={secret}&next=%2Fbuilds%3Fx%3D1");
        let kind = "application/x-www-form-urlencoded";
        anyhow::Ok(http.post(server.url("/login")).header("content-type", kind).body(form).send().await?)
    };
    let wrong = log_in("muster_00").await?;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await?.contains("the server does not know this token"));
    let right = log_in(&token).await?;
    assert_eq!((right.status().as_u16(), right.headers()["location"].to_str()?), (303, "/builds?x=1"));
    let set = right.headers()["set-cookie"].to_str()?.to_owned();
    assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains(&token), "{set}");
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    let ask = |method: Method, path: &str| http.request(method, server.url(path)).header("cookie", &cookie);
    assert_eq!(ask(Method::GET, "/tokens").send().await?.status(), 200);
    assert_eq!(ask(Method::GET, "/api/v1/whoami").send().await?.status(), 200, "the script asks the API");
    let of_proxy = |method: Method, path: &str| ask(method, path).header("authorization", "Basic YTpi");
    assert_eq!(of_proxy(Method::GET, "/tokens").send().await?.status(), 200, "a proxy's password hides no session");
    assert_eq!(of_proxy(Method::POST, "/api/v1/plugins/reload").send().await?.status(), 403, "nor where it comes from");
    let other_token = ask(Method::GET, "/api/v1/whoami").bearer_auth("muster_00");
    assert_eq!(other_token.send().await?.status(), 401, "a token goes before a session");
    let reload = "/api/v1/plugins/reload";
    let origin = format!("http://{}", server.address);
    assert_eq!(ask(Method::POST, reload).send().await?.status(), 403, "who does not say where it comes from");
    assert_eq!(ask(Method::POST, reload).header("origin", "http://evil.example").send().await?.status(), 403);
    assert_eq!(ask(Method::POST, reload).header("sec-fetch-site", "cross-site").send().await?.status(), 403);
    assert_eq!(ask(Method::POST, reload).header("origin", &origin).send().await?.status(), 200);
    let rows = server.store.tokens().await?;
    let parent = rows.iter().find(|row| row.by == "test").map(|row| row.id.clone()).unwrap_or_default();
    let revoked = http.delete(server.url(&format!("/api/v1/tokens/{parent}"))).bearer_auth(&token).send().await?;
    assert_eq!(revoked.status(), 204);
    assert_eq!(ask(Method::GET, "/tokens").send().await?.status(), 303, "a session goes with its token");
    Ok(())
}

#[tokio::test]
async fn a_link_logs_in_once() -> anyhow::Result<()> {
    let server = start().await?;
    let http = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let token = server.token("ada", Scope::Read).await?;
    let link = server.service.login_link(&token).await.map_err(|problem| anyhow::anyhow!("{:?}", problem.kind()))?;
    let first = http.get(server.url(&link)).send().await?;
    assert_eq!((first.status().as_u16(), first.headers()["location"].to_str()?), (303, "/"));
    let cookie = first.headers()["set-cookie"].to_str()?.split(';').next().unwrap_or_default().to_owned();
    assert_eq!(http.get(server.url(&link)).send().await?.status(), 401, "it is used up");
    let origin = format!("http://{}", server.address);
    let out = http.post(server.url("/logout")).header("cookie", &cookie).header("origin", origin).send().await?;
    assert!(out.headers()["set-cookie"].to_str()?.contains("Max-Age=0"));
    assert_eq!(http.get(server.url("/")).header("cookie", &cookie).send().await?.status(), 303, "it is logged out");
    Ok(())
}

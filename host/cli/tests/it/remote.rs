//! The commands that ask a server: the real binary, and a real server.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use service::identity::Scope;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::recorded::ended;
use crate::server::start;

/// Somebody with a token, at a terminal of their own.
struct Caller<'a> {
    url: String,
    home: &'a Path,
    token: String,
}

impl Caller<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.env_clear().env("HOME", self.home).env("MUSTER_TOKEN", &self.token).args(args);
        command.env("MUSTER_SERVER", &self.url).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Exit code, standard output and standard error.
    async fn run(&self, args: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let output = self.command(args).output().await?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code().context("killed")?, text(&output.stdout), text(&output.stderr)))
    }

    async fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let (code, out, err) = self.run(args).await?;
        anyhow::ensure!(code == 0, "{args:?} ends with {code}: {err}");
        Ok(serde_json::from_str(&out)?)
    }
}

fn tree(home: &Path) -> anyhow::Result<String> {
    let tree = home.join("app");
    std::fs::create_dir_all(&tree)?;
    std::fs::write(tree.join("test_app.py"), "def test_app():\n    pass\n")?;
    Ok(tree.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_submitted_looked_at_and_canceled() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let token = server.token("ci", Scope::Submit).await?;
    let caller = Caller { url: server.url(""), home: home.path(), token };
    let tree = tree(home.path())?;
    let build = caller.json(&["submit", &tree, "--json", "--run", "test_app"]).await?;
    let id = build["id"].as_u64().context("no id")?.to_string();
    let status = caller.json(&["status", &id, "--json"]).await?;
    assert_eq!(
        (&status["outcome"], &status["submission"]["run"]),
        (&Value::Null, &Value::from("test_app")),
        "{status}"
    );
    assert_eq!(status["submission"]["project"], "app");
    let (code, _, err) = caller.run(&["submit", &tree, "--wait", "--log", "nowhere/log"]).await?;
    assert!(code == 3 && err.contains("failed to write the log `nowhere/log`"), "{err}");
    let running = caller.json(&["builds", "--running", "--json"]).await?;
    assert_eq!(running["builds"].as_array().map(Vec::len), Some(1), "nothing is begun then: {running}");
    let waiting = caller.command(&["submit", &tree, "--wait", "--idempotency-key", "once"]).output();
    let canceling = async {
        loop {
            let builds = caller.json(&["builds", "--running", "--json"]).await?;
            if let Some(second) = builds["builds"][0]["id"].as_u64().filter(|second| second.to_string() != id) {
                return caller.json(&["cancel", &second.to_string(), "--reason", "enough", "--json"]).await;
            }
        }
    };
    let (waited, canceled) = tokio::join!(waiting, canceling);
    canceled?;
    let waited = waited?;
    let said = String::from_utf8_lossy(&waited.stderr).into_owned();
    assert_eq!(waited.status.code(), Some(130), "{said}");
    assert!(said.contains("canceled: 0 tests") && said.contains("ci: enough"), "{said}");
    let again = caller.json(&["submit", &tree, "--idempotency-key", "once", "--json"]).await?;
    assert!(again["id"].as_u64() > build["id"].as_u64(), "it is the second one: {again}");
    let (code, _, err) = caller.run(&["tokens", "list"]).await?;
    assert_eq!((code, err.contains("needs the scope `admin`")), (2, true), "{err}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_with_a_closed_pipe_learns_the_result() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let caller = Caller { url: server.url(""), home: home.path(), token: server.token("ci", Scope::Submit).await? };
    let tree = tree(home.path())?;
    let mut waiting = caller.command(&["submit", &tree, "--wait", "--json"]).stdout(Stdio::piped()).spawn()?;
    drop(waiting.stdout.take());
    let build = loop {
        let builds = caller.json(&["builds", "--running", "--json"]).await?;
        if let Some(build) = builds["builds"][0]["id"].as_u64() {
            break build;
        }
    };
    caller.json(&["cancel", &build.to_string(), "--json"]).await?;
    assert_eq!(waiting.wait().await?.code(), Some(130));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_shown_and_its_tokens_are_managed() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let build = ended(&server.store, "ci").await?.0.to_string();
    let caller = Caller { url: server.url(""), home: home.path(), token: server.token("boss", Scope::Admin).await? };
    let (code, out, _) = caller.run(&["status", &build]).await?;
    assert!(code == 0 && out.contains("failed") && out.contains("4 of 4 tests done, 1 failed"), "{out}");
    let (_, out, _) = caller.run(&["builds", "--outcome", "failed"]).await?;
    assert!(out.contains("demo  pytest  failed"), "{out}");
    let made = caller.json(&["tokens", "create", "ci", "--scope", "submit", "--expires", "1h", "--json"]).await?;
    let other =
        Caller { url: server.url(""), home: home.path(), token: made["token"].as_str().context("no token")?.into() };
    let id = made["id"].as_str().context("no id")?;
    assert_eq!(other.run(&["status", &build]).await?.0, 0);
    let (_, out, _) = caller.run(&["tokens", "list"]).await?;
    assert!(out.lines().any(|line| line.contains(id) && line.contains("ci") && line.contains("submit")), "{out}");
    assert_eq!(caller.run(&["tokens", "revoke", id]).await?.0, 0);
    let (code, _, err) = other.run(&["status", &build]).await?;
    assert!(code == 2 && err.contains("does not know this token") && err.contains("from MUSTER_TOKEN"), "{err}");
    Ok(())
}

#[tokio::test]
async fn errors_say_what_to_do() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let caller = Caller { url: server.url(""), home: home.path(), token: server.token("ci", Scope::Read).await? };
    let (code, _, err) = caller.run(&["status", "999"]).await?;
    assert!(code == 2 && err.contains("there is no build 999") && err.contains("hint: `muster builds`"), "{err}");
    let (code, _, err) = caller.run(&["status", "1", "--server", "http://127.0.0.1:1"]).await?;
    assert!(code == 3 && err.contains("failed to reach http://127.0.0.1:1") && err.contains("hint:"), "{err}");
    let mut command = caller.command(&["builds"]);
    let output = command.env_remove("MUSTER_TOKEN").output().await?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(2) && err.contains("a token is needed") && err.contains("servers/127.0.0.1:"),
        "{err}"
    );
    let (code, _, err) = caller.run(&["submit", "nowhere"]).await?;
    assert!(code == 2 && err.contains("`nowhere` is not there"), "{err}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_log_goes_on_after_the_server_was_restarted() -> anyhow::Result<()> {
    let (mut server, home) = (start().await?, tempfile::tempdir()?);
    let caller = Caller { url: server.url(""), home: home.path(), token: server.token("ci", Scope::Submit).await? };
    let build = caller.json(&["submit", &tree(home.path())?, "--json"]).await?;
    let id = build["id"].as_u64().context("no id")?;
    let mut writer = server.logs.writer(id, "exec/make-1-1").await?;
    writer.append(b"before\n").await?;
    let mut following =
        caller.command(&["logs", "-f", &id.to_string(), "--stream", "make-1-1"]).stdout(Stdio::piped()).spawn()?;
    let mut out = following.stdout.take().context("no output")?;
    let mut begun = [0; 7];
    out.read_exact(&mut begun).await?;
    assert_eq!(&begun, b"before\n");
    server.restart().await?;
    writer.append(b"after\n").await?;
    writer.finish().await?;
    let manager = server.client(Scope::Manage).await?;
    let (status, told) = manager.post(&format!("/builds/{id}/cancel"), &serde_json::json!({})).await?;
    assert_eq!(status, 202, "{told}");
    let mut rest = String::new();
    out.read_to_string(&mut rest).await?;
    assert_eq!((rest.as_str(), following.wait().await?.code()), ("after\n", Some(0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_reloaded_and_rolled_back_by_who_may() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let caller = |token| Caller { url: server.url(""), home: home.path(), token };
    let (code, _, err) = caller(server.token("ci", Scope::Submit).await?).run(&["plugin", "reload"]).await?;
    assert_eq!((code, err.contains("needs the scope `manage`")), (2, true), "{err}");
    let manager = caller(server.token("operator", Scope::Manage).await?);
    let (code, out, err) = manager.run(&["plugin", "reload"]).await?;
    assert_eq!((code, out.as_str()), (0, "read anew; no plugin changed\n"), "{err}");
    assert_eq!(manager.json(&["plugin", "reload", "--json"]).await?["changed"], serde_json::json!([]));
    let (code, _, err) = manager.run(&["plugin", "rollback", "nonesuch"]).await?;
    assert_eq!((code, err.contains("there is no plugin `nonesuch`")), (2, true), "{err}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_a_server_and_what_the_token_may() -> anyhow::Result<()> {
    let (server, home) = (start().await?, tempfile::tempdir()?);
    let token = server.token("ci", Scope::Submit).await?;
    let caller = |token| Caller { url: server.url(""), home: home.path(), token };
    let state = home.path().join("state");
    // The second look finds what the first one compiled.
    std::fs::create_dir_all(state.join("compiled"))?;
    let state = state.display().to_string();
    let told = caller(token).json(&["doctor", "--json", "--state", &state]).await?;
    let finding = |about: &str| {
        let mut all = told["findings"].as_array().into_iter().flatten();
        all.find(|finding| finding["about"] == about).cloned().unwrap_or_default()
    };
    assert_eq!((&finding("server")["grade"], &finding("blob store")["grade"]), (&"ok".into(), &"ok".into()), "{told}");
    assert_eq!(finding("state folder")["grade"], "warning", "others may read it: {told}");
    let may = finding("token")["found"].as_str().unwrap_or_default().to_owned();
    assert!(may.contains("ci may") && may.contains("submit"), "{told}");
    let (code, out, _) = caller("muster_wrong".to_owned()).run(&["doctor", "--state", &state]).await?;
    assert_eq!((code, out.contains("failure   token: ")), (1, true), "{out}");
    Ok(())
}

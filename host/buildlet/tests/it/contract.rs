//! The contract of client and agent, run over plain HTTP and over both kinds of TLS.

use std::sync::Arc;

use anyhow::Result;
use buildlet::{
    BuildletUrl,
    agent::ServeEnd,
    client::{Client, ClientSettings, ExecRequest, FailureKind, ListOptions},
    protocol::{CommandResult, Platform, STATUS_VERSION},
    tls::KeyPair,
};

use crate::support::{TestAgent, rsa_pair, run, sh};

#[tokio::test]
async fn over_plain_http() -> Result<()> {
    let agent = TestAgent::start().await?;
    contract(&agent, &agent.url).await?;
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn over_tls_by_fingerprint() -> Result<()> {
    let pair = Arc::new(KeyPair::generate()?);
    let agent = TestAgent::start_with(|config| config.tls = Some(pair)).await?;
    // The URL goes through its printed form, as a person would paste it.
    contract(&agent, &agent.url.reveal().parse()?).await?;
    let mut other = agent.url.clone();
    other.trust = buildlet::Trust::Fingerprint(KeyPair::generate()?.fingerprint());
    let refused = Client::connect(&other, ClientSettings::default()).await.expect_err("another machine");
    assert_eq!(refused.kind, FailureKind::Untrusted);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn over_tls_as_the_ancestors() -> Result<()> {
    let pair = rsa_pair()?;
    let serving = Arc::clone(&pair);
    let agent = TestAgent::start_with(|config| {
        config.password = Some(serving.password());
        config.tls = Some(serving);
    })
    .await?;
    contract(&agent, &BuildletUrl::with_key_pair("localhost", agent.url.port, pair)).await?;
    let other = KeyPair::from_pem(include_bytes!("keys/other-cert.pem"), include_bytes!("keys/other-key.pem"))?;
    let other = BuildletUrl::with_key_pair("127.0.0.1", agent.url.port, Arc::new(other));
    let refused = Client::connect(&other, ClientSettings::default()).await.expect_err("another key");
    assert_eq!(refused.kind, FailureKind::Untrusted);
    agent.stop().await.map(drop)
}

async fn contract(agent: &TestAgent, url: &BuildletUrl) -> Result<()> {
    let client = Client::connect(url, ClientSettings::default()).await?;
    assert_eq!(client.peer().version, STATUS_VERSION);
    let platform = &client.extensions().expect("it is Muster's").platform;
    assert_eq!((platform.os.as_str(), platform), ("linux", &Platform::own()));
    client.healthz().await?;
    assert_eq!(client.work_dir().await?, agent.work_dir().to_string_lossy());
    files(&client).await?;
    commands(&client).await?;
    places(&client).await?;
    Ok(())
}

async fn files(client: &Client) -> Result<()> {
    client.put_file("#!/bin/sh\necho \"$@\"; exit 7\n", "bin/tool", 0o755).await?;
    client.put_file("data", "bin/sub/data", 0o600).await?;
    let options = ListOptions { recursive: true, digest: true, skip: Vec::new() };
    let listed = client.list("bin", &options).await?;
    let shown: Vec<_> =
        listed.iter().map(|entry| format!("{} {} {:?}", entry.mode, entry.path, entry.size_bytes)).collect();
    assert_eq!(shown, ["drwxr-xr-x sub None", "-rw------- sub/data Some(4)", "-rwxr-xr-x tool Some(28)"]);
    assert_eq!(listed[1].sha1.as_deref(), Some("a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd"));
    client.remove_all(&["bin/sub"]).await?;
    assert_eq!(client.list("bin", &options).await?.len(), 1);
    Ok(())
}

async fn commands(client: &Client) -> Result<()> {
    let (end, output) = run(client, &ExecRequest::new("bin/tool", ["a b", "", "c&d=%é"])).await?;
    assert_eq!((end.result, output.as_str()), (CommandResult::Exited(7), "a b  c&d=%é\n"));
    let (end, output) = run(client, &sh("printf out; printf err >&2; kill -9 $$")).await?;
    assert_eq!((end.process_state.as_str(), output.as_str()), ("signal: killed", "outerr"));
    let (end, _) = run(client, &ExecRequest::new("bin/none", [""; 0])).await?;
    let CommandResult::StartFailed(text) = end.result else { anyhow::bail!("{end:?}") };
    assert!(text.starts_with("fork/exec /") && text.ends_with("/bin/none: no such file or directory"), "{text}");
    let (end, _) = run(client, &ExecRequest::sys("no-such-command", [""; 0])).await?;
    let expected = "invalid 'cmd' parameter: command \"no-such-command\" not found";
    assert_eq!(end.result, CommandResult::StartFailed(expected.to_owned()));
    let mut moved = sh("pwd");
    moved.dir = Some("/nowhere/at/all".to_owned());
    let (end, _) = run(client, &moved).await?;
    assert_eq!(end.process_state, "chdir /nowhere/at/all: no such file or directory");
    Ok(())
}

async fn places(client: &Client) -> Result<()> {
    let work_dir = client.work_dir().await?;
    let mut request = sh("pwd; echo $PWD; echo $A; echo $PATH; echo $TMPDIR");
    request.dir = Some("bin".to_owned());
    request.env = vec!["A=1".to_owned(), "A=2".to_owned(), "PATH=/usr/bin:/bin".to_owned()];
    request.path = vec!["$WORKDIR/bin".to_owned(), "$PATH".to_owned()];
    let (_, output) = run(client, &request).await?;
    let expected = format!("{work_dir}/bin\n{work_dir}/bin\n2\n{work_dir}/bin:/usr/bin:/bin\n{work_dir}/tmp\n");
    assert_eq!(output, expected);
    let mut debugged = ExecRequest::new("bin/tool", ["x"]);
    debugged.debug = true;
    let (_, output) = run(client, &debugged).await?;
    let start = format!(":: Running {work_dir}/bin/tool with args [\"{work_dir}/bin/tool\" \"x\"] and env [\"");
    assert!(output.starts_with(&start), "{output}");
    assert!(output.contains(&format!("\"] in dir {work_dir}/bin\n\nx\n")), "{output}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such() -> Result<()> {
    let agent = TestAgent::start().await?;
    let mut url = agent.url.clone();
    url.password = None;
    let denied = Client::connect(&url, ClientSettings::default()).await.expect_err("denied");
    assert_eq!(denied.kind, FailureKind::WrongPassword);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn halt_ends_the_agent() -> Result<()> {
    let agent = TestAgent::start().await?;
    agent.client().await?.halt().await?;
    assert_eq!(agent.ended().await?, ServeEnd::Halted);
    Ok(())
}

//! What a pool may touch, and what not.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use anyhow::Result;
use engine::PluginFaultKind;
use plugin_host::{Credential, Grants, HttpGrant, KeyValueStore, LoadError, MachineSpec, MemoryStore, PluginSettings};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UnixListener};

use crate::component::host;
use crate::guest;

/// Answers one request with its own head, or with a redirect.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 2 {}
    let authorization = head.lines().find(|line| line.to_lowercase().starts_with("authorization")).unwrap_or("");
    let body = format!("{} {authorization}", head.lines().next().unwrap_or(""));
    let (status, more) =
        if body.contains("/away") { ("302 Found", "location: http://127.0.0.1:1/\r\n") } else { ("200 OK", "") };
    let text = format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(port)
}

fn granting(http: Vec<HttpGrant>) -> PluginSettings {
    let grants = Grants { clock: true, kv: true, http };
    PluginSettings { grants, kv: Some(Arc::new(MemoryStore::default())), ..PluginSettings::default() }
}

fn spec() -> MachineSpec {
    MachineSpec {
        host_type: "linux".into(),
        name: "m1".into(),
        labels: Vec::new(),
        agent_binary: "/usr/bin/muster".into(),
        password: "secret".into(),
        max_life: 60,
        extra: Vec::new(),
    }
}

async fn get(settings: PluginSettings, url: &str) -> Result<std::result::Result<String, String>> {
    let plugin = guest::load(&host()?, settings).await?;
    let pool = plugin.pool(Some(format!("\"{url}\""))).expect("it has every role");
    Ok(pool.create(&spec()).await.map_err(|fault| fault.to_string()))
}

#[tokio::test]
async fn only_granted_origins_are_reached() -> Result<()> {
    let port = serve().await?;
    let grant = HttpGrant { origin: format!("http://127.0.0.1:{port}"), ..HttpGrant::default() };
    let url = format!("http://127.0.0.1:{port}/path");
    let body = get(granting(vec![grant.clone()]), &url).await?;
    assert_eq!(body.as_deref(), Ok("200 GET /path HTTP/1.1 "));
    let refused = get(granting(Vec::new()), &url).await?.expect_err("nothing is granted");
    assert!(refused.contains("is not granted; add its origin to the `http` grants of `subject`"), "{refused}");
    let refused = get(granting(vec![grant.clone()]), &format!("http://127.0.0.2:{port}/")).await?;
    assert!(refused.is_err_and(|text| text.contains("is not granted")));
    let redirected = get(granting(vec![grant]), &format!("http://127.0.0.1:{port}/away")).await?;
    assert!(redirected.is_ok_and(|text| text.starts_with("302 ")), "a redirect is not followed");
    Ok(())
}

#[tokio::test]
async fn names_lead_to_private_addresses_only_when_that_is_granted() -> Result<()> {
    let port = serve().await?;
    let url = format!("http://localhost:{port}/path");
    let grant = |private| HttpGrant { origin: format!("http://localhost:{port}"), private, ..HttpGrant::default() };
    let refused = get(granting(vec![grant(false)]), &url).await?.expect_err("it is loopback");
    assert!(refused.contains("leads to private addresses only"), "{refused}");
    assert!(get(granting(vec![grant(true)]), &url).await?.is_ok());
    Ok(())
}

#[tokio::test]
async fn credentials_are_the_hosts() -> Result<()> {
    let port = serve().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credential");
    let url = format!("http://127.0.0.1:{port}/path");
    let grant = |credential| HttpGrant {
        origin: format!("http://127.0.0.1:{port}"),
        credential: Some(credential),
        ..HttpGrant::default()
    };
    std::fs::write(&file, "token\n")?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
    let refused = get(granting(vec![grant(Credential::BearerFile(file.clone()))]), &url).await?;
    assert!(refused.is_err_and(|text| text.contains("can be read by others (mode 0644)")));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let body = get(granting(vec![grant(Credential::BearerFile(file.clone()))]), &url).await?;
    assert_eq!(body.as_deref(), Ok("200 GET /path HTTP/1.1 authorization: Bearer token"));
    std::fs::write(&file, "user:password\n")?;
    let body = get(granting(vec![grant(Credential::BasicFile(file))]), &url).await?;
    assert_eq!(body.as_deref(), Ok("200 GET /path HTTP/1.1 authorization: Basic dXNlcjpwYXNzd29yZA=="));
    Ok(())
}

#[tokio::test]
async fn sockets_are_reached_by_path() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    let grant = HttpGrant { origin: format!("unix:{}", path.display()), ..HttpGrant::default() };
    let body = get(granting(vec![grant]), &format!("unix:{}:/v1/info?x=1", path.display())).await?;
    assert_eq!(body.as_deref(), Ok("200 GET /v1/info?x=1 HTTP/1.1 "));
    Ok(())
}

#[tokio::test]
async fn an_unreadable_grant_is_a_load_error() -> Result<()> {
    let grant = HttpGrant { origin: "*foo".into(), ..HttpGrant::default() };
    let error = guest::load(&host()?, granting(vec![grant])).await.err().expect("it cannot be read");
    assert!(matches!(error.downcast_ref::<LoadError>(), Some(LoadError::Host { .. })), "{error:#}");
    assert!(format!("{error:#}").contains("`*foo`"), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn a_pool_keeps_values_and_reads_the_clock() -> Result<()> {
    let host = host()?;
    let kept = Arc::new(MemoryStore::default());
    kept.set("machine", b"x")?;
    let settings = PluginSettings { kv: Some(Arc::clone(&kept) as Arc<dyn KeyValueStore>), ..granting(Vec::new()) };
    let plugin = guest::load(&host, settings).await?;
    let pool = plugin.pool(None).expect("a pool");
    let machines = pool.list(&[]).await.map_err(|fault| anyhow::anyhow!("{fault}"))?;
    assert_eq!(machines.iter().map(|machine| machine.handle.as_str()).collect::<Vec<_>>(), ["machine"]);
    pool.destroy("machine").await.map_err(|fault| anyhow::anyhow!("{fault}"))?;
    assert_eq!(kept.get("machine")?, None);
    assert!(pool.can_build("linux").await.map_err(|fault| anyhow::anyhow!("{fault}"))?);
    let fault = pool.capacity("linux").await.expect_err("it is unavailable");
    assert!(fault.retryable && fault.fault.kind == PluginFaultKind::Refused, "{fault}");
    let leaking = plugin.pool(Some("\"leak\"".into())).expect("a pool");
    let fault = leaking.describe("m").await.expect_err("a URL with a password");
    assert_eq!(fault.fault.kind, PluginFaultKind::BadAnswer);

    let poor = guest::load(&host, PluginSettings::default()).await?;
    let pool = poor.pool(None).expect("a pool");
    let fault = pool.can_build("linux").await.expect_err("no clock is granted");
    assert!(fault.fault.detail.contains("add `clock = true` to the grants of `subject`"), "{fault}");
    let fault = pool.destroy("m").await.expect_err("no kv is granted");
    assert!(fault.fault.detail.contains("add `kv = true` to the grants of `subject`"), "{fault}");
    Ok(())
}

//! The blob store against a real S3 server: `s3s-fs`, named by `MUSTER_TEST_S3` or found in `PATH`.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use snapshot::{
    BlobError,
    blob::{BlobOptions, BlobStore, PutMode},
};

use crate::{
    blob::{conformance, key, large},
    support::chain,
};

const ACCESS_KEY: &str = "muster-test";
const SECRET_KEY: &str = "muster-test-secret";

struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it with one bucket; `None` where it is not installed and nobody insists.
    fn start() -> Result<Option<Self>> {
        let Some(program) = program() else {
            let hint = "s3s-fs is missing: set MUSTER_TEST_S3 to its path, or install it with `cargo install --locked \
                        s3s-fs@0.14.1 --features binary`";
            if std::env::var_os("CI").is_some() {
                bail!("{hint}");
            }
            eprintln!("skipped: {hint}");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("bucket"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start s3s-fs")?;
        let mut server = Server { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("s3s-fs ended with {status}");
            }
            anyhow::ensure!(Instant::now() < deadline, "s3s-fs does not listen");
            std::thread::yield_now();
        }
        Ok(Some(server))
    }

    fn store(&self, location: &str, secret: &str) -> Result<BlobStore> {
        let options = [
            ("aws_endpoint", format!("http://127.0.0.1:{}", self.port)),
            ("aws_region", "us-east-1".to_owned()),
            ("aws_access_key_id", ACCESS_KEY.to_owned()),
            ("aws_secret_access_key", secret.to_owned()),
        ];
        let options = BlobOptions {
            options: options.map(|(name, value)| (name.to_owned(), value)).into(),
            max_retries: 1,
            retry_timeout: Duration::from_secs(5),
        };
        Ok(BlobStore::open(location, &options)?)
    }
}

fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MUSTER_TEST_S3") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("s3s-fs")).find(|program| program.is_file())
}

#[tokio::test]
async fn s3_conforms() -> Result<()> {
    let Some(server) = Server::start()? else { return Ok(()) };
    conformance(&server.store("s3://bucket", SECRET_KEY)?).await?;
    conformance(&server.store("s3://bucket/some/prefix/", SECRET_KEY)?).await
}

#[tokio::test]
async fn prefixes_do_not_see_each_other() -> Result<()> {
    let Some(server) = Server::start()? else { return Ok(()) };
    let one = server.store("s3://bucket/one", SECRET_KEY)?;
    let two = server.store("s3://bucket/two", SECRET_KEY)?;
    one.put_bytes(&key("x")?, "x", PutMode::Create, Bytes::new()).await?;
    assert!(two.head(&key("x")?).await?.is_none());
    two.put_bytes(&key("x")?, "x", PutMode::Create, Bytes::new()).await?;
    Ok(())
}

#[tokio::test]
async fn a_signed_url_needs_no_credentials() -> Result<()> {
    let Some(server) = Server::start()? else { return Ok(()) };
    let store = server.store("s3://bucket/p", SECRET_KEY)?;
    let name = key("snapshots/x.tar")?;
    store.put_bytes(&name, "x", PutMode::Replace, Bytes::from_static(b"the very content")).await?;
    let signed = store.signed_url(&name, Duration::from_secs(60)).await?.context("S3 signs")?;
    assert_eq!(signed.meta.length, 16);
    let query = signed.url.query().context("the signature is in the query")?;
    let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
    let host = format!("127.0.0.1:{}", server.port);
    write!(stream, "GET {}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", signed.url.path())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("the very content"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn errors_say_which_store_which_key_and_what_to_do() -> Result<()> {
    let Some(server) = Server::start()? else { return Ok(()) };
    let put = async |store: BlobStore| -> Result<String> {
        let result = store.put_bytes(&key("a/b")?, "x", PutMode::Replace, Bytes::from_static(b"x")).await;
        Ok(chain(&result.err().context("it has to fail")?))
    };
    let text = put(server.store("s3://bucket/p", "wrong")?).await?;
    assert!(text.starts_with("write blob `a/b` in `s3://bucket/p`; it forbids this: check the credentials"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_goes_away_commits_nothing_and_says_so() -> Result<()> {
    let Some(mut server) = Server::start()? else { return Ok(()) };
    let store = server.store("s3://bucket/p", SECRET_KEY)?;
    let mut writer = store.put(&key("x")?, "x", PutMode::Replace).await?;
    writer.write(large()).await?;
    server.child.kill()?;
    server.child.wait()?;
    let error = writer.finish().await.err().context("the server is gone")?;
    assert!(matches!(error, BlobError::Access { .. }), "{error:?}");
    let text = chain(&error);
    assert!(text.starts_with("write blob `x` in `s3://bucket/p`; check its endpoint and that it is running"), "{text}");
    Ok(())
}

//! Logs in a real S3 server: `s3s-fs`, named by `MUSTER_TEST_S3`.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logs::{LogError, LogSettings, LogStore};
use snapshot::blob::{BlobOptions, BlobStore};

use crate::support::{small, whole};

struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    /// None, with the reason printed, where there is no server.
    ///
    /// # Panics
    /// Under CI, where there must be one.
    fn start() -> Option<Server> {
        let Some(program) = std::env::var_os("MUSTER_TEST_S3") else {
            assert!(std::env::var_os("CI").is_none(), "MUSTER_TEST_S3 does not name s3s-fs");
            println!("skipped: MUSTER_TEST_S3 does not name s3s-fs");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bucket")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Server { program: program.into(), folder, port, child: None };
        server.go();
        Some(server)
    }

    fn go(&mut self) {
        let child = Command::new(&self.program)
            .args(["--access-key", "key", "--secret-key", "secret", "--host", "127.0.0.1", "--port"])
            .arg(self.port.to_string())
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "s3s-fs does not listen");
            std::thread::yield_now();
        }
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn open(&self, settings: LogSettings) -> LogStore {
        let options = [
            ("aws_endpoint", format!("http://127.0.0.1:{}", self.port)),
            ("aws_region", "us-east-1".to_owned()),
            ("aws_access_key_id", "key".to_owned()),
            ("aws_secret_access_key", "secret".to_owned()),
        ];
        let options = BlobOptions {
            options: options.map(|(name, value)| (name.to_owned(), value)).into(),
            max_retries: 1,
            retry_timeout: Duration::from_millis(200),
        };
        LogStore::new(BlobStore::open("s3://bucket/some/prefix", &options).unwrap(), settings)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_lies_in_s3_as_in_files() {
    let Some(server) = Server::start() else { return };
    let logs = server.open(small());
    let mut writer = logs.writer(9, "exec/a").await.unwrap();
    let mut other = server.open(small()).writer(9, "exec/a").await.unwrap();
    let all = b"a line of s3\n".repeat(50);
    writer.append_marked(&all, "here".to_owned()).await.unwrap();
    writer.flush().await.unwrap();
    other.append(b"theirs").await.unwrap();
    let taken = other.flush().await.unwrap_err();
    assert!(matches!(taken, LogError::Taken { offset: 0, .. }), "{taken:?}");
    drop(writer);
    let logs = server.open(small());
    let writer = logs.writer(9, "exec/a").await.unwrap();
    assert_eq!((writer.mark(), writer.end()), (Some("here"), all.len() as u64));
    writer.finish().await.unwrap();
    let logs = server.open(small());
    assert_eq!(whole(&logs, 9, "exec/a").await, all);
    assert_eq!(logs.line(9, "exec/a", 3).await.unwrap(), Some(26));
    assert_eq!(logs.search(9, "exec/a", "s3", 49, 9).await.unwrap().len(), 2);
    assert_eq!(logs.streams(9).await.unwrap().len(), 1);
    logs.remove(9).await.unwrap();
    assert_eq!(logs.builds().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_while_is_waited_for() {
    let Some(mut server) = Server::start() else { return };
    let logs = server.open(LogSettings { flush_after: Duration::from_millis(1), ..small() });
    let mut writer = logs.writer(9, "log").await.unwrap();
    writer.append(b"before\n").await.unwrap();
    writer.flush().await.unwrap();
    server.stop();
    writer.append(&[b'x'; 90]).await.unwrap();
    let chunk = logs.read(9, "log", 7, 1_000).await.unwrap();
    assert_eq!(chunk.bytes, [b'x'; 90][..], "readers go on with what is here");
    // Two segments are full: the third waits, and is woken when the server is back.
    let appending = tokio::spawn(async move {
        writer.append(&[b'y'; 1_000]).await.unwrap();
        writer.append(b"\nafter\n").await.unwrap();
        writer.finish().await.unwrap();
    });
    while logs.read(9, "log", 0, 1).await.is_err() || logs.read(9, "log", 97, 1_000).await.unwrap().bytes.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!appending.is_finished());
    server.go();
    appending.await.unwrap();
    let all = whole(&server.open(small()), 9, "log").await;
    assert_eq!(all, [b"before\n", &[b'x'; 90][..], &[b'y'; 1_000], b"\nafter\n"].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends() {
    let Some(mut server) = Server::start() else { return };
    let logs = server.open(LogSettings { patience: Duration::from_millis(300), ..small() });
    let mut writer = logs.writer(9, "log").await.unwrap();
    writer.append(b"lost").await.unwrap();
    server.stop();
    let error = writer.flush().await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("write log stream `log` of build 9 at byte 0: the blob store has refused for "), "{text}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("check its endpoint and that it is running"), "{cause}");
    assert!(matches!(logs.writer(9, "log").await, Err(LogError::Busy { .. })));
    drop(writer);
    assert!(matches!(logs.writer(9, "log").await, Err(LogError::Read { .. })));
}

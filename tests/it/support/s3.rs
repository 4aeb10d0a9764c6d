//! An S3 server of a test's own: `s3s-fs`, named by `MUSTER_TEST_S3` or found in `PATH`.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Server, skip, until};

const ACCESS_KEY: &str = "muster-test";
const SECRET_KEY: &str = "muster-test-secret";

/// The server, and where it keeps what it stores.
pub(crate) struct S3 {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl S3 {
    /// One bucket of this name. None, with the reason printed, where the server is not installed.
    pub(crate) fn start(bucket: &str) -> Option<S3> {
        let named = std::env::var_os("MUSTER_TEST_S3").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = || std::env::split_paths(&path).map(|folder| folder.join("s3s-fs")).find(|file| file.is_file());
        let Some(program) = named.or_else(found) else {
            skip("s3s-fs is missing: set MUSTER_TEST_S3 to its path");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(bucket)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = S3 { program, folder, port, process: None };
        server.begin();
        Some(server)
    }

    /// Begins to serve, for the first time or again.
    pub(crate) fn begin(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--host", "127.0.0.1", "--port"]);
        command.arg(self.port.to_string()).arg(self.folder.path());
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("s3s-fs listens", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends at once, as in a crash.
    pub(crate) fn crash(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Tells a server of Muster how to reach it.
    pub(crate) fn introduce(&self, server: &mut Server<'_>) {
        server.variable("AWS_ENDPOINT", &format!("http://127.0.0.1:{}", self.port));
        server.variable("AWS_REGION", "us-east-1");
        server.variable("AWS_ACCESS_KEY_ID", ACCESS_KEY);
        server.variable("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.crash();
    }
}

//! Podman's service for real: a store of its own, an image without a registry, and nothing left at the end.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::skip;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(120);
/// What must be there.
const PROGRAMS: [&str; 3] = ["/usr/bin/podman", "/usr/sbin/runc", "/usr/bin/conmon"];
/// The image: the folders of a root file system. Programs and libraries are this machine's, mounted read-only.
pub(crate) const IMAGE: &str = "localhost/muster-test:latest";

/// A service that ends with the test.
pub(crate) struct Podman {
    root: TempDir,
    service: Child,
}

impl Podman {
    /// None, with the reason printed, on machines that have no Podman or may not use it.
    pub(crate) fn start() -> Option<Podman> {
        let missing: Vec<&str> = PROGRAMS.into_iter().filter(|path| !Path::new(path).exists()).collect();
        if !missing.is_empty() {
            skip(&format!("this machine has no {}", missing.join(", ")));
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("containers with mounts of the machine's own folders need root");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        // Engines may not raise limits on every machine: these are low enough for all.
        let limits = "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n[engine]\n";
        let engine = "cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n";
        fs::write(root.path().join("containers.conf"), format!("{limits}{engine}")).unwrap();
        import(root.path());
        let socket = root.path().join("podman.sock");
        let address = format!("unix://{}", socket.display());
        let mut service = podman(root.path());
        let service = service.args(["system", "service", "--time=0", &address]).stdin(Stdio::null()).spawn().unwrap();
        let podman = Podman { root, service };
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < DEADLINE, "the service does not listen");
            std::thread::yield_now();
        }
        Some(podman)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.root.path().join("podman.sock")
    }

    /// The host's configuration for `--pool docker` on this engine.
    pub(crate) fn configuration(&self) -> String {
        let socket = self.socket();
        let env: Vec<String> = std::env::vars()
            .filter(|(name, _)| name.starts_with("PIP_") || name == "SSL_CERT_FILE")
            .map(|(name, value)| format!("{name} = '{value}'"))
            .collect();
        let binds: Vec<String> = ["/usr", "/etc/ssl", "/etc/pip.conf", "/opt"]
            .into_iter()
            .filter(|path| Path::new(path).exists())
            .map(|path| format!("'{path}:{path}:ro'"))
            .collect();
        format!(
            "[plugins.docker.grants]\nhttp = [{{ origin = 'unix:{socket}' }}]\n\
             [pool.docker]\nkind = 'plugin'\n\
             [pool.docker.settings]\nurl = 'unix:{socket}'\nimage = '{IMAGE}'\nbinds = [{binds}]\n\
             [pool.docker.settings.env]\n{env}\n",
            socket = socket.display(),
            binds = binds.join(", "),
            env = env.join("\n"),
        )
    }

    /// Removes a container as anyone with access to the engine can. The status of the answer.
    pub(crate) fn remove(&self, container: &str) -> u16 {
        self.request("DELETE", &format!("/v1.40/containers/{container}?force=1")).0
    }

    /// Names of all containers, ended ones too.
    pub(crate) fn containers(&self) -> Vec<String> {
        let (status, body) = self.request("GET", "/v1.40/containers/json?all=1");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let listed: Value = serde_json::from_slice(&body).unwrap();
        let names = listed.as_array().unwrap().iter().map(|container| container["Names"][0].as_str().unwrap());
        names.map(|name| name.trim_start_matches('/').to_owned()).collect()
    }

    /// HTTP/1.0, so that the answer ends with its connection.
    fn request(&self, method: &str, path: &str) -> (u16, Vec<u8>) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: engine\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        let _ = podman(self.root.path()).args(["rm", "--all", "--force", "--time", "0"]).output();
    }
}

/// The program, on a store of this test's own.
fn podman(root: &Path) -> Command {
    let mut command = Command::new("podman");
    command.env("CONTAINERS_CONF", root.join("containers.conf"));
    command.arg("--root").arg(root.join("store")).arg("--runroot").arg(root.join("run"));
    command.arg("--tmpdir").arg(root.join("tmp")).args(["--cgroup-manager", "cgroupfs", "--events-backend", "file"]);
    command.args(["--storage-driver", "vfs", "--runtime", "runc"]);
    command
}

/// Makes the image.
fn import(root: &Path) {
    let files = root.join("rootfs");
    for folder in ["etc", "proc", "sys", "dev", "tmp", "root", "usr"] {
        fs::create_dir_all(files.join(folder)).unwrap();
    }
    for link in ["bin", "lib", "lib64", "sbin"] {
        symlink(format!("usr/{link}"), files.join(link)).unwrap();
    }
    fs::write(files.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    let tar = root.join("rootfs.tar");
    let made = Command::new("tar").arg("-C").arg(&files).arg("-cf").arg(&tar).arg(".").status().unwrap();
    assert!(made.success());
    let imported = podman(root).arg("import").arg(&tar).arg(IMAGE).output().unwrap();
    assert!(imported.status.success(), "{imported:?}");
}

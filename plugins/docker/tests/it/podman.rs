//! Podman's service for real, with a shell script in the place of the agent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use docker::{Answer, Containers, Engine, Method};
use muster_sdk::Error;
use muster_sdk::pool::{MachineSpec, MachineState};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// HTTP/1.0, so that an answer ends with its connection.
struct Tcp;

impl Engine for Tcp {
    fn send(&self, method: Method, url: &str, content_type: &str, body: Vec<u8>) -> Result<Answer, Error> {
        let unavailable = |error: std::io::Error| Error::Unavailable(error.to_string());
        let (authority, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
        let mut stream = TcpStream::connect(authority).map_err(unavailable)?;
        let head = format!(
            "{} /{path} HTTP/1.0\r\nHost: engine\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            method.name(),
            body.len()
        );
        stream.write_all(&[head.into_bytes(), body].concat()).map_err(unavailable)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(unavailable)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("a status");
        Ok(Answer { status, body: answer.split_off(end + 4) })
    }
}

/// A service with its own store, which ends with the test.
struct Podman {
    root: PathBuf,
    service: Child,
    url: String,
}

impl Podman {
    fn command(root: &Path) -> Command {
        let mut command = Command::new("podman");
        let folder = |name: &str| root.join(name).into_os_string();
        command.env("CONTAINERS_CONF", root.join("containers.conf"));
        command
            .arg("--root")
            .arg(folder("store"))
            .arg("--runroot")
            .arg(folder("run"))
            .arg("--tmpdir")
            .arg(folder("tmp"));
        command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "vfs"]);
        command.args(["--runtime", "runc"]);
        command
    }

    fn start() -> Podman {
        let root = std::env::temp_dir().join(format!("muster-podman-{}", std::process::id()));
        let rootfs = root.join("rootfs");
        for folder in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
            fs::create_dir_all(rootfs.join(folder)).unwrap();
        }
        let limits = "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n[engine]\n";
        let engine = "cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n";
        fs::write(root.join("containers.conf"), format!("{limits}{engine}")).unwrap();
        fs::copy("/bin/busybox", rootfs.join("bin/busybox")).unwrap();
        std::os::unix::fs::symlink("busybox", rootfs.join("bin/sh")).unwrap();
        let tar = root.join("rootfs.tar");
        assert!(Command::new("tar").arg("-C").arg(&rootfs).arg("-cf").arg(&tar).arg(".").status().unwrap().success());
        let imported = Podman::command(&root).arg("import").arg(&tar).arg("probe:latest").output().unwrap();
        assert!(imported.status.success(), "{imported:?}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("tcp:127.0.0.1:{port}");
        let service = Podman::command(&root).args(["system", "service", "--time=0", &address]).spawn().unwrap();
        let podman = Podman { root, service, url: format!("http://127.0.0.1:{port}") };
        wait_for("the service", || TcpStream::connect(("127.0.0.1", port)).ok());
        podman
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        let _ = Podman::command(&self.root).args(["rm", "--all", "--force", "--time", "0"]).output();
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} did not come about");
        std::thread::yield_now();
    }
}

/// Proves what it was given, says where it "listens" as the agent does, and stays.
const AGENT: &str = r#"#!/bin/sh
[ "$1" = buildlet ] || exit 3
busybox=/bin/busybox
mode=$($busybox stat -c %a /muster/password)
[ "$mode" = 600 ] || { echo "mode $mode"; exit 4; }
password=$($busybox cat /muster/password)
echo "https://:$password@127.0.0.1:4711/#sha256=ab" > /muster/address.new
$busybox mv /muster/address.new /muster/address
$busybox sleep 600
"#;

#[test]
fn a_machine_is_made_found_and_removed() {
    let missing = |path: &&str| !Path::new(path).exists();
    let missing: Vec<&str> =
        ["/usr/bin/podman", "/bin/busybox", "/usr/sbin/runc"].into_iter().filter(missing).collect();
    if !missing.is_empty() {
        eprintln!("skipped: this machine has no {}", missing.join(", "));
        return;
    }
    let podman = Podman::start();
    let agent = podman.root.join("agent");
    fs::write(&agent, AGENT).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = format!(r#"{{"url": "{}", "image": "localhost/probe:latest", "memory": "64m"}}"#, podman.url);
    let containers = Containers::new(&Tcp, &settings).unwrap();
    let labels = vec![("muster.build".to_owned(), "b 1".to_owned())];
    let spec = MachineSpec {
        host_type: "default".into(),
        name: "bl-1".into(),
        labels: labels.clone(),
        agent_binary: agent.to_str().unwrap().into(),
        password: "word".into(),
        max_life: 60,
        extra: Vec::new(),
    };
    let handle = containers.create(&spec).unwrap();
    let url = wait_for("readiness", || match containers.describe(&handle).unwrap().state {
        MachineState::Ready(url) => Some(url),
        MachineState::Starting(_) => None,
        MachineState::Gone(cause) => panic!("gone: {cause}"),
    });
    assert_eq!(url, "https://127.0.0.1:4711/#sha256=ab", "without the password");
    let machine = containers.describe(&handle).unwrap();
    assert_eq!(machine.name, "bl-1");
    assert!(machine.created.is_some() && machine.labels.contains(&labels[0]), "{machine:?}");
    let again = containers.create(&spec).unwrap_err();
    assert!(format!("{again:?}").contains("already in use"), "{again:?}");
    assert_eq!(containers.list(&labels).unwrap().len(), 1);
    assert_eq!(containers.list(&[("muster.build".into(), "other".into())]).unwrap().len(), 0);
    assert_eq!(containers.capacity("default").unwrap().used, 1);
    containers.destroy(&handle).unwrap();
    containers.destroy(&handle).unwrap();
    assert!(matches!(containers.describe(&handle).unwrap().state, MachineState::Gone(_)));
    assert_eq!(containers.list(&[]).unwrap().len(), 0);
}

impl std::fmt::Debug for Podman {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

//! The script, run as a buildlet would, with toolchains that only say where they are.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process;

use super::*;
use crate::catalog::{self, ROOT};
use crate::fixture::place;
use crate::settings::GoDistSettings;

/// A work directory with a tree whose make script tells its toolchain.
struct Work(PathBuf);

impl Work {
    fn new(name: &str) -> Work {
        let folder = std::env::temp_dir().join(format!("muster-go-dist-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("go/src")).unwrap();
        write_program(&folder.join("go/src/make.bash"), "#!/bin/sh\necho \"made with $GOROOT_BOOTSTRAP $*\"\n");
        Work(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// A toolchain: its `go` knows where it is.
    fn toolchain(&self, name: &str) -> String {
        let root = self.path(name);
        write_program(&Path::new(&root).join("bin/go"), &format!("#!/bin/sh\necho '{root}'\n"));
        root
    }

    /// Makes with a builder under these settings; what was printed, and whether it went well.
    fn make(&self, settings: &str, env: &[(&str, &str)]) -> (String, bool) {
        let spec = catalog::find(&GoDistSettings::parse(settings).unwrap(), "linux-amd64").unwrap();
        let place = place(self.0.to_str().unwrap());
        let command = with_toolchain(&spec, &place, ROOT, spec.make_script()).unwrap();
        for (name, content) in &command.files {
            let file = Path::new(&place.attempt_dir).join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        let mut process = process::Command::new(&command.argv[0]);
        process.args(&command.argv[1..]).current_dir(self.0.join(&command.dir)).env_remove("GOROOT_BOOTSTRAP");
        let output = process.envs(env.iter().copied()).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (text.replace(self.0.to_str().unwrap(), "W"), output.status.success())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_named_one_is_used_without_a_word() {
    let work = Work::new("named");
    let named = work.toolchain("named");
    let made = work.make(r#"{"bootstrap": "/nowhere"}"#, &[("GOROOT_BOOTSTRAP", &named)]);
    assert_eq!(made, ("made with W/named \n".into(), true));
}

#[test]
fn one_that_is_absent_is_replaced_by_the_settings() {
    let work = Work::new("settings");
    let settings = format!(r#"{{"bootstrap": "{}"}}"#, work.toolchain("mine"));
    let made = work.make(&settings, &[("GOROOT_BOOTSTRAP", "/go1.4")]);
    let text = "muster: there is no toolchain at /go1.4: using W/mine of the settings\nmade with W/mine \n";
    assert_eq!(made, (text.into(), true));
}

#[test]
fn without_settings_the_path_has_one() {
    let work = Work::new("path");
    work.toolchain("in path");
    let path = format!("{}:/usr/bin:/bin", work.path("in path/bin"));
    let made = work.make("", &[("PATH", &path), ("GOROOT_BOOTSTRAP", "/go1.4")]);
    let text = "muster: there is no toolchain at /go1.4: using W/in path, of the W/in path/bin/go in the path\n\
                made with W/in path \n";
    assert_eq!(made, (text.into(), true));
}

#[test]
fn without_any_it_says_what_to_set() {
    let work = Work::new("none");
    let tools = work.path("tools");
    fs::create_dir_all(&tools).unwrap();
    let (text, ok) = work.make("", &[("PATH", &tools)]);
    assert!(!ok && text.starts_with("muster: no toolchain is named, and no `go` is in the path"), "{text}");
}

#[test]
fn one_by_url_is_fetched_once() {
    let work = Work::new("url");
    work.toolchain("packed/go");
    let archive = work.path("go.tar.gz");
    let tar = ["-czf", &archive, "-C", &work.path("packed"), "go"].map(str::to_owned);
    assert!(process::Command::new("tar").args(tar).status().unwrap().success());
    let content = fs::read(&archive).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/go.tar.gz", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
        stream.write_all(&[head.as_bytes(), &content].concat()).unwrap();
    });
    let settings = format!(r#"{{"bootstrap-url": "{url}"}}"#);
    let (text, ok) = work.make(&settings, &[]);
    assert!(ok && text.contains("using W/go1.4/go, from http://"), "{text}");
    server.join().unwrap();
    // Nobody listens any more: what is there is used.
    let (text, ok) = work.make(&settings, &[]);
    assert!(ok && text.ends_with("made with W/go1.4/go \n"), "{text}");
}

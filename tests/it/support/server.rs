//! A `muster serve` of a test's own, and its clients.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::Value;

use super::http::{self, Answer, Question};
use super::live::signal;
use super::{User, junit, until};

/// What the tests of the service say to it: nothing waits for defaults, and nothing outlives a failed test for long.
pub(crate) const SERVE: &str = "\
[serve]
adoption = \"60s\"
unmerged-on-local = true
[limits]
heartbeat-every = \"1s\"
heartbeat-timeout = \"5s\"
[pool.local]
kind = \"local\"
buildlets = 4
";

/// A server, dead or alive.
pub(crate) struct Server<'a> {
    user: &'a User,
    state: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    process: Option<Child>,
    address: String,
    /// What it wrote on standard error, in all its lives.
    said: Arc<Mutex<String>>,
}

impl<'a> Server<'a> {
    /// One that runs with this configuration.
    pub(crate) fn start(user: &'a User, configuration: &str) -> Server<'a> {
        let mut server = Server::named(user, "serve", configuration);
        server.begin();
        server
    }

    /// One that does not run yet, with this name among its user's.
    pub(crate) fn named(user: &'a User, name: &str, configuration: &str) -> Server<'a> {
        let file = user.path(&format!("{name}.toml"));
        std::fs::write(&file, configuration).unwrap();
        Server::with_arguments(user, name, vec!["--config".into(), file.into()])
    }

    /// One that does not run yet.
    pub(crate) fn with_arguments(user: &'a User, name: &str, arguments: Vec<OsString>) -> Server<'a> {
        let state = user.path(name);
        std::fs::create_dir_all(&state).unwrap();
        // Compiled plugins are shared, as those of builds are.
        let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("muster/compiled");
        std::fs::create_dir_all(&compiled).unwrap();
        symlink(compiled, state.join("compiled")).unwrap();
        Server {
            user,
            state,
            arguments,
            environment: Vec::new(),
            process: None,
            address: "127.0.0.1:0".to_owned(),
            said: Arc::default(),
        }
    }

    /// Sets a variable of its environment.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Begins a life: returns when it listens.
    pub(crate) fn begin(&mut self) {
        let mut command = self.user.muster(["serve", "--listen"]);
        command.arg(&self.address).arg("--state").arg(&self.state).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let read = stderr.read_line(&mut told).unwrap();
            assert!(read > 0, "the server ended before it served: {told}");
            let address = told.lines().last().and_then(|line| line.strip_prefix("muster serves http://"));
            if let Some((address, _)) = address.and_then(|line| line.split_once('/')) {
                break address.to_owned();
            }
        };
        self.said.lock().unwrap().push_str(&told);
        let said = Arc::clone(&self.said);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                said.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        (self.address, self.process) = (address, Some(process));
    }

    /// Waits until it drives builds.
    pub(crate) fn ready(&self) {
        until("the server is active", || (self.readiness()["standing"] == "active").then_some(()));
    }

    /// What `/readyz` says; null where nothing answers.
    pub(crate) fn readiness(&self) -> Value {
        let answer = http::ask(&self.address, Question::get("/readyz", ""));
        let Ok(body) = answer.and_then(Answer::bytes) else { return Value::Null };
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// Kills it as nothing can be helped against, and returns when it is gone.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops it as an operator does: how it ended.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().unwrap();
        signal(process.id(), Signal::TERM);
        until("the server ended", || process.try_wait().unwrap()).code()
    }

    /// Kills it and begins another life.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.begin();
        self.ready();
    }

    /// Has it read its configuration and plugins anew.
    pub(crate) fn hang_up(&self) {
        signal(self.process.as_ref().unwrap().id(), Signal::HUP);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The operator's token.
    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.state.join("token")).unwrap().trim().to_owned()
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A client command: `submit`, `status` and the like, with its arguments and where the server is.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.muster(arguments);
        command.args(["--server", &self.url()]);
        command
    }

    /// What a client command with `--json` prints.
    pub(crate) fn asked(&self, arguments: &[&str]) -> Value {
        let output = self.client(arguments).arg("--json").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}\n{}", self.said());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Submits a tree: the number of its build.
    pub(crate) fn submit(&self, tree: &Path, options: &[&str]) -> u64 {
        let mut arguments = vec!["submit", tree.to_str().unwrap()];
        arguments.extend(options);
        self.asked(&arguments)["id"].as_u64().unwrap()
    }

    /// A build as the API shows it.
    pub(crate) fn build(&self, id: u64) -> Value {
        self.json(&format!("/api/v1/builds/{id}"))
    }

    /// Waits for the end of a build.
    pub(crate) fn wait(&self, id: u64) -> Value {
        until(&format!("build {id} ends"), || {
            let build = self.build(id);
            (!build["outcome"].is_null()).then_some(build)
        })
    }

    /// The ordered log of a build that is over.
    pub(crate) fn log(&self, id: u64) -> String {
        let path = format!("/api/v1/builds/{id}/log");
        until(&format!("the log of build {id} is whole"), || {
            let answer = self.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            let whole = answer.headers.get("muster-log-finished").is_none_or(|word| word == "true");
            whole.then(|| String::from_utf8(answer.bytes().unwrap()).unwrap())
        })
    }

    /// Its JUnit XML, and what that says of each test.
    pub(crate) fn junit(&self, id: u64) -> (String, BTreeMap<junit::Name, String>) {
        let answer = self.get(&format!("/api/v1/builds/{id}/junit"));
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.bytes().unwrap()).unwrap();
        let file = self.user.path(&format!("{id}.xml"));
        std::fs::write(&file, &text).unwrap();
        (text, junit::read(&file))
    }

    /// What is at this path, as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        let status = answer.status;
        let body = answer.bytes().unwrap();
        assert_eq!(status, 200, "{path}: {}\n{}", String::from_utf8_lossy(&body), self.said());
        serde_json::from_slice(&body).unwrap()
    }

    /// What stands at a path, as text.
    pub(crate) fn text(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}\n{}", self.said());
        String::from_utf8(answer.bytes().unwrap()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let token = self.token();
        http::ask(&self.address, Question::get(path, &token)).unwrap_or_else(|error| {
            panic!("GET {path}: {error}\n{}", self.said());
        })
    }

    /// Posts JSON: status and what is answered.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let token = self.token();
        let answer = http::ask(&self.address, Question::post(path, &token, body)).unwrap();
        let status = answer.status;
        (status, serde_json::from_slice(&answer.bytes().unwrap()).unwrap_or_default())
    }

    /// What happens in a build, as it happens: the first event that is wanted.
    pub(crate) fn event(&self, id: u64, mut wanted: impl FnMut(&Value) -> bool) -> Option<Value> {
        let answer = self.get(&format!("/api/v1/builds/{id}/events"));
        let mut lines = BufReader::new(answer).lines();
        lines.find_map(|line| {
            let event: Value = serde_json::from_str(line.ok()?.strip_prefix("data: ")?).ok()?;
            wanted(&event).then_some(event)
        })
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Told to stop, it gives its machines back.
        signal(process.id(), Signal::TERM);
        let _ = process.wait();
        if std::thread::panicking() {
            eprintln!("--- the server said\n{}", self.said());
        }
    }
}

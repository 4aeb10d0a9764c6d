//! Machines of a test's own: `muster buildlet`, reached by URL.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::User;

/// A running `muster buildlet`. It ends with this.
pub(crate) struct Buildlet {
    agent: Child,
    url: String,
}

impl Buildlet {
    /// On loopback, with its trees in this folder and its state beside it.
    pub(crate) fn start(user: &User, work_dir: &Path) -> Buildlet {
        Buildlet::start_with(user, work_dir, &[])
    }

    /// The same, with more options.
    pub(crate) fn start_with(user: &User, work_dir: &Path, options: &[&str]) -> Buildlet {
        let mut command = user.muster(["buildlet", "--die-with-parent", "--work-dir"]);
        let mut agent = command.arg(work_dir).args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Buildlet { agent, url: url.trim().to_owned() }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        let (_, place) = self.url.rsplit_once('@').unwrap();
        let port = place.split(['/', '#']).next().unwrap().rsplit_once(':').unwrap().1;
        port.parse().unwrap()
    }

    /// The whole URL, as it is pasted behind `--buildlet`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Buildlet {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

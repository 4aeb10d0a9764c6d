//! What every builder of one kind of project may be told, and the rest of its configuration.

use crate::builder::BuilderConfig;
use crate::settings::Settings;
use crate::types::{Duration, Error};

/// Settings that such builders share.
#[derive(Clone, Debug)]
pub struct Common {
    /// `root`: the folder below the work directory where the tree stands.
    pub root: String,
    /// `make-host-type`: the machines that make the tree; without it those that test it.
    pub make_host_type: String,
    /// `host-type`: the machines that test it.
    pub test_host_type: String,
    /// `helpers`: machines beside the main one; none is what the host can bear.
    pub helpers: Option<u32>,
    /// `env`: environment of every command.
    pub env: Vec<(String, String)>,
    /// `clean`: paths removed before the snapshot is taken.
    pub clean: Vec<String>,
    /// `exec-overhead`: what an exec costs before its first test, until it is measured.
    pub exec_overhead: Duration,
    /// `keep-going`: run everything after a failure.
    pub keep_going: bool,
}

impl Common {
    /// Takes them out of a builder's settings, with its own guess of what an exec costs.
    pub fn take(settings: &mut Settings, exec_overhead: Duration) -> Result<Common, Error> {
        let host_type = settings.text("host-type")?.unwrap_or_else(|| "default".into());
        Ok(Common {
            root: settings.text("root")?.unwrap_or_else(|| "tree".into()),
            make_host_type: settings.text("make-host-type")?.unwrap_or_else(|| host_type.clone()),
            test_host_type: host_type,
            helpers: settings.count("helpers")?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            env: settings.table("env")?.unwrap_or_default(),
            clean: settings.texts("clean")?.unwrap_or_default(),
            exec_overhead: settings.duration("exec-overhead")?.unwrap_or(exec_overhead),
            keep_going: settings.flag("keep-going")?.unwrap_or(true),
        })
    }

    /// A builder that these say all of, read by the exit status alone.
    pub fn config(self, name: &str, description: &str) -> BuilderConfig {
        BuilderConfig {
            name: name.into(),
            description: description.into(),
            os: "linux".into(),
            arch: "amd64".into(),
            make_host_type: self.make_host_type,
            test_host_type: self.test_host_type,
            helpers: self.helpers,
            root: self.root,
            env: self.env,
            parser: None,
            exec_overhead: self.exec_overhead,
            keep_going: self.keep_going,
            look_at_env: Vec::new(),
            look_at: Vec::new(),
            try_only: false,
            owner: String::new(),
            notes: String::new(),
            extra: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SECOND;

    #[test]
    fn one_host_type_is_for_both_unless_it_is_said() {
        let take = |json: &str| Common::take(&mut Settings::parse(json).unwrap(), SECOND).unwrap();
        let usual = take("").config("n", "d");
        assert_eq!((usual.make_host_type.as_str(), usual.test_host_type.as_str()), ("default", "default"));
        assert_eq!((usual.root.as_str(), usual.exec_overhead, usual.keep_going), ("tree", SECOND, true));
        let set = take(r#"{"host-type": "small", "make-host-type": "big", "helpers": 3, "exec-overhead": "2s"}"#);
        assert_eq!((set.make_host_type.as_str(), set.test_host_type.as_str()), ("big", "small"));
        assert_eq!((set.helpers, set.exec_overhead), (Some(3), 2 * SECOND));
    }
}

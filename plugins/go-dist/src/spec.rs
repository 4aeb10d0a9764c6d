//! What follows from a builder's name and its row: its system, its scripts, its machine, its environment.

use crate::table::Row;

/// Where Go's coordinator kept the archives and binaries that machines fetch.
const BUCKET: &str = "storage.googleapis.com/go-builder-data";
/// The variable that tells Go's own scripts and tests that a builder runs them.
pub(crate) const BUILDER_NAME: &str = "GO_BUILDER_NAME";

/// A builder under the settings of this host and tree.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// As the table has it; its name may be one of the settings.
    pub(crate) row: Row,
    pub(crate) name: String,
    /// Variables of all its commands: the host's, then its own, then those of the settings; each name once.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) helpers: u32,
    /// What the pool calls its machines.
    pub(crate) host_type: String,
    /// The toolchain of the settings, for where the builder's own is not there.
    pub(crate) bootstrap: Option<String>,
    /// The archive of one.
    pub(crate) bootstrap_url: Option<String>,
}

/// An operating system and an architecture, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) arch: String,
}

impl Platform {
    /// Reads `linux-amd64`, whatever follows.
    pub(crate) fn read(name: &str) -> Option<Platform> {
        let mut parts = name.split('-');
        let (os, arch) = (parts.next()?, parts.next()?);
        (!os.is_empty() && !arch.is_empty()).then(|| Platform { os: os.into(), arch: arch.into() })
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

impl Spec {
    /// The builder of a row, as the table has it.
    pub(crate) fn of(row: &Row, name: &str) -> Spec {
        let mut spec = Spec {
            row: *row,
            name: name.to_owned(),
            env: Vec::new(),
            helpers: row.helpers,
            host_type: String::new(),
            bootstrap: None,
            bootstrap_url: None,
        };
        spec.host_type = spec.buildlet_type().to_owned();
        if !row.bootstrap.is_empty() {
            spec.bootstrap_url = Some(format!("https://{BUCKET}/go1.4-{}.tar.gz", row.bootstrap));
        }
        spec
    }

    /// Sets a variable; a later value replaces an earlier one.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Its name up to the first `-`.
    pub(crate) fn goos(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }

    /// Its name from the first `-` to the second.
    pub(crate) fn goarch(&self) -> &str {
        self.name.split('-').nth(1).unwrap_or_default()
    }

    /// Joins a path as its system does, cleaning nothing.
    pub(crate) fn join(&self, parts: &[&str]) -> String {
        parts.join(if self.goos() == "windows" { "\\" } else { "/" })
    }

    /// What its row asks the pool for.
    pub(crate) fn buildlet_type(&self) -> &str {
        match (self.row.buildlet_type, self.row.image) {
            ("", "") => &self.name,
            ("", image) => image,
            (buildlet_type, _) => buildlet_type,
        }
    }

    /// The binary that its machines run.
    pub(crate) fn buildlet_url(&self) -> String {
        let own = format!("{}-{}", self.goos(), self.goarch());
        let platform = if self.row.buildlet.is_empty() { own.as_str() } else { self.row.buildlet };
        format!("http://{BUCKET}/buildlet.{platform}")
    }

    /// The machine that it runs on: the platform of its buildlet, or that of its own where the tools are to run.
    pub(crate) fn machine(&self) -> Platform {
        let of_name = || {
            let or = |name: &str, own: &str| self.variable(name).unwrap_or(own).to_owned();
            Platform { os: or("GOHOSTOS", self.goos()), arch: or("GOHOSTARCH", self.goarch()) }
        };
        Platform::read(self.row.buildlet).unwrap_or_else(of_name)
    }

    /// The script that makes and tests everything.
    pub(crate) fn all_script(&self) -> &'static str {
        let is_race = self.name.ends_with("-race");
        match self.goos() {
            "windows" if is_race => "src/race.bat",
            _ if is_race => "src/race.bash",
            "windows" => "src/all.bat",
            "plan9" => "src/all.rc",
            "nacl" => "src/nacltest.bash",
            _ if self.is_ios() => "src/iostest.bash",
            _ if self.name == "all-compile" => "src/buildall.bash",
            _ => "src/all.bash",
        }
    }

    /// A telephone or a tablet, behind a machine that it hangs on.
    fn is_ios(&self) -> bool {
        self.goos() == "darwin" && self.goarch().starts_with("arm")
    }

    /// Whether making and testing are two steps, so that the tests can be spread.
    pub(crate) fn is_split(&self) -> bool {
        matches!(self.all_script(), "src/all.bash" | "src/all.bat" | "src/all.rc")
    }

    /// Arguments of [`Spec::all_script`] and [`Spec::make_script`].
    pub(crate) fn script_args(&self) -> &'static [&'static str] {
        if self.is_ios() { &["-restart"] } else { &[] }
    }

    /// The script that makes everything.
    pub(crate) fn make_script(&self) -> &'static str {
        match self.goos() {
            "windows" => "src/make.bat",
            "plan9" => "src/make.rc",
            _ => "src/make.bash",
        }
    }

    /// The script that tests what is made.
    pub(crate) fn run_script(&self) -> &'static str {
        match self.goos() {
            "windows" => "src/run.bat",
            "plan9" => "src/run.rc",
            _ => "src/run.bash",
        }
    }

    /// Where its releases are installed.
    pub(crate) fn goroot_final(&self) -> &'static str {
        if self.goos() == "windows" { "c:\\go" } else { "/usr/local/go" }
    }

    /// Whom to ask about it.
    pub(crate) fn short_owner(&self) -> &str {
        match self.row.owner {
            "" => "go-dev",
            owner => owner.strip_suffix("@golang.org").unwrap_or(owner),
        }
    }

    /// Where its machines come from.
    pub(crate) fn pool(&self) -> &'static str {
        if self.row.image.is_empty() { "reverse" } else { "gce" }
    }
}

#[cfg(test)]
mod tests;

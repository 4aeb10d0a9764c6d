//! Crates as their authors published them, in a workspace where several belong together.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::process;

/// The exact dependencies of the first workspace, which no author published.
const TOML_LOCK: &str = include_str!("toml.lock");
/// The same of the others.
const NUM_LOCK: &str = include_str!("num.lock");
const CROSSBEAM_LOCK: &str = include_str!("crossbeam.lock");

/// A tree made of published crates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crates {
    /// The folder it gets.
    pub(crate) name: &'static str,
    /// Name and version of each.
    pub(crate) members: &'static [(&'static str, &'static str)],
    /// Its exact dependencies; a single crate brings its own.
    pub(crate) lock: Option<&'static str>,
}

/// Three crates of one repository: documentation tests, harnesses of their own.
pub(crate) const TOML: Crates = Crates {
    name: "toml-workspace",
    members: &[("toml", "0.8.19"), ("toml_edit", "0.22.20"), ("toml_datetime", "0.6.8")],
    lock: Some(TOML_LOCK),
};

/// Five crates that use each other, a build script, documentation tests; all compiled in seconds.
pub(crate) const NUM: Crates = Crates {
    name: "num-workspace",
    members: &[
        ("num-bigint", "0.4.6"),
        ("num-complex", "0.4.6"),
        ("num-iter", "0.1.45"),
        ("num-rational", "0.4.2"),
        ("num-traits", "0.2.19"),
    ],
    lock: Some(NUM_LOCK),
};

/// Tests that wait, and tests that keep several processors busy: minutes of them, compiled in seconds.
pub(crate) const CROSSBEAM: Crates = Crates {
    name: "crossbeam-workspace",
    members: &[("crossbeam-channel", "0.5.15"), ("crossbeam-utils", "0.8.21")],
    lock: Some(CROSSBEAM_LOCK),
};

impl Crates {
    /// Fetches and lays it out, unless it is there, with all that it needs in cargo's own folder.
    pub(crate) fn ensure(&self, base: &Path) -> anyhow::Result<()> {
        let tree = base.join(self.name);
        if tree.exists() {
            return Ok(());
        }
        let names: Vec<String> = self.members.iter().map(|(name, version)| format!("{name} {version}")).collect();
        eprintln!("fetching {} from crates.io", names.join(", "));
        self.fetch(base, &tree).with_context(|| format!("fetch {}", names.join(", ")))
    }

    fn fetch(&self, base: &Path, tree: &Path) -> anyhow::Result<()> {
        let scratch = base.join(format!("{}-fetch", self.name));
        renew(&scratch.join("src"))?;
        let dependencies: Vec<String> =
            self.members.iter().map(|(name, version)| format!("{name} = \"={version}\"\n")).collect();
        let dependencies = dependencies.concat();
        let manifest = format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
             [dependencies]\n{dependencies}"
        );
        write(&scratch.join("Cargo.toml"), &manifest)?;
        write(&scratch.join("src/lib.rs"), "")?;
        process::run(cargo(&scratch).args(["vendor", "--quiet", "--versioned-dirs", "vendor"]))?;
        let partial = base.join(format!("{}.partial", self.name));
        renew(&partial)?;
        for (name, version) in self.members {
            let folder = format!("{name}-{version}");
            let (from, to) = (scratch.join("vendor").join(&folder), partial.join(&folder));
            fs::rename(&from, &to).with_context(|| format!("move `{}`", from.display()))?;
        }
        let root = self.lay_out(&partial)?;
        process::run(cargo(&root).args(["fetch", "--quiet"]))?;
        fs::rename(&root, tree).with_context(|| format!("rename `{}`", root.display()))?;
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))?;
        }
        fs::remove_dir_all(&scratch).with_context(|| format!("remove `{}`", scratch.display()))
    }

    /// A single crate is a tree; several get a manifest above them, by which they use each other.
    fn lay_out(&self, partial: &Path) -> anyhow::Result<std::path::PathBuf> {
        if let [(name, version)] = self.members {
            return Ok(partial.join(format!("{name}-{version}")));
        }
        let folders = self.members.iter().map(|(name, version)| (name, format!("{name}-{version}")));
        let (mut members, mut patches) = (String::new(), String::new());
        for (name, folder) in folders {
            members.push_str(&format!("    \"{folder}\",\n"));
            patches.push_str(&format!("{name} = {{ path = \"{folder}\" }}\n"));
        }
        let manifest =
            format!("[workspace]\nresolver = \"2\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}");
        write(&partial.join("Cargo.toml"), &manifest)?;
        if let Some(lock) = self.lock {
            write(&partial.join("Cargo.lock"), lock)?;
        }
        Ok(partial.to_owned())
    }
}

/// Cargo in a folder, and not as this program was started by it.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

fn renew(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove `{}`", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("write `{}`", file.display()))
}

//! Debian packages: which are missing, and getting them where this machine allows.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

use crate::process;

/// Held while packages are installed: apt refuses to run twice at a time.
static INSTALLING: Mutex<()> = Mutex::new(());
/// The program that installs.
const APT_GET: &str = "/usr/bin/apt-get";

/// Those of `packages` that are not installed.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> anyhow::Result<Vec<&'a str>> {
    // A package that dpkg has never heard of is named on its standard error, and missing from the answer.
    let answer = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Abbrev}\n"])
        .args(packages)
        .output()
        .context("run dpkg-query")?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let is_installed = |package: &str| {
        answer
            .lines()
            .any(|line| line.split_once(' ').is_some_and(|(name, state)| name == package && state.starts_with("ii")))
    };
    Ok(packages.iter().copied().filter(|package| !is_installed(package)).collect())
}

/// Installs what is missing of `packages`, saying so. An error where this machine does not allow it.
pub(crate) fn ensure(packages: &[&str]) -> anyhow::Result<()> {
    if !Path::new(APT_GET).exists() {
        bail!("install {}: this machine has no apt-get", packages.join(", "));
    }
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(", ");
    if !is_root()? {
        bail!("install {names}: run `sudo apt-get install {}` first", missing.join(" "));
    }
    eprintln!("installing {names} with apt-get");
    // The lists of a fresh machine are empty or old; with old ones the installation may still do.
    if let Err(error) = process::run(apt_get().args(["-qq", "update"])) {
        eprintln!("warning: failed to {error:#}");
    }
    process::run(apt_get().args(["-qq", "install", "-y", "--no-install-recommends"]).args(&missing))
        .with_context(|| format!("install {names}"))
}

fn apt_get() -> Command {
    let mut command = Command::new(APT_GET);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> anyhow::Result<bool> {
    Ok(fs::metadata("/proc/self").context("read who runs this")?.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn only_what_is_not_installed_is_missing() -> anyhow::Result<()> {
        if !std::path::Path::new("/usr/bin/dpkg-query").exists() {
            eprintln!("skipped: this machine has no dpkg");
            return Ok(());
        }
        assert_eq!(missing(&["dpkg", "no-such-package-at-all"])?, ["no-such-package-at-all"]);
        assert!(missing(&["dpkg"])?.is_empty());
        Ok(())
    }
}

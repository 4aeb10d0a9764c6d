//! Debian packages: a source package as its authors released it, without Debian's changes, or what a package installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::process;
use crate::projects::unpack;

/// Where apt says what it gets from where.
const SOURCES: &str = "/etc/apt/sources.list.d";
const SOURCES_LIST: &str = "/etc/apt/sources.list";

/// Fetches and unpacks it, unless it is there.
pub(crate) fn ensure(base: &Path, package: &str) -> anyhow::Result<()> {
    let tree = base.join(package);
    if tree.exists() {
        return Ok(());
    }
    eprintln!("fetching the source package {package}");
    fetch(base, package, &tree).with_context(|| format!("fetch the source package {package}"))
}

/// Fetches a package and takes a folder of what it would install, unless that is there. The machine's own sources have it.
pub(crate) fn ensure_part(base: &Path, package: &str, part: &str) -> anyhow::Result<()> {
    let tree = base.join(package);
    if tree.exists() {
        return Ok(());
    }
    eprintln!("fetching the package {package}");
    fetch_part(base, package, part, &tree).with_context(|| format!("fetch the package {package}"))
}

fn fetch_part(base: &Path, package: &str, part: &str, tree: &Path) -> anyhow::Result<()> {
    let scratch = base.join("apt-part");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("remove `{}`", scratch.display()))?;
    }
    let root = scratch.join("root");
    fs::create_dir_all(&root).with_context(|| format!("create `{}`", root.display()))?;
    let mut download = Command::new("apt-get");
    download.current_dir(&scratch).args(["-qq", "-o", "APT::Sandbox::User=root", "download", package]);
    process::run(&mut download)?;
    let files = fs::read_dir(&scratch).with_context(|| format!("read `{}`", scratch.display()))?;
    let mut paths = files.flatten().map(|entry| entry.path());
    let Some(archive) = paths.find(|path| path.extension().is_some_and(|extension| extension == "deb")) else {
        bail!("find the package among what was fetched");
    };
    process::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&root))?;
    fs::rename(root.join(part), tree).with_context(|| format!("move `{part}` to `{}`", tree.display()))?;
    fs::remove_dir_all(&scratch).with_context(|| format!("remove `{}`", scratch.display()))
}

/// With lists of its own: the machine's stay as they are.
fn fetch(base: &Path, package: &str, tree: &Path) -> anyhow::Result<()> {
    let scratch = base.join("apt");
    let (parts, lists, download) = (scratch.join("parts"), scratch.join("lists"), scratch.join("download"));
    for folder in [&parts, &lists.join("partial"), &download] {
        fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
    }
    write_sources(&parts)?;
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.current_dir(&download).args(["-qq", "-o", "Dir::Etc::SourceList=/dev/null", "-o"]);
        command.arg(format!("Dir::Etc::SourceParts={}", parts.display())).arg("-o");
        command.arg(format!("Dir::State::Lists={}", lists.display()));
        // Its own user cannot write below a home.
        command.args(["-o", "APT::Sandbox::User=root"]);
        command
    };
    process::run(apt_get().arg("update"))?;
    process::run(apt_get().args(["source", "--only-source", "--download-only", package]))?;
    unpack(&original(&download)?, tree)?;
    fs::remove_dir_all(&scratch).with_context(|| format!("remove `{}`", scratch.display()))
}

/// The machine's own sources, of source packages instead of built ones.
fn write_sources(parts: &Path) -> anyhow::Result<()> {
    let mut found = vec![PathBuf::from(SOURCES_LIST)];
    found.extend(fs::read_dir(SOURCES).into_iter().flatten().flatten().map(|entry| entry.path()));
    for path in found {
        let (Ok(text), Some(name)) = (fs::read_to_string(&path), path.file_name()) else { continue };
        let lines: Vec<String> = text.lines().map(of_sources).collect();
        let target = parts.join(name);
        fs::write(&target, lines.join("\n") + "\n").with_context(|| format!("write `{}`", target.display()))?;
    }
    Ok(())
}

fn of_sources(line: &str) -> String {
    match line.strip_prefix("deb ") {
        Some(rest) => format!("deb-src {rest}"),
        None if line.trim() == "Types: deb" => "Types: deb-src".to_owned(),
        None => line.to_owned(),
    }
}

fn original(download: &Path) -> anyhow::Result<PathBuf> {
    let files = fs::read_dir(download).with_context(|| format!("read `{}`", download.display()))?;
    let mut paths = files.flatten().map(|entry| entry.path());
    match paths.find(|path| path.to_string_lossy().contains(".orig.tar.") && !path.to_string_lossy().ends_with(".asc"))
    {
        Some(path) => Ok(path),
        None => bail!("find the original archive among what was fetched"),
    }
}

#[cfg(test)]
mod tests {
    use super::of_sources;

    #[test]
    fn both_forms_of_sources_are_turned() {
        assert_eq!(of_sources("deb https://x bookworm main"), "deb-src https://x bookworm main");
        assert_eq!(of_sources("Types: deb"), "Types: deb-src");
        assert_eq!(of_sources("URIs: https://x"), "URIs: https://x");
        assert_eq!(of_sources("deb-src https://x bookworm main"), "deb-src https://x bookworm main");
    }
}

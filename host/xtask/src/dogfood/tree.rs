//! The tree that is built: the files that git knows, the plugins, and what was compiled of other people's crates.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::dogfood::Compiled;
use crate::repository::Repository;

/// Lays it out anew. Files are linked: nothing writes to this tree, since machines get copies.
pub(crate) fn lay_out(repository: &Repository, compiled: &Compiled, tree: &Path) -> anyhow::Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("remove `{}`", tree.display()))?;
    }
    for name in sources(repository)? {
        let file = repository.root.join(&name);
        // What was removed and not yet committed is listed, too.
        if file.symlink_metadata().is_ok() {
            link(&file, &tree.join(&name))?;
        }
    }
    link(&repository.components(), &tree.join("target/plugins"))?;
    for part in compiled.parts()? {
        link(&part, &tree.join("target").join(compiled.below_target(&part)))?;
    }
    Ok(())
}

/// What git tracks or does not ignore, as `muster build` takes of a working tree.
fn sources(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(&repository.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().context("run git")?;
    if !output.status.success() {
        bail!("list the files of this repository: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listing = String::from_utf8(output.stdout).context("read the names of this repository's files")?;
    Ok(listing.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The same file or folder at a second place: linked, or copied where that is on another disk.
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() && !from.is_symlink() {
        for entry in fs::read_dir(from).with_context(|| format!("read `{}`", from.display()))? {
            let entry = entry.with_context(|| format!("read `{}`", from.display()))?;
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
    let linked = fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
    linked.with_context(|| format!("link `{}` to `{}`", from.display(), to.display()))
}

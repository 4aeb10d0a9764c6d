//! Makes a small `.git` in which `git describe`, `git status` and `git archive HEAD` answer as at home.
//!
//! It holds the commits back from `HEAD` (their own objects only), the tags on them, every tree and blob of `HEAD`, the
//! blobs that are only staged, and an index with the same entries. Trees and blobs of older commits are left out: no
//! build asks for them, and they are most of a repository. Remotes, hooks and credentials never go along.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::git::{Git, fields};
use crate::{digest::Digest, error::SourceError};

/// Most commits sent; history beyond is cut as in a shallow clone. About 3 MB, and tags are rarely as far apart.
pub const MAX_COMMITS: usize = 10_000;
/// Settings that change what git thinks of a file's content or mode.
const KEPT_SETTINGS: [&str; 4] = ["core.autocrlf", "core.eol", "core.filemode", "core.ignorecase"];

/// A prepared `.git`, removed when dropped.
#[derive(Debug)]
pub(super) struct GitMetadata {
    folder: TempDir,
    /// Its files, relative to [`GitMetadata::folder`].
    pub(super) paths: Vec<PathBuf>,
    /// The digest of what it says: `HEAD`, the refs, where history is cut, and the index.
    pub(super) identity: Digest,
}

struct History {
    /// Newest first.
    commits: Vec<String>,
    /// Commits whose parents are left out.
    shallow: Vec<String>,
}

impl GitMetadata {
    /// Makes it for the repository whose working tree's top is `git.root`.
    pub(super) fn prepare(git: &Git<'_>, commit: &str) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Metadata { root: git.root.to_owned(), source };
        let folder = tempfile::Builder::new().prefix("muster-git-").tempdir().map_err(failed)?;
        let dot_git = folder.path().join(".git");
        std::fs::create_dir_all(dot_git.join("objects/pack")).map_err(failed)?;
        std::fs::create_dir_all(dot_git.join("refs")).map_err(failed)?;

        let history = history(git)?;
        let head = match git.ask(&["symbolic-ref", "-q", "HEAD"])? {
            Some(branch) => format!("ref: {branch}\n"),
            None => format!("{commit}\n"),
        };
        let (refs, tags) = refs(git, commit, &head, &history)?;
        let index = git.run(&["ls-files", "-s", "-z"])?;
        let skipped = skipped_entries(git)?;
        let mut shallow = history.shallow.join("\n");
        if !shallow.is_empty() {
            shallow.push('\n');
            write(&dot_git.join("shallow"), shallow.as_bytes()).map_err(failed)?;
        }
        write(&dot_git.join("HEAD"), head.as_bytes()).map_err(failed)?;
        write(&dot_git.join("packed-refs"), refs.as_bytes()).map_err(failed)?;
        write(&dot_git.join("config"), config(git)?.as_bytes()).map_err(failed)?;

        pack_objects(git, &dot_git, &history, &tags, &index)?;
        let identity = identity(&[head.as_bytes(), refs.as_bytes(), shallow.as_bytes(), &index]);
        write_index(folder.path(), index, skipped)?;
        let paths = files_of(&dot_git).map_err(failed)?;
        Ok(GitMetadata { folder, paths, identity })
    }

    /// The folder that holds the `.git`.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn history(git: &Git<'_>) -> Result<History, SourceError> {
    let bound = format!("--max-count={MAX_COMMITS}");
    let args = ["rev-list", "--parents", &bound, "HEAD"];
    let listed = git.run(&args)?;
    let listed = String::from_utf8_lossy(&listed);
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split(' ').collect()).collect();
    let sent: HashSet<&str> = lines.iter().filter_map(|line| line.first().copied()).collect();
    // Where the repository is shallow itself, git shows no parents although the commit names some.
    let own = git.run(&["rev-parse", "--git-path", "shallow"])?;
    let own = git.root.join(String::from_utf8_lossy(&own).trim());
    let already = std::fs::read_to_string(own).unwrap_or_default();
    let already: HashSet<&str> = already.lines().collect();
    let mut shallow = Vec::new();
    for line in &lines {
        let [commit, parents @ ..] = &line[..] else {
            return Err(git.strange(&args, "an empty line"));
        };
        if already.contains(commit) || parents.iter().any(|parent| !sent.contains(parent)) {
            shallow.push((*commit).to_owned());
        }
    }
    let commits = lines.iter().map(|line| line[0].to_owned()).collect();
    Ok(History { commits, shallow })
}

/// The text of `packed-refs`, and the tag objects among it.
fn refs(git: &Git<'_>, commit: &str, head: &str, history: &History) -> Result<(String, Vec<String>), SourceError> {
    let sent: HashSet<&str> = history.commits.iter().map(String::as_str).collect();
    let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    if let Some(branch) = head.strip_prefix("ref: ") {
        text.push_str(&format!("{commit} {branch}"));
    }
    let format = "--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)";
    let args = ["for-each-ref", format, "refs/tags"];
    let listed = git.run(&args)?;
    let mut tags = Vec::new();
    for line in String::from_utf8_lossy(&listed).lines() {
        let parts: Vec<&str> = line.splitn(5, ' ').collect();
        let [object, kind, peeled, peeled_kind, name] = parts[..] else {
            return Err(git.strange(&args, format!("`{line}`")));
        };
        // Other tags name commits or objects that are not sent, and no build can be described by them.
        if kind == "commit" && sent.contains(object) {
            text.push_str(&format!("{object} {name}\n"));
        } else if kind == "tag" && peeled_kind == "commit" && sent.contains(peeled) {
            text.push_str(&format!("{object} {name}\n^{peeled}\n"));
            tags.push(object.to_owned());
        }
    }
    Ok((text, tags))
}

fn config(git: &Git<'_>) -> Result<String, SourceError> {
    let format = git.ask(&["rev-parse", "--show-object-format"])?;
    let sha256 = format.as_deref() == Some("sha256");
    let version = if sha256 { 1 } else { 0 };
    let mut text = format!("[core]\n\trepositoryformatversion = {version}\n\tbare = false\n");
    for setting in KEPT_SETTINGS {
        let Some(value) = git.ask(&["config", "--get", setting])? else {
            continue;
        };
        // All of them are booleans or single words; anything else is not copied into a file with a syntax.
        if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let name = setting.trim_start_matches("core.");
            text.push_str(&format!("\t{name} = {value}\n"));
        }
    }
    if sha256 {
        text.push_str("[extensions]\n\tobjectformat = sha256\n");
    }
    Ok(text)
}

fn pack_objects(
    git: &Git<'_>,
    dot_git: &Path,
    history: &History,
    tags: &[String],
    index: &[u8],
) -> Result<(), SourceError> {
    let mut objects: BTreeSet<String> = history.commits.iter().chain(tags).cloned().collect();
    let listed = git.run(&["rev-list", "--objects", "--no-walk", "--no-object-names", "HEAD"])?;
    objects.extend(String::from_utf8_lossy(&listed).lines().map(str::to_owned));
    for entry in fields(index) {
        let entry = String::from_utf8_lossy(entry);
        let mut parts = entry.split(' ');
        if let (Some(mode), Some(object)) = (parts.next(), parts.next())
            && mode != "160000"
        {
            objects.insert(object.to_owned());
        }
    }
    let mut input = String::new();
    for object in &objects {
        input.push_str(object);
        input.push('\n');
    }
    let base = dot_git.join("objects/pack/pack");
    let Some(base) = base.to_str() else {
        return Err(git.strange(&["pack-objects"], "nothing, as the temporary folder is not UTF-8"));
    };
    // Deltas that exist are taken over; looking for new ones costs more than it saves on a network of today.
    let args = ["pack-objects", "-q", "--window=0", "--delta-base-offset", "--threads=2", base];
    git.run_with(&args, Some(input.into_bytes())).map(drop)
}

/// Paths of a sparse checkout that are meant to be absent.
fn skipped_entries(git: &Git<'_>) -> Result<Vec<u8>, SourceError> {
    let listed = git.run(&["ls-files", "-t", "-z"])?;
    let mut skipped = Vec::new();
    for entry in fields(&listed) {
        if let Some(path) = entry.strip_prefix(b"S ") {
            skipped.extend_from_slice(path);
            skipped.push(0);
        }
    }
    Ok(skipped)
}

fn write_index(folder: &Path, index: Vec<u8>, skipped: Vec<u8>) -> Result<(), SourceError> {
    let git = Git { root: folder };
    git.run_with(&["update-index", "-z", "--index-info"], Some(index))?;
    if !skipped.is_empty() {
        git.run_with(&["update-index", "-z", "--skip-worktree", "--stdin"], Some(skipped))?;
    }
    Ok(())
}

fn identity(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Digest::finish(hasher)
}

fn files_of(dot_git: &Path) -> io::Result<Vec<PathBuf>> {
    let top = ["HEAD", "config", "index", "packed-refs", "shallow"];
    let mut paths: Vec<PathBuf> =
        top.iter().filter(|name| dot_git.join(name).exists()).map(|name| Path::new(".git").join(name)).collect();
    for entry in std::fs::read_dir(dot_git.join("objects/pack"))? {
        paths.push(Path::new(".git/objects/pack").join(entry?.file_name()));
    }
    // Git takes a folder for a repository only if it has this one.
    paths.push(PathBuf::from(".git/refs"));
    paths.sort();
    Ok(paths)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
}

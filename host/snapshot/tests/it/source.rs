//! What is pushed of real git repositories, and what real git says of it at the other end.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use snapshot::{
    SourceError,
    archive::{Compression, PackOptions},
    source::{FileKind, FoundBy, LeftOut, SourceListing, list, list_without, push},
};

use crate::support::{chain, git, unpack};

/// A repository with two commits, an annotated tag on the first and a light one on an older line.
fn repository() -> Result<tempfile::TempDir> {
    let root = tempfile::tempdir()?;
    let path = root.path();
    git(path, &["init", "-q"])?;
    fs::create_dir_all(path.join("src"))?;
    fs::write(path.join("src/main.py"), "print(1)\n")?;
    fs::write(path.join("tracked"), "one\n")?;
    fs::write(path.join(".gitignore"), "*.pyc\n/build/\n")?;
    commit(path, "first")?;
    git(path, &["tag", "-a", "v1.2", "-m", "release"])?;
    fs::write(path.join("tracked"), "two\n")?;
    commit(path, "second")?;
    fs::write(path.join("tracked"), "three\n")?;
    commit(path, "third")?;
    Ok(root)
}

fn commit(path: &Path, message: &str) -> Result<()> {
    git(path, &["add", "-A"])?;
    git(path, &["commit", "-q", "-m", message]).map(drop)
}

fn names(listing: &SourceListing) -> Vec<String> {
    listing.files.iter().map(|file| file.path.display().to_string()).collect()
}

/// The listing, unpacked elsewhere.
fn pushed(root: &Path) -> Result<(SourceListing, tempfile::TempDir)> {
    let listing = list(root)?;
    let mut bytes = Vec::new();
    push(&listing, &mut bytes, &PackOptions::new(Compression::Zstd))?;
    let dest = tempfile::tempdir()?;
    unpack(&bytes, dest.path())?;
    Ok((listing, dest))
}

/// Git has to say the same of a tree here and of the pushed one.
fn same_answers(root: &Path) -> Result<String> {
    let (listing, dest) = pushed(root)?;
    for args in [
        &["describe", "--tags", "--dirty"][..],
        &["describe", "--dirty", "--tags", "--long", "--match", "*[0-9]*"],
        &["rev-parse", "HEAD"],
        &["rev-parse", "--abbrev-ref", "HEAD"],
        &["status", "--porcelain"],
        &["tag", "--points-at", "HEAD"],
        &["ls-files"],
        &["log", "-1", "--format=%cI %s"],
        &["archive", "HEAD", "--format=tar"],
    ] {
        assert_eq!(git(dest.path(), args)?, git(root, args)?, "git {args:?}");
    }
    let FoundBy::Git(summary) = listing.found_by else {
        anyhow::bail!("git was not used: {:?}", listing.found_by);
    };
    summary.describe.context("there is a tag")
}

#[test]
fn git_answers_as_at_home() -> Result<()> {
    let root = repository()?;
    let described = same_answers(root.path())?;
    assert!(described.starts_with("v1.2-2-g") && !described.ends_with("-dirty"), "{described}");
    fs::write(root.path().join("tracked"), "edited\n")?;
    assert!(same_answers(root.path())?.ends_with("-dirty"));
    git(root.path(), &["checkout", "-q", "tracked"])?;
    fs::write(root.path().join("staged"), "only staged\n")?;
    git(root.path(), &["add", "staged"])?;
    assert!(same_answers(root.path())?.ends_with("-dirty"));
    git(root.path(), &["reset", "-q", "--hard"])?;
    fs::remove_file(root.path().join("src/main.py"))?;
    assert!(same_answers(root.path())?.ends_with("-dirty"));
    git(root.path(), &["reset", "-q", "--hard"])?;
    git(root.path(), &["checkout", "-q", "--detach", "HEAD~1"])?;
    same_answers(root.path())?;
    Ok(())
}

#[test]
fn merges_shallow_clones_and_worktrees_are_described() -> Result<()> {
    let root = repository()?;
    git(root.path(), &["checkout", "-q", "-b", "side", "v1.2~0"])?;
    fs::write(root.path().join("side"), "x")?;
    commit(root.path(), "side")?;
    git(root.path(), &["merge", "-q", "--no-edit", "main"])?;
    git(root.path(), &["tag", "light-1", "main"])?;
    same_answers(root.path())?;
    let work = tempfile::tempdir()?;
    let worktree = work.path().join("worktree");
    git(root.path(), &["worktree", "add", "-q", &worktree.to_string_lossy(), "main"])?;
    same_answers(&worktree)?;
    let shallow = work.path().join("shallow");
    let url = format!("file://{}", root.path().display());
    git(work.path(), &["clone", "-q", "--depth=2", "--branch=main", &url, "shallow"])?;
    same_answers(&shallow)?;
    Ok(())
}

#[test]
fn no_remote_hook_or_credential_goes_along() -> Result<()> {
    let root = repository()?;
    git(root.path(), &["remote", "add", "origin", "https://user:secret@example.org/x.git"])?;
    git(root.path(), &["config", "core.fsmonitor", "touch fsmonitor-ran; false"])?;
    let (_, dest) = pushed(root.path())?;
    let config = fs::read_to_string(dest.path().join(".git/config"))?;
    assert!(!config.contains("secret") && !config.contains("monitor"), "{config}");
    assert!(!dest.path().join(".git/hooks").exists());
    assert!(!root.path().join("fsmonitor-ran").exists(), "no program named by the tree runs");
    Ok(())
}

#[test]
fn tracked_and_unignored_files_are_listed_and_deleted_ones_are_not() -> Result<()> {
    let root = repository()?;
    let path = root.path();
    fs::create_dir_all(path.join("build"))?;
    fs::write(path.join("build/out"), "ignored")?;
    fs::write(path.join("a.pyc"), "ignored")?;
    fs::write(path.join("new ü"), "untracked")?;
    fs::remove_file(path.join("tracked"))?;
    std::os::unix::fs::symlink("/nowhere", path.join("link"))?;
    let listing = list(path)?;
    assert_eq!(names(&listing), [".gitignore", "link", "new ü", "src/main.py"]);
    assert_eq!(listing.bytes, listing.files.iter().map(|file| file.bytes).sum::<u64>());
    assert_eq!(listing.files[1].kind, FileKind::Symlink);
    // A tracked file whose folder became a link is deleted in git's eyes, and never read through the link.
    fs::rename(path.join("src"), path.join("build/src"))?;
    std::os::unix::fs::symlink("build/src", path.join("src"))?;
    assert_eq!(names(&list(path)?), [".gitignore", "link", "new ü", "src"]);
    Ok(())
}

#[test]
fn submodules_come_as_they_are_checked_out() -> Result<()> {
    let library = repository()?;
    let root = repository()?;
    let path = root.path();
    git(path, &["submodule", "--quiet", "add", &library.path().to_string_lossy(), "lib/one"])?;
    commit(path, "submodule")?;
    fs::write(path.join("lib/one/tracked"), "edited in the submodule\n")?;
    fs::write(path.join("lib/one/x.pyc"), "ignored by the submodule's own rules\n")?;
    let (listing, dest) = pushed(path)?;
    let all = names(&listing);
    assert!(all.contains(&"lib/one/src/main.py".to_owned()), "{all:?}");
    assert!(!all.iter().any(|name| name.ends_with(".pyc") || name.contains(".git/")), "{all:?}");
    assert_eq!(fs::read_to_string(dest.path().join("lib/one/tracked"))?, "edited in the submodule\n");
    git(path, &["submodule", "--quiet", "deinit", "-f", "lib/one"])?;
    let (listing, dest) = pushed(path)?;
    assert!(names(&listing).contains(&"lib/one".to_owned()));
    assert!(dest.path().join("lib/one").is_dir());
    Ok(())
}

#[test]
fn the_rev_follows_what_is_pushed() -> Result<()> {
    let root = repository()?;
    let path = root.path();
    let mut seen = vec![list(path)?.rev];
    let mut differs = |what: &str| -> Result<()> {
        let rev = list(path)?.rev;
        assert!(!seen.contains(&rev), "{what}");
        seen.push(rev);
        Ok(())
    };
    fs::write(path.join("tracked"), "xhree\n")?;
    differs("an edited file of the same length")?;
    fs::rename(path.join("tracked"), path.join("renamed"))?;
    differs("a renamed file")?;
    std::fs::set_permissions(path.join("renamed"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    differs("an executable bit")?;
    fs::remove_file(path.join("renamed"))?;
    std::os::unix::fs::symlink("xhree\n", path.join("renamed"))?;
    differs("a link with the content as its target")?;
    git(path, &["tag", "v2"])?;
    differs("a new tag, as versions are derived from it")?;
    assert_eq!(list(path)?.rev, list(path)?.rev);
    fs::write(path.join("junk.pyc"), "ignored")?;
    assert_eq!(list(path)?.rev, seen[5], "an ignored file");
    std::fs::set_permissions(path.join("src/main.py"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    assert_eq!(list(path)?.rev, seen[5], "another person's umask");
    Ok(())
}

#[test]
fn what_is_left_out_changes_no_rev() -> Result<()> {
    for root in [repository()?, tempfile::tempdir()?] {
        fs::write(root.path().join("kept"), "x")?;
        let before = list(root.path())?;
        let open = fs::File::create(root.path().join("events.jsonl"))?;
        fs::write(root.path().join("report.html"), "<html>")?;
        std::os::unix::fs::symlink("kept", root.path().join("junit.xml"))?;
        let mut left_out = LeftOut::default();
        left_out.open(&open);
        for path in ["report.html", "junit.xml", "not-there"] {
            left_out.path(Path::new(path));
        }
        let without = list_without(root.path(), &left_out)?;
        assert_eq!((names(&without), without.rev), (names(&before), before.rev));
        assert_eq!(names(&list(root.path())?).len(), names(&before).len() + 3);
    }
    Ok(())
}

#[test]
fn a_file_edited_before_the_push_is_an_error() -> Result<()> {
    let root = repository()?;
    let listing = list(root.path())?;
    let options = PackOptions::new(Compression::Gzip);
    fs::write(root.path().join("tracked"), "later\n")?;
    let error = push(&listing, Vec::new(), &options).err();
    assert!(matches!(error, Some(SourceError::Changed { .. })), "{error:?}");
    fs::remove_file(root.path().join("tracked"))?;
    let error = push(&listing, Vec::new(), &options).err();
    assert!(matches!(error, Some(SourceError::Changed { .. })), "{error:?}");
    Ok(())
}

#[test]
fn without_git_everything_is_pushed() -> Result<()> {
    let root = tempfile::tempdir()?;
    let path = root.path();
    for folder in [".hg", "sub/.svn", "empty"] {
        fs::create_dir_all(path.join(folder))?;
    }
    fs::write(path.join(".hg/data"), "x")?;
    fs::write(path.join("sub/file.pyc"), "x")?;
    let (listing, dest) = pushed(path)?;
    assert_eq!(names(&listing), ["empty", "sub", "sub/file.pyc"]);
    assert_eq!(listing.found_by, FoundBy::Walk("it is no git repository"));
    assert!(dest.path().join("empty").is_dir());
    Ok(())
}

#[test]
fn a_folder_its_repository_ignores_stands_alone() -> Result<()> {
    let root = repository()?;
    let inner = root.path().join("build/package");
    fs::create_dir_all(&inner)?;
    fs::write(inner.join("setup.py"), "x")?;
    let listing = list(&inner)?;
    assert_eq!(names(&listing), ["setup.py"]);
    assert_eq!(listing.found_by, FoundBy::Walk("the repository around it ignores it"));
    let below = list(&root.path().join("src"))?;
    assert_eq!(names(&below), ["main.py"]);
    assert!(matches!(below.found_by, FoundBy::Git(_)));
    Ok(())
}

#[test]
fn a_repository_git_refuses_is_an_error_with_its_words() -> Result<()> {
    let root = repository()?;
    fs::write(root.path().join(".git/config"), "[core\n")?;
    let error = list(root.path()).err().context("the configuration is damaged")?;
    let text = chain(&error);
    assert!(matches!(error, SourceError::GitFailed { .. }), "{text}");
    assert!(text.contains("bad config"), "{text}");
    Ok(())
}

#[test]
fn a_repository_without_commits_is_listed() -> Result<()> {
    let root = tempfile::tempdir()?;
    git(root.path(), &["init", "-q"])?;
    fs::write(root.path().join("new"), "x")?;
    let (listing, dest) = pushed(root.path())?;
    assert_eq!(names(&listing), ["new"]);
    assert!(!dest.path().join(".git").exists());
    Ok(())
}

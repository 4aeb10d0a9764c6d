//! A clone equals its original and shares nothing that matters.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use snapshot::{CloneError, clone::clone_tree};

use crate::support::describe;

fn original() -> Result<tempfile::TempDir> {
    let root = tempfile::tempdir()?;
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("a/b/c"))?;
    fs::create_dir(at("empty"))?;
    for number in 0..300 {
        fs::write(at(&format!("a/b/file-{number}")), format!("content {number}"))?;
    }
    fs::write(at("big"), vec![1; 3 << 20])?;
    fs::write(at("run"), "x")?;
    fs::set_permissions(at("run"), fs::Permissions::from_mode(0o4755))?;
    fs::hard_link(at("run"), at("run-too"))?;
    symlink("/nowhere", at("absolute"))?;
    symlink("../..", at("a/up"))?;
    let mut sparse = File::create(at("sparse"))?;
    sparse.seek(SeekFrom::Start(50 << 20))?;
    sparse.write_all(b"end of a hole")?;
    sparse.set_len(80 << 20)?;
    fs::write(at("a/b/c/locked"), "x")?;
    fs::set_permissions(at("a/b/c"), fs::Permissions::from_mode(0o555))?;
    let odd = SystemTime::UNIX_EPOCH + Duration::new(1_400_000_000, 123_456_789);
    File::options().write(true).open(at("big"))?.set_modified(odd)?;
    File::open(at("a/b"))?.set_modified(odd)?;
    Ok(root)
}

fn exact_times(root: &Path) -> Result<Vec<(i64, i64)>> {
    ["big", "a/b", "run", "a/b/file-7", "a"]
        .iter()
        .map(|name| {
            let meta = fs::metadata(root.join(name))?;
            Ok((meta.mtime(), meta.mtime_nsec()))
        })
        .collect()
}

#[test]
fn everything_is_cloned_and_nothing_is_shared() -> Result<()> {
    let original = original()?;
    let work = tempfile::tempdir()?;
    let target = work.path().join("clone");
    let cloned = clone_tree(original.path(), &target)?;
    assert_eq!((cloned.files, cloned.directories, cloned.symlinks), (305, 4, 2));
    assert!(cloned.reflinked <= cloned.files);
    assert_eq!(describe(&target)?, describe(original.path())?);
    assert_eq!(exact_times(&target)?, exact_times(original.path())?);
    assert_eq!(fs::metadata(target.join("run"))?.mode() & 0o7777, 0o4755);
    assert_eq!(fs::metadata(target.join("run"))?.nlink(), 1, "hard links become files of their own");
    let sparse = fs::metadata(target.join("sparse"))?;
    assert!(sparse.blocks() * 512 < 10 << 20, "holes stay holes");
    fs::write(target.join("big"), "changed")?;
    assert_eq!(fs::metadata(original.path().join("big"))?.len(), 3 << 20);
    fs::set_permissions(original.path().join("a/b/c"), fs::Permissions::from_mode(0o755))?;
    fs::set_permissions(target.join("a/b/c"), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[test]
fn a_target_that_is_taken_or_inside_is_refused() -> Result<()> {
    let original = tempfile::tempdir()?;
    fs::write(original.path().join("file"), "x")?;
    let inside = original.path().join("inside");
    assert!(matches!(clone_tree(original.path(), &inside).err(), Some(CloneError::TargetInside { .. })));
    let taken = tempfile::tempdir()?;
    fs::write(taken.path().join("file"), "kept")?;
    assert!(matches!(clone_tree(original.path(), taken.path()).err(), Some(CloneError::TargetNotEmpty { .. })));
    assert_eq!(fs::read(taken.path().join("file"))?, b"kept");
    let missing = clone_tree(&original.path().join("missing"), &taken.path().join("new"));
    assert!(missing.is_err());
    Ok(())
}

#[test]
fn a_tree_that_changes_meanwhile_does_not_count_as_cloned() -> Result<()> {
    let original = original()?;
    fs::write(original.path().join("large"), vec![1; 32 << 20])?;
    let log = original.path().join("a/log");
    let over = AtomicBool::new(false);
    let over = &over;
    let found = std::thread::scope(|scope| -> Result<CloneError> {
        let _over = SetAtEnd(over);
        let mut file = File::create(&log)?;
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                file.write_all(b"x").expect("the folder is there");
            }
        });
        let work = tempfile::tempdir()?;
        // The writer may have been kept from the processor for as long as one clone takes, hardly for ten.
        let tries = (0..10).map(|number| clone_tree(original.path(), &work.path().join(number.to_string())));
        tries.filter_map(std::result::Result::err).next().context("no clone noticed the writer")
    })?;
    assert!(found.is_partial());
    let CloneError::Changed { path, .. } = found else { panic!("{found}") };
    assert_eq!(path, Path::new("a/log"));
    fs::set_permissions(original.path().join("a/b/c"), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Ends the writer, also where the test fails.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

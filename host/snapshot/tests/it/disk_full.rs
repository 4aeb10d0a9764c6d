//! A full disk, on a small tmpfs: an error that says so, and nothing committed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use snapshot::{
    Fault,
    archive::{Compression, PackOptions, pack},
    blob::{BlobKey, BlobOptions, BlobStore, PutMode},
    clone::clone_tree,
};

use crate::support::{chain, unpack};

/// A file system of 4 MiB.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    /// `None`, with the reason printed, where nothing can be mounted.
    fn mount() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: mounting a small file system needs root");
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "muster-test"]).arg(folder.path());
        let output = mount.output().context("run mount")?;
        if !output.status.success() {
            eprintln!("skipped: mount says {}", String::from_utf8_lossy(&output.stderr));
            return Ok(None);
        }
        Ok(Some(Small { folder }))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

#[tokio::test]
async fn the_store_commits_nothing() -> Result<()> {
    let Some(small) = Small::mount()? else { return Ok(()) };
    let store = BlobStore::open(&small.path().to_string_lossy(), &BlobOptions::default())?;
    let (kept, large) = (BlobKey::new("kept")?, BlobKey::new("large")?);
    store.put_bytes(&kept, "x", PutMode::Replace, Bytes::from_static(b"kept")).await?;
    for length in [5 << 20, 20 << 20] {
        let error = store.put_bytes(&large, "x", PutMode::Replace, vec![1; length].into()).await.err();
        let error = error.with_context(|| format!("{length} bytes do not fit"))?;
        ensure!(error.is_disk_full(), "{}", chain(&error));
        let text = chain(&error);
        ensure!(text.contains("`large`") && text.contains("its disk is full: free space"), "{text}");
        ensure!(text.contains("No space left on device"), "{text}");
        ensure!(store.head(&large).await?.is_none());
    }
    let replaced = store.put_bytes(&kept, "x", PutMode::Replace, vec![1; 5 << 20].into()).await;
    ensure!(replaced.is_err());
    ensure!(store.get(&kept).await?.into_bytes(100).await? == "kept", "the old blob stays whole");
    store.sweep("", std::time::Duration::ZERO).await?;
    ensure!(files_below(small.path())?.len() == 2, "{:?}", files_below(small.path())?);
    Ok(())
}

#[test]
fn an_extraction_is_partial_and_says_why() -> Result<()> {
    let Some(small) = Small::mount()? else { return Ok(()) };
    let tree = tempfile::tempdir()?;
    std::fs::write(tree.path().join("a"), "small")?;
    std::fs::write(tree.path().join("b"), vec![1; 8 << 20])?;
    let mut bytes = Vec::new();
    pack(tree.path(), &mut bytes, &PackOptions::new(Compression::Gzip))?;
    let error = unpack(&bytes, small.path()).err().context("8 MiB do not fit")?;
    ensure!(error.is_partial() && error.fault() == Fault::Local);
    let text = chain(&error);
    ensure!(text.contains("the tree is partial, 1 files were written"), "{text}");
    ensure!(text.contains("write `b`: No space left on device"), "{text}");
    let target = small.path().join("clone");
    std::fs::remove_file(small.path().join("b"))?;
    let text = chain(&clone_tree(tree.path(), &target).err().context("8 MiB do not fit")?);
    ensure!(text.contains("partial") && text.contains("No space left on device"), "{text}");
    Ok(())
}

//! A full disk under an SQLite file: an error with its cause, and nothing half committed.

use std::path::{Path, PathBuf};
use std::process::Command;

use store::{Cause, Commit, RecordRow, Settings, Store};

use crate::suite;

/// A small file system, unmounted when the test ends.
struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None, with the reason printed, where this user may not mount.
    fn mount(megabytes: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output().unwrap();
        if !mounted.status.success() {
            println!("skipped: no tmpfs can be mounted: {}", String::from_utf8_lossy(&mounted.stderr).trim());
            return None;
        }
        Some(SmallDisk { path, _folder: folder })
    }

    fn fill(&self) -> PathBuf {
        let ballast = self.path.join("ballast");
        let full = std::fs::write(&ballast, vec![1; 64 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

async fn open(path: &Path) -> Store {
    Store::open_sqlite(path, &Settings::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_half_committed() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let file = disk.path.join("muster.db");
    let store = open(&file).await;
    let (build, epoch) = suite::begin(&store, "main").await;
    let batch = |first: u64| Commit {
        records: (first..first + 10)
            .map(|seq| RecordRow { build, seq, json: format!("\"{}\"", "x".repeat(10_000)) })
            .collect(),
        ..Commit::default()
    };
    let mut committed = 0;
    let error = loop {
        match store.commit(&epoch, &batch(committed)).await {
            Ok(()) => committed += 10,
            Err(error) => break error,
        }
        assert!(committed < 10_000, "8 MiB hold no 100 MB");
    };
    assert!(committed > 0);
    assert_eq!(error.cause(), Cause::DiskFull, "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("full") || cause.contains("disk I/O"), "{cause}");
    assert_eq!(store.records(build).await.unwrap().len() as u64, committed);
    let again = store.commit(&epoch, &batch(committed)).await.unwrap_err();
    assert_eq!(again.cause(), Cause::DiskFull, "asked again, it is still the disk: {again:?}");
    let grown = Command::new("mount").args(["-o", "remount,size=16m"]).arg(&disk.path).status().unwrap();
    assert!(grown.success());
    store.commit(&epoch, &batch(committed)).await.expect("with room the same store goes on");
    committed += 10;
    store.close().await;
    drop(store);

    // The same after a restart; and with room again it goes on.
    let ballast = std::fs::metadata(disk.path.join("muster.db")).unwrap().len();
    assert!(ballast > 0);
    let remounted = Command::new("mount").args(["-o", "remount,size=32m"]).arg(&disk.path).status().unwrap();
    assert!(remounted.success());
    let store = open(&file).await;
    assert_eq!(store.records(build).await.unwrap().len() as u64, committed);
    store.commit(&epoch, &batch(committed)).await.unwrap();
    assert_eq!(store.records(build).await.unwrap().len() as u64, committed + 10);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_made_says_why() {
    let Some(disk) = SmallDisk::mount(1) else { return };
    let ballast = disk.fill();
    let file = disk.path.join("sub/muster.db");
    let error = Store::open_sqlite(&file, &Settings::default()).await.unwrap_err();
    assert_eq!(error.cause(), Cause::DiskFull, "{error:?}");
    assert!(error.to_string().contains("muster.db"), "{error}");
    std::fs::remove_file(ballast).unwrap();
    open(&file).await.close().await;
}

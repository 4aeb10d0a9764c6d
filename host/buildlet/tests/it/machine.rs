//! What depends on the machine: limits and usage by cgroup, and full disks.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};
use buildlet::{
    client::{Client, FailureKind},
    protocol::Limits,
};

use crate::support::{TestAgent, run, sh};

#[tokio::test]
async fn limits_hold_or_are_said_to_be_missing() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let extensions = client.extensions().expect("it is Muster's").clone();
    let mut request = sh("head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null");
    request.limits = Limits { memory_bytes: Some(32 << 20), cpu_millis: Some(900), pids: Some(50) };
    let (end, _) = run(&client, &request).await?;
    assert_eq!(end.limited_by.as_deref(), Some(extensions.limits.as_str()));
    let usage = end.usage.expect("a Muster agent measures");
    if extensions.limits == "none" {
        assert!(extensions.limits_missing.is_some(), "where nothing is limited it is said why");
        assert!(end.result.success());
    } else {
        assert!(!end.result.success(), "tail holds more than it may: {end:?}");
        assert!(usage.oom_kills.is_some_and(|kills| kills > 0), "{usage:?}");
        assert!(usage.memory_peak_bytes.is_some_and(|peak| (16 << 20..=33 << 20).contains(&peak)), "{usage:?}");
        assert!(usage.cpu_us.is_some_and(|used| used > 0), "{usage:?}");
    }
    agent.stop().await.map(drop)
}

/// A file system of 2 MiB; needs the right to mount, as the suite's machine has.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Result<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(directory.path()).output()?;
        Ok(mounted.status.success().then_some(Small(directory)))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // A mount that stays is seen by whoever runs the suite.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_as_such() -> Result<()> {
    let Some(small) = Small::mount()? else {
        // Without the right to mount there is no disk to fill.
        return Ok(());
    };
    let work_dir = small.path().join("work");
    let agent = TestAgent::start_with(|config| config.work_dir.clone_from(&work_dir)).await?;
    let client = agent.client().await?;
    files_fail(&client, &work_dir).await?;
    let (end, _) = run(&client, &sh("true")).await?;
    ensure!(end.result.success(), "a command that passes is not suspected: {end:?}");
    let victim = run(&client, &sh("head -c 4000000 /dev/zero >fill || exit 1")).await.expect_err("the disk is full");
    assert_eq!(victim.kind, FailureKind::DiskFull);
    client.remove_all(&["fill"]).await?;
    // Output that cannot be kept.
    let mut kept = sh("head -c 4000000 /dev/zero");
    kept.id = Some("full".parse()?);
    let lost = run(&client, &kept).await.expect_err("the output cannot be kept");
    assert_eq!(lost.kind, FailureKind::DiskFull, "{lost}");
    agent.stop().await.map(drop)
}

async fn files_fail(client: &Client, work_dir: &Path) -> Result<()> {
    let full = client.put_file(vec![1; 4 << 20], "big", 0o644).await.expect_err("the disk is full");
    assert_eq!(full.kind, FailureKind::DiskFull, "{full}");
    assert!(full.detail.contains("no space left on device"), "{full}");
    assert!(!work_dir.join("big").exists(), "half a file is removed");
    Ok(())
}

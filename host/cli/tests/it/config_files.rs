//! Every file in `config/` is one that a host would take.

use std::path::{Path, PathBuf};

use cli::config::buildlet::BuildletFile;
use cli::config::find::Folders;
use cli::config::host::{BuildSection, HostFile, LimitsSection, PoolKind, RetentionSection, ServeSection};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

#[test]
fn each_file_is_read() -> anyhow::Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name == "buildlet.toml" {
            BuildletFile::find(Some(&path), &Folders::default())?;
        } else {
            HostFile::find(Some(&path), &Folders::default())?;
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["buildlet.toml", "coordinator.toml", "development.toml"]);
    Ok(())
}

#[test]
fn what_the_annotated_file_calls_default_is() -> anyhow::Result<()> {
    let file = HostFile::find(Some(&folder().join("coordinator.toml")), &Folders::default())?;
    assert_eq!(file.config.build, BuildSection::default());
    assert_eq!(file.config.limits, LimitsSection::default());
    assert_eq!(file.config.retention, RetentionSection::default());
    assert_eq!(file.config.serve, ServeSection::default());
    assert_eq!(file.config.pool["local"].kind, PoolKind::Local);
    assert_eq!(file.config.plugins["docker"].grants.http[0].origin, "unix:/run/docker.sock");
    Ok(())
}

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deploy").join(name)
}

#[test]
fn the_deployed_file_is_read_and_holds_no_secret() -> anyhow::Result<()> {
    let file = HostFile::find(Some(&deploy("coordinator.toml")), &Folders::default())?;
    let store = file.config.store.url.unwrap_or_default();
    assert!(store.starts_with("postgres://muster@"), "a password stands in {store}");
    assert!(file.config.blobs.url.is_some_and(|url| url.starts_with("s3://")));
    // The unit gives running builds more time than the service takes for itself.
    let unit = std::fs::read_to_string(deploy("muster.service"))?;
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s')?.parse().ok());
    assert!(
        stop.is_some_and(|stop: u64| stop > file.config.serve.drain.map_or(0, |drain| drain.0.as_secs())),
        "{stop:?}"
    );
    Ok(())
}

/// systemd itself reads the unit, where there is one. It says what is wrong and ends well all the same.
#[test]
fn systemd_takes_the_unit() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("muster.service");
    // The program must be there to be verified.
    let unit = std::fs::read_to_string(deploy("muster.service"))?;
    std::fs::write(&copy, unit.replace("/usr/bin/muster", env!("CARGO_BIN_EXE_muster")))?;
    let verified = match std::process::Command::new("systemd-analyze").arg("verify").arg(&copy).output() {
        Ok(verified) => verified,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no systemd-analyze here");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.trim().is_empty(), "{said}");
    Ok(())
}

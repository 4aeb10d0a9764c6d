//! Every file in `config/` is one that a host would take.

use std::path::{Path, PathBuf};

use cli::config::buildlet::BuildletFile;
use cli::config::find::Folders;
use cli::config::host::{BuildSection, HostFile, LimitsSection, PoolKind};

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
    assert_eq!(file.config.pool["local"].kind, PoolKind::Local);
    assert_eq!(file.config.plugins["docker"].grants.http[0].origin, "unix:/run/docker.sock");
    Ok(())
}

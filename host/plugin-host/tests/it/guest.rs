//! Builds the guest crate once for all tests.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use guest_build::{BuildOptions, Target, Toolchain, build};
use plugin_host::{Generation, PluginHost, PluginSettings, Source};

static SUBJECT: OnceLock<std::result::Result<Vec<u8>, String>> = OnceLock::new();

/// The component `subject`, of all five roles.
pub(crate) fn subject() -> Result<Vec<u8>> {
    SUBJECT.get_or_init(|| compile().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}

fn compile() -> Result<Vec<u8>> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/subject");
    // Where the first-party plugins are built: a toolchain that has no standard library for guests compiled it there.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../guests");
    let toolchain = Toolchain::find(Target::Wasm32UnknownUnknown, &guest, &mut |_| ())?;
    let options = BuildOptions { target_dir: Some(target), component_dir: None };
    let built = build(&toolchain, &guest, &options)?;
    let component = &built.first().context("the guest crate is a plugin")?.component;
    Ok(std::fs::read(component)?)
}

/// The component `subject`, loaded and bound.
pub(crate) async fn load(host: &Arc<PluginHost>, settings: PluginSettings) -> Result<Arc<Generation>> {
    let bytes = tokio::task::spawn_blocking(subject).await??;
    let loaded = host.load("subject", Source::Bundled, bytes).await?;
    Ok(Generation::new(host, loaded.into(), settings)?)
}

//! The second start finds what the first compiled.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use plugin_host::{CacheStats, EngineOptions, HostError, PluginHost, Pooling, Source};

use crate::component::Text;

#[tokio::test]
async fn a_second_start_compiles_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("compiled");
    let options = EngineOptions { cache_folder: Some(cache.clone()), ..EngineOptions::default() };
    let bytes = Text::default().component()?;

    let first = PluginHost::new(&options)?;
    let loaded = first.load("subject", Source::Bundled, bytes.clone()).await?;
    assert_eq!(loaded.cached, Some(false));
    assert_eq!(first.cache_stats(), Some(CacheStats { hits: 0, misses: 1 }));
    assert_eq!(std::fs::metadata(&cache)?.permissions().mode() & 0o777, 0o700);

    let second = PluginHost::new(&options)?;
    let loaded = second.load("subject", Source::Bundled, bytes.clone()).await?;
    assert_eq!(loaded.cached, Some(true));
    assert_eq!(second.cache_stats(), Some(CacheStats { hits: 1, misses: 0 }));

    let unpooled = PluginHost::new(&EngineOptions { pooling: Pooling::Off, ..options })?;
    assert!(!unpooled.is_pooled());
    let loaded = unpooled.load("subject", Source::Bundled, bytes).await?;
    assert!(loaded.cached.is_some(), "another configuration uses the folder too");
    Ok(())
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
    let options = EngineOptions { cache_folder: Some(folder.path().to_path_buf()), ..EngineOptions::default() };
    let error = PluginHost::new(&options).err();
    assert!(matches!(error, Some(HostError::CacheUnsafe { .. })), "{error:?}");
    Ok(())
}

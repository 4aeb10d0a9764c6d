//! Generations by name: replaced, kept and described.

use std::sync::Arc;

use anyhow::Result;
use engine::PluginFaultKind;
use plugin_host::{LoadError, PluginRegistry, PluginSettings, Role, Source};

use crate::component::{Text, host};

#[tokio::test]
async fn a_replaced_generation_lives_while_it_is_held() -> Result<()> {
    let registry = PluginRegistry::new(host()?);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("order.wasm");
    std::fs::write(&file, Text::default().component()?)?;
    let first = registry.add_file("order", &file, PluginSettings::default()).await?;
    let pinned = registry.get("order", Role::Policy).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    assert!(Arc::ptr_eq(&first, &pinned));

    std::fs::write(&file, b"broken")?;
    assert!(registry.add_file("order", &file, PluginSettings::default()).await.is_err());
    assert!(registry.find(first.reference()).is_some(), "a failed replacement leaves the old one");

    std::fs::write(&file, Text { observe: "(nop)", ..Text::default() }.component()?)?;
    let second = registry.add_file("order", &file, PluginSettings::default()).await?;
    assert_ne!(first.reference().digest, second.reference().digest);
    assert!(registry.find(first.reference()).is_none());
    let mut run = pinned
        .policy(None)
        .expect("a policy")
        .open(&crate::component::empty_run())
        .await
        .map_err(|fault| anyhow::anyhow!("{fault}"))?;
    assert!(run.decide(std::time::Duration::ZERO, &[0]).await.is_ok(), "what is pinned still answers");
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_named() -> Result<()> {
    let registry = PluginRegistry::new(host()?);
    registry.add_bytes("order", Source::Bundled, Text::default().component()?, PluginSettings::default()).await?;
    let fault = registry.get("ordre", Role::Policy).err().expect("it is misspelt");
    assert_eq!(fault.kind, PluginFaultKind::NotLoaded);
    assert!(fault.detail.contains("there is no policy plugin `ordre` (there are: order)"), "{fault}");
    let fault = registry.get("order", Role::Pool).err().expect("it is a policy");
    assert!(fault.detail.contains("plugin `order` is no pool: it serves as policy"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn digests_are_pinned_and_settings_are_json() -> Result<()> {
    let registry = PluginRegistry::new(host()?);
    let bytes = Text::default().component()?;
    let pinned = PluginSettings { digest: Some("sha256:00".into()), ..PluginSettings::default() };
    let error = registry.add_bytes("order", Source::Bundled, bytes.clone(), pinned).await.err();
    assert!(matches!(error, Some(LoadError::Digest { .. })), "{error:?}");
    let wrong = PluginSettings { settings: "colour: red".into(), ..PluginSettings::default() };
    let error = registry.add_bytes("order", Source::Bundled, bytes.clone(), wrong).await.err();
    assert!(matches!(error, Some(LoadError::Settings { .. })), "{error:?}");
    let digest = plugin_host::digest_of(&bytes);
    let right =
        PluginSettings { digest: Some(digest.clone()), settings: "{\"a\": 1}".into(), ..PluginSettings::default() };
    registry.add_bytes("order", Source::Bundled, bytes, right).await?;
    let descriptions = registry.describe();
    assert_eq!(descriptions.len(), 1);
    assert_eq!((descriptions[0].digest.as_str(), descriptions[0].source.as_str()), (digest.as_str(), "bundled"));
    assert_eq!(descriptions[0].roles[0].role, "policy");
    Ok(())
}

//! What is no plugin is refused before any of its code runs, in words that say what to do.

use anyhow::Result;
use plugin_host::{LoadError, PluginHost, Role, Source};
use std::sync::Arc;

use crate::component::{Text, host};

async fn refusal(host: &Arc<PluginHost>, bytes: Vec<u8>) -> String {
    match host.load("subject", Source::File("dir/subject.wasm".into()), bytes).await {
        Ok(loaded) => format!("it was loaded: {:?}", loaded.roles),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_good_component_is_understood() -> Result<()> {
    let host = host()?;
    let log = r#"(import "muster:host/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;
    let text = Text {
        imports: log,
        open: "(call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ..Text::default()
    };
    let bytes = text.component()?;
    let size = bytes.len() as u64;
    let loaded = host.load("subject", Source::Bundled, bytes).await?;
    assert_eq!(loaded.roles.len(), 1);
    assert_eq!(loaded.roles[0].role, Role::Policy);
    assert_eq!(loaded.roles[0].version.to_string(), "0.1.0");
    assert!(loaded.imports.iter().any(|import| import == "muster:host/log@0.1.0"), "{:?}", loaded.imports);
    assert!(loaded.digest.starts_with("sha256:") && loaded.digest.len() == 71, "{}", loaded.digest);
    assert_eq!((loaded.size, loaded.cached), (size, None));
    Ok(())
}

#[tokio::test]
async fn what_is_no_component_is_refused() -> Result<()> {
    let host = host()?;
    for garbage in [&b""[..], b"\0asm", b"#!/bin/sh\n", b"\0asm\x0d\0\x01\0garbage"] {
        let text = refusal(&host, garbage.to_vec()).await;
        assert!(text.contains("`dir/subject.wasm`: not a WebAssembly component: "), "{text}");
    }
    let text = refusal(&host, wat::parse_str("(module)")?).await;
    assert!(text.contains("a core module; run `muster plugin build`"), "{text}");
    let text = refusal(&host, wat::parse_str("(component)")?).await;
    assert!(text.contains("it exports no role of Muster") && text.contains("(it exports: nothing)"), "{text}");
    let mut broken = Text::default().component()?;
    let middle = broken.len() / 2;
    broken[middle..middle + 40].fill(0xff);
    let text = refusal(&host, broken).await;
    assert!(text.contains("not a WebAssembly component: "), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_file_too_large_is_not_read() -> Result<()> {
    let host = host()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.wasm");
    std::fs::File::create(&path)?.set_len(plugin_host::MAX_BYTES + 1)?;
    let error = host.load_file("large", &path).await.err();
    assert!(matches!(error, Some(LoadError::TooLarge { .. })), "{error:?}");
    let error = host.load_file("none", &folder.path().join("none.wasm")).await.err();
    assert!(matches!(error, Some(LoadError::Read { .. })), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn another_version_is_named() -> Result<()> {
    let host = host()?;
    let next = |text: &str| {
        text.replace("muster:policy@0.1.0", "muster:policy@0.2.0").replace("policy/policy@0.1.0", "policy/policy@0.2.0")
    };
    let text = refusal(&host, Text::default().component_of(next, &[])?).await;
    assert!(text.contains("it wants muster:policy/policy@0.2.0, this host has 0.1.0"), "{text}");
    assert!(text.contains("wit/policy/0.1.0"), "{text}");
    let patch = |text: &str| {
        text.replace("muster:policy@0.1.0", "muster:policy@0.1.7").replace("policy/policy@0.1.0", "policy/policy@0.1.7")
    };
    let loaded = host.load("patched", Source::Stored, Text::default().component_of(patch, &[])?).await?;
    assert_eq!(loaded.roles[0].version.to_string(), "0.1.7", "of the same track, and so compatible");
    Ok(())
}

#[tokio::test]
async fn another_shape_is_shown() -> Result<()> {
    let host = host()?;
    let more = |text: &str| {
        text.replace(
            "    max-group: option<u32>,\n  }\n\n  record worker",
            "    max-group: option<u32>,\n    weight: u32,\n  }\n\n  record worker",
        )
    };
    let text = refusal(&host, Text::default().component_of(more, &[])?).await;
    assert!(text.contains("its muster:policy/policy@0.1.0 is not this host's: `[constructor]run`"), "{text}");
    assert!(text.contains("weight: u32"), "{text}");
    let less = |text: &str| {
        text.replace("  plan-helpers: func(input: helper-input) -> list<ask-at>;\n", "")
            .replace(r#"(func (export "muster:policy/policy@0.1.0#plan-helpers")"#, "(func")
    };
    let text = refusal(&host, Text::default().component_of(less, &[])?).await;
    assert!(text.contains("`plan-helpers` is missing"), "{text}");
    Ok(())
}

/// The policy's world with one more import.
fn importing<'a>(import: &'a str) -> impl Fn(&str) -> String + 'a {
    move |text: &str| text.replace("world policy-plugin {", &format!("world policy-plugin {{\n  import {import};"))
}

#[tokio::test]
async fn what_a_role_may_not_have_is_refused() -> Result<()> {
    let host = host()?;
    let clock = Text {
        imports: r#"(import "muster:host/clock@0.1.0" "now" (func $now (result i64)))"#,
        decide: "(drop (call $now))",
        ..Text::default()
    };
    let text = refusal(&host, clock.component_of(importing("muster:host/clock@0.1.0"), &[])?).await;
    assert!(text.contains("it imports muster:host/clock@0.1.0, which only pools may"), "{text}");

    let http = Text {
        imports: r#"(import "wasi:http/types@0.2.0" "limit" (func $limit (result i32)))"#,
        decide: "(drop (call $limit))",
        ..Text::default()
    };
    let wasi = "package wasi:http@0.2.0; interface types { limit: func() -> u32; }";
    let text = refusal(&host, http.component_of(importing("wasi:http/types@0.2.0"), &[wasi])?).await;
    assert!(text.contains("it imports wasi:http/types@0.2.0") && text.contains("--disable http"), "{text}");

    let other = Text {
        imports: r#"(import "acme:secrets/vault@1.0.0" "open" (func $open (result i32)))"#,
        decide: "(drop (call $open))",
        ..Text::default()
    };
    let acme = "package acme:secrets@1.0.0; interface vault { open: func() -> u32; }";
    let text = refusal(&host, other.component_of(importing("acme:secrets/vault@1.0.0"), &[acme])?).await;
    assert!(text.contains("it imports acme:secrets/vault@1.0.0, which no host offers"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_wasi_is_there_with_nothing_in_it() -> Result<()> {
    let host = host()?;
    // The environment is an empty list; the clock stands at 1970.
    let text = Text {
        imports: r#"
            (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
            (import "wasi:clocks/wall-clock@0.2.0" "now" (func $now (param i32)))"#,
        decide: "
            (call $environment (i32.const 1024))
            (if (i32.load (i32.const 1028)) (then (unreachable)))
            (call $now (i32.const 1040))
            (if (i64.ne (i64.load (i32.const 1040)) (i64.const 0)) (then (unreachable)))",
        ..Text::default()
    };
    let cli =
        "package wasi:cli@0.2.0; interface environment { get-environment: func() -> list<tuple<string, string>>; }";
    let clocks = "package wasi:clocks@0.2.0; interface wall-clock {
        record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }";
    let world = |text: &str| importing("wasi:cli/environment@0.2.0")(&importing("wasi:clocks/wall-clock@0.2.0")(text));
    let bytes = text.component_of(world, &[cli, clocks])?;
    let generation = crate::component::generation(&host, bytes, Default::default()).await?;
    let policy = generation.policy(None).expect("it is a policy");
    let mut run = policy.open(&crate::component::empty_run()).await.map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let decision = run.decide(std::time::Duration::ZERO, &[0]).await;
    assert!(decision.is_ok(), "{decision:?}");
    Ok(())
}

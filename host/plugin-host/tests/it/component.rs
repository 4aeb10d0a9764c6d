//! Makes components from WebAssembly text and the real contract.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine::Phases;
use engine::policy::{HelperInput, RunInput, Worker};
use plugin_host::{EngineOptions, Generation, PluginHost, PluginSettings, Source};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const POLICY: &str = include_str!("fixtures/policy.wat");

/// What a policy in text does, beyond nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Text<'a> {
    /// Imports of the core module.
    pub(crate) imports: &'a str,
    /// Anything at its top level.
    pub(crate) items: &'a str,
    /// In `plan-helpers`.
    pub(crate) plan: &'a str,
    /// In the constructor of `run`.
    pub(crate) open: &'a str,
    /// In `observe`.
    pub(crate) observe: &'a str,
    /// In `decide`.
    pub(crate) decide: &'a str,
}

impl Text<'_> {
    fn module(&self) -> String {
        let Text { imports, items, plan, open, observe, decide } = self;
        let parts = [
            ("{{imports}}", imports),
            ("{{items}}", items),
            ("{{plan}}", plan),
            ("{{open}}", open),
            ("{{observe}}", observe),
            ("{{decide}}", decide),
        ];
        parts.iter().fold(POLICY.to_owned(), |text, (mark, part)| text.replace(mark, part))
    }

    /// As a component of the contract as it is.
    pub(crate) fn component(&self) -> Result<Vec<u8>> {
        encode(&self.module(), &contract("policy")?, "policy-plugin", &[])
    }

    /// As a component of a changed contract: the WIT of the policy role and the module's text go through `change`.
    pub(crate) fn component_of(&self, change: impl Fn(&str) -> String, others: &[&str]) -> Result<Vec<u8>> {
        encode(&change(&self.module()), &change(&contract("policy")?), "policy-plugin", others)
    }
}

/// The WIT text of a package of the contract.
pub(crate) fn contract(package: &str) -> Result<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../wit/{package}/0.1.0/{package}.wit"));
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn encode(module: &str, role: &str, world: &str, others: &[&str]) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    for package in ["types", "host"] {
        resolve.push_str(format!("{package}.wit"), &contract(package)?)?;
    }
    for other in others {
        resolve.push_str("other.wit", other)?;
    }
    let package = resolve.push_str("role.wit", role)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut module = wat::parse_str(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}

/// A host without a cache.
pub(crate) fn host() -> Result<Arc<PluginHost>> {
    Ok(PluginHost::new(&EngineOptions::default())?)
}

/// Loads and binds a component.
pub(crate) async fn generation(
    host: &Arc<PluginHost>,
    bytes: Vec<u8>,
    settings: PluginSettings,
) -> Result<Arc<Generation>> {
    let loaded = host.load("subject", Source::Stored, bytes).await?;
    Ok(Generation::new(host, loaded.into(), settings)?)
}

/// A build of one worker and no tests.
pub(crate) fn empty_run() -> RunInput {
    RunInput { items: Vec::new(), workers: vec![worker(0)], phases: Phases::default(), expected_workers: 0 }
}

/// The main worker, or a helper.
pub(crate) fn worker(id: u32) -> Worker {
    Worker { id, main: id == 0, host_type: "linux".into(), machine: format!("m{id}") }
}

/// A build that has hardly begun.
pub(crate) fn helpers() -> HelperInput {
    HelperInput {
        phases: Phases::default(),
        tests_total: None,
        longest_test: None,
        test_count: Some(3),
        elapsed: Duration::from_secs(1),
        made: false,
        max_helpers: 2,
        present: 0,
        waiting: 0,
        elastic: true,
    }
}

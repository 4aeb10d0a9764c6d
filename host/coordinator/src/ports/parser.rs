//! The parser role: what a test command says.

use async_trait::async_trait;
use engine::{CommandEnd, PluginFault, PluginRef, Report, Test};

/// A parser plugin with its settings.
#[async_trait]
pub trait Parser: Send + Sync {
    /// Which component answers.
    fn plugin(&self) -> &PluginRef;
    /// Begins to read one exec that runs these tests.
    async fn open(&self, tests: &[Test]) -> Result<Box<dyn ParserSession>, PluginFault>;
}

/// Reads one exec. After a fault it must not be asked again: the rest is raw text.
#[async_trait]
pub trait ParserSession: Send {
    /// Output, at most 64 KiB.
    async fn push(&mut self, chunk: &[u8]) -> Result<Vec<ParserEvent>, PluginFault>;
    /// A piece of a result file, at most 64 KiB.
    async fn push_file(&mut self, name: &str, chunk: &[u8], last: bool) -> Result<Vec<ParserEvent>, PluginFault>;
    /// The command ended.
    async fn finish(&mut self, end: &CommandEnd) -> Result<Vec<ParserEvent>, PluginFault>;
}

/// The key by which a parser tells where the tests that follow run.
pub const ENVIRONMENT: &str = "environment";

/// What a parser saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParserEvent {
    /// A headline of the ordered log.
    Banner(String),
    /// Output for people.
    Text(Vec<u8>),
    /// A test began.
    Started(String),
    /// A test ended.
    Finished(Report),
    /// Done of all.
    Progress(u32, u32),
    /// A key, such as [`ENVIRONMENT`], and what is said of it. Unknown keys are ignored.
    Other(String, String),
}

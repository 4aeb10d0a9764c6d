//! Reads what `cargo test` prints where nothing of Muster's stands between: the harness's lines, under the binary that
//! cargo names before them.

use std::time::Duration;

use muster_sdk::parser::{ResultOf, Status};

use crate::libtest::{Ended, Libtest, Outcome};
use crate::names::DOC;
use crate::nextest::Nextest;

/// What was read so far, by whichever of the two speaks.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    binary: String,
    libtest: Libtest,
    nextest: Nextest,
}

impl Plain {
    /// Reads a line, without colours; which tests are now known to have ended.
    pub(crate) fn line(&mut self, line: &str) -> Vec<ResultOf> {
        let mut ended = self.nextest.line(line);
        if self.nextest.speaks() {
            return ended;
        }
        if let Some(binary) = announced(line) {
            ended.extend(self.close());
            self.binary = binary;
        }
        let of_harness = self.libtest.line(line, Duration::ZERO);
        ended.extend(of_harness.into_iter().map(|test| self.result(test)));
        ended
    }

    /// Whether nextest is what is read, and has said that it begins.
    pub(crate) fn nextest_speaks(&self) -> bool {
        self.nextest.speaks()
    }

    /// What is left to say at the end.
    pub(crate) fn finish(&mut self) -> Vec<ResultOf> {
        let mut ended = self.nextest.finish();
        ended.extend(self.close());
        ended
    }

    fn close(&mut self) -> Vec<ResultOf> {
        let of_harness = self.libtest.end();
        of_harness.into_iter().map(|test| self.result(test)).collect()
    }

    fn result(&self, test: Ended) -> ResultOf {
        let name = if self.binary.is_empty() { test.name.clone() } else { format!("{} {}", self.binary, test.name) };
        ResultOf {
            name,
            suite: self.binary.clone(),
            case: test.name,
            status: match test.outcome {
                Outcome::Passed => Status::Passed,
                Outcome::Failed => Status::Failed,
                Outcome::Ignored => Status::Skipped,
            },
            duration: None,
            message: test.message,
        }
    }
}

/// The binary whose tests follow: `     Running tests/it.rs (target/debug/deps/it-0123)`, `   Doc-tests name`.
fn announced(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("   Doc-tests ") {
        return Some(format!("{name}::{DOC}"));
    }
    let path = line.strip_prefix("     Running ")?.trim_end();
    let path = path.rsplit_once('(').and_then(|(_, path)| path.strip_suffix(')')).unwrap_or(path);
    let file = path.rsplit('/').next().unwrap_or(path);
    Some(file.rsplit_once('-').map_or(file, |(name, _)| name).to_owned())
}

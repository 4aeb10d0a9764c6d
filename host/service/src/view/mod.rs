//! What is shown of a build, the same to the API, the command line and pages: plain data, made of the build's facts.

mod build;
mod certificate;
mod event;
mod item;
mod logs;
mod machine;
mod machine_log;
mod test;
mod token;
mod words;

pub use build::{BuildView, FaultView, PhaseView, PluginUseView, RestartView, build};
pub use certificate::{CertificateView, DifferenceView, certificate};
pub use event::{BuildEvent, What, event};
pub use item::{BuildItem, BuildsPage, TestCounts, counts, ended_item, live_item};
pub use logs::{LineView, LinesPage, LogPiece, LogStreams, MachineLogs, MatchView, SearchPage, StreamView, streams};
pub(crate) use machine::running_on;
pub use machine::{MachineView, machines};
pub(crate) use machine_log::{MachineLog, Part, machine_log};
pub(crate) use test::tries;
pub use test::{TestView, TestsPage, TryView, test};
pub use token::{MadeToken, NewToken, TokenView, Tokens};
pub use words::{MachineWord, OutcomeWord, PhaseWord, RoleWord, VerdictWord};

/// Seconds, to the microsecond: more digits would only be noise.
pub(crate) fn seconds(span: std::time::Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e6
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms(time: engine::Time) -> u64 {
    time.as_nanos() / 1_000_000
}

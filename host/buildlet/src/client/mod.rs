//! The client of a buildlet, Muster's or Go's.
//!
//! [`Client::connect`] asks `/status` and from then on a heartbeat watches the peer: when it is dead, every pending
//! call ends with [`FailureKind::LostHeartbeat`]. What the peer has of Muster's additions is used, the rest is not.
//!
//! The end of a command is a [`CommandResult`](crate::protocol::CommandResult) inside an [`ExecEnd`]; not having seen
//! its end is an [`ExecFailure`]. The two never mix.

mod archive;
mod connection;
mod connector;
mod error;
mod exec;
mod exec_time;
mod exec_types;
mod files;
mod handle;
mod heartbeat;
mod request;
mod response;
mod settings;

pub use archive::{ArchiveStream, UrlOutcome};
#[cfg(target_os = "linux")]
pub(crate) use error::chain;
pub use error::{CallFailure, ExecFailure, FailureKind};
pub use exec_types::{ExecEnd, ExecRequest, OutputSink};
pub use files::ListOptions;
pub use handle::Client;
pub use heartbeat::Death;
pub use settings::ClientSettings;
pub use snapshot::archive::Compression;

//! What both ends agree on: names of headers, the forms of messages, and texts with a meaning.

pub mod headers;

mod cloned;
mod duration;
mod end_record;
mod entry;
mod exec;
mod form;
mod platform;
mod process_state;
mod status;
mod time;

pub use cloned::ClonedTree;
pub use entry::{EntryKind, ListEntry, mode_text};
pub use exec::{ExecId, ExecState, ExecUsage, InvalidExecId, Lease, LeftBehind, Limits};
pub use form::{Form, form_encode, percent_decode};
pub use platform::Platform;
pub use process_state::CommandResult;
pub use status::{Extensions, STATUS_VERSION, Status};
pub use time::{http_date, rfc3339};

pub(crate) use duration::millis;
pub(crate) use end_record::{EndFailure, EndRecord};

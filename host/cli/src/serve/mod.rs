//! `muster serve`: this program's side of the service. It opens the stores, becomes the active coordinator, plans what is
//! submitted with plugins that can be replaced at any time, and stops without losing anything.

mod gc;
mod generations;
mod housekeeping;
mod notes;
mod open;
mod planner;
mod pool_views;
mod pools;
mod reload;
mod retention;
mod right;
mod run;
mod shelf;
mod token;
mod traces;
mod trees;
mod workshop;

pub(crate) use gc::gc;
pub(crate) use open::{blobs, records};
pub(crate) use retention::Outcome;
pub(crate) use run::{kept, run};
pub(crate) use traces::settings as trace_settings;

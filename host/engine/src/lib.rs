//! The pure decision engine: [`Engine::step`] takes an event and returns effects, and does nothing else.
//!
//! It has no clock, no randomness, no I/O, no async and no hash-map iteration. An outside failure is an event,
//! never an error. The coordinator, the simulator and the back-test drive the same engine.
//!
//! ```text
//!  Event --> Engine::step(now, event) --> [Record..., Do{op, task}..., Cancel(op)..., Publish...]
//!   ^                                          |  committed first     | carried out
//!   +---------- Answered{op, answer} ----------+----------------------+
//! ```

mod build;
mod certificate;
mod domain;
mod effect;
mod engine;
mod event;
mod facts;
#[cfg(test)]
mod fixture;
mod judge;
mod ops;
pub mod policy;
mod queue;
mod record;

pub use certificate::{Certificate, Part, Why};
pub use domain::*;
pub use effect::{DecideTask, Effect, Task};
pub use engine::{Engine, EngineConfig};
pub use event::{Answer, AttemptEnd, Decided, Estimates, Event, ListFailure, StepFailure};
pub use facts::{AttemptEndFacts, AttemptFacts, BuildFacts, CalledBack, LeaseFacts, RestartFacts, TestFacts};
pub use queue::WaitsFor;
pub use record::{Fact, Phase, Record, ReturnCause};

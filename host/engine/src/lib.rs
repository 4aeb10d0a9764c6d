//! The pure decision engine: [`Engine::step`] takes an event and returns effects, and does nothing else.
//!
//! It has no clock, no randomness, no I/O, no async and no hash-map iteration. An outside failure is an event,
//! never an error. The coordinator, the simulator and the back-test drive the same engine.

mod domain;
pub mod policy;

pub use domain::*;

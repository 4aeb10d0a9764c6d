//! The tokio driver of the engine: steps it, commits its records, carries out its effects.

pub mod ports;

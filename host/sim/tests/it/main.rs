//! The simulator's tests.

mod scenarios;
mod seeds;

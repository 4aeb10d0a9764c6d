//! The roles: each adapts a generation to the port that the coordinator knows, and checks every answer.

mod answer;
mod builder;
mod builder_check;
mod convert;
mod estimator;
mod parser;
mod policy;
mod policy_convert;
mod pool;
mod session;

pub use pool::{Capacity, MachineSpec, MachineState, PoolFault, PoolMachine, PoolPlugin};

//! What old builds leave behind, found and removed: by the service every hour, and by `muster gc`.

mod components;
mod generations;
mod logs;
mod needs;
mod round;
mod stale;
mod trees;

#[cfg(test)]
mod tests;

pub(crate) use needs::needed_trees;
pub(crate) use round::{Ground, Outcome, round};

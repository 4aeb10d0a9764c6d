//! The engine from outside: events in, records and effects out.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at a few kinds of many")]

mod adoption;
mod drive;
mod parts;
mod policy;
mod queue;
mod recovery;
mod retold;

//! Components of every kind, good and bad, in the real host.

mod cache;
mod component;
mod faults;
mod guest;
mod http;
mod load;
mod registry;
mod roles;
mod scale;

//! `muster serve`, by real processes: killed, stopped, replaced, cut off from its stores, and asked by its clients.

mod api;
mod clients;
mod gated;
mod killed;
mod orphans;
mod outage;
mod stopped;
mod swap;
mod takeover;
mod traces;

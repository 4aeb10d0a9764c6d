//! Client against agent, and both against what a real Go buildlet said.

mod support;

mod agent_transcripts;
mod client_transcripts;
mod contract;
mod failures;
mod hostile;
mod kept_execs;
mod machine;
mod orphaned;
mod processes;
mod restarts;
mod trees;

//! Client against agent, and both against what a real Go buildlet said.

//! The `in-order` policy: the built-in rule as a plugin. The main buildlet takes tests in listed order, helpers the
//! biggest first, and groups grow until the exec is at most a tenth of them.

mod convert;

use std::time::Duration as StdDuration;

use muster_sdk::policy::{AskAt, Decision, HelperInput, Observed, Policy, RunInput};
use muster_sdk::types::Duration;

/// One run under the rule.
#[derive(Debug)]
pub struct InOrder(builtin::Run);

impl Policy for InOrder {
    fn plan_helpers(input: &HelperInput) -> Vec<AskAt> {
        builtin::plan_helpers(&convert::helper_input(input)).into_iter().map(convert::ask_at).collect()
    }

    fn new(input: RunInput) -> InOrder {
        InOrder(builtin::Run::new(convert::run_input(input)))
    }

    fn observe(&mut self, what: Vec<Observed>) {
        let what: Vec<builtin::Observed> = what.into_iter().map(convert::observed).collect();
        self.0.observe(&what);
    }

    fn decide(&mut self, now: Duration, idle: &[u32]) -> Decision {
        convert::decision(self.0.decide(StdDuration::from_nanos(now), idle))
    }
}

muster_sdk::export!(InOrder: policy);

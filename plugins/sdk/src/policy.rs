//! The policy role: which test goes where next.

use std::cell::RefCell;

use crate::bindings::policy::exports::muster::policy::policy as wit;
use crate::log::install_panic_hook;
use crate::types::Duration;

pub use wit::{Action, AskAt, Decision, Finished, HelperInput, Item, Observed, Returned, RunInput, Started, Worker};

/// A policy plugin; a value of it decides one run of one build. The same calls must give the same answers.
pub trait Policy: Sized + 'static {
    /// When to ask for helpers; asked again on every change.
    fn plan_helpers(input: &HelperInput) -> Vec<AskAt>;
    /// Begins with all tests; after a restart of the host, too, and is then told what happened since.
    fn new(input: RunInput) -> Self;
    /// Takes in what happened.
    fn observe(&mut self, what: Vec<Observed>);
    /// What the idle workers are to do; `now` since the build's tests began.
    fn decide(&mut self, now: Duration, idle: &[u32]) -> Decision;
}

/// What wit-bindgen calls.
#[doc(hidden)]
pub struct Exported<T>(std::marker::PhantomData<T>);

/// The resource that wit-bindgen calls.
#[doc(hidden)]
pub struct ExportedRun<T>(RefCell<T>);

impl<T: Policy> wit::Guest for Exported<T> {
    type Run = ExportedRun<T>;

    fn plan_helpers(input: HelperInput) -> Vec<AskAt> {
        install_panic_hook();
        T::plan_helpers(&input)
    }
}

impl<T: Policy> wit::GuestRun for ExportedRun<T> {
    fn new(input: RunInput) -> ExportedRun<T> {
        install_panic_hook();
        ExportedRun(RefCell::new(T::new(input)))
    }

    fn observe(&self, what: Vec<Observed>) {
        self.0.borrow_mut().observe(what);
    }

    fn decide(&self, now: Duration, idle: Vec<u32>) -> Decision {
        self.0.borrow_mut().decide(now, &idle)
    }
}

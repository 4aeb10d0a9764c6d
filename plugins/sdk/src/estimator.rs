//! The estimator role: how long things will take.

use crate::bindings::estimator::exports::muster::estimator::estimator as wit;
use crate::log::install_panic_hook;
use crate::types::{Error, Phases};

pub use wit::{PhaseHistory, Subject, TestEstimate};

/// An estimator plugin.
pub trait Estimator: 'static {
    /// One estimate for each subject, in order.
    fn estimate(settings: &str, subjects: &[Subject]) -> Result<Vec<TestEstimate>, Error>;
    /// Expected lengths of what is not a test.
    fn phases(settings: &str, history: &PhaseHistory) -> Result<Phases, Error>;
}

/// What wit-bindgen calls.
#[doc(hidden)]
pub struct Exported<T>(std::marker::PhantomData<T>);

impl<T: Estimator> wit::Guest for Exported<T> {
    fn estimate(settings: String, subjects: Vec<Subject>) -> Result<Vec<TestEstimate>, Error> {
        install_panic_hook();
        T::estimate(&settings, &subjects)
    }

    fn phases(settings: String, history: PhaseHistory) -> Result<Phases, Error> {
        install_panic_hook();
        T::phases(&settings, &history)
    }
}

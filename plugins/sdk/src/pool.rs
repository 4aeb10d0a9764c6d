//! The pool role: a source of machines; and what the host offers to it alone.

use crate::bindings::pool::exports::muster::pool::pool as wit;
use crate::log::install_panic_hook;
use crate::types::Error;

pub use crate::bindings::shared::muster::host::{clock, http, kv};
pub use wit::{Capacity, Machine, MachineSpec, MachineState};

/// Labels of a machine: name, value.
pub type Labels = [(String, String)];

/// A pool plugin. It keeps nothing in memory: the host may run several of it at once.
pub trait Pool: 'static {
    /// Makes a machine and returns its handle; it need not be reachable yet.
    fn create(settings: &str, spec: &MachineSpec) -> Result<String, Error>;
    /// How a machine is doing.
    fn describe(settings: &str, handle: &str) -> Result<Machine, Error>;
    /// Every machine that carries these labels.
    fn list(settings: &str, labels: &Labels) -> Result<Vec<Machine>, Error>;
    /// Destroys a machine; one that is gone is no error.
    fn destroy(settings: &str, handle: &str) -> Result<(), Error>;
    /// Whether it has machines of this host type.
    fn can_build(settings: &str, host_type: &str) -> Result<bool, Error>;
    /// How many machines there can be and are.
    fn capacity(settings: &str, host_type: &str) -> Result<Capacity, Error>;
}

/// What wit-bindgen calls.
#[doc(hidden)]
pub struct Exported<T>(std::marker::PhantomData<T>);

impl<T: Pool> wit::Guest for Exported<T> {
    fn create(settings: String, spec: MachineSpec) -> Result<String, Error> {
        install_panic_hook();
        T::create(&settings, &spec)
    }

    fn describe(settings: String, handle: String) -> Result<Machine, Error> {
        install_panic_hook();
        T::describe(&settings, &handle)
    }

    fn list(settings: String, labels: Vec<(String, String)>) -> Result<Vec<Machine>, Error> {
        install_panic_hook();
        T::list(&settings, &labels)
    }

    fn destroy(settings: String, handle: String) -> Result<(), Error> {
        install_panic_hook();
        T::destroy(&settings, &handle)
    }

    fn can_build(settings: String, host_type: String) -> Result<bool, Error> {
        install_panic_hook();
        T::can_build(&settings, &host_type)
    }

    fn get_capacity(settings: String, host_type: String) -> Result<Capacity, Error> {
        install_panic_hook();
        T::capacity(&settings, &host_type)
    }
}

//! The builder role: how a tree is built and its tests are listed and run.

use crate::bindings::builder::exports::muster::builder::builder as wit;
use crate::log::install_panic_hook;
use crate::types::{Command, Error, Test};

pub use crate::common::Common;
pub use crate::unlisted::unlisted;
pub use wit::{BuildPlan, BuilderConfig, Listing, Place, Purpose, Source, SourceFile, Step, TestPlan};

/// A builder plugin. Every call is given the settings anew: there is no state between calls.
pub trait Builder: 'static {
    /// All builders under these settings (JSON).
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error>;
    /// The builder that fits this tree, if one does.
    fn detect(files: &[SourceFile], settings: &str) -> Option<String>;
    /// How the tree is made and its tests are listed.
    fn plan(builder: &str, settings: &str, source: &Source, place: &Place) -> Result<BuildPlan, Error>;
    /// The tests of a listing, in the order the project's own runner has them.
    fn tests(builder: &str, settings: &str, memo: &str, listing: &Listing) -> Result<Vec<Test>, Error>;
    /// The command that runs exactly these tests, in this order.
    fn run(builder: &str, settings: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error>;
}

/// Sends what a command prints to a file below the attempt's directory, and leaves its error output where it is. The
/// machine must have a shell.
pub fn to_file(mut command: Command, place: &Place, name: &str) -> Command {
    let file = format!("{}/{name}", place.attempt_dir);
    let shell = ["/bin/sh", "-c", r#"exec "$@" > "$0""#, &file].map(str::to_owned);
    command.argv.splice(0..0, shell);
    command.results = vec![name.into()];
    command
}

/// For tests of a builder: a Linux machine of the local pool with this work directory, and in it `tree` and `attempt`.
pub fn place(work_dir: &str) -> Place {
    Place {
        work_dir: work_dir.into(),
        tree: format!("{work_dir}/tree"),
        attempt_dir: format!("{work_dir}/attempt"),
        os: "linux".into(),
        arch: "amd64".into(),
        host_type: "default".into(),
        local: true,
    }
}

/// For tests of a builder: the tree `p` at `r`, with nothing in it and nothing around it.
pub fn source() -> Source {
    Source {
        project: "p".into(),
        purpose: Purpose::TryBuild,
        rev: "r".into(),
        version: None,
        files: Vec::new(),
        env: Vec::new(),
        found: Vec::new(),
        origin: None,
    }
}

/// What wit-bindgen calls.
#[doc(hidden)]
pub struct Exported<T>(std::marker::PhantomData<T>);

impl<T: Builder> wit::Guest for Exported<T> {
    fn configure(settings: String) -> Result<Vec<BuilderConfig>, Error> {
        install_panic_hook();
        T::configure(&settings)
    }

    fn detect(files: Vec<SourceFile>, settings: String) -> Option<String> {
        install_panic_hook();
        T::detect(&files, &settings)
    }

    fn plan(builder: String, settings: String, source: Source, place: Place) -> Result<BuildPlan, Error> {
        install_panic_hook();
        T::plan(&builder, &settings, &source, &place)
    }

    fn tests(builder: String, settings: String, memo: String, listing: Listing) -> Result<Vec<Test>, Error> {
        install_panic_hook();
        T::tests(&builder, &settings, &memo, &listing)
    }

    fn run(builder: String, settings: String, memo: String, tests: Vec<Test>, place: Place) -> Result<Command, Error> {
        install_panic_hook();
        T::run(&builder, &settings, &memo, &tests, &place)
    }
}

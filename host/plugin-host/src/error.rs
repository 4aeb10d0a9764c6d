//! What can go wrong before a plugin is asked anything. Faults of a running plugin are `engine::PluginFault`.

use std::path::PathBuf;

use thiserror::Error;

/// The host's own machinery could not be set up.
#[derive(Debug, Error)]
pub enum HostError {
    /// The folder of compiled code cannot be used.
    #[error("prepare the folder of compiled plugins `{}`", path.display())]
    CacheFolder {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The folder of compiled code belongs to someone else or is open to others.
    #[error("use the folder of compiled plugins `{}`: {reason}", path.display())]
    CacheUnsafe {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The WebAssembly engine refused its configuration.
    #[error("set up the WebAssembly engine: {reason}")]
    Engine {
        /// Its own words.
        reason: String,
    },
    /// A thread could not be started.
    #[error("start the plugin threads")]
    Threads(#[source] std::io::Error),
    /// The HTTP client of a grant could not be made.
    #[error("set up the http grant `{origin}`: {reason}")]
    HttpGrant {
        /// The granted origin.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

/// A component could not be made a plugin. Each message names the file and what to do about it.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("read plugin file `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is larger than a plugin may be.
    #[error("load `{file}`: {size} bytes is more than the {limit} a plugin may have")]
    TooLarge {
        /// Which file.
        file: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is a core module.
    #[error("load `{file}`: not a WebAssembly component: a core module; run `muster plugin build` on its folder")]
    CoreModule {
        /// Which file.
        file: String,
    },
    /// It is not WebAssembly, or broken.
    #[error("load `{file}`: not a WebAssembly component: {reason}")]
    Invalid {
        /// Which file.
        file: String,
        /// What the validator said.
        reason: String,
    },
    /// Its digest is not the one that was pinned.
    #[error("load `{file}`: its digest is {found}, but {pinned} is pinned; pin the new one if the change is meant")]
    Digest {
        /// Which file.
        file: String,
        /// What it is.
        found: String,
        /// What was asked for.
        pinned: String,
    },
    /// It exports no role.
    #[error(
        "load `{file}`: it exports no role of Muster; a plugin exports one of muster:builder/builder, \
         muster:estimator/estimator, muster:policy/policy, muster:parser/parser, muster:pool/pool (it exports: {exports})"
    )]
    NoRole {
        /// Which file.
        file: String,
        /// What it exports.
        exports: String,
    },
    /// It was built for another version of a contract.
    #[error(
        "load `{file}`: it wants {wanted}, this host has {have}; build it against wit/{package}/{have}, \
         or use a host of its version"
    )]
    Version {
        /// Which file.
        file: String,
        /// The interface with its version.
        wanted: String,
        /// The package's name.
        package: String,
        /// The version this host has.
        have: String,
    },
    /// A role's functions or types are not those of the contract.
    #[error("load `{file}`: its {interface} is not this host's: {difference}; build it against wit/{role}/{version}")]
    Shape {
        /// Which file.
        file: String,
        /// The interface with its version.
        interface: String,
        /// What differs.
        difference: String,
        /// The role's word.
        role: String,
        /// The version this host has.
        version: String,
    },
    /// It imports what the host does not offer.
    #[error("load `{file}`: it imports {import}, which {reason}")]
    Import {
        /// Which file.
        file: String,
        /// The import's name.
        import: String,
        /// Why it is not there and what to do.
        reason: String,
    },
    /// It could not be compiled.
    #[error("compile `{file}`: {reason}")]
    Compile {
        /// Which file.
        file: String,
        /// The compiler's words.
        reason: String,
    },
    /// Its imports do not fit what the host offers.
    #[error("link `{file}`: {reason}; was it built against another wit/ folder?")]
    Link {
        /// Which file.
        file: String,
        /// The linker's words, with the whole chain.
        reason: String,
    },
    /// A grant cannot be read.
    #[error("read grant `{pattern}` of plugin `{plugin}`: {reason}")]
    Grant {
        /// Whose.
        plugin: String,
        /// As written.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings are not JSON.
    #[error("read the settings of plugin `{plugin}`: {reason}")]
    Settings {
        /// Whose.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// The host's machinery failed.
    #[error("load plugin `{plugin}`")]
    Host {
        /// Which plugin.
        plugin: String,
        /// Why.
        #[source]
        source: HostError,
    },
}

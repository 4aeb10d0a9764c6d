//! The plugins that a build on this host can use: bundled, configured, and given on the command line.

mod file;
mod load;
mod machines;
mod settings;

pub use file::plugin_file;
pub use load::{Loading, load};
pub use machines::PluginMachines;
pub use settings::plugin_settings;

//! The plugins that a build on this host can use: bundled, configured, and given on the command line.

mod load;
mod machines;
mod settings;

pub use load::{Loading, load};
pub use machines::PluginMachines;
pub use settings::plugin_settings;

//! Loads, limits and binds the plugins.

//! Go's plugins together, as a coordinator calls them.

mod partition;

//! What several tests of this crate need.

use muster_sdk::builder::{self, Place};

/// A Linux machine of the local pool with this work directory.
pub(crate) fn place(work_dir: &str) -> Place {
    let tree = format!("{work_dir}/go");
    Place { tree, host_type: "linux-buildlet-std".into(), ..builder::place(work_dir) }
}

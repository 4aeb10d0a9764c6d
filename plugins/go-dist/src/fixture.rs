//! What several tests of this crate need.

use muster_sdk::builder::Place;

/// A Linux machine of the local pool with this work directory.
pub(crate) fn place(work_dir: &str) -> Place {
    Place {
        work_dir: work_dir.into(),
        tree: format!("{work_dir}/go"),
        attempt_dir: format!("{work_dir}/attempt"),
        os: "linux".into(),
        arch: "amd64".into(),
        host_type: "linux-buildlet-std".into(),
        local: true,
    }
}

//! Notices the end of the process that started this one.

use std::{io, time::Duration};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};

/// How often the parent is looked at where no signal came.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Watches the parent this process had when the watch began.
#[derive(Debug)]
pub(crate) struct ParentWatch {
    parent: Option<Pid>,
}

impl ParentWatch {
    pub(crate) fn begin() -> Self {
        ParentWatch { parent: getppid() }
    }

    /// Waits until the parent ended.
    ///
    /// The kernel signals the end of the parent's *thread* that started us, so a signal is only a hint to look.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        let mut hints = signal(SignalKind::user_defined2())?;
        set_parent_process_death_signal(Some(Signal::USR2))?;
        while getppid() == self.parent {
            tokio::select! {
                _ = hints.recv() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        Ok(())
    }
}

//! The ordered log: a task for each build appends the output of attempts in the order that the engine gives, and a line
//! for each restart of the coordinator.

use std::sync::Arc;

use engine::AttemptId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::job::Job;
use crate::view::BuildUpdate;

/// What is appended.
enum Entry {
    Attempt(AttemptId),
    Restart { number: u64, text: String },
}

/// Publishes the attempts of one build.
pub(super) struct Publisher {
    entries: mpsc::UnboundedSender<Entry>,
    waiting: Option<mpsc::UnboundedReceiver<Entry>>,
    task: Option<JoinHandle<()>>,
}

impl Default for Publisher {
    fn default() -> Publisher {
        let (entries, waiting) = mpsc::unbounded_channel();
        Publisher { entries, waiting: Some(waiting), task: None }
    }
}

impl Publisher {
    /// Begins, now that the build's job is there.
    pub(super) fn start(&mut self, job: &Arc<Job>) {
        let Some(entries) = self.waiting.take() else { return };
        self.task = Some(tokio::spawn(publish_all(Arc::clone(job), entries)));
    }

    /// Has an attempt's output appended. No more attempts wait than the build has.
    pub(super) fn publish(&self, attempt: AttemptId) {
        // Without a task there is no log, and so nothing to be missed.
        let _ = self.entries.send(Entry::Attempt(attempt));
    }

    /// Has a restart told, unless an earlier life did. `number` counts them from 1.
    pub(super) fn restarted(&self, number: u64, text: String) {
        let _ = self.entries.send(Entry::Restart { number, text });
    }

    /// Waits until all that was ordered is in the log.
    pub(super) async fn end(self) {
        let Publisher { entries, task, .. } = self;
        drop(entries);
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the ordered log of a build could not be written to its end");
        }
    }
}

async fn publish_all(job: Arc<Job>, mut entries: mpsc::UnboundedReceiver<Entry>) {
    let mut place = 0;
    while let Some(entry) = entries.recv().await {
        let (what, appended) = match entry {
            Entry::Attempt(attempt) => {
                place += 1;
                (format!("the output of attempt {attempt}"), job.publish(place, attempt).await)
            }
            Entry::Restart { number, text } => ("a restart".to_owned(), job.restarted(number, &text).await),
        };
        if let Err(error) = appended {
            job.tell(BuildUpdate::Note(format!("{what} is missing from the ordered log: {error}"))).await;
        }
    }
}

//! The ordered log over all lives of the coordinator: after a restart it is told from its beginning, in the same order.

use engine::{AttemptId, BuildFacts};

/// The ordered log of one build.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What was told in any life.
    attempts: Vec<AttemptId>,
    /// How much of it was told in this one.
    told: usize,
    /// It lacks its end, because the coordinator was killed when that was durable and not yet told.
    cut_short: bool,
}

impl Log {
    /// An attempt's output is told.
    pub(super) fn published(&mut self, facts: &BuildFacts, attempt: AttemptId) -> Result<(), String> {
        match self.attempts.get(self.told) {
            Some(before) if *before != attempt => {
                return Err(format!("{attempt} is published where {before} was before the restart"));
            }
            Some(_) => {}
            None if self.attempts.contains(&attempt) => return Err(format!("{attempt} is published twice")),
            None => self.attempts.push(attempt),
        }
        self.told += 1;
        if facts.log_order().starts_with(&self.attempts) {
            return Ok(());
        }
        Err(format!("{:?} is published, and the records say {:?}", self.attempts, facts.log_order()))
    }

    /// A new life begins: a build that goes on is told from its beginning.
    pub(super) fn restarted(&mut self, facts: &BuildFacts) {
        if facts.ended.is_some() {
            self.cut_short |= self.attempts.len() < facts.log_order().len();
        } else {
            self.told = 0;
        }
    }

    /// The build is over.
    pub(super) fn whole(&self, facts: &BuildFacts) -> Result<(), String> {
        let order = facts.log_order();
        if self.attempts == order || (self.cut_short && order.starts_with(&self.attempts)) {
            return Ok(());
        }
        Err(format!("the log is {:?}, and the records say {order:?}", self.attempts))
    }
}

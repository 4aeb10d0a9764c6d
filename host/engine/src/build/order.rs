//! The ordered log: output appears in listed order, each attempt's at the place of its first test. After a restart it is
//! told from the beginning, in the order of before: that of [`BuildFacts::log_order`](crate::BuildFacts::log_order).

use super::Build;
use crate::engine::Step;
use crate::{AttemptId, Effect};

impl Build {
    /// Publishes what has its turn.
    pub(super) fn publish(&mut self, step: &mut Step) {
        while let Some(facts) = self.facts.tests.get(self.live.printed.0 as usize) {
            let Some(verdict) = &facts.verdict else { return };
            // A copy or a sibling that still runs keeps nobody waiting: the verdict's own attempt has ended.
            if let Some(attempt) = verdict.attempt {
                self.publish_attempt(step, attempt);
            }
            self.live.printed.0 += 1;
        }
    }

    fn publish_attempt(&mut self, step: &mut Step, attempt: AttemptId) {
        if self.live.printed.1.insert(attempt) {
            step.effects.push(Effect::Publish { build: self.facts.spec.build, attempt });
        }
    }
}

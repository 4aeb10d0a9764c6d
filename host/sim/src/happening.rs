//! What is going to happen, and what is under way.

use engine::{Answer, AttemptId, BuildId, Event, OpId, Task};

use crate::plan::Scripted;

/// What is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A build is submitted.
    Submit(usize),
    /// The engine is told.
    Tell(Event),
    /// A test of an exec begins or ends: told as long as its machine lives.
    Progress(OpId, Event),
    /// An effect is answered, by the driver of this life.
    Answer {
        /// Which effect.
        op: OpId,
        /// How.
        answer: Box<Answer>,
        /// Of which life of the coordinator.
        life: u32,
        /// Who says so.
        voice: Voice,
    },
    /// The machine of this exec stops.
    Stops(AttemptId, Stop),
    /// Something at a set time.
    Scripted(Scripted),
    /// The coordinator is there again.
    Up,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// From the machine or plugin that was asked: it may fall silent meanwhile.
    Own,
    /// From the coordinator's own heartbeats and connections.
    Host,
    /// From nowhere: it was told before, or never asked for.
    Stale,
}

/// How a machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its connections break.
    Lost,
    /// So they do, and just before it fails the test that runs.
    Dying,
    /// It says nothing any more; missing heartbeats tell.
    Frozen,
    /// It says nothing any more; only deadlines tell.
    Unnoticed,
}

/// An effect that the driver has not answered.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) build: BuildId,
    pub(crate) task: Task,
    pub(crate) canceled: bool,
}

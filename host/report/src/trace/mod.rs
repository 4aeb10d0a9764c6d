//! One trace of a build that ended: its wait, its phases, its machines, and what ran on each of them.
//!
//! It is made from the build's durable facts and nothing else, ids included: made a second time, it is the same trace.
//! Names are those of OpenTelemetry's conventions for CI/CD where there are any; the others begin with `muster.`.

mod end;
mod ids;
mod parts;
mod root;
mod tally;

use engine::{BuildFacts, Time};

use self::end::End;
use self::ids::Ids;
use self::parts::Parts;

pub use self::ids::{Parent, SpanId, TraceId};

/// Letters of a text that a trace holds: a verdict's cause may be a whole page.
const MAX_TEXT: usize = 1_000;

/// What a trace tells that the facts do not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The revision, for people.
    pub version: Option<&'a str>,
    /// How far the tree was trusted, in a word.
    pub trust: &'a str,
    /// Who asked for the build.
    pub by: &'a str,
    /// The build that it repeats.
    pub retry_of: Option<u64>,
    /// The span in which it was asked for; the build's spans become part of that one's trace.
    pub parent: Option<Parent>,
}

/// What a build did, as spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Which.
    pub id: TraceId,
    /// What all of it is about: the builder and the number of the build.
    pub about: Attributes,
    /// The build's own span, and those within it.
    pub spans: Vec<Span>,
}

/// Something that took time.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Which.
    pub id: SpanId,
    /// What it is a part of. The build's own span has one where it was asked for in another trace.
    pub parent: Option<SpanId>,
    /// What it is, in a word that few kinds share.
    pub name: String,
    /// When it began.
    pub start: Time,
    /// When it was over; never before its start.
    pub end: Time,
    /// What is to be known of it; no name twice.
    pub attributes: Attributes,
    /// What happened in it.
    pub events: Vec<Event>,
    /// Events that are left out, since there were too many.
    pub events_left_out: u32,
    /// It did not end well: why, in words.
    pub error: Option<String>,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    pub name: String,
    /// What is to be known of it.
    pub attributes: Attributes,
}

/// Names and values.
pub type Attributes = Vec<(&'static str, Value)>;

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// A whole number.
    Number(i64),
    /// A number of seconds.
    Seconds(f64),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// A text, cut where it is long.
    fn text(text: &str) -> Value {
        Value::Text(bounded(text))
    }

    fn count(count: usize) -> Value {
        Value::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// The trace of a build; none before its end.
#[must_use]
pub fn trace_of(facts: &BuildFacts, origin: &Origin<'_>) -> Option<Trace> {
    let (ended, outcome, certificate) = facts.ended.as_ref()?;
    let ids = Ids::of(facts, origin.parent);
    let end = End::of_build(facts, outcome);
    let parts = Parts { facts, ids: &ids, ended: *ended, end: &end };
    let mut spans = vec![root::span(&parts, origin, outcome, certificate)];
    spans.extend(parts.phases());
    spans.extend(parts.machines());
    spans.extend(parts.attempts());
    Some(Trace { id: ids.trace, about: root::about(facts), spans })
}

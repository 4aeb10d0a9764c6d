//! The parser role: one warm store for each exec.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coordinator::ports::{Parser, ParserEvent, ParserSession};
use engine::{CommandEnd, PluginFault, PluginRef, Report, Status, Test};
use futures::FutureExt as _;

use super::answer::{Checked, duration, name};
use super::convert::{end_to_wit, tests_to_wit};
use super::session::Session;
use crate::bindings::exports::muster::parser::parser as wit;
use crate::live::Bind;
use crate::registry::Generation;
use crate::role::Role;

/// Events of one call: a parser may keep a whole result file of 100,000 tests back until its last piece.
const EVENTS: usize = 250_000;

/// A generation as a parser.
struct ParserPlugin {
    generation: Arc<Generation>,
    settings: String,
}

impl Generation {
    /// As a parser, if it is one; with these settings (JSON, from the builder) or its own.
    pub fn parser(self: &Arc<Generation>, settings: Option<String>) -> Option<Arc<dyn Parser>> {
        self.has(Role::Parser).then(|| {
            let settings = settings.unwrap_or_else(|| self.settings.clone());
            Arc::new(ParserPlugin { generation: Arc::clone(self), settings }) as Arc<dyn Parser>
        })
    }
}

const BIND: Bind<wit::Guest> =
    |indices, store, instance| indices.parser.as_ref().expect("only asked of parsers").load(store, instance);

#[async_trait]
impl Parser for ParserPlugin {
    fn plugin(&self) -> &PluginRef {
        self.generation.reference()
    }

    async fn open(&self, tests: &[Test]) -> Result<Box<dyn ParserSession>, PluginFault> {
        let settings = self.settings.clone();
        let limit = self.generation.limits.policy_open.of(tests.len());
        let tests = tests_to_wit(tests);
        let session = Session::open(&self.generation, (Role::Parser, limit), BIND, move |store, guest| {
            async move { guest.session().call_constructor(store, &settings, &tests).await }.boxed()
        })
        .await?;
        Ok(Box::new(Exec { session }))
    }
}

/// One exec's session.
struct Exec {
    session: Session<wit::Guest>,
}

impl Exec {
    fn limit(&self) -> Duration {
        self.session.generation().limits.parser.time.of(0)
    }

    fn checked(&mut self, events: Vec<wit::Event>) -> Result<Vec<ParserEvent>, PluginFault> {
        match check(&events) {
            Ok(()) => Ok(events.into_iter().map(event_from_wit).collect()),
            Err(rule) => Err(self.session.bad_answer(&rule)),
        }
    }
}

#[async_trait]
impl ParserSession for Exec {
    async fn push(&mut self, chunk: &[u8]) -> Result<Vec<ParserEvent>, PluginFault> {
        let (chunk, limit) = (chunk.to_vec(), self.limit());
        let events = self
            .session
            .call(limit, move |store, guest, session| {
                async move { guest.session().call_push(store, session, &chunk).await }.boxed()
            })
            .await?;
        self.checked(events)
    }

    async fn push_file(&mut self, name: &str, chunk: &[u8], last: bool) -> Result<Vec<ParserEvent>, PluginFault> {
        let (name, chunk, limit) = (name.to_owned(), chunk.to_vec(), self.limit());
        let events = self
            .session
            .call(limit, move |store, guest, session| {
                async move { guest.session().call_push_file(store, session, &name, &chunk, last).await }.boxed()
            })
            .await?;
        self.checked(events)
    }

    async fn finish(&mut self, end: &CommandEnd) -> Result<Vec<ParserEvent>, PluginFault> {
        let (end, limit) = (end_to_wit(end), self.limit());
        let events = self
            .session
            .call(limit, move |store, guest, session| {
                async move { guest.session().call_finish(store, session, &end).await }.boxed()
            })
            .await?;
        self.checked(events)
    }
}

fn check(events: &[wit::Event]) -> Checked {
    if events.len() > EVENTS {
        return Err(format!("{} events at once, and {EVENTS} are the most", events.len()));
    }
    for event in events {
        match event {
            wit::Event::Started(test) => name("a started test", test)?,
            wit::Event::Finished(result) => {
                name("a finished test", &result.name)?;
                if let Some(took) = result.duration {
                    duration("the duration of a test", took)?;
                }
            }
            wit::Event::Banner(_) | wit::Event::Text(_) | wit::Event::Progress(_) | wit::Event::Other(_) => {}
        }
    }
    Ok(())
}

fn event_from_wit(event: wit::Event) -> ParserEvent {
    match event {
        wit::Event::Banner(text) => ParserEvent::Banner(text),
        wit::Event::Text(bytes) => ParserEvent::Text(bytes),
        wit::Event::Started(test) => ParserEvent::Started(test),
        wit::Event::Finished(result) => ParserEvent::Finished(Report {
            name: result.name,
            suite: result.suite,
            case: result.case,
            status: match result.status {
                wit::Status::Passed => Status::Passed,
                wit::Status::Failed => Status::Failed,
                wit::Status::Skipped => Status::Skipped,
            },
            duration: result.duration.map(Duration::from_nanos),
            message: result.message,
        }),
        wit::Event::Progress((done, all)) => ParserEvent::Progress(done, all),
        wit::Event::Other((key, value)) => ParserEvent::Other(key, value),
    }
}

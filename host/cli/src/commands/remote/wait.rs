//! Waiting for a build: its log and its progress here, its reports at the end, and `muster build`'s exit codes.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use serde_json::json;
use service::view::{BuildEvent, BuildView};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::show::outcome;
use super::updates::Updates;
use crate::args::{GlobalArgs, SubmitArgs};
use crate::client::{Client, EventStream, LogStream, ServerError};
use crate::commands::output::print_beside;
use crate::commands::signals::Signals;
use crate::commands::whole::whole;
use crate::exit::{self, Exit};
use crate::progress::{PlainProgress, Progress, TerminalProgress};
use crate::view::BuildUpdate;

/// Pieces that may wait to be shown.
const PIECES: usize = 256;
/// How often the terminal is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Something that came from the server.
enum Heard {
    Event(Box<BuildEvent>),
    Log(Bytes),
    Failed(ServerError),
}

/// Makes the file for the log anew.
///
/// # Errors
/// It cannot be made.
pub(super) fn create_log(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("failed to write the log `{}`", path.display()))
}

/// Waits for the end of a build, and writes its log there.
///
/// # Errors
/// The server is away for too long, or something that was asked for cannot be written.
pub(super) async fn wait(
    global: &GlobalArgs,
    args: &SubmitArgs,
    client: &Client,
    build: u64,
    log: Option<File>,
) -> anyhow::Result<Exit> {
    let mut shown = Shown::new(global, args, log);
    let watched = watch(client, build, &mut shown).await;
    shown.progress.finish();
    watched?;
    let view: BuildView = client.get(&format!("/builds/{build}")).await?;
    let written = write(args, client, &view, shown.log).await;
    if args.json {
        print_beside(&serde_json::to_string(&view)?)?;
    } else {
        let color = u8::from(global.color.enabled(io::stderr().is_terminal()));
        let quiet = u8::from(global.quiet);
        let summary = client.text(&format!("/builds/{build}/summary?color={color}&quiet={quiet}")).await?;
        // Without standard error there is nobody to read it; the exit code stands.
        let _gone = io::stderr().lock().write_all(&summary);
    }
    written?;
    outcome(&view.item).map(|outcome| exit::of_outcome(&outcome)).context("the build is over and has no outcome")
}

/// Shows what comes, to the end of both streams.
async fn watch(client: &Client, build: u64, shown: &mut Shown) -> anyhow::Result<()> {
    let (sender, mut heard) = channel(PIECES);
    tokio::spawn(listen_events(EventStream::new(client, build), sender.clone()));
    tokio::spawn(listen_log(LogStream::new(client, build, None, 0), sender));
    let (mut signals, mut canceling) = (Signals::listen()?, false);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            name = signals.next() => {
                if canceling {
                    shown.progress.finish();
                    // Asked for twice: the build is left to the server.
                    std::process::exit(i32::from(Exit::Canceled.code()));
                }
                canceling = true;
                shown.note(format!("canceling after {name}; once more leaves it"));
                let body = json!({ "reason": format!("{name} where it was waited for") });
                if let Err(error) = client.post::<BuildView>(&format!("/builds/{build}/cancel"), &body).await {
                    shown.note(format!("it could not be canceled: {error}"));
                }
            }
            piece = heard.recv() => match piece {
                Some(Heard::Event(event)) => shown.event(*event),
                Some(Heard::Log(bytes)) => shown.log(&bytes),
                Some(Heard::Failed(error)) => return Err(error.into()),
                None => return Ok(()),
            },
            _ = tick.tick() => shown.progress.tick(shown.began.elapsed()),
        }
    }
}

async fn listen_events(mut events: EventStream, heard: Sender<Heard>) {
    loop {
        let next = match events.next().await {
            Ok(Some(event)) => Heard::Event(Box::new(event)),
            Ok(None) => return,
            Err(error) => Heard::Failed(error),
        };
        if heard.send(next).await.is_err() {
            return;
        }
    }
}

async fn listen_log(mut log: LogStream, heard: Sender<Heard>) {
    loop {
        let next = match log.next().await {
            Ok(Some(piece)) => Heard::Log(piece),
            Ok(None) => return,
            Err(error) => Heard::Failed(error),
        };
        if heard.send(next).await.is_err() {
            return;
        }
    }
}

/// What shows a build here.
struct Shown {
    progress: Box<dyn Progress>,
    updates: Updates,
    began: Instant,
    print_log: bool,
    log: Option<io::Result<File>>,
}

impl Shown {
    fn new(global: &GlobalArgs, args: &SubmitArgs, log: Option<File>) -> Shown {
        let print_log = !args.json && !global.quiet;
        // Bars and a log on one terminal would draw over each other.
        let bars = io::stderr().is_terminal() && !(print_log && io::stdout().is_terminal());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let progress: Box<dyn Progress> = if bars && !dumb {
            Box::new(TerminalProgress::new(global.verbose, global.quiet))
        } else {
            Box::new(PlainProgress::new(io::stderr(), global.verbose, global.quiet))
        };
        Shown { progress, updates: Updates::default(), began: Instant::now(), print_log, log: log.map(Ok) }
    }

    fn event(&mut self, event: BuildEvent) {
        for update in self.updates.of(event) {
            self.progress.update(self.began.elapsed(), &update);
        }
    }

    fn note(&mut self, text: String) {
        self.progress.update(self.began.elapsed(), &BuildUpdate::Note(text));
    }

    fn log(&mut self, bytes: &[u8]) {
        if self.print_log {
            let mut out = io::stdout().lock();
            // Who reads our output has read enough, as `head` does; the build goes on.
            self.print_log = out.write_all(bytes).and_then(|()| out.flush()).is_ok();
        }
        // After the first error nothing more is written, so that no gap goes unseen.
        if let Some(Ok(file)) = &mut self.log
            && let Err(error) = file.write_all(bytes)
        {
            self.log = Some(Err(error));
        }
    }
}

/// Writes what was asked for. Gives the first error, after the others were tried.
async fn write(
    args: &SubmitArgs,
    client: &Client,
    view: &BuildView,
    log: Option<io::Result<File>>,
) -> anyhow::Result<()> {
    let build = view.item.id;
    let junit = fetch(client, args.written.junit.as_deref(), &format!("/builds/{build}/junit")).await;
    let report = fetch(client, args.written.report.as_deref(), &format!("/builds/{build}/report")).await;
    let log = match log.transpose().context("failed to write the log") {
        // Head and tail are known when the build is over.
        Ok(Some(_)) if view.framed_log => {
            fetch(client, args.written.log.as_deref(), &format!("/builds/{build}/log?framed=1")).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    junit.and(report).and(log)
}

async fn fetch(client: &Client, to: Option<&Path>, path: &str) -> anyhow::Result<()> {
    let Some(to) = to else { return Ok(()) };
    let content = client.text(path).await?;
    whole(to, |out| out.write_all(&content)).with_context(|| format!("failed to write `{}`", to.display()))
}

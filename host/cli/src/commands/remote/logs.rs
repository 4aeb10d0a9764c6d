//! `muster logs`: the log of a build, as far as it is or to its end.

use bytes::Bytes;
use report::text;
use service::Letters;
use service::view::{LogPiece, LogStreams};

use super::{block_on, client};
use crate::args::{GlobalArgs, LogsArgs};
use crate::client::{Client, LogStream};
use crate::commands::output::{columns, print, write};
use crate::exit::Exit;

/// Shows a log.
///
/// # Errors
/// The server refuses, or is away for too long.
pub(crate) fn run(global: &GlobalArgs, args: &LogsArgs) -> anyhow::Result<Exit> {
    let client = client(global, &args.server)?;
    block_on(async {
        if args.list {
            return list(args, client.get(&format!("/builds/{}/logs", args.id)).await?);
        }
        let mut out = Out { json: args.json, at: args.offset, letters: Letters::default() };
        if args.follow {
            let mut log = LogStream::new(&client, args.id, args.stream.as_deref(), args.offset);
            while let Some(piece) = log.next().await? {
                out.write(&piece)?;
            }
        } else {
            copy(&client, args, &mut out).await?;
        }
        out.end()?;
        Ok(Exit::Passed)
    })
}

async fn copy(client: &Client, args: &LogsArgs, out: &mut Out) -> anyhow::Result<()> {
    let mut log = client.log(args.id, args.stream.as_deref(), args.offset).await?;
    while let Some(piece) = client.chunk(&mut log).await? {
        out.write(&piece)?;
    }
    Ok(())
}

/// Standard output.
struct Out {
    json: bool,
    /// Where the next text begins.
    at: u64,
    /// A letter may be cut in two by the pieces.
    letters: Letters,
}

impl Out {
    fn write(&mut self, piece: &Bytes) -> anyhow::Result<()> {
        if self.json {
            let decoded = self.letters.push(piece);
            return self.print(decoded);
        }
        write(piece)
    }

    /// What waits for the rest of a letter that does not come.
    fn end(&mut self) -> anyhow::Result<()> {
        let decoded = self.letters.end();
        self.print(decoded)
    }

    fn print(&mut self, (text, bytes): (String, usize)) -> anyhow::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        print(&serde_json::to_string(&LogPiece { offset: self.at, text })?)?;
        self.at += bytes as u64;
        Ok(())
    }
}

fn list(args: &LogsArgs, streams: LogStreams) -> anyhow::Result<Exit> {
    if args.json {
        print(&serde_json::to_string(&streams)?)?;
        return Ok(Exit::Passed);
    }
    let rows: Vec<[String; 4]> = streams
        .streams
        .into_iter()
        .map(|stream| {
            let state = if stream.finished { "" } else { "goes on" };
            [stream.name, text::bytes(stream.bytes), stream.machine.unwrap_or_default(), state.to_owned()]
        })
        .collect();
    print(&columns(&rows))?;
    Ok(Exit::Passed)
}

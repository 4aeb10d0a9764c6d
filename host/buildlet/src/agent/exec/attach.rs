//! Sends a spool to a client, from an offset to the end.

use std::io;

use super::{
    super::http1::{Exchange, StreamWriter},
    Spool,
    spool::Next,
};
use crate::protocol::{EndRecord, headers};

/// Streams output as it comes, and the end record when it comes. The command does not mind a client that goes away.
pub(crate) async fn attach(
    exchange: &mut Exchange<'_>,
    spool: &Spool,
    mut offset: u64,
    limited_by: &str,
) -> io::Result<()> {
    let trailer = format!("{}, {}", headers::PROCESS_STATE, headers::EXEC_END);
    let fields = [("Trailer", trailer.as_str()), (headers::LIMITED_BY, limited_by)];
    let (mut writer, reader) = exchange.stream(&fields).await?;
    let sending = async {
        loop {
            match spool.next(offset).await? {
                Next::Bytes(bytes) => {
                    writer.chunk(&bytes).await?;
                    offset += bytes.len() as u64;
                }
                Next::End(end) => return finish(writer, &end).await,
            }
        }
    };
    tokio::select! {
        sent = sending => sent,
        () = reader.closed() => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Ends the response of an exec with its end record.
pub(crate) async fn finish(writer: StreamWriter<'_>, end: &EndRecord) -> io::Result<()> {
    let record = serde_json::to_string(end).map_err(io::Error::other)?;
    writer.finish(&[(headers::PROCESS_STATE, &end.process_state), (headers::EXEC_END, &record)]).await
}

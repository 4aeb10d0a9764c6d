//! One connection from accepting to its end: TLS, then request after request.

use std::{io, sync::Arc};

use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::{
    http1::{After, BoxIo, Connection, Exchange, NoHead},
    refusal::Refusal,
    routes::route,
    server::Acceptor,
    state::AgentState,
};

/// A peer that vanished without a word is noticed after about this time (the protocol's own keep-alive period).
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(180);

pub(super) async fn serve_connection(state: &Arc<AgentState>, stream: TcpStream, acceptor: Option<Acceptor>) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "a connection could not be set up");
        return;
    }
    let limits = &state.config.limits;
    let io: BoxIo = match acceptor {
        None => Box::new(stream),
        Some(acceptor) => match tokio::time::timeout(limits.head, acceptor.0.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                return;
            }
            Err(_) => {
                tracing::debug!("a TLS handshake came too slowly");
                return;
            }
        },
    };
    let mut connection = Connection::new(io);
    loop {
        let head = match connection.head(limits.idle, limits.head).await {
            Ok(head) => head,
            Err(NoHead::Closed) => return,
            Err(NoHead::Bad(bad)) => {
                let mut exchange = Exchange::answering_nonsense(&mut connection, limits.stall);
                let sent = Refusal::new(bad.status, bad.reason).send(&mut exchange).await;
                if sent.is_ok() {
                    connection.linger().await;
                }
                return;
            }
        };
        let mut exchange = Exchange::new(&mut connection, head, limits.stall);
        let handled = route(state, &mut exchange).await;
        if let Err(error) = &handled {
            tracing::debug!(%error, path = exchange.head.path, "a response was cut");
        }
        match exchange.end(handled).await {
            After::KeepAlive => {}
            After::Close => return connection.linger().await,
            After::Cut => return,
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE)?;
    Ok(())
}

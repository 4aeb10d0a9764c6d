//! The listener: connections with bounds, and an end that closes every stream.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::Service;
use crate::unread::Unread;

/// How long requests that run when the server stops may go on.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// How long to wait after an `accept` that failed: out of descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled; then streams end, running requests finish, and it returns.
pub async fn serve(listener: TcpListener, service: Arc<Service>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(service.settings().connections));
    let (app, tasks) = (crate::router(Arc::clone(&service)), TaskTracker::new());
    let closing = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, place) = accepted;
        let connection = connection(stream, app.clone(), Arc::clone(&service), closing.clone());
        tasks.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    service.stopping().cancel();
    closing.cancel();
    tasks.close();
    if tokio::time::timeout(LAST_REQUESTS, tasks.wait()).await.is_err() {
        tracing::warn!("{} connections did not end in time and end with this process", tasks.len());
    }
}

/// The next connection, once there is a place for it. One that failed is no reason to stop.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("the places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, app: Router, service: Arc<Service>, closing: CancellationToken) {
    // Small answers and events go out at once.
    let _slower_otherwise = stream.set_nodelay(true);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(service.settings().head_timeout);
    let stream = Unread::new(stream, service.settings().write_stall);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let mut told = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                // A client that went away is its own business.
                if let Err(error) = ended {
                    tracing::debug!("a connection ended: {error}");
                }
                return;
            }
            () = closing.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

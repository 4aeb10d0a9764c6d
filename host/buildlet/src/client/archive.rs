//! Archives in and out, streamed: `/writetgz`, `/tgz`, and the clone of a local tree.

use std::{
    fmt, io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use snapshot::archive::Compression;
use tokio::time::Instant;

use super::{
    Client,
    connection::RequestBody,
    error::{CallFailure, FailureKind, chain},
    request::Call,
    response::Answer,
};
use crate::protocol::{ClonedTree, form_encode, headers};

/// What became of an archive the agent was to fetch itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlOutcome {
    /// It was fetched and unpacked.
    Unpacked,
    /// The directory was there already, and is one that is never unpacked twice (`go1.4`).
    Skipped,
}

impl Client {
    /// Sends an archive and has it unpacked into `dir` (empty: the work directory) while it is sent.
    ///
    /// Zstd and plain tar are for Muster's agents only. There the whole transfer is checked by its digest, symbolic
    /// links are made, and a part of a tree is removed again when the transfer fails.
    ///
    /// # Errors
    /// If not all of it was sent and unpacked. A failure of `body` itself is of kind `Local`.
    pub async fn put_archive(
        &self,
        body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        dir: &str,
        compression: Compression,
    ) -> Result<(), CallFailure> {
        let name = "/writetgz";
        let muster = self.extensions().is_some();
        if !muster && compression != Compression::Gzip {
            return Err(CallFailure {
                call: name,
                kind: FailureKind::Refused,
                detail: format!("a {} archive is not understood by this buildlet", compression.name()),
            });
        }
        let query = if dir.is_empty() { String::new() } else { form_encode([("dir", dir)]) };
        let upload = Upload::new();
        let mut call = Call::new(name, Method::PUT, &query).lease(self.lease());
        if muster {
            call = call.header("trailer", headers::DIGEST).header(headers::MUSTER, 1).header(headers::SYMLINKS, 1);
        }
        let call = call.stream(upload.body(body, muster));
        let sending = self.shared.send(call, self.shared.settings.work);
        let answer = upload.watch(name, self.shared.settings.stall, self.shared.settings.work, sending).await?;
        answer.read(self.shared.settings.max_answer_bytes).await.map(drop)
    }

    /// Has the agent fetch a gzip archive by itself and unpack it into `dir`.
    ///
    /// # Errors
    /// If it could not.
    pub async fn put_archive_from_url(&self, url: &str, dir: &str) -> Result<UrlOutcome, CallFailure> {
        let query = if dir.is_empty() { String::new() } else { form_encode([("dir", dir)]) };
        let mut call =
            Call::new("/writetgz", Method::POST, &query).lease(self.lease()).form(form_encode([("url", url)]));
        if self.extensions().is_some() {
            call = call.header(headers::MUSTER, 1).header(headers::SYMLINKS, 1);
        }
        let answer = self.shared.send(call, self.shared.settings.work).await?;
        let text = answer.read(self.shared.settings.max_answer_bytes).await?;
        Ok(if text == b"SKIP" { UrlOutcome::Skipped } else { UrlOutcome::Unpacked })
    }

    /// Fetches the tree below `dir` (`.`: all) as an archive.
    ///
    /// # Errors
    /// If the agent refuses. A transfer that breaks later is an error in the stream.
    pub async fn get_archive(&self, dir: &str, compression: Compression) -> Result<ArchiveStream, CallFailure> {
        let name = "/tgz";
        let muster = self.extensions().is_some();
        let mut call = Call::new(name, Method::GET, &form_encode([("dir", dir)])).lease(self.lease());
        match (muster, compression) {
            (true, compression) => {
                let coding = match compression {
                    Compression::None => "tar",
                    Compression::Gzip => "gzip",
                    Compression::Zstd => "zstd",
                };
                call = call.header(headers::MUSTER, 1).header("accept-encoding", coding);
            }
            (false, Compression::Gzip) => {}
            (false, Compression::None | Compression::Zstd) => {
                return Err(CallFailure {
                    call: name,
                    kind: FailureKind::Refused,
                    detail: "this buildlet packs only with gzip".to_owned(),
                });
            }
        }
        let answer = self.shared.send(call, self.shared.settings.head).await?.require_ok().await?;
        Ok(ArchiveStream::new(answer, muster, self.shared.settings.stall))
    }

    /// Clones a directory of the agent's own machine into `dir`, without an archive. The agent compares both before it
    /// answers, and leaves nothing of a clone that is not whole.
    ///
    /// # Errors
    /// If the agent was not started with leave to clone from there, or could not, or if the original did not stay as it
    /// was meanwhile.
    pub async fn clone_tree(&self, from: &Path, dir: &str) -> Result<ClonedTree, CallFailure> {
        let name = "/muster/clone";
        let from = from.to_str().filter(|_| self.extensions().is_some_and(|peer| peer.clone));
        let Some(from) = from else {
            return Err(CallFailure {
                call: name,
                kind: FailureKind::Refused,
                detail: "this buildlet does not clone".to_owned(),
            });
        };
        let call = Call::new(name, Method::POST, "")
            .lease(self.lease())
            .header(headers::MUSTER, 1)
            .form(form_encode([("from", from), ("dir", dir)]));
        let answer = self.shared.send(call, self.shared.settings.work).await?;
        let text = answer.read(self.shared.settings.max_answer_bytes).await?;
        let broken = |error| CallFailure { call: name, kind: FailureKind::Broken, detail: chain(&error) };
        serde_json::from_slice(&text).map_err(broken)
    }
}

/// An archive on its way here.
pub struct ArchiveStream(Pin<Box<dyn Stream<Item = Result<Bytes, CallFailure>> + Send>>);

impl ArchiveStream {
    fn new(answer: Answer, digest: bool, stall: Duration) -> Self {
        let hasher = digest.then(|| ring::digest::Context::new(&ring::digest::SHA256));
        let chunks = stream::try_unfold(Some((answer, hasher)), move |state| async move {
            let Some((mut answer, mut hasher)) = state else { return Ok(None) };
            match answer.chunk_within(stall).await? {
                Some(chunk) => {
                    if let Some(hasher) = &mut hasher {
                        hasher.update(&chunk);
                    }
                    Ok(Some((chunk, Some((answer, hasher)))))
                }
                None => {
                    let Some(hasher) = hasher else { return Ok(None) };
                    let ours = hex::encode(hasher.finish());
                    match answer.trailers.get(headers::DIGEST) {
                        Some(theirs) if theirs.as_bytes() == ours.as_bytes() => Ok(None),
                        Some(_) => Err(answer.broken("the digest of what came is another")),
                        None => Err(answer.broken("it ended without a digest")),
                    }
                }
            }
        });
        ArchiveStream(chunks.boxed())
    }
}

impl Stream for ArchiveStream {
    type Item = Result<Bytes, CallFailure>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(ctx)
    }
}

impl fmt::Debug for ArchiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveStream").finish_non_exhaustive()
    }
}

/// Follows a streamed body: when it last moved, whether it ended, and why it failed.
struct Upload(Arc<Mutex<Progress>>);

struct Progress {
    moved: Instant,
    ended: bool,
    failed: Option<String>,
}

impl Upload {
    fn new() -> Self {
        let progress = Progress { moved: Instant::now(), ended: false, failed: None };
        Upload(Arc::new(Mutex::new(progress)))
    }

    fn body(&self, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static, digest: bool) -> RequestBody {
        let progress = Arc::clone(&self.0);
        let hasher = digest.then(|| ring::digest::Context::new(&ring::digest::SHA256));
        let state = Some((Box::pin(chunks), hasher));
        let frames = stream::unfold(state, move |state| {
            let progress = Arc::clone(&progress);
            async move {
                let (mut chunks, mut hasher) = state?;
                let next = chunks.next().await;
                let mut progress = progress.lock().expect("no holder of this lock can panic");
                progress.moved = Instant::now();
                match next {
                    Some(Ok(chunk)) => {
                        if let Some(hasher) = &mut hasher {
                            hasher.update(&chunk);
                        }
                        Some((Ok(Frame::data(chunk)), Some((chunks, hasher))))
                    }
                    Some(Err(error)) => {
                        progress.failed = Some(error.to_string());
                        Some((Err(error), None))
                    }
                    None => {
                        progress.ended = true;
                        let digest = hex::encode(hasher?.finish());
                        let value = HeaderValue::from_str(&digest).expect("hex digits are valid");
                        let name =
                            http::HeaderName::from_bytes(headers::DIGEST.as_bytes()).expect("our names are valid");
                        Some((Ok(Frame::trailers(HeaderMap::from_iter([(name, value)]))), None))
                    }
                }
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Waits for the answer while the body moves; after its end the agent may work on for `work`.
    async fn watch<T>(
        &self,
        call: &'static str,
        stall: Duration,
        work: Duration,
        sending: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, CallFailure> {
        let stalled = async {
            loop {
                let (limit, ended) = {
                    let progress = self.0.lock().expect("no holder of this lock can panic");
                    let budget = if progress.ended { work } else { stall };
                    (progress.moved + budget, progress.ended)
                };
                if limit <= Instant::now() {
                    let detail = if ended { "no answer after its end" } else { "it does not move" };
                    return CallFailure { call, kind: FailureKind::Broken, detail: detail.to_owned() };
                }
                tokio::time::sleep_until(limit).await;
            }
        };
        let result = tokio::select! {
            result = sending => result,
            failure = stalled => Err(failure),
        };
        result.map_err(|failure| {
            let progress = self.0.lock().expect("no holder of this lock can panic");
            match &progress.failed {
                Some(error) => CallFailure {
                    call,
                    kind: FailureKind::Local,
                    detail: format!("reading what is to be sent: {error}"),
                },
                None => failure,
            }
        })
    }
}

//! `/writetgz` and `/tgz`: trees in and out.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use snapshot::{
    ArchiveError,
    archive::{Compression, ExtractOptions, Extracted, PackOptions, Symlinks, extract, pack},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    super::{
        bridge::{BlockingReader, BlockingWriter, channel},
        exec::MusterParams,
        http1::Exchange,
        paths,
        refusal::{Fail, Refusal},
        remove::remove_content,
        state::AgentState,
        tree_writes::TreeWrite,
    },
    files::inside,
    plain::require,
};
use crate::{client::chain, protocol::headers};

/// Unpacks the body, or what a URL gives, into a directory.
pub(crate) async fn write_tgz(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    let dir = exchange.head.query.get("dir").unwrap_or_default().to_vec();
    let relative = if dir.is_empty() { Some(PathBuf::from(".")) } else { paths::relative(&dir) };
    let relative = relative.ok_or_else(|| Refusal::bad_request("bogus dir"))?;
    let base = inside(state, &relative, "bogus dir")?;
    let by_url = match exchange.head.method.as_str() {
        "PUT" => false,
        "POST" => true,
        _ => return Err(Refusal::bad_request("requires PUT or POST method").into()),
    };
    // A client may send this one blindly each time.
    if by_url && relative == Path::new("go1.4") && base.is_dir() {
        return Ok(exchange.text("SKIP").await?);
    }
    let url = if by_url { Some(url(exchange).await?) } else { None };
    let lease = MusterParams::lease(&exchange.head)?;
    let write = state.tree_writes.begin(vec![base.clone()], lease, &state.execs).await?;
    std::fs::create_dir_all(&base).map_err(|error| Refusal::io("mkdir of base", &error))?;
    let unpacking = Unpacking::begin(exchange, base, write)?;
    match url {
        Some(url) => unpacking.fetch(state, &url).await?,
        None => unpacking.receive(exchange).await?,
    }
    Ok(exchange.text("OK").await?)
}

/// The URL of an archive.
async fn url(exchange: &mut Exchange<'_>) -> Result<String, Fail> {
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let url = form.get("url").or_else(|| exchange.head.query.get("url")).unwrap_or_default();
    if url.is_empty() {
        return Err(Refusal::bad_request("missing url POST param").into());
    }
    Ok(String::from_utf8_lossy(url).into_owned())
}

/// An archive being unpacked while it arrives.
struct Unpacking {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    task: JoinHandle<Result<Extracted, ArchiveError>>,
    result: Option<Result<Extracted, ArchiveError>>,
    base: PathBuf,
    /// A part of a tree is removed again: nothing else was there.
    wipe: bool,
    aware: bool,
    /// What Go's clients send is left alone, as by Go's buildlets: they may send several into one place.
    write: Option<TreeWrite>,
}

impl Unpacking {
    fn begin(exchange: &Exchange<'_>, base: PathBuf, write: TreeWrite) -> Result<Self, Refusal> {
        let aware = exchange.head.flag(headers::MUSTER);
        let mut entries = std::fs::read_dir(&base).map_err(|error| Refusal::io("reading the directory", &error))?;
        let wipe = aware && entries.next().is_none();
        let symlinks = if exchange.head.flag(headers::SYMLINKS) { Symlinks::Keep } else { Symlinks::Ignore };
        let compression = if aware { None } else { Some(Compression::Gzip) };
        let options = ExtractOptions { symlinks, compression, ..ExtractOptions::default() };
        let (pieces, receiver) = channel();
        let into = base.clone();
        let task = tokio::task::spawn_blocking(move || extract(BlockingReader::new(receiver), &into, &options));
        Ok(Unpacking { pieces, task, result: None, base, wipe, aware, write: aware.then_some(write) })
    }

    /// The next piece; or a refusal, once the place is another's.
    async fn next<T>(&self, piece: impl Future<Output = Result<T, Fail>>) -> Result<T, Fail> {
        let stopped = async {
            match &self.write {
                Some(write) => write.stopped().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Refusal::new(409, "given up: another request makes or removes what is there").into()),
            piece = piece => piece,
        }
    }

    /// Ends it in its middle: what was sent so far must not be taken for the whole.
    async fn give_up(self) {
        let _ = self.pieces.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
        let _ = self.end(false).await;
    }

    async fn receive(mut self, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
        let mut hasher = ring::digest::Context::new(&ring::digest::SHA256);
        loop {
            let chunk = match self.next(async { Ok(exchange.chunk().await?) }).await {
                Ok(chunk) => chunk,
                Err(fail) => {
                    self.give_up().await;
                    return Err(fail);
                }
            };
            let Some(chunk) = chunk else { break };
            if self.aware {
                hasher.update(&chunk);
            }
            // Where the archive ended before the body did, the rest is only counted.
            if self.result.is_none() && self.pieces.send(Ok(chunk)).await.is_err() {
                let refused = self.wait().await?.is_err();
                if refused {
                    return self.end(true).await;
                }
            }
        }
        let told = exchange.trailer(headers::DIGEST).or_else(|| exchange.head.text(headers::DIGEST));
        let good = !self.aware || told.is_none_or(|told| told == hex::encode(hasher.finish()));
        self.end(good).await
    }

    /// Waits for the end of unpacking.
    async fn wait(&mut self) -> Result<&Result<Extracted, ArchiveError>, Fail> {
        let result = match self.result.take() {
            Some(result) => result,
            None => (&mut self.task).await.map_err(io::Error::other)?,
        };
        Ok(self.result.insert(result))
    }

    async fn fetch(self, state: &AgentState, url: &str) -> Result<(), Fail> {
        let failed = |error: &reqwest::Error| Refusal::new(500, format!("fetching URL {url}: {}", chain(error)));
        let fetcher = state.fetcher().map_err(|error| failed(&error))?;
        let asked = async { fetcher.get(url).send().await.map_err(|error| failed(&error).into()) };
        let mut response = self.next(asked).await?;
        if response.status() != reqwest::StatusCode::OK {
            let text = format!("writetgz: fetching provided URL {url:?}: {}", response.status());
            return Err(Refusal::new(500, text).into());
        }
        loop {
            match self.next(async { response.chunk().await.map_err(|error| failed(&error).into()) }).await {
                Ok(Some(chunk)) => {
                    if self.pieces.send(Ok(chunk)).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(fail) => {
                    self.give_up().await;
                    return Err(fail);
                }
            }
        }
        self.end(true).await
    }

    async fn end(mut self, digest_good: bool) -> Result<(), Fail> {
        let (closed, _) = mpsc::channel(1);
        self.pieces = closed;
        self.wait().await?;
        let Unpacking { result, base, wipe, .. } = self;
        let result = result.ok_or_else(|| io::Error::other("unpacking has no result"))?;
        let refusal = match &result {
            Ok(extracted) if digest_good => {
                tracing::debug!(?extracted, base = %base.display(), "unpacked an archive");
                return Ok(());
            }
            Ok(_) => Refusal::bad_request("the digest of what came is another than was told"),
            Err(error) => Refusal::from(error),
        };
        if wipe {
            let wiped = tokio::task::spawn_blocking(move || remove_content(&base)).await.map_err(io::Error::other)?;
            if let Err(error) = wiped {
                tracing::error!(%error, "a part of a tree could not be removed");
            }
        }
        Err(refusal.into())
    }
}

/// Packs a directory.
pub(crate) async fn tgz(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    require(exchange, "GET")?;
    let relative = exchange.head.query.get("dir").and_then(paths::relative);
    let relative = relative.ok_or_else(|| Refusal::bad_request("bogus dir"))?;
    let base = inside(state, &relative, "bogus dir")?;
    if !base.is_dir() {
        return Err(Refusal::new(500, format!("Walk error: {} is not a directory", base.display())).into());
    }
    let aware = exchange.head.flag(headers::MUSTER);
    let compression = match exchange.head.text("accept-encoding") {
        Some("zstd") if aware => Compression::Zstd,
        Some("tar") if aware => Compression::None,
        Some(_) | None => Compression::Gzip,
    };
    let kind = match compression {
        Compression::Gzip => "application/x-gzip",
        Compression::Zstd => "application/zstd",
        Compression::None => "application/x-tar",
    };
    let (sender, mut pieces) = channel();
    let task = tokio::task::spawn_blocking(move || {
        let mut writer = BlockingWriter::new(sender);
        pack(&base, &mut writer, &PackOptions::new(compression))?;
        writer.flush().map_err(|source| ArchiveError::Output { source })
    });
    let mut fields = vec![("Content-Type", kind)];
    if aware {
        fields.push(("Trailer", headers::DIGEST));
    }
    let (mut writer, _) = exchange.stream(&fields).await?;
    let mut hasher = ring::digest::Context::new(&ring::digest::SHA256);
    while let Some(piece) = pieces.recv().await {
        let piece = piece?;
        hasher.update(&piece);
        tokio::time::timeout(state.config.limits.stall, writer.chunk(&piece))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    }
    // A tree that cannot be packed whole cuts the connection: the client sees that the archive is not whole.
    task.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
    let digest = hex::encode(hasher.finish());
    let trailers: &[_] = if aware { &[(headers::DIGEST, digest.as_str())] } else { &[] };
    Ok(writer.finish(trailers).await?)
}

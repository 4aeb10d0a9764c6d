//! What commands print, kept in files while the build runs: one for each attempt, as people see it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use engine::{AttemptId, BuildId};
use pool::owned::{self, OwnedFolder};
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::CoordinatorError;
use crate::excerpts::EXCERPT_BYTES;

/// What is kept of one attempt's output: a test that prints without end must not fill the disk.
pub(crate) const KEPT_BYTES: u64 = 64 << 20;

/// Where output is kept.
pub(crate) struct OutputStore {
    folder: OwnedFolder,
    headings: Mutex<Headings>,
}

/// What stands between the bytes of each attempt's output, and where.
type Headings = BTreeMap<AttemptId, Vec<(u64, Piece)>>;

/// An attempt's output as people see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) text: Vec<u8>,
    /// What stands before the byte of this offset.
    pub(crate) headings: Vec<(u64, Piece)>,
}

impl Shown {
    /// Its pieces, a heading before the piece that it heads.
    pub(crate) fn pieces(self) -> Vec<Piece> {
        let Shown { text, headings } = self;
        let mut pieces = Vec::new();
        let mut at = 0;
        for (offset, heading) in headings {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
            pieces.push(Piece::Text(text[at..offset].to_vec()));
            pieces.push(heading);
            at = offset;
        }
        pieces.push(Piece::Text(text[at..].to_vec()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        pieces
    }
}

impl OutputStore {
    /// In a folder of the build's own below `parent`. Those that killed builds left there are removed.
    pub(crate) fn new(parent: &Path, build: BuildId) -> Result<OutputStore, CoordinatorError> {
        // Coordinators with stores of their own count alike, and may share this folder.
        let name = format!("{build}-{}", std::process::id());
        let made = owned::sweep(parent, |_| true, |_| ()).and_then(|()| OwnedFolder::make(parent, &name));
        let folder = made.map_err(|source| CoordinatorError::Output { path: parent.to_owned(), source })?;
        Ok(OutputStore { folder, headings: Mutex::default() })
    }

    fn path(&self, attempt: AttemptId) -> PathBuf {
        self.folder.path().join(format!("{attempt}.log"))
    }

    /// Begins the output of an attempt.
    pub(crate) async fn begin(self: &Arc<Self>, attempt: AttemptId) -> io::Result<AttemptOutput> {
        let file = File::create(self.path(attempt)).await?;
        Ok(AttemptOutput { store: Arc::clone(self), attempt, file, kept: 0, cut: 0 })
    }

    /// An attempt's output with what heads its parts; none if it was not begun here.
    pub(crate) async fn read(&self, attempt: AttemptId) -> io::Result<Option<Shown>> {
        let Some(text) = self.read_from(attempt, 0).await? else { return Ok(None) };
        let headings = self.headings().get(&attempt).cloned().unwrap_or_default();
        Ok(Some(Shown { text, headings }))
    }

    /// The end of an attempt's output, for a report; none if it was not begun here.
    pub(crate) async fn excerpt(&self, attempt: AttemptId) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(attempt);
        let length = tokio::fs::metadata(&path).await.map_or(0, |meta| meta.len());
        self.read_from(attempt, length.saturating_sub(EXCERPT_BYTES)).await
    }

    async fn read_from(&self, attempt: AttemptId, offset: u64) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.path(attempt)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(io::SeekFrom::Start(offset)).await?;
        let mut text = Vec::new();
        file.take(KEPT_BYTES + 4096).read_to_end(&mut text).await?;
        Ok(Some(text))
    }

    /// Removes all of it: the build is over.
    pub(crate) async fn remove(&self) {
        if let Err(error) = tokio::fs::remove_dir_all(self.folder.path()).await {
            tracing::warn!(folder = %self.folder.path().display(), %error, "could not remove the kept output of a build");
        }
    }

    fn headings(&self) -> std::sync::MutexGuard<'_, Headings> {
        self.headings.lock().expect("no holder of this lock can panic")
    }
}

/// A piece of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Piece {
    /// A headline.
    Banner(String),
    /// Where the tests that follow run, in lines of its own.
    Environment(String),
    /// Output.
    Text(Vec<u8>),
}

/// The output of an attempt that runs.
pub(crate) struct AttemptOutput {
    store: Arc<OutputStore>,
    attempt: AttemptId,
    file: File,
    kept: u64,
    cut: u64,
}

impl AttemptOutput {
    /// Keeps output, as far as there is room.
    pub(crate) async fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(KEPT_BYTES - self.kept).unwrap_or(usize::MAX).min(bytes.len());
        self.file.write_all(&bytes[..room]).await?;
        self.kept += room as u64;
        self.cut += (bytes.len() - room) as u64;
        Ok(())
    }

    /// Notes at this place what is no output of a test.
    pub(crate) fn heading(&mut self, heading: Piece) {
        self.store.headings().entry(self.attempt).or_default().push((self.kept, heading));
    }

    /// Ends it; what was cut is said in the output itself and returned.
    pub(crate) async fn finish(mut self) -> io::Result<Option<String>> {
        let note = (self.cut > 0)
            .then(|| format!("output cut after {} MiB; {} more bytes are not kept", KEPT_BYTES >> 20, self.cut));
        if let Some(note) = &note {
            self.file.write_all(format!("\n\n... {note} ...\n").as_bytes()).await?;
        }
        self.file.flush().await?;
        Ok(note)
    }
}

//! The ordered log as a file, framed as its builder asks once the build is over.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use coordinator::ports::LogFormat;
use coordinator::view::{BuildReport, BuildUpdate};

use crate::go2015;

/// A file that receives the ordered log, byte by byte as the commands printed it.
pub struct LogFile {
    path: PathBuf,
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

impl LogFile {
    /// Makes the file anew.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(path: &Path) -> io::Result<LogFile> {
        Ok(LogFile { path: path.to_owned(), out: BufWriter::new(File::create(path)?), failed: None })
    }

    /// Takes in one update. After the first error nothing more is written, so that no gap goes unseen.
    pub fn update(&mut self, update: &BuildUpdate) {
        if let (BuildUpdate::OrderedOutput(bytes), None) = (update, &self.failed) {
            self.failed = self.out.write_all(bytes).err();
        }
    }

    /// Writes what is left, and the frame.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self, report: &BuildReport) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.out.flush()?;
        match &report.log {
            LogFormat::Plain => Ok(()),
            LogFormat::Go2015 { .. } => frame(&self.path, report),
        }
    }
}

/// Puts head and tail around a log. A pipe was read already and is left as it is.
fn frame(path: &Path, report: &BuildReport) -> io::Result<()> {
    let mut log = File::open(path)?;
    let metadata = log.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut whole = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(&mut whole);
    go2015::write_head(report, &mut out)?;
    io::copy(&mut log, &mut out)?;
    go2015::write_tail(report, &mut out)?;
    out.flush()?;
    drop(out);
    whole.as_file().set_permissions(metadata.permissions())?;
    whole.persist(path).map(drop).map_err(|error| error.error)
}

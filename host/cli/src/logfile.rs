//! The ordered log as a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::view::BuildUpdate;

/// A file that receives the ordered log, byte by byte as the commands printed it.
pub struct LogFile {
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

impl LogFile {
    /// Makes the file anew.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(path: &Path) -> io::Result<LogFile> {
        Ok(LogFile { out: BufWriter::new(File::create(path)?), failed: None })
    }

    /// Takes in one update. After the first error nothing more is written, so that no gap goes unseen.
    pub fn update(&mut self, update: &BuildUpdate) {
        if let (BuildUpdate::OrderedOutput(bytes), None) = (update, &self.failed) {
            self.failed = self.out.write_all(bytes).err();
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }
}

//! Files that are whole or not there: each is written beside its place and then moved.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Writes a file, whole.
///
/// # Errors
/// It cannot be written; then what was there before is there still.
pub(crate) fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    // A device or a pipe cannot be replaced, only written to.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return flushed(&File::create(path)?, write);
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".muster-").permissions(readable()).tempfile_in(folder)?;
    flushed(file.as_file(), write)?;
    file.persist(path)?;
    Ok(())
}

/// Writes to a file; the last of it, too, before that is forgotten.
fn flushed(file: &File, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

/// As other programs make files: temporary files are for their owner alone.
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_however_little_is_written() {
        let written = whole(Path::new("/dev/full"), |out| out.write_all(b"little"));
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
    }
}

//! Files that are whole or not there: each is written beside its place and then moved.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Writes a file, whole.
///
/// # Errors
/// It cannot be written; then what was there before is there still.
pub(crate) fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    // A device or a pipe cannot be replaced, only written to.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return write(&mut BufWriter::new(&File::create(path)?));
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".muster-").permissions(readable()).tempfile_in(folder)?;
    write(&mut BufWriter::new(file.as_file()))?;
    file.persist(path)?;
    Ok(())
}

/// As other programs make files: temporary files are for their owner alone.
fn readable() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

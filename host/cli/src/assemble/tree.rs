//! The tree as plugins see it: every path, and the content of small files at its root.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use coordinator::ports::SourceFile;
use snapshot::source::{FileKind, LeftOut, SourceListing};

/// The most paths that a plugin is shown, as its contract says.
pub(crate) const MAX_FILES: usize = 100_000;
/// The largest file whose content a plugin is shown, as its contract says.
pub(crate) const MAX_CONTENT: u64 = 64 << 10;

/// The files of a listing, in order. Beyond the bound those deepest in the tree are left out.
pub(crate) fn plugin_files(listing: &SourceListing) -> Vec<SourceFile> {
    let is_file = |kind: FileKind| !matches!(kind, FileKind::Directory);
    let mut files: Vec<_> = listing.files.iter().filter(|file| is_file(file.kind)).collect();
    if files.len() > MAX_FILES {
        files.sort_by_key(|file| file.path.components().count());
        files.truncate(MAX_FILES);
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    files
        .into_iter()
        .map(|file| {
            let at_root = file.path.components().count() == 1 && file.bytes <= MAX_CONTENT;
            let content = if at_root { read(&listing.root.join(&file.path)) } else { None };
            SourceFile { path: file.path.to_string_lossy().into_owned(), content }
        })
        .collect()
}

/// A file that cannot be read now is shown without content: pushing it will say why.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= MAX_CONTENT).then(|| std::fs::read(path).ok()).flatten()
}

/// What of a tree is pushed.
///
/// # Errors
/// It cannot be read.
pub(crate) async fn listing(tree: &Path, left_out: LeftOut) -> anyhow::Result<Arc<SourceListing>> {
    let of = tree.to_owned();
    let listed = tokio::task::spawn_blocking(move || snapshot::source::list_without(&of, &left_out)).await;
    let listing = listed.context("listing the tree panicked")?;
    Ok(Arc::new(listing.with_context(|| format!("failed to list the tree `{}`", tree.display()))?))
}

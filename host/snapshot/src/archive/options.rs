//! What callers choose about an archive, and what they learn about it.

use std::num::NonZeroUsize;

use crate::walk::Skipped;

/// Entries one archive may hold by default; the largest known source trees with their builds hold about a million.
pub const DEFAULT_MAX_ENTRIES: u64 = 5_000_000;
/// File content one archive may unpack to by default, in bytes: more than any build tree, less than a bomb needs.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 30;
/// Longest name or link target accepted by default, in bytes: Linux's own `PATH_MAX`.
pub const DEFAULT_MAX_PATH_BYTES: usize = 4096;
/// Most compression threads of one archive; each costs about 2 MiB and disks are slower than sixteen of them.
pub const MAX_THREADS: usize = 16;

/// How a tar stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Plain tar.
    None,
    /// Gzip of many members, one per MiB of tar, as x/build peers expect.
    Gzip,
    /// One zstd frame with a checksum, between Muster peers.
    Zstd,
}

impl Compression {
    /// The name people use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "tar",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// The usual end of a file name: `tar`, `tar.gz` or `tar.zst`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Compression::None => "tar",
            Compression::Gzip => "tar.gz",
            Compression::Zstd => "tar.zst",
        }
    }
}

/// What unpacking does with symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symlinks {
    /// Make them, wherever they point; they are never followed.
    Keep,
    /// Leave them out and count them, as x/build's buildlet does.
    Ignore,
}

/// The bounds of one extraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most headers, extension headers included.
    pub entries: u64,
    /// Most bytes of file content.
    pub bytes: u64,
    /// Longest name and longest link target, in bytes.
    pub path_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { entries: DEFAULT_MAX_ENTRIES, bytes: DEFAULT_MAX_BYTES, path_bytes: DEFAULT_MAX_PATH_BYTES }
    }
}

/// How to unpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractOptions {
    /// What becomes of symbolic links.
    pub symlinks: Symlinks,
    /// The bounds.
    pub limits: Limits,
    /// The only compression accepted; `None` accepts all, told apart by their first bytes.
    pub compression: Option<Compression>,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        ExtractOptions { symlinks: Symlinks::Keep, limits: Limits::default(), compression: None }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extracted {
    /// Regular files written, hard links included.
    pub files: u64,
    /// Directory entries met (parents made on the way are not counted).
    pub directories: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Symbolic links left out because of [`Symlinks::Ignore`].
    pub symlinks_ignored: u64,
    /// Bytes of file content.
    pub bytes: u64,
}

/// How to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOptions {
    /// The compression of the stream.
    pub compression: Compression,
    /// Threads that compress gzip, at most [`MAX_THREADS`]; `None` takes the machine's available cores.
    pub threads: Option<NonZeroUsize>,
}

impl PackOptions {
    /// Packs with this compression on all available cores.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        PackOptions { compression, threads: None }
    }

    /// The number of compression threads to start.
    pub(super) fn threads(&self) -> usize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get).min(MAX_THREADS)
    }
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of file content.
    pub bytes: u64,
    /// Bytes written to the output, after compression.
    pub written: u64,
    /// Sockets, pipes and devices, which no archive can hold.
    pub skipped: Skipped,
}

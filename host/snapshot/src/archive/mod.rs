//! Tar streams in and out: what may be unpacked, what is packed, and how it is compressed.
//!
//! The rules of unpacking hold against a hostile archive: no name in it can reach outside the destination, because
//! every parent is opened one component at a time and symbolic links are never followed, whether the archive brought
//! them or they lay there before. The functions block; async callers run them with `spawn_blocking` over a pipe.

mod options;

mod extract;
mod pack;

mod compress;
mod name;
mod pargzip;
mod tar_reader;
mod tar_writer;
mod tree;

pub use compress::repack;
pub use extract::extract;
pub use options::{
    Compression, DEFAULT_MAX_BYTES, DEFAULT_MAX_ENTRIES, DEFAULT_MAX_PATH_BYTES, ExtractOptions, Extracted, Limits,
    MAX_THREADS, PackOptions, Packed, Symlinks,
};
pub use pack::{pack, pack_files};
pub use pargzip::ParallelGzip;

pub(crate) use name::SafeName;
pub(crate) use pack::{Packer, open_regular};
pub(crate) use tree::Tree;

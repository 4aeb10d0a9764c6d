//! Picks the decoder by the first bytes, and the encoder by choice.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::bufread::MultiGzDecoder;

use super::{
    options::{Compression, PackOptions},
    pargzip::ParallelGzip,
};
use crate::error::ArchiveError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Read size of the compressed stream.
const BUFFER_BYTES: usize = 64 * 1024;
/// Largest zstd window accepted, as a power of two: 8 MiB, which the format asks every decoder to bear.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// zstd's own default; higher levels cost more time than they save on a local network.
const ZSTD_LEVEL: i32 = 3;

/// The decoder the first bytes ask for.
pub(super) fn decoder<'r>(
    reader: impl Read + 'r,
    accepted: Option<Compression>,
) -> Result<Box<dyn Read + 'r>, ArchiveError> {
    let read_failed = |source| ArchiveError::Read { source };
    let mut reader = reader;
    let mut magic = [0; 4];
    let count = read_up_to(&mut reader, &mut magic).map_err(read_failed)?;
    let magic = &magic[..count];
    let found = if magic.starts_with(&GZIP_MAGIC) {
        Compression::Gzip
    } else if magic == ZSTD_MAGIC {
        Compression::Zstd
    } else {
        Compression::None
    };
    if let Some(accepted) = accepted
        && accepted != found
    {
        return Err(ArchiveError::WrongCompression { expected: accepted.name(), found: found.name() });
    }
    let whole = io::Cursor::new(magic.to_vec()).chain(reader);
    let buffered = BufReader::with_capacity(BUFFER_BYTES, whole);
    Ok(match found {
        Compression::None => Box::new(buffered),
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Compression::Zstd => Box::new(zstd_decoder(buffered).map_err(read_failed)?),
    })
}

/// Packs an archive of any compression anew as `options` say, unlooked at. It blocks. Returns its length uncompressed.
///
/// # Errors
///
/// Where the archive cannot be read to its end, or the output fails, which then has no end.
pub fn repack(reader: impl Read, writer: impl Write, options: &PackOptions) -> Result<u64, ArchiveError> {
    let mut reader = decoder(reader, None)?;
    let output_failed = |source| ArchiveError::Output { source };
    let mut encoder = Encoder::new(writer, options).map_err(output_failed)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut length = 0;
    loop {
        let count = read_up_to(&mut reader, &mut buffer).map_err(|source| ArchiveError::Read { source })?;
        if count == 0 {
            break;
        }
        encoder.write_all(&buffer[..count]).map_err(output_failed)?;
        length += count as u64;
    }
    encoder.finish().map_err(output_failed)?;
    Ok(length)
}

/// A compressing writer.
pub(super) enum Encoder<W: Write> {
    None(W),
    Gzip(ParallelGzip<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(writer: W, options: &PackOptions) -> io::Result<Self> {
        Ok(match options.compression {
            Compression::None => Encoder::None(writer),
            Compression::Gzip => Encoder::Gzip(ParallelGzip::new(writer, options.threads())),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(writer, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }

    /// Ends the stream and gives the output back, flushed.
    pub(super) fn finish(self) -> io::Result<W> {
        let mut writer = match self {
            Encoder::None(writer) => writer,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        writer.flush()?;
        Ok(writer)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(writer) => writer.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::None(writer) => writer.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}

fn zstd_decoder<'r>(reader: impl BufRead + 'r) -> io::Result<impl Read + 'r> {
    let mut decoder = zstd::Decoder::with_buffer(reader)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match reader.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

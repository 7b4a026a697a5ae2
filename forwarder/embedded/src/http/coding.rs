//! Content encodings: what a request's body comes in, what an answer's body goes out in.
//!
//! Both directions work piece by piece, so neither a batch nor a result is unpacked in memory as a whole.

use std::io::{self, Cursor, Read, Write};

use bytes::Bytes;
use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::FrameEncoder;

use super::blocks;

/// How an answer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    /// ClickHouse's own blocks, which no header names.
    Blocks,
    Lz4,
    Zstd,
    Gzip,
    Deflate,
}

/// Packs an answer; everything given is complete in what came out so far, so a client can read a row as soon as it is sent.
pub(super) enum Encoder {
    Plain,
    Blocks,
    Lz4(Box<FrameEncoder<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

/// The cheapest first: the other end is on this machine.
const OFFERED: &[(&str, Coding)] =
    &[("lz4", Coding::Lz4), ("zstd", Coding::Zstd), ("gzip", Coding::Gzip), ("deflate", Coding::Deflate)];

impl Coding {
    /// From an `Accept-Encoding` header.
    pub(super) fn accepted(header: &str) -> Coding {
        let accepts = |name: &str| {
            header.split(',').any(|item| {
                let (coding, quality) = item.split_once(';').unwrap_or((item, ""));
                let refused = quality.trim().trim_start_matches("q=").parse::<f32>() == Ok(0.0);
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        OFFERED.iter().find(|(name, _)| accepts(name)).map_or(Coding::Plain, |(_, coding)| *coding)
    }

    /// For the `Content-Encoding` header.
    pub(super) fn name(self) -> Option<&'static str> {
        OFFERED.iter().find(|(_, coding)| *coding == self).map(|(name, _)| *name)
    }

    pub(super) fn encoder(self) -> io::Result<Encoder> {
        let level = flate2::Compression::fast();
        Ok(match self {
            Coding::Plain => Encoder::Plain,
            Coding::Blocks => Encoder::Blocks,
            Coding::Lz4 => Encoder::Lz4(Box::new(FrameEncoder::new(Vec::new()))),
            Coding::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Coding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), level)),
            Coding::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), level)),
        })
    }
}

impl Encoder {
    pub(super) fn push(&mut self, data: Vec<u8>) -> io::Result<Vec<u8>> {
        fn through<W: Write>(
            writer: &mut W,
            data: &[u8],
            out: impl FnOnce(&mut W) -> &mut Vec<u8>,
        ) -> io::Result<Vec<u8>> {
            writer.write_all(data)?;
            writer.flush()?;
            Ok(std::mem::take(out(writer)))
        }
        match self {
            Encoder::Plain => Ok(data),
            Encoder::Blocks => Ok(blocks::pack(&data)),
            Encoder::Lz4(writer) => through(writer.as_mut(), &data, FrameEncoder::get_mut),
            Encoder::Zstd(writer) => through(writer, &data, zstd::stream::write::Encoder::get_mut),
            Encoder::Gzip(writer) => through(writer, &data, GzEncoder::get_mut),
            Encoder::Deflate(writer) => through(writer, &data, ZlibEncoder::get_mut),
        }
    }

    /// What the encoding still owes.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Plain | Encoder::Blocks => Ok(Vec::new()),
            Encoder::Lz4(writer) => writer.finish().map_err(io::Error::other),
            Encoder::Zstd(writer) => writer.finish(),
            Encoder::Gzip(writer) => writer.finish(),
            Encoder::Deflate(writer) => writer.finish(),
        }
    }
}

/// The plain content of a body, by its `Content-Encoding`; `None` for an encoding nobody here knows.
pub(super) fn decode(body: Bytes, encoding: &str, blocks: bool) -> Option<io::Result<Box<dyn Read + Send>>> {
    let body = Cursor::new(body);
    let plain: io::Result<Box<dyn Read + Send>> = match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Box::new(body)),
        "gzip" | "x-gzip" => Ok(Box::new(flate2::read::MultiGzDecoder::new(body))),
        "deflate" => Ok(Box::new(flate2::read::ZlibDecoder::new(body))),
        "lz4" => Ok(Box::new(lz4_flex::frame::FrameDecoder::new(body))),
        "zstd" => match zstd::stream::read::Decoder::new(body) {
            Ok(decoder) => Ok(Box::new(decoder)),
            Err(error) => Err(error),
        },
        _ => return None,
    };
    let unpack =
        |plain| if blocks { Box::new(blocks::Unpack::new(plain)) as Box<dyn Read + Send> } else { plain };
    Some(plain.map(unpack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_comes_back_whole_and_piece_by_piece() {
        for coding in
            [Coding::Plain, Coding::Blocks, Coding::Lz4, Coding::Zstd, Coding::Gzip, Coding::Deflate]
        {
            let mut encoder = coding.encoder().unwrap();
            let mut packed = encoder.push(b"first ".to_vec()).unwrap();
            assert!(!packed.is_empty(), "{coding:?} kept a row back");
            packed.extend(encoder.push(vec![b'x'; 3 << 20]).unwrap());
            packed.extend(encoder.finish().unwrap());
            let source = decode(packed.into(), coding.name().unwrap_or(""), coding == Coding::Blocks);
            let mut text = String::new();
            source.unwrap().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text.len(), 6 + (3 << 20), "{coding:?}");
            assert!(text.starts_with("first xxx"));
        }
    }

    #[test]
    fn the_cheapest_accepted_coding_is_taken() {
        assert_eq!(Coding::accepted("gzip, deflate, br, zstd"), Coding::Zstd);
        assert_eq!(Coding::accepted("LZ4"), Coding::Lz4);
        assert_eq!(Coding::accepted("lz4;q=0, gzip;q=0.5"), Coding::Gzip);
        assert_eq!(Coding::accepted("br"), Coding::Plain);
        assert!(decode(Bytes::new(), "br", false).is_none());
    }
}

//! Content codings of playlists: gzip, deflate, br and zstd, read within a bound.
//!
//! Invariant: what unpacks to more than is read is refused as a whole, however small it is packed; nothing is cut.
//! Deliberately absent: coding. A playlist that is changed goes out without one.

use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The most codings on top of each other.
const MAX_CODINGS: usize = 3;

/// Why a coded body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodingError {
    #[error("its content coding {0:?} is none that is read")]
    Unknown(String),
    #[error("it unpacks to more than the {} MiB that are read", .0 >> 20)]
    TooLong(usize),
    #[error("it does not unpack: {0}")]
    Broken(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Whether a body is coded at all.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    codings(headers).map_or(true, |codings| !codings.is_empty())
}

/// The body without its codings, if it is not longer than this then.
pub(super) fn decode(headers: &HeaderMap, body: &Bytes, most: usize) -> Result<Bytes, CodingError> {
    let codings = codings(headers)?;
    if codings.is_empty() {
        return Ok(body.clone());
    }
    let mut text = Vec::new();
    let limit = most as u64 + 1;
    let unpacked = reader(&codings, body).and_then(|reader| reader.take(limit).read_to_end(&mut text));
    unpacked.map_err(|error| CodingError::Broken(error.to_string()))?;
    if text.len() > most {
        return Err(CodingError::TooLong(most));
    }
    Ok(text.into())
}

/// Why nothing of a body could be unpacked, if so; `head` is how it begins.
pub(super) fn why_unreadable(headers: &HeaderMap, head: &[u8]) -> Option<CodingError> {
    let codings = match codings(headers) {
        Ok(codings) => codings,
        Err(error) => return Some(error),
    };
    let read = reader(&codings, head).and_then(|mut reader| reader.read(&mut [0]));
    read.err().map(|error| CodingError::Broken(error.to_string()))
}

/// As much of the beginning, without its codings, as these first bytes of the body give.
pub(super) fn decode_beginning(headers: &HeaderMap, head: &[u8], most: usize) -> Vec<u8> {
    let Ok(codings) = codings(headers) else { return Vec::new() };
    if codings.is_empty() {
        return head.get(..most).unwrap_or(head).to_vec();
    }
    let mut text = Vec::new();
    let mut piece = [0; 4_096];
    let Ok(mut reader) = reader(&codings, head) else { return text };
    // What comes after an error has not come yet.
    while text.len() < most
        && let Ok(count @ 1..) = reader.read(&mut piece)
    {
        text.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    text
}

/// The codings in the order in which they are to be taken off.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, CodingError> {
    let mut codings = Vec::new();
    for field in headers.get_all(CONTENT_ENCODING) {
        let names = String::from_utf8_lossy(field.as_bytes()).to_ascii_lowercase();
        for name in names.split(',').map(str::trim) {
            codings.push(match name {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                other => return Err(CodingError::Unknown(other.to_owned())),
            });
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(CodingError::Unknown(format!("{} codings on top of each other", codings.len())));
    }
    codings.reverse();
    Ok(codings)
}

fn reader<'b>(codings: &[Coding], body: &'b [u8]) -> io::Result<Box<dyn Read + 'b>> {
    let mut reader: Box<dyn Read + 'b> = Box::new(body);
    for coding in codings {
        reader = match coding {
            Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(reader)),
            Coding::Deflate => inflate(reader)?,
            Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(reader, 4_096)),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(reader)?),
        };
    }
    Ok(reader)
}

/// Servers send either form of `deflate`, with the header of zlib or without (RFC 9110 §8.4.1.2).
fn inflate<'b>(mut coded: Box<dyn Read + 'b>) -> io::Result<Box<dyn Read + 'b>> {
    let mut first = Vec::new();
    coded.by_ref().take(2).read_to_end(&mut first)?;
    let is_zlib = begins_like_zlib(&first);
    let whole = io::Cursor::new(first).chain(coded);
    Ok(match is_zlib {
        true => Box::new(flate2::read::ZlibDecoder::new(whole)),
        false => Box::new(flate2::read::DeflateDecoder::new(whole)),
    })
}

/// RFC 1950 §2.2: method 8, and a check of the two first bytes.
fn begins_like_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use rebuffer_media::MAX_PLAYLIST_BYTES;

    use super::*;

    const TEXT: &[u8] = b"#EXTM3U\n#EXTINF:4,\na.ts\n";
    /// `TEXT` as `brotli` packs it.
    const BROTLI: &[u8] = &[
        0x8b, 0x0b, 0x80, 0x23, 0x45, 0x58, 0x54, 0x4d, 0x33, 0x55, 0x0a, 0x23, 0x45, 0x58, 0x54, 0x49, 0x4e,
        0x46, 0x3a, 0x34, 0x2c, 0x0a, 0x61, 0x2e, 0x74, 0x73, 0x0a, 0x03,
    ];

    fn headers(coding: &str) -> HeaderMap {
        [(CONTENT_ENCODING, coding.parse().unwrap())].into_iter().collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn packed() -> Vec<(&'static str, Vec<u8>)> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(TEXT).unwrap();
        vec![
            ("", TEXT.to_vec()),
            ("identity", TEXT.to_vec()),
            ("gzip", gzip(TEXT)),
            ("X-GZIP", gzip(TEXT)),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("br", BROTLI.to_vec()),
            ("zstd", zstd::encode_all(TEXT, 3).unwrap()),
            ("gzip, gzip", gzip(&gzip(TEXT))),
        ]
    }

    #[test]
    fn every_coding_is_read_whole_and_from_its_beginning() {
        for (coding, body) in packed() {
            let body = Bytes::from(body);
            assert_eq!(decode(&headers(coding), &body, MAX_PLAYLIST_BYTES).as_deref(), Ok(TEXT), "{coding}");
            assert_eq!(
                decode_beginning(&headers(coding), &body, 7).get(..7),
                Some(&b"#EXTM3U"[..]),
                "{coding}"
            );
        }
    }

    #[test]
    fn what_unpacks_to_more_than_is_read_is_refused_and_not_cut() {
        let body = Bytes::from(gzip(&vec![b' '; MAX_PLAYLIST_BYTES + 1]));
        assert_eq!(
            decode(&headers("gzip"), &body, MAX_PLAYLIST_BYTES),
            Err(CodingError::TooLong(MAX_PLAYLIST_BYTES))
        );
        let fits = Bytes::from(gzip(&vec![b' '; MAX_PLAYLIST_BYTES]));
        assert_eq!(
            decode(&headers("gzip"), &fits, MAX_PLAYLIST_BYTES).map(|text| text.len()),
            Ok(MAX_PLAYLIST_BYTES)
        );
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let body = Bytes::from_static(b"not packed");
        assert_eq!(
            decode(&headers("lzw"), &body, MAX_PLAYLIST_BYTES),
            Err(CodingError::Unknown("lzw".to_owned()))
        );
        assert!(matches!(decode(&headers("gzip"), &body, MAX_PLAYLIST_BYTES), Err(CodingError::Broken(_))));
        for (coding, is_readable) in [("gzip", false), ("lzw", false), ("", true)] {
            assert_eq!(why_unreadable(&headers(coding), &body).is_none(), is_readable, "{coding}");
        }
        assert_eq!(why_unreadable(&headers("gzip"), &gzip(b"media")), None);
        let four = headers("gzip, gzip, gzip, gzip");
        assert!(matches!(decode(&four, &body, MAX_PLAYLIST_BYTES), Err(CodingError::Unknown(_))));
    }
}

//! ClickHouse's own compressed framing (`compress=1`, `decompress=1`).
//!
//! A block: CityHash128 (version 1.0.2) of the rest, high half first; a method byte; the length of header and payload; the length
//! unpacked; the payload. All numbers are little-endian.

use std::io::{self, Read};

const CHECKSUM: usize = 16;
/// The method byte and the two lengths.
const HEADER: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const STORED: u8 = 0x02;
/// What a block may say about itself before it is believed.
const LONGEST: usize = 256 << 20;
/// What goes into one block of ours.
const OUR_BLOCK: usize = 1 << 20;

/// Packs the data into LZ4 blocks.
pub(super) fn pack(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(data.len() / 2 + CHECKSUM + HEADER);
    for chunk in data.chunks(OUR_BLOCK) {
        let payload = lz4_flex::block::compress(chunk);
        let mut block = Vec::with_capacity(payload.len() + HEADER);
        block.push(LZ4);
        block.extend_from_slice(&length(payload.len() + HEADER));
        block.extend_from_slice(&length(chunk.len()));
        block.extend_from_slice(&payload);
        packed.extend_from_slice(&checksum(&block));
        packed.extend_from_slice(&block);
    }
    packed
}

/// Reads blocks from a stream and gives what was in them.
#[derive(Debug)]
pub(super) struct Unpack<R> {
    source: R,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Unpack<R> {
    pub(super) fn new(source: R) -> Unpack<R> {
        Unpack { source, block: Vec::new(), at: 0 }
    }

    /// The next block into `block`; false at the end of the stream.
    fn next_block(&mut self) -> io::Result<bool> {
        let mut head = [0; CHECKSUM + HEADER];
        let got = read_up_to(&mut self.source, &mut head)?;
        if got == 0 {
            return Ok(false);
        }
        if got < head.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (sum, header) = head.split_at(CHECKSUM);
        let (packed, unpacked) = (number(&header[1..5]), number(&header[5..9]));
        if !(HEADER..=LONGEST).contains(&packed) || unpacked > LONGEST {
            return Err(invalid("a compressed block of impossible length"));
        }
        let mut block = header.to_vec();
        let wanted = packed - HEADER;
        let got = Read::take(&mut self.source, u64::try_from(wanted).unwrap_or(u64::MAX))
            .read_to_end(&mut block)?;
        if got < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if checksum(&block) != sum {
            return Err(invalid("a compressed block with a wrong checksum"));
        }
        self.block = unpack(block[0], &block[HEADER..], unpacked)?;
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Unpack<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let count = (&self.block[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

fn unpack(method: u8, payload: &[u8], length: usize) -> io::Result<Vec<u8>> {
    let data = match method {
        LZ4 => lz4_flex::block::decompress(payload, length).map_err(|_| invalid("a damaged LZ4 block"))?,
        ZSTD => zstd::bulk::decompress(payload, length)?,
        STORED => payload.to_vec(),
        _ => return Err(invalid("a block with an unknown compression method")),
    };
    if data.len() == length {
        Ok(data)
    } else {
        Err(invalid("a compressed block of another length than it says"))
    }
}

fn checksum(block: &[u8]) -> [u8; CHECKSUM] {
    let hash = cityhash_rs::cityhash_102_128(block);
    let mut sum = [0; CHECKSUM];
    sum[..8].copy_from_slice(&hash.to_be_bytes()[..8]);
    sum[8..].copy_from_slice(&hash.to_be_bytes()[8..]);
    sum[..8].reverse();
    sum[8..].reverse();
    sum
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a block of ours is at most a few MiB").to_le_bytes()
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack_all(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        Unpack::new(packed).read_to_end(&mut data).map(|_| data)
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for size in [0, 1, 1000, OUR_BLOCK, OUR_BLOCK + 1, 3 * OUR_BLOCK + 17] {
            let data: Vec<u8> = (0..size).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
            assert_eq!(unpack_all(&pack(&data)).unwrap(), data, "{size} bytes");
        }
    }

    #[test]
    fn blocks_of_the_other_methods_are_read() {
        for (method, payload) in [(STORED, b"abc".to_vec()), (ZSTD, zstd::bulk::compress(b"abc", 1).unwrap())]
        {
            let mut block = vec![method];
            block.extend_from_slice(&length(payload.len() + HEADER));
            block.extend_from_slice(&length(3));
            block.extend_from_slice(&payload);
            let packed = [checksum(&block).to_vec(), block].concat();
            assert_eq!(unpack_all(&packed).unwrap(), b"abc");
        }
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let packed = pack(b"some data, some data, some data");
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            assert!(unpack_all(&damaged).is_err(), "byte {at}");
            if at > 0 {
                assert!(unpack_all(&packed[..at]).is_err(), "cut at {at}");
            }
        }
    }
}

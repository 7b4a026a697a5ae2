//! ISO base media boxes: walks the children of a box, finds one by its path of types, and writes one.
//!
//! Invariant: each range handed out lies inside the input, whatever the input is.
//! Deliberately absent: the meaning of any box, which is `clip`'s, and the 64-bit sizes our clips never need.

use std::ops::Range;

/// Where one box lies in the buffer it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: [u8; 4],
    /// Header and content.
    pub(crate) whole: Range<usize>,
    /// What follows size and type.
    pub(crate) content: Range<usize>,
}

/// The bytes at an offset are not a whole box.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no whole box at byte {0}")]
pub(crate) struct Malformed(pub(crate) usize);

const HEADER: usize = 8;

/// The boxes that lie side by side in `span` of `data`.
pub(crate) fn children(data: &[u8], span: Range<usize>) -> Result<Vec<Found>, Malformed> {
    let mut found = Vec::new();
    let mut at = span.start;
    while at < span.end {
        let size = read_u32(data, at).and_then(|size| usize::try_from(size).ok()).ok_or(Malformed(at))?;
        let kind = array(data, at + 4).ok_or(Malformed(at))?;
        let end = at.checked_add(size).ok_or(Malformed(at))?;
        if size < HEADER || end > span.end.min(data.len()) {
            return Err(Malformed(at));
        }
        found.push(Found { kind, whole: at..end, content: at + HEADER..end });
        at = end;
    }
    Ok(found)
}

/// The first box reached from `span` by descending through `path`, if there is one.
pub(crate) fn find(data: &[u8], span: Range<usize>, path: &[&[u8; 4]]) -> Result<Option<Found>, Malformed> {
    let Some((kind, rest)) = path.split_first() else { return Ok(None) };
    let Some(child) = children(data, span)?.into_iter().find(|child| child.kind == **kind) else {
        return Ok(None);
    };
    if rest.is_empty() { Ok(Some(child)) } else { find(data, child.content, rest) }
}

/// Size and type of a box that holds so many bytes.
pub(crate) fn header(kind: &[u8; 4], content: usize) -> [u8; HEADER] {
    let size = u32::try_from(HEADER + content)
        .expect("no box is larger than its clip, or than the rate of a segment");
    let ([a, b, c, d], [e, f, g, h]) = (size.to_be_bytes(), *kind);
    [a, b, c, d, e, f, g, h]
}

/// A whole box.
pub(crate) fn write(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&header(kind, content.len()), content].concat()
}

pub(crate) fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(u32::from_be_bytes)
}

pub(crate) fn read_u64(data: &[u8], at: usize) -> Option<u64> {
    array(data, at).map(u64::from_be_bytes)
}

fn array<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_box_is_found_behind_its_siblings() {
        let traf = write(b"traf", &[write(b"tfhd", &[1]), write(b"tfdt", &[2, 3])].concat());
        let data = [write(b"styp", &[9; 4]), write(b"moof", &traf)].concat();
        let tfdt = find(&data, 0..data.len(), &[b"moof", b"traf", b"tfdt"]).unwrap().unwrap();
        assert_eq!(data[tfdt.content.clone()], [2, 3]);
        assert_eq!(tfdt.content.start, tfdt.whole.start + HEADER);
        assert_eq!(find(&data, 0..data.len(), &[b"moof", b"mdat"]).unwrap(), None);
    }

    #[test]
    fn sizes_that_lie_are_errors_and_not_panics() {
        let mut beyond = write(b"free", &[0; 4]);
        beyond[3] += 1;
        assert_eq!(children(&beyond, 0..beyond.len()), Err(Malformed(0)));
        assert_eq!(children(&[0, 0, 0, 7, b'f', b'r', b'e', b'e'], 0..8), Err(Malformed(0)));
        assert_eq!(children(&write(b"free", &[0; 3]), 0..99), Err(Malformed(11)));
    }
}

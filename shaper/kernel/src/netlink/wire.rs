//! Netlink messages as bytes: headers, attributes, answers.
//!
//! Invariant: what is written is aligned and its lengths are right; what is read is checked against its length, and
//! bytes that are no message end the reading.
//! Deliberately absent: what a message means.

/// Asks for something.
pub(crate) const REQUEST: u16 = 1;
const ACK: u16 = 4;
/// Sends the answer also to the one who asked.
pub(crate) const ECHO: u16 = 8;
/// Asks for everything of a kind.
pub(crate) const DUMP: u16 = 0x300;
/// Puts it in the place of what is there.
pub(crate) const REPLACE: u16 = 0x100;
/// Fails if it is there.
pub(crate) const EXCL: u16 = 0x200;
/// Makes it if it is not there.
pub(crate) const CREATE: u16 = 0x400;
/// Puts it behind what is there.
pub(crate) const APPEND: u16 = 0x800;

const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const ACK_TLVS: u16 = 0x200;
const ERROR_TEXT: u16 = 1;
const TYPE_MASK: u16 = 0x3fff;
const INTERRUPTED: u16 = 0x10;
const FLAGS: usize = 6;

/// A message being written; asks for an acknowledgement unless it is a dump, which ends by itself.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

/// A message that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'b> {
    pub(crate) sequence: u32,
    /// Whether what is told changed while it was told.
    pub(crate) interrupted: bool,
    pub(crate) body: Body<'b>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body<'b> {
    /// The end of a request, with the error number and the kernel's own words if it failed.
    End { errno: i32, text: Option<String> },
    /// Something that was asked for.
    Data(&'b [u8]),
}

impl Message {
    pub(crate) fn new(kind: u16, flags: u16, sequence: u32) -> Self {
        let ack = if flags & DUMP == DUMP { 0 } else { ACK };
        let mut bytes = Vec::with_capacity(192);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | ack | flags).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        Self { bytes }
    }

    /// A message whose success needs no answer; a failure gets one all the same.
    pub(crate) fn silent(mut self) -> Self {
        let flags = u16_at(&self.bytes, FLAGS).unwrap_or(REQUEST);
        patch(&mut self.bytes, FLAGS, (flags & !ACK).to_ne_bytes());
        self
    }

    /// The fixed part that follows the header.
    pub(crate) fn fixed<const N: usize>(mut self, bytes: [u8; N]) -> Self {
        self.bytes.extend(bytes);
        self.pad();
        self
    }

    pub(crate) fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        self.open(kind, |message| message.bytes.extend(payload));
        self
    }

    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        let mut payload = text.as_bytes().to_vec();
        payload.push(0);
        self.attribute(kind, &payload)
    }

    pub(crate) fn number(self, kind: u16, number: u32) -> Self {
        self.attribute(kind, &number.to_ne_bytes())
    }

    pub(crate) fn nested(mut self, kind: u16, inner: impl FnOnce(Self) -> Self) -> Self {
        self.open(kind, |message| {
            *message = inner(Self { bytes: std::mem::take(&mut message.bytes) });
        });
        self
    }

    /// The finished bytes, ready to stand before those of another message.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        patch(&mut self.bytes, 0, length.to_ne_bytes());
        self.bytes
    }

    fn open(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        inner(self);
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        patch(&mut self.bytes, start, length.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// Asks for an acknowledgement of a finished message that begins at this byte.
pub(crate) fn acknowledge(bytes: &mut [u8], message: usize) {
    let at = message + FLAGS;
    if let Some(flags) = u16_at(bytes, at) {
        patch(bytes, at, (flags | ACK).to_ne_bytes());
    }
}

/// The messages of one datagram.
pub(crate) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = Answer<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let message = bytes.get(..length).filter(|_| length >= HEADER)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        let (kind, flags, sequence) = (u16_at(message, 4)?, u16_at(message, 6)?, u32_at(message, 8)?);
        let payload = &message[HEADER..];
        let body = match kind {
            NLMSG_DONE | NLMSG_ERROR => Body::End {
                errno: i32_at(payload, 0).unwrap_or(0).saturating_neg(),
                text: explanation(kind, flags, payload),
            },
            _ => Body::Data(payload),
        };
        Some(Answer { sequence, interrupted: flags & INTERRUPTED != 0, body })
    })
}

/// The attributes of a message or of one attribute.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & TYPE_MASK;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    })
}

pub(crate) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(other, _)| *other == kind).map(|(_, payload)| payload)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A name as it stands there; none if it is no text.
pub(crate) fn name(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).ok()
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// A number in network order, in which the packet filter speaks.
pub(crate) fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The same, twice as long.
pub(crate) fn be64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

/// The kernel's own words, which follow the error number and, of the request, its header alone (`NETLINK_CAP_ACK`).
fn explanation(kind: u16, flags: u16, payload: &[u8]) -> Option<String> {
    let skip = if kind == NLMSG_ERROR { 4 + HEADER } else { 4 };
    let words = payload.get(skip..).filter(|_| flags & ACK_TLVS != 0)?;
    attribute(words, ERROR_TEXT).map(text).filter(|words| !words.is_empty())
}

fn patch<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let message = Message::new(40, CREATE, 7).fixed([1, 2, 3, 4]).text(1, "htb");
        message.nested(2, |inner| inner.number(5, 9).attribute(6, &[1, 2, 3])).finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample();
        assert_eq!(bytes.len() % 4, 0);
        let two = [bytes.clone(), bytes].concat();
        let answers: Vec<_> = answers(&two).collect();
        assert_eq!(answers.len(), 2);
        let Answer { sequence: 7, interrupted: false, body: Body::Data(payload) } = answers[1] else {
            panic!("{answers:?}")
        };
        let attributes = &payload[4..];
        assert_eq!(attribute(attributes, 1).map(text), Some("htb".to_owned()));
        let inner = attribute(attributes, 2).unwrap();
        assert_eq!(attribute(inner, 5).and_then(|number| u32_at(number, 0)), Some(9));
        assert_eq!(attribute(inner, 6), Some(&[1, 2, 3][..]));
    }

    #[test]
    fn only_dumps_ask_for_no_acknowledgement() {
        let flags = |flags| u16_at(&Message::new(36, flags, 1).finish(), 6).unwrap();
        assert_eq!((flags(DUMP), flags(EXCL)), (REQUEST | DUMP, REQUEST | ACK | EXCL));
    }

    #[test]
    fn a_silent_message_can_be_given_its_voice_again() {
        let before = Message::new(36, CREATE, 1).finish();
        let mut bytes = [before.clone(), Message::new(36, CREATE, 1).silent().finish()].concat();
        assert_eq!(u16_at(&bytes, before.len() + FLAGS), Some(REQUEST | CREATE));
        acknowledge(&mut bytes, before.len());
        assert_eq!(bytes[before.len()..], before);
    }

    #[test]
    fn an_error_carries_the_kernels_words() {
        let mut payload = (-2i32).to_ne_bytes().to_vec();
        payload.extend([0; HEADER]);
        let attribute = Message { bytes: Vec::new() }.text(ERROR_TEXT, "Class not found").bytes;
        payload.extend(attribute);
        let mut bytes = (u32::try_from(HEADER + payload.len()).unwrap()).to_ne_bytes().to_vec();
        bytes.extend(NLMSG_ERROR.to_ne_bytes());
        bytes.extend(ACK_TLVS.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(payload);
        let want = Body::End { errno: 2, text: Some("Class not found".to_owned()) };
        assert_eq!(answers(&bytes).next().unwrap().body, want);
    }

    #[test]
    fn no_prefix_and_no_garbage_panics() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert_eq!(answers(&bytes[..end]).count(), 0, "{end}");
            let _ = attributes(&bytes[end..]).count();
        }
        assert_eq!(answers(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[3, 0, 1, 0, 0, 0, 0, 0]).count(), 0);
    }
}

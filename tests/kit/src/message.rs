//! HTTP/1.1 as bytes: heads, fields and how long a body is. Used by the raw client and by the scripted origin.
//!
//! Invariant: nothing is normalised. Fields keep order and case, and a value is each of its bytes as one `char`.
//! Deliberately absent: sockets.

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    pub name: String,
    pub value: String,
}

/// The lines before a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first line, without its end.
    pub start: String,
    pub fields: Vec<Field>,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Nothing,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Field {
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }

    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl Head {
    /// Takes a head from the front of `buffer`, if a whole one is there.
    pub(crate) fn take(buffer: &mut Vec<u8>) -> Option<Self> {
        let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text: String = buffer.drain(..end + 4).map(char::from).collect();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some(Field::new(name, value.trim_matches([' ', '\t'])))
        });
        Some(Self { start, fields: fields.collect() })
    }

    /// The value of the first field of this name, whatever its case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.is(name)).map(|field| field.value.as_str())
    }

    /// Every value of this name, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|field| field.is(name)).map(|field| field.value.as_str()).collect()
    }

    fn length(&self) -> Option<usize> {
        self.value("content-length")?.parse().ok()
    }

    fn is_chunked(&self) -> bool {
        self.value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    pub(crate) fn framing_of_request(&self) -> Framing {
        if self.is_chunked() {
            return Framing::Chunked;
        }
        self.length().map_or(Framing::Nothing, Framing::Length)
    }

    pub(crate) fn framing_of_answer(&self, status: u16, method: &str) -> Framing {
        if method == "HEAD" || status < 200 || matches!(status, 204 | 304) {
            Framing::Nothing
        } else if self.is_chunked() {
            Framing::Chunked
        } else {
            self.length().map_or(Framing::UntilClose, Framing::Length)
        }
    }
}

/// Appends text as the bytes it stands for.
pub(crate) fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.chars().map(|one| u8::try_from(u32::from(one)).unwrap_or(b'?')));
}

/// Appends header lines and the empty line after them.
pub(crate) fn put_fields(bytes: &mut Vec<u8>, fields: &[Field]) {
    for field in fields {
        put(bytes, &format!("{}: {}\r\n", field.name, field.value));
    }
    put(bytes, "\r\n");
}

/// Appends one chunk of a chunked body; an empty one ends it.
pub(crate) fn put_chunk(bytes: &mut Vec<u8>, data: &[u8]) {
    put(bytes, &format!("{:x}\r\n", data.len()));
    bytes.extend_from_slice(data);
    put(bytes, "\r\n");
}

/// Takes one chunk from the front of `buffer`, if a whole one is there; an empty one ends the body.
pub(crate) fn take_chunk(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let line = buffer.windows(2).position(|window| window == b"\r\n")?;
    let size = std::str::from_utf8(&buffer[..line]).ok()?.split(';').next().unwrap_or_default();
    let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
    if buffer.len() < line + size + 4 {
        return None;
    }
    let chunk = buffer[line + 2..line + 2 + size].to_vec();
    buffer.drain(..line + size + 4);
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_order_case_and_every_byte() {
        let mut buffer = b"GET / HTTP/1.1\r\nX-b: 1\r\nx-A:  \xe9 \r\nX-b: 2\r\n\r\nrest".to_vec();
        let head = Head::take(&mut buffer).unwrap();
        assert_eq!((head.start.as_str(), buffer.as_slice()), ("GET / HTTP/1.1", &b"rest"[..]));
        assert_eq!(head.fields[1], Field::new("x-A", "\u{e9}"));
        assert_eq!(head.values("x-B"), ["1", "2"]);
        assert_eq!(Head::take(&mut buffer), None);
        let mut bytes = Vec::new();
        put_fields(&mut bytes, &head.fields[1..2]);
        assert_eq!(bytes, b"x-A: \xe9\r\n\r\n");
    }

    #[test]
    fn chunks_are_taken_whole() {
        let mut buffer = b"3\r\nabc\r\n0\r\n\r".to_vec();
        assert_eq!(take_chunk(&mut buffer), Some(b"abc".to_vec()));
        assert_eq!(take_chunk(&mut buffer), None);
        buffer.push(b'\n');
        assert_eq!((take_chunk(&mut buffer), buffer.len()), (Some(Vec::new()), 0));
    }
}

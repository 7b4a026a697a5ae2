//! Server-sent events as they come in pieces: bytes in, events out.
//!
//! Invariant: pure; an event is at most [`MAX_EVENT`] long, so a peer that never ends one is an error and not a leak.

/// The most bytes of one event.
const MAX_EVENT: usize = 8 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: String,
}

/// What was sent is not a stream of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotEvents {
    #[error("an event is longer than {MAX_EVENT} bytes")]
    TooLong,
    #[error("an event is not UTF-8")]
    NotText,
}

/// Collects pieces into events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    pending: Vec<u8>,
    /// How much of `pending` holds no end of a line.
    searched: usize,
    event: Event,
    data_lines: usize,
}

impl Parser {
    /// Takes a piece and gives out the events that end in it; comments are swallowed.
    pub(super) fn feed(&mut self, piece: &[u8], mut out: impl FnMut(Event)) -> Result<(), NotEvents> {
        self.pending.extend_from_slice(piece);
        let mut start = 0;
        while let Some(offset) = self.pending[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + offset;
            let line = self.pending[start..end].strip_suffix(b"\r").unwrap_or(&self.pending[start..end]);
            let line = std::str::from_utf8(line).map_err(|_| NotEvents::NotText)?;
            if line.is_empty() {
                if self.data_lines > 0 {
                    out(std::mem::take(&mut self.event));
                }
                self.event = Event::default();
                self.data_lines = 0;
            } else {
                Self::line(&mut self.event, &mut self.data_lines, line);
            }
            start = end + 1;
            self.searched = start;
        }
        self.pending.drain(..start);
        self.searched = self.pending.len();
        if self.pending.len() + self.event.data.len() > MAX_EVENT {
            return Err(NotEvents::TooLong);
        }
        Ok(())
    }

    fn line(event: &mut Event, data_lines: &mut usize, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => value.clone_into(&mut event.id),
            "data" => {
                if *data_lines > 0 {
                    event.data.push('\n');
                }
                event.data.push_str(value);
                *data_lines += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Result<Vec<Event>, NotEvents> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.feed(piece, |event| events.push(event))?;
        }
        Ok(events)
    }

    fn event(name: &str, id: &str, data: &str) -> Event {
        Event { name: name.into(), id: id.into(), data: data.into() }
    }

    const TEXT: &[u8] = b": hello\n\nevent: meta\ndata: {}\n\nid: 7\r\nevent: record\r\ndata: a\r\ndata:b\r\n\r\nevent: none\n\n";

    #[test]
    fn events_come_out_however_they_were_cut() {
        let expected = vec![event("meta", "", "{}"), event("record", "7", "a\nb")];
        assert_eq!(all(&[TEXT]).unwrap(), expected);
        for size in 1..TEXT.len() {
            let pieces: Vec<_> = TEXT.chunks(size).collect();
            assert_eq!(all(&pieces).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_unfinished_event_is_no_event() {
        assert_eq!(all(&[b"id: 1\ndata: x\n"]).unwrap(), []);
    }

    #[test]
    fn what_never_ends_is_an_error() {
        let piece = vec![b'x'; MAX_EVENT];
        assert_eq!(all(&[b"data: ", &piece]), Err(NotEvents::TooLong));
        let line = [b"data: ".as_slice(), &vec![b'x'; MAX_EVENT / 2 + 1], b"\n"].concat();
        assert_eq!(all(&[&line, &line]), Err(NotEvents::TooLong));
        assert_eq!(all(&[b"data: \xff\n\n"]), Err(NotEvents::NotText));
    }
}

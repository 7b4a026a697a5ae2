//! Server-sent events as they come off a bare socket.
//!
//! Invariant: every event comes once, in order, with its own fields; comments are dropped. Deliberately absent: coming back by
//! itself, which is what tests of resuming do by hand.

use std::net::SocketAddr;

use crate::wire::{Ask, Wire, soon};

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: String,
}

/// A stream of events.
#[derive(Debug)]
pub struct Sse {
    wire: Wire,
    text: Vec<u8>,
}

impl Sse {
    /// Subscribes, after `last_seen` if it is given.
    pub async fn open(server: SocketAddr, target: &str, last_seen: Option<&str>) -> Self {
        let mut ask = Ask::get(target).with("Accept", "text/event-stream");
        if let Some(id) = last_seen {
            ask = ask.with("Last-Event-ID", id);
        }
        let mut wire = Wire::connect(server).await;
        wire.send(&ask).await;
        let (head, status) = wire.head().await;
        assert_eq!((status, head.value("content-type")), (200, Some("text/event-stream")), "{head:?}");
        Self { wire, text: Vec::new() }
    }

    /// The next event; `None` when the server ended the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.windows(2).position(|window| window == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(event) = parse(std::str::from_utf8(&block).expect("text")) {
                    return Some(event);
                }
            }
            let chunk = self.wire.chunk().await.filter(|chunk| !chunk.is_empty())?;
            self.text.extend(chunk);
        }
    }

    /// The next event of this name.
    pub async fn named(&mut self, name: &str) -> Event {
        let coming = async {
            loop {
                let event = self.next().await.expect("the stream goes on");
                if event.name == name {
                    return event;
                }
            }
        };
        soon(name, coming).await
    }
}

fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for (field, value) in block.lines().filter_map(|line| line.split_once(':')) {
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = Some(value.to_owned()),
            "event" => event.name.push_str(value),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
    (!event.data.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_fields_and_a_comment_is_none() {
        let event = parse("event: a\nid: 7-1\ndata: {\"b\":\ndata: 1}\n\n");
        let expected =
            Event { id: Some("7-1".to_owned()), name: "a".to_owned(), data: "{\"b\":1}".to_owned() };
        assert_eq!((event, parse(":\n\n")), (Some(expected), None));
    }
}

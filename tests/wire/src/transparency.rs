//! With nothing armed, the rig is not there: the same request gets the same answer with it as without it.
//!
//! Invariant: both sides are compared as bytes; what may differ is named in [`of_the_hop`] and nowhere else.

use std::net::SocketAddr;

use rebuffer_kit::{Answer, Ask, Asked, Ending, Field, Origin, Rig, Setup, Wire, mixed_site, mixed_table};

/// Headers that belong to one connection.
fn of_the_hop(field: &Field) -> bool {
    ["connection", "keep-alive", "transfer-encoding"].iter().any(|name| field.is(name))
}

/// The headers that must be the same: case and value of each, order among those of one name.
fn end_to_end(fields: &[Field]) -> Vec<Field> {
    let mut fields: Vec<Field> = fields.iter().filter(|field| !of_the_hop(field)).cloned().collect();
    fields.sort_by_key(|field| field.name.to_ascii_lowercase());
    fields
}

/// An answer bar what is of its connection: the version, which a proxy answers with its own, and whether it stays open.
fn plain(mut answer: Answer) -> Answer {
    answer.head.fields = end_to_end(&answer.head.fields);
    answer.head.start = answer.head.start.split_off("HTTP/1.x ".len());
    Answer { ending: Ending::Open, ..answer }
}

/// What the origin was asked, bar its own name.
fn understood(asked: &Asked) -> Asked {
    let mut fields = end_to_end(&asked.fields);
    fields.retain(|field| !field.is("host"));
    Asked { fields, ..asked.clone() }
}

/// A way to the origin: one connection for as long as it lasts.
struct Way {
    to: SocketAddr,
    wire: Option<Wire>,
}

impl Way {
    async fn ask(&mut self, ask: &Ask) -> Answer {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::connect(self.to).await,
        };
        let answer = wire.ask(ask).await;
        self.wire = (answer.ending == Ending::Open).then_some(wire);
        answer
    }
}

/// What a request did at both ends: what came back, and what the origin was asked.
async fn exchange(way: &mut Way, origin: &Origin, ask: &Ask) -> (Answer, Vec<Asked>) {
    let answer = way.ask(ask).await;
    (plain(answer), origin.take_asked().iter().map(understood).collect())
}

#[tokio::test]
async fn two_hundred_mixed_requests_are_asked_and_answered_alike() {
    let origin = Origin::serve(mixed_site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut direct = Way { to: origin.address, wire: None };
    let mut through = Way { to: rig.session("reader").await, wire: None };
    for ask in mixed_table() {
        let without = exchange(&mut direct, &origin, &ask).await;
        let with = exchange(&mut through, &origin, &ask).await;
        assert_eq!(without, with, "{ask:?}");
        assert_eq!(with.1.len(), 1, "one request upstream for one of the client: {ask:?}");
    }
}

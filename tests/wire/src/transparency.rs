//! With nothing armed, the rig is not there: the same request gets the same answer with it as without it.
//!
//! Invariant: both sides are compared as bytes; what may differ is named in [`of_the_hop`] and nowhere else.

use rebuffer_kit::{Answer, Asked, Field, Origin, Rig, Setup, Wire, mixed_site, mixed_table};

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

fn seen(answer: &Answer) -> (u16, String, Vec<Field>, Vec<u8>, bool) {
    let fields = end_to_end(&answer.head.fields);
    (answer.status, answer.reason().to_owned(), fields, answer.body.clone(), answer.whole)
}

/// What the origin was asked, bar its own name.
fn understood(asked: &Asked) -> Asked {
    let mut fields = end_to_end(&asked.fields);
    fields.retain(|field| !field.is("host"));
    Asked { fields, ..asked.clone() }
}

#[tokio::test]
async fn two_hundred_mixed_requests_are_answered_alike() {
    let origin = Origin::serve(mixed_site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let session = rig.session("reader").await;
    let mut differences = Vec::new();
    for ask in mixed_table() {
        let direct = seen(&Wire::fetch(origin.address, &ask).await);
        let asked_directly: Vec<_> = origin.take_asked().iter().map(understood).collect();
        let through = seen(&Wire::fetch(session, &ask).await);
        let asked_through: Vec<_> = origin.take_asked().iter().map(understood).collect();
        if direct != through {
            let shorten = |mut seen: (u16, String, Vec<Field>, Vec<u8>, bool)| {
                seen.3.truncate(20);
                seen
            };
            differences.push(format!(
                "{} {}\n  {:?}\n  {:?}",
                ask.method,
                ask.target,
                shorten(direct),
                shorten(through)
            ));
        }
        if asked_directly != asked_through {
            differences.push(format!(
                "{} {}: asked\n  {asked_directly:?}\n  {asked_through:?}",
                ask.method, ask.target
            ));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

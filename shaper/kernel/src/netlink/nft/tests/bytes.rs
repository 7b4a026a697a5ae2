//! What needs no kernel: bytes and layouts, there and back.

use super::super::batch;
use super::super::expression::{Expression, Relation, jump, read_jump};
use super::super::layout::{Aides, Element, Layout, Map, Target};
use super::states::Dice;
use super::*;
use crate::netlink::wire::{Answer, Body, Message, answers, attribute, attributes};

const AIDES: Aides = Aides { sink: Some(7), up: Some(8) };

/// The attributes of a message that some content was put into.
fn written(content: impl FnOnce(Message) -> Message) -> Vec<u8> {
    let bytes = content(Message::new(0x100, 0, 1)).finish();
    let Some(Answer { body: Body::Data(payload), .. }) = answers(&bytes).next() else { panic!("no message") };
    payload.to_vec()
}

#[test]
fn every_expression_reads_as_it_was_written() {
    let one_of_each = [
        Expression::Protocol,
        Expression::Priority,
        Expression::SetPriority,
        Expression::SourcePort,
        Expression::DestinationPort,
        Expression::Mask(0xffff_0000),
        Expression::Compare(Relation::Same, vec![6]),
        Expression::Compare(Relation::Other, vec![1, 2, 3, 4]),
        Expression::Compare(Relation::Less, vec![0, 0, 0, 9]),
        Expression::Number { random: true, modulus: 1_000_000 },
        Expression::Number { random: false, modulus: u32::MAX },
        Expression::NetworkOrder,
        Expression::Lookup(Map::Class),
        Expression::Lookup(Map::LossyUp),
        Expression::Load(9),
        Expression::Forward,
        Expression::Count,
        Expression::Drop,
        Expression::Reset,
    ];
    for expression in one_of_each {
        let list = written(|list| expression.write(list));
        let element = attributes(&list).next().map(|(_, element)| element).unwrap();
        assert_eq!(Expression::read(element).as_ref(), Some(&expression));
        let counted = (expression == Expression::Count).then_some(0);
        assert_eq!(Expression::counted(element), counted, "{expression:?}");
        for end in 0..element.len() {
            let part = Expression::read(&element[..end]);
            assert!(part.is_none_or(|part| part != expression || counted.is_some()), "{expression:?} {end}");
        }
    }
}

#[test]
fn a_jump_and_a_note_are_read_and_nothing_else_is() {
    let data = written(|data| jump(data, "strike-1f"));
    assert_eq!(read_jump(&data), Some("strike-1f".to_owned()));
    for end in 0..data.len() {
        assert_eq!(read_jump(&data[..end]), None, "{end}");
    }
    assert_eq!(attribute(&data, 1), None);
    assert_eq!(batch::read_note(b"\x00\x0astrike 12\x00"), Some(12));
    for note in [&b""[..], b"\x00", b"\x01\x0astrike 12\x00", b"\x00\x7fstrike 12\x00", b"\x00\x05hello"] {
        assert_eq!(batch::read_note(note), None, "{note:?}");
    }
}

#[test]
fn a_layout_is_of_one_set_of_rules_alone() {
    let mut dice = Dice(3);
    for _ in 0..200 {
        let rules = dice.rules();
        let whole = Layout::of(&rules, &rules.sessions, AIDES);
        assert_eq!(whole.rules(AIDES), Some(rules));
        for element in &whole.elements {
            let mut part = whole.clone();
            part.elements.remove(element);
            assert_ne!(part.rules(AIDES), whole.rules(AIDES), "{element:?}");
        }
        for place in whole.chains.keys() {
            let mut part = whole.clone();
            part.chains.remove(place);
            assert_eq!(part.rules(AIDES), None, "{place:?}");
        }
    }
}

#[test]
fn a_class_that_is_none_of_ours_is_no_session() {
    let mut layout = Layout::of(&Rules::default(), [], AIDES);
    assert_eq!(layout.rules(AIDES), Some(Rules::default()));
    for priority in [0, 0x5eb0_0000, 0x5eb0_8000, 0x5eb1_0001, u32::MAX] {
        let element = Element { map: Map::Class, port: PORT, target: Target::Priority(priority) };
        layout.elements = [element].into();
        assert_eq!(layout.rules(AIDES), None, "{priority:x}");
    }
}

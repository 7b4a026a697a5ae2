//! The vocabulary: every label there is, with its meaning and the test that gives it.
//!
//! Invariant: names are unique; a test is a pure function of what is seen. Filters, legends and documentation read these
//! slices and no other list. Labels are given in the order of the list.

mod control;
mod network;
mod session;

use rebuffer_model::{Action, Exchange, Label, Record, RecordBody, Sample, Severity};

use crate::Play;

/// What a label is decided on: the record at hand, and what came before it in the same play.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The record at hand.
    pub now: &'a Record,
    /// What is remembered of its play, without the record at hand.
    pub play: &'a Play,
}

/// A label and the test that gives it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// How bad it is.
    pub severity: Severity,
    /// The event, with `*` before one the rig worked out itself.
    pub name: &'static str,
    /// What it means, for legends and documentation.
    pub doc: &'static str,
    /// Whether what is seen earns it.
    pub when: fn(&Seen<'_>) -> bool,
}

/// Labels whose names hold a value.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// How bad they are.
    pub severity: Severity,
    /// The form of the name, values in angle brackets.
    pub form: &'static str,
    /// What they mean.
    pub doc: &'static str,
    /// The names that what is seen earns.
    pub names: fn(&Seen<'_>) -> Vec<String>,
}

/// Every label with a fixed name.
pub const LABELS: &[Rule] = &concat::<
    { session::LABELS.len() + network::LABELS.len() + control::LABELS.len() },
>(&[session::LABELS, network::LABELS, control::LABELS]);

/// Every family of labels.
pub const FAMILIES: &[Family] = &[control::LABEL_VALUES, control::PATTERN_MODES];

impl Rule {
    pub(crate) const fn new(
        severity: Severity,
        name: &'static str,
        doc: &'static str,
        when: fn(&Seen<'_>) -> bool,
    ) -> Self {
        Self { severity, name, doc, when }
    }

    /// The label; the law tests hold that every name makes one.
    pub fn label(&self) -> Option<Label> {
        Label::new(self.severity, self.name).ok()
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn sample(&self) -> Option<&'a Sample> {
        match &self.now.body {
            RecordBody::Sample(sample) => Some(sample),
            RecordBody::Exchange(_) | RecordBody::Action(_) | RecordBody::Gap { .. } => None,
        }
    }

    /// The report, if this event prompted it.
    pub(crate) fn event(&self, name: &str) -> Option<&'a Sample> {
        self.sample().filter(|sample| sample.player.last_event.as_deref() == Some(name))
    }

    pub(crate) fn exchange(&self) -> Option<&'a Exchange> {
        match &self.now.body {
            RecordBody::Exchange(exchange) => Some(exchange),
            RecordBody::Sample(_) | RecordBody::Action(_) | RecordBody::Gap { .. } => None,
        }
    }

    pub(crate) fn action(&self) -> Option<&'a Action> {
        match &self.now.body {
            RecordBody::Action(action) => Some(action),
            RecordBody::Sample(_) | RecordBody::Exchange(_) | RecordBody::Gap { .. } => None,
        }
    }
}

const fn concat<const N: usize>(parts: &[&[Rule]]) -> [Rule; N] {
    let mut all = [parts[0][0]; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[at] = parts[part][index];
            index += 1;
            at += 1;
        }
        part += 1;
    }
    all
}

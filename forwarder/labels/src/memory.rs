//! All plays that are remembered.
//!
//! Invariant: at most [`MAX_PLAYS`]; the one that was quiet longest is forgotten first. Plays of different players never touch.

use std::collections::HashMap;

use rebuffer_model::{Label, PlayId, PlayerId, Record, RecordBody, Who};

use crate::Play;
use crate::vocabulary::{FAMILIES, LABELS, Seen};

/// The most plays that are remembered at once.
pub const MAX_PLAYS: usize = 4_096;

/// What is remembered of every play.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    plays: HashMap<Key, (u64, Play)>,
    clock: u64,
}

/// A play of a player; `None` holds what the client gave no play id.
type Key = (PlayerId, Option<PlayId>);

impl Memory {
    /// The labels of this record, and remembers it.
    pub fn label(&mut self, record: &Record) -> Vec<Label> {
        let Some(who) = who(record) else {
            return labels(&Seen { now: record, play: &Play::default() });
        };
        let play = self.play(who);
        let labels = labels(&Seen { now: record, play });
        play.fold(record);
        labels
    }

    /// How many plays are remembered.
    pub fn len(&self) -> usize {
        self.plays.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.plays.is_empty()
    }

    fn play(&mut self, who: &Who) -> &mut Play {
        self.clock += 1;
        let key = (who.player_id, who.play_id.clone());
        if self.plays.len() >= MAX_PLAYS && !self.plays.contains_key(&key) {
            self.forget_the_quietest();
        }
        let entry = self.plays.entry(key).or_default();
        entry.0 = self.clock;
        &mut entry.1
    }

    /// An eighth at once, so that a flood of plays does not look at all of them each time.
    fn forget_the_quietest(&mut self) {
        let mut ages: Vec<u64> = self.plays.values().map(|(last, _)| *last).collect();
        let (_, oldest_kept, _) = ages.select_nth_unstable(MAX_PLAYS / 8);
        let oldest_kept = *oldest_kept;
        self.plays.retain(|_, (last, _)| *last >= oldest_kept);
    }
}

fn labels(seen: &Seen<'_>) -> Vec<Label> {
    let plain = LABELS.iter().filter(|rule| (rule.when)(seen)).filter_map(|rule| rule.label());
    let named = FAMILIES.iter().flat_map(|family| {
        (family.names)(seen).into_iter().filter_map(|name| Label::new(family.severity, &name).ok())
    });
    plain.chain(named).collect()
}

fn who(record: &Record) -> Option<&Who> {
    match &record.body {
        RecordBody::Exchange(exchange) => Some(&exchange.who),
        RecordBody::Sample(sample) => Some(&sample.who),
        RecordBody::Action(action) => Some(&action.who),
        RecordBody::Gap { .. } => None,
    }
}

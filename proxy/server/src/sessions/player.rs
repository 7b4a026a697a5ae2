//! One player: what was set for it, where its rules stand, what it said last.
//!
//! Invariant: `control` is replaced as a whole, by whoever holds `change`, and only after it is in force and stored; the
//! counters of the rules move only in `decide`. Both locks are held for a moment and never across an await.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use rebuffer_api::{CurrentPlay, PlayerRecord, RuleCounters};
use rebuffer_engine::{Decision, RequestView, RuleBook, RuleError};
use rebuffer_model::{
    AttemptId, Control, PlayId, PlayerId, PlayerMetrics, Rule, RuleId, Timestamp, TransferTimeouts, Variant,
    Who,
};

use super::Session;
use crate::clock;
use crate::store::StoredPlayer;

/// One player.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) id: PlayerId,
    pub(crate) display_id: u32,
    pub(crate) first_seen: Timestamp,
    /// Held by whoever changes what is set, from reading it to having stored it.
    pub(crate) change: tokio::sync::Mutex<()>,
    control: ArcSwap<Controlled>,
    rules: Mutex<RuleBook>,
    said: Mutex<Said>,
    last_seen: AtomicI64,
    session: ArcSwapOption<Session>,
}

/// What was set, and when each field of it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Controlled {
    pub(crate) control: Control,
    /// Dotted path of each field ever set -> the revision of its last change.
    pub(crate) fields: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Said {
    play: Option<CurrentPlay>,
    metrics: Option<PlayerMetrics>,
    ladder: Vec<Variant>,
}

/// What a client's mention of a play changed.
#[derive(Debug, Default)]
pub(crate) struct PlayEdge {
    pub(crate) ended: Option<PlayId>,
    pub(crate) started: Option<CurrentPlay>,
}

impl Controlled {
    /// The revision of the whole.
    pub(crate) fn revision(&self) -> u64 {
        self.fields.values().copied().max().unwrap_or(0)
    }
}

impl Player {
    pub(super) fn new(id: PlayerId, display_id: u32) -> Self {
        let now = clock::now();
        Self {
            id,
            display_id,
            first_seen: now,
            change: tokio::sync::Mutex::default(),
            control: ArcSwap::default(),
            rules: Mutex::default(),
            said: Mutex::default(),
            last_seen: AtomicI64::new(now.as_micros()),
            session: ArcSwapOption::empty(),
        }
    }

    pub(super) fn restored(stored: StoredPlayer) -> Result<Self, RuleError> {
        let player = Self { first_seen: stored.first_seen, ..Self::new(stored.id, stored.display_id) };
        player.set_control(Controlled { control: stored.control, fields: stored.revisions })?;
        Ok(player)
    }

    pub(crate) fn controlled(&self) -> Arc<Controlled> {
        self.control.load_full()
    }

    /// Puts a new control in force for rules; the caller holds `change` and has set the link.
    pub(crate) fn set_control(&self, controlled: Controlled) -> Result<(), RuleError> {
        self.rules.lock().set_rules(&controlled.control.fault_rules)?;
        self.control.store(Arc::new(controlled));
        Ok(())
    }

    /// The player as it is stored with this control.
    pub(crate) fn stored(&self, controlled: &Controlled) -> StoredPlayer {
        StoredPlayer {
            id: self.id,
            display_id: self.display_id,
            control: controlled.control.clone(),
            revisions: controlled.fields.clone(),
            first_seen: self.first_seen,
        }
    }

    pub(crate) fn has_rules(&self) -> bool {
        !self.control.load().control.fault_rules.is_empty()
    }

    pub(crate) fn transfer_timeouts(&self) -> TransferTimeouts {
        self.control.load().control.transfer_timeouts
    }

    pub(crate) fn decide(&self, request: &RequestView<'_>) -> Decision {
        let mut rules = self.rules.lock();
        // Read under the lock: moments must not go back from one decision to the next.
        rules.decide(request, clock::moment())
    }

    /// The decision of a rule that led a request to where it now asks; `None` when the rule leads there no more.
    pub(crate) fn goes_on(&self, rule_id: &RuleId) -> Option<Decision> {
        self.rules.lock().goes_on(rule_id)
    }

    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.load_full()
    }

    pub(crate) fn set_session(&self, session: Option<Arc<Session>>) {
        self.session.store(session);
    }

    /// The client asked or reported.
    pub(crate) fn touch(&self) {
        self.last_seen.fetch_max(clock::now().as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn last_seen(&self) -> Timestamp {
        Timestamp::from_micros(self.last_seen.load(Ordering::Relaxed))
    }

    pub(super) fn is_forgettable(&self) -> bool {
        self.session.load().is_none() && self.control.load().fields.is_empty()
    }

    /// The client named a play or an attempt; both stick until it names others.
    pub(crate) fn mention_play(&self, play: Option<PlayId>, attempt: Option<AttemptId>) -> PlayEdge {
        if play.is_none() && attempt.is_none() {
            return PlayEdge::default();
        }
        let mut said = self.said.lock();
        let same =
            said.play.as_ref().is_some_and(|current| play.as_ref().is_none_or(|play| *play == current.id));
        if same {
            if let (Some(current), Some(attempt)) = (said.play.as_mut(), attempt) {
                current.attempt_id = attempt;
            }
            return PlayEdge::default();
        }
        let Some(id) = play else { return PlayEdge::default() };
        let started = CurrentPlay { id, attempt_id: attempt.unwrap_or_default(), started_at: clock::now() };
        let ended = said.play.replace(started.clone()).map(|play| play.id);
        PlayEdge { ended, started: Some(started) }
    }

    pub(crate) fn report(&self, metrics: PlayerMetrics) {
        self.said.lock().metrics = Some(metrics);
    }

    pub(crate) fn set_ladder(&self, ladder: Vec<Variant>) {
        self.said.lock().ladder = ladder;
    }

    /// Whose an event of this player is, at this moment.
    pub(crate) fn who(&self) -> Who {
        let said = self.said.lock();
        Who {
            player_id: self.id,
            session_id: self.session.load().as_ref().map(|session| session.id),
            play_id: said.play.as_ref().map(|play| play.id.clone()),
            attempt_id: said.play.as_ref().map(|play| play.attempt_id).unwrap_or_default(),
        }
    }

    pub(crate) fn rule(&self, id: &RuleId) -> Option<Rule> {
        self.control.load().control.fault_rules.iter().find(|rule| rule.id == *id).cloned()
    }

    /// The player as the API shows it.
    pub(crate) fn record(&self) -> PlayerRecord {
        let controlled = self.controlled();
        let session = self.session();
        let rule_counters = self
            .rules
            .lock()
            .counters(clock::moment())
            .map(|c| {
                let counters = RuleCounters { matched: c.matched, fired: c.fired, exhausted: c.exhausted };
                (c.rule_id.clone(), counters)
            })
            .collect();
        let said = self.said.lock();
        PlayerRecord {
            id: self.id,
            display_id: self.display_id,
            control_revision: controlled.revision().to_string(),
            labels: controlled.control.labels.clone(),
            fault_rules: controlled.control.fault_rules.clone(),
            shape: controlled.control.shape,
            transfer_timeouts: controlled.control.transfer_timeouts,
            rule_counters,
            link: session.as_ref().map(|session| session.link_view()),
            session: session.as_ref().map(|session| session.view()),
            current_play: said.play.clone(),
            ladder: said.ladder.clone(),
            player_metrics: said.metrics.clone(),
            first_seen_at: self.first_seen,
            last_seen_at: self.last_seen(),
        }
    }
}

//! One player: what was set for it, where its rules stand, what it said last.
//!
//! Invariant: `control` is replaced as a whole, by whoever holds `change`, and only after it is in force and stored; the
//! counters of the rules move only in `decide`. Both locks are held for a moment and never across an await.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use rebuffer_api::{CurrentPlay, PlayerRecord, RuleCounters};
use rebuffer_engine::{Compiled, Decision, Known, Moment, RequestView, RuleBook, RuleError};
use rebuffer_media::{Graph, OriginId};
use rebuffer_model::{
    AttemptId, CmcdState, Content, Control, PlayId, PlayerId, PlayerMetrics, PlayerName, Rule, RuleId,
    Timestamp, TransferTimeouts, TransportFault, Variant, Who, device_family,
};

use super::{Learned, Session};
use crate::clock;
use crate::origin::Origin;
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
    /// What its playlists have taught; kept between sessions.
    learned: ArcSwapOption<Learned>,
    /// The transport fault whose only window is over; it does not begin anew with the next session.
    spent_fault: Mutex<Option<TransportFault>>,
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
    /// What it calls itself.
    name: Option<PlayerName>,
    /// The User-Agent of its last session.
    user_agent: String,
    play: Option<CurrentPlay>,
    /// The plays it left, and when; the last ones.
    left: VecDeque<(CurrentPlay, Moment)>,
    /// What CMCD calls the play, whoever named it.
    sid: Option<PlayId>,
    metrics: Option<PlayerMetrics>,
    /// When the player last posted metrics of its own.
    posted: Option<Moment>,
    /// When a sample was last taken from a request, and what the player was doing then.
    sampled: Option<(Moment, Option<CmcdState>)>,
    ladder: Vec<Variant>,
}

/// The least time between two samples from requests, microseconds.
const SAMPLE_EVERY: u64 = 1_000_000;
/// A player that posted metrics this long ago posts no more, microseconds.
const POSTS_NO_MORE: u64 = 60_000_000;

/// A play that was left so long ago is not come back to, microseconds.
const LEFT_FOR_GOOD: u64 = 60_000_000;
/// The plays that may be come back to.
const MAX_LEFT: usize = 8;

/// What a client's mention of a play changed.
#[derive(Debug, Default)]
pub(crate) struct PlayEdge {
    pub(crate) ended: Option<PlayId>,
    pub(crate) started: Option<CurrentPlay>,
    /// A play that this player left a moment ago; what mentions it belongs to it, and the current one goes on. Programme and
    /// advertisement may have ids of their own.
    pub(crate) beside: Option<CurrentPlay>,
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
            learned: ArcSwapOption::empty(),
            spent_fault: Mutex::default(),
            last_seen: AtomicI64::new(now.as_micros()),
            session: ArcSwapOption::empty(),
        }
    }

    pub(super) fn restored(stored: StoredPlayer) -> Result<Self, RuleError> {
        let player = Self { first_seen: stored.first_seen, ..Self::new(stored.id, stored.display_id) };
        player.said.lock().name = stored.name;
        let rules = Compiled::of(&stored.control.fault_rules, &Known::default())?;
        player.set_control(Controlled { control: stored.control, fields: stored.revisions }, rules);
        Ok(player)
    }

    pub(crate) fn controlled(&self) -> Arc<Controlled> {
        self.control.load_full()
    }

    /// Puts a new control in force, with its rules; the caller holds `change` and has set the link.
    pub(crate) fn set_control(&self, controlled: Controlled, rules: Compiled) {
        self.rules.lock().set(rules);
        self.control.store(Arc::new(controlled));
    }

    /// The patterns of its rules, as far as they need not be compiled again.
    pub(crate) fn known_patterns(&self) -> Known {
        self.rules.lock().known()
    }

    /// The player as it is stored with this control.
    pub(crate) fn stored(&self, controlled: &Controlled) -> StoredPlayer {
        StoredPlayer {
            id: self.id,
            display_id: self.display_id,
            name: self.name(),
            control: controlled.control.clone(),
            revisions: controlled.fields.clone(),
            first_seen: self.first_seen,
        }
    }

    pub(crate) fn has_rules(&self) -> bool {
        !self.control.load().control.fault_rules.is_empty()
    }

    /// How playlists are edited.
    pub(crate) fn content(&self) -> Content {
        self.control.load().control.content.clone()
    }

    pub(crate) fn transfer_timeouts(&self) -> TransferTimeouts {
        self.control.load().control.transfer_timeouts
    }

    /// Decides a request that a rule may have counted already.
    pub(crate) fn decide(&self, request: &RequestView<'_>, counted_by: Option<&RuleId>) -> Decision {
        let mut rules = self.rules.lock();
        // Read under the lock: moments must not go back from one decision to the next.
        rules.decide_once(request, clock::moment(), counted_by)
    }

    /// Nothing is injected, and nothing is counted.
    pub(crate) fn pass(&self) -> Decision {
        self.rules.lock().pass()
    }

    /// The decision of a rule that led a request to where it now asks; `None` when the rule leads there no more.
    pub(crate) fn goes_on(&self, rule_id: &RuleId) -> Option<Decision> {
        self.rules.lock().goes_on(rule_id)
    }

    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.load_full()
    }

    pub(crate) fn set_session(&self, session: Option<Arc<Session>>) {
        if let Some(before) = self.session.swap(session) {
            self.said.lock().user_agent = before.user_agent();
        }
    }

    /// The User-Agent that said most of the device in its last session; empty before the first.
    pub(crate) fn user_agent(&self) -> String {
        self.said.lock().user_agent.clone()
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> Option<PlayerName> {
        self.said.lock().name.clone()
    }

    /// It calls itself so.
    pub(crate) fn call(&self, name: PlayerName) {
        let mut said = self.said.lock();
        if said.name.as_ref() != Some(&name) {
            said.name = Some(name);
        }
    }

    /// What people call it: its label `name`, else what it calls itself, else its id.
    pub(crate) fn shown_name(&self) -> String {
        let controlled = self.control.load();
        let label = controlled.control.labels.iter().find(|(key, _)| key.as_str() == "name");
        let label = label.map(|(_, value)| value.as_str().to_owned());
        label.or_else(|| self.name().map(String::from)).unwrap_or_else(|| self.id.to_string())
    }

    /// Whether its playlists named this URL of an origin.
    pub(crate) fn declares(&self, origin: &Origin, target: &str) -> bool {
        self.asks_graph(origin, |graph, id| graph.declares(id, target))
    }

    /// Whether its playlists named it in this very spelling.
    pub(crate) fn declares_as(&self, origin: &Origin, target: &str) -> bool {
        self.asks_graph(origin, |graph, id| graph.is_declared_as(id, target))
    }

    fn asks_graph(&self, origin: &Origin, question: impl FnOnce(&Graph, OriginId) -> bool) -> bool {
        let Some(learned) = self.learned() else { return false };
        let graph = learned.graph.lock();
        graph.origins().find(&origin.address).is_some_and(|id| question(&graph, id))
    }

    /// What its playlists have taught, as far as that is kept.
    pub(crate) fn learned(&self) -> Option<Arc<Learned>> {
        self.learned.load_full()
    }

    /// The same; from now on there is something.
    pub(super) fn learn(&self) -> Arc<Learned> {
        let known = self.learned.load_full();
        known.unwrap_or_else(|| {
            let learned = Arc::new(Learned::default());
            self.learned.store(Some(Arc::clone(&learned)));
            learned
        })
    }

    pub(super) fn forget_learned(&self) {
        self.learned.store(None);
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
        let now = clock::moment();
        if let Some(beside) = said.left_lately(&id, now) {
            return PlayEdge { beside: Some(beside), ..PlayEdge::default() };
        }
        let started = CurrentPlay { id, attempt_id: attempt.unwrap_or_default(), started_at: clock::now() };
        let ended = said.play.replace(started.clone());
        if let Some(ended) = ended.clone() {
            said.left.push_front((ended, now));
            said.left.truncate(MAX_LEFT);
        }
        PlayEdge { ended: ended.map(|play| play.id), started: Some(started), beside: None }
    }

    /// CMCD named the play; that counts when nobody else named it, or when CMCD had another name for the play that somebody named.
    pub(crate) fn mention_sid(&self, sid: PlayId, named_otherwise: bool) -> PlayEdge {
        let mut said = self.said.lock();
        let known = said.sid.as_ref() == Some(&sid);
        let is_name_of_current = named_otherwise || (said.play.is_some() && said.sid.is_none());
        said.sid = Some(sid.clone());
        drop(said);
        if known || is_name_of_current { PlayEdge::default() } else { self.mention_play(Some(sid), None) }
    }

    /// Whether this player plays what CMCD calls so.
    pub(crate) fn plays(&self, sid: &str) -> bool {
        let said = self.said.lock();
        let ids = said.sid.iter().chain(said.play.as_ref().map(|play| &play.id));
        ids.into_iter().any(|id| id.as_str() == sid)
    }

    /// The player posted metrics.
    pub(crate) fn report(&self, metrics: PlayerMetrics) {
        let mut said = self.said.lock();
        said.posted = Some(clock::moment());
        said.metrics = Some(metrics);
    }

    /// A sample was taken from what the player said beside its requests.
    pub(crate) fn sampled(&self, metrics: PlayerMetrics) {
        self.said.lock().metrics = Some(metrics);
    }

    /// Whether what a request says is to be kept as a sample; it counts as kept then. `news` is something that happened.
    pub(crate) fn sample_is_due(&self, state: Option<CmcdState>, news: bool, now: Moment) -> bool {
        let mut said = self.said.lock();
        let since = |then: Moment| now.as_micros().saturating_sub(then.as_micros());
        if said.posted.is_some_and(|posted| since(posted) < POSTS_NO_MORE) {
            return false;
        }
        let due = said.sampled.is_none_or(|(then, before)| {
            news || since(then) >= SAMPLE_EVERY || state.is_some_and(|state| before != Some(state))
        });
        if due {
            let before = said.sampled.and_then(|(_, before)| before);
            said.sampled = Some((now, state.or(before)));
        }
        due
    }

    pub(crate) fn set_ladder(&self, ladder: Vec<Variant>) {
        self.said.lock().ladder = ladder;
    }

    pub(crate) fn ladder(&self) -> Vec<Variant> {
        self.said.lock().ladder.clone()
    }

    pub(crate) fn spent_fault(&self) -> Option<TransportFault> {
        *self.spent_fault.lock()
    }

    pub(crate) fn set_spent_fault(&self, fault: Option<TransportFault>) {
        *self.spent_fault.lock() = fault;
    }

    /// Whose an event of this player is, at this moment.
    pub(crate) fn who(&self) -> Who {
        let said = self.said.lock();
        Who {
            player_id: self.id,
            player_name: said.name.clone(),
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
        let mut said = self.said.lock();
        if let Some(session) = &session {
            said.user_agent = session.user_agent();
        }
        let user_agent = said.user_agent.clone();
        PlayerRecord {
            id: self.id,
            display_id: self.display_id,
            player_name: said.name.clone(),
            device_family: device_family(&user_agent).map(str::to_owned),
            control_revision: controlled.revision().to_string(),
            labels: controlled.control.labels.clone(),
            fault_rules: controlled.control.fault_rules.clone(),
            shape: controlled.control.shape.clone(),
            transfer_timeouts: controlled.control.transfer_timeouts,
            content: controlled.control.content.clone(),
            rule_counters,
            link: session.as_ref().map(|session| session.link_view()),
            session: session.as_ref().map(|session| session.view()),
            current_play: said.play.clone(),
            ladder: said.ladder.clone(),
            player_metrics: said.metrics.clone(),
            server_metrics: session.as_ref().map(|session| session.link_metrics()),
            first_seen_at: self.first_seen,
            last_seen_at: self.last_seen(),
        }
    }
}

impl Said {
    /// The play of this id, if this player left it a moment ago.
    fn left_lately(&mut self, id: &PlayId, now: Moment) -> Option<CurrentPlay> {
        let is_recent = |since: Moment| now.as_micros().saturating_sub(since.as_micros()) < LEFT_FOR_GOOD;
        self.left.retain(|(_, since)| is_recent(*since));
        self.left.iter().find(|(play, _)| play.id == *id).map(|(play, _)| play.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player() -> Player {
        Player::new(PlayerId::canonical("tv").unwrap(), 1)
    }

    fn sid(text: &str) -> PlayId {
        PlayId::new(text).unwrap()
    }

    fn current(player: &Player) -> Option<String> {
        player.who().play_id.map(|play| play.as_str().to_owned())
    }

    #[test]
    fn cmcd_names_a_play_that_nobody_else_names() {
        let player = player();
        assert!(player.mention_sid(sid("s1"), false).started.is_some());
        assert!(player.mention_sid(sid("s1"), false).started.is_none());
        assert_eq!(player.mention_sid(sid("s2"), false).ended, Some(sid("s1")));
        assert_eq!(current(&player).as_deref(), Some("s2"));
        assert!(player.plays("s2") && !player.plays("s1"));
    }

    #[test]
    fn a_play_named_in_the_query_keeps_its_name_until_cmcd_has_another() {
        let player = player();
        player.mention_play(Some(sid("p1")), None);
        player.mention_sid(sid("s1"), true);
        player.mention_sid(sid("s1"), false);
        assert_eq!(current(&player).as_deref(), Some("p1"));
        assert!(player.plays("p1") && player.plays("s1"));
        player.mention_sid(sid("s2"), false);
        assert_eq!(current(&player).as_deref(), Some("s2"), "another play, which nobody else named");
        // A play that CMCD had no name for so far gets one.
        player.mention_play(Some(sid("p2")), None);
        assert_eq!(current(&player).as_deref(), Some("p2"));
    }

    #[test]
    fn one_sample_a_second_unless_something_happened_or_the_player_posts() {
        let player = player();
        let at = |ms: u64| Moment::from_micros(ms * 1_000);
        let due = |state, news, ms| player.sample_is_due(state, news, at(ms));
        assert!(due(None, false, 100_000));
        assert!(!due(None, false, 100_999));
        assert!(due(Some(CmcdState::Playing), false, 100_999), "another state");
        assert!(!due(Some(CmcdState::Playing), false, 101_500));
        assert!(!due(None, false, 101_998));
        assert!(due(None, true, 101_999), "news");
        assert!(due(Some(CmcdState::Playing), false, 102_999));
        player.said.lock().posted = Some(at(103_000));
        assert!(!due(None, true, 162_999));
        assert!(due(None, false, 163_000), "it posts no more");
    }
}

//! The rules of one player, in order, each with its counters.
//!
//! Invariant: at most one rule owns a request, the first whose filter matches and that is not exhausted; only the owner
//! counts it. A rule keeps its counters across edits of the list unless its own fault, cadence or filter changed; what its
//! fault is told beyond its name may change under way.
//! `none` owns and counts like any rule but injects nothing. Its exemptions are not failures, so under
//! `failures_per_seconds` it never runs out; with the other modes and F = 0 it exempts one window and then makes way.
//! Deliberately absent: revisions and storage of rules, which belong to the control of the player.

use std::sync::Arc;

use rebuffer_model::{Fault, Filter, Mode, Rule, RuleId, Step};

use crate::cycle::Cycle;
use crate::filter::{Matcher, PatternError, RequestView, is_in_scope};
use crate::moment::Moment;

/// The steps to perform, in order; shared, so that handing one out copies nothing.
pub type Script = Arc<[Step]>;

/// The fault rules of one player and where each of them stands.
#[derive(Debug)]
pub struct RuleBook {
    rules: Vec<Armed>,
    pass: Script,
    no_action: Arc<str>,
}

/// What to do with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rule that injects a fault; `None` when nothing is injected, also by an exemption.
    pub rule_id: Option<RuleId>,
    /// The fault, `Fault::None` when the request passes.
    pub fault: Fault,
    /// The steps that perform it.
    pub script: Script,
    /// What the row says when everything goes as named; empty when nothing is injected.
    pub action: Arc<str>,
    /// How often the rule fired before, so that what it leaves to chance can be repeated.
    pub nth: u64,
    /// The rule that owned and counted the request, whether it fired or let it pass.
    pub owner: Option<RuleId>,
}

/// What a rule did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters<'a> {
    /// The rule.
    pub rule_id: &'a RuleId,
    /// Requests the rule owned.
    pub matched: u64,
    /// Requests on which it fired.
    pub fired: u64,
    /// Whether its only window is over, so that it owns nothing until it is re-armed or changed.
    pub exhausted: bool,
}

/// Why rules cannot be put in force. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule_id}: {source}")]
pub struct RuleError {
    /// The rule.
    pub rule_id: RuleId,
    /// Its place in the list.
    pub index: usize,
    /// What is wrong with its patterns.
    pub source: PatternError,
}

/// Rules whose patterns are compiled, ready to be put in force.
#[derive(Debug)]
pub struct Compiled(Vec<Armed>);

/// Patterns that were compiled before, which need not be compiled again.
#[derive(Debug, Clone, Default)]
pub struct Known(Vec<Arc<Matcher>>);

/// What the patterns of all rules of a player may compile to, bytes.
const MAX_COMPILED_BYTES: usize = 8 << 20;

#[derive(Debug)]
struct Armed {
    rule: Rule,
    matcher: Arc<Matcher>,
    script: Script,
    action: Arc<str>,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    matched: u64,
    fired: u64,
    cycle: Cycle,
}

impl Default for RuleBook {
    fn default() -> Self {
        Self { rules: Vec::new(), pass: Fault::pass().into(), no_action: "".into() }
    }
}

impl RuleBook {
    /// Compiles these rules and puts them in force.
    pub fn set_rules(&mut self, rules: &[Rule]) -> Result<(), RuleError> {
        let compiled = Compiled::of(rules, &self.known())?;
        self.set(compiled);
        Ok(())
    }

    /// Puts these rules in force in place of all others. A rule whose id, fault, cadence and filter are as before keeps its
    /// counters wherever it now stands; those that are not named any more are forgotten with theirs.
    pub fn set(&mut self, Compiled(mut armed): Compiled) {
        for old in self.rules.drain(..) {
            if let Some(new) = armed.iter_mut().find(|new| new.continues(&old)) {
                new.state = old.state;
            }
        }
        self.rules = armed;
    }

    /// What need not be compiled again.
    pub fn known(&self) -> Known {
        Known(self.rules.iter().map(|armed| Arc::clone(&armed.matcher)).collect())
    }

    /// Decides one request and counts it. `now` never goes back from call to call.
    pub fn decide(&mut self, request: &RequestView<'_>, now: Moment) -> Decision {
        self.decide_once(request, now, None)
    }

    /// The same for a request that a rule has counted already, under another address: that rule lets it pass and counts nothing.
    pub fn decide_once(
        &mut self,
        request: &RequestView<'_>,
        now: Moment,
        counted_by: Option<&RuleId>,
    ) -> Decision {
        let owner = self.rules.iter_mut().find(|armed| armed.owns(request, now));
        let owner = owner.filter(|armed| counted_by != Some(&armed.rule.id));
        let owned_by = owner.as_ref().map(|armed| armed.rule.id.clone());
        let fired = owner.and_then(|armed| armed.advance(now));
        fired.unwrap_or_else(|| Decision { owner: owned_by, ..self.pass() })
    }

    /// Nothing is injected, and no rule owns the request.
    pub fn pass(&self) -> Decision {
        Decision {
            rule_id: None,
            fault: Fault::None,
            script: Arc::clone(&self.pass),
            action: Arc::clone(&self.no_action),
            nth: 0,
            owner: None,
        }
    }

    /// The decision of a rule that leads requests back to where they came from, for one that it led; nothing is counted. `None`
    /// when there is no such rule by now.
    pub fn goes_on(&self, rule_id: &RuleId) -> Option<Decision> {
        let armed = self.rules.iter().find(|armed| armed.rule.id == *rule_id)?;
        armed.script.contains(&Step::RedirectHere).then(|| armed.decision())
    }

    /// Begins a rule's cadence anew, as if no request had come; its counters go on. False when there is no such rule.
    pub fn rearm(&mut self, rule_id: &RuleId) -> bool {
        let found = self.rules.iter_mut().find(|armed| armed.rule.id == *rule_id);
        found.map(|armed| armed.state.cycle = Cycle::default()).is_some()
    }

    /// What each rule did, in the order of the rules.
    pub fn counters(&self, now: Moment) -> impl Iterator<Item = Counters<'_>> {
        self.rules.iter().map(move |armed| Counters {
            rule_id: &armed.rule.id,
            matched: armed.state.matched,
            fired: armed.state.fired,
            exhausted: armed.is_exhausted(now),
        })
    }
}

impl Compiled {
    /// Compiles the patterns of these rules, which may take some time; what is known already is used again.
    pub fn of(rules: &[Rule], known: &Known) -> Result<Self, RuleError> {
        let mut cost = 0;
        let compile = |(index, rule): (usize, &Rule)| {
            let refused = |source| RuleError { rule_id: rule.id.clone(), index, source };
            let matcher = known.matcher(rule.filter.as_ref()).map_err(refused)?;
            cost += matcher.cost();
            if cost > MAX_COMPILED_BYTES {
                let message = format!(
                    "the patterns of this rule and those before it compile to more than {} MiB",
                    MAX_COMPILED_BYTES >> 20
                );
                return Err(refused(PatternError { index: None, message }));
            }
            Ok(Armed::new(rule, matcher))
        };
        rules.iter().enumerate().map(compile).collect::<Result<_, _>>().map(Self)
    }
}

impl Known {
    fn matcher(&self, filter: Option<&Filter>) -> Result<Arc<Matcher>, PatternError> {
        match self.0.iter().find(|known| known.is_of(filter)) {
            Some(known) => Ok(Arc::clone(known)),
            None => filter.map_or_else(|| Ok(Matcher::default()), Matcher::compile).map(Arc::new),
        }
    }
}

impl Armed {
    fn new(rule: &Rule, matcher: Arc<Matcher>) -> Self {
        Self {
            rule: rule.clone(),
            matcher,
            script: rule.script().into(),
            action: rule.action().into(),
            state: State::default(),
        }
    }

    fn continues(&self, old: &Self) -> bool {
        let (new, old) = (&self.rule, &old.rule);
        new.id == old.id
            && new.fault == old.fault
            && new.cadence() == old.cadence()
            && new.filter == old.filter
    }

    fn owns(&self, request: &RequestView<'_>, now: Moment) -> bool {
        is_in_scope(self.rule.fault.fact().scope, request)
            && self.matcher.matches(request)
            && !self.is_exhausted(now)
    }

    fn is_exhausted(&self, now: Moment) -> bool {
        let exempts_for_ever = self.rule.fault == Fault::None && self.rule.mode == Mode::FailuresPerSeconds;
        !exempts_for_ever && self.state.cycle.is_over(self.rule.cadence(), now)
    }

    /// Counts a request this rule owns; the decision when it fires.
    fn advance(&mut self, now: Moment) -> Option<Decision> {
        let fires = self.state.cycle.advance(self.rule.cadence(), now);
        self.state.matched = self.state.matched.saturating_add(1);
        let decision = fires.then(|| self.decision());
        self.state.fired = self.state.fired.saturating_add(u64::from(fires));
        decision
    }

    fn decision(&self) -> Decision {
        Decision {
            rule_id: (self.rule.fault != Fault::None).then(|| self.rule.id.clone()),
            fault: self.rule.fault,
            script: Arc::clone(&self.script),
            action: Arc::clone(&self.action),
            nth: self.state.fired,
            owner: Some(self.rule.id.clone()),
        }
    }
}

#[cfg(test)]
mod tests;

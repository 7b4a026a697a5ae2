//! The one path of every change: check, set the link and read it back, store, put in force, tell everybody.
//!
//! Invariant: one change of a player at a time. The link is set before anything is stored and taken back if storing fails, so
//! that what is stored, what is shown and what is in force are one. What failed left everything as it was.

use std::sync::Arc;

use rebuffer_api::{Frame, PlayerDeleted, PlayerRecord};
use rebuffer_engine::Compiled;
use rebuffer_model::{
    Action, ActionKind, ActionSource, Control, EndReason, Fault, LeftOut, PlayerId, RecordBody, Rule, Shape,
};
use rebuffer_shaper::InForce;

use super::{Refusal, possible};
use crate::clock;
use crate::rig::Rig;
use crate::sessions::{self, Changing, Conductor, Controlled, OnRig, Player, Stage, Wanted};

/// A change that was worked out and not yet made; its maker holds the player's `change`.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) control: Control,
    /// The dotted paths it sets.
    pub(super) leaves: Vec<String>,
}

/// What came of what was asked of a link.
#[derive(Debug, Default)]
struct LinkOutcome {
    /// As it was read back; without a session, as it was asked.
    rate_mbps: Option<f64>,
    in_force: Option<Box<Shape>>,
    left_out: Vec<LeftOut>,
}

/// Makes a change; the caller holds the player's `change`.
pub(super) async fn apply(
    rig: &Arc<Rig>,
    player: &Arc<Player>,
    change: Change,
) -> Result<PlayerRecord, Refusal> {
    let Change { mut control, leaves } = change;
    if !rig.players.knows(player) {
        return Err(Refusal::no_player(player.id));
    }
    control.name_rules();
    control.check()?;
    let _naming = rig.traces.naming.read().await;
    let before = player.controlled();
    let left_out = match before.control.shape == control.shape {
        true => Vec::new(),
        false => possible::check(rig, &control.shape)?,
    };
    let mut after = Controlled { control, fields: before.fields.clone() };
    let revision = before.revision() + 1;
    after.fields.extend(leaves.into_iter().map(|leaf| (leaf, revision)));
    keep_fields_bounded(&mut after);

    // Before the link is set, so that nothing can fail after that.
    let rules = compile(player, after.control.fault_rules.clone()).await?;
    let asked = after.control.shape.clone();
    let session = player.session();
    let stage = OnRig { rig: Arc::clone(rig), player: Arc::clone(player) };
    let changing = match &session {
        Some(session) => {
            let wanted = Wanted::of(&asked, &rig.shaper.machine());
            Some(session.conductor.change(wanted, &stage).await?)
        }
        None => None,
    };
    if let Err(error) = rig.store.save(player.stored(&after)).await {
        if let Some(changing) = changing {
            changing.undo().await;
        }
        return Err(error.into());
    }
    let outcome = match session.as_ref().map(|session| session.link.in_force()) {
        Some(InForce { rate, observed, .. }) => LinkOutcome {
            rate_mbps: rate.map(|rate| rate.mbps()),
            in_force: Some(Box::new(observed)),
            left_out,
        },
        None => {
            let rate_mbps = asked.base().down.rate_mbps.map(rebuffer_model::Mbps::get);
            LinkOutcome { rate_mbps, in_force: None, left_out }
        }
    };
    let kinds = what_changed(&before.control, &after.control, outcome);
    if before.control.shape.transport_fault != asked.transport_fault {
        player.set_spent_fault(None);
    }
    player.set_control(after, rules);

    for kind in kinds {
        let action = Action { who: player.who(), source: ActionSource::Harness, kind };
        rig.feed.append(clock::now(), &RecordBody::Action(Box::new(action)));
    }
    if let (Some(changing), Some(session)) = (changing, session) {
        in_force(rig, changing, Arc::clone(&session.conductor), stage);
    }
    rig.feed.settled().await;
    let record = player.record();
    rig.events.publish(&Frame::ControlsUpdated(Box::new(record.clone())));
    Ok(record)
}

/// Compiles what is new among the patterns of these rules, where nobody waits for a thread.
async fn compile(player: &Player, rules: Vec<Rule>) -> Result<Compiled, Refusal> {
    let known = player.known_patterns();
    let compiling = tokio::task::spawn_blocking(move || Compiled::of(&rules, &known));
    match compiling.await {
        Ok(compiled) => Ok(compiled?),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Tells of a change of the link that is stored by now, and sees to it that somebody turns its steps.
fn in_force(rig: &Arc<Rig>, changing: Changing, conductor: Arc<Conductor>, stage: OnRig) {
    changing.told().iter().for_each(|kind| stage.say(kind.clone()));
    if changing.keep() {
        rig.spawn("conductor", conductor.conduct(stage));
    }
}

/// Field revisions of rules and labels that are gone are folded into their list.
fn keep_fields_bounded(controlled: &mut Controlled) {
    let Controlled { control, fields } = controlled;
    let gone: Vec<String> = fields
        .keys()
        .filter(|field| match field.split_once('.') {
            Some(("fault_rules", id)) => !control.fault_rules.iter().any(|rule| rule.id.as_str() == id),
            Some(("labels", key)) => !control.labels.keys().any(|label| label.as_str() == key),
            Some(_) | None => false,
        })
        .cloned()
        .collect();
    for field in gone {
        let list = field.split('.').next().unwrap_or_default().to_owned();
        if let Some(revision) = fields.remove(&field) {
            let folded = fields.entry(list).or_default();
            *folded = revision.max(*folded);
        }
    }
}

fn what_changed(before: &Control, after: &Control, link: LinkOutcome) -> Vec<ActionKind> {
    let mut kinds = Vec::new();
    let armed = |fault: Fault| fault != Fault::None;
    for rule in &after.fault_rules {
        let old = before.fault_rules.iter().find(|old| old.id == rule.id);
        let was_armed = old.is_some_and(|old| armed(old.fault));
        if old == Some(rule) {
            continue;
        }
        kinds.push(match (was_armed, armed(rule.fault)) {
            (false, true) => ActionKind::FaultRuleEnabled { rule: rule.clone() },
            (true, false) => ActionKind::FaultRuleDisabled {
                rule_id: rule.id.clone(),
                fault: old.map_or(Fault::None, |old| old.fault),
            },
            (true, true) | (false, false) => ActionKind::FaultRuleConfigChange { rule: rule.clone() },
        });
    }
    for old in &before.fault_rules {
        if !after.fault_rules.iter().any(|rule| rule.id == old.id) {
            kinds.push(ActionKind::FaultRuleDisabled { rule_id: old.id.clone(), fault: old.fault });
        }
    }
    if before.shape != after.shape {
        kinds.push(ActionKind::ShaperConfigChange {
            asked: Box::new(after.shape.clone()),
            in_force_rate_mbps: link.rate_mbps,
            in_force: link.in_force,
            left_out: link.left_out,
        });
    }
    if before.transfer_timeouts != after.transfer_timeouts {
        kinds.push(ActionKind::TransferTimeoutsChange { asked: after.transfer_timeouts });
    }
    if before.content != after.content {
        kinds.push(ActionKind::ContentChange { asked: after.content.clone() });
    }
    if before.labels != after.labels {
        kinds.push(ActionKind::LabelChanged { labels: after.labels.clone() });
    }
    kinds
}

/// Removes a player and everything that was set for it.
pub(crate) async fn delete_player(rig: &Arc<Rig>, id: PlayerId) -> Result<(), Refusal> {
    let player = rig.players.get(id).ok_or_else(|| Refusal::no_player(id))?;
    let _changing = player.change.lock().await;
    if !rig.players.knows(&player) {
        return Err(Refusal::no_player(id));
    }
    rig.store.remove(id).await?;
    // Whoever waits for `change` finds that the player is not known any more.
    rig.players.remove(id);
    if let Some(session) = player.session() {
        sessions::end(rig, &session, EndReason::Deleted).await;
    }
    rig.feed.settled().await;
    rig.events.publish(&Frame::PlayerDeleted(PlayerDeleted { player_id: id }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(json: &str) -> Control {
        serde_json::from_str(json).unwrap()
    }

    fn names(before: &str, after: &str) -> Vec<&'static str> {
        let kinds = what_changed(&control(before), &control(after), LinkOutcome::default());
        kinds.iter().map(ActionKind::event).collect()
    }

    #[test]
    fn every_surface_of_a_change_has_its_action() {
        let rule = r#"{"fault_rules":[{"id":"a","type":"404"}]}"#;
        assert_eq!(names("{}", rule), ["fault_rule_enabled"]);
        assert_eq!(names(rule, "{}"), ["fault_rule_disabled"]);
        assert_eq!(names(rule, r#"{"fault_rules":[{"id":"a","type":"503"}]}"#), ["fault_rule_config_change"]);
        assert_eq!(names(rule, r#"{"fault_rules":[{"id":"a","type":"none"}]}"#), ["fault_rule_disabled"]);
        assert_eq!(
            names("{}", r#"{"shape":{"rate_mbps":1},"labels":{"a":"b"}}"#),
            ["shaper_config_change", "label_changed"]
        );
        assert_eq!(
            names("{}", r#"{"transfer_timeouts":{"idle_timeout_seconds":2}}"#),
            ["transfer_timeouts_change"]
        );
        assert_eq!(names("{}", r#"{"content":{"strip_codecs":true}}"#), ["content_change"]);
        assert_eq!(names(rule, rule), [""; 0]);
    }

    #[test]
    fn revisions_of_what_is_gone_fold_into_the_list() {
        let mut controlled = Controlled::default();
        controlled.fields.insert("fault_rules.a".into(), 4);
        controlled.fields.insert("labels.run".into(), 2);
        keep_fields_bounded(&mut controlled);
        assert_eq!(controlled.fields.get("fault_rules"), Some(&4));
        assert_eq!((controlled.fields.len(), controlled.revision()), (2, 4));
    }
}

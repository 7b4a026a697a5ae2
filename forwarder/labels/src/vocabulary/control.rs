//! Labels of `control_events`: what the rig and its operators did. What makes the rig blind is labelled alike on the requests that
//! it concerns.

use rebuffer_model::Severity::{Info, Warning};
use rebuffer_model::{ActionKind, RecordBody, Remark};

use super::{Family, Rule, Seen};

pub(super) const LABELS: &[Rule] = &[
    Rule::new(Info, "*session_start", "A player got a session of its own.", |seen| is(seen, "session_start")),
    Rule::new(Info, "*session_end", "A session ended.", |seen| is(seen, "session_end")),
    Rule::new(Warning, "*fault_rule_enabled", "A fault rule was armed.", |seen| {
        is(seen, "fault_rule_enabled")
    }),
    Rule::new(Info, "*fault_rule_disabled", "A fault rule was removed.", |seen| {
        is(seen, "fault_rule_disabled")
    }),
    Rule::new(Warning, "*fault_rule_config_change", "A fault rule was edited.", |seen| {
        is(seen, "fault_rule_config_change")
    }),
    Rule::new(Info, "*shaper_config_change", "The link was set.", |seen| is(seen, "shaper_config_change")),
    Rule::new(Info, "*pattern_enabled", "A pattern began to run.", |seen| is(seen, "pattern_enabled")),
    Rule::new(Info, "*pattern_disabled", "A pattern ended.", |seen| is(seen, "pattern_disabled")),
    Rule::new(Info, "*pattern_step", "The link took a step of its pattern.", |seen| is(seen, "pattern_step")),
    Rule::new(Warning, "*fault_on", "A window of a transport fault began.", |seen| is(seen, "fault_on")),
    Rule::new(Info, "*fault_off", "A window of a transport fault ended.", |seen| is(seen, "fault_off")),
    Rule::new(Warning, "*shaper_drift", "Somebody else changed what the kernel had been told.", |seen| {
        is(seen, "shaper_drift")
    }),
    Rule::new(Info, "*transfer_timeouts_change", "The limits of transfers were set.", |seen| {
        is(seen, "transfer_timeouts_change")
    }),
    Rule::new(Info, "*content_change", "The edits of playlists were set.", |seen| is(seen, "content_change")),
    Rule::new(Warning, "*content_unmet", "A playlist could not be edited as asked.", |seen| {
        is(seen, "content_unmet")
    }),
    Rule::new(Warning, "*manifest_changed", "The playlists declare another ladder than before.", |seen| {
        is(seen, "manifest_changed")
    }),
    Rule::new(Info, "*label_changed", "The labels of the player were edited.", |seen| {
        is(seen, "label_changed")
    }),
    Rule::new(Warning, "*origin_left", "A playlist or a redirect leads the player past the rig.", |seen| {
        is(seen, "origin_left") || remarked(seen, Remark::OriginLeft)
    }),
    Rule::new(
        Warning,
        "*playlist_unread",
        "A body that looks like a playlist was not read, so what it names is not known.",
        |seen| is(seen, "playlist_unread") || remarked(seen, Remark::PlaylistUnread),
    ),
    Rule::new(Warning, "*request_unread", "What came could not be read as a request.", |seen| {
        is(seen, "request_unread")
    }),
    Rule::new(
        Warning,
        "*playlists_unknown",
        "Media was asked for that no playlist of the session has named yet.",
        |seen| is(seen, "playlists_unknown"),
    ),
    Rule::new(
        Warning,
        "*client_ambiguous",
        "A client that names no player could be any of several players.",
        |seen| is(seen, "client_ambiguous"),
    ),
    Rule::new(Warning, "*feed_gap", "Records were lost before they could be archived.", |seen| {
        matches!(seen.now.body, RecordBody::Gap { .. })
    }),
];

pub(super) const LABEL_VALUES: Family = Family {
    severity: Info,
    form: "<key>_<value>",
    doc: "A label of the player, as it was when the labels were edited.",
    names: |seen| {
        let Some(ActionKind::LabelChanged { labels }) = seen.action().map(|action| &action.kind) else {
            return Vec::new();
        };
        let pairs = labels.iter().map(|(key, value)| (plain(key.as_str()), plain(value.as_str())));
        pairs
            .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            .map(|(key, value)| format!("{key}_{value}"))
            .collect()
    },
};

pub(super) const PATTERN_MODES: Family = Family {
    severity: Info,
    form: "*pattern_<event>_<mode>",
    doc: "What a pattern that began, ended or took a step does: a template, steps or a trace.",
    names: |seen| {
        let kind = seen.action().map(|action| &action.kind);
        let Some(
            kind @ (ActionKind::PatternEnabled { mode, .. }
            | ActionKind::PatternDisabled { mode, .. }
            | ActionKind::PatternStep { mode, .. }),
        ) = kind
        else {
            return Vec::new();
        };
        vec![format!("*{}_{}", kind.event(), plain(mode))]
    },
};

fn is(seen: &Seen<'_>, event: &str) -> bool {
    seen.action().is_some_and(|action| action.kind.event() == event)
}

/// Whether it is an exchange with this remark.
fn remarked(seen: &Seen<'_>, remark: Remark) -> bool {
    seen.exchange().is_some_and(|exchange| exchange.remarks.contains(&remark))
}

/// What is left of a text when everything is dropped that would break the grammar of labels.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-')).collect()
}

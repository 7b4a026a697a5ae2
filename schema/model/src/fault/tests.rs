//! The laws of the fault list: names, rows, scripts and parameters agree.

use std::collections::BTreeSet;

use super::*;
use crate::{H2Scope, Rule};

fn plain(fact: &FaultFact) -> Vec<Step> {
    fact.fault.script(&FaultParams::default())
}

#[test]
fn every_listed_fault_parses_is_documented_and_named_as_listed() {
    let mut names = BTreeSet::new();
    for fact in FAULTS {
        assert_eq!(fact.name.parse(), Ok(fact.fault), "{}", fact.name);
        assert_eq!(fact.fault.to_string(), fact.name);
        assert!(fact.doc.len() > 20, "{}", fact.name);
        assert!(matches!(fact.fault, Fault::Status(_)) || fact.fault.fact().name == fact.name);
        for name in std::iter::once(&fact.name).chain(fact.aliases) {
            assert!(names.insert(*name), "{name} means two faults");
        }
    }
}

#[test]
fn older_names_are_read_and_the_name_of_today_is_written() {
    for (old, name) in [
        ("hung", "request_connect_hang"),
        ("socket_timeout", "request_connect_hang"),
        ("socket_drop", "request_connect_hang"),
        ("socket_drop_before_headers", "request_connect_hang"),
        ("socket_reject", "request_connect_reset"),
        ("socket_reject_before_headers", "request_connect_reset"),
        ("socket_drop_after_headers", "request_first_byte_hang"),
        ("socket_reject_after_headers", "request_first_byte_reset"),
        ("socket_drop_mid_body", "request_body_hang"),
        ("socket_reject_mid_body", "request_body_reset"),
    ] {
        assert_eq!(old.parse::<Fault>().unwrap().to_string(), name);
    }
}

#[test]
fn a_script_says_nothing_after_its_end_and_asks_the_origin_once() {
    for fact in FAULTS {
        let script = plain(fact);
        let ends =
            |step: &Step| step.cuts() || matches!(step, Step::Answer(_) | Step::RedirectHere | Step::Body);
        assert_eq!(script.iter().position(ends), Some(script.len() - 1), "{}", fact.name);
        let asks = script.iter().filter(|step| **step == Step::Forward).count();
        let of_the_body =
            |step: &Step| matches!(step, Step::Body | Step::BodyPrefix { .. } | Step::Damage(_));
        assert_eq!(asks, usize::from(asks == 1 || script.iter().any(of_the_body)), "{}", fact.name);
    }
}

/// A value for each parameter that changes what any fault does.
fn odd(name: &str) -> FaultParams {
    let mut params = FaultParams::default();
    match name {
        "after_bytes" => params.after_bytes = Some(7),
        "hold_ms" => params.hold_ms = Some(7),
        "jitter_ms" => params.jitter_ms = Some(7),
        "seed" => {
            (params.seed, params.jitter_ms, params.corruption) =
                (Some(7), Some(7), Some(Corruption::BitFlips));
        }
        "status" => params.status = Some(477),
        "retry_after" => params.retry_after = Some(7),
        "body" => params.body = Some("seven".to_owned()),
        "content_type" => params.content_type = Some("text/seven".to_owned()),
        "rate_mbps" => params.rate_mbps = Some(crate::Mbps::new(7.0).unwrap()),
        "corruption" => params.corruption = Some(Corruption::FirstBytes),
        "corrupt_bytes" => (params.corrupt_bytes, params.corruption) = (Some(7), Some(Corruption::LastBytes)),
        "extent" => params.extent = Some(7),
        "h2_scope" => params.h2_scope = Some(H2Scope::Connection),
        other => panic!("no value for {other}"),
    }
    params
}

#[test]
fn a_fault_takes_exactly_the_parameters_that_change_its_script() {
    for fact in FAULTS {
        for name in FaultParams::NAMES {
            let changes = fact.fault.script(&odd(name)) != plain(fact);
            assert_eq!(changes, fact.params.contains(name), "{} and {name}", fact.name);
        }
        assert!(fact.params.iter().all(|name| FaultParams::NAMES.contains(name)), "{}", fact.name);
    }
}

fn refused(rule: &str) -> &'static str {
    let rule: Rule = serde_json::from_str(rule).unwrap();
    rule.check().unwrap_err().0
}

#[test]
fn what_a_fault_does_not_take_and_what_is_out_of_bounds_is_refused_by_name() {
    for (rule, field) in [
        (r#"{"type":"404","hold_ms":5}"#, "hold_ms"),
        (r#"{"type":"404","status":500}"#, "status"),
        (r#"{"type":"none","body":"x"}"#, "body"),
        (r#"{"type":"request_body_reset","hold_ms":5}"#, "hold_ms"),
        (r#"{"type":"request_connect_hang","hold_ms":600001}"#, "hold_ms"),
        (r#"{"type":"timeout","status":200}"#, "status"),
        (r#"{"type":"corrupted","corruption":"first_bytes","corrupt_bytes":0}"#, "corrupt_bytes"),
        (r#"{"type":"corrupted","corruption":"first_bytes","corrupt_bytes":70000}"#, "corrupt_bytes"),
        (r#"{"type":"corrupted","corrupt_bytes":5}"#, "corrupt_bytes"),
        (r#"{"type":"corrupted","seed":5}"#, "seed"),
        (r#"{"type":"latency","seed":5}"#, "seed"),
        (r#"{"type":"latency","jitter_ms":1001}"#, "jitter_ms"),
        (r#"{"type":"slow_body","rate_mbps":0}"#, "rate_mbps"),
        (r#"{"type":"wrong_content_type","content_type":"a\nb"}"#, "content_type"),
    ] {
        assert_eq!(refused(rule), field, "{rule}");
    }
    for name in FaultParams::NAMES {
        let given: Vec<_> = odd(name).given().collect();
        assert!(given.contains(name), "{given:?}");
    }
}

#[test]
fn what_is_no_fault_is_refused_with_the_list() {
    for bad in ["399", "600", "nope", ""] {
        assert!(bad.parse::<Fault>().unwrap_err().contains("request_body_reset"), "{bad}");
    }
}

//! The rows of the table against the types, and what does not fit.

use std::collections::HashSet;

use super::*;

fn number(value: f64) -> CmcdValue {
    CmcdValue::Item(CmcdBare::Number(value).into())
}

fn text(value: &str) -> CmcdValue {
    CmcdValue::Item(CmcdBare::Text(value.to_owned()).into())
}

/// A value that a key of this unit takes.
fn sample(key: &CmcdKey) -> CmcdValue {
    match (key.name, key.unit) {
        ("ot", _) => text("av"),
        ("sta", _) => text("p"),
        (_, "flag") => CmcdValue::Item(CmcdBare::Flag(true).into()),
        (_, "token" | "string" | "base64" | "list of strings") => text("x"),
        _ => number(7.0),
    }
}

#[test]
fn every_key_has_a_place_under_its_own_name() {
    let mut names = HashSet::new();
    for key in CMCD_KEYS {
        assert!(names.insert(key.name) && key.doc.len() > 5, "{}", key.name);
        let mut cmcd = Cmcd::default();
        cmcd.put(key.name, sample(key));
        assert_eq!((cmcd.dropped, cmcd.extras.len()), (0, 0), "{}", key.name);
        let json = serde_json::to_string(&cmcd).unwrap();
        assert!(
            json.starts_with(&format!("{{\"{}\":", key.name)) && json.matches(':').count() <= 3,
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Cmcd>(&json).unwrap(), cmcd);
    }
    assert_eq!(names.len(), 51);
}

#[test]
fn a_value_of_the_wrong_type_is_dropped_and_counted() {
    for key in CMCD_KEYS {
        let mut cmcd = Cmcd::default();
        let wrong = match key.unit {
            "token" | "string" | "base64" | "list of strings" | "flag" => number(1.0),
            _ => text("x"),
        };
        cmcd.put(key.name, wrong);
        assert_eq!(cmcd, Cmcd { dropped: 1, ..Cmcd::default() }, "{}", key.name);
    }
}

#[test]
fn what_is_too_long_too_large_or_too_many_is_dropped() {
    let mut cmcd = Cmcd::default();
    cmcd.put("sid", text(&"x".repeat(65)));
    cmcd.put("d", number(-1.0));
    cmcd.put("d", number(f64::INFINITY));
    cmcd.put("pr", number(f64::NAN));
    cmcd.put("br", CmcdValue::List(vec![CmcdBare::Number(1.0).into(); 65]));
    cmcd.put("com.example-x", text(&"x".repeat(257)));
    cmcd.put("", number(1.0));
    assert_eq!(cmcd, Cmcd { dropped: 7, ..Cmcd::default() });
    for index in 0..100 {
        cmcd.put(&format!("com.example-{index}"), number(1.0));
    }
    assert_eq!((cmcd.extras.len(), cmcd.dropped), (64, 43));
}

#[test]
fn of_a_key_that_comes_twice_the_first_stays() {
    let mut cmcd = Cmcd::default();
    for value in [1.0, 2.0] {
        cmcd.put("br", number(value));
        cmcd.put("d", number(value));
        cmcd.put("own-key", number(value));
    }
    assert_eq!((cmcd.object.bitrate[0].value, cmcd.object.duration_ms), (1, Some(1)));
    assert_eq!(cmcd.extras.get("own-key"), Some(&Extra::Number(1.0)));
}

#[test]
fn numbers_may_say_which_object_they_are_about() {
    let item = |value, name: &str| CmcdItem {
        bare: CmcdBare::Number(value),
        parameters: vec![(name.to_owned(), CmcdBare::Flag(true))],
    };
    let mut cmcd = Cmcd::default();
    cmcd.put("br", CmcdValue::List(vec![item(3000.0, "v"), item(128.4, "a"), item(5.0, "zz")]));
    let expected = [(3000, Some(CmcdObjectType::Video)), (128, Some(CmcdObjectType::Audio)), (5, None)];
    assert_eq!(cmcd.object.bitrate, expected.map(|(value, ot)| PerObject { value, ot }));
}

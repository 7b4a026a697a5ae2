//! Durations of XML Schema: `PT1H2M3.5S`.
//!
//! Invariant: a duration that is read fits a `u64` of milliseconds. Deliberately absent: years and months, whose length
//! depends on the day they are counted from, and negative ones.

/// Milliseconds.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let (date, time) = match text.trim_ascii().strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, time),
        None => (text.trim_ascii().strip_prefix('P')?, ""),
    };
    let mut total = 0_u64;
    let units = [(date, "YMD", [0, 0, 86_400_000]), (time, "HMS", [3_600_000, 60_000, 1_000])];
    for (mut rest, letters, scale) in units {
        for (letter, scale) in letters.chars().zip(scale) {
            let Some((number, after)) = rest.split_once(letter) else { continue };
            rest = after;
            total = total.checked_add(thousandths(number)?.checked_mul(scale)? / 1_000)?;
            if scale == 0 && thousandths(number)? != 0 {
                return None;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(total)
}

/// `12.3456` as 12345.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = format!("{part:0<3}").get(..3)?.parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_to_the_millisecond() {
        for (text, expected) in [
            ("PT1H2M3.5S", Some(3_723_500)),
            ("P1DT1S", Some(86_401_000)),
            ("PT0S", Some(0)),
            ("P0Y0M1D", Some(86_400_000)),
            ("PT12.3456S", Some(12_345)),
            ("P1Y", None),
            ("PT", Some(0)),
            ("PT1X", None),
            ("PT-1S", None),
            ("PT1.é9S", None),
            ("PT18446744073709551615H", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}

//! How playlists are edited on their way to the player.
//!
//! Invariant: the default edits nothing; a description that passes `check` can be carried out on any playlist, or the
//! editor says what it could not do. Deliberately absent: the editing itself (see the media room).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The bounds of `bandwidth_pct`.
pub const BANDWIDTH_PCT: std::ops::RangeInclusive<i32> = -90..=900;
/// What `overstate_bandwidth` adds, percent.
pub const OVERSTATE_PCT: i32 = 10;
/// The longest `live_offset`, seconds.
pub const MAX_LIVE_OFFSET: u32 = 3_600;
/// The most variants, or rungs, that are named.
const MAX_ALLOWED: usize = 128;
/// The longest URI or id that is named.
const MAX_URI: usize = 2_048;

/// Edits of the playlists and MPDs of a player. An absent field leaves that property alone; what no field names passes
/// byte for byte. Takes effect on the next fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Remove `CODECS` from every variant of a multivariant playlist, `codecs` of pictures from an MPD.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strip_codecs: bool,
    /// Remove `AVERAGE-BANDWIDTH` from every variant; an MPD has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strip_average_bandwidth: bool,
    /// Remove `RESOLUTION` from every variant, `width` and `height` of pictures from an MPD.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strip_resolution: bool,
    /// Declare the bandwidths this many percent higher, or lower when negative, cut to whole bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -90, maximum = 900)]
    pub bandwidth_pct: Option<i32>,
    /// The same as a `bandwidth_pct` of 10.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overstate_bandwidth: bool,
    /// Keep the variants with these URIs, as the origin writes them, or the representations with these ids; the others go
    /// with the renditions that only they refer to. Empty allows all, unless `allowed_rungs` says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 128)]
    pub allowed_variants: Vec<String>,
    /// Keep these rungs as well, 0 is the lowest bandwidth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 128)]
    pub allowed_rungs: Vec<u32>,
    /// List the variants in another order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_order: Option<VariantOrder>,
    /// Ask the player to stay this many seconds behind the live edge: `EXT-X-START` in playlists, `HOLD-BACK` where the
    /// server has one, `suggestedPresentationDelay` in an MPD. 0 leaves it alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(maximum = 3_600)]
    pub live_offset: u32,
}

/// An order of variants. Equal bandwidths keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantOrder {
    /// The lowest bandwidth first.
    Ascending,
    /// The highest bandwidth first.
    Descending,
    /// The last one first.
    Reversed,
}

impl Content {
    /// Whether nothing is edited.
    pub fn is_neutral(&self) -> bool {
        let Self {
            strip_codecs,
            strip_average_bandwidth,
            strip_resolution,
            bandwidth_pct: _,
            overstate_bandwidth: _,
            allowed_variants: _,
            allowed_rungs: _,
            variant_order,
            live_offset,
        } = self;
        let strips = *strip_codecs || *strip_average_bandwidth || *strip_resolution;
        !strips
            && self.declared_pct() == 0
            && !self.restricts_variants()
            && variant_order.is_none()
            && *live_offset == 0
    }

    /// By how many percent the declared bandwidths are changed.
    pub fn declared_pct(&self) -> i32 {
        self.bandwidth_pct.unwrap_or(if self.overstate_bandwidth { OVERSTATE_PCT } else { 0 })
    }

    /// Whether only some variants are allowed.
    pub fn restricts_variants(&self) -> bool {
        !self.allowed_variants.is_empty() || !self.allowed_rungs.is_empty()
    }

    /// Checks the bounds: the name of the first field that lies outside, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(pct) = self.bandwidth_pct {
            if !BANDWIDTH_PCT.contains(&pct) {
                let (low, high) = (BANDWIDTH_PCT.start(), BANDWIDTH_PCT.end());
                return Err(("bandwidth_pct", format!("must be from {low} to {high} percent; got {pct}")));
            }
            if self.overstate_bandwidth {
                let message = format!("means a bandwidth_pct of {OVERSTATE_PCT}; say one of the two");
                return Err(("overstate_bandwidth", message));
            }
        }
        let counts =
            [("allowed_variants", self.allowed_variants.len()), ("allowed_rungs", self.allowed_rungs.len())];
        if let Some((field, got)) = counts.into_iter().find(|(_, count)| *count > MAX_ALLOWED) {
            return Err((field, format!("at most {MAX_ALLOWED} entries; got {got}")));
        }
        if self.allowed_variants.iter().any(|uri| uri.is_empty() || uri.len() > MAX_URI) {
            return Err(("allowed_variants", format!("an entry has 1 to {MAX_URI} bytes")));
        }
        if self.live_offset > MAX_LIVE_OFFSET {
            let got = self.live_offset;
            return Err(("live_offset", format!("must be from 0 to {MAX_LIVE_OFFSET} seconds; got {got}")));
        }
        Ok(())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Content {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn nothing_asked_is_neutral_and_written_as_nothing() {
        assert!(Content::default().is_neutral());
        assert_eq!(serde_json::to_string(&Content::default()).unwrap(), "{}");
        for asked in [
            r#"{"strip_codecs":true}"#,
            r#"{"strip_average_bandwidth":true}"#,
            r#"{"strip_resolution":true}"#,
            r#"{"bandwidth_pct":-50}"#,
            r#"{"overstate_bandwidth":true}"#,
            r#"{"allowed_variants":["a"]}"#,
            r#"{"allowed_rungs":[0]}"#,
            r#"{"variant_order":"reversed"}"#,
            r#"{"live_offset":18}"#,
        ] {
            let content = read(asked);
            assert!(!content.is_neutral() && content.check().is_ok(), "{asked}");
            assert_eq!(serde_json::to_string(&content).unwrap(), asked);
        }
        assert!(serde_json::from_str::<Content>(r#"{"strip_everything":true}"#).is_err());
    }

    #[test]
    fn overstating_is_ten_percent() {
        assert_eq!(read(r#"{"overstate_bandwidth":true}"#).declared_pct(), 10);
        assert_eq!(read(r#"{"bandwidth_pct":-50}"#).declared_pct(), -50);
        assert!(read(r#"{"bandwidth_pct":0}"#).is_neutral());
    }

    #[test]
    fn bounds_name_the_field() {
        for (bad, field) in [
            (r#"{"bandwidth_pct":-91}"#, "bandwidth_pct"),
            (r#"{"bandwidth_pct":901}"#, "bandwidth_pct"),
            (r#"{"bandwidth_pct":5,"overstate_bandwidth":true}"#, "overstate_bandwidth"),
            (r#"{"allowed_variants":[""]}"#, "allowed_variants"),
            (r#"{"live_offset":3601}"#, "live_offset"),
        ] {
            assert_eq!(read(bad).check().unwrap_err().0, field, "{bad}");
        }
        let many = Content { allowed_rungs: (0..129).collect(), ..Content::default() };
        assert_eq!(many.check().unwrap_err().0, "allowed_rungs");
    }
}

//! Links with a name: what tools and people call "3G", each under the name of who calls it that.
//!
//! Invariant: `PRESETS` is a table of facts, both directions and one-way delays; a name once given stays, because players are
//! stored with it. Where a source gives a round trip, each direction has half of it. Where it delays requests instead of
//! packets, its target round trip stands here.
//! Deliberately absent: what is no property of packets, such as a slow name server.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Conditions, Mbps, Millis, Percent, Shape};

/// A link with a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// `source/name`.
    pub name: &'static str,
    /// What is peculiar to it; empty for most.
    pub note: &'static str,
    /// How well its numbers are known.
    pub certainty: Certainty,
    /// Towards the player.
    pub down: Way,
    /// From the player.
    pub up: Way,
}

/// One direction of a preset. 0 is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// The rate, 10^3 bit/s.
    pub kbps: f64,
    /// One-way delay, ms.
    pub delay_ms: u64,
    /// Jitter either way, ms.
    pub jitter_ms: u64,
    /// Packets lost, percent.
    pub loss_pct: f64,
}

/// How well the numbers of a preset are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Read in the source itself.
    Verified,
    /// Read in another work that names the source.
    SecondHand,
    /// General knowledge, not looked up.
    Recalled,
}

/// The name of a preset that exists.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PresetName(&'static Preset);

/// Who gives links these names: the prefix, and what its numbers are.
pub const SOURCES: &[(&str, &str)] = &[
    (
        "devtools",
        "Chrome DevTools: the rates it sets, which are 0.8 or 0.9 of those it aims at; the round trip it aims at, because it delays requests and not packets.",
    ),
    ("lighthouse", "Lighthouse, as it simulates links."),
    ("wpt", "WebPageTest."),
    ("sitespeed", "sitespeed.io throttle, whose names are those of WebPageTest with other numbers."),
    ("firefox", "Firefox developer tools."),
    ("comcast", "The tool comcast; one rate and one loss for both directions."),
    ("atc", "Augmented Traffic Control."),
    ("apple", "Apple Network Link Conditioner."),
    ("infinite-streaming", "infinite-streaming; no rate, delay and loss towards the player only."),
];

use Certainty::{Recalled, SecondHand, Verified};

/// Every preset.
pub const PRESETS: &[Preset] = &[
    round_trip("devtools/3g", Verified, (400.0, 400.0), 400),
    round_trip("devtools/slow-4g", Verified, (1_440.0, 675.0), 150).noted("\"Fast 3G\" until May 2024."),
    round_trip("devtools/fast-4g", Verified, (8_100.0, 1_350.0), 60),
    round_trip("lighthouse/mobile-slow-4g", Verified, (1_638.4, 750.0), 150),
    round_trip("lighthouse/mobile-regular-3g", Verified, (700.0, 700.0), 300),
    round_trip("lighthouse/desktop-dense-4g", Verified, (10_240.0, 0.0), 40),
    round_trip("wpt/cable", Verified, (5_000.0, 1_000.0), 28),
    round_trip("wpt/dsl", Verified, (1_500.0, 384.0), 50),
    round_trip("wpt/fios", Verified, (20_000.0, 5_000.0), 4),
    round_trip("wpt/dial", Verified, (49.0, 30.0), 120),
    round_trip("wpt/3g", Verified, (1_600.0, 768.0), 300),
    round_trip("wpt/3gfast", Verified, (1_600.0, 768.0), 150),
    round_trip("wpt/3gslow", Verified, (780.0, 330.0), 200),
    round_trip("wpt/edge", Verified, (240.0, 200.0), 840),
    round_trip("wpt/2g", Verified, (35.0, 32.0), 1_300),
    round_trip("wpt/4g", Recalled, (9_000.0, 9_000.0), 170),
    round_trip("wpt/lte", Recalled, (12_000.0, 12_000.0), 70),
    round_trip("sitespeed/3g", Verified, (1_600.0, 768.0), 150),
    round_trip("sitespeed/3gfast", Verified, (1_600.0, 768.0), 75),
    round_trip("sitespeed/3gslow", Verified, (400.0, 400.0), 200),
    round_trip("sitespeed/3gem", Verified, (400.0, 400.0), 200),
    round_trip("sitespeed/2g", Verified, (280.0, 256.0), 400),
    round_trip("sitespeed/edge", Verified, (240.0, 200.0), 420),
    round_trip("sitespeed/cable", Verified, (5_000.0, 1_000.0), 14),
    round_trip("sitespeed/dsl", Verified, (1_500.0, 384.0), 25),
    round_trip("sitespeed/4g", Verified, (9_000.0, 9_000.0), 85),
    round_trip("sitespeed/lte", Verified, (12_000.0, 12_000.0), 35),
    round_trip("sitespeed/fios", Verified, (20_000.0, 5_000.0), 2),
    round_trip("sitespeed/dial", Verified, (49.0, 30.0), 60),
    round_trip("firefox/gprs", Verified, (50.0, 20.0), 500),
    round_trip("firefox/2g", Verified, (250.0, 50.0), 300),
    round_trip("firefox/good-2g", Verified, (450.0, 150.0), 150),
    round_trip("firefox/3g", Verified, (750.0, 250.0), 100),
    round_trip("firefox/good-3g", Verified, (1_500.0, 750.0), 40),
    round_trip("firefox/4g", Verified, (4_000.0, 3_000.0), 20),
    round_trip("firefox/dsl", Verified, (2_000.0, 1_000.0), 5),
    round_trip("firefox/wifi", Verified, (30_000.0, 15_000.0), 2),
    round_trip("comcast/gprs", Verified, (50.0, 50.0), 500).losing(2.0),
    round_trip("comcast/edge", Verified, (250.0, 250.0), 300).losing(1.5),
    round_trip("comcast/3g", Verified, (750.0, 750.0), 250).losing(1.5),
    round_trip("comcast/dial", Verified, (40.0, 40.0), 185).losing(2.0),
    round_trip("comcast/dsl-poor", Verified, (2_000.0, 2_000.0), 70).losing(2.0),
    round_trip("comcast/dsl-good", Verified, (8_000.0, 8_000.0), 40).losing(0.5),
    round_trip("comcast/wifi", Verified, (30_000.0, 30_000.0), 40).losing(0.2),
    round_trip("comcast/starlink", Verified, (0.0, 0.0), 20).losing(2.5).noted("Has no rate."),
    one_way("atc/2g-rural", Verified, (20.0, 650), (18.0, 650)).losing(2.0),
    one_way("atc/2g-urban", Verified, (35.0, 650), (32.0, 650)),
    one_way("atc/edge-good", Verified, (250.0, 350), (200.0, 370)),
    one_way("atc/edge-average", Verified, (240.0, 400), (200.0, 440)),
    one_way("atc/edge-lossy", Verified, (240.0, 400), (200.0, 440)).losing(1.0),
    one_way("atc/3g-average", Verified, (780.0, 100), (330.0, 100)),
    one_way("atc/3g-good", Verified, (850.0, 90), (420.0, 100)),
    one_way("atc/dsl", Verified, (2_000.0, 5), (256.0, 5)),
    one_way("atc/cable", Verified, (6_000.0, 2), (1_000.0, 2)),
    one_way("apple/3g", SecondHand, (780.0, 100), (330.0, 100)),
    one_way("apple/dsl", SecondHand, (2_000.0, 5), (256.0, 5)),
    one_way("apple/edge", SecondHand, (240.0, 400), (200.0, 440)),
    one_way("apple/lte", SecondHand, (50_000.0, 50), (10_000.0, 65))
        .noted("Another work gives 65 ms towards the player."),
    one_way("apple/wifi", Recalled, (40_000.0, 1), (33_000.0, 1)),
    one_way("apple/wifi-802.11ac", Recalled, (250_000.0, 1), (100_000.0, 1))
        .noted("Another work gives 1100 Mbit/s."),
    one_way("apple/very-bad-network", SecondHand, (1_000.0, 500), (1_000.0, 500)).losing(10.0),
    one_way("apple/100-percent-loss", SecondHand, (0.0, 0), (0.0, 0)).losing(100.0),
    towards_player("infinite-streaming/home", (20, 5), 0.2),
    towards_player("infinite-streaming/mobile-good", (40, 20), 0.5),
    towards_player("infinite-streaming/mobile-poor", (150, 80), 3.0),
];

const PLAIN: Way = Way { kbps: 0.0, delay_ms: 0, jitter_ms: 0, loss_pct: 0.0 };

/// A preset whose source gives a round trip: rates down and up.
const fn round_trip(name: &'static str, certainty: Certainty, kbps: (f64, f64), rtt_ms: u64) -> Preset {
    let half = rtt_ms / 2;
    one_way(name, certainty, (kbps.0, half), (kbps.1, rtt_ms - half))
}

/// A preset whose source gives each direction: rate and delay.
const fn one_way(name: &'static str, certainty: Certainty, down: (f64, u64), up: (f64, u64)) -> Preset {
    let down = Way { kbps: down.0, delay_ms: down.1, ..PLAIN };
    Preset { name, note: "", certainty, down, up: Way { kbps: up.0, delay_ms: up.1, ..PLAIN } }
}

/// A preset that concerns what goes to the player: delay and jitter, loss.
const fn towards_player(name: &'static str, (delay_ms, jitter_ms): (u64, u64), loss_pct: f64) -> Preset {
    let note = "In the source losses come in bursts of a length it leaves to netem's correlation.";
    let down = Way { kbps: 0.0, delay_ms, jitter_ms, loss_pct };
    Preset { name, note, certainty: Verified, down, up: PLAIN }
}

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Who gives the link this name.
    pub fn source(&self) -> &'static str {
        let prefix = self.name.split('/').next().unwrap_or_default();
        SOURCES.iter().find(|(source, _)| *source == prefix).map(|(_, doc)| *doc).unwrap_or_default()
    }

    /// The link.
    pub fn shape(&self) -> Shape {
        Shape { down: self.down.conditions(), uplink: self.up.conditions(), seed: None }
    }

    /// The round trip it adds, ms.
    pub fn rtt_ms(&self) -> u64 {
        self.down.delay_ms + self.up.delay_ms
    }

    const fn losing(mut self, pct: f64) -> Self {
        self.down.loss_pct = pct;
        self.up.loss_pct = pct;
        self
    }

    const fn noted(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

impl Way {
    fn conditions(&self) -> Conditions {
        let ms = |ms: u64| (ms > 0).then_some(Millis(ms));
        Conditions {
            rate_mbps: Mbps::new(self.kbps / 1_000.0).ok().filter(|rate| rate.get() > 0.0),
            delay_ms: ms(self.delay_ms),
            jitter_ms: ms(self.jitter_ms),
            loss_pct: Percent::new(self.loss_pct).ok().filter(|loss| loss.get() > 0.0),
            ..Conditions::default()
        }
    }
}

impl PresetName {
    /// The name of a preset that exists.
    pub fn new(name: &str) -> Result<Self, String> {
        Preset::named(name).map(Self).ok_or_else(|| {
            let near = name.rsplit('/').next().unwrap_or(name).to_lowercase();
            let like = PRESETS.iter().map(|preset| preset.name).filter(|known| {
                known.split('/').next_back().is_some_and(|last| !near.is_empty() && last.contains(&near))
            });
            let like: Vec<_> = like.take(6).collect();
            let hint =
                if like.is_empty() { String::new() } else { format!("; there are {}", like.join(", ")) };
            format!("no preset is called {name:?}{hint}; GET /api/v2/link-presets lists them all")
        })
    }

    /// The preset.
    pub fn preset(self) -> &'static Preset {
        self.0
    }
}

impl fmt::Debug for PresetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.name)
    }
}

impl TryFrom<String> for PresetName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<PresetName> for String {
    fn from(name: PresetName) -> String {
        name.0.name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_have_a_source_and_are_written_alike() {
        let names: BTreeSet<_> = PRESETS.iter().map(|preset| preset.name).collect();
        assert_eq!(names.len(), PRESETS.len());
        for preset in PRESETS {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
            let (source, name) = preset.name.split_once('/').unwrap();
            assert!(source.chars().chain(name.chars()).all(plain), "{}", preset.name);
            assert!(!preset.source().is_empty(), "{}", preset.name);
        }
        for (source, doc) in SOURCES {
            assert!(doc.ends_with('.') && names.iter().any(|name| name.starts_with(source)), "{source}");
        }
    }

    #[test]
    fn every_preset_is_a_shape_that_can_be_asked_for() {
        for preset in PRESETS {
            let shape = preset.shape();
            shape.check().unwrap_or_else(|error| panic!("{}: {error:?}", preset.name));
            assert!(!shape.is_neutral(), "{} asks nothing", preset.name);
        }
    }

    #[test]
    fn a_round_trip_is_shared_and_none_of_it_is_lost() {
        let odd = Preset::named("sitespeed/lte").unwrap();
        assert_eq!((odd.down.delay_ms, odd.up.delay_ms, odd.rtt_ms()), (17, 18, 35));
    }

    #[test]
    fn a_name_that_is_none_says_what_there_is() {
        let error = PresetName::new("chrome/slow-4g").unwrap_err();
        assert!(error.contains("devtools/slow-4g, lighthouse/mobile-slow-4g"), "{error}");
        assert!(serde_json::from_str::<PresetName>("\"3g\"").is_err());
        let name: PresetName = serde_json::from_str("\"atc/dsl\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"atc/dsl\"");
    }
}

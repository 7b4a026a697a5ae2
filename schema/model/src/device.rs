//! Device families, told by the User-Agent.
//!
//! Invariant: a family is only told by a word that its devices alone use; what names none is of no family.
//! Deliberately absent: versions and browsers.

/// A family and the words that tell it, lower case; the first family that has one of its words wins.
pub const DEVICE_FAMILIES: &[(&str, &[&str])] = &[
    ("Apple TV", &["apple tv", "appletv", "tvos"]),
    ("Roku", &["roku"]),
    ("Fire TV", &["; aft", "firetv", "fire tv", "amazonwebappplatform"]),
    ("Samsung TV", &["tizen", "smart-tv", "smarttv; samsung"]),
    ("LG TV", &["web0s", "webos", "netcast"]),
    ("Chromecast", &["crkey", "google tv", "googletv"]),
    ("Android TV", &["android tv", "androidtv", "bravia", "shield android tv", "mibox"]),
    ("Philips TV", &["philipstv", "nettv/"]),
    ("Vizio TV", &["vizio"]),
    ("Hisense TV", &["vidaa", "hisense"]),
    ("HbbTV", &["hbbtv"]),
    ("Smart TV", &["smarttv", "smart tv"]),
    ("PlayStation", &["playstation"]),
    ("Xbox", &["xbox"]),
    ("Nintendo Switch", &["nintendo switch"]),
    ("iPad", &["ipad"]),
    ("iPhone", &["iphone", "ipod"]),
    ("HomePod", &["homepod"]),
    ("Android", &["android"]),
];

/// Computers, of which a page and a media stack say the same.
pub const COMPUTER_FAMILIES: &[(&str, &[&str])] = &[
    ("Mac", &["macintosh", "mac os x"]),
    ("Windows", &["windows nt"]),
    ("ChromeOS", &["; cros "]),
    ("Linux", &["x11; linux"]),
];

/// The family that a User-Agent tells of; `None` when it tells of none.
pub fn device_family(user_agent: &str) -> Option<&'static str> {
    let lower = user_agent.to_ascii_lowercase();
    let mut families = DEVICE_FAMILIES.iter().chain(COMPUTER_FAMILIES);
    families.find(|(_, words)| words.iter().any(|word| lower.contains(word))).map(|(family, _)| *family)
}

/// Whether a User-Agent names a device, and not a computer, a program or nothing.
pub fn names_device(user_agent: &str) -> bool {
    device_family(user_agent).is_some_and(|it| DEVICE_FAMILIES.iter().any(|(family, _)| *family == it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_by_their_words() {
        for (user_agent, family) in [
            ("AppleCoreMedia/1.0.0.20K71 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_us)", Some("Apple TV")),
            ("AppleCoreMedia/1.0.0.20E247 (iPhone; U; CPU OS 16_4 like Mac OS X; en_us)", Some("iPhone")),
            ("Roku/DVP-12.0 (12.0.0.4182-88)", Some("Roku")),
            ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36", Some("Samsung TV")),
            ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36", Some("LG TV")),
            ("Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233; wv)", Some("Fire TV")),
            ("Mozilla/5.0 (Linux; Android) AppleWebKit/537.36 CrKey/1.54.250320", Some("Chromecast")),
            ("ExoPlayerDemo/2.18.1 (Linux; Android 13) ExoPlayerLib/2.18.1", Some("Android")),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
                Some("Linux"),
            ),
            ("VLC/3.0.24 LibVLC/3.0.24", None),
            ("Lavf/59.27.100", None),
            ("", None),
        ] {
            assert_eq!(device_family(user_agent), family, "{user_agent}");
            assert_eq!(names_device(user_agent), family.is_some_and(|it| it != "Linux"), "{user_agent}");
        }
    }

    #[test]
    fn words_are_lower_case_and_families_differ() {
        let all = || DEVICE_FAMILIES.iter().chain(COMPUTER_FAMILIES);
        let families = all().map(|(family, _)| family).collect::<std::collections::HashSet<_>>();
        assert_eq!(families.len(), all().count());
        let words = all().flat_map(|(_, words)| *words);
        assert!(words.into_iter().all(|word| *word == word.to_ascii_lowercase()));
    }
}

//! Several presentations in one session: which of them is the player's, and that none takes another's ladder.

use rebuffer_model::RequestKind::{self, *};
use rebuffer_model::{PresentationRole, Timestamp};

use rebuffer_media::Request;

use crate::session::{FIRST, Session};

const PROGRAMME: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"aud/p.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=500,AUDIO=\"a\"\nlow/p.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2500,AUDIO=\"a\"\nhigh/p.m3u8\n";
const AD: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800\nv.m3u8\n";
const MPD: &str = "<MPD><Period><AdaptationSet mimeType='video/mp4'><SegmentTemplate media='d/$Number$.m4s'/>\
    <Representation id='1' bandwidth='700'/></AdaptationSet></Period></MPD>";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn media(tags: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{tags}#EXTINF:4,\n0.m4s\n#EXT-X-ENDLIST\n")
}

struct Player(Session);

impl Player {
    fn of_programme(tags: &str) -> Self {
        let mut player = Self(Session::at(&["http://cdn.example"]));
        player.fetch("/m.m3u8", PROGRAMME, 0);
        for track in ["low", "high", "aud"] {
            player.fetch(&format!("/{track}/p.m3u8"), &media(tags), 0);
        }
        player
    }

    /// Fetches a playlist; whether the primary ladder changed.
    fn fetch(&mut self, target: &str, body: &str, seconds: i64) -> bool {
        let read = self.0.fetch_at(FIRST, target, body.as_bytes(), Some(at(seconds)));
        read.expect("it can be read").expect("a playlist").absorbed.ladder.is_some()
    }

    /// Asks for a segment: its kind, rung, role, and whether the primary ladder changed.
    fn ask(
        &mut self,
        play: &str,
        target: &str,
        seconds: i64,
    ) -> (RequestKind, Option<u32>, Option<PresentationRole>, bool) {
        let request = Request { now: Some(at(seconds)), ..Request::of(FIRST, target) };
        let (found, _, change) = self.0.graph.ask(play, request);
        let role = found.presentation.map(|(presentation, _)| presentation.role);
        (found.kind, found.variant.map(|variant| variant.rung), role, change.is_some())
    }

    fn ladder(&self) -> Vec<u64> {
        self.0.graph.ladder().iter().map(|rung| rung.bandwidth).collect()
    }
}

const PRIMARY: Option<PresentationRole> = Some(PresentationRole::Primary);
const INTERSTITIAL: Option<PresentationRole> = Some(PresentationRole::Interstitial);
const OTHER: Option<PresentationRole> = Some(PresentationRole::Other);

#[test]
fn an_interstitial_is_never_the_primary_presentation() {
    let ranges = "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"/ad/m.m3u8\"\n#EXT-X-DATERANGE:ID=\"2\",X-ASSET-LIST=\"/ads.json\"\n";
    let mut player = Player::of_programme(ranges);
    let list = br#"{"ASSETS":[{"URI":"/ad2/m.m3u8","DURATION":8}]}"#;
    assert!(player.0.fetch_at(FIRST, "/ads.json?_HLS_primary_id=1", list, None).unwrap().is_some());
    for (ad, seconds) in [("ad", 1), ("ad2", 1_000)] {
        assert!(!player.fetch(&format!("/{ad}/m.m3u8"), AD, seconds));
        assert!(!player.fetch(&format!("/{ad}/v.m3u8"), &media(""), seconds));
        assert_eq!(
            player.ask("p", &format!("/{ad}/0.m4s"), seconds),
            (Segment, Some(0), INTERSTITIAL, false)
        );
    }
    assert_eq!(player.ladder(), [500, 2500]);
    assert_eq!(player.ask("p", "/high/0.m4s", 2_000), (Segment, Some(1), PRIMARY, false));
    assert_eq!(player.ask("p", "/aud/0.m4s", 2_000), (AudioSegment, None, PRIMARY, false));
}

#[test]
fn another_presentation_waits_until_the_primary_one_is_left() {
    let mut player = Player::of_programme("");
    assert!(!player.fetch("/other/m.m3u8", AD, 10));
    player.fetch("/other/v.m3u8", &media(""), 10);
    assert_eq!(player.ask("", "/other/0.m4s", 20), (Segment, Some(0), OTHER, false));
    assert_eq!(player.ask("", "/high/0.m4s", 30), (Segment, Some(1), PRIMARY, false));
    assert_eq!(player.ask("", "/other/0.m4s", 90), (Segment, Some(0), OTHER, false));
    assert_eq!(player.ask("", "/other/0.m4s", 91), (Segment, Some(0), PRIMARY, true), "a minute later");
    assert_eq!((player.ladder(), player.ask("", "/high/0.m4s", 92).2), (vec![800], OTHER));
}

#[test]
fn a_start_at_the_base_port_and_a_new_play_begin_a_primary_presentation() {
    let mut player = Player::of_programme("");
    player.0.graph.begin_at(FIRST, "/other/m.m3u8?player_id=tv");
    assert!(player.fetch("/other/m.m3u8?CMCD=x", AD, 10));
    assert_eq!(player.ladder(), [800]);
    player.ask("q", "/other/v.m3u8", 11);
    assert!(player.fetch("/m.m3u8", PROGRAMME, 12), "another play than the one before");
    assert_eq!(player.ladder(), [500, 2500]);
}

#[test]
fn hls_and_dash_each_have_their_own_ladder() {
    let mut player = Player::of_programme("");
    assert!(!player.fetch("/a.mpd", MPD, 1));
    assert_eq!(player.ask("", "/d/3.m4s", 2), (Segment, Some(0), OTHER, false));
    assert_eq!(player.ask("", "/high/0.m4s", 3), (Segment, Some(1), PRIMARY, false));
}

#[test]
fn the_primary_presentation_outlives_any_number_of_others() {
    let mut player = Player::of_programme("");
    for number in 0..300 {
        player.fetch(&format!("/ad{number}/m.m3u8"), AD, 1);
        player.fetch(&format!("/ad{number}/v.m3u8"), &media(""), 1);
    }
    assert_eq!(player.ask("", "/high/0.m4s", 3), (Segment, Some(1), PRIMARY, false));
    assert_eq!(player.ask("", "/ad299/0.m4s", 3), (Segment, Some(0), OTHER, false));
}

//! Which bodies are read, as what, and why others are not.

use super::*;

fn read(body: &[u8], expected: Expected) -> Result<Option<Form>, Unreadable> {
    Playlist::read(&Bytes::copy_from_slice(body), expected).map(|read| read.map(|playlist| playlist.form()))
}

#[test]
fn a_body_is_what_it_begins_with() {
    for (body, form) in [
        (&b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"[..], Form::Hls(hls::Form::Master)),
        (b"\xef\xbb\xbf\n\n#EXTM3U\n#EXTINF:1,\na\n", Form::Hls(hls::Form::Media)),
        (b"<MPD/>", Form::Mpd),
        (b"<Period/>", Form::Period),
        (b"<Patch/>", Form::Patch),
    ] {
        assert_eq!(read(body, Expected::Unknown), Ok(Some(form)));
        assert_eq!(read(body, Expected::Other), Ok(Some(form)), "whatever was declared");
    }
    for none in [&b""[..], b"WEBVTT\n", b"{}", b"<html><MPD/></html>"] {
        assert_eq!(read(none, Expected::Playlist), Ok(None));
    }
}

#[test]
fn json_is_read_where_a_playlist_declared_it() {
    assert_eq!(read(b"{\"ASSETS\":[{\"URI\":\"a\"}]}", Expected::AssetList), Ok(Some(Form::AssetList)));
    assert_eq!(read(b"\xef\xbb\xbf{\"VERSION\":1}", Expected::Steering), Ok(Some(Form::Steering)));
    assert_eq!(read(b"{\"ASSETS\":[]}", Expected::Unknown), Ok(None));
    assert_eq!(read(b"{\"ASSETS\":7}", Expected::AssetList), Err(Unreadable::Json));
    assert_eq!(read(b"<html>", Expected::Steering), Err(Unreadable::Json));
}

#[test]
fn what_looks_like_a_playlist_and_cannot_be_read_says_why() {
    let long = [b"#EXTM3U\n", " ".repeat(MAX_PLAYLIST_BYTES).as_bytes()].concat();
    for (body, why) in [
        (&b"<MPD>"[..], Unreadable::Xml),
        (b"<MPD><Period></MPD>", Unreadable::Xml),
        (b"<?xml version='1.0' encoding='x-unknown'?><MPD/>", Unreadable::Encoding),
        (b"<!DOCTYPE MPD [<!ENTITY a SYSTEM 'http://x/'>]><MPD/>", Unreadable::ExternalEntity),
        (b"<!DOCTYPE MPD [<!ENTITY p '<Period/>'>]><MPD>&p;</MPD>", Unreadable::Entities),
        (b"<!DOCTYPE MPD [<!ENTITY a '&a;'>]><MPD/>", Unreadable::Entities),
        (&long, Unreadable::TooLong),
    ] {
        assert_eq!(read(body, Expected::Unknown), Err(why));
    }
}

//! Keeping a player on its session: absolute URLs of its origin become paths.
//!
//! Invariant: only the scheme and authority of a URI that points at one of the given origins go; every other byte of the
//! playlist stays, and a playlist with nothing to change is the very same buffer.
//! Deliberately absent: URLs of other hosts. They are named to the caller and left alone.

use bytes::Bytes;

use crate::address::{Reference, is_owned, rooted};
use crate::dash::{self, Document};
use crate::hls::{Form, Line, Lines, Text};
use crate::{Edits, MAX_PLAYLIST_BYTES, Origin};

/// The most foreign hosts that are named.
const MAX_FOREIGN: usize = 32;

/// The attributes that hold a URL a player fetches.
const URI_ATTRIBUTES: &[&str] = &["URI", "SERVER-URI", "X-ASSET-URI", "X-ASSET-LIST"];
/// The same of an MPD, by their local names.
const MPD_ATTRIBUTES: &[&str] =
    &["media", "initialization", "index", "bitstreamSwitching", "sourceURL", "href"];
/// The elements of an MPD whose text is such a URL.
const MPD_ELEMENTS: &[&str] = &["BaseURL", "Location", "PatchLocation", "Laurl", "laurl", "LA_URL"];

/// A playlist that keeps its player on the session.
#[derive(Debug, Clone)]
pub struct Localised {
    /// The playlist.
    pub body: Bytes,
    /// How many URLs were changed.
    pub changed: usize,
    /// Hosts, with port where one is written, whose URLs were left alone; each once.
    pub foreign: Vec<String>,
}

/// Rewrites absolute URLs of `origins` in an HLS playlist or an MPD to paths; anything else comes back as it is.
pub fn localise(body: &Bytes, origins: &[Origin]) -> Localised {
    let mut edits = Edits::default();
    let mut foreign = Vec::new();
    let readable = body.get(..MAX_PLAYLIST_BYTES).unwrap_or(body);
    let mut visit = |uri: Text<'_>| {
        let Reference::Absolute { scheme, authority, rest } = Reference::read(uri.text) else { return };
        if is_owned(origins, scheme, authority) {
            edits.replace(uri.span(), rooted(rest));
        } else {
            note_foreign(&mut foreign, authority);
        }
    };
    if Form::of(readable).is_some() {
        uris(readable).for_each(visit);
    } else if dash::is_mpd(readable)
        && let Some(document) = Document::parse(readable)
    {
        mpd_uris(&document).into_iter().for_each(&mut visit);
    }
    Localised { body: edits.apply(body), changed: edits.len(), foreign }
}

/// Every URI of an MPD, in order.
fn mpd_uris<'a>(document: &Document<'a>) -> Vec<Text<'a>> {
    let mut uris = Vec::new();
    for node in document.root().descendants() {
        let mut own = MPD_ATTRIBUTES.iter().filter_map(|name| node.raw(name)).collect::<Vec<_>>();
        own.sort_by_key(|uri| uri.at);
        uris.extend(own);
        if MPD_ELEMENTS.contains(&node.name()) {
            uris.push(node.raw_text());
        }
    }
    uris
}

/// Every URI of a playlist, in order.
fn uris(body: &[u8]) -> impl Iterator<Item = Text<'_>> {
    Lines::new(body).flat_map(|line| {
        let (own, tag) = match line {
            Line::Uri(uri) => (Some(uri), None),
            Line::Tag(tag) => (None, Some(tag)),
        };
        let attributes = tag.into_iter().flat_map(|tag| tag.attributes());
        let attributes = attributes.filter(|attribute| URI_ATTRIBUTES.contains(&attribute.name));
        own.into_iter().chain(attributes.map(|attribute| attribute.value))
    })
}

/// Remembers a host once. User info is no part of a host and may be a credential.
pub(crate) fn note_foreign(foreign: &mut Vec<String>, authority: &str) {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if !host.is_empty() && foreign.len() < MAX_FOREIGN && !foreign.iter().any(|known| known == host) {
        foreign.push(host.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(body: &str) -> Localised {
        let origins =
            ["http://cdn.example:8080", "https://cdn.example"].map(|url| Origin::parse(url).unwrap());
        localise(&Bytes::copy_from_slice(body.as_bytes()), &origins)
    }

    #[test]
    fn urls_of_the_origin_become_paths_and_no_other_byte_changes() {
        let body = "\u{feff}#EXTM3U\r\n#EXT-X-KEY:METHOD=AES-128 , URI=\"https://CDN.example/k?a=1,b\",IV=0x1\r\n\
                    #EXT-X-MEDIA:TYPE=AUDIO,URI=\"//cdn.example/a.m3u8\",NAME=\"x\"\r\n\
                    #EXT-X-CONTENT-STEERING:SERVER-URI=\"https://cdn.example/steer\"\r\n\
                    #EXTINF:4,http://cdn.example:8080/title\r\n  http://cdn.example:8080/s/1.ts#f \r\n\
                    # https://cdn.example/comment\r\nhttps://cdn.example\r\n/already/there.ts\r\nhere.ts";
        let expected = body
            .replace("https://CDN.example/k", "/k")
            .replace("//cdn.example/a.m3u8", "/a.m3u8")
            .replace("https://cdn.example/steer", "/steer")
            .replace("  http://cdn.example:8080/s/1.ts#f", "  /s/1.ts#f")
            .replace("https://cdn.example\r\n", "/\r\n");
        let localised = run(body);
        assert_eq!(localised.body, expected.as_bytes());
        assert_eq!((localised.changed, localised.foreign.len()), (5, 0));
    }

    #[test]
    fn urls_of_others_stay_and_are_named_once() {
        let body = "#EXTM3U\n#EXTINF:4,\nhttp://other.example/1.ts\n#EXTINF:4,\nhttp://other.example/2.ts\n\
                    #EXTINF:4,\nhttp://user:secret@cdn.example:8080/3.ts\n#EXT-X-KEY:METHOD=X,URI=\"skd://k\"\n";
        let localised = run(body);
        assert_eq!(localised.body, body.as_bytes());
        assert_eq!(localised.foreign, ["other.example", "cdn.example:8080"]);
    }

    #[test]
    fn an_mpd_is_kept_on_the_session_as_well() {
        let body = "<MPD xmlns:xlink=\"x\"><Location>https://cdn.example/a.mpd?x=1&amp;y=2</Location>\n\
                    <BaseURL> https://cdn.example/b/ </BaseURL><BaseURL>https://other.example/</BaseURL>\
                    <Period xlink:href='https://cdn.example/p' id=\"1\"><SegmentTemplate \
                    media = \"https://CDN.example:443/$Number$.m4s\" initialization='i.mp4'/></Period></MPD>";
        let expected = body
            .replace("https://cdn.example/a.mpd", "/a.mpd")
            .replace(" https://cdn.example/b/ ", " /b/ ")
            .replace("https://cdn.example/p", "/p")
            .replace("https://CDN.example:443/$", "/$");
        let localised = run(body);
        assert_eq!(localised.body, expected.as_bytes());
        assert_eq!((localised.changed, localised.foreign), (4, vec!["other.example".to_owned()]));
    }

    #[test]
    fn nothing_to_do_is_no_copy() {
        for text in ["#EXTM3U\n#EXTINF:4,\n1.ts\n", "https://cdn.example/not/a/playlist\n"] {
            let body = Bytes::from(text.to_owned());
            assert_eq!(
                localise(&body, &[Origin::parse("https://cdn.example").unwrap()]).body.as_ptr(),
                body.as_ptr()
            );
        }
    }

    #[test]
    fn a_path_that_begins_with_two_slashes_does_not_become_a_host() {
        let localised = run("#EXTM3U\n#EXTINF:4,\nhttps://cdn.example//evil.example/1.ts\n");
        assert_eq!(localised.body, "#EXTM3U\n#EXTINF:4,\n/.//evil.example/1.ts\n");
    }
}

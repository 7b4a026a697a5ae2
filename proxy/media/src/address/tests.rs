//! Where URIs lead, seen from one playlist on the first of two origins.

use super::*;

fn origins() -> Origins {
    ["https://cdn.example/anything", "http://other.example:8080"]
        .into_iter()
        .map(|url| Origin::parse(url).unwrap())
        .collect()
}

fn resolve(uri: &str) -> Place {
    let origins = origins();
    Base::new(OriginId::default(), "/live/720/index.m3u8?token=a", &origins).unwrap().resolve(uri)
}

fn here(target: &str) -> Place {
    Place::Here(Address { origin: OriginId::default(), target: target.to_owned() })
}

#[test]
fn relative_and_absolute_paths_stay_on_the_origin() {
    assert_eq!(resolve("1.m4s"), here("/live/720/1.m4s"));
    assert_eq!(resolve("../audio/1.m4s?x=1#t=2"), here("/live/audio/1.m4s?x=1"));
    assert_eq!(resolve("/other/1.m4s"), here("/other/1.m4s"));
    assert_eq!(resolve("?token=b"), here("/live/720/index.m3u8?token=b"));
    assert_eq!(resolve("a film.mp4"), here("/live/720/a%20film.mp4"));
    assert_eq!(resolve("a/./b"), here("/live/720/a/b"));
    assert_eq!(resolve("..."), here("/live/720/..."));
    assert_eq!(resolve(""), here("/live/720/index.m3u8?token=a"));
}

#[test]
fn an_absolute_url_is_an_origins_exactly_when_scheme_host_and_port_are() {
    for own in ["https://cdn.example/a", "HTTPS://CDN.example:443/a", "//cdn.example/a"] {
        assert_eq!(resolve(own), here("/a"), "{own}");
    }
    for other in [
        "http://cdn.example/a",
        "https://cdn.example:8443/a",
        "https://cdn.example.net/a",
        "https://me@cdn.example/a",
    ] {
        assert!(matches!(resolve(other), Place::Foreign(_)), "{other}");
    }
    let second = origins().find(&Origin::parse("http://other.example:8080").unwrap()).unwrap();
    let there = Place::Here(Address { origin: second, target: "/a?b".to_owned() });
    assert_eq!(resolve("http://OTHER.example:8080/a?b"), there);
    assert!(matches!(resolve("//other.example:8080/a"), Place::Foreign(_)), "the playlist's scheme is https");
}

#[test]
fn what_is_outside_is_named_without_credentials() {
    let named = |uri: &str| match resolve(uri) {
        Place::Foreign(foreign) => foreign.to_string(),
        other @ (Place::Here(_) | Place::Nowhere) => panic!("{other:?}"),
    };
    assert_eq!(named("http://a.example:80/x"), "http://a.example");
    assert_eq!(named("//a.example:81/x"), "https://a.example:81");
    assert_eq!(named("http://me:secret@a.example/x"), "a.example");
    assert_eq!(named("http://a b/x"), "a b");
}

#[test]
fn what_no_player_fetches_by_http_leads_nowhere() {
    for uri in ["skd://key", "data:text/plain;base64,AAAA", "urn:uuid:1", "http:a"] {
        assert_eq!(resolve(uri), Place::Nowhere, "{uri}");
    }
}

#[test]
fn a_path_never_turns_into_a_host() {
    assert_eq!(rooted("//evil.example/a"), "/.//evil.example/a");
    assert_eq!(resolve("https://cdn.example//evil.example/a"), here("//evil.example/a"));
    assert_eq!(rooted(""), "/");
    assert_eq!(rooted("?a=b"), "/?a=b");
    for uri in [
        "//evil.example/a",
        "/\\evil.example/a",
        "\\\\evil.example/a",
        "http:\\\\evil.example\\a",
        "http:/\\evil.example",
    ] {
        let Place::Foreign(Foreign::Origin(evil)) = resolve(uri) else { panic!("{uri}: {:?}", resolve(uri)) };
        assert_eq!(evil.host(), "evil.example", "{uri}");
        assert!(
            matches!(Reference::read(uri), Reference::Absolute { authority: "evil.example", .. }),
            "{uri}"
        );
    }
}

/// Targets and URIs made of pieces that matter to a URL parser.
fn spellings(start: &str) -> impl Iterator<Item = String> {
    let pieces = ["/", ".", "..", "a", "%41", "?", "=", "&", ":", "@", "+", "~", "\\", "*", "(", "'", "Z9"];
    let mut random = 1_u64;
    let start = start.to_owned();
    (0..20_000).map(move |_| {
        let mut target = start.clone();
        for _ in 0..6 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            target.push_str(pieces[usize::try_from(random >> 33).unwrap() % pieces.len()]);
        }
        target
    })
}

#[test]
fn what_is_plainly_canonical_is_what_a_parser_would_write() {
    let plain = spellings("/").filter(|target| is_canonical(target)).collect::<Vec<_>>();
    for target in &plain {
        assert_eq!(session_url(target).as_ref().map(target_of).as_ref(), Some(target));
    }
    assert!(plain.len() > 1_000, "{}", plain.len());
}

#[test]
fn a_plain_uri_resolves_as_a_parser_would_resolve_it() {
    let origins = origins();
    let base = Base::new(OriginId::default(), "/live/720/index.m3u8?token=a/b", &origins).unwrap();
    let mut plain = 0;
    for uri in ["", "/", "a", "_"].into_iter().flat_map(spellings) {
        let Some(resolved) = base.resolve_plain(&uri) else { continue };
        plain += 1;
        assert_eq!(resolved, target_of(&base.url.join(&uri).unwrap()), "{uri}");
    }
    assert!(plain > 1_000, "{plain}");
}

#[test]
fn parameters_go_by_name_and_others_keep_their_spelling() {
    let own = |target| without_client_parameters(target);
    assert_eq!(own("/a?x=%41&CMCD=b&&_HLS_msn=1&y"), Some("/a?x=%41&&y".to_owned()));
    assert_eq!(own("/a?player_id=p"), Some("/a".to_owned()));
    assert_eq!(own("/a?x=1"), None);
    assert_eq!(without_identity("/a?CMCD=b&play_id=1&attempt_id"), Some("/a?CMCD=b".to_owned()));
    assert_eq!(without_identity("/a?my_player_id=b"), None);
}

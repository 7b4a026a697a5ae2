//! Cookies through the rig: kept by a client for the rig's address, and sent on to nobody that would not get them direct.
//!
//! Invariant: `Domain` goes, `Secure` goes over clear text, and no other byte does; what goes is told in the row. Deliberately
//! absent: what a browser does with them (see the end-to-end ring).

use std::net::{Ipv4Addr, SocketAddr};

use rebuffer_kit::{Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire};
use rebuffer_model::Remark;
use rebuffer_proxy::Protocol;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Sets the cookies that the query says, one for each `c`.
fn site(asked: &Asked) -> Said {
    let mut saying = Saying::new(200, "OK").with("X-First", "1");
    let query = asked.target.split_once('?').map_or("", |(_, query)| query);
    for cookie in query.split('&').filter_map(|pair| pair.strip_prefix("c=")) {
        saying = saying.with("Set-Cookie", &cookie.replace('+', " "));
    }
    saying.with("X-Last", "2").body(asked, "x")
}

struct Stage {
    rig: Rig,
    home: Origin,
    away: Origin,
    feed: Feed,
}

impl Stage {
    /// Two origins on two hosts: `origin` and `b`.
    async fn new() -> Self {
        let home = Origin::serve(site).await;
        let away = Origin::serve_at(ELSEWHERE, site).await;
        let setup = Setup::at(home.address).and("b", away.address).secure(&[Protocol::Http1]);
        let rig = Rig::start(setup).await;
        let feed = rig.feed().await;
        Self { rig, home, away, feed }
    }

    /// The player's port for `b`.
    async fn away(&self, player: &str) -> SocketAddr {
        Wire::fetch(self.rig.base, &Ask::get(&format!("/b/?player_id={player}"))).await;
        self.rig.port_to(player, "b").await
    }

    /// What of `sent` this origin gets, and the remarks of the row.
    async fn sent(&mut self, at: SocketAddr, sent: &[&str]) -> (Vec<String>, Vec<Remark>) {
        let mut ask = Ask::get("/get");
        for field in sent {
            ask = ask.with("Cookie", field);
        }
        for origin in [&self.home, &self.away] {
            origin.take_asked();
        }
        assert_eq!(Wire::fetch(at, &ask).await.status, 200);
        let asked = [&self.home, &self.away].into_iter().find_map(|origin| origin.take_asked().pop());
        let fields = asked.expect("one of them is asked").fields;
        let cookies = fields.iter().filter(|field| field.is("cookie")).map(|field| field.value.clone());
        (cookies.collect(), self.feed.exchange("/get").await.remarks)
    }
}

#[tokio::test]
async fn domain_and_secure_are_taken_off_a_set_cookie_and_nothing_else() {
    use Remark::{CookieDomainRemoved, CookieNotKept, CookieSecureRemoved};
    let mut stage = Stage::new().await;
    let session = stage.rig.session("tv").await;
    for (cookies, clear, told, secure, told_secure) in [
        (
            "c=a=b/+==;+path=/x;++HttpOnly",
            "a=b/ ==; path=/x;  HttpOnly",
            vec![],
            "a=b/ ==; path=/x;  HttpOnly",
            vec![],
        ),
        (
            "c=a=1;+Domain=.b.test;+Path=/v/;Max-Age=60",
            "a=1; Path=/v/;Max-Age=60",
            vec![CookieDomainRemoved],
            "a=1; Path=/v/;Max-Age=60",
            vec![CookieDomainRemoved],
        ),
        (
            "c=a=1;Secure;+Path=/v/",
            "a=1; Path=/v/",
            vec![CookieSecureRemoved],
            "a=1;Secure; Path=/v/",
            vec![],
        ),
        (
            "c=a=1;+SameSite=None;+Secure",
            "a=1; SameSite=None",
            vec![CookieSecureRemoved, CookieNotKept],
            "a=1; SameSite=None; Secure",
            vec![],
        ),
        (
            "c=__Host-a=1;+Path=/;+secure",
            "__Host-a=1; Path=/",
            vec![CookieSecureRemoved, CookieNotKept],
            "__Host-a=1; Path=/; secure",
            vec![],
        ),
        (
            "c=a=1;+Expires=Wed,%2021%20Oct%202099;DOMAIN=b.test&c=b=2",
            "a=1; Expires=Wed,%2021%20Oct%202099 | b=2",
            vec![CookieDomainRemoved],
            "a=1; Expires=Wed,%2021%20Oct%202099 | b=2",
            vec![CookieDomainRemoved],
        ),
    ] {
        let ask = Ask::get(&format!("/set?{cookies}"));
        for (answer, expected, told) in [
            (Wire::fetch(session, &ask).await, clear, told),
            (Wire::secure(session).await.ask(&ask).await, secure, told_secure),
        ] {
            assert_eq!(answer.head.values("set-cookie").join(" | "), expected, "{cookies}");
            assert_eq!(stage.feed.exchange("/set").await.remarks, told, "{cookies}");
            let names = answer.head.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>();
            assert_eq!(
                (names[0], names[names.len() - 2]),
                ("X-First", "X-Last"),
                "{names:?} keep their order"
            );
        }
    }
}

#[tokio::test]
async fn a_cookie_of_another_origin_is_withheld_and_told() {
    let mut stage = Stage::new().await;
    let home = stage.rig.session("tv").await;
    let away = stage.away("tv").await;
    assert_ne!(home, away);
    for (at, cookies) in [(home, "c=sid=home&c=all=1;Path=/"), (away, "c=sid=away;Domain=127.0.0.3")] {
        Wire::fetch(at, &Ask::get(&format!("/set?{cookies}"))).await;
    }
    let jar = "sid=home; all=1;script=7; sid=away";
    let withheld = vec![Remark::CookieWithheld];
    assert_eq!(
        stage.sent(home, &[jar]).await,
        (vec!["sid=home; all=1;script=7".to_owned()], withheld.clone())
    );
    assert_eq!(stage.sent(away, &[jar]).await, (vec!["script=7; sid=away".to_owned()], withheld.clone()));
    assert_eq!(stage.sent(away, &["sid=home", "all=1"]).await, (vec![], withheld), "no empty field");
    let own = "script=7;  sid=away ";
    assert_eq!(stage.sent(away, &[own]).await, (vec![own.trim().to_owned()], vec![]), "nothing is withheld");
}

#[tokio::test]
async fn a_cookie_of_another_players_session_is_withheld_and_told() {
    let mut stage = Stage::new().await;
    let (one, two) = (stage.rig.session("one").await, stage.rig.session("two").await);
    for (at, name) in [(one, "one"), (two, "two")] {
        Wire::fetch(at, &Ask::get(&format!("/set?c=sid={name}&c=same=1"))).await;
    }
    let jar = "sid=one; sid=two; same=1; lang=en";
    let withheld = vec![Remark::CookieWithheld];
    assert_eq!(
        stage.sent(one, &[jar]).await,
        (vec!["sid=one; same=1; lang=en".to_owned()], withheld.clone())
    );
    assert_eq!(
        stage.sent(two, &[jar]).await,
        (vec!["sid=two; same=1; lang=en".to_owned()], withheld.clone())
    );
    // What one player was given still is its own after its session moved to another port.
    let away = stage.away("two").await;
    assert_eq!(stage.sent(away, &[jar]).await, (vec!["lang=en".to_owned()], withheld), "another host");
}

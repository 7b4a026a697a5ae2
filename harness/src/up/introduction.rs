//! The first words of a rig: where everything is, as it was bound, and what is missing.
//!
//! Invariant: a pure text that fits one screen; each address is one at which the rig can be reached, with the port it has.
//! Deliberately absent: finding the addresses out, and printing.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use rebuffer_api::{PartView, PlayerTlsView};

/// Addresses of one kind that are listed; a machine with containers has dozens.
const LISTED: usize = 4;

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Introduction {
    /// Where the API was bound.
    pub(super) api: SocketAddr,
    /// Where players start.
    pub(super) players: Players,
    /// The names of the origins, the default first.
    pub(super) origins: Vec<String>,
    /// TLS of players; none when it is off.
    pub(super) tls: Option<PlayerTlsView>,
    pub(super) parts: Vec<PartView>,
}

/// Where players start.
#[derive(Debug)]
pub(super) struct Players {
    /// The host at which this machine reaches them, as it stands in a URL.
    pub(super) host: String,
    pub(super) port: u16,
    /// The addresses at which other devices do; empty where they do not, or at the same host.
    pub(super) elsewhere: Vec<IpAddr>,
}

impl Introduction {
    /// The text, with a line's end at its end.
    pub(super) fn text(&self) -> String {
        let Self { api, players, origins, tls, parts } = self;
        let api = near(*api);
        let mut text = "Rebuffer is up.\n".to_owned();
        line(&mut text, "dashboard", &format!("{api}/dashboard/v3/"));
        line(&mut text, "API", &format!("{api}/api/v2/info"));
        let origin = origins.first().map_or("<origin>", String::as_str);
        let start = format!("http://{}:{}/{origin}/<path>?player_id=<name>", players.host, players.port);
        line(&mut text, "players start", &start);
        let urls =
            players.elsewhere.iter().map(|ip| format!("http://{}/", SocketAddr::new(*ip, players.port)));
        list(&mut text, "other devices", &urls.collect::<Vec<_>>());
        if origins.len() > 1 {
            line(&mut text, "origins", &origins.join(", "));
        }
        if let Some(tls) = tls {
            if tls.urls.is_empty() {
                line(&mut text, "over TLS", "on the same ports");
            }
            list(&mut text, "over TLS", &tls.urls);
            if let Some(url) = &tls.ca_url {
                line(&mut text, "CA to trust", url);
            }
        }
        for part in parts {
            let sign = if part.ready { "ok " } else { "-- " };
            writeln!(text, "  {sign} {:<10} {}", part.name, part.reason).expect("a string takes everything");
        }
        text
    }
}

fn line(text: &mut String, name: &str, said: &str) {
    writeln!(text, "  {name:<14} {said}").expect("a string takes everything");
}

/// One line for each of the first, and one for how many more there are.
fn list(text: &mut String, name: &str, urls: &[String]) {
    for (at, url) in urls.iter().take(LISTED).enumerate() {
        line(text, if at == 0 { name } else { "" }, url);
    }
    if let Some(more) = urls.len().checked_sub(LISTED).filter(|more| *more > 0) {
        line(text, "", &format!("and at {more} more names or addresses"));
    }
}

/// The address as a program on this machine reaches it.
pub(super) fn near(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("http://localhost:{}", address.port());
    }
    format!("http://{address}")
}

/// The addresses of this machine at which other devices reach what is bound to `bound`.
pub(super) fn reachable(bound: IpAddr, machine: &[IpAddr]) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return Vec::new();
    }
    let reaches = |ip: &&IpAddr| {
        let is_own_link = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            // Such an address needs a zone, which no URL of a player has.
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        !ip.is_loopback() && !is_own_link && (ip.is_ipv4() || bound.is_ipv6())
    };
    let mut found: Vec<IpAddr> = machine.iter().filter(reaches).copied().collect();
    // IPv4 first: shorter to type on a television.
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const API: u16 = 4_712;
    const BASE: u16 = 4_711;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn introduction(api: IpAddr, host: &str, elsewhere: &[&str]) -> Introduction {
        Introduction {
            api: SocketAddr::new(api, API),
            players: Players {
                host: host.to_owned(),
                port: BASE,
                elsewhere: elsewhere.iter().map(|text| ip(text)).collect(),
            },
            origins: vec!["cdn".to_owned(), "demo".to_owned()],
            tls: None,
            parts: vec![PartView { name: "archive", ready: false, reason: "off".to_owned() }],
        }
    }

    #[test]
    fn addresses_are_told_as_they_were_bound() {
        let text = introduction(ip("::"), "localhost", &["192.0.2.7", "2001:db8::7"]).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "Rebuffer is up.",
                &format!("  dashboard      http://localhost:{API}/dashboard/v3/"),
                &format!("  API            http://localhost:{API}/api/v2/info"),
                &format!("  players start  http://localhost:{BASE}/cdn/<path>?player_id=<name>"),
                "  other devices  http://192.0.2.7:4711/",
                "                 http://[2001:db8::7]:4711/",
                "  origins        cdn, demo",
                "  --  archive    off",
            ]
        );
        let text = introduction(ip("2001:db8::1"), "192.0.2.1", &[]).text();
        assert!(text.contains("API            http://[2001:db8::1]:4712/api"), "{text}");
        assert!(text.contains("players start  http://192.0.2.1:4711/cdn/"), "{text}");
        assert!(!text.contains("localhost") && !text.contains("other devices"), "{text}");
    }

    #[test]
    fn https_addresses_and_the_ca_are_told_and_many_fit_one_screen() {
        let urls: Vec<String> = (1..=40).map(|at| format!("https://192.0.2.{at}:4711/")).collect();
        let ca_url = format!("http://localhost:{BASE}/ca.pem");
        let tls = PlayerTlsView { urls, protocols: Vec::new(), ca_url: Some(ca_url.clone()) };
        let many: Vec<String> = (1..=40).map(|at| format!("198.51.100.{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = Introduction { tls: Some(tls), ..introduction(ip("::"), "localhost", &many) }.text();
        assert!(text.contains("  over TLS       https://192.0.2.1:4711/\n"), "{text}");
        assert!(text.contains(&format!("  CA to trust    {ca_url}\n")), "{text}");
        assert_eq!(text.matches("and at 36 more names or addresses").count(), 2, "{text}");
        assert!(text.lines().count() <= 24, "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn other_devices_reach_what_is_bound_everywhere_and_not_over_loopback() {
        let machine = ["127.0.0.1", "::1", "fe80::1", "169.254.3.4", "2001:db8::7", "192.0.2.7", "192.0.2.7"];
        let machine = machine.map(ip);
        assert_eq!(reachable(Ipv6Addr::UNSPECIFIED.into(), &machine), [ip("192.0.2.7"), ip("2001:db8::7")]);
        assert_eq!(reachable(Ipv4Addr::UNSPECIFIED.into(), &machine), [ip("192.0.2.7")]);
        assert_eq!(reachable(ip("192.0.2.7"), &machine), [] as [IpAddr; 0]);
    }
}

//! The proxy as a player's socket sees it: bytes, endings, and the rows that say why.
//!
//! Invariant: tests only; each asks a whole proxy in this process over real sockets, with a scripted origin behind it.
//! Deliberately absent: the archive and the page (see the end-to-end ring) and rates over time (see the shaper).

#[cfg(test)]
mod cadence;
#[cfg(test)]
mod cmcd;
#[cfg(test)]
mod control;
#[cfg(test)]
mod cookies;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_url;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod har;
#[cfg(test)]
mod http_edges;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod links;
#[cfg(test)]
mod live;
#[cfg(test)]
mod low_latency;
#[cfg(test)]
mod names;
#[cfg(test)]
mod origin_connections;
#[cfg(test)]
mod origin_tls;
#[cfg(test)]
mod origin_trouble;
#[cfg(test)]
mod partial;
#[cfg(test)]
mod player_tls;
#[cfg(test)]
mod playlists;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod several_origins;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod transparency;
#[cfg(test)]
mod transports;
#[cfg(test)]
mod tunnels;

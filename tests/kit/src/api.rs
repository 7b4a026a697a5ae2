//! A client of the control API: raw requests, typed answers.
//!
//! Invariant: an answer that is not what the caller said it expects fails the test with the whole answer.
//! Deliberately absent: retries, and any knowledge of routes beyond their paths.

use std::net::SocketAddr;

use rebuffer_api::{PlayerRecord, Problem};
use serde::de::DeserializeOwned;

use crate::wire::{Answer, Ask, Wire};

/// The control API at an address.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    pub address: SocketAddr,
}

impl Api {
    /// One request, on a connection of its own.
    pub async fn ask(&self, ask: &Ask) -> Answer {
        Wire::fetch(self.address, ask).await
    }

    /// What `GET` shows, read as `T`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        read(&self.ask(&Ask::get(path)).await, 200)
    }

    /// The player as it is.
    pub async fn player(&self, id: &str) -> PlayerRecord {
        self.get(&format!("/api/v2/players/{id}")).await
    }

    /// Makes a player with these settings, a JSON object's inside.
    pub async fn create(&self, id: &str, settings: &str) -> PlayerRecord {
        let comma = if settings.is_empty() { "" } else { "," };
        let body = format!(r#"{{"player_id":"{id}"{comma}{settings}}}"#);
        read(&self.ask(&json(Ask::new("POST", "/api/v2/players"), &body)).await, 201)
    }

    /// Patches a player as it is now.
    pub async fn patch(&self, id: &str, patch: &str) -> PlayerRecord {
        let revision = self.player(id).await.control_revision;
        read(&self.try_patch(id, &revision, patch).await, 200)
    }

    /// Patches a player as it was at `revision`.
    pub async fn try_patch(&self, id: &str, revision: &str, patch: &str) -> Answer {
        let ask = Ask::new("PATCH", &format!("/api/v2/players/{id}"));
        self.ask(&json(ask.with("If-Match", &format!("\"{revision}\"")), patch)).await
    }
}

/// A request with a JSON body.
pub fn json(ask: Ask, body: &str) -> Ask {
    ask.with("Content-Type", "application/json").body(body.as_bytes())
}

/// The answer's body, when its status is the expected one.
pub fn read<T: DeserializeOwned>(answer: &Answer, status: u16) -> T {
    assert_eq!(answer.status, status, "{:?}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&answer.body)))
}

/// The problem an answer says, when it is one and of this status.
pub fn refused(answer: &Answer, status: u16) -> Problem {
    let problem: Problem = read(answer, status);
    assert_eq!(answer.value("content-type"), Some("application/problem+json"));
    assert_eq!(problem.status, status);
    problem
}

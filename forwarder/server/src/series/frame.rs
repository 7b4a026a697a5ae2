//! The way out of a series: frames, one after the other, to a reader that may be slow or gone.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use rebuffer_model::Position;
use serde::Serialize;
use tokio::sync::mpsc;

/// A reader that takes nothing for so long is not reading.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where frames go.
#[derive(Debug)]
pub(super) struct Outlet(mpsc::Sender<Result<Event, Infallible>>);

/// Nobody reads any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone;

impl Outlet {
    pub(super) fn new(sender: mpsc::Sender<Result<Event, Infallible>>) -> Self {
        Self(sender)
    }

    /// Sends a frame of ours.
    pub(super) async fn send<T: Serialize>(
        &self,
        name: &'static str,
        id: Option<Position>,
        data: &T,
    ) -> Result<(), Gone> {
        match serde_json::to_string(data) {
            Ok(json) => self.raw(name, id, json).await,
            Err(error) => {
                tracing::error!(name, %error, "a frame cannot be written");
                Err(Gone)
            }
        }
    }

    /// Sends a frame whose data is JSON on one line already.
    pub(super) async fn raw(
        &self,
        name: &'static str,
        id: Option<Position>,
        json: String,
    ) -> Result<(), Gone> {
        let mut event = Event::default().event(name).data(json);
        if let Some(id) = id {
            event = event.id(id.to_string());
        }
        self.0.send_timeout(Ok(event), PATIENCE).await.map_err(|_| Gone)
    }

    /// Returns when nobody reads any more.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }
}

//! A list in an envelope.
//!
//! Invariant: a list is never a bare array, so that it can grow fields.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A whole list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Items<T> {
    /// The entries.
    pub items: Vec<T>,
}

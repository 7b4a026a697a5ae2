//! The tables of the archive: one declaration each gives the row type, the DDL with its comments, and the column catalogue.
//!
//! Invariant: a column's name, type and meaning are written down once, beside the field that holds its value; `schema.sql`
//! is rendered from the declarations and is what the migrations produce on an empty database.
//! Deliberately absent: SELECTs and wire formats (see the archive), labels (see the labels room).

mod bundle;
mod control_event;
mod declare;
mod head;
mod migration;
mod network_request;
mod progress;
mod session_event;
mod table;
mod value;

pub use bundle::{BUNDLES, Bundle, IDENTITY};
pub use control_event::{ControlEvent, Deed};
pub use head::{Head, Origin};
pub use migration::{HISTORY, MIGRATIONS, Migration, newest_version};
pub use network_request::{
    AnswerColumns, LinkColumns, NetworkRequest, OriginColumns, RequestColumns, TimingColumns, VerdictColumns,
};
pub use progress::{FeedProgress, Progress};
pub use session_event::{
    PictureColumns, PlaybackColumns, ReportColumns, RigColumns, SessionEvent, StallColumns,
};
pub use table::{Column, Columns, Event, Index, Row, Table, schema_sql};
pub use value::{Name, Sink, Tier, Value};

/// Every table, in the order the schema creates them.
pub const TABLES: &[&Table] =
    &[SessionEvent::TABLE, NetworkRequest::TABLE, ControlEvent::TABLE, FeedProgress::TABLE];

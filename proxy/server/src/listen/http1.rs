//! HTTP/1.1 on a connection, clear or encrypted: one exchange after the other.
//!
//! Invariant: an answer that breaks, and a request that gets none, end the connection by dropping it; whether that is a close or a
//! reset was decided before. What is being written when the end is asked for is not finished.

use std::sync::Arc;

use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;

use super::{HEAD_LIMIT, Port, answer};
use crate::connection::Connection;
use crate::lane::Lane;
use crate::rig::Rig;
use crate::upload::Upload;

/// The most headers of a request; what has more is answered with 431.
const MAX_HEADERS: usize = 256;
/// What the HTTP machinery may hold of an answer before the kernel has it.
const WRITE_BUFFER: usize = 128 * 1024;

pub(super) async fn serve<T: Read + Write + Unpin + Send + 'static>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    port: Port,
    io: T,
) -> hyper::Result<()> {
    let service = service_fn(|request| {
        let (rig, lane) = (Arc::clone(rig), Lane::alone(Arc::clone(connection)));
        async move { answer(&rig, &lane, port, request.map(Upload::http1)).await }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_buf_size(WRITE_BUFFER)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, service)
        .with_upgrades();
    tokio::select! {
        ended = serving => ended,
        () = connection.ending() => Ok(()),
    }
}

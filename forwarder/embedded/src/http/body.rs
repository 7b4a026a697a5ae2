//! What a client sends: at most so many bytes, not slower than so, and sometimes as a form.
//!
//! Invariant: a body is complete before the engine hears of it, so an INSERT whose client died half-way inserts nothing.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;

use super::header;
use super::params::Params;
use crate::engine::{Exception, code};

/// As it comes over the wire, packed or not. A batch of the product is under 10 MB.
const LONGEST: usize = 256 << 20;
/// Between two pieces.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the body; a multipart form goes into the parameters, as clients send statements with bound values.
pub(super) async fn read(headers: &HeaderMap, body: Body, params: &mut Params) -> Result<Bytes, Exception> {
    let bytes = collect(body, LONGEST).await?;
    let form = header(headers, CONTENT_TYPE.as_str()).and_then(|text| multer::parse_boundary(text).ok());
    let Some(boundary) = form else { return Ok(bytes) };
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(bytes) });
    let mut form = multer::Multipart::new(stream, boundary);
    let damaged = |error: multer::Error| {
        Exception::new(code::BAD_ARGUMENTS, &format!("the multipart form cannot be read: {error}"))
    };
    while let Some(field) = form.next_field().await.map_err(damaged)? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        if field.file_name().is_some() {
            return Err(Exception::new(
                code::BAD_ARGUMENTS,
                "External tables are not available in the embedded archive",
            ));
        }
        let value = field.text().await.map_err(damaged)?;
        params.push(name, value);
    }
    Ok(Bytes::new())
}

async fn collect(mut body: Body, longest: usize) -> Result<Bytes, Exception> {
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(IDLE_TIMEOUT, body.frame()).await.map_err(|_| {
            Exception::new(code::SOCKET_TIMEOUT, "Timeout exceeded while reading the request")
        })?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|error| {
            Exception::new(
                code::NETWORK_ERROR,
                &format!("the request ended early, nothing was done: {error}"),
            )
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > longest {
            let text = format!("the request is longer than {longest} bytes: send smaller batches");
            return Err(Exception::new(code::QUERY_IS_TOO_LARGE, &text));
        }
        whole.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_becomes_parameters() {
        let text = "--b\r\ncontent-disposition: form-data; name=\"query\"\r\n\r\nSELECT {x:Int8}\r\n\
                    --b\r\ncontent-disposition: form-data; name=\"param_x\"\r\n\r\n1\r\n2\r\n--b--\r\n";
        let headers =
            [(CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap())].into_iter().collect();
        let mut params = Params::default();
        let rest = read(&headers, Body::from(text), &mut params).await.unwrap();
        assert!(rest.is_empty());
        assert_eq!(params.get("query"), Some("SELECT {x:Int8}"));
        assert_eq!(params.get("param_x"), Some("1\r\n2"));
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_refused() {
        let body = |length: usize| Body::from(vec![0; length]);
        assert_eq!(collect(body(10), 10).await.unwrap().len(), 10);
        assert_eq!(collect(body(11), 10).await.unwrap_err().code, code::QUERY_IS_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_given_up() {
        let stream = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let error = collect(Body::from_stream(stream), LONGEST).await.unwrap_err();
        assert_eq!(error.code, code::SOCKET_TIMEOUT);
    }
}

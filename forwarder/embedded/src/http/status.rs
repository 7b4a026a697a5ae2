//! Which HTTP status goes with which of ClickHouse's errors, as a server answers.
//!
//! Clients read the number in `X-ClickHouse-Exception-Code`; the status is for proxies, curl and people.

use http::StatusCode;

use crate::engine::code as ours;

/// Errors of the text or the data that was sent.
const BAD_REQUEST: &[u32] = &[
    6, 7, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 133, 156, 321, 371, 386, 456, 457,
    467, 690,
];
/// Tables, columns, functions, types, settings and databases that do not exist.
const NOT_FOUND: &[u32] = &[15, 46, 47, 50, 56, 60, 63, 73, 75, 81, 115, 139, 510, 511];

pub(super) fn status(code: u32) -> StatusCode {
    match code {
        ours::REQUIRED_PASSWORD => StatusCode::UNAUTHORIZED,
        ours::AUTHENTICATION_FAILED | ours::ACCESS_DENIED | ours::READONLY => StatusCode::FORBIDDEN,
        ours::QUERY_IS_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        ours::CANNOT_DECOMPRESS | ours::UNKNOWN_COMPRESSION_METHOD => StatusCode::BAD_REQUEST,
        ours::SOCKET_TIMEOUT => StatusCode::REQUEST_TIMEOUT,
        ours::TOO_MANY_SIMULTANEOUS_QUERIES | ours::ABORTED => StatusCode::SERVICE_UNAVAILABLE,
        ours::SESSION_NOT_FOUND => StatusCode::NOT_FOUND,
        48 => StatusCode::NOT_IMPLEMENTED,
        159 => StatusCode::REQUEST_TIMEOUT,
        _ if BAD_REQUEST.contains(&code) => StatusCode::BAD_REQUEST,
        _ if NOT_FOUND.contains(&code) => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_users_meet_most() {
        for (code, expected) in
            [(60, 404), (47, 404), (62, 400), (516, 403), (194, 401), (164, 403), (241, 500), (159, 408)]
        {
            assert_eq!(status(code).as_u16(), expected, "code {code}");
        }
    }
}

//! Header names as the OBS reference writes them (`Content-Type`, not `content-type`), for HTTP/1 answers.
//!
//! hyper writes names in lower case unless an answer's extensions hold a case map of a type it keeps to itself. The
//! only way to one is to have hyper read a request whose names are spelled as wanted, so that is done once.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_RANGES, ETAG, HeaderName, LAST_MODIFIED};
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

/// Names of our answers that are not written in lower case.
const NAMES: &[&str] = &[
    "Server",
    "Content-Type",
    "Date",
    "Content-Length",
    "ETag",
    "Last-Modified",
    "Accept-Ranges",
    "Content-Range",
    "Content-Encoding",
    "Content-Disposition",
    "Content-Language",
    "Cache-Control",
    "Expires",
    "Location",
    "Connection",
    "Allow",
    "Vary",
    "Retry-After",
    "WWW-Authenticate",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Access-Control-Allow-Credentials",
];

/// The few names nearly every answer has.
const COMMON_NAMES: &[&str] = &["Server", "Content-Type", "Date", "Content-Length", "Connection"];
/// The same, and what answers about one object have beside them.
const OBJECT_NAMES: &[&str] =
    &["Server", "Content-Type", "Date", "Content-Length", "Connection", "ETag", "Last-Modified", "Accept-Ranges"];

/// Extensions to clone into an answer; hyper then writes the names above as spelled there, and others, such as
/// `x-obs-*`, in lower case. Empty should a later hyper not offer the map: then all names are in lower case.
///
/// Cloning copies the map name by name, and counts references that all threads share: so an answer takes the smallest
/// map that has its names.
#[derive(Debug)]
pub struct LetterCase {
    common: Extensions,
    object: Extensions,
    all: Extensions,
}

impl LetterCase {
    /// Has hyper read the names.
    pub async fn harvest() -> Self {
        Self {
            common: harvest_names(COMMON_NAMES).await,
            object: harvest_names(OBJECT_NAMES).await,
            all: harvest_names(NAMES).await,
        }
    }

    /// What an answer takes that has `others` beside the common names.
    pub fn pick<'n>(&self, others: impl Iterator<Item = &'n HeaderName>) -> &Extensions {
        let mut picked = &self.common;
        for name in others {
            if [ETAG, LAST_MODIFIED, ACCEPT_RANGES].contains(name) {
                picked = &self.object;
            } else if !name.as_str().starts_with("x-") {
                return &self.all;
            }
        }
        picked
    }
}

async fn harvest_names(names: &[&str]) -> Extensions {
    let harvested = Arc::new(Mutex::new(Extensions::new()));
    let service = service_fn(|request: Request<Incoming>| {
        *harvested.lock() = request.into_parts().0.extensions;
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let (mut client, server) = tokio::io::duplex(8 * 1024);
    let mut request = String::from("GET / HTTP/1.1\r\n");
    for name in names {
        // A length means something to the connection that reads it.
        let value = match *name {
            "Content-Length" => "0",
            _ => "close",
        };
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    // Both ends live in this function: a failure would leave the extensions empty, which only costs the spelling.
    // `Connection: close` among the names ends the connection.
    if client.write_all(request.as_bytes()).await.is_ok() {
        let connection =
            http1::Builder::new().preserve_header_case(true).serve_connection(TokioIo::new(server), service);
        let _ = connection.await;
    }
    let mut harvested = harvested.lock();
    std::mem::take(&mut *harvested)
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::header::{CACHE_CONTROL, HeaderValue};
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn answer(extensions: Extensions) -> String {
        let service = service_fn(move |_: Request<Incoming>| {
            let mut response = Response::new(Full::new(Bytes::from_static(b"body")));
            *response.extensions_mut() = extensions.clone();
            for (name, value) in [
                ("server", "OBS"),
                ("x-obs-request-id", "1"),
                ("content-type", "application/xml"),
                ("date", "today"),
                ("content-length", "4"),
                ("etag", "e"),
            ] {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let (mut client, server) = tokio::io::duplex(8 * 1024);
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        http1::Builder::new().serve_connection(TokioIo::new(server), service).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn names_are_written_as_the_reference_writes_them() {
        let expected = "HTTP/1.1 200 OK\r\nServer: OBS\r\nx-obs-request-id: 1\r\nContent-Type: application/xml\r\n\
            Date: today\r\nContent-Length: 4\r\nETag: e\r\nConnection: close\r\n\r\nbody";
        let letter_case = LetterCase::harvest().await;
        assert_eq!(answer(letter_case.all).await, expected);
        assert_eq!(answer(letter_case.object).await, expected);
        assert_eq!(answer(letter_case.common).await, expected.replace("ETag", "etag"));
    }

    #[tokio::test]
    async fn the_smallest_map_with_the_names_is_taken() {
        let letter_case = LetterCase::harvest().await;
        let meta = HeaderName::from_static("x-obs-meta-a");
        let check = |others: &[&HeaderName], expected: &Extensions| {
            assert!(std::ptr::eq(letter_case.pick(others.iter().copied()), expected), "{others:?}");
        };
        check(&[], &letter_case.common);
        check(&[&meta], &letter_case.common);
        check(&[&ETAG, &meta, &LAST_MODIFIED], &letter_case.object);
        check(&[&ETAG, &CACHE_CONTROL, &meta], &letter_case.all);
    }
}

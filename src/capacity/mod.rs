//! `GET /user/capacity` on the console listener, and the sign-in that its clients do first, as version 4 of the
//! Cloudreve API: a JSON envelope, whose `code` is the verdict while the HTTP status is 200. One row a route.

mod password;
mod refusal;
mod session;
mod site;
mod usage;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use self::refusal::Refusal;
use crate::app::App;
use crate::clock::{UnixMillis, http_date};
use crate::limits;
use crate::wire::body::{ReplyBody, RequestBody};
use crate::wire::query::Query;

/// What real servers put before every path. The API's own description has the bare ones; both are served.
const BASE: &str = "/api/v4";

/// One route.
struct Route {
    verb: Method,
    path: &'static str,
    run: for<'a> fn(&'a Arc<App>, Ask) -> BoxFuture<'a, Answer>,
}

static ROUTES: &[Route] = &[
    Route { verb: Method::GET, path: "/user/capacity", run: |app, ask| Box::pin(usage::get(app, ask)) },
    Route { verb: Method::GET, path: "/site/ping", run: |_, _| Box::pin(async { site::ping() }) },
    Route { verb: Method::GET, path: "/site/config/login", run: |_, _| Box::pin(async { site::login() }) },
    Route { verb: Method::GET, path: "/session/prepare", run: |app, ask| Box::pin(session::prepare(app, ask)) },
    Route { verb: Method::POST, path: "/session/token", run: |app, ask| Box::pin(session::sign_in(app, ask)) },
    Route { verb: Method::POST, path: "/session/token/refresh", run: |app, ask| Box::pin(session::refresh(app, ask)) },
    Route { verb: Method::DELETE, path: "/session/token", run: |app, ask| Box::pin(session::sign_out(app, ask)) },
];

/// The envelope of an answer, or why there is none.
type Answer = Result<Bytes, Refusal>;

/// A request, its body read.
struct Ask {
    headers: HeaderMap,
    query: Query,
    body: Bytes,
    peer: IpAddr,
    now: UnixMillis,
}

impl Ask {
    /// The body as JSON. Members nobody asked for are ignored: clients send those of a captcha, or their own.
    fn document<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        // The parser's own words could quote a password.
        serde_json::from_slice(&self.body).map_err(|_| Refusal::Malformed("The body is not the JSON object expected"))
    }

    /// The token in `Authorization`, with or without its word. `Bearer Cr ` begins a signature of another kind.
    fn token(&self) -> Option<&str> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        if value.starts_with("Bearer Cr ") { None } else { Some(value.strip_prefix("Bearer ").unwrap_or(value)) }
    }
}

/// The path below [`BASE`], or the path itself where it is one of the routes'.
fn own_path(path: &str) -> Option<&str> {
    match path.strip_prefix(BASE) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(rest),
        _ => ROUTES.iter().any(|route| route.path == path).then_some(path),
    }
}

/// Whether a request of the console listener belongs here.
#[must_use]
pub fn serves(path: &str) -> bool {
    own_path(path).is_some()
}

/// Answers one request.
pub async fn handle(app: &Arc<App>, request: Request<RequestBody>, peer: SocketAddr) -> Response<ReplyBody> {
    let now = app.clock.now_millis();
    let (parts, body) = request.into_parts();
    let correlation_id = correlation_id(&parts.headers);
    let answer = answer(app, parts, body, peer.ip(), now).await;
    let (status, body) = match answer {
        Ok(body) => (hyper::StatusCode::OK, body),
        Err(refusal) => {
            if let Refusal::Fault(error) = &refusal {
                tracing::error!(%correlation_id, %peer, ?error, "capacity request failed");
            } else {
                tracing::debug!(%correlation_id, %peer, code = refusal.code(), "capacity request refused");
            }
            (refusal.status(), refusal.envelope(correlation_id))
        }
    };
    let mut response = Response::new(ReplyBody::Full(body));
    *response.status_mut() = status;
    let length = HeaderValue::from(response.body().length());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(CONTENT_LENGTH, length);
    if let Ok(date) = HeaderValue::try_from(http_date(now)) {
        headers.insert(DATE, date);
    }
    response
}

async fn answer(app: &Arc<App>, parts: Parts, body: RequestBody, peer: IpAddr, now: UnixMillis) -> Answer {
    let route = find(&parts.method, parts.uri.path())?;
    let query = Query::parse(parts.uri.query()).map_err(|_| Refusal::Malformed("The query cannot be read"))?;
    // Nothing is read that nobody looks at.
    let mut body = if route.verb == Method::GET { RequestBody::empty() } else { body };
    let body = body.collect(limits::SIGN_IN_DOCUMENT_BYTES_MAX).await;
    let body = body.map_err(|_| Refusal::Malformed("The body is too long or broken off"))?;
    (route.run)(app, Ask { headers: parts.headers, query, body, peer, now }).await
}

fn find(verb: &Method, path: &str) -> Result<&'static Route, Refusal> {
    let path = own_path(path).ok_or(Refusal::NoRoute)?;
    let at_path = || ROUTES.iter().filter(|route| route.path == path);
    let missing = if at_path().next().is_some() { Refusal::WrongVerb } else { Refusal::NoRoute };
    at_path().find(|route| route.verb == *verb).ok_or(missing)
}

/// The caller's id of the request where it sent one, else a new one.
fn correlation_id(headers: &HeaderMap) -> Uuid {
    let sent = headers.get("x-cr-correlation-id").and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok());
    sent.unwrap_or_else(random_uuid)
}

/// A new UUID of version 4.
fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

/// The envelope of an answer.
fn success<T: Serialize>(data: &T) -> Answer {
    #[derive(Serialize)]
    struct Success<'a, T> {
        code: u32,
        data: &'a T,
        msg: &'static str,
    }
    let envelope = serde_json::to_vec(&Success { code: 0, data, msg: "" });
    envelope.map(Bytes::from).map_err(|error| Refusal::Fault(crate::error::Error::internal(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_path_lead_to_its_route() {
        let check = |verb: Method, path: &str, expected: Result<&str, u32>| {
            let found = find(&verb, path).map(|route| route.path).map_err(|refusal| refusal.code());
            assert_eq!(found, expected, "{verb} {path}");
        };
        for base in ["", BASE] {
            check(Method::GET, &format!("{base}/user/capacity"), Ok("/user/capacity"));
            check(Method::DELETE, &format!("{base}/session/token"), Ok("/session/token"));
            check(Method::PUT, &format!("{base}/session/token"), Err(405));
            check(Method::HEAD, &format!("{base}/user/capacity"), Err(405));
            check(Method::GET, &format!("{base}/user/capacity/"), Err(404));
        }
        check(Method::GET, "/api/v4", Err(404));
        check(Method::GET, "/api/v4/api/v4/site/ping", Err(404));
    }

    #[test]
    fn only_the_own_paths_are_taken_from_the_listener() {
        for path in ["/api/v4", "/api/v4/", "/api/v4/user", "/site/ping", "/session/token"] {
            assert!(serves(path), "{path}");
        }
        for path in ["/", "/metrics", "/admin/v1/accounts", "/api/v40/site/ping", "/api", "/site", "/site/ping/"] {
            assert!(!serves(path), "{path}");
        }
    }

    #[test]
    fn a_token_comes_with_or_without_its_word() {
        let token = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            let peer = IpAddr::from([127, 0, 0, 1]);
            let ask = Ask { headers, query: Query::default(), body: Bytes::new(), peer, now: 0 };
            ask.token().map(str::to_owned)
        };
        assert_eq!(token(&["Bearer a.b.c"]).as_deref(), Some("a.b.c"));
        assert_eq!(token(&["a.b.c"]).as_deref(), Some("a.b.c"));
        for none in [&[][..], &["Bearer Cr abc"], &["Bearer a.b.c", "Bearer a.b.c"]] {
            assert_eq!(token(none), None, "{none:?}");
        }
        // Exact case and one blank: what is left is no token.
        assert_eq!(token(&["bearer a.b.c"]).as_deref(), Some("bearer a.b.c"));
    }
}

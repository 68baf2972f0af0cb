//! The console listener: the admin API under `/admin/v1` (JSON, for the root account's keys), `/metrics`, `/healthz`
//! and `/readyz`. One file a noun; one row a route.

mod account;
mod bucket;
pub(crate) mod event;
mod history;
mod key;
mod limit;
mod usage;
mod verify;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::{self, BoxFuture};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::auth::admin::{admin_signature, admin_string_to_sign};
use crate::auth::date::parse_date;
use crate::auth::temporary::check_token;
use crate::blob::digest;
use crate::clock::{UnixMillis, http_date};
use crate::error::{Code, Error, Result};
use crate::level::Percents;
use crate::limits;
use crate::quota::Usage;
use crate::wire::body::{ReplyBody, RequestBody};
use crate::wire::dialect::Dialect;
use crate::wire::headers::content_md5;
use crate::wire::query::Query;
use crate::wire::render;
use crate::wire::{Reply, percent};

/// Where the admin API begins.
const BASE: &str = "/admin/v1/";

/// One route of the admin API.
struct Route {
    verb: Method,
    /// Segments after [`BASE`]; `*` stands for any one, which the handler gets decoded.
    path: &'static str,
    run: for<'a> fn(&'a Arc<App>, Ask) -> BoxFuture<'a, Result<Reply>>,
}

static ROUTES: &[Route] = &[
    Route { verb: Method::GET, path: "accounts", run: |app, ask| Box::pin(account::list(app, ask)) },
    Route { verb: Method::POST, path: "accounts", run: |app, ask| Box::pin(account::create(app, ask)) },
    Route { verb: Method::GET, path: "accounts/*", run: |app, ask| Box::pin(account::show(app, ask)) },
    Route { verb: Method::POST, path: "accounts/*/freeze", run: |app, ask| Box::pin(account::freeze(app, ask)) },
    Route { verb: Method::POST, path: "accounts/*/activate", run: |app, ask| Box::pin(account::activate(app, ask)) },
    Route {
        verb: Method::POST,
        path: "accounts/*/deregister",
        run: |app, ask| Box::pin(account::deregister(app, ask)),
    },
    Route { verb: Method::GET, path: "accounts/*/history", run: |app, ask| Box::pin(history::of_account(app, ask)) },
    Route { verb: Method::PUT, path: "accounts/*/limits", run: |app, ask| Box::pin(limit::put(app, ask)) },
    Route { verb: Method::POST, path: "accounts/*/packs", run: |app, ask| Box::pin(limit::add_pack(app, ask)) },
    Route { verb: Method::DELETE, path: "accounts/*/packs/*", run: |app, ask| Box::pin(limit::remove_pack(app, ask)) },
    Route { verb: Method::GET, path: "keys", run: |app, ask| Box::pin(key::list(app, ask)) },
    Route { verb: Method::POST, path: "keys", run: |app, ask| Box::pin(key::create(app, ask)) },
    Route { verb: Method::POST, path: "keys/temporary", run: |app, ask| Box::pin(key::create_temporary(app, ask)) },
    Route { verb: Method::DELETE, path: "keys/*", run: |app, ask| Box::pin(key::revoke(app, ask)) },
    Route { verb: Method::GET, path: "buckets", run: |app, ask| Box::pin(bucket::list(app, ask)) },
    Route { verb: Method::GET, path: "buckets/*", run: |app, ask| Box::pin(bucket::show(app, ask)) },
    Route { verb: Method::GET, path: "buckets/*/history", run: |app, ask| Box::pin(history::of_bucket(app, ask)) },
    Route { verb: Method::PUT, path: "buckets/*/quota", run: |app, ask| Box::pin(bucket::put_quota(app, ask)) },
    Route { verb: Method::GET, path: "events", run: |app, ask| Box::pin(event::list(app, ask)) },
    Route { verb: Method::GET, path: "usage", run: |app, ask| Box::pin(usage::get(app, ask)) },
    Route { verb: Method::GET, path: "verify", run: |app, _| Box::pin(future::ready(verify::show(app))) },
    Route { verb: Method::POST, path: "verify", run: |app, ask| Box::pin(future::ready(verify::start(app, &ask))) },
];

/// An authenticated admin request.
struct Ask {
    /// What each `*` of the route stood for.
    names: Vec<String>,
    query: Query,
    body: bytes::Bytes,
    now: UnixMillis,
}

impl Ask {
    /// What the first `*` of the route stood for.
    fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The body as JSON; unknown members are refused, so that a misspelt one is not silently ignored.
    fn document<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Code::BadRequest.because(format!("The body: {error}.")))
    }

    /// The one query parameter of most lists; any other is refused.
    fn account_filter(&self) -> Result<Option<&str>> {
        self.parameter("account")
    }

    /// The query parameter `wanted`; any other is refused.
    fn parameter(&self, wanted: &str) -> Result<Option<&str>> {
        match self.query.iter().find(|(name, _)| *name != wanted) {
            Some((name, _)) => Err(Code::InvalidArgument.because(format!("There is no parameter {name}."))),
            None => Ok(self.query.get(wanted)),
        }
    }
}

/// Answers one request of the console listener.
pub async fn handle(app: &Arc<App>, request: Request<RequestBody>, peer: SocketAddr) -> Response<ReplyBody> {
    let now = app.clock.now_millis();
    let request_id = app.request_ids.mint(now);
    let (parts, body) = request.into_parts();
    let reply = answer(app, parts, body, now).await.unwrap_or_else(|error| {
        if error.code().status().is_server_error() {
            tracing::error!(request_id = request_id.as_str(), %peer, ?error, "admin request failed");
        } else {
            tracing::debug!(request_id = request_id.as_str(), %peer, ?error, "admin request refused");
        }
        render::error_json(&error, &request_id)
    });
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    let length = HeaderValue::from(response.body().length());
    let headers = response.headers_mut();
    headers.insert("x-obs-request-id", HeaderValue::from(&request_id));
    if let Ok(date) = HeaderValue::try_from(http_date(now)) {
        headers.insert(DATE, date);
    }
    headers.insert(CONTENT_LENGTH, length);
    response
}

async fn answer(app: &Arc<App>, parts: Parts, mut body: RequestBody, now: UnixMillis) -> Result<Reply> {
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/healthz") => return Ok(text("ok\n".to_owned())),
        (&Method::GET, "/readyz") => return Ok(ready(app)),
        (&Method::GET, "/metrics") => return Ok(metrics(app)),
        _ => {}
    }
    let Some(path) = parts.uri.path().strip_prefix(BASE) else { return Err(Code::NoSuchResource.into()) };
    let body = body.collect(limits::ADMIN_DOCUMENT_BYTES_MAX).await?;
    // Who asks comes before what there is: a stranger learns nothing about routes.
    authenticate(app, &parts, &body, now).await?;
    let (route, names) = find(&parts.method, path)?;
    let query = Query::parse(parts.uri.query())?;
    (route.run)(app, Ask { names, query, body, now }).await
}

fn ready(app: &App) -> Reply {
    match app.store.engine().failure() {
        None => text("ready\n".to_owned()),
        // The reason is for the operator who asks here, not for clients: refusals on the data listener never tell it.
        Some(failure) => Reply { status: StatusCode::SERVICE_UNAVAILABLE, ..text(format!("not ready: {failure}\n")) },
    }
}

/// What the engine counts itself is taken over when somebody looks.
fn metrics(app: &App) -> Reply {
    let written = app.store.engine().written();
    app.metrics.commits.inner().store(written.commits, Ordering::Relaxed);
    app.metrics.commit_groups.inner().store(written.groups, Ordering::Relaxed);
    text(app.metrics.render())
}

/// The root account's active keys alone, neither temporary nor narrowed, signed within the usual quarter of an hour; a body is covered by its
/// `Content-MD5`.
async fn authenticate(app: &App, parts: &Parts, body: &[u8], now: UnixMillis) -> Result<()> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let claim = header(AUTHORIZATION.as_str()).strip_prefix("OBS ").and_then(|claim| claim.split_once(':'));
    let Some((access_key, signature)) = claim else {
        return Err(Code::AccessDenied.because("The admin API takes requests signed with a key of the root account."));
    };
    let date = header("x-obs-date");
    let sent = parse_date(date).ok_or_else(|| Code::AccessDenied.because("x-obs-date is missing or no date."))?;
    if sent.abs_diff(now) > limits::CLOCK_SKEW_SECONDS_MAX * 1000 {
        return Err(Code::RequestTimeTooSkewed.into());
    }
    let credential = app.store.credential(access_key).await?.ok_or(Code::InvalidAccessKeyId)?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let text =
        admin_string_to_sign(parts.method.as_str(), header("content-md5"), header(CONTENT_TYPE.as_str()), date, target);
    let expected = admin_signature(&credential.secret_key, &text);
    if !bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
        return Err(Code::SignatureDoesNotMatch.into());
    }
    // No token is taken here: what opens everything is not lent.
    check_token(&credential, None, Dialect::Obs, now)?;
    if !credential.account.root {
        return Err(Code::AccessDenied.because("The admin API is the root account's alone."));
    }
    if credential.narrowing.is_some() {
        return Err(Code::AccessDenied.because("The admin API does not take keys that a policy narrows."));
    }
    check_body(content_md5(&parts.headers)?, body)
}

fn check_body(expected: Option<[u8; 16]>, body: &[u8]) -> Result<()> {
    match expected {
        None if body.is_empty() => Ok(()),
        None => Err(Code::InvalidRequest.because("A body needs Content-MD5: the signature covers it through that.")),
        Some(expected) if expected == digest::md5(body) => Ok(()),
        Some(expected) => {
            Err(Code::BadDigest.because(format!("The body does not have the MD5 {}.", BASE64.encode(expected))))
        }
    }
}

fn find(method: &Method, path: &str) -> Result<(&'static Route, Vec<String>)> {
    let mut known = false;
    for route in ROUTES {
        let Some(names) = matched(route.path, path)? else { continue };
        if route.verb == *method {
            return Ok((route, names));
        }
        known = true;
    }
    Err(if known { Code::MethodNotAllowed } else { Code::NoSuchResource }.into())
}

/// What each `*` stands for in `path`, if it has the shape of `pattern`.
fn matched(pattern: &str, path: &str) -> Result<Option<Vec<String>>> {
    let mut names = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Ok(Some(names)),
            (Some("*"), Some(segment)) if !segment.is_empty() => {
                names.push(percent::decode(segment, percent::Plus::Literal)?.into_owned());
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return Ok(None),
        }
    }
}

/// Percents of soft limits as they were sent.
fn soft_percents(percents: Vec<u8>) -> Result<Percents> {
    Percents::parse(percents).ok_or_else(|| {
        Code::InvalidArgument
            .because("soft_percents has at most 8 percents, each 1 to 100, ascending; none for the default.")
    })
}

fn text(text: String) -> Reply {
    let mut reply = Reply::empty(StatusCode::OK);
    reply.body = ReplyBody::Full(text.into());
    reply.with(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))
}

fn json<T: Serialize>(status: StatusCode, document: &T) -> Result<Reply> {
    let mut reply = Reply::empty(status);
    reply.body = ReplyBody::Full(serde_json::to_vec(document).map_err(Error::internal)?.into());
    Ok(reply.with(CONTENT_TYPE, HeaderValue::from_static("application/json")))
}

/// Usage as the API splits it.
#[derive(Serialize)]
struct Split {
    current_bytes: u64,
    noncurrent_bytes: u64,
    part_bytes: u64,
    /// Held by uploads under way; not part of `used_bytes`.
    reserved_bytes: u64,
    current_objects: u64,
    noncurrent_objects: u64,
    parts: u64,
    delete_markers: u64,
    uploads: u64,
}

impl Split {
    fn new(usage: &Usage, reserved_bytes: u64) -> Self {
        Self {
            current_bytes: unsigned(usage.current_bytes),
            noncurrent_bytes: unsigned(usage.noncurrent_bytes),
            part_bytes: unsigned(usage.part_bytes),
            reserved_bytes,
            current_objects: unsigned(usage.current_objects),
            noncurrent_objects: unsigned(usage.noncurrent_objects),
            parts: unsigned(usage.parts),
            delete_markers: unsigned(usage.delete_markers),
            uploads: unsigned(usage.uploads),
        }
    }
}

/// Counters never fall below zero; the ledger refuses such a change.
fn unsigned(counter: i64) -> u64 {
    u64::try_from(counter).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = find(&Method::POST, path).ok().map(|(route, names)| (route.path, names.join(" ")));
        assert_eq!(found.as_ref().map(|(path, name)| (*path, name.as_str())), expected, "{path}");
    }

    #[test]
    fn routes_are_found_by_their_segments() {
        check("accounts", Some(("accounts", "")));
        check("accounts/a%2Fb/freeze", Some(("accounts/*/freeze", "a/b")));
        check("accounts/a+b/freeze", Some(("accounts/*/freeze", "a+b")));
        check("accounts//freeze", None);
        check("accounts/a/freeze/", None);
        check("accounts/a", None);
        check("", None);
    }
}

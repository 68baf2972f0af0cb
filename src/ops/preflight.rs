//! What a browser is told before and with requests of pages from other origins (OBS reference, "OPTIONS Bucket" and
//! "OPTIONS Object"): the preflight's answer, and the headers of actual answers.

use std::sync::Arc;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::cors::{Cors, MAX_AGE_SECONDS_DEFAULT, Rule};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::{Head, Reply};

pub(super) static BUCKET: Op = Op {
    name: "OptionsBucket",
    verb: Method::OPTIONS,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::Preflight,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0077",
    run: |app, call| Box::pin(answer(app, call)),
};

pub(super) static OBJECT: Op = Op {
    name: "OptionsObject",
    verb: Method::OPTIONS,
    scope: Scope::Object,
    picks: &[],
    action: Action::Preflight,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0078",
    run: |app, call| Box::pin(answer(app, call)),
};

/// The object need not be there.
async fn answer(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let Some(origin) = call.head.header(ORIGIN) else {
        return Err(Code::BadRequest.because("Insufficient information. Origin request header needed."));
    };
    let methods = listed(call.head, &ACCESS_CONTROL_REQUEST_METHOD)?;
    if methods.is_empty() {
        return Err(Code::BadRequest.because("Invalid Access-Control-Request-Method: null"));
    }
    let cors = app
        .store
        .read(|tx| {
            let bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.cors(&bucket)?)
        })
        .await?;
    let Some(cors) = cors else {
        return Err(Code::AccessForbidden.because("This CORS request is not allowed: the bucket has no rules."));
    };
    let asked = listed(call.head, &ACCESS_CONTROL_REQUEST_HEADERS)?;
    let rule = cors.find(origin, &methods, &asked).ok_or(Code::AccessForbidden)?;
    let mut reply = Reply::empty(StatusCode::OK);
    reply.headers = headers(rule, origin, &asked)?;
    Ok(reply)
}

/// The headers that let a page of another origin read the answer to `head`, whatever that will be: none without an
/// `Origin`, without a bucket, or where no rule allows that page this method. A request that names the method of a
/// preflight is held against that one.
pub async fn cross_origin(app: &App, head: &Head) -> Result<HeaderMap> {
    let (Some(origin), Some(name)) = (head.header(ORIGIN), &head.target.bucket) else { return Ok(HeaderMap::new()) };
    if head.method == Method::OPTIONS {
        return Ok(HeaderMap::new());
    }
    let asked = (listed(head, &ACCESS_CONTROL_REQUEST_METHOD), listed(head, &ACCESS_CONTROL_REQUEST_HEADERS));
    let (Ok(mut methods), Ok(asked)) = asked else { return Ok(HeaderMap::new()) };
    if methods.is_empty() {
        methods.push(head.method.as_str());
    }
    let cors: Option<Cors> = app
        .store
        .read(|tx| {
            let Some(bucket) = tx.bucket(name)? else { return Ok(None) };
            if bucket.is_file_system { Ok(None) } else { tx.cors(&bucket) }
        })
        .await?;
    let Some(rule) = cors.as_ref().and_then(|cors| cors.find(origin, &methods, &[])) else {
        return Ok(HeaderMap::new());
    };
    let allowed: Vec<&str> = asked.into_iter().filter(|name| rule.allows_header(name)).collect();
    headers(rule, origin, &allowed)
}

/// What stands in a header that may come more than once and have commas; more than
/// [`limits::CORS_ASKED_COUNT_MAX`] are 400 `BadRequest`. A value that is no text names nothing: as it is not in the
/// answer, no browser takes it as allowed.
fn listed<'h>(head: &'h Head, name: &HeaderName) -> Result<Vec<&'h str>> {
    let values = head.headers.get_all(name).iter().filter_map(|value| str::from_utf8(value.as_bytes()).ok());
    let parts = values.flat_map(|value| value.split(',')).map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.take(limits::CORS_ASKED_COUNT_MAX + 1).collect();
    if parts.len() > limits::CORS_ASKED_COUNT_MAX {
        return Err(Code::BadRequest.because(format!("The header {name} has too many parts.")));
    }
    Ok(parts)
}

fn headers(rule: &Rule, origin: &str, allowed: &[&str]) -> Result<HeaderMap> {
    // All of it came from headers, or was seen to fit in one when the rule was stored.
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).map_err(Error::internal);
    let mut headers = HeaderMap::new();
    if rule.is_for_everyone() {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value(origin)?);
        // Browsers refuse this beside a `*`.
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    let methods: Vec<&str> = rule.methods.iter().map(|method| method.name()).collect();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, value(&methods.join(","))?);
    if !allowed.is_empty() {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, value(&allowed.join(","))?);
    }
    let seconds = rule.max_age_seconds.unwrap_or(MAX_AGE_SECONDS_DEFAULT);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
    if !rule.exposed.is_empty() {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, value(&rule.exposed.join(","))?);
    }
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    Ok(headers)
}

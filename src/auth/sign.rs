//! The client's side of the signatures, for the command line's `sign` and `curl` and for tests: the same strings as
//! the server builds, so that the two cannot drift apart.

#![expect(clippy::too_many_arguments, reason = "a request without a type of its own: each argument is one part of it")]

use hyper::Request;

use sha2::{Digest as _, Sha256};

use crate::auth::canonical::{Input, Variant};
use crate::auth::canonical_v4::{PathForm, string_to_sign, write_request};
use crate::auth::date::{basic_date, parse_recent_date};
use crate::auth::v2::{AWS, OBS, Words, sign_string};
use crate::auth::v4::{ALGORITHM, UNSIGNED_PAYLOAD, hmac, service_of, signing_key};
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::wire::address::Endpoints;
use crate::wire::dialect::Dialect;
use crate::wire::percent;
use crate::wire::{EMPTY_SHA256, Head, hex};

/// The `Authorization` value of a request with these headers, which must have a date. `host` and `endpoints` tell
/// whether the host names the bucket. A request no server would read is refused as a server would refuse it.
pub fn sign_header(
    dialect: Dialect,
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    access_key: &str,
    secret_key: &str,
) -> Result<String> {
    if dialect == Dialect::S3 {
        return sign_header_v4(
            method,
            host,
            path_and_query,
            headers,
            endpoints,
            (access_key, secret_key),
            SIGNING_REGION,
        );
    }
    let words = words(dialect);
    let head = parse_head(method, host, path_and_query, headers, endpoints)?;
    let input = Input::of(&head, words.prefix);
    let signature = sign(&input, input.date_slot(), secret_key);
    Ok(format!("{} {access_key}:{signature}", words.authorization))
}

/// The same by Signature Version 4, for `region`; `keys` are access key and secret key. Without
/// `x-amz-content-sha256` the body is signed as empty.
pub fn sign_header_v4(
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    (access_key, secret_key): (&str, &str),
    region: &str,
) -> Result<String> {
    let head = parse_head(method, host, path_and_query, headers, endpoints)?;
    let date = head.dialect.header("date", &head.headers).or_else(|| head.header(hyper::header::DATE));
    let date =
        date.and_then(parse_recent_date).ok_or_else(|| Code::AccessDenied.because("The request has no date."))?;
    let payload = head.header("x-amz-content-sha256").unwrap_or(EMPTY_SHA256);
    let names = head.headers.keys().map(hyper::header::HeaderName::as_str);
    let mut names: Vec<&str> = names.filter(|name| is_signed(name)).collect();
    names.sort_unstable();
    let signed_headers = names.join(";");
    let (scope, signature) = sign_v4(&head, &signed_headers, payload, (&basic_date(date), region), secret_key)?;
    Ok(format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"))
}

/// The signature by Signature Version 4 of a form with this policy, in Base64, for the scope that the form's credential
/// names after the access key.
pub fn sign_form_v4(policy: &str, scope: &str, secret_key: &str) -> String {
    hex(&hmac(&signing_key(secret_key, scope), policy.as_bytes()))
}

/// What clients sign.
fn is_signed(name: &str) -> bool {
    Dialect::S3.reads(name) || matches!(name, "host" | "content-md5" | "content-type" | "range")
}

/// The region that clients without configuration sign for.
pub const SIGNING_REGION: &str = "us-east-1";

/// Scope and signature.
fn sign_v4(
    head: &Head,
    signed_headers: &str,
    payload: &str,
    (date, region): (&str, &str),
    secret: &str,
) -> Result<(String, String)> {
    let scope = format!("{}/{region}/{}/aws4_request", date.get(..8).unwrap_or_default(), service_of(head));
    let mut request = String::new();
    write_request(head, PathForm::Encoded, signed_headers, payload, &mut request)?;
    let string = string_to_sign(ALGORITHM, date, &scope, &Sha256::digest(&request).into());
    let signature = hex(&hmac(&signing_key(secret, &scope), string.as_bytes()));
    Ok((scope, signature))
}

/// `path_and_query` with a signature by Signature Version 4 that is made at `now_millis` and holds for
/// `expires_seconds`, for `region`. `headers` are those the request will be sent with; all of them are signed. The digest of
/// the body is signed where the query says it.
pub fn sign_url_v4(
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    (access_key, secret_key): (&str, &str),
    region: &str,
    (now_millis, expires_seconds): (UnixMillis, u64),
) -> Result<String> {
    let date = basic_date(now_millis);
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.push("host".to_owned());
    names.sort_unstable();
    names.dedup();
    let mut url = path_and_query.to_owned();
    let service = service_of(&parse_head(method, host, path_and_query, headers, endpoints)?);
    let day = date.get(..8).unwrap_or_default();
    let credential = format!("{access_key}/{day}/{region}/{service}/aws4_request");
    for (name, value) in [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &date),
        ("X-Amz-Expires", &expires_seconds.to_string()),
        ("X-Amz-SignedHeaders", &names.join(";")),
    ] {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.extend([name, "="]);
        percent::encode_query(value.as_bytes(), &mut url);
    }
    let head = parse_head(method, host, &url, headers, endpoints)?;
    let unsaid = if service == "s3" { UNSIGNED_PAYLOAD } else { EMPTY_SHA256 };
    let payload = head.query.get("X-Amz-Content-Sha256").unwrap_or(unsaid);
    let (_, signature) = sign_v4(&head, &names.join(";"), payload, (&date, region), secret_key)?;
    url.extend(["&X-Amz-Signature=", &signature]);
    Ok(url)
}

/// `path_and_query` with a signature that holds up to and including the second `expires_seconds` of Unix time.
/// `headers` are those the request will be sent with.
pub fn sign_url(
    dialect: Dialect,
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    access_key: &str,
    secret_key: &str,
    expires_seconds: u64,
) -> Result<String> {
    let words = words(dialect);
    let head = parse_head(method, host, path_and_query, headers, endpoints)?;
    let expires = expires_seconds.to_string();
    let signature = sign(&Input::of(&head, words.prefix).in_url(), &expires, secret_key);
    let mut url = path_and_query.to_owned();
    url.push(if path_and_query.contains('?') { '&' } else { '?' });
    url.push_str(words.parameter);
    url.push('=');
    percent::encode_query(access_key.as_bytes(), &mut url);
    url.push_str("&Expires=");
    url.push_str(&expires);
    url.push_str("&Signature=");
    percent::encode_query(signature.as_bytes(), &mut url);
    Ok(url)
}

fn words(dialect: Dialect) -> &'static Words {
    if dialect.is_obs() { &OBS } else { &AWS }
}

fn sign(input: &Input<'_>, date_slot: &str, secret_key: &str) -> String {
    let mut string = Vec::new();
    input.write_before_resource(date_slot, &mut string);
    input.write_resource(Variant::default(), &mut string);
    sign_string(secret_key, &string)
}

fn parse_head(
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
) -> Result<Head> {
    let mut request = Request::builder().method(method).uri(path_and_query).header("host", host);
    for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        request = request.header(name, value);
    }
    let request = request.body(()).map_err(|error| Error::from(Code::InvalidRequest).caused_by(error))?;
    Head::parse(request.into_parts().0, endpoints).map_err(|(error, ..)| error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Claim, claim};

    const NOW_MS: u64 = 1_435_721_265_000;
    const DATE: &str = "Wed, 01 Jul 2015 03:27:45 GMT";

    fn endpoints() -> Endpoints {
        Endpoints::new(vec!["obs.example.com".into()])
    }

    fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Signs a request both ways, sends it to the server's side and expects it to pass there.
    fn check(dialect: Dialect, method: &str, host: &str, path: &str, headers: &[(&str, &str)]) {
        let mut headers = owned(headers);
        let url = sign_url(dialect, method, host, path, &headers, &endpoints(), "AK", "secret", 1_435_721_265).unwrap();
        passes(method, host, &url, &headers);
        headers.push(("Date".to_owned(), DATE.to_owned()));
        let value = sign_header(dialect, method, host, path, &headers, &endpoints(), "AK", "secret").unwrap();
        headers.push(("Authorization".to_owned(), value));
        passes(method, host, path, &headers);
    }

    fn passes(method: &str, host: &str, path: &str, headers: &[(String, String)]) {
        let head = parse_head(method, host, path, headers, &endpoints()).unwrap();
        let Claim::Signed(signed) = claim(&head).unwrap() else { panic!("{path} is anonymous") };
        assert_eq!(signed.access_key, "AK");
        signed.check(&head, "secret", NOW_MS).unwrap();
        assert!(signed.check(&head, "other", NOW_MS).is_err(), "{path} passes with any secret");
    }

    #[test]
    fn what_we_sign_we_accept() {
        for dialect in [Dialect::Obs, Dialect::AwsV2] {
            check(dialect, "GET", "photos.obs.example.com", "/?quota", &[]);
            check(dialect, "GET", "192.0.2.10:9000", "/photos?quota", &[]);
            check(dialect, "GET", "192.0.2.10:9000", "/", &[]);
            check(dialect, "PUT", "photos.obs.example.com", "/a%20b?x-obs-acl=private", &[("x-amz-meta-a", "é")]);
            check(
                dialect,
                "PUT",
                "localhost",
                "/photos/k",
                &[("Host", "x"), ("x-obs-date", DATE), ("x-amz-date", DATE)],
            );
            check(dialect, "DELETE", "localhost", "/photos/k?versionId=", &[("Content-Type", "text/plain")]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_signed() {
        let sign = |method: &str, host: &str, headers: &[(&str, &str)]| {
            sign_header(Dialect::Obs, method, host, "/", &owned(headers), &endpoints(), "AK", "secret")
        };
        assert!(sign("GET", "localhost", &[]).is_ok());
        assert!(sign("G T", "localhost", &[]).is_err());
        assert!(sign("GET", "not.ours", &[]).is_err());
        assert!(sign("GET", "localhost", &[("a b", "c")]).is_err());
    }
}

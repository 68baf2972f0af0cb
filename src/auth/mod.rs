//! Placeholder for the `wire` branch: enough of a signer to try `sign` and `curl` with. Dropped when that is merged.
#![allow(clippy::too_many_arguments, reason = "the signature agreed with the wire branch")]

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cli::client::admin_signature;
use crate::wire::address::Endpoints;
use crate::wire::dialect::Dialect;

/// Placeholder.
pub fn sign_header(
    dialect: Dialect,
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    access_key: &str,
    secret_key: &str,
) -> String {
    let word = if dialect.is_obs() { "OBS" } else { "AWS" };
    let text = text(dialect, method, host, path_and_query, headers, endpoints, None);
    format!("{word} {access_key}:{}", admin_signature(secret_key, &text))
}

/// Placeholder.
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
) -> String {
    let name = if dialect.is_obs() { "AccessKeyId" } else { "AWSAccessKeyId" };
    let text = text(dialect, method, host, path_and_query, headers, endpoints, Some(expires_seconds));
    let signature = admin_signature(secret_key, &text);
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    let separator = if path_and_query.contains('?') { '&' } else { '?' };
    format!("{path_and_query}{separator}{name}={access_key}&Expires={expires_seconds}&Signature={signature}")
}

fn text(
    dialect: Dialect,
    method: &str,
    host: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    endpoints: &Endpoints,
    expires_seconds: Option<u64>,
) -> String {
    let prefix = if dialect.is_obs() { "x-obs-" } else { "x-amz-" };
    let header = |name: &str| headers.iter().find(|h| h.0.eq_ignore_ascii_case(name)).map_or("", |h| h.1.as_str());
    let mut own: Vec<_> = headers.iter().map(|h| (h.0.to_ascii_lowercase(), &h.1)).collect();
    own.retain(|h| h.0.starts_with(prefix));
    own.sort();
    let own_date = own.iter().any(|h| h.0[prefix.len()..] == *"date");
    let date = match expires_seconds {
        Some(seconds) => seconds.to_string(),
        None if own_date => String::new(),
        None => header("date").to_owned(),
    };
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let host = host.split(':').next().unwrap_or_default();
    let bucket = endpoints.0.iter().find_map(|domain| host.strip_suffix(domain.as_str())?.strip_suffix('.'));
    let resource = bucket.map_or(path.to_owned(), |bucket| format!("/{bucket}{path}"));
    let own: String = own.iter().map(|h| format!("{}:{}\n", h.0, h.1)).collect();
    let query = if query == "quota" { "?quota" } else { "" };
    let (md5, kind) = (header("content-md5"), header("content-type"));
    format!("{method}\n{md5}\n{kind}\n{date}\n{own}{resource}{query}")
}

//! One check per form of setting: text in, value out, or a sentence that says what was expected. Pure.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use hyper::Uri;

use crate::config::SignatureRegion;
use crate::limits::BUCKETS_PER_ACCOUNT_SETTING_MAX;

/// Threads one process may serve with.
const WORKER_COUNT_MAX: usize = 1024;
/// Hours between two runs of anything: a year.
const INTERVAL_HOURS_MAX: u32 = 8760;
/// The largest `restore_delay`: a day.
const RESTORE_DELAY_SECONDS_MAX: u64 = 24 * 60 * 60;
/// Bytes of a region's name.
const REGION_BYTES_MAX: usize = 64;

/// Whether `text` can be an access key: 4 to 128 letters, digits, `-`, `_` or `.`, so that it needs no escape in any
/// `Authorization` header or query string.
pub fn is_access_key(text: &str) -> bool {
    (4..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether `text` can be a secret key: 8 to 128 visible ASCII characters.
pub fn is_secret_key(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

pub(super) fn parse_path(text: &str) -> Result<PathBuf, String> {
    holds(!text.is_empty(), "expected the path of a folder").map(|()| PathBuf::from(text))
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected IP:PORT, for instance 127.0.0.1:8080 or [::1]:8080".to_owned())
}

pub(super) fn parse_domains(text: &str) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for name in text.split(',').map(|name| name.trim().to_ascii_lowercase()) {
        if name.parse::<IpAddr>().is_ok() {
            return Err(format!("`{name}` is an address; addresses work without being listed, in path style"));
        }
        if !is_domain(&name) {
            return Err("expected DNS names without a port, separated by commas, for instance obs.example.com".into());
        }
        if !domains.contains(&name) {
            domains.push(name);
        }
    }
    Ok(domains)
}

fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

pub(super) fn parse_region(text: &str) -> Result<String, String> {
    let is_name = (1..=REGION_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    holds(is_name, "expected 1 to 64 letters, digits, `-` or `_`").map(|()| text.to_owned())
}

pub(super) fn parse_signature_region(text: &str) -> Result<SignatureRegion, String> {
    match text {
        "any" => Ok(SignatureRegion::Any),
        "own" => Ok(SignatureRegion::Own),
        _ => Err("expected `any` or `own`".to_owned()),
    }
}

pub(super) fn parse_access_key(text: &str) -> Result<String, String> {
    holds(is_access_key(text), "expected 4 to 128 letters, digits, `-`, `_` or `.`").map(|()| text.to_owned())
}

pub(super) fn parse_secret_key(text: &str) -> Result<String, String> {
    holds(is_secret_key(text), "expected 8 to 128 visible ASCII characters").map(|()| text.to_owned())
}

pub(super) fn parse_email(text: &str) -> Result<String, String> {
    let is_plain = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let has_two_sides = matches!(text.split_once('@'), Some((name, host)) if !name.is_empty() && !host.is_empty() && !host.contains('@'));
    holds(is_plain && has_two_sides, "expected an address such as root@example.com").map(|()| text.to_owned())
}

pub(super) fn parse_password(text: &str) -> Result<String, String> {
    let is_password = (8..=1024).contains(&text.len()) && !text.chars().any(char::is_control);
    holds(is_password, "expected 8 to 1024 bytes without control characters").map(|()| text.to_owned())
}

pub(super) fn parse_webhook_url(text: &str) -> Result<Uri, String> {
    const EXPECTED: &str = "expected an URL such as http://127.0.0.1:9000/hook";
    let url: Uri = text.parse().map_err(|_| EXPECTED)?;
    holds(url.scheme_str() != Some("https"), "https is not supported yet: name an http URL, for instance of a proxy")?;
    let is_plain = url.host().is_some_and(|host| !host.is_empty())
        && url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    holds(url.scheme_str() == Some("http") && is_plain, EXPECTED).map(|()| url)
}

pub(super) fn parse_log(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected directives such as `info` or `obs_gateway=debug,info` ({error})")),
    }
}

pub(super) fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=WORKER_COUNT_MAX).contains(&count) => Ok(count),
        _ => Err(format!("expected a number of threads, 1 to {WORKER_COUNT_MAX}")),
    }
}

pub(super) fn parse_hours(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(hours) if hours <= INTERVAL_HOURS_MAX => Ok(hours),
        _ => Err(format!("expected a number of hours, 0 to {INTERVAL_HOURS_MAX}")),
    }
}

/// In milliseconds, from seconds.
pub(super) fn parse_restore_delay(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= RESTORE_DELAY_SECONDS_MAX => Ok(seconds * 1000),
        _ => Err(format!("expected a number of seconds, 0 to {RESTORE_DELAY_SECONDS_MAX}")),
    }
}

pub(super) fn parse_bucket_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=BUCKETS_PER_ACCOUNT_SETTING_MAX).contains(&count) => Ok(count),
        _ => Err(format!("expected a number of buckets, 1 to {BUCKETS_PER_ACCOUNT_SETTING_MAX}")),
    }
}

fn holds(condition: bool, expected: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(expected.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_need_no_escape_and_have_a_length() {
        for good in ["AKAK", "a-b_c.d", &"A".repeat(128)] {
            assert!(is_access_key(good), "{good}");
        }
        for bad in ["", "AKA", "AK:AK", "AK/AK", "AK AK", "AK,AK", "schlüssel", &"A".repeat(129)] {
            assert!(!is_access_key(bad), "{bad}");
        }
        for good in ["12345678", "a/b+c=:~", &"s".repeat(128)] {
            assert!(is_secret_key(good), "{good}");
        }
        for bad in ["1234567", "1234 5678", "1234567\n", "schlüssel", &"s".repeat(129)] {
            assert!(!is_secret_key(bad), "{bad}");
        }
    }

    #[test]
    fn domains_are_dns_names() {
        let label = "a".repeat(63);
        for good in ["localhost", "obs.localhost", "OBS.Example.COM", "a-b.c", "0.a", &label] {
            assert!(parse_domains(good).is_ok(), "{good}");
        }
        let long = [label.as_str(); 4].join(".");
        let label = "a".repeat(64);
        for bad in ["", ".", "a.", ".a", "-a", "a-", "a_b", "a,,b", "a,", "*.a", "é.a", "::1", &label, &long] {
            assert!(parse_domains(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn webhooks_are_reached_by_http() {
        for good in ["http://127.0.0.1:9000/hook?a=b", "http://alerts", "http://[::1]:1/"] {
            assert!(parse_webhook_url(good).is_ok(), "{good}");
        }
        assert!(parse_webhook_url("https://example.com/").unwrap_err().contains("https is not supported yet"));
        for bad in ["", "hook", "/hook", "ftp://a/", "http://", "http://user:word@a/", "example.com:80"] {
            assert!(parse_webhook_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn emails_have_two_sides() {
        for good in ["a@b", "root+x@example.com"] {
            assert!(parse_email(good).is_ok(), "{good}");
        }
        for bad in ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n"] {
            assert!(parse_email(bad).is_err(), "{bad}");
        }
    }
}

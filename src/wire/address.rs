//! Host and path to what a request is about: the service, a bucket, an object. Whether it exists is not asked here.

use std::net::Ipv4Addr;

use crate::error::{Code, Result};
use crate::name::{BucketName, ObjectKey};
use crate::wire::percent::{self, Plus};

/// The domains under which this gateway answers, such as `obs.example.com`; each gives a service host and, one
/// label or more to its left, bucket hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    domains: Vec<String>,
}

impl Endpoints {
    /// Domains without port; case and a trailing dot do not matter.
    pub fn new(domains: Vec<String>) -> Self {
        let mut domains: Vec<String> =
            domains.into_iter().map(|domain| domain.trim_end_matches('.').to_ascii_lowercase()).collect();
        // The longest domain is the most particular one: `b.obs.example.com` belongs to `obs.example.com` rather
        // than to `example.com`.
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        Self { domains }
    }

    /// The domains, longest first.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }
}

/// Where the bucket's name was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nowhere: the request is about the service.
    Service,
    /// In the host.
    VirtualHost,
    /// In the path.
    Path,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where the bucket's name was.
    pub style: Style,
    /// The bucket, unless the style is [`Style::Service`].
    pub bucket: Option<BucketName>,
    /// The object; there is none without a bucket.
    pub key: Option<ObjectKey>,
}

impl Target {
    /// Reads `host` (with or without port) and the path as sent. The path is decoded exactly once and nothing in
    /// it is folded: `//`, `.` and `..` are data.
    ///
    /// An exact endpoint domain, an IP literal or `localhost` takes the bucket from the path; a host below an
    /// endpoint domain names the bucket itself; any other is 404 `NoSuchBucket`, because it may be meant for a
    /// bucket (400 `InvalidBucketName` if it cannot be one). Bad escapes are 400 `InvalidURI`.
    pub fn parse(host: &str, raw_path: &str, endpoints: &Endpoints) -> Result<Self> {
        let path = raw_path.strip_prefix('/').ok_or(Code::InvalidUri)?;
        match find_bucket_label(strip_port(host), endpoints)? {
            // As written: a name with capitals is no bucket's, and lower-casing it would only turn a clear refusal
            // into a signature that does not match.
            Some(label) => {
                let bucket = BucketName::parse(label)?;
                Ok(Self { style: Style::VirtualHost, bucket: Some(bucket), key: parse_key(path)? })
            }
            None if path.is_empty() => Ok(Self { style: Style::Service, bucket: None, key: None }),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                let bucket = BucketName::parse(&percent::decode(bucket, Plus::Literal)?)?;
                Ok(Self { style: Style::Path, bucket: Some(bucket), key: parse_key(key)? })
            }
        }
    }

    /// `/`, `/bucket` or `/bucket/key`, decoded, for the `<Resource>` of error documents.
    pub fn resource(&self) -> String {
        match (&self.bucket, &self.key) {
            (Some(bucket), Some(key)) => format!("/{bucket}/{key}"),
            (Some(bucket), None) => format!("/{bucket}"),
            (None, _) => "/".to_owned(),
        }
    }
}

fn parse_key(raw: &str) -> Result<Option<ObjectKey>> {
    if raw.is_empty() {
        return Ok(None);
    }
    ObjectKey::parse(&percent::decode(raw, Plus::Literal)?).map(Some)
}

/// `host` without port, IPv6 brackets and the trailing dot of a full domain name.
fn strip_port(host: &str) -> &str {
    if let Some(literal) = host.strip_prefix('[') {
        return literal.split_once(']').map_or(literal, |(address, _)| address);
    }
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// The part of `host` that names a bucket; `None` where the bucket is in the path.
fn find_bucket_label<'a>(host: &'a str, endpoints: &Endpoints) -> Result<Option<&'a str>> {
    let is_service = |domain: &String| domain.eq_ignore_ascii_case(host);
    if endpoints.domains.iter().any(is_service) || is_local(host) {
        return Ok(None);
    }
    for domain in &endpoints.domains {
        let Some(label_end) = host.len().checked_sub(domain.len() + 1) else { continue };
        let (label, rest) = (host.get(..label_end), host.get(label_end..));
        if let (Some(label), Some(rest)) = (label, rest)
            && rest.starts_with('.')
            && rest[1..].eq_ignore_ascii_case(domain)
        {
            return Ok(Some(label));
        }
    }
    let bucket = BucketName::parse(host)?;
    Err(Code::NoSuchBucket.on(format!("/{bucket}")))
}

/// A host no one can put a bucket's name in front of. An IPv6 literal is told by its colon.
fn is_local(host: &str) -> bool {
    host.is_empty()
        || host.eq_ignore_ascii_case("localhost")
        || host.contains(':')
        || (host.as_bytes()[0].is_ascii_digit() && host.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::new(vec!["example.com".into(), "OBS.example.com.".into()])
    }

    fn check(host: &str, path: &str, style: Style, resource: &str) {
        let target = Target::parse(host, path, &endpoints()).unwrap();
        assert_eq!((target.style, target.resource().as_str()), (style, resource), "{host} {path}");
    }

    fn check_refused(host: &str, path: &str, code: Code) {
        assert_eq!(Target::parse(host, path, &endpoints()).unwrap_err().code(), code, "{host} {path}");
    }

    #[test]
    fn the_host_decides_where_the_bucket_is() {
        check("obs.example.com", "/", Style::Service, "/");
        check("obs.example.com:8080", "/", Style::Service, "/");
        check("OBS.Example.com.", "/", Style::Service, "/");
        check("photos.obs.example.com", "/", Style::VirtualHost, "/photos");
        check("photos.OBS.example.com:80", "/a", Style::VirtualHost, "/photos/a");
        check("a.b.obs.example.com", "/", Style::VirtualHost, "/a.b");
        check("photos.example.com", "/k", Style::VirtualHost, "/photos/k");
        check("127.0.0.1:9000", "/photos", Style::Path, "/photos");
        check("127.0.0.1", "/photos/", Style::Path, "/photos");
        check("[::1]:9000", "/photos/k", Style::Path, "/photos/k");
        check("localhost", "/photos/k/", Style::Path, "/photos/k/");
        check("localhost:8080", "/", Style::Service, "/");
    }

    #[test]
    fn keys_are_decoded_once_and_never_folded() {
        check("localhost", "/photos//a/../b", Style::Path, "/photos//a/../b");
        check("photos.obs.example.com", "//", Style::VirtualHost, "/photos//");
        check("localhost", "/photos/%2e%2E/%252F+%20", Style::Path, "/photos/../%2F+ ");
        check("localhost", "/photos/%C3%A9", Style::Path, "/photos/é");
        check("localhost", "/ph%6Ftos/k", Style::Path, "/photos/k");
    }

    #[test]
    fn refusals_have_their_codes() {
        check_refused("unknown.host", "/", Code::NoSuchBucket);
        check_refused("un_known", "/", Code::InvalidBucketName);
        check_refused("xexample.org", "/", Code::NoSuchBucket);
        check_refused("ab.obs.example.com", "/", Code::InvalidBucketName);
        check_refused(".obs.example.com", "/", Code::InvalidBucketName);
        check_refused("Photos.obs.example.com", "/", Code::InvalidBucketName);
        check_refused("localhost", "//k", Code::InvalidBucketName);
        check_refused("localhost", "/Photos", Code::InvalidBucketName);
        check_refused("localhost", "/photos/%", Code::InvalidUri);
        check_refused("localhost", "*", Code::InvalidUri);
        check_refused("localhost", "/photos/%FF", Code::InvalidUri);
        check_refused("localhost", &format!("/photos/{}", "k".repeat(1025)), Code::KeyTooLong);
    }

    proptest! {
        #[test]
        fn any_host_and_path_is_parsed_or_refused(host in ".{0,40}", path in "/?.{0,40}") {
            let _ = Target::parse(&host, &path, &endpoints());
            let _ = Target::parse(&format!("{host}.obs.example.com"), &path, &endpoints());
        }

        #[test]
        fn an_encoded_key_comes_back(key in ".{1,200}") {
            let mut path = b"/photos/".to_vec();
            percent::encode_path(key.as_bytes(), &mut path);
            let target = Target::parse("localhost", str::from_utf8(&path).unwrap(), &endpoints()).unwrap();
            prop_assert_eq!(target.key, Some(ObjectKey::parse(&key).unwrap()));
        }
    }
}

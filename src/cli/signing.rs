//! Signing one request for the data listener: what `sign` and `curl` share. The algorithm is `auth`'s; here are the
//! URL, the headers as curl writes them, and the key pair.

use std::net::IpAddr;
use std::str::FromStr;

use clap::ValueEnum;
use hyper::Uri;

use super::credentials::{KeyPair, find_root};
use super::failure::Failure;
use super::flags::{self, Flags};
use crate::auth;
use crate::clock::http_date;
use crate::config::Config;
use crate::error::Error;
use crate::limits;
use crate::wire::address::Endpoints;
use crate::wire::dialect::Dialect;

/// A header's name and value.
pub(super) type Header = (String, String);

/// Who signs, and in which words.
#[derive(Debug, clap::Args)]
pub(super) struct Signature {
    /// Whose signature: `OBS key:signature`, S3's version 4, or S3's older `AWS key:signature`
    #[arg(long, value_enum, default_value_t = Words::Obs)]
    dialect: Words,
    /// Access key to sign with [default: the root account's]
    #[arg(long, value_name = "KEY", requires = "secret_key")]
    access_key: Option<String>,
    /// Secret key that belongs to it
    #[arg(long, value_name = "SECRET", requires = "access_key")]
    secret_key: Option<String>,
    #[command(flatten)]
    flags: Flags<flags::Signer>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Words {
    Obs,
    S3,
    #[value(name = "s3-v2")]
    S3V2,
}

impl Signature {
    /// Finds the key pair and the endpoint domains.
    pub(super) fn open(&self) -> Result<Signer, Failure> {
        let config = self.flags.config()?;
        let keys = match (&self.access_key, &self.secret_key) {
            (Some(access_key), Some(secret_key)) => KeyPair {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                origin: "the flags".to_owned(),
            },
            _ => find_root(&config)?,
        };
        let dialect = match self.dialect {
            Words::Obs => Dialect::Obs,
            Words::S3 => Dialect::S3,
            Words::S3V2 => Dialect::AwsV2,
        };
        Ok(Signer::new(&config, dialect, keys))
    }
}

const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Signs requests with one key pair.
#[derive(Debug)]
pub(super) struct Signer {
    dialect: Dialect,
    keys: KeyPair,
    domains: Vec<String>,
    endpoints: Endpoints,
    /// What version 4 signs for.
    region: String,
}

impl Signer {
    pub(super) fn new(config: &Config, dialect: Dialect, keys: KeyPair) -> Self {
        Self {
            dialect,
            keys,
            domains: config.domains.clone(),
            endpoints: Endpoints::new(config.domains.clone()),
            region: config.region.clone(),
        }
    }

    /// The headers to add to `given` so that the request is signed: the date, unless `given` has one, in version 4 that
    /// the body is not covered, unless `given` has its digest, and `Authorization`.
    pub(super) fn headers(
        &self,
        method: &str,
        url: &Url,
        given: &[Header],
        now_millis: u64,
    ) -> Result<Vec<Header>, Failure> {
        let host = self.host(url, given)?;
        let mut headers = given.to_vec();
        let own_date = if self.dialect.is_obs() { "x-obs-date" } else { "x-amz-date" };
        if !has(given, "date") && !has(given, own_date) {
            headers.push(("Date".to_owned(), http_date(now_millis)));
        }
        let (target, endpoints) = (&url.path_and_query, &self.endpoints);
        let (access_key, secret_key) = (&self.keys.access_key, &self.keys.secret_key);
        let authorization = if self.dialect == Dialect::S3 {
            if !has(given, CONTENT_SHA256) {
                headers.push((CONTENT_SHA256.to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
            }
            auth::sign_header_v4(method, host, target, &headers, endpoints, (access_key, secret_key), &self.region)
        } else {
            auth::sign_header(self.dialect, method, host, target, &headers, endpoints, access_key, secret_key)
        };
        let authorization = authorization.map_err(|error| unsignable(&error))?;
        headers.push(("Authorization".to_owned(), authorization));
        Ok(headers.split_off(given.len()))
    }

    /// `url` with a signature that holds for `seconds` from now. `given` are headers the request will carry.
    pub(super) fn presigned(
        &self,
        method: &str,
        url: &Url,
        given: &[Header],
        (now_millis, seconds): (u64, u64),
    ) -> Result<String, Failure> {
        let host = self.host(url, given)?;
        let (target, endpoints) = (&url.path_and_query, &self.endpoints);
        let (access_key, secret_key) = (&self.keys.access_key, &self.keys.secret_key);
        let path_and_query = if self.dialect == Dialect::S3 {
            if seconds > limits::URL_SECONDS_MAX {
                return Err(Failure::Usage("an URL signed with version 4 holds for seven days at most".to_owned()));
            }
            let keys = (access_key.as_str(), secret_key.as_str());
            auth::sign_url_v4(method, host, target, given, endpoints, keys, &self.region, (now_millis, seconds))
        } else {
            let until = now_millis / 1000 + seconds;
            auth::sign_url(self.dialect, method, host, target, given, endpoints, access_key, secret_key, until)
        };
        let path_and_query = path_and_query.map_err(|error| unsignable(&error))?;
        Ok(format!("{}://{}{path_and_query}", url.scheme, url.host))
    }

    /// The host the server will see. One it would take for a bucket of nobody is refused here, because the signature
    /// depends on where the bucket's name stands.
    fn host<'a>(&self, url: &'a Url, given: &'a [Header]) -> Result<&'a str, Failure> {
        if has(given, "authorization") {
            return Err(Failure::Usage("an Authorization header is given already: leave it out".to_owned()));
        }
        let named = given.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = named.map_or(url.host.as_str(), |(_, value)| value);
        let is_known = |host: &str| {
            host == "localhost"
                || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
                || self.domains.iter().any(|domain| {
                    host.strip_suffix(domain.as_str()).is_some_and(|bucket| bucket.is_empty() || bucket.ends_with('.'))
                })
        };
        if is_known(&without_port(host).to_ascii_lowercase()) {
            return Ok(host);
        }
        Err(Failure::Usage(format!(
            "{host} is neither an address nor under an endpoint domain ({})\n\
             give --domain or OBS_GATEWAY_DOMAIN the endpoint domains of the server",
            self.domains.join(",")
        )))
    }
}

/// What no server would take is refused in the server's words.
fn unsignable(error: &Error) -> Failure {
    let resource = error.resource().map(|resource| format!(" ({resource})")).unwrap_or_default();
    Failure::Usage(format!("the request cannot be signed: {error}{resource}"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn has(headers: &[Header], name: &str) -> bool {
    headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
}

/// A request's URL in the parts that are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    scheme: String,
    /// With the port, unless it is the scheme's own: what clients send as `Host`.
    host: String,
    /// As on the request line.
    path_and_query: String,
}

impl Url {
    pub(super) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

impl FromStr for Url {
    type Err = String;

    /// `http://host[:port][/path][?query]`, percent-encoded; a fragment is not part of a request and is dropped.
    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected http://HOST[:PORT]/PATH, percent-encoded as it goes over the wire";
        let uri: Uri = text.parse().map_err(|error| format!("{EXPECTED} ({error})"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(EXPECTED.to_owned());
        };
        let (host, port) = (authority.host(), authority.port_u16());
        let with_port = port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
        // Credentials in the URL would replace the signature; a port that is no port would be lost.
        if authority.as_str() != with_port {
            return Err(EXPECTED.to_owned());
        }
        let is_own_port = port == Some(if scheme == "http" { 80 } else { 443 });
        Ok(Self {
            scheme: scheme.to_owned(),
            host: if is_own_port { host.to_owned() } else { with_port },
            path_and_query: match uri.query() {
                Some(query) => format!("{}?{query}", uri.path()),
                None => uri.path().to_owned(),
            },
        })
    }
}

/// A request method: upper-case letters.
pub(super) fn parse_method(text: &str) -> Result<String, String> {
    let is_method = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    if is_method { Ok(text.to_ascii_uppercase()) } else { Err("expected a method such as GET or PUT".to_owned()) }
}

/// A header as curl's `-H` takes it: `Name: value`, or `Name;` for an empty value.
pub(super) fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, value.trim()),
        None => (text.strip_suffix(';').unwrap_or_default(), ""),
    };
    let is_token =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if is_token && !value.chars().any(char::is_control) {
        Ok((name.to_owned(), value.to_owned()))
    } else {
        Err("expected a header such as `Content-Type: text/plain`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_KEY: &str = "TestVectorSecretKeyForObsGateway00000001";
    /// Wed, 01 Jul 2015 03:27:45 GMT
    const NOW_MILLIS: u64 = 1_435_721_265_482;

    fn signer(dialect: Dialect) -> Signer {
        let config = Config { domains: vec!["obs.region.example.com".into()], ..Config::for_testing() };
        let keys = KeyPair { access_key: "AK".into(), secret_key: SECRET_KEY.into(), origin: String::new() };
        Signer::new(&config, dialect, keys)
    }

    fn check(dialect: Dialect, method: &str, url: &str, given: &[&str], expected: &[&str]) {
        let given: Vec<_> = given.iter().map(|header| parse_header(header).unwrap()).collect();
        let added = signer(dialect).headers(method, &url.parse().unwrap(), &given, NOW_MILLIS).unwrap();
        let added: Vec<_> = added.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(added, expected, "{method} {url}");
    }

    #[test]
    fn headers_are_signed_as_the_vectors_have_it() {
        let date = "Date: Wed, 01 Jul 2015 03:27:45 GMT";
        let virtual_host = "http://examplebucket.obs.region.example.com/?quota";
        let path_style = "http://192.0.2.10:9000/examplebucket?quota";
        check(Dialect::Obs, "GET", virtual_host, &[], &[date, "Authorization: OBS AK:96XLPhxsOMt4/3dBimYTtyHvMsY="]);
        check(Dialect::Obs, "GET", path_style, &[], &[date, "Authorization: OBS AK:KwArjhO6k/7bnNJfdH7WcHWj+hA="]);
        check(Dialect::AwsV2, "GET", path_style, &[], &[date, "Authorization: AWS AK:KwArjhO6k/7bnNJfdH7WcHWj+hA="]);
    }

    #[test]
    fn version_4_signs_for_the_gateways_region_and_leaves_the_body_open() {
        let url: Url = "http://192.0.2.10:9000/examplebucket/k".parse().unwrap();
        let added = signer(Dialect::S3).headers("PUT", &url, &[], NOW_MILLIS).unwrap();
        let names: Vec<_> = added.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Date", "x-amz-content-sha256", "Authorization"]);
        let expected = "AWS4-HMAC-SHA256 Credential=AK/20150701/default/s3/aws4_request, \
                        SignedHeaders=host;x-amz-content-sha256, Signature=";
        assert!(added[2].1.starts_with(expected), "{}", added[2].1);
        let url = signer(Dialect::S3).presigned("GET", &url, &[], (NOW_MILLIS, 604_800)).unwrap();
        assert!(url.contains("&X-Amz-Date=20150701T032745Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&"), "{url}");
        let too_long = signer(Dialect::S3).presigned("GET", &url.parse().unwrap(), &[], (NOW_MILLIS, 604_801));
        assert!(too_long.is_err());
    }

    #[test]
    fn given_headers_are_covered_and_a_given_date_is_kept() {
        let url = "http://bucket.obs.region.example.com/object.txt";
        let given = ["Content-MD5: I5pU0r4+sgO9Emgl1KMQUg==", "x-obs-date: Tue, 15 Oct 2015 07:20:09 GMT"];
        check(Dialect::Obs, "PUT", url, &given, &["Authorization: OBS AK:e6INh/s7A8tziUsGL29XNooT5ZI="]);
        let given = ["Content-Type: text/plain", "Date: Mon, 14 Oct 2015 12:08:34 GMT", "x-obs-acl:public-read"];
        check(Dialect::Obs, "PUT", url, &given, &["Authorization: OBS AK:YLype0Zk3kQ96+eSBYEx5NxiKy0="]);
    }

    #[test]
    fn a_presigned_url_carries_the_signature_in_its_query() {
        let url = "http://examplebucket.obs.region.example.com/objectkey".parse().unwrap();
        let presigned = signer(Dialect::Obs).presigned("GET", &url, &[], (1_532_779_000_000, 451)).unwrap();
        let expected = "http://examplebucket.obs.region.example.com/objectkey?AccessKeyId=AK&Expires=1532779451\
                        &Signature=UfyA9WAFesI3%2FF9ucZgUYVDVGkw%3D";
        assert_eq!(presigned, expected);
    }

    #[test]
    fn a_host_the_server_does_not_know_is_refused_before_it_is_signed() {
        for (host, is_known) in [
            ("obs.region.example.com", true),
            ("bucket.OBS.region.example.com:8080", true),
            ("a.b.obs.region.example.com", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("bucketobs.region.example.com", false),
            ("bucket.obs.localhost", false),
        ] {
            let url = format!("http://{host}/").parse().unwrap();
            let outcome = signer(Dialect::Obs).headers("GET", &url, &[], NOW_MILLIS);
            assert_eq!(outcome.is_ok(), is_known, "{host}");
        }
        let url = "http://gateway.example/".parse().unwrap();
        let given = [("host".to_owned(), "obs.region.example.com".to_owned())];
        assert!(signer(Dialect::Obs).headers("GET", &url, &given, NOW_MILLIS).is_ok());
        let given = [("authorization".to_owned(), "OBS a:b".to_owned()), given[0].clone()];
        assert!(signer(Dialect::Obs).headers("GET", &url, &given, NOW_MILLIS).is_err());
    }

    #[test]
    fn what_no_server_would_take_is_a_wrong_usage() {
        let url = "http://127.0.0.1/A_bucket/key".parse().unwrap();
        let failure = signer(Dialect::Obs).headers("GET", &url, &[], NOW_MILLIS).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("InvalidBucketName"), "{failure}");
    }

    #[test]
    fn urls_keep_what_goes_over_the_wire() {
        for (text, host, path_and_query) in [
            ("http://b.obs.localhost:8080?quota", "b.obs.localhost:8080", "/?quota"),
            ("http://h:80/a%20b/../c//d?x=%2F#frag", "h", "/a%20b/../c//d?x=%2F"),
            ("https://h:443", "h", "/"),
            ("https://h:80/", "h:80", "/"),
            ("http://[::1]:9/", "[::1]:9", "/"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.path_and_query()), (host, path_and_query), "{text}");
        }
        for text in [
            "",
            "/path",
            "host/path",
            "ftp://h/",
            "http:///x",
            "http://h/a b",
            "http://h:99999/",
            "http://h:/",
            "http://u:p@h/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn headers_and_methods_are_read_as_curl_reads_them() {
        for (text, expected) in [
            ("A: b", Some(("A", "b"))),
            ("A:b: c ", Some(("A", "b: c"))),
            ("A:", Some(("A", ""))),
            ("A;", Some(("A", ""))),
            ("A", None),
            ("", None),
            (": b", None),
            ("A b: c", None),
            ("A: b\r\nC: d", None),
        ] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(parse_header(text).ok(), expected, "{text}");
        }
        assert_eq!(parse_method("get"), Ok("GET".to_owned()));
        assert!(parse_method("").is_err() && parse_method("GET /").is_err());
    }
}

//! Bytes to words and back: [`Head`] is a request's line and headers, parsed; [`Reply`] is what is answered.
//!
//! Nothing here knows buckets, accounts or stores, and nothing waits for anything but a body.

pub mod address;
pub mod attributes;
pub mod aws_chunked;
pub mod body;
pub mod conditions;
pub mod continuation;
pub mod copy_source;
pub mod delete_conditions;
pub mod dialect;
pub mod form;
pub mod headers;
pub mod letter_case;
pub mod object_lock;
pub mod percent;
pub mod query;
pub mod range;
pub mod render;
pub mod request_id;
pub mod tag_set;
pub mod token_call;
pub mod xml;

use std::net::IpAddr;

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Uri, Version};

use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::address::{Endpoints, Target};
use crate::wire::body::ReplyBody;
use crate::wire::dialect::Dialect;
use crate::wire::query::Query;

/// The other end of the connection a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; what a proxy says of whom it speaks for is not believed.
    pub address: IpAddr,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
}

impl Peer {
    /// A peer on a connection that is not encrypted.
    pub fn plain(address: IpAddr) -> Self {
        Self { address, is_secure: false }
    }
}

/// The parsed head of a request.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The request line's URI as sent.
    pub uri: Uri,
    /// The headers as sent, but those of the protocol are one line each, as signatures have them: values of one name joined
    /// by `,`. In V2 URLs also those that boto3 sends as parameters.
    pub headers: HeaderMap,
    /// What the request is about.
    pub target: Target,
    /// The decoded query parameters.
    pub query: Query,
    /// The request's vocabulary.
    pub dialect: Dialect,
    /// Whether a body may come without its length being announced in any way: HTTP/2 frames it.
    pub is_framed: bool,
    /// Whether one may still come. The head does not say it: who has the body sets it.
    pub has_framed_body: bool,
}

impl Head {
    /// Takes a request's head apart. An error comes with what its rendering needs: the dialect, as far as it
    /// could be told, and whether the method is `HEAD`.
    ///
    /// Too long a URI is 414, a missing or repeated `Host` 400 `BadRequest`, a coding of the body beside `chunked` 501;
    /// the rest as [`Query::parse`] and [`Target::parse`] say.
    pub fn parse(
        parts: hyper::http::request::Parts,
        endpoints: &Endpoints,
    ) -> std::result::Result<Self, (Error, Dialect, bool)> {
        let is_head = parts.method == Method::HEAD;
        let query = match parse_query(&parts.uri) {
            Ok(query) => query,
            Err(error) => return Err((error, Dialect::of(&parts.headers, &Query::default()), is_head)),
        };
        let dialect = Dialect::of(&parts.headers, &query);
        let parsed = check_host(&parts).and_then(|host| Target::parse(host, parts.uri.path(), endpoints));
        let parsed = check_coding(&parts.headers).and(parsed);
        let target = parsed.map_err(|error| (error, dialect, is_head))?;
        let mut parts = parts;
        join_repeated(&mut parts.headers);
        if takes_header_parameters(dialect, &query) {
            add_header_parameters(&query, &mut parts.headers).map_err(|error| (error, dialect, is_head))?;
        }
        let is_framed = parts.version >= Version::HTTP_2;
        let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
        Ok(Self { method, uri, headers, target, query, dialect, is_framed, has_framed_body: false })
    }

    /// Whether `name` is a parameter that stands for a standard header, as boto3 sends them in V2 URLs.
    pub fn is_header_parameter(&self, name: &str) -> bool {
        takes_header_parameters(self.dialect, &self.query)
            && HEADER_PARAMETERS.iter().any(|header| name.eq_ignore_ascii_case(header))
    }

    /// The path as sent, still percent-encoded.
    pub fn raw_path(&self) -> &str {
        self.uri.path()
    }

    /// The host as sent, with its port if it had one: the URI's where that names one (HTTP/2, absolute form), else
    /// the `Host` header's.
    pub fn host(&self) -> &str {
        find_host(&self.uri, &self.headers).unwrap_or_default()
    }

    /// The first value of `name`; one that is not UTF-8 is as good as absent.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The value of `x-obs-<tail>` or `x-amz-<tail>` by the request's dialect, from a header or, as signed URLs
    /// have it, from a query parameter of that name. `tail` is in lower case.
    pub fn own(&self, tail: &str) -> Option<&str> {
        self.dialect.header(tail, &self.headers).or_else(|| self.own_parameter(tail))
    }

    /// Whether [`Head::own`] would look at something, readable or not.
    pub fn has_own(&self, tail: &str) -> bool {
        let prefix = self.dialect.header_prefix();
        let mut names = self.headers.keys().map(HeaderName::as_str);
        names.any(|name| name.strip_prefix(prefix) == Some(tail)) || self.own_parameter(tail).is_some()
    }

    /// The announced length of the body, in bytes; `None` if it was not announced. With its framing, where it has one:
    /// see [`Head::body_length`].
    pub fn content_length(&self) -> Result<Option<u64>> {
        parse_length(&self.headers, header::CONTENT_LENGTH)
    }

    /// Whether bytes may follow the head. What comes in pieces may turn out to be none.
    pub fn has_body(&self) -> Result<bool> {
        let has_length = self.content_length()?.is_some_and(|length| length > 0);
        Ok(has_length || self.has_framed_body || self.headers.contains_key(header::TRANSFER_ENCODING))
    }

    /// The announced length of what the body stands for, in bytes: without the framing that [`aws_chunked`] takes off.
    pub fn body_length(&self) -> Result<Option<u64>> {
        match aws_chunked::Framing::of(self)? {
            aws_chunked::Framing::Plain => self.content_length(),
            _ => aws_chunked::decoded_length(self),
        }
    }

    /// What [`Head::own`] would find, all at once: tails and values, of headers and then of parameters. Tails of
    /// parameters are in the letter case they were sent in.
    pub fn own_all(&self) -> impl Iterator<Item = (&str, &str)> {
        let prefix = self.dialect.header_prefix();
        let headers = self.headers.iter().filter_map(move |(name, value)| {
            let tail = name.as_str().strip_prefix(prefix)?;
            Some((tail, str::from_utf8(value.as_bytes()).ok()?))
        });
        let parameters = self.query.iter().filter_map(move |(name, value)| {
            let (start, tail) = name.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then(|| (tail, value.unwrap_or_default()))
        });
        headers.chain(parameters)
    }

    fn own_parameter(&self, tail: &str) -> Option<&str> {
        let prefix = self.dialect.header_prefix();
        let is_own = |name: &str| {
            let parts = name.get(..prefix.len()).zip(name.get(prefix.len()..));
            parts.is_some_and(|(start, rest)| start.eq_ignore_ascii_case(prefix) && rest.eq_ignore_ascii_case(tail))
        };
        self.query.iter().find(|(name, _)| is_own(name)).map(|(_, value)| value.unwrap_or_default())
    }
}

/// The answer to a request, before the headers every answer carries are added.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// The answer's own headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: ReplyBody,
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: ReplyBody::Empty }
    }

    /// A 200 with an XML document. The type is spelled the one way every SDK accepts.
    pub fn xml(document: Bytes) -> Self {
        let mut reply = Self::empty(StatusCode::OK);
        reply.body = ReplyBody::Full(document);
        reply.with(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"))
    }

    /// Sets one header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

fn parse_query(uri: &Uri) -> Result<Query> {
    if uri.path_and_query().map_or(0, |path_and_query| path_and_query.as_str().len()) > limits::URI_BYTES_MAX {
        return Err(Code::UriTooLarge.into());
    }
    Query::parse(uri.query())
}

/// Standard headers that boto3 covers with a V2 URL and then sends as parameters.
const HEADER_PARAMETERS: [&str; 2] = ["content-md5", "content-type"];

fn takes_header_parameters(dialect: Dialect, query: &Query) -> bool {
    dialect == Dialect::AwsV2 && query.has("AWSAccessKeyId")
}

/// Puts parameters that stand for headers where those belong; a header that was sent wins. The signature covers
/// them as headers.
fn add_header_parameters(query: &Query, headers: &mut HeaderMap) -> Result<()> {
    for name in HEADER_PARAMETERS {
        let Some(value) = query.get(name).filter(|_| !headers.contains_key(name)) else { continue };
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|_| Code::InvalidArgument.because("A parameter does not fit in a header."))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

/// The number of bytes a header announces. Two headers are 400 `MultipleContentLengths`, what is no number 400
/// `InvalidContentLength`.
fn parse_length(headers: &HeaderMap, name: impl header::AsHeaderName) -> Result<Option<u64>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Code::MultipleContentLengths.into());
    }
    parse_digits(value.to_str().unwrap_or_default()).map(Some)
}

fn parse_digits(text: &str) -> Result<u64> {
    // `u64::from_str` would take a plus sign.
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Code::InvalidContentLength.into());
    }
    text.parse().map_err(|_| Code::InvalidContentLength.into())
}

fn find_header(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok())
}

fn find_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => find_header(headers, header::HOST),
    }
}

/// Makes one line of each of the protocol's headers that came in several, as signatures cover them: `/a,b` in two lines is
/// still the source `/a,b`, and not `/a`. Lists of access, lengths and checksums are left to who reads them, and refuses them.
fn join_repeated(headers: &mut HeaderMap) {
    if headers.len() == headers.keys_len() {
        return;
    }
    let is_joined = |name: &&HeaderName| {
        let tail = name.as_str().strip_prefix("x-amz-").or_else(|| name.as_str().strip_prefix("x-obs-"));
        let is_refused = |tail: &str| {
            matches!(tail, "acl" | "decoded-content-length")
                || tail.starts_with("checksum-")
                || tail.starts_with("grant-")
        };
        tail.is_some_and(|tail| !is_refused(tail))
    };
    let names: Vec<HeaderName> = headers.keys().filter(is_joined).cloned().collect();
    for name in names {
        let values: Vec<&[u8]> = headers.get_all(&name).iter().map(|value| value.as_bytes().trim_ascii()).collect();
        // What was made of values is one.
        if let (2.., Ok(joined)) = (values.len(), HeaderValue::from_bytes(&values.join(&b','))) {
            headers.insert(name, joined);
        }
    }
}

/// Refuses what lies in HTTP's chunks and is no data: nobody would undo it (RFC 9112, 6.1).
fn check_coding(headers: &HeaderMap) -> Result<()> {
    let mut values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = values.next().is_none_or(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    if is_chunked && values.next().is_none() {
        return Ok(());
    }
    Err(Code::ServiceNotImplemented.because("Of transfer codings there is chunked, once."))
}

/// The host, where the version demands one (RFC 9112 3.2); a request of HTTP/1.0 may go without.
fn check_host(parts: &hyper::http::request::Parts) -> Result<&str> {
    let header_count = parts.headers.get_all(header::HOST).iter().take(2).count();
    match find_host(&parts.uri, &parts.headers) {
        _ if header_count > 1 => Err(Code::BadRequest.because("The Host header appears more than once.")),
        _ if header_count == 0 && parts.version == Version::HTTP_11 => {
            Err(Code::BadRequest.because("The Host header is missing."))
        }
        Some(host) => Ok(host),
        None if parts.version < Version::HTTP_11 => Ok(""),
        None => Err(Code::BadRequest.because("The host is missing or not text.")),
    }
}

/// `bytes` in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// The bytes that `text` has in hexadecimal digits of either letter case, two each; `None` for other than `N` of them.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let (mut bytes, mut seen) = ([0; N], 0);
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| HEX_VALUES[usize::from(digit)]);
        *byte = high << 4 | low & 15;
        seen |= high | low;
    }
    (seen < 16).then_some(bytes)
}

/// What each byte is worth as a hexadecimal digit, more than 15 for those that are none. Digits of a digest come in no order
/// a processor could foresee, so branches on them cost more than all else here.
const HEX_VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0_u8;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn hex_value(digit: u8) -> Option<u8> {
    Some(HEX_VALUES[usize::from(digit)]).filter(|value| *value < 16)
}

/// SHA-256 of nothing, in lower-case hexadecimal digits.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_as_they_are_written() {
        let check = |text: &str, expected: Option<[u8; 2]>| assert_eq!(parse_hex(text), expected, "{text}");
        check(&hex(&[0x09, 0xaf]), Some([0x09, 0xaf]));
        check("F0fA", Some([0xf0, 0xfa]));
        for bad in ["", "0", "000", "00000", "0g00", "00 0", "+100", "-100", "é00"] {
            check(bad, None);
        }
        assert_eq!(parse_hex(EMPTY_SHA256), Some(<sha2::Sha256 as sha2::Digest>::digest([]).into()));
    }

    fn parse(request: hyper::http::request::Builder) -> std::result::Result<Head, (Error, Dialect, bool)> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Head::parse(parts, &Endpoints::new(vec!["obs.example.com".into()]))
    }

    fn get(uri: &str) -> hyper::http::request::Builder {
        hyper::Request::get(uri)
    }

    #[test]
    fn a_head_is_taken_apart() {
        let head = parse(
            get("/k%20y?acl&x-obs-Version=3")
                .header("host", "photos.obs.example.com:8080")
                .header("x-obs-acl", "private")
                .header("content-length", "12"),
        )
        .unwrap();
        assert_eq!(head.target.resource(), "/photos/k y");
        assert_eq!(head.raw_path(), "/k%20y");
        assert_eq!(head.host(), "photos.obs.example.com:8080");
        assert_eq!(head.dialect, Dialect::Obs);
        assert_eq!((head.own("acl"), head.own("version"), head.own("meta")), (Some("private"), Some("3"), None));
        assert_eq!(head.own_all().collect::<Vec<_>>(), [("acl", "private"), ("Version", "3")]);
        assert_eq!(head.content_length().unwrap(), Some(12));
        assert!(!head.is_framed && head.query.has("acl"));
    }

    #[test]
    fn the_uri_names_the_host_where_it_can() {
        let h2 = get("http://photos.obs.example.com/k").version(Version::HTTP_2);
        assert_eq!(parse(h2).unwrap().target.resource(), "/photos/k");
        let absolute = get("http://photos.obs.example.com/k").header("host", "other");
        assert_eq!(parse(absolute).unwrap().target.resource(), "/photos/k");
        assert_eq!(parse(get("/photos/k").version(Version::HTTP_10)).unwrap().target.resource(), "/photos/k");
    }

    #[test]
    fn refusals_come_with_dialect_and_method() {
        let check = |request, code, dialect, is_head| {
            let (error, found_dialect, found_head) = parse(request).unwrap_err();
            assert_eq!((error.code(), found_dialect, found_head), (code, dialect, is_head));
        };
        let long = format!("/{}", "k".repeat(limits::URI_BYTES_MAX));
        check(get("/"), Code::BadRequest, Dialect::Obs, false);
        check(get("http://photos.obs.example.com/"), Code::BadRequest, Dialect::Obs, false);
        check(get("/").version(Version::HTTP_2), Code::BadRequest, Dialect::Obs, false);
        check(get("/").header("host", "a").header("host", "b"), Code::BadRequest, Dialect::Obs, false);
        check(get(&long).header("authorization", "AWS a:b"), Code::UriTooLarge, Dialect::AwsV2, false);
        check(hyper::Request::head("/?%zz").header("host", "localhost"), Code::InvalidUri, Dialect::Obs, true);
        check(get("/?x-amz-acl").header("host", "other.host"), Code::NoSuchBucket, Dialect::S3, false);
    }

    #[test]
    fn headers_of_the_protocol_are_one_line() {
        let sent = [
            ("x-amz-copy-source", "/photos/a"),
            ("x-obs-meta-a", "1"),
            ("X-Amz-Copy-Source", " b "),
            ("accept", "a"),
            ("x-obs-meta-a", ""),
            ("accept", "b"),
            ("x-amz-checksum-crc32", "a"),
            ("x-amz-checksum-crc32", "b"),
        ];
        let request =
            sent.iter().fold(get("/").header("host", "localhost"), |request, line| request.header(line.0, line.1));
        let head = parse(request).unwrap();
        let check = |name: &str, expected: &[&str]| {
            assert_eq!(head.headers.get_all(name).iter().collect::<Vec<_>>(), expected, "{name}");
        };
        check("x-amz-copy-source", &["/photos/a,b"]);
        check("x-obs-meta-a", &["1,"]);
        check("accept", &["a", "b"]);
        check("x-amz-checksum-crc32", &["a", "b"]);
    }

    #[test]
    fn a_body_has_one_coding() {
        let check = |values: &[&str], expected: Option<Code>| {
            let request = get("/").header("host", "localhost");
            let request = values.iter().fold(request, |request, value| request.header("transfer-encoding", *value));
            assert_eq!(parse(request).err().map(|(error, ..)| error.code()), expected, "{values:?}");
        };
        check(&[], None);
        check(&["chunked"], None);
        check(&[" Chunked"], None);
        for bad in [&["gzip, chunked"][..], &["chunked, chunked"], &["chunked", "chunked"], &["gzip", "chunked"], &[""]]
        {
            check(bad, Some(Code::ServiceNotImplemented));
        }
    }

    #[test]
    fn content_length_is_one_plain_number() {
        let check = |values: &[&str], expected: std::result::Result<Option<u64>, Code>| {
            let request = values
                .iter()
                .fold(get("/").header("host", "localhost"), |request, value| request.header("content-length", *value));
            let found = parse(request).unwrap().content_length().map_err(|error| error.code());
            assert_eq!(found, expected, "{values:?}");
        };
        check(&[], Ok(None));
        check(&["0"], Ok(Some(0)));
        check(&["18446744073709551615"], Ok(Some(u64::MAX)));
        check(&["5", "5"], Err(Code::MultipleContentLengths));
        for bad in ["", "+1", "-1", "1 2", "5, 5", "0x10", "18446744073709551616"] {
            check(&[bad], Err(Code::InvalidContentLength));
        }
    }
}

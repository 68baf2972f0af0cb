//! The headers an object keeps and gives back, and `Content-MD5`. Which request stores them is the operations' business.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::error::{Code, Result};
pub use crate::headers::ObjectHeaders;
use crate::limits;
use crate::wire::Head;
use crate::wire::dialect::Dialect;

/// Type of an object stored without one.
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";
/// What follows the dialect's prefix in a metadata header's name.
const META: &str = "meta-";

impl ObjectHeaders {
    /// Takes the headers to keep from a request, metadata also from query parameters, as signed URLs have it.
    ///
    /// Metadata names and values of more than [`limits::METADATA_BYTES_MAX`] bytes together are 400
    /// `MetadataTooLarge`; a value that is not UTF-8 is 400 `InvalidArgument`.
    pub fn parse(head: &Head) -> Result<Self> {
        let standard = |name: HeaderName| -> Result<Option<String>> {
            let Some(value) = head.headers.get(name) else { return Ok(None) };
            let text = text(value)?;
            Ok((!text.is_empty()).then(|| text.to_owned()))
        };
        Ok(Self {
            content_type: standard(header::CONTENT_TYPE)?,
            content_encoding: standard(header::CONTENT_ENCODING)?.and_then(|value| without_aws_chunked(&value)),
            content_disposition: standard(header::CONTENT_DISPOSITION)?,
            content_language: standard(header::CONTENT_LANGUAGE)?,
            cache_control: standard(header::CACHE_CONTROL)?,
            expires: standard(header::EXPIRES)?,
            metadata: parse_metadata(head)?,
        })
    }

    /// Adds the headers to an answer, metadata under `dialect`'s prefix.
    pub fn write(&self, dialect: Dialect, headers: &mut HeaderMap) {
        let content_type = self.content_type.as_deref().unwrap_or(CONTENT_TYPE_DEFAULT);
        let standard = [
            (header::CONTENT_TYPE, Some(content_type)),
            (header::CONTENT_ENCODING, self.content_encoding.as_deref()),
            (header::CONTENT_DISPOSITION, self.content_disposition.as_deref()),
            (header::CONTENT_LANGUAGE, self.content_language.as_deref()),
            (header::CACHE_CONTROL, self.cache_control.as_deref()),
            (header::EXPIRES, self.expires.as_deref()),
        ];
        for (name, value) in standard {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in &self.metadata {
            let name = HeaderName::try_from([dialect.header_prefix(), META, name].concat());
            // Both came from a header and fit in one again, unless they came from a query parameter with a
            // character no header takes; such a one cannot be shown.
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
    }
}

/// The digest of a `Content-MD5` header; one that is not the Base64 of 16 bytes is 400 `InvalidDigest`.
pub fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    // Base64 of 16 bytes has 24 characters and decodes to 16 bytes, 18 at the most.
    let mut decoded = [0; 18];
    match STANDARD.decode_slice(value.as_bytes(), &mut decoded) {
        Ok(16) => Ok(decoded.first_chunk().copied()),
        _ => Err(Code::InvalidDigest.into()),
    }
}

/// The digest of a `Content-SHA256` header, which OBS takes instead of `Content-MD5` with configuration documents; one
/// that is not the Base64 of 32 bytes is 400 `InvalidDigest`.
pub fn content_sha256(headers: &HeaderMap) -> Result<Option<[u8; 32]>> {
    let Some(value) = headers.get("content-sha256") else { return Ok(None) };
    let mut decoded = [0; 33];
    match STANDARD.decode_slice(value.as_bytes(), &mut decoded) {
        Ok(32) => Ok(decoded.first_chunk().copied()),
        _ => Err(Code::InvalidDigest.into()),
    }
}

fn parse_metadata(head: &Head) -> Result<Vec<(String, String)>> {
    let prefix = head.dialect.header_prefix();
    let mut metadata: Vec<(String, String)> = Vec::new();
    for name in head.headers.keys() {
        let Some(tail) = name.as_str().strip_prefix(prefix).and_then(|tail| tail.strip_prefix(META)) else { continue };
        let mut joined = String::new();
        for (at, value) in head.headers.get_all(name).iter().enumerate() {
            joined.push_str(if at == 0 { "" } else { "," });
            joined.push_str(text(value)?);
        }
        metadata.push((tail.to_owned(), joined));
    }
    for (name, value) in head.query.iter() {
        let name = name.to_ascii_lowercase();
        let Some(tail) = name.strip_prefix(prefix).and_then(|tail| tail.strip_prefix(META)) else { continue };
        let value = value.unwrap_or_default();
        if HeaderName::try_from(&name).is_err() || HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return Err(Code::InvalidArgument.because("A metadata parameter does not fit in a header."));
        }
        if !metadata.iter().any(|(known, _)| known == tail) {
            metadata.push((tail.to_owned(), value.to_owned()));
        }
    }
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > limits::METADATA_BYTES_MAX { Err(Code::MetadataTooLarge.into()) } else { Ok(metadata) }
}

fn text(value: &HeaderValue) -> Result<&str> {
    str::from_utf8(value.as_bytes()).map_err(|_| Code::InvalidArgument.because("A header's value is not UTF-8."))
}

fn without_aws_chunked(value: &str) -> Option<String> {
    let is_framing = |token: &&str| token.eq_ignore_ascii_case("aws-chunked");
    let tokens = || value.split(',').map(str::trim);
    if !tokens().any(|token| is_framing(&token)) {
        return Some(value.to_owned());
    }
    let kept: Vec<&str> = tokens().filter(|token| !is_framing(token)).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn head(uri: &str, lines: &[(&str, &[u8])]) -> Head {
        let request = lines.iter().fold(hyper::Request::put(uri).header("host", "localhost"), |request, line| {
            request.header(line.0, HeaderValue::from_bytes(line.1).unwrap())
        });
        Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap()
    }

    #[test]
    fn what_goes_in_comes_out_under_the_readers_prefix() {
        let head = head(
            "/photos/k?x-obs-meta-q=1&x-obs-meta-a=ignored",
            &[
                ("Content-Type", b"text/plain;charset=utf-8"),
                ("Content-Encoding", b"aws-chunked, gzip"),
                ("Expires", b"never"),
                ("X-Obs-Meta-A", b"1"),
                ("x-obs-meta-a", b"2"),
                ("x-obs-meta-empty", b""),
                ("x-obs-meta-utf8", "é".as_bytes()),
                ("x-amz-meta-other", b"not ours"),
            ],
        );
        let stored = ObjectHeaders::parse(&head).unwrap();
        let expected = [("a", "1,2"), ("empty", ""), ("utf8", "é"), ("q", "1")];
        assert_eq!(stored.metadata, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut headers = HeaderMap::new();
        stored.write(Dialect::S3, &mut headers);
        assert_eq!(headers["content-type"], "text/plain;charset=utf-8");
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["expires"], "never");
        assert_eq!(headers["x-amz-meta-a"], "1,2");
        assert_eq!(headers["x-amz-meta-utf8"], HeaderValue::from_bytes("é".as_bytes()).unwrap());
        assert_eq!(headers.len(), 7);
    }

    #[test]
    fn an_object_without_a_type_has_one() {
        let mut headers = HeaderMap::new();
        let stored = ObjectHeaders::parse(&head("/photos/k", &[("content-encoding", b"aws-chunked")])).unwrap();
        assert_eq!(stored, ObjectHeaders::default());
        stored.write(Dialect::Obs, &mut headers);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["content-type"], "binary/octet-stream");
    }

    #[test]
    fn metadata_is_bounded_and_text() {
        let check = |lines: &[(&str, &[u8])], uri: &str, code: Option<Code>| {
            assert_eq!(ObjectHeaders::parse(&head(uri, lines)).err().map(|error| error.code()), code);
        };
        let value = vec![b'v'; limits::METADATA_BYTES_MAX - 1];
        check(&[("x-obs-meta-n", &value)], "/photos/k", None);
        check(&[("x-obs-meta-nn", &value)], "/photos/k", Some(Code::MetadataTooLarge));
        check(&[("x-obs-meta-n", &value), ("x-obs-meta-m", b"")], "/photos/k", Some(Code::MetadataTooLarge));
        check(&[("x-obs-meta-n", b"\xFF")], "/photos/k", Some(Code::InvalidArgument));
        check(&[("cache-control", b"\xFF")], "/photos/k", Some(Code::InvalidArgument));
        check(&[], "/photos/k?x-obs-meta-a=%0a", Some(Code::InvalidArgument));
    }

    #[test]
    fn content_md5_is_sixteen_bytes() {
        let check = |value: &'static str, expected: std::result::Result<Option<[u8; 16]>, Code>| {
            let mut headers = HeaderMap::new();
            headers.insert("content-md5", HeaderValue::from_static(value));
            assert_eq!(content_md5(&headers).map_err(|error| error.code()), expected, "{value}");
        };
        assert_eq!(content_md5(&HeaderMap::new()).unwrap(), None);
        check("AAAAAAAAAAAAAAAAAAAAAA==", Ok(Some([0; 16])));
        for bad in
            ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "?"]
        {
            check(bad, Err(Code::InvalidDigest));
        }
    }

    #[test]
    fn an_empty_encoding_list_is_none() {
        assert_eq!(without_aws_chunked("aws-chunked"), None);
        assert_eq!(without_aws_chunked("gzip"), Some("gzip".to_owned()));
        assert_eq!(without_aws_chunked("AWS-Chunked"), None);
        assert_eq!(without_aws_chunked("aws-chunked,gzip,br"), Some("gzip,br".to_owned()));
        assert_eq!(without_aws_chunked("gzip, aws-chunked"), Some("gzip".to_owned()));
        assert_eq!(without_aws_chunked("deflate, gzip"), Some("deflate, gzip".to_owned()));
    }
}

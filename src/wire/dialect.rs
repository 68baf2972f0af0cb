//! OBS or S3: which words a request uses, decided once, and the words that differ in the answer.
//!
//! Not here: XML element names that differ by operation; those belong to the operation.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName};

use crate::error::Code;
use crate::wire::query::Query;

/// The vocabulary of one request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OBS` signatures and `x-obs-*`.
    Obs,
    /// `AWS access-key:signature` and `x-amz-*`. Published OBS SDKs speak it by IP address and in path style, and
    /// expect OBS's error codes all the same.
    AwsV2,
    /// Signature V4, or unsigned requests that show `x-amz-*` or come from an AWS SDK.
    S3,
}

const OBS_PREFIX: &str = "x-obs-";
const AMZ_PREFIX: &str = "x-amz-";

/// Headers OBS's SDKs send with the OBS prefix in every dialect (tails). They are outside a V2 signature, so none
/// of them may grant anything; Signature V4 has to cover them.
const ALWAYS_OBS_TAILS: &[&str] = &[
    "fs-file-interface",
    "az-redundancy",
    "bucket-type",
    "version",
    "expires",
    "next-append-position",
    "object-type",
    "persistent-headers",
    "callback",
    "sse-kms-key-project-id",
    "server-side-data-encryption",
];

impl Dialect {
    /// Decides by the signature (header, else URL), else by the prefix of headers, else of parameters, else OBS.
    pub fn of(headers: &HeaderMap, query: &Query) -> Self {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let word = value.as_bytes().split(|&b| b == b' ').next().unwrap_or_default();
            match word {
                b"OBS" => return Self::Obs,
                b"AWS" => return Self::AwsV2,
                b"AWS4-HMAC-SHA256" => return Self::S3,
                _ => {}
            }
        }
        if !query.is_empty() {
            if query.has("AccessKeyId") {
                return Self::Obs;
            }
            if query.has("AWSAccessKeyId") {
                return Self::AwsV2;
            }
            if query.has("X-Amz-Algorithm") {
                return Self::S3;
            }
        }
        let mut names = headers.keys().map(HeaderName::as_str).chain(query.iter().map(|(name, _)| name));
        names.find_map(|name| Self::of_name(name).or_else(|| Self::of_sdk_header(name))).unwrap_or(Self::Obs)
    }

    /// AWS's SDKs send these with every request, signed or not.
    fn of_sdk_header(name: &str) -> Option<Self> {
        name.starts_with("amz-sdk-").then_some(Self::S3)
    }

    /// The vocabulary a prefix stands for.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let starts_with =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if starts_with(OBS_PREFIX) {
            Some(Self::Obs)
        } else if starts_with(AMZ_PREFIX) {
            Some(Self::S3)
        } else {
            None
        }
    }

    /// Whether this is OBS's own vocabulary.
    pub fn is_obs(self) -> bool {
        self == Self::Obs
    }

    /// `x-obs-` or `x-amz-`.
    pub fn header_prefix(self) -> &'static str {
        if self.is_obs() { OBS_PREFIX } else { AMZ_PREFIX }
    }

    /// The name of `code` on the wire. Clients of S3 know some of them by other names.
    pub fn code_name(self, code: Code) -> &'static str {
        match (self, code) {
            (Self::S3, Code::InsufficientStorageSpace) => "QuotaExceeded",
            (Self::S3, Code::ServiceNotImplemented) => "NotImplemented",
            (Self::S3, Code::InvalidSecurity) => "InvalidToken",
            // The OBS reference has one code for every token that does not hold.
            (Self::Obs | Self::AwsV2, Code::ExpiredToken) => "InvalidSecurity",
            (Self::S3, Code::RequestPayerDenied) => "AccessDenied",
            (Self::S3, Code::MissingRequiredHeader | Code::ForbidAnonReqOverwriteRespHead) => "InvalidRequest",
            (Self::S3, Code::InvalidTag) => "InvalidTag",
            (Self::S3, Code::MalformedTags) => "MalformedXML",
            (Self::Obs | Self::AwsV2, Code::WrongSha256) => "BadDigest",
            (Self::Obs, Code::InvalidStorageClass) => "InvalidArgument",
            // OBS's S3-compatible reference has its own spelling; AWS's is OBS's.
            (Self::AwsV2, Code::KeyTooLong) => "KeyTooLong",
            _ => code.name(),
        }
    }

    /// The status of `code`. `RequestTimeout` is 408 in the OBS reference and 400 in the S3-compatible one; AWS
    /// answers 400 where a token does not hold, OBS's references 403.
    pub fn status(self, code: Code) -> StatusCode {
        match (self, code) {
            (Self::S3, Code::InvalidSecurity | Code::ExpiredToken) | (Self::AwsV2 | Self::S3, Code::RequestTimeout) => {
                StatusCode::BAD_REQUEST
            }
            _ => code.status(),
        }
    }

    /// `x-obs-request-id` or `x-amz-request-id`.
    pub fn request_id_header(self) -> HeaderName {
        HeaderName::from_static(if self.is_obs() { "x-obs-request-id" } else { "x-amz-request-id" })
    }

    /// `x-obs-id-2` or `x-amz-id-2`.
    pub fn id_2_header(self) -> HeaderName {
        HeaderName::from_static(if self.is_obs() { "x-obs-id-2" } else { "x-amz-id-2" })
    }

    /// `x-obs-request-charged` or `x-amz-request-charged`.
    pub fn request_charged_header(self) -> HeaderName {
        HeaderName::from_static(if self.is_obs() { "x-obs-request-charged" } else { "x-amz-request-charged" })
    }

    /// `x-obs-error-code` or `x-amz-error-code`, for answers without a body.
    pub fn error_code_header(self) -> HeaderName {
        HeaderName::from_static(if self.is_obs() { "x-obs-error-code" } else { "x-amz-error-code" })
    }

    /// `x-obs-error-message` or `x-amz-error-message`, for answers without a body.
    pub fn error_message_header(self) -> HeaderName {
        HeaderName::from_static(if self.is_obs() { "x-obs-error-message" } else { "x-amz-error-message" })
    }

    /// The value of `x-obs-<tail>` or `x-amz-<tail>`; `tail` is in lower case. A value that is not UTF-8 is as good
    /// as absent. Headers with the other dialect's prefix are outside the signature and not looked at, but for
    /// the few that published SDKs always send as `x-obs-`.
    pub fn header<'a>(self, tail: &str, headers: &'a HeaderMap) -> Option<&'a str> {
        let own = find_prefixed(self.header_prefix(), tail, headers);
        if own.is_none() && !self.is_obs() && ALWAYS_OBS_TAILS.contains(&tail) {
            return find_prefixed(OBS_PREFIX, tail, headers);
        }
        own
    }

    /// Whether [`Dialect::header`] would look at a header of this name, in lower case.
    pub fn reads(self, name: &str) -> bool {
        let is_always_read =
            |name: &str| name.strip_prefix(OBS_PREFIX).is_some_and(|tail| ALWAYS_OBS_TAILS.contains(&tail));
        name.starts_with(self.header_prefix()) || (!self.is_obs() && is_always_read(name))
    }
}

/// Walks the few headers there are: a look-up would have to build and hash the name first, and costs more.
fn find_prefixed<'a>(prefix: &str, tail: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    let is_it = |name: &HeaderName| name.as_str().strip_prefix(prefix) == Some(tail);
    let (_, value) = headers.iter().find(|(name, _)| is_it(name))?;
    str::from_utf8(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn check(lines: &[(&'static str, &'static str)], query: &str, expected: Dialect) {
        let query = Query::parse(Some(query)).unwrap();
        assert_eq!(Dialect::of(&headers(lines), &query), expected, "{lines:?} {query:?}");
    }

    #[test]
    fn the_signature_decides_then_prefixes() {
        check(&[], "", Dialect::Obs);
        check(&[("authorization", "OBS a:b"), ("x-amz-date", "d")], "", Dialect::Obs);
        check(&[("authorization", "AWS a:b"), ("x-obs-version", "1")], "", Dialect::AwsV2);
        check(&[("authorization", "AWS4-HMAC-SHA256 Credential=a")], "", Dialect::S3);
        check(&[("authorization", "Bearer x"), ("x-amz-date", "d")], "", Dialect::S3);
        check(&[("authorization", "AWSX a:b")], "", Dialect::Obs);
        check(&[("x-amz-acl", "private")], "AWSAccessKeyId=a&Expires=1&Signature=s", Dialect::AwsV2);
        check(&[], "AccessKeyId=a&Expires=1&Signature=s", Dialect::Obs);
        check(&[], "X-Amz-Algorithm=AWS4-HMAC-SHA256", Dialect::S3);
        check(&[("accept", "*/*"), ("x-amz-acl", "private")], "", Dialect::S3);
        check(&[("x-obs-acl", "private")], "", Dialect::Obs);
        check(&[], "x-amz-acl=private", Dialect::S3);
        check(&[("amz-sdk-request", "attempt=1")], "", Dialect::S3);
        check(&[], "x-obs-acl=private", Dialect::Obs);
        check(&[], "apiversion", Dialect::Obs);
    }

    #[test]
    fn words_differ_by_dialect() {
        assert_eq!(Dialect::S3.code_name(Code::InsufficientStorageSpace), "QuotaExceeded");
        assert_eq!(Dialect::AwsV2.code_name(Code::InsufficientStorageSpace), "InsufficientStorageSpace");
        assert_eq!(Dialect::S3.code_name(Code::KeyTooLong), "KeyTooLongError");
        assert_eq!(Dialect::AwsV2.code_name(Code::KeyTooLong), "KeyTooLong");
        assert_eq!(Dialect::S3.code_name(Code::InvalidSecurity), "InvalidToken");
        assert_eq!(Dialect::S3.code_name(Code::ExpiredToken), "ExpiredToken");
        assert_eq!(Dialect::AwsV2.code_name(Code::ExpiredToken), "InvalidSecurity");
        assert_eq!(Dialect::S3.status(Code::ExpiredToken), StatusCode::BAD_REQUEST);
        assert_eq!(Dialect::AwsV2.status(Code::ExpiredToken), StatusCode::FORBIDDEN);
        assert_eq!(Dialect::S3.code_name(Code::MissingRequiredHeader), "InvalidRequest");
        assert_eq!(Dialect::S3.code_name(Code::InvalidTag), "InvalidTag");
        assert_eq!(Dialect::AwsV2.code_name(Code::InvalidTag), "InvalidTagError");
        assert_eq!(Dialect::S3.code_name(Code::MalformedTags), "MalformedXML");
        assert_eq!(Dialect::S3.code_name(Code::ForbidAnonReqOverwriteRespHead), "InvalidRequest");
        assert_eq!(Dialect::Obs.status(Code::RequestTimeout), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(Dialect::AwsV2.status(Code::RequestTimeout), StatusCode::BAD_REQUEST);
        assert_eq!(Dialect::AwsV2.request_id_header(), "x-amz-request-id");
    }

    #[test]
    fn headers_are_found_under_the_own_prefix() {
        let headers = headers(&[("x-obs-acl", "a"), ("x-amz-acl", "b"), ("x-obs-version", "v")]);
        assert_eq!(Dialect::Obs.header("acl", &headers), Some("a"));
        assert_eq!(Dialect::S3.header("acl", &headers), Some("b"));
        assert_eq!(Dialect::S3.header("version", &headers), Some("v"));
        assert_eq!(Dialect::AwsV2.header("storage-class", &headers), None);
        assert_eq!(Dialect::Obs.header(&"a".repeat(200), &headers), None);
        let read = |dialect: Dialect| ["x-obs-acl", "x-amz-acl", "x-obs-version"].map(|name| dialect.reads(name));
        assert_eq!(read(Dialect::Obs), [true, false, true]);
        assert_eq!([Dialect::AwsV2, Dialect::S3].map(read), [[false, true, true]; 2]);
    }
}

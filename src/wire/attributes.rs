//! The rarer headers of an object, one small grammar each: tags, days to live, where websites redirect, headers that are
//! returned as they are. Which request takes which is the operations' business.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Code, Error, Result};
use crate::limits;
use crate::tag::{Tag, Tags};
use crate::wire::percent::{self, Plus};

/// The tags of an `x-obs-tagging` header: `a=1&b`, percent-encoded, where a name alone has an empty value. What tags may
/// be is [`Tags::check`]'s to say; a bad escape is 400 `InvalidArgument`.
pub fn parse_tagging(text: &str) -> Result<Tags> {
    let decode = |part: &str| {
        let decoded = percent::decode(part, Plus::Space).map_err(|_| invalid("A tag is not percent-encoded UTF-8."))?;
        Ok::<_, Error>(decoded.into_owned())
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    let tags = parts.map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        Ok(Tag { key: decode(key)?, value: decode(value)? })
    });
    tags.collect::<Result<_>>().map(Tags)
}

/// The days of an `x-obs-expires` header: 1 to [`limits::EXPIRES_DAYS_MAX`], else 400 `InvalidArgument`.
pub fn parse_expires_days(text: &str) -> Result<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let days = text.parse().ok().filter(|days| is_number && (1..=limits::EXPIRES_DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        let max = limits::EXPIRES_DAYS_MAX;
        Code::InvalidArgument.because(format!("x-obs-expires is a number of days from 1 to {max}."))
    })
}

/// The value of an `x-obs-website-redirect-location` header; 400 `InvalidRedirectLocation` for what is neither a path nor
/// an http URL, and for more than [`limits::REDIRECT_BYTES_MAX`] bytes.
pub fn parse_redirect(text: &str) -> Result<String> {
    let is_location = ["/", "http://", "https://"].iter().any(|start| text.starts_with(start));
    if is_location && text.len() <= limits::REDIRECT_BYTES_MAX {
        Ok(text.to_owned())
    } else {
        Err(Code::InvalidRedirectLocation.into())
    }
}

/// Headers that mean something else in an answer, or to whatever lies between; none can be a persistent one.
const STANDARD_HEADERS: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "host",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
];
/// What the names of persistent headers do not start with: names with a meaning of the protocol's.
const OWN_PREFIXES: [&str; 3] = ["x-obs-", "x-amz-", "access-control-"];

/// The headers of an `x-obs-persistent-headers` header: `name:value,name:value`, values in Base64. Names come out in lower
/// case, values of one name joined with `,`.
///
/// 400 `InvalidArgument` for what is no such list, for names that are a standard header's or have the protocol's prefix,
/// for values that are no text, and for more than [`limits::PERSISTENT_HEADER_COUNT_MAX`] headers. How long they are
/// together is for the caller to test.
pub fn parse_persistent_headers(text: &str) -> Result<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once(':').ok_or_else(|| invalid("A persistent header has no colon."))?;
        let name =
            HeaderName::try_from(name.trim()).map_err(|_| invalid("A persistent header's name is not legal."))?;
        let name = name.as_str();
        let is_own = OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if is_own || STANDARD_HEADERS.contains(&name) {
            return Err(invalid(format!("{name} cannot be a persistent header.")));
        }
        let value = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value = value.filter(|value| !value.chars().any(char::is_control));
        let value = value.ok_or_else(|| invalid("A persistent header's value is not text in Base64."))?;
        match headers.iter_mut().find(|(known, _)| known == name) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(&value);
            }
            None => headers.push((name.to_owned(), value)),
        }
    }
    if headers.len() > limits::PERSISTENT_HEADER_COUNT_MAX {
        let max = limits::PERSISTENT_HEADER_COUNT_MAX;
        return Err(invalid(format!("There can be {max} persistent headers at most.")));
    }
    Ok(headers)
}

/// Adds persistent headers to an answer. A value with other than ASCII characters is encoded as RFC 2047 has it.
pub fn write_persistent_headers(persistent: &[(String, String)], headers: &mut HeaderMap) {
    for (name, value) in persistent {
        let value = if value.is_ascii() {
            HeaderValue::try_from(value)
        } else {
            HeaderValue::try_from(format!("=?UTF-8?B?{}?=", STANDARD.encode(value)))
        };
        // The name was one, and the value has no control characters.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value) {
            headers.insert(name, value);
        }
    }
}

fn invalid(why: impl Into<String>) -> Error {
    Code::InvalidArgument.because(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_are_a_query() {
        let check = |text: &str, expected: std::result::Result<&[(&str, &str)], Code>| {
            let found = parse_tagging(text).map(|tags| tags.0.into_iter().map(|tag| (tag.key, tag.value)).collect());
            assert_eq!(found.map_err(|error| error.code()), expected.map(pairs), "{text}");
        };
        check("", Ok(&[]));
        check("TagA=A&TagB&TagC", Ok(&[("TagA", "A"), ("TagB", ""), ("TagC", "")]));
        check("a=b=c&&d=", Ok(&[("a", "b=c"), ("d", "")]));
        check("%C3%A9=a+b%2Bc", Ok(&[("é", "a b+c")]));
        check("=v", Ok(&[("", "v")]));
        check("a=%zz", Err(Code::InvalidArgument));
        check("%FF=a", Err(Code::InvalidArgument));
    }

    #[test]
    fn days_are_a_plain_positive_number() {
        let check = |text: &str, expected: Option<u32>| {
            let found = parse_expires_days(text).map_err(|error| error.code());
            assert_eq!(found, expected.ok_or(Code::InvalidArgument), "{text}");
        };
        check("1", Some(1));
        check("007", Some(7));
        check("36500", Some(36_500));
        for bad in ["", "0", "-1", "+1", "1.5", " 1", "a", "36501", "4294967297"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_redirect_is_a_path_or_a_url() {
        let check = |text: &str, is_good: bool| {
            let found = parse_redirect(text).map_err(|error| error.code());
            assert_eq!(found, if is_good { Ok(text.to_owned()) } else { Err(Code::InvalidRedirectLocation) });
        };
        check("/", true);
        check("http://a", true);
        check("https://a/b?c", true);
        for bad in ["", "a", "ftp://a", "HTTP://a", " /a"] {
            check(bad, false);
        }
        check(&format!("/{}", "a".repeat(limits::REDIRECT_BYTES_MAX - 1)), true);
        check(&format!("/{}", "a".repeat(limits::REDIRECT_BYTES_MAX)), false);
    }

    #[test]
    fn persistent_headers_are_names_and_base64() {
        let check = |text: &str, expected: Option<&[(&str, &str)]>| {
            let found = parse_persistent_headers(text).map_err(|error| error.code());
            assert_eq!(found, expected.map(pairs).ok_or(Code::InvalidArgument), "{text}");
        };
        check("", Some(&[]));
        check("a:Yg==", Some(&[("a", "b")]));
        check("X-A : Yg== , x-b:", Some(&[("x-a", "b"), ("x-b", "")]));
        check("a:Yg==,A:Yw==", Some(&[("a", "b,c")]));
        check("a:w6k=", Some(&[("a", "é")]));
        for bad in ["a", "a:b", ":Yg==", "a b:Yg==", "a:/w==", "a:Cg==", "content-type:Yg==", "X-Obs-A:Yg=="] {
            check(bad, None);
        }
        for bad in ["x-amz-a:Yg==", "Access-Control-Allow-Origin:Kg==", "set-cookie:Yg==", "connection:Yg=="] {
            check(bad, None);
        }
        let many = |count: usize| (0..count).map(|at| format!("h{at}:Yg==")).collect::<Vec<_>>().join(",");
        assert!(parse_persistent_headers(&many(limits::PERSISTENT_HEADER_COUNT_MAX)).is_ok());
        check(&many(limits::PERSISTENT_HEADER_COUNT_MAX + 1), None);
        assert!(STANDARD_HEADERS.is_sorted());
    }

    #[test]
    fn persistent_headers_come_back_as_headers() {
        let mut headers = HeaderMap::new();
        write_persistent_headers(&pairs(&[("a", "b c"), ("x-b", "é")]), &mut headers);
        assert_eq!((headers["a"].as_bytes(), headers["x-b"].as_bytes()), (&b"b c"[..], &b"=?UTF-8?B?w6k=?="[..]));
    }
}

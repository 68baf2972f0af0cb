//! The strings that AWS Signature Version 4 covers (S3 reference, "Authenticating Requests: AWS Signature Version 4").
//!
//! Pure string building: no keys, no clock. The older signatures' strings are in `canonical`.

use hyper::header::HeaderMap;

use crate::error::Result;
use crate::wire::percent::{self, Plus};
use crate::wire::{Head, hex};

/// One way to write the path. Clients encode it once, and nearly all of them send what they signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathForm {
    /// Each segment decoded and encoded again by RFC 3986; an escaped `/` stays escaped, and nothing is folded.
    Encoded,
    /// As on the wire.
    Raw,
}

/// The canonical request. `signed_headers` are names in lower case, joined by `;`, in the order in which they were
/// signed; one that the request does not have counts as empty, which fits no signature of a client that sent it.
///
/// Bad escapes are 400 `InvalidURI`.
pub(super) fn write_request(
    head: &Head,
    form: PathForm,
    signed_headers: &str,
    payload: &str,
    text: &mut String,
) -> Result<()> {
    text.push_str(head.method.as_str());
    text.push('\n');
    match form {
        PathForm::Encoded => write_path(head.raw_path(), text)?,
        PathForm::Raw => text.push_str(head.raw_path()),
    }
    text.push('\n');
    write_query(head.uri.query().unwrap_or_default(), text)?;
    text.push('\n');
    for name in signed_headers.split(';') {
        text.push_str(name);
        text.push(':');
        if name == "host" {
            text.push_str(head.host().trim());
        } else {
            write_values(&head.headers, name, text);
        }
        text.push('\n');
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(payload);
    Ok(())
}

/// The string to sign: algorithm, date as signed, scope, and the digest of what is covered.
pub(super) fn string_to_sign(algorithm: &str, date: &str, scope: &str, covered: &[u8; 32]) -> String {
    [algorithm, "\n", date, "\n", scope, "\n", &hex(covered)].concat()
}

fn write_path(raw: &str, text: &mut String) -> Result<()> {
    for (at, segment) in raw.split('/').enumerate() {
        if at > 0 {
            text.push('/');
        }
        write_encoded(segment, Plus::Literal, text)?;
    }
    Ok(())
}

/// All parameters but the signature, each name and value encoded, sorted; also those that came twice.
fn write_query(raw: &str, text: &mut String) -> Result<()> {
    if raw.is_empty() {
        return Ok(());
    }
    let mut parameters = Vec::new();
    for part in raw.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (mut encoded_name, mut encoded_value) = (String::new(), String::new());
        write_encoded(name, Plus::Space, &mut encoded_name)?;
        write_encoded(value, Plus::Space, &mut encoded_value)?;
        if !encoded_name.eq_ignore_ascii_case("X-Amz-Signature") {
            parameters.push((encoded_name, encoded_value));
        }
    }
    parameters.sort_unstable();
    for (at, (name, value)) in parameters.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        text.extend([name.as_str(), "=", value.as_str()]);
    }
    Ok(())
}

/// `raw` decoded and encoded again; what needs neither, which is nearly everything, is copied.
fn write_encoded(raw: &str, plus: Plus, text: &mut String) -> Result<()> {
    if raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')) {
        text.push_str(raw);
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(raw.len());
    percent::decode_into(raw, plus, &mut decoded)?;
    percent::encode_query(&decoded, text);
    Ok(())
}

/// The values of a header, joined by `,`, each trimmed and with its inner runs of blanks made one. Bytes beyond ASCII
/// are taken as UTF-8 where they are that, as clients sign them.
fn write_values(headers: &HeaderMap, name: &str, text: &mut String) {
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        for (at, word) in value.split_ascii_whitespace().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn canonical(form: PathForm, target: &str, lines: &[(&str, &str)], signed: &str) -> String {
        let request = hyper::Request::get(target).header("host", "localhost:9000");
        let request = lines.iter().fold(request, |request, line| request.header(line.0, line.1));
        let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
        let mut text = String::new();
        write_request(&head, form, signed, "UNSIGNED-PAYLOAD", &mut text).unwrap();
        text
    }

    fn check_path(sent: &str, expected: &str) {
        let text = canonical(PathForm::Encoded, sent, &[], "host");
        assert_eq!(text.lines().nth(1), Some(expected), "{sent}");
    }

    #[test]
    fn paths_are_encoded_once_and_never_folded() {
        check_path("/photos/k", "/photos/k");
        check_path("/photos//a/./..", "/photos//a/./..");
        check_path("/photos/a%2fb", "/photos/a%2Fb");
        check_path("/photos/a%7eb", "/photos/a~b");
        check_path("/photos/a+b", "/photos/a%2Bb");
        check_path("/photos/a:b@c", "/photos/a%3Ab%40c");
        check_path("/photos/%c3%a9", "/photos/%C3%A9");
        let raw = canonical(PathForm::Raw, "/photos/a%7eb", &[], "host");
        assert_eq!(raw.lines().nth(1), Some("/photos/a%7eb"));
    }

    fn check_query(sent: &str, expected: &str) {
        let text = canonical(PathForm::Encoded, &format!("/photos/?{sent}"), &[], "host");
        assert_eq!(text.lines().nth(2), Some(expected), "{sent}");
    }

    #[test]
    fn parameters_are_sorted_and_none_is_lost() {
        check_query("", "");
        check_query("acl", "acl=");
        check_query("prefix=b&prefix=a&acl", "acl=&prefix=a&prefix=b");
        check_query("b=%2f&a=x+y&&B=1", "B=1&a=x%20y&b=%2F");
        check_query("X-Amz-Signature=ab&x=1", "x=1");
    }

    #[test]
    fn headers_are_written_as_signed() {
        let lines = [("x-amz-meta-a", " x   y "), ("x-amz-meta-a", "z"), ("x-amz-date", "d")];
        let text = canonical(PathForm::Encoded, "/", &lines, "host;x-amz-date;x-amz-meta-a;x-amz-missing");
        let expected = "GET\n/\n\nhost:localhost:9000\nx-amz-date:d\nx-amz-meta-a:x y,z\nx-amz-missing:\n\n\
                        host;x-amz-date;x-amz-meta-a;x-amz-missing\nUNSIGNED-PAYLOAD";
        assert_eq!(text, expected);
    }
}

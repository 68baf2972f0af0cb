//! `Content-Type` of a form and `Content-Disposition` of its parts: parameters as browsers and HTTP libraries write
//! them.

use hyper::header::{CONTENT_TYPE, HeaderMap};

use super::parts::malformed;
use crate::error::{Code, Result};
use crate::limits::FORM_BOUNDARY_BYTES_MAX;

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    /// Name of the field.
    pub(super) name: String,
    /// Name of the file, as sent. Some libraries give every part one.
    pub(super) filename: Option<String>,
}

impl Disposition {
    /// Reads `form-data; name="…"; filename="…"`. Other parameters mean nothing in forms (RFC 7578, 4.2).
    pub(super) fn parse(value: &str) -> Result<Self> {
        let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(malformed("A part is not form-data."));
        }
        let (mut name, mut filename) = (None, None);
        for (parameter, value) in parse_parameters(parameters)? {
            let slot = match parameter.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut filename,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(malformed("A parameter of Content-Disposition appears twice."));
            }
        }
        let name = name.ok_or_else(|| malformed("A part has no name."))?;
        Ok(Self { name, filename })
    }

    /// Whether the part is the file. Its name says so, and nothing else.
    pub(super) fn is_file(&self) -> bool {
        self.name.eq_ignore_ascii_case("file")
    }
}

/// The boundary of a form. What is not `multipart/form-data` is 400 `RequestIsNotMultiPartContent`; a boundary that is
/// missing or none by RFC 2046 400 `MalformedPOSTRequest`.
pub(super) fn parse_boundary(headers: &HeaderMap) -> Result<String> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| str::from_utf8(value.as_bytes()).ok());
    let (kind, parameters) =
        content_type.and_then(|value| value.split_once(';').or(Some((value, "")))).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(Code::RequestIsNotMultiPartContent.into());
    }
    let parameters = parse_parameters(parameters)?;
    let boundary = parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary"));
    let (_, boundary) = boundary.ok_or_else(|| malformed("The Content-Type names no boundary."))?;
    let is_boundary_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let is_sound = (1..=FORM_BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.bytes().all(is_boundary_byte)
        && !boundary.ends_with(' ');
    if is_sound { Ok(boundary) } else { Err(malformed("The boundary is not one.")) }
}

/// `name=value; name="value"`, in order.
fn parse_parameters(text: &str) -> Result<Vec<(&str, String)>> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| malformed("A parameter has no value."))?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => parse_quoted(quoted)?,
            None => {
                let (value, after) = after.find(';').map_or((after, ""), |at| after.split_at(at));
                (value.trim().to_owned(), after)
            }
        };
        parameters.push((name.trim(), value));
        rest = after.trim_start();
        rest = match rest.strip_prefix(';') {
            Some(rest) => rest.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(malformed("Something follows the value of a parameter.")),
        };
    }
    Ok(parameters)
}

/// Text up to a quote. Only `\"` is an escape: browsers send the backslashes of a path as they are.
fn parse_quoted(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"').ok_or_else(|| malformed("A quoted value does not end."))?;
        match rest[..at].strip_suffix('\\') {
            Some(escaped) => {
                value.push_str(escaped);
                value.push('"');
            }
            None => {
                value.push_str(&rest[..at]);
                return Ok((value, &rest[at + 1..]));
            }
        }
        rest = &rest[at + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<(&str, Option<&str>)>) {
        let found = Disposition::parse(value).ok();
        let found = found.as_ref().map(|found| (found.name.as_str(), found.filename.as_deref()));
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn parts_say_what_they_are() {
        check(r#" form-data; name="key""#, Some(("key", None)));
        check(r#"form-data; name="file"; filename="a.txt""#, Some(("file", Some("a.txt"))));
        check("Form-Data;Name=key;FileName=a.txt", Some(("key", Some("a.txt"))));
        check(r#"form-data; name="a;b=c"; x=y"#, Some(("a;b=c", None)));
        check(r#"form-data; name="file"; filename="C:\dir\a b.txt""#, Some(("file", Some(r"C:\dir\a b.txt"))));
        check(r#"form-data; name="say \"hi\"""#, Some((r#"say "hi""#, None)));
        check(r#"form-data; name="file"; filename="é"; filename*=UTF-8''%C3%A9"#, Some(("file", Some("é"))));
        check(r#"form-data; name="""#, Some(("", None)));
        check(r#"form-data ; name = "key" ; "#, Some(("key", None)));
    }

    #[test]
    fn parts_that_do_not_are_refused() {
        for bad in [
            "",
            "form-data",
            "form-data; filename=a",
            r#"attachment; name="key""#,
            r#"form-data; name="key"#,
            r#"form-data; name="a" b"#,
            r#"form-data; name="a"; name="b""#,
            "form-data; name",
            r#"form-data; name="a\""#,
        ] {
            check(bad, None);
        }
    }

    fn check_boundary(content_type: &str, expected: std::result::Result<&str, Code>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        let found = parse_boundary(&headers).map_err(|error| error.code());
        assert_eq!(found.as_deref().map_err(|code| *code), expected, "{content_type}");
    }

    #[test]
    fn boundaries_are_found() {
        check_boundary("multipart/form-data; boundary=abc", Ok("abc"));
        check_boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b\"", Ok("a b"));
        check_boundary(&format!("multipart/form-data; boundary={}", "a".repeat(70)), Ok(&"a".repeat(70)));
        check_boundary("multipart/mixed; boundary=abc", Err(Code::RequestIsNotMultiPartContent));
        check_boundary("application/xml", Err(Code::RequestIsNotMultiPartContent));
        check_boundary("", Err(Code::RequestIsNotMultiPartContent));
        for bad in [
            "",
            "; boundary",
            "; boundary=",
            "; boundary=\"a ",
            "; boundary=\"a \"",
            "; boundary=a\"b",
            "; boundary=a@b",
        ] {
            check_boundary(&format!("multipart/form-data{bad}"), Err(Code::MalformedPostRequest));
        }
        let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
        check_boundary(&long, Err(Code::MalformedPostRequest));
        assert_eq!(parse_boundary(&HeaderMap::new()).unwrap_err().code(), Code::RequestIsNotMultiPartContent);
    }
}

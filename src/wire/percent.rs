//! Percent-encoding as the signatures need it: a strict decoder and the two encodings clients sign.
//!
//! Where the parts of a path or a query begin and end is for `address` and `query` to say.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::wire::hex_value;

/// What a `+` stands for while decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Itself, as in a path.
    Literal,
    /// A space, as in a query.
    Space,
}

/// Decodes `text` once. An incomplete escape, or one that leaves invalid UTF-8, is 400 `InvalidURI`.
pub fn decode(text: &str, plus: Plus) -> Result<Cow<'_, str>> {
    let special = |b: u8| b == b'%' || (b == b'+' && plus == Plus::Space);
    if !text.bytes().any(special) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    decode_into(text, plus, &mut decoded)?;
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Error::from(Code::InvalidUri))
}

/// Appends the decoded bytes of `text`, which need not be UTF-8; a bad escape is 400 `InvalidURI`.
pub fn decode_into(text: &str, plus: Plus, decoded: &mut Vec<u8>) -> Result<()> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let escape =
                    bytes.get(at + 1).copied().and_then(hex_value).zip(bytes.get(at + 2).copied().and_then(hex_value));
                let (high, low) = escape.ok_or(Code::InvalidUri)?;
                decoded.push(high << 4 | low);
                at += 3;
                continue;
            }
            b'+' if plus == Plus::Space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    Ok(())
}

/// Appends `bytes` with everything but RFC 3986's unreserved characters and `/` escaped.
pub fn encode_path(bytes: &[u8], encoded: &mut Vec<u8>) {
    for &byte in bytes {
        if is_unreserved(byte) || byte == b'/' {
            encoded.push(byte);
        } else {
            push_escape(byte, encoded);
        }
    }
}

/// Appends `bytes` as Java's `URLEncoder` writes them, with `/` kept: a space is `+`, `*` stays and `~` does not.
pub fn encode_form_path(bytes: &[u8], encoded: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b' ' => encoded.push(b'+'),
            b'*' | b'/' => encoded.push(byte),
            b'~' => push_escape(byte, encoded),
            _ if is_unreserved(byte) => encoded.push(byte),
            _ => push_escape(byte, encoded),
        }
    }
}

/// Appends `bytes` with everything but RFC 3986's unreserved characters escaped.
pub fn encode_query(bytes: &[u8], encoded: &mut String) {
    for &byte in bytes {
        if is_unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push_escape(byte: u8, encoded: &mut Vec<u8>) {
    encoded.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, plus: Plus, expected: Option<&str>) {
        assert_eq!(decode(text, plus).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn decoding_is_strict() {
        check("", Plus::Literal, Some(""));
        check("a+b", Plus::Literal, Some("a+b"));
        check("a+b", Plus::Space, Some("a b"));
        check("%2B+%2b", Plus::Space, Some("+ +"));
        check("%C3%A9", Plus::Literal, Some("é"));
        check("%252F", Plus::Literal, Some("%2F"));
        check("%00", Plus::Literal, Some("\0"));
        check("é%20", Plus::Literal, Some("é "));
        for bad in ["%", "%2", "a%2", "%zz", "%-1", "%+1", "%C3", "%FF", "%é"] {
            check(bad, Plus::Literal, None);
        }
    }

    #[test]
    fn encodings_differ_where_clients_differ() {
        let key = "a b*/~(é)+.txt".as_bytes();
        let (mut strict, mut form) = (Vec::new(), Vec::new());
        encode_path(key, &mut strict);
        encode_form_path(key, &mut form);
        assert_eq!(strict, b"a%20b%2A/~%28%C3%A9%29%2B.txt");
        assert_eq!(form, b"a+b*/%7E%28%C3%A9%29%2B.txt");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(text in ".*") {
            let mut encoded = Vec::new();
            encode_path(text.as_bytes(), &mut encoded);
            let encoded = String::from_utf8(encoded).unwrap();
            prop_assert_eq!(decode(&encoded, Plus::Literal).unwrap(), text.as_str());
            let mut encoded = String::new();
            encode_query(text.as_bytes(), &mut encoded);
            prop_assert_eq!(decode(&encoded, Plus::Space).unwrap(), text.as_str());
        }
    }
}

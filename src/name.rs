//! Names that are valid once they have their type: buckets, object keys, accounts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::limits;

/// A bucket name by the rules of the OBS reference: 3 to 63 of `a-z 0-9 . -`, a letter or digit first, neither
/// `-` nor `.` last, none of `..`, `.-`, `-.`, and not the form of an IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketName(String);

impl BucketName {
    /// Checks `name`; a name that breaks a rule is 400 `InvalidBucketName`.
    pub fn parse(name: &str) -> Result<Self> {
        if is_bucket_name(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(Code::InvalidBucketName.on(format!("/{name}")))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_bucket_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let length_holds = (limits::BUCKET_NAME_BYTES_MIN..=limits::BUCKET_NAME_BYTES_MAX).contains(&bytes.len());
    if !length_holds || !bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')) {
        return false;
    }
    let edges_hold = !matches!(bytes[0], b'.' | b'-') && !matches!(bytes[bytes.len() - 1], b'.' | b'-');
    let has_bad_pair = bytes.windows(2).any(|pair| matches!(pair, b".." | b".-" | b"-."));
    edges_hold && !has_bad_pair && !is_dotted_quad(bytes)
}

/// The form of an IPv4 address. `999.1.1.1` is no address, yet the reference forbids the form.
fn is_dotted_quad(name: &[u8]) -> bool {
    let is_number = |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    name[0].is_ascii_digit() && name.split(|b| *b == b'.').count() == 4 && name.split(|b| *b == b'.').all(is_number)
}

/// An object key: 1 to 1024 bytes of UTF-8. Opaque: nothing in it is folded or resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks a decoded key; too long is 400 `KeyTooLongError`, empty 400 `InvalidArgument`.
    pub fn parse(key: &str) -> Result<Self> {
        match key.len() {
            0 => Err(Code::InvalidArgument.because("The object key is empty.")),
            1..=limits::KEY_BYTES_MAX => Ok(Self(key.to_owned())),
            _ => Err(Error::from(Code::KeyTooLong)),
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of an account, shown as 32 hexadecimal digits (the `ID` of owners in XML).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub u128);

impl AccountId {
    /// Who owns what came without a signature; no account has this id.
    pub const NOBODY: Self = Self(0);
}

impl AccountId {
    /// An id as XML shows it: 32 hexadecimal digits, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { u128::from_str_radix(text, 16).ok().map(Self) } else { None }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_reference() {
        for good in ["abc", "a.b-c", "0ab", "a1.b2", &"a".repeat(63), "api", "1.2.3", "1.2.3.a"] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "a.-b",
            "a-.b",
            "Abc",
            "a_b",
            "1.2.3.4",
            "999.1.1.1",
            &"a".repeat(64),
        ] {
            assert!(BucketName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_have_a_length() {
        assert!(ObjectKey::parse("").is_err());
        assert!(ObjectKey::parse(&"é".repeat(512)).is_ok());
        assert!(ObjectKey::parse(&"é".repeat(513)).is_err());
    }
}

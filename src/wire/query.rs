//! The query string as ordered, decoded parameters. Which of them name an operation or are signed is not said here.

use crate::error::{Code, Error, Result};
use crate::limits;
use crate::wire::percent::{self, Plus};

/// Decoded query parameters in the order sent. Of two with the same name the first counts (OBS reference, rule for
/// signatures and actions alike); the others are dropped.
///
/// All text lives in one string, and few parameters need no further allocation.
#[derive(Clone, Debug, Default)]
pub struct Query {
    text: String,
    first: [Span; INLINE_COUNT],
    first_count: usize,
    rest: Vec<Span>,
}

/// Parameters kept without an allocation of their own.
const INLINE_COUNT: usize = 4;

/// Where one parameter lies in the text. Offsets fit 16 bits because `URI_BYTES_MAX` does.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    name_end: u16,
    end: u16,
    has_value: bool,
}

const _: () = assert!(limits::URI_BYTES_MAX <= u16::MAX as usize);

impl Query {
    /// Splits at `&`, then at the first `=`, and decodes both sides (`+` is a space). Empty parts are skipped.
    ///
    /// A bad escape or bad UTF-8 is 400 `InvalidURI`; too long is 414; more than
    /// [`limits::QUERY_PARAMETER_COUNT_MAX`] parameters are 400 `InvalidArgument`.
    pub fn parse(raw: Option<&str>) -> Result<Self> {
        let mut query = Self::default();
        let raw = raw.unwrap_or_default();
        if raw.is_empty() {
            return Ok(query);
        }
        if raw.len() > limits::URI_BYTES_MAX {
            return Err(Code::UriTooLarge.into());
        }
        let mut text = Vec::with_capacity(raw.len());
        let mut count = 0;
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            count += 1;
            if count > limits::QUERY_PARAMETER_COUNT_MAX {
                return Err(Code::InvalidArgument.because("The query string has too many parameters."));
            }
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let start = text.len();
            percent::decode_into(name, Plus::Space, &mut text)?;
            let name_end = text.len();
            percent::decode_into(value.unwrap_or_default(), Plus::Space, &mut text)?;
            if str::from_utf8(&text[start..name_end]).is_err() || str::from_utf8(&text[name_end..]).is_err() {
                return Err(Code::InvalidUri.into());
            }
            if query.spans().any(|span| text[span.name()] == text[start..name_end]) {
                text.truncate(start);
                continue;
            }
            query.push(Span {
                start: offset(start),
                name_end: offset(name_end),
                end: offset(text.len()),
                has_value: value.is_some(),
            });
        }
        query.text = String::from_utf8(text).map_err(|_| Error::from(Code::InvalidUri))?;
        Ok(query)
    }

    /// The value of `name`, `""` if it was sent without one. The exact spelling is preferred; without it any
    /// ASCII case will do, because published SDKs compare in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = None;
        for span in self.spans().filter(|span| span.name().len() == name.len()) {
            let own = &self.text.as_bytes()[span.name()];
            if own == name.as_bytes() {
                found = Some(span);
                break;
            }
            if found.is_none() && own.eq_ignore_ascii_case(name.as_bytes()) {
                found = Some(span);
            }
        }
        found.map(|span| &self.text[span.value()])
    }

    /// Whether `name` was sent, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values in the order sent; `None` where there was no `=`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.spans().map(|span| (&self.text[span.name()], span.has_value.then(|| &self.text[span.value()])))
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.first_count == 0
    }

    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.first[..self.first_count].iter().chain(&self.rest)
    }

    fn push(&mut self, span: Span) {
        if self.first_count < INLINE_COUNT {
            self.first[self.first_count] = span;
            self.first_count += 1;
        } else {
            self.rest.push(span);
        }
    }
}

impl Span {
    fn name(self) -> std::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.name_end)
    }

    fn value(self) -> std::ops::Range<usize> {
        usize::from(self.name_end)..usize::from(self.end)
    }
}

fn offset(position: usize) -> u16 {
    u16::try_from(position).expect("decoding never lengthens, and the raw text was at most URI_BYTES_MAX")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(raw: &str, expected: &[(&str, Option<&str>)]) {
        let query = Query::parse(Some(raw)).unwrap();
        assert_eq!(query.iter().collect::<Vec<_>>(), expected, "{raw}");
        assert_eq!(query.is_empty(), expected.is_empty());
    }

    #[test]
    fn parameters_keep_order_and_the_first_counts() {
        check("", &[]);
        check("&&", &[]);
        check("quota", &[("quota", None)]);
        check("quota=", &[("quota", Some(""))]);
        check("a=1&b&a=2&A=3", &[("a", Some("1")), ("b", None), ("A", Some("3"))]);
        check("a=b=c", &[("a", Some("b=c"))]);
        check("p%20q=x+y%2B", &[("p q", Some("x y+"))]);
        check("a&b&c&d&e&f=1", &[("a", None), ("b", None), ("c", None), ("d", None), ("e", None), ("f", Some("1"))]);
        check("a&b&c&d&e=1&e=2", &[("a", None), ("b", None), ("c", None), ("d", None), ("e", Some("1"))]);
        check("=v", &[("", Some("v"))]);
        check("k=%C3%A9", &[("k", Some("é"))]);
    }

    #[test]
    fn spelling_is_exact_first() {
        let query = Query::parse(Some("ACL=1&acl=2&versionid=3")).unwrap();
        assert_eq!(query.get("acl"), Some("2"));
        assert_eq!(query.get("Acl"), Some("1"));
        assert_eq!(query.get("versionId"), Some("3"));
        assert_eq!(query.get("quota"), None);
        assert!(query.has("ACL"));
    }

    #[test]
    fn refusals_have_their_codes() {
        let many = "a&".repeat(limits::QUERY_PARAMETER_COUNT_MAX + 1);
        let long = "a".repeat(limits::URI_BYTES_MAX + 1);
        for (raw, code) in [
            ("%", Code::InvalidUri),
            ("a=%FF", Code::InvalidUri),
            // Two halves of one character do not meet across the `=`.
            ("%C3=%A9", Code::InvalidUri),
            (&many, Code::InvalidArgument),
            (&long, Code::UriTooLarge),
        ] {
            assert_eq!(Query::parse(Some(raw)).unwrap_err().code(), code);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(raw in "[ -~é%&=+]{0,80}") {
            if let Ok(query) = Query::parse(Some(&raw)) {
                for (name, value) in query.iter() {
                    prop_assert!(query.get(name).is_some());
                    prop_assert_eq!(query.get(name), Some(value.unwrap_or_default()));
                }
            }
        }
    }
}

//! Conditions of deletions, in S3's words: on the object or version to be deleted, for one by headers, for each of many
//! by members of the document (S3 reference, `DeleteObject` and `DeleteObjects`). Nothing is looked up here.

use hyper::header;

use crate::clock::{UnixMillis, parse_iso_date};
use crate::error::{Code, Error, Result};
use crate::wire::Head;
use crate::wire::conditions::{Compare, is_listed, parse_tags, read_date};

/// What must hold of what is deleted; all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteConditions {
    etags: Option<String>,
    /// In whole seconds, as headers show it.
    modified_seconds: Option<u64>,
    size: Option<u64>,
}

/// What is about to be deleted.
#[derive(Clone, Copy, Debug)]
pub struct Doomed<'a> {
    /// Without quotes; a delete marker has none.
    pub etag: Option<&'a str>,
    /// When it came to be.
    pub modified_millis: UnixMillis,
    /// In bytes; a delete marker has none.
    pub size: Option<u64>,
}

/// Which condition a member of the document or a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `ETag`, or `If-Match`.
    Etag,
    /// `LastModifiedTime`, or `x-amz-if-match-last-modified-time`.
    Modified,
    /// `Size`, or `x-amz-if-match-size`.
    Size,
}

impl Member {
    /// The member of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ETag" => Some(Self::Etag),
            "LastModifiedTime" => Some(Self::Modified),
            "Size" => Some(Self::Size),
            _ => None,
        }
    }
}

/// Conditions that deletions do not have in any dialect.
const NEVER: [header::HeaderName; 3] = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];

impl DeleteConditions {
    /// Takes the conditions from a request's headers. A deletion must not happen without what it depends on: a value that
    /// cannot be read is 400 `InvalidArgument`; one that the dialect does not have is 501 `ServiceNotImplemented`.
    pub fn parse(head: &Head) -> Result<Self> {
        let refused = || Code::ServiceNotImplemented.because("This condition on a deletion is not implemented.");
        if NEVER.iter().any(|name| head.headers.contains_key(name)) {
            return Err(refused());
        }
        let tails = [("if-match-last-modified-time", Member::Modified), ("if-match-size", Member::Size)];
        let mut conditions = Self { etags: parse_tags(&head.headers, &header::IF_MATCH), ..Self::default() };
        for (tail, member) in tails {
            if head.has_own(tail) {
                conditions.add(member, head.own(tail).unwrap_or_default())?;
            }
        }
        if head.dialect.is_obs() && !conditions.is_empty() {
            return Err(refused());
        }
        Ok(conditions)
    }

    /// Adds a condition; one that cannot be read is 400 `InvalidArgument`.
    pub fn add(&mut self, member: Member, text: &str) -> Result<()> {
        let text = text.trim();
        match member {
            Member::Etag => self.etags = Some(text.to_owned()),
            Member::Modified => self.modified_seconds = Some(parse_seconds(text)?),
            Member::Size => {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                let size = text.parse().ok().filter(|_| is_number);
                self.size = Some(size.ok_or_else(|| invalid("The size of what is deleted is not a number."))?);
            }
        }
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Holds the conditions against what is there; `Err` names the first that does not hold.
    pub fn check(&self, doomed: Doomed<'_>) -> std::result::Result<(), &'static str> {
        if self.etags.as_ref().is_some_and(|tags| !is_listed(tags, doomed.etag, Compare::Strong)) {
            return Err("If-Match");
        }
        if self.modified_seconds.is_some_and(|seconds| seconds != doomed.modified_millis / 1000) {
            return Err("x-amz-if-match-last-modified-time");
        }
        if self.size.is_some_and(|size| Some(size) != doomed.size) {
            return Err("x-amz-if-match-size");
        }
        Ok(())
    }
}

/// A point in time as headers have it or as documents have it, in seconds; anything else is 400 `InvalidArgument`.
pub fn parse_seconds(text: &str) -> Result<u64> {
    let seconds = read_date(text).or_else(|| parse_iso_date(text.trim()).map(|millis| millis / 1000));
    seconds.ok_or_else(|| invalid("The time in the condition is not a date."))
}

fn invalid(why: &'static str) -> Error {
    Code::InvalidArgument.because(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    const THEN: &str = "Wed, 01 Jul 2015 12:00:00 GMT";
    const THEN_MS: u64 = 1_435_752_000_000;

    fn parse(prefix: &str, lines: &[(&str, &str)]) -> std::result::Result<DeleteConditions, Code> {
        let request =
            hyper::Request::delete("/photos/k").header("host", "localhost").header([prefix, "date"].concat(), "d");
        let request = lines.iter().fold(request, |request, (name, value)| {
            let own = name.starts_with("if-match-");
            request.header([if own { prefix } else { "" }, name].concat(), *value)
        });
        let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
        DeleteConditions::parse(&head).map_err(|error| error.code())
    }

    /// Of an object of 5 bytes, and of a delete marker.
    fn check(lines: &[(&str, &str)], object: std::result::Result<(), &str>, marker: std::result::Result<(), &str>) {
        let conditions = parse("x-amz-", lines).unwrap();
        let doomed = |etag, size| Doomed { etag, modified_millis: THEN_MS + 999, size };
        assert_eq!(conditions.check(doomed(Some("abc"), Some(5))), object, "{lines:?}");
        assert_eq!(conditions.check(doomed(None, None)), marker, "{lines:?}, a marker");
    }

    #[test]
    fn all_conditions_must_hold() {
        let (tag, time, size) = (Err("If-Match"), Err("x-amz-if-match-last-modified-time"), Err("x-amz-if-match-size"));
        check(&[], Ok(()), Ok(()));
        check(&[("if-match", "abc")], Ok(()), tag);
        check(&[("if-match", "\"x\", \"abc\"")], Ok(()), tag);
        check(&[("if-match", "*")], Ok(()), Ok(()));
        check(&[("if-match", "x")], tag, tag);
        check(&[("if-match", "")], tag, tag);
        check(&[("if-match-size", "5")], Ok(()), size);
        check(&[("if-match-size", "0")], size, size);
        check(&[("if-match-last-modified-time", THEN)], Ok(()), Ok(()));
        check(&[("if-match-last-modified-time", "2015-07-01T12:00:00.123Z")], Ok(()), Ok(()));
        check(&[("if-match-last-modified-time", "Thu, 01 Jan 2015 00:00:00 GMT")], time, time);
        check(&[("if-match", "*"), ("if-match-size", "4")], size, size);
        check(&[("if-match", "abc"), ("if-match-size", "5"), ("if-match-last-modified-time", THEN)], Ok(()), tag);
    }

    #[test]
    fn what_cannot_be_held_is_refused() {
        for (name, value) in [
            ("if-match-size", ""),
            ("if-match-size", "-1"),
            ("if-match-size", "+1"),
            ("if-match-size", "5 bytes"),
            ("if-match-size", "18446744073709551616"),
            ("if-match-last-modified-time", ""),
            ("if-match-last-modified-time", "yesterday"),
        ] {
            assert_eq!(parse("x-amz-", &[(name, value)]), Err(Code::InvalidArgument), "{name}: {value}");
        }
        for name in ["if-none-match", "if-modified-since", "if-unmodified-since"] {
            for prefix in ["x-amz-", "x-obs-"] {
                assert_eq!(parse(prefix, &[(name, "*")]), Err(Code::ServiceNotImplemented), "{name}");
            }
        }
        for line in [("if-match", "*"), ("if-match-size", "5"), ("if-match-last-modified-time", THEN)] {
            assert_eq!(parse("x-obs-", &[line]), Err(Code::ServiceNotImplemented), "{line:?}");
        }
    }
}

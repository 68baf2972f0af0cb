//! `If-Match` and its relatives: parsed from a request, evaluated against an object. Nothing is looked up here.

use hyper::header::{self, HeaderMap, HeaderName};

use crate::clock::UnixMillis;
use crate::error::{Code, Error};
use crate::wire::Head;
use crate::wire::delete_conditions::parse_seconds;
use crate::wire::dialect::Dialect;

/// The conditions of a request. Dates that cannot be read are as good as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<u64>,
    if_unmodified_since: Option<u64>,
    /// Whether `if_match` speaks of an object that must be there to be compared, as it does in a write in S3's words.
    tells_missing: bool,
}

/// Why a write may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// The named header does not hold: 412.
    Failed(&'static str),
    /// There is no object to hold the condition against: 404, in S3's words.
    Missing,
}

/// What conditions say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They hold, or there are none.
    Proceed,
    /// The reader has it already: 304.
    NotModified,
    /// The named header does not hold: 412.
    Failed(&'static str),
}

impl Verdict {
    /// The refusal for a header that does not hold; the document names it.
    pub fn refusal(header: &'static str) -> Error {
        Error::from(Code::PreconditionFailed).detail("Condition", header)
    }
}

impl Conditions {
    /// Takes the four conditions from a request's headers.
    pub fn parse(headers: &HeaderMap) -> Self {
        Self {
            if_match: parse_tags(headers, &header::IF_MATCH),
            if_none_match: parse_tags(headers, &header::IF_NONE_MATCH),
            if_modified_since: parse_date(headers, &header::IF_MODIFIED_SINCE),
            if_unmodified_since: parse_date(headers, &header::IF_UNMODIFIED_SINCE),
            tells_missing: false,
        }
    }

    /// Takes the conditions of a write. In S3's words it has one at most, which names a tag or `*`; anything else is 400
    /// `InvalidArgument` (S3 reference, "Conditional writes"). A write on condition of a time, which S3 does not have, is
    /// 501 `ServiceNotImplemented`: it must not happen without it.
    pub fn parse_of_write(head: &Head) -> Result<Self, Error> {
        let conditions = Self::parse(&head.headers);
        if head.dialect != Dialect::S3 {
            return Ok(conditions);
        }
        if [header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE].iter().any(|name| head.headers.contains_key(name)) {
            return Err(Code::ServiceNotImplemented.because("A write cannot depend on a time."));
        }
        let invalid = |why: &'static str| Err(Code::InvalidArgument.because(why));
        let is_blank = |tags: &Option<String>| tags.as_deref().is_some_and(|tags| tags_of(tags).next().is_none());
        if conditions.if_match.is_some() && conditions.if_none_match.is_some() {
            return invalid("A write has If-Match or If-None-Match, not both.");
        }
        if is_blank(&conditions.if_match) || is_blank(&conditions.if_none_match) {
            return invalid("The condition of the write names no entity tag.");
        }
        Ok(Self { tells_missing: conditions.if_match.is_some(), ..conditions })
    }

    /// Takes the conditions on a copy's source from `x-obs-copy-source-if-match` and its relatives.
    ///
    /// `if-match` goes with `if-unmodified-since` and `if-none-match` with `if-modified-since`; any other company is
    /// 400 `InvalidRequest` (OBS reference, "Copying Objects"). In S3's words times may be as documents have them, and
    /// what is none is 400 `InvalidArgument`: there would be a copy that was not to be.
    pub fn parse_of_source(head: &Head) -> Result<Self, Error> {
        let has = |tail| head.own(tail).is_some();
        let of_one = has("copy-source-if-match") || has("copy-source-if-unmodified-since");
        let of_other = has("copy-source-if-none-match") || has("copy-source-if-modified-since");
        if of_one && of_other {
            return Err(Code::InvalidRequest.because("These conditions on the copy source do not go together."));
        }
        let tags = |tail| head.own(tail).map(|tags| unescaped(tags.to_owned()));
        let date = |tail| match head.own(tail) {
            Some(text) if head.dialect == Dialect::S3 => parse_seconds(text).map(Some),
            text => Ok(text.and_then(read_date)),
        };
        Ok(Self {
            if_match: tags("copy-source-if-match"),
            if_none_match: tags("copy-source-if-none-match"),
            if_modified_since: date("copy-source-if-modified-since")?,
            if_unmodified_since: date("copy-source-if-unmodified-since")?,
            tells_missing: false,
        })
    }

    /// Evaluates the conditions on a copy's source as those of a read; `Err` is the header that does not hold.
    pub fn check_source(&self, etag: &str, modified_ms: UnixMillis, now_ms: UnixMillis) -> Result<(), &'static str> {
        match self.check_read(etag, modified_ms, now_ms) {
            Verdict::Proceed => Ok(()),
            Verdict::NotModified if self.if_none_match.is_some() => Err("If-None-Match"),
            Verdict::NotModified => Err("If-Modified-Since"),
            Verdict::Failed(header) => Err(header),
        }
    }

    /// Whether the request has none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Evaluates the conditions of a read in RFC 9110's order. `etag` is without quotes; dates in the future are
    /// ignored (OBS reference), and an object's time counts in whole seconds, as headers show it.
    pub fn check_read(&self, etag: &str, modified_ms: UnixMillis, now_ms: UnixMillis) -> Verdict {
        let modified = modified_ms / 1000;
        let past = |date: &Option<u64>| date.filter(|&date| date <= now_ms / 1000);
        if let Some(tags) = &self.if_match {
            if !is_listed(tags, Some(etag), Compare::Strong) {
                return Verdict::Failed("If-Match");
            }
        } else if past(&self.if_unmodified_since).is_some_and(|date| modified > date) {
            return Verdict::Failed("If-Unmodified-Since");
        }
        let is_known = match &self.if_none_match {
            Some(tags) => is_listed(tags, Some(etag), Compare::Weak),
            None => past(&self.if_modified_since).is_some_and(|date| modified <= date),
        };
        if is_known { Verdict::NotModified } else { Verdict::Proceed }
    }

    /// Evaluates the conditions of a write against the object it would replace, `None` if there is none or but a delete
    /// marker. Dates play no part in writes.
    pub fn check_write(&self, existing_etag: Option<&str>) -> Result<(), Unmet> {
        if let Some(tags) = &self.if_match {
            match existing_etag {
                Some(etag) if is_listed(tags, Some(etag), Compare::Strong) => {}
                None if self.tells_missing => return Err(Unmet::Missing),
                _ => return Err(Unmet::Failed("If-Match")),
            }
        }
        match (&self.if_none_match, existing_etag) {
            (Some(tags), Some(etag)) if is_listed(tags, Some(etag), Compare::Weak) => {
                Err(Unmet::Failed("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a range may be served by itself: it may not where `If-Range` names another state of the object, whose other
/// bytes the reader has (RFC 9110, 13.1.5). `etag` is without quotes; a tag marked weak names no state, a time only where it
/// is the object's to the second.
pub fn allow_range(headers: &HeaderMap, etag: &str, modified_ms: UnixMillis) -> bool {
    headers.get_all(header::IF_RANGE).iter().all(|value| {
        let text = unescaped(String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
        tag == etag || read_date(&text) == Some(modified_ms / 1000)
    })
}

/// RFC 9110 8.8.3.2: whether a tag marked weak may match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Strong,
    Weak,
}

pub(super) fn parse_tags(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    let tags = values.fold(first, |tags, value| tags + "," + &value);
    Some(unescaped(tags))
}

/// OBS's Python SDK percent-encodes header values: an `ETag` handed back as it was received comes as `%22…%22`.
fn unescaped(tags: String) -> String {
    if tags.contains("%22") { tags.replace("%22", "\"") } else { tags }
}

/// One of the three date forms of HTTP, in seconds.
fn parse_date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    read_date(headers.get(name)?.to_str().ok()?)
}

pub(super) fn read_date(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok().map(|since_epoch| since_epoch.as_secs())
}

/// Whether a list of tags names `etag`; `*` is whatever there is, also what has no tag.
pub(super) fn is_listed(tags: &str, etag: Option<&str>, compare: Compare) -> bool {
    tags_of(tags).any(|listed| match listed {
        Listed::Any => true,
        Listed::Tag { tag, is_weak } => Some(tag) == etag && (compare == Compare::Weak || !is_weak),
    })
}

/// What a list of tags names.
enum Listed<'t> {
    Any,
    Tag { tag: &'t str, is_weak: bool },
}

/// Takes a list of tags apart. Quotes are optional, because OBS's SDKs leave them out.
fn tags_of(tags: &str) -> impl Iterator<Item = Listed<'_>> {
    let mut rest = tags;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let (is_weak, after_mark) = rest.strip_prefix("W/").map_or((false, rest), |after| (true, after));
        let (tag, after) = match after_mark.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                after_mark.split_once(',').map_or((after_mark.trim_end(), ""), |(tag, after)| (tag.trim_end(), after))
            }
        };
        let is_any = rest.starts_with('*') && tag == "*";
        rest = after;
        Some(if is_any { Listed::Any } else { Listed::Tag { tag, is_weak } })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Verdict::{Failed, NotModified, Proceed};
    use super::*;
    use crate::wire::address::Endpoints;

    const NOON: &str = "Wed, 01 Jul 2015 12:00:00 GMT";
    const LATER: &str = "Wed, 01 Jul 2015 12:00:01 GMT";
    const FUTURE: &str = "Wed, 01 Jul 2099 12:00:00 GMT";
    const NOON_MS: u64 = 1_435_752_000_000;

    fn conditions(lines: &[(&'static str, &str)]) -> Conditions {
        let line = |&(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        Conditions::parse(&headers)
    }

    fn check_read(lines: &[(&'static str, &str)], expected: Verdict) {
        // Modified at noon and a bit; the bit must not count.
        let found = conditions(lines).check_read("abc", NOON_MS + 999, NOON_MS + 60_000);
        assert_eq!(found, expected, "{lines:?}");
    }

    fn check_write(lines: &[(&'static str, &str)], existing: Option<&str>, expected: Result<(), Unmet>) {
        assert_eq!(conditions(lines).check_write(existing), expected, "{lines:?} {existing:?}");
    }

    fn check_s3_write(lines: &[(&str, &str)], existing: Option<&str>, expected: Result<Result<(), Unmet>, Code>) {
        let request = hyper::Request::put("/photos/k").header("host", "localhost").header("x-amz-date", "d");
        let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
        let parsed = Conditions::parse_of_write(&head).map_err(|error| error.code());
        let found = parsed.map(|conditions| conditions.check_write(existing));
        assert_eq!(found, expected, "{lines:?} {existing:?}");
    }

    #[test]
    fn tags_of_a_read() {
        check_read(&[], Proceed);
        for listed in ["\"abc\"", "abc", "*", "\"x\", \"abc\"", "x,abc", " abc ", "\"x,y\",abc"] {
            check_read(&[("if-match", listed)], Proceed);
            check_read(&[("if-none-match", listed)], NotModified);
        }
        for other in ["\"ABC\"", "x", "\"*\"", "", ",", "ab", "abcd"] {
            check_read(&[("if-match", other)], Failed("If-Match"));
            check_read(&[("if-none-match", other)], Proceed);
        }
        check_read(&[("if-match", "W/\"abc\"")], Failed("If-Match"));
        check_read(&[("if-none-match", "W/\"abc\"")], NotModified);
        check_read(&[("if-match", "x"), ("if-match", "abc")], Proceed);
    }

    #[test]
    fn dates_of_a_read() {
        check_read(&[("if-modified-since", NOON)], NotModified);
        check_read(&[("if-modified-since", "Wed, 01 Jul 2015 11:59:59 GMT")], Proceed);
        check_read(&[("if-modified-since", "Wednesday, 01-Jul-15 12:00:00 GMT")], NotModified);
        check_read(&[("if-modified-since", "Wed Jul  1 12:00:00 2015")], NotModified);
        check_read(&[("if-modified-since", FUTURE)], Proceed);
        check_read(&[("if-modified-since", "soon")], Proceed);
        check_read(&[("if-unmodified-since", NOON)], Proceed);
        check_read(&[("if-unmodified-since", "Wed, 01 Jul 2015 11:59:59 GMT")], Failed("If-Unmodified-Since"));
        check_read(&[("if-unmodified-since", FUTURE)], Proceed);
    }

    #[test]
    fn tags_go_before_dates() {
        let early = "Wed, 01 Jul 2015 11:00:00 GMT";
        check_read(&[("if-match", "abc"), ("if-unmodified-since", early)], Proceed);
        check_read(&[("if-none-match", "x"), ("if-modified-since", LATER)], Proceed);
        check_read(&[("if-none-match", "abc"), ("if-modified-since", early)], NotModified);
        check_read(&[("if-match", "x"), ("if-none-match", "abc")], Failed("If-Match"));
        check_read(&[("if-match", "abc"), ("if-none-match", "abc")], NotModified);
    }

    #[test]
    fn a_range_is_of_the_state_it_names() {
        let check = |lines: &[&str], expected: bool| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_RANGE, line.parse().unwrap());
            }
            assert_eq!(allow_range(&headers, "abc", NOON_MS + 999), expected, "{lines:?}");
        };
        check(&[], true);
        for same in ["\"abc\"", "abc", "%22abc%22", NOON, "Wednesday, 01-Jul-15 12:00:00 GMT"] {
            check(&[same], true);
            check(&[same, "\"x\""], false);
        }
        for other in ["\"x\"", "\"ABC\"", "W/\"abc\"", "*", "", "\"abc\", \"x\"", LATER, FUTURE, "soon"] {
            check(&[other], false);
        }
    }

    #[test]
    fn conditions_of_a_write() {
        check_write(&[], None, Ok(()));
        check_write(&[("if-match", "*")], None, Err(Unmet::Failed("If-Match")));
        check_write(&[("if-match", "*")], Some("abc"), Ok(()));
        check_write(&[("if-match", "\"abc\"")], Some("abc"), Ok(()));
        check_write(&[("if-match", "\"abc\"")], Some("x"), Err(Unmet::Failed("If-Match")));
        check_write(&[("if-none-match", "*")], None, Ok(()));
        check_write(&[("if-none-match", "*")], Some("abc"), Err(Unmet::Failed("If-None-Match")));
        check_write(&[("if-none-match", "\"abc\"")], Some("x"), Ok(()));
        check_write(&[("if-modified-since", NOON)], Some("x"), Ok(()));
        let refusal = Verdict::refusal("If-Match");
        assert_eq!(refusal.details().collect::<Vec<_>>(), [&("Condition", "If-Match".to_owned())]);
    }

    #[test]
    fn conditions_of_a_write_in_s3_words() {
        check_s3_write(&[], None, Ok(Ok(())));
        for tags in ["*", "abc", "\"abc\"", "\"x\", \"abc\""] {
            check_s3_write(&[("if-match", tags)], Some("abc"), Ok(Ok(())));
            check_s3_write(&[("if-match", tags)], None, Ok(Err(Unmet::Missing)));
            check_s3_write(&[("if-none-match", tags)], Some("abc"), Ok(Err(Unmet::Failed("If-None-Match"))));
            check_s3_write(&[("if-none-match", tags)], None, Ok(Ok(())));
        }
        check_s3_write(&[("if-match", "abc")], Some("x"), Ok(Err(Unmet::Failed("If-Match"))));
        check_s3_write(&[("if-none-match", "abc")], Some("x"), Ok(Ok(())));
        check_s3_write(&[("if-match", "abc"), ("if-none-match", "*")], None, Err(Code::InvalidArgument));
        for blank in ["", ",", " , "] {
            check_s3_write(&[("if-match", blank)], None, Err(Code::InvalidArgument));
            check_s3_write(&[("if-none-match", blank)], None, Err(Code::InvalidArgument));
        }
        for time in ["if-modified-since", "if-unmodified-since"] {
            for value in [NOON, FUTURE, "soon", ""] {
                check_s3_write(&[(time, value)], Some("abc"), Err(Code::ServiceNotImplemented));
            }
        }
    }

    fn check_source(lines: &[(&str, &str)], expected: Result<Result<(), &'static str>, Code>) {
        for prefix in ["x-obs-", "x-amz-"] {
            check_source_in(prefix, lines, expected);
        }
    }

    fn check_source_in(prefix: &str, lines: &[(&str, &str)], expected: Result<Result<(), &'static str>, Code>) {
        let request = hyper::Request::put("/photos/k").header("host", "localhost");
        let request = lines
            .iter()
            .fold(request, |request, line| request.header([prefix, "copy-source-", line.0].concat(), line.1));
        let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
        let parsed = Conditions::parse_of_source(&head).map_err(|error| error.code());
        let found = parsed.map(|conditions| conditions.check_source("abc", NOON_MS + 999, NOON_MS + 60_000));
        assert_eq!(found, expected, "{prefix} {lines:?}");
    }

    #[test]
    fn times_of_a_source_are_not_passed_over_in_s3_words() {
        let (early, time) = ("2015-07-01T11:00:00.000Z", "if-unmodified-since");
        check_source_in("x-amz-", &[(time, early)], Ok(Err("If-Unmodified-Since")));
        check_source_in("x-amz-", &[(time, "2015-07-01T12:00:00Z")], Ok(Ok(())));
        for bad in ["soon", "", "1435752000"] {
            check_source_in("x-amz-", &[(time, bad)], Err(Code::InvalidArgument));
            check_source_in("x-amz-", &[("if-modified-since", bad)], Err(Code::InvalidArgument));
            check_source_in("x-obs-", &[(time, bad)], Ok(Ok(())));
        }
        check_source_in("x-obs-", &[(time, early)], Ok(Ok(())));
    }

    #[test]
    fn conditions_on_a_source() {
        let early = "Wed, 01 Jul 2015 11:00:00 GMT";
        check_source(&[], Ok(Ok(())));
        check_source(&[("if-match", "abc")], Ok(Ok(())));
        check_source(&[("if-match", "%22abc%22")], Ok(Ok(())));
        check_source(&[("if-match", "x")], Ok(Err("If-Match")));
        check_source(&[("if-none-match", "\"abc\"")], Ok(Err("If-None-Match")));
        check_source(&[("if-none-match", "x")], Ok(Ok(())));
        check_source(&[("if-modified-since", NOON)], Ok(Err("If-Modified-Since")));
        check_source(&[("if-modified-since", early)], Ok(Ok(())));
        check_source(&[("if-modified-since", FUTURE)], Ok(Ok(())));
        check_source(&[("if-unmodified-since", early)], Ok(Err("If-Unmodified-Since")));
        check_source(&[("if-unmodified-since", FUTURE)], Ok(Ok(())));
        check_source(&[("if-match", "abc"), ("if-unmodified-since", early)], Ok(Ok(())));
        check_source(&[("if-none-match", "abc"), ("if-modified-since", early)], Ok(Err("If-None-Match")));
        check_source(&[("if-none-match", "x"), ("if-modified-since", NOON)], Ok(Ok(())));
        for (one, other) in [
            ("if-match", "if-none-match"),
            ("if-match", "if-modified-since"),
            ("if-unmodified-since", "if-none-match"),
            ("if-unmodified-since", "if-modified-since"),
        ] {
            check_source(&[(one, "abc"), (other, "abc")], Err(Code::InvalidRequest));
        }
    }

    proptest! {
        #[test]
        fn any_list_is_read_to_its_end(tags in "[\"W/*a, é]{0,40}") {
            is_listed(&tags, Some("a"), Compare::Weak);
        }
    }
}

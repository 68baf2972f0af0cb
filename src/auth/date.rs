//! The dates of signed requests, read as liberally as the reference's own samples need.

use std::cell::RefCell;

use jiff::fmt::rfc2822;

use crate::clock::UnixMillis;

static LIBERAL: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

/// [`parse_date`], remembering the last text of each thread: the requests of one second mostly carry the same.
pub fn parse_recent_date(text: &str) -> Option<UnixMillis> {
    thread_local! {
        static LAST: RefCell<(String, UnixMillis)> = const { RefCell::new((String::new(), 0)) };
    }
    LAST.with_borrow_mut(|(known, millis)| {
        if known.is_empty() || known != text {
            // What is no date is not remembered: it may be long.
            *millis = parse_date(text)?;
            text.clone_into(known);
        }
        Some(*millis)
    })
}

/// Reads the HTTP date forms, `+0000` in place of `GMT`, any spelling of the weekday, even a wrong one, and
/// `yyyyMMddTHHmmssZ`. `None` for anything else and for dates before 1970.
pub fn parse_date(text: &str) -> Option<UnixMillis> {
    let text = text.trim();
    if let Ok(date) = httpdate::parse_http_date(text) {
        let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        return u64::try_from(since_epoch.as_millis()).ok();
    }
    let timestamp = LIBERAL.parse_timestamp(text).ok().or_else(|| parse_basic(text))?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// `yyyyMMddTHHmmssZ`: the date form of Signature Version 4.
pub fn basic_date(millis: UnixMillis) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(millis).unwrap_or(i64::MAX)).unwrap_or_default();
    timestamp.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `yyyyMMddTHHmmssZ` and its longer spellings.
fn parse_basic(text: &str) -> Option<jiff::Timestamp> {
    // The parser takes more than dates of this kind; a zone in brackets, for one, is nothing a client may ask for.
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z' | b'-' | b':' | b'.' | b'+'));
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<UnixMillis>) {
        assert_eq!(parse_date(text), expected, "{text}");
    }

    #[test]
    fn dates_are_read_liberally() {
        const THEN: Option<UnixMillis> = Some(1_435_721_265_000);
        check("Wed, 01 Jul 2015 03:27:45 GMT", THEN);
        check("WED, 01 Jul 2015 03:27:45 GMT", THEN);
        check("Sat, 01 Jul 2015 03:27:45 GMT", THEN);
        check("Wed, 01 Jul 2015 03:27:45 +0000", THEN);
        check("Wed, 1 Jul 2015 03:27:45 UT", THEN);
        check("Wed, 01 Jul 2015 05:27:45 +0200", THEN);
        check(" Wed, 01 Jul 2015 03:27:45 GMT ", THEN);
        check("Wednesday, 01-Jul-15 03:27:45 GMT", THEN);
        check("Wed Jul  1 03:27:45 2015", THEN);
        check("20150701T032745Z", THEN);
        check("2015-07-01T03:27:45Z", THEN);
    }

    #[test]
    fn the_basic_form_is_read_as_it_is_written() {
        assert_eq!(basic_date(1_435_721_265_999), "20150701T032745Z");
        check("20150701T032745Z", Some(1_435_721_265_000));
    }

    #[test]
    fn a_date_seen_again_is_the_same() {
        let (one, other) = ("Wed, 01 Jul 2015 03:27:45 GMT", "Wed, 01 Jul 2015 03:27:46 GMT");
        for text in [one, one, "", other, "now", other, one] {
            assert_eq!(parse_recent_date(text), parse_date(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "now",
            "1435721265",
            "Wed, 32 Jul 2015 03:27:45 GMT",
            "Wed, 01 Jul 2015",
            "20150701",
            "20150701T032745",
            "Wed, 01 Jul 1915 03:27:45 GMT",
            "20150701T032745Z[UTC]",
            "Wed, 01 Jul 2015 25:27:45 GMT",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_none(text in "[A-Za-z0-9 ,:+.-]{0,40}", other in ".*") {
            parse_date(&text);
            parse_date(&other);
        }
    }
}

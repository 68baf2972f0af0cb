//! The words of object lock: modes, holds and dates, in headers and documents (S3 reference, "Object Lock"; OBS
//! reference, "Configuring WORM Retention for an Object").

use crate::clock::{UnixMillis, parse_http_date, parse_iso_date_up};
use crate::object_lock::{LegalHold, LockMode};
use crate::wire::dialect::Dialect;

/// A mode by its name; OBS has one only.
#[must_use]
pub fn parse_mode(name: &str, dialect: Dialect) -> Option<LockMode> {
    let is_there = |mode: &LockMode| *mode == LockMode::Compliance || !dialect.is_obs();
    LockMode::ALL.into_iter().find(|mode| mode.name() == name).filter(is_there)
}

/// A hold by its name.
#[must_use]
pub fn parse_hold(name: &str) -> Option<LegalHold> {
    [LegalHold::On, LegalHold::Off].into_iter().find(|hold| hold.name() == Some(name))
}

/// A date in ISO 8601 with its offset, or under OBS's signatures in the form of HTTP or in milliseconds of Unix time, all
/// of which its references show. Rounded up to a whole second, which is what is shown of it: a protection is never shorter than
/// was asked for, and what is shown can be asked for again.
#[must_use]
pub fn parse_until(text: &str, dialect: Dialect) -> Option<UnixMillis> {
    if let Some(millis) = parse_iso_date_up(text) {
        return Some(millis);
    }
    if dialect == Dialect::S3 {
        return None;
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = if is_number { text.parse().ok()? } else { parse_http_date(text)? };
    UnixMillis::checked_next_multiple_of(millis, 1000).filter(|millis| *millis <= UNTIL_MILLIS_MAX)
}

/// The last second of the year 9999: what every form of date can show.
const UNTIL_MILLIS_MAX: UnixMillis = 253_402_300_799_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_seconds_and_never_earlier() {
        let check = |text: &str, of_obs: Option<UnixMillis>, of_s3: Option<UnixMillis>| {
            let parsed = [Dialect::Obs, Dialect::S3].map(|dialect| parse_until(text, dialect));
            assert_eq!(parsed, [of_obs, of_s3], "{text}");
        };
        let both = |text: &str, expected| check(text, expected, expected);
        both("2015-07-01T04:11:15Z", Some(1_435_723_875_000));
        both("2015-07-01T04:11:15.000Z", Some(1_435_723_875_000));
        both("2015-07-01T04:11:14.000001Z", Some(1_435_723_875_000));
        both("2015-07-01T06:11:15+02:00", Some(1_435_723_875_000));
        both("2015-07-01T04:11:15+00:00", Some(1_435_723_875_000));
        check("Wed, 01 Jul 2015 04:11:15 GMT", Some(1_435_723_875_000), None);
        check("1435723875000", Some(1_435_723_875_000), None);
        check("1435723874001", Some(1_435_723_875_000), None);
        check("0", Some(0), None);
        for bad in
            ["", "never", "2015-07-01", "2015-07-01T04:11:15", "-1", "+1", "18446744073709551615", "253402300800000"]
        {
            both(bad, None);
        }
    }

    #[test]
    fn modes_and_holds_are_spelled_one_way() {
        let check = |name: &str, of_obs, of_s3| {
            assert_eq!((parse_mode(name, Dialect::Obs), parse_mode(name, Dialect::S3)), (of_obs, of_s3), "{name}");
        };
        check("COMPLIANCE", Some(LockMode::Compliance), Some(LockMode::Compliance));
        check("GOVERNANCE", None, Some(LockMode::Governance));
        for bad in ["", "compliance", "governance", "COMPLIANCE ", "abc"] {
            check(bad, None, None);
        }
        assert_eq!(parse_hold("ON"), Some(LegalHold::On));
        assert_eq!(parse_hold("OFF"), Some(LegalHold::Off));
        for bad in ["", "on", "On", "abc"] {
            assert_eq!(parse_hold(bad), None, "{bad}");
        }
    }
}

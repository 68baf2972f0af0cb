//! The one reader of wall and monotonic time. Tests bring a clock they set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub type UnixMillis = u64;

/// A day, in milliseconds.
pub const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Where the time comes from. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Stands still until [`Clock::set`] moves it.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// A clock that shows `millis` until it is set.
    #[must_use]
    pub fn manual(millis: UnixMillis) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(millis)))
    }

    /// Wall time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_millis(&self) -> UnixMillis {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one reader of wall time")]
            Self::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
            }
            Self::Manual(millis) => millis.load(Ordering::Relaxed),
        }
    }

    /// Wall time, in whole seconds since the Unix epoch.
    #[must_use]
    pub fn now_seconds(&self) -> u64 {
        self.now_millis() / 1000
    }

    /// Moves a manual clock; the system clock cannot be set and ignores it.
    pub fn set(&self, millis: UnixMillis) {
        if let Self::Manual(cell) = self {
            cell.store(millis, Ordering::Relaxed);
        }
    }
}

/// The end of the day (UTC) on which `days` since `millis` are over.
#[must_use]
pub fn end_of_days(millis: UnixMillis, days: u32) -> UnixMillis {
    let over = millis.saturating_add(u64::from(days) * DAY_MILLIS);
    over.checked_next_multiple_of(DAY_MILLIS).unwrap_or(u64::MAX)
}

/// `millis` as a `SystemTime`, for the date formats of `httpdate`.
#[must_use]
pub fn system_time(millis: UnixMillis) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_millis(millis)
}

/// `Wed, 01 Jul 2015 03:27:45 GMT`: the date form of HTTP headers.
#[must_use]
pub fn http_date(millis: UnixMillis) -> String {
    httpdate::fmt_http_date(system_time(millis))
}

/// `2015-07-01T03:27:45.482Z`: the date form of XML documents, always with three digits of fraction (OBS SDKs
/// parse no other form).
#[must_use]
pub fn iso_date(millis: UnixMillis) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{timestamp:.3}")
}

/// `2015-07-01T03:27:45Z`: the same to the second, for dates that are whole seconds.
#[must_use]
pub fn iso_second(millis: UnixMillis) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A date in RFC 3339, with any offset and fraction; `None` for anything else and for times before 1970.
#[must_use]
pub fn parse_iso_date(text: &str) -> Option<UnixMillis> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// The same, rounded up to a whole second.
#[must_use]
pub fn parse_iso_date_up(text: &str) -> Option<UnixMillis> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    let seconds = timestamp.as_second().checked_add(i64::from(timestamp.subsec_nanosecond() > 0))?;
    u64::try_from(seconds).ok()?.checked_mul(1000)
}

/// A date in the form of HTTP headers, of which there are three.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<UnixMillis> {
    let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_documented_forms() {
        assert_eq!(http_date(1_435_721_265_482), "Wed, 01 Jul 2015 03:27:45 GMT");
        assert_eq!(iso_date(1_435_721_265_482), "2015-07-01T03:27:45.482Z");
        assert_eq!(iso_date(1_435_721_265_000), "2015-07-01T03:27:45.000Z");
        assert_eq!(parse_iso_date("2015-07-01T05:27:45.482+02:00"), Some(1_435_721_265_482));
        assert_eq!(parse_iso_date("2015-07-01"), None);
        assert_eq!(http_date(end_of_days(1_435_721_265_482, 3)), "Sun, 05 Jul 2015 00:00:00 GMT");
        assert_eq!(end_of_days(DAY_MILLIS, 3), 4 * DAY_MILLIS);
        assert_eq!(parse_iso_date("1950-07-01T00:00:00Z"), None);
        assert_eq!(iso_second(1_435_721_265_000), "2015-07-01T03:27:45Z");
        assert_eq!(parse_iso_date_up("2015-07-01T05:27:44.000001+02:00"), Some(1_435_721_265_000));
        assert_eq!(parse_iso_date_up("2015-07-01T03:27:45Z"), Some(1_435_721_265_000));
        assert_eq!(parse_iso_date_up("1950-07-01T00:00:00.5Z"), None);
        assert_eq!(parse_http_date("Wed, 01 Jul 2015 03:27:45 GMT"), Some(1_435_721_265_000));
        assert_eq!(parse_http_date("Wed, 01 Jul 1965 03:27:45 GMT"), None);
    }
}

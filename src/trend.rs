//! The history of a usage, pure: how long a sample is kept, and when growth as it was would meet a limit. Reading and
//! writing samples is `meta`'s.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a projection is no exact number"
)]

use crate::clock::UnixMillis;
use crate::quota::{Limits, Usage};

/// Milliseconds of a minute, the unit of sample times.
pub const MINUTE_MILLIS: u64 = 60_000;
const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;
/// Less history than this says nothing about growth.
const SPAN_MINUTES_MIN: u64 = 10;
/// A projection further off than this says nothing.
const PROJECTION_MINUTES_MAX: u64 = 100 * 365 * DAY;

/// What a bucket or account held at the end of a minute, and from then on until the next sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Minutes since the Unix epoch.
    pub minute: u64,
    /// Bytes.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
}

impl Sample {
    /// A sample of `usage`, taken now.
    #[must_use]
    pub fn new(usage: &Usage, now: UnixMillis) -> Self {
        let unsigned = |counter: i64| u64::try_from(counter).unwrap_or(0);
        Self {
            minute: now / MINUTE_MILLIS,
            bytes: unsigned(usage.used_bytes()),
            objects: unsigned(usage.used_objects()),
        }
    }
}

/// One sample is kept in so many minutes at this age; `None`: none is kept. Each width is a multiple of the one
/// before, so that what was kept stays the last of its slot.
#[must_use]
pub fn slot_minutes(age_minutes: u64) -> Option<u64> {
    match age_minutes {
        age if age < DAY => Some(1),
        age if age < 7 * DAY => Some(15),
        age if age < 90 * DAY => Some(HOUR),
        age if age < 730 * DAY => Some(DAY),
        _ => None,
    }
}

/// How far back samples say something about growth.
pub const SPAN_MINUTES_MAX: u64 = 7 * DAY;

/// When the nearer limit would be met if usage went on growing as it did over the last day, or, where it changed less
/// than twice in that time, over the last week. `None` without a limit or growth. `samples` come newest first and
/// reach back to the last one before the week.
#[must_use]
pub fn projected_full(usage: &Usage, limits: Limits, samples: &[Sample], now: UnixMillis) -> Option<UnixMillis> {
    let bytes = until_full(limits.bytes, usage.used_bytes(), samples, |sample| sample.bytes, now / MINUTE_MILLIS);
    let objects =
        until_full(limits.objects, usage.used_objects(), samples, |sample| sample.objects, now / MINUTE_MILLIS);
    let minutes = bytes.into_iter().chain(objects).min()?;
    Some(now.saturating_add(minutes.saturating_mul(MINUTE_MILLIS)))
}

fn until_full(limit: u64, used: i64, samples: &[Sample], value: fn(&Sample) -> u64, now: u64) -> Option<u64> {
    let used = u64::try_from(used).unwrap_or(0);
    if limit == 0 {
        return None;
    }
    if used >= limit {
        return Some(0);
    }
    let changes = samples.iter().filter(|sample| sample.minute + DAY > now).count();
    let span = if changes >= 2 { DAY } else { SPAN_MINUTES_MAX };
    let from = samples.last()?.minute.max(now.saturating_sub(span));
    if now < from + SPAN_MINUTES_MIN {
        return None;
    }
    // What fell back to where it was does not grow, whatever the line through its way there says.
    let start = samples.iter().find(|sample| sample.minute <= from).map_or(0, value);
    if used <= start {
        return None;
    }
    let rate = growth_rate(samples, value, from, now);
    let minutes = (limit - used) as f64 / rate;
    // Not growing makes this infinite, negative or not a number.
    (minutes >= 0.0 && minutes < PROJECTION_MINUTES_MAX as f64).then(|| minutes.ceil() as u64)
}

/// Slope, per minute, of the least-squares line through the whole of a history that stays level between samples.
/// Samples are only taken when something changed, so a line through the samples alone would not see the quiet times.
fn growth_rate(samples: &[Sample], value: fn(&Sample) -> u64, from: u64, to: u64) -> f64 {
    let (middle, span) = ((from + to) as f64 / 2.0, (to - from) as f64);
    let mut until = to;
    let mut moment = 0.0;
    for sample in samples {
        let since = sample.minute.clamp(from, to);
        let (left, right) = (since as f64 - middle, until as f64 - middle);
        // Relative to the newest value, to keep digits.
        let height = value(sample) as f64 - samples.first().map_or(0.0, |newest| value(newest) as f64);
        moment += height * (right * right - left * left) / 2.0;
        until = since;
        if sample.minute <= from {
            break;
        }
    }
    12.0 * moment / span.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 30 * 365 * DAY;

    /// Samples from `(minutes ago, bytes)`, newest first.
    fn samples(ago: &[(u64, u64)]) -> Vec<Sample> {
        ago.iter().map(|(ago, bytes)| Sample { minute: NOW - ago, bytes: *bytes, objects: 0 }).collect()
    }

    fn minutes_left(limit: u64, ago: &[(u64, u64)]) -> Option<u64> {
        let samples = samples(ago);
        let bytes = samples.first().map_or(0, |sample| i64::try_from(sample.bytes).unwrap());
        let usage = Usage { current_bytes: bytes, ..Usage::default() };
        let full = projected_full(&usage, Limits { bytes: limit, objects: 0 }, &samples, NOW * MINUTE_MILLIS)?;
        Some((full - NOW * MINUTE_MILLIS) / MINUTE_MILLIS)
    }

    #[test]
    fn steady_growth_goes_on() {
        let steady: Vec<_> = (0..=1440).map(|ago| (ago, (2000 - ago) * 10)).collect();
        let left = minutes_left(30_000, &steady).unwrap();
        assert!(left.abs_diff(1000) <= 5, "{left}");
        let hours: Vec<_> = (0..=168).map(|ago| (ago * 60, (1000 - ago) * 600)).collect();
        let left = minutes_left(660_000, &hours).unwrap();
        assert!(left.abs_diff(6000) <= 60, "{left}");
    }

    #[test]
    fn a_quiet_day_is_judged_by_the_week() {
        let quiet = [(2 * DAY, 900), (4 * DAY, 500), (6 * DAY, 100)];
        assert!(minutes_left(10_000, &quiet).is_some_and(|left| left > 10 * DAY));
    }

    #[test]
    fn what_does_not_grow_is_never_full() {
        assert_eq!(minutes_left(1000, &[(9 * DAY, 900)]), None);
        assert_eq!(minutes_left(1000, &[(10, 100), (600, 900)]), None);
        assert_eq!(minutes_left(1000, &[(1, 100), (10, 900), (600, 500), (1200, 100)]), None);
        assert_eq!(minutes_left(1000, &[]), None);
        assert_eq!(minutes_left(0, &[(10, 900), (600, 100)]), None);
        assert_eq!(minutes_left(1000, &[(1, 900), (5, 100)]), None, "five minutes say nothing");
        assert_eq!(minutes_left(u64::MAX >> 1, &[(10, 2), (600, 1)]), None, "in a million years");
        assert_eq!(minutes_left(900, &[(10, 900)]), Some(0));
    }

    #[test]
    fn quiet_time_counts_as_much_as_busy_time() {
        // The same growth; where it came in one burst long ago, the line through the day is flatter.
        let burst: Vec<_> = (0..60).map(|at| (1380 + at, 100_000 - at * 100)).chain([(1500, 94_000)]).collect();
        let steady: Vec<_> = (0..=60).map(|at| (at * 24, 100_000 - at * 100)).collect();
        let (burst, steady) = (minutes_left(200_000, &burst).unwrap(), minutes_left(200_000, &steady).unwrap());
        assert!(burst > 2 * steady, "{burst} {steady}");
    }

    #[test]
    fn slots_nest() {
        let widths = [0, DAY, 7 * DAY, 90 * DAY].map(|age| slot_minutes(age).unwrap());
        assert_eq!(widths, [1, 15, 60, 1440]);
        assert!(widths.windows(2).all(|pair| pair[1].is_multiple_of(pair[0])));
        assert_eq!(slot_minutes(730 * DAY), None);
    }
}

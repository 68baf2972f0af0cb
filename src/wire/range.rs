//! The `Range` header. What is served for a verdict (206, 416, many parts) is the operations' business.

use std::ops::Range;

use crate::limits::RANGE_COUNT_MAX;

/// What a `Range` header asks of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeVerdict {
    /// The header is not one to act upon: the whole object.
    Whole,
    /// One contiguous part, never empty.
    Part {
        /// First byte.
        start: u64,
        /// One past the last byte.
        end_exclusive: u64,
    },
    /// Several parts in the order asked for, none of them empty.
    Many(Vec<Range<u64>>),
    /// Nothing that was asked for exists: 416 `InvalidRange`.
    Unsatisfiable,
}

/// Reads `header` for an object of `length` bytes. A header with a mistake in it is ignored as a whole, ends
/// beyond the object are clamped, and `bytes=n` means `bytes=n-` (OBS reference). More than [`RANGE_COUNT_MAX`] parts,
/// or parts that overlap so much that the answer would be larger than the object, make the header ignored.
pub fn parse_range(header: &str, length: u64) -> RangeVerdict {
    let Some((unit, list)) = header.split_once('=') else { return RangeVerdict::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return RangeVerdict::Whole;
    }
    // One range is nearly all there ever is, and needs no list.
    if !list.contains(',') {
        return match parse_one(list, length) {
            None => RangeVerdict::Whole,
            Some(part) if part.is_empty() => RangeVerdict::Unsatisfiable,
            Some(part) => RangeVerdict::Part { start: part.start, end_exclusive: part.end },
        };
    }
    parse_many(list, length)
}

fn parse_many(list: &str, length: u64) -> RangeVerdict {
    let mut parts = Vec::new();
    for (at, range) in list.split(',').enumerate() {
        let Some(part) = parse_one(range, length) else { return RangeVerdict::Whole };
        if at >= RANGE_COUNT_MAX {
            return RangeVerdict::Whole;
        }
        if !part.is_empty() {
            parts.push(part);
        }
    }
    let total = parts.iter().map(|part| part.end - part.start).fold(0, u64::saturating_add);
    match parts.as_slice() {
        [] => RangeVerdict::Unsatisfiable,
        [part] => RangeVerdict::Part { start: part.start, end_exclusive: part.end },
        _ if total > length => RangeVerdict::Whole,
        _ => RangeVerdict::Many(parts),
    }
}

/// One `first-last`, `first-`, `first` or `-count`; `None` is a mistake, an empty range nothing to serve.
fn parse_one(range: &str, length: u64) -> Option<Range<u64>> {
    let range = range.trim();
    let (first, last) = range.split_once('-').unwrap_or((range, ""));
    if first.is_empty() {
        let count = parse_number(last)?;
        return Some(length.saturating_sub(count)..length);
    }
    let start = parse_number(first)?;
    let end = if last.is_empty() { u64::MAX } else { parse_number(last)? };
    if end < start {
        return None;
    }
    Some(start.min(length)..end.saturating_add(1).min(length))
}

/// Digits only; a number too large to hold is larger than any object.
fn parse_number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RangeVerdict::{Many, Part, Unsatisfiable, Whole};
    use super::*;

    fn check(header: &str, length: u64, expected: &RangeVerdict) {
        assert_eq!(&parse_range(header, length), expected, "{header} of {length}");
    }

    fn part(start: u64, end_exclusive: u64) -> RangeVerdict {
        Part { start, end_exclusive }
    }

    #[test]
    fn one_range() {
        check("bytes=0-4", 10, &part(0, 5));
        check("bytes=0-0", 10, &part(0, 1));
        check("bytes=5-", 10, &part(5, 10));
        check("bytes=5", 10, &part(5, 10));
        check("bytes=9-100", 10, &part(9, 10));
        check("bytes=-3", 10, &part(7, 10));
        check("bytes=-30", 10, &part(0, 10));
        check("Bytes = 1 - 2", 10, &Whole);
        check("BYTES= 1-2 ", 10, &part(1, 3));
        check("bytes=0-18446744073709551615", 10, &part(0, 10));
        check("bytes=0-99999999999999999999999", 10, &part(0, 10));
    }

    #[test]
    fn nothing_to_serve() {
        check("bytes=10-", 10, &Unsatisfiable);
        check("bytes=10-20", 10, &Unsatisfiable);
        check("bytes=99999999999999999999999-", 10, &Unsatisfiable);
        check("bytes=-0", 10, &Unsatisfiable);
        check("bytes=0-", 0, &Unsatisfiable);
        check("bytes=-5", 0, &Unsatisfiable);
        check("bytes=10-,11-", 10, &Unsatisfiable);
    }

    #[test]
    fn mistakes_are_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-2",
            "bytes=1-2-3",
            "items=0-1",
            "bytes=+1-2",
            "bytes=--1",
            "bytes=0-1,",
            "bytes=0-1,x",
            "bytes=0x1-2",
        ] {
            check(header, 10, &Whole);
        }
    }

    #[test]
    fn several_ranges() {
        check("bytes=0-1,4-5", 10, &Many(vec![0..2, 4..6]));
        check("bytes=8-, 0-0", 10, &Many(vec![8..10, 0..1]));
        check("bytes=0-1,20-", 10, &part(0, 2));
        check("bytes=0-,0-", 10, &Whole);
        check(&format!("bytes=0-0{}", ",0-0".repeat(RANGE_COUNT_MAX)), 1000, &Whole);
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_object(header in "bytes=[0-9, -]{0,30}", length in 0_u64..100) {
            let is_within = |start, end| start < end && end <= length;
            match parse_range(&header, length) {
                Part { start, end_exclusive } => prop_assert!(is_within(start, end_exclusive)),
                Many(parts) => prop_assert!(parts.iter().all(|part| is_within(part.start, part.end))),
                Whole | Unsatisfiable => {}
            }
        }

        #[test]
        fn any_text_has_a_verdict(header in ".*", length: u64) {
            parse_range(&header, length);
        }
    }
}

//! A set of byte ranges, merged where they touch: what of a segment is known to be free. Not here: the segments.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges that neither overlap nor touch, by their starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(BTreeMap<u64, u64>);

impl Spans {
    /// Adds a range; what is there already stays.
    pub(super) fn insert(&mut self, span: Range<u64>) {
        let Range { mut start, mut end } = span;
        if start >= end {
            return;
        }
        // From the last range that begins at or before our end, downwards, as long as they reach our start.
        while let Some((&other_start, &other_end)) = self.0.range(..=end).next_back() {
            if other_end < start {
                break;
            }
            self.0.remove(&other_start);
            start = start.min(other_start);
            end = end.max(other_end);
        }
        self.0.insert(start, end);
    }

    /// Whether every byte below `end` is in the set.
    pub(super) fn covers(&self, end: u64) -> bool {
        end == 0 || self.0.get(&0).is_some_and(|&covered| covered >= end)
    }

    /// Number of separate ranges.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Bytes in the set.
    pub(super) fn total_bytes(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merges() {
        fn check(spans: &[Range<u64>], expected: &[(u64, u64)]) {
            let mut set = Spans::default();
            for span in spans {
                set.insert(span.clone());
            }
            assert_eq!(set.0.into_iter().collect::<Vec<_>>(), expected, "{spans:?}");
        }
        check(&[], &[]);
        check(&[0..0, 4..4], &[]);
        check(&[0..4, 8..12], &[(0, 4), (8, 12)]);
        check(&[0..4, 4..8], &[(0, 8)]);
        check(&[4..8, 0..4], &[(0, 8)]);
        check(&[0..4, 8..12, 4..8], &[(0, 12)]);
        check(&[0..4, 8..12, 2..9], &[(0, 12)]);
        check(&[0..12, 2..4], &[(0, 12)]);
        check(&[2..4, 6..7, 0..12], &[(0, 12)]);
        check(&[0..4, 0..4], &[(0, 4)]);
        check(&[8..12, 0..4], &[(0, 4), (8, 12)]);
    }

    proptest! {
        #[test]
        fn is_a_set_of_bytes(spans in prop::collection::vec((0..64_usize, 0..16_usize), 0..24)) {
            let mut set = Spans::default();
            let mut bytes = [false; 96];
            for (start, length) in spans {
                set.insert(start as u64..(start + length) as u64);
                bytes[start..start + length].fill(true);
            }
            prop_assert_eq!(set.total_bytes(), bytes.iter().filter(|byte| **byte).count() as u64);
            for end in 0..96 {
                prop_assert_eq!(set.covers(end as u64), bytes[..end].iter().all(|byte| *byte));
            }
            let runs = bytes.windows(2).filter(|pair| !pair[0] && pair[1]).count() + usize::from(bytes[0]);
            prop_assert_eq!(set.count(), runs);
        }
    }
}

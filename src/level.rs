//! Soft limits, pure: which percents of its limits a usage has reached, and which of them a change crosses. Nothing
//! here refuses anything; `quota` does that. The arbiter of the metadata applies it inside the commit.

use serde::{Deserialize, Serialize};

use crate::limits::SOFT_PERCENT_COUNT_MAX;
use crate::quota::{Limits, Measure, Usage};

/// What holds where nothing was set.
const DEFAULT: [u8; 3] = [80, 90, 100];

/// Percents of a limit whose crossing is an event, ascending. Stored empty where nothing was set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percents(Vec<u8>);

impl Percents {
    /// At most eight, each 1 to 100, ascending; none for the default.
    #[must_use]
    pub fn parse(percents: Vec<u8>) -> Option<Self> {
        let holds = percents.len() <= SOFT_PERCENT_COUNT_MAX
            && percents.iter().all(|percent| (1..=100).contains(percent))
            && percents.is_sorted_by(|a, b| a < b);
        holds.then_some(Self(percents))
    }

    /// The percents that hold.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        if self.0.is_empty() { &DEFAULT } else { &self.0 }
    }
}

/// Bytes of stored [`Levels`].
pub const LEVELS_BYTES: usize = 32;

/// The percents a usage has reached, of each limit: bit `p` stands for `p` percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    bytes: u128,
    objects: u128,
}

/// Which way a percent was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Reached.
    Up,
    /// No longer reached.
    Down,
}

/// A percent that was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Of which limit.
    pub measure: Measure,
    /// The percent.
    pub percent: u8,
    /// Which way.
    pub direction: Direction,
}

impl Levels {
    /// What `usage` has reached. Nothing is reached of no limit.
    #[must_use]
    pub fn of(usage: &Usage, limits: Limits, percents: &Percents) -> Self {
        let reached = |limit: u64, used: i64| {
            let used = u128::try_from(used).unwrap_or(0);
            let is_reached = |percent: u8| limit > 0 && used * 100 >= u128::from(limit) * u128::from(percent);
            percents.as_slice().iter().filter(|p| is_reached(**p)).fold(0, |bits, percent| bits | 1 << percent)
        };
        Self {
            bytes: reached(limits.bytes, usage.used_bytes()),
            objects: reached(limits.objects, usage.used_objects()),
        }
    }

    /// What is crossed on the way from here to `after`: upwards in ascending order, downwards in descending order.
    pub fn crossings(self, after: Self) -> impl Iterator<Item = Crossing> {
        let of = |measure, before: u128, after: u128| {
            let with = move |direction, bits: u128| {
                let percents = (1..=100).filter(move |percent| bits >> percent & 1 == 1);
                percents.map(move |percent| Crossing { measure, percent, direction })
            };
            with(Direction::Down, before & !after).rev().chain(with(Direction::Up, after & !before))
        };
        of(Measure::Bytes, self.bytes, after.bytes).chain(of(Measure::Objects, self.objects, after.objects))
    }

    /// True when nothing is reached.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Stored form: two little-endian integers.
    #[must_use]
    pub fn to_bytes(self) -> [u8; LEVELS_BYTES] {
        let mut stored = [0; LEVELS_BYTES];
        stored[..16].copy_from_slice(&self.bytes.to_le_bytes());
        stored[16..].copy_from_slice(&self.objects.to_le_bytes());
        stored
    }

    /// Reads the stored form; `None` for another length.
    #[must_use]
    pub fn from_bytes(stored: &[u8]) -> Option<Self> {
        let (bytes, objects) = stored.split_first_chunk::<16>()?;
        Some(Self { bytes: u128::from_le_bytes(*bytes), objects: u128::from_le_bytes(objects.try_into().ok()?) })
    }
}

/// How many percent of the nearer limit are used, rounded down; `None` without a limit. May be above 100.
#[must_use]
pub fn level_percent(usage: &Usage, limits: Limits) -> Option<u64> {
    let percent = |limit: u64, used: i64| {
        let used = u128::try_from(used).unwrap_or(0);
        let percent = (used * 100).checked_div(u128::from(limit))?;
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    };
    percent(limits.bytes, usage.used_bytes()).max(percent(limits.objects, usage.used_objects()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(bytes: i64, objects: i64) -> Usage {
        Usage { current_bytes: bytes, current_objects: objects, ..Usage::default() }
    }

    fn levels(bytes: i64, limit: u64) -> Levels {
        Levels::of(&used(bytes, 0), Limits { bytes: limit, objects: 0 }, &Percents::default())
    }

    fn crossed(before: Levels, after: Levels) -> Vec<(u8, Direction)> {
        before.crossings(after).map(|crossing| (crossing.percent, crossing.direction)).collect()
    }

    #[test]
    fn a_percent_is_reached_to_the_byte() {
        assert!(levels(79, 100).is_empty());
        assert_eq!(crossed(levels(79, 100), levels(80, 100)), [(80, Direction::Up)]);
        assert_eq!(
            crossed(levels(2, 3), levels(3, 3)),
            [(80, Direction::Up), (90, Direction::Up), (100, Direction::Up)]
        );
        assert_eq!(crossed(levels(90, 100), levels(89, 100)), [(90, Direction::Down)]);
        assert_eq!(crossed(levels(100, 100), levels(0, 100)).first(), Some(&(100, Direction::Down)));
        assert_eq!(crossed(levels(90, 100), levels(99, 100)), []);
    }

    #[test]
    fn nothing_is_reached_of_no_limit_and_the_largest_numbers_hold() {
        assert!(levels(i64::MAX, 0).is_empty());
        assert!(levels(0, 1).is_empty());
        assert_eq!(crossed(Levels::default(), levels(i64::MAX, i64::MAX as u64)).len(), 3);
        assert!(levels(i64::MAX / 2, u64::MAX).is_empty());
    }

    #[test]
    fn bytes_and_objects_are_crossed_apart() {
        let limits = Limits { bytes: 100, objects: 10 };
        let after = Levels::of(&used(80, 9), limits, &Percents::parse(vec![80, 90]).unwrap());
        let expected = [(Measure::Bytes, 80), (Measure::Objects, 80), (Measure::Objects, 90)];
        let crossings = Levels::default().crossings(after);
        assert_eq!(crossings.map(|crossing| (crossing.measure, crossing.percent)).collect::<Vec<_>>(), expected);
        assert_eq!(Levels::from_bytes(&after.to_bytes()), Some(after));
        assert_eq!(Levels::from_bytes(&[0; 31]), None);
        assert_eq!(level_percent(&used(80, 9), limits), Some(90));
        assert_eq!(level_percent(&used(250, 1), Limits { bytes: 100, objects: 0 }), Some(250));
        assert_eq!(level_percent(&used(250, 1), Limits::default()), None);
    }

    #[test]
    fn percents_ascend_from_1_to_100() {
        assert_eq!(Percents::parse(Vec::new()).unwrap().as_slice(), DEFAULT);
        assert_eq!(Percents::parse(vec![1, 50, 100]).unwrap().as_slice(), [1, 50, 100]);
        for bad in [vec![0], vec![101], vec![50, 50], vec![90, 80], (1..=9).collect()] {
            assert_eq!(Percents::parse(bad.clone()), None, "{bad:?}");
        }
    }
}

//! Object lock as plain rules over plain values: what keeps a version from going or changing, and what may take the
//! place of that (S3 reference, "Object Lock"; OBS reference, "Configuring WORM Retention for an Object"). `meta` stores
//! the values and asks the rules in every commit; `ops` reads and writes the words.

use serde::{Deserialize, Serialize};

use crate::clock::{DAY_MILLIS, UnixMillis};

/// Days of a year, as the references count the years of a default retention.
const YEAR_DAYS: u64 = 365;

/// Protection of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// How, and until when.
    pub retention: Option<Retention>,
    /// Until it is lifted.
    pub legal_hold: LegalHold,
}

/// Protection that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Who may weaken it.
    pub mode: LockMode,
    /// The first moment at which it protects no more.
    pub until_millis: UnixMillis,
}

/// Who may weaken a retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockMode {
    /// `GOVERNANCE`: who has the right to.
    Governance,
    /// `COMPLIANCE`: nobody.
    Compliance,
}

/// Protection that lasts until it is lifted. Stored as a number, of which 0 and 1 were once `false` and `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegalHold {
    /// Never set.
    #[default]
    Unset,
    /// `ON`.
    On,
    /// `OFF`: it protects nothing, and shows.
    Off,
}

/// What protection a request may pass over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bypass {
    /// None.
    #[default]
    Nothing,
    /// A retention in governance mode: the request asks for it, and its caller has the right to.
    Governance,
}

/// What new versions in a bucket are protected by that name nothing themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How.
    pub mode: LockMode,
    /// For how long.
    pub period: Period,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// Days.
    Days(u32),
    /// Years of 365 days.
    Years(u32),
}

impl Lock {
    /// As it is stored: nothing where there is nothing.
    #[must_use]
    pub fn kept(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Whether its version may at `now` neither go nor change.
    #[must_use]
    pub fn protects(&self, bypass: Bypass, now: UnixMillis) -> bool {
        let is_retained = self.retention.is_some_and(|retention| retention.holds(bypass, now));
        is_retained || self.legal_hold == LegalHold::On
    }

    /// When it protects no more; `None` for a hold, which has no end.
    #[must_use]
    pub fn ends_millis(&self) -> Option<UnixMillis> {
        let until = self.retention.map_or(0, |retention| retention.until_millis);
        (self.legal_hold != LegalHold::On).then_some(until)
    }

    /// Whether `next` may take its place at `now`: a retention that holds is not weakened, neither ended nor shortened
    /// nor given another mode, except by who may pass it over. A hold is set and lifted freely.
    #[must_use]
    pub fn gives_way_to(&self, next: &Self, bypass: Bypass, now: UnixMillis) -> bool {
        let Some(old) = self.retention.filter(|old| old.holds(bypass, now)) else { return true };
        next.retention.is_some_and(|new| new.mode == old.mode && new.until_millis >= old.until_millis)
    }
}

impl Retention {
    /// Whether it protects its version at `now`.
    #[must_use]
    pub fn holds(&self, bypass: Bypass, now: UnixMillis) -> bool {
        let is_passed_over = self.mode == LockMode::Governance && bypass == Bypass::Governance;
        now < self.until_millis && !is_passed_over
    }
}

impl LockMode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Governance, Self::Compliance];

    /// The documented name, in the one letter case there is.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

impl LegalHold {
    /// The documented name; a hold that was never set has none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Unset => None,
            Self::On => Some("ON"),
            Self::Off => Some("OFF"),
        }
    }
}

impl DefaultRetention {
    /// The retention of a version stored at `millis`: to the end of the second, so that what is shown of it is all of
    /// it.
    #[must_use]
    pub fn from(&self, millis: UnixMillis) -> Retention {
        let days = match self.period {
            Period::Days(days) => u64::from(days),
            Period::Years(years) => u64::from(years) * YEAR_DAYS,
        };
        let until = millis.saturating_add(days.saturating_mul(DAY_MILLIS));
        Retention { mode: self.mode, until_millis: until.checked_next_multiple_of(1000).unwrap_or(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = 1000;

    /// `G5` is governance until 5 from now, `C-1` compliance that has just ended; `+` is a hold, `-` one that is off.
    fn lock(text: &str) -> Lock {
        let legal_hold = match text.as_bytes().last() {
            Some(b'+') => LegalHold::On,
            Some(b'-') => LegalHold::Off,
            _ => LegalHold::Unset,
        };
        let retention = text.trim_end_matches(['+', '-']);
        let mode = if retention.starts_with('G') { LockMode::Governance } else { LockMode::Compliance };
        let retention = retention.get(1..).map(|until| {
            let until = until.parse().unwrap();
            Retention { mode, until_millis: NOW.checked_add_signed(until).unwrap() }
        });
        Lock { retention, legal_hold }
    }

    #[test]
    fn a_version_is_protected_while_its_retention_or_its_hold_lasts() {
        // Without the right to pass over governance, and with it.
        let check = |text: &str, expected: [bool; 2]| {
            let protects = [Bypass::Nothing, Bypass::Governance].map(|bypass| lock(text).protects(bypass, NOW));
            assert_eq!(protects, expected, "{text}");
        };
        check("", [false, false]);
        check("-", [false, false]);
        check("+", [true, true]);
        check("G1", [true, false]);
        check("G0", [false, false]);
        check("C1", [true, true]);
        check("C0", [false, false]);
        check("C-1", [false, false]);
        check("G1+", [true, true]);
        check("G0+", [true, true]);
        check("G1-", [true, false]);
    }

    #[test]
    fn a_retention_that_holds_is_not_weakened() {
        let check = |old: &str, new: &str, expected: [bool; 2]| {
            let gives_way =
                [Bypass::Nothing, Bypass::Governance].map(|bypass| lock(old).gives_way_to(&lock(new), bypass, NOW));
            assert_eq!(gives_way, expected, "{old} {new}");
        };
        for free in ["", "+", "-", "G0", "C0"] {
            for new in ["", "+", "G1", "C1"] {
                check(free, new, [true, true]);
            }
        }
        check("G5", "G5", [true, true]);
        check("G5", "G6", [true, true]);
        check("G5", "G4", [false, true]);
        check("G5", "", [false, true]);
        check("G5", "C5", [false, true]);
        check("G5", "C9", [false, true]);
        check("C5", "C5", [true, true]);
        check("C5", "C6", [true, true]);
        check("C5", "C4", [false, false]);
        check("C5", "", [false, false]);
        check("C5", "G9", [false, false]);
        // A hold beside it comes and goes.
        check("C5", "C5+", [true, true]);
        check("C5+", "C5-", [true, true]);
        check("C5+", "+", [false, false]);
    }

    #[test]
    fn a_hold_has_no_end() {
        let check = |text: &str, expected: Option<UnixMillis>| assert_eq!(lock(text).ends_millis(), expected, "{text}");
        check("", Some(0));
        check("C5", Some(NOW + 5));
        check("C5-", Some(NOW + 5));
        check("C5+", None);
        check("+", None);
    }

    #[test]
    fn a_default_lasts_its_days_to_the_second() {
        let check = |period, millis, until_millis| {
            let mode = LockMode::Governance;
            assert_eq!(DefaultRetention { mode, period }.from(millis), Retention { mode, until_millis });
        };
        check(Period::Days(1), 0, DAY_MILLIS);
        check(Period::Days(1), 1, DAY_MILLIS + 1000);
        check(Period::Years(2), 5000, 730 * DAY_MILLIS + 5000);
        check(Period::Years(u32::MAX), u64::MAX, u64::MAX);
    }
}

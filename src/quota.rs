//! The arithmetic of the ledger, pure: what is counted ([`Usage`]), by how much an operation moves it ([`growth`]),
//! and whether that fits ([`check`]). Nothing here reads or stores a counter; the metadata engine applies it inside
//! the commit that stores the object.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes and counts of one bucket or one account. Signed, because the same shape carries differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of current objects.
    pub current_bytes: i64,
    /// Number of current objects.
    pub current_objects: i64,
    /// Bytes of non-current versions.
    pub noncurrent_bytes: i64,
    /// Number of non-current versions that are objects.
    pub noncurrent_objects: i64,
    /// Bytes of parts of unfinished uploads.
    pub part_bytes: i64,
    /// Number of parts of unfinished uploads.
    pub parts: i64,
    /// Number of delete markers, current or not.
    pub delete_markers: i64,
    /// Number of unfinished uploads.
    pub uploads: i64,
}

/// Fields of [`Usage`], in their stored order.
const FIELD_COUNT: usize = 8;
/// Bytes of a stored [`Usage`].
pub const USAGE_BYTES: usize = FIELD_COUNT * 8;

impl Usage {
    /// What limits are tested against and what `?storageinfo` and `/user/capacity` show: bytes of current objects,
    /// non-current versions and unfinished parts.
    #[must_use]
    pub fn used_bytes(&self) -> i64 {
        self.current_bytes + self.noncurrent_bytes + self.part_bytes
    }

    /// Objects, current and not; what `?storageinfo` shows as `ObjectNumber` and object limits are tested against.
    #[must_use]
    pub fn used_objects(&self) -> i64 {
        self.current_objects + self.noncurrent_objects
    }

    /// True when nothing is left that keeps a bucket from being deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `self + other`, or `None` where a field would overflow or fall below zero. The sum is a counter, and a
    /// counter below zero is a bug of ours, never a state to store.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let (left, right) = (self.to_array(), other.to_array());
        let mut sum = [0; FIELD_COUNT];
        for (slot, (a, b)) in sum.iter_mut().zip(left.into_iter().zip(right)) {
            *slot = a.checked_add(b).filter(|value| *value >= 0)?;
        }
        Some(Self::from_array(sum))
    }

    /// `other - self`, field by field.
    #[must_use]
    pub fn difference_to(&self, other: &Self) -> Self {
        let (left, right) = (self.to_array(), other.to_array());
        let mut out = [0; FIELD_COUNT];
        for (slot, (a, b)) in out.iter_mut().zip(left.into_iter().zip(right)) {
            *slot = b.wrapping_sub(a);
        }
        Self::from_array(out)
    }

    /// `self + other`, field by field; for sums of differences, which [`Usage::checked_add`] refuses below zero.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (left, right) = (self.to_array(), other.to_array());
        let mut sum = [0; FIELD_COUNT];
        for (slot, (a, b)) in sum.iter_mut().zip(left.into_iter().zip(right)) {
            *slot = a.wrapping_add(b);
        }
        Self::from_array(sum)
    }

    /// Stored form: eight little-endian integers.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; USAGE_BYTES] {
        let mut bytes = [0; USAGE_BYTES];
        for (chunk, value) in bytes.chunks_exact_mut(8).zip(self.to_array()) {
            chunk.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads the stored form; `None` for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != USAGE_BYTES {
            return None;
        }
        let mut values = [0; FIELD_COUNT];
        for (value, chunk) in values.iter_mut().zip(bytes.chunks_exact(8)) {
            *value = i64::from_le_bytes(chunk.try_into().ok()?);
        }
        Some(Self::from_array(values))
    }

    fn to_array(self) -> [i64; FIELD_COUNT] {
        [
            self.current_bytes,
            self.current_objects,
            self.noncurrent_bytes,
            self.noncurrent_objects,
            self.part_bytes,
            self.parts,
            self.delete_markers,
            self.uploads,
        ]
    }

    fn from_array(values: [i64; FIELD_COUNT]) -> Self {
        let [
            current_bytes,
            current_objects,
            noncurrent_bytes,
            noncurrent_objects,
            part_bytes,
            parts,
            delete_markers,
            uploads,
        ] = values;
        Self {
            current_bytes,
            current_objects,
            noncurrent_bytes,
            noncurrent_objects,
            part_bytes,
            parts,
            delete_markers,
            uploads,
        }
    }
}

/// One thing that counters count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The current object of a key, of so many bytes.
    Current(u64),
    /// An older version that is an object, of so many bytes.
    Noncurrent(u64),
    /// A delete marker, newest or not.
    DeleteMarker,
    /// A part of an unfinished upload, of so many bytes.
    Part(u64),
    /// An unfinished upload.
    Upload,
}

/// What happens to what a bucket holds: the things that go for good or stop being what they were, and the things that
/// come. Whoever stores, frees or turns one thing into another says so with this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change(Usage);

impl Change {
    /// An object of `new` bytes appears under a key, in place of one of `old` bytes where there was one.
    #[must_use]
    pub fn put(old: Option<u64>, new: u64) -> Self {
        let comes = Self::default().comes(Held::Current(new));
        old.map_or(comes, |old| comes.gone(Held::Current(old)))
    }

    /// The object of `old` bytes goes for good.
    #[must_use]
    pub fn delete(old: u64) -> Self {
        Self::default().gone(Held::Current(old))
    }

    /// With this thing gone too.
    #[must_use]
    pub fn gone(self, held: Held) -> Self {
        Self(held.weight().difference_to(&self.0))
    }

    /// With this thing new too.
    #[must_use]
    pub fn comes(self, held: Held) -> Self {
        Self(self.0.plus(&held.weight()))
    }
}

impl Held {
    /// What it adds to the counters.
    fn weight(self) -> Usage {
        match self {
            Self::Current(bytes) => Usage { current_bytes: signed(bytes), current_objects: 1, ..Usage::default() },
            Self::Noncurrent(bytes) => {
                Usage { noncurrent_bytes: signed(bytes), noncurrent_objects: 1, ..Usage::default() }
            }
            Self::DeleteMarker => Usage { delete_markers: 1, ..Usage::default() },
            Self::Part(bytes) => Usage { part_bytes: signed(bytes), parts: 1, ..Usage::default() },
            Self::Upload => Usage { uploads: 1, ..Usage::default() },
        }
    }
}

/// The rules by which operations move the counters (`docs/ARCHITECTURE.md` has the table): every row that can change
/// bytes names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An object comes; what it replaces goes, or becomes an older version.
    Put,
    /// An object or version goes.
    Delete,
    /// A delete marker comes; the current object becomes an older version.
    DeleteMarker,
    /// An object grows at its end.
    Append,
    /// An object is overwritten from some position on, and grows where that is past its end.
    Modify,
    /// An object becomes as long as was asked.
    Truncate,
    /// An unfinished upload comes.
    Initiate,
    /// A part comes; the part of its number goes.
    Part,
    /// An upload and all its parts go; an object comes, as with a put.
    Complete,
    /// An upload and all its parts go.
    Abort,
    /// Nothing comes and nothing goes.
    Rename,
}

/// By how much `change` moves the counters: the one growth rule of the ledger.
#[must_use]
pub fn growth(change: Change) -> Usage {
    change.0
}

/// Object sizes stay far below 2^63 (`limits::OBJECT_PUT_BYTES_MAX`); saturating keeps the function total.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Limits of one counter. Zero is "no limit", as `?quota` documents it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, 0 for none.
    pub bytes: u64,
    /// Objects, 0 for none.
    pub objects: u64,
}

/// Whose counter a limit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A bucket: its `?quota`.
    Bucket,
    /// An account: its capacity.
    Account,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Bytes.
    Bytes,
    /// Objects.
    Objects,
}

/// A limit that was hit, told to the owner only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Whose limit.
    pub holder: Holder,
    /// Of what.
    pub measure: Measure,
    /// The limit.
    pub limit: u64,
    /// Usage before the refused change, reservations included.
    pub used: u64,
    /// What the change would have added.
    pub growth: u64,
}

impl Over {
    /// Which limit: `BucketBytes`, `BucketObjects`, `AccountBytes` or `AccountObjects`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.holder, self.measure) {
            (Holder::Bucket, Measure::Bytes) => "BucketBytes",
            (Holder::Bucket, Measure::Objects) => "BucketObjects",
            (Holder::Account, Measure::Bytes) => "AccountBytes",
            (Holder::Account, Measure::Objects) => "AccountObjects",
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: limit {}, used {}, requested {}", self.name(), self.limit, self.used, self.growth)
    }
}

/// Whether `growth` fits on top of `usage` and `reserved_bytes` under `limits`. Growth of zero or less always
/// passes, also above the limit; an exact fit passes.
pub fn check(holder: Holder, usage: &Usage, reserved_bytes: u64, growth: &Usage, limits: Limits) -> Result<(), Over> {
    let test = |measure, limit: u64, used: i64, reserved: u64, growth: i64| {
        let (Ok(growth), true) = (u64::try_from(growth), limit > 0) else { return Ok(()) };
        let used = u64::try_from(used).unwrap_or(0).saturating_add(reserved);
        let fits = growth == 0 || used.checked_add(growth).is_some_and(|sum| sum <= limit);
        if fits { Ok(()) } else { Err(Over { holder, measure, limit, used, growth }) }
    };
    test(Measure::Bytes, limits.bytes, usage.used_bytes(), reserved_bytes, growth.used_bytes())?;
    test(Measure::Objects, limits.objects, usage.used_objects(), 0, growth.used_objects())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(bytes: i64) -> Usage {
        Usage { current_bytes: bytes, current_objects: 1, ..Usage::default() }
    }

    fn put(old: Option<u64>, new: u64) -> Usage {
        growth(Change::put(old, new))
    }

    fn passes(usage: Usage, reserved: u64, growth: &Usage, bytes: u64) -> bool {
        check(Holder::Bucket, &usage, reserved, growth, Limits { bytes, objects: 0 }).is_ok()
    }

    #[test]
    fn growth_follows_the_table() {
        assert_eq!(put(None, 5), Usage { current_bytes: 5, current_objects: 1, ..Usage::default() });
        assert_eq!(put(Some(7), 5), Usage { current_bytes: -2, ..Usage::default() });
        assert_eq!(growth(Change::delete(7)), Usage { current_bytes: -7, current_objects: -1, ..Usage::default() });
    }

    #[test]
    fn a_change_is_what_comes_less_what_goes() {
        let completed = Change::default()
            .gone(Held::Upload)
            .gone(Held::Part(3))
            .gone(Held::Part(4))
            .gone(Held::Current(5))
            .comes(Held::Noncurrent(5))
            .comes(Held::Current(7));
        let expected = Usage {
            current_bytes: 2,
            noncurrent_bytes: 5,
            noncurrent_objects: 1,
            part_bytes: -7,
            parts: -2,
            uploads: -1,
            ..Usage::default()
        };
        assert_eq!(growth(completed), expected);
        assert_eq!(growth(Change::default().comes(Held::DeleteMarker).gone(Held::DeleteMarker)), Usage::default());
    }

    #[test]
    fn an_exact_fit_passes_and_one_byte_more_does_not() {
        assert!(passes(used(90), 0, &put(None, 10), 100));
        assert!(!passes(used(90), 0, &put(None, 11), 100));
        assert!(!passes(used(80), 10, &put(None, 11), 100));
    }

    #[test]
    fn no_growth_passes_even_above_the_limit() {
        assert!(passes(used(200), 0, &put(Some(10), 10), 100));
        assert!(passes(used(200), 0, &put(None, 0), 100));
        assert!(passes(used(200), 0, &growth(Change::delete(10)), 100));
        assert!(!passes(used(200), 0, &put(Some(10), 11), 100));
    }

    #[test]
    fn zero_is_no_limit_and_the_largest_limit_holds() {
        assert!(passes(used(i64::MAX - 10), 0, &put(None, 10), 0));
        assert!(passes(used(0), 0, &put(None, 10), u64::MAX >> 1));
    }

    #[test]
    fn object_limits_count_objects() {
        let limits = Limits { bytes: 0, objects: 1 };
        assert!(check(Holder::Bucket, &Usage::default(), 0, &put(None, 1), limits).is_ok());
        let over = check(Holder::Bucket, &used(1), 0, &put(None, 1), limits).unwrap_err();
        assert_eq!((over.measure, over.limit, over.used, over.growth), (Measure::Objects, 1, 1, 1));
    }

    #[test]
    fn counters_never_fall_below_zero() {
        assert_eq!(used(5).checked_add(&growth(Change::delete(6))), None);
        assert_eq!(used(5).checked_add(&growth(Change::delete(5))), Some(Usage::default()));
    }

    #[test]
    fn the_stored_form_reads_back() {
        let usage = Usage { current_bytes: 1, parts: 3, uploads: i64::MAX, ..Usage::default() };
        assert_eq!(Usage::from_bytes(&usage.to_bytes()), Some(usage));
        assert_eq!(Usage::from_bytes(&[0; 63]), None);
    }
}

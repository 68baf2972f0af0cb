//! Versions of a key: identity, delete markers, and the rows of those that are not current. The current object of a
//! key has its row in `Objects` and nothing here; a delete marker lies here even while it is the newest, so that
//! listings of current objects never meet one.

use std::fmt;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::engine::{Family, Step};
use super::object::Object;
use super::record::Record;
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::name::{AccountId, ObjectKey};

/// Which version of its key something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Grows with every version of a key: microseconds of Unix time, or more where two meet. 0 for objects of buckets
    /// without versioning, which have no older ones.
    pub order: u64,
    /// What makes the id hard to guess; `None` is the `null` version.
    pub salt: Option<u64>,
}

impl Version {
    /// A version after `newest`, the order of the newest there is.
    pub(super) fn after(newest: u64, now: UnixMillis, is_null: bool) -> Self {
        let order = now.saturating_mul(1000).max(newest.saturating_add(1));
        Self { order, salt: (!is_null).then(rand::random) }
    }

    /// What clients call it.
    #[must_use]
    pub fn id(self) -> VersionId {
        match self.salt {
            None => VersionId::Null,
            Some(salt) => VersionId::Exact { order: self.order, salt },
        }
    }

    /// Whether it is the `null` version.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.salt.is_none()
    }
}

/// A version id on the wire: `null`, or 32 upper-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionId {
    /// The version that has no id.
    Null,
    /// Any other.
    Exact {
        /// See [`Version::order`].
        order: u64,
        /// See [`Version::salt`].
        salt: u64,
    },
}

impl VersionId {
    /// Reads an id; `None` for what no version was ever called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Null);
        }
        let is_id = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        let (order, salt) = is_id.then(|| text.split_at(16))?;
        Some(Self::Exact { order: u64::from_str_radix(order, 16).ok()?, salt: u64::from_str_radix(salt, 16).ok()? })
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Exact { order, salt } => write!(f, "{order:016X}{salt:016X}"),
        }
    }
}

/// A version that says: deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteMarker {
    /// Which version.
    pub version: Version,
    /// When it was put.
    pub modified_millis: UnixMillis,
    /// Who put it; [`AccountId::NOBODY`] without a signature.
    pub owner: AccountId,
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept {
    /// An object.
    Object(Box<Object>),
    /// A delete marker.
    Marker(DeleteMarker),
}

impl Record for Kept {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a version";
}

impl Kept {
    /// Which version it is.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::Object(object) => object.version,
            Self::Marker(marker) => marker.version,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> AccountId {
        match self {
            Self::Object(object) => object.owner,
            Self::Marker(marker) => marker.owner,
        }
    }
}

impl Tx<'_> {
    /// One version of a key, current or not.
    pub fn version(&mut self, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<Option<Kept>> {
        let current = self.object(bucket, key)?;
        match current.filter(|object| object.version.id() == id) {
            Some(object) => Ok(Some(Kept::Object(Box::new(object)))),
            None => self.kept(bucket, key, id),
        }
    }

    /// A version that is not the current object.
    pub(super) fn kept(&mut self, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<Option<Kept>> {
        let order = match id {
            VersionId::Exact { order, .. } => order,
            VersionId::Null => match self.null_order(bucket, key)? {
                Some(order) => order,
                None => return Ok(None),
            },
        };
        let kept: Option<Kept> = self.get_record(Family::Versions, keys::version(bucket, key.as_str(), order))?;
        Ok(kept.filter(|kept| kept.version().id() == id))
    }

    /// The order of the `null` version where it is not the current object.
    pub(super) fn null_order(&mut self, bucket: BucketId, key: &ObjectKey) -> Result<Option<u64>> {
        let stored = self.get(Family::Versions, keys::null_version(bucket, key.as_str()))?;
        let order = stored.map(|bytes| bytes.as_slice().try_into().map(u64::from_be_bytes)).transpose();
        order.map_err(|_| Error::Corrupt("the order of a null version is not a number".to_owned()))
    }

    /// The newest version of a key older than `before` that is not the current object; the commit relies on it.
    pub(super) fn newest_kept(
        &mut self,
        bucket: BucketId,
        key: &ObjectKey,
        before: Option<u64>,
    ) -> Result<Option<Kept>> {
        let prefix = keys::versions_of(bucket, key.as_str());
        let from = before.map(|order| keys::version(bucket, key.as_str(), order));
        let from = from.as_deref().map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
        let mut found = None;
        self.scan(Family::Versions, from, keys::prefix_end(&prefix).as_deref(), &mut |row, _| {
            found = Some(row.to_vec());
            Ok(Step::Stop)
        })?;
        match found {
            Some(row) => self.get_record(Family::Versions, row),
            None => Ok(None),
        }
    }

    /// The delete marker that is the newest version of a key without a current object.
    pub fn marker(&mut self, bucket: BucketId, key: &ObjectKey) -> Result<Option<DeleteMarker>> {
        match self.newest_kept(bucket, key, None)? {
            Some(Kept::Marker(marker)) => Ok(Some(marker)),
            Some(Kept::Object(_)) => {
                Err(Error::Corrupt(format!("the newest version of {key} is not its current object")))
            }
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER};
    use super::*;

    #[test]
    fn stored_markers_are_read_for_ever() {
        let marker =
            DeleteMarker { version: Version { order: 5, salt: Some(u64::MAX) }, modified_millis: NOW, owner: OWNER };
        check_stored(
            "01010501ffffffffffffffffff01cae29fbde429ef9bafcdf8acd19181a0c8a1e58ea6dddcfd03",
            &Kept::Marker(marker),
        );
    }

    #[test]
    fn ids_are_null_or_32_upper_case_digits() {
        let id = VersionId::Exact { order: 0x0005_1964_BFE0_1234, salt: 0xFFFD_2873_9D41_9DA0 };
        assert_eq!(id.to_string(), "00051964BFE01234FFFD28739D419DA0");
        assert_eq!(VersionId::parse("null"), Some(VersionId::Null));
        for bad in ["", "NULL", "0", "00051964bfe01234FFFD28739D419DA0", "+0051964BFE01234FFFD28739D419DA0"] {
            assert_eq!(VersionId::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_read_back(order: u64, salt: u64) {
            let id = Version { order, salt: Some(salt) }.id();
            prop_assert_eq!(VersionId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn a_new_version_comes_after_all_others(newest in 0..u64::MAX - 1, now in 0..u64::from(u32::MAX), is_null: bool) {
            let version = Version::after(newest, now, is_null);
            prop_assert!(version.order > newest && version.order >= now * 1000);
            prop_assert_eq!(version.is_null(), is_null);
        }
    }
}

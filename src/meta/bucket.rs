//! Buckets: record, index of owners, creation and deletion.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Charge, Family, Step};
use super::record::Record;
use super::setting::Settings;
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::acl::Acl;
use crate::clock::UnixMillis;
use crate::level::Percents;
use crate::name::{AccountId, BucketName};
use crate::quota::{Holder, Limits, Usage};
use crate::storage_class::StorageClass;

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Identity; never used again.
    pub id: BucketId,
    /// Name, unique over all accounts.
    pub name: BucketName,
    /// The account it belongs to.
    pub owner: AccountId,
    /// When it was made.
    pub created_millis: UnixMillis,
    /// Where it is.
    pub region: String,
    /// `?quota` in bytes; 0 is no limit.
    pub quota_bytes: u64,
    /// Objects it may have, versions included; 0 is no limit. An extension of ours.
    pub object_limit: u64,
    /// Percents of its limits whose crossing is an event.
    pub soft_percents: Percents,
    /// Whether old versions are kept.
    pub versioning: Versioning,
    /// Class of objects that name none.
    pub storage_class: StorageClass,
    /// A parallel file system: objects are changed in place, and there are no versions.
    pub is_file_system: bool,
    /// Whoever is not its owner says in each request that they pay for it.
    pub requester_pays: bool,
    /// Versions may be protected; then versioning is on for good.
    pub has_object_lock: bool,
    /// Grants; `None` is private.
    pub acl: Option<Box<Acl>>,
    /// Which settings lie beside it.
    pub settings: Settings,
}

/// Whether a bucket keeps old versions (OBS reference, "Configuring Versioning for a Bucket"). Once on, never off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never set.
    #[default]
    Off,
    /// `Enabled`.
    Enabled,
    /// `Suspended`: what is there stays, new objects are the `null` version.
    Suspended,
}

impl Record for Bucket {
    const FORMAT: u8 = 3;
    const KIND: &'static str = "a bucket";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        match format {
            1 => Some(postcard::from_bytes::<BucketV1>(bytes).map(Self::from)),
            2 => Some(postcard::from_bytes::<BucketV2>(bytes).map(Self::from)),
            _ => None,
        }
    }
}

/// Format 2: without versioning, classes, lists and settings.
#[derive(Deserialize)]
struct BucketV2 {
    id: BucketId,
    name: BucketName,
    owner: AccountId,
    created_millis: UnixMillis,
    region: String,
    quota_bytes: u64,
    object_limit: u64,
    soft_percents: Percents,
}

impl From<BucketV2> for Bucket {
    fn from(old: BucketV2) -> Self {
        let BucketV2 { id, name, owner, created_millis, region, quota_bytes, object_limit, soft_percents } = old;
        Self {
            object_limit,
            soft_percents,
            ..Self::from(BucketV1 { id, name, owner, created_millis, region, quota_bytes })
        }
    }
}

/// Format 1: without an object limit and soft limits.
#[derive(Deserialize)]
struct BucketV1 {
    id: BucketId,
    name: BucketName,
    owner: AccountId,
    created_millis: UnixMillis,
    region: String,
    quota_bytes: u64,
}

impl From<BucketV1> for Bucket {
    fn from(old: BucketV1) -> Self {
        Self {
            id: old.id,
            name: old.name,
            owner: old.owner,
            created_millis: old.created_millis,
            region: old.region,
            quota_bytes: old.quota_bytes,
            object_limit: 0,
            soft_percents: Percents::default(),
            versioning: Versioning::Off,
            storage_class: StorageClass::Standard,
            is_file_system: false,
            requester_pays: false,
            has_object_lock: false,
            acl: None,
            settings: Settings::default(),
        }
    }
}

impl Bucket {
    /// What a commit into this bucket is tested against.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { bytes: self.quota_bytes, objects: self.object_limit }
    }
}

/// What a new bucket is made of.
#[derive(Clone, Debug)]
pub struct NewBucket {
    /// Name.
    pub name: BucketName,
    /// Owner.
    pub owner: AccountId,
    /// Region.
    pub region: String,
    /// Whether old versions are kept from the start.
    pub versioning: Versioning,
    /// Class of objects that name none.
    pub storage_class: StorageClass,
    /// Whether it is a parallel file system.
    pub is_file_system: bool,
    /// Whether versions may be protected.
    pub has_object_lock: bool,
    /// Grants; `None` is private.
    pub acl: Option<Box<Acl>>,
}

impl NewBucket {
    /// A private bucket without anything special.
    #[must_use]
    pub fn new(name: BucketName, owner: AccountId, region: String) -> Self {
        Self {
            name,
            owner,
            region,
            versioning: Versioning::Off,
            storage_class: StorageClass::Standard,
            is_file_system: false,
            has_object_lock: false,
            acl: None,
        }
    }
}

impl Tx<'_> {
    /// A bucket by name.
    pub fn bucket(&mut self, name: &BucketName) -> Result<Option<Bucket>> {
        self.get_record(Family::Buckets, keys::bucket(name))
    }

    /// The buckets of an account, by name.
    pub fn buckets_of(&mut self, owner: AccountId) -> Result<Vec<Bucket>> {
        let prefix = keys::owned_buckets(owner);
        let mut names = Vec::new();
        self.scan(Family::Buckets, Bound::Included(&prefix), keys::prefix_end(&prefix).as_deref(), &mut |row, _| {
            names.push(String::from_utf8_lossy(&row[prefix.len()..]).into_owned());
            Ok(Step::Next)
        })?;
        let mut buckets = Vec::with_capacity(names.len());
        for name in names {
            let name = BucketName::parse(&name).map_err(|error| Error::Corrupt(error.to_string()))?;
            // A bucket that went between the two reads is simply not listed.
            buckets.extend(self.bucket(&name)?);
        }
        Ok(buckets)
    }

    /// All buckets, by name.
    pub fn buckets(&mut self) -> Result<Vec<Bucket>> {
        let (from, to) = keys::tag_range(b'b');
        let mut buckets = Vec::new();
        self.scan(Family::Buckets, Bound::Included(&from), Some(&to), &mut |_, value| {
            buckets.push(Bucket::decode(value)?);
            Ok(Step::Next)
        })?;
        Ok(buckets)
    }

    /// How many buckets an account has. A transaction that relies on the number conflicts with any that changes it.
    pub fn bucket_count(&mut self, owner: AccountId) -> Result<u64> {
        let count = self.get(Family::Buckets, keys::bucket_count(owner))?;
        count.map_or(Ok(0), |bytes| {
            let bytes = bytes.as_slice().try_into();
            bytes.map(u64::from_be_bytes).map_err(|_| Error::Corrupt("a bucket count is not a number".to_owned()))
        })
    }

    /// Makes a bucket. The caller has seen in this transaction that the name is free.
    pub fn create_bucket(&mut self, new: &NewBucket, now: UnixMillis) -> Result<Bucket> {
        let id = loop {
            let id = BucketId(rand::random());
            // The row is read, so the commit relies on its absence; id `u64::MAX` has no row after it.
            if self.get(Family::Buckets, keys::bucket_id(id))?.is_none() && id.0 != u64::MAX {
                break id;
            }
        };
        let bucket = Bucket {
            id,
            name: new.name.clone(),
            owner: new.owner,
            created_millis: now,
            region: new.region.clone(),
            quota_bytes: 0,
            object_limit: 0,
            soft_percents: Percents::default(),
            versioning: new.versioning,
            storage_class: new.storage_class,
            is_file_system: new.is_file_system,
            requester_pays: false,
            has_object_lock: new.has_object_lock,
            acl: new.acl.clone(),
            settings: Settings::default(),
        };
        let count = self.bucket_count(new.owner)? + 1;
        self.put_bucket_count(new.owner, count);
        self.put(Family::Buckets, keys::bucket_id(id), Bytes::copy_from_slice(new.name.as_str().as_bytes()));
        self.put(Family::Buckets, keys::owned_bucket(new.owner, new.name.as_str()), Bytes::new());
        self.put_bucket(&bucket)?;
        Ok(bucket)
    }

    /// Writes a changed bucket. What it holds is compared with its soft limits, for they may be what has changed.
    pub fn put_bucket(&mut self, bucket: &Bucket) -> Result<()> {
        self.compare_bucket(bucket);
        self.put(Family::Buckets, keys::bucket(&bucket.name), bucket.encode()?.into());
        Ok(())
    }

    /// Removes a bucket; [`Error::NotEmpty`] while its counter shows anything at all.
    pub fn delete_bucket(&mut self, bucket: &Bucket) -> Result<()> {
        if self.bucket_usage(bucket.id)?.is_empty() { self.remove_bucket(bucket) } else { Err(Error::NotEmpty) }
    }

    /// Removes a bucket that this transaction saw, or leaves, with nothing in it. The commit tests its counter, so there is
    /// neither a scan nor a race with a last upload.
    pub(super) fn remove_bucket(&mut self, bucket: &Bucket) -> Result<()> {
        let count = self.bucket_count(bucket.owner)?.saturating_sub(1);
        self.put_bucket_count(bucket.owner, count);
        self.delete(Family::Buckets, keys::bucket(&bucket.name));
        self.delete(Family::Buckets, keys::bucket_id(bucket.id));
        self.delete(Family::Buckets, keys::owned_bucket(bucket.owner, bucket.name.as_str()));
        self.delete_settings(bucket);
        self.charge(Charge {
            counter: keys::bucket_counter(bucket.id),
            holder: Holder::Bucket,
            growth: Usage::default(),
            limits: Limits::default(),
            close: true,
            watch: None,
        });
        Ok(())
    }

    /// What a bucket holds.
    pub fn bucket_usage(&mut self, id: BucketId) -> Result<Usage> {
        self.usage(&keys::bucket_counter(id))
    }

    /// What an account's buckets hold together.
    pub fn account_usage(&mut self, id: AccountId) -> Result<Usage> {
        self.usage(&keys::account_counter(id))
    }

    /// Bytes that uploads under way hold in a bucket.
    #[must_use]
    pub fn bucket_reserved_bytes(&self, id: BucketId) -> u64 {
        self.reserved_bytes(&keys::bucket_counter(id))
    }

    /// Bytes that uploads under way hold in an account.
    #[must_use]
    pub fn account_reserved_bytes(&self, id: AccountId) -> u64 {
        self.reserved_bytes(&keys::account_counter(id))
    }

    fn put_bucket_count(&mut self, owner: AccountId, count: u64) {
        self.put(Family::Buckets, keys::bucket_count(owner), Bytes::copy_from_slice(&count.to_be_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, bucket, inline, key, name, put, store};
    use super::*;
    use crate::acl::{Grant, Grantee, Permission};

    const OTHER: AccountId = AccountId(1);

    fn stored_bucket() -> Bucket {
        Bucket {
            id: BucketId(0x0123_4567_89ab_cdef),
            name: name("photos"),
            owner: OWNER,
            created_millis: NOW,
            region: "default".to_owned(),
            quota_bytes: i64::MAX as u64,
            object_limit: 0,
            soft_percents: Percents::default(),
            versioning: Versioning::Off,
            storage_class: StorageClass::Standard,
            is_file_system: false,
            requester_pays: false,
            has_object_lock: false,
            acl: None,
            settings: Settings::default(),
        }
    }

    #[test]
    fn stored_buckets_are_read_for_ever() {
        let format_2 = "02ef9bafcdf8acd191010670686f746f73ef9bafcdf8acd19181a0c8a1e58ea6dddcfd03cae29fbde4290764656661756c74\
             ffffffffffffffff7f0902325a";
        let limited =
            Bucket { object_limit: 9, soft_percents: Percents::parse(vec![50, 90]).unwrap(), ..stored_bucket() };
        check_stored(format_2, &limited);
        let grant = Grant { grantee: Grantee::Everyone, permission: Permission::ReadAcp, delivered: true };
        let acl = Acl { grants: vec![grant], takes_delivered: true };
        let full = Bucket {
            versioning: Versioning::Suspended,
            storage_class: StorageClass::DeepArchive,
            is_file_system: true,
            requester_pays: true,
            has_object_lock: true,
            acl: Some(Box::new(acl)),
            ..limited
        };
        check_stored(
            "03ef9bafcdf8acd191010670686f746f73ef9bafcdf8acd19181a0c8a1e58ea6dddcfd03cae29fbde429076465666175\
             6c74ffffffffffffffff7f0902325a020301010101010102010100",
            &full,
        );
        let format_1 = "01ef9bafcdf8acd191010670686f746f73ef9bafcdf8acd19181a0c8a1e58ea6dddcfd03cae29fbde4290764656661756c\
                        74ffffffffffffffff7f";
        check_stored(format_1, &stored_bucket());
    }

    #[tokio::test]
    async fn a_bucket_made_again_is_another_bucket() {
        let store = store();
        let old = bucket(&store, OWNER, "photos", 0).await;
        put(&store, &old, "k", &inline(5)).await.unwrap();
        let refused = store.write(|tx| tx.delete_bucket(&old)).await;
        assert!(matches!(refused, Err(Error::NotEmpty)));
        assert!(store.read(|tx| tx.bucket(&old.name)).await.unwrap().is_some(), "a refused deletion changes nothing");
        let emptied = store.write(|tx| {
            let slot = tx.slot(&old, &key("k"))?;
            tx.delete_object(slot, OWNER, NOW)
        });
        emptied.await.unwrap();
        store.write(|tx| tx.delete_bucket(&old)).await.unwrap();
        assert_eq!(store.read(|tx| tx.bucket(&old.name)).await.unwrap(), None);

        let new = bucket(&store, OWNER, "photos", 0).await;
        assert_ne!(new.id, old.id);
        put(&store, &new, "k", &inline(3)).await.unwrap();
        let seen = store.read(|tx| Ok::<_, Error>((tx.bucket_usage(new.id)?, tx.bucket_usage(old.id)?))).await.unwrap();
        assert_eq!((seen.0.used_bytes(), seen.1.is_empty()), (3, true));
    }

    #[tokio::test]
    async fn buckets_are_listed_and_counted_by_owner() {
        let store = store();
        for (owner, called) in [(OWNER, "bbb"), (OTHER, "abc"), (OWNER, "aaa"), (AccountId(OWNER.0 + 1), "ccc")] {
            bucket(&store, owner, called, 0).await;
        }
        let names = |buckets: Vec<Bucket>| buckets.into_iter().map(|it| it.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(store.read(|tx| tx.buckets_of(OWNER)).await.unwrap()), ["aaa", "bbb"]);
        let all = store.read(|tx| Ok::<_, Error>(names(tx.buckets()?))).await.unwrap();
        assert_eq!(all, ["aaa", "abc", "bbb", "ccc"]);
        assert_eq!(store.read(|tx| tx.bucket_count(OWNER)).await.unwrap(), 2);
        let first = store.read(|tx| tx.buckets_of(OWNER)).await.unwrap().remove(0);
        store.write(|tx| tx.delete_bucket(&first)).await.unwrap();
        assert_eq!(names(store.read(|tx| tx.buckets_of(OWNER)).await.unwrap()), ["bbb"]);
        assert_eq!(store.read(|tx| tx.bucket_count(OWNER)).await.unwrap(), 1);
        assert_eq!(store.read(|tx| tx.bucket_count(OTHER)).await.unwrap(), 1);
    }

    /// An upload was admitted to a bucket that is gone when it commits.
    #[tokio::test]
    async fn a_last_upload_and_the_deletion_exclude_each_other() {
        let store = store();
        let doomed = bucket(&store, OWNER, "photos", 0).await;
        let (object, stored) = inline(5);
        let mut runs = 0;
        let written = store.write(|tx| {
            runs += 1;
            let Some(bucket) = tx.bucket(&doomed.name)? else { return Ok::<_, Error>(false) };
            if runs == 1 {
                futures_util::FutureExt::now_or_never(store.write(|tx| tx.delete_bucket(&doomed))).unwrap()?;
            }
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.put_object(slot, &object, &stored).map(|_| true)
        });
        assert!(!written.await.unwrap());
        assert_eq!(runs, 2);
        assert!(store.read(|tx| tx.account_usage(OWNER)).await.unwrap().is_empty());
    }
}

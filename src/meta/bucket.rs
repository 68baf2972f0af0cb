//! Buckets: record, index of owners, creation and deletion.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Charge, Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::level::Percents;
use crate::name::{AccountId, BucketName};
use crate::quota::{Holder, Limits, Usage};

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
}

impl Record for Bucket {
    const FORMAT: u8 = 2;
    const KIND: &'static str = "a bucket";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (format == 1).then(|| postcard::from_bytes::<BucketV1>(bytes).map(Self::from))
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

    /// Removes a bucket. The commit is refused with [`Error::NotEmpty`] while its counter shows anything at all, so
    /// there is neither a scan nor a race with a last upload.
    pub fn delete_bucket(&mut self, bucket: &Bucket) -> Result<()> {
        let count = self.bucket_count(bucket.owner)?.saturating_sub(1);
        self.put_bucket_count(bucket.owner, count);
        self.delete(Family::Buckets, keys::bucket(&bucket.name));
        self.delete(Family::Buckets, keys::bucket_id(bucket.id));
        self.delete(Family::Buckets, keys::owned_bucket(bucket.owner, bucket.name.as_str()));
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

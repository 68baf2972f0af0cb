//! Buckets: record, index of owners, creation and deletion.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Charge, Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
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
}

impl Record for Bucket {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a bucket";
}

impl Bucket {
    /// What a commit into this bucket is tested against.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { bytes: self.quota_bytes, objects: 0 }
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
        };
        let count = self.bucket_count(new.owner)? + 1;
        self.put_bucket_count(new.owner, count);
        self.put(Family::Buckets, keys::bucket_id(id), Bytes::copy_from_slice(new.name.as_str().as_bytes()));
        self.put(Family::Buckets, keys::owned_bucket(new.owner, new.name.as_str()), Bytes::new());
        self.put_bucket(&bucket)?;
        Ok(bucket)
    }

    /// Writes a changed bucket.
    pub fn put_bucket(&mut self, bucket: &Bucket) -> Result<()> {
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

    fn put_bucket_count(&mut self, owner: AccountId, count: u64) {
        self.put(Family::Buckets, keys::bucket_count(owner), Bytes::copy_from_slice(&count.to_be_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, bucket, inline, key, name, put, store};
    use super::*;

    const OTHER: AccountId = AccountId(1);

    #[test]
    fn stored_buckets_are_read_for_ever() {
        check_stored(
            "01ef9bafcdf8acd191010670686f746f73ef9bafcdf8acd19181a0c8a1e58ea6dddcfd03cae29fbde4290764656661756c74\
             ffffffffffffffff7f",
            &Bucket {
                id: BucketId(0x0123_4567_89ab_cdef),
                name: name("photos"),
                owner: OWNER,
                created_millis: NOW,
                region: "default".to_owned(),
                quota_bytes: i64::MAX as u64,
            },
        );
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
            tx.delete_object(slot, NOW)
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
            tx.put_object(slot, &object, &stored).map(|()| true)
        });
        assert!(!written.await.unwrap());
        assert_eq!(runs, 2);
        assert!(store.read(|tx| tx.account_usage(OWNER)).await.unwrap().is_empty());
    }
}

//! When objects go: a row for each current object that a client gave a number of days, by the time at which they are
//! over. Written in the commit of the object itself, so that neither is ever without the other. An older version has no
//! row: it stays until it is deleted, or is the current object again.

use std::ops::Bound;

use bytes::Bytes;

use super::engine::{Family, Step};
use super::object::Object;
use super::record::Record;
use super::slot::Slot;
use super::store::Tx;
use super::{BucketId, Result, keys};
use crate::clock::UnixMillis;
use crate::name::{BucketName, ObjectKey};

/// An object whose days may be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    row: Vec<u8>,
    millis: UnixMillis,
    bucket: BucketId,
    order: u64,
    key: ObjectKey,
}

impl Tx<'_> {
    /// Writes the current object of a key, and when it goes. All writes of a current object go through here or
    /// [`Tx::delete_current`].
    pub(super) fn put_current(&mut self, slot: &Slot<'_>, object: &Object) -> Result<()> {
        self.reschedule(slot, Some(object));
        self.put(Family::Objects, slot.row.clone(), object.encode()?.into());
        Ok(())
    }

    /// Removes the row of a key's current object, and of when it would go.
    pub(super) fn delete_current(&mut self, slot: &Slot<'_>) {
        self.reschedule(slot, None);
        self.delete(Family::Objects, slot.row.clone());
    }

    fn reschedule(&mut self, slot: &Slot<'_>, next: Option<&Object>) {
        let row = |object: &Object| {
            let millis = object.due_millis()?;
            Some(keys::expiry(millis, slot.bucket.id, object.version.order, slot.key.as_str()))
        };
        let (old, new) = (slot.current.as_ref().and_then(row), next.and_then(row));
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.delete(Family::Expiries, old);
        }
        if let Some(new) = new {
            self.put(Family::Expiries, new, Bytes::new());
        }
    }

    /// The first objects, at most `count_max`, whose days are over at `now`, the longest over first; after `after` in
    /// this order.
    pub fn expired(&mut self, now: UnixMillis, after: Option<&Expiring>, count_max: usize) -> Result<Vec<Expiring>> {
        let mut found = Vec::new();
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.row.as_slice()));
        let to = keys::expiries_end(now);
        self.scan(Family::Expiries, from, to.as_deref(), &mut |row, _| {
            // A row that is none is for `fsck` to show.
            if let Some((millis, bucket, order, key)) = keys::parts_of_expiry(row)
                && let Ok(key) = ObjectKey::parse(key)
            {
                found.push(Expiring { row: row.to_vec(), millis, bucket, order, key });
            }
            Ok(if found.len() < count_max { Step::Next } else { Step::Stop })
        })?;
        Ok(found)
    }

    /// Deletes an object whose days are over as its bucket's owner would, by a delete marker where versions are kept;
    /// whether it was still there.
    pub fn expire(&mut self, expiring: &Expiring, now: UnixMillis) -> Result<bool> {
        let name = self.get(Family::Buckets, keys::bucket_id(expiring.bucket))?;
        let name = name.and_then(|name| BucketName::parse(std::str::from_utf8(&name).ok()?).ok());
        let bucket = match name {
            Some(name) => self.bucket(&name)?,
            None => None,
        };
        if let Some(bucket) = bucket.filter(|bucket| bucket.id == expiring.bucket) {
            let slot = self.slot(&bucket, &expiring.key)?;
            let is_it = |object: &Object| {
                object.version.order == expiring.order && object.due_millis() == Some(expiring.millis)
            };
            if slot.current().is_some_and(is_it) && expiring.millis <= now {
                self.delete_object(slot, bucket.owner, now)?;
                return Ok(true);
            }
        }
        // Whatever replaced the object took its row away, too: then this deletes what is gone.
        self.delete(Family::Expiries, expiring.row.clone());
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::{Bucket, Versioning};
    use super::super::testing::{NOW, OWNER, bucket, inline, key, put, store};
    use super::super::{Store, verify};
    use super::*;
    use crate::attributes::Attributes;

    const DAY: u64 = 24 * 60 * 60 * 1000;

    async fn put_with_days(store: &Store, bucket: &Bucket, called: &str, days: Option<u32>) {
        let (mut object, stored) = inline(5);
        object.attributes = Attributes { expires_days: days, ..Attributes::default() }.boxed();
        put(store, bucket, called, &(object, stored)).await.unwrap();
    }

    async fn expired(store: &Store, now: UnixMillis) -> Vec<Expiring> {
        store.read(|tx| tx.expired(now, None, 100)).await.unwrap()
    }

    fn assert_sound(store: &Store) {
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
    }

    #[tokio::test]
    async fn an_object_goes_once_and_when_its_days_are_over() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        put_with_days(&store, &bucket, "two", Some(2)).await;
        put_with_days(&store, &bucket, "one", Some(1)).await;
        put_with_days(&store, &bucket, "never", None).await;
        // The end of the day on which they are over.
        let midnight = NOW - NOW % DAY;
        let (one, two) = (midnight + 2 * DAY, midnight + 3 * DAY);
        assert_eq!(expired(&store, one - 1).await, []);
        assert_eq!(expired(&store, one).await.len(), 1);
        let both = expired(&store, two).await;
        assert_eq!(both.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(store.read(|tx| tx.expired(two, Some(&both[0]), 100)).await.unwrap(), both[1..]);
        assert_eq!(store.read(|tx| tx.expired(two, None, 1)).await.unwrap(), both[..1]);
        for is_there in [true, false] {
            assert_eq!(store.write(|tx| tx.expire(&both[0], one)).await.unwrap(), is_there);
        }
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_objects(), usage.used_bytes()), (2, 10));
        assert_sound(&store);
    }

    #[tokio::test]
    async fn what_replaces_an_object_has_days_of_its_own() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        put_with_days(&store, &bucket, "k", Some(1)).await;
        let due = expired(&store, NOW + 9 * DAY).await;
        put_with_days(&store, &bucket, "k", None).await;
        assert_eq!(expired(&store, NOW + 9 * DAY).await, []);
        assert!(!store.write(|tx| tx.expire(&due[0], NOW + 9 * DAY)).await.unwrap());
        assert!(store.read(|tx| tx.object(bucket.id, &key("k"))).await.unwrap().is_some());
        assert_sound(&store);
    }

    #[tokio::test]
    async fn where_versions_are_kept_it_becomes_an_older_one() {
        let store = store();
        let made = bucket(&store, OWNER, "photos", 0).await;
        let bucket = Bucket { versioning: Versioning::Enabled, ..made };
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        put_with_days(&store, &bucket, "k", Some(1)).await;
        put_with_days(&store, &bucket, "k", Some(2)).await;
        let due = expired(&store, NOW + 9 * DAY).await;
        assert_eq!(due.len(), 1, "only the current one");
        assert!(store.write(|tx| tx.expire(&due[0], NOW + 9 * DAY)).await.unwrap());
        assert_eq!(expired(&store, NOW + 9 * DAY).await, []);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_objects(), usage.delete_markers), (2, 1));
        // Without its marker it is the current object again, and goes again.
        let marker = store.read(|tx| tx.marker(bucket.id, &key("k"))).await.unwrap().expect("it was marked");
        let unmark = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.delete_version(slot, marker.version.id(), NOW)
        });
        unmark.await.unwrap();
        assert_eq!(expired(&store, NOW + 9 * DAY).await, due);
        assert_sound(&store);
    }

    #[tokio::test]
    async fn verification_holds_the_rows_against_the_objects() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        put_with_days(&store, &bucket, "k", Some(1)).await;
        let row = expired(&store, NOW + 9 * DAY).await[0].row.clone();
        let findings = || verify(store.engine(), &mut |_| None).unwrap().differences;
        let stray = keys::expiry(1, bucket.id, 0, "other");
        let add = |tx: &mut Tx<'_>| {
            tx.put(Family::Expiries, stray.clone(), Bytes::new());
            Ok::<_, super::super::Error>(())
        };
        store.write(add).await.unwrap();
        assert_eq!(findings().len(), 1);
        let swap = |tx: &mut Tx<'_>| {
            tx.delete(Family::Expiries, stray.clone());
            tx.delete(Family::Expiries, row.clone());
            Ok::<_, super::super::Error>(())
        };
        store.write(swap).await.unwrap();
        assert_eq!(findings().len(), 1);
    }
}

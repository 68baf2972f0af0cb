//! The slot through which every change of a key goes, so that growth is always computed from what the commit really
//! replaces, and so that the order of a key's versions is decided by one row: whoever changes any version of a key
//! relies on the row of its current object and writes it.

use bytes::Bytes;

use super::body::{Body, Stored};
use super::bucket::{Bucket, Versioning};
use super::engine::Family;
use super::object::Object;
use super::record::Record;
use super::store::Tx;
use super::version::{DeleteMarker, Kept, Version, VersionId};
use super::{Result, keys};
use crate::clock::UnixMillis;
use crate::name::{AccountId, ObjectKey};
use crate::object_lock::Bypass;
use crate::quota::{Change, Held};

/// A key of a bucket within one transaction, with what is stored there now.
#[derive(Debug)]
pub struct Slot<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) key: ObjectKey,
    pub(super) row: Vec<u8>,
    pub(super) current: Option<Object>,
    marker: Option<DeleteMarker>,
    /// What protection the request may pass over.
    pub(super) bypass: Bypass,
}

impl Slot<'_> {
    /// The current object.
    #[must_use]
    pub fn current(&self) -> Option<&Object> {
        self.current.as_ref()
    }

    /// The delete marker that is the newest version; then there is no current object.
    #[must_use]
    pub fn marker(&self) -> Option<&DeleteMarker> {
        self.marker.as_ref()
    }

    /// The order of the newest version.
    fn newest(&self) -> u64 {
        let marked = self.marker.as_ref().map(|marker| marker.version.order);
        self.current.as_ref().map(|object| object.version.order).or(marked).unwrap_or(0)
    }
}

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// There was nothing, and there is nothing.
    Nothing,
    /// This version is gone for good.
    Gone(Box<Kept>),
    /// This delete marker is the newest version now.
    Marked(Version),
}

impl Tx<'_> {
    /// Opens a key for change. `bucket` is its record as this transaction read it.
    pub fn slot<'a>(&mut self, bucket: &'a Bucket, key: &ObjectKey) -> Result<Slot<'a>> {
        let row = keys::object(bucket.id, key.as_str());
        let current: Option<Object> = self.get_record(Family::Objects, row.clone())?;
        let marker = match (&current, bucket.versioning) {
            (Some(_), _) | (None, Versioning::Off) => None,
            (None, Versioning::Enabled | Versioning::Suspended) => self.marker(bucket.id, key)?,
        };
        Ok(Slot { bucket, key: key.clone(), row, current, marker, bypass: Bypass::Nothing })
    }

    /// Stores an object whose bytes are `stored`, as the newest version of its key; the version it has become.
    pub fn put_object(&mut self, slot: Slot<'_>, object: &Object, stored: &Stored) -> Result<Version> {
        self.put_body(object.blob, stored)?;
        self.place(slot, object)
    }

    /// Stores an object whose bytes another object has, which this transaction read: they get one more reference.
    /// Not for small bodies, which are never shared.
    pub fn put_shared(&mut self, slot: Slot<'_>, object: &Object) -> Result<Version> {
        debug_assert_ne!(object.body, Body::Inline, "small bodies are copied");
        self.retain(&std::iter::once((object.blob, 1)).collect())?;
        self.place(slot, object)
    }

    /// Makes an object whose body is written the newest version of its key.
    pub(super) fn place(&mut self, slot: Slot<'_>, object: &Object) -> Result<Version> {
        self.place_for(slot, object, Change::default())
    }

    /// Makes an object the newest version of its key, in place of what `change` says goes: one charge, so that what
    /// only changes its kind fits under any limit.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is good for one change")]
    pub(super) fn place_for(&mut self, slot: Slot<'_>, object: &Object, change: Change) -> Result<Version> {
        if slot.bucket.is_file_system && slot.current.is_none() {
            self.check_kind(slot.bucket.id, &slot.key)?;
        }
        let (newest, now) = (slot.newest(), object.modified_millis);
        let mut change = change.comes(Held::Current(object.size));
        let version = match slot.bucket.versioning {
            Versioning::Off => {
                self.drop_current(&slot, &mut change, now)?;
                Version::default()
            }
            Versioning::Enabled => {
                self.keep_current(&slot, &mut change)?;
                Version::after(newest, now, false)
            }
            Versioning::Suspended => {
                self.make_room_for_null(&slot, &mut change, now)?;
                Version::after(newest, now, true)
            }
        };
        self.charge_change(slot.bucket, change)?;
        let object = self.with_default_lock(slot.bucket, Object { version, ..object.clone() })?;
        self.put_current(&slot, &object)?;
        Ok(version)
    }

    /// Deletes a key without naming a version: for good in a bucket without versioning, by a delete marker of `owner`
    /// in any other.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is good for one change")]
    pub fn delete_object(&mut self, slot: Slot<'_>, owner: AccountId, now: UnixMillis) -> Result<Deleted> {
        let mut change = Change::default();
        let is_null = match slot.bucket.versioning {
            Versioning::Off => {
                let Some(old) = slot.current.clone() else { return Ok(Deleted::Nothing) };
                self.drop_current(&slot, &mut change, now)?;
                self.charge_change(slot.bucket, change)?;
                self.delete_current(&slot);
                return Ok(Deleted::Gone(Box::new(Kept::Object(Box::new(old)))));
            }
            Versioning::Enabled => {
                self.keep_current(&slot, &mut change)?;
                false
            }
            Versioning::Suspended => {
                self.make_room_for_null(&slot, &mut change, now)?;
                true
            }
        };
        let version = Version::after(slot.newest(), now, is_null);
        change = change.comes(Held::DeleteMarker);
        self.put_kept(slot.bucket, &slot.key, &Kept::Marker(DeleteMarker { version, modified_millis: now, owner }))?;
        self.charge_change(slot.bucket, change)?;
        self.delete_current(&slot);
        Ok(Deleted::Marked(version))
    }

    /// Deletes one version for good; the next newest becomes current where it was the newest.
    /// [`Error::Locked`](super::Error::Locked) where it is protected; then nothing was written.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is good for one change")]
    pub fn delete_version(&mut self, slot: Slot<'_>, id: VersionId, now: UnixMillis) -> Result<Deleted> {
        let mut change = Change::default();
        let gone = match slot.current.clone().filter(|current| current.version.id() == id) {
            Some(current) => {
                self.drop_current(&slot, &mut change, now)?;
                Kept::Object(Box::new(current))
            }
            None => match self.kept(slot.bucket.id, &slot.key, id)? {
                Some(kept) => {
                    self.drop_kept(&slot, &kept, &mut change, now)?;
                    kept
                }
                None => return Ok(Deleted::Nothing),
            },
        };
        if gone.version().order == slot.newest() {
            match self.newest_kept(slot.bucket.id, &slot.key, Some(gone.version().order))? {
                Some(Kept::Object(next)) => {
                    change = change.gone(Held::Noncurrent(next.size)).comes(Held::Current(next.size));
                    self.delete_kept_row(&slot, next.version);
                    self.put_current(&slot, &next)?;
                }
                Some(Kept::Marker(_)) | None => self.delete_current(&slot),
            }
        }
        self.charge_change(slot.bucket, change)?;
        Ok(Deleted::Gone(Box::new(gone)))
    }

    /// Writes a changed record of a version in place of the one that this transaction read; neither its bytes nor its
    /// version change, nor what protects it ([`Error::Locked`](super::Error::Locked)).
    #[expect(clippy::needless_pass_by_value, reason = "a slot is good for one change")]
    pub fn rewrite_version(&mut self, slot: Slot<'_>, object: &Object) -> Result<()> {
        self.check_lock_stays(&slot, object.version, object.lock())?;
        self.write_version(&slot, object)
    }

    pub(super) fn write_version(&mut self, slot: &Slot<'_>, object: &Object) -> Result<()> {
        let is_current = slot.current.as_ref().is_some_and(|current| current.version == object.version);
        if is_current {
            return self.put_current(slot, object);
        }
        self.put_kept(slot.bucket, &slot.key, &Kept::Object(Box::new(object.clone())))
    }

    /// The current object goes for good.
    fn drop_current(&mut self, slot: &Slot<'_>, change: &mut Change, now: UnixMillis) -> Result<()> {
        let Some(old) = &slot.current else { return Ok(()) };
        self.check_unprotected(slot, old)?;
        *change = change.gone(Held::Current(old.size));
        self.release(old.blob, old.body, now)
    }

    /// The current object becomes an older version.
    fn keep_current(&mut self, slot: &Slot<'_>, change: &mut Change) -> Result<()> {
        let Some(old) = &slot.current else { return Ok(()) };
        *change = change.gone(Held::Current(old.size)).comes(Held::Noncurrent(old.size));
        self.put_kept(slot.bucket, &slot.key, &Kept::Object(Box::new(old.clone())))
    }

    /// The `null` version goes for good, and a current object with an id becomes an older version.
    fn make_room_for_null(&mut self, slot: &Slot<'_>, change: &mut Change, now: UnixMillis) -> Result<()> {
        if slot.current.as_ref().is_some_and(|current| current.version.is_null()) {
            return self.drop_current(slot, change, now);
        }
        if let Some(kept) = self.kept(slot.bucket.id, &slot.key, VersionId::Null)? {
            self.drop_kept(slot, &kept, change, now)?;
        }
        self.keep_current(slot, change)
    }

    /// A version that is not the current object goes for good.
    fn drop_kept(&mut self, slot: &Slot<'_>, kept: &Kept, change: &mut Change, now: UnixMillis) -> Result<()> {
        if let Kept::Object(object) = kept {
            self.check_unprotected(slot, object)?;
        }
        self.delete_kept_row(slot, kept.version());
        match kept {
            Kept::Object(object) => {
                *change = change.gone(Held::Noncurrent(object.size));
                self.release(object.blob, object.body, now)
            }
            Kept::Marker(_) => {
                *change = change.gone(Held::DeleteMarker);
                Ok(())
            }
        }
    }

    fn delete_kept_row(&mut self, slot: &Slot<'_>, version: Version) {
        let (bucket, key) = (slot.bucket.id, slot.key.as_str());
        self.delete(Family::Versions, keys::version(bucket, key, version.order));
        if version.is_null() {
            self.delete(Family::Versions, keys::null_version(bucket, key));
        }
    }

    fn put_kept(&mut self, bucket: &Bucket, key: &ObjectKey, kept: &Kept) -> Result<()> {
        let version = kept.version();
        self.put(Family::Versions, keys::version(bucket.id, key.as_str(), version.order), kept.encode()?.into());
        if version.is_null() {
            let order = Bytes::copy_from_slice(&version.order.to_be_bytes());
            self.put(Family::Versions, keys::null_version(bucket.id, key.as_str()), order);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::super::testing::{NOW, OWNER, bucket, inline, key, store};
    use super::super::{Store, verify};
    use super::*;
    use crate::attributes::Attributes;

    #[derive(Clone, Debug)]
    enum Step {
        Versioning(Versioning),
        Put { key: usize, size: u64, days: Option<u32> },
        Delete { key: usize },
        DeleteVersion { key: usize, nth: usize },
    }

    const KEYS: [&str; 2] = ["k", "k\0"];

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            1 => prop_oneof![Just(Versioning::Enabled), Just(Versioning::Suspended)].prop_map(Step::Versioning),
            4 => (0..KEYS.len(), 0..9_u64, proptest::option::of(1..3_u32)).prop_map(|(key, size, days)| Step::Put { key, size, days }),
            2 => (0..KEYS.len()).prop_map(|key| Step::Delete { key }),
            3 => (0..KEYS.len(), 0..4_usize).prop_map(|(key, nth)| Step::DeleteVersion { key, nth }),
        ]
    }

    /// The versions of a key, newest first: id, and size unless it is a delete marker.
    type Versions = Vec<(VersionId, Option<u64>)>;

    /// What the keys must hold, kept in the plainest way.
    #[derive(Default)]
    struct Model {
        versioning: Versioning,
        keys: BTreeMap<usize, Versions>,
    }

    impl Model {
        fn add(&mut self, key: usize, id: VersionId, size: Option<u64>) {
            let versions = self.keys.entry(key).or_default();
            if id == VersionId::Null {
                versions.retain(|(id, _)| *id != VersionId::Null);
            }
            versions.insert(0, (id, size));
        }
    }

    fn done<T>(future: impl Future<Output = Result<T>>) -> T {
        future.now_or_never().expect("the engine in memory never waits").unwrap()
    }

    fn versions(store: &Store, bucket: &Bucket, at: usize) -> Versions {
        let read = store.read(|tx| {
            let current = tx.object(bucket.id, &key(KEYS[at]))?.map(|object| Kept::Object(Box::new(object)));
            let mut all: Vec<Kept> = current.into_iter().collect();
            let mut before = None;
            while let Some(kept) = tx.newest_kept(bucket.id, &key(KEYS[at]), before)? {
                before = Some(kept.version().order);
                all.push(kept);
            }
            for kept in &all {
                let found = tx.version(bucket.id, &key(KEYS[at]), kept.version().id())?;
                assert_eq!(found.as_ref(), Some(kept), "every version is found by its id");
            }
            assert!(all.is_sorted_by(|a, b| a.version().order > b.version().order));
            Ok::<_, super::super::Error>(all)
        });
        let sized = |kept: Kept| match kept {
            Kept::Object(object) => (object.version.id(), Some(object.size)),
            Kept::Marker(marker) => (marker.version.id(), None),
        };
        done(read).into_iter().map(sized).collect()
    }

    fn take(store: &Store, name: &Bucket, model: &mut Model, step: &Step) {
        let bucket = done(store.read(|tx| tx.bucket(&name.name))).expect("it was made");
        match *step {
            Step::Versioning(versioning) => {
                done(store.write(|tx| tx.put_bucket(&Bucket { versioning, ..bucket.clone() })));
                model.versioning = versioning;
            }
            Step::Put { key: at, size, days } => {
                let (mut object, stored) = inline(size);
                object.attributes = Attributes { expires_days: days, ..Attributes::default() }.boxed();
                let version = done(store.write(|tx| {
                    let slot = tx.slot(&bucket, &key(KEYS[at]))?;
                    tx.put_object(slot, &object, &stored)
                }));
                assert_eq!(version.is_null(), model.versioning != Versioning::Enabled);
                model.add(at, version.id(), Some(size));
            }
            Step::Delete { key: at } => {
                let deleted = done(store.write(|tx| {
                    let slot = tx.slot(&bucket, &key(KEYS[at]))?;
                    tx.delete_object(slot, OWNER, NOW)
                }));
                match deleted {
                    Deleted::Marked(version) => model.add(at, version.id(), None),
                    Deleted::Gone(_) | Deleted::Nothing => {
                        assert_eq!(model.versioning, Versioning::Off);
                        model.keys.remove(&at);
                    }
                }
            }
            Step::DeleteVersion { key: at, nth } => {
                let Some((id, size)) = model.keys.get(&at).and_then(|versions| versions.get(nth)).copied() else {
                    return;
                };
                let deleted = done(store.write(|tx| {
                    let slot = tx.slot(&bucket, &key(KEYS[at]))?;
                    tx.delete_version(slot, id, NOW)
                }));
                let Deleted::Gone(gone) = deleted else { panic!("{deleted:?}") };
                assert_eq!((gone.version().id(), matches!(*gone, Kept::Object(_))), (id, size.is_some()));
                model.keys.entry(at).or_default().remove(nth);
            }
        }
    }

    proptest! {
        #[test]
        fn versions_and_counters_follow_a_plain_model(steps in proptest::collection::vec(step(), 1..40)) {
            let store = store();
            let bucket = done(bucket(&store, OWNER, "photos", 0).map(Ok));
            let mut model = Model::default();
            for step in &steps {
                take(&store, &bucket, &mut model, step);
                for at in 0..KEYS.len() {
                    let expected = model.keys.get(&at).cloned().unwrap_or_default();
                    prop_assert_eq!(versions(&store, &bucket, at), expected);
                }
                let verdict = verify(store.engine(), &mut |_| None).unwrap();
                prop_assert_eq!(verdict.differences, []);
            }
            let sizes = model.keys.values().flatten().filter_map(|(_, size)| *size).map(u64::cast_signed);
            let used = done(store.read(|tx| tx.bucket_usage(bucket.id)));
            prop_assert_eq!(used.used_bytes(), sizes.sum::<i64>());
        }
    }

    /// A version that nobody has: nothing changes.
    #[tokio::test]
    async fn an_unknown_version_deletes_nothing() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let before = store.engine().revision();
        for id in [VersionId::Null, VersionId::Exact { order: 1, salt: 1 }] {
            let deleted = store.write(|tx| {
                let slot = tx.slot(&bucket, &key("k"))?;
                tx.delete_version(slot, id, NOW)
            });
            assert_eq!(deleted.await.unwrap(), Deleted::Nothing);
        }
        assert_eq!(store.engine().revision(), before);
    }

    /// The newest version is a marker while its key is put: whoever comes second sees the first.
    #[tokio::test]
    async fn changes_of_one_key_take_turns() {
        let store = store();
        let made = bucket(&store, OWNER, "photos", 0).await;
        let bucket = Bucket { versioning: Versioning::Enabled, ..made };
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        let mark = || {
            store.write(|tx| {
                let slot = tx.slot(&bucket, &key("k"))?;
                tx.delete_object(slot, OWNER, NOW)
            })
        };
        mark().await.unwrap();
        let (object, stored) = inline(5);
        let mut runs = 0;
        let put = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("k"))?;
            if runs == 1 {
                mark().now_or_never().expect("the engine in memory never waits")?;
            }
            tx.put_object(slot, &object, &stored)
        });
        put.await.unwrap();
        assert_eq!(runs, 2);
        let ids = versions(&store, &bucket, 0);
        assert_eq!(ids.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [Some(5), None, None]);
    }
}

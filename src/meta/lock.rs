//! Object lock in commits: a protected version neither goes nor changes, by whatever way. [`Tx::check_unprotected`] is
//! asked wherever a record of a version goes for good or its bytes change, and no way to change a record can weaken what
//! protects it but [`Tx::relock_version`]. The time is the one of the run that commits.

use super::bucket::Bucket;
use super::object::Object;
use super::record::Record;
use super::setting::Setting;
use super::slot::Slot;
use super::store::Tx;
use super::version::{Kept, Version};
use super::{Error, Result};
use crate::object_lock::{Bypass, DefaultRetention, Lock};

impl Record for DefaultRetention {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a default retention";
}

impl Slot<'_> {
    /// The same slot for a request that may pass over some protection.
    #[must_use]
    pub fn bypassing(mut self, bypass: Bypass) -> Self {
        self.bypass = bypass;
        self
    }
}

impl Tx<'_> {
    /// What new versions in a bucket are protected by that name nothing themselves.
    pub fn default_retention(&mut self, bucket: &Bucket) -> Result<Option<DefaultRetention>> {
        self.setting(bucket, Setting::ObjectLock)?.map(|stored| DefaultRetention::decode(&stored)).transpose()
    }

    /// Gives a bucket object lock for good, and a default retention or none; `bucket` as for [`Tx::put_setting`]. The
    /// caller has seen that it keeps versions.
    pub fn put_object_lock(&mut self, bucket: &mut Bucket, default: Option<&DefaultRetention>) -> Result<()> {
        bucket.has_object_lock = true;
        match default {
            Some(default) => self.put_setting(bucket, Setting::ObjectLock, default.encode()?.into()),
            None => {
                self.delete_setting(bucket, Setting::ObjectLock)?;
                self.put_bucket(bucket)
            }
        }
    }

    /// [`Error::Locked`] where an object may now neither go nor change. Asked before anything is written.
    pub(super) fn check_unprotected(&self, slot: &Slot<'_>, object: &Object) -> Result<()> {
        if object.lock().protects(slot.bypass, self.now()) { Err(Error::Locked) } else { Ok(()) }
    }

    /// [`Error::Locked`] unless a stored version is protected by `lock`.
    pub(super) fn check_lock_stays(&mut self, slot: &Slot<'_>, version: Version, lock: Lock) -> Result<()> {
        let stays = self.lock_of(slot, version)? == lock;
        if stays { Ok(()) } else { Err(Error::Locked) }
    }

    /// Writes the record of a version that this transaction read, with another protection and nothing else changed.
    ///
    /// [`Error::Locked`] where that would weaken a retention that holds, and the slot may not pass it over.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is good for one change")]
    pub fn relock_version(&mut self, slot: Slot<'_>, object: &Object) -> Result<()> {
        let old = self.lock_of(&slot, object.version)?;
        if !old.gives_way_to(&object.lock(), slot.bypass, self.now()) {
            return Err(Error::Locked);
        }
        self.write_version(&slot, object)
    }

    /// What protects a version as it is stored.
    fn lock_of(&mut self, slot: &Slot<'_>, version: Version) -> Result<Lock> {
        if let Some(current) = slot.current().filter(|current| current.version == version) {
            return Ok(current.lock());
        }
        Ok(match self.kept(slot.bucket.id, &slot.key, version.id())? {
            Some(Kept::Object(object)) => object.lock(),
            Some(Kept::Marker(_)) | None => Lock::default(),
        })
    }

    /// A new object with its bucket's default retention, where it has none of its own.
    pub(super) fn with_default_lock(&mut self, bucket: &Bucket, object: Object) -> Result<Object> {
        let lock = object.lock();
        if !bucket.has_object_lock || lock.retention.is_some() {
            return Ok(object);
        }
        let Some(default) = self.default_retention(bucket)? else { return Ok(object) };
        let retention = Some(default.from(object.modified_millis));
        Ok(object.with_lock(Lock { retention, ..lock }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::edit::Patch;
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, begin, bucket, inline, key, put, store};
    use super::super::{BlobId, Body, Deleted, Renamed, Store, Stored, VersionId, Versioning, verify};
    use super::*;
    use crate::attributes::Attributes;
    use crate::clock::{Clock, UnixMillis};
    use crate::name::AccountId;
    use crate::object_lock::{LegalHold, LockMode, Period, Retention};
    use Versioning::{Enabled, Off, Suspended};

    const UNTIL: UnixMillis = NOW + 1000;
    const HELD: Lock = Lock { retention: None, legal_hold: LegalHold::On };
    const GOVERNED: Lock = retained(LockMode::Governance);
    const COMPLIANT: Lock = retained(LockMode::Compliance);

    const fn retained(mode: LockMode) -> Lock {
        Lock { retention: Some(Retention { mode, until_millis: UNTIL }), legal_hold: LegalHold::Unset }
    }

    #[test]
    fn stored_locks_are_read_for_ever() {
        let default = |mode, period| DefaultRetention { mode, period };
        check_stored("01000001", &default(LockMode::Governance, Period::Days(1)));
        check_stored("01010164", &default(LockMode::Compliance, Period::Years(100)));
        // The hold was a yes or a no once, in the same byte.
        for (byte, legal_hold) in [("00", LegalHold::Unset), ("01", LegalHold::On), ("02", LegalHold::Off)] {
            let retention = Some(Retention { mode: LockMode::Compliance, until_millis: 5 });
            let object = Object { blob: BlobId(1), modified_millis: 0, owner: AccountId::NOBODY, ..inline(0).0 };
            let hex = ["0200000100000000000000000000000000", "010000000000", "01010105", byte, "00"].concat();
            check_stored(&hex, &object.with_lock(Lock { retention, legal_hold }));
        }
    }

    /// A store at a time that is set, and a bucket that is not always of the kind object lock is for: what protects a
    /// version does so wherever it is.
    async fn world(versioning: Versioning, is_file_system: bool) -> (Store, Clock, Bucket) {
        let clock = Clock::manual(NOW);
        let store = store().with_clock(clock.clone());
        let made = bucket(&store, OWNER, "photos", 0).await;
        let bucket = Bucket { versioning, is_file_system, has_object_lock: true, ..made };
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        (store, clock, bucket)
    }

    async fn put_locked(store: &Store, bucket: &Bucket, called: &str, lock: Lock) -> Version {
        let (object, stored) = inline(5);
        put(store, bucket, called, &(object.with_lock(lock), stored)).await.unwrap()
    }

    fn is_locked<T>(outcome: Result<T>) -> bool {
        match outcome {
            Ok(_) => false,
            Err(Error::Locked) => true,
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes `way` with the version that `k` got in a bucket of this kind, and then perhaps another one after it: it is
    /// closed while anything protects the version, and open when nothing does.
    async fn check(
        (versioning, is_file_system, is_newest): (Versioning, bool, bool),
        way: impl Fn(&mut Tx<'_>, &Bucket, Version) -> Result<()>,
    ) {
        for lock in [GOVERNED, COMPLIANT, HELD, Lock::default()] {
            let (store, clock, bucket) = world(versioning, is_file_system).await;
            let version = put_locked(&store, &bucket, "k", lock).await;
            if !is_newest {
                let enabled = Bucket { versioning: Enabled, ..bucket.clone() };
                put_locked(&store, &enabled, "k", Lock::default()).await;
            }
            let take = async || is_locked(store.write(|tx| way(tx, &bucket, version)).await);
            let before = store.engine().revision();
            if lock != Lock::default() {
                clock.set(UNTIL - 1);
                assert!(take().await, "{lock:?}");
                assert_eq!(store.engine().revision(), before, "{lock:?}");
            }
            clock.set(UNTIL);
            assert_eq!(take().await, lock == HELD, "{lock:?}");
            assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        }
    }

    fn delete(tx: &mut Tx<'_>, bucket: &Bucket, version: Option<VersionId>) -> Result<()> {
        let slot = tx.slot(bucket, &key("k"))?;
        let deleted = match version {
            Some(id) => tx.delete_version(slot, id, NOW)?,
            None => tx.delete_object(slot, OWNER, NOW)?,
        };
        assert_ne!(deleted, Deleted::Nothing);
        Ok(())
    }

    #[tokio::test]
    async fn no_deletion_takes_a_protected_version() {
        for is_newest in [true, false] {
            check((Enabled, false, is_newest), |tx, bucket, version| delete(tx, bucket, Some(version.id()))).await;
        }
        check((Off, false, true), |tx, bucket, _| delete(tx, bucket, None)).await;
        for is_newest in [true, false] {
            check((Suspended, false, is_newest), |tx, bucket, _| delete(tx, bucket, None)).await;
        }
    }

    #[tokio::test]
    async fn nothing_takes_the_place_of_a_protected_version() {
        for kind in [(Off, false, true), (Suspended, false, true), (Suspended, false, false)] {
            check(kind, |tx, bucket, _| {
                let (object, stored) = inline(6);
                let slot = tx.slot(bucket, &key("k"))?;
                tx.put_object(slot, &object, &stored).map(drop)
            })
            .await;
        }
    }

    #[tokio::test]
    async fn no_byte_of_a_protected_version_changes() {
        check((Off, true, true), |tx, bucket, _| {
            let slot = tx.slot(bucket, &key("k"))?;
            let object = slot.current().cloned().expect("it was put");
            let stored = Stored::Inline(bytes::Bytes::from_static(b"!"));
            let patch = Patch { position: 5, length: 1, blob: BlobId::mint(NOW), stored: &stored };
            tx.patch_object(slot, &object.with_lock(Lock::default()), &patch).map(drop)
        })
        .await;
        check((Off, true, true), |tx, bucket, _| {
            let slot = tx.slot(bucket, &key("k"))?;
            let object = slot.current().cloned().expect("it was put");
            tx.truncate_object(slot, &object, 1).map(drop)
        })
        .await;
        check((Off, true, true), |tx, bucket, _| {
            let renamed = tx.rename(bucket, &key("k"), &key("l"), |_| Ok::<_, Error>(()))?;
            assert_eq!(renamed, Renamed::Done);
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_completed_upload_takes_no_protected_place() {
        for lock in [COMPLIANT, Lock::default()] {
            let (store, _, bucket) = world(Off, false).await;
            put_locked(&store, &bucket, "k", lock).await;
            let id = begin(&store, &bucket, "k").await;
            let complete = store.write(|tx| {
                let open = tx.open_upload(bucket.id, &key("k"), id)?.expect("it was begun");
                let slot = tx.slot(&bucket, &key("k"))?;
                let object = Object { body: Body::Pieces, ..inline(0).0 };
                tx.complete_upload(slot, &open, &std::collections::BTreeMap::new(), (&[], Vec::new()), &object)
            });
            assert_eq!(is_locked(complete.await), lock == COMPLIANT);
        }
    }

    #[tokio::test]
    async fn who_may_pass_over_governance_passes_over_nothing_else() {
        for (lock, is_closed) in [
            (GOVERNED, false),
            (COMPLIANT, true),
            (HELD, true),
            (Lock { legal_hold: LegalHold::On, ..GOVERNED }, true),
            (Lock { legal_hold: LegalHold::Off, ..GOVERNED }, false),
        ] {
            let (store, _, bucket) = world(Enabled, false).await;
            let version = put_locked(&store, &bucket, "k", lock).await;
            let delete = store.write(|tx| {
                let slot = tx.slot(&bucket, &key("k"))?.bypassing(Bypass::Governance);
                tx.delete_version(slot, version.id(), NOW)
            });
            assert_eq!(is_locked(delete.await), is_closed, "{lock:?}");
        }
    }

    /// Where versions are kept a protected one is covered, and shows again.
    #[tokio::test]
    async fn a_protected_version_may_be_covered() {
        let (store, _, bucket) = world(Enabled, false).await;
        let version = put_locked(&store, &bucket, "k", COMPLIANT).await;
        store.write(|tx| delete(tx, &bucket, None)).await.unwrap();
        let marker = store.read(|tx| tx.marker(bucket.id, &key("k"))).await.unwrap().expect("it was marked");
        store.write(|tx| delete(tx, &bucket, Some(marker.version.id()))).await.unwrap();
        let current = store.read(|tx| tx.object(bucket.id, &key("k"))).await.unwrap().expect("it shows again");
        assert_eq!((current.version, current.lock()), (version, COMPLIANT));
        let deleted = store.write(|tx| tx.delete_bucket(&bucket)).await;
        assert!(matches!(deleted, Err(Error::NotEmpty)), "{deleted:?}");
    }

    #[tokio::test]
    async fn a_lock_changes_by_its_own_rule_only() {
        for is_newest in [true, false] {
            let (store, clock, bucket) = world(Enabled, false).await;
            let version = put_locked(&store, &bucket, "k", COMPLIANT).await;
            if !is_newest {
                put_locked(&store, &bucket, "k", Lock::default()).await;
            }
            let change = async |lock: Lock, relocks: bool| {
                let changed = store.write(|tx| {
                    let Some(Kept::Object(found)) = tx.version(bucket.id, &key("k"), version.id())? else {
                        panic!("it is protected")
                    };
                    let slot = tx.slot(&bucket, &key("k"))?.bypassing(Bypass::Governance);
                    let object = found.with_lock(lock);
                    if relocks { tx.relock_version(slot, &object) } else { tx.rewrite_version(slot, &object) }
                });
                is_locked(changed.await)
            };
            let longer = Retention { mode: LockMode::Compliance, until_millis: UNTIL + 1 };
            let longer = Lock { retention: Some(longer), legal_hold: LegalHold::On };
            assert!(!change(COMPLIANT, false).await);
            for other in [longer, Lock::default(), HELD, GOVERNED] {
                assert!(change(other, false).await, "{other:?}");
            }
            for weaker in [Lock::default(), HELD, GOVERNED] {
                assert!(change(weaker, true).await, "{weaker:?}");
            }
            assert!(!change(longer, true).await);
            assert!(change(COMPLIANT, true).await);
            clock.set(UNTIL + 1);
            assert!(!change(HELD, true).await && !change(GOVERNED, true).await && !change(Lock::default(), true).await);
            assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        }
    }

    /// A hold comes while its version is being deleted: the deletion runs again, and sees it.
    #[tokio::test]
    async fn a_hold_that_comes_first_counts() {
        for is_newest in [true, false] {
            let (store, _, bucket) = world(Enabled, false).await;
            let version = put_locked(&store, &bucket, "k", Lock::default()).await;
            if !is_newest {
                put_locked(&store, &bucket, "k", Lock::default()).await;
            }
            let hold = || {
                store.write(|tx| {
                    let Some(Kept::Object(found)) = tx.version(bucket.id, &key("k"), version.id())? else {
                        panic!("it is there still")
                    };
                    let slot = tx.slot(&bucket, &key("k"))?;
                    tx.relock_version(slot, &found.with_lock(HELD))
                })
            };
            let mut runs = 0;
            let deleted = store.write(|tx| {
                runs += 1;
                delete(tx, &bucket, Some(version.id()))?;
                if runs == 1 {
                    hold().now_or_never().expect("the engine in memory never waits")?;
                }
                Ok(())
            });
            assert!(is_locked(deleted.await));
            // The second refuses: for good where it looked at one row only, else the third does.
            assert_eq!(runs, if is_newest { 2 } else { 3 });
        }
    }

    #[tokio::test]
    async fn new_versions_have_the_default_of_their_bucket() {
        let (store, _, mut bucket) = world(Enabled, false).await;
        let lock = async |given: Lock, bucket: &Bucket| {
            put_locked(&store, bucket, "k", given).await;
            store.read(|tx| tx.object(bucket.id, &key("k"))).await.unwrap().expect("it was put").lock()
        };
        assert_eq!(lock(Lock::default(), &bucket).await, Lock::default());
        let default = DefaultRetention { mode: LockMode::Governance, period: Period::Days(2) };
        let set = async |bucket: &Bucket, default: Option<DefaultRetention>| {
            let set = store.write(|tx| {
                let mut now = bucket.clone();
                tx.put_object_lock(&mut now, default.as_ref())?;
                Ok::<_, Error>(now)
            });
            set.await.unwrap()
        };
        bucket = set(&Bucket { has_object_lock: false, ..bucket }, Some(default)).await;
        assert!(bucket.has_object_lock);
        assert_eq!(store.read(|tx| tx.default_retention(&bucket)).await.unwrap(), Some(default));
        let retention = Some(default.from(NOW));
        assert_eq!(lock(Lock::default(), &bucket).await, Lock { retention, ..Lock::default() });
        assert_eq!(lock(HELD, &bucket).await, Lock { retention, ..HELD });
        assert_eq!(lock(COMPLIANT, &bucket).await, COMPLIANT);
        // What was there before keeps what it had.
        bucket = set(&bucket, None).await;
        assert!(bucket.has_object_lock);
        assert_eq!(lock(Lock::default(), &bucket).await, Lock::default());
    }

    #[tokio::test]
    async fn days_to_live_wait_for_the_end_of_protection() {
        let late = NOW + 90 * crate::clock::DAY_MILLIS;
        let due = async |lock: Lock| {
            let (store, _, bucket) = world(Enabled, false).await;
            let (mut object, stored) = inline(5);
            object.attributes = Attributes { expires_days: Some(1), ..Attributes::default() }.boxed();
            put(&store, &bucket, "k", &(object.with_lock(lock), stored)).await.unwrap();
            let mut due = None;
            for now in [NOW + 3 * crate::clock::DAY_MILLIS, late - 1, late] {
                let expired = store.read(|tx| tx.expired(now, None, 9)).await.unwrap();
                due = due.or(expired.first().map(|_| now));
            }
            assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
            due
        };
        let until =
            |until_millis| Lock { retention: Some(Retention { mode: LockMode::Governance, until_millis }), ..HELD };
        assert_eq!(due(Lock::default()).await, Some(NOW + 3 * crate::clock::DAY_MILLIS));
        assert_eq!(due(GOVERNED).await, Some(NOW + 3 * crate::clock::DAY_MILLIS));
        assert_eq!(due(Lock { legal_hold: LegalHold::Unset, ..until(late) }).await, Some(late));
        assert_eq!(due(until(late)).await, None);
        assert_eq!(due(HELD).await, None);
    }
}

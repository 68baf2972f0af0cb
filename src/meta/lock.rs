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

//! What the unit tests of this part share: a store in memory, and small things to put into it.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Account, AccountStatus, BlobId, Body, Bucket, Engine, MASTER_KEY_BYTES, MemoryEngine, NewBucket, Object, Result,
    Sealer, Store, Stored, Version,
};
use crate::headers::ObjectHeaders;
use crate::level::Percents;
use crate::name::{AccountId, BucketName, ObjectKey};
use crate::storage_class::StorageClass;

pub(super) const NOW: u64 = 1_435_721_265_482;
pub(super) const OWNER: AccountId = AccountId(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef);

pub(super) fn store_over(engine: Arc<dyn Engine>) -> Store {
    Store::new(engine, Sealer::new(&[7; MASTER_KEY_BYTES]))
}

pub(super) fn store() -> Store {
    store_over(Arc::new(MemoryEngine::new()))
}

pub(super) fn name(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

pub(super) fn key(key: &str) -> ObjectKey {
    ObjectKey::parse(key).unwrap()
}

/// An active account without limits.
pub(super) fn account() -> Account {
    Account {
        id: OWNER,
        name: "anna".to_owned(),
        email: None,
        password_hash: None,
        status: AccountStatus::Active,
        root: false,
        created_millis: NOW,
        capacity_bytes: 0,
        object_limit: 0,
        packs: Vec::new(),
        next_pack: 1,
        soft_percents: Percents::default(),
    }
}

/// A bucket of `owner`, who is an account then, with a quota.
pub(super) async fn bucket(store: &Store, owner: AccountId, called: &str, quota_bytes: u64) -> Bucket {
    let new = NewBucket::new(name(called), owner, "default".to_owned());
    let account = Account { id: owner, ..account() };
    store.write(|tx| tx.put_account(&account)).await.unwrap();
    let mut bucket = store.write(|tx| tx.create_bucket(&new, NOW)).await.unwrap();
    bucket.quota_bytes = quota_bytes;
    store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
    bucket
}

/// An object of `size` bytes in the commit itself.
pub(super) fn inline(size: u64) -> (Object, Stored) {
    let object = Object {
        version: Version::default(),
        blob: BlobId(rand::random()),
        size,
        etag: String::new(),
        modified_millis: NOW,
        owner: OWNER,
        body: Body::Inline,
        headers: ObjectHeaders::default(),
        storage_class: StorageClass::Standard,
        attributes: None,
        state: None,
    };
    (object, Stored::Inline(Bytes::from(vec![0; usize::try_from(size).unwrap()])))
}

pub(super) async fn put(
    store: &Store,
    bucket: &Bucket,
    called: &str,
    (object, stored): &(Object, Stored),
) -> Result<Version> {
    let write = store.write(|tx| {
        let slot = tx.slot(bucket, &key(called))?;
        tx.put_object(slot, object, stored)
    });
    write.await
}

//! What the unit tests of this part share: a store in memory, and small things to put into it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::engine::{self, View};
use super::{
    Account, AccountStatus, BlobId, Body, Bucket, Engine, Family, MASTER_KEY_BYTES, MemoryEngine, NewBucket, Object,
    Part, Result, Sealer, Store, Stored, Tier, Tx, Upload, UploadId, Version,
};
use crate::headers::ObjectHeaders;
use crate::level::Percents;
use crate::manifest::{Extent, Manifest};
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

/// A view that counts the rows it shows to scans.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) engine: Arc<MemoryEngine>,
    row_counts: Mutex<BTreeMap<&'static str, usize>>,
}

impl View for Counting {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.engine.get(family, key, tier, visit)
    }

    fn scan(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Option<&[u8]>,
        tier: Tier,
        visit: engine::Visit<'_>,
    ) -> Result<()> {
        self.engine.scan(family, from, to, tier, &mut |key, value| {
            *self.row_counts.lock().unwrap().entry(family.name()).or_default() += 1;
            visit(key, value)
        })
    }
}

impl Counting {
    /// Runs `read`, and counts the rows that scans showed it, by family.
    pub(super) fn count<T>(&self, read: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> (T, BTreeMap<&'static str, usize>) {
        self.row_counts.lock().unwrap().clear();
        let store = store_over(self.engine.clone());
        let value = read(&mut Tx::new(&store, self, Tier::Disk, 0, false)).unwrap();
        (value, self.row_counts.lock().unwrap().clone())
    }
}

/// An upload of nothing special.
pub(super) fn upload() -> Upload {
    Upload {
        initiated_millis: NOW,
        initiator: OWNER,
        owner: OWNER,
        headers: ObjectHeaders::default(),
        storage_class: StorageClass::Standard,
        attributes: None,
        is_s3: false,
        checksum: None,
    }
}

/// A part in the metadata, or for more than 1000 bytes in segments of its own.
pub(super) fn part(size: u64) -> (Part, Stored) {
    let stored = match size {
        0..=1000 => inline(size).1,
        _ => {
            let extents = vec![Extent { segment: 1, offset: u64::from(rand::random::<u32>()) << 20, length: size }];
            Stored::Segments(Manifest { length: size, extents, block_checksums: Vec::new() })
        }
    };
    let blob = BlobId(rand::random());
    let (body, modified_millis) = (stored.body(), NOW);
    (Part { blob, body, size, md5: [7; 16], modified_millis, crc64: None, checksum: None }, stored)
}

/// Begins an upload.
pub(super) async fn begin(store: &Store, bucket: &Bucket, called: &str) -> UploadId {
    let id = UploadId::mint(NOW);
    store.write(|tx| tx.begin_upload(bucket, &key(called), id, &upload())).await.unwrap();
    id
}

/// Stores a part; false where the upload has ended.
pub(super) async fn put_part(
    store: &Store,
    bucket: &Bucket,
    to: (&str, UploadId),
    number: u16,
    size: u64,
) -> Result<bool> {
    let (part, stored) = part(size);
    let write = store.write(|tx| {
        let Some(open) = tx.open_upload(bucket.id, &key(to.0), to.1)? else { return Ok(false) };
        tx.put_part(bucket, &open, number, &part, &stored).map(|()| true)
    });
    write.await
}

/// Gives up all that was let go.
pub(super) async fn sweep(store: &Store) {
    loop {
        let rows = store.read(|tx| tx.sweep_rows(NOW + 1, 99)).await.unwrap();
        if rows.is_empty() {
            return;
        }
        store.write(|tx| tx.sweep(&rows)).await.unwrap();
    }
}

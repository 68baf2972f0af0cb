//! Objects: the record of one version, with everything a listing shows, and its queries by key.

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::engine::Family;
use super::record::Record;
use super::store::Tx;
use super::version::Version;
use super::{BlobId, BucketId, Result, keys};
use crate::acl::Acl;
use crate::attributes::Attributes;
use crate::checksum::Checksum;
use crate::clock::{UnixMillis, end_of_days};
use crate::headers::ObjectHeaders;
use crate::name::{AccountId, ObjectKey};
use crate::object_lock::Lock;
use crate::storage_class::StorageClass;

/// One version of a key that is an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Which version of its key; whoever stores it is told, and does not choose.
    pub version: Version,
    /// Which bytes.
    pub blob: BlobId,
    /// Length in bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored.
    pub modified_millis: UnixMillis,
    /// Who stored it; [`AccountId::NOBODY`] without a signature.
    pub owner: AccountId,
    /// Where the bytes are.
    pub body: Body,
    /// What is returned with it.
    pub headers: ObjectHeaders,
    /// How it is kept.
    pub storage_class: StorageClass,
    /// The rarer things a client may set.
    pub attributes: Option<Box<Attributes>>,
    /// The rarer things that happened to it.
    pub state: Option<Box<ObjectState>>,
}

/// What happened to an object, beside being stored whole in one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectState {
    /// How many appends made it; `None` for an object that takes none.
    pub append_count: Option<u32>,
    /// The multipart upload that made it.
    pub upload: Option<CompletedUpload>,
    /// A restore from an archive class.
    pub restore: Option<Restore>,
    /// CRC-64 (ECMA-182) of the whole object, where a client sent one.
    pub crc64: Option<u64>,
    /// The checksum it was stored with, where a client asked for one.
    pub checksum: Option<Checksum>,
}

impl ObjectState {
    /// As it is stored: nothing where there is nothing.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// The upload an object was completed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedUpload {
    /// Its id.
    pub id: u128,
    /// How many parts it had.
    pub part_count: u32,
}

/// A restore of an object of an archive class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// From when on it can be read.
    pub ready_millis: UnixMillis,
    /// Until when.
    pub expires_millis: UnixMillis,
}

impl Object {
    /// Its access control list; `None` is private.
    #[must_use]
    pub fn acl(&self) -> Option<&Acl> {
        self.attributes.as_ref()?.acl.as_ref()
    }

    /// When it goes by itself: at the end of the day (UTC) on which its days since it was stored are over.
    #[must_use]
    pub fn expires_millis(&self) -> Option<UnixMillis> {
        Some(end_of_days(self.modified_millis, self.attributes.as_ref()?.expires_days?))
    }

    /// From when on it is to be deleted because its days are over: not while it is protected. `None` without days, and
    /// as long as a hold is on it.
    #[must_use]
    pub(super) fn due_millis(&self) -> Option<UnixMillis> {
        Some(self.expires_millis()?.max(self.lock().ends_millis()?))
    }

    /// Whether its class keeps it from being read at `now`: it is archived, and no restore holds.
    #[must_use]
    pub fn is_archived(&self, now: UnixMillis) -> bool {
        let restore = self.state.as_ref().and_then(|state| state.restore);
        let is_restored = restore.is_some_and(|restore| (restore.ready_millis..restore.expires_millis).contains(&now));
        self.storage_class.is_archive() && !is_restored
    }

    /// What protects it; nothing for most.
    #[must_use]
    pub fn lock(&self) -> Lock {
        self.attributes.as_ref().and_then(|attributes| attributes.lock).unwrap_or_default()
    }

    /// The same object with `lock` in place of what protects it.
    #[must_use]
    pub fn with_lock(self, lock: Lock) -> Self {
        let attributes = self.attributes.map_or_else(Attributes::default, |attributes| *attributes);
        Self { attributes: Attributes { lock: lock.kept(), ..attributes }.boxed(), ..self }
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &[(String, String)] {
        self.attributes.as_ref().map_or(&[], |attributes| &attributes.tags)
    }
}

impl Record for Object {
    const FORMAT: u8 = 2;
    const KIND: &'static str = "an object";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (format == 1).then(|| postcard::from_bytes::<ObjectV1>(bytes).map(Self::from))
    }
}

/// Format 1: without versions, classes and attributes.
#[derive(Deserialize)]
struct ObjectV1 {
    blob: BlobId,
    size: u64,
    etag: String,
    modified_millis: UnixMillis,
    owner: AccountId,
    body: Body,
    headers: ObjectHeaders,
}

impl From<ObjectV1> for Object {
    fn from(old: ObjectV1) -> Self {
        Self {
            version: Version::default(),
            blob: old.blob,
            size: old.size,
            etag: old.etag,
            modified_millis: old.modified_millis,
            owner: old.owner,
            body: old.body,
            headers: old.headers,
            storage_class: StorageClass::Standard,
            attributes: None,
            state: None,
        }
    }
}

impl Tx<'_> {
    /// The current object of a key.
    pub fn object(&mut self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Object>> {
        self.get_record(Family::Objects, keys::object(bucket, key.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER};
    use super::*;
    use crate::checksum::ChecksumAlgorithm;

    #[test]
    fn stored_objects_are_read_for_ever() {
        let headers = ObjectHeaders {
            content_type: Some("text/plain".to_owned()),
            content_disposition: Some("attachment".to_owned()),
            cache_control: Some("no-cache".to_owned()),
            expires: Some("0".to_owned()),
            metadata: vec![("colour".to_owned(), "blue".to_owned())],
            ..ObjectHeaders::default()
        };
        let object = Object {
            version: Version::default(),
            blob: BlobId(0x0000_0519_6e3d_5c10_0000_0000_dead_beef),
            size: 70_000,
            etag: "900150983cd24fb0d6963f7d28e17f72".to_owned(),
            modified_millis: NOW,
            owner: OWNER,
            body: Body::Segments,
            headers,
            storage_class: StorageClass::Standard,
            attributes: None,
            state: None,
        };
        check_stored(
            "01effdb6f58d80808080a0f0eae3adc602f0a20420393030313530393833636432346662306436393633663764323865313766373\
             2cae29fbde429ef9bafcdf8acd19181a0c8a1e58ea6dddcfd0301010a746578742f706c61696e00010a6174746163686d656e7400\
             01086e6f2d63616368650101300106636f6c6f757204626c7565",
            &object,
        );
        let attributes = Attributes {
            tags: vec![("a".to_owned(), "b".to_owned())],
            redirect: Some("/r".to_owned()),
            expires_days: Some(3),
            ..Attributes::default()
        };
        let state = ObjectState {
            append_count: Some(1),
            upload: Some(CompletedUpload { id: 7, part_count: 2 }),
            restore: Some(Restore { ready_millis: 1, expires_millis: 2 }),
            crc64: Some(9),
            checksum: Some(Checksum { algorithm: ChecksumAlgorithm::Sha1, digest: vec![5], part_count: 1 }),
        };
        let full = Object {
            version: Version { order: 5, salt: Some(6) },
            blob: BlobId(1),
            size: 3,
            etag: "e".to_owned(),
            modified_millis: 0,
            owner: AccountId::NOBODY,
            body: Body::Pieces,
            headers: ObjectHeaders::default(),
            storage_class: StorageClass::Warm,
            attributes: attributes.boxed(),
            state: state.boxed(),
        };
        check_stored(
            "020501060103016500000200000000000000010100010161016201022f720103000001010101070201010201090103010501",
            &full,
        );
    }
}

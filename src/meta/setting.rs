//! Settings of a bucket that are documents of their own (policy, CORS, tags): one row each beside the bucket's record,
//! which says which of them there are, so that a request reads only what exists.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::engine::Family;
use super::record::Record;
use super::store::Tx;
use super::{Result, keys};
use crate::cors::Cors;
use crate::sharing::{Ownership, PublicAccessBlock};
use crate::tag::Tags;

/// A setting. Its number is stored: never give it to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `?policy`, the JSON text as it was sent.
    Policy = 0,
    /// `?cors`, a record.
    Cors = 1,
    /// `?tagging`, a record.
    Tagging = 2,
    /// `?object-lock`.
    ObjectLock = 3,
    /// `?ownershipControls`, a record.
    OwnershipControls = 4,
    /// `?publicAccessBlock`, a record.
    PublicAccessBlock = 5,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 6] =
        [Self::Policy, Self::Cors, Self::Tagging, Self::ObjectLock, Self::OwnershipControls, Self::PublicAccessBlock];

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// Which settings a bucket has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings(u32);

impl Settings {
    /// Whether it has this one.
    #[must_use]
    pub fn has(self, setting: Setting) -> bool {
        self.0 & setting.bit() != 0
    }
}

impl Record for Cors {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a CORS configuration";
}

impl Record for Tags {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a set of tags";
}

impl Record for Ownership {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an object ownership";
}

impl Record for PublicAccessBlock {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a public access block";
}

impl Tx<'_> {
    /// A bucket's CORS rules.
    pub fn cors(&mut self, bucket: &Bucket) -> Result<Option<Cors>> {
        self.setting(bucket, Setting::Cors)?.map(|stored| Cors::decode(&stored)).transpose()
    }

    /// Stores a bucket's CORS rules; `bucket` as for [`Tx::put_setting`].
    pub fn put_cors(&mut self, bucket: &mut Bucket, cors: &Cors) -> Result<()> {
        self.put_setting(bucket, Setting::Cors, cors.encode()?.into())
    }

    /// A bucket's tags.
    pub fn bucket_tags(&mut self, bucket: &Bucket) -> Result<Option<Tags>> {
        self.setting(bucket, Setting::Tagging)?.map(|stored| Tags::decode(&stored)).transpose()
    }

    /// Stores a bucket's tags; `bucket` as for [`Tx::put_setting`].
    pub fn put_bucket_tags(&mut self, bucket: &mut Bucket, tags: &Tags) -> Result<()> {
        self.put_setting(bucket, Setting::Tagging, tags.encode()?.into())
    }

    /// Whose the objects in a bucket are.
    pub fn ownership(&mut self, bucket: &Bucket) -> Result<Option<Ownership>> {
        self.setting(bucket, Setting::OwnershipControls)?.map(|stored| Ownership::decode(&stored)).transpose()
    }

    /// Stores whose the objects in a bucket are; `bucket` as for [`Tx::put_setting`].
    pub fn put_ownership(&mut self, bucket: &mut Bucket, ownership: Ownership) -> Result<()> {
        self.put_setting(bucket, Setting::OwnershipControls, ownership.encode()?.into())
    }

    /// Which public access to a bucket is blocked.
    pub fn public_access_block(&mut self, bucket: &Bucket) -> Result<Option<PublicAccessBlock>> {
        self.setting(bucket, Setting::PublicAccessBlock)?.map(|stored| PublicAccessBlock::decode(&stored)).transpose()
    }

    /// Stores which public access to a bucket is blocked; `bucket` as for [`Tx::put_setting`].
    pub fn put_public_access_block(&mut self, bucket: &mut Bucket, block: PublicAccessBlock) -> Result<()> {
        self.put_setting(bucket, Setting::PublicAccessBlock, block.encode()?.into())
    }

    /// A setting's document, as [`Tx::put_setting`] stored it.
    pub fn setting(&mut self, bucket: &Bucket, setting: Setting) -> Result<Option<Vec<u8>>> {
        if !bucket.settings.has(setting) {
            return Ok(None);
        }
        self.get(Family::Buckets, keys::setting(bucket.id, setting as u8))
    }

    /// Stores a setting in place of what there was. `bucket` is the record as this transaction read it; it is written
    /// too.
    pub fn put_setting(&mut self, bucket: &mut Bucket, setting: Setting, document: Bytes) -> Result<()> {
        bucket.settings.0 |= setting.bit();
        self.put(Family::Buckets, keys::setting(bucket.id, setting as u8), document);
        self.put_bucket(bucket)
    }

    /// Removes a setting; none is fine.
    pub fn delete_setting(&mut self, bucket: &mut Bucket, setting: Setting) -> Result<()> {
        if !bucket.settings.has(setting) {
            return Ok(());
        }
        bucket.settings.0 &= !setting.bit();
        self.delete(Family::Buckets, keys::setting(bucket.id, setting as u8));
        self.put_bucket(bucket)
    }

    /// Removes all settings of a bucket that goes.
    pub(super) fn delete_settings(&mut self, bucket: &Bucket) {
        for setting in Setting::ALL.into_iter().filter(|setting| bucket.settings.has(*setting)) {
            self.delete(Family::Buckets, keys::setting(bucket.id, setting as u8));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::record::tests::check_stored;
    use super::super::testing::{OWNER, bucket, store};
    use super::*;
    use crate::cors::{Method, Rule};
    use crate::tag::Tag;

    #[test]
    fn stored_settings_are_read_for_ever() {
        let text = str::to_owned;
        let cors = Cors {
            rules: vec![
                Rule {
                    id: Some(text("r")),
                    methods: vec![Method::Get, Method::Put, Method::Head, Method::Post, Method::Delete],
                    origins: vec![text("*")],
                    headers: vec![text("x-*")],
                    max_age_seconds: Some(300),
                    exposed: vec![text("ETag")],
                },
                Rule { methods: vec![Method::Get], origins: vec![text("a"), text("b")], ..Rule::default() },
            ],
        };
        check_stored("010201017205000102030401012a0103782d2a01ac020104455461670001000201610162000000", &cors);
        let tag = |key, value| Tag { key: text(key), value: text(value) };
        check_stored("0102016b017602747400", &Tags(vec![tag("k", "v"), tag("tt", "")]));
        for (stored, ownership) in ["0100", "0101", "0102"].into_iter().zip(Ownership::ALL) {
            check_stored(stored, &ownership);
        }
        let block = PublicAccessBlock { ignore_public_acls: true, restrict_public_buckets: true, ..Default::default() };
        check_stored("0100010001", &block);
    }

    async fn seen(store: &Store, bucket: &Bucket) -> Vec<Option<Vec<u8>>> {
        let seen = store.read(|tx| {
            let now = tx.bucket(&bucket.name)?.expect("the bucket is there");
            Setting::ALL.into_iter().map(|setting| tx.setting(&now, setting)).collect::<Result<Vec<_>>>()
        });
        seen.await.unwrap()
    }

    #[tokio::test]
    async fn settings_come_and_go_with_their_bucket() {
        let store = store();
        let photos = bucket(&store, OWNER, "photos", 0).await;
        assert!(seen(&store, &photos).await.iter().all(Option::is_none));
        let put = store.write(|tx| {
            let mut now = photos.clone();
            tx.put_setting(&mut now, Setting::Policy, Bytes::from_static(b"p"))?;
            tx.put_setting(&mut now, Setting::Cors, Bytes::from_static(b"c"))
        });
        put.await.unwrap();
        let both = seen(&store, &photos).await;
        assert_eq!(
            (both[0].as_deref(), both[1].as_deref(), both[2].as_deref()),
            (Some(&b"p"[..]), Some(&b"c"[..]), None)
        );
        let deleted = store.write(|tx| {
            let mut now = tx.bucket(&photos.name)?.expect("the bucket is there");
            tx.delete_setting(&mut now, Setting::Policy)
        });
        deleted.await.unwrap();
        assert_eq!(seen(&store, &photos).await[0], None);
        let gone = store.write(|tx| {
            let now = tx.bucket(&photos.name)?.expect("the bucket is there");
            tx.delete_bucket(&now)
        });
        gone.await.unwrap();
        let row = keys::setting(photos.id, Setting::Cors as u8);
        let left = store.read(|tx| tx.get(Family::Buckets, row.clone())).await.unwrap();
        assert_eq!(left, None);
    }
}

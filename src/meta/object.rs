//! Objects: record, body rows, the slot through which every change of an object goes, and listings.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{BlobId, Bucket, BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::manifest::{Extent, Manifest};
use crate::name::{AccountId, ObjectKey};
use crate::quota::Change;

/// The current object of a key, with everything a listing shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Which bytes.
    pub blob: BlobId,
    /// Length in bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored.
    pub modified_millis: UnixMillis,
    /// Who stored it.
    pub owner: AccountId,
    /// Where the bytes are.
    pub body: Body,
    /// What is returned with it.
    pub headers: ObjectHeaders,
}

impl Record for Object {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an object";
}

/// Where an object's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// In the metadata, beside the record.
    Inline,
    /// In segment files, by a manifest beside the record.
    Segments,
}

/// The bytes of an object as the metadata has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// All of them.
    Inline(Bytes),
    /// Where they lie.
    Segments(Manifest),
}

impl Record for Manifest {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a manifest";
}

/// Extents that no record names any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRow {
    /// When their record went.
    pub millis: UnixMillis,
    /// Whose they were.
    pub blob: BlobId,
    /// The extents.
    pub extents: Vec<Extent>,
}

#[derive(Serialize, Deserialize)]
struct Swept(Vec<Extent>);

impl Record for Swept {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a sweep row";
}

/// A key of a bucket within one transaction, with what is stored there now. The only way to change an object, so
/// that growth is always computed from what the commit really replaces.
#[derive(Debug)]
pub struct Slot<'a> {
    bucket: &'a Bucket,
    row: Vec<u8>,
    current: Option<Object>,
}

impl Slot<'_> {
    /// What is stored there.
    #[must_use]
    pub fn current(&self) -> Option<&Object> {
        self.current.as_ref()
    }
}

impl Tx<'_> {
    /// The current object of a key.
    pub fn object(&mut self, bucket: BucketId, key: &ObjectKey) -> Result<Option<Object>> {
        self.get_record(Family::Objects, keys::object(bucket, key.as_str()))
    }

    /// Opens a key for change.
    pub fn slot<'a>(&mut self, bucket: &'a Bucket, key: &ObjectKey) -> Result<Slot<'a>> {
        let row = keys::object(bucket.id, key.as_str());
        let current = self.get_record(Family::Objects, row.clone())?;
        Ok(Slot { bucket, row, current })
    }

    /// The bytes of an object; `None` when the object was replaced or deleted since its record was read.
    pub fn stored(&mut self, object: &Object) -> Result<Option<Stored>> {
        let row = keys::body(object.blob);
        match object.body {
            Body::Inline => {
                let bytes = self.get_with(Family::Bodies, row, |value| Ok(value.map(Bytes::copy_from_slice)))?;
                Ok(bytes.map(Stored::Inline))
            }
            Body::Segments => Ok(self.get_record(Family::Bodies, row)?.map(Stored::Segments)),
        }
    }

    /// Stores an object, in place of what the slot holds.
    pub fn put_object(&mut self, slot: Slot<'_>, object: &Object, stored: &Stored) -> Result<()> {
        let change = Change::Put { old: slot.current.as_ref().map(|old| old.size), new: object.size };
        if let Some(old) = &slot.current {
            self.remove_body(old, object.modified_millis)?;
        }
        self.charge_change(slot.bucket, change)?;
        let value = match stored {
            Stored::Inline(bytes) => bytes.clone(),
            Stored::Segments(manifest) => {
                for extent in &manifest.extents {
                    let length = Bytes::copy_from_slice(&extent.length.to_be_bytes());
                    self.put(Family::Extents, keys::extent(extent.segment, extent.offset), length);
                }
                manifest.encode()?.into()
            }
        };
        self.put(Family::Bodies, keys::body(object.blob), value);
        self.put(Family::Objects, slot.row, object.encode()?.into());
        Ok(())
    }

    /// Removes what the slot holds, for good; an empty slot stays as it is.
    pub fn delete_object(&mut self, slot: Slot<'_>, now: UnixMillis) -> Result<()> {
        let Some(old) = &slot.current else { return Ok(()) };
        self.remove_body(old, now)?;
        self.charge_change(slot.bucket, Change::Delete { old: old.size })?;
        self.delete(Family::Objects, slot.row);
        Ok(())
    }

    fn remove_body(&mut self, old: &Object, now: UnixMillis) -> Result<()> {
        if old.body == Body::Segments {
            let Some(Stored::Segments(manifest)) = self.stored(old)? else {
                return Err(self.torn(format!("blob {:032x} has no manifest", old.blob.0)));
            };
            for extent in &manifest.extents {
                self.delete(Family::Extents, keys::extent(extent.segment, extent.offset));
            }
            self.put(Family::Sweep, keys::sweep(now, old.blob), Swept(manifest.extents).encode()?.into());
        }
        self.delete(Family::Bodies, keys::body(old.blob));
        Ok(())
    }

    /// The oldest extents to be freed, of records that went before `before`.
    pub fn sweep_rows(&mut self, before: UnixMillis, count_max: usize) -> Result<Vec<SweepRow>> {
        let end = keys::sweep(before, BlobId(0));
        let mut rows = Vec::new();
        self.scan(Family::Sweep, Bound::Unbounded, Some(&end), &mut |row, value| {
            let (millis, blob) = keys::parts_of_sweep(row).ok_or_else(|| damaged("a sweep key"))?;
            rows.push(SweepRow { millis, blob, extents: Swept::decode(value)?.0 });
            Ok(if rows.len() < count_max { Step::Next } else { Step::Stop })
        })?;
        Ok(rows)
    }

    /// Forgets extents that were freed.
    pub fn delete_sweep_row(&mut self, row: &SweepRow) {
        self.delete(Family::Sweep, keys::sweep(row.millis, row.blob));
    }

    /// Live extents of a segment, ascending.
    pub fn live_extents(&mut self, segment: u64) -> Result<Vec<Extent>> {
        let (from, to) = (keys::extent(segment, 0), segment.checked_add(1).map(|next| keys::extent(next, 0)));
        let mut extents = Vec::new();
        self.scan(Family::Extents, Bound::Included(&from), to.as_deref(), &mut |row, value| {
            extents.push(extent_of(row, value)?);
            Ok(Step::Next)
        })?;
        Ok(extents)
    }
}

pub(super) fn extent_of(row: &[u8], value: &[u8]) -> Result<Extent> {
    let (segment, offset) = keys::place_of_extent(row).ok_or_else(|| damaged("an extent key"))?;
    let length = value.try_into().map(u64::from_be_bytes).map_err(|_| damaged("an extent"))?;
    Ok(Extent { segment, offset, length })
}

fn damaged(what: &str) -> Error {
    Error::Corrupt(format!("{what} cannot be read"))
}

/// What to list of a bucket.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Keys that start with it.
    pub prefix: String,
    /// Keys, and common prefixes, after it.
    pub marker: String,
    /// Rolls up what follows the prefix, up to and with its first occurrence; empty for none.
    pub delimiter: String,
    /// Keys and common prefixes together; at most `limits::LIST_PAGE_COUNT_MAX`.
    pub count_max: usize,
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A key and its object.
    Object(String, Box<Object>),
    /// A common prefix.
    Prefix(String),
}

impl Listed {
    /// The key or prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Object(key, _) => key,
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// A page of a listing, in UTF-8 byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Rows.
    pub rows: Vec<Listed>,
    /// More rows follow.
    pub truncated: bool,
}

impl Tx<'_> {
    /// A page of a bucket's current objects. Skips what a common prefix rolls up by seeking, not by reading past it.
    pub fn page(&mut self, bucket: BucketId, query: &PageQuery) -> Result<Page> {
        let count_max = query.count_max.min(limits::LIST_PAGE_COUNT_MAX);
        let mut page = Page::default();
        if count_max == 0 {
            return Ok(page);
        }
        let prefix_row = keys::object(bucket, &query.prefix);
        let end = if query.prefix.is_empty() { keys::objects_end(bucket) } else { keys::prefix_end(&prefix_row) };
        let from = first_row(bucket, query, prefix_row);
        self.scan(Family::Objects, from.as_ref().map(Vec::as_slice), end.as_deref(), &mut |row, value| {
            if page.rows.len() == count_max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            let (_, key) = keys::key_of_object(row).ok_or_else(|| damaged("an object key"))?;
            match rolled_up(key, query) {
                Some(group) => {
                    page.rows.push(Listed::Prefix(group.to_owned()));
                    let skipped = keys::prefix_end(&keys::object(bucket, group));
                    Ok(skipped.map_or(Step::Stop, Step::SeekTo))
                }
                None => {
                    page.rows.push(Listed::Object(key.to_owned(), Box::new(Object::decode(value)?)));
                    Ok(Step::Next)
                }
            }
        })?;
        Ok(page)
    }
}

/// Where the page begins: after the marker, and after everything under it where it is itself a common prefix.
fn first_row(bucket: BucketId, query: &PageQuery, prefix_row: Vec<u8>) -> Bound<Vec<u8>> {
    if query.marker.is_empty() || query.marker.as_str() < query.prefix.as_str() {
        return Bound::Included(prefix_row);
    }
    if rolled_up(&query.marker, query) == Some(query.marker.as_str())
        && let Some(end) = keys::prefix_end(&keys::object(bucket, &query.marker))
    {
        return Bound::Included(end);
    }
    Bound::Excluded(keys::object(bucket, &query.marker))
}

/// The common prefix that `key` belongs to.
fn rolled_up<'k>(key: &'k str, query: &PageQuery) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let at = rest.find(query.delimiter.as_str())?;
    Some(&key[..query.prefix.len() + at + query.delimiter.len()])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, bucket, inline, key, put, store, store_over};
    use super::super::{MemoryEngine, Store, Tier, View, engine};
    use super::*;

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
            blob: BlobId(0x0000_0519_6e3d_5c10_0000_0000_dead_beef),
            size: 70_000,
            etag: "900150983cd24fb0d6963f7d28e17f72".to_owned(),
            modified_millis: NOW,
            owner: OWNER,
            body: Body::Segments,
            headers,
        };
        check_stored(
            "01effdb6f58d80808080a0f0eae3adc602f0a20420393030313530393833636432346662306436393633663764323865313766373\
             2cae29fbde429ef9bafcdf8acd19181a0c8a1e58ea6dddcfd0301010a746578742f706c61696e00010a6174746163686d656e7400\
             01086e6f2d63616368650101300106636f6c6f757204626c7565",
            &object,
        );
        let plain = Object {
            blob: BlobId(1),
            size: 3,
            etag: "e".to_owned(),
            modified_millis: 0,
            owner: AccountId(2),
            body: Body::Inline,
            headers: ObjectHeaders::default(),
        };
        check_stored("010103016500020000000000000000", &plain);
    }

    const FIRST: Extent = Extent { segment: 7, offset: 4096, length: 262_144 };
    const SECOND: Extent = Extent { segment: 8, offset: 0, length: 37_856 };

    fn manifest() -> Manifest {
        Manifest { length: 300_000, extents: vec![FIRST, SECOND], block_checksums: vec![0xdead_beef, 1] }
    }

    fn large() -> (Object, Stored) {
        let (object, _) = inline(0);
        (Object { size: 300_000, body: Body::Segments, ..object }, Stored::Segments(manifest()))
    }

    #[test]
    fn stored_manifests_and_sweep_rows_are_read_for_ever() {
        check_stored("01e0a712020780208080100800e0a70202effdb6f50d01", &manifest());
        let extents = |swept: Swept| swept.0;
        let stored = [1, 1, 7, 0x80, 0x20, 0x80, 0x80, 0x10];
        assert_eq!(extents(Swept::decode(&stored).unwrap()), [FIRST]);
        assert_eq!(Swept(vec![FIRST]).encode().unwrap(), stored);
    }

    #[tokio::test]
    async fn a_replaced_body_goes_to_the_sweep() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (old, body) = large();
        put(&store, &bucket, "k", &(old.clone(), body.clone())).await.unwrap();
        assert_eq!(store.read(|tx| tx.stored(&old)).await.unwrap(), Some(body));
        assert_eq!(store.read(|tx| tx.live_extents(7)).await.unwrap(), [FIRST]);
        let (new, body) = inline(5);
        let new = Object { modified_millis: NOW + 10, ..new };
        put(&store, &bucket, "k", &(new.clone(), body)).await.unwrap();
        assert_eq!(store.read(|tx| tx.stored(&old)).await.unwrap(), None);
        for segment in [7, 8] {
            assert_eq!(store.read(|tx| tx.live_extents(segment)).await.unwrap(), []);
        }
        assert_eq!(store.read(|tx| tx.sweep_rows(NOW + 10, 9)).await.unwrap(), [], "not before its time");
        let rows = store.read(|tx| tx.sweep_rows(NOW + 11, 9)).await.unwrap();
        assert_eq!(rows, [SweepRow { millis: NOW + 10, blob: old.blob, extents: vec![FIRST, SECOND] }]);
        let forget = store.write(|tx| {
            tx.delete_sweep_row(&rows[0]);
            Ok::<_, Error>(())
        });
        forget.await.unwrap();
        assert_eq!(store.read(|tx| tx.sweep_rows(u64::MAX, 9)).await.unwrap(), []);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (5, 1));
    }

    #[tokio::test]
    async fn the_oldest_sweep_rows_come_first_and_no_more_than_asked_for() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        for (age, called) in ["a", "b", "c"].into_iter().enumerate() {
            let (object, _) = inline(0);
            let extent = Extent { segment: 1, offset: age as u64, length: 1 };
            let manifest = Manifest { length: 1, extents: vec![extent], block_checksums: vec![0] };
            let object = Object { size: 1, body: Body::Segments, ..object };
            put(&store, &bucket, called, &(object, Stored::Segments(manifest))).await.unwrap();
            let delete = store.write(|tx| {
                let slot = tx.slot(&bucket, &key(called))?;
                tx.delete_object(slot, NOW - age as u64)
            });
            delete.await.unwrap();
        }
        let rows = store.read(|tx| tx.sweep_rows(NOW + 1, 2)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.millis).collect::<Vec<_>>(), [NOW - 2, NOW - 1]);
    }

    /// A view that counts the rows it shows.
    #[derive(Debug, Default)]
    struct Counting {
        engine: Arc<MemoryEngine>,
        row_count: AtomicUsize,
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
                self.row_count.fetch_add(1, Ordering::Relaxed);
                visit(key, value)
            })
        }
    }

    impl Counting {
        /// The names on a page, whether more follow, and how many rows were read for it.
        fn page(&self, bucket: &Bucket, query: &PageQuery) -> (Vec<String>, bool, usize) {
            self.row_count.store(0, Ordering::Relaxed);
            let store = store_over(self.engine.clone());
            let page = Tx::new(&store, self, Tier::Disk, 0, false).page(bucket.id, query).unwrap();
            let names = page.rows.iter().map(|row| row.name().to_owned()).collect();
            (names, page.truncated, self.row_count.load(Ordering::Relaxed))
        }
    }

    async fn filled(store: &Store) -> Bucket {
        let bucket = bucket(store, OWNER, "photos", 0).await;
        for group in ["a/", "b/x/", "c/"] {
            for index in 0..100 {
                put(store, &bucket, &format!("{group}{index:03}"), &inline(0)).await.unwrap();
            }
        }
        put(store, &bucket, "b", &inline(0)).await.unwrap();
        // Another bucket's keys lie all around.
        for called in ["aaa", "zzz"] {
            let other = self::bucket(store, OWNER, called, 0).await;
            put(store, &other, "b/other", &inline(0)).await.unwrap();
        }
        bucket
    }

    #[tokio::test]
    async fn a_page_skips_what_it_rolls_up() {
        let counting = Counting::default();
        let bucket = filled(&store_over(counting.engine.clone())).await;
        let query = |prefix: &str, marker: &str, count_max| PageQuery {
            prefix: prefix.to_owned(),
            marker: marker.to_owned(),
            delimiter: "/".to_owned(),
            count_max,
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = counting.page(&bucket, &query("", "", 9));
        assert_eq!(all, (names(&["a/", "b", "b/", "c/"]), false, 4), "one row a name, of 301");
        let first = counting.page(&bucket, &query("", "", 3));
        assert_eq!(first, (names(&["a/", "b", "b/"]), true, 4), "one row further tells that more follow");
        assert_eq!(
            counting.page(&bucket, &query("", "b/", 3)),
            (names(&["c/"]), false, 1),
            "the marker's group is over"
        );
        assert_eq!(counting.page(&bucket, &query("b/", "", 9)), (names(&["b/x/"]), false, 1));
        let (keys, truncated, row_count) = counting.page(&bucket, &query("c/", "c/050", 10));
        assert_eq!((keys.first().map(String::as_str), truncated, row_count), (Some("c/051"), true, 11));
        assert_eq!(counting.page(&bucket, &query("", "", 0)), (names(&[]), false, 0));
        assert_eq!(counting.page(&bucket, &query("d", "", 9)), (names(&[]), false, 0));
        assert_eq!(
            counting.page(&bucket, &query("a/", "b", 9)),
            (names(&[]), false, 0),
            "the marker is behind the prefix"
        );
    }
}

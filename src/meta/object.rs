//! Objects: record, body rows, the slot through which every change of an object goes, and listings.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Charge, Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{BlobId, Bucket, BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::manifest::{Extent, Manifest};
use crate::name::{AccountId, ObjectKey};
use crate::quota::{self, Change, Holder, Limits};

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
        self.charge_change(slot.bucket, change);
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
        self.charge_change(slot.bucket, Change::Delete { old: old.size });
        self.delete(Family::Objects, slot.row);
        Ok(())
    }

    /// The one place where object bytes meet the counters.
    fn charge_change(&mut self, bucket: &Bucket, change: Change) {
        let growth = quota::growth(change);
        self.charge(Charge {
            counter: keys::bucket_counter(bucket.id),
            holder: Holder::Bucket,
            growth,
            limits: bucket.limits(),
            close: false,
        });
        self.charge(Charge {
            counter: keys::account_counter(bucket.owner),
            holder: Holder::Account,
            growth,
            limits: Limits::default(),
            close: false,
        });
    }

    fn remove_body(&mut self, old: &Object, now: UnixMillis) -> Result<()> {
        if old.body == Body::Segments {
            let Some(Stored::Segments(manifest)) = self.stored(old)? else {
                return Err(Error::Corrupt(format!("blob {:032x} has no manifest", old.blob.0)));
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

//! Unfinished multipart uploads: their records, their parts, and how they end. Parts of one upload never conflict with
//! each other; completing or aborting it conflicts with every part that comes meanwhile, so none slips by.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::body::{Body, Piece, Source, Stored, damaged};
use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::object::{Checksum, ChecksumAlgorithm, Object};
use super::record::Record;
use super::slot::Slot;
use super::store::Tx;
use super::version::{Kept, Version, VersionId};
use super::{BlobId, BucketId, Result, keys};
use crate::attributes::Attributes;
use crate::clock::UnixMillis;
use crate::headers::ObjectHeaders;
use crate::limits;
use crate::name::{AccountId, ObjectKey};
use crate::quota::{Change, Held};
use crate::storage_class::StorageClass;

/// Identity of an upload: 8 bytes of time in microseconds, 8 random. On the wire 32 upper-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId(pub u128);

impl UploadId {
    /// A new identity; those minted later are larger.
    #[must_use]
    pub fn mint(now: UnixMillis) -> Self {
        Self(BlobId::mint(now).0)
    }

    /// Reads an id; `None` for what no upload was ever called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        u128::from_str_radix(is_id.then_some(text)?, 16).ok().map(Self)
    }

    /// When it was minted, in microseconds.
    fn minted_micros(self) -> u64 {
        u64::try_from(self.0 >> 64).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032X}", self.0)
    }
}

/// An unfinished upload: what the object it becomes is made of, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// When it was begun.
    pub initiated_millis: UnixMillis,
    /// Who began it; [`AccountId::NOBODY`] without a signature.
    pub initiator: AccountId,
    /// Whose the object will be.
    pub owner: AccountId,
    /// What is returned with the object.
    pub headers: ObjectHeaders,
    /// How the object is kept.
    pub storage_class: StorageClass,
    /// The rarer things a client may set.
    pub attributes: Option<Box<Attributes>>,
    /// Begun in the words of S3, whose rules then hold for it to its end.
    pub is_s3: bool,
    /// The checksum asked for, and whether it is one of the parts' checksums.
    pub checksum: Option<(ChecksumAlgorithm, bool)>,
}

impl Record for Upload {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an upload";
}

/// A part of an unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which bytes.
    pub blob: BlobId,
    /// Where the bytes are.
    pub body: Body,
    /// Length in bytes.
    pub size: u64,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// When it was stored.
    pub modified_millis: UnixMillis,
    /// CRC-64 (ECMA-182), where a client sent one.
    pub crc64: Option<u64>,
    /// The checksum it was stored with, where a client asked for one.
    pub checksum: Option<Checksum>,
}

impl Record for Part {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a part";
}

/// An unfinished upload within one transaction, which relies on its being unfinished.
#[derive(Debug)]
pub struct OpenUpload {
    bucket: BucketId,
    key: ObjectKey,
    id: UploadId,
    upload: Upload,
}

impl OpenUpload {
    /// Its record.
    #[must_use]
    pub fn upload(&self) -> &Upload {
        &self.upload
    }

    /// What the rows of its parts start with.
    pub(super) fn part_rows(&self) -> Vec<u8> {
        keys::parts(self.bucket, self.id)
    }

    /// The row of a part.
    pub(super) fn part_row(&self, number: u16) -> Vec<u8> {
        keys::part(self.bucket, self.id, number)
    }

    fn row(&self) -> Vec<u8> {
        keys::upload(self.bucket, self.key.as_str(), self.id)
    }

    fn token_row(&self) -> Vec<u8> {
        keys::part_token(self.bucket, self.id)
    }
}

impl Tx<'_> {
    /// Begins an upload. `bucket` is its record as this transaction read it, `id` freshly minted.
    pub fn begin_upload(&mut self, bucket: &Bucket, key: &ObjectKey, id: UploadId, upload: &Upload) -> Result<()> {
        self.charge_change(bucket, Change::default().comes(Held::Upload))?;
        self.put(Family::Uploads, keys::upload(bucket.id, key.as_str(), id), upload.encode()?.into());
        Ok(())
    }

    /// An unfinished upload; `None` where there is none of that id to that key.
    pub fn open_upload(&mut self, bucket: BucketId, key: &ObjectKey, id: UploadId) -> Result<Option<OpenUpload>> {
        let upload: Option<Upload> = self.get_record(Family::Uploads, keys::upload(bucket, key.as_str(), id))?;
        Ok(upload.map(|upload| OpenUpload { bucket, key: key.clone(), id, upload }))
    }

    /// A part of an upload.
    pub fn part(&mut self, open: &OpenUpload, number: u16) -> Result<Option<Part>> {
        self.get_record(Family::Uploads, open.part_row(number))
    }

    /// Stores a part whose bytes are `stored`; the part of that number goes. `bucket` is its record as this transaction
    /// read it.
    pub fn put_part(
        &mut self,
        bucket: &Bucket,
        open: &OpenUpload,
        number: u16,
        part: &Part,
        stored: &Stored,
    ) -> Result<()> {
        let mut change = Change::default().comes(Held::Part(part.size));
        if let Some(old) = self.part(open, number)? {
            change = change.gone(Held::Part(old.size));
            self.release(old.blob, old.body, part.modified_millis)?;
        }
        self.charge_change(bucket, change)?;
        self.put_body(part.blob, stored)?;
        self.put(Family::Uploads, open.part_row(number), part.encode()?.into());
        // Nobody who stores a part reads this row: parts do not meet. Whoever ends the upload does.
        let key = Bytes::copy_from_slice(open.key.as_str().as_bytes());
        self.put(Family::Uploads, open.token_row(), key);
        Ok(())
    }

    /// Stores a part that is made of pieces of other bodies, which this transaction read: they get one more reference
    /// each.
    pub fn put_copied_part(
        &mut self,
        bucket: &Bucket,
        open: &OpenUpload,
        number: u16,
        part: &Part,
        pieces: Vec<Piece>,
    ) -> Result<()> {
        let mut added = BTreeMap::new();
        for piece in &pieces {
            if let Source::Blob { blob, .. } = piece.source {
                *added.entry(blob).or_default() += 1;
            }
        }
        self.retain(&added)?;
        self.put_part(bucket, open, number, part, &Stored::Pieces(pieces))
    }

    /// All parts of an upload, by number; the commit relies on there being no others.
    pub fn all_parts(&mut self, open: &OpenUpload) -> Result<BTreeMap<u16, Part>> {
        // Written with every part: while it stands, so does what the scan sees.
        self.get_with(Family::Uploads, open.token_row(), |_| Ok(()))?;
        let prefix = open.part_rows();
        let mut parts = BTreeMap::new();
        self.scan(
            Family::Uploads,
            Bound::Included(&prefix),
            keys::prefix_end(&prefix).as_deref(),
            &mut |row, value| {
                let (_, _, number) = keys::parts_of_part(row).ok_or_else(|| damaged("a part's key"))?;
                parts.insert(number, Part::decode(value)?);
                Ok(Step::Next)
            },
        )?;
        Ok(parts)
    }

    /// What the parts of these numbers make together; `None` where that is more than `limits::PIECE_COUNT_MAX` pieces.
    pub fn composed(&mut self, parts: &BTreeMap<u16, Part>, chosen: &[u16]) -> Result<Option<Vec<Piece>>> {
        let mut whole = Vec::with_capacity(chosen.len());
        for (number, part) in chosen.iter().filter_map(|number| Some((*number, parts.get(number)?))) {
            let pieces = self.pieces_of(part.blob, part.body, part.size)?;
            if whole.len() + pieces.len() > limits::PIECE_COUNT_MAX {
                return Ok(None);
            }
            whole.extend(pieces.into_iter().map(|piece| Piece { part: number, ..piece }));
        }
        Ok(Some(whole))
    }

    /// Ends an upload with an object, as the newest version of its key. `parts` are all it has, `chosen` those whose
    /// `pieces` the object is made of, in order; the others are let go. Size and place of the object's bytes are given
    /// here, and no byte is copied.
    pub fn complete_upload(
        &mut self,
        slot: Slot<'_>,
        open: &OpenUpload,
        parts: &BTreeMap<u16, Part>,
        (chosen, pieces): (&[u16], Vec<Piece>),
        object: &Object,
    ) -> Result<Version> {
        let mut change = Change::default().gone(Held::Upload);
        for (number, part) in parts {
            change = change.gone(Held::Part(part.size));
            self.delete(Family::Uploads, open.part_row(*number));
            let is_chosen = chosen.binary_search(number).is_ok();
            match part.body {
                _ if !is_chosen => self.release(part.blob, part.body, object.modified_millis)?,
                // Its pieces have moved to the object's list, each with its reference. Nobody else has this list.
                Body::Pieces => self.delete(Family::Bodies, keys::body(part.blob)),
                // An empty body is no piece.
                Body::Inline | Body::Segments if part.size == 0 => {
                    self.release(part.blob, part.body, object.modified_millis)?;
                }
                Body::Inline | Body::Segments => {}
            }
        }
        self.forget_upload(open);
        let size = pieces.iter().map(|piece| piece.length).sum();
        let stored = if pieces.is_empty() { Stored::Inline(Bytes::new()) } else { Stored::Pieces(pieces) };
        let object = Object { size, body: stored.body(), ..object.clone() };
        self.put_body(object.blob, &stored)?;
        self.place_for(slot, &object, change)
    }

    /// Ends an upload with nothing: all its parts are let go. `bucket` is its record as this transaction read it.
    pub fn abort_upload(&mut self, bucket: &Bucket, open: &OpenUpload, now: UnixMillis) -> Result<()> {
        let mut change = Change::default().gone(Held::Upload);
        for (number, part) in self.all_parts(open)? {
            change = change.gone(Held::Part(part.size));
            self.delete(Family::Uploads, open.part_row(number));
            self.release(part.blob, part.body, now)?;
        }
        self.forget_upload(open);
        self.charge_change(bucket, change)
    }

    fn forget_upload(&mut self, open: &OpenUpload) {
        self.delete(Family::Uploads, open.token_row());
        self.delete(Family::Uploads, open.row());
    }

    /// The object that an upload was completed with, while it is there: the current one of its key, or one of the newest
    /// `limits::COMPLETED_SEARCH_COUNT_MAX` older versions that are not older than the upload.
    pub fn completed(&mut self, bucket: BucketId, key: &ObjectKey, id: UploadId) -> Result<Option<Object>> {
        let is_it = |object: &Object| {
            let upload = object.state.as_ref().and_then(|state| state.upload);
            upload.is_some_and(|upload| upload.id == id.0)
        };
        if let Some(object) = self.object(bucket, key)?.filter(is_it) {
            return Ok(Some(object));
        }
        // Its order may be from a time before the bucket had versions.
        if let Some(Kept::Object(object)) = self.kept(bucket, key, VersionId::Null)?
            && is_it(&object)
        {
            return Ok(Some(*object));
        }
        let prefix = keys::versions_of(bucket, key.as_str());
        let (mut found, mut left) = (None, limits::COMPLETED_SEARCH_COUNT_MAX);
        self.scan(
            Family::Versions,
            Bound::Included(&prefix),
            keys::prefix_end(&prefix).as_deref(),
            &mut |_, value| {
                let kept = Kept::decode(value)?;
                let is_too_old = kept.version().order < id.minted_micros();
                if let Kept::Object(object) = kept
                    && is_it(&object)
                {
                    found = Some(*object);
                }
                left -= 1;
                Ok(if found.is_some() || is_too_old || left == 0 { Step::Stop } else { Step::Next })
            },
        )?;
        Ok(found)
    }
}

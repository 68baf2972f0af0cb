//! Bodies: the bytes of an object as the metadata has them, how many records name them, and what is let go.
//!
//! A small body is a row of its own and goes with its record. Larger ones lie in segments and may be shared: a copy
//! adds a reference. A composed body (multipart, append, changed in place) is a list of pieces of other bodies.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{Family, Step};
use super::object::Object;
use super::record::Record;
use super::store::Tx;
use super::{BlobId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::manifest::{Extent, Manifest};

/// Where an object's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Body {
    /// In the metadata, beside the record.
    Inline,
    /// In segment files, by a manifest beside the record.
    Segments,
    /// In other bodies, by a list beside the record.
    Pieces,
}

/// The bytes of an object as the metadata has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// All of them.
    Inline(Bytes),
    /// Where they lie.
    Segments(Manifest),
    /// What they are made of, in order; at most `limits::PIECE_COUNT_MAX`.
    Pieces(Vec<Piece>),
}

impl Stored {
    /// Where it says the bytes are.
    #[must_use]
    pub fn body(&self) -> Body {
        match self {
            Self::Inline(_) => Body::Inline,
            Self::Segments(_) => Body::Segments,
            Self::Pieces(_) => Body::Pieces,
        }
    }
}

/// A stretch of a composed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Length in bytes; never 0.
    pub length: u64,
    /// Number of the part it was uploaded with; 0 for none.
    pub part: u16,
    /// Where its bytes come from.
    pub source: Source,
}

/// Where the bytes of a piece come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// From nowhere: a hole reads as zeros.
    Zeros,
    /// From another body.
    Blob {
        /// Which.
        blob: BlobId,
        /// Where it is; never [`Body::Pieces`].
        body: Body,
        /// First byte of it that belongs to the piece.
        start: u64,
    },
}

impl Piece {
    /// A whole body as one piece.
    #[must_use]
    pub fn whole(blob: BlobId, body: Body, length: u64, part: u16) -> Self {
        Self { length, part, source: Source::Blob { blob, body, start: 0 } }
    }

    /// The stretch of it from `from`, `length` bytes long; both within the piece.
    #[must_use]
    pub fn slice(self, from: u64, length: u64) -> Self {
        let source = match self.source {
            Source::Zeros => Source::Zeros,
            Source::Blob { blob, body, start } => Source::Blob { blob, body, start: start + from },
        };
        Self { length, source, ..self }
    }
}

/// The stretch from `from` to `to` of what `pieces` make together.
#[must_use]
pub fn slice_pieces(pieces: &[Piece], from: u64, to: u64) -> Vec<Piece> {
    let mut sliced = Vec::new();
    let mut at = 0;
    for piece in pieces {
        let (start, end) = (from.max(at), to.min(at + piece.length));
        if start < end {
            sliced.push(piece.slice(start - at, end - start));
        }
        at += piece.length;
    }
    sliced
}

impl Record for Manifest {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a manifest";
}

/// The list of a composed body.
#[derive(Serialize, Deserialize)]
pub(super) struct Pieces(pub(super) Vec<Piece>);

impl Record for Pieces {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "a list of pieces";
}

/// Something that a record has let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRow {
    row: Vec<u8>,
    /// When.
    pub millis: UnixMillis,
    /// What.
    pub what: LetGo,
}

/// What a record has let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LetGo {
    /// One reference to a blob.
    Blob {
        /// Which.
        blob: BlobId,
        /// Where its bytes are.
        body: Body,
    },
    /// Extents that nothing names any more.
    Extents(Vec<Extent>),
}

impl Record for LetGo {
    const FORMAT: u8 = 2;
    const KIND: &'static str = "a sweep row";

    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        (format == 1).then(|| postcard::from_bytes::<Vec<Extent>>(bytes).map(Self::Extents))
    }
}

impl Tx<'_> {
    /// The bytes of an object; `None` when the object was replaced or deleted since its record was read.
    pub fn stored(&mut self, object: &Object) -> Result<Option<Stored>> {
        self.stored_at(object.blob, object.body)
    }

    /// The bytes of an object whose record this transaction has read. Where they are gone the record is, too, and the
    /// transaction runs again.
    pub fn stored_with(&mut self, object: &Object) -> Result<Stored> {
        match self.stored(object)? {
            Some(stored) => Ok(stored),
            None => Err(Error::Corrupt(format!("the body of blob {:032x} is missing", object.blob.0))),
        }
    }

    /// The bytes of a blob; `None` when it is gone.
    pub fn stored_at(&mut self, blob: BlobId, body: Body) -> Result<Option<Stored>> {
        let row = keys::body(blob);
        Ok(match body {
            Body::Inline => {
                let bytes = self.get_with(Family::Bodies, row, |value| Ok(value.map(Bytes::copy_from_slice)))?;
                bytes.map(Stored::Inline)
            }
            Body::Segments => self.get_record(Family::Bodies, row)?.map(Stored::Segments),
            Body::Pieces => self.get_record(Family::Bodies, row)?.map(|Pieces(pieces)| Stored::Pieces(pieces)),
        })
    }

    /// What a body is made of, as pieces.
    pub fn pieces_of(&mut self, blob: BlobId, body: Body, length: u64) -> Result<Vec<Piece>> {
        match body {
            Body::Inline | Body::Segments if length == 0 => Ok(Vec::new()),
            Body::Inline | Body::Segments => Ok(vec![Piece::whole(blob, body, length, 0)]),
            Body::Pieces => match self.stored_at(blob, body)? {
                Some(Stored::Pieces(pieces)) => Ok(pieces),
                _ => Err(Error::Corrupt(format!("blob {:032x} has no list of pieces", blob.0))),
            },
        }
    }

    /// Writes a body under its blob; one that is there is replaced. Whoever names it first has its first reference.
    /// The references of a list to its pieces are the caller's business.
    pub(super) fn put_body(&mut self, blob: BlobId, stored: &Stored) -> Result<()> {
        let value = match stored {
            Stored::Inline(bytes) => bytes.clone(),
            Stored::Segments(manifest) => {
                for extent in &manifest.extents {
                    let length = Bytes::copy_from_slice(&extent.length.to_be_bytes());
                    self.put(Family::Extents, keys::extent(extent.segment, extent.offset), length);
                }
                manifest.encode()?.into()
            }
            Stored::Pieces(pieces) => Pieces(pieces.clone()).encode()?.into(),
        };
        self.put(Family::Bodies, keys::body(blob), value);
        Ok(())
    }

    /// How many records name a blob.
    pub(super) fn references(&mut self, blob: BlobId) -> Result<u32> {
        let stored = self.get(Family::References, keys::references(blob))?;
        let count = stored.map_or(Ok(1), |bytes| bytes.as_slice().try_into().map(u32::from_be_bytes));
        count.map_err(|_| Error::Corrupt("a reference count is not a number".to_owned()))
    }

    /// Adds references to blobs that a record read in this transaction names, as many as `added` has them. Once in a
    /// transaction for a blob, for reads do not see what was written.
    pub(super) fn retain(&mut self, added: &BTreeMap<BlobId, u32>) -> Result<()> {
        for (blob, count) in added {
            let count = self.references(*blob)?.saturating_add(*count);
            self.put(Family::References, keys::references(*blob), Bytes::copy_from_slice(&count.to_be_bytes()));
        }
        Ok(())
    }

    /// Gives up the body of a record that goes: a small one goes at once, of any other one reference. `now` is when
    /// readers that began earlier may still hold the record.
    pub(super) fn release(&mut self, blob: BlobId, body: Body, now: UnixMillis) -> Result<()> {
        match body {
            Body::Inline => {
                self.delete(Family::Bodies, keys::body(blob));
                Ok(())
            }
            Body::Segments | Body::Pieces => self.let_go(&LetGo::Blob { blob, body }, now),
        }
    }

    /// Leaves something to the sweep.
    pub(super) fn let_go(&mut self, what: &LetGo, now: UnixMillis) -> Result<()> {
        self.put(Family::Sweep, keys::sweep(now, rand::random()), what.encode()?.into());
        Ok(())
    }

    /// The oldest things that were let go before `before`.
    pub fn sweep_rows(&mut self, before: UnixMillis, count_max: usize) -> Result<Vec<SweepRow>> {
        let end = keys::sweep(before, 0);
        let mut rows = Vec::new();
        self.scan(Family::Sweep, Bound::Unbounded, Some(&end), &mut |row, value| {
            let millis = keys::time_of_sweep(row).ok_or_else(|| damaged("a sweep key"))?;
            rows.push(SweepRow { row: row.to_vec(), millis, what: LetGo::decode(value)? });
            Ok(if rows.len() < count_max { Step::Next } else { Step::Stop })
        })?;
        Ok(rows)
    }

    /// The extents that nothing names once `rows` are swept: to be freed before [`Tx::sweep`] forgets them.
    pub fn extents_to_free(&mut self, rows: &[SweepRow]) -> Result<Vec<Extent>> {
        let mut extents = Vec::new();
        for row in rows {
            if let LetGo::Extents(gone) = &row.what {
                extents.extend_from_slice(gone);
            }
        }
        for ((blob, body), count) in references_gone(rows) {
            if body == Body::Segments
                && self.references(blob)? <= count
                && let Some(Stored::Segments(manifest)) = self.stored_at(blob, body)?
            {
                extents.extend(manifest.extents);
            }
        }
        Ok(extents)
    }

    /// Takes `rows` off the list: references are fewer, and what has none is gone. The pieces of a composed body are
    /// let go in its place.
    pub fn sweep(&mut self, rows: &[SweepRow]) -> Result<()> {
        let oldest = rows.iter().map(|row| row.millis).min().unwrap_or_default();
        for ((blob, body), count) in references_gone(rows) {
            let references = self.references(blob)?;
            if references > count {
                let left = references - count;
                let row = keys::references(blob);
                if left == 1 {
                    self.delete(Family::References, row);
                } else {
                    self.put(Family::References, row, Bytes::copy_from_slice(&left.to_be_bytes()));
                }
                continue;
            }
            match self.stored_at(blob, body)? {
                Some(Stored::Segments(manifest)) => {
                    for extent in &manifest.extents {
                        self.delete(Family::Extents, keys::extent(extent.segment, extent.offset));
                    }
                }
                Some(Stored::Pieces(pieces)) => {
                    self.let_go_pieces(&pieces, oldest)?;
                    self.forget_parts(blob);
                }
                Some(Stored::Inline(_)) | None => {}
            }
            if references > 1 {
                self.delete(Family::References, keys::references(blob));
            }
            self.delete(Family::Bodies, keys::body(blob));
        }
        for row in rows {
            self.delete(Family::Sweep, row.row.clone());
        }
        Ok(())
    }

    /// Leaves what pieces hold to the sweep.
    pub(super) fn let_go_pieces(&mut self, pieces: &[Piece], now: UnixMillis) -> Result<()> {
        for piece in pieces {
            if let Source::Blob { blob, body, .. } = piece.source {
                self.let_go(&LetGo::Blob { blob, body }, now)?;
            }
        }
        Ok(())
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

/// How many references to each blob `rows` give up.
fn references_gone(rows: &[SweepRow]) -> BTreeMap<(BlobId, Body), u32> {
    let mut gone = BTreeMap::new();
    for row in rows {
        if let LetGo::Blob { blob, body } = row.what {
            *gone.entry((blob, body)).or_default() += 1;
        }
    }
    gone
}

pub(super) fn extent_of(row: &[u8], value: &[u8]) -> Result<Extent> {
    let (segment, offset) = keys::place_of_extent(row).ok_or_else(|| damaged("an extent key"))?;
    let length = value.try_into().map(u64::from_be_bytes).map_err(|_| damaged("an extent"))?;
    Ok(Extent { segment, offset, length })
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Corrupt(format!("{what} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::check_stored;
    use super::super::testing::{NOW, OWNER, bucket, inline, key, put, store};
    use super::super::{Store, verify};
    use super::*;

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
    fn stored_manifests_lists_and_sweep_rows_are_read_for_ever() {
        check_stored("01e0a712020780208080100800e0a70202effdb6f50d01", &manifest());
        check_stored("01010780208080 10".replace(' ', "").as_str(), &LetGo::Extents(vec![FIRST]));
        check_stored("02000701", &LetGo::Blob { blob: BlobId(7), body: Body::Segments });
        let pieces = vec![
            Piece { length: 300, part: 2, source: Source::Zeros },
            Piece { length: 1, part: 0, source: Source::Blob { blob: BlobId(9), body: Body::Inline, start: 5 } },
        ];
        let stored = Pieces(pieces.clone()).encode().unwrap();
        assert_eq!(stored, [1, 2, 0xac, 2, 2, 0, 1, 0, 1, 9, 0, 5]);
        assert_eq!(Pieces::decode(&stored).unwrap().0, pieces);
    }

    #[test]
    fn stretches_are_cut_from_pieces() {
        let blob = |id, start| Source::Blob { blob: BlobId(id), body: Body::Segments, start };
        let piece = |length, part, source| Piece { length, part, source };
        let all = [piece(10, 1, blob(1, 0)), piece(5, 0, Source::Zeros), piece(10, 2, blob(2, 100))];
        let check = |from, to, expected: &[Piece]| assert_eq!(slice_pieces(&all, from, to), expected, "{from}..{to}");
        check(0, 25, &all);
        check(0, 0, &[]);
        check(3, 10, &[piece(7, 1, blob(1, 3))]);
        check(9, 16, &[piece(1, 1, blob(1, 9)), piece(5, 0, Source::Zeros), piece(1, 2, blob(2, 100))]);
        check(12, 14, &[piece(2, 0, Source::Zeros)]);
        check(17, 99, &[piece(8, 2, blob(2, 102))]);
        check(25, 30, &[]);
    }

    /// Sweeps whatever was let go before `NOW + 100`; the extents that were to be freed.
    async fn swept(store: &Store) -> Vec<Extent> {
        let mut freed = Vec::new();
        loop {
            let rows = store.read(|tx| tx.sweep_rows(NOW + 100, 9)).await.unwrap();
            if rows.is_empty() {
                return freed;
            }
            freed.extend(store.read(|tx| tx.extents_to_free(&rows)).await.unwrap());
            store.write(|tx| tx.sweep(&rows)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_replaced_body_goes_to_the_sweep() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (old, body) = large();
        put(&store, &bucket, "k", &(old.clone(), body.clone())).await.unwrap();
        assert_eq!(store.read(|tx| tx.stored(&old)).await.unwrap(), Some(body.clone()));
        assert_eq!(store.read(|tx| tx.live_extents(7)).await.unwrap(), [FIRST]);
        let (new, small) = inline(5);
        let new = Object { modified_millis: NOW + 10, ..new };
        put(&store, &bucket, "k", &(new.clone(), small)).await.unwrap();
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (5, 1), "the bytes count no more");
        assert_eq!(store.read(|tx| tx.stored(&old)).await.unwrap(), Some(body), "readers may still be at work");
        assert_eq!(store.read(|tx| tx.sweep_rows(NOW + 10, 9)).await.unwrap(), [], "not before its time");
        let damaged = &mut |_: &Manifest| Some("is damaged".to_owned());
        assert_eq!(verify(store.engine(), damaged).unwrap().differences, [], "nobody reads it any more");
        assert_eq!(swept(&store).await, [FIRST, SECOND]);
        assert_eq!(store.read(|tx| tx.stored(&old)).await.unwrap(), None);
        for segment in [7, 8] {
            assert_eq!(store.read(|tx| tx.live_extents(segment)).await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn a_shared_body_goes_with_its_last_reference() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (first, body) = large();
        put(&store, &bucket, "first", &(first.clone(), body)).await.unwrap();
        for copy in ["second", "third"] {
            let shared = store.write(|tx| {
                let source = tx.object(bucket.id, &key("first"))?.expect("it was put");
                let slot = tx.slot(&bucket, &key(copy))?;
                tx.put_shared(slot, &source)
            });
            shared.await.unwrap();
        }
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (900_000, 3), "a copy is charged in full");
        let delete = async |called: &str| {
            let deleted = store.write(|tx| {
                let slot = tx.slot(&bucket, &key(called))?;
                tx.delete_object(slot, OWNER, NOW)
            });
            deleted.await.unwrap();
        };
        // Two at once are two references.
        delete("first").await;
        delete("third").await;
        assert_eq!(swept(&store).await, []);
        assert_eq!(store.read(|tx| tx.references(first.blob)).await.unwrap(), 1);
        delete("second").await;
        assert_eq!(swept(&store).await, [FIRST, SECOND]);
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
    }

    #[tokio::test]
    async fn a_composed_body_lets_its_pieces_go() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (part, body) = large();
        let small = BlobId(77);
        let pieces = vec![
            Piece::whole(part.blob, Body::Segments, 300_000, 1),
            Piece::whole(small, Body::Inline, 5, 2),
            Piece { length: 10, part: 0, source: Source::Zeros },
        ];
        let (whole, _) = inline(0);
        let whole = Object { size: 300_015, body: Body::Pieces, ..whole };
        let composed = store.write(|tx| {
            tx.put_body(part.blob, &body)?;
            tx.put_body(small, &Stored::Inline(Bytes::from_static(b"12345")))?;
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.put_object(slot, &whole, &Stored::Pieces(pieces.clone()))
        });
        composed.await.unwrap();
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        assert_eq!(store.read(|tx| tx.pieces_of(whole.blob, whole.body, whole.size)).await.unwrap(), pieces);
        put(&store, &bucket, "k", &inline(1)).await.unwrap();
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        assert_eq!(swept(&store).await, [FIRST, SECOND]);
        assert_eq!(store.read(|tx| tx.stored_at(small, Body::Inline)).await.unwrap(), None);
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
    }

    #[tokio::test]
    async fn the_oldest_sweep_rows_come_first() {
        let store = store();
        for age in 0..3 {
            let gone = store.write(|tx| tx.let_go(&LetGo::Extents(vec![FIRST]), NOW - age));
            gone.await.unwrap();
        }
        let rows = store.read(|tx| tx.sweep_rows(NOW + 1, 2)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.millis).collect::<Vec<_>>(), [NOW - 2, NOW - 1]);
    }
}

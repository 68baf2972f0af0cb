//! Changes of an object's bytes: new ones written at a position, or the end moved. No byte that stays is copied, except
//! where small bodies meet: what stays is named again, piece by piece, by the list of a composed body.
//!
//! Each piece of each list owns one reference to its blob. A list that a copy shares is left alone; a list of one's own
//! is rewritten under its blob, which readers of composed bodies know: they read record and list from one frozen state.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::body::{Body, LetGo, Piece, Source, Stored, slice_pieces};
use super::object::Object;
use super::slot::Slot;
use super::store::Tx;
use super::version::Version;
use super::{BlobId, Error, Result};
use crate::clock::UnixMillis;
use crate::limits;
use crate::quota::{Change, Held};

/// New bytes for a stretch of an object.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// Where they go. What lies between the end of the object and a position behind it reads as zeros.
    pub position: u64,
    /// How many they are.
    pub length: u64,
    /// Under which identity; nothing has it yet.
    pub blob: BlobId,
    /// Where they are; never a list of pieces.
    pub stored: &'a Stored,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It is done; the object is this version of its key.
    Done(Version),
    /// The object would have more than `limits::PIECE_COUNT_MAX` pieces. Nothing was written.
    TooManyPieces,
}

/// How the bytes of an object lie after a change.
enum Shape {
    /// All in one body of so many bytes, which is still to be written.
    Whole(BlobId, Stored, u64),
    /// In pieces, one of them perhaps a body that is still to be written.
    Pieces(Vec<Piece>, Option<(BlobId, Stored)>),
}

/// References by blob.
type References = BTreeMap<BlobId, (Body, u32)>;

impl Tx<'_> {
    /// Writes bytes into the current object of a key, or into a new one where there is none. The object ends at the
    /// end of the patch or where it ended before, whichever is later, and stays the version it is.
    ///
    /// `object` is its record as it shall be, but for version, size and body, which are seen to here. A protected object
    /// is [`Error::Locked`](super::Error::Locked), here and in [`Tx::truncate_object`].
    pub fn patch_object(&mut self, slot: Slot<'_>, object: &Object, patch: &Patch<'_>) -> Result<Edited> {
        let old = self.pieces_in(&slot)?;
        let old_size = size_of(&old);
        let mut pieces = slice_pieces(&old, 0, patch.position);
        if patch.position > old_size {
            push_zeros(&mut pieces, patch.position - old_size);
        }
        if patch.length > 0 {
            pieces.push(Piece::whole(patch.blob, patch.stored.body(), patch.length, 0));
        }
        pieces.extend(slice_pieces(&old, patch.position.saturating_add(patch.length), old_size));
        let shape = self.shape(pieces, Some(patch))?;
        self.reshape(slot, object, &old, shape)
    }

    /// Ends the current object of a key at `length`; what it grows by reads as zeros.
    ///
    /// `object` is its record as it shall be, but for version, size and body, which are seen to here.
    pub fn truncate_object(&mut self, slot: Slot<'_>, object: &Object, length: u64) -> Result<Edited> {
        let old = self.pieces_in(&slot)?;
        let old_size = size_of(&old);
        let mut pieces = slice_pieces(&old, 0, length);
        if length > old_size {
            push_zeros(&mut pieces, length - old_size);
        }
        let shape = self.shape(pieces, None)?;
        self.reshape(slot, object, &old, shape)
    }

    /// What the current object is made of. Parts of an upload are its parts no longer once it has changed.
    fn pieces_in(&mut self, slot: &Slot<'_>) -> Result<Vec<Piece>> {
        let Some(current) = &slot.current else { return Ok(Vec::new()) };
        let mut pieces = self.pieces_of(current.blob, current.body, current.size)?;
        if size_of(&pieces) != current.size {
            return Err(Error::Corrupt(format!("{} does not have the bytes that its record says", slot.key)));
        }
        for piece in &mut pieces {
            piece.part = 0;
        }
        Ok(pieces)
    }

    /// How bytes lie that are made of `pieces`, one of which may be the patch.
    fn shape(&mut self, mut pieces: Vec<Piece>, patch: Option<&Patch<'_>>) -> Result<Shape> {
        let is_small =
            |piece: &Piece| !matches!(piece.source, Source::Blob { body: Body::Segments | Body::Pieces, .. });
        if size_of(&pieces) <= limits::INLINE_BODY_BYTES_MAX && pieces.iter().all(is_small) {
            let blob = patch.map_or_else(|| BlobId::mint(self.now()), |patch| patch.blob);
            let bytes = self.read_pieces(&pieces, patch)?;
            return Ok(Shape::Whole(blob, Stored::Inline(bytes), size_of(&pieces)));
        }
        let Some(patch) = patch.filter(|patch| patch.length > 0) else { return Ok(Shape::Pieces(pieces, None)) };
        if pieces.len() == 1 {
            return Ok(Shape::Whole(patch.blob, patch.stored.clone(), patch.length));
        }
        if patch.stored.body() != Body::Inline {
            return Ok(Shape::Pieces(pieces, Some((patch.blob, patch.stored.clone()))));
        }
        // Small neighbours become one, so that many small appends do not make a long list.
        let is_patch = |piece: &Piece| matches!(piece.source, Source::Blob { blob, .. } if blob == patch.blob);
        let at = pieces.iter().position(is_patch).unwrap_or_default();
        let joined = inline_run(&pieces, at);
        let bytes = self.read_pieces(&pieces[joined.clone()], Some(patch))?;
        let whole = Piece::whole(patch.blob, Body::Inline, bytes.len() as u64, 0);
        pieces.splice(joined, [whole]);
        Ok(Shape::Pieces(pieces, Some((patch.blob, Stored::Inline(bytes)))))
    }

    /// The bytes of pieces that are all small; `patch` is not written yet.
    fn read_pieces(&mut self, pieces: &[Piece], patch: Option<&Patch<'_>>) -> Result<Bytes> {
        let mut bytes = BytesMut::new();
        for piece in pieces {
            let Source::Blob { blob, body, start } = piece.source else {
                bytes.resize(bytes.len() + to_usize(piece.length), 0);
                continue;
            };
            let stored = match patch.filter(|patch| patch.blob == blob) {
                Some(patch) => Some(patch.stored.clone()),
                None => self.stored_at(blob, body)?,
            };
            let (start, end) = (to_usize(start), to_usize(start + piece.length));
            match stored {
                Some(Stored::Inline(body)) if end <= body.len() => bytes.extend_from_slice(&body[start..end]),
                _ => return Err(Error::Corrupt(format!("blob {:032x} does not have what a piece of it says", blob.0))),
            }
        }
        Ok(bytes.freeze())
    }

    /// Gives the current object its new shape, or makes one of it: body, references, record and counters.
    fn reshape(&mut self, slot: Slot<'_>, object: &Object, old: &[Piece], shape: Shape) -> Result<Edited> {
        let now = object.modified_millis;
        if let Some(current) = &slot.current {
            self.check_unprotected(&slot, current)?;
        }
        let (blob, body, size) = match shape {
            Shape::Whole(blob, stored, size) => {
                self.put_body(blob, &stored)?;
                if let Some(current) = &slot.current {
                    self.release(current.blob, current.body, now)?;
                }
                (blob, stored.body(), size)
            }
            Shape::Pieces(pieces, _) if pieces.len() > limits::PIECE_COUNT_MAX => return Ok(Edited::TooManyPieces),
            Shape::Pieces(pieces, new) => {
                let size = size_of(&pieces);
                (self.put_pieces(&slot, old, pieces, new, now)?, Body::Pieces, size)
            }
        };
        let object = Object { blob, size, body, ..object.clone() };
        let Some(current) = &slot.current else { return self.place(slot, &object).map(Edited::Done) };
        let object = Object { version: current.version, ..object };
        let change = Change::default().gone(Held::Current(current.size)).comes(Held::Current(size));
        self.charge_change(slot.bucket, change)?;
        self.put_current(&slot, &object)?;
        Ok(Edited::Done(object.version))
    }

    /// Writes the list of a composed body in place of what the current object has, and says under which blob.
    fn put_pieces(
        &mut self,
        slot: &Slot<'_>,
        old: &[Piece],
        pieces: Vec<Piece>,
        new: Option<(BlobId, Stored)>,
        now: UnixMillis,
    ) -> Result<BlobId> {
        let mut held = References::new();
        let mut list = None;
        match &slot.current {
            Some(current) if current.body != Body::Pieces => {
                // Its one reference becomes the list's.
                held.insert(current.blob, (current.body, 1));
            }
            Some(current) if self.references(current.blob)? == 1 => {
                held = references_of(old);
                list = Some(current.blob);
                self.forget_parts(current.blob);
            }
            Some(current) => self.release(current.blob, current.body, now)?,
            None => {}
        }
        let mut wanted = references_of(&pieces);
        if let Some((blob, stored)) = new {
            // Written and named for the first time: that is its first reference.
            self.put_body(blob, &stored)?;
            wanted.remove(&blob);
        }
        self.exchange(&held, &wanted, now)?;
        let list = list.unwrap_or_else(|| BlobId::mint(self.now()));
        self.put_body(list, &Stored::Pieces(pieces))?;
        Ok(list)
    }

    /// Takes the references that are wanted and not held, and leaves to the sweep those that are held and not wanted.
    fn exchange(&mut self, held: &References, wanted: &References, now: UnixMillis) -> Result<()> {
        let count_in = |references: &References, blob| references.get(blob).map_or(0, |(_, count)| *count);
        let added = wanted.iter().map(|(blob, (_, count))| (*blob, count.saturating_sub(count_in(held, blob))));
        self.retain(&added.filter(|(_, count)| *count > 0).collect())?;
        for (blob, (body, count)) in held {
            for _ in count_in(wanted, blob)..*count {
                self.let_go(&LetGo::Blob { blob: *blob, body: *body }, now)?;
            }
        }
        Ok(())
    }
}

fn size_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.length).sum()
}

/// Lengthens what `pieces` make together by a hole.
fn push_zeros(pieces: &mut Vec<Piece>, length: u64) {
    match pieces.last_mut() {
        Some(last) if last.source == Source::Zeros => last.length += length,
        _ => pieces.push(Piece { length, part: 0, source: Source::Zeros }),
    }
}

fn references_of(pieces: &[Piece]) -> References {
    let mut references = References::new();
    for piece in pieces {
        if let Source::Blob { blob, body, .. } = piece.source {
            references.entry(blob).or_insert((body, 0)).1 += 1;
        }
    }
    references
}

/// The small pieces around that at `at` which fit into one small body together with it.
fn inline_run(pieces: &[Piece], at: usize) -> Range<usize> {
    let small = |index: usize| match pieces.get(index)?.source {
        Source::Blob { body: Body::Inline, .. } => Some(pieces[index].length),
        Source::Blob { .. } | Source::Zeros => None,
    };
    let mut run = at..at + 1;
    let mut length = pieces[at].length;
    let fits = |length: u64, more: Option<u64>| more.filter(|more| length + more <= limits::INLINE_BODY_BYTES_MAX);
    while let Some(more) = run.start.checked_sub(1).and_then(|before| fits(length, small(before))) {
        (run.start, length) = (run.start - 1, length + more);
    }
    while let Some(more) = fits(length, small(run.end)) {
        (run.end, length) = (run.end + 1, length + more);
    }
    run
}

/// Lengths of small bodies fit in memory.
fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;

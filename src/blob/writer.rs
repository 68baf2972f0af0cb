//! One blob on its way into segments: which segment its next bytes go to, their checksums, sealing, and undoing
//! what was never sealed. Not here: how segments share their space and their syncs.

use std::sync::Arc;

use super::block::BlockSums;
use super::disk::align_up;
use super::shelf::{Lease, Shelf};
use super::{BlobWriter, Error, Extent, Manifest, Result};

/// Reserved at a time for a body of unknown length, in bytes, while it is small.
const STEP_BYTES: u64 = 256 * 1024;
/// The least an own segment is made or grown by when the disk is nearly full, in bytes.
const OWN_STEP_BYTES_MIN: u64 = 256 * 1024;

#[derive(Debug)]
pub(super) struct SegmentWriter {
    shelf: Arc<Shelf>,
    declared: Option<u64>,
    length: u64,
    /// In the order of the blob; all but the last are full.
    pieces: Vec<Piece>,
    sums: BlockSums,
    has_failed: bool,
}

/// A reservation and how much of it is written.
#[derive(Debug)]
struct Piece {
    lease: Lease,
    start: u64,
    end: u64,
    written_bytes: u64,
    /// The segment is this blob's alone.
    is_own: bool,
}

impl SegmentWriter {
    pub(super) fn new(shelf: Arc<Shelf>, declared: Option<u64>) -> Self {
        Self { shelf, declared, length: 0, pieces: Vec::new(), sums: BlockSums::new(), has_failed: false }
    }

    fn append(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let piece = self.piece_with_room(data.len() as u64)?;
            let room = usize::try_from(piece.room_bytes()).unwrap_or(usize::MAX);
            let (now, rest) = data.split_at(data.len().min(room));
            piece.lease.segment.write_at(now, piece.start + piece.written_bytes)?;
            piece.written_bytes += now.len() as u64;
            self.length += now.len() as u64;
            self.sums.update(now);
            data = rest;
        }
        Ok(())
    }

    /// The last piece, which has room for at least one byte. `coming` bytes are known to follow.
    fn piece_with_room(&mut self, coming: u64) -> Result<&mut Piece> {
        if self.pieces.last().is_none_or(|piece| piece.room_bytes() == 0) {
            self.reserve(coming)?;
        }
        self.pieces.last_mut().ok_or(Error::Full)
    }

    fn reserve(&mut self, coming: u64) -> Result<()> {
        let announced = self.declared.unwrap_or(0).saturating_sub(self.length);
        if self.length.saturating_add(announced.max(coming)) >= self.shelf.layout.own_bytes {
            return self.reserve_own(announced);
        }
        let wanted = if announced > 0 { announced } else { coming.max(STEP_BYTES) };
        let wanted = align_up(wanted.min(self.shelf.layout.own_bytes));
        if let Some(last) = self.pieces.last_mut()
            && last.lease.segment.extend(last.end, wanted)
        {
            last.end += wanted;
            return Ok(());
        }
        let (lease, start) = self.shelf.take_shared(wanted)?;
        self.pieces.push(Piece { lease, start, end: start + wanted, written_bytes: 0, is_own: false });
        Ok(())
    }

    /// In steps, so that a client that announces much and sends little does not occupy the disk.
    fn reserve_own(&mut self, announced: u64) -> Result<()> {
        let growth = self.shelf.layout.growth_bytes;
        let wanted = align_up(if announced > 0 { announced.min(growth) } else { growth });
        let minimum = wanted.min(OWN_STEP_BYTES_MIN);
        if let Some(last) = self.pieces.last_mut().filter(|last| last.is_own) {
            last.end += self.shelf.grow_own(&last.lease.segment, last.end, wanted, minimum)?;
            return Ok(());
        }
        let (lease, end) = self.shelf.take_own(wanted, minimum)?;
        self.pieces.push(Piece { lease, start: 0, end, written_bytes: 0, is_own: true });
        Ok(())
    }

    /// Returns the reserved space behind the last byte.
    fn trim(&mut self) -> Result<()> {
        let Some(last) = self.pieces.last_mut() else { return Ok(()) };
        let (cut, end) = (align_up(last.start + last.written_bytes), last.end);
        if cut == end {
            return Ok(());
        }
        let segment = &last.lease.segment;
        last.end = cut;
        if last.is_own {
            segment.set_end(cut);
            segment.file.truncate(cut)?;
        } else if !segment.give_back(cut, end) {
            self.shelf.free(segment.number, cut..end)?;
        }
        Ok(())
    }

    fn make_durable(&mut self) -> Result<()> {
        self.trim()?;
        // Pieces of one segment may lie apart with another segment's between: one sync each is enough.
        let mut segments: Vec<_> = self.pieces.iter().map(|piece| &piece.lease.segment).collect();
        segments.sort_unstable_by_key(|segment| segment.number);
        segments.dedup_by_key(|segment| segment.number);
        segments.into_iter().try_for_each(|segment| Ok(segment.sync()?))
    }
}

impl Piece {
    fn room_bytes(&self) -> u64 {
        self.end - self.start - self.written_bytes
    }

    fn extent(&self) -> Extent {
        Extent { segment: self.lease.segment.number, offset: self.start, length: self.written_bytes }
    }
}

impl BlobWriter for SegmentWriter {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        if self.has_failed {
            return Err(spent());
        }
        let outcome = self.append(data);
        self.has_failed = outcome.is_err();
        outcome
    }

    fn seal(mut self: Box<Self>) -> Result<Manifest> {
        if self.has_failed {
            return Err(spent());
        }
        self.make_durable()?;
        let pieces = std::mem::take(&mut self.pieces);
        let sums = std::mem::replace(&mut self.sums, BlockSums::new());
        let extents = pieces.iter().map(Piece::extent).filter(|extent| extent.length > 0).collect();
        Ok(Manifest { length: self.length, extents, block_checksums: sums.finish() })
    }
}

impl Drop for SegmentWriter {
    /// Gives back what was not sealed; what fails here is left to the sweep.
    fn drop(&mut self) {
        for Piece { lease, start, end, .. } in std::mem::take(&mut self.pieces) {
            let number = lease.segment.number;
            // The lease first: a segment of our own then goes as a whole.
            drop(lease);
            let _ = self.shelf.free(number, start..end);
        }
    }
}

fn spent() -> Error {
    Error::Io(std::io::Error::other("an earlier write of this blob failed"))
}

#[cfg(test)]
mod tests {
    use super::super::segment::Layout;
    use super::*;

    fn writer(shelf: &Arc<Shelf>, declared: u64) -> Box<SegmentWriter> {
        Box::new(SegmentWriter::new(Arc::clone(shelf), Some(declared)))
    }

    #[test]
    fn a_failed_sync_spoils_its_segment_for_all_who_write_there() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { shared_count: 1, ..Layout::default() };
        let shelf = Arc::new(Shelf::open(folder.path(), layout).unwrap());
        let (mut first, mut second, mut third) = (writer(&shelf, 10), writer(&shelf, 10), writer(&shelf, 20));
        first.write(&[1; 10]).unwrap();
        second.write(&[2; 10]).unwrap();
        third.write(&[3; 10]).unwrap();
        let number = first.pieces[0].lease.segment.number;
        assert_eq!(third.pieces[0].lease.segment.number, number);
        first.pieces[0].lease.segment.poison();

        assert!(first.seal().is_err());
        assert!(second.seal().is_err());
        assert!(third.write(&[3; 10]).is_err());
        drop(third);
        let mut later = writer(&shelf, 10);
        later.write(&[4; 10]).unwrap();
        assert_ne!(later.seal().unwrap().extents[0].segment, number);
        let left: Vec<u64> = shelf.segments().unwrap().iter().map(|segment| segment.number).collect();
        assert_eq!(left, [number + 1], "nothing in the spoilt one was ever named");
    }
}

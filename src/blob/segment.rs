//! The store of object bytes on a filesystem: preallocated segment files that many blobs share, and one for each
//! large blob. Here: the sizes, reading, and the contract; `shelf` keeps the segments, `writer` fills them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::disk::{ALIGN_BYTES, align_up};
use super::shelf::Shelf;
use super::writer::SegmentWriter;
use super::{BlobStore, BlobWriter, Error, Extent, Manifest, Result, Segment, block};
use crate::limits::{KIB, MIB};

/// Sizes of the segment files, in bytes, all multiples of 4 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Size of a shared segment. Not less than `own_bytes`.
    pub shared_bytes: u64,
    /// Shared segments that take writes at a time, at least 1: writers of one file wait for each other.
    pub shared_count: usize,
    /// Bodies of at least this size take a segment of their own.
    pub own_bytes: u64,
    /// Step in which such a segment grows.
    pub growth_bytes: u64,
    /// Sealed segments kept open for reading, at least 1.
    pub handle_count: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self { shared_bytes: 256 * MIB, shared_count: 2, own_bytes: 8 * MIB, growth_bytes: 64 * MIB, handle_count: 256 }
    }
}

impl Layout {
    fn check(&self) -> io::Result<()> {
        let sizes = [self.shared_bytes, self.own_bytes, self.growth_bytes];
        let is_sound = sizes.iter().all(|size| *size > 0 && size % ALIGN_BYTES == 0)
            && self.own_bytes <= self.shared_bytes
            && self.shared_count > 0
            && self.handle_count > 0;
        if is_sound { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "unsound segment sizes")) }
    }
}

const _: () = assert!(4 * KIB == ALIGN_BYTES);

/// Object bytes in the segment files of one folder. One process at a time; the caller holds the folder's lock.
#[derive(Debug)]
pub struct SegmentStore {
    shelf: Arc<Shelf>,
}

impl SegmentStore {
    /// Opens a folder, made where it is missing. Segments that are there already take no more writes.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_with(dir, Layout::default())
    }

    /// Opens a folder with other sizes than the usual ones.
    pub fn open_with(dir: &Path, layout: Layout) -> Result<Self> {
        layout.check()?;
        Ok(Self { shelf: Arc::new(Shelf::open(dir, layout)?) })
    }

    fn fill(&self, manifest: &Manifest, block: u64, cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool> {
        let start = buffer.len();
        buffer.reserve(block::length(manifest, block)?);
        for piece in block::pieces(manifest, block) {
            let file = match self.shelf.file(piece.segment, cached_only) {
                Ok(Some(file)) => file,
                Ok(None) => return Ok(false),
                Err(error) => return Err(as_damage(error, manifest, block)),
            };
            let filled = buffer.len();
            // Pieces are no longer than a block.
            let length = usize::try_from(piece.length).map_err(|_| block::corrupt(manifest, block))?;
            buffer.resize(filled + length, 0);
            let target = &mut buffer[filled..];
            if cached_only {
                if !file.read_cached(target, piece.offset)? {
                    return Ok(false);
                }
            } else {
                file.read_at(target, piece.offset).map_err(|error| as_damage(error, manifest, block))?;
            }
        }
        block::check(manifest, block, &buffer[start..])?;
        Ok(true)
    }
}

impl BlobStore for SegmentStore {
    fn create(&self, declared: Option<u64>) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(SegmentWriter::new(Arc::clone(&self.shelf), declared)))
    }

    fn read_block(&self, manifest: &Manifest, block: u64, cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool> {
        let start = buffer.len();
        let outcome = self.fill(manifest, block, cached_only, buffer);
        if !matches!(outcome, Ok(true)) {
            buffer.truncate(start);
        }
        outcome
    }

    fn free(&self, extents: &[Extent]) -> Result<()> {
        for extent in extents {
            // An extent owns its last 4 KiB to their end; its start is aligned already.
            let span = align_up(extent.offset)..align_up(extent.offset.saturating_add(extent.length));
            if span.start < span.end {
                self.shelf.free(extent.segment, span)?;
            }
        }
        Ok(())
    }

    fn segments(&self) -> Result<Vec<Segment>> {
        Ok(self.shelf.segments()?)
    }

    fn reclaim(&self, segment: u64, live: &[Extent]) -> Result<u64> {
        super::check_live(segment, live)?;
        Ok(self.shelf.reclaim(segment, live)?)
    }

    fn capacity(&self) -> Option<(u64, u64)> {
        self.shelf.capacity()
    }
}

impl Drop for SegmentStore {
    fn drop(&mut self) {
        self.shelf.close();
    }
}

/// A missing file and one that is too short mean a manifest whose bytes are gone.
fn as_damage(error: io::Error, manifest: &Manifest, block: u64) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => block::corrupt(manifest, block),
        _ => error.into(),
    }
}

//! Object bytes in memory, for tests and benches: the contract without a disk. Each blob is one segment.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::block::BlockSums;
use super::span::Spans;
use super::{BlobStore, BlobWriter, Error, Extent, Manifest, Result, Segment, block};

/// A store that is gone with its last clone; clones share the bytes.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    highest: u64,
    /// Bytes it may hold, where that is bounded.
    capacity_bytes: Option<u64>,
    segments: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    is_active: bool,
    freed: Spans,
}

impl MemoryStore {
    /// An empty store that holds what memory holds.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that is full at `capacity_bytes`.
    pub fn with_capacity(capacity_bytes: u64) -> Self {
        let store = Self::default();
        store.contents.lock().capacity_bytes = Some(capacity_bytes);
        store
    }

    /// Flips a bit of the byte at `offset` of a segment, if it is there: damage for tests to find.
    pub fn damage(&self, segment: u64, offset: u64) {
        let mut contents = self.contents.lock();
        let held = contents.segments.get_mut(&segment);
        let byte = held.and_then(|held| held.bytes.get_mut(usize::try_from(offset).ok()?));
        if let Some(byte) = byte {
            *byte ^= 1;
        }
    }
}

impl Contents {
    fn used_bytes(&self) -> u64 {
        self.segments.values().map(|held| held.bytes.len() as u64 - held.freed.total_bytes()).sum()
    }

    /// Frees a range and returns the bytes that were not free before; the segment goes with its last byte.
    fn free(&mut self, number: u64, start: u64, end: u64) -> u64 {
        let Some(held) = self.segments.get_mut(&number).filter(|held| !held.is_active) else { return 0 };
        let size = held.bytes.len() as u64;
        let before = held.freed.total_bytes();
        let span = start.min(size)..end.min(size);
        if let (Ok(from), Ok(to)) = (usize::try_from(span.start), usize::try_from(span.end)) {
            held.bytes.get_mut(from..to).into_iter().for_each(|bytes| bytes.fill(0));
        }
        held.freed.insert(span);
        let freed = held.freed.total_bytes() - before;
        if held.freed.covers(size) {
            self.segments.remove(&number);
        }
        freed
    }
}

impl BlobStore for MemoryStore {
    fn create(&self, _declared: Option<u64>) -> Result<Box<dyn BlobWriter>> {
        let mut contents = self.contents.lock();
        contents.highest += 1;
        let number = contents.highest;
        contents.segments.insert(number, Held { bytes: Vec::new(), is_active: true, freed: Spans::default() });
        drop(contents);
        Ok(Box::new(MemoryWriter { store: self.clone(), number, length: 0, sums: BlockSums::new(), is_sealed: false }))
    }

    fn read_block(&self, manifest: &Manifest, block: u64, _cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool> {
        let start = buffer.len();
        let contents = self.contents.lock();
        for piece in block::pieces(manifest, block) {
            let range = usize::try_from(piece.offset).ok().zip(usize::try_from(piece.length).ok());
            let held = contents.segments.get(&piece.segment);
            let bytes = held.zip(range).and_then(|(held, (from, length))| held.bytes.get(from..)?.get(..length));
            buffer.extend_from_slice(bytes.unwrap_or_default());
        }
        drop(contents);
        let outcome = block::check(manifest, block, &buffer[start..]);
        if outcome.is_err() {
            buffer.truncate(start);
        }
        outcome.map(|()| true)
    }

    fn free(&self, extents: &[Extent]) -> Result<()> {
        let mut contents = self.contents.lock();
        for extent in extents {
            contents.free(extent.segment, extent.offset, extent.offset.saturating_add(extent.length));
        }
        Ok(())
    }

    fn segments(&self) -> Result<Vec<Segment>> {
        let contents = self.contents.lock();
        let describe = |(&number, held): (&u64, &Held)| Segment {
            number,
            written_bytes: held.bytes.len() as u64,
            active: held.is_active,
        };
        Ok(contents.segments.iter().map(describe).collect())
    }

    fn reclaim(&self, segment: u64, live: &[Extent]) -> Result<u64> {
        super::check_live(segment, live)?;
        let mut contents = self.contents.lock();
        let mut freed = 0;
        let mut gap_start = 0;
        for extent in live {
            freed += contents.free(segment, gap_start, extent.offset);
            gap_start = extent.offset.saturating_add(extent.length);
        }
        Ok(freed + contents.free(segment, gap_start, u64::MAX))
    }

    fn capacity(&self) -> Option<(u64, u64)> {
        let contents = self.contents.lock();
        let total = contents.capacity_bytes?;
        Some((total, total.saturating_sub(contents.used_bytes())))
    }
}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    number: u64,
    length: u64,
    sums: BlockSums,
    is_sealed: bool,
}

impl BlobWriter for MemoryWriter {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        let mut contents = self.store.contents.lock();
        let is_over = contents.capacity_bytes.is_some_and(|total| contents.used_bytes() + data.len() as u64 > total);
        if is_over {
            return Err(Error::Full);
        }
        let held = contents.segments.get_mut(&self.number).ok_or_else(|| io::Error::other("the segment is gone"))?;
        held.bytes.extend_from_slice(data);
        drop(contents);
        self.sums.update(data);
        self.length += data.len() as u64;
        Ok(())
    }

    fn seal(mut self: Box<Self>) -> Result<Manifest> {
        if self.length == 0 {
            return Ok(Manifest::default());
        }
        if let Some(held) = self.store.contents.lock().segments.get_mut(&self.number) {
            held.is_active = false;
        }
        self.is_sealed = true;
        let sums = std::mem::replace(&mut self.sums, BlockSums::new());
        let extent = Extent { segment: self.number, offset: 0, length: self.length };
        Ok(Manifest { length: self.length, extents: vec![extent], block_checksums: sums.finish() })
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        if !self.is_sealed {
            self.store.contents.lock().segments.remove(&self.number);
        }
    }
}

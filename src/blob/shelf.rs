//! The segments of one folder: making them, finding their files, handing out space, taking it back. Not here: what a
//! blob is (`writer`, `block`), or which extents are live (the caller of `reclaim` says).

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{io, iter};

use parking_lot::Mutex;

use super::active::ActiveSegment;
use super::disk::{ALIGN_BYTES, Directory, SegmentFile, align_up};
use super::segment::Layout;
use super::span::Spans;
use super::{Extent, Result, Segment};

/// Ranges remembered as free; above, all are forgotten, and only `reclaim` finds wholly free segments again.
const FREED_SPAN_COUNT_MAX: usize = 1 << 17;

/// One preallocation takes at most this part of the space that is available.
const PREALLOCATION_DIVISOR: u64 = 16;

#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) layout: Layout,
    directory: Directory,
    /// Number of the next segment.
    next: AtomicU64,
    /// Which slot the next writer tries first.
    turn: AtomicUsize,
    /// The shared segments that take new writers.
    slots: Vec<Mutex<Option<Arc<ActiveSegment>>>>,
    book: Mutex<Book>,
    graves: Mutex<Graves>,
}

/// What is known about segments without asking the disk.
#[derive(Debug)]
struct Book {
    /// Segments that take writes; `None` while the file is being made.
    active: BTreeMap<u64, Option<Arc<ActiveSegment>>>,
    handles: Handles,
    freed: HashMap<u64, Spans>,
    freed_span_count: usize,
}

/// Numbers must never come again, or a stale manifest could name somebody else's bytes. The next number follows the
/// highest file there is, so the highest one stays, emptied, until a higher one is durable.
#[derive(Debug)]
struct Graves {
    /// Highest number that survives power loss.
    highest: u64,
    emptied: Vec<u64>,
}

/// Open files of sealed segments, the least recently used one closed first.
#[derive(Debug)]
struct Handles {
    count_max: usize,
    tick: u64,
    files: HashMap<u64, (u64, Arc<SegmentFile>)>,
}

impl Shelf {
    pub(super) fn open(path: &Path, layout: Layout) -> Result<Self> {
        let directory = Directory::open(path)?;
        let entries = directory.entries()?;
        let highest = entries.last().map_or(0, |(number, _)| *number);
        for (number, _) in entries.iter().filter(|(number, size)| *size == 0 && *number < highest) {
            directory.remove(*number)?;
        }
        let next = highest.checked_add(1).ok_or_else(|| io::Error::other("no segment number is left"))?;
        Ok(Self {
            directory,
            next: AtomicU64::new(next),
            turn: AtomicUsize::new(0),
            slots: iter::repeat_with(|| Mutex::new(None)).take(layout.shared_count).collect(),
            book: Mutex::new(Book {
                active: BTreeMap::new(),
                handles: Handles { count_max: layout.handle_count, tick: 0, files: HashMap::new() },
                freed: HashMap::new(),
                freed_span_count: 0,
            }),
            graves: Mutex::new(Graves { highest, emptied: Vec::new() }),
            layout,
        })
    }

    /// Reserves `length` bytes (at most `layout.shared_bytes`) in a shared segment; returns where they begin.
    pub(super) fn take_shared(self: &Arc<Self>, length: u64) -> Result<(Lease, u64)> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let mut slot = (self.slots[first..].iter().chain(&self.slots[..first]).find_map(Mutex::try_lock))
            .unwrap_or_else(|| self.slots[first].lock());
        if let Some(segment) = &*slot
            && let Some(start) = segment.take(length)
        {
            return Ok((Lease::new(self, Arc::clone(segment)), start));
        }
        if let Some(full) = slot.take() {
            self.retire(&full);
        }
        let length = align_up(length);
        let segment = self.create(self.modest(self.layout.shared_bytes, length), length, |number, file, size| {
            ActiveSegment::new(number, file, length, size, true)
        })?;
        *slot = Some(Arc::clone(&segment));
        Ok((Lease::new(self, segment), 0))
    }

    /// Makes a segment for one writer alone; returns its size, at most `wanted` bytes and at least `minimum`, both
    /// aligned.
    pub(super) fn take_own(self: &Arc<Self>, wanted: u64, minimum: u64) -> Result<(Lease, u64)> {
        let segment = self.create(self.modest(wanted, minimum), minimum, |number, file, size| {
            ActiveSegment::new(number, file, size, size, false)
        })?;
        let size = segment.written_bytes();
        Ok((Lease::new(self, segment), size))
    }

    /// Lengthens a segment that belongs to one writer alone, behind `end`; returns the bytes gained, as above.
    pub(super) fn grow_own(&self, segment: &ActiveSegment, end: u64, wanted: u64, minimum: u64) -> io::Result<u64> {
        let gained = segment.file.preallocate(end, self.modest(wanted, minimum), minimum)?;
        segment.set_end(end + gained);
        Ok(gained)
    }

    /// Preallocation must not starve what else lives on a disk that is nearly full.
    fn modest(&self, wanted: u64, minimum: u64) -> u64 {
        let share = self.capacity().map_or(wanted, |(_, available)| available / PREALLOCATION_DIVISOR);
        wanted.min(share / ALIGN_BYTES * ALIGN_BYTES).max(minimum)
    }

    /// The file of a segment. With `cached_only`, `None` if it would have to be opened.
    pub(super) fn file(&self, number: u64, cached_only: bool) -> io::Result<Option<Arc<SegmentFile>>> {
        {
            let mut book = self.book.lock();
            if let Some(Some(segment)) = book.active.get(&number) {
                return Ok(Some(Arc::clone(&segment.file)));
            }
            let known = book.handles.find(number);
            if known.is_some() || cached_only {
                return Ok(known);
            }
        }
        let file = Arc::new(self.directory.open_file(number)?);
        self.book.lock().handles.insert(number, Arc::clone(&file));
        Ok(Some(file))
    }

    /// Gives a range back. The file goes when nothing else is left of a sealed segment.
    pub(super) fn free(&self, number: u64, span: Range<u64>) -> io::Result<()> {
        let file = match self.file(number, false) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_active = {
            let mut book = self.book.lock();
            book.note_freed(number, span.clone());
            book.active.contains_key(&number)
        };
        if is_active || !self.remove_if_free(number, &file)? {
            file.punch(span.start, span.end - span.start)?;
        }
        Ok(())
    }

    /// See [`super::BlobStore::reclaim`]; `live` is checked already.
    pub(super) fn reclaim(&self, number: u64, live: &[Extent]) -> io::Result<u64> {
        if self.book.lock().active.contains_key(&number) {
            return Ok(0);
        }
        let file = match self.file(number, false) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let before = file.allocated_bytes()?;
        let Some(last) = live.last() else {
            self.remove(number, &file)?;
            return Ok(before);
        };
        let live_end = align_up(last.offset.saturating_add(last.length));
        let mut gap_start = 0;
        for extent in live {
            let gap = gap_start..extent.offset / ALIGN_BYTES * ALIGN_BYTES;
            gap_start = align_up(extent.offset.saturating_add(extent.length));
            if gap.start < gap.end {
                self.book.lock().note_freed(number, gap.clone());
                file.punch(gap.start, gap.end - gap.start)?;
            }
        }
        if file.size()? > live_end {
            file.truncate(live_end)?;
        }
        Ok(before.saturating_sub(file.allocated_bytes()?))
    }

    /// All segments, ascending; emptied ones that only keep their number are none.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        let entries = self.directory.entries()?;
        let book = self.book.lock();
        let describe = |(number, size): (u64, u64)| match book.active.get(&number) {
            Some(Some(segment)) => Some(Segment { number, written_bytes: segment.written_bytes(), active: true }),
            Some(None) => Some(Segment { number, written_bytes: 0, active: true }),
            None => (size > 0).then_some(Segment { number, written_bytes: size, active: false }),
        };
        Ok(entries.into_iter().filter_map(describe).collect())
    }

    pub(super) fn capacity(&self) -> Option<(u64, u64)> {
        self.directory.capacity()
    }

    /// Takes no new writers into the segments there are and gives their preallocated ends back.
    pub(super) fn close(&self) {
        for slot in &self.slots {
            if let Some(segment) = slot.lock().take() {
                self.retire(&segment);
            }
        }
    }

    /// No new writers into this segment; its preallocated end goes back to the filesystem.
    fn retire(&self, segment: &Arc<ActiveSegment>) {
        let (end, is_idle) = segment.close();
        // Only space is lost if this fails, and `reclaim` finds it.
        let _ = segment.file.truncate(end);
        if is_idle {
            self.deactivate(segment);
        }
    }

    /// The last writer has left a segment that takes no new ones.
    fn deactivate(&self, segment: &Arc<ActiveSegment>) {
        let number = segment.number;
        {
            let mut book = self.book.lock();
            book.active.remove(&number);
            book.handles.insert(number, Arc::clone(&segment.file));
        }
        // Only space is lost if this fails, and `reclaim` finds it.
        let _ = self.remove_if_free(number, &segment.file);
    }

    /// Makes a segment file of `wanted` bytes, or of what there is room for down to `minimum`, and registers it;
    /// `build` gets its number, its file and its size.
    fn create(
        &self,
        wanted: u64,
        minimum: u64,
        build: impl FnOnce(u64, SegmentFile, u64) -> ActiveSegment,
    ) -> Result<Arc<ActiveSegment>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Before the file exists: whoever lists the folder must not take it for a sealed segment.
        self.book.lock().active.insert(number, None);
        match self.create_file(number, wanted, minimum) {
            Ok((file, size)) => {
                let segment = Arc::new(build(number, file, size));
                self.book.lock().active.insert(number, Some(Arc::clone(&segment)));
                Ok(segment)
            }
            Err(error) => {
                // Nothing names it, so what fails to go now is the sweep's.
                let _ = self.directory.remove(number);
                self.book.lock().active.remove(&number);
                Err(error.into())
            }
        }
    }

    fn create_file(&self, number: u64, wanted: u64, minimum: u64) -> io::Result<(SegmentFile, u64)> {
        let file = self.directory.create(number)?;
        let size = file.preallocate(0, wanted, minimum)?;
        self.directory.sync()?;
        let mut graves = self.graves.lock();
        graves.highest = graves.highest.max(number);
        let highest = graves.highest;
        // What cannot be removed now is empty, and goes at the next start.
        graves.emptied.retain(|&emptied| emptied == highest || self.directory.remove(emptied).is_err());
        Ok((file, size))
    }

    /// Removes a sealed segment of which nothing is left, and says whether that was so.
    fn remove_if_free(&self, number: u64, file: &SegmentFile) -> io::Result<bool> {
        let size = file.size()?;
        let is_free = self.book.lock().freed.get(&number).is_some_and(|freed| freed.covers(size));
        if is_free {
            self.remove(number, file)?;
        }
        Ok(is_free)
    }

    /// Removes a sealed segment. Emptied first, so that the space comes back although readers still have it open.
    fn remove(&self, number: u64, file: &SegmentFile) -> io::Result<()> {
        file.truncate(0)?;
        self.book.lock().forget(number);
        let mut graves = self.graves.lock();
        if number < graves.highest {
            return self.directory.remove(number);
        }
        if !graves.emptied.contains(&number) {
            graves.emptied.push(number);
        }
        Ok(())
    }
}

impl Book {
    fn note_freed(&mut self, number: u64, span: Range<u64>) {
        if self.freed_span_count >= FREED_SPAN_COUNT_MAX {
            self.freed.clear();
            self.freed_span_count = 0;
        }
        let spans = self.freed.entry(number).or_default();
        self.freed_span_count -= spans.count();
        spans.insert(span);
        self.freed_span_count += spans.count();
    }

    fn forget(&mut self, number: u64) {
        self.handles.files.remove(&number);
        self.freed_span_count -= self.freed.remove(&number).map_or(0, |spans| spans.count());
    }
}

impl Handles {
    fn find(&mut self, number: u64) -> Option<Arc<SegmentFile>> {
        self.tick += 1;
        let (used, file) = self.files.get_mut(&number)?;
        *used = self.tick;
        Some(Arc::clone(file))
    }

    fn insert(&mut self, number: u64, file: Arc<SegmentFile>) {
        if self.files.len() >= self.count_max && !self.files.contains_key(&number) {
            let oldest = self.files.iter().min_by_key(|(_, (used, _))| *used).map(|(number, _)| *number);
            oldest.map(|oldest| self.files.remove(&oldest));
        }
        self.tick += 1;
        self.files.insert(number, (self.tick, file));
    }
}

/// A writer's hold on an active segment: as long as one exists the segment counts as active.
#[derive(Debug)]
pub(super) struct Lease {
    shelf: Arc<Shelf>,
    pub(super) segment: Arc<ActiveSegment>,
}

impl Lease {
    fn new(shelf: &Arc<Shelf>, segment: Arc<ActiveSegment>) -> Self {
        Self { shelf: Arc::clone(shelf), segment }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.segment.release() {
            self.shelf.deactivate(&self.segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(folder: &Path) -> Arc<Shelf> {
        Arc::new(Shelf::open(folder, Layout { shared_count: 1, handle_count: 2, ..Layout::default() }).unwrap())
    }

    #[test]
    fn the_least_recently_read_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        for _ in 0..3 {
            shelf.take_own(4096, 4096).unwrap();
        }
        let is_open = |number| shelf.file(number, true).unwrap().is_some();
        assert_eq!([1, 2, 3].map(is_open), [false, true, true]);
        assert!(is_open(2));
        assert!(shelf.file(1, false).unwrap().is_some());
        assert_eq!([1, 2, 3].map(is_open), [true, true, false]);
    }

    #[test]
    fn too_many_freed_ranges_are_forgotten_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let mut book = shelf.book.lock();
        for range in 0..FREED_SPAN_COUNT_MAX as u64 + 5 {
            book.note_freed(range % 7, range * 10..range * 10 + 1);
        }
        assert_eq!(book.freed_span_count, 5);
        assert_eq!(book.freed.values().map(Spans::count).sum::<usize>(), 5);
        book.forget(2);
        assert_eq!(book.freed_span_count, book.freed.values().map(Spans::count).sum::<usize>());
    }

    #[test]
    fn a_lease_keeps_a_segment_active() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let (first, _) = shelf.take_shared(1).unwrap();
        let (second, _) = shelf.take_shared(1).unwrap();
        assert_eq!(first.segment.number, second.segment.number);
        shelf.close();
        drop(first);
        assert!(shelf.segments().unwrap()[0].active);
        drop(second);
        assert!(!shelf.segments().unwrap()[0].active);
        let (third, _) = shelf.take_shared(1).unwrap();
        assert_eq!(third.segment.number, 2);
    }

    #[test]
    fn preallocation_is_modest() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        assert_eq!(shelf.modest(4096, 4096), 4096);
        assert_eq!(shelf.modest(0, 4096), 4096);
        let (total, _) = shelf.capacity().unwrap();
        assert!(shelf.modest(u64::MAX, 4096) <= total / PREALLOCATION_DIVISOR);
    }
}

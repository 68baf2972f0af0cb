//! A segment that takes writes: which of its bytes are handed out, who still holds some, and its syncs. Not here:
//! the folder, and what happens to a segment afterwards.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{SegmentFile, align_up};
use super::sync::GroupSync;

/// Space is handed out upwards and, once it carried bytes, never again.
#[derive(Debug)]
pub(super) struct ActiveSegment {
    pub(super) number: u64,
    pub(super) file: Arc<SegmentFile>,
    room: Mutex<Room>,
    sync: GroupSync,
}

#[derive(Debug)]
struct Room {
    /// Where the next reservation begins; aligned.
    next: u64,
    /// Where the preallocated space ends.
    end: u64,
    /// Whether new writers may come.
    is_open: bool,
    /// Reservations whose writers are at work.
    lease_count: usize,
}

impl ActiveSegment {
    /// A new segment whose first `taken` bytes are reserved under one lease; `end` bytes are preallocated.
    /// One that is not open belongs to that lease alone.
    pub(super) fn new(number: u64, file: SegmentFile, taken: u64, end: u64, is_open: bool) -> Self {
        let room = Mutex::new(Room { next: align_up(taken), end, is_open, lease_count: 1 });
        Self { number, file: Arc::new(file), room, sync: GroupSync::default() }
    }

    /// Reserves `length` bytes under a new lease and returns where they begin. `None` when they do not fit, or
    /// nothing may be written here any more.
    pub(super) fn take(&self, length: u64) -> Option<u64> {
        let mut room = self.room.lock();
        if !room.is_open || self.sync.check().is_err() {
            return None;
        }
        let start = room.next;
        let next = align_up(start.checked_add(length)?);
        if next > room.end {
            return None;
        }
        room.next = next;
        room.lease_count += 1;
        Some(start)
    }

    /// Lengthens the reservation that ends at `end` by `length` bytes, if nobody reserved behind it.
    pub(super) fn extend(&self, end: u64, length: u64) -> bool {
        let mut room = self.room.lock();
        let next = align_up(end.saturating_add(length));
        let fits = room.is_open && room.next == end && next <= room.end;
        if fits {
            room.next = next;
        }
        fits
    }

    /// Takes back the untouched end of a reservation, from `start` to `end`, if nobody reserved behind it.
    pub(super) fn give_back(&self, start: u64, end: u64) -> bool {
        let mut room = self.room.lock();
        let is_last = room.is_open && room.next == end;
        if is_last {
            room.next = start;
        }
        is_last
    }

    /// The segment was grown or cut by its only writer.
    pub(super) fn set_end(&self, end: u64) {
        let mut room = self.room.lock();
        room.next = end;
        room.end = end;
    }

    /// No new writers from here on. Returns where the bytes handed out end, and whether nobody holds any of them.
    pub(super) fn close(&self) -> (u64, bool) {
        let mut room = self.room.lock();
        room.is_open = false;
        (room.next, room.lease_count == 0)
    }

    /// Ends one lease. True for the last one of a closed segment.
    pub(super) fn release(&self) -> bool {
        let mut room = self.room.lock();
        room.lease_count -= 1;
        !room.is_open && room.lease_count == 0
    }

    /// Bytes handed out so far.
    pub(super) fn written_bytes(&self) -> u64 {
        self.room.lock().next
    }

    /// Writes into a reservation.
    pub(super) fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.sync.check()?;
        self.file.write_at(data, offset)
    }

    /// Makes everything durable that was written before the call.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.sync.wait(|| self.file.sync())
    }

    /// What a failed sync does.
    #[cfg(test)]
    pub(super) fn poison(&self) {
        let _ = self.sync.wait(|| Err(io::Error::other("poisoned by a test")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Directory;
    use super::*;

    fn segment(taken: u64, end: u64) -> (tempfile::TempDir, ActiveSegment) {
        let folder = tempfile::tempdir().unwrap();
        let file = Directory::open(folder.path()).unwrap().create(1).unwrap();
        (folder, ActiveSegment::new(1, file, taken, end, true))
    }

    #[test]
    fn reservations_are_aligned_and_do_not_overlap() {
        let (_folder, segment) = segment(1, 16 * 1024);
        assert_eq!(segment.take(4096), Some(4096));
        assert_eq!(segment.take(1), Some(8192));
        assert_eq!(segment.take(4097), None);
        assert_eq!(segment.take(u64::MAX), None);
        assert_eq!(segment.take(4096), Some(12 * 1024));
        assert_eq!(segment.take(1), None);
        assert_eq!(segment.written_bytes(), 16 * 1024);
    }

    #[test]
    fn only_the_last_reservation_grows_and_shrinks() {
        let (_folder, segment) = segment(4096, 32 * 1024);
        assert!(segment.extend(4096, 4096));
        assert_eq!(segment.take(8192), Some(8192));
        assert!(!segment.extend(8192, 4096));
        assert!(!segment.give_back(4096, 8192));
        assert!(segment.give_back(12 * 1024, 16 * 1024));
        assert_eq!(segment.take(1), Some(12 * 1024));
        assert!(!segment.extend(16 * 1024, 32 * 1024));
    }

    #[test]
    fn a_closed_segment_ends_with_its_last_lease() {
        let (_folder, segment) = segment(4096, 32 * 1024);
        segment.take(1).unwrap();
        assert!(!segment.release());
        assert_eq!(segment.close(), (8192, false));
        assert_eq!(segment.take(1), None);
        assert!(!segment.extend(8192, 1));
        assert!(!segment.give_back(4096, 8192));
        assert!(segment.release());
    }

    #[test]
    fn a_poisoned_segment_takes_nothing() {
        let (_folder, segment) = segment(4096, 32 * 1024);
        segment.write_at(b"fine", 0).unwrap();
        segment.poison();
        assert!(segment.write_at(b"late", 0).is_err());
        assert_eq!(segment.take(1), None);
        assert!(segment.sync().is_err());
    }
}

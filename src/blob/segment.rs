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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "looks at the files of the store under test")]
mod tests {
    use super::*;

    const SMALL: Layout = Layout {
        shared_bytes: 256 * KIB,
        shared_count: 1,
        own_bytes: 128 * KIB,
        growth_bytes: 64 * KIB,
        handle_count: 2,
    };

    fn put(store: &SegmentStore, declared: Option<u64>, length: usize) -> Manifest {
        let mut writer = store.create(declared).unwrap();
        for chunk in vec![7; length].chunks(10_000) {
            writer.write(chunk).unwrap();
        }
        writer.seal().unwrap()
    }

    /// Names and sizes of the files in a folder.
    fn list(folder: &Path) -> Vec<(String, u64)> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect();
        files.sort();
        files
    }

    fn file(number: u64, size: u64) -> (String, u64) {
        (format!("{number:016x}.seg"), size)
    }

    #[test]
    fn files_are_made_when_needed_and_cut_when_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        assert_eq!(list(folder.path()), []);
        put(&store, Some(5000), 5000);
        assert_eq!(list(folder.path()), [file(1, 256 * KIB)]);
        // Each takes 128 KiB; the second does not fit behind 8 KiB and the first.
        put(&store, Some(127_000), 127_000);
        put(&store, Some(127_000), 127_000);
        assert_eq!(list(folder.path()), [file(1, 136 * KIB), file(2, 256 * KIB)]);
        drop(store);
        assert_eq!(list(folder.path()), [file(1, 136 * KIB), file(2, 128 * KIB)]);
    }

    #[test]
    fn large_bodies_have_segments_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        let announced = put(&store, Some(200_000), 200_000);
        assert_eq!(announced.extents, [Extent { segment: 1, offset: 0, length: 200_000 }]);
        assert_eq!(list(folder.path()), [file(1, align_up(200_000))]);
        let grown = put(&store, None, 300_000);
        assert_eq!(grown.extents.iter().map(|extent| extent.segment).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(list(folder.path())[2], file(3, align_up(grown.extents[1].length)));
        store.free(&announced.extents).unwrap();
        assert_eq!(list(folder.path()).len(), 2);
    }

    #[test]
    fn an_unsealed_segment_of_its_own_vanishes() {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        for _ in 0..3 {
            let mut writer = store.create(Some(1 << 30)).unwrap();
            writer.write(&vec![1; 100_000]).unwrap();
        }
        // The highest number stays, emptied, so that it is not given out again.
        assert_eq!(list(folder.path()), [file(3, 0)]);
        assert_eq!(store.segments().unwrap(), []);
        drop(store);
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        assert_eq!(put(&store, Some(1), 1).extents[0].segment, 4);
        drop(store);
        drop(SegmentStore::open_with(folder.path(), SMALL).unwrap());
        assert_eq!(list(folder.path()), [file(4, 4096)]);
    }

    #[test]
    fn a_killed_process_leaves_only_preallocation() {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        let blob = put(&store, Some(5000), 5000);
        let mut writer = store.create(Some(60_000)).unwrap();
        writer.write(&vec![1; 30_000]).unwrap();
        std::mem::forget((store, writer));

        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        let segments = store.segments().unwrap();
        assert_eq!(segments, [Segment { number: 1, written_bytes: 256 * KIB, active: false }]);
        assert!(store.reclaim(1, &blob.extents).unwrap() > 0);
        assert_eq!(list(folder.path()), [file(1, 8192)]);
        assert!(store.read_block(&blob, 0, false, &mut Vec::new()).unwrap());
    }

    #[test]
    fn space_given_back_is_the_filesystems() {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), SMALL).unwrap();
        let (first, _second) = (put(&store, Some(100_000), 100_000), put(&store, Some(1000), 1000));
        let allocated = || {
            use std::os::unix::fs::MetadataExt;
            std::fs::metadata(folder.path().join("0000000000000001.seg")).unwrap().blocks() * 512
        };
        let before = allocated();
        store.free(&first.extents).unwrap();
        assert_eq!(before - allocated(), align_up(100_000));
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_and_then_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segments");
        let store = SegmentStore::open_with(&path, SMALL).unwrap();
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        for declared in [Some(1), Some(1 << 20)] {
            let mut writer = store.create(declared).unwrap();
            assert!(matches!(writer.write(&[1]), Err(Error::Io(_))));
            assert!(writer.write(&[1]).is_err());
            assert!(writer.seal().is_err());
        }
        std::fs::rename(folder.path().join("away"), &path).unwrap();
        assert_eq!(store.segments().unwrap(), []);
        assert_eq!(put(&store, Some(1), 1).extents[0].segment, 3);
    }

    #[test]
    fn unsound_sizes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |layout: Layout| assert!(SegmentStore::open_with(folder.path(), layout).is_err(), "{layout:?}");
        check(Layout { shared_bytes: 0, ..SMALL });
        check(Layout { own_bytes: SMALL.shared_bytes + 4096, ..SMALL });
        check(Layout { growth_bytes: 1000, ..SMALL });
        check(Layout { shared_count: 0, ..SMALL });
        check(Layout { handle_count: 0, ..SMALL });
    }
}

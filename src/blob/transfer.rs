//! The border between async code and the blocking stores: bodies go in and come out as buffers, a bounded number of
//! threads works on them, and what a vanished client leaves is cleared up there too. Not here: HTTP, what a body means.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};

use super::digest::Wanted;
pub use super::download::Download;
pub use super::upload::Upload;
use super::{BlobStore, Error, Extent, Manifest, Result};

/// Threads that hash and write at a time, and as many again that read.
const WORKER_COUNT_MAX: usize = 16;
/// Threads that wait for a sync at a time. They cost nothing meanwhile, and share one sync the more they are.
const SEALER_COUNT_MAX: usize = 128;

/// A store as async code sees it. Clones share its bounds.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) writers: Arc<Semaphore>,
    pub(super) sealers: Arc<Semaphore>,
    pub(super) readers: Arc<Semaphore>,
}

impl Blobs {
    /// Wraps a store.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self {
            store,
            writers: Arc::new(Semaphore::new(WORKER_COUNT_MAX)),
            sealers: Arc::new(Semaphore::new(SEALER_COUNT_MAX)),
            readers: Arc::new(Semaphore::new(WORKER_COUNT_MAX)),
        }
    }

    /// The store itself, whose calls block.
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        &self.store
    }

    /// Starts a body; `declared` is its length in bytes where the client announced one. No I/O yet.
    pub fn create(&self, declared: Option<u64>) -> Upload {
        self.create_with(declared, Wanted::default())
    }

    /// The same, with further digests.
    pub fn create_with(&self, declared: Option<u64>, wanted: Wanted) -> Upload {
        Upload::new(self.clone(), declared, wanted)
    }

    /// Reads bytes of a sealed blob; what `range` has beyond its end is left out. No I/O yet.
    pub fn read(&self, manifest: Arc<Manifest>, range: Range<u64>) -> Download {
        Download::new(self.clone(), manifest, range)
    }

    /// Frees extents on a thread that may block: for a blob that was sealed and will not be named after all.
    pub async fn free(&self, extents: Vec<Extent>) -> Result<()> {
        let permit = acquire(&self.writers).await;
        let store = Arc::clone(&self.store);
        let task = spawn_blocking(move || {
            let _permit = permit;
            store.free(&extents)
        });
        join(task).await?
    }
}

pub(super) async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    #[expect(clippy::expect_used, reason = "nobody closes these semaphores")]
    Arc::clone(semaphore).acquire_owned().await.expect("an open semaphore")
}

/// A panic over there goes on here; a task that never ran means that the runtime ends.
pub(super) async fn join<T>(task: impl Future<Output = std::result::Result<T, JoinError>>) -> Result<T> {
    task.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Error::Io(io::Error::other("the process is shutting down")),
    })
}

pub(super) fn lost() -> Error {
    Error::Io(io::Error::other("an earlier step of this transfer failed"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Segment;
    use super::super::faulty::Faulty;
    use super::super::memory::MemoryStore;
    use super::super::segment::SegmentStore;
    use super::super::{BlobWriter, digest::Sums};
    use super::*;
    use crate::limits::{BLOCK_BYTES, BODY_BUFFER_BYTES, MIB};

    /// A store in whose cache nothing is, or everything but each third block.
    #[derive(Debug)]
    struct Cold {
        store: MemoryStore,
        is_partly_warm: bool,
        waiting_read_count: AtomicUsize,
    }

    impl Cold {
        fn new(is_partly_warm: bool) -> Self {
            Self { store: MemoryStore::new(), is_partly_warm, waiting_read_count: AtomicUsize::new(0) }
        }
    }

    impl BlobStore for Cold {
        fn create(&self, declared: Option<u64>) -> Result<Box<dyn BlobWriter>> {
            self.store.create(declared)
        }
        fn read_block(&self, manifest: &Manifest, block: u64, cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool> {
            if cached_only && (!self.is_partly_warm || block.is_multiple_of(3)) {
                return Ok(false);
            }
            self.waiting_read_count.fetch_add(usize::from(!cached_only), Ordering::SeqCst);
            self.store.read_block(manifest, block, false, buffer)
        }
        fn free(&self, extents: &[Extent]) -> Result<()> {
            self.store.free(extents)
        }
        fn segments(&self) -> Result<Vec<Segment>> {
            self.store.segments()
        }
        fn reclaim(&self, segment: u64, live: &[Extent]) -> Result<u64> {
            self.store.reclaim(segment, live)
        }
        fn capacity(&self) -> Option<(u64, u64)> {
            self.store.capacity()
        }
    }

    fn bytes(length: u64) -> Vec<u8> {
        (0..length).map(|i| u8::try_from((i ^ (i >> 8) ^ (i >> 16)) % 253 + 1).unwrap()).collect()
    }

    async fn put(blobs: &Blobs, declared: Option<u64>, step: usize, data: &[u8]) -> Result<(Manifest, Sums)> {
        let mut upload = blobs.create(declared);
        for chunk in data.chunks(step) {
            upload.push(Bytes::copy_from_slice(chunk)).await?;
            assert!(upload.buffer_bytes() <= BODY_BUFFER_BYTES, "{}", upload.buffer_bytes());
        }
        assert_eq!(upload.length(), data.len() as u64);
        upload.finish().await
    }

    async fn get(blobs: &Blobs, manifest: &Arc<Manifest>, range: Range<u64>) -> Result<Vec<u8>> {
        let mut download = blobs.read(Arc::clone(manifest), range);
        let mut data = Vec::new();
        while let Some(chunk) = download.next().await {
            data.extend_from_slice(&chunk?);
        }
        assert_eq!(download.remaining_bytes(), 0);
        Ok(data)
    }

    /// Ends when what was dropped is cleared up; a test that hangs here has found something left.
    async fn until_empty(store: &dyn BlobStore) {
        while !store.segments().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    async fn check_round_trips(store: Arc<dyn BlobStore>) {
        let blobs = Blobs::new(store);
        for length in [0, 1, 65_537, MIB - 1, MIB, MIB + 1, 3 * MIB + 5, 9 * MIB] {
            let data = bytes(length);
            let expected = Sums::of(&data, Wanted::default());
            for (declared, step) in [(Some(length), 16 * 1024), (None, 300_000), (None, 4 << 20), (Some(7), 1 << 20)] {
                let (manifest, digest) = put(&blobs, declared, step, &data).await.unwrap();
                assert_eq!(digest, expected, "{length} {declared:?} {step}");
                let manifest = Arc::new(manifest);
                assert!(get(&blobs, &manifest, 0..u64::MAX).await.unwrap() == data, "{length} {declared:?} {step}");
            }
        }
    }

    #[tokio::test]
    async fn bodies_go_in_and_come_out_of_memory() {
        check_round_trips(Arc::new(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn bodies_go_in_and_come_out_of_segments() {
        let folder = tempfile::tempdir().unwrap();
        check_round_trips(Arc::new(SegmentStore::open(folder.path()).unwrap())).await;
    }

    #[tokio::test]
    async fn bodies_come_out_of_the_pool() {
        for is_partly_warm in [false, true] {
            check_round_trips(Arc::new(Cold::new(is_partly_warm))).await;
        }
    }

    #[tokio::test]
    async fn ranges() {
        const B: u64 = BLOCK_BYTES;
        let data = bytes(3 * B + 10);
        for store in [Arc::new(MemoryStore::new()) as Arc<dyn BlobStore>, Arc::new(Cold::new(false))] {
            let blobs = Blobs::new(store);
            let manifest = Arc::new(put(&blobs, None, 100_000, &data).await.unwrap().0);
            let check = async |range: Range<u64>| {
                let clamp = |position: u64| usize::try_from(position.min(3 * B + 10)).unwrap();
                let (start, end) = (clamp(range.start), clamp(range.end));
                let expected = data.get(start..end).unwrap_or_default();
                assert!(get(&blobs, &manifest, range.clone()).await.unwrap() == expected, "{range:?}");
            };
            check(0..0).await;
            check(5..5).await;
            check(Range { start: 6, end: 5 }).await;
            check(0..1).await;
            check(B - 1..B).await;
            check(B - 1..B + 1).await;
            check(B..2 * B).await;
            check(100..3 * B + 1).await;
            check(3 * B + 9..u64::MAX).await;
            check(3 * B + 10..u64::MAX).await;
            check(u64::MAX - 1..u64::MAX).await;
        }
    }

    #[tokio::test]
    async fn the_next_block_is_read_ahead_and_no_more() {
        let store = Arc::new(Cold::new(false));
        let blobs = Blobs::new(Arc::clone(&store) as _);
        let manifest = Arc::new(put(&blobs, None, 100_000, &bytes(4 * BLOCK_BYTES)).await.unwrap().0);
        let mut download = blobs.read(manifest, 0..3 * BLOCK_BYTES);
        for expected in [2, 3, 3] {
            download.next().await.unwrap().unwrap();
            while store.waiting_read_count.load(Ordering::SeqCst) < expected {
                tokio::task::yield_now().await;
            }
            assert_eq!(store.waiting_read_count.load(Ordering::SeqCst), expected);
        }
        assert!(download.next().await.is_none());
    }

    #[tokio::test]
    async fn a_download_ends_at_damage() {
        let store = MemoryStore::new();
        let blobs = Blobs::new(Arc::new(store.clone()));
        let manifest = Arc::new(put(&blobs, None, 100_000, &bytes(3 * BLOCK_BYTES)).await.unwrap().0);
        store.damage(manifest.extents[0].segment, BLOCK_BYTES);
        let mut download = blobs.read(manifest, 0..u64::MAX);
        assert_eq!(download.next().await.unwrap().unwrap().len() as u64, BLOCK_BYTES);
        assert!(matches!(download.next().await, Some(Err(Error::Corrupt { block: 1, .. }))));
        assert!(download.next().await.is_none());
    }

    #[tokio::test]
    async fn a_dropped_upload_leaves_nothing() {
        let store = Arc::new(MemoryStore::new());
        let blobs = Blobs::new(Arc::clone(&store) as _);
        for length in [0, 1000, 3 * MIB] {
            let mut upload = blobs.create(None);
            upload.push(Bytes::from(bytes(length))).await.unwrap();
            drop(upload);
            until_empty(&*store).await;
        }
        let mut upload = blobs.create(None);
        upload.push(Bytes::from(bytes(3 * MIB))).await.unwrap();
        tokio::select! {
            biased;
            sealed = upload.finish() => blobs.free(sealed.unwrap().0.extents).await.unwrap(),
            () = std::future::ready(()) => {}
        }
        until_empty(&*store).await;
    }

    #[tokio::test]
    async fn whatever_call_fails_the_upload_fails_and_leaves_nothing() {
        let memory = Arc::new(MemoryStore::new());
        let data = bytes(3 * MIB + 5);
        for n in 1.. {
            let store = Faulty::new(Arc::clone(&memory) as _);
            store.fail_nth(n);
            let blobs = Blobs::new(Arc::new(store.clone()));
            let outcome = put(&blobs, None, 100_000, &data).await;
            assert_eq!(outcome.is_err(), store.has_failed(), "{n}");
            if let Ok((manifest, _)) = outcome {
                // Create, four buffers, seal.
                assert_eq!(n, 7);
                memory.free(&manifest.extents).unwrap();
                break;
            }
            until_empty(&*memory).await;
        }
        until_empty(&*memory).await;
    }

    #[tokio::test]
    async fn an_upload_that_failed_stays_failed() {
        let blobs = Blobs::new(Arc::new(MemoryStore::with_capacity(2 * MIB)));
        let mut upload = blobs.create(None);
        let mut error = None;
        for _ in 0..5 {
            error = error.or(upload.push(Bytes::from(bytes(MIB))).await.err());
        }
        assert!(matches!(error, Some(Error::Full)));
        assert!(upload.finish().await.is_err());
        assert_eq!(put(&blobs, None, 1000, &bytes(2 * MIB)).await.unwrap().0.length, 2 * MIB);
    }
}

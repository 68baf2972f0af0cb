//! The border between async code and the blocking stores: bodies go in and come out as buffers, a bounded number of
//! threads works on them, and what a vanished client leaves is cleared up there too. Not here: HTTP, what a body means.

use std::future::{Future, poll_fn};
use std::io;
use std::ops::Range;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

use super::digest::Digest;
use super::{BlobStore, BlobWriter, Error, Extent, Manifest, Result};
use crate::limits::{BLOCK_BYTES, BODY_BUFFER_BYTES};

/// Threads that hash and write at a time, and as many again that read.
const WORKER_COUNT_MAX: usize = 16;
/// Threads that wait for a sync at a time. They cost nothing meanwhile, and share one sync the more they are.
const SEALER_COUNT_MAX: usize = 128;

/// A store as async code sees it. Clones share its bounds.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn BlobStore>,
    writers: Arc<Semaphore>,
    sealers: Arc<Semaphore>,
    readers: Arc<Semaphore>,
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
        let work = Work {
            store: Arc::clone(&self.store),
            declared,
            writer: None,
            digest: Digest::new(),
            buffer: Vec::new(),
            sealed: None,
        };
        Upload { blobs: self.clone(), state: State::Idle(Box::new(work)), filling: Vec::new(), length: 0 }
    }

    /// Reads bytes of a sealed blob; what `range` has beyond its end is left out. No I/O yet.
    pub fn read(&self, manifest: Arc<Manifest>, range: Range<u64>) -> Download {
        let end = range.end.min(manifest.length);
        Download { blobs: self.clone(), position: range.start.min(end), end, manifest, pending: None }
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

/// A body on its way in. Holds one buffer that fills and one that is being hashed and written, 1 MiB each.
/// Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    state: State,
    filling: Vec<u8>,
    length: u64,
}

#[derive(Debug)]
enum State {
    Idle(Box<Work>),
    Busy(JoinHandle<(Box<Work>, Result<()>)>),
    Failed,
}

impl Upload {
    /// Takes the next bytes; waits when a buffer is full and the one before is still being written.
    /// An error may be about bytes pushed earlier; after one the body is lost.
    pub async fn push(&mut self, mut chunk: Bytes) -> Result<()> {
        while !chunk.is_empty() {
            if self.filling.len() == BODY_BUFFER_BYTES {
                self.write_out().await?;
            }
            let now = chunk.split_to(chunk.len().min(BODY_BUFFER_BYTES - self.filling.len()));
            self.filling.extend_from_slice(&now);
            self.length += now.len() as u64;
        }
        Ok(())
    }

    /// Bytes pushed so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes everything durable; returns where it lies, and its MD5.
    pub async fn finish(mut self) -> Result<(Manifest, [u8; 16])> {
        self.settle().await?;
        // In this order: whoever has the second permit is at work, and never waits for the first.
        let sealing = acquire(&self.blobs.sealers).await;
        let writing = acquire(&self.blobs.writers).await;
        self.start(move |work| {
            let outcome = work.write();
            drop(writing);
            let outcome = outcome.and_then(|()| work.seal());
            drop(sealing);
            outcome
        })?;
        self.settle().await?;
        match &mut self.state {
            State::Idle(work) => work.sealed.take().ok_or_else(lost),
            _ => Err(lost()),
        }
    }

    /// Hands the full buffer over and goes on with an empty one.
    async fn write_out(&mut self) -> Result<()> {
        self.settle().await?;
        let writing = acquire(&self.blobs.writers).await;
        self.start(move |work| {
            let outcome = work.write();
            drop(writing);
            outcome
        })
    }

    /// Waits for the work in flight. What it returns goes back into `self` before anything else is awaited, so that
    /// a caller who gives up waiting leaves it to [`Upload::drop`].
    async fn settle(&mut self) -> Result<()> {
        if let State::Busy(task) = &mut self.state {
            let joined = join(task).await;
            self.state = State::Failed;
            let (work, outcome) = joined?;
            outcome?;
            self.state = State::Idle(work);
        }
        Ok(())
    }

    /// Starts `job` on the buffer that was filling. The work must be idle.
    fn start(&mut self, job: impl FnOnce(&mut Work) -> Result<()> + Send + 'static) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(mut work) => {
                std::mem::swap(&mut work.buffer, &mut self.filling);
                self.state = State::Busy(spawn_blocking(move || {
                    let outcome = job(&mut work);
                    if outcome.is_err() {
                        // Here, where clearing up may block.
                        work.writer = None;
                    }
                    (work, outcome)
                }));
                Ok(())
            }
            _ => Err(lost()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let has_work = match &state {
            State::Idle(work) => work.writer.is_some() || work.sealed.is_some(),
            State::Busy(_) => true,
            State::Failed => false,
        };
        // A task that has ended still owns its writer, so the handle too is dropped where that may block.
        if let (true, Ok(runtime)) = (has_work, Handle::try_current()) {
            runtime.spawn_blocking(move || drop(state));
        }
    }
}

/// What goes back and forth between an upload and the threads.
#[derive(Debug)]
struct Work {
    store: Arc<dyn BlobStore>,
    declared: Option<u64>,
    writer: Option<Box<dyn BlobWriter>>,
    digest: Digest,
    buffer: Vec<u8>,
    sealed: Option<(Manifest, [u8; 16])>,
}

impl Work {
    /// Hashes and writes the buffer, and empties it.
    fn write(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.digest.update(&self.buffer);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.store.create(self.declared)?),
        };
        writer.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        let digest = std::mem::take(&mut self.digest).finish();
        let manifest = match self.writer.take() {
            Some(writer) => writer.seal()?,
            None => Manifest::default(),
        };
        self.sealed = Some((manifest, digest));
        Ok(())
    }
}

impl Drop for Work {
    /// A sealed blob that nobody took has no name, and will never have one.
    fn drop(&mut self) {
        if let Some((manifest, _)) = self.sealed.take() {
            // What fails here is left to the sweep.
            let _ = self.store.free(&manifest.extents);
        }
    }
}

/// A body on its way out: verified blocks, cut to the range. Holds at most the block it gives and the next one.
/// Ends after an error.
pub struct Download {
    blobs: Blobs,
    manifest: Arc<Manifest>,
    position: u64,
    end: u64,
    /// The block at `position`, being read.
    pending: Option<Pin<Box<dyn Future<Output = Result<Fetched>> + Send + Sync>>>,
}

/// A verified block.
struct Fetched {
    bytes: Vec<u8>,
    /// It was in memory: the kernel reads ahead of us, and threads are not needed.
    was_cached: bool,
}

impl Download {
    /// The next bytes, at most `limits::BLOCK_BYTES` of them; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|context| self.poll_block(context)).await
    }

    /// Bytes still to come.
    pub fn remaining_bytes(&self) -> u64 {
        self.end - self.position
    }

    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.position >= self.end {
            return Poll::Ready(None);
        }
        let block = self.position / BLOCK_BYTES;
        let outcome = ready!(self.poll_fetched(block, context));
        Poll::Ready(Some(match outcome {
            Ok(fetched) => {
                if !fetched.was_cached {
                    self.read_ahead(block + 1);
                }
                Ok(self.cut(block, fetched.bytes))
            }
            Err(error) => {
                self.position = self.end;
                Err(error)
            }
        }))
    }

    /// From memory, on this thread, or else from the pool.
    fn poll_fetched(&mut self, block: u64, context: &mut Context<'_>) -> Poll<Result<Fetched>> {
        let mut pending = match self.pending.take() {
            Some(pending) => pending,
            None => match fetch(&*self.blobs.store, &self.manifest, block, true).transpose() {
                Some(outcome) => return Poll::Ready(outcome),
                None => Box::pin(self.fetch_on_pool(block)),
            },
        };
        let polled = pending.as_mut().poll(context);
        if polled.is_pending() {
            self.pending = Some(pending);
        }
        polled
    }

    /// The part of a block that is asked for; moves on behind it.
    fn cut(&mut self, block: u64, bytes: Vec<u8>) -> Bytes {
        let block_start = block * BLOCK_BYTES;
        let block_end = block_start + bytes.len() as u64;
        // A block's length fits, so what is within a block does.
        let within = |position: u64| (position - block_start) as usize;
        let range = within(self.position)..within(self.end.min(block_end));
        self.position = self.end.min(block_end);
        Bytes::from(bytes).slice(range)
    }

    fn fetch_on_pool(&self, block: u64) -> impl Future<Output = Result<Fetched>> + Send + Sync + 'static {
        let (blobs, manifest) = (self.blobs.clone(), Arc::clone(&self.manifest));
        async move {
            let permit = acquire(&blobs.readers).await;
            join(spawn_fetch(blobs.store, manifest, block, false, permit)).await?
        }
    }

    /// Begins to read a block that will be asked for next, unless all readers are busy with blocks asked for now.
    fn read_ahead(&mut self, block: u64) {
        if block * BLOCK_BYTES >= self.end {
            return;
        }
        if let Ok(permit) = Arc::clone(&self.blobs.readers).try_acquire_owned() {
            let task = spawn_fetch(Arc::clone(&self.blobs.store), Arc::clone(&self.manifest), block, true, permit);
            self.pending = Some(Box::pin(async move { join(task).await? }));
        }
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_block(context)
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("position", &self.position).field("end", &self.end).finish_non_exhaustive()
    }
}

/// `None` if only memory may be asked and does not have the block.
fn fetch(store: &dyn BlobStore, manifest: &Manifest, block: u64, cached_only: bool) -> Result<Option<Fetched>> {
    let mut bytes = Vec::new();
    let is_there = store.read_block(manifest, block, cached_only, &mut bytes)?;
    Ok(is_there.then_some(Fetched { bytes, was_cached: cached_only }))
}

fn spawn_fetch(
    store: Arc<dyn BlobStore>,
    manifest: Arc<Manifest>,
    block: u64,
    ask_memory: bool,
    permit: OwnedSemaphorePermit,
) -> JoinHandle<Result<Fetched>> {
    spawn_blocking(move || {
        let _permit = permit;
        if ask_memory {
            if let Some(fetched) = fetch(&*store, &manifest, block, true)? {
                return Ok(fetched);
            }
        }
        fetch(&*store, &manifest, block, false)?.ok_or_else(lost)
    })
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    #[expect(clippy::expect_used, reason = "nobody closes these semaphores")]
    Arc::clone(semaphore).acquire_owned().await.expect("an open semaphore")
}

/// A panic over there goes on here; a task that never ran means that the runtime ends.
async fn join<T>(task: impl Future<Output = std::result::Result<T, tokio::task::JoinError>>) -> Result<T> {
    task.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Error::Io(io::Error::other("the process is shutting down")),
    })
}

fn lost() -> Error {
    Error::Io(io::Error::other("an earlier step of this transfer failed"))
}

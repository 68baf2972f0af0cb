//! A body on its way out: verified blocks, from memory on the caller's thread, else from a thread that may block and
//! then one ahead. Not here: how many such threads there are (`transfer`), and how a store reads.

use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

use super::transfer::{Blobs, acquire, join, lost};
use super::{BlobStore, Manifest, Result};
use crate::limits::BLOCK_BYTES;

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
    pub(super) fn new(blobs: Blobs, manifest: Arc<Manifest>, range: Range<u64>) -> Self {
        let end = range.end.min(manifest.length);
        Self { blobs, position: range.start.min(end), end, manifest, pending: None }
    }

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
    #[expect(clippy::cast_possible_truncation, reason = "a block fits in memory, so positions within it do")]
    fn cut(&mut self, block: u64, bytes: Vec<u8>) -> Bytes {
        let block_start = block * BLOCK_BYTES;
        let block_end = block_start + bytes.len() as u64;
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
        if ask_memory && let Some(fetched) = fetch(&*store, &manifest, block, true)? {
            return Ok(fetched);
        }
        fetch(&*store, &manifest, block, false)?.ok_or_else(lost)
    })
}

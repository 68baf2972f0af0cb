//! A body on its way in: one buffer fills while the one before is hashed and written on a thread that may block.
//! Not here: how many such threads there are (`transfer`), and how a store writes.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::digest::{Digest, Sums, Wanted};
use super::transfer::{Blobs, acquire, join, lost};
use super::{BlobStore, BlobWriter, Manifest, Result};
use crate::limits::BODY_BUFFER_BYTES;

/// A body on its way in. Holds one buffer that fills and one that is being hashed and written, 1 MiB each.
/// Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    state: State,
    declared: Option<u64>,
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
    pub(super) fn new(blobs: Blobs, declared: Option<u64>, wanted: Wanted) -> Self {
        let work = Work {
            store: Arc::clone(&blobs.store),
            declared,
            writer: None,
            digest: Digest::new(wanted),
            buffer: Vec::new(),
            sealed: None,
        };
        Self { blobs, state: State::Idle(Box::new(work)), declared, filling: Vec::new(), length: 0 }
    }

    /// Takes the next bytes; waits when a buffer is full and the one before is still being written.
    /// An error may be about bytes pushed earlier; after one the body is lost.
    pub async fn push(&mut self, mut chunk: Bytes) -> Result<()> {
        while !chunk.is_empty() {
            if self.filling.len() == BODY_BUFFER_BYTES {
                self.write_out().await?;
            }
            let now = chunk.split_to(chunk.len().min(BODY_BUFFER_BYTES - self.filling.len()));
            self.make_room(now.len());
            self.filling.extend_from_slice(&now);
            self.length += now.len() as u64;
        }
        Ok(())
    }

    /// Bytes pushed so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes everything durable; returns where it lies, and its digests.
    pub async fn finish(mut self) -> Result<(Manifest, Sums)> {
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

    /// Size of the buffer that fills.
    #[cfg(test)]
    pub(super) fn buffer_bytes(&self) -> usize {
        self.filling.capacity()
    }

    /// Small bodies take what they need; what outgrows its first guess takes a whole buffer, once.
    fn make_room(&mut self, coming: usize) {
        let filled = self.filling.len();
        if filled + coming > self.filling.capacity() {
            let announced = self.declared.map_or(0, |declared| declared.saturating_sub(self.length));
            let announced = usize::try_from(announced).map_or(BODY_BUFFER_BYTES, |it| it.min(BODY_BUFFER_BYTES));
            let wanted = if filled == 0 { announced.max(coming) } else { BODY_BUFFER_BYTES };
            self.filling.reserve_exact(wanted - filled);
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
    sealed: Option<(Manifest, Sums)>,
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

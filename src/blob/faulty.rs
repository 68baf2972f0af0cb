//! A store whose n-th call fails, for tests that count n upwards until an operation succeeds. Every call that can
//! fail while objects are served counts: create, write, seal, read and free, whoever makes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BlobStore, BlobWriter, Error, Extent, Manifest, Result, Segment};

/// Wraps any store. Clones share the count.
#[derive(Clone, Debug)]
pub struct Faulty {
    store: Arc<dyn BlobStore>,
    script: Arc<Script>,
}

#[derive(Debug, Default)]
struct Script {
    call_count: AtomicU64,
    /// The call that fails, counted like `call_count`; 0 for none.
    failing_call: AtomicU64,
}

impl Faulty {
    /// Wraps a store; nothing fails until [`Faulty::fail_nth`].
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store, script: Arc::new(Script::default()) }
    }

    /// Lets the `n`-th call from now fail, 1 being the next one, and only that; 0 lets none fail.
    pub fn fail_nth(&self, n: u64) {
        let failing = if n == 0 { 0 } else { self.call_count().saturating_add(n) };
        self.script.failing_call.store(failing, Ordering::SeqCst);
    }

    /// Calls made so far, the failed ones too.
    pub fn call_count(&self) -> u64 {
        self.script.call_count.load(Ordering::SeqCst)
    }

    /// Whether the call that was to fail has come.
    pub fn has_failed(&self) -> bool {
        let failing = self.script.failing_call.load(Ordering::SeqCst);
        failing != 0 && failing <= self.call_count()
    }
}

impl Script {
    fn call(&self) -> Result<()> {
        let number = self.call_count.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.failing_call.load(Ordering::SeqCst) {
            return Err(Error::Io(std::io::Error::other("a fault that a test asked for")));
        }
        Ok(())
    }
}

impl BlobStore for Faulty {
    fn create(&self, declared: Option<u64>) -> Result<Box<dyn BlobWriter>> {
        self.script.call()?;
        let writer = self.store.create(declared)?;
        Ok(Box::new(FaultyWriter { writer, script: Arc::clone(&self.script) }))
    }

    fn read_block(&self, manifest: &Manifest, block: u64, cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool> {
        self.script.call()?;
        self.store.read_block(manifest, block, cached_only, buffer)
    }

    fn free(&self, extents: &[Extent]) -> Result<()> {
        self.script.call()?;
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

#[derive(Debug)]
struct FaultyWriter {
    writer: Box<dyn BlobWriter>,
    script: Arc<Script>,
}

impl BlobWriter for FaultyWriter {
    fn write(&mut self, data: &[u8]) -> Result<()> {
        self.script.call()?;
        self.writer.write(data)
    }

    fn seal(self: Box<Self>) -> Result<Manifest> {
        self.script.call()?;
        self.writer.seal()
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryStore;
    use super::*;

    /// One of everything that counts.
    fn walk(store: &dyn BlobStore) -> Result<()> {
        let mut writer = store.create(None)?;
        writer.write(b"some bytes")?;
        let manifest = writer.seal()?;
        store.read_block(&manifest, 0, false, &mut Vec::new())?;
        store.free(&manifest.extents)
    }

    #[test]
    fn each_call_fails_in_its_turn() {
        for n in 1..=5 {
            let store = Faulty::new(Arc::new(MemoryStore::new()));
            store.fail_nth(n);
            assert!(walk(&store).is_err(), "{n}");
            assert_eq!((store.call_count(), store.has_failed()), (n, true));
            assert!(walk(&store).is_ok(), "only one call fails");
        }
        let store = Faulty::new(Arc::new(MemoryStore::new()));
        store.fail_nth(6);
        assert!(walk(&store).is_ok());
        assert!(!store.has_failed());
    }
}

//! An engine whose n-th call fails, for tests: the count goes up until the operation under test succeeds.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::{BoxFuture, ready};

use super::engine::{Commit, Engine, Family, Revision, Tier, View, Visit};
use super::{Error, Result};

/// Passes calls on to another engine until the chosen one, which fails.
#[derive(Debug)]
pub struct FaultyEngine {
    inner: Arc<dyn Engine>,
    /// Calls that still pass.
    left: AtomicI64,
    /// Fail the commit after applying it: the caller cannot know.
    after: bool,
}

impl FaultyEngine {
    /// Fails the call after `passing` ones, once. With `after`, a failing commit is applied all the same.
    pub fn new(inner: Arc<dyn Engine>, passing: i64, after: bool) -> Self {
        Self { inner, left: AtomicI64::new(passing), after }
    }

    /// True when the failing call came.
    pub fn has_failed(&self) -> bool {
        self.left.load(Ordering::Relaxed) < 0
    }

    fn fails(&self) -> bool {
        self.left.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

fn injected() -> Error {
    Error::Engine("injected".to_owned())
}

impl View for FaultyEngine {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        if self.fails() { Err(injected()) } else { self.inner.get(family, key, tier, visit) }
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        if self.fails() { Err(injected()) } else { self.inner.scan(family, from, to, tier, visit) }
    }
}

/// A frozen state, the reads of which are calls like any other.
struct Frozen<'engine> {
    engine: &'engine FaultyEngine,
    inner: Box<dyn View + 'engine>,
}

impl View for Frozen<'_> {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        if self.engine.fails() { Err(injected()) } else { self.inner.get(family, key, tier, visit) }
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        if self.engine.fails() { Err(injected()) } else { self.inner.scan(family, from, to, tier, visit) }
    }
}

impl Engine for FaultyEngine {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        if !self.fails() {
            return self.inner.commit(commit);
        }
        if self.after {
            let applied = self.inner.commit(commit);
            return Box::pin(async move { applied.await.and(Err(injected())) });
        }
        Box::pin(ready(Err(injected())))
    }

    fn snapshot(&self) -> Box<dyn View + '_> {
        Box::new(Frozen { engine: self, inner: self.inner.snapshot() })
    }

    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn family_revision(&self, family: Family) -> Revision {
        self.inner.family_revision(family)
    }

    fn flush(&self) -> Result<()> {
        self.inner.flush()
    }

    fn failure(&self) -> Option<String> {
        self.inner.failure()
    }
}

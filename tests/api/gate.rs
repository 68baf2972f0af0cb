//! An engine whose commits are applied at once and answered when a test says so: it holds open the moment in which an
//! object is counted and its writer does not know yet.

use std::ops::Bound;

use futures_util::future::BoxFuture;
use obs_gateway::meta::{Commit, Engine, Family, MemoryEngine, Result, Revision, Tier, View, Visit};
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct Gate {
    inner: MemoryEngine,
    closed: watch::Sender<bool>,
}

impl Gate {
    /// A gate that stands open.
    pub(crate) fn new() -> Self {
        Self { inner: MemoryEngine::new(), closed: watch::Sender::new(false) }
    }

    /// From now on, no commit is answered.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// All are.
    pub(crate) fn open(&self) {
        self.closed.send_replace(false);
    }
}

impl View for Gate {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.inner.get(family, key, tier, visit)
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        self.inner.scan(family, from, to, tier, visit)
    }
}

impl Engine for Gate {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        let applied = self.inner.commit(commit);
        let mut closed = self.closed.subscribe();
        Box::pin(async move {
            let decided = applied.await;
            closed.wait_for(|closed| !*closed).await.expect("the gate is there");
            decided
        })
    }

    fn snapshot(&self) -> Box<dyn View + '_> {
        self.inner.snapshot()
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

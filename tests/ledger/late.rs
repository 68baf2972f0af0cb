//! The moment between a commit and the answer to whoever waits for it: the bytes are counted already, and the upload
//! they came from is still there.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::clock::Clock;
use obs_gateway::meta::{Commit, Engine, Family, MemoryEngine, Result, Revision, Tier, View, Visit};
use tokio::sync::Semaphore;

use crate::model::body;
use crate::support::{Ask, Gateway, START_MILLIS};
use crate::world::set_quota;

/// An engine that applies a chosen commit and keeps its answer back.
#[derive(Debug)]
struct Late {
    inner: MemoryEngine,
    keeps_next: AtomicBool,
    released: Arc<Semaphore>,
}

impl View for Late {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.inner.get(family, key, tier, visit)
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        self.inner.scan(family, from, to, tier, visit)
    }
}

impl Engine for Late {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        let answer = self.inner.commit(commit);
        if !self.keeps_next.swap(false, Ordering::SeqCst) {
            return answer;
        }
        let released = Arc::clone(&self.released);
        Box::pin(async move {
            released.acquire().await.expect("an open semaphore").forget();
            answer.await
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

/// A bucket for exactly two: the second fits beside the first, whose room must not count twice.
#[tokio::test]
async fn what_is_stored_is_not_held_as_well() {
    let released = Arc::new(Semaphore::new(0));
    let engine = Late { inner: MemoryEngine::new(), keeps_next: false.into(), released: Arc::clone(&released) };
    let engine = Arc::new(engine);
    let blobs = Arc::new(MemoryStore::new());
    let gateway = Gateway::open(engine.clone(), blobs, Clock::manual(START_MILLIS)).await;
    gateway.create_account("anna").await;
    for ask in [Ask::new("PUT", "/red").body(""), set_quota("red", 140_000)] {
        assert_eq!(gateway.send("anna", ask).await.outcome().0, 200);
    }
    engine.keeps_next.store(true, Ordering::SeqCst);
    let first = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.send("anna", Ask::object("PUT", "red", "first").body(body(70_000, 1))).await.outcome() }
    });
    let used = async || gateway.send("anna", Ask::new("GET", "/red?storageinfo")).await.element("Size");
    while used().await.as_deref() != Some("70000") {
        tokio::task::yield_now().await;
    }
    let second = gateway.send("anna", Ask::object("PUT", "red", "second").body(body(70_000, 2))).await;
    released.add_permits(1);
    assert_eq!(first.await.expect("an answer"), (200, String::new()));
    assert_eq!(second.outcome(), (200, String::new()), "{}", second.text());
}

//! [`Store`]: closures over an engine. A closure reads through its [`Tx`]; what it read becomes the commit's
//! expectations, so a change that relied on something stale runs again instead of being written.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

use super::cache::Caches;
use super::engine::{self, Charge, Commit, CounterKey, Deadline, Engine, Family, Revision, Tier, View, Visit};
use super::record::Record;
use super::reserve::Reservations;
use super::{Error, Result, Sealer};
use crate::clock::{Clock, UnixMillis};
use crate::limits;
use crate::quota::Usage;

/// Metadata, behind whichever engine.
#[derive(Debug)]
pub struct Store {
    engine: Arc<dyn Engine>,
    sealer: Sealer,
    caches: Caches,
    clock: Clock,
    reservations: Arc<Reservations>,
    /// Room in the engine's queue.
    room: Semaphore,
}

impl Store {
    /// A store over `engine`; `sealer` opens the secrets in it.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, sealer: Sealer) -> Self {
        Self {
            engine,
            sealer,
            caches: Caches::default(),
            clock: Clock::System,
            reservations: Arc::default(),
            room: Semaphore::new(limits::COMMIT_QUEUE_COUNT_MAX),
        }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// What seals secrets.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The same store with another clock: what decides which storage packs count.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    pub(super) fn caches(&self) -> &Caches {
        &self.caches
    }

    pub(super) fn reservations(&self) -> &Arc<Reservations> {
        &self.reservations
    }

    /// Runs `body` against what is durable now. It runs on this thread while memory has the answers; where the disk
    /// is needed it runs again, from its start, where blocking is allowed.
    #[expect(clippy::unused_async, reason = "an engine that is reached over a network makes readers wait")]
    pub async fn read<T, E: From<Error>>(
        &self,
        body: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.run(|tx| body(tx)).map(|(value, _)| value)
    }

    /// Runs `body` against one frozen state: for reads of many rows that must agree with each other.
    #[expect(clippy::unused_async, reason = "an engine that is reached over a network makes readers wait")]
    pub async fn read_frozen<T, E: From<Error>>(
        &self,
        body: impl FnOnce(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        blocking(|| body(&mut Tx::new(self, &*self.engine.snapshot(), Tier::Disk, 0, false)))
    }

    /// Runs `body` and commits what it wrote. A conflict runs it again, at most
    /// `limits::CONFLICT_RETRY_COUNT_MAX` times; a body that wrote nothing commits nothing.
    pub async fn write<T, E: From<Error>>(
        &self,
        mut body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        for _ in 0..limits::CONFLICT_RETRY_COUNT_MAX {
            let (value, commit) = self.run(&mut body)?;
            if commit.is_empty() {
                return Ok(value);
            }
            let _room = self.room.acquire().await.map_err(|_| Error::Engine("the store is closed".to_owned()))?;
            match self.engine.commit(commit).await {
                Ok(_) => return Ok(value),
                Err(Error::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    fn run<T, E>(
        &self,
        mut body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<(T, Commit), E> {
        let mut attempt = |tier| {
            let mut tx = Tx::new(self, &*self.engine, tier, self.engine.revision(), true);
            let result = body(&mut tx);
            (result, tx)
        };
        let (result, tx) = attempt(Tier::Cached);
        if !tx.blocked {
            return result.map(|value| (value, tx.commit));
        }
        let (result, tx) = blocking(|| attempt(Tier::Disk));
        result.map(|value| (value, tx.commit))
    }
}

/// Runs what may wait for the disk without holding up the other tasks of this thread.
fn blocking<T>(body: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(body),
        _ => body(),
    }
}

/// One run of a closure. Reads see the state before the transaction, never its own writes.
pub struct Tx<'view> {
    store: &'view Store,
    view: &'view dyn View,
    /// Whether the view is what is durable now, and so what the caches hold.
    is_live: bool,
    now: UnixMillis,
    tier: Tier,
    commit: Commit,
    blocked: bool,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("commit", &self.commit).finish_non_exhaustive()
    }
}

impl<'view> Tx<'view> {
    fn new(store: &'view Store, view: &'view dyn View, tier: Tier, read_at: Revision, is_live: bool) -> Self {
        let commit = Commit { read_at, ..Commit::default() };
        Self { store, view, is_live, now: store.clock.now_millis(), tier, commit, blocked: false }
    }

    /// The time of this run.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// The caches and the revision of the accounts they must have, for a view they are true for.
    pub(super) fn caches(&self) -> Option<(Revision, &'view Caches)> {
        self.is_live.then(|| (self.store.engine.family_revision(Family::Accounts), &self.store.caches))
    }

    /// Makes the commit rely on a row that was read some other way, at or after this run began.
    pub(super) fn rely_on(&mut self, family: Family, key: Vec<u8>) {
        self.commit.reads.push((family, key));
    }

    /// Makes the commit void from `millis` on: what it was decided by changes then.
    pub(super) fn rely_on_time(&mut self, millis: UnixMillis) {
        let earlier = self.commit.valid_until.as_ref().map_or(millis, |deadline| deadline.millis.min(millis));
        self.commit.valid_until = Some(Deadline { millis: earlier, clock: self.store.clock.clone() });
    }

    /// Value under `key`; the commit relies on it.
    pub(super) fn get(&mut self, family: Family, key: Vec<u8>) -> Result<Option<Vec<u8>>> {
        self.get_with(family, key, |value| Ok(value.map(<[u8]>::to_vec)))
    }

    pub(super) fn get_record<R: Record>(&mut self, family: Family, key: Vec<u8>) -> Result<Option<R>> {
        self.get_with(family, key, |value| value.map(R::decode).transpose())
    }

    pub(super) fn get_with<T>(
        &mut self,
        family: Family,
        key: Vec<u8>,
        read: impl Fn(Option<&[u8]>) -> Result<T>,
    ) -> Result<T> {
        let mut found = Err(Error::Engine("the engine did not call back".to_owned()));
        let seen = self.view.get(family, &key, self.tier, &mut |value| found = read(value));
        self.note(seen)?;
        self.commit.reads.push((family, key));
        found
    }

    /// Visits rows. The commit does not rely on what a scan saw: whoever writes on its strength reads the rows again.
    pub(super) fn scan(
        &mut self,
        family: Family,
        from: Bound<&[u8]>,
        to: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<()> {
        let seen = self.view.scan(family, from, to, self.tier, visit);
        self.note(seen)
    }

    /// A counter. The commit does not rely on it: limits are tested where charges are applied.
    pub(super) fn usage(&mut self, counter: &CounterKey) -> Result<Usage> {
        let seen = engine::get_usage(self.view, counter, self.tier);
        self.note(seen)
    }

    /// Something of the view that the commit does not rely on.
    pub(super) fn look<T>(&mut self, read: impl FnOnce(&dyn View, Tier) -> Result<T>) -> Result<T> {
        let seen = read(self.view, self.tier);
        self.note(seen)
    }

    /// Bytes held on a counter by uploads under way; in memory, so not part of any view.
    pub(super) fn reserved_bytes(&self, counter: &CounterKey) -> u64 {
        self.store.reservations.held_bytes(counter)
    }

    pub(super) fn put(&mut self, family: Family, key: Vec<u8>, value: Bytes) {
        self.commit.puts.push((family, key, value));
    }

    pub(super) fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.commit.deletes.push((family, key));
    }

    pub(super) fn charge(&mut self, charge: Charge) {
        self.commit.charges.push(charge);
    }

    fn note<T>(&mut self, seen: Result<T>) -> Result<T> {
        if matches!(seen, Err(Error::WouldBlock)) {
            self.blocked = true;
        }
        seen
    }
}

//! [`Store`]: closures over an engine. A closure reads through its [`Tx`]; what it read becomes the commit's
//! expectations, so a change that relied on something stale runs again instead of being written.

use std::hash::BuildHasher as _;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex, Semaphore};

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
    /// Transactions that keep losing over the same rows take turns here, first come, first served.
    turns: [Mutex<()>; TURN_COUNT],
    hasher: RandomState,
}

/// Rows that share a turn wait for each other now and then, which costs time and nothing else.
const TURN_COUNT: usize = 64;
/// Conflicts after which a transaction waits for its turn. One is common and harmless: a quota that was changed
/// sends every upload into its bucket around again.
const CONFLICT_COUNT_BEFORE_TURN: usize = 2;

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
            turns: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::default(),
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
    ///
    /// What it gives may be of rows of two moments; what it refuses is true of one: a refusal after several looks runs
    /// again against one frozen state, and what it says of that counts. An engine that failed is not asked again.
    #[expect(clippy::unused_async, reason = "an engine that is reached over a network makes readers wait")]
    pub async fn read<T, E: From<Error>>(
        &self,
        body: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let run = self.run(|tx| body(tx));
        if run.result.is_err() && run.may_be_torn() { self.run_frozen(body).result } else { run.result }
    }

    /// Runs `body` against one frozen state: for reads of many rows that must agree with each other. Where the disk is
    /// needed it runs again, as [`Store::read`] has it, against the same state.
    #[expect(clippy::unused_async, reason = "an engine that is reached over a network makes readers wait")]
    pub async fn read_frozen<T, E: From<Error>>(
        &self,
        body: impl Fn(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.run_frozen(body).result
    }

    /// Runs `body` and commits what it wrote. A conflict runs it again, at most
    /// `limits::CONFLICT_RETRY_COUNT_MAX` times; a body that wrote nothing commits nothing.
    ///
    /// A commit finds out whether what it relies on still stood together. Without one nothing does: a body that refuses,
    /// or finds that there is nothing to write, runs again against one frozen state, and what it does with that counts.
    /// An engine that failed is not asked again.
    ///
    /// One commit of a group wins a row, so many writers of one row would spend all their runs on losing. From the
    /// third run on they take turns instead, and lose to newcomers only.
    pub async fn write<T, E: From<Error>>(
        &self,
        mut body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut turn = None;
        let mut last_read = None;
        for conflicts in 0..limits::CONFLICT_RETRY_COUNT_MAX {
            if conflicts >= CONFLICT_COUNT_BEFORE_TURN && turn.is_none() {
                turn = Some(self.turn(last_read.as_ref()).lock().await);
            }
            let mut run = self.run(&mut body);
            if (run.result.is_err() || run.commit.is_empty()) && run.may_be_torn() {
                run = self.run_frozen(&mut body);
            }
            let Run { result, commit, .. } = run;
            let value = result?;
            if commit.is_empty() {
                return Ok(value);
            }
            if turn.is_none() && conflicts + 1 == CONFLICT_COUNT_BEFORE_TURN {
                // The owner's account is relied on by all and meets nobody.
                last_read = commit.reads.iter().rfind(|(family, _)| *family != Family::Accounts).cloned();
            }
            let _room = self.room.acquire().await.map_err(|_| Error::Engine("the store is closed".to_owned()))?;
            match self.engine.commit(commit).await {
                Ok(_) => return Ok(value),
                // What came into a counter that was empty, the next run sees.
                Err(Error::Conflict | Error::NotEmpty) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// Where transactions wait that read `row` last: in those that meet, it is mostly what they meet over.
    fn turn(&self, row: Option<&(Family, Vec<u8>)>) -> &Mutex<()> {
        let hash = self.hasher.hash_one(row.map(|(family, key)| (family.index(), key)));
        &self.turns[usize::try_from(hash % TURN_COUNT as u64).unwrap_or_default()]
    }

    fn run<T, E>(&self, body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>) -> Run<T, E> {
        run_over(body, |tier| Tx::new(self, &*self.engine, tier, self.engine.revision(), true))
    }

    fn run_frozen<T, E>(&self, body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>) -> Run<T, E> {
        // Before the state is frozen: a commit between the two is then taken for a conflict, not overlooked.
        let read_at = self.engine.revision();
        let frozen = self.engine.snapshot();
        run_over(body, |tier| Tx::new(self, &*frozen, tier, read_at, false))
    }
}

/// Runs `body` on this thread, and where memory does not have the answers again, from its start, where blocking is
/// allowed.
fn run_over<'view, T, E>(
    mut body: impl FnMut(&mut Tx<'_>) -> std::result::Result<T, E>,
    open: impl Fn(Tier) -> Tx<'view>,
) -> Run<T, E> {
    let mut attempt = |tier| {
        let mut tx = open(tier);
        let result = body(&mut tx);
        (result, tx)
    };
    let (result, tx) = attempt(Tier::Cached);
    if !tx.blocked {
        return Run::of(result, tx);
    }
    let (result, tx) = blocking(|| attempt(Tier::Disk));
    Run::of(result, tx)
}

/// What a run of a closure gave.
struct Run<T, E> {
    result: std::result::Result<T, E>,
    /// What it wants to be committed.
    commit: Commit,
    look_count: usize,
    has_failed: bool,
}

impl<T, E> Run<T, E> {
    fn of(result: std::result::Result<T, E>, tx: Tx<'_>) -> Self {
        Self { result, commit: tx.commit, look_count: tx.look_count, has_failed: tx.has_failed }
    }

    /// Whether it may have seen rows of two moments; one look sees one.
    fn may_be_torn(&self) -> bool {
        self.look_count > 1 && !self.has_failed
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
    /// How often it looked at something stored.
    look_count: usize,
    blocked: bool,
    /// Whether the engine has failed.
    has_failed: bool,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("commit", &self.commit).finish_non_exhaustive()
    }
}

impl<'view> Tx<'view> {
    pub(super) fn new(
        store: &'view Store,
        view: &'view dyn View,
        tier: Tier,
        read_at: Revision,
        is_live: bool,
    ) -> Self {
        let commit = Commit { read_at, ..Commit::default() };
        let now = store.clock.now_millis();
        Self { store, view, is_live, now, tier, commit, look_count: 0, blocked: false, has_failed: false }
    }

    /// The time of this run.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// The caches and the revision of the accounts they must have, for a view they are true for.
    pub(super) fn caches(&mut self) -> Option<(Revision, &'view Caches)> {
        self.look_count += 1;
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

    /// What this transaction itself put under `key` last.
    pub(super) fn own_put(&self, family: Family, key: &[u8]) -> Option<&Bytes> {
        let mut puts = self.commit.puts.iter().rev();
        puts.find(|(of, row, _)| *of == family && row == key).map(|(.., value)| value)
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
        self.look_count += 1;
        match seen {
            Err(Error::WouldBlock) => self.blocked = true,
            Err(_) => self.has_failed = true,
            Ok(_) => {}
        }
        seen
    }
}

#[cfg(test)]
mod tests;

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
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::super::testing::{OWNER, bucket, inline, key, put, store, store_over};
    use super::super::{Bucket, Deleted, MemoryEngine, Object, Version, Versioning};
    use super::*;

    /// Commits within another transaction, as somebody else would at the same time.
    fn meanwhile<T>(commit: impl Future<Output = Result<T>>) {
        // Unconstrained: a task of tokio's that goes on for long is made to wait for its turn.
        let done = tokio::task::unconstrained(commit).now_or_never();
        done.expect("the engine in memory never waits").map(drop).unwrap();
    }

    #[tokio::test]
    async fn an_overtaken_transaction_runs_again_on_what_came_first() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (mine, theirs) = (inline(5), inline(7));
        let mut replaced = Vec::new();
        let write = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("k"))?;
            replaced.push(slot.current().map(|object| object.size));
            if replaced.len() == 1 {
                meanwhile(put(&store, &bucket, "k", &theirs));
            }
            tx.put_object(slot, &mine.0, &mine.1)
        });
        write.await.unwrap();
        assert_eq!(replaced, [None, Some(7)]);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (5, 1), "growth of what was really replaced");
        assert_eq!(store.read(|tx| tx.stored(&theirs.0)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn charges_of_one_counter_do_not_conflict() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 10).await;
        let (mine, mut runs) = (inline(5), 0);
        let write = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("mine"))?;
            meanwhile(put(&store, &bucket, &format!("theirs-{runs}"), &inline(5)));
            tx.put_object(slot, &mine.0, &mine.1)
        });
        write.await.unwrap();
        assert_eq!(runs, 1);
        let refused = put(&store, &bucket, "more", &inline(1)).await;
        assert!(matches!(refused, Err(Error::Over(over)) if over.used == 10));
    }

    #[tokio::test]
    async fn a_transaction_that_always_loses_gives_up() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (mine, mut runs) = (inline(5), 0_u64);
        let write = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("k"))?;
            meanwhile(put(&store, &bucket, "k", &inline(runs)));
            tx.put_object(slot, &mine.0, &mine.1)
        });
        assert!(matches!(write.await, Err(Error::Conflict)));
        assert_eq!(runs, limits::CONFLICT_RETRY_COUNT_MAX as u64);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!(usage.used_bytes(), i64::try_from(runs).unwrap());
    }

    /// Another's commit comes between the record and its manifest.
    #[tokio::test]
    async fn rows_torn_apart_by_another_commit_are_read_again() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let manifest = crate::manifest::Manifest::default();
        let (object, mine) = inline(5);
        let large = Object { size: 0, body: super::super::Body::Segments, ..object.clone() };
        put(&store, &bucket, "k", &(large, super::super::Stored::Segments(manifest))).await.unwrap();
        let mut runs = 0;
        let write = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("k"))?;
            if runs == 1 {
                meanwhile(put(&store, &bucket, "k", &inline(7)));
            }
            tx.put_object(slot, &Object { blob: super::super::BlobId(1), ..object.clone() }, &mine)
        });
        write.await.unwrap();
        assert_eq!(runs, 2);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (5, 1));
    }

    /// Another's commit comes between two reads, and either row alone tells of a state that never was.
    #[tokio::test]
    async fn a_refusal_is_true_of_one_state() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let mut seen = Vec::new();
        let write = store.write(|tx| {
            let first = tx.object(bucket.id, &key("first"))?.is_some();
            if seen.is_empty() {
                meanwhile(put(&store, &bucket, "first", &inline(5)));
                meanwhile(put(&store, &bucket, "second", &inline(5)));
            }
            let second = tx.object(bucket.id, &key("second"))?.is_some();
            seen.push((first, second));
            let slot = tx.slot(&bucket, &key("third"))?;
            let (object, stored) = inline(5);
            if first == second { tx.put_object(slot, &object, &stored) } else { Err(Error::NotEmpty) }
        });
        write.await.unwrap();
        assert_eq!(seen, [(false, true), (true, true)]);
    }

    /// Two versions of a key, the newest of which goes between the first look at the key and the next: the other one is the
    /// current object then, and was an older one.
    async fn with_version_that_moves() -> (Store, Bucket, [Version; 2]) {
        let store = store();
        let mut bucket = bucket(&store, OWNER, "photos", 0).await;
        bucket.versioning = Versioning::Enabled;
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        let moving = put(&store, &bucket, "k", &inline(5)).await.unwrap();
        let newest = put(&store, &bucket, "k", &inline(7)).await.unwrap();
        (store, bucket, [moving, newest])
    }

    fn delete_meanwhile(store: &Store, bucket: &Bucket, version: Version) {
        meanwhile(store.write(|tx| {
            let slot = tx.slot(bucket, &key("k"))?;
            tx.delete_version(slot, version.id(), 0)
        }));
    }

    #[tokio::test]
    async fn a_version_that_moves_is_deleted_all_the_same() {
        let (store, bucket, [moving, newest]) = with_version_that_moves().await;
        let mut runs = 0;
        let write = store.write(|tx| {
            runs += 1;
            let slot = tx.slot(&bucket, &key("k"))?;
            if runs == 1 {
                delete_meanwhile(&store, &bucket, newest);
            }
            tx.delete_version(slot, moving.id(), 0)
        });
        assert!(matches!(write.await.unwrap(), Deleted::Gone(_)));
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert!(usage.is_empty(), "{usage:?}");
    }

    #[tokio::test]
    async fn a_version_that_moves_is_found_all_the_same() {
        let (store, bucket, [moving, newest]) = with_version_that_moves().await;
        let runs = std::cell::Cell::new(0);
        let read = store.read(|tx| {
            runs.set(runs.get() + 1);
            let current = tx.object(bucket.id, &key("k"))?.filter(|object| object.version == moving);
            if runs.get() == 1 {
                delete_meanwhile(&store, &bucket, newest);
            }
            let older = tx.kept(bucket.id, &key("k"), moving.id())?;
            if current.is_some() || older.is_some() { Ok(()) } else { Err(Error::NotEmpty) }
        });
        read.await.unwrap();
        assert_eq!(runs.get(), 2);
    }

    #[tokio::test]
    async fn what_one_look_says_is_asked_once() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let runs = std::cell::Cell::new(0);
        let look = |tx: &mut Tx<'_>| {
            runs.set(runs.get() + 1);
            tx.object(bucket.id, &key("k"))?.ok_or(Error::NotEmpty)
        };
        assert!(store.read(look).await.is_err());
        assert!(store.write(look).await.is_err());
        assert_eq!(runs.get(), 2);
    }

    #[tokio::test]
    async fn nothing_written_is_nothing_committed() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let before = store.engine().revision();
        let slot_only = store.write(|tx| tx.slot(&bucket, &key("k")).map(|slot| slot.current().is_none()));
        assert!(slot_only.await.unwrap());
        let delete_nothing = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.delete_object(slot, bucket.owner, 0)
        });
        delete_nothing.await.unwrap();
        let (object, stored) = inline(5);
        let changed_its_mind = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.put_object(slot, &object, &stored)?;
            Err::<(), _>(Error::NotEmpty)
        });
        assert!(matches!(changed_its_mind.await, Err(Error::NotEmpty)));
        assert_eq!(store.engine().revision(), before);
    }

    #[tokio::test]
    async fn reads_do_not_see_the_transactions_own_writes() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (object, stored) = inline(5);
        let write = store.write(|tx| {
            let slot = tx.slot(&bucket, &key("k"))?;
            tx.put_object(slot, &object, &stored)?;
            tx.object(bucket.id, &key("k"))
        });
        assert_eq!(write.await.unwrap(), None::<Object>);
    }

    /// An engine in whose memory nothing is.
    #[derive(Debug)]
    struct Cold(MemoryEngine);

    impl View for Cold {
        fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
            if tier == Tier::Cached { Err(Error::WouldBlock) } else { self.0.get(family, key, tier, visit) }
        }

        fn scan(
            &self,
            family: Family,
            from: Bound<&[u8]>,
            to: Option<&[u8]>,
            tier: Tier,
            visit: Visit<'_>,
        ) -> Result<()> {
            if tier == Tier::Cached { Err(Error::WouldBlock) } else { self.0.scan(family, from, to, tier, visit) }
        }
    }

    impl Engine for Cold {
        fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
            self.0.commit(commit)
        }
        fn snapshot(&self) -> Box<dyn View + '_> {
            self.0.snapshot()
        }
        fn revision(&self) -> Revision {
            self.0.revision()
        }
        fn family_revision(&self, family: Family) -> Revision {
            self.0.family_revision(family)
        }
        fn flush(&self) -> Result<()> {
            self.0.flush()
        }
        fn failure(&self) -> Option<String> {
            self.0.failure()
        }
    }

    /// The closure swallows the refusal of its first run, and still only the second one counts.
    async fn a_cold_read_runs_again_where_it_may_block() {
        let store = store_over(Arc::new(Cold(MemoryEngine::new())));
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let (object, stored) = inline(5);
        let mut runs = 0;
        let write = store.write(|tx| {
            runs += 1;
            let _ = tx.object(bucket.id, &key("other"));
            let Ok(slot) = tx.slot(&bucket, &key("k")) else { return Ok::<_, Error>("cold") };
            tx.put_object(slot, &object, &stored).map(|_| "warm")
        });
        assert_eq!(write.await.unwrap(), "warm");
        assert_eq!(runs, 2);
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.used_bytes(), usage.used_objects()), (5, 1));
    }

    #[tokio::test]
    async fn a_cold_read_runs_again_on_one_thread() {
        a_cold_read_runs_again_where_it_may_block().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_cold_read_runs_again_on_many() {
        a_cold_read_runs_again_where_it_may_block().await;
    }
}

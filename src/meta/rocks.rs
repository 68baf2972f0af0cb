//! The embedded engine: RocksDB with one committer thread. The one file that names `rocksdb`.
//!
//! The committer drains its queue, decides each commit in order, writes all that passed as one batch with one synced
//! append to the log, and then answers all. The sync in flight is the gathering time of the next group; there is no
//! timer. Readers never wait for it and see only what is durable.

use std::collections::HashMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use foldhash::fast::RandomState;
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRawIterator, ErrorKind,
    Options, ReadOptions, ReadTier, SnapshotWithThreadMode, WriteBatch, WriteOptions,
};
use tokio::sync::{mpsc, oneshot};

use super::arbiter::Arbiter;
use super::engine::{Commit, CounterKey, Engine, Family, Revision, Step, Tier, View, Visit, Written};
use super::{Error, Result};
use crate::limits;
use crate::quota::USAGE_BYTES;

/// Blocks, indexes and filters kept in memory, in bytes.
const BLOCK_CACHE_BYTES: usize = 256 * 1024 * 1024;
/// Small bodies kept in memory, in bytes. Apart from the blocks, so that bodies do not push records out.
const BODY_CACHE_BYTES: usize = 128 * 1024 * 1024;
/// Bytes a family gathers in memory before it is written out.
const WRITE_BUFFER_BYTES: usize = 64 * 1024 * 1024;
/// Log files kept for reuse: a log written over an old one needs no metadata sync of the filesystem.
const RECYCLED_LOG_COUNT: usize = 4;
/// Bodies from this size on live in blob files, which compactions do not rewrite.
const BLOB_BYTES_MIN: u64 = 1024;

/// RocksDB behind one committer thread.
pub struct RocksEngine {
    shared: Arc<Shared>,
    queue: Option<mpsc::UnboundedSender<Request>>,
    committer: Mutex<Option<thread::JoinHandle<()>>>,
}

struct Shared {
    db: DB,
    cached: ReadOptions,
    disk: ReadOptions,
    revision: AtomicU64,
    family_revisions: [AtomicU64; Family::ALL.len()],
    /// Counters as last written, of those that were: every upload under a limit looks at them before its body.
    counters: RwLock<HashMap<CounterKey, [u8; USAGE_BYTES], RandomState>>,
    commit_count: AtomicU64,
    group_count: AtomicU64,
    /// Set once by a failed write: what reached the disk is unknown, so nothing more is accepted.
    failure: OnceLock<String>,
}

struct Request {
    commit: Commit,
    done: oneshot::Sender<Result<Revision>>,
}

impl std::fmt::Debug for RocksEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksEngine").field("path", &self.shared.db.path()).finish_non_exhaustive()
    }
}

impl RocksEngine {
    /// Opens (or creates) the database in `folder`. Fails while another process has it open.
    pub fn open(folder: &Path) -> Result<Self> {
        let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
        let families =
            Family::ALL.map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(family, &cache)));
        let db = DB::open_cf_descriptors(&database_options(), folder, families).map_err(engine_error)?;
        let mut cached = ReadOptions::default();
        cached.set_read_tier(ReadTier::BlockCache);
        let shared = Arc::new(Shared {
            db,
            cached,
            disk: ReadOptions::default(),
            revision: AtomicU64::new(0),
            family_revisions: Default::default(),
            counters: RwLock::default(),
            commit_count: AtomicU64::new(0),
            group_count: AtomicU64::new(0),
            failure: OnceLock::new(),
        });
        let (queue, requests) = mpsc::unbounded_channel();
        let committer = thread::Builder::new()
            .name("committer".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || Committer { shared, requests, arbiter: Arbiter::new(0) }.run()
            })
            .map_err(|error| Error::Engine(format!("cannot start the committer: {error}")))?;
        Ok(Self { shared, queue: Some(queue), committer: Mutex::new(Some(committer)) })
    }
}

impl Drop for RocksEngine {
    fn drop(&mut self) {
        // The committer answers what is queued and ends when the last sender is gone.
        self.queue = None;
        if let Some(committer) = self.committer.lock().take() {
            let _ = committer.join();
        }
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_background_jobs(2);
    options.set_recycle_log_file_num(RECYCLED_LOG_COUNT);
    options.set_max_total_wal_size(8 * WRITE_BUFFER_BYTES as u64);
    // One writer: the paths for concurrent writers only cost.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_write_thread_adaptive_yield(false);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 * 1024 * 1024);
    options.set_avoid_unnecessary_blocking_io(true);
    options
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(5);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    if family == Family::Bodies {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(BLOB_BYTES_MIN);
        options.set_enable_blob_gc(true);
        // Without it a read from memory alone never finds a body that has left the write buffer.
        options.set_blob_cache(&Cache::new_lru_cache(BODY_CACHE_BYTES));
        options.set_compression_type(DBCompressionType::None);
    }
    options
}

fn engine_error(error: rocksdb::Error) -> Error {
    match error.kind() {
        ErrorKind::Incomplete => Error::WouldBlock,
        ErrorKind::Corruption => Error::Corrupt(error.into_string()),
        _ => Error::Engine(error.into_string()),
    }
}

impl Shared {
    fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db.cf_handle(family.name()).ok_or_else(|| Error::Corrupt(format!("family {} is missing", family.name())))
    }

    fn options(&self, tier: Tier) -> &ReadOptions {
        match tier {
            Tier::Cached => &self.cached,
            Tier::Disk | Tier::Bulk => &self.disk,
        }
    }

    fn counter(&self, key: &[u8]) -> Option<[u8; USAGE_BYTES]> {
        self.counters.read().get(key).copied()
    }

    /// Shows counters that have just been written; `None` is one that is gone.
    fn show_counters(&self, written: Vec<(CounterKey, Option<[u8; USAGE_BYTES]>)>) {
        let mut counters = self.counters.write();
        if counters.len() > limits::COUNTER_CACHE_COUNT_MAX {
            counters.clear();
        }
        for (key, value) in written {
            match value {
                Some(value) => counters.insert(key, value),
                None => counters.remove(&key),
            };
        }
    }
}

impl View for Shared {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        if family == Family::Counters
            && let Some(value) = self.counter(key)
        {
            visit(Some(&value));
            return Ok(());
        }
        let family = self.family(family)?;
        let value = self.db.get_pinned_cf_opt(family, key, self.options(tier)).map_err(engine_error)?;
        visit(value.as_deref());
        Ok(())
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        let rows = self.db.raw_iterator_cf_opt(self.family(family)?, scan_options(tier, to));
        walk(rows, from, visit)
    }
}

fn read_options(tier: Tier) -> ReadOptions {
    let mut options = ReadOptions::default();
    match tier {
        Tier::Cached => options.set_read_tier(ReadTier::BlockCache),
        Tier::Disk => {}
        Tier::Bulk => options.fill_cache(false),
    }
    options
}

fn scan_options(tier: Tier, to: Option<&[u8]>) -> ReadOptions {
    let mut options = read_options(tier);
    options.set_total_order_seek(true);
    if let Some(to) = to {
        options.set_iterate_upper_bound(to);
    }
    options
}

fn walk(mut rows: DBRawIterator<'_>, from: Bound<&[u8]>, visit: Visit<'_>) -> Result<()> {
    match from {
        Bound::Unbounded => rows.seek_to_first(),
        Bound::Included(key) => rows.seek(key),
        Bound::Excluded(key) => {
            rows.seek(key);
            if rows.key() == Some(key) {
                rows.next();
            }
        }
    }
    while let Some((key, value)) = rows.item() {
        match visit(key, value)? {
            Step::Next => rows.next(),
            Step::SeekTo(target) => rows.seek(target),
            Step::Stop => return Ok(()),
        }
    }
    rows.status().map_err(engine_error)
}

struct Frozen<'db> {
    shared: &'db Shared,
    snapshot: SnapshotWithThreadMode<'db, DB>,
}

impl View for Frozen<'_> {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        let family = self.shared.family(family)?;
        let value = self.snapshot.get_pinned_cf_opt(family, key, read_options(tier)).map_err(engine_error)?;
        visit(value.as_deref());
        Ok(())
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        let rows = self.snapshot.raw_iterator_cf_opt(self.shared.family(family)?, scan_options(tier, to));
        walk(rows, from, visit)
    }
}

impl View for RocksEngine {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.shared.get(family, key, tier, visit)
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        self.shared.scan(family, from, to, tier, visit)
    }
}

impl Engine for RocksEngine {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        let (done, answer) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // A send fails only when the committer is gone; then `done` is dropped and the answer says so.
            let _ = queue.send(Request { commit, done });
        }
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(Error::Engine("the committer has ended".to_owned()))) },
        )
    }

    fn snapshot(&self) -> Box<dyn View + '_> {
        Box::new(Frozen { shared: &self.shared, snapshot: self.shared.db.snapshot() })
    }

    fn revision(&self) -> Revision {
        self.shared.revision.load(Ordering::Acquire)
    }

    fn family_revision(&self, family: Family) -> Revision {
        self.shared.family_revisions[family.index()].load(Ordering::Acquire)
    }

    fn flush(&self) -> Result<()> {
        self.shared.db.flush_wal(true).map_err(engine_error)
    }

    fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    fn written(&self) -> Written {
        Written {
            commits: self.shared.commit_count.load(Ordering::Relaxed),
            groups: self.shared.group_count.load(Ordering::Relaxed),
        }
    }
}

struct Committer {
    shared: Arc<Shared>,
    requests: mpsc::UnboundedReceiver<Request>,
    arbiter: Arbiter,
}

/// Commits that passed and wait for the group's sync.
#[derive(Default)]
struct Group {
    batch: WriteBatch,
    weight_bytes: usize,
    passed: Vec<(oneshot::Sender<Result<Revision>>, Revision)>,
    /// Commits that lost, perhaps to one of this group. Told sooner they would run again on the same old state, and
    /// lose again, as often as they find the group still open.
    beaten: Vec<(oneshot::Sender<Result<Revision>>, Error)>,
    families: [bool; Family::ALL.len()],
    /// Counters in the batch.
    counters: Vec<(CounterKey, Option<[u8; USAGE_BYTES]>)>,
}

impl Committer {
    fn run(mut self) {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        while let Some(request) = self.requests.blocking_recv() {
            if let Some(failure) = self.shared.failure.get() {
                let _ = request.done.send(Err(Error::Engine(failure.clone())));
                continue;
            }
            let mut group = Group::default();
            self.decide(request, &mut group);
            while group.passed.len() < limits::COMMIT_GROUP_COUNT_MAX
                && group.weight_bytes < limits::COMMIT_GROUP_BYTES_MAX
            {
                let Ok(request) = self.requests.try_recv() else { break };
                self.decide(request, &mut group);
            }
            self.finish(group, &options);
        }
    }

    /// Makes the group durable and visible, then answers everyone in it.
    fn finish(&mut self, mut group: Group, options: &WriteOptions) {
        let beaten = std::mem::take(&mut group.beaten);
        self.write(group, options);
        for (done, error) in beaten {
            let _ = done.send(Err(error));
        }
    }

    fn decide(&mut self, request: Request, group: &mut Group) {
        let Request { commit, done } = request;
        let shared = &self.shared;
        let decided = self.arbiter.decide(&commit, &**shared);
        match decided.and_then(|revision| stage(shared, &commit, group).map(|()| revision)) {
            Ok(revision) => group.passed.push((done, revision)),
            Err(error @ (Error::Conflict | Error::NotEmpty)) => group.beaten.push((done, error)),
            Err(error) => {
                let _ = done.send(Err(error));
            }
        }
    }

    fn write(&mut self, mut group: Group, options: &WriteOptions) {
        let Some((_, newest)) = group.passed.last() else { return };
        let newest = *newest;
        let written = self
            .stage_moved(&mut group)
            .and_then(|()| self.shared.db.write_opt(std::mem::take(&mut group.batch), options).map_err(engine_error));
        if let Err(error) = written {
            let reason = format!("a write failed, restart after mending its cause: {error}");
            tracing::error!(%error, "metadata write failed; no more writes are accepted");
            let _ = self.shared.failure.set(reason.clone());
            for (done, _) in group.passed {
                let _ = done.send(Err(Error::Engine(reason.clone())));
            }
            return;
        }
        // Before anyone is told: who has an answer sees what it says.
        self.shared.show_counters(group.counters);
        for (slot, touched) in self.shared.family_revisions.iter().zip(group.families) {
            if touched {
                slot.store(newest, Ordering::Release);
            }
        }
        self.shared.revision.store(newest, Ordering::Release);
        self.shared.commit_count.fetch_add(group.passed.len() as u64, Ordering::Relaxed);
        self.shared.group_count.fetch_add(1, Ordering::Relaxed);
        for (done, revision) in group.passed {
            let _ = done.send(Ok(revision));
        }
    }

    /// Each touched counter is written once per group, and so is what it has reached; events one by one.
    fn stage_moved(&mut self, group: &mut Group) -> Result<()> {
        for (family, key, value) in self.arbiter.take_rows() {
            group.families[family.index()] = true;
            if family == Family::Counters
                && let Ok(key) = key.as_slice().try_into()
            {
                group.counters.push((key, value.as_deref().and_then(|value| value.try_into().ok())));
            }
            let family = self.shared.family(family)?;
            match value {
                Some(value) => group.batch.put_cf(family, key, value),
                None => group.batch.delete_cf(family, key),
            }
        }
        Ok(())
    }
}

fn stage(shared: &Shared, commit: &Commit, group: &mut Group) -> Result<()> {
    for (family, key) in &commit.deletes {
        group.families[family.index()] = true;
        group.batch.delete_cf(shared.family(*family)?, key);
    }
    for (family, key, value) in &commit.puts {
        group.families[family.index()] = true;
        group.batch.put_cf(shared.family(*family)?, key, value);
    }
    group.weight_bytes += commit.weight_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::engine::{Charge, get_owned};
    use super::*;
    use crate::quota::{Holder, Limits, Usage};

    /// A commit that relies on `key` as it was at `read_at` and writes it.
    fn request(key: &[u8], read_at: Revision) -> (Request, oneshot::Receiver<Result<Revision>>) {
        let (done, answer) = oneshot::channel();
        let (reads, puts) =
            (vec![(Family::Buckets, key.to_vec())], vec![(Family::Buckets, key.to_vec(), bytes::Bytes::new())]);
        (Request { commit: Commit { read_at, reads, puts, ..Commit::default() }, done }, answer)
    }

    #[tokio::test]
    async fn counters_in_memory_are_those_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let engine = RocksEngine::open(folder.path()).unwrap();
        let (counter, one) = ([1; 17], Usage { uploads: 1, ..Usage::default() });
        let charge = |growth, close| Charge {
            counter,
            holder: Holder::Bucket,
            growth,
            limits: Limits::default(),
            close,
            watch: None,
        };
        let step = async |charge| {
            engine.commit(Commit { charges: vec![charge], ..Commit::default() }).await.unwrap();
            let live = get_owned(&engine, Family::Counters, &counter, Tier::Cached).unwrap();
            let frozen = get_owned(&*engine.snapshot(), Family::Counters, &counter, Tier::Disk).unwrap();
            assert_eq!(live, frozen);
            live
        };
        assert_eq!(step(charge(one, false)).await, Some(one.to_bytes().to_vec()));
        assert!(engine.shared.counter(&counter).is_some());
        let minus_one = Usage { uploads: -1, ..Usage::default() };
        assert_eq!(step(charge(minus_one, true)).await, None);
        assert!(engine.shared.counter(&counter).is_none());
        let zeros = std::iter::repeat_n([0; USAGE_BYTES], limits::COUNTER_CACHE_COUNT_MAX + 1);
        let many = zeros.enumerate().map(|(at, zero)| {
            let mut key = [2; 17];
            key[..8].copy_from_slice(&(at as u64).to_be_bytes());
            (key, Some(zero))
        });
        engine.shared.show_counters(many.collect());
        assert_eq!(step(charge(one, false)).await, Some(one.to_bytes().to_vec()));
        assert_eq!(engine.shared.counters.read().len(), 1, "too many are forgotten, and read again as needed");
    }

    #[test]
    fn who_lost_hears_of_it_when_the_winner_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let engine = RocksEngine::open(folder.path()).unwrap();
        let (_queue, requests) = mpsc::unbounded_channel();
        let mut committer = Committer { shared: Arc::clone(&engine.shared), requests, arbiter: Arbiter::new(0) };
        let mut group = Group::default();
        let (first, mut won) = request(b"key", 0);
        let (second, mut lost) = request(b"key", 0);
        committer.decide(first, &mut group);
        committer.decide(second, &mut group);
        assert!(won.try_recv().is_err() && lost.try_recv().is_err(), "answered before the group was written");
        committer.finish(group, &WriteOptions::default());
        assert_eq!((won.try_recv().unwrap().unwrap(), engine.revision()), (1, 1));
        assert!(matches!(lost.try_recv().unwrap(), Err(Error::Conflict)));

        // In a group of its own too.
        let mut group = Group::default();
        let (third, mut lost) = request(b"key", 0);
        committer.decide(third, &mut group);
        committer.finish(group, &WriteOptions::default());
        assert!(matches!(lost.try_recv().unwrap(), Err(Error::Conflict)));
    }
}

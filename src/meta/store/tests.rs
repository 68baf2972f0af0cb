//! Transactions that others come between, and reads that memory cannot answer.

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

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
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

//! Counters spoilt on purpose are found to the byte, and mended while others write.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{Drift, Recount, Repair, recount};
use crate::meta::engine::{Charge, Commit, CounterKey, Engine, Family, Tier, get_owned};
use crate::meta::faulty::FaultyEngine;
use crate::meta::{
    Bucket, BucketId, MASTER_KEY_BYTES, MemoryEngine, NewAccount, NewBucket, RocksEngine, Sealer, Store, Tx, keys,
    testing::inline, verify,
};
use crate::name::{AccountId, BucketName, ObjectKey};
use crate::quota::{Holder, Limits, Usage};

/// A store with one account.
#[derive(Clone)]
struct Site {
    engine: Arc<dyn Engine>,
    store: Arc<Store>,
    owner: AccountId,
}

impl Site {
    async fn new(engine: Arc<dyn Engine>) -> Self {
        let store = Arc::new(store_over(&engine));
        let new = NewAccount { name: "alice".to_owned(), ..NewAccount::default() };
        let account = store.write(|tx| tx.create_account(&new, 1)).await.unwrap().unwrap();
        Self { engine, store, owner: account.id }
    }

    async fn in_memory() -> Self {
        Self::new(Arc::new(MemoryEngine::new())).await
    }

    async fn bucket(&self, name: &str) -> Bucket {
        let new = NewBucket::new(name_of(name), self.owner, "r".to_owned());
        self.store.write(|tx| tx.create_bucket(&new, 1)).await.unwrap()
    }

    async fn delete_bucket(&self, bucket: &Bucket) {
        self.store.write(|tx| tx.delete_bucket(bucket)).await.unwrap();
    }

    async fn put(&self, bucket: &Bucket, key: &str, size: u16) {
        let key = ObjectKey::parse(key).unwrap();
        let (object, stored) = inline(size.into());
        let put = |tx: &mut Tx<'_>| {
            let slot = tx.slot(bucket, &key)?;
            tx.put_object(slot, &object, &stored)
        };
        self.store.write(put).await.unwrap();
    }

    async fn delete(&self, bucket: &Bucket, key: &str) {
        let key = ObjectKey::parse(key).unwrap();
        let delete = |tx: &mut Tx<'_>| {
            let slot = tx.slot(bucket, &key)?;
            tx.delete_object(slot, bucket.owner, 2)
        };
        self.store.write(delete).await.unwrap();
    }

    /// Moves a counter by what no object accounts for.
    async fn spoil(&self, counter: CounterKey, growth: Usage) {
        let (holder, limits) = (Holder::Bucket, Limits::default());
        let charge = Charge { counter, holder, growth, limits, close: false, watch: None };
        self.engine.commit(Commit { charges: vec![charge], ..Commit::default() }).await.unwrap();
    }

    fn recount(&self) -> Recount {
        recount(&*self.engine.snapshot(), 3, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
    }

    async fn bucket_usage(&self, id: BucketId) -> Usage {
        self.store.read(|tx| tx.bucket_usage(id)).await.unwrap()
    }

    async fn account_usage(&self) -> Usage {
        self.store.read(|tx| tx.account_usage(self.owner)).await.unwrap()
    }

    fn assert_sound(&self) {
        let verdict = verify(&*self.engine, &mut |_| None).unwrap();
        assert_eq!(verdict.differences, []);
        let recount = self.recount();
        assert_eq!((recount.drifts, recount.findings), (vec![], vec![]));
    }
}

fn store_over(engine: &Arc<dyn Engine>) -> Store {
    Store::new(Arc::clone(engine), Sealer::new(&[7; MASTER_KEY_BYTES]))
}

fn name_of(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

fn usage(bytes: i64, objects: i64) -> Usage {
    Usage { current_bytes: bytes, current_objects: objects, ..Usage::default() }
}

/// Place and difference of each drift.
fn seen(drifts: &[Drift]) -> Vec<(&str, Usage)> {
    drifts.iter().map(|drift| (drift.place.as_str(), drift.difference)).collect()
}

async fn differences_are_found_exactly_and_mended(engine: Arc<dyn Engine>) {
    let site = Site::new(engine).await;
    let (photos, films) = (site.bucket("photos").await, site.bucket("films").await);
    for index in 0..10_u16 {
        site.put(&photos, &format!("p{index}"), index).await;
    }
    site.put(&films, "f", 500).await;
    site.assert_sound();
    assert_eq!(site.recount(), Recount { buckets: 2, objects: 11, bytes: 545, ..Recount::default() });

    site.spoil(keys::bucket_counter(photos.id), usage(7, -2)).await;
    let recount = site.recount();
    assert_eq!(seen(&recount.drifts), [("bucket photos", usage(-7, 2))], "the account's own counter is right");
    assert_eq!(recount.drifts[0].found, usage(52, 8));
    assert_eq!(recount.drifts[0].bytes(), 7);
    assert!(recount.drifts[0].finding().contains(&format!("sum to {:?}", usage(45, 10))));

    site.spoil(keys::account_counter(site.owner), usage(-45, 0)).await;
    let recount = site.recount();
    assert_eq!(seen(&recount.drifts), [("account alice", usage(45, 0)), ("bucket photos", usage(-7, 2))]);
    let differences = verify(&*site.engine, &mut |_| None).unwrap().differences;
    assert_eq!(differences.len(), 2, "the check of a stopped store sees the same: {differences:?}");

    // Written between recount and repair: still counted afterwards.
    site.put(&photos, "late", 100).await;
    let repairs = site.store.repair(&recount.drifts).await;
    assert!(matches!(repairs[..], [Repair::Done, Repair::Done]), "{repairs:?}");
    assert_eq!(site.bucket_usage(photos.id).await, usage(145, 11));
    assert_eq!(site.account_usage().await, usage(645, 12));
    site.assert_sound();
}

#[tokio::test]
async fn memory_engine() {
    differences_are_found_exactly_and_mended(Arc::new(MemoryEngine::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rocks_engine() {
    let folder = tempfile::tempdir().unwrap();
    differences_are_found_exactly_and_mended(Arc::new(RocksEngine::open(folder.path()).unwrap())).await;
}

/// Puts, overwrites and deletes keys of its own until told to end; the last state is one object of 9 bytes.
async fn work(site: Site, bucket: Bucket, worker: usize, ending: Arc<AtomicBool>) {
    let (kept, passing) = (format!("kept-{worker}"), format!("passing-{worker}"));
    loop {
        let is_last = ending.load(Ordering::Acquire);
        site.put(&bucket, &kept, 5).await;
        site.put(&bucket, &passing, 3).await;
        site.put(&bucket, &kept, 9).await;
        site.delete(&bucket, &passing).await;
        if is_last {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repair_loses_nothing_that_is_written_meanwhile() {
    let site = Site::in_memory().await;
    let buckets = [site.bucket("photos").await, site.bucket("films").await];
    for bucket in &buckets {
        site.put(bucket, "base", 1000).await;
    }
    let ending = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..16)
        .map(|worker| {
            let bucket = buckets[worker % 2].clone();
            tokio::spawn(work(site.clone(), bucket, worker, Arc::clone(&ending)))
        })
        .collect();
    for round in 1..=20 {
        site.spoil(keys::bucket_counter(buckets[0].id), usage(-300, 0)).await;
        site.spoil(keys::bucket_counter(buckets[1].id), usage(70 * round, 3)).await;
        site.spoil(keys::account_counter(site.owner), usage(-11, -1)).await;
        let recount = site.recount();
        let expected = [
            ("account alice", usage(11, 1)),
            ("bucket films", usage(-70 * round, -3)),
            ("bucket photos", usage(300, 0)),
        ];
        let mut drifts = seen(&recount.drifts);
        drifts.sort_by_key(|(place, _)| *place);
        assert_eq!(drifts, expected);
        let repairs = site.store.repair(&recount.drifts).await;
        assert!(repairs.iter().all(|repair| matches!(repair, Repair::Done)), "{repairs:?}");
        assert_eq!(site.recount().drifts, []);
    }
    ending.store(true, Ordering::Release);
    for worker in workers {
        worker.await.unwrap();
    }
    site.assert_sound();
    for bucket in &buckets {
        assert_eq!(site.bucket_usage(bucket.id).await, usage(1000 + 8 * 9, 9));
    }
    assert_eq!(site.account_usage().await, usage(2 * (1000 + 8 * 9), 18));
}

#[tokio::test]
async fn a_new_bucket_of_an_old_name_is_not_charged_for_the_old_one() {
    let site = Site::in_memory().await;
    let old = site.bucket("photos").await;
    site.put(&old, "lost", 10).await;
    let other = site.bucket("films").await;
    site.put(&other, "kept", 50).await;
    // An object whose bytes no counter knows: the bucket looks empty, so it can be deleted.
    site.spoil(keys::bucket_counter(old.id), usage(-10, -1)).await;
    site.spoil(keys::account_counter(site.owner), usage(-14, -1)).await;

    let before = site.engine.snapshot();
    site.delete_bucket(&old).await;
    let new = site.bucket("photos").await;
    site.put(&new, "fresh", 3).await;
    let recount = recount(&*before, 3, &mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    assert_eq!(seen(&recount.drifts), [("account alice", usage(14, 1)), ("bucket photos", usage(10, 1))]);

    let repairs = site.store.repair(&recount.drifts).await;
    assert!(matches!(repairs[..], [Repair::Done, Repair::Overtaken]), "{repairs:?}");
    assert_eq!(site.bucket_usage(old.id).await, Usage::default());
    assert_eq!(site.bucket_usage(new.id).await, usage(3, 1));
    assert_eq!(site.account_usage().await, usage(53, 2), "the old bucket's object is not the account's any more");
    let after = site.recount();
    assert_eq!(after.drifts, []);
    assert_eq!(after.findings.len(), 1);
    assert_eq!(after.findings[0].finding, "has objects, but does not exist");
}

#[tokio::test]
async fn counters_of_nobody_are_closed() {
    let site = Site::in_memory().await;
    let bucket = site.bucket("photos").await;
    site.put(&bucket, "a", 4).await;
    let strays = [keys::bucket_counter(BucketId(bucket.id.0 ^ 1)), keys::account_counter(AccountId(1)), [b'?'; 17]];
    for stray in strays {
        site.spoil(stray, usage(8, 1)).await;
    }
    let recount = site.recount();
    assert_eq!(recount.drifts.len(), 3);
    assert!(recount.drifts.iter().all(|drift| drift.holder.is_none() && drift.difference == usage(-8, -1)));
    let repairs = site.store.repair(&recount.drifts).await;
    assert!(repairs.iter().all(|repair| matches!(repair, Repair::Done)), "{repairs:?}");
    for stray in strays {
        assert_eq!(get_owned(&*site.engine, Family::Counters, &stray, Tier::Disk).unwrap(), None);
    }
    site.assert_sound();
}

#[tokio::test]
async fn what_cannot_be_summed_is_told_and_not_mended() {
    let site = Site::in_memory().await;
    let (broken, sound) = (site.bucket("broken").await, site.bucket("sound").await);
    site.put(&broken, "a", 4).await;
    site.put(&sound, "a", 4).await;
    let mut not_text = keys::object(sound.id, "");
    not_text.push(0xff);
    let row = |key: Vec<u8>| (Family::Objects, key, Bytes::from_static(b"no record"));
    let puts = vec![row(keys::object(broken.id, "b"))];
    site.engine.commit(Commit { puts, ..Commit::default() }).await.unwrap();
    site.spoil(keys::bucket_counter(broken.id), usage(1, 0)).await;
    site.spoil(keys::bucket_counter(sound.id), usage(1, 0)).await;
    site.spoil(keys::account_counter(site.owner), usage(1, 0)).await;
    let recount = site.recount();
    assert_eq!(seen(&recount.drifts), [("bucket sound", usage(-1, 0))]);
    assert_eq!(recount.findings.len(), 1);
    assert_eq!(recount.findings[0].place, "/broken/b");

    site.engine.commit(Commit { puts: vec![row(not_text)], ..Commit::default() }).await.unwrap();
    let recount = site.recount();
    assert_eq!((recount.drifts.len(), recount.findings.len()), (0, 2));
}

#[tokio::test]
async fn a_wrong_number_of_buckets_is_told() {
    let site = Site::in_memory().await;
    site.bucket("photos").await;
    let puts = vec![(Family::Buckets, keys::bucket_count(site.owner), Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 2]))];
    site.engine.commit(Commit { puts, ..Commit::default() }).await.unwrap();
    let findings = site.recount().findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].place, "account alice");
}

#[tokio::test]
async fn a_recount_reads_in_slices_and_stops_between_them() {
    let site = Site::in_memory().await;
    let (photos, films) = (site.bucket("photos").await, site.bucket("films").await);
    for index in 0..25 {
        site.put(if index % 2 == 0 { &photos } else { &films }, &format!("o{index:02}"), 1).await;
    }
    let view = site.engine.snapshot();
    let mut slices = Vec::new();
    let whole = recount(&*view, 10, &mut |rows| {
        slices.push(rows);
        ControlFlow::Continue(())
    });
    assert_eq!(whole.unwrap().unwrap().objects, 25);
    assert_eq!(slices, [2, 1, 10, 10, 5, 3], "buckets, accounts, objects, counters");
    for allowed in 0..slices.len() {
        let mut calls = 0;
        let stopped = recount(&*view, 10, &mut |_| {
            calls += 1;
            if calls > allowed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(stopped.unwrap(), None);
        assert_eq!(calls, allowed + 1);
    }
}

/// Whatever call of a repair fails, and whether it was applied: the next recount and repair make the books right.
#[tokio::test]
async fn a_repair_that_fails_is_made_good_by_the_next() {
    for after in [false, true] {
        for passing in 0.. {
            let site = Site::in_memory().await;
            let bucket = site.bucket("photos").await;
            site.put(&bucket, "a", 100).await;
            site.spoil(keys::bucket_counter(bucket.id), usage(-60, 0)).await;
            site.spoil(keys::account_counter(site.owner), usage(7, 0)).await;
            let faulty = Arc::new(FaultyEngine::new(Arc::clone(&site.engine), passing, after));
            let drifts = site.recount().drifts;
            let repairs = store_over(&(Arc::clone(&faulty) as Arc<dyn Engine>)).repair(&drifts).await;
            let failed = repairs.iter().filter(|repair| matches!(repair, Repair::Failed(_))).count();
            assert_eq!(failed, usize::from(faulty.has_failed()));
            site.store.repair(&site.recount().drifts).await;
            site.assert_sound();
            assert_eq!(site.bucket_usage(bucket.id).await, usage(100, 1));
            if !faulty.has_failed() {
                break;
            }
        }
    }
}

//! Tasks that race on few keys, in as many interleavings as the machine gives. While they do, a sampler looks for a
//! moment in which a limit or a sum does not hold; when they are done, everything is verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use obs_gateway::clock::Clock;
use obs_gateway::error::Error;
use obs_gateway::jobs;
use obs_gateway::meta::Account;
use obs_gateway::name::BucketName;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::check;
use crate::model::body;
use crate::support::{Ask, Gateway, START_MILLIS};
use crate::world::{Backing, set_quota};

pub(crate) const ACCOUNT: &str = "anna";
/// Its limit never moves, so it holds at every moment.
const STEADY: &str = "steady";
const STEADY_QUOTA: u64 = 400_000;
/// Its limit moves, and it is deleted and made again.
pub(crate) const SHIFTING: &str = "shifting";
const KEYS: [&str; 4] = ["a", "b", "c/d", "c/e"];
const SIZES: [u64; 6] = [0, 1, 999, 60_000, 70_000, 150_000];

pub(crate) async fn open(backing: &Backing) -> (Gateway, Account) {
    let clock = Clock::manual(START_MILLIS);
    let gateway = Gateway::open(Arc::clone(&backing.engine), Arc::clone(&backing.blobs), clock).await;
    let account = gateway.create_account(ACCOUNT).await;
    for ask in [
        Ask::new("PUT", format!("/{STEADY}")).body(""),
        set_quota(STEADY, STEADY_QUOTA),
        Ask::new("PUT", format!("/{SHIFTING}")).body(""),
    ] {
        assert_eq!(gateway.send(ACCOUNT, ask).await.outcome().0, 200);
    }
    (gateway, account)
}

/// A random request, and the outcomes it may have.
fn random_ask(random: &mut StdRng) -> (Ask, &'static [&'static str]) {
    let key = KEYS[random.random_range(0..KEYS.len())];
    let size = SIZES[random.random_range(0..SIZES.len())];
    let bucket = if random.random_bool(0.6) { STEADY } else { SHIFTING };
    match random.random_range(0..100) {
        0..8 => {
            let source = KEYS[random.random_range(0..KEYS.len())];
            let from = if random.random_bool(0.5) { STEADY } else { SHIFTING };
            let copy = Ask::object("PUT", bucket, key).copy_source(from, source, None);
            let expected = &["200", "403 InsufficientStorageSpace", "404 NoSuchBucket", "404 NoSuchKey"];
            (copy.header("x-obs-metadata-directive", "REPLACE"), expected)
        }
        8..45 => {
            let put = Ask::object("PUT", bucket, key);
            let bytes = body(size, random.random());
            let put = if random.random_bool(0.2) { put.unannounced(bytes) } else { put.body(bytes) };
            let put = if random.random_bool(0.2) { put.header("If-None-Match", "*") } else { put };
            (put, &["200", "403 InsufficientStorageSpace", "404 NoSuchBucket", "412 PreconditionFailed"])
        }
        45..65 => (Ask::object("DELETE", bucket, key), &["204", "404 NoSuchBucket"]),
        65..85 => (Ask::object("GET", bucket, key), &["200", "404 NoSuchKey", "404 NoSuchBucket"]),
        85..90 => (Ask::new("GET", format!("/{bucket}?delimiter=/")), &["200", "404 NoSuchBucket"]),
        90..94 => (set_quota(SHIFTING, random.random_range(0..300_000)), &["200", "404 NoSuchBucket"]),
        94..97 => (Ask::new("PUT", format!("/{SHIFTING}")).body(""), &["200"]),
        _ => (Ask::new("DELETE", format!("/{SHIFTING}")), &["204", "404 NoSuchBucket", "409 BucketNotEmpty"]),
    }
}

async fn work(gateway: Gateway, seed: u64, step_count: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    for step in 0..step_count {
        let (ask, expected) = random_ask(&mut random);
        let seen = format!("seed {seed}, step {step}: {}", ask.title());
        let answer = gateway.send(ACCOUNT, ask).await;
        let (status, code) = answer.outcome();
        let outcome = format!("{status} {code}");
        assert!(expected.contains(&outcome.trim_end()), "{seen}: {outcome}");
        assert!(answer.body.is_ok(), "{seen}: the body broke off: {:?}", answer.body);
    }
}

/// Looks until told to stop; how often it looked.
async fn sample(gateway: Gateway, account: Account, done: Arc<AtomicBool>) -> u64 {
    let mut count = 0;
    let names = [STEADY, SHIFTING].map(|name| BucketName::parse(name).expect("a name"));
    while !done.load(Ordering::Relaxed) {
        let frozen = gateway.app.store.read_frozen(|tx| {
            let mut used = Vec::new();
            for name in &names {
                let bucket = tx.bucket(name)?;
                let usage = bucket.map(|bucket| tx.bucket_usage(bucket.id)).transpose()?.unwrap_or_default();
                used.push((usage.used_bytes(), usage.used_objects()));
            }
            let total = tx.account_usage(account.id)?;
            Ok::<_, Error>((used, (total.used_bytes(), total.used_objects())))
        });
        let (used, total) = frozen.await.expect("a frozen read");
        let quota = i64::try_from(STEADY_QUOTA).expect("a small number");
        assert!(used[0].0 <= quota, "{} bytes in a bucket for {quota}", used[0].0);
        assert_eq!((used[0].0 + used[1].0, used[0].1 + used[1].1), total, "the account is the sum of its buckets");
        let info = gateway.send(ACCOUNT, Ask::new("GET", format!("/{STEADY}?storageinfo"))).await;
        let shown: u64 = info.element("Size").and_then(|size| size.parse().ok()).expect("a size");
        assert!(shown <= STEADY_QUOTA, "{shown} bytes shown");
        // Time passes, so that the sweep has something to do.
        gateway.app.clock.set(gateway.app.clock.now_millis() + 20);
        count += 1;
        tokio::task::yield_now().await;
    }
    count
}

/// Runs `task_count` tasks over `backing`, the sweep beside them.
async fn race(backing: Backing, task_count: u64, step_count: usize) {
    let (gateway, account) = open(&backing).await;
    let (stop, stopping) = watch::channel(false);
    let jobs = jobs::start(&gateway.app, &stopping);
    let done = Arc::new(AtomicBool::new(false));
    let sampler = tokio::spawn(sample(gateway.clone(), account, Arc::clone(&done)));
    let mut tasks = JoinSet::new();
    for seed in 0..task_count {
        tasks.spawn(work(gateway.clone(), seed, step_count));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task without a complaint");
    }
    done.store(true, Ordering::Relaxed);
    assert!(sampler.await.expect("a sampler without a complaint") > 0);
    stop.send(true).expect("running jobs");
    jobs.await;
    check::settle(&gateway.app, &backing.blobs).await;
    assert_eq!(check::differences(&*backing.engine, &*backing.blobs, true), Vec::<String>::new());
    assert_eq!(gateway.app.metrics.panics.get(), 0);
    assert_eq!(gateway.app.metrics.sweep_failures.get(), 0);
    if backing.blobs.capacity().is_some_and(|(total, _)| total == 1 << 40) {
        assert_eq!(check::leftover_bytes(&gateway.app, &*backing.blobs, false).await, 0, "bytes of nobody");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_in_memory() {
    race(Backing::in_memory(), 8, 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn races_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    race(Backing::on_disk(folder.path()), 8, 100).await;
}

/// 64 writers, each with a key of its own, into a bucket with room for ten: exactly ten pass, whatever their size.
async fn exactly_ten_pass(backing: Backing, size: u64) {
    let (gateway, _) = open(&backing).await;
    assert_eq!(gateway.send(ACCOUNT, set_quota(SHIFTING, size * 11 - 1)).await.outcome().0, 200);
    let mut writers = JoinSet::new();
    for index in 0..64_u8 {
        let gateway = gateway.clone();
        writers.spawn(async move {
            let put = Ask::object("PUT", SHIFTING, &format!("key-{index}"));
            let bytes = body(size, index);
            let put = if index % 4 == 0 { put.unannounced(bytes) } else { put.body(bytes) };
            gateway.send(ACCOUNT, put).await.outcome()
        });
    }
    let outcomes = tokio::time::timeout(Duration::from_secs(120), writers.join_all()).await.expect("an end");
    let passed = outcomes.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(passed, 10, "{outcomes:?}");
    let refused = outcomes.iter().filter(|(_, code)| code == "InsufficientStorageSpace").count();
    assert_eq!(refused, 54, "{outcomes:?}");
    let info = gateway.send(ACCOUNT, Ask::new("GET", format!("/{SHIFTING}?storageinfo"))).await;
    assert_eq!(info.element("Size"), Some((size * 10).to_string()));
    assert_eq!(check::differences(&*backing.engine, &*backing.blobs, true), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_ten_of_64_pass_in_memory() {
    exactly_ten_pass(Backing::in_memory(), 100).await;
    exactly_ten_pass(Backing::in_memory(), 70_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_ten_of_64_pass_on_disk() {
    for size in [100, 70_000] {
        let folder = tempfile::tempdir().expect("a folder");
        exactly_ten_pass(Backing::on_disk(folder.path()), size).await;
    }
}

/// Overwriting one key from all sides is nobody's error: somebody is last.
async fn all_overwrites_pass(backing: Backing) {
    let (gateway, _) = open(&backing).await;
    let mut writers = JoinSet::new();
    for index in 0..64_u8 {
        let gateway = gateway.clone();
        let put = Ask::object("PUT", SHIFTING, "one").body(body(100 + u64::from(index), index));
        writers.spawn(async move { gateway.send(ACCOUNT, put).await.outcome() });
    }
    let outcomes = writers.join_all().await;
    assert!(outcomes.iter().all(|(status, _)| *status == 200), "{outcomes:?}");
    assert_eq!(check::differences(&*backing.engine, &*backing.blobs, true), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overwrites_of_one_key_pass_in_memory() {
    all_overwrites_pass(Backing::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overwrites_of_one_key_pass_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    all_overwrites_pass(Backing::on_disk(folder.path())).await;
}

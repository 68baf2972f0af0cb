//! One suite every engine passes. What it asks is the contract in `engine.rs`, nothing about a particular engine.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::engine::{
    Charge, Commit, CounterKey, Engine, Family, Step, Tier, View, Watch, get_levels, get_newest_event, get_owned,
    get_usage,
};
use super::record::Record;
use super::{Error, Event, MemoryEngine, RocksEngine};
use crate::level::{Levels, Percents};
use crate::name::AccountId;
use crate::quota::{Change, Holder, Limits, Usage, growth};

const COUNTER: CounterKey = [9; 17];

async fn suite(engine: Arc<dyn Engine>) {
    reads_see_commits(&*engine).await;
    scans_keep_order_and_seek(&*engine).await;
    snapshots_stand_still(&*engine).await;
    stale_reads_conflict(&*engine).await;
    refused_commits_write_nothing(&*engine).await;
    limits_hold_under_concurrency(Arc::clone(&engine)).await;
    soft_limits_are_crossed_once(Arc::clone(&engine)).await;
    family_revisions_move(&*engine).await;
}

fn put(key: &str, value: &str) -> Commit {
    Commit {
        puts: vec![(Family::Objects, key.as_bytes().to_vec(), Bytes::copy_from_slice(value.as_bytes()))],
        ..Commit::default()
    }
}

fn charge(bytes: u64, limit: u64) -> Charge {
    Charge {
        counter: COUNTER,
        holder: Holder::Bucket,
        growth: growth(Change::put(None, bytes)),
        limits: Limits { bytes: limit, objects: 0 },
        close: false,
        watch: None,
    }
}

fn value(view: &dyn View, key: &str) -> Option<String> {
    let found = get_owned(view, Family::Objects, key.as_bytes(), Tier::Disk).unwrap();
    found.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn keys(view: &dyn View, from: Bound<&str>, to: Option<&str>, mut step: impl FnMut(&str) -> Step) -> Vec<String> {
    let mut seen = Vec::new();
    let from = from.map(str::as_bytes);
    view.scan(Family::Objects, from, to.map(str::as_bytes), Tier::Disk, &mut |key, _| {
        let key = String::from_utf8(key.to_vec()).unwrap();
        let next = step(&key);
        seen.push(key);
        Ok(next)
    })
    .unwrap();
    seen
}

async fn reads_see_commits(engine: &dyn Engine) {
    assert_eq!(value(engine, "a"), None);
    let first = engine.commit(put("a", "1")).await.unwrap();
    assert_eq!(value(engine, "a").as_deref(), Some("1"));
    assert!(engine.revision() >= first);
    let second = engine.commit(put("a", "")).await.unwrap();
    assert!(second > first);
    assert_eq!(value(engine, "a").as_deref(), Some(""), "an empty value is a value");
    let delete = Commit { deletes: vec![(Family::Objects, b"a".to_vec())], ..Commit::default() };
    engine.commit(delete).await.unwrap();
    assert_eq!(value(engine, "a"), None);
    assert_eq!(get_owned(engine, Family::Bodies, b"a", Tier::Disk).unwrap(), None, "families are separate");
}

async fn scans_keep_order_and_seek(engine: &dyn Engine) {
    for key in ["b", "a", "c", "b/1", "b/2", "\u{e9}"] {
        engine.commit(put(key, key)).await.unwrap();
    }
    let all = keys(engine, Bound::Unbounded, None, |_| Step::Next);
    assert_eq!(all, ["a", "b", "b/1", "b/2", "c", "\u{e9}"]);
    assert_eq!(keys(engine, Bound::Included("b"), Some("c"), |_| Step::Next), ["b", "b/1", "b/2"]);
    assert_eq!(keys(engine, Bound::Excluded("b"), Some("c"), |_| Step::Next), ["b/1", "b/2"]);
    assert_eq!(keys(engine, Bound::Excluded("b/"), Some("c"), |_| Step::Next), ["b/1", "b/2"]);
    assert_eq!(keys(engine, Bound::Included("c"), Some("b"), |_| Step::Next), Vec::<String>::new());
    assert_eq!(keys(engine, Bound::Unbounded, None, |_| Step::Stop), ["a"]);
    let skipping = keys(engine, Bound::Unbounded, Some("z"), |key| match key {
        "b" => Step::SeekTo(b"b0".to_vec()),
        _ => Step::Next,
    });
    assert_eq!(skipping, ["a", "b", "c"]);
    let past_the_end = keys(engine, Bound::Unbounded, Some("c"), |_| Step::SeekTo(b"x".to_vec()));
    assert_eq!(past_the_end, ["a"]);
}

async fn snapshots_stand_still(engine: &dyn Engine) {
    engine.commit(put("s", "old")).await.unwrap();
    let frozen = engine.snapshot();
    engine.commit(put("s", "new")).await.unwrap();
    engine.commit(put("s2", "new")).await.unwrap();
    assert_eq!(value(&*frozen, "s").as_deref(), Some("old"));
    assert_eq!(value(&*frozen, "s2"), None);
    assert!(!keys(&*frozen, Bound::Included("s"), Some("t"), |_| Step::Next).contains(&"s2".to_owned()));
    assert_eq!(value(engine, "s").as_deref(), Some("new"));
}

async fn stale_reads_conflict(engine: &dyn Engine) {
    let relying = |read_at| Commit { read_at, reads: vec![(Family::Objects, b"r".to_vec())], ..put("r", "mine") };
    let before = engine.revision();
    engine.commit(put("r", "theirs")).await.unwrap();
    assert!(matches!(engine.commit(relying(before)).await, Err(Error::Conflict)));
    assert_eq!(value(engine, "r").as_deref(), Some("theirs"));
    engine.commit(relying(engine.revision())).await.unwrap();
    assert_eq!(value(engine, "r").as_deref(), Some("mine"));
}

async fn refused_commits_write_nothing(engine: &dyn Engine) {
    let used = |engine: &dyn Engine| get_usage(engine, &COUNTER, Tier::Disk).unwrap();
    engine.commit(Commit { charges: vec![charge(90, 100)], ..put("q", "first") }).await.unwrap();
    let over = Commit { charges: vec![charge(11, 100)], ..put("q", "second") };
    assert!(matches!(engine.commit(over).await, Err(Error::Over(over)) if over.used == 90 && over.growth == 11));
    assert_eq!(value(engine, "q").as_deref(), Some("first"));
    assert_eq!(used(engine).used_bytes(), 90);
    let close = Charge { growth: Usage::default(), close: true, ..charge(0, 0) };
    let refused = engine.commit(Commit { charges: vec![close.clone()], ..put("q", "closed") }).await;
    assert!(matches!(refused, Err(Error::NotEmpty)));
    let free = Charge { growth: growth(Change::delete(90)), ..charge(0, 0) };
    engine.commit(Commit { charges: vec![free], ..Commit::default() }).await.unwrap();
    engine.commit(Commit { charges: vec![close], ..Commit::default() }).await.unwrap();
    assert_eq!(get_owned(engine, Family::Counters, &COUNTER, Tier::Disk).unwrap(), None, "a closed counter is gone");
}

/// Room for 10 of 64 writers: exactly 10 pass, whatever the interleaving.
async fn limits_hold_under_concurrency(engine: Arc<dyn Engine>) {
    let writers: Vec<_> = (0..64)
        .map(|index| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move {
                let commit = Commit { charges: vec![charge(10, 100)], ..put(&format!("w{index}"), "x") };
                engine.commit(commit).await
            })
        })
        .collect();
    let mut passed = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => passed += 1,
            Err(error) => assert!(matches!(error, Error::Over(_)), "{error}"),
        }
    }
    assert_eq!(passed, 10);
    assert_eq!(get_usage(&*engine, &COUNTER, Tier::Disk).unwrap().used_bytes(), 100);
    assert_eq!(keys(&*engine, Bound::Included("w"), Some("x"), |_| Step::Next).len(), 10);
}

fn watched(counter: CounterKey, growth: Usage) -> Commit {
    let watch = Watch { percents: Percents::default(), name: "b".to_owned(), account: AccountId(1), millis: 7 };
    let charge = Charge { counter, growth, watch: Some(Box::new(watch)), ..charge(0, 1000) };
    Commit { charges: vec![charge], ..Commit::default() }
}

/// Percents and usages of the events in their stored order.
fn events(view: &dyn View) -> Vec<(u8, u64)> {
    let mut events = Vec::new();
    view.scan(Family::Events, Bound::Included(b"e"), Some(b"f"), Tier::Disk, &mut |_, value| {
        let event = Event::decode(value)?;
        events.push((event.percent, event.used));
        Ok(Step::Next)
    })
    .unwrap();
    events
}

/// 100 writers of 10 bytes each reach each soft limit once, at the byte it says.
async fn soft_limits_are_crossed_once(engine: Arc<dyn Engine>) {
    assert_eq!(events(&*engine), []);
    let writers: Vec<_> = (0..100)
        .map(|_| {
            let engine = Arc::clone(&engine);
            let put = watched([8; 17], growth(Change::put(None, 10)));
            tokio::spawn(async move { engine.commit(put).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(events(&*engine), [(80, 800), (90, 900), (100, 1000)]);
    engine.commit(watched([8; 17], growth(Change::delete(950)))).await.unwrap();
    assert_eq!(events(&*engine)[3..], [(100, 50), (90, 50), (80, 50)]);
    assert_eq!(get_levels(&*engine, &[8; 17], Tier::Disk).unwrap(), Levels::default());
    let rows = get_owned(&*engine, Family::Events, &super::keys::levels(&[8; 17]), Tier::Disk);
    assert_eq!(rows.unwrap(), None, "what is not reached has no row");
}

async fn family_revisions_move(engine: &dyn Engine) {
    let (objects, accounts) = (engine.family_revision(Family::Objects), engine.family_revision(Family::Accounts));
    let revision = engine.commit(put("f", "x")).await.unwrap();
    assert!(objects < revision);
    assert!(engine.family_revision(Family::Objects) >= revision);
    assert_eq!(engine.family_revision(Family::Accounts), accounts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_engine() {
    suite(Arc::new(MemoryEngine::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rocks_engine() {
    let folder = tempfile::tempdir().unwrap();
    suite(Arc::new(RocksEngine::open(folder.path()).unwrap())).await;
}

#[tokio::test]
async fn rocks_engine_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    {
        let engine = RocksEngine::open(folder.path()).unwrap();
        engine.commit(Commit { charges: vec![charge(7, 0)], ..put("kept", "yes") }).await.unwrap();
        assert!(RocksEngine::open(folder.path()).is_err(), "one process at a time");
    }
    let engine = RocksEngine::open(folder.path()).unwrap();
    assert_eq!(value(&engine, "kept").as_deref(), Some("yes"));
    assert_eq!(get_usage(&engine, &COUNTER, Tier::Disk).unwrap().used_bytes(), 7);
    engine.commit(Commit { charges: vec![charge(7, 14)], ..Commit::default() }).await.unwrap();
    assert!(engine.commit(Commit { charges: vec![charge(1, 14)], ..Commit::default() }).await.is_err());
}

#[tokio::test]
async fn rocks_engine_keeps_what_soft_limits_reached() {
    let folder = tempfile::tempdir().unwrap();
    let put = |bytes| watched(COUNTER, growth(Change::put(None, bytes)));
    {
        let engine = RocksEngine::open(folder.path()).unwrap();
        engine.commit(put(850)).await.unwrap();
    }
    let engine = RocksEngine::open(folder.path()).unwrap();
    engine.commit(put(10)).await.unwrap();
    assert_eq!(events(&engine), [(80, 850)], "a restart crosses nothing");
    engine.commit(put(40)).await.unwrap();
    assert_eq!(events(&engine), [(80, 850), (90, 900)], "and numbers go on");
    assert_eq!(get_newest_event(&engine, Tier::Disk).unwrap(), 2);
}

//! The job: gauges, interval, stop. What a recount finds is tested beside it.

use super::*;
use crate::app::Run;
use crate::blob::Blobs;
use crate::blob::memory::MemoryStore;
use crate::clock::Clock;
use crate::config::Config;
use crate::meta::{
    Bucket, Charge, Commit, CounterKey, MASTER_KEY_BYTES, MemoryEngine, NewAccount, NewBucket, Sealer, Store,
};
use crate::name::BucketName;
use crate::quota::{Holder, Limits, Usage};

async fn app(verify_interval_hours: u32) -> Arc<App> {
    let store = Store::new(Arc::new(MemoryEngine::new()), Sealer::new(&[7; MASTER_KEY_BYTES]));
    let config = Config { verify_interval_hours, ..Config::for_testing() };
    App::new(config, store, Blobs::new(Arc::new(MemoryStore::new())), Clock::manual(1_000)).await
}

async fn make_bucket(app: &App) -> Bucket {
    let account = NewAccount { name: "alice".to_owned(), ..NewAccount::default() };
    let owner = app.store.write(|tx| tx.create_account(&account, 1)).await.unwrap().unwrap().id;
    let new = NewBucket::new(BucketName::parse("photos").unwrap(), owner, "r".to_owned());
    app.store.write(|tx| tx.create_bucket(&new, 1)).await.unwrap()
}

async fn spoil(app: &App, bucket: &Bucket, growth: Usage) {
    let mut counter: CounterKey = [0; 17];
    counter[0] = b'b';
    counter[1..9].copy_from_slice(&bucket.id.0.to_be_bytes());
    let charge =
        Charge { counter, holder: Holder::Bucket, growth, limits: Limits::default(), close: false, watch: None };
    app.store.engine().commit(Commit { charges: vec![charge], ..Commit::default() }).await.unwrap();
}

/// The run under way, at its end.
async fn finished(app: &App) -> Run {
    loop {
        match app.verification.last() {
            Some(run) if run.finished_millis.is_some() => return run,
            _ => tokio::task::yield_now().await,
        }
    }
}

async fn verified(app: &App, repair: bool) -> Outcome {
    let asked = app.verification.begin(repair, app.clock.now_millis()).unwrap();
    let run = finished(app).await;
    assert_eq!((run.number, run.repair), (asked.number, repair));
    assert!(run.rows > 0);
    match run.stage {
        Stage::Done(outcome) => outcome,
        stage => panic!("{stage:?}"),
    }
}

#[tokio::test]
async fn the_gauges_read_what_is_left_wrong() {
    let app = app(24).await;
    let bucket = make_bucket(&app).await;
    let gauges = || (app.metrics.quota_drift_bytes.get(), app.metrics.quota_drift_counters.get());
    let (stop, stopping) = watch::channel(false);
    let job = tokio::spawn(run(Arc::clone(&app), stopping));

    assert_eq!(verified(&app, false).await.recount.drifts, []);
    assert_eq!(gauges(), (0, 0));

    spoil(&app, &bucket, Usage { current_bytes: 12, noncurrent_bytes: 5, uploads: 1, ..Usage::default() }).await;
    let outcome = verified(&app, false).await;
    assert_eq!(outcome.drifts().map(|(drift, repaired)| (drift.bytes(), repaired)).collect::<Vec<_>>(), [(17, false)]);
    assert_eq!(gauges(), (17, 1));

    assert!(verified(&app, true).await.drifts().all(|(_, repaired)| repaired));
    assert_eq!(gauges(), (0, 0));
    assert_eq!(verified(&app, false).await.recount.drifts, []);
    assert!(app.metrics.render().contains("obs_gateway_quota_drift_bytes 0"));

    stop.send(true).unwrap();
    job.await.unwrap();
}

#[tokio::test]
async fn one_run_at_a_time() {
    let app = app(0).await;
    assert_eq!(app.verification.begin(true, 1).unwrap().number, 1);
    assert!(app.verification.begin(false, 1).is_none());
    assert_eq!(app.verification.wanted(), Some(true), "the second one changed nothing");
    app.verification.finish(Stage::Failed, 2);
    assert_eq!(app.verification.begin(false, 3).unwrap().number, 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_comes_one_interval_after_the_start() {
    let app = app(2).await;
    let (stop, stopping) = watch::channel(false);
    let job = tokio::spawn(run(Arc::clone(&app), stopping));
    tokio::time::sleep(Duration::from_secs(2 * 60 * 60 - 1)).await;
    assert!(app.verification.last().is_none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let first = finished(&app).await;
    assert_eq!((first.number, first.repair), (1, false));
    stop.send(true).unwrap();
    job.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_zero_is_never() {
    let app = app(0).await;
    let (stop, stopping) = watch::channel(false);
    let job = tokio::spawn(run(Arc::clone(&app), stopping));
    tokio::time::sleep(Duration::from_secs(20 * 365 * 24 * 60 * 60)).await;
    assert!(app.verification.last().is_none());
    stop.send(true).unwrap();
    job.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_the_reading_at_its_next_rest() {
    let app = app(0).await;
    make_bucket(&app).await;
    let (stop, stopped) = channel();
    drop(stop);
    app.verification.begin(false, 1);
    assert_eq!(read(&app, &stopped).unwrap(), None);
    assert_eq!(app.verification.last().unwrap().rows, 1, "one slice, of one row");
}

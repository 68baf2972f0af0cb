//! What runs beside requests: one loop a file. Jobs stop when they are told to and are waited for. What a loop does
//! each time is a step that takes its time from the app's clock, so that tests take steps instead of waiting.

pub mod edges;
pub mod expiry;
pub mod history;
pub mod keys;
mod sweep;
mod verify;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::Result;

/// Between two steps of a job.
const INTERVAL: Duration = Duration::from_secs(1);

/// Starts every job; must be called before the first request is accepted. Waiting for the set is waiting for all to
/// have stopped.
pub async fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let segments = sweep::segments_of_earlier_runs(app).await;
    jobs.spawn(sweep::run(Arc::clone(app), segments, stopping.clone()));
    jobs.spawn(expiry::run(Arc::clone(app), stopping.clone()));
    jobs.spawn(edges::run(Arc::clone(app), stopping.clone()));
    jobs.spawn(history::run(Arc::clone(app), stopping.clone()));
    jobs.spawn(keys::run(Arc::clone(app), stopping.clone()));
    jobs.spawn(webhook::run(Arc::clone(app), stopping.clone()));
    jobs.spawn(verify::run(Arc::clone(app), stopping.clone()));
    jobs
}

/// Waits until the next step is due. True when there is none because the gateway stops.
async fn pause(stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(INTERVAL) => false,
        _ = stopping.wait_for(|stop| *stop) => true,
    }
}

/// Logs a step that failed; the next one tries again.
fn report<T>(job: &'static str, step: Result<T>) {
    if let Err(error) = step {
        tracing::warn!(job, ?error, "a step failed, will try again");
    }
}

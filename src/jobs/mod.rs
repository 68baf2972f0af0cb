//! What runs beside requests: one loop a file. Jobs stop when they are told to and are waited for.

mod sweep;
mod verify;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;

/// Starts every job; must be called before the first request is accepted. Waiting for the set is waiting for all to
/// have stopped.
pub async fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let segments = sweep::segments_of_earlier_runs(app).await;
    jobs.spawn(sweep::run(Arc::clone(app), segments, stopping.clone()));
    jobs.spawn(verify::run(Arc::clone(app), stopping.clone()));
    jobs
}

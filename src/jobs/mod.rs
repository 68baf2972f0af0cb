//! What runs beside requests: one loop a file. Jobs stop when they are told to and are waited for.

mod sweep;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;

/// Starts every job. To be called before the first request is accepted: what is stored now belongs to earlier runs.
/// The future ends when all have stopped.
pub fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
    let mut jobs = JoinSet::new();
    // Listed here, not in the job: a body sealed by a request of this run may not be named yet when the job gets its
    // turn, and its segment must not pass for one of an earlier run.
    let segments = app.blobs.store().segments();
    jobs.spawn(sweep::run(Arc::clone(app), segments, stopping.clone()));
    async move { while jobs.join_next().await.is_some() {} }
}

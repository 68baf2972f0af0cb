//! What runs beside requests: one loop a file. Jobs stop when they are told to and are waited for.

mod sweep;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;

/// Starts every job. The future ends when all have stopped.
pub fn start(app: &Arc<App>, stopping: &watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
    let mut jobs = JoinSet::new();
    jobs.spawn(sweep::run(Arc::clone(app), stopping.clone()));
    async move { while jobs.join_next().await.is_some() {} }
}

//! Gives space back: first, at start, whatever no record names (uploads cut off by a crash); then, every second, the
//! extents of objects that were deleted or replaced, once nobody who may still read them is at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::blob::Segment;
use crate::error::{Error, Result};

/// Between two looks at the list.
const INTERVAL: Duration = Duration::from_secs(1);
/// A deleted extent is kept at least this long: a record read just before its deletion belongs to a reader that has
/// not announced itself as early as the deletion counts.
const GRACE_MILLIS: u64 = 2_000;
/// Rows taken off the list at a time.
const BATCH_COUNT: usize = 256;

/// The segments there are before the first request. Nothing that is about to be named lies in one of them, because
/// new bodies go to new segments; of segments made later nobody could say that.
pub(super) async fn segments_of_earlier_runs(app: &Arc<App>) -> Vec<Segment> {
    let store = Arc::clone(app.blobs.store());
    blocking(move || store.segments()).await.unwrap_or_else(|error| {
        tracing::error!(?error, "the segments cannot be listed");
        Vec::new()
    })
}

pub(super) async fn run(app: Arc<App>, segments: Vec<Segment>, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = reclaim(&app, segments).await {
        tracing::error!(?error, "the space of unfinished uploads could not be reclaimed");
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        while let Ok(BATCH_COUNT) = sweep(&app).await.inspect_err(|error| {
            app.metrics.sweep_failures.inc();
            tracing::warn!(?error, "sweep failed, will try again");
        }) {
            if *stopping.borrow() {
                return;
            }
        }
    }
}

/// Frees what no record names in the segments of earlier runs.
async fn reclaim(app: &Arc<App>, segments: Vec<Segment>) -> Result<()> {
    for segment in segments.into_iter().filter(|segment| !segment.active) {
        let live = app.store.read(|tx| tx.live_extents(segment.number)).await?;
        let store = Arc::clone(app.blobs.store());
        let freed = blocking(move || store.reclaim(segment.number, &live)).await?;
        app.metrics.swept_bytes.inc_by(freed);
    }
    Ok(())
}

/// Frees one batch; the number of rows that were due.
async fn sweep(app: &Arc<App>) -> Result<usize> {
    let now = app.clock.now_millis();
    let before = app.readers.oldest(now).saturating_sub(GRACE_MILLIS);
    let rows = app.store.read(|tx| tx.sweep_rows(before, BATCH_COUNT)).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let extents: Vec<_> = rows.iter().flat_map(|row| row.extents.iter().copied()).collect();
    let bytes = extents.iter().map(|extent| extent.length).sum();
    let store = Arc::clone(app.blobs.store());
    blocking(move || store.free(&extents)).await?;
    // Freed twice after a crash between the two is harmless.
    app.store
        .write(|tx| {
            for row in &rows {
                tx.delete_sweep_row(row);
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.metrics.swept_bytes.inc_by(bytes);
    Ok(rows.len())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> crate::blob::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
}

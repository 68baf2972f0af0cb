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
    // Nobody adds a reference to what has none: whoever did relied on a record that named it.
    let extents = app.store.read(|tx| tx.extents_to_free(&rows)).await?;
    let bytes = extents.iter().map(|extent| extent.length).sum();
    let store = Arc::clone(app.blobs.store());
    blocking(move || store.free(&extents)).await?;
    // Freed twice after a crash between the two is harmless.
    app.store.write(|tx| tx.sweep(&rows)).await?;
    app.metrics.swept_bytes.inc_by(bytes);
    Ok(rows.len())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> crate::blob::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Blobs;
    use crate::blob::memory::MemoryStore;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::meta::{MASTER_KEY_BYTES, MemoryEngine, Sealer, Store};

    async fn app() -> Arc<App> {
        let store = Store::new(Arc::new(MemoryEngine::new()), Sealer::new(&[7; MASTER_KEY_BYTES]));
        let blobs = Blobs::new(Arc::new(MemoryStore::new()));
        App::new(Config::for_testing(), store, blobs, Clock::manual(1_435_721_265_000)).await
    }

    /// Seals a body that nothing names yet, without giving way to other tasks; returns its segment.
    fn seal(app: &App) -> u64 {
        let mut writer = app.blobs.store().create(None).unwrap();
        writer.write(b"not named yet").unwrap();
        writer.seal().unwrap().extents[0].segment
    }

    #[tokio::test]
    async fn the_first_look_takes_what_was_there_before_and_nothing_newer() {
        let app = app().await;
        seal(&app);
        let (stop, stopping) = watch::channel(false);
        let jobs = crate::jobs::start(&app, &stopping).await;
        // On the one thread of this test the job has not run yet, as when a request is quicker than it.
        let newer = seal(&app);
        stop.send(true).unwrap();
        jobs.join_all().await;
        let left: Vec<u64> = app.blobs.store().segments().unwrap().iter().map(|segment| segment.number).collect();
        assert_eq!(left, [newer]);
    }
}

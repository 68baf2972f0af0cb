//! Keeps the history of usage: every minute a sample of each counter that moved; older samples are thinned, and those
//! of deleted buckets removed, a bounded number of rows a minute.

use std::sync::Arc;

use tokio::sync::watch;

use super::{pause, report};
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Error, Result};
use crate::meta::{CounterKey, Family, Revision, Tx};
use crate::trend::{MINUTE_MILLIS, Sample, slot_minutes};

/// Counters looked at in one read.
const SLICE_COUNT: usize = 512;
/// Samples looked at by one sweep.
const SWEEP_COUNT: usize = 4096;

/// How far the job is.
#[derive(Debug, Default)]
pub struct History {
    /// The minute last sampled, and the revision of the counters it began with.
    sampled: Option<(u64, Revision)>,
    /// The sample last looked at by the sweep.
    swept: Option<(CounterKey, u64)>,
    /// The sample of that counter last kept, and whether the counter is still there.
    kept: Option<(CounterKey, u64, bool)>,
}

impl History {
    /// Once a minute: takes samples, then thins a slice of the old ones.
    pub async fn step(&mut self, app: &App) -> Result<()> {
        let now = app.clock.now_millis();
        let minute = now / MINUTE_MILLIS;
        if self.sampled.is_some_and(|(sampled, _)| sampled == minute) {
            return Ok(());
        }
        let revision = app.store.engine().family_revision(Family::Counters);
        if self.sampled.is_none_or(|(_, sampled)| sampled != revision) {
            sample(app, now).await?;
        }
        self.sampled = Some((minute, revision));
        self.thin(app).await.map(|_| ())
    }

    /// Looks at the next slice of samples and removes what is too old, or not the last of its slot; gives how many
    /// went. The newest of a counter stays: what comes next is compared with it.
    pub async fn thin(&mut self, app: &App) -> Result<usize> {
        let minute = app.clock.now_millis() / MINUTE_MILLIS;
        let (swept, kept) = (self.swept, self.kept);
        let thinned = app.store.write(|tx| thin_slice(tx, swept, kept, minute)).await?;
        (self.swept, self.kept) = (thinned.swept, thinned.kept);
        Ok(thinned.removed)
    }
}

/// Stores a sample of each counter whose usage is another than at its last sample.
async fn sample(app: &App, now: UnixMillis) -> Result<()> {
    let mut after: Option<CounterKey> = None;
    loop {
        let (last, is_full) = app
            .store
            .write(|tx| {
                let counters = tx.counters_after(after.as_ref(), SLICE_COUNT)?;
                for (counter, usage) in &counters {
                    let sample = Sample::new(usage, now);
                    let last = tx.newest_sample(counter)?;
                    if last.is_none_or(|last| (last.bytes, last.objects) != (sample.bytes, sample.objects)) {
                        tx.put_sample(counter, &sample);
                    }
                }
                Ok::<_, Error>((counters.last().map(|(counter, _)| *counter), counters.len() == SLICE_COUNT))
            })
            .await?;
        if !is_full {
            return Ok(());
        }
        after = last;
    }
}

struct Thinned {
    swept: Option<(CounterKey, u64)>,
    kept: Option<(CounterKey, u64, bool)>,
    removed: usize,
}

fn thin_slice(
    tx: &mut Tx<'_>,
    swept: Option<(CounterKey, u64)>,
    mut kept: Option<(CounterKey, u64, bool)>,
    now: u64,
) -> Result<Thinned> {
    let rows = tx.sample_rows(swept, SWEEP_COUNT)?;
    let mut removed = 0;
    for (counter, minute) in &rows {
        let stays = match kept {
            Some((same, last, exists)) if same == *counter => {
                let width = slot_minutes(now.saturating_sub(*minute));
                exists && width.is_some_and(|width| minute / width != last / width)
            }
            // The newest: it goes only where the counter has gone.
            _ => {
                kept = Some((*counter, *minute, tx.has_counter(counter)?));
                kept.is_some_and(|(_, _, exists)| exists)
            }
        };
        if stays {
            kept = kept.map(|(counter, _, exists)| (counter, *minute, exists));
        } else {
            tx.delete_sample(counter, *minute);
            removed += 1;
        }
    }
    let is_end = rows.len() < SWEEP_COUNT;
    let swept = rows.last().copied().filter(|_| !is_end);
    Ok(Thinned { swept, kept: kept.filter(|_| !is_end), removed })
}

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut history = History::default();
    loop {
        report("history of usage", history.step(&app).await);
        if pause(&mut stopping).await {
            return;
        }
    }
}

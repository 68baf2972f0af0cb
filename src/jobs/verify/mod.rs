//! Recomputes the counters while the gateway serves: at an interval, and when an administrator asks. Reads a frozen
//! state in slices and rests between them, so that requests hardly notice. Mends only when asked to.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::app::{App, Outcome, Stage};
use crate::limits;
use crate::meta::{self, Recount, Repair, recount};

/// Rest after a slice, in times of what the slice took: a fifth of one core is at work.
const REST_FACTOR: u32 = 4;

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = interval(&app) => { app.verification.begin(false, app.clock.now_millis()); }
            () = app.verification.begun() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if let Some(repair) = app.verification.wanted() {
            let stage = verify(&app, repair, &mut stopping).await;
            app.verification.finish(stage, app.clock.now_millis());
        }
    }
}

/// Until the next run nobody asked for.
async fn interval(app: &App) {
    match app.config.verify_interval_hours {
        0 => std::future::pending().await,
        hours => tokio::time::sleep(Duration::from_secs(u64::from(hours) * 60 * 60)).await,
    }
}

async fn verify(app: &Arc<App>, repair: bool, stopping: &mut watch::Receiver<bool>) -> Stage {
    let (stop, stopped) = channel();
    let reading = Arc::clone(app);
    let mut counting = tokio::task::spawn_blocking(move || read(&reading, &stopped));
    let counted = tokio::select! {
        counted = &mut counting => Some(counted),
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    let counted = match counted {
        Some(counted) => counted,
        None => {
            // Wakes it from its rest. It is waited for: it reads a store that is about to be closed.
            drop(stop);
            counting.await
        }
    };
    let recount = match counted {
        Ok(Ok(Some(recount))) => recount,
        Ok(Ok(None)) => return Stage::Stopped,
        Ok(Err(error)) => {
            tracing::error!(%error, "the counters could not be verified");
            return Stage::Failed;
        }
        Err(error) => {
            tracing::error!(%error, "the verification of the counters broke off");
            return Stage::Failed;
        }
    };
    let repairs = if repair { app.store.repair(&recount.drifts).await } else { Vec::new() };
    let outcome = Outcome { recount, repairs };
    tell(app, &outcome);
    Stage::Done(outcome)
}

fn read(app: &App, stopped: &Receiver<()>) -> meta::Result<Option<Recount>> {
    let view = app.store.engine().snapshot();
    let mut started = Instant::now();
    recount(&*view, limits::VERIFY_SLICE_COUNT_MAX, &mut |rows| {
        app.verification.advance(rows);
        let rest = started.elapsed() * REST_FACTOR;
        // Nothing is ever sent; the other end is dropped to stop.
        let is_stopped = stopped.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected);
        started = Instant::now();
        if is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Sets the gauges to what is still wrong, and logs everything that was.
fn tell(app: &App, outcome: &Outcome) {
    let (mut bytes, mut counters) = (0_u64, 0);
    for (at, drift) in outcome.recount.drifts.iter().enumerate() {
        let (place, finding) = (&drift.place, drift.finding());
        match outcome.repairs.get(at) {
            Some(Repair::Done) => {
                tracing::warn!(place, finding, "a counter was wrong and is mended");
                continue;
            }
            Some(Repair::Overtaken) => {
                tracing::warn!(place, finding, "a counter was wrong; its holder has come or gone since");
                continue;
            }
            Some(Repair::Failed(error)) => tracing::error!(place, finding, %error, "a counter could not be mended"),
            None => tracing::error!(place, finding, "a counter is wrong; `obs-gateway verify --repair` mends it"),
        }
        bytes = bytes.saturating_add(drift.bytes());
        counters += 1;
    }
    for difference in &outcome.recount.findings {
        tracing::error!(place = difference.place, finding = difference.finding, "the metadata does not agree");
    }
    app.metrics.quota_drift_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    app.metrics.quota_drift_counters.set(counters);
    let Recount { buckets, objects, .. } = outcome.recount;
    tracing::info!(buckets, objects, wrong = counters, "counters verified");
}

#[cfg(test)]
mod tests;

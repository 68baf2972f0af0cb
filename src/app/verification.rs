//! What is known of the verification of the counters: the run under way or the last one. The admin API asks for runs
//! and shows them, a job does them. Not here: what a run does.

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::UnixMillis;
use crate::meta::{Drift, Recount, Repair};

/// Where the admin API and the job meet. At most one run at a time.
#[derive(Debug, Default)]
pub struct Verification {
    run: Mutex<Option<Run>>,
    begun: Notify,
}

/// One verification of all counters.
#[derive(Clone, Debug)]
pub struct Run {
    /// From 1 since the start of the process.
    pub number: u64,
    /// Whether differences are to be mended.
    pub repair: bool,
    /// When it was asked for.
    pub started_millis: UnixMillis,
    /// When it ended.
    pub finished_millis: Option<UnixMillis>,
    /// Rows read so far.
    pub rows: u64,
    /// How far it got.
    pub stage: Stage,
}

/// How far a run got.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Not at its end.
    Running,
    /// It saw everything.
    Done(Outcome),
    /// It did not come to its end; why stands in the log.
    Failed,
    /// The gateway is stopping.
    Stopped,
}

/// What a run saw and did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it saw.
    pub recount: Recount,
    /// What became of each of `recount.drifts`; empty when nothing was to be mended.
    pub repairs: Vec<Repair>,
}

impl Outcome {
    /// The counters that are wrong, each with whether it was mended.
    pub fn drifts(&self) -> impl Iterator<Item = (&Drift, bool)> {
        let is_done = |at| matches!(self.repairs.get(at), Some(Repair::Done));
        self.recount.drifts.iter().enumerate().map(move |(at, drift)| (drift, is_done(at)))
    }
}

impl Verification {
    /// Asks for a run; its description, or `None` while there is one already.
    pub fn begin(&self, repair: bool, now: UnixMillis) -> Option<Run> {
        let mut slot = self.run.lock();
        if slot.as_ref().is_some_and(|run| run.finished_millis.is_none()) {
            return None;
        }
        let number = slot.as_ref().map_or(1, |run| run.number + 1);
        let run = Run { number, repair, started_millis: now, finished_millis: None, rows: 0, stage: Stage::Running };
        *slot = Some(run.clone());
        self.begun.notify_one();
        Some(run)
    }

    /// Waits until somebody may have asked.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// The run under way or the last one.
    pub fn last(&self) -> Option<Run> {
        self.run.lock().clone()
    }

    /// Whether the run under way is to mend what it finds; `None` when there is no such run.
    pub fn wanted(&self) -> Option<bool> {
        self.run.lock().as_ref().filter(|run| run.finished_millis.is_none()).map(|run| run.repair)
    }

    /// Counts rows read by the run under way.
    pub fn advance(&self, rows: u64) {
        if let Some(run) = self.run.lock().as_mut() {
            run.rows += rows;
        }
    }

    /// Ends the run under way.
    pub fn finish(&self, stage: Stage, now: UnixMillis) {
        if let Some(run) = self.run.lock().as_mut() {
            run.stage = stage;
            run.finished_millis = Some(now);
        }
    }
}

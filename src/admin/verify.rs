//! `verify`: asks for a verification of the counters, and shows the run under way or the last one.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Ask, json};
use crate::app::{App, Run, Stage};
use crate::clock::iso_date;
use crate::error::{Code, Result};
use crate::quota::Usage;
use crate::wire::Reply;

#[derive(Serialize, Default)]
struct Shown {
    /// 0: none since the start of the process.
    run: u64,
    state: &'static str,
    repair: bool,
    started: Option<String>,
    finished: Option<String>,
    rows_read: u64,
    /// Absent until the run is done.
    #[serde(flatten)]
    seen: Option<Seen>,
}

#[derive(Serialize)]
struct Seen {
    buckets: u64,
    objects: u64,
    bytes: u64,
    /// Counters that are wrong.
    differences: Vec<Differing>,
    /// What else is wrong; `--repair` does not mend it.
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Differing {
    place: String,
    finding: String,
    /// What the counter lacked.
    difference: Usage,
    repaired: bool,
}

#[derive(Serialize)]
struct Finding {
    place: String,
    finding: String,
}

impl Shown {
    fn new(run: Run) -> Self {
        let (state, seen) = match run.stage {
            Stage::Running => ("running", None),
            Stage::Failed => ("failed", None),
            Stage::Stopped => ("stopped", None),
            Stage::Done(outcome) => {
                let differences = outcome.drifts().map(|(drift, repaired)| Differing {
                    place: drift.place.clone(),
                    finding: drift.finding(),
                    difference: drift.difference,
                    repaired,
                });
                let differences = differences.collect();
                let recount = outcome.recount;
                let findings = recount.findings.into_iter();
                let findings = findings.map(|other| Finding { place: other.place, finding: other.finding }).collect();
                let (buckets, objects, bytes) = (recount.buckets, recount.objects, recount.bytes);
                ("done", Some(Seen { buckets, objects, bytes, differences, findings }))
            }
        };
        Self {
            run: run.number,
            state,
            repair: run.repair,
            started: Some(iso_date(run.started_millis)),
            finished: run.finished_millis.map(iso_date),
            rows_read: run.rows,
            seen,
        }
    }
}

/// `GET verify`.
pub(super) async fn show(app: &Arc<App>, _: Ask) -> Result<Reply> {
    let none = Shown { state: "none", ..Shown::default() };
    json(StatusCode::OK, &app.verification.last().map_or(none, Shown::new))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    repair: bool,
}

/// `POST verify`.
pub(super) async fn start(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    let run = app.verification.begin(wanted.repair, ask.now).ok_or_else(|| {
        Code::OperationAborted.because("A verification is running; `GET verify` shows how far it is.")
    })?;
    json(StatusCode::ACCEPTED, &Shown::new(run))
}

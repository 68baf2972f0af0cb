//! `verify`: asks for a verification of the counters, and shows the run under way or the last one.

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
pub(super) fn show(app: &App) -> Result<Reply> {
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
pub(super) fn start(app: &App, ask: &Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    let run = app.verification.begin(wanted.repair, ask.now).ok_or_else(|| {
        Code::OperationAborted.because("A verification is running; `GET verify` shows how far it is.")
    })?;
    json(StatusCode::ACCEPTED, &Shown::new(run))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::app::Outcome;
    use crate::blob::Blobs;
    use crate::blob::memory::MemoryStore;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::meta::{Difference, Drift, MASTER_KEY_BYTES, MemoryEngine, Recount, Repair, Sealer, Store};
    use crate::quota::Holder;
    use crate::wire::body::ReplyBody;
    use crate::wire::query::Query;

    fn ask(body: &'static str) -> Ask {
        let query = Query::parse(None).unwrap();
        Ask { names: Vec::new(), query, body: Bytes::from_static(body.as_bytes()), now: 1_000 }
    }

    fn document(reply: Reply, status: StatusCode) -> Value {
        assert_eq!(reply.status, status);
        match reply.body {
            ReplyBody::Full(bytes) => serde_json::from_slice(&bytes).unwrap(),
            _ => panic!("a document comes whole"),
        }
    }

    #[tokio::test]
    async fn a_run_is_asked_for_once_and_shown_to_its_end() {
        let store = Store::new(Arc::new(MemoryEngine::new()), Sealer::new(&[7; MASTER_KEY_BYTES]));
        let blobs = Blobs::new(Arc::new(MemoryStore::new()));
        let app = App::new(Config::for_testing(), store, blobs, Clock::manual(1_000)).await;
        let none = document(show(&app).unwrap(), StatusCode::OK);
        assert_eq!((&none["run"], &none["state"]), (&json!(0), &json!("none")));

        for refused in ["", r#"{"repairs":true}"#, r#"{"repair":1}"#] {
            assert_eq!(start(&app, &ask(refused)).unwrap_err().code(), Code::BadRequest, "{refused}");
        }
        let running = json!({ "run": 1, "state": "running", "repair": true, "started": "1970-01-01T00:00:01.000Z",
            "finished": null, "rows_read": 0 });
        assert_eq!(document(start(&app, &ask(r#"{"repair":true}"#)).unwrap(), StatusCode::ACCEPTED), running);
        assert_eq!(start(&app, &ask("{}")).unwrap_err().code(), Code::OperationAborted);
        assert_eq!(document(show(&app).unwrap(), StatusCode::OK), running);

        let difference = Usage { current_bytes: -5, ..Usage::default() };
        let drift = |place: &str| Drift {
            counter: [1; 17],
            holder: Some(Holder::Bucket),
            owner: None,
            place: place.to_owned(),
            found: Usage { current_bytes: 5, ..Usage::default() },
            difference,
        };
        let finding = Difference { place: "/b/k".to_owned(), finding: "is odd".to_owned() };
        let (drifts, findings) = (vec![drift("bucket a"), drift("bucket b")], vec![finding]);
        let recount = Recount { buckets: 2, objects: 3, bytes: 4, drifts, findings };
        app.verification.advance(9);
        app.verification
            .finish(Stage::Done(Outcome { recount, repairs: vec![Repair::Done, Repair::Overtaken] }), 2_000);
        let done = document(show(&app).unwrap(), StatusCode::OK);
        assert_eq!((&done["state"], &done["rows_read"], &done["objects"]), (&json!("done"), &json!(9), &json!(3)));
        assert_eq!(done["finished"], "1970-01-01T00:00:02.000Z");
        assert_eq!(done["differences"][0]["difference"]["current_bytes"], -5);
        let repaired = [0, 1].map(|at| done["differences"][at]["repaired"].clone());
        assert_eq!(repaired, [json!(true), json!(false)]);
        assert_eq!(done["findings"][0], json!({ "place": "/b/k", "finding": "is odd" }));
    }
}

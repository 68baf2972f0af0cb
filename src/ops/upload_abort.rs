//! `DELETE /bucket/key?uploadId` (OBS reference, "Canceling a Multipart Upload"): the upload and all its parts go, and with
//! them what they counted. A part still on its way finds no upload any more.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::upload::{check_initiator, open, upload_id};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::quota::Rule;
use crate::wire::Reply;
use crate::wire::conditions::Verdict;
use crate::wire::delete_conditions::parse_seconds;

pub(super) static DELETE: Op = Op {
    name: "AbortMultipartUpload",
    verb: Method::DELETE,
    scope: Scope::Object,
    picks: &[Pick::Query("uploadId")],
    action: Action::AbortMultipartUpload,
    body: BodyRule::Empty,
    growth: &[Rule::Abort],
    parameters: &[],
    document: "obs_04_0103",
    run: |app, call| Box::pin(delete(app, call)),
};

/// When the upload must have been begun (tail; S3 reference, `AbortMultipartUpload`).
const INITIATED_TIME: &str = "if-match-initiated-time";

async fn delete(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let (id, now) = (upload_id(call)?, app.clock.now_millis());
    let initiated = call.head.own(INITIATED_TIME).filter(|_| !call.head.dialect.is_obs());
    let initiated = initiated.map(parse_seconds).transpose()?;
    let aborted = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        let open = open(tx, call, id)?;
        // The bucket's owner may clean up after anyone.
        if !call.permit.is_bucket_owner() {
            check_initiator(call, open.upload())?;
        }
        if initiated.is_some_and(|seconds| seconds != open.upload().initiated_millis / 1000) {
            return Err(Verdict::refusal("x-amz-if-match-initiated-time"));
        }
        Ok::<_, Error>(tx.abort_upload(&bucket, &open, now)?)
    });
    aborted.await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

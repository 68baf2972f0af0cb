//! `PUT /bucket/key?truncate&length=N` (OBS reference, "Truncating an Object"): parallel file systems only. A file
//! that is shorter grows, by zeros.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::object_edit::{changed_etag, changed_state, number, too_many_pieces};
use super::object_put::check_conditions;
use super::{BodyRule, Call, Op, Pick, Scope, file_system};
use crate::access::Action;
use crate::app::App;
use crate::blob::digest;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Edited, Object};
use crate::quota::Rule;
use crate::wire::conditions::Conditions;
use crate::wire::{Reply, hex};

pub(super) static PUT: Op = Op {
    name: "TruncateObject",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("truncate")],
    action: Action::PutObject,
    // The documented sample has a body of one byte. Nothing is done with it.
    body: BodyRule::Document,
    growth: &[Rule::Truncate],
    parameters: &["length"],
    document: "obs_04_0093",
    run: |app, call| Box::pin(put(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let length = number(call.head, "length")?;
    if length > limits::FILE_BYTES_MAX {
        return Err(Code::InvalidArgument.because("The length is more than a file can have."));
    }
    let key = call.key()?.clone();
    if file_system::is_directory(&key) {
        return Err(Code::FsObjectConflict.because("A directory has no bytes to truncate."));
    }
    call.body.collect(limits::DOCUMENT_BYTES_MAX).await?;
    let conditions = Conditions::parse(&call.head.headers);
    let now = app.clock.now_millis();
    let truncated = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        let slot = tx.slot(&bucket, &key)?;
        let missing = || Code::NoSuchKey.on(call.head.target.resource()).detail("Key", key.as_str());
        let current = slot.current().ok_or_else(missing)?;
        check_conditions(&conditions, Some(current))?;
        if current.size == length {
            return Ok(());
        }
        let object = Object {
            etag: etag(current, length),
            modified_millis: now,
            state: changed_state(current.state.as_deref()).boxed(),
            ..current.clone()
        };
        match tx.truncate_object(slot, &object, length)? {
            Edited::Done(_) => Ok::<_, Error>(()),
            Edited::TooManyPieces => Err(too_many_pieces()),
        }
    });
    truncated.await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn etag(current: &Object, length: u64) -> String {
    match length {
        0 => hex(&digest::md5(b"")),
        _ => changed_etag(&current.etag, &[b"truncate", &length.to_be_bytes()]),
    }
}

//! `POST /bucket/key?rename&name=NEW` (OBS reference, "Renaming an Object"): parallel file systems only. A directory is named with its `/` and moves with all that lies under it, at once.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope, file_system};
use crate::access::{Action, Judge};
use crate::app::App;
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::Renamed;
use crate::name::ObjectKey;
use crate::quota::Rule;
use crate::wire::Reply;

pub(super) static POST: Op = Op {
    name: "RenameObject",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("rename")],
    action: Action::PutObject,
    body: BodyRule::Empty,
    growth: &[Rule::Rename],
    parameters: &["name"],
    document: "obs_04_0094",
    run: |app, call| Box::pin(post(app, call)),
};

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let source = call.key()?;
    let target = parse_target(call)?;
    if file_system::is_directory(source) != file_system::is_directory(&target) {
        return Err(Code::FsObjectConflict.because("A file stays a file, and a directory a directory with its /."));
    }
    if file_system::is_directory(source) && source != &target && target.as_str().starts_with(source.as_str()) {
        return Err(Code::FsObjectConflict.because("A directory cannot be moved into itself."));
    }
    let renamed = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        // Who may write one name may not therefore write another, nor all that lies under it.
        let judge = Judge::read(tx, &app.policies, &call.caller, call.context.aside(None), &bucket)?;
        let check = |name: &ObjectKey| judge.check(Action::PutObject, name);
        check(&target)?;
        tx.rename(&bucket, source, &target, check)
    });
    let too_many = || {
        let count_max = limits::DIRECTORY_RENAME_COUNT_MAX;
        format!("The directory has more than {count_max} objects in it. Rename what lies in it piece by piece.")
    };
    match renamed.await {
        Ok(Renamed::Done) => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        Ok(Renamed::Nothing) => Err(Code::NoSuchKey.on(call.head.target.resource()).detail("Key", source.as_str())),
        Ok(Renamed::Taken) => Err(Code::FsObjectConflict.into()),
        Ok(Renamed::TooMany) => Err(Code::InvalidRequest.because(too_many())),
        Ok(Renamed::TooLong) => Err(Code::KeyTooLong.into()),
        // Somebody else was quicker each time.
        Err(error) if error.code() == Code::OperationAborted => Err(Code::FsRenameConflict.into()),
        Err(error) => Err(error),
    }
}

/// The new name; its place in the bucket, with or without a leading `/`.
fn parse_target(call: &Call<'_>) -> Result<ObjectKey> {
    let name = call.head.query.get("name").unwrap_or_default();
    let target = ObjectKey::parse(name.strip_prefix('/').unwrap_or(name))?;
    file_system::check_name(&target)?;
    Ok(target)
}

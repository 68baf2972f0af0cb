//! What a request brings along with what it is about: lists and tags of a new object, settings of a new bucket. The
//! permissions of the requests that would set them afterwards are asked for as well (S3 reference, "Required permissions"),
//! else a key narrowed to putting objects could publish what it puts.

use super::Call;
use super::copy_source::{Found, Source};
use crate::access::acl::is_given;
use crate::access::{self, Action, Judge};
use crate::app::App;
use crate::error::Result;
use crate::meta::{Bucket, Tx};

/// 403 `AccessDenied` where the caller's key or the bucket's policy does not let it bring the list that its headers name,
/// or these tags: see [`Judge::permit_company`].
pub(super) async fn check_may_bring(app: &App, call: &Call<'_>, tags: &[(String, String)]) -> Result<()> {
    let has_list = is_given(call.head);
    if !has_list && tags.is_empty() {
        return Ok(());
    }
    let key = call.key()?;
    let ask = |tx: &mut Tx<'_>| {
        let bucket = call.bucket_in(tx)?;
        let judge = Judge::read(tx, &app.policies, &call.caller, call.context, &bucket)?;
        if has_list {
            judge.permit_company(Action::PutObjectAcl, key, &[])?;
        }
        if tags.is_empty() { Ok(()) } else { judge.permit_company(Action::PutObjectTagging, key, tags) }
    };
    app.store.read_frozen(ask).await
}

/// The same for tags that go along with a copy: they have to be the caller's to read where they are. 403 `AccessDenied`
/// else.
pub(super) fn check_may_take_along(
    tx: &mut Tx<'_>,
    app: &App,
    call: &Call<'_>,
    (source, found): (&Source, &Found),
    bucket: &Bucket,
) -> Result<()> {
    let (named, tags) = (&source.named, found.object.tags());
    if tags.is_empty() {
        return Ok(());
    }
    let aside = call.context.aside(named.version.as_deref());
    let action = Action::GetObjectTagging;
    let permit = access::may(tx, &app.policies, &call.caller, aside, action, &found.bucket, &named.key)?;
    permit.check_object(&found.object)?;
    let judge = Judge::read(tx, &app.policies, &call.caller, call.context, bucket)?;
    judge.permit_company(Action::PutObjectTagging, call.key()?, tags)
}

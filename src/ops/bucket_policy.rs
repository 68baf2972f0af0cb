//! `?policy` and `?policyStatus` (OBS reference, "Configuring a Bucket Policy" and its neighbours): the text is kept as
//! it was sent, once it is known to mean something. It holds from the answer on.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};

use super::bucket_setting::delete_setting;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::access::policy::Policy;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::Setting;
use crate::wire::body::ReplyBody;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "GetBucketPolicy",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("policy")],
    action: Action::GetBucketPolicy,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0028",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketPolicy",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("policy")],
    action: Action::PutBucketPolicy,
    body: BodyRule::Json,
    growth: &[],
    parameters: &[],
    document: "obs_04_0027",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucketPolicy",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[Pick::Query("policy")],
    action: Action::DeleteBucketPolicy,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0029",
    run: |app, call| Box::pin(delete_setting(app, call, Setting::Policy)),
};

pub(super) static GET_STATUS: Op = Op {
    name: "GetBucketPolicyStatus",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("policyStatus")],
    action: Action::GetBucketPolicyPublicStatus,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0178",
    run: |app, call| Box::pin(get_status(app, call)),
};

async fn read(app: &App, call: &Call<'_>) -> Result<Option<Vec<u8>>> {
    let read = app.store.read(|tx| {
        let bucket = call.bucket_in(tx)?;
        Ok::<_, Error>(tx.setting(&bucket, Setting::Policy)?)
    });
    read.await
}

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let text = read(app, call).await?;
    let text = text.ok_or_else(|| Code::NoSuchBucketPolicy.on(call.head.target.resource()))?;
    // JSON under the name of XML: the OBS reference has it so, and its SDKs take the text as it comes.
    let kind = if call.head.dialect.is_obs() { "application/xml" } else { "application/json" };
    let mut reply = Reply::empty(StatusCode::OK).with(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.body = ReplyBody::Full(text.into());
    Ok(reply)
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    parse_confirmation(call.head)?;
    let text: Bytes = call.checked_body(limits::POLICY_BYTES_MAX).await?;
    if text.is_empty() {
        return Err(Code::MissingRequestBody.into());
    }
    let policy = Policy::of_bucket(&text, &call.bucket()?.name)?;
    if let Some(why) = policy.what_s3_refuses().filter(|_| call.head.dialect == Dialect::S3) {
        return Err(Code::MalformedPolicy.because(why));
    }
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            let block = tx.public_access_block(&bucket)?.unwrap_or_default();
            if block.block_public_policy && policy.is_public() {
                return Err(Code::AccessDenied.because("Public policies are blocked by the bucket."));
            }
            Ok::<_, Error>(tx.put_setting(&mut bucket, Setting::Policy, text.clone())?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// S3's `x-amz-confirm-remove-self-bucket-access`: that the sender knows they lock themselves out. The owner, who alone
/// could let them in again, is never locked out here, so it is read and changes nothing.
fn parse_confirmation(head: &Head) -> Result<()> {
    match head.own("confirm-remove-self-bucket-access") {
        None => Ok(()),
        Some(flag) if flag.eq_ignore_ascii_case("true") || flag.eq_ignore_ascii_case("false") => Ok(()),
        Some(_) => Err(Code::InvalidArgument.because("confirm-remove-self-bucket-access can only be true or false.")),
    }
}

/// Whether policy or list allow something to everyone. Without either they do not; S3 has a 404 there, which suites
/// that are run against servers of S3 do not expect.
async fn get_status(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let is_public = is_public_policy(app, call).await? || call.permit.controls().opens_by_acl(call.bucket()?);
    Ok(status(app, call, "PolicyStatus", is_public))
}

/// Whether the policy is public, as it is written.
pub(super) async fn is_public_policy(app: &App, call: &Call<'_>) -> Result<bool> {
    let (text, name) = (read(app, call).await?, &call.bucket()?.name);
    Ok(text.is_some_and(|text| app.policies.of_bucket(name, &text).is_public()))
}

/// The document that says whether something is public.
pub(super) fn status(app: &App, call: &Call<'_>, root: &'static str, is_public: bool) -> Reply {
    let mut xml = Writer::document(root, Some(app.namespace(call.head.dialect)), Layout::Compact);
    xml.element("IsPublic", if is_public { "true" } else { "false" });
    Reply::xml(xml.finish())
}

//! `POST /bucket` with a form (OBS reference, "Uploading Objects - POST"): what a browser sends. The spine has made the
//! request of it that it stands for; here it is stored as any other, and answered as forms are.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use super::object_put::{put, redirect_after};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::Bucket;
use crate::name::ObjectKey;
use crate::quota::Rule;
use crate::wire::address::Style;
use crate::wire::form::Fields;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Reply, percent};

pub(super) static POST: Op = Op {
    name: "PostObject",
    verb: Method::POST,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::PutObject,
    body: BodyRule::Form,
    growth: &[Rule::Put],
    parameters: &[],
    document: "obs_04_0081",
    run: |app, call| Box::pin(post(app, call)),
};

/// Fields that the references document and this server cannot honour yet. Those that stand for headers are the put's
/// to refuse.
const UNSUPPORTED: [&str; 4] = ["callbackbody", "callbackbodytype", "callbackhost", "callbackurl"];

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let answer = Answer::of(call)?;
    let stored = put(app, call).await?;
    answer.reply(stored)
}

/// How the form is answered, once its file is stored.
#[derive(Debug)]
struct Answer {
    /// Where the browser is sent. An address that it cannot be sent to is ignored, as documented.
    redirect: Option<String>,
    status: StatusCode,
    bucket: Bucket,
    key: ObjectKey,
    /// The object's own address.
    location: String,
}

impl Answer {
    fn of(call: &Call<'_>) -> Result<Self> {
        let fields = call.form()?;
        refuse_unsupported(fields)?;
        let (bucket, key) = (call.bucket()?.clone(), call.key()?.clone());
        // S3 has an older name for it still.
        let older = fields.get("redirect").filter(|_| !call.head.dialect.is_obs());
        let redirect = fields.get("success_action_redirect").or(older);
        let redirect = redirect.filter(|url| redirect_after(url, &bucket, &key, "").is_ok()).map(str::to_owned);
        let status = match fields.get("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let scheme = if call.context.is_secure() { "https" } else { "http" };
        let mut path = Vec::new();
        if call.head.target.style == Style::Path {
            path.extend([bucket.name.as_str(), "/"].concat().into_bytes());
        }
        percent::encode_path(key.as_str().as_bytes(), &mut path);
        let path = String::from_utf8(path).map_err(Error::internal)?;
        let location = format!("{scheme}://{}/{path}", call.head.host());
        Ok(Self { redirect, status, bucket, key, location })
    }

    fn reply(self, stored: Reply) -> Result<Reply> {
        let etag = stored.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        if let Some(redirect) = &self.redirect {
            let location = redirect_after(redirect, &self.bucket, &self.key, etag.trim_matches('"'))?;
            return Ok(Reply { status: StatusCode::SEE_OTHER, ..stored }.with(LOCATION, location));
        }
        let mut reply = Reply { status: self.status, ..stored };
        if self.status == StatusCode::CREATED {
            let mut xml = Writer::document("PostResponse", None, Layout::Compact);
            xml.element("Location", &self.location).element("Bucket", self.bucket.name.as_str());
            xml.element("Key", self.key.as_str()).element("ETag", &etag);
            let document = Reply::xml(xml.finish());
            reply.headers.extend(document.headers);
            reply.body = document.body;
        }
        let location = HeaderValue::try_from(self.location).map_err(Error::internal)?;
        Ok(reply.with(LOCATION, location))
    }
}

fn refuse_unsupported(fields: &Fields) -> Result<()> {
    let is_unsupported =
        |name: &str| UNSUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(name)) || name.starts_with("x:");
    match fields.iter().find(|(name, _)| is_unsupported(name)) {
        Some((name, _)) => Err(Code::ServiceNotImplemented.because(format!("The field {name} is not implemented."))),
        None => Ok(()),
    }
}

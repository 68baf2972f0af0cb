//! `POST /bucket` with a form (OBS reference, "Uploading Objects - POST"): what a browser sends. The spine has made the
//! request of it that it stands for; here it is stored as any other, and answered as forms are.

use std::sync::Arc;

use hyper::header::{ETAG, HeaderValue, LOCATION};
use hyper::{Method, StatusCode, Uri};

use super::{BodyRule, Call, Op, Scope, object_put};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
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
const UNSUPPORTED: [&str; 5] = ["callbackbody", "callbackbodytype", "callbackhost", "callbackurl", "tagging"];

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let answer = Answer::of(call)?;
    let stored = object_put::put(app, call).await?;
    answer.reply(stored)
}

/// How the form is answered, once its file is stored.
#[derive(Debug)]
struct Answer {
    /// Where the browser is sent.
    redirect: Option<String>,
    status: StatusCode,
    bucket: String,
    key: String,
    /// The object's own address.
    location: String,
}

impl Answer {
    fn of(call: &Call<'_>) -> Result<Self> {
        let fields = call.form()?;
        refuse_unsupported(fields)?;
        let redirect = fields.get("success_action_redirect").filter(|url| is_address(url)).map(str::to_owned);
        let status = match fields.get("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let (bucket, key) = (call.bucket()?.name.to_string(), call.key()?.to_string());
        let scheme = if call.context.is_secure() { "https" } else { "http" };
        let mut location = format!("{scheme}://{}/", call.head.host());
        if call.head.target.style == Style::Path {
            location.push_str(&bucket);
            location.push('/');
        }
        let mut path = Vec::new();
        percent::encode_path(key.as_bytes(), &mut path);
        location.push_str(&String::from_utf8(path).map_err(Error::internal)?);
        Ok(Self { redirect, status, bucket, key, location })
    }

    fn reply(self, stored: Reply) -> Result<Reply> {
        let etag = stored.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        if let Some(redirect) = &self.redirect {
            let address = HeaderValue::try_from(self.with_object(redirect, &etag)).map_err(Error::internal)?;
            return Ok(Reply { status: StatusCode::SEE_OTHER, ..stored }.with(LOCATION, address));
        }
        let mut reply = Reply { status: self.status, ..stored };
        if self.status == StatusCode::CREATED {
            let mut xml = Writer::document("PostResponse", None, Layout::Compact);
            xml.element("Location", &self.location).element("Bucket", &self.bucket);
            xml.element("Key", &self.key).element("ETag", &etag);
            let document = Reply::xml(xml.finish());
            reply.headers.extend(document.headers);
            reply.body = document.body;
        }
        let location = HeaderValue::try_from(self.location).map_err(Error::internal)?;
        Ok(reply.with(LOCATION, location))
    }

    /// `url` with what was stored as parameters, before its fragment if it has one.
    fn with_object(&self, url: &str, etag: &str) -> String {
        let (address, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
        let mut whole = address.to_owned();
        let mut separator = if address.contains('?') { '&' } else { '?' };
        for (name, value) in [("bucket", self.bucket.as_str()), ("key", &self.key), ("etag", etag)] {
            whole.push(separator);
            whole.push_str(name);
            whole.push('=');
            percent::encode_query(value.as_bytes(), &mut whole);
            separator = '&';
        }
        whole + fragment
    }
}

/// Whether a browser can be sent there; an address that it cannot is ignored, as documented.
fn is_address(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    url.is_ascii() && uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

fn refuse_unsupported(fields: &Fields) -> Result<()> {
    let is_unsupported =
        |name: &str| UNSUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(name)) || name.starts_with("x:");
    match fields.iter().find(|(name, _)| is_unsupported(name)) {
        Some((name, _)) => Err(Code::ServiceNotImplemented.because(format!("The field {name} is not implemented."))),
        None => Ok(()),
    }
}

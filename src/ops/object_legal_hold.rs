//! `?legal-hold` of an object (S3 reference, "PutObjectLegalHold"): while it is on, the version can neither be deleted
//! nor changed, whatever its retention is.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::object_get::find_in;
use super::object_tagging::about;
use super::protection::{change_lock, check_bucket, parse_hold};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Result};
use crate::object_lock::{LegalHold, Lock};
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetObjectLegalHold",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("legal-hold")],
    action: Action::GetObjectLegalHold,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "S3 reference",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutObjectLegalHold",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("legal-hold")],
    action: Action::PutObjectLegalHold,
    body: BodyRule::Document,
    growth: &[],
    parameters: &["versionId"],
    document: "S3 reference",
    run: |app, call| Box::pin(put(app, call)),
};

const ROOT: &str = "LegalHold";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    check_bucket(call.bucket()?)?;
    let object = app.store.read(|tx| find_in(tx, call)).await?;
    let status = object.lock().legal_hold.name();
    let status = status.ok_or_else(|| Code::NoSuchObjectLockConfiguration.on(call.head.target.resource()))?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    xml.element("Status", status);
    about(Reply::xml(xml.finish()), call, &object)
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MalformedXml)?;
    let legal_hold = parse(&document)?;
    call.permit.will_protect(Lock { legal_hold, ..Lock::default() });
    check_bucket(call.bucket()?)?;
    let object = change_lock(app, call, false, |lock| Ok(Lock { legal_hold, ..lock })).await?;
    about(Reply::empty(StatusCode::OK), call, &object)
}

fn parse(document: &Element) -> Result<LegalHold> {
    let hold = match document.children.as_slice() {
        [status] if status.name == "Status" => parse_hold(status.text_trimmed()),
        _ => None,
    };
    hold.ok_or_else(|| Code::MalformedXml.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_on_or_off() {
        let check = |content: &str, expected: Option<LegalHold>| {
            let document = format!("<LegalHold>{content}</LegalHold>");
            let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
            let parsed = parse(&document).map_err(|error| error.code());
            assert_eq!(parsed, expected.ok_or(Code::MalformedXml), "{content}");
        };
        check("<Status>ON</Status>", Some(LegalHold::On));
        check("<Status> OFF\n</Status>", Some(LegalHold::Off));
        for bad in ["", "ON", "<Status/>", "<Status>on</Status>", "<Status>abc</Status>", "<Typo>ON</Typo>"] {
            check(bad, None);
        }
        check("<Status>ON</Status><Status>ON</Status>", None);
    }
}

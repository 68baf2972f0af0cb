//! `?requestPayment`: who pays for requests of others (OBS reference, "Configuring" and "Obtaining Requester-Pays").
//! What follows from it for callers is decided in `access`.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketRequestPayment",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("requestPayment")],
    action: Action::GetBucketRequestPayment,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0069",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketRequestPayment",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("requestPayment")],
    action: Action::PutBucketRequestPayment,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0068",
    run: |app, call| Box::pin(put(app, call)),
};

const ROOT: &str = "RequestPaymentConfiguration";

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    xml.element("Payer", if call.bucket()?.requester_pays { "Requester" } else { "BucketOwner" });
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let requester_pays = parse(&document)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            bucket.requester_pays = requester_pays;
            Ok::<_, Error>(tx.put_bucket(&bucket)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

fn parse(document: &Element) -> Result<bool> {
    let mut payers = document.children_named("Payer");
    let payer = payers.next().filter(|payer| payer.children.is_empty() && payers.next().is_none());
    match payer.map(Element::text_trimmed) {
        Some("Requester") => Ok(true),
        Some("BucketOwner") => Ok(false),
        _ => Err(Code::MalformedXml.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<bool>) {
        let document = format!("<RequestPaymentConfiguration>{content}</RequestPaymentConfiguration>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        assert_eq!(parse(&document).ok(), expected, "{content}");
    }

    #[test]
    fn a_payer_is_one_of_two_words() {
        check("<Payer>Requester</Payer>", Some(true));
        check("<Other/><Payer>\nBucketOwner </Payer>", Some(false));
        for bad in ["", "Requester", "<Payer/>", "<Payer>requester</Payer>", "<Payer>Requester<a/></Payer>"] {
            check(bad, None);
        }
        check("<Payer>Requester</Payer><Payer>Requester</Payer>", None);
    }
}

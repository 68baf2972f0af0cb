//! `?quota`: how many bytes a bucket may hold (OBS reference, "Configuring" and "Querying Bucket Storage Quota").
//!
//! Where the service lets a quota take effect later, this one is tested in the commit that stores the object.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::limits::QUOTA_BYTES_MAX;
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketQuota",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("quota")],
    action: Action::GetBucketQuota,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0053",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketQuota",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("quota")],
    action: Action::PutBucketQuota,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0052",
    run: |app, call| Box::pin(put(app, call)),
};

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    // Laid out as the documented sample prints it, to the byte.
    let mut xml = Writer::document("Quota", Some(app.namespace(call.head.dialect)), Layout::Indented);
    xml.number("StorageQuota", call.bucket()?.quota_bytes);
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&["Quota"], Code::MalformedQuotaError).await?;
    let quota_bytes = parse_quota(&document.ok_or(Code::MissingRequestBody)?)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            bucket.quota_bytes = quota_bytes;
            Ok::<_, Error>(tx.put_bucket(&bucket)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// 0 to 2^63 − 1 in decimal digits; everything else is `MalformedQuotaError`.
fn parse_quota(document: &Element) -> Result<u64> {
    let mut quotas = document.children_named("StorageQuota");
    let (Some(quota), None) = (quotas.next(), quotas.next()) else { return Err(Code::MalformedQuotaError.into()) };
    let digits = quota.text_trimmed();
    if digits.is_empty() || !quota.children.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::MalformedQuotaError.into());
    }
    let bytes = digits.parse().ok().filter(|bytes| *bytes <= QUOTA_BYTES_MAX);
    bytes.ok_or_else(|| Code::MalformedQuotaError.because("The quota must be between 0 and 9223372036854775807."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<u64>) {
        let parsed =
            Element::parse(body.as_bytes(), Code::MalformedQuotaError).and_then(|element| parse_quota(&element));
        assert_eq!(parsed.ok(), expected, "{body}");
    }

    #[test]
    fn quotas_are_decimal_numbers_in_their_range() {
        let quota = |text: &str| format!("<Quota><StorageQuota>{text}</StorageQuota></Quota>");
        check(&quota("0"), Some(0));
        check(&quota("9223372036854775807"), Some(QUOTA_BYTES_MAX));
        check(&quota(" 10\n"), Some(10));
        check(&quota("007"), Some(7));
        for bad in
            ["", " ", "-1", "+5", "0x10", "1e3", "1.0", "9223372036854775808", "18446744073709551616", "1 2", "<a/>"]
        {
            check(&quota(bad), None);
        }
        check("<?xml version='1.0' encoding='UTF-8'?>\n<Quota><StorageQuota>5</StorageQuota></Quota>", Some(5));
        check("<Quota xmlns=\"http://x/\"><StorageQuota>5</StorageQuota></Quota>", Some(5));
        check("<Quota/>", None);
        check("<Quota><StorageQuota>1</StorageQuota><StorageQuota>1</StorageQuota></Quota>", None);
        check("<!DOCTYPE q [<!ENTITY a \"1\">]><Quota><StorageQuota>&a;</StorageQuota></Quota>", None);
    }
}

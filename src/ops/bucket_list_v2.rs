//! `GET /bucket?list-type=2`: the same page as `GET /bucket`, taken up by a token (OBS reference, "Listing Objects in a
//! Bucket (V2)"; S3, `ListObjectsV2`).

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::bucket::region_header;
use super::bucket_list::{names_on, write_page};
use super::listing::{Showing, Spelling, key_parameter, max_keys};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, Page, PageQuery};
use crate::wire::continuation;
use crate::wire::query::Query;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "ListObjectsV2",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("list-type")],
    action: Action::ListBucket,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[
        "prefix",
        "start-after",
        "continuation-token",
        "delimiter",
        "max-keys",
        "fetch-owner",
        "encoding-type",
    ],
    document: "obs_04_0160",
    run: |app, call| Box::pin(get(app, call)),
};

/// A listing as asked for.
struct Asked {
    page: PageQuery,
    start_after: String,
    /// As sent; it goes before `start_after`.
    token: Option<String>,
    with_owner: bool,
    spelling: Spelling,
}

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let asked = parse(call.head)?;
    let bucket = call.bucket()?;
    let read = app.store.read(|tx| {
        let page = tx.page(bucket.id, &asked.page)?;
        let names = asked.with_owner.then(|| names_on(tx, call, &page)).transpose()?;
        Ok::<_, Error>((page, names))
    });
    let (page, names) = read.await?;
    let showing = Showing::asked(call, names.as_ref())?;
    let (name, region) = region_header(dialect, &bucket.region)?;
    Ok(Reply::xml(render(app.namespace(dialect), bucket, &asked, showing, &page)).with(name, region))
}

fn parse(head: &Head) -> Result<Asked> {
    let query = &head.query;
    if query.get("list-type") != Some("2") {
        return Err(Code::InvalidArgument.because("list-type can only be 2."));
    }
    let start_after = key_parameter(query, "start-after")?;
    let token = query.get("continuation-token").map(str::to_owned);
    let marker = match token.as_deref() {
        None | Some("") => start_after.clone(),
        Some(token) => continuation::parse_token(token)?,
    };
    let page = PageQuery {
        prefix: key_parameter(query, "prefix")?,
        marker,
        delimiter: key_parameter(query, "delimiter")?,
        count_max: max_keys(query, head.dialect)?,
    };
    Ok(Asked { page, start_after, token, with_owner: fetch_owner(query)?, spelling: Spelling::parse(head)? })
}

fn fetch_owner(query: &Query) -> Result<bool> {
    match query.get("fetch-owner") {
        Some("true") => Ok(true),
        None | Some("" | "false") => Ok(false),
        Some(_) => Err(Code::InvalidArgument.because("fetch-owner can only be true or false.")),
    }
}

fn render(namespace: &str, bucket: &Bucket, asked: &Asked, showing: Showing<'_>, page: &Page) -> Bytes {
    let (spelling, query) = (asked.spelling, &asked.page);
    let mut xml = Writer::document("ListBucketResult", Some(namespace), Layout::Compact);
    xml.element("Name", bucket.name.as_str());
    spelling.element(&mut xml, "Prefix", &query.prefix);
    if !asked.start_after.is_empty() {
        spelling.element(&mut xml, "StartAfter", &asked.start_after);
    }
    if let Some(token) = &asked.token {
        xml.element("ContinuationToken", token);
    }
    if let Some(last) = page.rows.last().filter(|_| page.truncated) {
        xml.element("NextContinuationToken", &continuation::token(last.name()));
    }
    xml.number("KeyCount", page.rows.len() as u64).number("MaxKeys", query.count_max as u64);
    if !query.delimiter.is_empty() {
        spelling.element(&mut xml, "Delimiter", &query.delimiter);
    }
    spelling.announce(&mut xml);
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    write_page(&mut xml, spelling, showing, page);
    xml.finish()
}

//! `GET /bucket`: a page of the current objects (OBS reference, "Listing Objects in a Bucket").

use std::sync::Arc;

use hyper::Method;

use super::bucket::region_header;
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::{Bucket, Listed, Object, Page, PageQuery};
use crate::wire::dialect::Dialect;
use crate::wire::percent;
use crate::wire::query::Query;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "ListObjects",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[],
    action: Action::ListBucket,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["prefix", "marker", "delimiter", "max-keys", "encoding-type"],
    document: "obs_04_0022",
    run: |app, call| Box::pin(get(app, call)),
};

/// A listing as asked for.
struct Asked {
    page: PageQuery,
    url_encoded: bool,
}

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let asked = parse(call.head)?;
    let bucket = call.bucket()?;
    let page = app.store.read(|tx| tx.page(bucket.id, &asked.page)).await?;
    let (name, region) = region_header(call.head.dialect, &bucket.region)?;
    let document = render(app.namespace(call.head.dialect), call.head.dialect, bucket, &asked, &page);
    Ok(Reply::xml(document).with(name, region))
}

fn parse(head: &Head) -> Result<Asked> {
    let query = &head.query;
    let text = |name: &'static str| {
        let value = query.get(name).unwrap_or_default();
        let fits = value.len() <= limits::KEY_BYTES_MAX;
        if fits { Ok(value.to_owned()) } else { Err(Code::InvalidArgument.because(format!("{name} is too long."))) }
    };
    let url_encoded = match query.get("encoding-type") {
        None | Some("") => false,
        Some("url") => true,
        Some(_) => return Err(Code::InvalidArgument.because("encoding-type can only be url.")),
    };
    let page = PageQuery {
        prefix: text("prefix")?,
        marker: text("marker")?,
        delimiter: text("delimiter")?,
        count_max: parse_max_keys(query, head.dialect)?,
    };
    Ok(Asked { page, url_encoded })
}

/// 1 to 1000. OBS takes 1000 for anything outside; S3 takes 0 at its word.
pub(super) fn parse_max_keys(query: &Query, dialect: Dialect) -> Result<usize> {
    let text = query.get("max-keys").unwrap_or_default();
    if text.is_empty() {
        return Ok(limits::LIST_PAGE_COUNT_MAX);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::InvalidArgument.because("max-keys must be a number."));
    }
    let count = text.parse().unwrap_or(usize::MAX);
    match count {
        0 if dialect == Dialect::S3 => Ok(0),
        1..=limits::LIST_PAGE_COUNT_MAX => Ok(count),
        _ => Ok(limits::LIST_PAGE_COUNT_MAX),
    }
}

fn render(namespace: &str, dialect: Dialect, bucket: &Bucket, asked: &Asked, page: &Page) -> bytes::Bytes {
    let mut encoded = String::new();
    let mut text = |xml: &mut Writer, name: &'static str, value: &str| {
        if asked.url_encoded {
            encoded.clear();
            percent::encode_query(value.as_bytes(), &mut encoded);
            xml.element(name, &encoded);
        } else {
            xml.element(name, value);
        }
    };
    let mut xml = Writer::document("ListBucketResult", Some(namespace), Layout::Compact);
    xml.element("Name", bucket.name.as_str());
    text(&mut xml, "Prefix", &asked.page.prefix);
    text(&mut xml, "Marker", &asked.page.marker);
    // Always where the page is truncated: SDKs rely on it, also without a delimiter.
    if let Some(last) = page.rows.last().filter(|_| page.truncated) {
        text(&mut xml, "NextMarker", last.name());
    }
    xml.number("MaxKeys", asked.page.count_max as u64);
    if !asked.page.delimiter.is_empty() {
        text(&mut xml, "Delimiter", &asked.page.delimiter);
    }
    if asked.url_encoded {
        xml.element("EncodingType", "url");
    }
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    for row in &page.rows {
        if let Listed::Object(key, object) = row {
            xml.open("Contents");
            text(&mut xml, "Key", key);
            object_row(&mut xml, object, dialect);
            xml.close();
        }
    }
    for row in &page.rows {
        if let Listed::Prefix(prefix) = row {
            xml.open("CommonPrefixes");
            text(&mut xml, "Prefix", prefix);
            xml.close();
        }
    }
    xml.finish()
}

fn object_row(xml: &mut Writer, object: &Object, dialect: Dialect) {
    xml.element("LastModified", &iso_date(object.modified_millis));
    xml.element("ETag", &format!("\"{}\"", object.etag));
    xml.number("Size", object.size);
    let owner = object.owner.to_string();
    xml.open("Owner").element("ID", &owner);
    if !dialect.is_obs() {
        xml.element("DisplayName", &owner);
    }
    xml.close().element("StorageClass", "STANDARD");
}

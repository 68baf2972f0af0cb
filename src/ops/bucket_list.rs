//! `GET /bucket`: a page of the current objects (OBS reference, "Listing Objects in a Bucket").

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::bucket::region_header;
use super::listing::{Names, Showing, Spelling, key_parameter, max_keys, write_object};
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Error, Result};
use crate::meta::{Bucket, Listed, Page, PageQuery, Tx};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};

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

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let (query, dialect) = (&call.head.query, call.head.dialect);
    let asked = PageQuery {
        prefix: key_parameter(query, "prefix")?,
        marker: key_parameter(query, "marker")?,
        delimiter: key_parameter(query, "delimiter")?,
        count_max: max_keys(query, dialect)?,
    };
    let spelling = Spelling::parse(call.head)?;
    let bucket = call.bucket()?;
    let read = app.store.read(|tx| {
        let page = tx.page(bucket.id, &asked)?;
        let names = names_on(tx, call, &page)?;
        Ok::<_, Error>((page, names))
    });
    let (page, names) = read.await?;
    let (name, region) = region_header(dialect, &bucket.region)?;
    let showing = Showing::asked(call, Some(&names))?;
    let document = render(app.namespace(dialect), bucket, &asked, (spelling, showing), &page)?;
    Ok(Reply::xml(document).with(name, region))
}

fn render(
    namespace: &str,
    bucket: &Bucket,
    asked: &PageQuery,
    (spelling, showing): (Spelling, Showing<'_>),
    page: &Page,
) -> Result<Bytes> {
    let mut xml = Writer::document("ListBucketResult", Some(namespace), Layout::Compact);
    xml.element("Name", bucket.name.as_str());
    if showing.dialect == Dialect::S3 {
        // Its clients do not decode this one.
        xml.element("Prefix", &asked.prefix);
    } else {
        spelling.element(&mut xml, "Prefix", &asked.prefix);
    }
    spelling.element(&mut xml, "Marker", &asked.marker);
    // Always where the page is truncated: SDKs rely on it, also without a delimiter.
    if let Some(last) = page.rows.last().filter(|_| page.truncated) {
        spelling.next_marker(&mut xml, "NextMarker", last.name())?;
    }
    xml.number("MaxKeys", asked.count_max as u64);
    if !asked.delimiter.is_empty() {
        spelling.element(&mut xml, "Delimiter", &asked.delimiter);
    }
    spelling.announce(&mut xml);
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    write_page(&mut xml, spelling, showing, page);
    Ok(xml.finish())
}

/// The names of those who own something on a page.
pub(super) fn names_on(tx: &mut Tx<'_>, call: &Call<'_>, page: &Page) -> Result<Names> {
    let owners = page.rows.iter().filter_map(|row| match row {
        Listed::Object(_, object) => Some(object.owner),
        Listed::Prefix(_) => None,
    });
    Names::read(tx, call, owners)
}

/// Writes the objects of a page, and then its common prefixes.
pub(super) fn write_page(xml: &mut Writer, spelling: Spelling, showing: Showing<'_>, page: &Page) {
    for row in &page.rows {
        if let Listed::Object(key, object) = row {
            xml.open("Contents");
            spelling.element(xml, "Key", key);
            write_object(xml, showing, object);
            xml.close();
        }
    }
    let prefixes = page.rows.iter().filter_map(|row| match row {
        Listed::Prefix(prefix) => Some(prefix.as_str()),
        Listed::Object(..) => None,
    });
    spelling.prefixes(xml, prefixes);
}

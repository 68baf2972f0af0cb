//! `GET /bucket?versions`: a page of all versions, delete markers among them (OBS reference, "Listing Objects in a
//! Bucket").

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::bucket::region_header;
use super::listing::{Names, Showing, Spelling, key_parameter, max_keys, write_object, write_owner};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, Kept, ListedVersion, PageQuery, VersionId, VersionsPage, VersionsQuery};
use crate::name::AccountId;
use crate::wire::query::Query;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "ListObjectVersions",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("versions")],
    action: Action::ListBucketVersions,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["prefix", "key-marker", "version-id-marker", "delimiter", "max-keys", "encoding-type"],
    document: "obs_04_0022",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let dialect = call.head.dialect;
    let (asked, spelling) = (parse(call.head)?, Spelling::parse(call.head)?);
    let bucket = call.bucket()?;
    let read = app.store.read_frozen(|tx| {
        let page = tx.versions_page(bucket.id, &asked)?;
        let names = Names::read(tx, call, owners(&page))?;
        Ok::<_, Error>((page, names))
    });
    let (page, names) = read.await?;
    let showing = Showing::asked(call, Some(&names))?;
    let version_marker = version_marker(&call.head.query);
    let (name, region) = region_header(dialect, &bucket.region)?;
    let mut xml = Writer::document("ListVersionsResult", Some(app.namespace(dialect)), Layout::Compact);
    write_head(&mut xml, spelling, bucket, &asked, version_marker, &page)?;
    Ok(Reply::xml(write_rows(xml, spelling, (showing, &names), &page)).with(name, region))
}

fn owners(page: &VersionsPage) -> impl Iterator<Item = AccountId> {
    page.rows.iter().filter_map(|row| match row {
        ListedVersion::Version { kept: Kept::Object(object), .. } => Some(object.owner),
        ListedVersion::Version { kept: Kept::Marker(marker), .. } => Some(marker.owner),
        ListedVersion::Prefix(_) => None,
    })
}

fn version_marker(query: &Query) -> &str {
    query.get("version-id-marker").unwrap_or_default()
}

fn parse(head: &Head) -> Result<VersionsQuery> {
    let query = &head.query;
    let page = PageQuery {
        prefix: key_parameter(query, "prefix")?,
        marker: key_parameter(query, "key-marker")?,
        delimiter: key_parameter(query, "delimiter")?,
        count_max: max_keys(query, head.dialect)?,
    };
    let marker = version_marker(query);
    if !marker.is_empty() && page.marker.is_empty() {
        return Err(Code::InvalidArgument.because("version-id-marker goes with key-marker."));
    }
    // What no version was ever called says nothing (OBS reference).
    Ok(VersionsQuery { page, version_marker: VersionId::parse(marker) })
}

fn write_head(
    xml: &mut Writer,
    spelling: Spelling,
    bucket: &Bucket,
    asked: &VersionsQuery,
    version_marker: &str,
    page: &VersionsPage,
) -> Result<()> {
    xml.element("Name", bucket.name.as_str());
    spelling.element(xml, "Prefix", &asked.page.prefix);
    spelling.element(xml, "KeyMarker", &asked.page.marker);
    xml.element("VersionIdMarker", version_marker);
    match page.rows.last().filter(|_| page.truncated) {
        Some(ListedVersion::Version { key, kept, .. }) => {
            spelling.next_marker(xml, "NextKeyMarker", key)?;
            xml.element("NextVersionIdMarker", &kept.version().id().to_string());
        }
        Some(ListedVersion::Prefix(prefix)) => spelling.next_marker(xml, "NextKeyMarker", prefix)?,
        None => {}
    }
    xml.number("MaxKeys", asked.page.count_max as u64);
    if !asked.page.delimiter.is_empty() {
        spelling.element(xml, "Delimiter", &asked.page.delimiter);
    }
    spelling.announce(xml);
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    Ok(())
}

fn write_rows(
    mut xml: Writer,
    spelling: Spelling,
    (showing, names): (Showing<'_>, &Names),
    page: &VersionsPage,
) -> Bytes {
    for row in &page.rows {
        let ListedVersion::Version { key, kept, is_latest } = row else { continue };
        xml.open(if matches!(kept, Kept::Object(_)) { "Version" } else { "DeleteMarker" });
        spelling.element(&mut xml, "Key", key);
        xml.element("VersionId", &kept.version().id().to_string());
        xml.element("IsLatest", if *is_latest { "true" } else { "false" });
        match kept {
            Kept::Object(object) => write_object(&mut xml, showing, object),
            Kept::Marker(marker) => {
                xml.element("LastModified", &iso_date(marker.modified_millis));
                write_owner(&mut xml, showing.dialect, marker.owner, names);
            }
        }
        xml.close();
    }
    let prefixes = page.rows.iter().filter_map(|row| match row {
        ListedVersion::Prefix(prefix) => Some(prefix.as_str()),
        ListedVersion::Version { .. } => None,
    });
    spelling.prefixes(&mut xml, prefixes);
    xml.finish()
}

//! `GET /bucket?uploads` (OBS reference, "Listing Initiated Multipart Uploads in a Bucket"): a page of the unfinished
//! uploads, by key and then by age.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::listing::key_parameter;
use super::upload::{Names, Spelling, accounts, class_name, page_count, write_accounts, write_checksum};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::meta::{Bucket, ListedUpload, PageQuery, UploadId, UploadPage, UploadQuery};
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::query::Query;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "ListMultipartUploads",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("uploads")],
    action: Action::ListBucketMultipartUploads,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"],
    document: "obs_04_0097",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let (asked, spelling) = (parse(&call.head.query)?, Spelling::parse(call.head)?);
    let bucket = call.bucket()?;
    let dialect = call.head.dialect;
    let read = app.store.read(|tx| {
        let page = tx.upload_page(bucket.id, &asked)?;
        let uploads = page.rows.iter().filter_map(|row| match row {
            ListedUpload::Upload(_, _, upload) => Some(upload),
            ListedUpload::Prefix(_) => None,
        });
        let names = Names::read(tx, call, uploads.flat_map(|upload| accounts(upload)))?;
        Ok::<_, Error>((page, names))
    });
    let (page, names) = read.await?;
    Ok(Reply::xml(render(app.namespace(dialect), dialect, bucket, &asked, spelling, (&page, &names))?))
}

fn parse(query: &Query) -> Result<UploadQuery> {
    let page = PageQuery {
        prefix: key_parameter(query, "prefix")?,
        marker: key_parameter(query, "key-marker")?,
        delimiter: key_parameter(query, "delimiter")?,
        count_max: page_count(query, "max-uploads")?,
    };
    let id_marker = match query.get("upload-id-marker").unwrap_or_default() {
        // Without a key it says nothing (OBS reference).
        _ if page.marker.is_empty() => None,
        "" => None,
        text => {
            Some(UploadId::parse(text).ok_or_else(|| Code::InvalidArgument.because("upload-id-marker is no upload."))?)
        }
    };
    Ok(UploadQuery { page, id_marker })
}

fn render(
    namespace: &str,
    dialect: Dialect,
    bucket: &Bucket,
    asked: &UploadQuery,
    spelling: Spelling,
    (page, names): (&UploadPage, &Names),
) -> Result<Bytes> {
    let (next_key, next_id) = match page.rows.last().filter(|_| page.truncated) {
        Some(ListedUpload::Upload(key, id, _)) => (key.as_str(), id.to_string()),
        Some(ListedUpload::Prefix(prefix)) => (prefix.as_str(), String::new()),
        None => ("", String::new()),
    };
    let mut xml = Writer::document("ListMultipartUploadsResult", Some(namespace), Layout::Compact);
    xml.element("Bucket", bucket.name.as_str());
    spelling.element(&mut xml, "KeyMarker", &asked.page.marker);
    xml.element("UploadIdMarker", &asked.id_marker.map(|id| id.to_string()).unwrap_or_default());
    spelling.next_marker(&mut xml, "NextKeyMarker", next_key)?;
    xml.element("NextUploadIdMarker", &next_id);
    if !asked.page.delimiter.is_empty() {
        spelling.element(&mut xml, "Delimiter", &asked.page.delimiter);
    }
    spelling.element(&mut xml, "Prefix", &asked.page.prefix);
    xml.number("MaxUploads", asked.page.count_max as u64);
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    spelling.announce(&mut xml);
    for row in &page.rows {
        if let ListedUpload::Upload(key, id, upload) = row {
            xml.open("Upload");
            spelling.element(&mut xml, "Key", key);
            xml.element("UploadId", &id.to_string());
            write_accounts(&mut xml, dialect, upload, names);
            xml.element("StorageClass", class_name(dialect, upload.storage_class));
            xml.element("Initiated", &iso_date(upload.initiated_millis));
            write_checksum(&mut xml, dialect, upload);
            xml.close();
        }
    }
    let prefixes = page.rows.iter().filter_map(|row| match row {
        ListedUpload::Prefix(prefix) => Some(prefix.as_str()),
        ListedUpload::Upload(..) => None,
    });
    spelling.prefixes(&mut xml, prefixes);
    Ok(xml.finish())
}

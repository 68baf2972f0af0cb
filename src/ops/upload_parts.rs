//! `GET /bucket/key?uploadId` (OBS reference, "Listing Uploaded Parts"): the parts of an unfinished upload, by number.

use std::sync::Arc;

use hyper::Method;

use super::upload::{
    Names, Spelling, accounts, class_name, open, page_count, parse_marker, upload_id, write_accounts, write_checksum,
};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Error, Result};
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Reply, hex};

pub(super) static GET: Op = Op {
    name: "ListParts",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("uploadId")],
    action: Action::ListMultipartUploadParts,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["max-parts", "part-number-marker", "encoding-type"],
    document: "obs_04_0101",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let (id, query, dialect) = (upload_id(call)?, &call.head.query, call.head.dialect);
    let (spelling, count_max) = (Spelling::parse(call.head)?, page_count(query, "max-parts")?);
    let marker = parse_marker(query.get("part-number-marker").unwrap_or_default())?;
    // One state: an upload that ends between the two reads would seem to have no parts.
    let found = app.store.read_frozen(|tx| {
        let open = open(tx, call, id)?;
        let page = tx.part_page(&open, marker, count_max)?;
        let names = Names::read(tx, call, accounts(open.upload()).into_iter())?;
        Ok::<_, Error>((open, page, names))
    });
    let (open, page, names) = found.await?;
    let mut xml = Writer::document("ListPartsResult", Some(app.namespace(dialect)), Layout::Compact);
    spelling.announce(&mut xml);
    xml.element("Bucket", call.bucket()?.name.as_str());
    spelling.element(&mut xml, "Key", call.key()?.as_str());
    xml.element("UploadId", &id.to_string());
    write_accounts(&mut xml, dialect, open.upload(), &names);
    xml.element("StorageClass", class_name(dialect, open.upload().storage_class));
    xml.number("PartNumberMarker", marker.into());
    xml.number("NextPartNumberMarker", page.rows.last().map_or(0, |(number, _)| u64::from(*number)));
    xml.number("MaxParts", count_max as u64);
    xml.element("IsTruncated", if page.truncated { "true" } else { "false" });
    write_checksum(&mut xml, dialect, open.upload());
    for (number, part) in &page.rows {
        xml.open("Part").number("PartNumber", u64::from(*number));
        xml.element("LastModified", &iso_date(part.modified_millis));
        xml.element("ETag", &format!("\"{}\"", hex(&part.md5))).number("Size", part.size);
        if let Some(checksum) = part.checksum.as_ref().filter(|_| !dialect.is_obs()) {
            xml.element(checksum.algorithm.element(), &checksum.to_string());
        }
        xml.close();
    }
    Ok(Reply::xml(xml.finish()))
}

//! `GET /bucket/key?attributes` (S3 reference, `GetObjectAttributes`): what is known of an object without its bytes, as
//! far as it is asked for, and the parts it was uploaded in. OBS has no such resource; in its words the answer is the same.

use std::sync::Arc;

use hyper::Method;
use hyper::header::LAST_MODIFIED;

use super::checksum;
use super::listing::class_name;
use super::object_get::{find_in, refuse_encryption};
use super::object_reply::header_value;
use super::object_tagging::about;
use super::upload::{parse_marker, parse_page_count};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::{self, Action};
use crate::app::App;
use crate::checksum::Checksum;
use crate::clock::http_date;
use crate::error::{Code, Error, Result};
use crate::meta::{DonePart, Object};
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "GetObjectAttributes",
    verb: Method::GET,
    scope: Scope::Object,
    picks: &[Pick::Query("attributes")],
    action: Action::GetObjectAttributes,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "S3 reference",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    refuse_encryption(call.head)?;
    let asked = Asked::parse(call.head)?;
    // A list of parts changes in place.
    let found = app.store.read_frozen(|tx| {
        let object = find_in(tx, call)?;
        // What is told here could be told from the bytes: who may not read those may not learn it either.
        let (bucket, key, action) = (call.bucket_in(tx)?, call.key()?, Action::GetObject);
        let permit = access::may(tx, &app.policies, &call.caller, call.context, action, &bucket, key)?;
        permit.check_object(&object)?;
        let parts = if asked.has(Attribute::Parts) { tx.parts_of(&object)? } else { None };
        Ok::<_, Error>((object, parts))
    });
    let (object, parts) = found.await?;
    let dialect = call.head.dialect;
    let mut xml = Writer::document("GetObjectAttributesResponse", Some(app.namespace(dialect)), Layout::Compact);
    if asked.has(Attribute::Etag) {
        xml.element("ETag", &object.etag);
    }
    let checksum = object.state.as_ref().and_then(|state| state.checksum.as_ref());
    if let Some(checksum) = checksum.filter(|_| asked.has(Attribute::Checksum)) {
        xml.open("Checksum");
        checksum::write(&mut xml, checksum);
        xml.close();
    }
    if let Some(parts) = parts {
        asked.write_parts(&mut xml, &object, &parts);
    }
    if asked.has(Attribute::StorageClass) {
        xml.element("StorageClass", class_name(dialect, object.storage_class));
    }
    if asked.has(Attribute::Size) {
        xml.number("ObjectSize", object.size);
    }
    let modified = header_value(&http_date(object.modified_millis))?;
    about(Reply::xml(xml.finish()).with(LAST_MODIFIED, modified), call, &object)
}

/// Something that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Etag,
    Checksum,
    Parts,
    StorageClass,
    Size,
}

const ATTRIBUTES: [(&str, Attribute); 5] = [
    ("ETag", Attribute::Etag),
    ("Checksum", Attribute::Checksum),
    ("ObjectParts", Attribute::Parts),
    ("StorageClass", Attribute::StorageClass),
    ("ObjectSize", Attribute::Size),
];

/// What is asked for, and which page of the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    attributes: Vec<Attribute>,
    part_count_max: usize,
    marker: u16,
}

impl Asked {
    /// Reads `x-amz-object-attributes`, in one header or several; 400 `InvalidArgument` where it is missing or names what
    /// is no attribute.
    fn parse(head: &Head) -> Result<Self> {
        let named = head.own_all().filter(|(tail, _)| tail.eq_ignore_ascii_case("object-attributes"));
        let mut attributes = Vec::new();
        for name in named.flat_map(|(_, names)| names.split(',')).map(str::trim) {
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == name);
            let unknown = || Code::InvalidArgument.because(format!("{name:?} is no attribute of an object."));
            attributes.push(known.ok_or_else(unknown)?.1);
        }
        if attributes.is_empty() {
            return Err(Code::InvalidArgument.because("The request names no attributes of the object."));
        }
        let marker = parse_marker(head.own("part-number-marker").unwrap_or_default())?;
        Ok(Self { attributes, part_count_max: parse_page_count(head.own("max-parts"), "max-parts")?, marker })
    }

    fn has(&self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }

    /// Writes a page of the parts of an object.
    fn write_parts(&self, xml: &mut Writer, object: &Object, parts: &[DonePart]) {
        let algorithm = object.state.as_ref().and_then(|state| Some(state.checksum.as_ref()?.algorithm));
        let after = parts.iter().filter(|part| part.number > self.marker);
        let page: Vec<&DonePart> = after.clone().take(self.part_count_max).collect();
        xml.open("ObjectParts").number("PartsCount", parts.len() as u64);
        xml.number("PartNumberMarker", self.marker.into());
        xml.number("NextPartNumberMarker", page.last().map_or(0, |last| last.number.into()));
        xml.number("MaxParts", self.part_count_max as u64);
        xml.element("IsTruncated", if after.count() > page.len() { "true" } else { "false" });
        for part in page {
            xml.open("Part").number("PartNumber", part.number.into()).number("Size", part.length);
            if let Some(algorithm) = algorithm.filter(|_| !part.digest.is_empty()) {
                let checksum = Checksum::of_bytes(algorithm, part.digest.clone());
                xml.element(algorithm.element(), &checksum.to_string());
            }
            xml.close();
        }
        xml.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    #[test]
    fn attributes_are_named_in_headers() {
        fn check(lines: &[(&str, &str)], expected: std::result::Result<(&[Attribute], usize, u16), Code>) {
            let request = hyper::Request::get("/photos/k?attributes").header("host", "localhost");
            let request = request.header("authorization", "AWS a:b");
            let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
            let asked = Asked::parse(&head).map_err(|error| error.code());
            let found = asked.as_ref().map(|asked| (asked.attributes.as_slice(), asked.part_count_max, asked.marker));
            assert_eq!(found.map_err(|code| *code), expected, "{lines:?}");
        }
        const NAME: &str = "x-amz-object-attributes";
        check(&[(NAME, "ETag")], Ok((&[Attribute::Etag], 1000, 0)));
        check(&[(NAME, "ObjectSize, ObjectParts")], Ok((&[Attribute::Size, Attribute::Parts], 1000, 0)));
        check(&[(NAME, "ETag"), (NAME, "Checksum")], Ok((&[Attribute::Etag, Attribute::Checksum], 1000, 0)));
        check(&[(NAME, "ETag"), ("x-amz-max-parts", "7")], Ok((&[Attribute::Etag], 7, 0)));
        check(&[(NAME, "ETag"), ("x-amz-max-parts", "9999")], Ok((&[Attribute::Etag], 1000, 0)));
        check(&[(NAME, "ETag"), ("x-amz-part-number-marker", "3")], Ok((&[Attribute::Etag], 1000, 3)));
        check(&[(NAME, "ETag"), ("x-amz-part-number-marker", "99999")], Ok((&[Attribute::Etag], 1000, u16::MAX)));
        for bad in ["", "etag", "ETag,", "ETag,Owner"] {
            check(&[(NAME, bad)], Err(Code::InvalidArgument));
        }
        check(&[], Err(Code::InvalidArgument));
        check(&[(NAME, "ETag"), ("x-amz-max-parts", "many")], Err(Code::InvalidArgument));
        check(&[(NAME, "ETag"), ("x-amz-part-number-marker", "-1")], Err(Code::InvalidArgument));
    }
}

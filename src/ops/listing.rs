//! What listings share: the parameters that every one of them has, and how their documents write keys, owners, classes
//! and objects. Not here: what a page has on it, which is `meta`'s to find.

use super::checksum;
use crate::clock::iso_date;
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::Object;
use crate::name::AccountId;
use crate::storage_class::StorageClass;
use crate::wire::dialect::Dialect;
use crate::wire::percent;
use crate::wire::query::Query;
use crate::wire::xml::Writer;

/// A parameter that is a key, or part of one; empty where it is missing. A longer one than any key is 400
/// `InvalidArgument`.
pub(super) fn key_parameter(query: &Query, name: &'static str) -> Result<String> {
    let value = query.get(name).unwrap_or_default();
    let fits = value.len() <= limits::KEY_BYTES_MAX;
    if fits { Ok(value.to_owned()) } else { Err(Code::InvalidArgument.because(format!("{name} is too long."))) }
}

/// `max-keys`: 1 to 1000. OBS takes 1000 for anything outside; S3 takes 0 at its word and nothing below it. What is no
/// number is 400 `InvalidArgument`.
pub(super) fn max_keys(query: &Query, dialect: Dialect) -> Result<usize> {
    let text = query.get("max-keys").unwrap_or_default();
    if text.is_empty() {
        return Ok(limits::LIST_PAGE_COUNT_MAX);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::InvalidArgument.because("max-keys must be a number."));
    }
    if dialect == Dialect::S3 && digits != text {
        return Err(Code::InvalidArgument.because("max-keys must not be negative."));
    }
    let count = text.parse().unwrap_or(usize::MAX);
    match count {
        0 if dialect == Dialect::S3 => Ok(0),
        1..=limits::LIST_PAGE_COUNT_MAX => Ok(count),
        _ => Ok(limits::LIST_PAGE_COUNT_MAX),
    }
}

/// How a document spells keys: as they are, or with `encoding-type=url` percent-encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    pub(super) is_encoded: bool,
}

impl Spelling {
    /// What the query asks for; anything but `url` is 400 `InvalidArgument`.
    pub(super) fn parse(query: &Query) -> Result<Self> {
        match query.get("encoding-type") {
            None | Some("") => Ok(Self { is_encoded: false }),
            Some("url") => Ok(Self { is_encoded: true }),
            Some(_) => Err(Code::InvalidArgument.because("encoding-type can only be url.")),
        }
    }

    /// Writes an element that holds a key, or part of one.
    pub(super) fn element(self, xml: &mut Writer, name: &'static str, text: &str) {
        if self.is_encoded {
            let mut encoded = String::with_capacity(text.len());
            percent::encode_query(text.as_bytes(), &mut encoded);
            xml.element(name, &encoded);
        } else {
            xml.element(name, text);
        }
    }

    /// Writes `EncodingType`, where it was asked for.
    pub(super) fn announce(self, xml: &mut Writer) {
        if self.is_encoded {
            xml.element("EncodingType", "url");
        }
    }

    /// Writes an element `CommonPrefixes` for each.
    pub(super) fn prefixes<'p>(self, xml: &mut Writer, prefixes: impl Iterator<Item = &'p str>) {
        for prefix in prefixes {
            xml.open("CommonPrefixes");
            self.element(xml, "Prefix", prefix);
            xml.close();
        }
    }
}

/// Writes what a listing shows of an object beside its name.
pub(super) fn write_object(xml: &mut Writer, dialect: Dialect, object: &Object, with_owner: bool) {
    xml.element("LastModified", &iso_date(object.modified_millis));
    xml.element("ETag", &format!("\"{}\"", object.etag));
    let checksum = object.state.as_ref().and_then(|state| state.checksum.as_ref());
    if let Some(checksum) = checksum.filter(|_| !dialect.is_obs()) {
        checksum::write_algorithm(xml, checksum.algorithm, checksum.is_composite());
    }
    xml.number("Size", object.size);
    if with_owner {
        write_owner(xml, dialect, object.owner);
    }
    xml.element("StorageClass", class_name(dialect, object.storage_class));
    if object.state.as_ref().is_some_and(|state| state.append_count.is_some()) {
        // As the SDKs compare it; the reference prints capitals.
        xml.element("Type", "Appendable");
    }
}

/// Writes `Owner`; nobody with a signature is all zeros.
pub(super) fn write_owner(xml: &mut Writer, dialect: Dialect, owner: AccountId) {
    let id = owner.to_string();
    xml.open("Owner").element("ID", &id);
    if !dialect.is_obs() {
        xml.element("DisplayName", &id);
    }
    xml.close();
}

/// The name of a storage class.
pub(super) fn class_name(dialect: Dialect, class: StorageClass) -> &'static str {
    if dialect.is_obs() { class.obs_name() } else { class.s3_name() }
}

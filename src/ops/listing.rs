//! What listings share: the parameters that every one of them has, and how their documents write keys, owners, classes
//! and objects. Not here: what a page has on it, which is `meta`'s to find.

use std::collections::{BTreeMap, btree_map};

use super::{Call, checksum};
use crate::clock::{UnixMillis, iso_date};
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::{Object, Tx};
use crate::name::AccountId;
use crate::storage_class::StorageClass;
use crate::wire::Head;
use crate::wire::dialect::Dialect;
use crate::wire::percent;
use crate::wire::query::Query;
use crate::wire::xml::{self, Writer};

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
    /// Whether slashes stay what they are, as S3's clients and suites have it.
    keeps_slashes: bool,
}

impl Spelling {
    /// What the query asks for; anything but `url` is 400 `InvalidArgument`.
    pub(super) fn parse(head: &Head) -> Result<Self> {
        let keeps_slashes = head.dialect == Dialect::S3;
        match head.query.get("encoding-type") {
            None | Some("") => Ok(Self { is_encoded: false, keeps_slashes }),
            Some("url") => Ok(Self { is_encoded: true, keeps_slashes }),
            Some(_) => Err(Code::InvalidArgument.because("encoding-type can only be url.")),
        }
    }

    /// Writes an element that holds a key, or part of one.
    pub(super) fn element(self, xml: &mut Writer, name: &'static str, text: &str) {
        if self.is_encoded {
            let mut encoded = String::with_capacity(text.len());
            for (index, part) in text.split(|character| self.keeps_slashes && character == '/').enumerate() {
                if index > 0 {
                    encoded.push('/');
                }
                percent::encode_query(part.as_bytes(), &mut encoded);
            }
            xml.element(name, &encoded);
        } else {
            xml.element(name, text);
        }
    }

    /// Writes the name after which the next page begins. One that XML cannot write would come back as another, and pages
    /// would leave out keys or never end: 400 `InvalidArgument` unless names are encoded.
    pub(super) fn next_marker(self, xml: &mut Writer, name: &'static str, text: &str) -> Result<()> {
        if !self.is_encoded && !xml::is_writable(text) {
            let message = "The page ends with a name that XML cannot hold; ask for encoding-type=url.";
            return Err(Code::InvalidArgument.because(message));
        }
        self.element(xml, name, text);
        Ok(())
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

/// How a listing shows objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Showing<'n> {
    /// In whose words.
    pub(super) dialect: Dialect,
    /// Owners are shown where there are names for them.
    pub(super) names: Option<&'n Names>,
    /// Restores are shown, as they are then, where they were asked for.
    pub(super) restores_at: Option<UnixMillis>,
}

impl<'n> Showing<'n> {
    /// What a request asks to be shown beside the usual (S3 reference, `x-amz-optional-object-attributes`): restores, or
    /// nothing. Anything else is 400 `InvalidArgument`.
    pub(super) fn asked(call: &Call<'_>, names: Option<&'n Names>) -> Result<Self> {
        let mut showing = Self { dialect: call.head.dialect, names, restores_at: None };
        if showing.dialect.is_obs() {
            return Ok(showing);
        }
        for name in call.head.own("optional-object-attributes").unwrap_or_default().split(',').map(str::trim) {
            match name {
                "" => {}
                "RestoreStatus" => showing.restores_at = Some(call.now),
                _ => return Err(Code::InvalidArgument.because("The one optional attribute is RestoreStatus.")),
            }
        }
        Ok(showing)
    }
}

/// Writes what a listing shows of an object beside its name.
pub(super) fn write_object(xml: &mut Writer, showing: Showing<'_>, object: &Object) {
    let Showing { dialect, names, restores_at } = showing;
    xml.element("LastModified", &iso_date(object.modified_millis));
    xml.element("ETag", &format!("\"{}\"", object.etag));
    let checksum = object.state.as_ref().and_then(|state| state.checksum.as_ref());
    if let Some(checksum) = checksum.filter(|_| !dialect.is_obs()) {
        checksum::write_algorithm(xml, checksum.algorithm, checksum.is_composite());
    }
    xml.number("Size", object.size);
    if let Some(names) = names {
        write_owner(xml, dialect, object.owner, names);
    }
    xml.element("StorageClass", class_name(dialect, object.storage_class));
    if object.state.as_ref().is_some_and(|state| state.append_count.is_some()) {
        // As the SDKs compare it; the reference prints capitals.
        xml.element("Type", "Appendable");
    }
    if let Some(now) = restores_at {
        write_restore(xml, object, now);
    }
}

/// Writes `RestoreStatus` of an archived object that is being restored, or was and still is.
fn write_restore(xml: &mut Writer, object: &Object, now: UnixMillis) {
    let restore = object.state.as_ref().and_then(|state| state.restore);
    let Some(restore) = restore.filter(|restore| object.storage_class.is_archive() && now < restore.expires_millis)
    else {
        return;
    };
    let is_ready = now >= restore.ready_millis;
    xml.open("RestoreStatus").element("IsRestoreInProgress", if is_ready { "false" } else { "true" });
    if is_ready {
        xml.element("RestoreExpiryDate", &iso_date(restore.expires_millis));
    }
    xml.close();
}

/// The accounts that a document shows: their names, which S3's documents have beside their ids, and whose things are.
#[derive(Debug, Default)]
pub(super) struct Names {
    of: BTreeMap<AccountId, String>,
    /// The bucket's owner, where whatever is in the bucket is theirs.
    owner_of_all: Option<AccountId>,
}

impl Names {
    /// Reads the names of the accounts that the document answering `call` shows: none in OBS's words.
    pub(super) fn read(tx: &mut Tx<'_>, call: &Call<'_>, ids: impl Iterator<Item = AccountId>) -> Result<Self> {
        let owner_of_all = if call.permit.controls().disable_acls() { Some(call.bucket()?.owner) } else { None };
        let mut of = BTreeMap::new();
        for id in ids.chain(owner_of_all).filter(|_| !call.head.dialect.is_obs()) {
            if let btree_map::Entry::Vacant(entry) = of.entry(id) {
                // One that went, or never was, goes by its id.
                let account = tx.account(id)?;
                entry.insert(account.map_or_else(|| id.to_string(), |account| account.name));
            }
        }
        Ok(Self { of, owner_of_all })
    }

    /// Writes `ID`, and `DisplayName` in S3's words.
    pub(super) fn write(&self, xml: &mut Writer, dialect: Dialect, id: AccountId) {
        let text = id.to_string();
        xml.element("ID", &text);
        if !dialect.is_obs() {
            xml.element("DisplayName", self.of.get(&id).unwrap_or(&text));
        }
    }
}

/// Writes `Owner`; nobody with a signature is all zeros.
pub(super) fn write_owner(xml: &mut Writer, dialect: Dialect, owner: AccountId, names: &Names) {
    xml.open("Owner");
    names.write(xml, dialect, names.owner_of_all.unwrap_or(owner));
    xml.close();
}

/// The name of a storage class.
pub(super) fn class_name(dialect: Dialect, class: StorageClass) -> &'static str {
    if dialect.is_obs() { class.obs_name() } else { class.s3_name() }
}

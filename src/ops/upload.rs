//! What the operations of multipart uploads share: the upload a request names, whose it is, and how their documents spell
//! keys, accounts and classes.

use super::listing::write_owner;
pub(super) use super::listing::{Names, Spelling, class_name};
use super::{Call, checksum, draft};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{OpenUpload, Tx, Upload, UploadId};
use crate::name::AccountId;
use crate::wire::Head;
use crate::wire::dialect::Dialect;
use crate::wire::query::Query;
use crate::wire::xml::Writer;

/// The upload that a request names; what no upload was ever called is 404 `NoSuchUpload`.
pub(super) fn upload_id(call: &Call<'_>) -> Result<UploadId> {
    call.head.query.get("uploadId").and_then(UploadId::parse).ok_or_else(|| no_such_upload(call))
}

/// There is no such upload to that key, or no more.
pub(super) fn no_such_upload(call: &Call<'_>) -> Error {
    Code::NoSuchUpload.on(call.head.target.resource())
}

/// The upload `id` to the request's key, for a transaction that relies on its being unfinished; 404 `NoSuchUpload`.
pub(super) fn open(tx: &mut Tx<'_>, call: &Call<'_>, id: UploadId) -> Result<OpenUpload> {
    tx.open_upload(call.bucket()?.id, call.key()?, id)?.ok_or_else(|| no_such_upload(call))
}

/// 403 `AccessDenied` unless the caller began the upload. In S3 words the permission is enough
/// (`docs/decisions/0018-whose-an-upload-is.md`).
pub(super) fn check_initiator(call: &Call<'_>, upload: &Upload) -> Result<()> {
    if upload.is_s3 || upload.initiator == call.caller.owner() {
        return Ok(());
    }
    Err(Code::AccessDenied.because("The upload belongs to the account that initiated it."))
}

/// What is said of an object where its upload begins, and nowhere else: the start of each header's name (tails).
const OF_THE_OBJECT: [&str; 8] = [
    "acl",
    "grant-",
    "storage-class",
    "tagging",
    "website-redirect-location",
    "expires",
    "persistent-headers",
    "object-lock-",
];

/// Refuses with 400 `InvalidRequest` headers that come too late, and with 501 those of features that are not there.
pub(super) fn refuse_late(head: &Head) -> Result<()> {
    draft::refuse_unsupported(head)?;
    let prefix = head.dialect.header_prefix();
    let tails = head.headers.keys().filter_map(|name| name.as_str().strip_prefix(prefix));
    match tails.into_iter().find(|tail| OF_THE_OBJECT.iter().any(|start| tail.starts_with(start))) {
        Some(tail) => {
            let message = format!("The header {prefix}{tail} belongs to the request that initiates the upload.");
            Err(Code::InvalidRequest.because(message))
        }
        None => Ok(()),
    }
}

/// The number of a part: 1 to 10,000, else 400 `InvalidArgument`.
pub(super) fn part_number(head: &Head) -> Result<u16> {
    let number = parse_number(head.query.get("partNumber").unwrap_or_default());
    let number = number.and_then(|number| u16::try_from(number).ok());
    number.filter(|number| (1..=limits::PART_NUMBER_MAX).contains(number)).ok_or_else(|| {
        let largest = limits::PART_NUMBER_MAX;
        Code::InvalidArgument.because(format!("partNumber must be a number from 1 to {largest}."))
    })
}

/// Digits only, and no more than fit.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Rows of a page, from 1 to 1000. More and 0 are 1000; what is no such number is 400 `InvalidArgument`.
pub(super) fn page_count(query: &Query, name: &'static str) -> Result<usize> {
    parse_page_count(query.get(name), name)
}

/// The same of the value of the parameter, or header, called `name`.
pub(super) fn parse_page_count(text: Option<&str>, name: &'static str) -> Result<usize> {
    let text = text.unwrap_or_default();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::InvalidArgument.because(format!("{name} must be a number of at least 0.")));
    }
    match text.parse() {
        Ok(count @ 1..=limits::LIST_PAGE_COUNT_MAX) => Ok(count),
        _ => Ok(limits::LIST_PAGE_COUNT_MAX),
    }
}

/// The accounts that [`write_accounts`] shows.
pub(super) fn accounts(upload: &Upload) -> [AccountId; 2] {
    [upload.initiator, upload.owner]
}

/// The number of the part after which a page begins. One beyond all numbers has none after it; what is no number is 400
/// `InvalidArgument`.
pub(super) fn parse_marker(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = parse_number(text).filter(|number| i32::try_from(*number).is_ok());
    let number = number.ok_or_else(|| Code::InvalidArgument.because("part-number-marker must be a number."))?;
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

/// Writes `Initiator` and `Owner`. In OBS words an initiator is a user of an account; here an account is its own user.
pub(super) fn write_accounts(xml: &mut Writer, dialect: Dialect, upload: &Upload, names: &Names) {
    xml.open("Initiator");
    if dialect.is_obs() {
        let initiator = upload.initiator;
        xml.element("ID", &format!("domainID/{initiator}:userID/{initiator}"));
    } else {
        names.write(xml, dialect, upload.initiator);
    }
    xml.close();
    write_owner(xml, dialect, upload.owner, names);
}

/// Writes which checksum the object is to have, where that was said.
pub(super) fn write_checksum(xml: &mut Writer, dialect: Dialect, upload: &Upload) {
    if let Some((algorithm, is_composite)) = upload.checksum.filter(|_| !dialect.is_obs()) {
        checksum::write_algorithm(xml, algorithm, is_composite);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_from_1_to_1000_rows() {
        let check = |query: &str, expected: std::result::Result<usize, Code>| {
            let query = Query::parse(Some(query)).unwrap();
            assert_eq!(page_count(&query, "max-parts").map_err(|error| error.code()), expected, "{query:?}");
        };
        check("", Ok(1000));
        check("max-parts", Ok(1000));
        check("max-parts=1", Ok(1));
        check("max-parts=1000", Ok(1000));
        check("max-parts=0", Ok(1000));
        check("max-parts=1001", Ok(1000));
        check("max-parts=99999999999999999999999", Ok(1000));
        check("max-parts=-1", Err(Code::InvalidArgument));
        check("max-parts=%2B1", Err(Code::InvalidArgument));
        check("max-parts=many", Err(Code::InvalidArgument));
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(parse_number("0"), Some(0));
        assert_eq!(parse_number("10000"), Some(10_000));
        for bad in ["", "+1", "-1", " 1", "1.0", "0x1", "99999999999999999999999"] {
            assert_eq!(parse_number(bad), None, "{bad}");
        }
    }
}

//! S3's checksums in requests and answers: which one a request chooses, sends or asks to see, and how headers and documents
//! show it. What is announced of a body is `announced`'s business, what an upload's parts make `upload_checksum`'s.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::checksum::{Checksum, ChecksumAlgorithm, kind_name};
use crate::error::{Code, Error, Result};
use crate::wire::Head;
use crate::wire::dialect::Dialect;
use crate::wire::xml::Writer;

/// What headers of checksums begin with.
const PREFIX: &str = "x-amz-checksum-";
/// What may follow that and is no algorithm.
const OTHER_TAILS: [&str; 4] = ["algorithm", "crc64ecma", "mode", "type"];
/// What the AWS SDK for JavaScript puts into every URL it signs for a `PUT`: the digest of the body it does not have at that
/// time. AWS does not look at digests in URLs; here all but this one are held to.
const EMPTY: (&str, &[u8]) = ("x-amz-checksum-crc32", b"AAAAAA==");
/// Algorithms that clients know and this server does not.
const NOT_IMPLEMENTED: [&str; 5] = ["md5", "sha512", "xxhash3", "xxhash64", "xxhash128"];

/// The algorithm of a name; 501 for one that is not there, 400 `InvalidRequest` for what is none.
pub(super) fn algorithm(name: &str) -> Result<ChecksumAlgorithm> {
    if let Some(algorithm) = ChecksumAlgorithm::parse(name) {
        return Ok(algorithm);
    }
    if NOT_IMPLEMENTED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(Code::ServiceNotImplemented.because(format!("The checksum {name} is not implemented.")));
    }
    let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ");
    Err(Code::InvalidRequest.because(format!("{name} is no checksum algorithm. There are {known}.")))
}

/// The digests that headers, and parameters of a signed URL, bring, as they were sent.
pub(super) fn values(head: &Head) -> Result<Vec<(ChecksumAlgorithm, &[u8])>> {
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let parameters = head.query.iter().map(|(name, value)| (name, value.unwrap_or_default().as_bytes()));
    let parameters = parameters.filter(|(name, value)| !(name.eq_ignore_ascii_case(EMPTY.0) && *value == EMPTY.1));
    let mut values = Vec::new();
    for (name, value) in headers.chain(parameters) {
        let tail = name.get(..PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(PREFIX));
        let Some(tail) = tail.map(|_| &name[PREFIX.len()..]) else { continue };
        if !OTHER_TAILS.iter().any(|other| other.eq_ignore_ascii_case(tail)) {
            values.push((algorithm(tail)?, value));
        }
    }
    Ok(values)
}

/// Refuses with 501, in S3's words, a digest of bytes that the request does not bring: nothing would be held to it.
pub(super) fn refuse_values(head: &Head) -> Result<()> {
    if head.dialect != Dialect::S3 {
        return Ok(());
    }
    match values(head)?.first() {
        Some((algorithm, _)) => {
            Err(Code::ServiceNotImplemented
                .because(format!("The header {} is not implemented here.", algorithm.header())))
        }
        None => Ok(()),
    }
}

/// Whether a request brings a digest of its body, now or behind it.
pub(super) fn is_sent(head: &Head) -> bool {
    let is_value = |name: &HeaderName| {
        name.as_str().strip_prefix(PREFIX).is_some_and(|tail| ChecksumAlgorithm::parse(tail).is_some())
    };
    !head.dialect.is_obs() && (head.headers.keys().any(is_value) || head.own("trailer").is_some())
}

/// The algorithm that a request announces whose digest is not there. Without one it is 400 `InvalidRequest`; only where a
/// signed URL names it, or by `x-amz-checksum-algorithm`, it asks to be computed.
pub(super) fn announced_algorithm(head: &Head) -> Result<Option<ChecksumAlgorithm>> {
    if let Some(name) = head.header("x-amz-sdk-checksum-algorithm") {
        algorithm(name)?;
        let message = format!("x-amz-sdk-checksum-algorithm announces {name}, and no header or trailer brings it.");
        return Err(Code::InvalidRequest.because(message));
    }
    head.own("checksum-algorithm").or_else(|| head.own("sdk-checksum-algorithm")).map(algorithm).transpose()
}

/// The algorithm a request asks to be computed with `x-amz-checksum-algorithm`.
pub(super) fn chosen_algorithm(head: &Head) -> Result<Option<ChecksumAlgorithm>> {
    let chosen = head.own("checksum-algorithm").filter(|_| !head.dialect.is_obs());
    chosen.map(algorithm).transpose()
}

/// Whether a checksum is to be one of its parts' (`x-amz-checksum-type`); 400 `InvalidRequest` for what is no type.
pub(super) fn chosen_kind(head: &Head) -> Result<Option<bool>> {
    match head.own("checksum-type").filter(|_| !head.dialect.is_obs()) {
        None => Ok(None),
        Some(kind) if kind == kind_name(false) => Ok(Some(false)),
        Some(kind) if kind == kind_name(true) => Ok(Some(true)),
        Some(_) => Err(Code::InvalidRequest.because("The checksum type can only be FULL_OBJECT or COMPOSITE.")),
    }
}

/// The algorithm by which a part gets its checksum that comes without one: the upload's where it has one. S3 has one of
/// everything (`docs/decisions/0029`).
pub(super) fn of_part(dialect: Dialect, of_upload: Option<ChecksumAlgorithm>) -> Option<ChecksumAlgorithm> {
    of_upload.or(by_default(dialect))
}

/// The algorithm by which bytes get a checksum that nobody asked for.
pub(super) fn by_default(dialect: Dialect) -> Option<ChecksumAlgorithm> {
    (dialect == Dialect::S3).then_some(ChecksumAlgorithm::Crc64Nvme)
}

/// Whether a reader asks to see the checksum.
pub(super) fn is_shown(head: &Head) -> bool {
    !head.dialect.is_obs() && head.own("checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"))
}

/// Puts a checksum into headers, with its type where it is an object's.
pub(super) fn tell(checksum: &Checksum, with_kind: bool, headers: &mut HeaderMap) -> Result<()> {
    let value = HeaderValue::try_from(checksum.to_string()).map_err(Error::internal)?;
    headers.insert(HeaderName::from_static(checksum.algorithm.header()), value);
    if with_kind {
        tell_kind(checksum.is_composite(), headers);
    }
    Ok(())
}

/// Puts the type of a checksum into headers.
pub(super) fn tell_kind(is_composite: bool, headers: &mut HeaderMap) {
    let name = HeaderName::from_static("x-amz-checksum-type");
    headers.insert(name, HeaderValue::from_static(kind_name(is_composite)));
}

/// Writes an object's checksum and its type.
pub(super) fn write(xml: &mut Writer, checksum: &Checksum) {
    xml.element(checksum.algorithm.element(), &checksum.to_string());
    xml.element("ChecksumType", checksum.kind());
}

/// Writes by which algorithm, and of which type, a checksum is.
pub(super) fn write_algorithm(xml: &mut Writer, algorithm: ChecksumAlgorithm, is_composite: bool) {
    xml.element("ChecksumAlgorithm", algorithm.name()).element("ChecksumType", kind_name(is_composite));
}

//! `GET` and `HEAD /bucket/key?partNumber`: one part of an object, as it was uploaded (S3 reference). An object that no
//! upload made is its own first part. Not here: the answer around it, which is `object_get`'s.

use std::ops::Range;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, RANGE};

use super::checksum;
use super::upload::part_number;
use crate::checksum::Checksum;
use crate::error::{Code, Result};
use crate::meta::{DonePart, Object, Tx};
use crate::wire::Head;

/// The part that a request asks for, if it asks for one. 400 `InvalidArgument` for what is no number of a part,
/// `InvalidRequest` together with a range.
pub(super) fn asked(head: &Head) -> Result<Option<u16>> {
    if !head.query.has("partNumber") {
        return Ok(None);
    }
    if head.headers.contains_key(RANGE) {
        return Err(Code::InvalidRequest.because("A range and a part cannot be asked for at once."));
    }
    part_number(head).map(Some)
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it lies in the object.
    pub(super) span: Range<u64>,
    /// How many parts there are, of an object that an upload made.
    count: Option<usize>,
    /// Its checksum, where there is one.
    checksum: Option<Checksum>,
    /// Whether that of the whole object is one of its parts'.
    is_composite: bool,
}

/// The part of that number; 400 `InvalidPart` where there is none (ceph/s3-tests; AWS has another code).
pub(super) fn find(tx: &mut Tx<'_>, object: &Object, number: u16) -> Result<Part> {
    let parts = tx.parts_of(object)?;
    let whole = object.state.as_ref().and_then(|state| state.checksum.as_ref());
    let part = match &parts {
        Some(parts) => in_upload(parts, whole, number),
        None if number == 1 => {
            let is_composite = whole.is_some_and(Checksum::is_composite);
            Some(Part { span: 0..object.size, count: None, checksum: whole.cloned(), is_composite })
        }
        None => None,
    };
    part.ok_or_else(|| Code::InvalidPart.because("The object has no part of that number."))
}

fn in_upload(parts: &[DonePart], whole: Option<&Checksum>, number: u16) -> Option<Part> {
    let at = parts.iter().position(|part| part.number == number)?;
    let (before, part) = (&parts[..at], &parts[at]);
    let start = before.iter().map(|part| part.length).sum();
    let checksum = whole.filter(|_| !part.digest.is_empty());
    Some(Part {
        span: start..start + part.length,
        count: Some(parts.len()),
        checksum: checksum.map(|whole| Checksum::of_bytes(whole.algorithm, part.digest.clone())),
        is_composite: whole.is_some_and(Checksum::is_composite),
    })
}

impl Part {
    /// Says how many parts there are, and shows the part's checksum to who asks for it.
    pub(super) fn tell(&self, head: &Head, headers: &mut HeaderMap) -> Result<()> {
        if let Some(count) = self.count {
            let is_obs = head.dialect.is_obs();
            let name = if is_obs { "x-obs-mp-parts-count" } else { "x-amz-mp-parts-count" };
            headers.insert(HeaderName::from_static(name), HeaderValue::from(count));
        }
        if let Some(checksum) = self.checksum.as_ref().filter(|_| checksum::is_shown(head)) {
            checksum::tell(checksum, false, headers)?;
            checksum::tell_kind(self.is_composite, headers);
        }
        Ok(())
    }
}

//! S3's checksum of an object that is completed from parts: what the parts' make together, and what the client says that
//! must be.

use std::collections::BTreeMap;

use super::checksum;
use crate::blob::digest::{composite, joined};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Code, Result};
use crate::meta::{Part, Upload};
use crate::wire::Head;
use crate::wire::xml::Element;

/// What a client says of the checksum of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Its value, as it was sent.
    value: Option<(ChecksumAlgorithm, String)>,
    /// Whether it is one of the parts'.
    is_composite: Option<bool>,
}

impl Expected {
    /// Reads the headers of a completion; two checksums are 400 `InvalidRequest`, algorithms that are not there 501.
    pub(super) fn parse(head: &Head) -> Result<Self> {
        if head.dialect.is_obs() {
            return Ok(Self::default());
        }
        let mut values = checksum::values(head)?.into_iter();
        let value = values.next().map(|(algorithm, value)| (algorithm, String::from_utf8_lossy(value).into_owned()));
        if values.next().is_some() {
            return Err(Code::InvalidRequest.because("An object has one checksum and no more."));
        }
        Ok(Self { value, is_composite: checksum::chosen_kind(head)? })
    }

    /// Refuses a whole that has another: 400 `BadDigest` where value or type differ, `InvalidRequest` where the algorithm is
    /// not that of the parts (S3 reference, `CompleteMultipartUpload`).
    pub(super) fn check(&self, whole: Option<&Checksum>) -> Result<()> {
        if let Some(is_composite) = self.is_composite
            && whole.is_none_or(|whole| whole.is_composite() != is_composite)
        {
            return Err(Code::BadDigest.because("The upload has no checksum of that type."));
        }
        let Some((algorithm, value)) = &self.value else { return Ok(()) };
        match whole.filter(|whole| whole.algorithm == *algorithm) {
            None => {
                let name = algorithm.name();
                Err(Code::InvalidRequest
                    .because(format!("The parts have no {name} that the whole could be told from.")))
            }
            Some(whole) if whole.is(value) => Ok(()),
            Some(_) => {
                let name = algorithm.name();
                Err(Code::BadDigest.because(format!("The {name} you specified is not that of the parts together.")))
            }
        }
    }
}

/// The checksum of the parts together: as the upload was begun, else by the algorithm that all parts have. A CRC is then
/// that of the whole, for which the parts' are enough.
pub(super) fn whole(upload: &Upload, parts: &BTreeMap<u16, Part>, chosen: &[u16]) -> Option<Checksum> {
    let parts = || chosen.iter().filter_map(|number| parts.get(number));
    let first = parts().next()?.checksum.as_ref()?.algorithm;
    let (algorithm, is_composite) = upload.checksum.unwrap_or((first, !first.is_crc()));
    let digest = |part: &'_ Part| part.checksum.as_ref().is_some_and(|checksum| checksum.algorithm == algorithm);
    if !parts().all(digest) {
        return None;
    }
    let digests = parts().filter_map(|part| Some((part.checksum.as_ref()?.digest.as_slice(), part.size)));
    if is_composite {
        Some(composite(algorithm, digests.map(|(digest, _)| digest)))
    } else {
        joined(algorithm, digests)
    }
}

/// The checksums that a document lists of a part; 501 for algorithms that are not there.
pub(super) fn listed(part: &Element) -> Result<Vec<(ChecksumAlgorithm, String)>> {
    let sums = part.children.iter().filter_map(|child| Some((child.name.strip_prefix("Checksum")?, child)));
    sums.map(|(name, child)| Ok((checksum::algorithm(name)?, child.text_trimmed().to_owned()))).collect()
}

/// Whether a part has the checksums that are listed of it.
pub(super) fn is_listed(part: &Part, listed: &[(ChecksumAlgorithm, String)]) -> bool {
    let stored = part.checksum.as_ref();
    listed
        .iter()
        .all(|(algorithm, text)| stored.is_some_and(|checksum| checksum.algorithm == *algorithm && checksum.is(text)))
}

//! S3's additional checksums of objects and parts: the algorithms by all their names, and a digest in the form it is sent
//! in. How they are computed is `blob::digest`'s business.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// An algorithm. The order is that of stored records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChecksumAlgorithm {
    /// `CRC32`: CRC-32/ISO-HDLC.
    Crc32,
    /// `CRC32C`: CRC-32/ISCSI.
    Crc32C,
    /// `CRC64NVME`: CRC-64/NVME.
    Crc64Nvme,
    /// `SHA1`.
    Sha1,
    /// `SHA256`.
    Sha256,
}

/// Bytes of the longest digest.
const DIGEST_BYTES_MAX: usize = 32;

impl ChecksumAlgorithm {
    /// Every one there is.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32C, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// Its name, as requests choose it and listings show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32C => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header, or trailer, that carries a digest.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32C => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element that carries a digest.
    #[must_use]
    pub fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32C => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub fn digest_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32C => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => DIGEST_BYTES_MAX,
        }
    }

    /// Whether the digest of a whole can be told from those of its parts.
    #[must_use]
    pub fn is_crc(self) -> bool {
        matches!(self, Self::Crc32 | Self::Crc32C | Self::Crc64Nvme)
    }

    /// The algorithm of a name, in any letter case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

/// A digest of an object or a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// By which algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// As many bytes as the algorithm has, the most significant first.
    pub digest: Vec<u8>,
    /// Of how many parts' digests it is the digest (`COMPOSITE`); 0 where it is that of the bytes themselves
    /// (`FULL_OBJECT`).
    pub part_count: u32,
}

impl Checksum {
    /// Of bytes.
    #[must_use]
    pub fn of_bytes(algorithm: ChecksumAlgorithm, digest: Vec<u8>) -> Self {
        Self { algorithm, digest, part_count: 0 }
    }

    /// Whether it is the digest of digests of parts.
    #[must_use]
    pub fn is_composite(&self) -> bool {
        self.part_count > 0
    }

    /// `FULL_OBJECT` or `COMPOSITE`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        kind_name(self.is_composite())
    }

    /// Whether a value that was sent, `text`, is this checksum. The number of parts may be left out of one.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let (digest, count) = match text.split_once('-') {
            Some((digest, count)) => (digest, Some(count)),
            None => (text, None),
        };
        let is_count = count.is_none_or(|count| self.is_composite() && count == self.part_count.to_string());
        is_count && parse_digest(self.algorithm, digest.as_bytes()).as_ref() == Some(&self.digest)
    }
}

/// As it is sent: Base64, and behind a composite one the number of parts.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.digest))?;
        if self.is_composite() { write!(f, "-{}", self.part_count) } else { Ok(()) }
    }
}

/// `FULL_OBJECT` or `COMPOSITE`.
#[must_use]
pub fn kind_name(is_composite: bool) -> &'static str {
    if is_composite { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// A digest as it is sent; `None` for what is no Base64 of the algorithm's length.
#[must_use]
pub fn parse_digest(algorithm: ChecksumAlgorithm, text: &[u8]) -> Option<Vec<u8>> {
    // Three bytes more than the longest digest: Base64 of it never decodes to more.
    let mut decoded = [0; DIGEST_BYTES_MAX + 3];
    let length = STANDARD.decode_slice(text, &mut decoded).ok()?;
    (length == algorithm.digest_bytes()).then(|| decoded[..length].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_belong_together() {
        for algorithm in ChecksumAlgorithm::ALL {
            let lower = algorithm.name().to_ascii_lowercase();
            assert_eq!(algorithm.header(), format!("x-amz-checksum-{lower}"));
            assert_eq!(algorithm.element(), format!("Checksum{}", algorithm.name()));
            assert_eq!(ChecksumAlgorithm::parse(&lower), Some(algorithm));
            assert!(algorithm.digest_bytes() <= DIGEST_BYTES_MAX);
        }
        assert_eq!(ChecksumAlgorithm::parse("SHA512"), None);
    }

    #[test]
    fn digests_are_base64_of_their_length() {
        use ChecksumAlgorithm::{Crc32, Crc64Nvme, Sha256};
        fn check(algorithm: ChecksumAlgorithm, text: &str, is_digest: bool) {
            let parsed = parse_digest(algorithm, text.as_bytes());
            assert_eq!(parsed.is_some(), is_digest, "{text}");
            if let Some(digest) = parsed {
                assert_eq!(Checksum::of_bytes(algorithm, digest).to_string(), text);
            }
        }
        check(Crc32, "y/Q5Jg==", true);
        check(Crc32, "AAAAAA==", true);
        check(Crc32, "rosUhgp5mIg=", false);
        check(Crc64Nvme, "rosUhgp5mIg=", true);
        check(Sha256, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", true);
        check(Sha256, &"A".repeat(4000), false);
        for bad in ["", "bad", "y/Q5Jg", "y/Q5Jg=", " y/Q5Jg==", "y/Q5Jg==-1", "y_Q5Jg==", "sailorjerry"] {
            check(Crc32, bad, false);
        }
    }

    #[test]
    fn a_composite_one_says_of_how_many_parts() {
        let whole = Checksum::of_bytes(ChecksumAlgorithm::Crc32, vec![0xcb, 0xf4, 0x39, 0x26]);
        let composite = Checksum { part_count: 3, ..whole.clone() };
        assert_eq!((whole.to_string().as_str(), whole.kind()), ("y/Q5Jg==", "FULL_OBJECT"));
        assert_eq!((composite.to_string().as_str(), composite.kind()), ("y/Q5Jg==-3", "COMPOSITE"));
        assert!(whole.is("y/Q5Jg==") && composite.is("y/Q5Jg==") && composite.is("y/Q5Jg==-3"));
        for other in ["y/Q5Jw==", "y/Q5Jg==-2", "y/Q5Jg==-03", "y/Q5Jg==-", "bad", ""] {
            assert!(!composite.is(other), "{other}");
        }
        assert!(!whole.is("y/Q5Jg==-0") && !whole.is("y/Q5Jg==-3"));
    }
}

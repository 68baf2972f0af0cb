//! Digests of a body, computed while it streams. MD5 always, because the `ETag` is made of it; what a client asks for
//! beyond that gets its field here. Not here: hex, base64, comparing.

use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::checksum::{Checksum, ChecksumAlgorithm};

/// CRC-64 of ECMA-182, reflected: what the OBS SDKs call `crc64ecma`.
const CRC64: CrcAlgorithm = CrcAlgorithm::Crc64Xz;

/// What is computed over a body beside its MD5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// SHA-256.
    pub sha256: bool,
    /// CRC-64.
    pub crc64: bool,
    /// One of S3's checksums.
    pub checksum: Option<ChecksumAlgorithm>,
}

/// What was computed over a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// MD5.
    pub md5: [u8; 16],
    /// SHA-256, where it was wanted.
    pub sha256: Option<[u8; 32]>,
    /// CRC-64, where it was wanted.
    pub crc64: Option<u64>,
    /// The checksum that was wanted.
    pub checksum: Option<Checksum>,
}

impl Sums {
    /// Of bytes that are all at hand.
    pub fn of(data: &[u8], wanted: Wanted) -> Self {
        let mut digest = Digest::new(wanted);
        digest.update(data);
        digest.finish()
    }
}

/// Everything that is computed over one body.
#[derive(Clone, Default)]
pub struct Digest {
    wanted: Wanted,
    md5: Md5,
    /// For whoever wants it; a checksum may be one, too.
    sha256: Option<Sha256>,
    sha1: Option<Sha1>,
    crc64: Option<crc_fast::Digest>,
    crc: Option<crc_fast::Digest>,
}

impl Digest {
    /// Of no bytes yet.
    pub fn new(wanted: Wanted) -> Self {
        let is = |algorithm| wanted.checksum == Some(algorithm);
        Self {
            wanted,
            md5: Md5::new(),
            sha256: (wanted.sha256 || is(ChecksumAlgorithm::Sha256)).then(Sha256::new),
            sha1: is(ChecksumAlgorithm::Sha1).then(Sha1::new),
            crc64: wanted.crc64.then(|| crc_fast::Digest::new(CRC64)),
            crc: wanted.checksum.and_then(crc_of).map(crc_fast::Digest::new),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(data);
        }
        if let Some(crc64) = &mut self.crc64 {
            crc64.update(data);
        }
        if let Some(crc) = &mut self.crc {
            crc.update(data);
        }
    }

    /// The digests of everything taken.
    pub fn finish(self) -> Sums {
        let sha256: Option<[u8; 32]> = self.sha256.map(|sha256| sha256.finalize().into());
        let checksum = self.wanted.checksum.map(|algorithm| {
            let digest = match (self.crc, self.sha1) {
                (Some(crc), _) => crc_bytes(algorithm, crc.finalize()),
                (None, Some(sha1)) => sha1.finalize().to_vec(),
                (None, None) => sha256.map(Vec::from).unwrap_or_default(),
            };
            Checksum::of_bytes(algorithm, digest)
        });
        Sums {
            md5: self.md5.finalize().into(),
            sha256: sha256.filter(|_| self.wanted.sha256),
            crc64: self.crc64.map(|crc64| crc64.finalize()),
            checksum,
        }
    }
}

/// The CRC that an algorithm is, if it is one.
fn crc_of(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32C => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// A CRC as its digest: big-endian, in as many bytes as it has.
fn crc_bytes(algorithm: ChecksumAlgorithm, crc: u64) -> Vec<u8> {
    let bytes = crc.to_be_bytes();
    bytes[bytes.len() - algorithm.digest_bytes()..].to_vec()
}

fn crc_from(digest: &[u8]) -> u64 {
    digest.iter().fold(0, |crc, byte| crc << 8 | u64::from(*byte))
}

/// One of S3's checksums of bytes that are all at hand.
pub fn checksum(algorithm: ChecksumAlgorithm, data: &[u8]) -> Checksum {
    let digest = match (crc_of(algorithm), algorithm) {
        (Some(crc), _) => crc_bytes(algorithm, crc_fast::checksum(crc, data)),
        (None, ChecksumAlgorithm::Sha1) => Sha1::digest(data).to_vec(),
        (None, _) => sha256(data).to_vec(),
    };
    Checksum::of_bytes(algorithm, digest)
}

/// The checksum of parts one after the other, from the digest and the length in bytes of each; `None` for an algorithm
/// whose digests cannot be joined.
pub fn joined<'a>(algorithm: ChecksumAlgorithm, parts: impl IntoIterator<Item = (&'a [u8], u64)>) -> Option<Checksum> {
    let crc = crc_of(algorithm)?;
    let whole = parts.into_iter().fold(crc_fast::checksum(crc, b""), |whole, (digest, length)| {
        crc_fast::checksum_combine(crc, whole, crc_from(digest), length)
    });
    Some(Checksum::of_bytes(algorithm, crc_bytes(algorithm, whole)))
}

/// The checksum of the digests of parts.
pub fn composite<'a>(algorithm: ChecksumAlgorithm, parts: impl IntoIterator<Item = &'a [u8]>) -> Checksum {
    let (mut digests, mut part_count) = (Vec::new(), 0);
    for digest in parts {
        digests.extend_from_slice(digest);
        part_count += 1;
    }
    Checksum { part_count, ..checksum(algorithm, &digests) }
}

/// MD5 of bytes that are all at hand.
pub fn md5(data: &[u8]) -> [u8; 16] {
    Md5::digest(data).into()
}

/// SHA-256 of bytes that are all at hand.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(data).into()
}

/// CRC-64 of bytes that are all at hand.
pub fn crc64(data: &[u8]) -> u64 {
    crc_fast::checksum(CRC64, data)
}

/// CRC-64 of two bodies one after the other, from theirs; `second_length` is the second's in bytes.
pub fn crc64_joined(first: u64, second: u64, second_length: u64) -> u64 {
    crc_fast::checksum_combine(CRC64, first, second, second_length)
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::parse_digest;

    /// Values from RFC 1321, A.5.
    #[test]
    fn published_values() {
        fn check(input: &str, expected: u128) {
            let mut digest = Digest::new(Wanted::default());
            let (head, tail) = input.as_bytes().split_at(input.len() / 2);
            digest.update(head);
            digest.update(tail);
            assert_eq!(u128::from_be_bytes(digest.finish().md5), expected, "{input}");
        }
        check("", 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        check("a", 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        check("abc", 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        check("message digest", 0xf96b_697d_7cb7_938d_525a_2f31_aaf1_61d0);
    }

    /// Values of the catalogue of CRC algorithms and of published SDKs.
    #[test]
    fn crc64_is_the_sdks() {
        let check = |data: &[u8], expected: u64| {
            assert_eq!(crc64(data), expected);
            let (head, tail) = data.split_at(data.len() / 3);
            assert_eq!(crc64_joined(crc64(head), crc64(tail), tail.len() as u64), expected);
        };
        check(b"", 0);
        check(b"123456789", 11_051_210_869_376_104_954);
        check(&[b'A'; 1024], 14_575_900_916_689_906_194);
    }

    #[test]
    fn only_what_is_wanted_is_computed() {
        let plain = Sums { md5: md5(b"abc"), ..Sums::default() };
        assert_eq!(Sums::of(b"abc", Wanted::default()), plain);
        let all = Wanted { sha256: true, crc64: true, checksum: None };
        let sums = Sums { sha256: Some(sha256(b"abc")), crc64: Some(crc64(b"abc")), ..plain.clone() };
        assert_eq!(Sums::of(b"abc", all), sums);
        for algorithm in ChecksumAlgorithm::ALL {
            let checksum = Some(checksum(algorithm, b"abc"));
            let wanted = Wanted { checksum: Some(algorithm), ..Wanted::default() };
            assert_eq!(Sums::of(b"abc", wanted), Sums { checksum: checksum.clone(), ..plain.clone() });
            let both = Wanted { checksum: Some(algorithm), ..all };
            assert_eq!(Sums::of(b"abc", both), Sums { checksum, ..sums.clone() });
        }
    }

    /// Values of the catalogue of CRC algorithms and of published clients and suites.
    #[test]
    fn checksums_are_those_of_s3() {
        use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
        let check = |algorithm, [nine, letters, empty]: [&str; 3]| {
            let bytes: [(&[u8], &str); 3] = [(b"123456789", nine), (&[b'A'; 1024], letters), (b"", empty)];
            for (data, expected) in bytes {
                let mut digest = Digest::new(Wanted { checksum: Some(algorithm), ..Wanted::default() });
                let (head, tail) = data.split_at(data.len() / 3);
                digest.update(head);
                digest.update(tail);
                let checksum = digest.finish().checksum.unwrap();
                assert_eq!((checksum.to_string().as_str(), checksum.kind()), (expected, "FULL_OBJECT"));
            }
        };
        check(Crc32, ["y/Q5Jg==", "tzf7Gg==", "AAAAAA=="]);
        check(Crc32C, ["4waSgw==", "9mB6kg==", "AAAAAA=="]);
        check(Crc64Nvme, ["rosUhgp5mIg=", "Qeh8oXvGiSo=", "AAAAAAAAAAA="]);
        check(Sha1, ["98O8HYCOBHMq32eZZczDTKeuNEE=", "dGw/TShsUx4GXor3bgrAhogxxrQ=", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="]);
        check(
            Sha256,
            [
                "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
                "arcu6553sHVAiX4MjW0j7I7vD4w6R+Gz9Ok0Q9lTa+0=",
                "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            ],
        );
    }

    /// Three parts of 5 MiB of `A`, `B` and `C`: values of ceph/s3-tests.
    #[test]
    fn checksums_of_parts_make_that_of_the_whole() {
        use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
        const PART_BYTES: u64 = 5 << 20;
        let check = |algorithm, parts: [&str; 3], is_composite, expected: &str| {
            let digests = parts.map(|text| parse_digest(algorithm, text.as_bytes()).unwrap());
            let digests = digests.iter().map(Vec::as_slice);
            let whole = if is_composite {
                composite(algorithm, digests)
            } else {
                joined(algorithm, digests.map(|digest| (digest, PART_BYTES))).unwrap()
            };
            assert_eq!(whole.to_string(), expected);
        };
        check(Crc32, ["JRTCyQ==", "QoZTGg==", "YAgjqw=="], false, "WgDhBQ==");
        check(Crc32C, ["MDaLrw==", "TH4EZg==", "Z7mBIQ=="], false, "xU+Krw==");
        check(Crc64Nvme, ["L/E4WYn8v98=", "xW1l19VobYM=", "cK5MnNaWrW4="], false, "i+6LR0y3eFo=");
        check(
            Sha1,
            ["iIaTCGbm+vdVjNqIMF2S0T7ibMk=", "LS/TJ32bAVKEwRu+sE3X7awh/lk=", "6DDwovUaHwrKNXDMzOGbuvj9kxI="],
            true,
            "sizjvY4eud3MrcHdZM3cQ/ol39o=-3",
        );
        let sha256 = [
            "275VF5loJr1YYawit0XSHREhkFXYkkPKGuoK0x9VKxI=",
            "mrHwOfjTL5Zwfj74F05HOQGLdUb7E5szdCbxgUSq6NM=",
            "Vw7oB/nKQ5xWb3hNgbyfkvDiivl+U+/Dft48nfJfDow=",
        ];
        check(Sha256, sha256, true, "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3");
        let one = composite(Sha256, [checksum(Sha256, &[b'A'; 1024]).digest.as_slice()]);
        assert_eq!(one.to_string(), "Ok6Cs5b96ux6+MWQkJO7UBT5sKPBeXBLwvj/hK89smg=-1");
        assert_eq!((joined(Sha1, []), joined(Sha256, [])), (None, None));
    }

    proptest! {
        #[test]
        fn a_whole_has_the_crc_that_its_parts_make(parts: Vec<Vec<u8>>) {
            for algorithm in ChecksumAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.is_crc()) {
                let sums: Vec<_> = parts.iter().map(|part| (checksum(algorithm, part), part.len() as u64)).collect();
                let whole = joined(algorithm, sums.iter().map(|(sum, length)| (sum.digest.as_slice(), *length)));
                prop_assert_eq!(whole, Some(checksum(algorithm, &parts.concat())));
            }
        }
    }
}

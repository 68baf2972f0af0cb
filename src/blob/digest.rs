//! Digests of a body, computed while it streams. MD5 always, because the `ETag` is made of it; what a client asks for
//! beyond that gets its field here. Not here: hex, base64, comparing.

use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// CRC-64 of ECMA-182, reflected: what the OBS SDKs call `crc64ecma`.
const CRC64: CrcAlgorithm = CrcAlgorithm::Crc64Xz;

/// What is computed over a body beside its MD5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// SHA-256.
    pub sha256: bool,
    /// CRC-64.
    pub crc64: bool,
}

/// What was computed over a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// MD5.
    pub md5: [u8; 16],
    /// SHA-256, where it was wanted.
    pub sha256: Option<[u8; 32]>,
    /// CRC-64, where it was wanted.
    pub crc64: Option<u64>,
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
    md5: Md5,
    sha256: Option<Sha256>,
    crc64: Option<crc_fast::Digest>,
}

impl Digest {
    /// Of no bytes yet.
    pub fn new(wanted: Wanted) -> Self {
        let crc64 = wanted.crc64.then(|| crc_fast::Digest::new(CRC64));
        Self { md5: Md5::new(), sha256: wanted.sha256.then(Sha256::new), crc64 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(crc64) = &mut self.crc64 {
            crc64.update(data);
        }
    }

    /// The digests of everything taken.
    pub fn finish(self) -> Sums {
        Sums {
            md5: self.md5.finalize().into(),
            sha256: self.sha256.map(|sha256| sha256.finalize().into()),
            crc64: self.crc64.map(|crc64| crc64.finalize()),
        }
    }
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
    use super::*;

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
        let all = Sums { md5: md5(b"abc"), sha256: Some(sha256(b"abc")), crc64: Some(crc64(b"abc")) };
        assert_eq!(Sums::of(b"abc", Wanted { sha256: true, crc64: true }), all);
        assert_eq!(Sums::of(b"abc", Wanted::default()), Sums { sha256: None, crc64: None, ..all });
    }
}

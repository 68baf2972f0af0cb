//! Digests of a body, computed while it streams. MD5 always, because the `ETag` is made of it; what a client asks for
//! beyond that gets its field here. Not here: hex, base64, comparing.

use md5::{Digest as _, Md5};

/// Everything that is computed over one body.
#[derive(Clone, Default)]
pub struct Digest {
    md5: Md5,
}

impl Digest {
    /// Of no bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
    }

    /// MD5 of everything taken.
    pub fn finish(self) -> [u8; 16] {
        self.md5.finalize().into()
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
            let mut digest = Digest::new();
            let (head, tail) = input.as_bytes().split_at(input.len() / 2);
            digest.update(head);
            digest.update(tail);
            assert_eq!(u128::from_be_bytes(digest.finish()), expected, "{input}");
        }
        check("", 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        check("a", 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        check("abc", 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        check("message digest", 0xf96b_697d_7cb7_938d_525a_2f31_aaf1_61d0);
    }
}

//! Secret keys at rest: AES-256-GCM under the master key, bound to the access key they belong to. A secret must be
//! readable to verify an HMAC, so it is encrypted rather than hashed; the master key lives outside the database.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use rand::RngExt as _;

use super::{Error, Result};

/// Bytes of a master key.
pub const MASTER_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts secrets.
#[derive(Clone)]
pub struct Sealer(Aes256Gcm);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer under `master_key`.
    #[must_use]
    pub fn new(master_key: &[u8; MASTER_KEY_BYTES]) -> Self {
        Self(Aes256Gcm::new(&Key::<Aes256Gcm>::from(*master_key)))
    }

    /// A new random master key.
    #[must_use]
    pub fn generate_master_key() -> [u8; MASTER_KEY_BYTES] {
        rand::rng().random()
    }

    pub(super) fn seal(&self, access_key: &str, secret: &str) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let payload = Payload { msg: secret.as_bytes(), aad: access_key.as_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).map_err(|_| damaged(access_key))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn open(&self, access_key: &str, sealed: &[u8]) -> Result<String> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| damaged(access_key))?;
        let payload = Payload { msg: text, aad: access_key.as_bytes() };
        let secret = self.0.decrypt(&Nonce::from(*nonce), payload).map_err(|_| damaged(access_key))?;
        String::from_utf8(secret).map_err(|_| damaged(access_key))
    }
}

fn damaged(access_key: &str) -> Error {
    Error::Corrupt(format!("the secret of access key {access_key} does not open with this master key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_with_its_master_key_and_access_key() {
        let sealer = Sealer::new(&[7; MASTER_KEY_BYTES]);
        let sealed = sealer.seal("AK", "secret").unwrap();
        assert_eq!(sealer.open("AK", &sealed).unwrap(), "secret");
        assert!(sealer.open("BK", &sealed).is_err());
        assert!(Sealer::new(&[8; MASTER_KEY_BYTES]).open("AK", &sealed).is_err());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }
}

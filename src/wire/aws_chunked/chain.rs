//! The signatures of chunks: each covers its data and the signature before it, the first one that of the request (S3
//! reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks").

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::wire::{EMPTY_SHA256, hex};

/// The signatures of one body, one after the other; the same for whoever makes them and whoever checks them.
#[derive(Clone)]
pub struct Chain {
    key: Hmac<Sha256>,
    /// Date and scope, each with its line end.
    context: String,
    /// The last signature, in lower-case hexadecimal digits.
    previous: String,
}

impl Chain {
    /// The chain that begins with `seed`, the signature of the request in lower-case hexadecimal digits. `date` is the
    /// request's, as `yyyymmddThhmmssZ`; `scope` is `yyyymmdd/region/s3/aws4_request`.
    pub fn new(signing_key: &[u8; 32], date: &str, scope: &str, seed: &str) -> Self {
        Self { key: keyed(signing_key), context: format!("{date}\n{scope}\n"), previous: seed.to_owned() }
    }

    /// The signature of the next chunk, in lower-case hexadecimal digits, from the SHA-256 of its data.
    pub fn sign_chunk(&mut self, sha256: [u8; 32]) -> &str {
        // The first stands for the headers that a chunk has not.
        self.sign("AWS4-HMAC-SHA256-PAYLOAD\n", [EMPTY_SHA256, "\n", &hex(&sha256)])
    }

    /// The signature of the trailer, from the SHA-256 of its lines: names in lower case, a colon, the value without
    /// blanks around it, a line feed.
    pub fn sign_trailer(&mut self, sha256: [u8; 32]) -> &str {
        self.sign("AWS4-HMAC-SHA256-TRAILER\n", ["", "", &hex(&sha256)])
    }

    fn sign(&mut self, algorithm: &str, hashes: [&str; 3]) -> &str {
        let mut mac = self.key.clone();
        for part in [algorithm, &self.context, &self.previous, "\n"].iter().chain(&hashes) {
            mac.update(part.as_bytes());
        }
        self.previous = hex(&mac.finalize().into_bytes());
        &self.previous
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Without the key.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("previous", &self.previous).finish_non_exhaustive()
    }
}

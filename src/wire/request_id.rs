//! Request ids in the documented shape. An id tells where and when: the samples of the OBS reference decode as two
//! bytes of node, eight bytes of Unix milliseconds and six unique bytes, in upper-case hexadecimal.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::HeaderValue;

use crate::clock::UnixMillis;

/// Mints ids that no other request of this node gets.
#[derive(Debug)]
pub struct RequestIds {
    node: u16,
    next: AtomicU64,
}

impl RequestIds {
    /// `node` tells gateways of one installation apart. The count starts at random, so that ids of two runs in
    /// one millisecond differ.
    pub fn new(node: u16) -> Self {
        Self { node, next: AtomicU64::new(rand::random()) }
    }

    /// The next id.
    pub fn mint(&self, now_millis: UnixMillis) -> RequestId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        // Multiplying by an odd number permutes the 48-bit numbers: ids stay unique and do not look like a count.
        let unique = count.wrapping_mul(0x9E37_79B9_7F4B) & 0xFFFF_FFFF_FFFF;
        let value = u128::from(self.node) << 112 | u128::from(now_millis) << 48 | u128::from(unique);
        RequestId::from_value(value)
    }
}

/// One request's id: 32 upper-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    digits: [u8; 32],
    value: u128,
}

/// The second id of a request (`x-obs-id-2`, `HostId`): 64 characters of the Base64 alphabet, derived from the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id2([u8; 64]);

/// What the second ids of the OBS reference's samples begin with.
const ID_2_PREFIX: &[u8; 34] = b"32AAAQAAEAABAAAQAAEAABAAAQAAEAABCS";
const HEX: &[u8; 16] = b"0123456789ABCDEF";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl RequestId {
    fn from_value(value: u128) -> Self {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(value.to_be_bytes()) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        Self { digits, value }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        ascii(&self.digits)
    }

    /// The second id.
    pub fn id_2(&self) -> Id2 {
        let mut characters = [0; 64];
        characters[..34].copy_from_slice(ID_2_PREFIX);
        let mut state = u64::try_from(self.value & u128::from(u64::MAX)).unwrap_or_default();
        for ten in characters[34..].chunks_exact_mut(10) {
            state = mix(state);
            for (at, character) in ten.iter_mut().enumerate() {
                *character = BASE64[low_bits(state >> (6 * at), 0x3F)];
            }
        }
        Id2(characters)
    }
}

impl Id2 {
    /// The characters.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

/// The finaliser of `SplitMix64`: every bit of the input moves about half the bits of the output.
fn mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn low_bits(value: u64, mask: u8) -> usize {
    usize::try_from(value & u64::from(mask)).unwrap_or_default()
}

fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("both ids are made of ASCII characters only")
}

fn header_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).expect("both ids are made of visible ASCII characters only")
}

impl From<&RequestId> for HeaderValue {
    fn from(id: &RequestId) -> Self {
        header_value(&id.digits)
    }
}

impl From<&Id2> for HeaderValue {
    fn from(id: &Id2) -> Self {
        header_value(&id.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Id2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_tells_where_and_when() {
        let id = RequestIds::new(0xBF26).mint(0x0000_0164_36B5_5D8D);
        assert_eq!(&id.as_str()[..20], "BF260000016436B55D8D");
        assert_eq!(id.as_str().len(), 32);
        assert!(id.as_str().bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        assert_eq!(HeaderValue::from(&id), id.as_str());
    }

    #[test]
    fn the_second_id_has_the_documented_shape() {
        let id_2 = RequestIds::new(1).mint(1).id_2();
        assert_eq!(id_2.as_str().len(), 64);
        assert!(id_2.as_str().starts_with("32AAAQAAEAABAAAQAAEAABAAAQAAEAABCS"));
        assert!(id_2.as_str().bytes().all(|b| BASE64.contains(&b)));
    }

    #[test]
    fn ids_of_one_millisecond_differ() {
        let ids = RequestIds::new(1);
        let minted: Vec<RequestId> = (0..10_000).map(|_| ids.mint(7)).collect();
        assert_eq!(minted.iter().collect::<HashSet<_>>().len(), minted.len());
        assert_eq!(minted.iter().map(RequestId::id_2).collect::<HashSet<_>>().len(), minted.len());
    }
}

//! Stored form of records: one format byte, then postcard. A format that has been released is read for ever; a new
//! one gets the next byte and a conversion from the old.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Result};

/// A record of one kind.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// Format byte written today.
    const FORMAT: u8;
    /// What it is, for error messages.
    const KIND: &'static str;

    /// The stored form.
    fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, vec![Self::FORMAT])
            .map_err(|error| Error::Corrupt(format!("cannot write {}: {error}", Self::KIND)))
    }

    /// Reads a stored form of any released format.
    fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((format, rest)) if *format == Self::FORMAT => postcard::from_bytes(rest)
                .map_err(|error| Error::Corrupt(format!("cannot read {}: {error}", Self::KIND))),
            Some((format, _)) => Err(Error::Corrupt(format!("{} has unknown format {format}", Self::KIND))),
            None => Err(Error::Corrupt(format!("{} is empty", Self::KIND))),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::quota::Usage;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Bytes that a released version wrote must read as `expected` for ever; today's format must still write them.
    pub(in crate::meta) fn check_stored<R: Record + PartialEq + Debug>(hex: &str, expected: &R) {
        let stored = bytes(hex);
        assert_eq!(R::decode(&stored).unwrap(), *expected);
        if stored[0] == R::FORMAT {
            assert_eq!(expected.encode().unwrap(), stored);
        }
        for length in 0..stored.len() {
            assert!(matches!(R::decode(&stored[..length]), Err(Error::Corrupt(_))), "cut at {length}");
        }
        let unknown = [&[255], &stored[1..]].concat();
        assert!(matches!(R::decode(&unknown), Err(Error::Corrupt(reason)) if reason.contains("255")));
    }

    /// Counters have no format byte: their length tells.
    #[test]
    fn stored_counters_are_read_for_ever() {
        let stored = bytes(
            "0100000000000000020000000000000003000000000000000400000000000000\
             050000000000000006000000000000000700000000000000ffffffffffffff7f",
        );
        let usage = Usage {
            current_bytes: 1,
            current_objects: 2,
            noncurrent_bytes: 3,
            noncurrent_objects: 4,
            part_bytes: 5,
            parts: 6,
            delete_markers: 7,
            uploads: i64::MAX,
        };
        assert_eq!(Usage::from_bytes(&stored), Some(usage));
        assert_eq!(usage.to_bytes().as_slice(), stored);
    }
}

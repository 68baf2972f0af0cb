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

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

    /// Reads the stored form of an older format, where there is one.
    fn decode_older(format: u8, bytes: &[u8]) -> Option<postcard::Result<Self>> {
        let _ = (format, bytes);
        None
    }

    /// The stored form.
    fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, vec![Self::FORMAT])
            .map_err(|error| Error::Corrupt(format!("cannot write {}: {error}", Self::KIND)))
    }

    /// Reads a stored form of any released format.
    fn decode(bytes: &[u8]) -> Result<Self> {
        let Some((format, rest)) = bytes.split_first() else {
            return Err(Error::Corrupt(format!("{} is empty", Self::KIND)));
        };
        let decoded =
            if *format == Self::FORMAT { Some(postcard::from_bytes(rest)) } else { Self::decode_older(*format, rest) };
        match decoded {
            Some(Ok(record)) => Ok(record),
            Some(Err(error)) => Err(Error::Corrupt(format!("cannot read {}: {error}", Self::KIND))),
            None => Err(Error::Corrupt(format!("{} has unknown format {format}", Self::KIND))),
        }
    }
}

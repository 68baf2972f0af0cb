//! How the stores' failures look outside, and nothing else.

use crate::blob;
use crate::error::{Code, Error};
use crate::meta;

impl From<meta::Error> for Error {
    fn from(fault: meta::Error) -> Self {
        match fault {
            meta::Error::Conflict => Self::from(Code::OperationAborted),
            // Which limit, and by how much: every caller that can store bytes today is the owner.
            meta::Error::Over(over) => Self::from(Code::InsufficientStorageSpace).detail("Limit", over.to_string()),
            meta::Error::NotEmpty => Self::from(Code::BucketNotEmpty),
            meta::Error::WouldBlock | meta::Error::Corrupt(_) | meta::Error::Engine(_) => Self::internal(fault),
        }
    }
}

impl From<blob::Error> for Error {
    fn from(fault: blob::Error) -> Self {
        match fault {
            blob::Error::Full => Self::from(Code::ServiceUnavailable).caused_by(fault),
            _ => Self::internal(fault),
        }
    }
}

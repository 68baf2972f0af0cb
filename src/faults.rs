//! How the stores' failures look outside, and nothing else.

use crate::blob;
use crate::error::{Code, Error};
use crate::meta;
use crate::quota::{Holder, Measure, Over};

impl From<meta::Error> for Error {
    fn from(fault: meta::Error) -> Self {
        match fault {
            meta::Error::Conflict => Self::from(Code::OperationAborted),
            meta::Error::Over(over) => over_limit(&over),
            meta::Error::NotEmpty => Self::from(Code::BucketNotEmpty),
            meta::Error::TooMany => Code::BucketNotEmpty.because(TOO_MANY_UPLOADS),
            meta::Error::Locked => Code::AccessDenied.because(IMMUTABLE),
            meta::Error::WrongKind => Self::from(Code::FsObjectConflict),
            meta::Error::WouldBlock | meta::Error::Corrupt(_) | meta::Error::Engine(_) => Self::internal(fault),
        }
    }
}

/// The sentence of the OBS reference.
const IMMUTABLE: &str = "The object you specified is immutable: a retention or a legal hold protects it.";

/// S3 has no word for it: there a bucket of any number of them goes.
const TOO_MANY_UPLOADS: &str =
    "The bucket has more unfinished uploads and parts than end with it at once: abort some of them first.";

/// Which limit was hit, its value, the usage and what was asked for: what the owner needs to act on it. Clients of S3
/// show nothing but the message, so it says the same.
fn over_limit(over: &Over) -> Error {
    let holder = match over.holder {
        Holder::Bucket => "bucket",
        Holder::Account => "account",
    };
    let unit = match over.measure {
        Measure::Bytes => "bytes",
        Measure::Objects => "objects",
    };
    let (limit, used, growth) = (over.limit, over.used, over.growth);
    let message = format!("The {holder} may hold {limit} {unit}: {used} are in use, and this asks for {growth} more.");
    Error::from(Code::InsufficientStorageSpace)
        .owner_message(message)
        .owner_detail("Limit", over.name())
        .owner_detail("LimitValue", over.limit.to_string())
        .owner_detail("Used", over.used.to_string())
        .owner_detail("Requested", over.growth.to_string())
}

impl From<blob::Error> for Error {
    fn from(fault: blob::Error) -> Self {
        match fault {
            blob::Error::Full => Self::from(Code::ServiceUnavailable).caused_by(fault),
            _ => Self::internal(fault),
        }
    }
}

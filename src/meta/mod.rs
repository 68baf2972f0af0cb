//! The only door to metadata: accounts, keys, buckets, objects, counters. [`Store`] runs closures against an
//! [`Engine`]; what they read becomes the commit's expectations, what they change its rows and charges.
//!
//! Not here: headers, XML, HTTP, object bytes.

mod access_key;
mod account;
mod arbiter;
mod body;
mod bucket;
mod bucket_end;
mod cache;
mod charge;
#[cfg(test)]
mod conformance;
mod directory;
mod edit;
mod engine;
mod event;
mod expiry;
pub mod faulty;
mod history;
mod keys;
mod listing;
mod lock;
mod memory;
mod object;
mod part;
mod part_list;
mod record;
mod recount;
mod reserve;
mod rocks;
mod seal;
mod session;
mod setting;
mod slot;
mod store;
#[cfg(test)]
mod testing;
mod upload;
mod upload_page;
mod verify;
mod version;
mod versions_page;

pub use access_key::{AccessKey, Credential, KeyStatus, NewAccessKey};
pub use account::{Account, AccountStatus, Capacity, NewAccount, Pack};
pub use body::{Body, LetGo, Piece, Source, Stored, SweepRow, slice_pieces};
pub use bucket::{Bucket, NewBucket, Versioning};
pub use directory::Renamed;
pub use edit::{Edited, Patch};
pub use engine::{
    COUNTER_KEY_BYTES, Charge, Commit, CounterKey, Deadline, Engine, Family, Revision, Step, Tier, View, Visit, Watch,
    Written, get_owned, get_usage,
};
pub use event::Event;
pub use expiry::Expiring;
pub use listing::{Listed, Page, PageQuery};
pub use memory::MemoryEngine;
pub use object::{CompletedUpload, Object, ObjectState, Restore};
pub use part::Part;
pub use part_list::DonePart;
pub use recount::{Difference, Drift, Recount, Repair, recount};
pub use reserve::Reservation;
pub use rocks::RocksEngine;
pub use seal::{MASTER_KEY_BYTES, Sealer};
pub use setting::{Setting, Settings};
pub use slot::{Deleted, Slot};
pub use store::{Store, Tx};
pub use upload::{OpenUpload, Upload, UploadId};
pub use upload_page::{ListedUpload, PartPage, UploadPage, UploadQuery};
pub use verify::{Verdict, verify};
pub use version::{DeleteMarker, Kept, Version, VersionId};
pub use versions_page::{ListedVersion, VersionsPage, VersionsQuery};

use serde::{Deserialize, Serialize};

use crate::quota::Over;

/// Identity of a bucket. A bucket deleted and made again under its name is another bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketId(pub u64);

/// Identity of stored bytes, unique over all gateways: 8 bytes of time in microseconds, 8 random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId(pub u128);

impl BlobId {
    /// A new identity.
    #[must_use]
    pub fn mint(now_millis: u64) -> Self {
        Self((u128::from(now_millis) * 1000) << 64 | u128::from(rand::random::<u64>()))
    }
}

/// Why metadata could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Something the transaction relied on changed; [`Store::write`] runs it again before anyone else sees this.
    #[error("a conflicting change came first")]
    Conflict,
    /// A limit was hit; nothing was written.
    #[error("over the limit: {0}")]
    Over(Over),
    /// A counter that had to be empty is not; nothing was written. From a commit it means a change that came first.
    #[error("not empty")]
    NotEmpty,
    /// More would have to be written at once than is; nothing was.
    #[error("too much for one commit")]
    TooMany,
    /// The answer is not in memory; [`Store`] repeats the read where it may block.
    #[error("the read needs the disk")]
    WouldBlock,
    /// A file is where a directory has to be, or the other way round; nothing was written.
    #[error("a name of another kind is in the way")]
    WrongKind,
    /// A version is protected from what was asked; nothing was written.
    #[error("the version is protected")]
    Locked,
    /// Stored bytes that make no sense.
    #[error("damaged metadata: {0}")]
    Corrupt(String),
    /// The engine failed; whether the commit happened is open.
    #[error("metadata engine: {0}")]
    Engine(String),
}

/// Result of the metadata part.
pub type Result<T> = std::result::Result<T, Error>;

//! Object bytes: written once, sealed, read by range, freed. A blob has no name here; the metadata record that
//! holds its [`Manifest`] is the only way to it.
//!
//! Contract of every store: after [`BlobWriter::seal`] returned, the bytes survive power loss; a writer dropped
//! without `seal` leaves nothing that a later [`BlobStore::reclaim`] does not give back; extents that were part of a
//! manifest are never handed out again, and segment numbers never come again, so a stale manifest reads zeros, an
//! error or at most what it always read, never another object's bytes: every block carries a CRC32C that reads verify.

mod active;
mod block;
#[cfg(test)]
mod conformance;
pub mod digest;
mod disk;
mod download;
pub mod faulty;
pub mod memory;
pub mod readers;
pub mod segment;
mod shelf;
mod span;
mod sync;
pub mod transfer;
mod upload;
mod writer;

use std::io;

pub use crate::manifest::{Extent, Manifest};
pub use transfer::{Blobs, Download, Upload};

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("object store: {0}")]
    Io(#[source] io::Error),
    /// The filesystem has no room.
    #[error("object store: no space left")]
    Full,
    /// A block does not have its checksum, or lies outside its segment.
    #[error("object store: block {block} of segment {segment} is damaged")]
    Corrupt {
        /// Segment of the block.
        segment: u64,
        /// Index of the block within its blob.
        block: u64,
    },
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// Result of the blob stores.
pub type Result<T> = std::result::Result<T, Error>;

/// A segment as the store sees it, for the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Segment number.
    pub number: u64,
    /// Bytes handed out to writers so far; what lies behind is preallocation.
    pub written_bytes: u64,
    /// It takes writes, or a writer that has not sealed holds some of it: `reclaim` leaves it alone.
    pub active: bool,
}

/// Stores of object bytes. Calls block; [`Blobs`] is the border to async code.
pub trait BlobStore: Send + Sync + std::fmt::Debug + 'static {
    /// Starts a blob. `declared` is its length in bytes where the client announced one: a hint, not a bound.
    fn create(&self, declared: Option<u64>) -> Result<Box<dyn BlobWriter>>;

    /// Reads one whole block of `manifest` (index in `block_checksums`), verified, appended to `buffer`.
    /// With `cached_only` a block that is not in memory gives `Ok(false)`, and the call does not wait for a disk.
    /// Whatever is not `Ok(true)` leaves `buffer` as it was.
    fn read_block(&self, manifest: &Manifest, block: u64, cached_only: bool, buffer: &mut Vec<u8>) -> Result<bool>;

    /// Gives extents back that no record names any more. Freeing twice is harmless, and so is what is not there. A
    /// segment goes with the last of its extents, where the store knows that it was the last.
    fn free(&self, extents: &[Extent]) -> Result<()>;

    /// Segments that exist, ascending.
    fn segments(&self) -> Result<Vec<Segment>>;

    /// Frees everything in a sealed segment but `live` (ascending, not overlapping); a segment without live
    /// extents is removed. Returns the bytes given back; 0 for an active segment. `live` must have the blobs that are
    /// sealed but not yet named by a record too: call it for segments older than every request in flight, as all are
    /// at start. A list out of order, or of another segment, is refused.
    fn reclaim(&self, segment: u64, live: &[Extent]) -> Result<u64>;

    /// Total and available bytes of the filesystem, where it can be known.
    fn capacity(&self) -> Option<(u64, u64)>;
}

/// One blob being written.
pub trait BlobWriter: Send + std::fmt::Debug {
    /// Appends bytes. After an error the blob is lost: only dropping the writer makes sense.
    fn write(&mut self, data: &[u8]) -> Result<()>;

    /// Makes the bytes durable (sharing the sync with whoever waits on the same segment) and says where they lie.
    fn seal(self: Box<Self>) -> Result<Manifest>;
}

/// Refuses lists from which [`BlobStore::reclaim`] would compute gaps that are somebody's bytes.
fn check_live(segment: u64, live: &[Extent]) -> Result<()> {
    let is_in_order = live.windows(2).all(|pair| pair[0].offset.saturating_add(pair[0].length) <= pair[1].offset);
    if is_in_order && live.iter().all(|extent| extent.segment == segment) {
        Ok(())
    } else {
        Err(Error::Io(io::Error::new(io::ErrorKind::InvalidInput, "live extents of another segment or out of order")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_space_has_one_name() {
        assert!(matches!(Error::from(io::Error::from(io::ErrorKind::StorageFull)), Error::Full));
        assert!(matches!(Error::from(io::Error::from_raw_os_error(28)), Error::Full));
        assert!(matches!(Error::from(io::Error::from(io::ErrorKind::QuotaExceeded)), Error::Full));
        assert!(matches!(Error::from(io::Error::other("else")), Error::Io(_)));
    }
}

//! Where sealed bytes lie. Plain values: `blob` makes them and reads by them, `meta` keeps them in its records.

use serde::{Deserialize, Serialize};

/// A contiguous run of bytes in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extent {
    /// Segment number; numbers grow and are never used again.
    pub segment: u64,
    /// Byte offset in the segment.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// Where a sealed blob lies and what its blocks must hash to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Length in bytes.
    pub length: u64,
    /// In order; their lengths sum to `length`.
    pub extents: Vec<Extent>,
    /// CRC32C of each block of `limits::BLOCK_BYTES` of the blob, the last one possibly shorter.
    pub block_checksums: Vec<u32>,
}

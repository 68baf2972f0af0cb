//! An OBS- and S3-compatible object gateway whose limits are exact.
//!
//! Read [`gateway`] first: it is the way of one request. `docs/ARCHITECTURE.md` has the map.

// Process: when things start, listen, repeat, stop.
pub mod admin;
pub mod capacity;
pub mod cli;
pub mod fsck;
pub mod jobs;
pub mod server;

// The spine, and what operations mean.
pub mod gateway;
pub mod ops;

// Decisions: who asks, may they, how a fault looks outside; what is open.
pub mod access;
pub mod app;
pub mod auth;
pub mod faults;

// Edges: bytes to words, records, object bytes.
pub mod blob;
pub mod meta;
pub mod wire;

// Ground: vocabulary shared by all.
pub mod acl;
pub mod attributes;
pub mod checksum;
pub mod clock;
pub mod config;
pub mod cors;
pub mod error;
pub mod headers;
pub mod level;
pub mod limits;
pub mod manifest;
pub mod metrics;
pub mod name;
pub mod object_lock;
pub mod quota;
pub mod secrets;
pub mod sharing;
pub mod storage_class;
pub mod tag;
pub mod trend;

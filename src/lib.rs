//! An OBS- and S3-compatible object gateway whose limits are exact.

pub mod auth;
pub mod blob;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod fsck;
pub mod limits;
pub mod name;
pub mod server;
pub mod wire;

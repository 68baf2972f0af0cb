//! An OBS- and S3-compatible object gateway whose limits are exact.

pub mod auth;
pub mod blob;
pub mod clock;
pub mod error;
pub mod limits;
pub mod name;
pub mod wire;

//! An OBS- and S3-compatible object gateway whose limits are exact.


pub mod blob;
pub mod clock;
pub mod error;
pub mod headers;
pub mod limits;
pub mod meta;
pub mod name;
pub mod quota;

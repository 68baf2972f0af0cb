//! Placeholder until the check itself is merged: the shape of its report.

use serde::Serialize;

use crate::config::Config;

/// What a check of a stopped store found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What was checked and how many of it, for instance `("buckets", 3)`.
    pub checked: Vec<(&'static str, u64)>,
    /// Where the store differs from what it should hold; empty when all is well.
    pub differences: Vec<Difference>,
}

/// One thing that is not as it should be.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The counter or the blob.
    pub what: String,
    /// What the store says.
    pub stored: String,
    /// What was counted or read.
    pub found: String,
}

/// Checks the store in `config.data`, which no process may have open.
pub fn run(_config: &Config) -> std::io::Result<Report> {
    Err(std::io::Error::other("fsck is not there yet"))
}

//! The check of a stopped store: every counter recomputed, every block of every object read.

use std::io;

use serde::Serialize;

use crate::blob::segment::SegmentStore;
use crate::blob::{BlobStore, Manifest};
use crate::config::Config;
use crate::meta::{self, RocksEngine};

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What was checked and how many of it.
    pub checked: Vec<(&'static str, u64)>,
    /// Where the store differs from what it should hold; empty when all is well.
    pub differences: Vec<Difference>,
}

/// One thing that is not as it should be.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The counter, the object or the extent.
    pub place: String,
    /// What was expected and what was found.
    pub finding: String,
}

/// Checks the store in `config.data`, which no process may have open. Changes nothing that it checks.
pub fn run(config: &Config) -> io::Result<Report> {
    let folder = config.data.join("meta");
    if !folder.is_dir() {
        let hint = format!("there is no store in {} (OBS_GATEWAY_DATA names the data folder)", config.data.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, hint));
    }
    let engine = RocksEngine::open(&folder)
        .map_err(|error| io::Error::other(format!("{error}; stop the gateway before checking its store")))?;
    let segments = SegmentStore::open(&config.data.join("segments")).map_err(io::Error::other)?;
    let mut blocks = 0;
    let verdict = meta::verify(&engine, &mut |manifest| check_blocks(&segments, manifest, &mut blocks));
    let verdict = verdict.map_err(io::Error::other)?;
    Ok(Report {
        checked: vec![
            ("buckets", verdict.buckets),
            ("objects", verdict.objects),
            ("bytes", verdict.bytes),
            ("blocks", blocks),
        ],
        differences: verdict
            .differences
            .into_iter()
            .map(|difference| Difference { place: difference.place, finding: difference.finding })
            .collect(),
    })
}

fn check_blocks(segments: &SegmentStore, manifest: &Manifest, blocks: &mut u64) -> Option<String> {
    let mut buffer = Vec::new();
    for block in 0..manifest.block_checksums.len() as u64 {
        buffer.clear();
        *blocks += 1;
        if let Err(error) = segments.read_block(manifest, block, false, &mut buffer) {
            return Some(error.to_string());
        }
    }
    None
}

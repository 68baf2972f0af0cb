//! Policies as they were read, by their text. Reading 20 KB of JSON costs as much as many requests, and a bucket's
//! policy is asked with each.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::Policy;
use crate::error::Result;
use crate::limits;
use crate::name::BucketName;

/// Policies that were read lately.
#[derive(Debug, Default)]
pub struct Policies {
    of_buckets: Texts,
    of_keys: Texts,
}

type Texts = RwLock<HashMap<Box<[u8]>, Arc<Policy>, RandomState>>;

impl Policies {
    /// A bucket's policy, as it was accepted.
    #[must_use]
    pub fn of_bucket(&self, bucket: &BucketName, text: &[u8]) -> Arc<Policy> {
        // Where two buckets have the same text, it names neither: what it says by wildcards is the same for both.
        find_or_read(&self.of_buckets, text, |text| Policy::of_bucket(text, bucket))
    }

    /// The policy of an access key, as it was accepted.
    #[must_use]
    pub fn of_key(&self, text: &str) -> Arc<Policy> {
        find_or_read(&self.of_keys, text.as_bytes(), Policy::of_key)
    }
}

/// A policy that was accepted once and cannot be read any more denies everything: its owner can still replace it.
fn find_or_read(texts: &Texts, text: &[u8], read: impl FnOnce(&[u8]) -> Result<Policy>) -> Arc<Policy> {
    if let Some(policy) = texts.read().get(text) {
        return Arc::clone(policy);
    }
    let policy = Arc::new(read(text).unwrap_or_else(|error| {
        tracing::error!(?error, "a stored policy cannot be read; it denies everything");
        Policy::closed()
    }));
    let mut texts = texts.write();
    if texts.len() >= limits::POLICY_CACHE_COUNT_MAX {
        texts.clear();
    }
    texts.insert(text.into(), Arc::clone(&policy));
    policy
}

//! Samples of the counters over time. Which are taken and kept is decided by `jobs/history.rs` and `trend`.

use std::ops::Bound;

use bytes::Bytes;

use super::engine::{CounterKey, Family, Step};
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::name::AccountId;
use crate::quota::Usage;
use crate::trend::Sample;

/// Bytes of a stored sample: two little-endian integers.
const SAMPLE_BYTES: usize = 16;

impl Tx<'_> {
    /// Counters after `after`, in the order of their keys.
    pub fn counters_after(&mut self, after: Option<&CounterKey>, count_max: usize) -> Result<Vec<(CounterKey, Usage)>> {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
        let mut counters = Vec::new();
        self.scan(Family::Counters, from, None, &mut |row, value| {
            let (Ok(key), Some(usage)) = (row.try_into(), Usage::from_bytes(value)) else {
                return Err(Error::Corrupt("a counter cannot be read".to_owned()));
            };
            counters.push((key, usage));
            Ok(if counters.len() < count_max { Step::Next } else { Step::Stop })
        })?;
        Ok(counters)
    }

    /// Samples of a bucket, newest first, those before `before` (a minute) where it is given.
    pub fn bucket_samples(&mut self, id: BucketId, before: Option<u64>, count_max: usize) -> Result<Vec<Sample>> {
        self.samples(&keys::bucket_counter(id), before, count_max, 0)
    }

    /// Samples of an account, as [`Tx::bucket_samples`].
    pub fn account_samples(&mut self, id: AccountId, before: Option<u64>, count_max: usize) -> Result<Vec<Sample>> {
        self.samples(&keys::account_counter(id), before, count_max, 0)
    }

    /// Samples of a bucket, newest first, back to the first one that is not after the minute `since`.
    pub fn bucket_samples_since(&mut self, id: BucketId, since: u64) -> Result<Vec<Sample>> {
        self.samples(&keys::bucket_counter(id), None, usize::MAX, since)
    }

    /// Samples of an account, as [`Tx::bucket_samples_since`].
    pub fn account_samples_since(&mut self, id: AccountId, since: u64) -> Result<Vec<Sample>> {
        self.samples(&keys::account_counter(id), None, usize::MAX, since)
    }

    /// The newest sample of a counter.
    pub fn newest_sample(&mut self, counter: &CounterKey) -> Result<Option<Sample>> {
        Ok(self.samples(counter, None, 1, 0)?.pop())
    }

    /// Stores a sample.
    pub fn put_sample(&mut self, counter: &CounterKey, sample: &Sample) {
        let mut value = [0; SAMPLE_BYTES];
        value[..8].copy_from_slice(&sample.bytes.to_le_bytes());
        value[8..].copy_from_slice(&sample.objects.to_le_bytes());
        self.put(Family::History, keys::sample(counter, sample.minute), Bytes::copy_from_slice(&value));
    }

    /// Forgets a sample.
    pub fn delete_sample(&mut self, counter: &CounterKey, minute: u64) {
        self.delete(Family::History, keys::sample(counter, minute));
    }

    /// Counter and minute of the samples after `after`, counter by counter, newest first.
    pub fn sample_rows(
        &mut self,
        after: Option<(CounterKey, u64)>,
        count_max: usize,
    ) -> Result<Vec<(CounterKey, u64)>> {
        let after = after.map(|(counter, minute)| keys::sample(&counter, minute));
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = Vec::new();
        self.scan(Family::History, from, None, &mut |row, _| {
            rows.push(keys::parts_of_sample(row).ok_or_else(damaged)?);
            Ok(if rows.len() < count_max { Step::Next } else { Step::Stop })
        })?;
        Ok(rows)
    }

    /// Whether a counter is there; a deleted bucket's is not.
    pub fn has_counter(&mut self, counter: &CounterKey) -> Result<bool> {
        self.get_with(Family::Counters, counter.to_vec(), |value| Ok(value.is_some()))
    }

    fn samples(
        &mut self,
        counter: &CounterKey,
        before: Option<u64>,
        count_max: usize,
        since: u64,
    ) -> Result<Vec<Sample>> {
        let first = keys::sample(counter, before.unwrap_or(u64::MAX));
        let from = if before.is_some() { Bound::Excluded(&first[..]) } else { Bound::Included(&first[..]) };
        let mut samples = Vec::new();
        self.scan(Family::History, from, keys::prefix_end(counter).as_deref(), &mut |row, value| {
            let (_, minute) = keys::parts_of_sample(row).ok_or_else(damaged)?;
            let (bytes, objects) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
            let objects = objects.try_into().map_err(|_| damaged())?;
            let (bytes, objects) = (u64::from_le_bytes(*bytes), u64::from_le_bytes(objects));
            samples.push(Sample { minute, bytes, objects });
            Ok(if samples.len() < count_max && minute > since { Step::Next } else { Step::Stop })
        })?;
        Ok(samples)
    }
}

fn damaged() -> Error {
    Error::Corrupt("a sample cannot be read".to_owned())
}

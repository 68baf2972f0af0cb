//! Room held for uploads under way: a refusal before the body is read instead of after it. Reservations live in
//! memory and vanish with their request; they never decide. The commit does.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::CounterKey;
use super::store::Store;
use super::{Bucket, Error, Result, keys};
use crate::quota::{self, Holder, Limits, Usage};

/// Bytes held per counter.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<HashMap<CounterKey, u64>>);

/// Room held for one upload; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    reservations: Arc<Reservations>,
    counter: CounterKey,
    limits: Limits,
    held_bytes: u64,
}

impl Store {
    /// Holds room for `growth_bytes` more in `bucket`, or says which limit is in the way. Without a limit nothing is
    /// read and nothing held.
    pub async fn reserve(&self, bucket: &Bucket, growth_bytes: u64) -> Result<Reservation> {
        let counter = keys::bucket_counter(bucket.id);
        let mut reservation = Reservation {
            reservations: Arc::clone(self.reservations()),
            counter,
            limits: bucket.limits(),
            held_bytes: 0,
        };
        reservation.extend(self, growth_bytes).await?;
        Ok(reservation)
    }

    /// Whether `growth_bytes` more would fit beside what is stored and held now. Nothing is held.
    pub async fn check_room(&self, bucket: &Bucket, growth_bytes: u64) -> Result<()> {
        if bucket.limits() == Limits::default() {
            return Ok(());
        }
        let usage = self.read(|tx| tx.bucket_usage(bucket.id)).await?;
        let held = self.reservations().0.lock().get(&keys::bucket_counter(bucket.id)).copied().unwrap_or(0);
        fits(&usage, held, growth_bytes, bucket.limits())
    }
}

impl Reservation {
    /// Holds `more_bytes` on top, or leaves everything as it is and says which limit is in the way.
    pub async fn extend(&mut self, store: &Store, more_bytes: u64) -> Result<()> {
        if self.limits == Limits::default() {
            return Ok(());
        }
        let usage = store.read(|tx| tx.usage(&self.counter)).await?;
        let mut held = self.reservations.0.lock();
        let sum = held.entry(self.counter).or_default();
        let verdict = fits(&usage, *sum, more_bytes, self.limits);
        if verdict.is_ok() {
            *sum += more_bytes;
            self.held_bytes += more_bytes;
        } else if *sum == 0 {
            held.remove(&self.counter);
        }
        verdict
    }

    /// Bytes held.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.held_bytes == 0 {
            return;
        }
        let mut held = self.reservations.0.lock();
        if let Some(sum) = held.get_mut(&self.counter) {
            *sum = sum.saturating_sub(self.held_bytes);
            if *sum == 0 {
                held.remove(&self.counter);
            }
        }
    }
}

fn fits(usage: &Usage, held_bytes: u64, growth_bytes: u64, limits: Limits) -> Result<()> {
    let growth = Usage { current_bytes: i64::try_from(growth_bytes).unwrap_or(i64::MAX), ..Usage::default() };
    quota::check(Holder::Bucket, usage, held_bytes, &growth, limits).map_err(Error::Over)
}

//! Room held for uploads under way: a refusal before the body is read instead of after it. Reservations live in
//! memory and vanish with their request; they never decide. The commit does.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::CounterKey;
use super::store::Store;
use super::{Bucket, Error, Result, keys};
use crate::quota::{self, Change, Holder, Limits, Usage};

/// Bytes held per counter.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<HashMap<CounterKey, u64>>);

/// Room held for one upload, in its bucket and in its owner's account; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    reservations: Arc<Reservations>,
    bounds: Vec<Bound>,
    held_bytes: u64,
}

/// A counter that has a limit.
#[derive(Clone, Copy, Debug)]
struct Bound {
    counter: CounterKey,
    holder: Holder,
    limits: Limits,
}

impl Store {
    /// Holds room for `growth_bytes` more in `bucket`, or says which limit is in the way. Where there is no limit,
    /// no counter is read and nothing is held.
    pub async fn reserve(&self, bucket: &Bucket, growth_bytes: u64) -> Result<Reservation> {
        let bounds = self.bounds(bucket).await?;
        let mut reservation = Reservation { reservations: Arc::clone(self.reservations()), bounds, held_bytes: 0 };
        reservation.extend(self, growth_bytes).await?;
        Ok(reservation)
    }

    /// Whether `change` would fit beside what is stored and held now. Nothing is held.
    pub async fn check_room(&self, bucket: &Bucket, change: Change) -> Result<()> {
        let bounds = self.bounds(bucket).await?;
        if bounds.is_empty() {
            return Ok(());
        }
        let usages = self.usages(&bounds).await?;
        let held = self.reservations().0.lock();
        check(&bounds, &usages, &held, &quota::growth(change))
    }

    /// Whether anything limits what this bucket may hold.
    pub async fn is_bounded(&self, bucket: &Bucket) -> Result<bool> {
        Ok(!self.bounds(bucket).await?.is_empty())
    }

    async fn bounds(&self, bucket: &Bucket) -> Result<Vec<Bound>> {
        let account_limits = self.read(|tx| Ok::<_, Error>(tx.owner(bucket.owner)?.limits(tx.now()))).await?;
        let bucket_bound =
            Bound { counter: keys::bucket_counter(bucket.id), holder: Holder::Bucket, limits: bucket.limits() };
        let account_bound =
            Bound { counter: keys::account_counter(bucket.owner), holder: Holder::Account, limits: account_limits };
        let bounds = [bucket_bound, account_bound].into_iter();
        Ok(bounds.filter(|bound| bound.limits != Limits::default()).collect())
    }

    async fn usages(&self, bounds: &[Bound]) -> Result<Vec<Usage>> {
        self.read(|tx| bounds.iter().map(|bound| tx.usage(&bound.counter)).collect()).await
    }
}

impl Reservation {
    /// Holds `more_bytes` on top, or leaves everything as it is and says which limit is in the way.
    pub async fn extend(&mut self, store: &Store, more_bytes: u64) -> Result<()> {
        if self.bounds.is_empty() {
            return Ok(());
        }
        let usages = store.usages(&self.bounds).await?;
        let growth = Usage { current_bytes: i64::try_from(more_bytes).unwrap_or(i64::MAX), ..Usage::default() };
        let mut held = self.reservations.0.lock();
        check(&self.bounds, &usages, &held, &growth)?;
        for bound in &self.bounds {
            *held.entry(bound.counter).or_default() += more_bytes;
        }
        self.held_bytes += more_bytes;
        Ok(())
    }

    /// Whether any limit applies; without one nothing is held.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// Bytes held.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut held = self.reservations.0.lock();
        for bound in &self.bounds {
            let Some(sum) = held.get_mut(&bound.counter) else { continue };
            *sum = sum.saturating_sub(self.held_bytes);
            if *sum == 0 {
                held.remove(&bound.counter);
            }
        }
    }
}

impl Reservations {
    /// Bytes held on a counter now.
    pub(super) fn held_bytes(&self, counter: &CounterKey) -> u64 {
        self.0.lock().get(counter).copied().unwrap_or(0)
    }
}

fn check(bounds: &[Bound], usages: &[Usage], held: &HashMap<CounterKey, u64>, growth: &Usage) -> Result<()> {
    for (bound, usage) in bounds.iter().zip(usages) {
        let held_bytes = held.get(&bound.counter).copied().unwrap_or(0);
        quota::check(bound.holder, usage, held_bytes, growth, bound.limits).map_err(Error::Over)?;
    }
    Ok(())
}

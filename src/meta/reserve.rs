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

#[cfg(test)]
mod tests {
    use super::super::testing::{OWNER, bucket, inline, put, store};
    use super::*;

    fn is_over<T>(verdict: &Result<T>, used: u64) -> bool {
        matches!(verdict, Err(Error::Over(over)) if over.used == used)
    }

    #[tokio::test]
    async fn what_is_held_and_what_is_stored_share_the_room() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 100).await;
        put(&store, &bucket, "k", &inline(30)).await.unwrap();
        let first = store.reserve(&bucket, 40).await.unwrap();
        assert!(is_over(&store.reserve(&bucket, 31).await.map(|_| ()), 70));
        let exact = store.reserve(&bucket, 30).await.unwrap();
        assert!(is_over(&store.check_room(&bucket, 1).await, 100));
        store.check_room(&bucket, 0).await.unwrap();
        drop(first);
        store.check_room(&bucket, 40).await.unwrap();
        store.check_room(&bucket, 40).await.unwrap();
        assert!(is_over(&store.check_room(&bucket, 41).await, 60));
        drop(exact);
        assert!(store.reservations().0.lock().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn an_extension_that_does_not_fit_leaves_what_was_held() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 100).await;
        let mut room = store.reserve(&bucket, 0).await.unwrap();
        room.extend(&store, 60).await.unwrap();
        assert!(is_over(&room.extend(&store, 41).await, 60));
        assert_eq!(room.held_bytes(), 60);
        room.extend(&store, 40).await.unwrap();
        assert_eq!(room.held_bytes(), 100);
        assert!(is_over(&store.reserve(&bucket, 1).await.map(|_| ()), 100));
        drop(room);
        assert!(store.reservations().0.lock().is_empty());
        assert!(is_over(&store.reserve(&bucket, 101).await.map(|_| ()), 0));
        assert!(store.reservations().0.lock().is_empty(), "a refusal leaves no entry");
    }

    #[tokio::test]
    async fn without_a_limit_nothing_is_held() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let mut room = store.reserve(&bucket, u64::MAX).await.unwrap();
        room.extend(&store, u64::MAX).await.unwrap();
        store.check_room(&bucket, u64::MAX).await.unwrap();
        assert_eq!(room.held_bytes(), 0);
        assert!(store.reservations().0.lock().is_empty());
    }

    #[tokio::test]
    async fn the_largest_sizes_do_not_overflow() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", i64::MAX as u64).await;
        let all = store.reserve(&bucket, i64::MAX as u64).await.unwrap();
        assert!(is_over(&store.reserve(&bucket, 1).await.map(|_| ()), i64::MAX as u64));
        assert!(is_over(&store.reserve(&bucket, u64::MAX).await.map(|_| ()), i64::MAX as u64));
        drop(all);
    }
}

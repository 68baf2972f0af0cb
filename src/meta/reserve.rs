//! Room held for uploads under way: a refusal before the body is read instead of after it. Reservations live in
//! memory and vanish with their request; they never decide. The commit does.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::CounterKey;
use super::store::{Store, Tx};
use super::{Bucket, BucketId, Error, Result, keys};
use crate::name::BucketName;
use crate::quota::{self, Change, Holder, Limits, Usage};

/// Bytes held per counter.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<HashMap<CounterKey, u64>>);

/// Room held for one upload, in its bucket and in its owner's account; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    reservations: Arc<Reservations>,
    bucket: (BucketName, BucketId),
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

/// Limits that change as often while one extension is tried are taken as they are.
const LIMIT_CHANGE_COUNT_MAX: usize = 8;

impl Store {
    /// Holds room for `growth_bytes` more in `bucket`, or says which limit is in the way. Where there is no limit,
    /// no counter is read and nothing is held.
    pub async fn reserve(&self, bucket: &Bucket, growth_bytes: u64) -> Result<Reservation> {
        let bounds = self.read(|tx| Ok::<_, Error>(tx.bounds(bucket)?.collect())).await?;
        let reservations = Arc::clone(self.reservations());
        let bucket = (bucket.name.clone(), bucket.id);
        let mut reservation = Reservation { reservations, bucket, bounds, held_bytes: 0 };
        reservation.extend(self, growth_bytes).await?;
        Ok(reservation)
    }

    /// Whether `change` would fit beside what is stored and held now. Nothing is held.
    pub async fn check_room(&self, bucket: &Bucket, change: Change) -> Result<()> {
        self.read(|tx| tx.check_room(bucket, change)).await
    }

    /// Whether anything limits what this bucket may hold.
    pub async fn is_bounded(&self, bucket: &Bucket) -> Result<bool> {
        self.read(|tx| Ok(tx.bounds(bucket)?.next().is_some())).await
    }

    async fn usages(&self, bounds: &[Bound]) -> Result<Vec<Usage>> {
        self.read(|tx| bounds.iter().map(|bound| tx.usage(&bound.counter)).collect()).await
    }
}

impl Tx<'_> {
    /// Whether `change` would fit beside what this transaction sees and what is held now. Nothing is held.
    pub fn check_room(&mut self, bucket: &Bucket, change: Change) -> Result<()> {
        let growth = quota::growth(change);
        for bound in self.bounds(bucket)? {
            let usage = self.usage(&bound.counter)?;
            let held_bytes = self.reserved_bytes(&bound.counter);
            quota::check(bound.holder, &usage, held_bytes, &growth, bound.limits).map_err(Error::Over)?;
        }
        Ok(())
    }

    /// The counters that a change in `bucket` moves, as far as they have limits.
    fn bounds(&mut self, bucket: &Bucket) -> Result<impl Iterator<Item = Bound> + use<>> {
        Ok(self.all_bounds(bucket)?.into_iter().filter(|bound| bound.limits != Limits::default()))
    }

    /// The counters that a change in `bucket` moves.
    fn all_bounds(&mut self, bucket: &Bucket) -> Result<[Bound; 2]> {
        let account_limits = self.owner(bucket.owner)?.limits(self.now());
        let bucket_bound =
            Bound { counter: keys::bucket_counter(bucket.id), holder: Holder::Bucket, limits: bucket.limits() };
        let account_bound =
            Bound { counter: keys::account_counter(bucket.owner), holder: Holder::Account, limits: account_limits };
        Ok([bucket_bound, account_bound])
    }
}

impl Reservation {
    /// Holds `more_bytes` on top, or leaves everything as it is and says which limit is in the way: one of now, for an
    /// upload may take long, and limits be raised meanwhile.
    pub async fn extend(&mut self, store: &Store, more_bytes: u64) -> Result<()> {
        if self.bounds.is_empty() {
            return Ok(());
        }
        for _ in 0..LIMIT_CHANGE_COUNT_MAX {
            match self.try_extend(store, more_bytes).await {
                Err(Error::Over(_)) if self.refresh(store).await? => {}
                outcome => return outcome,
            }
        }
        self.try_extend(store, more_bytes).await
    }

    /// Takes the limits there are now; whether they are others than before. Those of a bucket that went stay.
    async fn refresh(&mut self, store: &Store) -> Result<bool> {
        let (name, id) = &self.bucket;
        let read = store.read(|tx| match tx.bucket(name)?.filter(|bucket| bucket.id == *id) {
            Some(bucket) => tx.all_bounds(&bucket).map(Some),
            None => Ok::<_, Error>(None),
        });
        let Some(now) = read.await? else { return Ok(false) };
        let mut has_changed = false;
        for bound in &mut self.bounds {
            let limits = now.iter().find(|now| now.counter == bound.counter).map_or(bound.limits, |now| now.limits);
            has_changed |= limits != bound.limits;
            bound.limits = limits;
        }
        Ok(has_changed)
    }

    async fn try_extend(&mut self, store: &Store, more_bytes: u64) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::super::testing::{OWNER, bucket, inline, put, store};
    use super::*;

    fn growing(new: u64) -> Change {
        Change::put(None, new)
    }

    fn is_over<T>(verdict: &Result<T>, used: u64) -> bool {
        matches!(verdict, Err(Error::Over(over)) if over.used == used)
    }

    #[tokio::test]
    async fn limits_that_change_count_from_then_on() {
        let store = store();
        let mut bucket = bucket(&store, OWNER, "photos", 100).await;
        let mut held = store.reserve(&bucket, 80).await.unwrap();
        let set = async |bucket: &Bucket| store.write(|tx| tx.put_bucket(bucket)).await.unwrap();
        assert!(is_over(&held.extend(&store, 21).await, 80));
        bucket.quota_bytes = 101;
        set(&bucket).await;
        held.extend(&store, 21).await.unwrap();
        assert!(is_over(&held.extend(&store, 1).await, 101));
        bucket.quota_bytes = 0;
        set(&bucket).await;
        held.extend(&store, 1000).await.unwrap();
        assert_eq!(store.read(|tx| Ok::<_, Error>(tx.bucket_reserved_bytes(bucket.id))).await.unwrap(), 1101);
        drop(held);
        assert_eq!(store.read(|tx| Ok::<_, Error>(tx.bucket_reserved_bytes(bucket.id))).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_is_held_and_what_is_stored_share_the_room() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 100).await;
        put(&store, &bucket, "k", &inline(30)).await.unwrap();
        let first = store.reserve(&bucket, 40).await.unwrap();
        assert!(is_over(&store.reserve(&bucket, 31).await.map(|_| ()), 70));
        let exact = store.reserve(&bucket, 30).await.unwrap();
        assert!(is_over(&store.check_room(&bucket, growing(1)).await, 100));
        store.check_room(&bucket, growing(0)).await.unwrap();
        drop(first);
        store.check_room(&bucket, growing(40)).await.unwrap();
        store.check_room(&bucket, growing(40)).await.unwrap();
        assert!(is_over(&store.check_room(&bucket, growing(41)).await, 60));
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
        store.check_room(&bucket, growing(u64::MAX)).await.unwrap();
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

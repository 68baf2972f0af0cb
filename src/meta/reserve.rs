//! Room held for uploads under way: a refusal before the body is read instead of after it. Reservations live in
//! memory and vanish with their request; they never decide. The commit does.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::engine::CounterKey;
use super::store::Store;
use super::{Bucket, Error, Result, keys};
use crate::quota::{self, Holder, Limits, Usage};

/// Room held per counter.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    held: Mutex<HashMap<CounterKey, Held>>,
    /// Told whenever a reservation that was being settled is gone.
    settled: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: u64,
    /// Those of `bytes` whose commit is under way: the counter may have them already.
    settling_bytes: u64,
}

/// Room held for one upload; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    reservations: Arc<Reservations>,
    counter: CounterKey,
    limits: Limits,
    held_bytes: u64,
    is_settling: bool,
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
            is_settling: false,
        };
        reservation.extend(self, growth_bytes).await?;
        Ok(reservation)
    }

    /// Whether `growth_bytes` more would fit beside what is stored and held now. Nothing is held.
    pub async fn check_room(&self, bucket: &Bucket, growth_bytes: u64) -> Result<()> {
        if bucket.limits() == Limits::default() {
            return Ok(());
        }
        self.fit(&keys::bucket_counter(bucket.id), growth_bytes, bucket.limits(), |_| ()).await
    }

    /// Runs `take` while nothing else is reserved, if `growth_bytes` more fit beside what is stored and held. What
    /// does not fit only because a commit under way may be counted twice waits for that commit: a refusal is true.
    async fn fit(
        &self,
        counter: &CounterKey,
        growth_bytes: u64,
        limits: Limits,
        take: impl FnOnce(&mut Held),
    ) -> Result<()> {
        let reservations = self.reservations();
        loop {
            // Before the look, so that what is settled after it is not missed.
            let settled = reservations.settled.notified();
            // Before the lock: what is settled between the two is then counted too little, and the commit decides.
            let usage = self.read(|tx| tx.usage(counter)).await?;
            {
                let mut all = reservations.held.lock();
                let mut held = all.get(counter).copied().unwrap_or_default();
                let Err(over) = fits(&usage, held.bytes, growth_bytes, limits) else {
                    take(&mut held);
                    if held.bytes > 0 {
                        all.insert(*counter, held);
                    }
                    return Ok(());
                };
                if fits(&usage, held.bytes - held.settling_bytes, growth_bytes, limits).is_err() {
                    return Err(over);
                }
            }
            settled.await;
        }
    }
}

impl Reservation {
    /// Holds `more_bytes` on top, or leaves everything as it is and says which limit is in the way.
    pub async fn extend(&mut self, store: &Store, more_bytes: u64) -> Result<()> {
        if self.limits == Limits::default() {
            return Ok(());
        }
        store.fit(&self.counter, more_bytes, self.limits, |held| held.bytes += more_bytes).await?;
        self.held_bytes += more_bytes;
        Ok(())
    }

    /// The commit that stores what the room was held for begins; from here to the drop both may count it.
    pub fn settle(&mut self) {
        if self.held_bytes > 0 && !self.is_settling {
            self.is_settling = true;
            self.reservations.held.lock().entry(self.counter).or_default().settling_bytes += self.held_bytes;
        }
    }

    /// Whether any limit applies; without one nothing is held.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.limits != Limits::default()
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
        let mut all = self.reservations.held.lock();
        if let Some(held) = all.get_mut(&self.counter) {
            held.bytes = held.bytes.saturating_sub(self.held_bytes);
            if self.is_settling {
                held.settling_bytes = held.settling_bytes.saturating_sub(self.held_bytes);
            }
            if held.bytes == 0 {
                all.remove(&self.counter);
            }
        }
        drop(all);
        if self.is_settling {
            self.reservations.settled.notify_waiters();
        }
    }
}

fn fits(usage: &Usage, held_bytes: u64, growth_bytes: u64, limits: Limits) -> Result<()> {
    let growth = Usage { current_bytes: i64::try_from(growth_bytes).unwrap_or(i64::MAX), ..Usage::default() };
    quota::check(Holder::Bucket, usage, held_bytes, &growth, limits).map_err(Error::Over)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::meta::{BucketId, MASTER_KEY_BYTES, MemoryEngine, Sealer};
    use crate::name::{AccountId, BucketName};

    fn store() -> Store {
        Store::new(Arc::new(MemoryEngine::new()), Sealer::new(&[0; MASTER_KEY_BYTES]))
    }

    fn bucket(quota_bytes: u64) -> Bucket {
        let name = BucketName::parse("bucket").unwrap();
        let owner = AccountId(0);
        Bucket { id: BucketId(1), name, owner, created_millis: 0, region: String::new(), quota_bytes }
    }

    #[tokio::test]
    async fn held_room_is_taken_and_given_back() {
        let (store, bucket) = (store(), bucket(10));
        let mut first = store.reserve(&bucket, 4).await.unwrap();
        first.extend(&store, 2).await.unwrap();
        assert!(matches!(store.reserve(&bucket, 5).await, Err(Error::Over(_))));
        assert!(matches!(store.check_room(&bucket, 5).await, Err(Error::Over(_))));
        store.check_room(&bucket, 4).await.unwrap();
        drop(first);
        drop(store.reserve(&bucket, 10).await.unwrap());
        drop(store.reserve(&bucket, 0).await.unwrap());
        assert!(store.reservations().held.lock().is_empty());
    }

    #[tokio::test]
    async fn what_may_be_counted_twice_is_waited_for() {
        let (store, bucket) = (store(), bucket(10));
        let mut first = store.reserve(&bucket, 6).await.unwrap();
        let other = store.reserve(&bucket, 2).await.unwrap();
        first.settle();
        // What does not fit beside the others either is refused at once; what fits beside everything gets in at once.
        assert!(matches!(store.reserve(&bucket, 9).now_or_never(), Some(Err(Error::Over(_)))));
        assert!(matches!(store.check_room(&bucket, 2).now_or_never(), Some(Ok(()))));
        let mut second = Box::pin(store.reserve(&bucket, 8));
        let mut check = Box::pin(store.check_room(&bucket, 3));
        assert!((&mut second).now_or_never().is_none() && (&mut check).now_or_never().is_none());
        drop(first);
        check.await.unwrap();
        let second = second.await.unwrap();
        assert!(matches!(store.check_room(&bucket, 1).now_or_never(), Some(Err(Error::Over(_)))));
        drop((second, other));
        assert!(store.reservations().held.lock().is_empty());
    }
}

//! Mends counters by what they lack. A repair is a charge like any other: what is written between the recount and
//! the repair keeps counting.

use std::collections::BTreeMap;

use super::Drift;
use crate::meta::engine::{Charge, Family};
use crate::meta::store::{Store, Tx};
use crate::meta::{Error, Result, keys};
use crate::name::AccountId;
use crate::quota::{Holder, Limits, Usage};

/// What became of a difference.
#[derive(Clone, Debug)]
pub enum Repair {
    /// The counter is right.
    Done,
    /// The counter's bucket or account went, or came, since the recount: nothing was changed.
    Overtaken,
    /// Nothing was changed, or the engine cannot tell.
    Failed(Error),
}

impl Store {
    /// Adds to each counter what the recount found it to lack; in the order of `drifts`, what became of each.
    pub async fn repair(&self, drifts: &[Drift]) -> Vec<Repair> {
        let mut repairs: Vec<Repair> = drifts.iter().map(|_| Repair::Overtaken).collect();
        let mut gone: BTreeMap<AccountId, Usage> = BTreeMap::new();
        // Buckets before accounts: an account is not charged for a bucket that went.
        let (buckets, others): (Vec<_>, Vec<_>) =
            drifts.iter().zip(&mut repairs).partition(|(drift, _)| drift.holder == Some(Holder::Bucket));
        for (drift, repair) in buckets {
            *repair = self.repair_one(drift).await;
            if let (Repair::Overtaken, Some(owner)) = (&*repair, drift.owner) {
                let sum = gone.entry(owner).or_default();
                *sum = sum.plus(&drift.difference);
            }
        }
        for (drift, repair) in others {
            let gone = gone.iter().find(|(owner, _)| keys::account_counter(**owner) == drift.counter);
            let mut drift = drift.clone();
            if let Some((_, gone)) = gone {
                drift.difference = gone.difference_to(&drift.difference);
            }
            *repair = self.repair_one(&drift).await;
        }
        repairs
    }

    async fn repair_one(&self, drift: &Drift) -> Repair {
        match self.write(|tx| tx.repair(drift)).await {
            Ok(true) => Repair::Done,
            Ok(false) => Repair::Overtaken,
            Err(error) => Repair::Failed(error),
        }
    }
}

impl Tx<'_> {
    /// Adds what the counter lacks, or closes a counter that is nobody's. False, and nothing changes, when whose it
    /// is has changed since the recount: a bucket's identity is never used again, so nobody else is charged.
    pub fn repair(&mut self, drift: &Drift) -> Result<bool> {
        let holder = self.holder_of(drift)?;
        if holder != drift.holder {
            return Ok(false);
        }
        // Nobody moves a stray counter; should one move all the same, the commit is refused and nothing is lost.
        let close = holder.is_none();
        let growth =
            if close { self.usage(&drift.counter)?.difference_to(&Usage::default()) } else { drift.difference };
        self.charge(Charge {
            counter: drift.counter,
            holder: drift.holder.unwrap_or(Holder::Bucket),
            growth,
            // The objects are there already: a counter that tells the truth is right above a limit too.
            limits: Limits::default(),
            close,
            // Soft limits are compared when it next moves: a repair does not know them.
            watch: None,
        });
        Ok(true)
    }

    /// Whose the counter is now; the commit relies on it.
    fn holder_of(&mut self, drift: &Drift) -> Result<Option<Holder>> {
        if let Some(id) = keys::bucket_of_counter(&drift.counter) {
            let row = self.get(Family::Buckets, keys::bucket_id(id))?;
            return Ok(row.map(|_| Holder::Bucket));
        }
        let Some(id) = keys::account_of_counter(&drift.counter) else { return Ok(None) };
        let row = self.get(Family::Accounts, keys::account(id))?;
        Ok(row.map(|_| Holder::Account))
    }
}

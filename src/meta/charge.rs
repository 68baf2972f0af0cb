//! How bytes meet the counters: the charges of a bucket and its owner, with the limits and soft limits of the moment.

use super::account::Account;
use super::bucket::Bucket;
use super::engine::{Charge, Watch};
use super::store::Tx;
use super::{Error, Result, keys};
use crate::level::Percents;
use crate::name::AccountId;
use crate::quota::{Change, Holder, Limits, Usage, growth};

impl Tx<'_> {
    /// The one place where object bytes meet the counters.
    pub(super) fn charge_change(&mut self, bucket: &Bucket, change: Change) -> Result<()> {
        let growth = growth(change);
        let owner = self.owner(bucket.owner)?;
        self.charge_bucket(bucket, Some(growth));
        self.charge_account(&owner, Some(growth));
        Ok(())
    }

    /// Compares what a bucket holds with its soft limits: for a bucket whose limits are written in this transaction.
    pub(super) fn compare_bucket(&mut self, bucket: &Bucket) {
        self.charge_bucket(bucket, None);
    }

    /// Compares what an account holds with its soft limits as they are now.
    pub(super) fn compare_account(&mut self, account: &Account) {
        self.charge_account(account, None);
    }

    /// Compares what an account holds with its soft limits: for when only time has changed its limits.
    pub fn reconsider_account(&mut self, id: AccountId) -> Result<()> {
        let account = self.account(id)?.ok_or_else(|| Error::Corrupt(format!("there is no account {id}")))?;
        self.compare_account(&account);
        Ok(())
    }

    fn charge_bucket(&mut self, bucket: &Bucket, growth: Option<Usage>) {
        let limits = bucket.limits();
        self.charge(Charge {
            counter: keys::bucket_counter(bucket.id),
            holder: Holder::Bucket,
            growth: growth.unwrap_or_default(),
            limits,
            close: false,
            watch: self.watch(growth, limits, &bucket.soft_percents, bucket.name.as_str(), bucket.owner),
        });
    }

    fn charge_account(&mut self, account: &Account, growth: Option<Usage>) {
        let limits = account.limits(self.now());
        if limits.bytes > 0
            && let Some(changes) = account.capacity(self.now()).changes_millis
        {
            self.rely_on_time(changes);
        }
        self.charge(Charge {
            counter: keys::account_counter(account.id),
            holder: Holder::Account,
            growth: growth.unwrap_or_default(),
            limits,
            close: false,
            watch: self.watch(growth, limits, &account.soft_percents, &account.name, account.id),
        });
    }

    /// Growth under no limit reaches nothing and has reached nothing: there is nothing to compare. A charge without
    /// growth is there to compare, and the limit may be what has just gone.
    fn watch(
        &self,
        growth: Option<Usage>,
        limits: Limits,
        percents: &Percents,
        name: &str,
        account: AccountId,
    ) -> Option<Box<Watch>> {
        let is_needed = limits != Limits::default() || growth.is_none();
        is_needed
            .then(|| Box::new(Watch { percents: percents.clone(), name: name.to_owned(), account, millis: self.now() }))
    }
}

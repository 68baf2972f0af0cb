//! Who has a counter, and what it should say: the sums a recount gathers, and their comparison with what is stored.

use std::collections::BTreeMap;

use super::{Drift, Findings, Slices};
use crate::meta::account::Account;
use crate::meta::bucket::Bucket;
use crate::meta::engine::{CounterKey, Family, Step, Tier, get_owned};
use crate::meta::record::Record;
use crate::meta::{BucketId, Result, keys};
use crate::name::{AccountId, BucketName};
use crate::quota::{Holder, Usage};

/// The buckets and accounts of a state, with what was summed for them so far.
pub(super) struct Books {
    buckets: BTreeMap<BucketId, Counted>,
    accounts: BTreeMap<AccountId, String>,
}

/// A bucket and the sum over its objects.
pub(super) struct Counted {
    name: BucketName,
    owner: AccountId,
    /// `None` when something of it cannot be read: then nobody knows.
    sum: Option<Usage>,
}

impl Counted {
    pub(super) fn name(&self) -> &BucketName {
        &self.name
    }

    pub(super) fn add(&mut self, growth: &Usage) {
        self.sum = self.sum.and_then(|sum| sum.checked_add(growth));
    }

    pub(super) fn doubt(&mut self) {
        self.sum = None;
    }
}

/// What one counter should say.
struct Expected {
    holder: Holder,
    owner: Option<AccountId>,
    place: String,
    sum: Option<Usage>,
}

impl Expected {
    fn drift(self, counter: CounterKey, found: Usage) -> Option<Drift> {
        let difference = found.difference_to(&self.sum?);
        let Self { holder, owner, place, .. } = self;
        (!difference.is_empty()).then_some(Drift { counter, holder: Some(holder), owner, place, found, difference })
    }
}

impl Books {
    /// Reads who there is; `None` when stopped.
    pub(super) fn open(slices: &mut Slices<'_>) -> Result<Option<Self>> {
        let mut books = Self { buckets: BTreeMap::new(), accounts: BTreeMap::new() };
        let (from, to) = keys::tag_range(b'b');
        let read = slices.scan(Family::Buckets, (from, Some(to)), &mut |_, value| {
            let Bucket { id, name, owner, .. } = Bucket::decode(value)?;
            books.buckets.insert(id, Counted { name, owner, sum: Some(Usage::default()) });
            Ok(Step::Next)
        })?;
        if read.is_break() {
            return Ok(None);
        }
        let (from, to) = keys::tag_range(b'a');
        let read = slices.scan(Family::Accounts, (from, Some(to)), &mut |_, value| {
            let Account { id, name, .. } = Account::decode(value)?;
            books.accounts.insert(id, name);
            Ok(Step::Next)
        })?;
        Ok(read.is_continue().then_some(books))
    }

    pub(super) fn bucket_count(&self) -> u64 {
        self.buckets.len() as u64
    }

    pub(super) fn bucket_mut(&mut self, id: BucketId) -> Option<&mut Counted> {
        self.buckets.get_mut(&id)
    }

    /// Gives up the sum of the bucket that the unreadable `row` may belong to.
    pub(super) fn doubt(&mut self, row: &[u8]) {
        let id = row.first_chunk().map(|id| BucketId(u64::from_be_bytes(*id)));
        if let Some(bucket) = id.and_then(|id| self.bucket_mut(id)) {
            bucket.doubt();
        }
    }

    /// The counters that are wrong; `None` when stopped.
    pub(super) fn compare(self, slices: &mut Slices<'_>, findings: &mut Findings) -> Result<Option<Vec<Drift>>> {
        let mut expected = self.expected(slices, findings)?;
        let mut drifts = Vec::new();
        let read = slices.scan(Family::Counters, (Vec::new(), None), &mut |row, value| {
            let Ok(counter) = CounterKey::try_from(row) else {
                findings.add(format!("counter {row:02x?}"), "is not a counter's key");
                return Ok(Step::Next);
            };
            let found = Usage::from_bytes(value);
            match (expected.remove(&counter), found) {
                (Some(expected), Some(found)) => drifts.extend(expected.drift(counter, found)),
                (Some(expected), None) => findings.add(expected.place, "has a counter that cannot be read"),
                (None, Some(found)) => drifts.extend(stray(counter, found)),
                (None, None) => findings.add(format!("counter {row:02x?}"), "cannot be read"),
            }
            Ok(Step::Next)
        })?;
        // No counter is a counter at zero.
        drifts.extend(expected.into_iter().filter_map(|(key, expected)| expected.drift(key, Usage::default())));
        Ok(read.is_continue().then_some(drifts))
    }

    fn expected(self, slices: &Slices<'_>, findings: &mut Findings) -> Result<BTreeMap<CounterKey, Expected>> {
        let mut expected = BTreeMap::new();
        let mut owners: BTreeMap<AccountId, (u64, Option<Usage>)> = BTreeMap::new();
        for (id, Counted { name, owner, sum }) in self.buckets {
            let (count, owned) = owners.entry(owner).or_insert((0, Some(Usage::default())));
            *count += 1;
            *owned = owned.zip(sum).and_then(|(owned, sum)| owned.checked_add(&sum));
            let place = format!("bucket {name}");
            let bucket = Expected { holder: Holder::Bucket, owner: Some(owner), place, sum };
            expected.insert(keys::bucket_counter(id), bucket);
        }
        for (id, name) in self.accounts {
            let (count, sum) = owners.remove(&id).unwrap_or((0, Some(Usage::default())));
            let place = format!("account {name}");
            let stored = get_owned(slices.view, Family::Buckets, &keys::bucket_count(id), Tier::Bulk)?;
            if stored.unwrap_or_else(|| vec![0; 8]) != count.to_be_bytes() {
                findings.add(&place, format!("owns {count} buckets, its record of their number says otherwise"));
            }
            expected.insert(keys::account_counter(id), Expected { holder: Holder::Account, owner: None, place, sum });
        }
        for id in owners.into_keys() {
            findings.add(format!("account {id}"), "owns buckets, but does not exist");
            // Its counter is no stray: the buckets are there.
            let place = format!("account {id}");
            let unknown = Expected { holder: Holder::Account, owner: None, place, sum: None };
            expected.insert(keys::account_counter(id), unknown);
        }
        Ok(expected)
    }
}

/// A counter that belongs to nobody; an empty one takes up a row and says nothing wrong.
fn stray(counter: CounterKey, found: Usage) -> Option<Drift> {
    let difference = found.difference_to(&Usage::default());
    let place = format!("counter {}", counter.map(|byte| format!("{byte:02x}")).concat());
    (!found.is_empty()).then_some(Drift { counter, holder: None, owner: None, place, found, difference })
}

//! Events: crossings of soft limits, numbered in the order of their commits by the arbiter, which alone makes them.
//! Here they are read, dropped when old, and the webhook's place among them is kept.

use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::{self, CounterKey, Family, Step};
use super::record::Record;
use super::store::Tx;
use super::{Error, Result, keys};
use crate::clock::UnixMillis;
use crate::level::Direction;
use crate::name::AccountId;
use crate::quota::{Holder, Measure};

/// A soft limit was crossed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub millis: UnixMillis,
    /// Whose limit.
    pub holder: Holder,
    /// Name of the bucket or account.
    pub name: String,
    /// Its counter, which has its identity.
    pub counter: CounterKey,
    /// The account itself, or the bucket's owner.
    pub account: AccountId,
    /// What the limit counts.
    pub measure: Measure,
    /// Percent of the limit.
    pub percent: u8,
    /// Which way.
    pub direction: Direction,
    /// Usage after the commit that crossed it.
    pub used: u64,
    /// The limit then; 0 where it was taken away.
    pub limit: u64,
}

impl Record for Event {
    const FORMAT: u8 = 1;
    const KIND: &'static str = "an event";
}

impl Event {
    /// Identity of the bucket or account, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        let digits = format!("{:032x}", u128::from_be_bytes(keys::holder_of_counter(&self.counter)));
        match self.holder {
            Holder::Bucket => digits[..16].to_owned(),
            Holder::Account => digits,
        }
    }
}

impl Tx<'_> {
    /// The events after number `after`, in their order.
    pub fn events_after(&mut self, after: u64, count_max: usize) -> Result<Vec<(u64, Event)>> {
        let (_, end) = keys::tag_range(b'e');
        let mut events = Vec::new();
        self.scan(Family::Events, Bound::Excluded(&keys::event(after)), Some(&end), &mut |row, value| {
            if events.len() == count_max {
                return Ok(Step::Stop);
            }
            let number = keys::number_of_event(row);
            let number = number.ok_or_else(|| Error::Corrupt("an event's key cannot be read".to_owned()))?;
            events.push((number, Event::decode(value)?));
            Ok(Step::Next)
        })?;
        Ok(events)
    }

    /// Number of the newest event there ever was; 0 for none.
    pub fn newest_event(&mut self) -> Result<u64> {
        self.look(|view, tier| engine::get_newest_event(view, tier))
    }

    /// Forgets an event.
    pub fn delete_event(&mut self, number: u64) {
        self.delete(Family::Events, keys::event(number));
    }

    /// Number of the last event the webhook took; 0 for none.
    pub fn webhook_position(&mut self) -> Result<u64> {
        let stored = self.get(Family::Events, keys::WEBHOOK_POSITION.to_vec())?;
        let number = stored.map_or(Ok(0), |bytes| bytes.as_slice().try_into().map(u64::from_be_bytes));
        number.map_err(|_| Error::Corrupt("the webhook's position is not a number".to_owned()))
    }

    /// The webhook took everything up to event `number`.
    pub fn put_webhook_position(&mut self, number: u64) {
        let value = Bytes::copy_from_slice(&number.to_be_bytes());
        self.put(Family::Events, keys::WEBHOOK_POSITION.to_vec(), value);
    }
}

//! Decides commits, in order: are the reads still true, does every charge fit? Shared by the engines that decide
//! in one place (RocksDB's committer thread, the in-memory engine). It does no I/O of its own.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::engine::{Charge, Commit, CounterKey, Deadline, Family, Revision};
use super::{Error, Result};
use crate::limits;
use crate::quota::{self, Usage};

/// Recent writes, and the counters with everything decided so far applied.
#[derive(Debug)]
pub(super) struct Arbiter {
    /// Revision of the newest commit decided.
    revision: Revision,
    /// Reads older than this cannot be judged any more.
    floor: Revision,
    hasher: RandomState,
    /// Hash of a written key → revision of its newest write. A collision only makes a transaction run again.
    recent: HashMap<u64, Revision, RandomState>,
    order: VecDeque<(u64, Revision)>,
    counters: HashMap<CounterKey, Usage, RandomState>,
    /// Counters moved since the last [`Arbiter::take_moved`]; `None` means the counter is closed.
    moved: HashMap<CounterKey, Option<Usage>, RandomState>,
}

impl Arbiter {
    /// An arbiter whose first commit gets the revision after `revision`.
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            revision,
            floor: revision,
            hasher: RandomState::default(),
            recent: HashMap::default(),
            order: VecDeque::new(),
            counters: HashMap::default(),
            moved: HashMap::default(),
        }
    }

    /// Decides `commit`. `load` reads a counter that is not in memory from what is durable.
    ///
    /// `Ok` gives the commit's revision: it must be written before anything decided later. After an error nothing
    /// has changed.
    pub(super) fn decide(
        &mut self,
        commit: &Commit,
        load: &mut dyn FnMut(&CounterKey) -> Result<Usage>,
    ) -> Result<Revision> {
        self.check_reads(commit)?;
        if commit.valid_until.as_ref().is_some_and(Deadline::is_over) {
            return Err(Error::Conflict);
        }
        let mut next: Vec<(CounterKey, Option<Usage>)> = Vec::with_capacity(commit.charges.len());
        for charge in &commit.charges {
            let before = match next.iter().rev().find(|(key, _)| *key == charge.counter) {
                Some((_, usage)) => usage.unwrap_or_default(),
                None => self.counter(&charge.counter, load)?,
            };
            next.push((charge.counter, apply(charge, &before)?));
        }
        self.revision += 1;
        for (key, usage) in next {
            self.counters.insert(key, usage.unwrap_or_default());
            self.moved.insert(key, usage);
        }
        for (family, key) in &commit.deletes {
            self.remember(*family, key);
        }
        for (family, key, _) in &commit.puts {
            self.remember(*family, key);
        }
        Ok(self.revision)
    }

    /// Counters moved since the last call, to be written with the commits that moved them.
    pub(super) fn take_moved(&mut self) -> impl Iterator<Item = (CounterKey, Option<Usage>)> + '_ {
        if self.counters.len() > limits::COUNTER_CACHE_COUNT_MAX {
            // Everything in `moved` is about to be written; what is read again later is what was written.
            self.counters.retain(|key, _| self.moved.contains_key(key));
        }
        self.moved.drain()
    }

    fn check_reads(&self, commit: &Commit) -> Result<()> {
        if commit.reads.is_empty() {
            return Ok(());
        }
        if commit.read_at < self.floor {
            return Err(Error::Conflict);
        }
        let stale = |(family, key): &(Family, Vec<u8>)| {
            self.recent.get(&self.hash(*family, key)).is_some_and(|written| *written > commit.read_at)
        };
        if commit.reads.iter().any(stale) { Err(Error::Conflict) } else { Ok(()) }
    }

    fn counter(&mut self, key: &CounterKey, load: &mut dyn FnMut(&CounterKey) -> Result<Usage>) -> Result<Usage> {
        match self.counters.entry(*key) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => Ok(*entry.insert(load(key)?)),
        }
    }

    fn remember(&mut self, family: Family, key: &[u8]) {
        let hash = self.hash(family, key);
        self.recent.insert(hash, self.revision);
        self.order.push_back((hash, self.revision));
        while self.order.len() > limits::CONFLICT_WINDOW_COUNT_MAX {
            let Some((oldest, revision)) = self.order.pop_front() else { break };
            if self.recent.get(&oldest) == Some(&revision) {
                self.recent.remove(&oldest);
            }
            self.floor = revision;
        }
    }

    fn hash(&self, family: Family, key: &[u8]) -> u64 {
        self.hasher.hash_one((family.index(), key))
    }
}

fn apply(charge: &Charge, before: &Usage) -> Result<Option<Usage>> {
    quota::check(charge.holder, before, 0, &charge.growth, charge.limits).map_err(Error::Over)?;
    let after = before
        .checked_add(&charge.growth)
        .ok_or_else(|| Error::Corrupt(format!("counter {:02x?} would leave its range", charge.counter)))?;
    match (charge.close, after.is_empty()) {
        (true, true) => Ok(None),
        (true, false) => Err(Error::NotEmpty),
        (false, _) => Ok(Some(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Change, Holder, Limits, growth};

    const BUCKET: CounterKey = [1; 17];

    #[expect(clippy::unnecessary_wraps, reason = "the shape of a loader")]
    fn none(_: &CounterKey) -> Result<Usage> {
        Ok(Usage::default())
    }

    fn write(key: &[u8], read_at: Revision) -> Commit {
        Commit {
            read_at,
            reads: vec![(Family::Objects, key.to_vec())],
            puts: vec![(Family::Objects, key.to_vec(), bytes::Bytes::new())],
            ..Commit::default()
        }
    }

    fn charge(bytes: u64, limit: u64) -> Charge {
        Charge {
            counter: BUCKET,
            holder: Holder::Bucket,
            growth: growth(Change::Put { old: None, new: bytes }),
            limits: Limits { bytes: limit, objects: 0 },
            close: false,
        }
    }

    #[test]
    fn a_read_that_was_overtaken_is_a_conflict() {
        let mut arbiter = Arbiter::new(0);
        assert_eq!(arbiter.decide(&write(b"a", 0), &mut none).unwrap(), 1);
        assert!(matches!(arbiter.decide(&write(b"a", 0), &mut none), Err(Error::Conflict)));
        assert_eq!(arbiter.decide(&write(b"b", 0), &mut none).unwrap(), 2);
        assert_eq!(arbiter.decide(&write(b"a", 1), &mut none).unwrap(), 3);
    }

    #[test]
    fn a_transaction_older_than_the_window_is_a_conflict() {
        let mut arbiter = Arbiter::new(0);
        for index in 0..=limits::CONFLICT_WINDOW_COUNT_MAX {
            arbiter.decide(&write(&index.to_be_bytes(), index as u64), &mut none).unwrap();
        }
        assert!(matches!(arbiter.decide(&write(b"other", 0), &mut none), Err(Error::Conflict)));
    }

    #[test]
    fn charges_of_one_counter_add_up_and_a_refused_commit_changes_nothing() {
        let mut arbiter = Arbiter::new(0);
        let twice = Commit { charges: vec![charge(40, 100), charge(40, 100)], ..Commit::default() };
        arbiter.decide(&twice, &mut none).unwrap();
        assert!(matches!(arbiter.decide(&twice, &mut none), Err(Error::Over(over)) if over.used == 80));
        let once = Commit { charges: vec![charge(20, 100)], ..Commit::default() };
        arbiter.decide(&once, &mut none).unwrap();
        let moved: Vec<_> = arbiter.take_moved().collect();
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].1.unwrap().used_bytes(), 100);
    }

    #[test]
    fn closing_needs_an_empty_counter() {
        let mut arbiter = Arbiter::new(0);
        let close = Charge { growth: Usage::default(), close: true, ..charge(0, 0) };
        arbiter.decide(&Commit { charges: vec![charge(0, 0)], ..Commit::default() }, &mut none).unwrap();
        let commit = Commit { charges: vec![close], ..Commit::default() };
        assert!(matches!(arbiter.decide(&commit, &mut none), Err(Error::NotEmpty)));
        let delete = Charge { growth: growth(Change::Delete { old: 0 }), ..charge(0, 0) };
        arbiter.decide(&Commit { charges: vec![delete], ..Commit::default() }, &mut none).unwrap();
        arbiter.decide(&commit, &mut none).unwrap();
        assert_eq!(arbiter.take_moved().next().unwrap().1, None);
    }

    #[test]
    fn a_counter_below_zero_is_refused_as_corrupt() {
        let mut arbiter = Arbiter::new(0);
        let delete = Charge { growth: growth(Change::Delete { old: 1 }), ..charge(0, 0) };
        let commit = Commit { charges: vec![delete], ..Commit::default() };
        assert!(matches!(arbiter.decide(&commit, &mut none), Err(Error::Corrupt(_))));
    }
}

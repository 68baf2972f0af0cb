//! Decides commits, in order: are the reads still true, does every charge fit? Shared by the engines that decide
//! in one place (RocksDB's committer thread, the in-memory engine). It does no I/O of its own.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::engine::{self, Charge, Commit, CounterKey, Deadline, Family, Revision, Tier, View, Watch};
use super::event::Event;
use super::record::Record;
use super::{Error, Result, keys};
use crate::level::{Crossing, Levels};
use crate::limits;
use crate::quota::{self, Measure, Usage};

/// A row to be written with the commits that caused it; `None` removes it.
pub(super) type Row = (Family, Vec<u8>, Option<Bytes>);

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
    /// Counters moved since the last [`Arbiter::take_rows`]; `None` means the counter is closed.
    moved: HashMap<CounterKey, Option<Usage>, RandomState>,
    /// Soft limits reached, of counters that are watched.
    levels: HashMap<CounterKey, Levels, RandomState>,
    /// Of these, the ones changed since the last [`Arbiter::take_rows`].
    levels_moved: HashSet<CounterKey, RandomState>,
    /// Number of the newest event; unknown until the first is raised.
    newest_event: Option<u64>,
    /// Events raised since the last [`Arbiter::take_rows`], and their numbers.
    raised: Vec<Row>,
}

/// What a commit does to one counter, all its charges together.
struct Moved<'a> {
    counter: CounterKey,
    before: Usage,
    after: Usage,
    is_closed: bool,
    watched: Option<(&'a Charge, &'a Watch)>,
}

/// What a commit does to the soft limits one counter has reached.
struct Shift {
    counter: CounterKey,
    after: Levels,
    events: Vec<Event>,
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
            levels: HashMap::default(),
            levels_moved: HashSet::default(),
            newest_event: None,
            raised: Vec::new(),
        }
    }

    /// Decides `commit`. `durable` has what is not in memory, as far as it was written.
    ///
    /// `Ok` gives the commit's revision: it must be written before anything decided later. After an error nothing
    /// has changed.
    pub(super) fn decide(&mut self, commit: &Commit, durable: &dyn View) -> Result<Revision> {
        self.check_reads(commit)?;
        if commit.valid_until.as_ref().is_some_and(Deadline::is_over) {
            return Err(Error::Conflict);
        }
        let moved = self.charge(commit, durable)?;
        let shifts = self.compare(&moved, durable)?;
        self.raise(shifts, durable)?;
        self.revision += 1;
        for counter in moved {
            self.counters.insert(counter.counter, counter.after);
            if counter.is_closed {
                self.moved.insert(counter.counter, None);
                self.levels.insert(counter.counter, Levels::default());
                self.levels_moved.insert(counter.counter);
            } else if counter.before != counter.after {
                self.moved.insert(counter.counter, Some(counter.after));
            }
        }
        for (family, key) in &commit.deletes {
            self.remember(*family, key);
        }
        for (family, key, _) in &commit.puts {
            self.remember(*family, key);
        }
        Ok(self.revision)
    }

    /// Counters, soft limits and events of the commits decided since the last call, to be written with them.
    pub(super) fn take_rows(&mut self) -> impl Iterator<Item = Row> + '_ {
        // Everything that moved is about to be written; what is read again later is what was written.
        if self.counters.len() > limits::COUNTER_CACHE_COUNT_MAX {
            self.counters.retain(|key, _| self.moved.contains_key(key));
        }
        if self.levels.len() > limits::COUNTER_CACHE_COUNT_MAX {
            self.levels.retain(|key, _| self.levels_moved.contains(key));
        }
        let counters = self.moved.drain().map(|(key, usage)| {
            (Family::Counters, key.to_vec(), usage.map(|usage| Bytes::copy_from_slice(&usage.to_bytes())))
        });
        let levels = &self.levels;
        let levels = self.levels_moved.drain().map(|key| {
            let reached = levels.get(&key).filter(|levels| !levels.is_empty());
            (Family::Events, keys::levels(&key), reached.map(|levels| Bytes::copy_from_slice(&levels.to_bytes())))
        });
        counters.chain(levels).chain(self.raised.drain(..))
    }

    /// Applies the charges, each to what the ones before it left.
    fn charge<'a>(&mut self, commit: &'a Commit, durable: &dyn View) -> Result<Vec<Moved<'a>>> {
        let mut moved: Vec<Moved<'a>> = Vec::with_capacity(commit.charges.len().min(2));
        for charge in &commit.charges {
            let at = match moved.iter().position(|moved| moved.counter == charge.counter) {
                Some(at) => at,
                None => {
                    let before = self.counter(&charge.counter, durable)?;
                    let (counter, after) = (charge.counter, before);
                    moved.push(Moved { counter, before, after, is_closed: false, watched: None });
                    moved.len() - 1
                }
            };
            let counter = &mut moved[at];
            counter.after = apply(charge, &counter.after)?;
            counter.is_closed = charge.close;
            counter.watched = charge.watch.as_deref().map(|watch| (charge, watch)).or(counter.watched);
        }
        Ok(moved)
    }

    /// Which soft limits the commit crosses. They are compared with those reached when last compared, not with the
    /// usage before, so limits that were changed, or changed by themselves, come out right too.
    fn compare(&mut self, moved: &[Moved<'_>], durable: &dyn View) -> Result<Vec<Shift>> {
        let mut shifts = Vec::new();
        for counter in moved {
            let Some((charge, watch)) = counter.watched else { continue };
            let before = match self.levels.entry(counter.counter) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => *entry.insert(engine::get_levels(durable, &counter.counter, Tier::Disk)?),
            };
            let after = Levels::of(&counter.after, charge.limits, &watch.percents);
            if before != after {
                let events = before.crossings(after).map(|crossing| event(charge, watch, &counter.after, crossing));
                shifts.push(Shift { counter: counter.counter, after, events: events.collect() });
            }
        }
        Ok(shifts)
    }

    /// Numbers the events and keeps them for the next [`Arbiter::take_rows`].
    fn raise(&mut self, shifts: Vec<Shift>, durable: &dyn View) -> Result<()> {
        if shifts.is_empty() {
            return Ok(());
        }
        let mut number = match self.newest_event {
            Some(number) => number,
            None => engine::get_newest_event(durable, Tier::Disk)?,
        };
        let mut rows = Vec::new();
        for event in shifts.iter().flat_map(|shift| &shift.events) {
            number += 1;
            rows.push((Family::Events, keys::event(number), Some(event.encode()?.into())));
        }
        rows.push((Family::Events, keys::EVENT_NEWEST.to_vec(), Some(Bytes::copy_from_slice(&number.to_be_bytes()))));
        self.newest_event = Some(number);
        self.raised.extend(rows);
        for shift in shifts {
            self.levels.insert(shift.counter, shift.after);
            self.levels_moved.insert(shift.counter);
        }
        Ok(())
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

    fn counter(&mut self, key: &CounterKey, durable: &dyn View) -> Result<Usage> {
        match self.counters.entry(*key) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => Ok(*entry.insert(engine::get_usage(durable, key, Tier::Disk)?)),
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

fn apply(charge: &Charge, before: &Usage) -> Result<Usage> {
    quota::check(charge.holder, before, 0, &charge.growth, charge.limits).map_err(Error::Over)?;
    let after = before
        .checked_add(&charge.growth)
        .ok_or_else(|| Error::Corrupt(format!("counter {:02x?} would leave its range", charge.counter)))?;
    if charge.close && !after.is_empty() { Err(Error::NotEmpty) } else { Ok(after) }
}

fn event(charge: &Charge, watch: &Watch, after: &Usage, crossing: Crossing) -> Event {
    let (used, limit) = match crossing.measure {
        Measure::Bytes => (after.used_bytes(), charge.limits.bytes),
        Measure::Objects => (after.used_objects(), charge.limits.objects),
    };
    Event {
        millis: watch.millis,
        holder: charge.holder,
        name: watch.name.clone(),
        counter: charge.counter,
        account: watch.account,
        measure: crossing.measure,
        percent: crossing.percent,
        direction: crossing.direction,
        used: u64::try_from(used).unwrap_or(0),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{Direction, Percents};
    use crate::meta::MemoryEngine;
    use crate::name::AccountId;
    use crate::quota::{Change, Holder, Limits, growth};

    const BUCKET: CounterKey = [1; 17];

    fn nothing() -> MemoryEngine {
        MemoryEngine::new()
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
            growth: growth(Change::put(None, bytes)),
            limits: Limits { bytes: limit, objects: 0 },
            close: false,
            watch: None,
        }
    }

    fn usage_in((family, key, value): &Row) -> Option<Usage> {
        assert_eq!((*family, key.as_slice()), (Family::Counters, BUCKET.as_slice()));
        Usage::from_bytes(value.as_ref()?)
    }

    #[test]
    fn a_read_that_was_overtaken_is_a_conflict() {
        let mut arbiter = Arbiter::new(0);
        assert_eq!(arbiter.decide(&write(b"a", 0), &nothing()).unwrap(), 1);
        assert!(matches!(arbiter.decide(&write(b"a", 0), &nothing()), Err(Error::Conflict)));
        assert_eq!(arbiter.decide(&write(b"b", 0), &nothing()).unwrap(), 2);
        assert_eq!(arbiter.decide(&write(b"a", 1), &nothing()).unwrap(), 3);
    }

    #[test]
    fn a_transaction_older_than_the_window_is_a_conflict() {
        let mut arbiter = Arbiter::new(0);
        for index in 0..=limits::CONFLICT_WINDOW_COUNT_MAX {
            arbiter.decide(&write(&index.to_be_bytes(), index as u64), &nothing()).unwrap();
        }
        assert!(matches!(arbiter.decide(&write(b"other", 0), &nothing()), Err(Error::Conflict)));
    }

    #[test]
    fn charges_of_one_counter_add_up_and_a_refused_commit_changes_nothing() {
        let mut arbiter = Arbiter::new(0);
        let twice = Commit { charges: vec![charge(40, 100), charge(40, 100)], ..Commit::default() };
        arbiter.decide(&twice, &nothing()).unwrap();
        assert!(matches!(arbiter.decide(&twice, &nothing()), Err(Error::Over(over)) if over.used == 80));
        let once = Commit { charges: vec![charge(20, 100)], ..Commit::default() };
        arbiter.decide(&once, &nothing()).unwrap();
        let rows: Vec<_> = arbiter.take_rows().collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(usage_in(&rows[0]).unwrap().used_bytes(), 100);
    }

    #[test]
    fn closing_needs_an_empty_counter() {
        let mut arbiter = Arbiter::new(0);
        let close = Charge { growth: Usage::default(), close: true, ..charge(0, 0) };
        arbiter.decide(&Commit { charges: vec![charge(0, 0)], ..Commit::default() }, &nothing()).unwrap();
        let commit = Commit { charges: vec![close], ..Commit::default() };
        assert!(matches!(arbiter.decide(&commit, &nothing()), Err(Error::NotEmpty)));
        let delete = Charge { growth: growth(Change::delete(0)), ..charge(0, 0) };
        arbiter.decide(&Commit { charges: vec![delete], ..Commit::default() }, &nothing()).unwrap();
        arbiter.decide(&commit, &nothing()).unwrap();
        let rows: Vec<_> = arbiter.take_rows().collect();
        assert!(rows.iter().all(|(_, _, value)| value.is_none()), "{rows:?}");
        assert!(rows.iter().any(|(family, ..)| *family == Family::Counters));
    }

    #[test]
    fn a_counter_below_zero_is_refused_as_corrupt() {
        let mut arbiter = Arbiter::new(0);
        let delete = Charge { growth: growth(Change::delete(1)), ..charge(0, 0) };
        let commit = Commit { charges: vec![delete], ..Commit::default() };
        assert!(matches!(arbiter.decide(&commit, &nothing()), Err(Error::Corrupt(_))));
    }

    /// Numbers, percents and directions of the events a commit raises, after the arbiter's rows went to `written`.
    fn crossed(arbiter: &mut Arbiter, charges: Vec<Charge>) -> Vec<(u64, u8, Direction)> {
        arbiter.decide(&Commit { charges, ..Commit::default() }, &nothing()).unwrap();
        let events = arbiter.take_rows().filter_map(|(_, key, value)| {
            let event = Event::decode(&value?);
            keys::number_of_event(&key).map(|number| (number, event.unwrap()))
        });
        events.map(|(number, event)| (number, event.percent, event.direction)).collect()
    }

    fn watched(growth: Usage, limit: u64, percents: &[u8]) -> Charge {
        let percents = Percents::parse(percents.to_vec()).unwrap();
        let watch = Watch { percents, name: "b".to_owned(), account: AccountId(1), millis: 7 };
        Charge { growth, watch: Some(Box::new(watch)), ..charge(0, limit) }
    }

    fn put(bytes: u64) -> Usage {
        growth(Change::put(None, bytes))
    }

    fn delete(bytes: u64) -> Usage {
        growth(Change::delete(bytes))
    }

    #[test]
    fn a_soft_limit_is_crossed_once_each_way() {
        use Direction::{Down, Up};
        let arbiter = &mut Arbiter::new(0);
        assert_eq!(crossed(arbiter, vec![watched(put(79), 100, &[])]), []);
        assert_eq!(crossed(arbiter, vec![watched(put(1), 100, &[])]), [(1, 80, Up)]);
        assert_eq!(crossed(arbiter, vec![watched(put(1), 100, &[])]), []);
        assert_eq!(crossed(arbiter, vec![watched(put(19), 100, &[])]), [(2, 90, Up), (3, 100, Up)]);
        assert_eq!(crossed(arbiter, vec![watched(delete(79), 100, &[])]).len(), 3);
        let both = vec![watched(put(79), 100, &[]), watched(delete(79), 100, &[])];
        assert_eq!(crossed(arbiter, both), [], "what no commit shows was not crossed");
        assert_eq!(crossed(arbiter, vec![watched(put(60), 100, &[80])]), [(7, 80, Up)]);
        assert_eq!(crossed(arbiter, vec![watched(delete(19), 100, &[80])]), [(8, 80, Down)]);
    }

    #[test]
    fn changed_limits_cross_without_growth() {
        use Direction::{Down, Up};
        let arbiter = &mut Arbiter::new(0);
        let none = Usage::default();
        assert_eq!(crossed(arbiter, vec![charge(85, 0)]), []);
        assert_eq!(crossed(arbiter, vec![watched(none, 100, &[])]), [(1, 80, Up)]);
        assert_eq!(crossed(arbiter, vec![watched(none, 100, &[50, 85])]), [(2, 80, Down), (3, 50, Up), (4, 85, Up)]);
        assert_eq!(crossed(arbiter, vec![watched(none, 50, &[50, 85])]), []);
        assert_eq!(crossed(arbiter, vec![watched(none, 0, &[50, 85])]), [(5, 85, Down), (6, 50, Down)]);
    }

    #[test]
    fn a_refused_commit_raises_nothing_and_takes_no_number() {
        let arbiter = &mut Arbiter::new(0);
        crossed(arbiter, vec![watched(put(85), 100, &[])]);
        let refused = Commit { charges: vec![watched(put(16), 100, &[])], ..Commit::default() };
        assert!(matches!(arbiter.decide(&refused, &nothing()), Err(Error::Over(_))));
        let other = Charge { counter: [2; 17], ..charge(1, 0) };
        let half = Commit {
            charges: vec![
                watched(put(5), 100, &[]),
                Charge { limits: Limits { bytes: 0, objects: 0 }, growth: delete(1), ..other },
            ],
            ..Commit::default()
        };
        assert!(matches!(arbiter.decide(&half, &nothing()), Err(Error::Corrupt(_))));
        assert_eq!(arbiter.take_rows().count(), 0);
        assert_eq!(crossed(arbiter, vec![watched(put(5), 100, &[])]), [(2, 90, Direction::Up)]);
    }
}

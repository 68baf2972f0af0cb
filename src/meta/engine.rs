//! The contract of a metadata engine: ordered bytes in families, and one commit that carries what it relied on,
//! what it charges, and what it writes. Not here: what the bytes mean.
//!
//! Any store that can test and set a small batch can keep this contract. Nothing in it assumes one process.

use std::ops::Bound;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Error, Result, keys};
use crate::clock::{Clock, UnixMillis};
use crate::level::{Levels, Percents};
use crate::name::AccountId;
use crate::quota::{Holder, Limits, Usage};

/// Key spaces, separate because their access patterns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Accounts and access keys: few, read by every request, cached in memory.
    Accounts,
    /// Bucket records and the index of their owners.
    Buckets,
    /// Usage counters. Written by charges only.
    Counters,
    /// Current objects, one row a key, everything a listing shows.
    Objects,
    /// Versions that are not current objects, delete markers among them.
    Versions,
    /// Unfinished multipart uploads and their parts.
    Uploads,
    /// Small bodies, the manifests of large ones, and the lists of composed ones, by blob id.
    Bodies,
    /// How many records name a blob, where it is more than one.
    References,
    /// Which extents of which segment are alive.
    Extents,
    /// Blobs that a record has let go.
    Sweep,
    /// Crossings of soft limits: the events, what is reached now, how far they were delivered.
    Events,
    /// Samples of the counters over time.
    History,
    /// When current objects go that have a number of days.
    Expiries,
}

impl Family {
    /// All families, in the order of [`Family::index`].
    pub const ALL: [Self; 13] = [
        Self::Accounts,
        Self::Buckets,
        Self::Counters,
        Self::Objects,
        Self::Versions,
        Self::Uploads,
        Self::Bodies,
        Self::References,
        Self::Extents,
        Self::Sweep,
        Self::Events,
        Self::History,
        Self::Expiries,
    ];

    /// Position in [`Family::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name on disk.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Buckets => "buckets",
            Self::Counters => "counters",
            Self::Objects => "objects",
            Self::Versions => "versions",
            Self::Uploads => "uploads",
            Self::Bodies => "bodies",
            Self::References => "references",
            Self::Extents => "extents",
            Self::Sweep => "sweep",
            Self::Events => "events",
            Self::History => "history",
            Self::Expiries => "expiries",
        }
    }
}

/// Number of a commit; later commits have larger numbers.
pub type Revision = u64;

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Memory only; a read that needs the disk gives [`Error::WouldBlock`].
    Cached,
    /// Wherever it takes.
    Disk,
    /// Wherever it takes, and leaving in memory what is there: for reads of everything.
    Bulk,
}

/// What a scan does after a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on with the next row.
    Next,
    /// Go on with the first row at or after this key; it must lie after the current row.
    SeekTo(Vec<u8>),
    /// Enough.
    Stop,
}

/// What a scan calls for each row.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<Step>;

/// Reads, of the newest durable state or of a frozen one.
pub trait View: Send + Sync {
    /// Calls `visit` once with the value under `key`, or `None`.
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()>;

    /// Visits rows in ascending key order from `from` up to, and not including, `to` (`None`: to the end).
    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()>;
}

/// An ordered store with atomic commits.
pub trait Engine: View + std::fmt::Debug + 'static {
    /// Decides and applies a commit. It is durable, and visible to every later read, when the future gives `Ok`.
    /// [`Error::Conflict`], [`Error::Over`] and [`Error::NotEmpty`] mean that nothing was written; any other error
    /// leaves it open whether the commit happened.
    ///
    /// The commit is on its way when the call returns: dropping the future does not take it back.
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>>;

    /// A frozen view of everything committed so far.
    fn snapshot(&self) -> Box<dyn View + '_>;

    /// Newest revision that reads are sure to see.
    fn revision(&self) -> Revision;

    /// Newest revision that wrote to `family`; what was read before it changed is stale.
    fn family_revision(&self, family: Family) -> Revision;

    /// Writes what is only in the log to its final place; for an orderly stop.
    fn flush(&self) -> Result<()>;

    /// Why commits are refused since a failed write, if they are.
    fn failure(&self) -> Option<String>;

    /// What was written since the engine was opened; zeros from an engine that does not sync.
    fn written(&self) -> Written {
        Written::default()
    }
}

/// How many commits an engine wrote, and with how many synced writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Commits that passed.
    pub commits: u64,
    /// Synced writes that carried them.
    pub groups: u64,
}

/// One atomic change, decided where it is applied.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Revision the closure read at.
    pub read_at: Revision,
    /// Keys whose values (or absence) the change relies on: if one was written after `read_at`, the answer is
    /// [`Error::Conflict`].
    pub reads: Vec<(Family, Vec<u8>)>,
    /// Counters to move. Not reads: a thousand charges of one counter do not conflict.
    pub charges: Vec<Charge>,
    /// Rows to write.
    pub puts: Vec<(Family, Vec<u8>, Bytes)>,
    /// From when on the change must not be applied: then too the answer is [`Error::Conflict`].
    pub valid_until: Option<Deadline>,
    /// Rows to remove; a missing row is fine.
    pub deletes: Vec<(Family, Vec<u8>)>,
}

impl Commit {
    /// True when there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.charges.is_empty() && self.puts.is_empty() && self.deletes.is_empty()
    }

    /// Bytes the commit will take in the log, roughly.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let puts: usize = self.puts.iter().map(|(_, key, value)| key.len() + value.len() + 16).sum();
        let deletes: usize = self.deletes.iter().map(|(_, key)| key.len() + 16).sum();
        puts + deletes + self.charges.len() * 96
    }
}

/// A moment by the clock of whoever set it.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The moment.
    pub millis: UnixMillis,
    /// The clock.
    pub clock: Clock,
}

impl Deadline {
    /// Whether the moment has come.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.clock.now_millis() >= self.millis
    }
}

/// Length of a counter's key.
pub const COUNTER_KEY_BYTES: usize = 17;
/// Key of a counter: one byte that says whose, and sixteen of identity.
pub type CounterKey = [u8; COUNTER_KEY_BYTES];

/// A bounded change of one counter: applied only if every limit holds at the moment of the commit.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Which counter.
    pub counter: CounterKey,
    /// Whose it is, for the refusal.
    pub holder: Holder,
    /// Added to it.
    pub growth: Usage,
    /// Tested when `growth` is positive.
    pub limits: Limits,
    /// Refuse with [`Error::NotEmpty`] unless the counter is zero throughout, and remove it.
    pub close: bool,
    /// Compare the counter with the soft limits after the commit; an event for each that was crossed since they were
    /// last compared is written with the commit. A charge without growth does nothing else.
    pub watch: Option<Box<Watch>>,
}

/// Soft limits of a counter, and what its events tell.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Percents of the charge's limits.
    pub percents: Percents,
    /// Name of the bucket or account.
    pub name: String,
    /// The account itself, or the bucket's owner.
    pub account: AccountId,
    /// The time the commit was made at.
    pub millis: UnixMillis,
}

/// The value under `key`, copied.
pub fn get_owned(view: &dyn View, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>> {
    let mut found = None;
    view.get(family, key, tier, &mut |value| found = value.map(<[u8]>::to_vec))?;
    Ok(found)
}

/// A counter as the view shows it; zero where there is none.
pub fn get_usage(view: &dyn View, counter: &CounterKey, tier: Tier) -> Result<Usage> {
    let mut usage = Ok(Usage::default());
    view.get(Family::Counters, counter, tier, &mut |value| {
        if let Some(bytes) = value {
            usage = Usage::from_bytes(bytes).ok_or_else(|| Error::Corrupt("a counter has the wrong length".to_owned()));
        }
    })?;
    usage
}

/// The soft limits a counter has reached as the view shows it.
pub(super) fn get_levels(view: &dyn View, counter: &CounterKey, tier: Tier) -> Result<Levels> {
    let stored = get_owned(view, Family::Events, &keys::levels(counter), tier)?;
    let levels = stored.map_or(Some(Levels::default()), |bytes| Levels::from_bytes(&bytes));
    levels.ok_or_else(|| Error::Corrupt("reached soft limits have the wrong length".to_owned()))
}

/// Number of the newest event as the view shows it; 0 where there was none.
pub(super) fn get_newest_event(view: &dyn View, tier: Tier) -> Result<u64> {
    let stored = get_owned(view, Family::Events, keys::EVENT_NEWEST, tier)?;
    let number = stored.map_or(Ok(0), |bytes| bytes.as_slice().try_into().map(u64::from_be_bytes));
    number.map_err(|_| Error::Corrupt("the newest event's number is not a number".to_owned()))
}

//! Recomputes the counters of one frozen state: each bucket from its objects and uploads, each account from its buckets. Reads in
//! slices, so that whoever serves beside it is served, and remembers buckets, never objects. Changes nothing; what
//! mends a difference is in `repair.rs`.

mod books;
mod repair;
#[cfg(test)]
mod tests;
mod uploads;

use std::fmt;
use std::ops::{Bound, ControlFlow};

use super::body::Body;
use super::engine::{CounterKey, Family, Step, Tier, View, Visit};
use super::object::Object;
use super::record::Record;
use super::version::Kept;
use super::{BlobId, BucketId, Result, keys};
use crate::name::AccountId;
use crate::quota::{Change, Held, Holder, Usage, growth};
use books::Books;

pub use repair::Repair;

/// Findings that are listed; what comes after them is only counted.
const FINDING_COUNT_MAX: usize = 10_000;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Bucket, account, object or extent it was found at.
    pub place: String,
    /// What was expected and what was found.
    pub finding: String,
}

/// A counter that does not say what its objects or buckets sum to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which counter.
    pub counter: CounterKey,
    /// Whose it is; `None` for a counter that belongs to no bucket and no account.
    pub holder: Option<Holder>,
    /// Whose account a bucket's bytes count for.
    pub owner: Option<AccountId>,
    /// The bucket or account, by name.
    pub place: String,
    /// What the counter says.
    pub found: Usage,
    /// What must be added to it.
    pub difference: Usage,
}

impl Drift {
    /// What was expected and what was found.
    #[must_use]
    pub fn finding(&self) -> String {
        let Self { found, difference, holder, .. } = self;
        if holder.is_none() {
            return format!("says {found:?} and belongs to no bucket and no account");
        }
        format!("counter says {found:?}, the objects sum to {:?}", found.plus(difference))
    }

    /// Bytes by which the counter is wrong, whichever way and of whatever kind.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let Usage { current_bytes, noncurrent_bytes, part_bytes, .. } = self.difference;
        let kinds = [current_bytes, noncurrent_bytes, part_bytes];
        kinds.into_iter().fold(0, |sum: u64, bytes| sum.saturating_add(bytes.unsigned_abs()))
    }
}

/// What a recount saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Buckets read.
    pub buckets: u64,
    /// Objects read, older versions included.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Counters that are wrong. None of a bucket, or of its owner, that could not be summed.
    pub drifts: Vec<Drift>,
    /// What else is wrong: no charge can mend it.
    pub findings: Vec<Difference>,
}

/// A body that a record names.
pub(super) struct Named<'a> {
    /// What it is the body of, for a finding.
    pub(super) place: fmt::Arguments<'a>,
    /// Which.
    pub(super) blob: BlobId,
    /// Where its bytes are.
    pub(super) body: Body,
    /// Its length in bytes, as the record has it.
    pub(super) size: u64,
}

/// Called with the body of every object, older versions included, and of every part of an unfinished upload.
pub(super) type OnBody<'a> = &'a mut dyn FnMut(Named<'_>) -> Result<()>;

/// Recomputes every counter in `view`, reading at most `slice_count_max` rows at a time. `between` is called after
/// each slice with the number of its rows, and may wait, or stop the recount, which then gives `None`.
pub fn recount(
    view: &dyn View,
    slice_count_max: usize,
    between: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<Recount>> {
    let slices = Slices { view, slice_count_max: slice_count_max.max(1), between };
    recount_with(slices, &mut |_| Ok(()))
}

pub(super) fn recount_with(mut slices: Slices<'_>, on_body: OnBody<'_>) -> Result<Option<Recount>> {
    let mut findings = Findings::default();
    let Some(mut books) = Books::open(&mut slices)? else { return Ok(None) };
    let mut seen = Recount { buckets: books.bucket_count(), ..Recount::default() };
    let mut sums = Sums { books: &mut books, seen: &mut seen, findings: &mut findings, on_body };
    for sum in [Sums::objects, Sums::versions, Sums::uploads, Sums::parts, Sums::tokens] {
        if sum(&mut sums, &mut slices)?.is_break() {
            return Ok(None);
        }
    }
    let Some(drifts) = books.compare(&mut slices, &mut findings)? else { return Ok(None) };
    Ok(Some(Recount { drifts, findings: findings.into_list(), ..seen }))
}

/// What a recount adds up while it reads.
struct Sums<'a, 'b> {
    books: &'a mut Books,
    seen: &'a mut Recount,
    findings: &'a mut Findings,
    on_body: OnBody<'b>,
}

impl Sums<'_, '_> {
    fn objects(&mut self, slices: &mut Slices<'_>) -> Result<ControlFlow<()>> {
        slices.scan(Family::Objects, (Vec::new(), None), &mut |row, value| {
            let Some((id, key)) = keys::key_of_object(row) else {
                self.findings.add(format!("row {row:02x?}"), "is not an object's key");
                // It may lie among a bucket's rows.
                self.books.doubt(row);
                return Ok(Step::Next);
            };
            let object = Object::decode(value).map(|object| Kept::Object(Box::new(object)));
            if self.count(id, key, object, Held::Current)? {
                return Ok(Step::Next);
            }
            Ok(keys::objects_end(id).map_or(Step::Stop, Step::SeekTo))
        })
    }

    fn versions(&mut self, slices: &mut Slices<'_>) -> Result<ControlFlow<()>> {
        let (from, to) = keys::tag_range(b'v');
        slices.scan(Family::Versions, (from, Some(to)), &mut |row, value| {
            let Some((id, key, _)) = keys::parts_of_version(row) else {
                self.findings.add(format!("row {row:02x?}"), "is not a version's key");
                self.books.doubt(&row[1..]);
                return Ok(Step::Next);
            };
            let is_known = self.count(id, &key, Kept::decode(value), Held::Noncurrent)?;
            Ok(if is_known { Step::Next } else { Step::SeekTo(keys::versions_end(id)) })
        })
    }

    /// Counts one version; false where its bucket does not exist.
    fn count(&mut self, id: BucketId, key: &str, kept: Result<Kept>, as_object: fn(u64) -> Held) -> Result<bool> {
        let Some(bucket) = self.books.bucket_mut(id) else {
            self.findings.add(format!("bucket {:016x}", id.0), "has objects, but does not exist");
            return Ok(false);
        };
        match kept {
            Ok(Kept::Object(object)) => {
                bucket.add(&growth(Change::default().comes(as_object(object.size))));
                self.seen.objects += 1;
                self.seen.bytes = self.seen.bytes.saturating_add(object.size);
                let place = format_args!("/{}/{key}", bucket.name());
                (self.on_body)(Named { place, blob: object.blob, body: object.body, size: object.size })?;
            }
            Ok(Kept::Marker(_)) => bucket.add(&growth(Change::default().comes(Held::DeleteMarker))),
            Err(error) => {
                bucket.doubt();
                self.findings.add(format!("/{}/{key}", bucket.name()), error.to_string());
            }
        }
        Ok(true)
    }
}

/// A view, read in slices.
pub(super) struct Slices<'a> {
    pub(super) view: &'a dyn View,
    pub(super) slice_count_max: usize,
    pub(super) between: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Slices<'_> {
    /// Visits the rows from the first key of `range` up to, and not including, the second. `visit` may seek; a stop
    /// ends the scan, as the end of the range does.
    fn scan(
        &mut self,
        family: Family,
        (mut from, to): (Vec<u8>, Option<Vec<u8>>),
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        loop {
            let (mut rows, mut next) = (0, None);
            self.view.scan(family, Bound::Included(&from), to.as_deref(), Tier::Bulk, &mut |row, value| {
                if rows == self.slice_count_max {
                    next = Some(row.to_vec());
                    return Ok(Step::Stop);
                }
                rows += 1;
                visit(row, value)
            })?;
            if rows > 0 && (self.between)(rows as u64).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            match next {
                Some(row) => from = row,
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    }
}

/// What is wrong and no charge can mend, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Difference>,
    unlisted: u64,
}

impl Findings {
    pub(super) fn add(&mut self, place: impl Into<String>, finding: impl Into<String>) {
        if self.list.len() < FINDING_COUNT_MAX {
            self.list.push(Difference { place: place.into(), finding: finding.into() });
        } else {
            self.unlisted += 1;
        }
    }

    pub(super) fn into_list(mut self) -> Vec<Difference> {
        if self.unlisted > 0 {
            let finding = format!("{} more findings are not listed", self.unlisted);
            self.list.push(Difference { place: "store".to_owned(), finding });
        }
        self.list
    }
}

//! Recomputes what the counters should say and holds everything stored against it. Reads one frozen state and
//! changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::account::Account;
use super::bucket::Bucket;
use super::engine::{Engine, Family, Step, Tier, View, get_owned};
use super::object::{Body, Object, extent_of};
use super::record::Record;
use super::{BucketId, Result, keys};
use crate::manifest::{Extent, Manifest};
use crate::name::AccountId;
use crate::quota::{Change, Usage, growth};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Bucket, account, object or extent it was found at.
    pub place: String,
    /// What was expected and what was found.
    pub finding: String,
}

/// What a verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Buckets read.
    pub buckets: u64,
    /// Objects read.
    pub objects: u64,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Everything that is wrong; empty for a sound store.
    pub differences: Vec<Difference>,
}

struct Verifier<'a> {
    view: &'a dyn View,
    verdict: Verdict,
    bodies: BTreeSet<Vec<u8>>,
    extents: BTreeMap<Vec<u8>, Extent>,
}

/// Verifies everything in `engine`. `check_body` is called for every object whose bytes lie in segments and says
/// what is wrong with them, if anything is.
pub fn verify(engine: &dyn Engine, check_body: &mut dyn FnMut(&Manifest) -> Option<String>) -> Result<Verdict> {
    let view = engine.snapshot();
    let verdict = Verdict::default();
    let mut verifier = Verifier { view: &*view, verdict, bodies: BTreeSet::new(), extents: BTreeMap::new() };
    let buckets: Vec<Bucket> = verifier.records(Family::Buckets, b'b')?;
    let accounts: Vec<Account> = verifier.records(Family::Accounts, b'a')?;
    let mut bucket_sums = BTreeMap::new();
    verifier.objects(&buckets, &mut bucket_sums, check_body)?;
    verifier.bodies()?;
    verifier.extents()?;
    verifier.counters(&buckets, &accounts, &bucket_sums)?;
    verifier.verdict.buckets = buckets.len() as u64;
    Ok(verifier.verdict)
}

impl Verifier<'_> {
    fn differ(&mut self, place: impl Into<String>, finding: impl Into<String>) {
        self.verdict.differences.push(Difference { place: place.into(), finding: finding.into() });
    }

    fn records<R: Record>(&self, family: Family, tag: u8) -> Result<Vec<R>> {
        let (from, to) = keys::tag_range(tag);
        let mut records = Vec::new();
        self.view.scan(family, Bound::Included(&from), Some(&to), Tier::Disk, &mut |_, value| {
            records.push(R::decode(value)?);
            Ok(Step::Next)
        })?;
        Ok(records)
    }

    fn objects(
        &mut self,
        buckets: &[Bucket],
        sums: &mut BTreeMap<BucketId, Usage>,
        check_body: &mut dyn FnMut(&Manifest) -> Option<String>,
    ) -> Result<()> {
        let names: BTreeMap<BucketId, &Bucket> = buckets.iter().map(|bucket| (bucket.id, bucket)).collect();
        let view = self.view;
        view.scan(Family::Objects, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            let Some((bucket, key)) = keys::key_of_object(row) else {
                self.differ(format!("row {row:02x?}"), "is not an object's key");
                return Ok(Step::Next);
            };
            let place = match names.get(&bucket) {
                Some(bucket) => format!("/{}/{key}", bucket.name),
                None => {
                    self.differ(
                        format!("object {key}"),
                        format!("lies in bucket {:016x}, which does not exist", bucket.0),
                    );
                    return Ok(Step::Next);
                }
            };
            match Object::decode(value) {
                Ok(object) => {
                    let sum = sums.entry(bucket).or_default();
                    let grown = sum.checked_add(&growth(Change::Put { old: None, new: object.size }));
                    *sum = grown.unwrap_or(*sum);
                    self.verdict.objects += 1;
                    self.verdict.bytes += object.size;
                    self.body(place, &object, check_body)?;
                }
                Err(error) => self.differ(place, error.to_string()),
            }
            Ok(Step::Next)
        })
    }

    fn body(
        &mut self,
        place: String,
        object: &Object,
        check_body: &mut dyn FnMut(&Manifest) -> Option<String>,
    ) -> Result<()> {
        let row = keys::body(object.blob);
        let Some(stored) = get_owned(self.view, Family::Bodies, &row, Tier::Disk)? else {
            self.differ(place, "has no body");
            return Ok(());
        };
        if !self.bodies.insert(row) {
            self.differ(place.clone(), "shares its body with another object");
        }
        let length = match object.body {
            Body::Inline => stored.len() as u64,
            Body::Segments => match Manifest::decode(&stored) {
                Ok(manifest) => {
                    for extent in &manifest.extents {
                        self.extents.insert(keys::extent(extent.segment, extent.offset), *extent);
                    }
                    if let Some(finding) = check_body(&manifest) {
                        self.differ(place.clone(), finding);
                    }
                    manifest.length
                }
                Err(error) => {
                    self.differ(place, error.to_string());
                    return Ok(());
                }
            },
        };
        if length != object.size {
            self.differ(place, format!("has {length} bytes, its record says {}", object.size));
        }
        Ok(())
    }

    /// Bodies that no object names.
    fn bodies(&mut self) -> Result<()> {
        let view = self.view;
        view.scan(Family::Bodies, Bound::Unbounded, None, Tier::Disk, &mut |row, _| {
            if !self.bodies.contains(row) {
                self.differ(format!("body {row:02x?}"), "belongs to no object");
            }
            Ok(Step::Next)
        })
    }

    /// The table of live extents against the manifests.
    fn extents(&mut self) -> Result<()> {
        let view = self.view;
        let mut named = std::mem::take(&mut self.extents);
        view.scan(Family::Extents, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            let extent = extent_of(row, value)?;
            if named.remove(row) != Some(extent) {
                self.differ(format!("extent {extent:?}"), "is in the table of live extents, but no object has it");
            }
            Ok(Step::Next)
        })?;
        for extent in named.into_values() {
            self.differ(format!("extent {extent:?}"), "belongs to an object, but is not in the table of live extents");
        }
        Ok(())
    }

    fn counters(&mut self, buckets: &[Bucket], accounts: &[Account], sums: &BTreeMap<BucketId, Usage>) -> Result<()> {
        let mut expected: BTreeMap<Vec<u8>, (String, Usage)> = BTreeMap::new();
        let mut by_owner: BTreeMap<AccountId, Usage> = BTreeMap::new();
        for bucket in buckets {
            let sum = sums.get(&bucket.id).copied().unwrap_or_default();
            let owned = by_owner.entry(bucket.owner).or_default();
            *owned = owned.checked_add(&sum).unwrap_or(*owned);
            expected.insert(keys::bucket_counter(bucket.id).to_vec(), (format!("bucket {}", bucket.name), sum));
        }
        for account in accounts {
            let sum = by_owner.remove(&account.id).unwrap_or_default();
            expected.insert(keys::account_counter(account.id).to_vec(), (format!("account {}", account.name), sum));
        }
        for owner in by_owner.into_keys() {
            self.differ(format!("account {owner}"), "owns buckets, but does not exist");
        }
        let view = self.view;
        view.scan(Family::Counters, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            let found = Usage::from_bytes(value).unwrap_or_default();
            match expected.remove(row) {
                Some((place, sum)) if sum != found => {
                    self.differ(place, format!("counter says {found:?}, the objects sum to {sum:?}"));
                }
                Some(_) => {}
                None if found.is_empty() => {}
                None => self.differ(format!("counter {row:02x?}"), "belongs to no bucket and no account"),
            }
            Ok(Step::Next)
        })?;
        for (place, sum) in expected.into_values().filter(|(_, sum)| !sum.is_empty()) {
            self.differ(place, format!("has no counter, the objects sum to {sum:?}"));
        }
        Ok(())
    }
}

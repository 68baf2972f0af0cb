//! The check of everything a stopped store holds: the counters recomputed, every object and part held against its body,
//! every body and extent against the record that names it. Reads one frozen state and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use super::access_key::{AccessKey, parse_count};
use super::body::{Body, LetGo, Pieces, Source, extent_of};
use super::engine::{Engine, Family, Step, Tier, View, Visit, get_owned};
use super::object::Object;
use super::part_list::PartList;
use super::record::Record;
use super::recount::{Difference, Named, Slices, recount_with};
use super::{BlobId, Result, keys};
use crate::manifest::{Extent, Manifest};
use crate::name::AccountId;

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
    /// Bodies and how many records name each.
    references: BTreeMap<(BlobId, Body), u32>,
    /// An object or part that has a body in segments or in pieces, by what it is called; none for a body that only
    /// waits for the sweep.
    places: BTreeMap<BlobId, String>,
    extents: BTreeMap<Vec<u8>, Extent>,
    /// Lengths of composed bodies in bytes.
    lists: BTreeMap<BlobId, u64>,
}

/// Verifies everything in `engine`. `check_body` is called for every body whose bytes lie in segments and says
/// what is wrong with them, if anything is.
pub fn verify(engine: &dyn Engine, check_body: &mut dyn FnMut(&Manifest) -> Option<String>) -> Result<Verdict> {
    let view = engine.snapshot();
    let verdict = Verdict::default();
    let (references, places, extents) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut verifier = Verifier { view: &*view, verdict, references, places, extents, lists: BTreeMap::new() };
    let slices = Slices { view: &*view, slice_count_max: usize::MAX, between: &mut |_| ControlFlow::Continue(()) };
    let recount = recount_with(slices, &mut |named| verifier.named(&named))?;
    verifier.let_go()?;
    verifier.pieces()?;
    verifier.bodies(check_body)?;
    verifier.reference_counts()?;
    verifier.extents()?;
    verifier.expiries()?;
    verifier.temporary_keys()?;
    // Nobody stops this one.
    let recount = recount.unwrap_or_default();
    let drifts = recount.drifts.iter().map(|drift| Difference { place: drift.place.clone(), finding: drift.finding() });
    let mut verdict = verifier.verdict;
    verdict.differences.extend(recount.findings.into_iter().chain(drifts));
    Ok(Verdict { buckets: recount.buckets, objects: recount.objects, bytes: recount.bytes, ..verdict })
}

impl Verifier<'_> {
    fn differ(&mut self, place: impl Into<String>, finding: impl Into<String>) {
        self.verdict.differences.push(Difference { place: place.into(), finding: finding.into() });
    }

    fn name(&mut self, blob: BlobId, body: Body) {
        *self.references.entry((blob, body)).or_default() += 1;
    }

    /// A body that the record of an object or a part names.
    fn named(&mut self, named: &Named<'_>) -> Result<()> {
        let Named { place, blob, body, size } = named;
        let Some(stored) = get_owned(self.view, Family::Bodies, &keys::body(*blob), Tier::Disk)? else {
            self.differ(place.to_string(), "has no body");
            return Ok(());
        };
        self.name(*blob, *body);
        let length = match body {
            Body::Inline => Ok(stored.len() as u64),
            Body::Segments => Manifest::decode(&stored).map(|manifest| manifest.length),
            Body::Pieces => Pieces::decode(&stored).map(|Pieces(pieces)| pieces.iter().map(|piece| piece.length).sum()),
        };
        match length {
            Ok(length) if length == *size => {}
            Ok(length) => self.differ(place.to_string(), format!("has {length} bytes, its record says {size}")),
            Err(error) => self.differ(place.to_string(), error.to_string()),
        }
        if *body != Body::Inline {
            self.places.insert(*blob, place.to_string());
        }
        Ok(())
    }

    /// What a body is called: one of the objects that have it, if any.
    fn place(&self, blob: BlobId) -> String {
        self.places.get(&blob).cloned().unwrap_or_else(|| format!("body {:032x}", blob.0))
    }

    /// What waits for the sweep still counts as named.
    fn let_go(&mut self) -> Result<()> {
        let view = self.view;
        view.scan(Family::Sweep, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            match LetGo::decode(value) {
                Ok(LetGo::Blob { blob, body }) => self.name(blob, body),
                Ok(LetGo::Extents(_)) => {}
                Err(error) => self.differ(format!("sweep row {row:02x?}"), error.to_string()),
            }
            Ok(Step::Next)
        })
    }

    /// What composed bodies are made of.
    fn pieces(&mut self) -> Result<()> {
        let lists: Vec<BlobId> =
            self.references.keys().filter(|(_, body)| *body == Body::Pieces).map(|(blob, _)| *blob).collect();
        for blob in lists {
            let (place, is_kept) = (self.place(blob), self.places.contains_key(&blob));
            let Some(stored) = get_owned(self.view, Family::Bodies, &keys::body(blob), Tier::Disk)? else { continue };
            let Ok(Pieces(pieces)) = Pieces::decode(&stored) else { continue };
            self.lists.insert(blob, pieces.iter().map(|piece| piece.length).sum());
            for piece in pieces {
                match piece.source {
                    Source::Blob { body: Body::Pieces, .. } => self.differ(&place, "has a list for a piece"),
                    Source::Blob { blob, body, .. } => {
                        self.name(blob, body);
                        if is_kept {
                            self.places.entry(blob).or_insert_with(|| place.clone());
                        }
                    }
                    Source::Zeros => {}
                }
            }
        }
        Ok(())
    }

    /// Every body against those that name it.
    fn bodies(&mut self, check_body: &mut dyn FnMut(&Manifest) -> Option<String>) -> Result<()> {
        let view = self.view;
        let mut missing: BTreeMap<Vec<u8>, Body> =
            self.references.keys().map(|(blob, body)| (keys::body(*blob), *body)).collect();
        if missing.len() != self.references.len() {
            self.differ("bodies", "are taken for bodies of another kind");
        }
        view.scan(Family::Bodies, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            if let Some(blob) = keys::blob_of_part_list(row) {
                self.part_list(blob, value);
                return Ok(Step::Next);
            }
            match missing.remove(row) {
                None => self.differ(format!("body {row:02x?}"), "belongs to no object"),
                Some(Body::Inline | Body::Pieces) => {}
                Some(Body::Segments) => match Manifest::decode(value) {
                    Ok(manifest) => {
                        for extent in &manifest.extents {
                            self.extents.insert(keys::extent(extent.segment, extent.offset), *extent);
                        }
                        // What only waits for the sweep may have given its space back before a crash.
                        let blob = blob_of(row);
                        if self.places.contains_key(&blob)
                            && let Some(finding) = check_body(&manifest)
                        {
                            self.differ(self.place(blob), finding);
                        }
                    }
                    Err(error) => self.differ(self.place(blob_of(row)), error.to_string()),
                },
            }
            Ok(Step::Next)
        })?;
        for row in missing.into_keys() {
            self.differ(format!("body {row:02x?}"), "is named, but does not exist");
        }
        Ok(())
    }

    /// The parts of a composed body against its length.
    fn part_list(&mut self, blob: BlobId, value: &[u8]) {
        let Some(length) = self.lists.get(&blob) else {
            return self.differ(format!("list of the parts of body {:032x}", blob.0), "belongs to no composed body");
        };
        let parts = PartList::decode(value).map(|PartList(parts)| parts.iter().map(|part| part.length).sum::<u64>());
        match parts {
            Ok(parts) if parts == *length => {}
            Ok(parts) => self.differ(self.place(blob), format!("has {length} bytes, its parts have {parts}")),
            Err(error) => self.differ(self.place(blob), error.to_string()),
        }
    }

    /// The number of an account's temporary access keys against the keys. An account has none before its first.
    fn temporary_keys(&mut self) -> Result<()> {
        let view = self.view;
        let mut kept: BTreeMap<AccountId, u64> = BTreeMap::new();
        let scan = |tag: u8, visit: Visit<'_>| {
            let (from, to) = keys::tag_range(tag);
            view.scan(Family::Accounts, Bound::Included(&from), Some(&to), Tier::Disk, visit)
        };
        scan(b'k', &mut |row, value| {
            match AccessKey::decode(value) {
                Ok(key) if key.is_temporary() => *kept.entry(key.account).or_default() += 1,
                Ok(_) => {}
                Err(error) => self.differ(format!("access key row {row:02x?}"), error.to_string()),
            }
            Ok(Step::Next)
        })?;
        scan(b'c', &mut |row, value| {
            let account = keys::account_of_temporary_key_count(row).unwrap_or(AccountId::NOBODY);
            let kept = kept.get(&account).copied().unwrap_or_default();
            match parse_count(value) {
                Ok(counted) if counted == kept => {}
                Ok(counted) => {
                    let finding = format!("counts {counted} temporary access keys, has {kept}");
                    self.differ(format!("account {account}"), finding);
                }
                Err(error) => self.differ(format!("account {account}"), error.to_string()),
            }
            Ok(Step::Next)
        })
    }

    /// The table of reference counts against those that name.
    fn reference_counts(&mut self) -> Result<()> {
        let view = self.view;
        let shared = self.references.iter().filter(|(_, count)| **count > 1);
        let mut expected: BTreeMap<Vec<u8>, u32> =
            shared.map(|((blob, _), count)| (keys::references(*blob), *count)).collect();
        view.scan(Family::References, Bound::Unbounded, None, Tier::Disk, &mut |row, value| {
            let counted = value.try_into().map(u32::from_be_bytes).ok();
            let named = expected.remove(row);
            if counted != Some(named.unwrap_or(1)) {
                let named = named.unwrap_or(1);
                self.differ(
                    format!("body {row:02x?}"),
                    format!("is counted {counted:?} times and named {named} times"),
                );
            }
            Ok(Step::Next)
        })?;
        for (row, count) in expected {
            self.differ(format!("body {row:02x?}"), format!("is named {count} times and not counted"));
        }
        Ok(())
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

    /// The table of what goes by itself against the current objects.
    fn expiries(&mut self) -> Result<()> {
        let view = self.view;
        let mut expected = BTreeSet::new();
        view.scan(Family::Objects, Bound::Unbounded, None, Tier::Bulk, &mut |row, value| {
            // What cannot be read has been found already.
            if let (Some((bucket, key)), Ok(object)) = (keys::key_of_object(row), Object::decode(value))
                && let Some(millis) = object.due_millis()
            {
                expected.insert(keys::expiry(millis, bucket, object.version.order, key));
            }
            Ok(Step::Next)
        })?;
        view.scan(Family::Expiries, Bound::Unbounded, None, Tier::Disk, &mut |row, _| {
            if !expected.remove(row) {
                self.differ(format!("expiry row {row:02x?}"), "is of no current object");
            }
            Ok(Step::Next)
        })?;
        for row in expected {
            self.differ(format!("expiry row {row:02x?}"), "is missing, though its object has days");
        }
        Ok(())
    }
}

/// The blob of a row of `Bodies`.
fn blob_of(row: &[u8]) -> BlobId {
    BlobId(row.try_into().map_or(0, u128::from_be_bytes))
}

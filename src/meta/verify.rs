//! The check of everything a stopped store holds: the counters recomputed, every object held against its body, every
//! body and extent against the object that names it. Reads one frozen state and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use super::engine::{Engine, Family, Step, Tier, View, get_owned};
use super::object::{Body, Object, extent_of};
use super::record::Record;
use super::recount::{Difference, Slices, recount_with};
use super::{Result, keys};
use crate::manifest::{Extent, Manifest};

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
    let slices = Slices { view: &*view, slice_count_max: usize::MAX, between: &mut |_| ControlFlow::Continue(()) };
    let recount =
        recount_with(slices, &mut |bucket, key, object| verifier.body(format!("/{bucket}/{key}"), object, check_body))?;
    verifier.bodies()?;
    verifier.extents()?;
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
}

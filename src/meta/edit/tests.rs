//! Histories of changes against plain bytes, and the shapes that bodies take.

use std::cell::RefCell;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::super::testing::{NOW, OWNER, bucket, inline, key, put, store};
use super::super::{Bucket, Renamed, Store, Versioning, verify};
use super::*;
use crate::manifest::{Extent, Manifest};

const SMALL: u64 = limits::INLINE_BODY_BYTES_MAX;
const KEYS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        key: usize,
        size: u64,
    },
    /// At so many tenths of the object's length.
    Write {
        key: usize,
        tenths: u64,
        size: u64,
    },
    /// To so many tenths of its length and some bytes.
    Truncate {
        key: usize,
        tenths: u64,
        more: u64,
    },
    Copy {
        from: usize,
        to: usize,
    },
    Rename {
        from: usize,
        to: usize,
    },
    Delete {
        key: usize,
    },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    // Few sizes above the bound of small bodies, and many that meet below it.
    let size =
        || prop_oneof![4 => 0..100_u64, 2 => SMALL / 3..SMALL, 1 => SMALL - 1..SMALL + 2, 2 => SMALL + 1..2 * SMALL];
    prop_oneof![
        2 => (key(), size()).prop_map(|(key, size)| Step::Put { key, size }),
        4 => (key(), 0..13_u64, size()).prop_map(|(key, tenths, size)| Step::Write { key, tenths, size }),
        3 => (key(), size()).prop_map(|(key, size)| Step::Write { key, tenths: 10, size }),
        2 => (key(), 0..13_u64, 0..9_u64).prop_map(|(key, tenths, more)| Step::Truncate { key, tenths, more }),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy { from, to }),
        1 => (key(), key()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => key().prop_map(|key| Step::Delete { key }),
        1 => Just(Step::Sweep),
    ]
}

fn done<T>(future: impl Future<Output = Result<T>>) -> T {
    future.now_or_never().expect("the engine in memory never waits").unwrap()
}

/// A store with one bucket, the bytes of bodies in segments, which the metadata do not have, and what all keys hold.
struct World {
    store: Store,
    bucket: Bucket,
    segments: RefCell<BTreeMap<BlobId, Vec<u8>>>,
    next: u64,
    model: BTreeMap<usize, Vec<u8>>,
}

impl World {
    fn new(versioning: Versioning) -> Self {
        let store = store();
        let made = done(bucket(&store, OWNER, "files", 0).map(Ok));
        let is_file_system = versioning == Versioning::Off;
        let bucket = Bucket { versioning, is_file_system, ..made };
        done(store.write(|tx| tx.put_bucket(&bucket)));
        Self { store, bucket, segments: RefCell::default(), next: 1, model: BTreeMap::new() }
    }

    /// A body that nothing names yet, with bytes like no others.
    fn body(&mut self, size: u64) -> (BlobId, Stored, Vec<u8>) {
        self.next += 1;
        let (next, blob) = (self.next, BlobId(rand::random()));
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + next * 31).to_le_bytes()[0]).collect();
        if size <= SMALL {
            return (blob, Stored::Inline(bytes.clone().into()), bytes);
        }
        let extents = vec![Extent { segment: next, offset: 0, length: size }];
        self.segments.borrow_mut().insert(blob, bytes.clone());
        (blob, Stored::Segments(Manifest { length: size, extents, block_checksums: vec![0] }), bytes)
    }

    fn object(&self, at: usize) -> Option<Object> {
        done(self.store.read(|tx| tx.object(self.bucket.id, &key(KEYS[at]))))
    }

    fn contents(&self, object: &Object) -> Vec<u8> {
        done(self.store.read(|tx| {
            let mut whole = Vec::new();
            for piece in tx.pieces_of(object.blob, object.body, object.size)? {
                let Source::Blob { blob, body, start } = piece.source else {
                    whole.resize(whole.len() + to_usize(piece.length), 0);
                    continue;
                };
                let stretch = to_usize(start)..to_usize(start + piece.length);
                match tx.stored_at(blob, body)? {
                    Some(Stored::Inline(bytes)) => whole.extend_from_slice(&bytes[stretch]),
                    Some(Stored::Segments(_)) => whole.extend_from_slice(&self.segments.borrow()[&blob][stretch]),
                    other => panic!("{piece:?} is {other:?}"),
                }
            }
            Ok::<_, super::super::Error>(whole)
        }))
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Put { key: at, size } => {
                let (blob, stored, bytes) = self.body(size);
                let object = Object { blob, body: stored.body(), size, ..inline(0).0 };
                done(put(&self.store, &self.bucket, KEYS[at], &(object, stored)));
                self.model.insert(at, bytes);
            }
            Step::Write { key: at, tenths, size } => self.write(at, tenths, size),
            Step::Truncate { key: at, tenths, more } => {
                let Some(object) = self.object(at) else { return };
                let length = object.size * tenths / 10 + more;
                done(self.store.write(|tx| {
                    let slot = tx.slot(&self.bucket, &key(KEYS[at]))?;
                    tx.truncate_object(slot, &object, length)
                }));
                self.model.get_mut(&at).unwrap().resize(to_usize(length), 0);
            }
            Step::Copy { from, to } if from != to => self.copy(from, to),
            Step::Rename { from, to } if self.bucket.is_file_system => {
                let renamed =
                    done(self.store.write(|tx| tx.rename(&self.bucket, &key(KEYS[from]), &key(KEYS[to]), |_| Ok(()))));
                let expected = match (self.model.contains_key(&from), self.model.contains_key(&to)) {
                    (false, _) => Renamed::Nothing,
                    (true, true) => Renamed::Taken,
                    (true, false) => Renamed::Done,
                };
                assert_eq!(renamed, expected);
                if renamed == Renamed::Done {
                    let bytes = self.model.remove(&from).unwrap();
                    self.model.insert(to, bytes);
                }
            }
            Step::Copy { .. } | Step::Rename { .. } => {}
            Step::Delete { key: at } => {
                done(self.store.write(|tx| {
                    let slot = tx.slot(&self.bucket, &key(KEYS[at]))?;
                    tx.delete_object(slot, OWNER, NOW)
                }));
                self.model.remove(&at);
            }
            Step::Sweep => self.sweep(),
        }
    }

    fn write(&mut self, at: usize, tenths: u64, size: u64) {
        let old = self.object(at);
        let position = old.as_ref().map_or(0, |object| object.size) * tenths / 10;
        let (blob, stored, bytes) = self.body(size);
        let patch = Patch { position, length: size, blob, stored: &stored };
        let object = old.clone().unwrap_or_else(|| inline(0).0);
        let edited = done(self.store.write(|tx| {
            let slot = tx.slot(&self.bucket, &key(KEYS[at]))?;
            tx.patch_object(slot, &object, &patch)
        }));
        let found = self.object(at).unwrap();
        assert_eq!(edited, Edited::Done(found.version));
        assert!(old.is_none_or(|old| old.version == found.version), "it is the same version");
        let whole = self.model.entry(at).or_default();
        let end = to_usize(position + size);
        whole.resize(whole.len().max(end), 0);
        whole[to_usize(position)..end].copy_from_slice(&bytes);
    }

    fn copy(&mut self, from: usize, to: usize) {
        if !self.model.contains_key(&from) {
            return;
        }
        done(self.store.write(|tx| {
            let source = tx.object(self.bucket.id, &key(KEYS[from]))?.unwrap();
            let stored = tx.stored(&source)?.unwrap();
            let slot = tx.slot(&self.bucket, &key(KEYS[to]))?;
            match source.body {
                Body::Inline => {
                    let object = Object { blob: BlobId(rand::random()), ..source };
                    tx.put_object(slot, &object, &stored)
                }
                Body::Segments | Body::Pieces => tx.put_shared(slot, &source),
            }
        }));
        let bytes = self.model[&from].clone();
        self.model.insert(to, bytes);
    }

    fn sweep(&self) {
        loop {
            let rows = done(self.store.read(|tx| tx.sweep_rows(NOW + 100, 7)));
            if rows.is_empty() {
                return;
            }
            done(self.store.write(|tx| tx.sweep(&rows)));
        }
    }

    fn check(&self) {
        for (at, name) in KEYS.iter().enumerate() {
            let object = self.object(at);
            assert_eq!(object.is_some(), self.model.contains_key(&at), "{name}");
            if let Some(object) = object {
                assert!(self.contents(&object) == self.model[&at], "{name} differs");
            }
        }
        assert_eq!(verify(self.store.engine(), &mut |_| None).unwrap().differences, []);
        let used = done(self.store.read(|tx| tx.bucket_usage(self.bucket.id)));
        let bytes = self.model.values().map(|bytes| bytes.len() as u64).sum::<u64>();
        assert_eq!(
            (used.current_bytes, used.current_objects),
            (bytes.cast_signed(), self.model.len().cast_signed() as i64)
        );
    }

    fn pieces(&self, at: usize) -> Vec<Piece> {
        let object = self.object(at).unwrap();
        done(self.store.read(|tx| tx.pieces_of(object.blob, object.body, object.size)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn contents_references_and_counters_follow_a_plain_model(
        is_versioned in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(if is_versioned { Versioning::Enabled } else { Versioning::Off });
        for step in &steps {
            world.take(step);
            world.check();
        }
        // Nothing is left of what nobody has.
        world.sweep();
        world.check();
        for at in 0..KEYS.len() {
            world.take(&Step::Delete { key: at });
        }
        world.sweep();
        world.check();
        if !is_versioned {
            prop_assert!(done(world.store.read(|tx| tx.bucket_usage(world.bucket.id))).is_empty());
        }
    }
}

fn world(steps: &[Step]) -> World {
    let mut world = World::new(Versioning::Off);
    for step in steps {
        world.take(step);
    }
    world.check();
    world
}

const APPEND: fn(u64) -> Step = |size| Step::Write { key: 0, tenths: 10, size };

#[test]
fn small_appends_do_not_make_a_long_list() {
    let mut small = world(&[]);
    for _ in 0..300 {
        small.take(&APPEND(1000));
    }
    small.check();
    // No two neighbours fit into one.
    assert_eq!(
        small.pieces(0).iter().map(|piece| piece.length).collect::<Vec<_>>(),
        [65_000, 65_000, 65_000, 65_000, 40_000]
    );
    // A large one in between stays as it is.
    let mixed = world(&[APPEND(10), APPEND(SMALL + 1), APPEND(10), APPEND(20)]);
    assert_eq!(mixed.pieces(0).iter().map(|piece| piece.length).collect::<Vec<_>>(), [10, SMALL + 1, 30]);
}

#[test]
fn a_small_object_is_one_small_body() {
    let bodies = |steps: &[Step]| world(steps).object(0).unwrap().body;
    assert_eq!(bodies(&[APPEND(10), APPEND(20), Step::Write { key: 0, tenths: 5, size: 100 }]), Body::Inline);
    assert_eq!(bodies(&[APPEND(SMALL), APPEND(1)]), Body::Pieces);
    assert_eq!(bodies(&[APPEND(SMALL), APPEND(1), Step::Truncate { key: 0, tenths: 9, more: 0 }]), Body::Inline);
    assert_eq!(bodies(&[APPEND(2 * SMALL), Step::Truncate { key: 0, tenths: 0, more: 0 }]), Body::Inline);
    // Bytes in segments are not read here, however few are left.
    assert_eq!(bodies(&[APPEND(2 * SMALL), Step::Truncate { key: 0, tenths: 0, more: 1 }]), Body::Pieces);
    // What is written over as a whole is a body of its own.
    assert_eq!(bodies(&[APPEND(10), Step::Write { key: 0, tenths: 0, size: 2 * SMALL }]), Body::Segments);
}

/// The list stays where it is as long as it is the object's alone.
#[test]
fn a_list_is_rewritten_unless_it_is_shared() {
    let mut own = world(&[APPEND(2 * SMALL), APPEND(SMALL + 1)]);
    let list = own.object(0).unwrap().blob;
    own.take(&APPEND(SMALL + 2));
    assert_eq!(own.object(0).unwrap().blob, list);
    own.take(&Step::Copy { from: 0, to: 1 });
    assert_eq!(own.object(1).unwrap().blob, list);
    own.take(&APPEND(5));
    own.check();
    assert_ne!(own.object(0).unwrap().blob, list);
    assert_eq!(own.object(1).unwrap().blob, list);
}

#[test]
fn a_hole_takes_no_space() {
    let mut hole = world(&[APPEND(10)]);
    let object = hole.object(0).unwrap();
    let grown = limits::FILE_BYTES_MAX;
    let grow = |length| {
        done(hole.store.write(|tx| {
            let slot = tx.slot(&hole.bucket, &key(KEYS[0]))?;
            tx.truncate_object(slot, &object, length)
        }))
    };
    grow(grown / 2);
    grow(grown);
    assert_eq!(hole.object(0).unwrap().size, grown);
    assert_eq!(hole.pieces(0).len(), 2, "two holes that meet are one");
    grow(10);
    hole.check();
    hole.take(&Step::Sweep);
    hole.check();
}

#[test]
fn an_object_in_too_many_pieces_stays_as_it_is() {
    let mut world = world(&[]);
    let pieces = vec![Piece { length: 10, part: 0, source: Source::Zeros }; limits::PIECE_COUNT_MAX];
    let object = Object { size: size_of(&pieces), body: Body::Pieces, ..inline(0).0 };
    done(put(&world.store, &world.bucket, KEYS[0], &(object.clone(), Stored::Pieces(pieces.clone()))));
    world.model.insert(0, vec![0; 10 * limits::PIECE_COUNT_MAX]);
    let before = world.store.engine().revision();
    let (blob, stored, _) = world.body(1);
    let edited = done(world.store.write(|tx| {
        let slot = tx.slot(&world.bucket, &key(KEYS[0]))?;
        tx.patch_object(slot, &object, &Patch { position: 5, length: 1, blob, stored: &stored })
    }));
    assert_eq!(edited, Edited::TooManyPieces);
    assert_eq!(world.store.engine().revision(), before);
    world.check();
}

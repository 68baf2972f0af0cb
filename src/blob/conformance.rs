//! One suite that every store passes: what the contract in `mod.rs` says, from outside. What only one store does
//! (files, syncs, preallocation) is tested beside it.

#![expect(clippy::disallowed_methods, reason = "looks at, and damages, the files of the store under test")]
#![expect(clippy::needless_pass_by_value, reason = "a case owns its store, because it may open it again")]

use std::sync::Arc;
use std::thread;

use super::memory::MemoryStore;
use super::segment::{Layout, SegmentStore};
use super::{BlobStore, Error, Extent, Manifest};
use crate::limits::{BLOCK_BYTES, KIB};

/// A store under test.
trait Rig {
    fn store(&self) -> &dyn BlobStore;

    /// As after a restart of the process; nobody may be writing.
    fn reopen(self) -> Self;

    /// Flips a bit of a stored byte.
    fn damage(&self, segment: u64, offset: u64);
}

struct Memory(MemoryStore);

impl Rig for Memory {
    fn store(&self) -> &dyn BlobStore {
        &self.0
    }

    fn reopen(self) -> Self {
        self
    }

    fn damage(&self, segment: u64, offset: u64) {
        self.0.damage(segment, offset);
    }
}

struct Files {
    folder: tempfile::TempDir,
    layout: Layout,
    store: SegmentStore,
}

impl Files {
    fn new(layout: Layout) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SegmentStore::open_with(folder.path(), layout).unwrap();
        Self { folder, layout, store }
    }
}

impl Rig for Files {
    fn store(&self) -> &dyn BlobStore {
        &self.store
    }

    fn reopen(self) -> Self {
        let Self { folder, layout, store } = self;
        drop(store);
        let store = SegmentStore::open_with(folder.path(), layout).unwrap();
        Self { folder, layout, store }
    }

    fn damage(&self, segment: u64, offset: u64) {
        use std::os::unix::fs::FileExt;
        let path = self.folder.path().join(format!("{segment:016x}.seg"));
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    }
}

/// Small enough that a test sees segments fill, grow and end.
const SMALL: Layout = Layout {
    shared_bytes: 1024 * KIB,
    shared_count: 2,
    own_bytes: 512 * KIB,
    growth_bytes: 384 * KIB,
    handle_count: 2,
};

macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            $(#[test] fn $case() { super::$case(super::Memory(super::MemoryStore::new())); })*
        }
        mod small_segments {
            $(#[test] fn $case() { super::$case(super::Files::new(super::SMALL)); })*
        }
        mod segments {
            $(#[test] fn $case() { super::$case(super::Files::new(super::Layout::default())); })*
        }
    };
}

suite! {
    sizes_come_back
    an_empty_blob_lies_nowhere
    blocks_are_appended_and_only_when_whole
    blocks_that_are_not_there_are_damage
    writers_side_by_side
    a_dropped_writer_leaves_nothing
    a_failed_reading_changes_nothing
    freed_blobs_are_damage_and_their_neighbours_are_not
    freeing_is_harmless_twice_and_of_what_is_gone
    sealed_blobs_outlive_the_process
    numbers_never_come_again
    reclaim_spares_what_lives
    reclaim_refuses_what_it_cannot_trust
    an_active_segment_is_left_alone
    damage_is_found
}

/// Bytes that differ by blob and position, and are nowhere zero for long.
fn bytes(seed: u64, length: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

fn put(store: &dyn BlobStore, declared: Option<u64>, step: usize, data: &[u8]) -> Manifest {
    let mut writer = store.create(declared).unwrap();
    data.chunks(step).for_each(|chunk| writer.write(chunk).unwrap());
    let manifest = writer.seal().unwrap();
    assert_eq!(manifest.length, data.len() as u64);
    assert_eq!(manifest.extents.iter().map(|extent| extent.length).sum::<u64>(), manifest.length);
    assert_eq!(manifest.block_checksums.len() as u64, manifest.length.div_ceil(BLOCK_BYTES));
    manifest
}

fn put_declared(store: &dyn BlobStore, data: &[u8]) -> Manifest {
    put(store, Some(data.len() as u64), 100_000, data)
}

fn get(store: &dyn BlobStore, manifest: &Manifest) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    for block in 0..manifest.block_checksums.len() as u64 {
        assert!(store.read_block(manifest, block, false, &mut data)?, "a read that may wait gives the block");
    }
    Ok(data)
}

fn is_corrupt(outcome: &Result<Vec<u8>, Error>) -> bool {
    matches!(outcome, Err(Error::Corrupt { .. }))
}

/// Extents per segment, as the sweep would collect them.
fn live_in(segment: u64, manifests: &[&Manifest]) -> Vec<Extent> {
    let mut live: Vec<Extent> = (manifests.iter())
        .flat_map(|manifest| manifest.extents.iter().copied().filter(|extent| extent.segment == segment))
        .collect();
    live.sort_unstable();
    live
}

/// What the sweep does at start: everything goes that these manifests do not name.
fn sweep(store: &dyn BlobStore, manifests: &[&Manifest]) -> u64 {
    let segments = store.segments().unwrap();
    segments.iter().map(|segment| store.reclaim(segment.number, &live_in(segment.number, manifests)).unwrap()).sum()
}

fn sizes_come_back(rig: impl Rig) {
    let store = rig.store();
    let edges = [4096, BLOCK_BYTES, SMALL.growth_bytes, SMALL.own_bytes, SMALL.shared_bytes, 8 * 1024 * KIB];
    let sizes = edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]).chain([1, 2, 100_000, 3_000_000]);
    let mut kept = Vec::new();
    for size in sizes {
        let data = bytes(size, size);
        // Told the truth, told nothing, told too little, told too much; in pieces of all kinds.
        for (declared, step) in [
            (Some(size), 1 << 20),
            (Some(size), 70_001),
            (None, 1 << 20),
            (None, 65_536),
            (Some(size / 2), 100_000),
            (Some(size * 2), 100_000),
        ] {
            let manifest = put(store, declared, step, &data);
            assert!(get(store, &manifest).unwrap() == data, "{size} {declared:?} {step}");
            kept.push((manifest, size));
        }
    }
    for (manifest, size) in &kept {
        assert!(get(store, manifest).unwrap() == bytes(*size, *size), "{size} after everything else was written");
    }
    let mut extents: Vec<Extent> = kept.iter().flat_map(|(manifest, _)| manifest.extents.clone()).collect();
    extents.sort_unstable();
    for pair in extents.windows(2) {
        let is_apart = pair[0].segment < pair[1].segment || pair[0].offset + pair[0].length <= pair[1].offset;
        assert!(is_apart, "{pair:?}");
    }
}

fn an_empty_blob_lies_nowhere(rig: impl Rig) {
    for declared in [None, Some(0), Some(10)] {
        let mut writer = rig.store().create(declared).unwrap();
        writer.write(b"").unwrap();
        assert_eq!(writer.seal().unwrap(), Manifest::default());
    }
    assert!(rig.store().read_block(&Manifest::default(), 0, false, &mut Vec::new()).is_err());
    assert_eq!(rig.store().segments().unwrap(), []);
}

fn blocks_are_appended_and_only_when_whole(rig: impl Rig) {
    let data = bytes(1, BLOCK_BYTES + 5);
    let manifest = put_declared(rig.store(), &data);
    let mut buffer = b"before".to_vec();
    assert!(rig.store().read_block(&manifest, 1, false, &mut buffer).unwrap());
    assert_eq!(buffer, [b"before", &data[data.len() - 5..]].concat());
    // It was read just now; but a filesystem that cannot tell may say no.
    let mut cached = b"before".to_vec();
    if rig.store().read_block(&manifest, 1, true, &mut cached).unwrap() {
        assert_eq!(cached, buffer);
    } else {
        assert_eq!(cached, b"before");
    }
}

fn blocks_that_are_not_there_are_damage(rig: impl Rig) {
    let manifest = put_declared(rig.store(), &bytes(1, 1000));
    let extent = manifest.extents[0];
    let check = |manifest: &Manifest, block: u64| {
        let outcome = rig.store().read_block(manifest, block, false, &mut Vec::new());
        assert!(matches!(outcome, Err(Error::Corrupt { .. })), "{manifest:?} {block} {outcome:?}");
    };
    let with = |extents: Vec<Extent>| Manifest { extents, ..manifest.clone() };
    check(&manifest, 1);
    check(&manifest, u64::MAX);
    check(&with(vec![]), 0);
    check(&with(vec![Extent { segment: u64::MAX, ..extent }]), 0);
    check(&with(vec![Extent { offset: 1 << 40, ..extent }]), 0);
    check(&with(vec![Extent { length: 999, ..extent }]), 0);
    check(&with(vec![Extent { offset: extent.offset + 1, ..extent }]), 0);
    check(&Manifest { block_checksums: vec![], ..manifest.clone() }, 0);
    check(&Manifest { length: 999, ..manifest.clone() }, 0);
}

fn writers_side_by_side(rig: impl Rig) {
    const WRITER_COUNT: u64 = 8;
    const BLOB_COUNT: u64 = 12;
    let store = rig.store();
    let put_some = |writer: u64| -> Vec<(u64, u64, Manifest)> {
        (0..BLOB_COUNT)
            .map(|blob| {
                let (seed, length) = (writer * 100 + blob, 1 + (writer * 7919 + blob * 104_729) % 300_000);
                let declared = (blob % 2 == 0).then_some(length);
                (seed, length, put(store, declared, 30_000, &bytes(seed, length)))
            })
            .collect()
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITER_COUNT).map(|writer| scope.spawn(move || put_some(writer))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (seed, length, manifest) in &all {
        assert!(get(store, manifest).unwrap() == bytes(*seed, *length), "{seed}");
    }
    // Every other one goes, side by side too; the others must not notice.
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|(seed, ..)| seed % 2 == 0);
    thread::scope(|scope| {
        for some in gone.chunks(gone.len() / 4) {
            scope.spawn(move || some.iter().for_each(|(.., manifest)| store.free(&manifest.extents).unwrap()));
        }
    });
    for (seed, length, manifest) in &kept {
        assert!(get(store, manifest).unwrap() == bytes(*seed, *length), "{seed}");
    }
}

fn a_dropped_writer_leaves_nothing(rig: impl Rig) {
    let kept = put_declared(rig.store(), &bytes(1, 50_000));
    for (declared, length) in [(None, 10_000), (Some(20_000), 10_000), (Some(2_000_000), 700_000), (None, 1_500_000)] {
        let mut writer = rig.store().create(declared).unwrap();
        writer.write(&bytes(2, length)).unwrap();
        drop(writer);
    }
    let rig = rig.reopen();
    sweep(rig.store(), &[&kept]);
    let numbers: Vec<u64> = rig.store().segments().unwrap().iter().map(|segment| segment.number).collect();
    assert_eq!(numbers, [kept.extents[0].segment]);
    assert!(get(rig.store(), &kept).unwrap() == bytes(1, 50_000));
    sweep(rig.store(), &[]);
    assert_eq!(rig.store().segments().unwrap(), []);
}

fn a_failed_reading_changes_nothing(rig: impl Rig) {
    let mut manifest = put_declared(rig.store(), &bytes(1, 5000));
    manifest.block_checksums[0] ^= 1;
    let mut buffer = b"before".to_vec();
    for cached_only in [false, true] {
        assert!(!rig.store().read_block(&manifest, 0, cached_only, &mut buffer).unwrap_or(false));
        assert_eq!(buffer, b"before");
    }
}

fn freed_blobs_are_damage_and_their_neighbours_are_not(rig: impl Rig) {
    let sizes = [4096, 5000, 1, 100_000, 300_000, 600_000, 1_200_000];
    let blobs: Vec<Manifest> = sizes.iter().map(|size| put_declared(rig.store(), &bytes(*size, *size))).collect();
    for (freed, blob) in blobs.iter().enumerate() {
        rig.store().free(&blob.extents).unwrap();
        for (index, (blob, size)) in blobs.iter().zip(sizes).enumerate() {
            let outcome = get(rig.store(), blob);
            if index <= freed {
                assert!(is_corrupt(&outcome), "{size} is freed");
            } else {
                assert!(outcome.unwrap() == bytes(size, size), "{size} is not freed");
            }
        }
    }
    let rig = rig.reopen();
    assert_eq!(rig.store().segments().unwrap(), [], "what is wholly freed needs no sweep");
}

fn freeing_is_harmless_twice_and_of_what_is_gone(rig: impl Rig) {
    let first = put_declared(rig.store(), &bytes(1, 700_000));
    let second = put_declared(rig.store(), &bytes(2, 100_000));
    let third = put_declared(rig.store(), &bytes(3, 100_000));
    for _ in 0..2 {
        rig.store().free(&first.extents).unwrap();
        rig.store().free(&second.extents).unwrap();
        rig.store().free(&[Extent { segment: 999, offset: 0, length: 5000 }]).unwrap();
        rig.store().free(&[Extent { segment: third.extents[0].segment, offset: 0, length: 0 }]).unwrap();
        rig.store().free(&[]).unwrap();
    }
    assert!(get(rig.store(), &third).unwrap() == bytes(3, 100_000));
}

fn sealed_blobs_outlive_the_process(rig: impl Rig) {
    let sizes = [1, 4096, 70_000, 300_000, 600_000, 2_000_000];
    let blobs: Vec<Manifest> = sizes.iter().map(|size| put(rig.store(), None, 65_536, &bytes(*size, *size))).collect();
    let rig = rig.reopen();
    assert!(rig.store().segments().unwrap().iter().all(|segment| !segment.active));
    let later = put_declared(rig.store(), &bytes(7, 1000));
    assert!(blobs.iter().flat_map(|blob| &blob.extents).all(|extent| extent.segment < later.extents[0].segment));
    let rig = rig.reopen();
    sweep(rig.store(), &blobs.iter().chain([&later]).collect::<Vec<_>>());
    for (blob, size) in blobs.iter().zip(sizes) {
        assert!(get(rig.store(), blob).unwrap() == bytes(size, size), "{size}");
    }
    assert!(get(rig.store(), &later).unwrap() == bytes(7, 1000));
}

fn numbers_never_come_again(mut rig: impl Rig) {
    let mut last = 0;
    for round in 0..4 {
        for length in [1000, 2_000_000] {
            let blob = put_declared(rig.store(), &bytes(1, length));
            assert!(blob.extents[0].segment > last, "{round} {length}");
            last = blob.extents[0].segment;
            rig.store().free(&blob.extents).unwrap();
        }
        rig = rig.reopen();
        sweep(rig.store(), &[]);
        assert_eq!(rig.store().segments().unwrap(), []);
    }
}

fn reclaim_spares_what_lives(rig: impl Rig) {
    let sizes = [100_000, 4096, 1, 200_000, 60_000, 8191];
    let blobs: Vec<Manifest> = sizes.iter().map(|size| put_declared(rig.store(), &bytes(*size, *size))).collect();
    let rig = rig.reopen();
    let live: Vec<&Manifest> = blobs.iter().skip(1).step_by(2).collect();
    let freed = sweep(rig.store(), &live);
    assert!(freed > 0);
    assert_eq!(sweep(rig.store(), &live), 0, "nothing is left to give back");
    for (index, (blob, size)) in blobs.iter().zip(sizes).enumerate() {
        let outcome = get(rig.store(), blob);
        if index % 2 == 1 {
            assert!(outcome.unwrap() == bytes(size, size), "{size} lives");
        } else {
            assert!(is_corrupt(&outcome), "{size} does not");
        }
    }
    for blob in live {
        rig.store().free(&blob.extents).unwrap();
    }
    assert_eq!(rig.store().segments().unwrap(), [], "the sweep and later frees make it whole");
}

fn reclaim_refuses_what_it_cannot_trust(rig: impl Rig) {
    let first = put_declared(rig.store(), &bytes(1, 10_000));
    let rig = rig.reopen();
    let extent = first.extents[0];
    let behind = Extent { offset: extent.offset + 20_000, length: 1, ..extent };
    assert!(rig.store().reclaim(extent.segment, &[behind, extent]).is_err(), "descending");
    assert!(rig.store().reclaim(extent.segment, &[extent, extent]).is_err(), "overlapping");
    assert!(rig.store().reclaim(extent.segment + 1, &[extent]).is_err(), "another segment's");
    assert_eq!(rig.store().reclaim(999, &[]).unwrap(), 0);
    assert!(get(rig.store(), &first).unwrap() == bytes(1, 10_000));
}

fn an_active_segment_is_left_alone(rig: impl Rig) {
    for declared in [None, Some(100_000), Some(2_000_000)] {
        let mut writer = rig.store().create(declared).unwrap();
        writer.write(&bytes(1, 50_000)).unwrap();
        let active: Vec<_> = rig.store().segments().unwrap().into_iter().filter(|segment| segment.active).collect();
        assert!(active.iter().any(|segment| segment.written_bytes >= 50_000));
        for segment in active {
            assert_eq!(rig.store().reclaim(segment.number, &[]).unwrap(), 0);
        }
        writer.write(&bytes(2, 50_000)).unwrap();
        let manifest = writer.seal().unwrap();
        assert!(get(rig.store(), &manifest).unwrap() == [bytes(1, 50_000), bytes(2, 50_000)].concat());
    }
}

fn damage_is_found(rig: impl Rig) {
    let data = bytes(1, BLOCK_BYTES * 2 + 1000);
    let manifest = put_declared(rig.store(), &data);
    let other = put_declared(rig.store(), &bytes(2, 5000));
    let extent = manifest.extents[0];
    for (offset, block) in [(0, 0), (BLOCK_BYTES - 1, 0), (BLOCK_BYTES, 1), (manifest.length - 1, 2)] {
        rig.damage(extent.segment, extent.offset + offset);
        for index in 0..3 {
            let outcome = rig.store().read_block(&manifest, index, false, &mut Vec::new());
            match outcome {
                Err(Error::Corrupt { segment, block: found }) => {
                    assert_eq!((segment, found, index), (extent.segment, block, block), "{offset}");
                }
                outcome => assert!(outcome.unwrap() && index != block, "{offset}"),
            }
        }
        rig.damage(extent.segment, extent.offset + offset);
    }
    assert!(get(rig.store(), &manifest).unwrap() == data);
    assert!(get(rig.store(), &other).unwrap() == bytes(2, 5000));
}

#[test]
fn stores_are_objects() {
    let stores: [Arc<dyn BlobStore>; 1] = [Arc::new(MemoryStore::new())];
    assert_eq!(stores[0].capacity(), None);
}

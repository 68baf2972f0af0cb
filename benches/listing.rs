//! What a page of a listing costs in a large bucket, beside the same page of a small one: plain and by delimiter, of
//! current objects and of all versions, with and without old versions in between. All buckets lie in one store, which is
//! opened again when they are filled, so that what is read lies where it stays.
//!
//! The bars are about groups of five keys in either bucket. What it costs to skip groups that grow with the bucket is
//! shown beside them: each lies in blocks of its own then.
//!
//! Options: `--keys=N` in the large buckets (1,000,000), `--versions=N` older ones of each key (10), `--rounds=N`
//! (200), `--check` fails when a large bucket takes more than 1.3 times as long.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to report")]

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::try_join_all;
use obs_gateway::headers::ObjectHeaders;
use obs_gateway::meta::{
    BlobId, Body, Bucket, NewAccount, NewBucket, Object, PageQuery, Result, RocksEngine, Sealer, Store, Stored,
    Version, Versioning, VersionsQuery,
};
use obs_gateway::name::{BucketName, ObjectKey};
use obs_gateway::storage_class::StorageClass;
use tokio::runtime::Runtime;

/// The gateway's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: u64 = 1_435_721_265_000;
/// Keys of the small buckets.
const SMALL_COUNT: usize = 10_000;
/// Keys under one common prefix.
const GROUP_SIZE: usize = 5;
/// Common prefixes of the buckets whose groups grow with them.
const GROUP_COUNT: usize = 1000;
const PAGE_COUNT: usize = 1000;
/// Keys written in one transaction.
const BATCH_COUNT: usize = 500;
/// Tasks that fill a bucket together.
const WRITER_COUNT: usize = 4;
/// Pages of each kind, spread over the bucket.
const PLACE_COUNT: usize = 16;
/// How much longer the page of a large bucket may take.
const RATIO_MAX: f64 = 1.3;

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: usize| {
        let given = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        given.map_or(default, |text| text.parse().unwrap())
    };
    let (keys, versions) = (number("--keys", 1_000_000), number("--versions", 10));
    let rounds = number("--rounds", 200);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().join("meta");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let mut out = io::stdout();
    let filled = fill_all(&runtime, &open(&path), keys, versions, &mut out)?;
    let store = open(&path);
    writeln!(out, "\n{:<58}{:>10}{:>10}{:>8}", format!("a page of {PAGE_COUNT} rows, µs"), "small", "large", "ratio")?;
    let mut holds = true;
    for [small, large] in filled.as_chunks().0 {
        for listing in [Listing::Objects, Listing::Versions] {
            for delimiter in ["", "/"] {
                let buckets = [small, large];
                let ask = |at: usize, place| listing.page(&runtime, &store, buckets[at], delimiter, place);
                let [small_micros, large_micros] = measure(rounds, ask);
                let ratio = large_micros / small_micros;
                let has_bar = small.group_size == large.group_size;
                holds &= !has_bar || ratio <= RATIO_MAX;
                let by = if delimiter.is_empty() { "" } else { " by delimiter" };
                let bar = if has_bar { "" } else { "  (no bar)" };
                let row = format!("{listing:?}{by}, {}", large.bucket.name);
                writeln!(out, "{row:<58}{small_micros:>10.0}{large_micros:>10.0}{ratio:>8.2}{bar}")?;
            }
        }
    }
    let verdict = if holds { "holds" } else { "does not hold" };
    writeln!(out, "\nAt most {RATIO_MAX} times as long in the large bucket: {verdict}.")?;
    Ok(if words.iter().any(|word| word == "--check") && !holds { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn open(path: &Path) -> Store {
    Store::new(Arc::new(RocksEngine::open(path).unwrap()), Sealer::new(&[7; 32]))
}

/// Pairs of buckets to compare, the small one first.
fn fill_all(
    runtime: &Runtime,
    store: &Store,
    keys: usize,
    versions: usize,
    out: &mut impl Write,
) -> io::Result<Vec<Filled>> {
    let new = NewAccount { name: "alice".to_owned(), ..NewAccount::default() };
    let made = runtime.block_on(store.write(|tx| tx.create_account(&new, NOW_MS)));
    let owner = made.unwrap().unwrap().id;
    let mut buckets = Vec::new();
    for (name, keys, versions, group_size) in [
        ("small", SMALL_COUNT, 0, GROUP_SIZE),
        ("large", keys, 0, GROUP_SIZE),
        ("small-with-old-versions", SMALL_COUNT, versions, GROUP_SIZE),
        ("large-with-old-versions", keys, versions, GROUP_SIZE),
        ("small-groups", SMALL_COUNT, 0, SMALL_COUNT / GROUP_COUNT),
        ("large-groups", keys, 0, keys / GROUP_COUNT),
    ] {
        let began = Instant::now();
        let new = NewBucket::new(BucketName::parse(name).unwrap(), owner, "default".to_owned());
        buckets.push(runtime.block_on(fill(store, &new, keys, versions, group_size)).unwrap());
        writeln!(out, "{name}: {keys} keys, {versions} older versions each, in {:.1?}", began.elapsed())?;
    }
    Ok(buckets)
}

/// A bucket and how many keys each of its groups has.
struct Filled {
    bucket: Bucket,
    count: usize,
    group_size: usize,
}

fn key(filled: &Filled, index: usize) -> String {
    let (group, inner) = (index / filled.group_size, index % filled.group_size);
    format!("photos-{group:06}/{inner:06}.jpg")
}

async fn fill(store: &Store, new: &NewBucket, count: usize, versions: usize, group_size: usize) -> Result<Filled> {
    let mut bucket = store.write(|tx| tx.create_bucket(new, NOW_MS)).await?;
    if versions > 0 {
        bucket.versioning = Versioning::Enabled;
        store.write(|tx| tx.put_bucket(&bucket)).await?;
    }
    let filled = Filled { bucket, count, group_size };
    let share = count.div_ceil(WRITER_COUNT);
    let writers = (0..WRITER_COUNT).map(|writer| {
        let filled = &filled;
        async move {
            let (mut at, end) = (writer * share, ((writer + 1) * share).min(count));
            while at < end {
                let batch = at..(at + BATCH_COUNT).min(end);
                for _ in 0..=versions {
                    put_all(store, filled, batch.clone()).await?;
                }
                at = batch.end;
            }
            Ok(())
        }
    });
    try_join_all(writers).await.map(|_: Vec<()>| filled)
}

async fn put_all(store: &Store, filled: &Filled, batch: std::ops::Range<usize>) -> Result<()> {
    let object = Object {
        version: Version::default(),
        blob: BlobId(0),
        size: 0,
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        modified_millis: NOW_MS,
        owner: filled.bucket.owner,
        body: Body::Inline,
        headers: ObjectHeaders { content_type: Some("image/jpeg".to_owned()), ..ObjectHeaders::default() },
        storage_class: StorageClass::Standard,
        attributes: None,
        state: None,
    };
    let stored = Stored::Inline(Bytes::new());
    let put = store.write(|tx| {
        for index in batch.clone() {
            let slot = tx.slot(&filled.bucket, &ObjectKey::parse(&key(filled, index)).unwrap())?;
            tx.put_object(slot, &Object { blob: BlobId::mint(NOW_MS), ..object.clone() }, &stored)?;
        }
        Ok(())
    });
    put.await
}

#[derive(Clone, Copy, Debug)]
enum Listing {
    Objects,
    Versions,
}

impl Listing {
    /// Takes one page; `place` says which of [`PLACE_COUNT`].
    fn page(self, runtime: &Runtime, store: &Store, filled: &Filled, delimiter: &str, place: usize) {
        let id = filled.bucket.id;
        let on_page = if delimiter.is_empty() { PAGE_COUNT } else { PAGE_COUNT * filled.group_size };
        let first = place * (filled.count - on_page) / PLACE_COUNT;
        // After the last key of a group, or the page would begin inside one.
        let first = first / filled.group_size * filled.group_size;
        let marker = if first == 0 { String::new() } else { key(filled, first - 1) };
        let query =
            PageQuery { marker, delimiter: delimiter.to_owned(), count_max: PAGE_COUNT, ..PageQuery::default() };
        let count = match self {
            Self::Objects => runtime.block_on(store.read(|tx| tx.page(id, &query))).unwrap().rows.len(),
            Self::Versions => {
                let query = VersionsQuery { page: query, version_marker: None };
                runtime.block_on(store.read_frozen(|tx| tx.versions_page(id, &query))).unwrap().rows.len()
            }
        };
        assert_eq!(count, PAGE_COUNT, "every page is full");
    }
}

/// What both take when nothing else is in the way: the tenth of the fastest ends there. In microseconds, asked in turns.
fn measure(rounds: usize, ask: impl Fn(usize, usize)) -> [f64; 2] {
    for place in 0..PLACE_COUNT {
        (0..2).for_each(|at| ask(at, place));
    }
    let mut micros = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    for round in 0..rounds {
        for (at, micros) in micros.iter_mut().enumerate() {
            let began = Instant::now();
            ask(at, round % PLACE_COUNT);
            micros.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.map(|mut micros| {
        micros.sort_by(f64::total_cmp);
        micros[rounds / 10]
    })
}

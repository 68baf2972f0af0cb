//! What the metadata costs: commits of a 1 KiB object through the committer, RocksDB's own synced batches of the
//! same records beside them, a page of a listing, one bucket record.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to report")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::try_join_all;
use obs_gateway::headers::ObjectHeaders;
use obs_gateway::meta::{
    BlobId, Body, Bucket, Error, NewAccount, NewBucket, Object, PageQuery, Result, RocksEngine, Sealer, Store, Stored,
    Version,
};
use obs_gateway::name::{BucketName, ObjectKey};
use obs_gateway::storage_class::StorageClass;
use rocksdb::{DB, Options, WriteBatch, WriteOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const NOW_MS: u64 = 1_435_721_265_000;
const BODY_BYTES: usize = 1024;
const WIDTHS: [usize; 3] = [1, 8, 64];
const LISTED_COUNT: usize = 100_000;

/// A store on RocksDB with one bucket, and the runtime that waits for it.
struct Bench {
    runtime: Runtime,
    store: Store,
    bucket: Bucket,
    serial: Cell<usize>,
    _folder: TempDir,
}

/// On the disk that holds the build, because folders for temporary files may be in memory.
fn temporary_folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

impl Bench {
    fn open() -> Self {
        let folder = temporary_folder();
        let engine = RocksEngine::open(&folder.path().join("meta")).unwrap();
        let store = Store::new(Arc::new(engine), Sealer::new(&[7; 32]));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let new = NewAccount { name: "alice".to_owned(), ..NewAccount::default() };
        let made = runtime.block_on(store.write(|tx| tx.create_account(&new, NOW_MS)));
        let owner = made.unwrap().unwrap().id;
        let name = BucketName::parse("photos").unwrap();
        let new = NewBucket::new(name, owner, "default".to_owned());
        let made = store.write(|tx| tx.create_bucket(&new, NOW_MS));
        let bucket = runtime.block_on(made).unwrap();
        Self { runtime, store, bucket, serial: Cell::new(0), _folder: folder }
    }

    /// Puts `width` objects at once, under keys never used before.
    fn put(&self, width: usize) {
        let first = self.serial.replace(self.serial.get() + width);
        let puts = (first..first + width).map(|serial| self.put_one(format!("photos/2015/07/{serial:08}.jpg")));
        self.runtime.block_on(try_join_all(puts)).unwrap();
    }

    async fn put_one(&self, key: String) -> Result<()> {
        let key = ObjectKey::parse(&key).map_err(|error| Error::Engine(error.to_string()))?;
        let object = Object {
            version: Version::default(),
            blob: BlobId::mint(NOW_MS),
            size: BODY_BYTES as u64,
            etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            modified_millis: NOW_MS,
            owner: self.bucket.owner,
            body: Body::Inline,
            headers: ObjectHeaders { content_type: Some("image/jpeg".to_owned()), ..ObjectHeaders::default() },
            storage_class: StorageClass::Standard,
            attributes: None,
            state: None,
        };
        let stored = Stored::Inline(Bytes::from_static(&[b'x'; BODY_BYTES]));
        self.store
            .write(|tx| {
                let slot = tx.slot(&self.bucket, &key)?;
                tx.put_object(slot, &object, &stored).map(drop)
            })
            .await
    }
}

fn commits(criterion: &mut Criterion) {
    let bench = Bench::open();
    let mut group = criterion.benchmark_group("commit of a 1 KiB object, at once");
    for width in WIDTHS {
        group.throughput(Throughput::Elements(width as u64));
        group.bench_function(BenchmarkId::from_parameter(width), |bencher| bencher.iter(|| bench.put(width)));
    }
}

/// The same rows as a commit's, written by RocksDB with nothing around it.
fn raw_batches(criterion: &mut Criterion) {
    let folder = temporary_folder();
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_recycle_log_file_num(4);
    let db = DB::open(&options, folder.path()).unwrap();
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let mut serial = 0_u64;
    let mut group = criterion.benchmark_group("RocksDB's own synced batch of 1 KiB records");
    for width in WIDTHS {
        group.throughput(Throughput::Elements(width as u64));
        group.bench_function(BenchmarkId::from_parameter(width), |bencher| {
            bencher.iter(|| {
                let mut batch = WriteBatch::default();
                for _ in 0..width {
                    serial += 1;
                    batch.put(format!("body/{serial:011}"), [b'x'; BODY_BYTES]);
                    batch.put(format!("object/{serial:017}"), [b'x'; 100]);
                }
                batch.put("counter of the bucket", [b'x'; 64]);
                batch.put("counter of the account", [b'x'; 64]);
                db.write_opt(batch, &synced).unwrap();
            });
        });
    }
}

fn reads(criterion: &mut Criterion) {
    let bench = Bench::open();
    for _ in 0..LISTED_COUNT / 500 {
        bench.put(500);
    }
    let query = PageQuery { marker: "photos/2015/07/00050000.jpg".to_owned(), count_max: 1000, ..PageQuery::default() };
    let (runtime, store, bucket) = (&bench.runtime, &bench.store, &bench.bucket);
    criterion.bench_function("page of 1,000 out of 100,000 keys", |bencher| {
        bencher.iter(|| runtime.block_on(store.read(|tx| tx.page(bucket.id, &query))).unwrap());
    });
    criterion.bench_function("bucket record", |bencher| {
        bencher.iter(|| runtime.block_on(store.read(|tx| tx.bucket(&bucket.name))).unwrap());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = commits, raw_batches, reads
}
criterion_main!(benches);

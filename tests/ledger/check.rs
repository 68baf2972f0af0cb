//! What must hold at rest, whatever came before: counters that equal sums, bodies that are whole, no byte of a store
//! held for nothing.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use obs_gateway::app::App;
use obs_gateway::blob::{BlobStore, Extent, Manifest};
use obs_gateway::clock::iso_second;
use obs_gateway::error::Error;
use obs_gateway::meta::{self, Engine, Family, Tier};
use obs_gateway::name::BucketName;
use obs_gateway::quota::Usage;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::model::{Bucket, Kept, Sums, etag};
use crate::step::{ACCOUNTS, BUCKETS};
use crate::support::{Answer, Ask};
use crate::world::{Checked, World};

/// Everything an outsider can see of the world, and what `fsck` sees, against the model.
pub(crate) async fn everything(world: &mut World) -> Checked {
    for name in BUCKETS {
        if world.model.buckets.contains_key(name) {
            versions(world, name).await?;
            bucket(world, name, &world.model.buckets[name]).await?;
        } else {
            let gone = world.send(0, Ask::new("GET", format!("/{name}?storageinfo"))).await;
            prop_assert_eq!(gone.outcome(), (404, "NoSuchBucket".to_owned()), "{}", name);
        }
    }
    for (who, account) in world.accounts.iter().enumerate() {
        let listed = world.send(who, Ask::new("GET", "/")).await.elements("Name");
        prop_assert_eq!(&listed, &world.model.buckets_of(who), "buckets of {}", ACCOUNTS[who]);
        let store = &world.gateway.app.store;
        let read = store.read(|tx| Ok::<_, Error>((tx.account_usage(account.id)?, tx.bucket_count(account.id)?)));
        let (usage, bucket_count) = read.await.map_err(failed)?;
        prop_assert_eq!(bucket_count, listed.len() as u64, "bucket count of {}", ACCOUNTS[who]);
        prop_assert_eq!(sums(usage), world.model.sums_of(who), "usage of {}", ACCOUNTS[who]);
    }
    let backing = world.backing();
    prop_assert_eq!(differences(&*backing.engine, &*backing.blobs, false), Vec::<String>::new());
    prop_assert_eq!(world.gateway.app.metrics.panics.get(), 0, "a handler panicked");
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn sums(usage: Usage) -> Sums {
    let number = |number: i64| u64::try_from(number).expect("a counter");
    Sums {
        current_bytes: number(usage.current_bytes),
        current_objects: number(usage.current_objects),
        noncurrent_bytes: number(usage.noncurrent_bytes),
        noncurrent_objects: number(usage.noncurrent_objects),
        part_bytes: number(usage.part_bytes),
        parts: number(usage.parts),
        delete_markers: number(usage.delete_markers),
        uploads: number(usage.uploads),
    }
}

async fn bucket(world: &World, name: &str, expected: &Bucket) -> Checked {
    let get = |query: &str| world.send(expected.owner, Ask::new("GET", format!("/{name}{query}")));
    let info = get("?storageinfo").await;
    let numbers = (info.element("Size"), info.element("ObjectNumber"));
    let summed = expected.sums();
    let shown = (Some(summed.used().to_string()), Some(summed.objects().to_string()));
    prop_assert_eq!(numbers, shown, "storage info of {}", name);
    let parsed = BucketName::parse(name).map_err(|_| failed(name))?;
    let read = world.gateway.app.store.read(|tx| {
        let bucket = tx.bucket(&parsed)?;
        Ok::<_, Error>(bucket.map(|bucket| tx.bucket_usage(bucket.id)).transpose()?)
    });
    prop_assert_eq!(read.await.map_err(failed)?.map(sums), Some(summed), "counters of {}", name);
    let quota = get("?quota").await.element("StorageQuota");
    prop_assert_eq!(quota, Some(expected.limits.bytes.to_string()), "quota of {}", name);
    let listing = get("").await;
    let keys: Vec<String> = expected.objects().map(|(key, _)| key.clone()).collect();
    prop_assert_eq!(listing.elements("Key"), keys, "keys of {}", name);
    let sizes: Vec<String> = expected.objects().map(|(_, object)| object.size().to_string()).collect();
    prop_assert_eq!(listing.elements("Size"), sizes, "sizes in {}", name);
    let tags: Vec<String> = expected.objects().map(|(_, object)| format!("\"{}\"", object.etag)).collect();
    let shown: Vec<String> = listing.elements("ETag").iter().map(|tag| tag.replace("&quot;", "\"")).collect();
    prop_assert_eq!(shown, tags, "tags in {}", name);
    let open = expected.uploads.iter().filter(|upload| upload.is_open);
    let open: BTreeSet<String> = open.map(|upload| upload.id.clone()).collect();
    let shown: BTreeSet<String> = get("?uploads").await.elements("UploadId").into_iter().collect();
    prop_assert_eq!(shown, open, "uploads in {}", name);
    Ok(())
}

/// The listing of all versions; ids that the model does not know yet it learns here.
async fn versions(world: &mut World, name: &str) -> Checked {
    let bucket = &world.model.buckets[name];
    if bucket.is_file_system {
        return Ok(());
    }
    let listing = world.send(bucket.owner, Ask::new("GET", format!("/{name}?versions"))).await;
    let (keys, ids) = (listing.elements("Key"), listing.elements("VersionId"));
    let (latest, sizes) = (listing.elements("IsLatest"), listing.elements("Size"));
    let mut rows = keys.iter().zip(ids).zip(latest);
    let mut known = BTreeSet::new();
    let bucket = world.model.buckets.get_mut(name).expect("looked at above");
    for (key, versions) in &mut bucket.keys {
        for (nth, kept) in versions.iter_mut().enumerate() {
            let Some(((shown_key, id), is_latest)) = rows.next() else {
                return Err(failed(format!("{key} has more versions than are listed: {}", listing.text())));
            };
            prop_assert_eq!((shown_key, is_latest.as_str()), (key, if nth == 0 { "true" } else { "false" }));
            if kept.id.is_empty() {
                prop_assert_eq!(id.len(), 32);
                kept.id.clone_from(&id);
            }
            prop_assert_eq!(&id, &kept.id, "a version of {}", key);
            prop_assert!(known.insert((key.clone(), id)), "two versions of {} with one id", key);
        }
    }
    prop_assert!(rows.next().is_none(), "more versions are listed than there are: {}", listing.text());
    let objects = || bucket.keys.values().flatten().filter_map(|kept| kept.object.as_ref());
    prop_assert_eq!(sizes, objects().map(|object| object.size().to_string()).collect::<Vec<_>>());
    let marker_count = bucket.keys.values().flatten().filter(|kept| kept.object.is_none()).count();
    prop_assert_eq!(listing.text().matches("<DeleteMarker>").count(), marker_count);
    Ok(())
}

/// Every version of the model, byte for byte, as a whole and in part, and the parts of every upload.
pub(crate) async fn bodies(world: &World) -> Checked {
    for (name, bucket) in &world.model.buckets {
        for (key, versions) in &bucket.keys {
            for (nth, Kept { id, object, lock }) in versions.iter().enumerate() {
                let Some(object) = object else { continue };
                let ask = Ask::object("GET", name, key);
                let ask = if nth == 0 { ask } else { ask.query("versionId", id) };
                let whole = world.send(bucket.owner, ask.clone()).await;
                body(&whole, &object.bytes)?;
                let until = if lock.until > 0 { iso_second(lock.until) } else { String::new() };
                prop_assert_eq!(whole.header("x-obs-object-lock-retain-until-date"), until, "of {}", key);
                let hold = lock.hold.map_or("", |is_on| if is_on { "ON" } else { "OFF" });
                prop_assert_eq!(whole.header("x-obs-object-lock-legal-hold"), hold, "of {}", key);
                let size = object.bytes.len();
                if size > 0 {
                    // Across whatever lies in the middle.
                    let (start, end) = (size / 3, size - 1 - size / 4);
                    let some = world.send(bucket.owner, ask.header("Range", format!("bytes={start}-{end}"))).await;
                    prop_assert_eq!(some.outcome(), (206, String::new()));
                    let is_it = some.body.as_ref().is_ok_and(|body| *body == object.bytes[start..=end]);
                    prop_assert!(is_it, "bytes {} to {} of {}", start, end, size);
                }
            }
        }
        for upload in bucket.uploads.iter().filter(|upload| upload.is_open) {
            let ask = Ask::object("GET", name, &upload.key).query("uploadId", &upload.id);
            let listing = world.send(bucket.owner, ask).await;
            let numbers: Vec<String> = upload.parts.keys().map(ToString::to_string).collect();
            prop_assert_eq!(listing.elements("PartNumber"), numbers, "{}", listing.text());
            let tags: Vec<String> = upload.parts.values().map(|part| etag(part)).collect();
            prop_assert_eq!(listing.tags(), tags);
        }
    }
    Ok(())
}

/// Whether `answer` is the whole of an object.
pub(crate) fn body(answer: &Answer, bytes: &Bytes) -> Checked {
    prop_assert_eq!(answer.outcome(), (200, String::new()));
    let is_whole = answer.body.as_ref().is_ok_and(|body| body == bytes);
    prop_assert!(is_whole, "{:?} bytes came out of {}", answer.body.as_ref().map(Bytes::len), bytes.len());
    Ok(())
}

/// What a verification finds wrong, and with `deep` every block that cannot be read.
pub(crate) fn differences(engine: &dyn Engine, blobs: &dyn BlobStore, deep: bool) -> Vec<String> {
    let mut check_blocks = |manifest: &Manifest| {
        let mut blocks = 0..if deep { manifest.block_checksums.len() as u64 } else { 0 };
        blocks
            .find_map(|block| blobs.read_block(manifest, block, false, &mut Vec::new()).err())
            .map(|it| it.to_string())
    };
    let verdict = meta::verify(engine, &mut check_blocks).expect("a verdict");
    verdict.differences.into_iter().map(|found| format!("{}: {}", found.place, found.finding)).collect()
}

/// A digest of every row there is.
pub(crate) fn fingerprint(engine: &dyn Engine) -> u64 {
    let (snapshot, mut hasher) = (engine.snapshot(), DefaultHasher::new());
    for family in Family::ALL {
        let scanned = snapshot.scan(family, Bound::Unbounded, None, Tier::Disk, &mut |key, value| {
            (family.index(), key, value).hash(&mut hasher);
            Ok(meta::Step::Next)
        });
        scanned.expect("rows");
    }
    hasher.finish()
}

/// Waits until no thread works on behind the answers, and no writer is left open.
pub(crate) async fn settle(app: &Arc<App>, blobs: &Arc<dyn BlobStore>) {
    // Held once by `App` and once by the caller; uploads and clean-ups under way hold it too.
    let settled = async {
        while Arc::strong_count(app.blobs.store()) > 2 || Arc::strong_count(app) > 1 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), settled).await;
    assert!(waited.is_ok(), "{} still hold the store {blobs:?}", Arc::strong_count(blobs));
}

/// Does by hand what the sweep does in the background, and with `reclaims` what it does at a start; then says how many
/// bytes are taken by nobody. Nothing may be in flight.
pub(crate) async fn leftover_bytes(app: &App, blobs: &dyn BlobStore, reclaims: bool) -> u64 {
    loop {
        let rows = app.store.read(|tx| tx.sweep_rows(u64::MAX, usize::MAX)).await.expect("sweep rows");
        if rows.is_empty() {
            break;
        }
        let extents = app.store.read(|tx| tx.extents_to_free(&rows)).await.expect("extents");
        blobs.free(&extents).expect("space given back");
        app.store.write(|tx| tx.sweep(&rows)).await.expect("a commit");
    }
    let mut live_bytes = 0;
    for segment in blobs.segments().expect("segments") {
        let live: Vec<Extent> = app.store.read(|tx| tx.live_extents(segment.number)).await.expect("extents");
        live_bytes += live.iter().map(|extent| extent.length).sum::<u64>();
        if reclaims {
            blobs.reclaim(segment.number, &live).expect("space given back");
        }
    }
    let (total, available) = blobs.capacity().expect("a bounded store");
    total - available - live_bytes
}

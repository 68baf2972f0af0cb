//! What must hold at rest, whatever came before: counters that equal sums, bodies that are whole, no byte of a store
//! held for nothing.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use obs_gateway::app::App;
use obs_gateway::blob::{BlobStore, Extent, Manifest};
use obs_gateway::error::Error;
use obs_gateway::meta::{self, Engine, Family, Tier};
use proptest::prelude::*;

use crate::model::{Bucket, Object};
use crate::step::{ACCOUNTS, BUCKETS};
use crate::support::{Answer, Ask};
use crate::world::{Checked, World};

/// Everything an outsider can see of the world, and what `fsck` sees, against the model.
pub(crate) async fn everything(world: &World) -> Checked {
    for name in BUCKETS {
        match world.model.buckets.get(name) {
            Some(expected) => bucket(world, name, expected).await?,
            None => {
                let gone = world.send(0, Ask::new("GET", format!("/{name}?storageinfo"))).await;
                prop_assert_eq!(gone.outcome(), (404, "NoSuchBucket".to_owned()), "{}", name);
            }
        }
    }
    for (who, account) in world.accounts.iter().enumerate() {
        let listed = world.send(who, Ask::new("GET", "/")).await.elements("Name");
        prop_assert_eq!(&listed, &world.model.buckets_of(who), "buckets of {}", ACCOUNTS[who]);
        let store = &world.gateway.app.store;
        let read = store.read(|tx| Ok::<_, Error>((tx.account_usage(account.id)?, tx.bucket_count(account.id)?)));
        let (usage, bucket_count) = read.await.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(bucket_count, listed.len() as u64, "bucket count of {}", ACCOUNTS[who]);
        prop_assert_eq!(u64::try_from(usage.used_bytes()), Ok(world.model.used_by(who)), "usage of {}", ACCOUNTS[who]);
    }
    let backing = world.backing();
    prop_assert_eq!(differences(&*backing.engine, &*backing.blobs, false), Vec::<String>::new());
    prop_assert_eq!(world.gateway.app.metrics.panics.get(), 0, "a handler panicked");
    Ok(())
}

async fn bucket(world: &World, name: &str, expected: &Bucket) -> Checked {
    let get = |query: &str| world.send(expected.owner, Ask::new("GET", format!("/{name}{query}")));
    let info = get("?storageinfo").await;
    let numbers = (info.element("Size"), info.element("ObjectNumber"));
    let sums = (Some(expected.used().to_string()), Some(expected.objects.len().to_string()));
    prop_assert_eq!(numbers, sums, "storage info of {}", name);
    let quota = get("?quota").await.element("StorageQuota");
    prop_assert_eq!(quota, Some(expected.quota.to_string()), "quota of {}", name);
    let listing = get("").await;
    let keys: Vec<String> = expected.objects.keys().cloned().collect();
    prop_assert_eq!(listing.elements("Key"), keys, "keys of {}", name);
    let sizes: Vec<String> = expected.objects.values().map(|object| object.size.to_string()).collect();
    prop_assert_eq!(listing.elements("Size"), sizes, "sizes in {}", name);
    let tags: Vec<String> = expected.objects.values().map(|object| format!("\"{}\"", object.etag)).collect();
    let shown: Vec<String> = listing.elements("ETag").iter().map(|tag| tag.replace("&quot;", "\"")).collect();
    prop_assert_eq!(shown, tags, "tags in {}", name);
    Ok(())
}

/// Every object of the model, byte for byte.
pub(crate) async fn bodies(world: &World) -> Checked {
    for (name, bucket) in &world.model.buckets {
        for (key, object) in &bucket.objects {
            body(&world.send(bucket.owner, Ask::object("GET", name, key)).await, object)?;
        }
    }
    Ok(())
}

/// Whether `answer` is the whole of `object`.
pub(crate) fn body(answer: &Answer, object: &Object) -> Checked {
    prop_assert_eq!(answer.outcome(), (200, String::new()));
    let is_whole = answer.body.as_ref().is_ok_and(|body| *body == object.body());
    prop_assert!(is_whole, "{} bytes came out of {}", answer.body.as_ref().map_or(0, bytes::Bytes::len), object.size);
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
    let waited = tokio::time::timeout(Duration::from_secs(20), settled).await;
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

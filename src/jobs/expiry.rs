//! Deletes objects whose days are over (`x-obs-expires`). The table of them is written with the objects, and each goes in
//! one commit with its row: nothing is kept here, and a job that is stopped anywhere goes on where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::{pause, report};
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Error, Result};
use crate::meta::Expiring;

/// Objects looked up at a time.
const BATCH_COUNT: usize = 256;
/// Deletions under way at a time; they share the syncs of their commits.
const CONCURRENT_COUNT: usize = 16;

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    loop {
        report("expiry of objects", step(&app, &stopping).await);
        if pause(&mut stopping).await {
            return;
        }
    }
}

/// Deletes what is due now; gives the number of deleted objects. What cannot be deleted is passed over, and tried again
/// by the next step.
pub async fn step(app: &App, stopping: &watch::Receiver<bool>) -> Result<u64> {
    let now = app.clock.now_millis();
    let (mut deleted, mut after) = (0, None);
    while !*stopping.borrow() {
        let batch = app.store.read(|tx| Ok::<_, Error>(tx.expired(now, after.as_ref(), BATCH_COUNT)?)).await?;
        let Some(last) = batch.last() else { break };
        deleted += delete(app, &batch, now).await;
        after = Some(last.clone());
    }
    Ok(deleted)
}

async fn delete(app: &App, batch: &[Expiring], now: UnixMillis) -> u64 {
    let deleted = AtomicU64::new(0);
    let deletions = futures_util::stream::iter(batch).for_each_concurrent(CONCURRENT_COUNT, |expiring| async {
        match app.store.write(|tx| Ok::<_, Error>(tx.expire(expiring, now)?)).await {
            Ok(true) => {
                deleted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(?error, "an object whose days are over could not be deleted"),
        }
    });
    deletions.await;
    deleted.into_inner()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::attributes::Attributes;
    use crate::blob::Blobs;
    use crate::blob::memory::MemoryStore;
    use crate::clock::{Clock, DAY_MILLIS};
    use crate::config::Config;
    use crate::headers::ObjectHeaders;
    use crate::meta::{
        BlobId, Body, Bucket, Engine, MASTER_KEY_BYTES, MemoryEngine, NewAccount, NewBucket, Object, Sealer, Store,
        Stored, Version,
    };
    use crate::name::{BucketName, ObjectKey};
    use crate::storage_class::StorageClass;

    const NOW: UnixMillis = 1_435_721_265_000;

    async fn app(engine: &Arc<dyn Engine>, now: UnixMillis) -> Arc<App> {
        let store = Store::new(Arc::clone(engine), Sealer::new(&[7; MASTER_KEY_BYTES]));
        App::new(Config::for_testing(), store, Blobs::new(Arc::new(MemoryStore::new())), Clock::manual(now)).await
    }

    async fn with_objects(app: &App, count: usize) -> Bucket {
        let new = NewAccount { name: "alice".to_owned(), ..NewAccount::default() };
        let account = app.store.write(|tx| tx.create_account(&new, NOW)).await.unwrap().unwrap();
        let new = NewBucket::new(BucketName::parse("photos").unwrap(), account.id, "default".to_owned());
        let bucket = app.store.write(|tx| tx.create_bucket(&new, NOW)).await.unwrap();
        for at in 0..count {
            let object = Object {
                version: Version::default(),
                blob: BlobId::mint(NOW),
                size: 1,
                etag: String::new(),
                modified_millis: NOW,
                owner: account.id,
                body: Body::Inline,
                headers: ObjectHeaders::default(),
                storage_class: StorageClass::Standard,
                attributes: Attributes { expires_days: Some(1), ..Attributes::default() }.boxed(),
                state: None,
            };
            let (key, stored) = (ObjectKey::parse(&at.to_string()).unwrap(), Stored::Inline(Bytes::from_static(b"x")));
            let put = app.store.write(|tx| {
                let slot = tx.slot(&bucket, &key)?;
                tx.put_object(slot, &object, &stored)
            });
            put.await.unwrap();
        }
        bucket
    }

    #[tokio::test]
    async fn what_is_due_goes_after_a_restart_too() {
        let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
        let (_stop, stopping) = watch::channel(false);
        let first = app(&engine, NOW).await;
        let bucket = with_objects(&first, BATCH_COUNT + 3).await;
        assert_eq!(step(&first, &stopping).await.unwrap(), 0);
        drop(first);
        let second = app(&engine, NOW + 2 * DAY_MILLIS).await;
        assert_eq!(step(&second, &stopping).await.unwrap(), BATCH_COUNT as u64 + 3);
        assert_eq!(step(&second, &stopping).await.unwrap(), 0);
        let usage = second.store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert!(usage.is_empty());
    }

    #[tokio::test]
    async fn a_gateway_that_stops_leaves_the_rest() {
        let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
        let app = app(&engine, NOW + 2 * DAY_MILLIS).await;
        with_objects(&app, 3).await;
        let (stop, stopping) = watch::channel(true);
        assert_eq!(step(&app, &stopping).await.unwrap(), 0);
        stop.send(false).unwrap();
        assert_eq!(step(&app, &stopping).await.unwrap(), 3);
    }
}

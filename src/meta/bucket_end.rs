//! How a bucket ends whose unfinished uploads end with it: in one commit, so that a deletion that is refused ends none.

use std::ops::Bound;

use super::body::damaged;
use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::store::Tx;
use super::upload::UploadId;
use super::{BucketId, Error, Result, keys};
use crate::clock::UnixMillis;
use crate::limits;
use crate::name::ObjectKey;

impl Tx<'_> {
    /// Removes a bucket and its unfinished uploads; `bucket` is its record as this transaction read it. One that begins
    /// meanwhile makes the transaction run again.
    ///
    /// [`Error::NotEmpty`] where it holds anything else; [`Error::TooMany`] where its uploads and their parts are more than
    /// [`limits::BUCKET_UPLOAD_COUNT_MAX`] together. Nothing was written then.
    pub fn delete_bucket_with_uploads(&mut self, bucket: &Bucket, now: UnixMillis) -> Result<()> {
        let usage = self.bucket_usage(bucket.id)?;
        if usage.used_objects() + usage.delete_markers > 0 {
            return Err(Error::NotEmpty);
        }
        if usage.uploads + usage.parts > limits::BUCKET_UPLOAD_COUNT_MAX {
            return Err(Error::TooMany);
        }
        for (key, id) in self.uploads_in(bucket.id)? {
            // One that ended after it was listed is relied on to have.
            if let Some(open) = self.open_upload(bucket.id, &key, id)? {
                self.abort_upload(bucket, &open, now)?;
            }
        }
        self.remove_bucket(bucket)
    }

    /// All unfinished uploads of a bucket.
    fn uploads_in(&mut self, bucket: BucketId) -> Result<Vec<(ObjectKey, UploadId)>> {
        let (from, end) = (keys::uploads_from(bucket, ""), keys::uploads_end(b'u', bucket));
        let mut uploads = Vec::new();
        self.scan(Family::Uploads, Bound::Included(&from), Some(&end), &mut |row, _| {
            let (_, key, id) = keys::parts_of_upload(row).ok_or_else(|| damaged("an upload's key"))?;
            uploads.push((ObjectKey::parse(&key).map_err(|_| damaged("an upload's key"))?, id));
            Ok(Step::Next)
        })?;
        Ok(uploads)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::testing::{NOW, OWNER, begin, bucket, inline, key, put, put_part, store, upload};
    use super::super::{Store, verify};
    use super::*;

    async fn delete(store: &Store, bucket: &Bucket) -> Result<()> {
        store.write(|tx| tx.delete_bucket_with_uploads(bucket, NOW)).await
    }

    /// Nothing counts for a bucket that is gone, nor for its owner.
    async fn check_gone(store: &Store, bucket: &Bucket) {
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        assert_eq!(store.read(|tx| tx.bucket(&bucket.name)).await.unwrap(), None);
        assert!(store.read(|tx| tx.account_usage(OWNER)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn uploads_end_with_their_bucket() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        for called in ["a", "a", "b"] {
            let to = (called, begin(&store, &bucket, called).await);
            assert!(put_part(&store, &bucket, to, 1, 5).await.unwrap());
            assert!(put_part(&store, &bucket, to, 2, 1500).await.unwrap());
        }
        begin(&store, &bucket, "c").await;
        delete(&store, &bucket).await.unwrap();
        check_gone(&store, &bucket).await;
    }

    #[tokio::test]
    async fn a_deletion_that_is_refused_ends_no_upload() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        assert!(put_part(&store, &bucket, to, 1, 5).await.unwrap());
        let mut runs = 0;
        let deleted = store.write(|tx| {
            runs += 1;
            tx.delete_bucket_with_uploads(&bucket, NOW)?;
            // An object comes before the commit.
            if runs == 1 {
                put(&store, &bucket, "o", &inline(7)).now_or_never().expect("the engine in memory never waits")?;
            }
            Ok(())
        });
        assert!(matches!(deleted.await, Err(Error::NotEmpty)));
        assert!(put_part(&store, &bucket, to, 2, 6).await.unwrap(), "the upload goes on");
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!((usage.current_bytes, usage.part_bytes, usage.uploads), (7, 11, 1));
    }

    /// Uploads that begin, go on and end between the reads of a deletion and its commit.
    #[tokio::test]
    async fn what_uploads_do_meanwhile_keeps_no_bucket() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        let mut runs = 0;
        let deleted = store.write(|tx| {
            runs += 1;
            tx.delete_bucket_with_uploads(&bucket, NOW)?;
            let meanwhile = async {
                match runs {
                    1 => drop(begin(&store, &bucket, "l").await),
                    2 => drop(put_part(&store, &bucket, to, 1, 5).await?),
                    3 => {
                        let abort = store.write(|tx| {
                            let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
                            tx.abort_upload(&bucket, &open, NOW)
                        });
                        abort.await?;
                    }
                    _ => {}
                }
                Ok::<_, Error>(())
            };
            meanwhile.now_or_never().expect("the engine in memory never waits")
        });
        deleted.await.unwrap();
        assert_eq!(runs, 4);
        check_gone(&store, &bucket).await;
    }

    #[tokio::test]
    async fn one_commit_ends_so_many_uploads_and_no_more() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let begin = async |from: u64, to: u64| {
            let begun = store.write(|tx| {
                for id in from..to {
                    tx.begin_upload(&bucket, &key("k"), UploadId(id.into()), &upload())?;
                }
                Ok::<_, Error>(())
            });
            begun.await.unwrap();
        };
        let most = u64::try_from(limits::BUCKET_UPLOAD_COUNT_MAX).unwrap();
        begin(0, most + 1).await;
        assert!(matches!(delete(&store, &bucket).await, Err(Error::TooMany)));
        let usage = store.read(|tx| tx.bucket_usage(bucket.id)).await.unwrap();
        assert_eq!(usage.uploads, limits::BUCKET_UPLOAD_COUNT_MAX + 1);
        let abort = store.write(|tx| {
            let open = tx.open_upload(bucket.id, &key("k"), UploadId(0))?.expect("it was begun");
            tx.abort_upload(&bucket, &open, NOW)
        });
        abort.await.unwrap();
        delete(&store, &bucket).await.unwrap();
        check_gone(&store, &bucket).await;
    }
}

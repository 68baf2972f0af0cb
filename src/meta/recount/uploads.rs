//! What unfinished uploads and their parts add to a recount, and whether each part has its upload.

use std::ops::ControlFlow;

use super::{Named, Slices, Sums};
use crate::meta::engine::{Family, Step, Tier, View, get_owned};
use crate::meta::part::Part;
use crate::meta::record::Record;
use crate::meta::upload::{Upload, UploadId};
use crate::meta::{BucketId, Result, keys};
use crate::quota::{Change, Held, growth};

impl Sums<'_, '_> {
    pub(super) fn uploads(&mut self, slices: &mut Slices<'_>) -> Result<ControlFlow<()>> {
        let (from, to) = keys::tag_range(b'u');
        slices.scan(Family::Uploads, (from, Some(to)), &mut |row, value| {
            let Some((id, key, upload)) = keys::parts_of_upload(row) else {
                self.strange(row, "is not an upload's key");
                return Ok(Step::Next);
            };
            let Some(bucket) = self.books.bucket_mut(id) else { return Ok(self.homeless(id, b'u')) };
            bucket.add(&growth(Change::default().comes(Held::Upload)));
            if let Err(error) = Upload::decode(value) {
                self.findings.add(format!("/{}/{key} upload {upload}", bucket.name()), error.to_string());
            }
            Ok(Step::Next)
        })
    }

    pub(super) fn parts(&mut self, slices: &mut Slices<'_>) -> Result<ControlFlow<()>> {
        let (view, mut last) = (slices.view, None);
        let (from, to) = keys::tag_range(b'p');
        slices.scan(Family::Uploads, (from, Some(to)), &mut |row, value| {
            let Some((id, upload, number)) = keys::parts_of_part(row) else {
                self.strange(row, "is not a part's key");
                return Ok(Step::Next);
            };
            let Some(bucket) = self.books.bucket_mut(id) else { return Ok(self.homeless(id, b'p')) };
            if last.replace((id, upload)) != Some((id, upload)) && !has_upload(view, id, upload)? {
                self.findings.add(format!("/{} upload {upload}", bucket.name()), "has parts, but does not exist");
            }
            match Part::decode(value) {
                Ok(part) => {
                    bucket.add(&growth(Change::default().comes(Held::Part(part.size))));
                    let place = format_args!("/{} upload {upload} part {number}", bucket.name());
                    (self.on_body)(Named { place, blob: part.blob, body: part.body, size: part.size })?;
                }
                Err(error) => {
                    bucket.doubt();
                    let place = format!("/{} upload {upload} part {number}", bucket.name());
                    self.findings.add(place, error.to_string());
                }
            }
            Ok(Step::Next)
        })
    }

    pub(super) fn tokens(&mut self, slices: &mut Slices<'_>) -> Result<ControlFlow<()>> {
        let view = slices.view;
        let (from, to) = keys::tag_range(b't');
        slices.scan(Family::Uploads, (from, Some(to)), &mut |row, _| {
            let is_right = match keys::parts_of_part_token(row) {
                Some((id, upload)) => has_upload(view, id, upload)?,
                None => false,
            };
            if !is_right {
                self.findings.add(format!("row {row:02x?}"), "belongs to no upload");
            }
            Ok(Step::Next)
        })
    }

    /// Notes a row that cannot be told; it may lie among a bucket's.
    fn strange(&mut self, row: &[u8], finding: &str) {
        self.findings.add(format!("row {row:02x?}"), finding);
        self.books.doubt(&row[1..]);
    }

    /// Notes rows of a bucket that there is not, and passes over them.
    fn homeless(&mut self, id: BucketId, tag: u8) -> Step {
        self.findings.add(format!("bucket {:016x}", id.0), "has uploads, but does not exist");
        Step::SeekTo(keys::uploads_end(tag, id))
    }
}

/// Whether the upload is there that parts belong to.
fn has_upload(view: &dyn View, bucket: BucketId, id: UploadId) -> Result<bool> {
    let token = get_owned(view, Family::Uploads, &keys::part_token(bucket, id), Tier::Bulk)?;
    let key = token.and_then(|key| String::from_utf8(key).ok());
    let Some(key) = key else { return Ok(false) };
    Ok(get_owned(view, Family::Uploads, &keys::upload(bucket, &key, id), Tier::Bulk)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::{Recount, Repair, recount};
    use super::*;
    use crate::meta::engine::{Commit, Engine};
    use crate::meta::testing::{OWNER, begin, bucket, put_part, store_over};
    use crate::meta::{Bucket, MemoryEngine, Store, verify};

    /// A store with one upload of two parts of 7 bytes.
    struct Site {
        engine: Arc<MemoryEngine>,
        store: Store,
        bucket: Bucket,
        id: UploadId,
    }

    impl Site {
        async fn new() -> Self {
            let engine = Arc::new(MemoryEngine::new());
            let store = store_over(Arc::clone(&engine) as Arc<dyn Engine>);
            let bucket = bucket(&store, OWNER, "photos", 0).await;
            let id = begin(&store, &bucket, "k").await;
            for number in [1, 2] {
                assert!(put_part(&store, &bucket, ("k", id), number, 7).await.unwrap());
            }
            let site = Self { engine, store, bucket, id };
            let seen = site.recount();
            assert_eq!((seen.drifts.len(), seen.findings.len(), seen.objects), (0, 0, 0));
            site
        }

        fn recount(&self) -> Recount {
            let read = recount(&*self.engine.snapshot(), 2, &mut |_| ControlFlow::Continue(()));
            read.unwrap().expect("nobody stops it")
        }

        async fn spoil(&self, puts: Vec<Vec<u8>>, deletes: Vec<Vec<u8>>) {
            let row = |row| (Family::Uploads, row, Bytes::from_static(b"no record"));
            let puts = puts.into_iter().map(row).collect();
            let deletes = deletes.into_iter().map(|row| (Family::Uploads, row)).collect();
            self.engine.commit(Commit { puts, deletes, ..Commit::default() }).await.unwrap();
        }

        /// Place and finding of whatever is wrong, and how many counters are.
        fn seen(&self) -> (Vec<(String, String)>, usize) {
            let recount = self.recount();
            let findings = recount.findings.into_iter().map(|finding| (finding.place, finding.finding));
            (findings.collect(), recount.drifts.len())
        }
    }

    #[tokio::test]
    async fn counters_of_uploads_are_found_and_mended() {
        let site = Site::new().await;
        let (bucket, id) = (site.bucket.id, site.id);
        site.spoil(vec![], vec![keys::part(bucket, id, 2)]).await;
        let recount = site.recount();
        let lacks: Vec<_> = recount.drifts.iter().map(|drift| (drift.difference.parts, drift.bytes())).collect();
        assert_eq!((lacks, recount.findings.len()), (vec![(-1, 7), (-1, 7)], 0));
        let repairs = site.store.repair(&recount.drifts).await;
        assert!(repairs.iter().all(|repair| matches!(repair, Repair::Done)));
        let usage = site.store.read(|tx| tx.bucket_usage(bucket)).await.unwrap();
        assert_eq!((usage.parts, usage.part_bytes, usage.uploads), (1, 7, 1));
        let differences = verify(&*site.engine, &mut |_| None).unwrap().differences;
        assert_eq!(differences.len(), 1, "the body of the part that went: {differences:?}");
    }

    #[tokio::test]
    async fn parts_without_their_upload_are_told() {
        let check = async |spoil: fn(&Site) -> Vec<u8>, place: &str, finding: &str| {
            let site = Site::new().await;
            site.spoil(vec![], vec![spoil(&site)]).await;
            let (findings, _) = site.seen();
            assert_eq!(findings[0], (place.replace("ID", &site.id.to_string()), finding.to_owned()));
        };
        check(|site| keys::upload(site.bucket.id, "k", site.id), "/photos upload ID", "has parts, but does not exist")
            .await;
        check(|site| keys::part_token(site.bucket.id, site.id), "/photos upload ID", "has parts, but does not exist")
            .await;
        let site = Site::new().await;
        let stray = keys::part_token(site.bucket.id, UploadId(5));
        site.spoil(vec![stray.clone()], vec![]).await;
        assert_eq!(site.seen(), (vec![(format!("row {stray:02x?}"), "belongs to no upload".to_owned())], 0));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_and_not_mended() {
        let site = Site::new().await;
        let (bucket, id) = (site.bucket.id, site.id);
        // Its size is not known, so nobody knows the bucket's.
        site.spoil(vec![keys::part(bucket, id, 1)], vec![]).await;
        let (findings, drifts) = site.seen();
        assert_eq!((findings.len(), drifts, &*findings[0].0), (1, 0, &*format!("/photos upload {id} part 1")));
        // An upload counts whatever it says.
        let site = Site::new().await;
        site.spoil(vec![keys::upload(site.bucket.id, "k", site.id)], vec![]).await;
        let (findings, drifts) = site.seen();
        assert_eq!((findings.len(), drifts, &*findings[0].0), (1, 0, &*format!("/photos/k upload {}", site.id)));
        for row in [b"u".to_vec(), b"p".to_vec(), b"t".to_vec()] {
            site.spoil(vec![row], vec![]).await;
        }
        assert_eq!(site.seen().0.len(), 4);
    }

    #[tokio::test]
    async fn uploads_of_no_bucket_are_told_once() {
        let site = Site::new().await;
        let nobody = BucketId(site.bucket.id.0 ^ 1);
        let rows = (1..5).map(|number| keys::part(nobody, UploadId(1), number));
        let rows = rows.chain((1..5).map(|id| keys::upload(nobody, "k", UploadId(id)))).collect();
        site.spoil(rows, vec![]).await;
        let place = format!("bucket {:016x}", nobody.0);
        let finding = (place, "has uploads, but does not exist".to_owned());
        assert_eq!(site.seen(), (vec![finding.clone(), finding], 0));
    }
}

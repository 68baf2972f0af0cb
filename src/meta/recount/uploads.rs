//! What unfinished uploads and their parts add to a recount, and whether each part has its upload.

use std::ops::ControlFlow;

use super::{Named, Slices, Sums};
use crate::meta::engine::{Family, Step, Tier, View, get_owned};
use crate::meta::record::Record;
use crate::meta::upload::{Part, Upload, UploadId};
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

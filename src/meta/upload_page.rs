//! Listings of unfinished uploads and of the parts of one, page by page.

use std::ops::Bound;

use super::body::damaged;
use super::engine::{Family, Step};
use super::listing::{PageQuery, rolled_up};
use super::record::Record;
use super::store::Tx;
use super::upload::{OpenUpload, Part, Upload, UploadId};
use super::{BucketId, Result, keys};
use crate::limits;

/// What to list of a bucket's uploads.
#[derive(Clone, Debug, Default)]
pub struct UploadQuery {
    /// Of which keys. The marker's own uploads are on the page only with `id_marker`.
    pub page: PageQuery,
    /// Of the marker's uploads, those after it.
    pub id_marker: Option<UploadId>,
}

/// A row of a listing of uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedUpload {
    /// A key, and an upload to it.
    Upload(String, UploadId, Box<Upload>),
    /// A common prefix.
    Prefix(String),
}

/// A page of uploads: by key in UTF-8 byte order, those of a key by age.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadPage {
    /// Rows.
    pub rows: Vec<ListedUpload>,
    /// More rows follow.
    pub truncated: bool,
}

/// A page of an upload's parts, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartPage {
    /// Numbers and parts.
    pub rows: Vec<(u16, Part)>,
    /// More parts follow.
    pub truncated: bool,
}

impl Tx<'_> {
    /// A page of a bucket's unfinished uploads. Skips what a common prefix rolls up by seeking.
    pub fn upload_page(&mut self, bucket: BucketId, query: &UploadQuery) -> Result<UploadPage> {
        let count_max = query.page.count_max.min(limits::LIST_PAGE_COUNT_MAX);
        let mut page = UploadPage::default();
        if count_max == 0 {
            return Ok(page);
        }
        let prefix_row = keys::uploads_from(bucket, &query.page.prefix);
        let end = if query.page.prefix.is_empty() {
            Some(keys::uploads_end(b'u', bucket))
        } else {
            keys::prefix_end(&prefix_row)
        };
        let from = first_row(bucket, query, prefix_row);
        self.scan(Family::Uploads, from.as_ref().map(Vec::as_slice), end.as_deref(), &mut |row, value| {
            if page.rows.len() == count_max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            let (_, key, id) = keys::parts_of_upload(row).ok_or_else(|| damaged("an upload's key"))?;
            match rolled_up(&key, &query.page) {
                Some(group) => {
                    page.rows.push(ListedUpload::Prefix(group.to_owned()));
                    let skipped = keys::prefix_end(&keys::uploads_from(bucket, group));
                    Ok(skipped.map_or(Step::Stop, Step::SeekTo))
                }
                None => {
                    page.rows.push(ListedUpload::Upload(key, id, Box::new(Upload::decode(value)?)));
                    Ok(Step::Next)
                }
            }
        })?;
        Ok(page)
    }

    /// The parts of an upload with numbers above `after`; at most `limits::LIST_PAGE_COUNT_MAX`.
    pub fn part_page(&mut self, open: &OpenUpload, after: u16, count_max: usize) -> Result<PartPage> {
        let count_max = count_max.min(limits::LIST_PAGE_COUNT_MAX);
        let mut page = PartPage::default();
        let (from, prefix) = (open.part_row(after), open.part_rows());
        self.scan(Family::Uploads, Bound::Excluded(&from), keys::prefix_end(&prefix).as_deref(), &mut |row, value| {
            if page.rows.len() == count_max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            let (_, _, number) = keys::parts_of_part(row).ok_or_else(|| damaged("a part's key"))?;
            page.rows.push((number, Part::decode(value)?));
            Ok(Step::Next)
        })?;
        Ok(page)
    }
}

/// Where the page begins: after the marker's uploads, or after one of them; and after everything under the marker where
/// it is itself a common prefix.
fn first_row(bucket: BucketId, query: &UploadQuery, prefix_row: Vec<u8>) -> Bound<Vec<u8>> {
    let PageQuery { prefix, marker, .. } = &query.page;
    if marker.is_empty() || marker.as_str() < prefix.as_str() {
        return Bound::Included(prefix_row);
    }
    if rolled_up(marker, &query.page) == Some(marker.as_str())
        && let Some(end) = keys::prefix_end(&keys::uploads_from(bucket, marker))
    {
        return Bound::Included(end);
    }
    if let Some(id) = query.id_marker {
        return Bound::Excluded(keys::upload(bucket, marker, id));
    }
    match keys::prefix_end(&keys::uploads_of(bucket, marker)) {
        Some(end) => Bound::Included(end),
        // A row begins with its tag, so there is always something above.
        None => Bound::Excluded(keys::uploads_of(bucket, marker)),
    }
}

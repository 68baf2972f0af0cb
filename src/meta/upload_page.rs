//! Listings of unfinished uploads and of the parts of one, page by page.

use std::ops::Bound;

use super::body::damaged;
use super::engine::{Family, Step};
use super::listing::{PageQuery, rolled_up};
use super::part::Part;
use super::record::Record;
use super::store::Tx;
use super::upload::{OpenUpload, Upload, UploadId};
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::super::testing::{Counting, OWNER, begin, bucket, key, put_part, store, store_over, upload};
    use super::super::{Bucket, Store};
    use super::*;

    /// A key and an id, or a common prefix and nothing.
    type Name = (String, Option<u128>);

    fn names(page: &UploadPage) -> Vec<Name> {
        let name = |row: &ListedUpload| match row {
            ListedUpload::Upload(key, id, _) => (key.clone(), Some(id.0)),
            ListedUpload::Prefix(prefix) => (prefix.clone(), None),
        };
        page.rows.iter().map(name).collect()
    }

    /// All pages of a listing, each begun where the last one ended.
    async fn pages(store: &Store, bucket: &Bucket, mut query: UploadQuery) -> Vec<Name> {
        let mut all = Vec::new();
        loop {
            let page = store.read(|tx| tx.upload_page(bucket.id, &query)).await.unwrap();
            assert!(page.rows.len() <= query.page.count_max);
            all.extend(names(&page));
            if !page.truncated {
                return all;
            }
            let (key, id) = all.last().cloned().expect("a truncated page has rows");
            (query.page.marker, query.id_marker) = (key, id.map(UploadId));
        }
    }

    /// What a listing must have, in the plainest way.
    fn expected(uploads: &BTreeSet<(String, u128)>, query: &UploadQuery) -> Vec<Name> {
        let PageQuery { prefix, marker, delimiter, .. } = &query.page;
        let mut names: Vec<Name> = Vec::new();
        for (key, id) in uploads.iter().filter(|(key, _)| key.starts_with(prefix)) {
            let is_after = key > marker || (key == marker && query.id_marker.is_some_and(|marker| *id > marker.0));
            let group = key[prefix.len()..].find(delimiter.as_str()).filter(|_| !delimiter.is_empty());
            let group = group.map(|at| key[..prefix.len() + at + delimiter.len()].to_owned());
            match group {
                Some(group) if is_after && group != *marker => names.push((group, None)),
                None if is_after => names.push((key.clone(), Some(*id))),
                Some(_) | None => {}
            }
        }
        names.dedup();
        names
    }

    proptest! {
        #[test]
        fn pages_joined_are_the_listing(
            uploads in proptest::collection::btree_set(("[ab/\0]{1,4}", 0..3_u128), 0..20),
            prefix in "[ab/]{0,2}",
            delimiter in prop_oneof![Just(String::new()), Just("/".to_owned()), Just("b/".to_owned())],
            (marker, id_marker) in ("[ab/\0]{0,3}", proptest::option::of(0..3_u128)),
            count_max in 1..5_usize,
        ) {
            let run = async {
                let store = store();
                let bucket = bucket(&store, OWNER, "photos", 0).await;
                // Another bucket's uploads lie around.
                let other = self::bucket(&store, OWNER, "films", 0).await;
                begin(&store, &other, "a").await;
                for (called, id) in &uploads {
                    let begun = store.write(|tx| tx.begin_upload(&bucket, &key(called), UploadId(*id), &upload()));
                    begun.await.unwrap();
                }
                let page = PageQuery { prefix, marker, delimiter, count_max };
                let query = UploadQuery { page, id_marker: id_marker.map(UploadId) };
                prop_assert_eq!(pages(&store, &bucket, query.clone()).await, expected(&uploads, &query));
                Ok(())
            };
            run.now_or_never().expect("the engine in memory never waits")?;
        }
    }

    #[tokio::test]
    async fn a_page_skips_what_it_rolls_up() {
        let counting = Counting::default();
        let store = store_over(counting.engine.clone());
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        for called in ["a/1", "a/2", "a/3", "b", "c/1", "c/2", "d"] {
            for _ in 0..10 {
                begin(&store, &bucket, called).await;
            }
        }
        let check = |marker: &str, count_max, rows, row_count| {
            let page =
                PageQuery { marker: marker.to_owned(), delimiter: "/".to_owned(), count_max, ..PageQuery::default() };
            let query = UploadQuery { page, id_marker: None };
            let (page, row_counts) = counting.count(|tx| tx.upload_page(bucket.id, &query));
            assert_eq!((page.rows.len(), row_counts.values().sum::<usize>()), (rows, row_count), "after {marker}");
        };
        // One row for each prefix, and one more tells whether the page is all.
        check("", 1, 1, 2);
        check("a/", 12, 12, 13);
        check("b", 99, 11, 11);
        check("c/", 99, 10, 10);
    }

    #[tokio::test]
    async fn parts_are_listed_by_number() {
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        let to = ("k", begin(&store, &bucket, "k").await);
        let later = ("k", begin(&store, &bucket, "k").await);
        for number in [10_000, 2, 300, 1] {
            assert!(put_part(&store, &bucket, to, number, number.into()).await.unwrap());
            assert!(put_part(&store, &bucket, later, number, 0).await.unwrap());
        }
        let check = async |after, count_max, expected: &[u16], truncated| {
            let page = store.read(|tx| {
                let open = tx.open_upload(bucket.id, &key("k"), to.1)?.expect("it has not ended");
                tx.part_page(&open, after, count_max)
            });
            let page = page.await.unwrap();
            let numbers: Vec<u16> = page.rows.iter().map(|(number, _)| *number).collect();
            assert_eq!((numbers.as_slice(), page.truncated), (expected, truncated), "after {after}");
            assert!(page.rows.iter().all(|(number, part)| part.size == u64::from(*number)));
        };
        check(0, 9, &[1, 2, 300, 10_000], false).await;
        check(0, 4, &[1, 2, 300, 10_000], false).await;
        check(0, 3, &[1, 2, 300], true).await;
        check(1, 2, &[2, 300], true).await;
        check(2, 2, &[300, 10_000], false).await;
        check(10_000, 2, &[], false).await;
        check(u16::MAX, 2, &[], false).await;
    }
}

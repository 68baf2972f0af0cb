//! Listings of current objects, page by page.

use std::ops::Bound;

use super::body::damaged;
use super::engine::{Family, Step};
use super::object::Object;
use super::record::Record;
use super::store::Tx;
use super::{BucketId, Result, keys};
use crate::limits;

/// What to list of a bucket.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Keys that start with it.
    pub prefix: String,
    /// Keys, and common prefixes, after it.
    pub marker: String,
    /// Rolls up what follows the prefix, up to and with its first occurrence; empty for none.
    pub delimiter: String,
    /// Keys and common prefixes together; at most `limits::LIST_PAGE_COUNT_MAX`.
    pub count_max: usize,
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A key and its object.
    Object(String, Box<Object>),
    /// A common prefix.
    Prefix(String),
}

impl Listed {
    /// The key or prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Object(key, _) => key,
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// A page of a listing, in UTF-8 byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Rows.
    pub rows: Vec<Listed>,
    /// More rows follow.
    pub truncated: bool,
}

impl Tx<'_> {
    /// A page of a bucket's current objects. Skips what a common prefix rolls up by seeking, not by reading past it.
    pub fn page(&mut self, bucket: BucketId, query: &PageQuery) -> Result<Page> {
        let count_max = query.count_max.min(limits::LIST_PAGE_COUNT_MAX);
        let mut page = Page::default();
        if count_max == 0 {
            return Ok(page);
        }
        let prefix_row = keys::object(bucket, &query.prefix);
        let end = if query.prefix.is_empty() { keys::objects_end(bucket) } else { keys::prefix_end(&prefix_row) };
        let from = first_row(bucket, query, prefix_row);
        self.scan(Family::Objects, from.as_ref().map(Vec::as_slice), end.as_deref(), &mut |row, value| {
            if page.rows.len() == count_max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            let (_, key) = keys::key_of_object(row).ok_or_else(|| damaged("an object key"))?;
            match rolled_up(key, query) {
                Some(group) => {
                    page.rows.push(Listed::Prefix(group.to_owned()));
                    let skipped = keys::prefix_end(&keys::object(bucket, group));
                    Ok(skipped.map_or(Step::Stop, Step::SeekTo))
                }
                None => {
                    page.rows.push(Listed::Object(key.to_owned(), Box::new(Object::decode(value)?)));
                    Ok(Step::Next)
                }
            }
        })?;
        Ok(page)
    }
}

/// Where the page begins: after the marker, and after everything under it where it is itself a common prefix.
fn first_row(bucket: BucketId, query: &PageQuery, prefix_row: Vec<u8>) -> Bound<Vec<u8>> {
    if query.marker.is_empty() || query.marker.as_str() < query.prefix.as_str() {
        return Bound::Included(prefix_row);
    }
    if rolled_up(&query.marker, query) == Some(query.marker.as_str())
        && let Some(end) = keys::prefix_end(&keys::object(bucket, &query.marker))
    {
        return Bound::Included(end);
    }
    Bound::Excluded(keys::object(bucket, &query.marker))
}

/// The common prefix that `key` belongs to.
pub(super) fn rolled_up<'k>(key: &'k str, query: &PageQuery) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let at = rest.find(query.delimiter.as_str())?;
    Some(&key[..query.prefix.len() + at + query.delimiter.len()])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Counting, OWNER, bucket, inline, put, store_over};
    use super::super::{Bucket, Store};
    use super::*;

    /// The names on a page, whether more follow, and how many rows were read for it.
    fn page(counting: &Counting, bucket: &Bucket, query: &PageQuery) -> (Vec<String>, bool, usize) {
        let (page, row_counts) = counting.count(|tx| tx.page(bucket.id, query));
        let names = page.rows.iter().map(|row| row.name().to_owned()).collect();
        (names, page.truncated, row_counts.values().sum())
    }

    async fn filled(store: &Store) -> Bucket {
        let bucket = bucket(store, OWNER, "photos", 0).await;
        for group in ["a/", "b/x/", "c/"] {
            for index in 0..100 {
                put(store, &bucket, &format!("{group}{index:03}"), &inline(0)).await.unwrap();
            }
        }
        put(store, &bucket, "b", &inline(0)).await.unwrap();
        // Another bucket's keys lie all around.
        for called in ["aaa", "zzz"] {
            let other = self::bucket(store, OWNER, called, 0).await;
            put(store, &other, "b/other", &inline(0)).await.unwrap();
        }
        bucket
    }

    #[tokio::test]
    async fn a_page_skips_what_it_rolls_up() {
        let counting = Counting::default();
        let bucket = filled(&store_over(counting.engine.clone())).await;
        let query = |prefix: &str, marker: &str, count_max| PageQuery {
            prefix: prefix.to_owned(),
            marker: marker.to_owned(),
            delimiter: "/".to_owned(),
            count_max,
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = page(&counting, &bucket, &query("", "", 9));
        assert_eq!(all, (names(&["a/", "b", "b/", "c/"]), false, 4), "one row a name, of 301");
        let first = page(&counting, &bucket, &query("", "", 3));
        assert_eq!(first, (names(&["a/", "b", "b/"]), true, 4), "one row further tells that more follow");
        assert_eq!(
            page(&counting, &bucket, &query("", "b/", 3)),
            (names(&["c/"]), false, 1),
            "the marker's group is over"
        );
        assert_eq!(page(&counting, &bucket, &query("b/", "", 9)), (names(&["b/x/"]), false, 1));
        let (keys, truncated, row_count) = page(&counting, &bucket, &query("c/", "c/050", 10));
        assert_eq!((keys.first().map(String::as_str), truncated, row_count), (Some("c/051"), true, 11));
        assert_eq!(page(&counting, &bucket, &query("", "", 0)), (names(&[]), false, 0));
        assert_eq!(page(&counting, &bucket, &query("d", "", 9)), (names(&[]), false, 0));
        assert_eq!(
            page(&counting, &bucket, &query("a/", "b", 9)),
            (names(&[]), false, 0),
            "the marker is behind the prefix"
        );
    }
}

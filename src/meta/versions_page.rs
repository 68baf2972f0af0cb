//! Listings of all versions, page by page: the current objects and the rows of everything else, merged. Each of the two
//! is read no further than the page reaches, and what a common prefix rolls up is skipped by seeking in both.

use std::ops::Bound;

use super::body::damaged;
use super::engine::{Family, Step};
use super::listing::{PageQuery, rolled_up};
use super::object::Object;
use super::record::Record;
use super::store::Tx;
use super::version::{Kept, VersionId};
use super::{BucketId, Result, keys};
use crate::limits;
use crate::name::ObjectKey;

/// What to list of a bucket's versions.
#[derive(Clone, Debug, Default)]
pub struct VersionsQuery {
    /// As for current objects; every version counts.
    pub page: PageQuery,
    /// Of the marked key, what is older than this too. It need not be there any more; for `null`, which says nothing
    /// of its age then, the key begins again.
    pub version_marker: Option<VersionId>,
}

/// A row of a listing of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedVersion {
    /// A version of a key.
    Version {
        /// The key.
        key: String,
        /// The version.
        kept: Kept,
        /// Whether it is the newest.
        is_latest: bool,
    },
    /// A common prefix.
    Prefix(String),
}

/// A page of a listing of versions: keys in UTF-8 byte order, of each the newest version first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionsPage {
    /// Rows.
    pub rows: Vec<ListedVersion>,
    /// More rows follow.
    pub truncated: bool,
}

/// What one of the two scans found, under the name it sorts by.
struct Entry {
    name: String,
    /// `None` for a common prefix.
    kept: Option<Kept>,
}

impl Entry {
    /// Where it comes among the entries of the other scan: groups of one name are one, newer versions go first.
    fn place(&self) -> (&str, std::cmp::Reverse<u64>) {
        let order = self.kept.as_ref().map_or(0, |kept| kept.version().order);
        (&self.name, std::cmp::Reverse(order))
    }
}

/// Where a page begins.
struct Start {
    objects: Bound<Vec<u8>>,
    versions: Bound<Vec<u8>>,
    /// Of the marked key, only what is older counts; and which of its versions is the newest.
    within: Option<Within>,
}

struct Within {
    key: String,
    before: u64,
    newest: Option<u64>,
}

impl Tx<'_> {
    /// A page of a bucket's versions. Its two scans have to see one state: to be read frozen.
    pub fn versions_page(&mut self, bucket: BucketId, query: &VersionsQuery) -> Result<VersionsPage> {
        let count_max = query.page.count_max.min(limits::LIST_PAGE_COUNT_MAX);
        if count_max == 0 {
            return Ok(VersionsPage::default());
        }
        let start = self.start_of_versions(bucket, query)?;
        let kept = self.kept_entries(bucket, query, &start.versions, count_max + 1)?;
        // Where the page is filled by what is not current, no current object after it is on it.
        let last = kept.get(count_max).map(|entry| match entry.kept {
            Some(_) => [keys::object(bucket, &entry.name).as_slice(), &[0]].concat(),
            // A row beyond the page: nothing of its group is on it.
            None => keys::object(bucket, &entry.name),
        });
        let current = self.current_entries(bucket, query, &start, last, count_max + 1)?;
        Ok(merge(current, kept, start.within.as_ref(), count_max))
    }

    fn start_of_versions(&mut self, bucket: BucketId, query: &VersionsQuery) -> Result<Start> {
        let marker = query.page.marker.as_str();
        if marker.is_empty() || marker < query.page.prefix.as_str() {
            let objects = Bound::Included(keys::object(bucket, &query.page.prefix));
            let versions = Bound::Included(keys::versions_from(bucket, &query.page.prefix));
            return Ok(Start { objects, versions, within: None });
        }
        if rolled_up(marker, &query.page) == Some(marker) {
            let after = |row: Vec<u8>| keys::prefix_end(&row).map_or(Bound::Excluded(row), Bound::Included);
            let (objects, versions) = (keys::object(bucket, marker), keys::versions_from(bucket, marker));
            return Ok(Start { objects: after(objects), versions: after(versions), within: None });
        }
        if let (Some(id), Ok(key)) = (query.version_marker, ObjectKey::parse(marker)) {
            let (before, newest) = self.order_of(bucket, &key, id)?;
            let objects = Bound::Included(keys::object(bucket, marker));
            let versions = match before {
                Some(order) => Bound::Excluded(keys::version(bucket, marker, order)),
                None => Bound::Included(keys::versions_of(bucket, marker)),
            };
            let within = before.map(|before| Within { key: marker.to_owned(), before, newest });
            return Ok(Start { objects, versions, within });
        }
        let of_marker = keys::versions_of(bucket, marker);
        let versions = keys::prefix_end(&of_marker).map_or(Bound::Excluded(of_marker), Bound::Included);
        Ok(Start { objects: Bound::Excluded(keys::object(bucket, marker)), versions, within: None })
    }

    /// The age of a version of a key as far as its id tells it, and the age of the newest there is.
    fn order_of(&mut self, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Result<(Option<u64>, Option<u64>)> {
        let current = self.object(bucket, key)?.map(|object| object.version);
        let newest = match current {
            Some(version) => Some(version.order),
            None => self.newest_kept(bucket, key, None)?.map(|kept| kept.version().order),
        };
        let order = match id {
            VersionId::Exact { order, .. } => Some(order),
            VersionId::Null => match current.filter(|version| version.is_null()) {
                Some(version) => Some(version.order),
                None => self.null_order(bucket, key)?,
            },
        };
        Ok((order, newest))
    }

    fn kept_entries(
        &mut self,
        bucket: BucketId,
        query: &VersionsQuery,
        from: &Bound<Vec<u8>>,
        count_max: usize,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let end = if query.page.prefix.is_empty() {
            Some(keys::versions_end(bucket))
        } else {
            keys::prefix_end(&keys::versions_from(bucket, &query.page.prefix))
        };
        self.scan(Family::Versions, from.as_ref().map(Vec::as_slice), end.as_deref(), &mut |row, value| {
            let (_, key, _) = keys::parts_of_version(row).ok_or_else(|| damaged("the key of a version"))?;
            let step = match rolled_up(&key, &query.page) {
                Some(group) => {
                    let step = keys::prefix_end(&keys::versions_from(bucket, group)).map_or(Step::Stop, Step::SeekTo);
                    entries.push(Entry { name: group.to_owned(), kept: None });
                    step
                }
                None => {
                    entries.push(Entry { name: key, kept: Some(Kept::decode(value)?) });
                    Step::Next
                }
            };
            Ok(if entries.len() < count_max { step } else { Step::Stop })
        })?;
        Ok(entries)
    }

    fn current_entries(
        &mut self,
        bucket: BucketId,
        query: &VersionsQuery,
        start: &Start,
        last: Option<Vec<u8>>,
        count_max: usize,
    ) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let end = match last {
            Some(end) => Some(end),
            None if query.page.prefix.is_empty() => keys::objects_end(bucket),
            None => keys::prefix_end(&keys::object(bucket, &query.page.prefix)),
        };
        let from = start.objects.as_ref().map(Vec::as_slice);
        self.scan(Family::Objects, from, end.as_deref(), &mut |row, value| {
            let (_, key) = keys::key_of_object(row).ok_or_else(|| damaged("an object key"))?;
            let step = match rolled_up(key, &query.page) {
                Some(group) => {
                    entries.push(Entry { name: group.to_owned(), kept: None });
                    keys::prefix_end(&keys::object(bucket, group)).map_or(Step::Stop, Step::SeekTo)
                }
                None => {
                    let object = Object::decode(value)?;
                    let is_before = start
                        .within
                        .as_ref()
                        .is_some_and(|within| within.key == key && object.version.order >= within.before);
                    if !is_before {
                        entries.push(Entry { name: key.to_owned(), kept: Some(Kept::Object(Box::new(object))) });
                    }
                    Step::Next
                }
            };
            Ok(if entries.len() < count_max { step } else { Step::Stop })
        })?;
        Ok(entries)
    }
}

/// The first `count_max` of both, in order.
fn merge(current: Vec<Entry>, kept: Vec<Entry>, within: Option<&Within>, count_max: usize) -> VersionsPage {
    let mut page = VersionsPage::default();
    let (mut current, mut kept) = (current.into_iter().peekable(), kept.into_iter().peekable());
    // Of which key a row was seen already, and its newest version with it.
    let mut seen: Option<String> = None;
    loop {
        let is_current = match (current.peek(), kept.peek()) {
            (Some(left), Some(right)) => left.place() <= right.place(),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return page,
        };
        if page.rows.len() == count_max {
            page.truncated = true;
            return page;
        }
        let Some(entry) = (if is_current { current.next() } else { kept.next() }) else { return page };
        let Entry { name, kept: found } = entry;
        let Some(found) = found else {
            // Both scans come upon a group that has current objects and others.
            kept.next_if(|other| other.kept.is_none() && other.name == name);
            page.rows.push(ListedVersion::Prefix(name));
            continue;
        };
        let is_latest = match within.filter(|within| within.key == name) {
            Some(within) => within.newest == Some(found.version().order),
            None => seen.as_ref() != Some(&name),
        };
        seen = Some(name.clone());
        page.rows.push(ListedVersion::Version { key: name, kept: found, is_latest });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::super::testing::{Counting, NOW, OWNER, bucket, inline, key, put, store, store_over};
    use super::super::{Bucket, Deleted, Store, Versioning};
    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Versioning(Versioning),
        Put(usize),
        Delete(usize),
        DeleteVersion(usize, usize),
    }

    const KEYS: [&str; 10] = ["a", "a\0", "a\0b", "a/", "a/b", "a/b/c", "b", "b/b", "c/d", "é"];
    const PARTS: [&str; 7] = ["", "/", "a", "a/", "b", "\0", "é"];

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            1 => prop_oneof![Just(Versioning::Enabled), Just(Versioning::Suspended)].prop_map(Change::Versioning),
            5 => (0..KEYS.len()).prop_map(Change::Put),
            2 => (0..KEYS.len()).prop_map(Change::Delete),
            1 => (0..KEYS.len(), 0..3_usize).prop_map(|(key, nth)| Change::DeleteVersion(key, nth)),
        ]
    }

    fn done<T>(future: impl Future<Output = Result<T>>) -> T {
        future.now_or_never().expect("the engine in memory never waits").unwrap()
    }

    /// What the keys hold, kept in the plainest way: ids, newest first, and whether each is a delete marker.
    type Model = BTreeMap<&'static str, Vec<(VersionId, bool)>>;

    fn add(model: &mut Model, key: &'static str, id: VersionId, is_marker: bool) {
        let versions = model.entry(key).or_default();
        versions.retain(|(known, _)| *known != VersionId::Null || id != VersionId::Null);
        versions.insert(0, (id, is_marker));
    }

    fn take(store: &Store, made: &Bucket, model: &mut Model, change: &Change) {
        let bucket = done(store.read(|tx| tx.bucket(&made.name))).expect("it was made");
        match *change {
            Change::Versioning(versioning) => {
                done(store.write(|tx| tx.put_bucket(&Bucket { versioning, ..bucket.clone() })));
            }
            Change::Put(at) => {
                let version = done(put(store, &bucket, KEYS[at], &inline(1)));
                add(model, KEYS[at], version.id(), false);
            }
            Change::Delete(at) => {
                let deleted = done(store.write(|tx| {
                    let slot = tx.slot(&bucket, &key(KEYS[at]))?;
                    tx.delete_object(slot, OWNER, NOW)
                }));
                match deleted {
                    Deleted::Marked(version) => add(model, KEYS[at], version.id(), true),
                    Deleted::Gone(_) | Deleted::Nothing => drop(model.remove(KEYS[at])),
                }
            }
            Change::DeleteVersion(at, nth) => {
                let versions = model.entry(KEYS[at]).or_default();
                if nth < versions.len() {
                    let (id, _) = versions.remove(nth);
                    done(store.write(|tx| {
                        let slot = tx.slot(&bucket, &key(KEYS[at]))?;
                        tx.delete_version(slot, id, NOW)
                    }));
                }
            }
        }
    }

    /// A row as clients see it: name, and of a version its id, whether it is a marker, whether it is the newest.
    type Shown = (String, Option<(VersionId, bool, bool)>);

    fn shown(row: ListedVersion) -> Shown {
        match row {
            ListedVersion::Prefix(prefix) => (prefix, None),
            ListedVersion::Version { key, kept, is_latest } => {
                (key, Some((kept.version().id(), matches!(kept, Kept::Marker(_)), is_latest)))
            }
        }
    }

    /// All rows there are, by the plainest means.
    fn listed(model: &Model, prefix: &str, delimiter: &str) -> Vec<Shown> {
        let mut rows: Vec<Shown> = Vec::new();
        for (key, versions) in model.iter().filter(|(key, versions)| key.starts_with(prefix) && !versions.is_empty()) {
            let rest = &key[prefix.len()..];
            if let (false, Some(at)) = (delimiter.is_empty(), rest.find(delimiter)) {
                let group = format!("{prefix}{}{delimiter}", &rest[..at]);
                if rows.last().is_none_or(|(name, _)| *name != group) {
                    rows.push((group, None));
                }
                continue;
            }
            for (at, (id, is_marker)) in versions.iter().enumerate() {
                rows.push(((*key).to_owned(), Some((*id, *is_marker, at == 0))));
            }
        }
        rows
    }

    fn query(prefix: &str, marker: &str, delimiter: &str, count_max: usize) -> VersionsQuery {
        let page = PageQuery {
            prefix: prefix.to_owned(),
            marker: marker.to_owned(),
            delimiter: delimiter.to_owned(),
            count_max,
        };
        VersionsQuery { page, version_marker: None }
    }

    fn page(store: &Store, bucket: &Bucket, query: &VersionsQuery) -> (Vec<Shown>, bool) {
        let page = done(store.read_frozen(|tx| tx.versions_page(bucket.id, query)));
        (page.rows.into_iter().map(shown).collect(), page.truncated)
    }

    proptest! {
        #[test]
        fn pages_joined_are_everything(
            changes in proptest::collection::vec(change(), 1..60),
            prefix in proptest::sample::select(&PARTS[..]),
            delimiter in proptest::sample::select(&PARTS[..]),
            count_max in 1..9_usize,
            after: proptest::sample::Index,
        ) {
            let store = store();
            let bucket = done(bucket(&store, OWNER, "photos", 0).map(Ok));
            let mut model = Model::new();
            for change in &changes {
                take(&store, &bucket, &mut model, change);
            }
            let all = listed(&model, prefix, delimiter);
            let first = query(prefix, "", delimiter, count_max);
            let following = |(name, version): &Shown| VersionsQuery {
                version_marker: version.map(|(id, _, _)| id),
                ..query(prefix, name, delimiter, count_max)
            };
            let mut joined = Vec::new();
            let mut next = first;
            loop {
                let (rows, truncated) = page(&store, &bucket, &next);
                prop_assert!(rows.len() == count_max || !truncated, "{rows:?}");
                joined.extend(rows);
                prop_assert_eq!(truncated, joined.len() < all.len());
                if !truncated {
                    break;
                }
                next = following(joined.last().expect("a page that is cut off is full"));
            }
            prop_assert_eq!(&joined, &all);

            // After any row, and after all versions of its key.
            if all.is_empty() {
                return Ok(());
            }
            let whole = |mut query: VersionsQuery| {
                query.page.count_max = 1000;
                query
            };
            let at = after.index(all.len());
            prop_assert_eq!(page(&store, &bucket, &whole(following(&all[at]))), (all[at + 1..].to_vec(), false));
            let without = VersionsQuery { version_marker: None, ..following(&all[at]) };
            let rest: Vec<Shown> = all[at..].iter().filter(|(name, _)| *name != all[at].0).cloned().collect();
            prop_assert_eq!(page(&store, &bucket, &whole(without)), (rest, false));
        }
    }

    /// A client that deletes what it was shown before it asks for more comes to its end.
    #[tokio::test]
    async fn a_marker_that_is_gone_still_marks() {
        let store = store();
        let made = bucket(&store, OWNER, "photos", 0).await;
        put(&store, &made, "k", &inline(1)).await.unwrap();
        let bucket = Bucket { versioning: Versioning::Enabled, ..made };
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        for _ in 0..6 {
            put(&store, &bucket, "k", &inline(1)).await.unwrap();
        }
        let mut query = query("", "", "", 2);
        let mut deleted = 0;
        let mut truncated = true;
        while truncated {
            let rows;
            (rows, truncated) = page(&store, &bucket, &query);
            for (at, (name, version)) in rows.into_iter().enumerate() {
                let (id, _, is_latest) = version.expect("nothing is rolled up");
                assert_eq!(is_latest, at == 0, "what was newer is gone");
                let gone = store.write(|tx| {
                    let slot = tx.slot(&bucket, &key(&name))?;
                    tx.delete_version(slot, id, NOW)
                });
                gone.await.unwrap();
                deleted += 1;
                query.page.marker = name;
                query.version_marker = Some(id);
            }
        }
        assert_eq!(deleted, 7);
        query.version_marker = Some(VersionId::Null);
        put(&store, &bucket, "k", &inline(1)).await.unwrap();
        assert_eq!(page(&store, &bucket, &query).0.len(), 1, "where null was nobody can say any more");
    }

    #[tokio::test]
    async fn a_page_reads_no_more_than_a_page() {
        let counting = Counting::default();
        let store = store_over(counting.engine.clone());
        let made = bucket(&store, OWNER, "photos", 0).await;
        let bucket = Bucket { versioning: Versioning::Enabled, ..made };
        store.write(|tx| tx.put_bucket(&bucket)).await.unwrap();
        for group in ["a/", "b/x/", "c/"] {
            for index in 0..50 {
                for _ in 0..4 {
                    put(&store, &bucket, &format!("{group}{index:03}"), &inline(0)).await.unwrap();
                }
            }
        }
        let check = |prefix: &str, marker: &str, delimiter: &str, count_max, objects, versions| {
            let query = query(prefix, marker, delimiter, count_max);
            let (page, row_counts) = counting.count(|tx| tx.versions_page(bucket.id, &query));
            assert!(page.rows.len() <= count_max, "{query:?}");
            let counts = ["objects", "versions"].map(|family| row_counts.get(family).copied().unwrap_or(0));
            assert_eq!(counts, [objects, versions], "{query:?}");
        };
        check("", "", "/", 9, 3, 3);
        check("", "", "/", 2, 2, 3);
        check("", "a/", "/", 1, 1, 2);
        check("b/", "", "/", 9, 1, 1);
        check("", "", "", 20, 7, 21);
        check("a/", "a/048", "", 20, 1, 3);
        check("a/", "a/048", "", 3, 1, 3);
        check("d", "", "", 9, 0, 0);
        check("", "", "", 0, 0, 0);
    }
}

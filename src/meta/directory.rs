//! Directories of parallel file systems. A directory is a key that ends in `/`, or is there because something lies
//! under it; so no two writers meet over the directory they write into (`docs/decisions/0025`).

use std::ops::Bound;

use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::listing::{Listed, PageQuery};
use super::store::Tx;
use super::{BucketId, Error, Result, keys};
use crate::limits;
use crate::name::ObjectKey;

/// What became of a renaming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// It is done.
    Done,
    /// There was nothing of that name.
    Nothing,
    /// There is something of the new name.
    Taken,
    /// More lies under the directory than `limits::DIRECTORY_RENAME_COUNT_MAX`. Nothing was written.
    TooMany,
    /// A name under the directory would be longer than a key may be. Nothing was written.
    TooLong,
}

impl Tx<'_> {
    /// Whether anything lies under a directory, which is named with its `/`. The commit does not rely on it.
    pub fn has_children(&mut self, bucket: BucketId, directory: &str) -> Result<bool> {
        let row = keys::object(bucket, directory);
        let mut found = false;
        self.scan(Family::Objects, Bound::Excluded(&row), keys::prefix_end(&row).as_deref(), &mut |_, _| {
            found = true;
            Ok(Step::Stop)
        })?;
        Ok(found)
    }

    /// [`Error::WrongKind`] where a new key would lie under a file, or is a file's and a directory has that name.
    ///
    /// Files above are relied on. Whether a directory is there is only looked at: one that comes at the same moment as
    /// a file of its name stays beside it, as in any other bucket.
    pub(super) fn check_kind(&mut self, bucket: BucketId, key: &ObjectKey) -> Result<()> {
        let key = key.as_str();
        for (at, _) in key.match_indices('/') {
            if self.is_there(bucket, &key[..at])? {
                return Err(Error::WrongKind);
            }
        }
        if key.ends_with('/') {
            return Ok(());
        }
        let directory = format!("{key}/");
        if self.is_there(bucket, &directory)? || self.has_children(bucket, &directory)? {
            return Err(Error::WrongKind);
        }
        Ok(())
    }

    /// Gives a file, or a directory with all that lies under it, another name in the same bucket, in one commit.
    /// Objects stay what they are, their times included. `check` is asked about each name that goes and each that comes.
    pub fn rename<E: From<Error>>(
        &mut self,
        bucket: &Bucket,
        source: &ObjectKey,
        target: &ObjectKey,
        mut check: impl FnMut(&ObjectKey) -> std::result::Result<(), E>,
    ) -> std::result::Result<Renamed, E> {
        debug_assert!(bucket.is_file_system, "only file systems have names to change");
        let (from, to) = (source.as_str(), target.as_str());
        let Some(moved) = self.names_of(bucket, source)? else { return Ok(Renamed::TooMany) };
        if moved.is_empty() {
            return Ok(Renamed::Nothing);
        }
        if self.is_there(bucket.id, to)? || (from.ends_with('/') && self.has_children(bucket.id, to)?) {
            return Ok(Renamed::Taken);
        }
        self.check_kind(bucket.id, target)?;
        // All is read before anything is written: a refusal leaves nothing behind.
        let mut moves = Vec::with_capacity(moved.len());
        for old in moved {
            let Ok(new) = ObjectKey::parse(&[to, &old.as_str()[from.len()..]].concat()) else {
                return Ok(Renamed::TooLong);
            };
            check(&old)?;
            check(&new)?;
            let (old, new) = (self.slot(bucket, &old)?, self.slot(bucket, &new)?);
            // Whatever has gone since the names were read needs no moving; whatever came has to wait.
            let Some(object) = old.current().cloned() else { continue };
            if new.current().is_some() {
                return Ok(Renamed::Taken);
            }
            self.check_unprotected(&old, &object)?;
            moves.push((old, new, object));
        }
        for (old, new, object) in moves {
            self.delete_current(&old);
            self.put_current(&new, &object)?;
        }
        Ok(Renamed::Done)
    }

    /// The keys that a renaming moves; `None` for too many.
    fn names_of(&mut self, bucket: &Bucket, source: &ObjectKey) -> Result<Option<Vec<ObjectKey>>> {
        if !source.as_str().ends_with('/') {
            let is_there = self.is_there(bucket.id, source.as_str())?;
            return Ok(Some(if is_there { vec![source.clone()] } else { Vec::new() }));
        }
        let query = PageQuery {
            prefix: source.to_string(),
            count_max: limits::DIRECTORY_RENAME_COUNT_MAX,
            ..PageQuery::default()
        };
        let page = self.page(bucket.id, &query)?;
        if page.truncated {
            return Ok(None);
        }
        let parse = |row: &Listed| ObjectKey::parse(row.name()).map_err(|error| Error::Corrupt(error.to_string()));
        page.rows.iter().map(parse).collect::<Result<_>>().map(Some)
    }

    /// Whether a key has an object; the commit relies on it.
    fn is_there(&mut self, bucket: BucketId, key: &str) -> Result<bool> {
        self.get_with(Family::Objects, keys::object(bucket, key), |value| Ok(value.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{OWNER, bucket, inline, key, put, store};
    use super::super::{Store, verify};
    use super::*;

    async fn files(keys: &[&str]) -> (Store, Bucket) {
        let store = store();
        let made = bucket(&store, OWNER, "files", 0).await;
        let files = Bucket { is_file_system: true, ..made };
        store.write(|tx| tx.put_bucket(&files)).await.unwrap();
        for key in keys {
            put(&store, &files, key, &inline(1)).await.unwrap();
        }
        // Another bucket's keys lie all around.
        for called in ["aaa", "zzz"] {
            let other = bucket(&store, OWNER, called, 0).await;
            put(&store, &other, "d/other", &inline(1)).await.unwrap();
        }
        (store, files)
    }

    async fn keys(store: &Store, bucket: &Bucket) -> Vec<String> {
        assert_eq!(verify(store.engine(), &mut |_| None).unwrap().differences, []);
        let query = PageQuery { count_max: 1000, ..PageQuery::default() };
        let page = store.read(|tx| tx.page(bucket.id, &query)).await.unwrap();
        page.rows.iter().map(|row| row.name().to_owned()).collect()
    }

    async fn check_rename(before: &[&str], (from, to): (&str, &str), verdict: Renamed, after: &[&str]) {
        let (store, files) = files(before).await;
        let renamed = store.write(|tx| tx.rename(&files, &key(from), &key(to), |_| Ok::<_, Error>(()))).await.unwrap();
        assert_eq!(renamed, verdict, "{before:?} {from} {to}");
        assert_eq!(keys(&store, &files).await, after, "{before:?} {from} {to}");
    }

    #[tokio::test]
    async fn files_and_directories_are_renamed() {
        use Renamed::{Done, Nothing, Taken, TooLong};
        check_rename(&["a"], ("a", "b"), Done, &["b"]).await;
        check_rename(&["a"], ("a", "d/e/b"), Done, &["d/e/b"]).await;
        check_rename(&["a"], ("a", "a"), Taken, &["a"]).await;
        check_rename(&["a", "b"], ("a", "b"), Taken, &["a", "b"]).await;
        check_rename(&["a"], ("b", "c"), Nothing, &["a"]).await;
        check_rename(&["a/x"], ("a", "c"), Nothing, &["a/x"]).await;
        check_rename(&["a/x", "a/y/z", "a0"], ("a/", "b/"), Done, &["a0", "b/x", "b/y/z"]).await;
        check_rename(&["a/", "a/x"], ("a/", "b/c/"), Done, &["b/c/", "b/c/x"]).await;
        check_rename(&["a/"], ("a/", "b/"), Done, &["b/"]).await;
        check_rename(&["a"], ("a/", "b/"), Nothing, &["a"]).await;
        check_rename(&["a/x", "b/"], ("a/", "b/"), Taken, &["a/x", "b/"]).await;
        check_rename(&["a/x", "b/y"], ("a/", "b/"), Taken, &["a/x", "b/y"]).await;
        let long = format!("{}/", "l".repeat(1022));
        check_rename(&["a/x", "a/yy"], ("a/", &long), TooLong, &["a/x", "a/yy"]).await;
        check_rename(&["a/x"], ("a/", &long), Done, &[&format!("{long}x")]).await;
    }

    #[tokio::test]
    async fn a_directory_that_holds_too_much_stays() {
        let (store, files) = files(&[]).await;
        for index in 0..=limits::DIRECTORY_RENAME_COUNT_MAX {
            put(&store, &files, &format!("a/{index:04}"), &inline(0)).await.unwrap();
        }
        let rename =
            async || store.write(|tx| tx.rename(&files, &key("a/"), &key("b/"), |_| Ok::<_, Error>(()))).await.unwrap();
        assert_eq!(rename().await, Renamed::TooMany);
        let one_less = store.write(|tx| {
            let slot = tx.slot(&files, &key("a/0500"))?;
            tx.delete_object(slot, OWNER, 0)
        });
        one_less.await.unwrap();
        assert_eq!(rename().await, Renamed::Done);
        let found = keys(&store, &files).await;
        assert_eq!((found.len(), found[0].as_str()), (limits::DIRECTORY_RENAME_COUNT_MAX, "b/0000"));
    }

    #[tokio::test]
    async fn every_name_that_goes_or_comes_is_asked_about() {
        let (store, files) = files(&["a/x", "a/y"]).await;
        let asked = std::cell::RefCell::new(Vec::new());
        let rename = async |forbidden: &str| {
            let check = |name: &ObjectKey| {
                asked.borrow_mut().push(name.to_string());
                if name.as_str() == forbidden { Err(Error::NotEmpty) } else { Ok(()) }
            };
            store.write(|tx| tx.rename(&files, &key("a/"), &key("b/"), check)).await
        };
        assert!(matches!(rename("b/y").await, Err(Error::NotEmpty)));
        assert_eq!(keys(&store, &files).await, ["a/x", "a/y"]);
        asked.borrow_mut().clear();
        assert_eq!(rename("a").await.unwrap(), Renamed::Done);
        assert_eq!(*asked.borrow(), ["a/x", "b/x", "a/y", "b/y"]);
    }

    /// What is put under the directory while it is renamed either moves along or stays under the old name.
    #[tokio::test]
    async fn what_changes_meanwhile_is_not_lost() {
        let (store, files) = files(&["a/x"]).await;
        let mut runs = 0;
        let renamed = store.write(|tx| {
            runs += 1;
            let renamed = tx.rename(&files, &key("a/"), &key("b/"), |_| Ok::<_, Error>(()))?;
            if runs == 1 {
                for (name, size) in [("a/x", 7), ("a/late", 8), ("b/x", 9)] {
                    let object = inline(size);
                    let put = tokio::task::unconstrained(put(&store, &files, name, &object));
                    futures_util::FutureExt::now_or_never(put).expect("the engine in memory never waits")?;
                }
            }
            Ok::<_, Error>(renamed)
        });
        assert_eq!(renamed.await.unwrap(), Renamed::Taken);
        // The second finds nothing to do, and the third for good.
        assert_eq!(runs, 3);
        assert_eq!(keys(&store, &files).await, ["a/late", "a/x", "b/x"]);
    }

    async fn check_put(before: &[&str], name: &str, is_put: bool) {
        let (store, files) = files(before).await;
        let verdict = put(&store, &files, name, &inline(1)).await;
        match verdict {
            Ok(_) => assert!(is_put, "{before:?} {name}"),
            Err(error) => assert!(!is_put && matches!(error, Error::WrongKind), "{before:?} {name}: {error}"),
        }
    }

    #[tokio::test]
    async fn no_file_is_a_directory() {
        check_put(&["a"], "a", true).await;
        check_put(&["a"], "b", true).await;
        check_put(&["a"], "a0", true).await;
        check_put(&["a"], "a/b", false).await;
        check_put(&["a"], "a/b/c/", false).await;
        check_put(&["a"], "a/", false).await;
        check_put(&["a/"], "a", false).await;
        check_put(&["a/b"], "a", false).await;
        check_put(&["a/b/c"], "a/b", false).await;
        check_put(&["a/b"], "a/c", true).await;
        check_put(&["a/b"], "a/", true).await;
        check_put(&["a/", "a-b"], "a/b", true).await;
        // Other buckets have keys, and nothing else.
        let store = store();
        let bucket = bucket(&store, OWNER, "photos", 0).await;
        for name in ["a", "a/b", "a/b/c", "a/"] {
            put(&store, &bucket, name, &inline(1)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn children_are_what_lies_under_a_directory() {
        let (store, files) = files(&["a/", "b/c", "d0"]).await;
        for (directory, has_children) in [("a/", false), ("b/", true), ("b/c/", false), ("d/", false), ("z/", false)] {
            let found = store.read(|tx| tx.has_children(files.id, directory)).await.unwrap();
            assert_eq!(found, has_children, "{directory}");
        }
    }
}

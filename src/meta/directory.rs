//! Directories of parallel file systems. A directory is a key that ends in `/`, or is there because something lies
//! under it; so no two writers meet over the directory they write into (`docs/decisions/0025`).

use std::ops::Bound;

use super::bucket::Bucket;
use super::engine::{Family, Step};
use super::listing::{Listed, PageQuery};
use super::object::Object;
use super::record::Record;
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
    /// Objects stay what they are, their times included.
    pub fn rename(&mut self, bucket: &Bucket, source: &ObjectKey, target: &ObjectKey) -> Result<Renamed> {
        debug_assert!(bucket.is_file_system, "only file systems have names to change");
        let (from, to) = (source.as_str(), target.as_str());
        let is_directory = from.ends_with('/');
        let Some(moved) = self.names_of(bucket, source)? else { return Ok(Renamed::TooMany) };
        if moved.is_empty() {
            return Ok(Renamed::Nothing);
        }
        let is_taken = self.is_there(bucket.id, to)? || (is_directory && self.has_children(bucket.id, to)?);
        if is_taken {
            return Ok(Renamed::Taken);
        }
        self.check_kind(bucket.id, target)?;
        for key in moved {
            let Ok(new) = ObjectKey::parse(&[to, &key[from.len()..]].concat()) else { return Ok(Renamed::TooLong) };
            let (old_row, new_row) = (keys::object(bucket.id, &key), keys::object(bucket.id, new.as_str()));
            // Whatever has gone since the names were read needs no moving; whatever came has to wait.
            let Some(object) = self.get_record::<Object>(Family::Objects, old_row.clone())? else { continue };
            if new.as_str() != to && self.is_there(bucket.id, new.as_str())? {
                return Ok(Renamed::Taken);
            }
            self.delete(Family::Objects, old_row);
            self.put(Family::Objects, new_row, object.encode()?.into());
        }
        Ok(Renamed::Done)
    }

    /// The keys that a renaming moves; `None` for too many.
    fn names_of(&mut self, bucket: &Bucket, source: &ObjectKey) -> Result<Option<Vec<String>>> {
        if !source.as_str().ends_with('/') {
            let is_there = self.is_there(bucket.id, source.as_str())?;
            return Ok(Some(if is_there { vec![source.to_string()] } else { Vec::new() }));
        }
        let query = PageQuery {
            prefix: source.to_string(),
            count_max: limits::DIRECTORY_RENAME_COUNT_MAX,
            ..PageQuery::default()
        };
        let page = self.page(bucket.id, &query)?;
        let name = |row: Listed| match row {
            Listed::Object(key, _) | Listed::Prefix(key) => key,
        };
        Ok((!page.truncated).then(|| page.rows.into_iter().map(name).collect()))
    }

    /// Whether a key has an object; the commit relies on it.
    fn is_there(&mut self, bucket: BucketId, key: &str) -> Result<bool> {
        self.get_with(Family::Objects, keys::object(bucket, key), |value| Ok(value.is_some()))
    }
}

//! Records kept in memory. An entry is good as long as nothing in its family changed since it was read; any change
//! empties the cache, because such changes are rare and reading a record again costs a few microseconds.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use super::access_key::Credential;
use super::account::Account;
use super::engine::Revision;
use crate::name::AccountId;

/// Entries kept; above, a cache starts afresh.
const ENTRY_COUNT_MAX: usize = 100_000;

/// Every cache of a store.
#[derive(Debug, Default)]
pub(super) struct Caches {
    /// Opened credentials, by access key.
    pub(super) credentials: Cache<String, Credential>,
    /// Accounts, by id.
    pub(super) accounts: Cache<AccountId, Account>,
}

/// Records of one family, all read at one revision of it.
#[derive(Debug)]
pub(super) struct Cache<K, V>(RwLock<Entries<K, V>>);

#[derive(Debug)]
struct Entries<K, V> {
    revision: Revision,
    records: HashMap<K, Arc<V>, RandomState>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(RwLock::new(Entries { revision: 0, records: HashMap::default() }))
    }
}

impl<K: Eq + Hash, V> Cache<K, V> {
    /// The record, if it was read at `revision` of its family.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, revision: Revision, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let entries = self.0.read();
        if entries.revision == revision { entries.records.get(key).cloned() } else { None }
    }

    /// Keeps what was read after `revision` had been looked up: it is at least as new as that.
    pub(super) fn insert(&self, revision: Revision, key: K, record: Arc<V>) {
        let mut entries = self.0.write();
        if revision < entries.revision {
            return;
        }
        if revision > entries.revision || entries.records.len() >= ENTRY_COUNT_MAX {
            entries.revision = revision;
            entries.records.clear();
        }
        entries.records.insert(key, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_good_for_the_revision_it_was_read_at() {
        let cache: Cache<String, u32> = Cache::default();
        cache.insert(3, "a".to_owned(), Arc::new(1));
        assert_eq!(cache.get(3, "a").as_deref(), Some(&1));
        assert_eq!(cache.get(4, "a"), None);
        cache.insert(4, "b".to_owned(), Arc::new(2));
        assert_eq!(cache.get(4, "a"), None, "a newer revision forgets everything older");
        cache.insert(3, "a".to_owned(), Arc::new(1));
        assert_eq!(cache.get(4, "b").as_deref(), Some(&2), "a late reader of an older revision changes nothing");
        assert_eq!(cache.get(3, "a"), None);
    }
}

//! What a listing of current objects must show.

use std::collections::BTreeSet;

/// What a listing asks for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) prefix: String,
    pub(crate) marker: String,
    pub(crate) delimiter: String,
    pub(crate) max_keys: usize,
}

/// What a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) keys: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) truncated: bool,
}

impl Page {
    pub(super) fn of<'k>(&self, keys: impl Iterator<Item = &'k String>) -> Listing {
        let mut rows = BTreeSet::new();
        for key in keys.filter(|key| key.starts_with(&self.prefix) && **key > self.marker) {
            match self.group(key) {
                // A marker that is itself a common prefix stands for everything under it.
                Some(group) if group == self.marker => {}
                Some(group) => {
                    rows.insert((group.to_owned(), true));
                }
                None => {
                    rows.insert((key.clone(), false));
                }
            }
        }
        let truncated = rows.len() > self.max_keys;
        let shown: Vec<_> = rows.into_iter().take(self.max_keys).collect();
        let of_kind = |is_prefix| {
            let kind = shown.iter().filter(move |(_, kind)| *kind == is_prefix);
            kind.map(|(name, _)| name.clone()).collect()
        };
        Listing { keys: of_kind(false), prefixes: of_kind(true), truncated }
    }

    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = &key[self.prefix.len()..];
        let at = rest.find(&self.delimiter).filter(|_| !self.delimiter.is_empty())?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }
}

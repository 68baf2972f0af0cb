//! The engine that tests and benches use: everything in maps, commits decided in the caller's turn.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use parking_lot::RwLock;

use super::Result;
use super::arbiter::Arbiter;
use super::engine::{Commit, Engine, Family, Revision, Step, Tier, View, Visit};

type Rows = BTreeMap<Vec<u8>, Bytes>;

/// Shared by reference between snapshots; copied when written while a snapshot is alive.
#[derive(Clone, Debug, Default)]
struct Tables([Arc<Rows>; Family::ALL.len()]);

#[derive(Debug)]
struct State {
    tables: Tables,
    arbiter: Arbiter,
    revision: Revision,
    family_revisions: [Revision; Family::ALL.len()],
}

/// An engine without a disk. Keeps the whole contract but durability.
#[derive(Debug)]
pub struct MemoryEngine(RwLock<State>);

impl MemoryEngine {
    /// An empty engine.
    #[must_use]
    pub fn new() -> Self {
        Self(RwLock::new(State {
            tables: Tables::default(),
            arbiter: Arbiter::new(0),
            revision: 0,
            family_revisions: [0; Family::ALL.len()],
        }))
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl View for Tables {
    fn get(&self, family: Family, key: &[u8], _: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        visit(self.0[family.index()].get(key).map(|value| &value[..]));
        Ok(())
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, _: Tier, visit: Visit<'_>) -> Result<()> {
        let rows = &self.0[family.index()];
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        let mut from = from.map(<[u8]>::to_vec);
        'seek: loop {
            if is_empty_range(&from, to) {
                return Ok(());
            }
            for (key, value) in rows.range::<[u8], _>((from.as_ref().map(Vec::as_slice), end)) {
                match visit(key, value)? {
                    Step::Next => {}
                    Step::Stop => return Ok(()),
                    Step::SeekTo(target) => {
                        from = Bound::Included(target);
                        continue 'seek;
                    }
                }
            }
            return Ok(());
        }
    }
}

/// `BTreeMap::range` panics where the start lies behind the end.
fn is_empty_range(from: &Bound<Vec<u8>>, to: Option<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from) | Bound::Excluded(from), Some(to)) => from.as_slice() >= to,
        _ => false,
    }
}

impl View for MemoryEngine {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.0.read().tables.get(family, key, tier, visit)
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        // A scan sees one state from its first row to its last, and its visitor may read the engine again.
        let tables = self.0.read().tables.clone();
        tables.scan(family, from, to, tier, visit)
    }
}

impl Engine for MemoryEngine {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        let state = &mut *self.0.write();
        let tables = &mut state.tables;
        let decided = state.arbiter.decide(&commit, tables);
        if let Ok(revision) = decided {
            let mut touch = |family: Family| state.family_revisions[family.index()] = revision;
            for (family, key, value) in state.arbiter.take_rows() {
                touch(family);
                let rows = Arc::make_mut(&mut tables.0[family.index()]);
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
            for (family, key) in commit.deletes {
                touch(family);
                Arc::make_mut(&mut tables.0[family.index()]).remove(&key);
            }
            for (family, key, value) in commit.puts {
                touch(family);
                Arc::make_mut(&mut tables.0[family.index()]).insert(key, value);
            }
            state.revision = revision;
        }
        Box::pin(ready(decided))
    }

    fn snapshot(&self) -> Box<dyn View + '_> {
        Box::new(self.0.read().tables.clone())
    }

    fn revision(&self) -> Revision {
        self.0.read().revision
    }

    fn family_revision(&self, family: Family) -> Revision {
        self.0.read().family_revisions[family.index()]
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn failure(&self) -> Option<String> {
        None
    }
}

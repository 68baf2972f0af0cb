//! Sign-ins that were signed out: their refresh tokens are refused, also after a restart, until the last of them has
//! expired by itself; then the row goes.

use std::ops::Bound;

use bytes::Bytes;

use super::engine::{Family, Step};
use super::store::Tx;
use super::{Result, keys};
use crate::clock::UnixMillis;

/// Rows that one sign-out clears away at most. It makes one, so they do not pile up.
const CLEARED_COUNT_MAX: usize = 64;

impl Tx<'_> {
    /// Whether the sign-in `root` was signed out.
    pub fn is_signed_out(&mut self, root: u128) -> Result<bool> {
        Ok(self.get(Family::Accounts, keys::signed_out(root))?.is_some())
    }

    /// Signs the sign-in `root` out; `until` is when the last of its tokens expires.
    pub fn sign_out(&mut self, root: u128, until: UnixMillis, now: UnixMillis) -> Result<()> {
        if self.is_signed_out(root)? {
            return Ok(());
        }
        self.clear_signed_out(now)?;
        self.put(Family::Accounts, keys::signed_out(root), Bytes::new());
        self.put(Family::Accounts, keys::signed_out_until(until, root), Bytes::new());
        Ok(())
    }

    fn clear_signed_out(&mut self, now: UnixMillis) -> Result<()> {
        let (from, to) = (keys::signed_out_until(0, 0), keys::signed_out_until(now, 0));
        let mut ended = Vec::new();
        self.scan(Family::Accounts, Bound::Included(&from), Some(&to), &mut |row, _| {
            ended.extend(keys::parts_of_signed_out_until(row));
            Ok(if ended.len() < CLEARED_COUNT_MAX { Step::Next } else { Step::Stop })
        })?;
        for (until, root) in ended {
            self.delete(Family::Accounts, keys::signed_out(root));
            self.delete(Family::Accounts, keys::signed_out_until(until, root));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::meta::engine::{Tier, View as _};
    use crate::meta::{Error, MASTER_KEY_BYTES, MemoryEngine, Sealer, Store};

    fn rows(engine: &MemoryEngine) -> usize {
        let mut count = 0;
        let mut visit = |_: &[u8], _: &[u8]| {
            count += 1;
            Ok(Step::Next)
        };
        engine.scan(Family::Accounts, Bound::Unbounded, None, Tier::Disk, &mut visit).unwrap();
        count
    }

    #[tokio::test]
    async fn a_sign_out_stays_until_its_time_and_leaves_nothing() {
        let engine = Arc::new(MemoryEngine::new());
        let store = Store::new(Arc::<MemoryEngine>::clone(&engine), Sealer::new(&[7; MASTER_KEY_BYTES]));
        let sign_out = |root, until, now| store.write(move |tx| tx.sign_out(root, until, now));
        let is_signed_out = |root| store.read::<_, Error>(move |tx| tx.is_signed_out(root));
        sign_out(1, 100, 0).await.unwrap();
        sign_out(1, 200, 0).await.unwrap();
        sign_out(2, 150, 99).await.unwrap();
        assert_eq!([is_signed_out(1).await.unwrap(), is_signed_out(2).await.unwrap()], [true, true]);
        assert!(!is_signed_out(3).await.unwrap());
        assert_eq!(rows(&engine), 4);
        sign_out(3, 300, 101).await.unwrap();
        assert!(!is_signed_out(1).await.unwrap() && is_signed_out(2).await.unwrap());
        assert_eq!(rows(&engine), 4);
    }

    #[tokio::test]
    async fn old_rows_go_faster_than_new_ones_come() {
        let engine = Arc::new(MemoryEngine::new());
        let store = Store::new(Arc::<MemoryEngine>::clone(&engine), Sealer::new(&[7; MASTER_KEY_BYTES]));
        for root in 0..100 {
            store.write(|tx| tx.sign_out(root, 100, 0)).await.unwrap();
        }
        for root in 100..102 {
            store.write(|tx| tx.sign_out(root, 300, 200)).await.unwrap();
        }
        assert_eq!(rows(&engine), 4);
    }
}

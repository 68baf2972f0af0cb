//! `GET /user/capacity`: what an account may hold and what it holds, by the very counters that `?storageinfo` shows
//! and limits are tested against.

use std::sync::Arc;

use serde::Serialize;

use super::refusal::Refusal;
use super::session::account_id;
use super::{Answer, Ask, success};
use crate::app::App;
use crate::auth::token::Use;
use crate::error::Error;
use crate::meta::{self, AccountStatus, Capacity};

/// Shown for an account without a limit where the size of the store is not known: the largest number that clients
/// written in JavaScript count exactly.
const UNKNOWN_BYTES: u64 = (1 << 53) - 1;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Numbers {
    total: u64,
    used: u64,
    storage_pack_total: u64,
}

pub(super) async fn get(app: &Arc<App>, ask: Ask) -> Answer {
    let claims = ask.token().and_then(|token| app.tokens.read(token, ask.now)).ok_or(Refusal::LoginRequired)?;
    if claims.allows != Use::Access {
        return Err(Refusal::InvalidTokenType);
    }
    let id = account_id(&claims).ok_or(Refusal::NoUser)?;
    let found = app.store.read_frozen(|tx| {
        let account = tx.account(id)?.filter(|account| account.status == AccountStatus::Active);
        let usage = tx.account_usage(id)?;
        Ok::<_, meta::Error>(account.map(|account| (account.capacity(ask.now), usage.used_bytes())))
    });
    let (capacity, used) = found.await?.ok_or(Refusal::NoUser)?;
    let store_bytes = if capacity.base_bytes == 0 { store_bytes(app).await? } else { None };
    success(&numbers(capacity, used, store_bytes))
}

/// Size of the filesystem that the objects lie on.
async fn store_bytes(app: &App) -> Result<Option<u64>, Refusal> {
    let store = Arc::clone(app.blobs.store());
    let capacity = tokio::task::spawn_blocking(move || store.capacity()).await.map_err(Error::internal)?;
    Ok(capacity.map(|(total, _)| total))
}

/// `total` has the packs in it already. What is used may exceed it: a pack ran out, a limit was lowered.
fn numbers(capacity: Capacity, used: i64, store_bytes: Option<u64>) -> Numbers {
    let Capacity { base_bytes, packs_bytes, .. } = capacity;
    let total = match base_bytes {
        // Not 0, by which the API means that nothing fits.
        0 => store_bytes.unwrap_or(UNKNOWN_BYTES).max(packs_bytes),
        base_bytes => base_bytes.saturating_add(packs_bytes),
    };
    // Clients read signed integers.
    let bounded = |bytes: u64| bytes.min(i64::MAX.unsigned_abs());
    Numbers { total: bounded(total), used: u64::try_from(used).unwrap_or(0), storage_pack_total: bounded(packs_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_packs_make_the_total() {
        let check = |base_bytes, packs_bytes, used, store_bytes, expected: (u64, u64, u64)| {
            let numbers = numbers(Capacity { base_bytes, packs_bytes, ..Capacity::default() }, used, store_bytes);
            assert_eq!((numbers.total, numbers.used, numbers.storage_pack_total), expected);
        };
        check(100, 0, 7, Some(1000), (100, 7, 0));
        check(100, 50, 7, None, (150, 7, 50));
        // A pack ran out: what is used stays as it is.
        check(100, 0, 140, None, (100, 140, 0));
        check(0, 0, 7, Some(1000), (1000, 7, 0));
        check(0, 50, 7, Some(1000), (1000, 7, 50));
        check(0, 0, 7, None, (9_007_199_254_740_991, 7, 0));
        check(UNKNOWN_BYTES, 0, 0, None, (9_007_199_254_740_991, 0, 0));
        let largest = i64::MAX.unsigned_abs();
        check(u64::MAX, u64::MAX, i64::MAX, None, (largest, largest, largest));
    }
}

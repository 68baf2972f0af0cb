//! Limits of accounts: base capacity, objects, storage packs.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::account::{named, shown_alone};
use super::{Ask, json, soft_percents};
use crate::app::App;
use crate::clock::{UnixMillis, iso_date, parse_iso_date};
use crate::error::{Code, Error, Result};
use crate::limits::{PACKS_PER_ACCOUNT_MAX, QUOTA_BYTES_MAX};
use crate::meta::{Account, Pack};
use crate::wire::Reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    capacity_bytes: Option<u64>,
    object_limit: Option<u64>,
    soft_percents: Option<Vec<u8>>,
}

/// `PUT accounts/NAME/limits`: what is not given stays as it is.
pub(super) async fn put(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    if wanted.capacity_bytes.is_none() && wanted.object_limit.is_none() && wanted.soft_percents.is_none() {
        return Err(Code::BadRequest.because("The body names nothing to change."));
    }
    for limit in [wanted.capacity_bytes, wanted.object_limit].into_iter().flatten() {
        if limit > QUOTA_BYTES_MAX {
            return Err(Code::InvalidArgument.because("A limit must be between 0 and 9223372036854775807."));
        }
    }
    let percents = wanted.soft_percents.map(soft_percents).transpose()?;
    let account = app.store.write(|tx| {
        let mut account = named(tx, ask.name())?;
        account.capacity_bytes = wanted.capacity_bytes.unwrap_or(account.capacity_bytes);
        account.object_limit = wanted.object_limit.unwrap_or(account.object_limit);
        if let Some(percents) = &percents {
            account.soft_percents = percents.clone();
        }
        tx.put_account(&account)?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::OK, &account.await?)
}

/// A pack as the API shows it.
#[derive(Serialize)]
pub(super) struct ShownPack {
    id: u64,
    bytes: u64,
    starts: String,
    expires: Option<String>,
    valid: bool,
}

/// The packs of an account, the ones that have run out included.
pub(super) fn shown_packs(account: &Account, now: UnixMillis) -> Vec<ShownPack> {
    let shown = |pack: &Pack| ShownPack {
        id: pack.id,
        bytes: pack.bytes,
        starts: iso_date(pack.starts_millis),
        expires: pack.expires_millis.map(iso_date),
        valid: pack.is_valid(now),
    };
    account.packs.iter().map(shown).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedPack {
    bytes: u64,
    starts: Option<String>,
    expires: Option<String>,
}

/// `POST accounts/NAME/packs`.
pub(super) async fn add_pack(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: WantedPack = ask.document()?;
    let starts_millis = wanted.starts.as_deref().map_or(Ok(ask.now), parse_date)?;
    let expires_millis = wanted.expires.as_deref().map(parse_date).transpose()?;
    if expires_millis.is_some_and(|expires| expires <= starts_millis) {
        return Err(Code::InvalidArgument.because("The pack would run out before it starts."));
    }
    if wanted.bytes == 0 || wanted.bytes > QUOTA_BYTES_MAX {
        return Err(Code::InvalidArgument.because("A pack has 1 to 9223372036854775807 bytes."));
    }
    let account = app.store.write(|tx| {
        let mut account = named(tx, ask.name())?;
        if account.packs.len() >= PACKS_PER_ACCOUNT_MAX {
            let message =
                format!("An account has at most {PACKS_PER_ACCOUNT_MAX} packs; remove those that have run out.");
            return Err(Code::InvalidArgument.because(message));
        }
        let id = account.next_pack;
        account.next_pack += 1;
        account.packs.push(Pack { id, bytes: wanted.bytes, starts_millis, expires_millis });
        tx.put_account(&account)?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::CREATED, &account.await?)
}

/// `DELETE accounts/NAME/packs/ID`.
pub(super) async fn remove_pack(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let account = app.store.write(|tx| {
        let mut account = named(tx, ask.name())?;
        let at = account.packs.iter().position(|pack| pack.id.to_string() == ask.names[1]);
        let at = at.ok_or_else(|| Code::NoSuchResource.because(format!("There is no pack {}.", ask.names[1])))?;
        account.packs.remove(at);
        tx.put_account(&account)?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::OK, &account.await?)
}

/// A date as the admin API takes it.
pub(super) fn parse_date(text: &str) -> Result<UnixMillis> {
    let message = || format!("{text} is not a date such as 2027-01-31T00:00:00Z.");
    parse_iso_date(text).ok_or_else(|| Code::InvalidArgument.because(message()))
}

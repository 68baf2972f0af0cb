//! `accounts`: create, list, show, freeze, activate, deregister.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::history::account_full;
use super::limit::{ShownPack, shown_packs};
use super::{Ask, Split, json, unsigned};
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::level::level_percent;
use crate::limits;
use crate::meta::{self, Account, AccountStatus, NewAccount, Tx};
use crate::secrets::hash_password;
use crate::wire::Reply;

/// Bytes of an account's name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a password, lower and upper bound.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

#[derive(Serialize)]
struct Shown {
    name: String,
    id: String,
    email: Option<String>,
    status: AccountStatus,
    root: bool,
    created: String,
    bucket_count: u64,
    used_bytes: u64,
    object_count: u64,
    usage: Split,
    /// Base capacity; 0 is no limit.
    capacity_bytes: u64,
    /// Of the packs valid now.
    packs_bytes: u64,
    object_limit: u64,
    packs: Vec<ShownPack>,
    soft_percents: Vec<u8>,
    /// Of the nearer limit, rounded down; `null` without a limit.
    level_percent: Option<u64>,
}

/// One by itself: with what takes its history to tell.
#[derive(Serialize)]
pub(super) struct Alone {
    #[serde(flatten)]
    shown: Shown,
    /// When the nearer limit would be met; `null` where that cannot be told.
    projected_full: Option<String>,
}

pub(super) fn shown_alone(tx: &mut Tx<'_>, account: Account) -> meta::Result<Alone> {
    let usage = tx.account_usage(account.id)?;
    let projected_full = account_full(tx, &account, &usage)?;
    Ok(Alone { shown: shown(tx, account)?, projected_full })
}

fn shown(tx: &mut Tx<'_>, account: Account) -> meta::Result<Shown> {
    let usage = tx.account_usage(account.id)?;
    let capacity = account.capacity(tx.now());
    Ok(Shown {
        soft_percents: account.soft_percents.as_slice().to_vec(),
        level_percent: level_percent(&usage, account.limits(tx.now())),
        usage: Split::new(&usage, tx.account_reserved_bytes(account.id)),
        capacity_bytes: capacity.base_bytes,
        packs_bytes: capacity.packs_bytes,
        object_limit: account.object_limit,
        packs: shown_packs(&account, tx.now()),
        bucket_count: tx.bucket_count(account.id)?,
        used_bytes: unsigned(usage.used_bytes()),
        object_count: unsigned(usage.used_objects()),
        id: account.id.to_string(),
        created: iso_date(account.created_millis),
        name: account.name,
        email: account.email,
        status: account.status,
        root: account.root,
    })
}

/// The account called `name`, or 404.
pub(super) fn named(tx: &mut Tx<'_>, name: &str) -> Result<Account> {
    tx.account_named(name)?.ok_or_else(|| Code::NoSuchAccount.because(format!("There is no account {name}.")))
}

#[derive(Serialize)]
struct Accounts {
    accounts: Vec<Shown>,
}

pub(super) async fn list(app: &Arc<App>, _: Ask) -> Result<Reply> {
    let accounts = app
        .store
        .read_frozen(|tx| {
            let mut accounts = tx.accounts()?;
            accounts.sort_by(|a, b| a.name.cmp(&b.name));
            accounts.into_iter().map(|account| shown(tx, account)).collect::<meta::Result<_>>()
        })
        .await
        .map_err(Error::from)?;
    json(StatusCode::OK, &Accounts { accounts })
}

pub(super) async fn show(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let account = app.store.read_frozen(|tx| {
        let account = named(tx, ask.name())?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::OK, &account.await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    email: Option<String>,
    password: Option<String>,
}

pub(super) async fn create(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    check(&wanted)?;
    let password_hash = match wanted.password {
        // Argon2 takes its time on purpose; not on a thread that serves others.
        Some(password) => Some(
            tokio::task::spawn_blocking(move || hash_password(&password))
                .await
                .map_err(Error::internal)?
                .map_err(|error| Error::internal(error.to_string()))?,
        ),
        None => None,
    };
    let new = NewAccount { name: wanted.name, email: wanted.email, password_hash, root: false };
    let account = app.store.write(|tx| {
        let account = tx.create_account(&new, ask.now)?.ok_or(Code::AccountAlreadyExists)?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::CREATED, &account.await?)
}

fn check(wanted: &Wanted) -> Result<()> {
    let refuse = |message: String| Err(Code::InvalidArgument.because(message));
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte);
    if !(1..=NAME_BYTES_MAX).contains(&wanted.name.len()) || !wanted.name.bytes().all(is_name_byte) {
        return refuse(format!("A name has 1 to {NAME_BYTES_MAX} letters, digits and - _ . @ +."));
    }
    if let Some(email) = &wanted.email {
        let (local, domain) = email.split_once('@').unwrap_or_default();
        let is_plain = email.bytes().all(|byte| byte.is_ascii_graphic());
        if local.is_empty() || domain.is_empty() || !is_plain || email.len() > limits::EMAIL_BYTES_MAX {
            return refuse("The e-mail address is not valid.".to_owned());
        }
    }
    if wanted.password.as_ref().is_some_and(|password| !PASSWORD_BYTES.contains(&password.len())) {
        return refuse(format!("A password has {} to {} bytes.", PASSWORD_BYTES.start(), PASSWORD_BYTES.end()));
    }
    Ok(())
}

pub(super) async fn freeze(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    set_status(app, &ask, AccountStatus::Frozen).await
}

pub(super) async fn activate(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    set_status(app, &ask, AccountStatus::Active).await
}

pub(super) async fn deregister(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    set_status(app, &ask, AccountStatus::Deregistered).await
}

async fn set_status(app: &Arc<App>, ask: &Ask, status: AccountStatus) -> Result<Reply> {
    let account = app.store.write(|tx| {
        let mut account = named(tx, ask.name())?;
        if account.root && status != AccountStatus::Active {
            // Nobody could activate it again.
            return Err(Code::InvalidArgument.because("The root account stays active."));
        }
        account.status = status;
        tx.put_account(&account)?;
        Ok::<_, Error>(shown_alone(tx, account)?)
    });
    json(StatusCode::OK, &account.await?)
}

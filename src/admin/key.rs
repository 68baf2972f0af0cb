//! `keys`: create (or import), list, revoke.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::account::named;
use super::{Ask, json};
use crate::app::App;
use crate::clock::iso_date;
use crate::config::{is_access_key, is_secret_key};
use crate::error::{Code, Error, Result};
use crate::meta::{AccessKey, KeyStatus, Tx};
use crate::secrets::{generate_access_key, generate_secret_key};
use crate::wire::Reply;

#[derive(Serialize)]
struct Shown {
    access_key: String,
    account: String,
    status: KeyStatus,
    created: String,
    /// Shown once, to whoever made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
}

impl Shown {
    fn new(key: AccessKey, account: String) -> Self {
        let created = iso_date(key.created_millis);
        Self { access_key: key.access_key, account, status: key.status, created, secret_key: None }
    }
}

#[derive(Serialize)]
struct Keys {
    keys: Vec<Shown>,
}

pub(super) async fn list(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let filter = ask.account_filter()?;
    let keys = app.store.read_frozen(|tx| {
        let account = filter.map(|name| named(tx, name)).transpose()?;
        let mut keys = tx.access_keys(account.map(|account| account.id))?;
        keys.sort_by(|a, b| a.access_key.cmp(&b.access_key));
        let mut shown = Vec::with_capacity(keys.len());
        for key in keys {
            let account = tx.account(key.account)?.map_or_else(|| key.account.to_string(), |account| account.name);
            shown.push(Shown::new(key, account));
        }
        Ok::<_, Error>(shown)
    });
    json(StatusCode::OK, &Keys { keys: keys.await? })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    account: String,
    access_key: Option<String>,
    secret_key: Option<String>,
}

pub(super) async fn create(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: Wanted = ask.document()?;
    let (access_key, secret_key) = match (wanted.access_key, wanted.secret_key) {
        (Some(access_key), Some(secret_key)) => (access_key, secret_key),
        (None, None) => (generate_access_key(), generate_secret_key()),
        _ => return Err(Code::InvalidArgument.because("Give both keys to import a pair, or neither for a new one.")),
    };
    if !is_access_key(&access_key) || !is_secret_key(&secret_key) {
        return Err(Code::InvalidArgument.because("The access key or the secret key has a form no client could send."));
    }
    let made = app.store.write(|tx: &mut Tx<'_>| {
        let account = named(tx, &wanted.account)?;
        let key = tx.create_access_key(account.id, &access_key, &secret_key, app.store.sealer(), ask.now)?;
        let key = key.ok_or(Code::AccessKeyAlreadyExists)?;
        Ok::<_, Error>(Shown::new(key, account.name))
    });
    let made = Shown { secret_key: Some(secret_key.clone()), ..made.await? };
    json(StatusCode::CREATED, &made)
}

pub(super) async fn revoke(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let revoked = app.store.write(|tx| {
        let missing = || Code::NoSuchAccessKey.because(format!("There is no access key {}.", ask.name()));
        let mut key = tx.access_key(ask.name())?.ok_or_else(missing)?;
        let account = tx.account(key.account)?;
        let last_of_root = account.is_some_and(|account| account.root)
            && tx.access_keys(Some(key.account))?.iter().filter(|other| other.status == KeyStatus::Active).count() == 1;
        if last_of_root && key.status == KeyStatus::Active {
            return Err(Code::InvalidArgument.because("The root account keeps its last access key."));
        }
        key.status = KeyStatus::Revoked;
        tx.put_access_key(&key)?;
        Ok::<_, Error>(())
    });
    revoked.await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

//! `keys`: create (or import), make temporary ones, list, revoke.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::account::named;
use super::limit::parse_date;
use super::{Ask, json};
use crate::access::policy::Policy;
use crate::app::App;
use crate::clock::{UnixMillis, iso_date};
use crate::config::{is_access_key, is_secret_key};
use crate::error::{Code, Error, Result};
use crate::limits::{NARROWING_BYTES_MAX, TEMPORARY_KEY_SECONDS_MAX, TEMPORARY_KEY_SECONDS_MIN};
use crate::meta::{AccessKey, KeyStatus, NewAccessKey, Tx};
use crate::secrets::{generate_access_key, generate_secret_key, generate_security_token};
use crate::wire::Reply;

#[derive(Serialize)]
struct Shown {
    access_key: String,
    account: String,
    status: &'static str,
    created: String,
    /// `null` for never.
    expires: Option<String>,
    /// Whether requests must carry a security token.
    temporary: bool,
    /// The text of the policy that narrows it.
    policy: Option<Arc<str>>,
    /// Shown once, to whoever made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    security_token: Option<String>,
}

impl Shown {
    fn new(key: AccessKey, account: String, now: UnixMillis) -> Self {
        let status = match key.status {
            KeyStatus::Revoked => "revoked",
            KeyStatus::Active if key.is_expired(now) => "expired",
            KeyStatus::Active => "active",
        };
        Self {
            temporary: key.is_temporary(),
            access_key: key.access_key,
            account,
            status,
            created: iso_date(key.created_millis),
            expires: key.expires_millis.map(iso_date),
            policy: key.narrowing,
            secret_key: None,
            security_token: None,
        }
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
            shown.push(Shown::new(key, account, ask.now));
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
    expires: Option<String>,
    policy: Option<String>,
}

/// `POST keys`: a permanent key, new or imported, which may run out and be narrowed all the same.
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
    let expires_millis = wanted.expires.as_deref().map(parse_date).transpose()?;
    if expires_millis.is_some_and(|expires| expires <= ask.now) {
        return Err(Code::InvalidArgument.because("The key would have expired before it was made."));
    }
    let narrowing = wanted.policy.map(narrowing).transpose()?;
    let new = NewAccessKey { expires_millis, narrowing, ..NewAccessKey::permanent(access_key, secret_key) };
    store(app, &wanted.account, new, ask.now).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedTemporary {
    account: String,
    duration_seconds: u64,
    policy: Option<String>,
}

/// `POST keys/temporary`: a key that is good for a while, and only together with its security token.
pub(super) async fn create_temporary(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let wanted: WantedTemporary = ask.document()?;
    if !(TEMPORARY_KEY_SECONDS_MIN..=TEMPORARY_KEY_SECONDS_MAX).contains(&wanted.duration_seconds) {
        let message = format!("duration_seconds must be {TEMPORARY_KEY_SECONDS_MIN} to {TEMPORARY_KEY_SECONDS_MAX}.");
        return Err(Code::InvalidArgument.because(message));
    }
    let new = NewAccessKey {
        expires_millis: Some(ask.now + wanted.duration_seconds * 1000),
        token: Some(generate_security_token()),
        narrowing: wanted.policy.map(narrowing).transpose()?,
        ..NewAccessKey::permanent(generate_access_key(), generate_secret_key())
    };
    store(app, &wanted.account, new, ask.now).await
}

async fn store(app: &Arc<App>, account: &str, new: NewAccessKey, now: UnixMillis) -> Result<Reply> {
    let made = app.store.write(|tx: &mut Tx<'_>| {
        let account = named(tx, account)?;
        let key = tx.create_access_key(account.id, &new, app.store.sealer(), now)?;
        let key = key.ok_or(Code::AccessKeyAlreadyExists)?;
        Ok::<_, Error>(Shown::new(key, account.name, now))
    });
    let made = made.await?;
    json(StatusCode::CREATED, &Shown { secret_key: Some(new.secret_key), security_token: new.token, ..made })
}

/// The text of a policy that narrows a key, once it has been found to be one.
fn narrowing(policy: String) -> Result<Arc<str>> {
    if policy.len() > NARROWING_BYTES_MAX {
        return Err(Code::InvalidArgument.because(format!("The policy has more than {NARROWING_BYTES_MAX} bytes.")));
    }
    Policy::of_key(policy.as_bytes())?;
    Ok(policy.into())
}

pub(super) async fn revoke(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let revoked = app.store.write(|tx| {
        let missing = || Code::NoSuchAccessKey.because(format!("There is no access key {}.", ask.name()));
        let mut key = tx.access_key(ask.name())?.ok_or_else(missing)?;
        let account = tx.account(key.account)?;
        let last_of_root = account.is_some_and(|account| account.root)
            && is_way_in(&key)
            && tx.access_keys(Some(key.account))?.iter().filter(|other| is_way_in(other)).count() == 1;
        if last_of_root {
            return Err(Code::InvalidArgument.because("The root account keeps its last access key."));
        }
        key.status = KeyStatus::Revoked;
        tx.put_access_key(&key)?;
        Ok::<_, Error>(())
    });
    revoked.await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Whether the root account can get into the admin API by this key, for good.
fn is_way_in(key: &AccessKey) -> bool {
    key.status == KeyStatus::Active && key.is_unbounded()
}

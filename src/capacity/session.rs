//! `/session`: sign in with a password, refresh, sign out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::Refusal;
use super::{Answer, Ask, password, random_uuid, success};
use crate::app::App;
use crate::auth::token::{Claims, Pair, Use};
use crate::clock::iso_date;
use crate::limits;
use crate::meta::{self, Account, AccountStatus, Tx};
use crate::name::AccountId;

/// Bytes of an e-mail address.
const EMAIL_BYTES_MAX: usize = 254;

/// How an account can sign in. Says whether an address is known, as the API has it; each time it is not counts as a
/// failed attempt of the network address.
pub(super) async fn prepare(app: &Arc<App>, ask: Ask) -> Answer {
    #[derive(Serialize)]
    struct Ways {
        webauthn_enabled: bool,
        password_enabled: bool,
    }
    let email = ask.query.get("email").filter(|email| is_email(email)).ok_or(NO_EMAIL)?;
    let attempt = app.attempts.begin(None, ask.peer, ask.now).ok_or(Refusal::TooManyAttempts)?;
    let account = app.store.read(|tx| account_with(tx, email)).await?.ok_or(Refusal::UserNotFound)?;
    attempt.succeeded();
    success(&Ways { webauthn_enabled: false, password_enabled: account.password_hash.is_some() })
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Serialize)]
struct SignedIn {
    user: User,
    token: Issued,
}

pub(super) async fn sign_in(app: &Arc<App>, ask: Ask) -> Answer {
    let Credentials { email, password } = ask.document()?;
    if !is_email(&email) {
        return Err(NO_EMAIL);
    }
    if password.chars().count() < limits::PASSWORD_CHARACTERS_MIN || password.len() > limits::PASSWORD_BYTES_MAX {
        return Err(Refusal::Malformed("The password is too short or too long"));
    }
    let attempt = app.attempts.begin(Some(&email), ask.peer, ask.now).ok_or(Refusal::TooManyAttempts)?;
    let account = app.store.read(|tx| account_with(tx, &email)).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let holds = password::holds(app, password, hash).await?;
    let account = account.filter(|_| holds).ok_or(Refusal::WrongPassword)?;
    attempt.succeeded();
    if account.status == AccountStatus::Frozen {
        return Err(Refusal::Blocked);
    }
    let pair = app.tokens.issue(&account.id.to_string(), &state_hash(app, &account), random_uuid(), ask.now)?;
    success(&SignedIn { user: User::new(account), token: pair.into() })
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

impl Refresh {
    /// The claims of the refresh token and the sign-in it descends from; `unread` where it is none.
    fn read(&self, app: &App, ask: &Ask, unread: Refusal) -> Result<(Claims, Uuid), Refusal> {
        let claims = app.tokens.read(&self.refresh_token, ask.now).ok_or(unread)?;
        let root = claims.root_token_id.filter(|_| claims.allows == Use::Refresh).ok_or(Refusal::InvalidTokenType)?;
        Ok((claims, root))
    }
}

/// A fresh pair for a refresh token. The old one stays good until it expires or the sign-in is signed out.
pub(super) async fn refresh(app: &Arc<App>, ask: Ask) -> Answer {
    let (claims, root) = ask.document::<Refresh>()?.read(app, &ask, Refusal::NotRefreshed)?;
    let id = account_id(&claims).ok_or(Refusal::NotRefreshed)?;
    let (is_signed_out, account) =
        app.store.read(|tx| Ok::<_, meta::Error>((tx.is_signed_out(root.as_u128())?, tx.account(id)?))).await?;
    let is_good = |account: &Account| {
        account.status == AccountStatus::Active && claims.state_hash.as_deref() == Some(&state_hash(app, account))
    };
    let account = account.filter(|account| !is_signed_out && is_good(account)).ok_or(Refusal::NotRefreshed)?;
    let pair = app.tokens.issue(&claims.subject, &state_hash(app, &account), root, ask.now)?;
    success(&Issued::from(pair))
}

/// Ends a sign-in: no refresh token that descends from it is good any more. Access tokens live out their hour.
pub(super) async fn sign_out(app: &Arc<App>, ask: Ask) -> Answer {
    let (_, root) = ask.document::<Refresh>()?.read(app, &ask, Refusal::NotSignedOut)?;
    // The last one cannot have been made later than now, and a minute for clocks that differ.
    let until = ask.now + (limits::REFRESH_TOKEN_SECONDS + limits::TOKEN_SKEW_SECONDS_MAX) * 1000;
    app.store.write(|tx| tx.sign_out(root.as_u128(), until, ask.now)).await?;
    success(&"")
}

const NO_EMAIL: Refusal = Refusal::Malformed("The e-mail address is missing or not valid");

fn is_email(email: &str) -> bool {
    let (local, domain) = email.split_once('@').unwrap_or_default();
    !local.is_empty() && !domain.is_empty() && email.len() <= EMAIL_BYTES_MAX
}

/// The account that signs in with `email`. One that was deregistered does not.
fn account_with(tx: &mut Tx<'_>, email: &str) -> meta::Result<Option<Account>> {
    Ok(tx.account_with_email(email)?.filter(|account| account.status != AccountStatus::Deregistered))
}

/// The account a token was made for.
pub(super) fn account_id(claims: &Claims) -> Option<AccountId> {
    u128::from_str_radix(&claims.subject, 16).ok().map(AccountId)
}

fn state_hash(app: &App, account: &Account) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    app.tokens.state_hash(&text(&account.email), &text(&account.password_hash))
}

#[derive(Serialize)]
struct Issued {
    access_token: String,
    refresh_token: String,
    access_expires: String,
    refresh_expires: String,
}

impl From<Pair> for Issued {
    fn from(pair: Pair) -> Self {
        Self {
            access_token: pair.access,
            refresh_token: pair.refresh,
            access_expires: iso_date(pair.access_until),
            refresh_expires: iso_date(pair.refresh_until),
        }
    }
}

#[derive(Serialize)]
struct User {
    id: String,
    email: Option<String>,
    nickname: String,
    status: &'static str,
    created_at: String,
    group: Group,
    /// The API's own spelling of what a user pinned.
    pined: [(); 0],
}

/// What clients insist on; there are no groups of accounts here.
#[derive(Serialize)]
struct Group {
    id: &'static str,
    name: &'static str,
}

impl User {
    fn new(account: Account) -> Self {
        let (id, name) = if account.root { ("root", "Administrators") } else { ("accounts", "Accounts") };
        Self {
            id: account.id.to_string(),
            email: account.email,
            nickname: account.name,
            status: "active",
            created_at: iso_date(account.created_millis),
            group: Group { id, name },
            pined: [],
        }
    }
}

//! The token service, at the data listener's own address: access keys for a while (AWS Security Token Service API
//! reference). There are no users and no roles here: a session acts as the caller's own account, narrowed by the policy
//! that was sent (`docs/token-service.md`). How calls are taken apart is `wire::token_call`.

use std::sync::Arc;

use hyper::Method;

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::access::policy::Policy;
use crate::app::App;
use crate::auth::{self, Claim};
use crate::clock::{UnixMillis, iso_date};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{AccessKey, KeyStatus, NewAccessKey};
use crate::name::AccountId;
use crate::secrets::{generate_access_key, generate_secret_key, generate_security_token};
use crate::wire::Reply;
use crate::wire::token_call::{self, TokenCall};
use crate::wire::xml::Writer;

pub(super) static GET_CALLER_IDENTITY: Op = Op {
    name: "GetCallerIdentity",
    verb: Method::POST,
    scope: Scope::Service,
    picks: &[Pick::Call("GetCallerIdentity")],
    action: Action::TokenService,
    body: BodyRule::Call,
    growth: &[],
    parameters: &[],
    document: "AWS STS",
    run: |_, call| Box::pin(std::future::ready(get_caller_identity(call))),
};

pub(super) static GET_SESSION_TOKEN: Op = Op {
    name: "GetSessionToken",
    verb: Method::POST,
    scope: Scope::Service,
    picks: &[Pick::Call("GetSessionToken")],
    action: Action::TokenService,
    body: BodyRule::Call,
    growth: &[],
    parameters: &["DurationSeconds"],
    document: "AWS STS",
    run: |app, call| Box::pin(get_session_token(app, call)),
};

pub(super) static ASSUME_ROLE: Op = Op {
    name: "AssumeRole",
    verb: Method::POST,
    scope: Scope::Service,
    picks: &[Pick::Call("AssumeRole")],
    action: Action::TokenService,
    body: BodyRule::Call,
    growth: &[],
    parameters: &["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId"],
    document: "AWS STS",
    run: |app, call| Box::pin(assume_role(app, call)),
};

/// Actions that the service documents and no row answers: identities from elsewhere, and users.
pub(super) const UNBUILT_ACTIONS: &[&str] = &[
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetWebIdentityToken",
];

/// Documented parameters that nothing is done with, up to their first dot. Left out of account they would promise what
/// does not hold: a narrower session, a second factor, tags that policies see.
const UNBUILT_PARAMETERS: &[&str] =
    &["PolicyArns", "ProvidedContexts", "SerialNumber", "SourceIdentity", "Tags", "TokenCode", "TransitiveTagKeys"];

/// Characters of a role's address, lower and upper bound (AWS reference).
const ROLE_ARN_CHARACTERS: std::ops::RangeInclusive<usize> = 20..=2048;
/// Characters of the name of a session (AWS reference).
const SESSION_NAME_CHARACTERS: std::ops::RangeInclusive<usize> = 2..=64;
/// Characters of an external id (AWS reference).
const EXTERNAL_ID_CHARACTERS: std::ops::RangeInclusive<usize> = 2..=1224;

/// Refuses what `op` does not read: 501 `ServiceNotImplemented` for what the service documents, else 400
/// `InvalidArgument`.
fn check_parameters(op: &Op, asked: &TokenCall) -> Result<()> {
    for (name, _) in asked.iter() {
        let is_signed_with = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        if is_signed_with || matches!(name, "Action" | "Version") || op.parameters.contains(&name) {
            continue;
        }
        let base = name.split('.').next().unwrap_or_default();
        if UNBUILT_PARAMETERS.contains(&base) {
            let message = format!("The parameter {base} of {} is not implemented.", op.name);
            return Err(Code::ServiceNotImplemented.because(message));
        }
        return Err(invalid(format!("{} has no parameter {name}.", op.name)));
    }
    Ok(())
}

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Code::InvalidArgument.because(why)
}

/// Who asks: the account. A session shows as the account it acts as.
fn get_caller_identity(call: &Call<'_>) -> Result<Reply> {
    check_parameters(&GET_CALLER_IDENTITY, call.token_call()?)?;
    let id = call.account()?.id.to_string();
    Ok(token_call::reply("GetCallerIdentityResponse", "GetCallerIdentityResult", &call.request_id, |xml| {
        xml.element("Arn", &format!("arn:aws:iam::{id}:root")).element("UserId", &id).element("Account", &id);
    }))
}

async fn get_session_token(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let asked = call.token_call()?;
    check_parameters(&GET_SESSION_TOKEN, asked)?;
    let seconds = parse_seconds(asked, limits::SESSION_SECONDS, limits::SESSION_SECONDS_MAX)?;
    let session = Session::open(app, call, seconds, None).await?;
    Ok(token_call::reply("GetSessionTokenResponse", "GetSessionTokenResult", &call.request_id, |xml| {
        session.write(xml);
    }))
}

async fn assume_role(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let asked = call.token_call()?;
    check_parameters(&ASSUME_ROLE, asked)?;
    let role = Role::parse(asked.get("RoleArn").ok_or_else(|| invalid("RoleArn is missing."))?)?;
    let name = asked.get("RoleSessionName").ok_or_else(|| invalid("RoleSessionName is missing."))?;
    if !SESSION_NAME_CHARACTERS.contains(&name.len()) || !is_word(name, "") {
        return Err(invalid("RoleSessionName has 2 to 64 letters, digits or characters of _+=,.@- in it."));
    }
    // Without roles nobody asks for it: AWS ignores one that the role's trust policy does not mention.
    let is_external_id = |id: &str| EXTERNAL_ID_CHARACTERS.contains(&id.len()) && is_word(id, ":/");
    if !asked.get("ExternalId").is_none_or(is_external_id) {
        return Err(invalid("ExternalId has 2 to 1224 letters, digits or characters of _+=,.@:/- in it."));
    }
    let seconds = parse_seconds(asked, limits::ROLE_SECONDS, limits::ROLE_SECONDS_MAX)?;
    // Who meant to narrow the session does not get one that is not.
    if asked.is_empty("Policy") {
        return Err(invalid("Policy is empty."));
    }
    let policy = asked.get("Policy").map(parse_policy).transpose()?;
    if role.account != Some(call.account()?.id) {
        return Err(Code::AccessDenied.because("The role is one of another account; a caller has those of its own."));
    }
    let session = Session::open(app, call, seconds, policy.as_ref()).await?;
    let id = call.account()?.id;
    Ok(token_call::reply("AssumeRoleResponse", "AssumeRoleResult", &call.request_id, |xml| {
        xml.open("AssumedRoleUser").element("AssumedRoleId", &format!("{id}:{name}"));
        xml.element("Arn", &format!("arn:aws:sts::{id}:assumed-role/{}/{name}", role.name)).close();
        session.write(xml);
        if let Some(policy) = &policy {
            xml.number("PackedPolicySize", (policy.len() * 100).div_ceil(limits::NARROWING_BYTES_MAX) as u64);
        }
    }))
}

/// `DurationSeconds`, or `default` where there is none.
fn parse_seconds(asked: &TokenCall, default: u64, max: u64) -> Result<u64> {
    let Some(text) = asked.get("DurationSeconds") else { return Ok(default) };
    let min = limits::TEMPORARY_KEY_SECONDS_MIN;
    // `u64::from_str` would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text);
    let seconds = digits.and_then(|text| text.parse().ok()).filter(|seconds| (min..=max).contains(seconds));
    seconds.ok_or_else(|| invalid(format!("DurationSeconds is a number from {min} to {max}.")))
}

/// The text of a session's policy, once it has been found to be one.
fn parse_policy(text: &str) -> Result<Arc<str>> {
    if text.len() > limits::NARROWING_BYTES_MAX {
        return Err(invalid(format!("Policy has more than {} bytes.", limits::NARROWING_BYTES_MAX)));
    }
    Policy::of_key(text.as_bytes())?;
    Ok(text.into())
}

/// Whether `text` has only what AWS lets names have, and characters of `more`.
fn is_word(text: &str, more: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte) || more.as_bytes().contains(&byte))
}

/// What a role's address says: `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
#[derive(Debug, PartialEq, Eq)]
struct Role<'t> {
    /// `None` for an account that is none of this gateway's.
    account: Option<AccountId>,
    /// The name without its path.
    name: &'t str,
}

impl<'t> Role<'t> {
    fn parse(text: &'t str) -> Result<Self> {
        let found = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
        let found = found.filter(|(account, path)| {
            ROLE_ARN_CHARACTERS.contains(&text.len())
                && !account.is_empty()
                && is_word(account, "")
                && is_word(path, "/")
        });
        let parts = found.and_then(|(account, path)| Some((account, path.rsplit('/').next()?)));
        match parts {
            Some((account, name)) if (1..=64).contains(&name.len()) => {
                Ok(Self { account: AccountId::parse(account), name })
            }
            _ => Err(invalid("RoleArn is arn:aws:iam::ACCOUNT:role/NAME.")),
        }
    }
}

/// A temporary access key, just made.
struct Session {
    key: NewAccessKey,
    expires_millis: UnixMillis,
}

impl Session {
    /// Makes one of the caller's account, for `seconds` at most: it ends with the key that asks, and what narrows that
    /// key narrows it.
    ///
    /// 403 `AccessDenied` for a temporary key, and for a narrowed one that sends a policy too: two policies have no one
    /// text. 409 `LimitExceeded` above [`limits::SESSIONS_PER_ACCOUNT_MAX`].
    async fn open(app: &App, call: &Call<'_>, seconds: u64, policy: Option<&Arc<str>>) -> Result<Self> {
        let account = call.account()?.id;
        let Claim::Signed(signed) = auth::claim(call.head)? else { return Err(Code::AccessDenied.into()) };
        // Drawn outside the transaction, which may run again.
        let mut key = NewAccessKey::permanent(generate_access_key(), generate_secret_key());
        key.token = Some(generate_security_token());
        let wanted_millis = call.now + seconds * 1000;
        let _turn = app.sessions.lock().await;
        let made = app.store.write(|tx| {
            if tx.temporary_key_count(account)? >= limits::SESSIONS_PER_ACCOUNT_MAX {
                return Err(Code::LimitExceeded.into());
            }
            let own = tx.access_key(&signed.access_key)?.filter(|own| own.status == KeyStatus::Active);
            let own = own.ok_or(Code::InvalidAccessKeyId)?;
            let mut key = key.clone();
            key.narrowing = narrowing(&own, policy)?;
            key.expires_millis = Some(own.expires_millis.map_or(wanted_millis, |own| own.min(wanted_millis)));
            let made = tx.create_access_key(account, &key, app.store.sealer(), call.now)?;
            made.ok_or_else(|| Error::from(Code::OperationAborted))
        });
        let expires_millis = made.await?.expires_millis.unwrap_or(wanted_millis);
        Ok(Self { key, expires_millis })
    }

    fn write(&self, xml: &mut Writer) {
        xml.open("Credentials").element("AccessKeyId", &self.key.access_key);
        xml.element("SecretAccessKey", &self.key.secret_key);
        xml.element("SessionToken", self.key.token.as_deref().unwrap_or_default());
        xml.element("Expiration", &iso_date(self.expires_millis)).close();
    }
}

/// What narrows a session that `own` asks for.
fn narrowing(own: &AccessKey, policy: Option<&Arc<str>>) -> Result<Option<Arc<str>>> {
    if own.is_temporary() {
        return Err(Code::AccessDenied.because("A temporary access key cannot ask for further ones."));
    }
    match (&own.narrowing, policy) {
        (Some(_), Some(_)) => {
            Err(Code::AccessDenied.because("A policy narrows this access key already; its sessions can have no other."))
        }
        (own, policy) => Ok(own.as_ref().or(policy).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0000000000000000000000000000000a";

    #[test]
    fn a_role_is_an_account_and_a_name() {
        let check = |text: &str, expected: Option<(Option<u128>, &str)>| {
            let text = text.replace("ID", ID);
            let found = Role::parse(&text).ok().map(|role| (role.account.map(|id| id.0), role.name.to_owned()));
            assert_eq!(found, expected.map(|(id, name)| (id, name.to_owned())), "{text}");
        };
        check("arn:aws:iam::ID:role/backup", Some((Some(10), "backup")));
        check("arn:aws:iam::ID:role/team/night/backup@2.x", Some((Some(10), "backup@2.x")));
        check("arn:aws:iam::123456789012:role/backup", Some((None, "backup")));
        check("arn:aws:iam::s3tenant1:role/b", Some((None, "b")));
        check("arn:aws:iam::1:role/b", Some((None, "b")));
        check(&format!("arn:aws:iam::ID:role/{}", "r".repeat(64)), Some((Some(10), &"r".repeat(64))));
        for bad in [
            "",
            "backup",
            "arn:aws:iam::ID:role/",
            "arn:aws:iam::ID:role/a/",
            "arn:aws:iam::ID:role/a b",
            "arn:aws:iam::ID:role/ä",
            "arn:aws:iam::ID:user/backup",
            "arn:aws:iam::ID:backup",
            "arn:aws:iam:::role/backup",
            "arn:aws:iam::a:b:role/backup",
            "arn:aws-cn:iam::ID:role/backup",
            "arn:aws:sts::ID:role/backup",
            "arn:aws:iam::a:role/",
        ] {
            check(bad, None);
        }
        check(&format!("arn:aws:iam::ID:role/{}", "r".repeat(65)), None);
        check(&format!("arn:aws:iam::ID:role/{}b", "p/".repeat(1100)), None);
    }

    fn call(parameters: &str) -> TokenCall {
        let uri = format!("/?Action=A&Version=2011-06-15&{parameters}");
        let (parts, ()) = hyper::Request::get(uri).header("host", "localhost").body(()).unwrap().into_parts();
        let head = crate::wire::Head::parse(parts, &crate::wire::address::Endpoints::new(Vec::new())).unwrap();
        TokenCall::parse(&head, b"").unwrap()
    }

    #[test]
    fn a_life_is_a_number_within_bounds() {
        let check = |text: &str, expected| {
            let found = parse_seconds(&call(&format!("DurationSeconds={text}")), 3600, 43_200);
            assert_eq!(found.map_err(|error| error.code()), expected, "{text}");
        };
        check("", Ok(3600));
        check("900", Ok(900));
        check("43200", Ok(43_200));
        for bad in ["899", "43201", "0", "-900", "%2B900", "900.0", "9e3", "+", "1h", "99999999999999999999"] {
            check(bad, Err(Code::InvalidArgument));
        }
    }

    #[test]
    fn every_parameter_is_known_or_refused() {
        let check = |op: &Op, parameters: &str, expected| {
            let found = check_parameters(op, &call(parameters));
            assert_eq!(found.err().map(|error| error.code()), expected, "{} {parameters}", op.name);
        };
        check(&ASSUME_ROLE, "RoleArn=a&RoleSessionName=b&DurationSeconds=1&Policy=x&ExternalId=y", None);
        check(&ASSUME_ROLE, "X-Amz-Signature=1&X-Amz-Date=2", None);
        check(&ASSUME_ROLE, "Tags=&PolicyArns", None);
        for unbuilt in ["Tags.member.1.Key=a", "PolicyArns.member.1.arn=a", "SerialNumber=a", "TokenCode=1"] {
            check(&ASSUME_ROLE, unbuilt, Some(Code::ServiceNotImplemented));
            check(&GET_SESSION_TOKEN, unbuilt, Some(Code::ServiceNotImplemented));
        }
        check(&ASSUME_ROLE, "rolearn=a", Some(Code::InvalidArgument));
        check(&ASSUME_ROLE, "Policies=a", Some(Code::InvalidArgument));
        check(&GET_SESSION_TOKEN, "Policy=a", Some(Code::InvalidArgument));
        check(&GET_CALLER_IDENTITY, "DurationSeconds=900", Some(Code::InvalidArgument));
    }

    #[test]
    fn policies_are_read_before_they_are_kept() {
        let check = |text: &str, expected| {
            assert_eq!(parse_policy(text).err().map(|error| error.code()), expected, "{text}");
        };
        let policy = |sid: &str| {
            format!(r#"{{"Statement":{{"Sid":"{sid}","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}}}}"#)
        };
        let room = limits::NARROWING_BYTES_MAX - policy("").len();
        check(&policy(&"s".repeat(room)), None);
        check(&policy(&"s".repeat(room + 1)), Some(Code::InvalidArgument));
        check("{}", Some(Code::MalformedPolicy));
        check("everything", Some(Code::MalformedPolicy));
    }
}

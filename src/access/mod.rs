//! May they? [`admit`] is asked once per request, before the operation runs, and hands on the bucket record it read and
//! a [`Permit`]. What else a request names (the source of a copy, each key of many) is asked of a [`Judge`].
//!
//! Who may: the owner of a bucket, unless its policy denies it; others, where policy or access control lists allow it.

pub mod acl;
mod action;
mod context;
mod controls;
mod judge;
mod permit;
pub mod policy;
#[cfg(test)]
mod testing;

pub use action::{Action, ActionSet, Level, Lists};
pub use context::Context;
pub use controls::{Controls, check_disabling};
pub use judge::Judge;
pub use permit::{Facts, Permit};
pub use policy::Policies;

use std::sync::Arc;

use crate::error::{Code, Result};
use crate::meta::{self, Account, AccountStatus, Bucket, Store, Tx};
use crate::name::{AccountId, BucketName, ObjectKey};
use crate::wire::Head;
use judge::Beside;
use policy::{Question, Verdict};

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// No signature.
    Anonymous,
    /// A verified signature.
    Account {
        /// Of this account.
        account: Arc<Account>,
        /// The policy that narrows the access key, as text: only what it allows too is allowed.
        narrowing: Option<Arc<str>>,
    },
}

impl Caller {
    /// A caller with a key that may do whatever its account may.
    #[must_use]
    pub fn of(account: Arc<Account>) -> Self {
        Self::Account { account, narrowing: None }
    }

    /// The account, where there is one; nobody gets 403 `AccessDenied`.
    pub fn account(&self) -> Result<&Arc<Account>> {
        match self {
            Self::Account { account, .. } => Ok(account),
            Self::Anonymous => Err(Code::AccessDenied.into()),
        }
    }

    /// The account's identity, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<AccountId> {
        self.account().ok().map(|account| account.id)
    }

    /// Who will own what the caller makes: the account, or [`AccountId::NOBODY`] without a signature.
    #[must_use]
    pub fn owner(&self) -> AccountId {
        self.id().unwrap_or(AccountId::NOBODY)
    }

    /// The policy that narrows the access key.
    #[must_use]
    pub fn narrowing(&self) -> Option<&Arc<str>> {
        match self {
            Self::Account { narrowing, .. } => narrowing.as_ref(),
            Self::Anonymous => None,
        }
    }
}

/// Refuses accounts that may not act: frozen and deregistered ones.
pub fn check_active(caller: &Caller) -> Result<()> {
    match caller {
        Caller::Anonymous => Ok(()),
        Caller::Account { account, .. } => match account.status {
            AccountStatus::Active => Ok(()),
            AccountStatus::Frozen => Err(Code::InArrearOrInsufficientBalance.into()),
            AccountStatus::Deregistered => Err(Code::DeregisterUserId.into()),
        },
    }
}

/// Whether the caller is the account that the bucket belongs to.
#[must_use]
pub fn is_owner(caller: &Caller, bucket: &Bucket) -> bool {
    caller.id() == Some(bucket.owner)
}

/// Refuses with 403 `AccessDenied` a bucket of another owner than the request says it has, in S3's header with this tail;
/// whoever asks, the owner too (S3 reference, "Verifying bucket ownership").
pub fn check_expected_owner(context: Context<'_>, tail: &str, bucket: &Bucket) -> Result<()> {
    let head = context.head();
    if head.dialect.is_obs() || !head.has_own(tail) || head.own(tail) == Some(bucket.owner.to_string().as_str()) {
        return Ok(());
    }
    Err(Code::AccessDenied.on(format!("/{}", bucket.name)))
}

/// Says yes, with the record of the bucket the request names, or why not: 404 `NoSuchBucket` for everyone where there is
/// no bucket; where there is one, 403 `AccessDenied` if it is not whose the request says, and 403 `RequestPayerDenied` or
/// `AccessDenied` as [`Judge::permit`] has it.
pub async fn admit(
    store: &Store,
    policies: &Policies,
    caller: &Caller,
    action: Action,
    context: Context<'_>,
) -> Result<(Option<Bucket>, Permit)> {
    check_active(caller)?;
    let target = &context.head().target;
    let name = match (action, &target.bucket) {
        (Action::ListAllMyBuckets | Action::CreateBucket, _) => {
            caller.account()?;
            check_without_bucket(policies, caller, action, context)?;
            return Ok((None, Permit::without_bucket(caller)));
        }
        (Action::TokenService, _) => {
            caller.account()?;
            return Ok((None, Permit::without_bucket(caller)));
        }
        (action, None) if action.is_open() => return Ok((None, Permit::without_bucket(caller))),
        (_, Some(name)) => name,
        (_, None) => return Err(Code::InvalidRequest.into()),
    };
    let found = find(store, name).await?;
    let (bucket, beside) = found.ok_or_else(|| Code::NoSuchBucket.on(target.resource()))?;
    if !action.is_open() {
        check_expected_owner(context, "expected-bucket-owner", &bucket)?;
    }
    let judge = Judge::new(policies, caller, context, &bucket, &beside);
    let permit = judge.permit(action, target.key.as_ref())?;
    Ok((Some(bucket), permit))
}

/// A bucket, and what beside its record decides who may. Where there is any of that, all is read from one state: the policy
/// of one moment under the block of another may allow what neither ever did.
async fn find(store: &Store, name: &BucketName) -> meta::Result<Option<(Bucket, Beside)>> {
    match store.read(|tx| tx.bucket(name)).await? {
        Some(bucket) if Beside::is_there(&bucket) => {}
        found => return Ok(found.map(|bucket| (bucket, Beside::default()))),
    }
    let read = |tx: &mut Tx<'_>| {
        let Some(bucket) = tx.bucket(name)? else { return Ok(None) };
        let beside = Beside::read(tx, &bucket)?;
        Ok(Some((bucket, beside)))
    };
    store.read_frozen(read).await
}

/// Whether something the request names beside its own target may be used: a copy's source, with the version named
/// there. For many keys of one bucket, read one [`Judge`] and ask it about each. What is about an object that is there asks
/// the permit about it, too: [`Permit::check_object`].
pub fn may(
    tx: &mut Tx<'_>,
    policies: &Policies,
    caller: &Caller,
    context: Context<'_>,
    action: Action,
    bucket: &Bucket,
    key: &ObjectKey,
) -> Result<Permit> {
    Judge::read(tx, policies, caller, context, bucket)?.permit(action, Some(key))
}

/// What only the policy of a narrowed key may forbid.
fn check_without_bucket(policies: &Policies, caller: &Caller, action: Action, context: Context<'_>) -> Result<()> {
    let Some(narrowing) = caller.narrowing() else { return Ok(()) };
    let bucket = context.head().target.bucket.as_ref().map_or("", |bucket| bucket.as_str());
    let owner = if action == Action::CreateBucket { caller.id() } else { None };
    let policy = policies.of_key(narrowing);
    let allows = |action| {
        let question = Question { caller, action, bucket, owner, key: None, context: &context };
        policy.decide(&question) == Verdict::Allow
    };
    // What a new bucket brings along is as good as set afterwards (S3 reference, `CreateBucket`).
    let company = if action == Action::CreateBucket { company_of_bucket(context.head()) } else { Vec::new() };
    let is_allowed = allows(action) && company.into_iter().all(allows);
    if is_allowed { Ok(()) } else { Err(Code::AccessDenied.on(context.head().target.resource())) }
}

/// The permissions beside `CreateBucket` that the headers of a new bucket ask for.
fn company_of_bucket(head: &Head) -> Vec<Action> {
    let has_list = acl::is_given(head) && head.own("acl").is_none_or(|name| name.trim() != "private");
    let has_lock = head.own("bucket-object-lock-enabled").is_some_and(|flag| !flag.eq_ignore_ascii_case("false"));
    let company = [
        (has_list, Action::PutBucketAcl),
        (head.has_own("object-ownership"), Action::PutBucketOwnershipControls),
        (has_lock, Action::PutBucketObjectLockConfiguration),
        (has_lock, Action::PutBucketVersioning),
    ];
    company.into_iter().filter_map(|(is_asked, action)| is_asked.then_some(action)).collect()
}

//! May they? [`admit`] is asked once per request, before the operation runs, and hands on the bucket record it read.

use std::sync::Arc;

use crate::error::{Code, Result};
use crate::meta::{Account, AccountStatus, Bucket, Store};
use crate::wire::address::Target;

/// What an operation does, by the documented name of its permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Anyone may: the SDKs' protocol probe.
    Probe,
    /// Anyone may, and no signature is looked at: a browser's question before a request of another origin.
    Preflight,
    /// `ListAllMyBuckets`.
    ListAllMyBuckets,
    /// `CreateBucket`.
    CreateBucket,
    /// `HeadBucket`.
    HeadBucket,
    /// `DeleteBucket`.
    DeleteBucket,
    /// `GetBucketLocation`.
    GetBucketLocation,
    /// `GetBucketQuota`: the owner account's alone; no policy can hand it out.
    GetBucketQuota,
    /// `PutBucketQuota`: likewise.
    PutBucketQuota,
    /// `GetBucketStorage`.
    GetBucketStorage,
    /// `GetBucketVersioning`.
    GetBucketVersioning,
    /// `PutBucketVersioning`.
    PutBucketVersioning,
    /// `GetBucketStoragePolicy`.
    GetBucketStoragePolicy,
    /// `PutBucketStoragePolicy`.
    PutBucketStoragePolicy,
    /// `GetBucketTagging`.
    GetBucketTagging,
    /// `PutBucketTagging`.
    PutBucketTagging,
    /// `DeleteBucketTagging`.
    DeleteBucketTagging,
    /// `GetBucketCORS`.
    GetBucketCors,
    /// `PutBucketCORS`, for removal too.
    PutBucketCors,
    /// `GetBucketRequestPayment`.
    GetBucketRequestPayment,
    /// `PutBucketRequestPayment`.
    PutBucketRequestPayment,
    /// `ListBucket`.
    ListBucket,
    /// `GetObject`.
    GetObject,
    /// `PutObject`.
    PutObject,
    /// `DeleteObject`.
    DeleteObject,
}

impl Action {
    /// Whether a signature is not even looked at: browsers send preflights for signed URLs before the URL itself.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        self == Self::Preflight
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// No signature.
    Anonymous,
    /// A verified signature of this account.
    Account(Arc<Account>),
}

impl Caller {
    /// The account, where there is one; nobody gets 403 `AccessDenied`.
    pub fn account(&self) -> Result<&Arc<Account>> {
        match self {
            Self::Account(account) => Ok(account),
            Self::Anonymous => Err(Code::AccessDenied.into()),
        }
    }
}

/// Refuses accounts that may not act: frozen and deregistered ones.
pub fn check_active(caller: &Caller) -> Result<()> {
    match caller {
        Caller::Anonymous => Ok(()),
        Caller::Account(account) => match account.status {
            AccountStatus::Active => Ok(()),
            AccountStatus::Frozen => Err(Code::InArrearOrInsufficientBalance.into()),
            AccountStatus::Deregistered => Err(Code::DeregisterUserId.into()),
        },
    }
}

/// Whether the caller is the account that the bucket belongs to.
#[must_use]
pub fn is_owner(caller: &Caller, bucket: &Bucket) -> bool {
    caller.account().is_ok_and(|account| account.id == bucket.owner)
}

/// Says yes, with the record of the bucket the request names, or why not: 404 `NoSuchBucket` for everyone where
/// there is no bucket, 403 `AccessDenied` for everyone but its owner where there is one.
pub async fn admit(store: &Store, caller: &Caller, action: Action, target: &Target) -> Result<Option<Bucket>> {
    check_active(caller)?;
    let name = match (action, &target.bucket) {
        (Action::ListAllMyBuckets | Action::CreateBucket, _) => return caller.account().map(|_| None),
        (Action::Probe, None) => return Ok(None),
        (_, Some(name)) => name,
        (_, None) => return Err(Code::InvalidRequest.into()),
    };
    let bucket = store.read(|tx| tx.bucket(name)).await?;
    let bucket = bucket.ok_or_else(|| Code::NoSuchBucket.on(target.resource()))?;
    if matches!(action, Action::Probe | Action::Preflight) || is_owner(caller, &bucket) {
        Ok(Some(bucket))
    } else {
        Err(Code::AccessDenied.on(target.resource()))
    }
}

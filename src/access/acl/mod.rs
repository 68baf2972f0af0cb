//! Access control lists as clients write them: in headers (or a form's fields) and as XML documents, in both dialects,
//! for buckets and for objects. Whether a list gives something to someone is said in `permit`.

mod document;
mod headers;

pub use document::{document, parse};
pub use headers::{Given, from_headers};

use std::collections::BTreeMap;

use super::Caller;
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::meta::{self, Bucket, Tx};
use crate::name::AccountId;
use crate::wire::xml::Element;

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bucket. Its grants may be delivered to the objects in it.
    Bucket,
    /// An object. It may refuse what its bucket delivers.
    Object,
}

/// Whose things a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners {
    /// Of the bucket or object itself; [`AccountId::NOBODY`] of what nobody signed for.
    pub owner: AccountId,
    /// Of the bucket.
    pub bucket_owner: AccountId,
}

impl Owners {
    /// Of a bucket.
    #[must_use]
    pub fn of_bucket(owner: AccountId) -> Self {
        Self { owner, bucket_owner: owner }
    }
}

/// The list of an object that `caller` puts into `bucket`, whose owner the caller will be: by the headers of the request,
/// where `find` gives the value of `x-obs-<tail>` or `x-amz-<tail>`. `None` is private. Refusals are those of
/// [`from_headers`].
///
/// What nobody signed for is the bucket owner's to do with as they like, and everyone's to read unless a header says
/// otherwise.
pub fn of_new_object<'h>(
    caller: &Caller,
    bucket: &Bucket,
    find: impl Fn(&str) -> Option<&'h str>,
) -> Result<Option<Acl>> {
    let owners = Owners { owner: caller.owner(), bucket_owner: bucket.owner };
    let given = from_headers(find, Kind::Object, owners)?;
    if owners.owner != AccountId::NOBODY {
        return Ok(given.into_acl());
    }
    let mut acl = match given {
        Given::Nothing => {
            Some(Acl { grants: vec![Grant::plain(Grantee::Everyone, Permission::Read)], takes_delivered: true })
        }
        Given::List(acl) => acl,
    }
    .unwrap_or(Acl { grants: Vec::new(), takes_delivered: true });
    // There is nobody to whom anything could be granted as its owner.
    acl.grants.retain(|grant| grant.grantee != Grantee::Account(AccountId::NOBODY));
    let keeps = Grant::plain(Grantee::Account(bucket.owner), Permission::FullControl);
    if !acl.grants.contains(&keeps) {
        acl.grants.push(keeps);
    }
    Ok(Some(acl))
}

/// The list that is to take the place of another: by headers or by a document, not both. Both are 400 `InvalidRequest`,
/// neither is `MissingRequestBodyError`.
pub fn replacement<'h>(
    find: impl Fn(&str) -> Option<&'h str>,
    document: Option<&Element>,
    kind: Kind,
    owners: Owners,
) -> Result<Option<Acl>> {
    match (from_headers(find, kind, owners)?, document) {
        (Given::List(acl), None) => Ok(acl),
        (Given::Nothing, Some(document)) => parse(document, kind, owners.owner),
        (Given::List(_), Some(_)) => {
            Err(Code::InvalidRequest.because("The access control list is either in headers or in the body."))
        }
        (Given::Nothing, None) => Err(Code::MissingRequestBody.into()),
    }
}

/// Refuses grants to accounts that are not there: 400 `InvalidArgument`.
pub fn check_grantees(tx: &mut Tx<'_>, acl: Option<&Acl>) -> Result<()> {
    for id in accounts(acl) {
        if tx.account(id)?.is_none() {
            return Err(Code::InvalidArgument.because(format!("There is no account {id}.")));
        }
    }
    Ok(())
}

/// The names of the owner and of the accounts in a list, which S3's documents show. An account that went has none.
pub fn names(tx: &mut Tx<'_>, owner: AccountId, acl: Option<&Acl>) -> meta::Result<BTreeMap<AccountId, String>> {
    let mut names = BTreeMap::new();
    for id in std::iter::once(owner).chain(accounts(acl)) {
        if !names.contains_key(&id)
            && let Some(account) = tx.account(id)?
        {
            names.insert(id, account.name);
        }
    }
    Ok(names)
}

fn accounts(acl: Option<&Acl>) -> impl Iterator<Item = AccountId> {
    let grants = acl.map_or(&[][..], |acl| &acl.grants);
    grants.iter().filter_map(|grant| match grant.grantee {
        Grantee::Account(id) => Some(id),
        Grantee::Everyone | Grantee::AuthenticatedUsers | Grantee::LogDelivery => None,
    })
}

/// The one form of a list: what says no more than that the owner has full control is no list.
fn normal(acl: Acl, owner: AccountId) -> Option<Acl> {
    let private = [Grant::plain(Grantee::Account(owner), Permission::FullControl)];
    if acl.takes_delivered && acl.grants == private { None } else { Some(acl) }
}

/// The bucket's or the group's name of an account: 32 hexadecimal digits, else 400 `InvalidArgument`.
fn parse_grantee_id(text: &str) -> Result<Grantee> {
    let id = AccountId::parse(text).map(Grantee::Account);
    id.ok_or_else(|| Code::InvalidArgument.because(format!("{text:?} is no account ID.")))
}

/// A group by its URI in S3 or its name in OBS.
fn parse_group(text: &str) -> Option<Grantee> {
    let group = [Grantee::Everyone, Grantee::AuthenticatedUsers, Grantee::LogDelivery];
    group.into_iter().find(|group| group_names(*group).is_some_and(|(name, uri)| text == name || text == uri))
}

/// What OBS and S3 call a group.
fn group_names(grantee: Grantee) -> Option<(&'static str, &'static str)> {
    match grantee {
        Grantee::Account(_) => None,
        Grantee::Everyone => Some(("Everyone", "http://acs.amazonaws.com/groups/global/AllUsers")),
        Grantee::AuthenticatedUsers => {
            Some(("AuthenticatedUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"))
        }
        Grantee::LogDelivery => Some(("LogDelivery", "http://acs.amazonaws.com/groups/s3/LogDelivery")),
    }
}

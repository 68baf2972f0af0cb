//! Access control lists as clients write them: in headers (or a form's fields) and as XML documents, in both dialects,
//! for buckets and for objects. Whether a list gives something to someone is said in `permit`.

mod document;
mod headers;
mod new_object;
mod written;

pub use document::{document, parse};
pub use headers::{Given, check_once, from_headers, is_given};
pub use new_object::NewObject;
pub use written::Written;

use std::collections::BTreeMap;

use self::headers::BUCKET_OWNER_FULL_CONTROL;
use self::written::Named;
use super::Controls;
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::{self, Tx};
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

/// What becomes of a list that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stays: lists are disabled, and the request says what is so anyway.
    Keep,
    /// It is this one from now on; `None` is private.
    To(Option<Acl>),
}

/// The list that is to take the place of another: by headers or by a document, not both. Both are 400 `InvalidRequest`,
/// neither is `MissingRequestBodyError`; what the bucket's controls do not allow is refused as [`NewObject`] says.
pub fn replace<'h>(
    tx: &mut Tx<'_>,
    controls: Controls,
    find: impl Fn(&str) -> Option<&'h str>,
    document: Option<&Element>,
    (kind, owners): (Kind, Owners),
) -> Result<Change> {
    let names_another = find("acl").is_some_and(|name| name.trim() != BUCKET_OWNER_FULL_CONTROL);
    let written = match (from_headers(find, kind, owners)?, document) {
        (Given::List(written), None) => written,
        (Given::Nothing, Some(document)) => parse(document, kind, owners.owner)?,
        (Given::List(_), Some(_)) => {
            return Err(Code::InvalidRequest.because("The access control list is either in headers or in the body."));
        }
        (Given::Nothing, None) => return Err(Code::MissingRequestBody.into()),
    };
    if controls.disable_acls() && names_another {
        return Err(Code::AccessControlListNotSupported.into());
    }
    let acl = written.resolve(tx, owners.owner)?;
    if controls.disable_acls() {
        new_object::check_disabled(acl.as_ref(), owners.bucket_owner)?;
        return Ok(Change::Keep);
    }
    controls.check_acl(acl.as_ref())?;
    Ok(Change::To(acl))
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

/// An account by its id: 32 hexadecimal digits, else 400 `InvalidArgument`.
fn parse_grantee_id(text: &str) -> Result<Named> {
    let id = AccountId::parse(text).map(Grantee::Account).map(Named::Grantee);
    id.ok_or_else(|| Code::InvalidArgument.because(format!("{text:?} is no account ID.")))
}

/// An account by its e-mail address. What cannot be one is no account's: 400 `UnresolvableGrantByEmailAddress`.
fn parse_email(text: &str) -> Result<Named> {
    if text.is_empty() || text.len() > limits::EMAIL_BYTES_MAX {
        return Err(Code::UnresolvableGrantByEmailAddress.into());
    }
    Ok(Named::Email(text.to_owned()))
}

/// A group by its URI in S3 or its name in OBS.
fn parse_group(text: &str) -> Option<Named> {
    let mut groups = [Grantee::Everyone, Grantee::AuthenticatedUsers, Grantee::LogDelivery].into_iter();
    let is_named = |group: &Grantee| group_names(*group).is_some_and(|(name, uri)| text == name || text == uri);
    groups.find(is_named).map(Named::Grantee)
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

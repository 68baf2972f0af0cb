//! Whose a new object is, and its list, by the headers it comes with and by what its bucket has lists under.

use super::headers::{BUCKET_OWNER_FULL_CONTROL, Given, from_headers};
use super::{Kind, Owners, Written};
use crate::access::{Caller, Controls};
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::meta::{Bucket, Tx};
use crate::name::AccountId;
use crate::sharing::Ownership;

/// Whose a new object will be, and the list it came with.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Whose it will be.
    pub owner: AccountId,
    bucket_owner: AccountId,
    controls: Controls,
    given: Given,
}

impl NewObject {
    /// What `caller` asks for in `bucket`, by the headers of the request: `find` gives the value of `x-obs-<tail>` or
    /// `x-amz-<tail>`. Refusals are those of [`from_headers`]; where lists are disabled, 400
    /// `AccessControlListNotSupported` for any that says more than that the bucket's owner has full control.
    pub fn parse<'h>(
        caller: &Caller,
        bucket: &Bucket,
        controls: Controls,
        find: impl Fn(&str) -> Option<&'h str>,
    ) -> Result<Self> {
        let is_handed_over = find("acl").is_some_and(|name| name.trim() == BUCKET_OWNER_FULL_CONTROL);
        let owner = match controls.ownership {
            Some(Ownership::BucketOwnerEnforced) => bucket.owner,
            Some(Ownership::BucketOwnerPreferred) if is_handed_over => bucket.owner,
            Some(Ownership::BucketOwnerPreferred | Ownership::ObjectWriter) | None => caller.owner(),
        };
        let names_another = find("acl").is_some() && !is_handed_over;
        let given = from_headers(find, Kind::Object, Owners { owner, bucket_owner: bucket.owner })?;
        if controls.disable_acls() && names_another {
            return Err(Code::AccessControlListNotSupported.into());
        }
        Ok(Self { owner, bucket_owner: bucket.owner, controls, given })
    }

    /// Whether its list is to be looked up at all.
    #[must_use]
    pub fn has_list(&self) -> bool {
        self.given != Given::Nothing || self.owner == AccountId::NOBODY
    }

    /// Its list; `None` is private. Refusals are those of [`Written::resolve`]; 403 `AccessDenied` where the bucket
    /// blocks public lists.
    ///
    /// What nobody signed for is the bucket owner's to do with as they like, and everyone's to read unless a header says
    /// otherwise or that is blocked.
    pub fn resolve(&self, tx: &mut Tx<'_>) -> Result<Option<Acl>> {
        let given = match &self.given {
            Given::Nothing => None,
            Given::List(written) => Some(resolve(written, tx, self.owner)?),
        };
        if self.controls.disable_acls() {
            check_disabled(given.flatten().as_ref(), self.bucket_owner)?;
            return Ok(None);
        }
        self.controls.check_acl(given.as_ref().and_then(Option::as_ref))?;
        if self.owner != AccountId::NOBODY {
            return Ok(given.flatten());
        }
        let everyone = Grant::plain(Grantee::Everyone, Permission::Read);
        let mut acl = match given {
            None if self.controls.block.block_public_acls => None,
            None => Some(Acl { grants: vec![everyone], takes_delivered: true }),
            Some(acl) => acl,
        }
        .unwrap_or(Acl { grants: Vec::new(), takes_delivered: true });
        // There is nobody to whom anything could be granted as its owner.
        acl.grants.retain(|grant| grant.grantee != Grantee::Account(AccountId::NOBODY));
        let keeps = Grant::plain(Grantee::Account(self.bucket_owner), Permission::FullControl);
        if !acl.grants.contains(&keeps) {
            acl.grants.push(keeps);
        }
        Ok(Some(acl))
    }
}

/// Accounts that a canned list names without being asked to are there; nobody is none.
fn resolve(written: &Written, tx: &mut Tx<'_>, owner: AccountId) -> Result<Option<Acl>> {
    if owner != AccountId::NOBODY {
        return written.resolve(tx, owner);
    }
    let mut others = written.clone();
    others.grants.retain(|grant| grant.grantee != super::written::Named::Grantee(Grantee::Account(owner)));
    others.resolve(tx, owner)
}

/// Refuses a list of something in a bucket whose lists are disabled, unless it says what is so anyway.
pub(super) fn check_disabled(acl: Option<&Acl>, bucket_owner: AccountId) -> Result<()> {
    let full = Grant::plain(Grantee::Account(bucket_owner), Permission::FullControl);
    if acl.is_none_or(|acl| acl.takes_delivered && acl.grants == [full]) {
        return Ok(());
    }
    Err(Code::AccessControlListNotSupported.into())
}

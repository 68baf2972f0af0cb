//! A list as a client wrote it: accounts may be named by their e-mail addresses, which only the store can make accounts of.

use super::{check_grantees, normal};
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::meta::Tx;
use crate::name::AccountId;

/// A list that is still to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub(super) grants: Vec<WrittenGrant>,
    pub(super) takes_delivered: bool,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenGrant {
    pub(super) grantee: Named,
    pub(super) permission: Permission,
    pub(super) delivered: bool,
}

/// To whom, as the client names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Grantee(Grantee),
    /// The account that signs in with this address, in any letter case.
    Email(String),
}

impl Written {
    /// The list of something that `owner` owns, in the one form lists have; `None` is private.
    ///
    /// 400 `UnresolvableGrantByEmailAddress` for an address that no account has, `InvalidArgument` for an account that
    /// is not there.
    pub fn resolve(&self, tx: &mut Tx<'_>, owner: AccountId) -> Result<Option<Acl>> {
        let acl = self.with(owner, |email| {
            let account = tx.account_with_email(email)?;
            account.map(|account| account.id).ok_or_else(|| Code::UnresolvableGrantByEmailAddress.into())
        })?;
        check_grantees(tx, acl.as_ref())?;
        Ok(acl)
    }

    /// The same, where `find` gives the account of an address.
    pub(super) fn with(
        &self,
        owner: AccountId,
        mut find: impl FnMut(&str) -> Result<AccountId>,
    ) -> Result<Option<Acl>> {
        let mut resolve = |grant: &WrittenGrant| {
            let grantee = match &grant.grantee {
                Named::Grantee(grantee) => *grantee,
                Named::Email(email) => Grantee::Account(find(email)?),
            };
            Ok(Grant { grantee, permission: grant.permission, delivered: grant.delivered })
        };
        let grants = self.grants.iter().map(&mut resolve).collect::<Result<_>>()?;
        Ok(normal(Acl { grants, takes_delivered: self.takes_delivered }, owner))
    }
}

impl From<Acl> for Written {
    fn from(acl: Acl) -> Self {
        let Acl { grants, takes_delivered } = acl;
        let grants = grants.into_iter().map(|Grant { grantee, permission, delivered }| WrittenGrant {
            grantee: Named::Grantee(grantee),
            permission,
            delivered,
        });
        Self { grants: grants.collect(), takes_delivered }
    }
}

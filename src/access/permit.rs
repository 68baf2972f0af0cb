//! [`Permit`]: what the access check found, for the operation to go by. It is complete but for one thing: where an
//! object's own list decides, the operation asks when it has found the object, and the spine sees to it that it did.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Caller;
use crate::acl::{Acl, Grantee, Permission};
use crate::error::{Code, Error, Result};
use crate::name::AccountId;

/// Leave to do one thing.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    pub(super) caller: Option<AccountId>,
    pub(super) bucket_owner: Option<AccountId>,
    /// What the object's list must give, where neither policy nor ownership of the bucket has.
    pub(super) wanted: Option<Permission>,
    /// What the bucket's list gives this caller on the objects in it.
    pub(super) is_delivered: bool,
    pub(super) may_list: bool,
    pub(super) is_charged: bool,
    /// Whether what is still to be asked was asked.
    pub(super) is_settled: AtomicBool,
    pub(super) resource: Option<String>,
}

impl Permit {
    /// For what has no bucket.
    pub(super) fn without_bucket(caller: &Caller) -> Self {
        Self {
            caller: caller.id(),
            bucket_owner: None,
            wanted: None,
            is_delivered: false,
            may_list: true,
            is_charged: false,
            is_settled: AtomicBool::new(true),
            resource: None,
        }
    }

    /// Whether an object of `owner` with this list may be used as the permit's action does; 403 `AccessDenied` if not.
    ///
    /// To be called for each object found, before anything of it shows: conditions, ranges and sizes included. What is
    /// not about one object's list says yes to all.
    pub fn check_object(&self, owner: AccountId, acl: Option<&Acl>) -> Result<()> {
        self.is_settled.store(true, Ordering::Relaxed);
        let Some(wanted) = self.wanted else { return Ok(()) };
        let is_own = self.is_bucket_owner() && self.bucket_owner == Some(owner);
        let takes_delivered = acl.is_none_or(|acl| acl.takes_delivered);
        if is_own || (self.is_delivered && takes_delivered) || grants(acl, owner, self.caller, wanted) {
            return Ok(());
        }
        Err(self.denied())
    }

    /// Whether the caller is the account the bucket belongs to.
    #[must_use]
    pub fn is_bucket_owner(&self) -> bool {
        self.caller.is_some() && self.caller == self.bucket_owner
    }

    /// Whether the caller may learn which keys there are: whoever may list the bucket.
    #[must_use]
    pub fn may_list(&self) -> bool {
        self.may_list
    }

    /// Whether the requester pays, as they said they would.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.is_charged
    }

    /// What the caller is told: that there is no such key or version, or but a delete marker, only if they may list the
    /// bucket, else 403 `AccessDenied`; and nothing of an object whose list was not asked. The spine calls it with every outcome.
    pub fn settle<T>(&self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Ok(_) if !self.is_settled.load(Ordering::Relaxed) => {
                Err(Error::internal("an operation has not asked whether the object's list allows it"))
            }
            Err(error) if !self.may_list && tells_of_keys(error.code()) => Err(self.denied()),
            other => other,
        }
    }

    fn denied(&self) -> Error {
        denied(self.resource.clone())
    }
}

fn tells_of_keys(code: Code) -> bool {
    matches!(code, Code::NoSuchKey | Code::NoSuchVersion | Code::MethodNotAllowed)
}

/// 403 about `resource`, or about what the request is about.
pub(super) fn denied(resource: Option<String>) -> Error {
    match resource {
        Some(resource) => Code::AccessDenied.on(resource),
        None => Code::AccessDenied.into(),
    }
}

/// Whether a list gives `caller` what is wanted. Without a list its owner has everything; with one its owner still may
/// read and write the list itself.
pub(super) fn grants(acl: Option<&Acl>, owner: AccountId, caller: Option<AccountId>, wanted: Permission) -> bool {
    let is_owner = caller == Some(owner);
    let Some(acl) = acl else { return is_owner };
    let is_about_list = matches!(wanted, Permission::ReadAcp | Permission::WriteAcp);
    (is_owner && is_about_list)
        || acl.grants.iter().any(|grant| is_grantee(grant.grantee, caller) && grant.permission.covers(wanted))
}

/// Whether a bucket's list gives `caller` what is wanted on the objects in it.
pub(super) fn delivers(acl: Option<&Acl>, caller: Option<AccountId>, wanted: Permission) -> bool {
    let Some(acl) = acl else { return false };
    let mut delivered = acl.grants.iter().filter(|grant| grant.delivered);
    delivered.any(|grant| is_grantee(grant.grantee, caller) && grant.permission.covers(wanted))
}

fn is_grantee(grantee: Grantee, caller: Option<AccountId>) -> bool {
    match grantee {
        Grantee::Account(id) => caller == Some(id),
        Grantee::Everyone => true,
        Grantee::AuthenticatedUsers => caller.is_some(),
        Grantee::LogDelivery => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::Grant;

    const ALICE: AccountId = AccountId(10);
    const BOB: AccountId = AccountId(11);

    /// A permit in a bucket of alice's that leaves it to the object's list.
    fn permit(caller: Option<AccountId>, wanted: Permission, is_delivered: bool) -> Permit {
        Permit {
            caller,
            bucket_owner: Some(ALICE),
            wanted: Some(wanted),
            is_delivered,
            may_list: false,
            is_charged: false,
            is_settled: AtomicBool::new(false),
            resource: None,
        }
    }

    fn list(grants: &[(Grantee, Permission)], takes_delivered: bool) -> Acl {
        let grants = grants.iter().map(|(grantee, permission)| Grant::plain(*grantee, *permission)).collect();
        Acl { grants, takes_delivered }
    }

    /// Who of alice, bob, carol and nobody may, with an object of `owner`'s.
    fn check(owner: AccountId, acl: Option<&Acl>, wanted: Permission, is_delivered: bool, expected: [bool; 4]) {
        let callers = [Some(ALICE), Some(BOB), Some(AccountId(12)), None];
        let may = |caller| permit(caller, wanted, is_delivered).check_object(owner, acl).is_ok();
        assert_eq!(callers.map(may), expected, "{owner:?} {acl:?} {wanted:?} {is_delivered}");
    }

    #[test]
    fn the_bucket_owners_own_objects_are_theirs() {
        use Permission::{Read, ReadAcp, WriteAcp};
        for wanted in [Read, ReadAcp, WriteAcp] {
            check(ALICE, None, wanted, false, [true, false, false, false]);
            check(ALICE, Some(&list(&[], true)), wanted, false, [true, false, false, false]);
        }
        let public = list(&[(Grantee::Everyone, Read)], true);
        check(ALICE, Some(&public), Read, false, [true; 4]);
        check(ALICE, Some(&public), ReadAcp, false, [true, false, false, false]);
        let signed = list(&[(Grantee::AuthenticatedUsers, Permission::FullControl)], true);
        check(ALICE, Some(&signed), WriteAcp, false, [true, true, true, false]);
        check(ALICE, Some(&list(&[(Grantee::LogDelivery, Read)], true)), Read, false, [true, false, false, false]);
    }

    #[test]
    fn others_objects_are_theirs() {
        use Permission::{FullControl, Read, ReadAcp, WriteAcp};
        for wanted in [Read, ReadAcp, WriteAcp] {
            check(BOB, None, wanted, false, [false, true, false, false]);
        }
        // Their owner may have taken from themselves what they want, but for the list.
        let given = list(&[(Grantee::Account(ALICE), FullControl)], true);
        check(BOB, Some(&given), Read, false, [true, false, false, false]);
        check(BOB, Some(&given), WriteAcp, false, [true, true, false, false]);
    }

    #[test]
    fn what_is_nobodys_is_for_whom_its_list_names() {
        let given =
            list(&[(Grantee::Everyone, Permission::Read), (Grantee::Account(ALICE), Permission::FullControl)], true);
        let may = |caller, wanted| permit(caller, wanted, false).check_object(AccountId::NOBODY, Some(&given)).is_ok();
        assert!(may(None, Permission::Read) && may(Some(ALICE), Permission::WriteAcp));
        assert!(!may(None, Permission::WriteAcp) && !may(Some(BOB), Permission::ReadAcp));
        assert!(permit(None, Permission::Read, false).check_object(AccountId::NOBODY, None).is_err());
        assert!(permit(Some(ALICE), Permission::Read, false).check_object(AccountId::NOBODY, None).is_err());
    }

    #[test]
    fn what_the_bucket_delivers_holds_unless_the_object_does_not_take_it() {
        check(BOB, None, Permission::Read, true, [true; 4]);
        check(ALICE, Some(&list(&[], true)), Permission::Read, true, [true; 4]);
        check(ALICE, Some(&list(&[], false)), Permission::Read, true, [true, false, false, false]);
    }

    #[test]
    fn nothing_leaves_that_was_not_asked_about() {
        let permit = permit(Some(BOB), Permission::Read, false);
        let code = |outcome: Result<()>| outcome.map_err(|error| error.code());
        assert_eq!(code(permit.settle(Ok(()))), Err(Code::InternalError));
        assert_eq!(code(permit.settle(Err(Code::NoSuchKey.into()))), Err(Code::AccessDenied));
        assert_eq!(code(permit.settle(Err(Code::NoSuchVersion.into()))), Err(Code::AccessDenied));
        assert_eq!(code(permit.settle(Err(Code::MethodNotAllowed.into()))), Err(Code::AccessDenied));
        assert_eq!(code(permit.settle(Err(Code::InvalidRange.into()))), Err(Code::InvalidRange));
        assert!(permit.check_object(BOB, None).is_ok());
        assert_eq!(code(permit.settle(Ok(()))), Ok(()));
        let lister = Permit { may_list: true, ..permit };
        assert_eq!(code(lister.settle(Err(Code::NoSuchKey.into()))), Err(Code::NoSuchKey));
    }
}

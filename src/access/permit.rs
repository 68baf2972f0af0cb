//! [`Permit`]: what the access check found, for the operation to go by. It is complete but for two things: where an
//! object's own list or its tags decide, the operation asks when it has found the object, and the spine sees to it that it
//! did.

use std::sync::atomic::{AtomicBool, Ordering};

use super::controls::{Controls, is_public_grant};
use super::policy::{Late, Opinion, Verdict};
use super::{Action, Caller, Lists};
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::meta::Object;
use crate::name::AccountId;
use crate::object_lock::Lock;

/// Leave to do one thing.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    pub(super) caller: Option<AccountId>,
    pub(super) bucket_owner: Option<AccountId>,
    pub(super) controls: Controls,
    /// What the object's list must give, where neither policy nor ownership of the bucket has.
    pub(super) wanted: Option<Permission>,
    /// What the policies say, where that depends on what is still to be read.
    pub(super) waiting: Option<Box<Waiting>>,
    /// What the bucket's list gives this caller on the objects in it.
    pub(super) is_delivered: bool,
    pub(super) may_list: bool,
    pub(super) is_charged: bool,
    /// Whether what is still to be asked was asked.
    pub(super) is_settled: AtomicBool,
    pub(super) resource: Option<String>,
}

/// What decides about an object that was found.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'o> {
    /// Whose it is.
    pub owner: AccountId,
    /// Its list.
    pub acl: Option<&'o Acl>,
    /// Its tags.
    pub tags: &'o [(String, String)],
}

impl<'o> From<&'o Object> for Facts<'o> {
    fn from(object: &'o Object) -> Self {
        Self { owner: object.owner, acl: object.acl(), tags: object.tags() }
    }
}

/// What is left to be asked about the object.
#[derive(Debug)]
pub(super) enum Left {
    /// It is refused.
    Refused,
    /// Nothing.
    Nothing,
    /// Whether its list gives this.
    List(Permission),
    /// What its tags are, or what the request's document says, for the policies to say anything.
    Late(Box<Waiting>),
}

/// What the policies say of one action, perhaps not knowing all yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) action: Action,
    pub(super) is_owner: bool,
    pub(super) narrowing: Option<Opinion>,
    pub(super) policy: Option<Opinion>,
    /// The tags that the object is to have.
    pub(super) requested: Vec<(String, String)>,
    /// How it is to be protected.
    pub(super) lock: Lock,
    pub(super) now: UnixMillis,
}

impl Waiting {
    /// What is left before the rest is known: refused only where that could not change it.
    pub(super) fn settle_early(self, grants: impl Fn(Permission) -> bool) -> Left {
        let early = |heard: &Option<Opinion>, default| match heard {
            None => (default, true),
            Some(opinion) => (opinion.best(), opinion.verdict().is_some()),
        };
        let (narrowing, is_narrowing_sure) = early(&self.narrowing, Verdict::Allow);
        let (policy, is_policy_sure) = early(&self.policy, Verdict::Silent);
        match self.left(narrowing, policy, grants) {
            Left::Refused => Left::Refused,
            left if is_narrowing_sure && is_policy_sure => left,
            _ => Left::Late(Box::new(self)),
        }
    }

    fn settle(&self, existing: &[(String, String)]) -> Left {
        let (narrowing, policy) = self.verdicts(existing);
        // What is settled late is never the bucket's list's to give.
        self.left(narrowing, policy, |_| false)
    }

    /// What the narrowing of the key and the policy of the bucket say.
    pub(super) fn verdicts(&self, existing: &[(String, String)]) -> (Verdict, Verdict) {
        let late = Late { existing, requested: &self.requested, lock: self.lock, now: self.now };
        let settle = |heard: &Option<Opinion>, default| heard.as_ref().map_or(default, |opinion| opinion.settle(&late));
        (settle(&self.narrowing, Verdict::Allow), settle(&self.policy, Verdict::Silent))
    }

    fn left(&self, narrowing: Verdict, policy: Verdict, grants: impl Fn(Permission) -> bool) -> Left {
        let action = self.action;
        if narrowing != Verdict::Allow {
            return Left::Refused;
        }
        let policy = match policy {
            Verdict::Deny if self.is_owner && action.is_never_denied_to_owner() => Verdict::Silent,
            Verdict::Allow if action.is_owners_alone() => Verdict::Silent,
            other => other,
        };
        match (policy, action.lists()) {
            (Verdict::Allow, _) => Left::Nothing,
            (Verdict::Silent, Lists::Object(wanted)) => Left::List(wanted),
            (Verdict::Silent, _) if self.is_owner => Left::Nothing,
            (Verdict::Silent, Lists::Bucket(wanted)) if grants(wanted) => Left::Nothing,
            (Verdict::Silent | Verdict::Deny, _) => Left::Refused,
        }
    }
}

impl Permit {
    /// For what has no bucket.
    pub(super) fn without_bucket(caller: &Caller) -> Self {
        Self {
            caller: caller.id(),
            bucket_owner: None,
            controls: Controls::default(),
            wanted: None,
            waiting: None,
            is_delivered: false,
            may_list: true,
            is_charged: false,
            is_settled: AtomicBool::new(true),
            resource: None,
        }
    }

    /// Whether an object may be used as the permit's action does; 403 `AccessDenied` if not.
    ///
    /// To be called for each object found, before anything of it shows: conditions, ranges and sizes included. What is
    /// not about one object's list or tags says yes to all.
    pub fn check_object<'o>(&self, object: impl Into<Facts<'o>>) -> Result<()> {
        self.is_settled.store(true, Ordering::Relaxed);
        let object = object.into();
        let settled = self.waiting.as_ref().map(|waiting| waiting.settle(object.tags));
        let wanted = match settled {
            None => self.wanted,
            Some(Left::Nothing) => None,
            Some(Left::List(wanted)) => Some(wanted),
            Some(Left::Refused | Left::Late(_)) => return Err(self.denied()),
        };
        let Some(wanted) = wanted else { return Ok(()) };
        let (owner, acl) = self.effective(object.owner, object.acl);
        let is_own = self.is_bucket_owner() && self.bucket_owner == Some(owner);
        let takes_delivered = acl.is_none_or(|acl| acl.takes_delivered);
        let is_delivered = self.is_delivered && takes_delivered;
        if is_own || is_delivered || grants(acl, owner, self.caller, wanted, self.controls) {
            return Ok(());
        }
        Err(self.denied())
    }

    /// Says which tags the request brings in its body, before the object is looked for.
    pub fn will_tag(&mut self, requested: &[(String, String)]) {
        if let Some(waiting) = &mut self.waiting {
            waiting.requested = requested.to_vec();
        }
    }

    /// Says which protection the request brings in its body, before the object is looked for.
    pub fn will_protect(&mut self, lock: Lock) {
        if let Some(waiting) = &mut self.waiting {
            waiting.lock = lock;
        }
    }

    /// What the bucket has its lists and policies under.
    #[must_use]
    pub fn controls(&self) -> Controls {
        self.controls
    }

    /// Whose something of `owner`'s in the bucket is, and its list, as far as they count there.
    #[must_use]
    pub fn effective<'a>(&self, owner: AccountId, acl: Option<&'a Acl>) -> (AccountId, Option<&'a Acl>) {
        match self.bucket_owner {
            Some(bucket_owner) => self.controls.effective(bucket_owner, owner, acl),
            None => (owner, acl),
        }
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
/// read and write the list itself. Public grants do not count where they are ignored.
pub(super) fn grants(
    acl: Option<&Acl>,
    owner: AccountId,
    caller: Option<AccountId>,
    wanted: Permission,
    controls: Controls,
) -> bool {
    let is_owner = caller == Some(owner);
    let Some(acl) = acl else { return is_owner };
    let is_about_list = matches!(wanted, Permission::ReadAcp | Permission::WriteAcp);
    (is_owner && is_about_list) || acl.grants.iter().any(|grant| gives(grant, caller, wanted, controls))
}

/// Whether a bucket's list gives `caller` what is wanted on the objects in it.
pub(super) fn delivers(acl: Option<&Acl>, caller: Option<AccountId>, wanted: Permission, controls: Controls) -> bool {
    let Some(acl) = acl else { return false };
    acl.grants.iter().any(|grant| grant.delivered && gives(grant, caller, wanted, controls))
}

fn gives(grant: &Grant, caller: Option<AccountId>, wanted: Permission, controls: Controls) -> bool {
    let counts = !(controls.block.ignore_public_acls && is_public_grant(grant));
    counts && is_grantee(grant.grantee, caller) && grant.permission.covers(wanted)
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
    use crate::sharing::{Ownership, PublicAccessBlock};

    const ALICE: AccountId = AccountId(10);
    const BOB: AccountId = AccountId(11);

    /// A permit in a bucket of alice's that leaves it to the object's list.
    fn permit(caller: Option<AccountId>, wanted: Permission, is_delivered: bool) -> Permit {
        Permit {
            caller,
            bucket_owner: Some(ALICE),
            controls: Controls::default(),
            wanted: Some(wanted),
            waiting: None,
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

    fn facts(owner: AccountId, acl: Option<&Acl>) -> Facts<'_> {
        Facts { owner, acl, tags: &[] }
    }

    /// Who of alice, bob, carol and nobody may, with an object of `owner`'s.
    fn check(owner: AccountId, acl: Option<&Acl>, wanted: Permission, is_delivered: bool, expected: [bool; 4]) {
        let callers = [Some(ALICE), Some(BOB), Some(AccountId(12)), None];
        let may = |caller| permit(caller, wanted, is_delivered).check_object(facts(owner, acl)).is_ok();
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
        let may =
            |caller, wanted| permit(caller, wanted, false).check_object(facts(AccountId::NOBODY, Some(&given))).is_ok();
        assert!(may(None, Permission::Read) && may(Some(ALICE), Permission::WriteAcp));
        assert!(!may(None, Permission::WriteAcp) && !may(Some(BOB), Permission::ReadAcp));
        assert!(permit(None, Permission::Read, false).check_object(facts(AccountId::NOBODY, None)).is_err());
        assert!(permit(Some(ALICE), Permission::Read, false).check_object(facts(AccountId::NOBODY, None)).is_err());
    }

    #[test]
    fn what_the_bucket_delivers_holds_unless_the_object_does_not_take_it() {
        check(BOB, None, Permission::Read, true, [true; 4]);
        check(ALICE, Some(&list(&[], true)), Permission::Read, true, [true; 4]);
        check(ALICE, Some(&list(&[], false)), Permission::Read, true, [true, false, false, false]);
    }

    fn check_under(controls: Controls, owner: AccountId, acl: Option<&Acl>, expected: [bool; 4]) {
        let callers = [Some(ALICE), Some(BOB), Some(AccountId(12)), None];
        let may = |caller| {
            let permit = Permit { controls, ..permit(caller, Permission::Read, false) };
            permit.check_object(facts(owner, acl)).is_ok()
        };
        assert_eq!(callers.map(may), expected, "{owner:?} {acl:?} {controls:?}");
    }

    #[test]
    fn where_lists_are_disabled_all_objects_are_the_bucket_owners() {
        let given = list(&[(Grantee::Everyone, Permission::Read), (Grantee::Account(BOB), Permission::Read)], true);
        let controls = |ownership| Controls { ownership: Some(ownership), ..Controls::default() };
        for owner in [ALICE, BOB, AccountId::NOBODY] {
            for acl in [None, Some(&given)] {
                check_under(controls(Ownership::BucketOwnerEnforced), owner, acl, [true, false, false, false]);
            }
        }
        for other in [Ownership::ObjectWriter, Ownership::BucketOwnerPreferred] {
            check_under(controls(other), BOB, None, [false, true, false, false]);
            check_under(controls(other), BOB, Some(&given), [true; 4]);
        }
    }

    #[test]
    fn public_grants_do_not_count_where_they_are_ignored() {
        let ignored = PublicAccessBlock { ignore_public_acls: true, ..PublicAccessBlock::default() };
        let controls = Controls { block: ignored, ..Controls::default() };
        for public in [Grantee::Everyone, Grantee::AuthenticatedUsers] {
            let given = list(&[(public, Permission::Read), (Grantee::Account(BOB), Permission::Read)], true);
            check_under(controls, ALICE, Some(&given), [true, true, false, false]);
            check_under(controls, AccountId(12), Some(&given), [false, true, false, false]);
        }
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
        assert!(permit.check_object(facts(BOB, None)).is_ok());
        assert_eq!(code(permit.settle(Ok(()))), Ok(()));
        let lister = Permit { may_list: true, ..permit };
        assert_eq!(code(lister.settle(Err(Code::NoSuchKey.into()))), Err(Code::NoSuchKey));
    }
}

//! [`Judge`]: everything that decides about one caller and one bucket, read once, asked as often as need be.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::policy::{Policies, Policy, Question, Verdict};
use super::{Action, Caller, Context, Lists, Permit, is_owner, permit};
use crate::error::{Code, Error, Result};
use crate::meta::{self, Bucket, Setting, Tx};
use crate::name::ObjectKey;

/// What decides about one caller and one bucket.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    caller: &'a Caller,
    context: Context<'a>,
    bucket: &'a Bucket,
    policy: Option<Arc<Policy>>,
    narrowing: Option<Arc<Policy>>,
}

impl<'a> Judge<'a> {
    /// Reads the policy of `bucket`; without one, nothing is read.
    pub fn read(
        tx: &mut Tx<'_>,
        policies: &Policies,
        caller: &'a Caller,
        context: Context<'a>,
        bucket: &'a Bucket,
    ) -> meta::Result<Self> {
        let text = tx.setting(bucket, Setting::Policy)?;
        Ok(Self::new(policies, caller, context, bucket, text.as_deref()))
    }

    pub(super) fn new(
        policies: &Policies,
        caller: &'a Caller,
        context: Context<'a>,
        bucket: &'a Bucket,
        text: Option<&[u8]>,
    ) -> Self {
        let policy = text.map(|text| policies.of_bucket(&bucket.name, text));
        let narrowing = caller.narrowing().map(|text| policies.of_key(text));
        Self { caller, context, bucket, policy, narrowing }
    }

    /// The same judge for something else the request names: see [`Context::aside`].
    #[must_use]
    pub fn aside(&self, version: Option<&'a str>) -> Self {
        Self { context: self.context.aside(version), ..self.clone() }
    }

    /// Leave to do `action` with the bucket or with `key` in it, or 403: `RequestPayerDenied` where the caller has to
    /// pay and did not say so, else `AccessDenied`. Where the request names a version, `action` is the one of versions.
    pub fn permit(&self, action: Action, key: Option<&ObjectKey>) -> Result<Permit> {
        let action = if self.context.version().is_some() { action.of_version() } else { action };
        let tells_keys_apart = self.policy.is_some() || self.narrowing.is_some();
        let (action, is_asked_later) = match action {
            Action::DeleteObjects => (Action::DeleteObject, tells_keys_apart),
            other => (other, false),
        };
        let is_owner = is_owner(self.caller, self.bucket);
        let is_charged = !is_owner && self.bucket.requester_pays && !action.is_open();
        let key = key.map(ObjectKey::as_str);
        if !action.is_open() {
            if is_charged {
                self.check_payer()?;
            }
            if !is_asked_later {
                self.check_narrowing(action, key)?;
            }
        }
        let by_policy = match self.ask_policy(action, key) {
            Verdict::Deny if is_owner && action.is_never_denied_to_owner() => Verdict::Silent,
            Verdict::Allow if action.is_owners_alone() => Verdict::Silent,
            other => other,
        };
        let (caller, acl) = (self.caller.id(), self.bucket.acl.as_deref());
        let wanted = match (by_policy, action.lists()) {
            _ if action.is_open() || is_asked_later => None,
            (Verdict::Allow, _) => None,
            (Verdict::Silent, Lists::Object(wanted)) => Some(wanted),
            (Verdict::Silent, _) if is_owner => None,
            (Verdict::Silent, Lists::Bucket(wanted)) if permit::grants(acl, self.bucket.owner, caller, wanted) => None,
            (Verdict::Silent | Verdict::Deny, _) => return Err(self.denied(key)),
        };
        Ok(Permit {
            caller,
            bucket_owner: Some(self.bucket.owner),
            wanted,
            is_delivered: wanted.is_some_and(|wanted| permit::delivers(acl, caller, wanted)),
            may_list: key.is_none_or(|key| self.may_list(key, is_owner)),
            is_charged,
            is_settled: AtomicBool::new(!matches!(action.lists(), Lists::Object(_))),
            resource: self.context.resource(&self.bucket.name, key),
        })
    }

    /// Whether the caller may list the bucket as far as `key` shows in it, whatever the request is about.
    fn may_list(&self, key: &str, is_owner: bool) -> bool {
        if is_owner && self.policy.is_none() && self.narrowing.is_none() {
            return true;
        }
        let aside = Judge { context: self.context.listing(key), ..self.clone() };
        if aside.check_narrowing(Action::ListBucket, None).is_err() {
            return false;
        }
        let acl = self.bucket.acl.as_deref();
        match aside.ask_policy(Action::ListBucket, None) {
            Verdict::Deny => false,
            Verdict::Allow => true,
            Verdict::Silent => {
                is_owner || permit::grants(acl, self.bucket.owner, self.caller.id(), crate::acl::Permission::Read)
            }
        }
    }

    fn check_payer(&self) -> Result<()> {
        let said = self.context.head().own("request-payer");
        if self.caller.id().is_some() && said.is_some_and(|said| said.eq_ignore_ascii_case("requester")) {
            return Ok(());
        }
        Err(Code::RequestPayerDenied.into())
    }

    fn check_narrowing(&self, action: Action, key: Option<&str>) -> Result<()> {
        let Some(narrowing) = &self.narrowing else { return Ok(()) };
        match narrowing.decide(&self.question(action, key)) {
            Verdict::Allow => Ok(()),
            Verdict::Deny | Verdict::Silent => Err(self.denied(key)),
        }
    }

    fn ask_policy(&self, action: Action, key: Option<&str>) -> Verdict {
        self.policy.as_ref().map_or(Verdict::Silent, |policy| policy.decide(&self.question(action, key)))
    }

    fn question<'q>(&'q self, action: Action, key: Option<&'q str>) -> Question<'q> {
        Question { caller: self.caller, action, bucket: self.bucket.name.as_str(), key, context: &self.context }
    }

    fn denied(&self, key: Option<&str>) -> Error {
        permit::denied(self.context.resource(&self.bucket.name, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::testing::{self, NOW, caller, head, peer};
    use crate::acl::{Acl, Grant, Grantee, Permission};
    use crate::name::AccountId;

    const ALICE: u128 = 10;
    const BOB: u128 = 11;

    fn callers() -> [Caller; 3] {
        [caller(ALICE, "alice"), caller(BOB, "bob"), Caller::Anonymous]
    }

    fn list(grantee: Grantee, permission: Permission, delivered: bool) -> Acl {
        Acl { grants: vec![Grant { grantee, permission, delivered }], takes_delivered: true }
    }

    /// Whether alice, bob and nobody are refused (`-`), have leave (`+`), or leave that is up to the object (`?`).
    fn ask(bucket: &Bucket, policy: Option<&str>, action: Action) -> String {
        let is_object = action.level() == crate::access::Level::Object;
        let head = head(if is_object { "GET /photos/k" } else { "GET /photos" });
        let one = |caller: &Caller| {
            let context = Context::new(&head, peer(""), NOW);
            let judge = Judge::new(&Policies::default(), caller, context, bucket, policy.map(str::as_bytes));
            match judge.permit(action, head.target.key.as_ref()) {
                Ok(permit) if permit.wanted.is_some() => '?',
                Ok(_) => '+',
                Err(error) => {
                    assert_eq!(error.code(), Code::AccessDenied);
                    '-'
                }
            }
        };
        callers().iter().map(one).collect()
    }

    fn policy(effect: &str, principal: &str, action: &str) -> String {
        format!(
            "{{\"Statement\":{{\"Effect\":\"{effect}\",\"Principal\":{principal},\"Action\":\"{action}\",\
             \"Resource\":[\"photos\",\"photos/*\"]}}}}"
        )
    }

    #[tokio::test]
    async fn without_policy_and_list_all_is_the_owners() {
        let bucket = testing::bucket(ALICE).await;
        for action in Action::ALL {
            let expected = if matches!(action.lists(), Lists::Object(_)) { "???" } else { "+--" };
            assert_eq!(ask(&bucket, None, *action), expected, "{action:?}");
        }
        assert_eq!(ask(&bucket, None, Action::Probe), "+++");
        assert_eq!(ask(&bucket, None, Action::Preflight), "+++");
    }

    #[tokio::test]
    async fn lists_give_what_the_reference_says() {
        let mut bucket = testing::bucket(ALICE).await;
        let mut check = |grantee, permission, given: &[Action], expected: &str| {
            bucket.acl = Some(Box::new(list(grantee, permission, false)));
            for action in Action::ALL.iter().filter(|action| !matches!(action.lists(), Lists::Object(_))) {
                let expected = if given.contains(action) { expected } else { "+--" };
                assert_eq!(ask(&bucket, None, *action), expected, "{permission:?} {action:?}");
            }
        };
        let read =
            [Action::HeadBucket, Action::ListBucket, Action::ListBucketVersions, Action::ListBucketMultipartUploads];
        let write = [
            Action::PutObject,
            Action::DeleteObject,
            Action::DeleteObjectVersion,
            Action::ListMultipartUploadParts,
            Action::AbortMultipartUpload,
        ];
        let acp = [Action::GetBucketAcl, Action::PutBucketAcl];
        check(Grantee::Everyone, Permission::Read, &read, "+++");
        check(Grantee::AuthenticatedUsers, Permission::Read, &read, "++-");
        check(Grantee::Account(AccountId(BOB)), Permission::Read, &read, "++-");
        check(Grantee::Account(AccountId(12)), Permission::Read, &[], "");
        check(Grantee::LogDelivery, Permission::FullControl, &[], "");
        check(Grantee::Everyone, Permission::Write, &write, "+++");
        check(Grantee::Everyone, Permission::ReadAcp, &acp[..1], "+++");
        check(Grantee::Everyone, Permission::WriteAcp, &acp[1..], "+++");
        check(Grantee::Account(AccountId(BOB)), Permission::FullControl, &[&read[..], &write, &acp].concat(), "++-");
        // A list without its owner takes nothing from them.
        check(Grantee::Account(AccountId(BOB)), Permission::WriteAcp, &acp[1..], "++-");
    }

    #[tokio::test]
    async fn what_is_delivered_is_for_objects_too() {
        let mut bucket = testing::bucket(ALICE).await;
        let head = head("GET /photos/k");
        for (permission, delivered, action, expected) in [
            (Permission::Read, false, Action::GetObject, false),
            (Permission::Read, true, Action::GetObject, true),
            (Permission::Read, true, Action::GetObjectAcl, false),
            (Permission::FullControl, true, Action::GetObjectAcl, true),
            (Permission::FullControl, true, Action::PutObjectAcl, true),
            (Permission::FullControl, true, Action::GetObject, true),
            (Permission::FullControl, false, Action::GetObject, false),
        ] {
            bucket.acl = Some(Box::new(list(Grantee::Everyone, permission, delivered)));
            let context = Context::new(&head, peer(""), NOW);
            let judge = Judge::new(&Policies::default(), &Caller::Anonymous, context, &bucket, None);
            let permit = judge.permit(action, head.target.key.as_ref()).unwrap();
            let found = permit.check_object(bucket.owner, None).is_ok();
            assert_eq!(found, expected, "{permission:?} {delivered} {action:?}");
        }
    }

    #[tokio::test]
    async fn a_policy_allows_others_and_denies_the_owner() {
        let mut bucket = testing::bucket(ALICE).await;
        let bob = format!("{{\"ID\":\"{BOB:032x}\"}}");
        let mut check = |acl: Option<Box<Acl>>, policy: String, action, expected: &str| {
            bucket.acl = acl;
            assert_eq!(ask(&bucket, Some(&policy), action), expected, "{policy} {action:?}");
        };
        check(None, policy("Allow", "\"*\"", "GetObject"), Action::GetObject, "+++");
        check(None, policy("Allow", &bob, "*"), Action::GetObject, "?+?");
        check(None, policy("Allow", &bob, "*"), Action::PutBucketPolicy, "++-");
        check(None, policy("Deny", "\"*\"", "ListBucket"), Action::ListBucket, "---");
        check(None, policy("Deny", &bob, "ListBucket"), Action::ListBucket, "+--");
        let public = || Some(Box::new(list(Grantee::Everyone, Permission::FullControl, true)));
        check(public(), policy("Deny", &bob, "*"), Action::ListBucket, "+-+");
        check(public(), policy("Deny", &bob, "*"), Action::GetObject, "?-?");
        // Quotas are the owner's alone; the policy is always theirs.
        for action in [Action::GetBucketQuota, Action::PutBucketQuota] {
            check(public(), policy("Allow", "\"*\"", "*"), action, "+--");
            check(None, policy("Deny", "\"*\"", "*"), action, "---");
        }
        for action in [Action::GetBucketPolicy, Action::PutBucketPolicy, Action::DeleteBucketPolicy] {
            check(public(), policy("Deny", "\"*\"", "*"), action, "+--");
        }
    }

    #[tokio::test]
    async fn a_narrowed_key_may_what_its_policy_allows_too() {
        let bucket = testing::bucket(ALICE).await;
        let Caller::Account { account, .. } = caller(ALICE, "alice") else { unreachable!() };
        let narrowing = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"Get*\",\"Resource\":\"photos*\"}}";
        let narrowed = Caller::Account { account, narrowing: Some(narrowing.into()) };
        let head = head("GET /photos/k");
        let may = |action, policy: Option<&str>| {
            let context = Context::new(&head, peer(""), NOW);
            let policy = policy.map(str::as_bytes);
            let judge = Judge::new(&Policies::default(), &narrowed, context, &bucket, policy);
            let permit = judge.permit(action, head.target.key.as_ref());
            permit.map(|permit| permit.may_list).map_err(|error| error.code())
        };
        assert_eq!(may(Action::GetObject, None), Ok(false));
        assert_eq!(may(Action::PutObject, None), Err(Code::AccessDenied));
        // It narrows: nothing else makes it wider, and what is denied stays denied.
        assert_eq!(may(Action::PutObject, Some(&policy("Allow", "\"*\"", "*"))), Err(Code::AccessDenied));
        assert_eq!(may(Action::GetObject, Some(&policy("Deny", "\"*\"", "*"))), Err(Code::AccessDenied));
    }

    #[tokio::test]
    async fn others_pay_if_they_say_so() {
        let mut bucket = testing::bucket(ALICE).await;
        bucket.requester_pays = true;
        bucket.acl = Some(Box::new(list(Grantee::Everyone, Permission::Read, true)));
        let ask = |caller: &Caller, request: &str| {
            let head = head(request);
            let context = Context::new(&head, peer(""), NOW);
            let judge = Judge::new(&Policies::default(), caller, context, &bucket, None);
            judge.permit(Action::ListBucket, None).map(|permit| permit.is_charged()).map_err(|error| error.code())
        };
        let [alice, bob, nobody] = callers();
        assert_eq!(ask(&alice, "GET /photos"), Ok(false));
        assert_eq!(ask(&bob, "GET /photos"), Err(Code::RequestPayerDenied));
        assert_eq!(ask(&bob, "GET /photos\nx-obs-request-payer: BucketOwner"), Err(Code::RequestPayerDenied));
        assert_eq!(ask(&bob, "GET /photos\nx-obs-request-payer: requester"), Ok(true));
        assert_eq!(ask(&bob, "GET /photos?x-amz-request-payer=requester"), Ok(true));
        assert_eq!(ask(&nobody, "GET /photos\nx-obs-request-payer: requester"), Err(Code::RequestPayerDenied));
    }

    #[tokio::test]
    async fn versions_and_company_are_asked_about_apart() {
        let bucket = testing::bucket(ALICE).await;
        let bob = caller(BOB, "bob");
        let policy = policy("Allow", "\"*\"", "GetObjectVersion");
        let key = ObjectKey::parse("k").unwrap();
        let may = |request: &str, version: Option<Option<&str>>| {
            let head = head(request);
            let context = Context::new(&head, peer(""), NOW);
            let judge = Judge::new(&Policies::default(), &bob, context, &bucket, Some(policy.as_bytes()));
            let judge = if let Some(version) = version { judge.aside(version) } else { judge };
            judge.permit(Action::GetObject, Some(&key)).unwrap().wanted.is_none()
        };
        assert!(may("GET /photos/k?versionId=1", None));
        assert!(!may("GET /photos/k", None));
        // The source of a copy has its own version, whatever the target's parameters say.
        assert!(!may("PUT /photos/x?versionId=1", Some(None)));
        assert!(may("PUT /photos/x", Some(Some("1"))));
    }
}

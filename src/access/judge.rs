//! [`Judge`]: everything that decides about one caller and one bucket, read once, asked as often as need be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::permit::{Left, Waiting};
use super::policy::{Policies, Policy, Question, Verdict};
use super::{Action, Caller, Context, Controls, Lists, Permit, is_owner, permit};
use crate::acl::{Acl, Permission};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{self, Bucket, Setting, Tx};
use crate::name::ObjectKey;
use crate::object_lock::Lock;

/// What decides about one caller and one bucket.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    caller: &'a Caller,
    context: Context<'a>,
    bucket: &'a Bucket,
    policy: Option<Arc<Policy>>,
    narrowing: Option<Arc<Policy>>,
    controls: Controls,
    /// Comparisons that its decisions may still take, and those of its copies; none where there is no policy.
    steps: Option<Arc<AtomicU32>>,
}

/// What lies beside a bucket's record and decides who may.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    policy: Option<Vec<u8>>,
    controls: Controls,
}

impl Beside {
    /// Whether a bucket has any of it.
    pub(super) fn is_there(bucket: &Bucket) -> bool {
        [Setting::Policy, Setting::OwnershipControls, Setting::PublicAccessBlock]
            .into_iter()
            .any(|setting| bucket.settings.has(setting))
    }

    /// Of `bucket`; what there is not is not read.
    pub(super) fn read(tx: &mut Tx<'_>, bucket: &Bucket) -> meta::Result<Self> {
        Ok(Self { policy: tx.setting(bucket, Setting::Policy)?, controls: Controls::read(tx, bucket)? })
    }
}

impl<'a> Judge<'a> {
    /// Reads the policy of `bucket`, and what it has lists and policies under; where it has neither, nothing is read.
    pub fn read(
        tx: &mut Tx<'_>,
        policies: &Policies,
        caller: &'a Caller,
        context: Context<'a>,
        bucket: &'a Bucket,
    ) -> meta::Result<Self> {
        Ok(Self::new(policies, caller, context, bucket, &Beside::read(tx, bucket)?))
    }

    pub(super) fn new(
        policies: &Policies,
        caller: &'a Caller,
        context: Context<'a>,
        bucket: &'a Bucket,
        beside: &Beside,
    ) -> Self {
        let policy = beside.policy.as_deref().map(|text| policies.of_bucket(&bucket.name, text));
        let narrowing = caller.narrowing().map(|text| policies.of_key(text));
        let is_asked = policy.is_some() || narrowing.is_some();
        let steps = is_asked.then(|| Arc::new(AtomicU32::new(limits::POLICY_BATCH_STEP_COUNT_MAX)));
        Self { caller, context, bucket, policy, narrowing, controls: beside.controls, steps }
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
        if is_charged {
            self.check_payer()?;
        }
        let left = match action {
            action if action.is_open() => Left::Nothing,
            _ if self.is_restricted(is_owner) => Left::Refused,
            _ if is_asked_later => Left::Nothing,
            action => self.ask(action, key),
        };
        let (wanted, waiting) = match left {
            Left::Refused => return Err(self.denied(key)),
            Left::Nothing => (None, None),
            Left::List(wanted) => (Some(wanted), None),
            Left::Late(waiting) => (None, Some(waiting)),
        };
        let caller = self.caller.id();
        let is_delivered = match action.lists() {
            Lists::Object(wanted) => permit::delivers(self.acl(), caller, wanted, self.controls),
            Lists::Bucket(_) | Lists::Nothing => false,
        };
        Ok(Permit {
            caller,
            bucket_owner: Some(self.bucket.owner),
            controls: self.controls,
            wanted,
            is_settled: AtomicBool::new(waiting.is_none() && !matches!(action.lists(), Lists::Object(_))),
            waiting,
            is_delivered,
            may_list: key.is_none_or(|key| self.may_list(is_owner, key)),
            is_charged,
            resource: self.context.resource(&self.bucket.name, key),
        })
    }

    /// The same for an action that is never left to an object's own list or tags, where no permit is needed: one key of
    /// many.
    pub fn check(&self, action: Action, key: &ObjectKey) -> Result<()> {
        let action = if self.context.version().is_some() { action.of_version() } else { action };
        let is_owner = is_owner(self.caller, self.bucket);
        if !is_owner && self.bucket.requester_pays {
            self.check_payer()?;
        }
        match self.ask(action, Some(key.as_str())) {
            Left::Nothing if !self.is_restricted(is_owner) => Ok(()),
            _ => Err(self.denied(Some(key.as_str()))),
        }
    }

    /// What policies, ownership and the bucket's list leave to be asked about the object.
    fn ask(&self, action: Action, key: Option<&str>) -> Left {
        self.consider(action, key).settle_early(|wanted| self.grants(wanted))
    }

    fn consider(&self, action: Action, key: Option<&str>) -> Waiting {
        let question = self.question(action, key);
        // One judge is asked from one place at a time.
        let consider = |policy: &Arc<Policy>| {
            let Some(all) = &self.steps else { return policy.consider(&question) };
            let mut steps = all.load(Ordering::Relaxed);
            let opinion = policy.consider_within(&question, &mut steps);
            all.store(steps, Ordering::Relaxed);
            opinion
        };
        Waiting {
            action,
            is_owner: is_owner(self.caller, self.bucket),
            narrowing: self.narrowing.as_ref().map(consider),
            policy: self.policy.as_ref().map(consider),
            requested: Vec::new(),
            lock: Lock::default(),
            now: self.context.now(),
        }
    }

    /// Leave to bring something along with what is permitted already, in its headers: a list, tags. `action` is the one
    /// of the request that would set it afterwards. The policy of a narrowed key has to allow that, and the bucket's must
    /// not deny it; where it is silent, what permits the request permits this too. Else 403 `AccessDenied`. `tags` are
    /// those that are brought.
    pub fn permit_company(&self, action: Action, key: &ObjectKey, tags: &[(String, String)]) -> Result<()> {
        let action = if self.context.version().is_some() { action.of_version() } else { action };
        let mut waiting = self.consider(action, Some(key.as_str()));
        waiting.requested = tags.to_vec();
        match waiting.verdicts(&[]) {
            (Verdict::Allow, Verdict::Allow | Verdict::Silent) => Ok(()),
            _ => Err(self.denied(Some(key.as_str()))),
        }
    }

    /// Whether only the owner's account gets in, whatever says otherwise.
    fn is_restricted(&self, is_owner: bool) -> bool {
        !is_owner
            && self.controls.block.restrict_public_buckets
            && self.policy.as_ref().is_some_and(|policy| policy.is_public())
    }

    /// The bucket's list, where lists count.
    fn acl(&self) -> Option<&Acl> {
        self.controls.effective(self.bucket.owner, self.bucket.owner, self.bucket.acl.as_deref()).1
    }

    fn grants(&self, wanted: Permission) -> bool {
        permit::grants(self.acl(), self.bucket.owner, self.caller.id(), wanted, self.controls)
    }

    /// Whether the caller may list the bucket where `key` is, whatever the request is about.
    fn may_list(&self, is_owner: bool, key: &str) -> bool {
        if is_owner && self.policy.is_none() && self.narrowing.is_none() {
            return true;
        }
        let listing = Judge { context: self.context.listing(key), ..self.clone() };
        !listing.is_restricted(is_owner) && matches!(listing.ask(Action::ListBucket, None), Left::Nothing)
    }

    fn check_payer(&self) -> Result<()> {
        let said = self.context.head().own("request-payer");
        if self.caller.id().is_some() && said.is_some_and(|said| said.eq_ignore_ascii_case("requester")) {
            return Ok(());
        }
        Err(Code::RequestPayerDenied.into())
    }

    fn question<'q>(&'q self, action: Action, key: Option<&'q str>) -> Question<'q> {
        Question {
            caller: self.caller,
            action,
            bucket: self.bucket.name.as_str(),
            owner: Some(self.bucket.owner),
            key,
            context: &self.context,
        }
    }

    fn denied(&self, key: Option<&str>) -> Error {
        permit::denied(self.context.resource(&self.bucket.name, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Facts;
    use crate::access::testing::{self, NOW, caller, head, peer};
    use crate::acl::{Grant, Grantee};
    use crate::name::AccountId;

    const ALICE: u128 = 10;
    const BOB: u128 = 11;

    fn callers() -> [Caller; 3] {
        [caller(ALICE, "alice"), caller(BOB, "bob"), Caller::Anonymous]
    }

    fn beside(policy: Option<&str>) -> Beside {
        Beside { policy: policy.map(|text| text.as_bytes().to_vec()), controls: Controls::default() }
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
            let judge = Judge::new(&Policies::default(), caller, context, bucket, &beside(policy));
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
            let judge = Judge::new(&Policies::default(), &Caller::Anonymous, context, &bucket, &Beside::default());
            let permit = judge.permit(action, head.target.key.as_ref()).unwrap();
            let found = permit.check_object(Facts { owner: bucket.owner, acl: None, tags: &[] }).is_ok();
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
            let judge = Judge::new(&Policies::default(), &narrowed, context, &bucket, &beside(policy));
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
            let judge = Judge::new(&Policies::default(), caller, context, &bucket, &Beside::default());
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
            let judge = Judge::new(&Policies::default(), &bob, context, &bucket, &beside(Some(&policy)));
            let judge = if let Some(version) = version { judge.aside(version) } else { judge };
            judge.permit(Action::GetObject, Some(&key)).unwrap().wanted.is_none()
        };
        assert!(may("GET /photos/k?versionId=1", None));
        assert!(!may("GET /photos/k", None));
        // The source of a copy has its own version, whatever the target's parameters say.
        assert!(!may("PUT /photos/x?versionId=1", Some(None)));
        assert!(may("PUT /photos/x", Some(Some("1"))));
    }

    /// However many keys a request names, its policies take no more than so much time.
    #[tokio::test]
    async fn all_keys_of_a_request_share_what_policies_may_take() {
        let bucket = testing::bucket(ALICE).await;
        let slow = |count: usize| {
            let resources = vec![format!("\"photos/*{}b\"", "a".repeat(500)); count].join(",");
            format!(
                "{{\"Statement\":{{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\",\
                 \"Resource\":[{resources}]}}}}"
            )
        };
        let key = ObjectKey::parse(&"a".repeat(1024)).unwrap();
        let head = head("POST /photos?delete");
        let [alice, ..] = callers();
        let allowed = |policy: &str, keys: usize| {
            let context = Context::new(&head, peer(""), NOW);
            let judge = Judge::new(&Policies::default(), &alice, context, &bucket, &beside(Some(policy)));
            let ask = |_: &usize| judge.aside(None).check(Action::DeleteObject, &key).is_ok();
            (0..keys).filter(ask).count()
        };
        let least = usize::try_from(limits::POLICY_BATCH_STEP_COUNT_MAX / limits::POLICY_STEP_COUNT_MAX).unwrap();
        let count = allowed(&slow(4), 5 * least);
        assert!((least..5 * least).contains(&count), "{count}");
        assert_eq!(allowed(&policy("Deny", "\"*\"", "GetObject"), 1000), 1000);
    }
}

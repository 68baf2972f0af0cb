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
        let is_owner = is_owner(self.caller, self.bucket);
        let is_charged = !is_owner && self.bucket.requester_pays && !action.is_open();
        let key = key.map(ObjectKey::as_str);
        if !action.is_open() {
            if is_charged {
                self.check_payer()?;
            }
            self.check_narrowing(action, key)?;
        }
        let by_policy = match self.ask_policy(action, key) {
            Verdict::Deny if is_owner && action.is_never_denied_to_owner() => Verdict::Silent,
            Verdict::Allow if action.is_owners_alone() => Verdict::Silent,
            other => other,
        };
        let (caller, acl) = (self.caller.id(), self.bucket.acl.as_deref());
        let wanted = match (by_policy, action.lists()) {
            _ if action.is_open() => None,
            (Verdict::Deny, _) => return Err(self.denied(key)),
            (Verdict::Allow, _) => None,
            (Verdict::Silent, Lists::Object(wanted)) => Some(wanted),
            (Verdict::Silent, _) if is_owner => None,
            (Verdict::Silent, Lists::Bucket(wanted)) if permit::grants(acl, self.bucket.owner, caller, wanted) => None,
            (Verdict::Silent, _) => return Err(self.denied(key)),
        };
        Ok(Permit {
            caller,
            bucket_owner: Some(self.bucket.owner),
            wanted,
            is_delivered: wanted.is_some_and(|wanted| permit::delivers(acl, caller, wanted)),
            may_list: key.is_none() || self.may_list(is_owner),
            is_charged,
            is_settled: AtomicBool::new(!matches!(action.lists(), Lists::Object(_))),
            resource: self.context.resource(&self.bucket.name, key),
        })
    }

    /// Whether the caller may list the bucket, whatever the request is about.
    fn may_list(&self, is_owner: bool) -> bool {
        if is_owner && self.policy.is_none() && self.narrowing.is_none() {
            return true;
        }
        let aside = self.aside(None);
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

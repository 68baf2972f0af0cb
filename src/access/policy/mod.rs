//! Policies: documents in JSON that allow and deny by who asks, what, about what, under which circumstances (OBS
//! reference, "Bucket Policies"; S3's vocabulary beside OBS's). What is allowed by nothing is denied; what anything
//! denies, nothing allows.

mod cache;
mod condition;
mod glob;
mod json;
mod key;
mod parse;
mod pattern;
mod principal;
mod resource;
#[cfg(test)]
mod tests;

pub use cache::Policies;

use self::condition::Condition;
use self::glob::Fuel;
use self::key::Key;
use self::principal::Principal;
use self::resource::Resource;
use super::{Action, ActionSet, Caller, Context};
use crate::clock::UnixMillis;
use crate::error::{Code, Result};
use crate::limits;
use crate::name::{AccountId, BucketName};
use crate::object_lock::Lock;

/// A policy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
    repeats_keys: bool,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    /// A bucket's: it names principals, and only the bucket's own resources.
    Bucket(&'a BucketName),
    /// An access key's: who asks is who has the key.
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    effect: Effect,
    principals: Option<Matcher<Vec<Principal>>>,
    actions: Matcher<ActionSet>,
    resources: Matcher<Vec<Resource>>,
    conditions: Vec<Condition>,
    /// What its variables stand for, where they have no default.
    needs: Vec<Key>,
    /// Whether an action is named that none of its resources can have.
    has_idle_action: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// An element or its opposite, such as `Action` and `NotAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Matcher<T> {
    is_negated: bool,
    of: T,
}

impl<T> Matcher<T> {
    fn map<U, E>(self, parse: impl FnOnce(T) -> std::result::Result<U, E>) -> std::result::Result<Matcher<U>, E> {
        Ok(Matcher { is_negated: self.is_negated, of: parse(self.of)? })
    }

    fn matches(&self, is_met: impl FnOnce(&T) -> bool) -> bool {
        is_met(&self.of) != self.is_negated
    }
}

/// What a policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What for.
    pub action: Action,
    /// About which bucket; empty for what is about none.
    pub bucket: &'a str,
    /// The account it belongs to, or will.
    pub owner: Option<AccountId>,
    /// About which object in it.
    pub key: Option<&'a str>,
    /// The circumstances.
    pub context: &'a Context<'a>,
}

/// What is known once the object has been found and the document read that the request brings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Late<'a> {
    /// The object's tags.
    pub existing: &'a [(String, String)],
    /// Those it is to have.
    pub requested: &'a [(String, String)],
    /// How it is to be protected.
    pub lock: Lock,
    /// When the request arrived.
    pub now: UnixMillis,
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Deny,
    /// A statement allows it and none denies it.
    Allow,
    /// Nothing.
    Silent,
}

/// What a policy says as far as it can before all is known, and what of it waits for the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    verdict: Verdict,
    waiting: Vec<Pending>,
}

/// A statement of which only these conditions are still to be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    effect: Effect,
    conditions: Vec<Condition>,
}

impl Opinion {
    fn plain(verdict: Verdict) -> Self {
        Self { verdict, waiting: Vec::new() }
    }

    /// What the policy says, if nothing is left to be known.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.waiting.is_empty().then_some(self.verdict)
    }

    /// The best that the rest can make of it.
    #[must_use]
    pub fn best(&self) -> Verdict {
        let may_allow = self.waiting.iter().any(|pending| pending.effect == Effect::Allow);
        if may_allow { Verdict::Allow } else { self.verdict }
    }

    /// What the policy says, all being known.
    #[must_use]
    pub fn settle(&self, late: &Late<'_>) -> Verdict {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
        let mut verdict = self.verdict;
        for pending in &self.waiting {
            if pending.conditions.iter().all(|condition| condition.holds_for(late, &fuel)) {
                match pending.effect {
                    Effect::Deny => return Verdict::Deny,
                    Effect::Allow => verdict = Verdict::Allow,
                }
            }
        }
        if fuel.is_spent() { Verdict::Deny } else { verdict }
    }
}

impl Policy {
    /// A bucket's policy: at most [`limits::POLICY_BYTES_MAX`] bytes of JSON about `bucket` and its objects. What
    /// breaks a rule of the grammar is 400 `MalformedPolicy`, which says what.
    pub fn of_bucket(text: &[u8], bucket: &BucketName) -> Result<Self> {
        Self::parse(text, Kind::Bucket(bucket))
    }

    /// The policy of an access key: the same without principals, about any bucket. Also the form of IAM policies,
    /// `obs:object:GetObject` and `obs:*:*:object:BUCKET/KEY`.
    pub fn of_key(text: &[u8]) -> Result<Self> {
        Self::parse(text, Kind::Key)
    }

    fn parse(text: &[u8], kind: Kind<'_>) -> Result<Self> {
        parse::parse(text, kind).map_err(|malformed| Code::MalformedPolicy.because(malformed.sentence()))
    }

    /// A policy that denies everything.
    fn closed() -> Self {
        let anything = Matcher { is_negated: true, of: Vec::new() };
        let everyone = Matcher { is_negated: true, of: Vec::new() };
        Self {
            repeats_keys: false,
            statements: vec![Statement {
                effect: Effect::Deny,
                principals: Some(everyone),
                actions: Matcher { is_negated: true, of: ActionSet::default() },
                resources: anything,
                conditions: Vec::new(),
                needs: Vec::new(),
                has_idle_action: false,
            }],
        }
    }

    /// What the policy says of a request of which not all is known yet. The order of its statements does not matter.
    /// Takes at most [`limits::POLICY_STEP_COUNT_MAX`] comparisons; a policy that needs more denies.
    #[must_use]
    pub fn consider(&self, question: &Question<'_>) -> Opinion {
        let mut steps = limits::POLICY_STEP_COUNT_MAX;
        self.consider_within(question, &mut steps)
    }

    /// The same with no more than `steps` comparisons; those it takes are taken off.
    #[must_use]
    pub fn consider_within(&self, question: &Question<'_>, steps: &mut u32) -> Opinion {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX.min(*steps));
        let opinion = self.consider_with(question, &fuel);
        *steps -= fuel.used();
        opinion
    }

    fn consider_with(&self, question: &Question<'_>, fuel: &Fuel) -> Opinion {
        let mut opinion = Opinion::plain(Verdict::Silent);
        for statement in &self.statements {
            // One that allows adds nothing to another.
            let is_needed = statement.effect == Effect::Deny || opinion.verdict == Verdict::Silent;
            if !is_needed || !statement.holds(question, fuel) {
                continue;
            }
            let late = statement.conditions.iter().filter(|condition| condition.is_late(question.action));
            let conditions: Vec<Condition> = late.map(|condition| condition.settled(question)).collect();
            match statement.effect {
                effect if !conditions.is_empty() => opinion.waiting.push(Pending { effect, conditions }),
                Effect::Deny => return Opinion::plain(Verdict::Deny),
                Effect::Allow => opinion.verdict = Verdict::Allow,
            }
        }
        if fuel.is_spent() {
            return Opinion::plain(Verdict::Deny);
        }
        if opinion.verdict == Verdict::Allow {
            opinion.waiting.retain(|pending| pending.effect == Effect::Deny);
        }
        opinion
    }

    /// What the policy says, where nothing is left to be known or there is nothing to know.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        let opinion = self.consider(question);
        opinion.verdict().unwrap_or_else(|| opinion.settle(&Late { now: question.context.now(), ..Late::default() }))
    }

    /// Whether it allows something to everyone, wherever they are: `GET ?policyStatus`.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            let is_for_all = statement
                .principals
                .as_ref()
                .is_some_and(|principals| principals.is_negated || principals.of.contains(&Principal::Everyone));
            statement.effect == Effect::Allow
                && is_for_all
                && !statement.conditions.iter().any(Condition::is_restricting)
        })
    }

    /// What S3 refuses in it as malformed and OBS documents, or does not ask about: an `Allow` to all but some, two values
    /// of one key of a condition, of which the last is kept, and a `Deny` that denies nothing. Of an `Allow` that allows
    /// nothing S3's own suites have examples.
    #[must_use]
    pub fn what_s3_refuses(&self) -> Option<&'static str> {
        let is_open = |statement: &Statement| statement.principals.as_ref().is_some_and(|found| found.is_negated);
        if self.statements.iter().any(|statement| statement.effect == Effect::Allow && is_open(statement)) {
            return Some("NotPrincipal goes with Deny only.");
        }
        if self.repeats_keys {
            return Some("A condition asks twice about one key.");
        }
        let is_idle = |statement: &Statement| statement.effect == Effect::Deny && statement.has_idle_action;
        self.statements.iter().any(is_idle).then_some("An action of a Deny applies to none of its resources.")
    }
}

impl Statement {
    /// Whether it holds, as far as it can be known before the object and documents are read.
    ///
    /// What a variable that stands for nothing is part of matches nothing. Where that would be a reason to allow, by an
    /// element's opposite or a negation, the statement does not hold at all.
    fn holds(&self, question: &Question<'_>, fuel: &Fuel) -> bool {
        let is_about_caller =
            |principals: &Vec<Principal>| principals.iter().any(|principal| principal.matches(question.caller));
        let is_about_resource =
            |resources: &Vec<Resource>| resources.iter().any(|resource| resource.matches(question, fuel));
        let has_all = || self.needs.iter().all(|key| key.one_value(question).is_some());
        self.actions.matches(|actions| actions.has(question.action))
            && self.principals.as_ref().is_none_or(|principals| principals.matches(is_about_caller))
            && (self.effect == Effect::Deny || has_all())
            && self.resources.matches(is_about_resource)
            && self
                .conditions
                .iter()
                .all(|condition| condition.is_late(question.action) || condition.holds(question, fuel))
    }
}

//! Policies: documents in JSON that allow and deny by who asks, what, about what, under which circumstances (OBS
//! reference, "Bucket Policies"; S3's vocabulary beside OBS's). What is allowed by nothing is denied; what anything
//! denies, nothing allows.

mod cache;
mod condition;
mod glob;
mod key;
mod parse;
mod principal;
mod resource;
#[cfg(test)]
mod tests;

pub use cache::Policies;

use self::condition::Condition;
use self::glob::Fuel;
use self::principal::Principal;
use self::resource::Resource;
use super::{Action, ActionSet, Caller, Context};
use crate::error::{Code, Result};
use crate::limits;
use crate::name::BucketName;

/// A policy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
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
    /// About which object in it.
    pub key: Option<&'a str>,
    /// The circumstances.
    pub context: &'a Context<'a>,
}

/// What is known of tags once the object has been found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tagged<'a> {
    /// The object's.
    pub existing: &'a [(String, String)],
    /// Those it is to have.
    pub requested: &'a [(String, String)],
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

/// What a policy says as far as it can before tags are read, and which of its statements wait for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    verdict: Verdict,
    waiting: Vec<usize>,
}

impl Opinion {
    /// What the policy says, if tags have nothing to do with it.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.waiting.is_empty().then_some(self.verdict)
    }

    /// The best that tags can make of it, by the policy that is of this opinion.
    #[must_use]
    pub fn best(&self, policy: &Policy) -> Verdict {
        let may_allow = self.waiting.iter().any(|index| policy.statements[*index].effect == Effect::Allow);
        if may_allow { Verdict::Allow } else { self.verdict }
    }

    /// What the policy says of these tags. The opinion is its own, of this action.
    #[must_use]
    pub fn settle(&self, policy: &Policy, action: Action, tagged: &Tagged<'_>) -> Verdict {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
        let mut verdict = self.verdict;
        for statement in self.waiting.iter().map(|index| &policy.statements[*index]) {
            let mut of_tags = statement.conditions.iter().filter(|condition| condition.is_of_tags(action));
            if of_tags.all(|condition| condition.holds_for(tagged, &fuel)) {
                match statement.effect {
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
            statements: vec![Statement {
                effect: Effect::Deny,
                principals: Some(everyone),
                actions: Matcher { is_negated: true, of: ActionSet::default() },
                resources: anything,
                conditions: Vec::new(),
            }],
        }
    }

    /// What the policy says of a request to whose tags nothing is known yet. The order of its statements does not matter.
    /// Takes at most [`limits::POLICY_STEP_COUNT_MAX`] comparisons; a policy that needs more denies.
    #[must_use]
    pub fn consider(&self, question: &Question<'_>) -> Opinion {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
        let plain = |verdict| Opinion { verdict, waiting: Vec::new() };
        let (mut verdict, mut waiting) = (Verdict::Silent, Vec::new());
        for (index, statement) in self.statements.iter().enumerate() {
            // One that allows adds nothing to another.
            let is_needed = statement.effect == Effect::Deny || verdict == Verdict::Silent;
            if !is_needed || !statement.holds(question, &fuel) {
                continue;
            }
            match statement.effect {
                _ if statement.waits(question.action) => waiting.push(index),
                Effect::Deny => return plain(Verdict::Deny),
                Effect::Allow => verdict = Verdict::Allow,
            }
        }
        if fuel.is_spent() {
            return plain(Verdict::Deny);
        }
        if verdict == Verdict::Allow {
            waiting.retain(|index| self.statements[*index].effect == Effect::Deny);
        }
        Opinion { verdict, waiting }
    }

    /// What the policy says, where tags have nothing to do with it or there are none.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        let opinion = self.consider(question);
        opinion.verdict().unwrap_or_else(|| opinion.settle(self, question.action, &Tagged::default()))
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

    /// Whether it allows something to everyone but some, which S3 refuses.
    #[must_use]
    pub fn allows_all_but_some(&self) -> bool {
        let is_open = |statement: &Statement| statement.principals.as_ref().is_some_and(|found| found.is_negated);
        self.statements.iter().any(|statement| statement.effect == Effect::Allow && is_open(statement))
    }
}

impl Statement {
    /// Whether it holds, as far as it can be known before tags are read.
    fn holds(&self, question: &Question<'_>, fuel: &Fuel) -> bool {
        let is_about_caller =
            |principals: &Vec<Principal>| principals.iter().any(|principal| principal.matches(question.caller));
        let is_about_resource =
            |resources: &Vec<Resource>| resources.iter().any(|resource| resource.matches(question, fuel));
        self.actions.matches(|actions| actions.has(question.action))
            && self.principals.as_ref().is_none_or(|principals| principals.matches(is_about_caller))
            && self.resources.matches(is_about_resource)
            && self
                .conditions
                .iter()
                .all(|condition| condition.is_of_tags(question.action) || condition.holds(question, fuel))
    }

    /// Whether it is still open, once all else holds.
    fn waits(&self, action: Action) -> bool {
        self.conditions.iter().any(|condition| condition.is_of_tags(action))
    }
}

//! JSON to [`Policy`]: strict, so that a policy that was accepted means what it says. A list may be written as its one
//! value everywhere.

use serde_json::{Map, Value};

use super::condition::{self, Condition};
use super::glob::{Fuel, Glob};
use super::principal;
use super::resource::{self, Resource};
use super::{Effect, Kind, Matcher, Policy, Statement, json};
use crate::access::{Action, ActionSet, Level};
use crate::limits;

/// What is wrong with a policy, for the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(String);

pub(super) fn malformed(what: impl Into<String>) -> Malformed {
    Malformed(what.into())
}

impl Malformed {
    fn within(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }

    /// As a sentence.
    pub(crate) fn sentence(&self) -> String {
        format!("The policy is not valid: {}.", self.0)
    }
}

type Result<T> = std::result::Result<T, Malformed>;

/// Versions of the language.
const VERSIONS: [&str; 4] = ["2008-10-17", VERSION_WITH_VARIABLES, "1.1", "5.0"];
/// The one of S3's in which `${…}` is a variable; in the others it is text.
const VERSION_WITH_VARIABLES: &str = "2012-10-17";

/// Names that S3 has and that no operation asks for; policies may still carry them, alone or by wildcards.
const UNUSED: &[&str] = &[
    "CreateAccessPoint",
    "CreateBucketMetadataTableConfiguration",
    "CreateJob",
    "CreateSession",
    "DeleteAccessPoint",
    "DeleteAccessPointPolicy",
    "DeleteBucketMetadataTableConfiguration",
    "DeleteJobTagging",
    "DeleteStorageLensConfiguration",
    "DescribeJob",
    "DescribeMultiRegionAccessPointOperation",
    "GetAccelerateConfiguration",
    "GetAccessPoint",
    "GetAccessPointPolicy",
    "GetAccessPointPolicyStatus",
    "GetAccountPublicAccessBlock",
    "GetAnalyticsConfiguration",
    "GetBucketMetadataTableConfiguration",
    "GetDataAccess",
    "GetIntelligentTieringConfiguration",
    "GetJobTagging",
    "GetMetricsConfiguration",
    "GetObjectTorrent",
    "GetObjectVersionForReplication",
    "GetObjectVersionTorrent",
    "GetStorageLensConfiguration",
    "InitiateReplication",
    "ListAccessPoints",
    "ListJobs",
    "ListMultiRegionAccessPoints",
    "ListStorageLensConfigurations",
    "ListTagsForResource",
    "ObjectOwnerOverrideToBucketOwner",
    "PauseReplication",
    "PutAccelerateConfiguration",
    "PutAccessPointPolicy",
    "PutAccountPublicAccessBlock",
    "PutAnalyticsConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutJobTagging",
    "PutMetricsConfiguration",
    "PutStorageLensConfiguration",
    "ReplicateDelete",
    "ReplicateObject",
    "ReplicateTags",
    "TagResource",
    "UntagResource",
    "UpdateJobPriority",
    "UpdateJobStatus",
    "UpdateObjectEncryption",
];

/// The longest name has half as many.
const ACTION_BYTES_MAX: usize = 80;

pub(super) fn parse(text: &[u8], kind: Kind<'_>) -> Result<Policy> {
    if text.len() > limits::POLICY_BYTES_MAX {
        return Err(malformed("it is longer than 20 KB"));
    }
    let (value, repeats_keys) = json::read(text).map_err(|error| malformed(format!("it is no JSON ({error})")))?;
    if repeats_keys && matches!(kind, Kind::Key) {
        return Err(malformed("a condition asks twice about one key"));
    }
    let Value::Object(members) = value else { return Err(malformed("it is no JSON object")) };
    check_members(&members, &["Version", "Id", "Statement"])?;
    check_text(&members, "Id")?;
    check_text(&members, "Version")?;
    if let Some(Value::String(version)) = members.get("Version")
        && !VERSIONS.contains(&version.as_str())
    {
        return Err(malformed(format!("there is no Version {version:?}")));
    }
    let statements = match members.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    if statements.is_empty() {
        return Err(malformed("it has no Statement"));
    }
    let has_variables = members.get("Version").and_then(Value::as_str) == Some(VERSION_WITH_VARIABLES);
    let parse_one = |(index, statement): (usize, &Value)| {
        parse_statement(statement, kind, has_variables)
            .map_err(|error| error.within(&format!("statement {}", index + 1)))
    };
    let statements = statements.iter().enumerate().map(parse_one).collect::<Result<_>>()?;
    Ok(Policy { statements, repeats_keys })
}

fn parse_statement(value: &Value, kind: Kind<'_>, has_variables: bool) -> Result<Statement> {
    let Value::Object(members) = value else { return Err(malformed("it is no object")) };
    check_members(
        members,
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
    )?;
    check_text(members, "Sid")?;
    let effect = match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(malformed("Effect is Allow or Deny")),
    };
    let principals = match kind {
        Kind::Bucket(_) => Some(either(members, "Principal", "NotPrincipal")?.map(principal::parse)?),
        Kind::Key if members.contains_key("Principal") || members.contains_key("NotPrincipal") => {
            return Err(malformed("the policy of an access key has no Principal"));
        }
        Kind::Key => None,
    };
    let named = either(members, "Action", "NotAction")?;
    let actions = named.map(parse_actions)?;
    let resources = either(members, "Resource", "NotResource")?.map(|value| {
        let resources = strings(value)?.into_iter().map(|text| resource::parse(text, kind, has_variables));
        resources.collect::<Result<Vec<Resource>>>()
    })?;
    let conditions = members.get("Condition").map(|value| condition::parse(value, has_variables)).transpose()?;
    let conditions: Vec<Condition> = conditions.unwrap_or_default();
    let needs = resources.of.iter().flat_map(Resource::needs).chain(conditions.iter().flat_map(Condition::needs));
    let needs = needs.cloned().collect();
    let has_idle_action = !named.is_negated && !resources.is_negated && has_idle_action(named.of, &resources.of)?;
    Ok(Statement { effect, principals, actions, resources, conditions, needs, has_idle_action })
}

/// Whether one of the actions, named without wildcards, is about none of the resources: about buckets where those are
/// objects, or the other way about.
fn has_idle_action(actions: &Value, resources: &[Resource]) -> Result<bool> {
    for name in strings(actions)?.into_iter().filter(|name| !name.contains(['*', '?'])) {
        let set = parse_action(name.trim())?;
        let can_be = |action: &Action| set.has(*action) && resources.iter().any(|found| found.is_of(action.level()));
        if !set.is_empty() && !Action::ALL.iter().any(can_be) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_members(members: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match members.keys().find(|member| !known.contains(&member.as_str())) {
        Some(unknown) => Err(malformed(format!("{unknown:?} is no element"))),
        None => Ok(()),
    }
}

fn check_text(members: &Map<String, Value>, name: &str) -> Result<()> {
    match members.get(name) {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(malformed(format!("{name} is no string"))),
    }
}

/// Exactly one of an element and its opposite.
fn either<'v>(members: &'v Map<String, Value>, name: &str, opposite: &str) -> Result<Matcher<&'v Value>> {
    match (members.get(name), members.get(opposite)) {
        (Some(value), None) => Ok(Matcher { is_negated: false, of: value }),
        (None, Some(value)) => Ok(Matcher { is_negated: true, of: value }),
        _ => Err(malformed(format!("it has to have one of {name} and {opposite}"))),
    }
}

/// A string or several, at least one.
pub(super) fn strings(value: &Value) -> Result<Vec<&str>> {
    let values = match value {
        Value::Array(values) if !values.is_empty() => values.as_slice(),
        Value::String(_) => std::slice::from_ref(value),
        _ => return Err(malformed("a string or a list of strings is missing")),
    };
    let text = |value: &'_ Value| -> Result<()> {
        if value.is_string() { Ok(()) } else { Err(malformed(format!("{value} is no string"))) }
    };
    values.iter().try_for_each(text)?;
    Ok(values.iter().filter_map(Value::as_str).collect())
}

fn parse_actions(value: &Value) -> Result<ActionSet> {
    let patterns = strings(value)?;
    patterns.into_iter().try_fold(ActionSet::default(), |set, pattern| Ok(set.union(parse_action(pattern.trim())?)))
}

/// `GetObject`, `s3:GetObject`, `obs:object:GetObject`, `List*`, `*`, in any letter case.
fn parse_action(pattern: &str) -> Result<ActionSet> {
    let lower = pattern.to_ascii_lowercase();
    let (level, is_s3, name) = match lower.as_str() {
        "*" | "*:*" | "s3:*" | "obs:*" | "obs:*:*" => (None, false, "*"),
        other => match (other.strip_prefix("s3:"), other.strip_prefix("obs:")) {
            (Some(name), _) => (None, true, name),
            (None, Some(rest)) => match rest.split_once(':') {
                Some(("object", name)) => (Some(Level::Object), false, name),
                Some(("bucket", name)) => (Some(Level::Bucket), false, name),
                _ => return Err(malformed(format!("there is no action {pattern:?}"))),
            },
            (None, None) => (None, false, other),
        },
    };
    if name.len() > ACTION_BYTES_MAX {
        return Err(malformed("an action is too long"));
    }
    let (glob, fuel) = (Glob::new(name), Fuel::new(limits::POLICY_STEP_COUNT_MAX));
    let matches = |known: &str| glob.matches(&known.to_ascii_lowercase(), &fuel);
    let is_level =
        |action: Action| level.is_none_or(|level| (level == Level::Object) == (action.level() == Level::Object));
    let set = ActionSet::of(|action| {
        let is_named = matches(action.name()) || (is_s3 && action.s3_names().iter().any(|known| matches(known)));
        is_level(action) && is_named
    });
    let is_known = !set.is_empty() || UNUSED.iter().any(|known| matches(known));
    if is_known { Ok(set) } else { Err(malformed(format!("there is no action {pattern:?}"))) }
}

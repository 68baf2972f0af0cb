//! What a statement is about: a bucket, or objects in it by wildcards. A bucket's policy speaks of its own bucket only,
//! by name or by wildcards that its name fits; an access key's of any.

use super::glob::{Fuel, Glob};
use super::key::Key;
use super::parse::{Malformed, malformed};
use super::pattern::{Pattern, Syntax};
use super::{Kind, Question};
use crate::access::Level;
use crate::limits;
use crate::name::BucketName;

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The policy's own bucket.
    Bucket,
    /// Objects in the policy's own bucket, by key.
    Objects(Pattern),
    /// Of any bucket: `bucket` or `bucket/key` by wildcards; of one level only, if it says so.
    Any(Pattern, Option<Level>),
}

impl Resource {
    pub(super) fn matches(&self, question: &Question<'_>, fuel: &Fuel) -> bool {
        match (self, question.key) {
            (Self::Bucket, None) => true,
            (Self::Objects(pattern), Some(key)) => pattern.matches(key, Some(question), fuel),
            (Self::Any(pattern, level), key) => {
                let is_level = level.is_none_or(|level| (level == Level::Object) == key.is_some());
                is_level
                    && match key {
                        None => pattern.matches(question.bucket, Some(question), fuel),
                        Some(key) => pattern.matches(&[question.bucket, "/", key].concat(), Some(question), fuel),
                    }
            }
            (Self::Bucket, Some(_)) | (Self::Objects(_), None) => false,
        }
    }
}

impl Resource {
    /// Whether something of this level can be it.
    pub(super) fn is_of(&self, level: Level) -> bool {
        match self {
            Self::Bucket => level == Level::Bucket,
            Self::Objects(_) => level == Level::Object,
            Self::Any(_, only) => only.is_none_or(|only| only == level),
        }
    }

    /// The keys without which it names nothing.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Key> {
        let pattern = match self {
            Self::Bucket => None,
            Self::Objects(pattern) | Self::Any(pattern, _) => Some(pattern),
        };
        pattern.into_iter().flat_map(Pattern::needs)
    }
}

/// A resource by its name; `has_variables` says whether the policy's language has them.
pub(super) fn parse(text: &str, kind: Kind<'_>, has_variables: bool) -> Result<Resource, Malformed> {
    let syntax = Syntax { has_wildcards: true, has_variables, is_lower: false };
    let path = text.strip_prefix("arn:aws:s3:::").unwrap_or(text);
    match kind {
        Kind::Bucket(bucket) => parse_own(path, bucket, syntax)?
            .ok_or_else(|| malformed(format!("{text:?} is neither the bucket {bucket} nor in it"))),
        Kind::Key => {
            let (path, level) = match text.strip_prefix("obs:").and_then(|rest| rest.split(':').nth(2)) {
                Some("bucket") => (after_colons(text), Some(Level::Bucket)),
                Some("object") => (after_colons(text), Some(Level::Object)),
                Some(_) => return Err(malformed(format!("{text:?} is no resource"))),
                None => (path, None),
            };
            let pattern = Pattern::parse(path, syntax)?;
            // A bucket has no colon in its name; a key may.
            let outline = pattern.outline();
            let bucket = outline.split('/').next().unwrap_or_default();
            if bucket.is_empty() || bucket.contains(':') {
                return Err(malformed(format!("{text:?} is no resource")));
            }
            Ok(Resource::Any(pattern, level))
        }
    }
}

/// What follows `obs:REGION:DOMAIN:TYPE:`.
fn after_colons(text: &str) -> &str {
    text.splitn(5, ':').nth(4).unwrap_or_default()
}

/// The bucket is named without variables: it is known.
fn parse_own(path: &str, bucket: &BucketName, syntax: Syntax) -> Result<Option<Resource>, Malformed> {
    let named = path.split('/').next().unwrap_or_default();
    if named.contains(['*', '?']) && !(syntax.has_variables && named.contains("${")) {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
        // What a star takes may go beyond the name.
        let is_own = Glob::new(named).matches(bucket.as_str(), &fuel);
        return Ok(if is_own { Some(Resource::Any(Pattern::parse(path, syntax)?, None)) } else { None });
    }
    let Some(rest) = path.strip_prefix(bucket.as_str()) else { return Ok(None) };
    if rest.is_empty() {
        return Ok(Some(Resource::Bucket));
    }
    let key = rest.strip_prefix('/').map(|key| Pattern::parse(key, syntax)).transpose()?;
    Ok(key.map(Resource::Objects))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Option<Resource> {
        parse(text, Kind::Bucket(&BucketName::parse("photos").unwrap()), true).ok()
    }

    fn glob(text: &str) -> Pattern {
        Pattern::Fixed(Glob::new(text))
    }

    fn any(text: &str) -> Option<Resource> {
        parse(text, Kind::Key, true).ok()
    }

    #[test]
    fn a_buckets_policy_names_its_own_bucket() {
        for prefix in ["", "arn:aws:s3:::"] {
            assert_eq!(own(&format!("{prefix}photos")), Some(Resource::Bucket));
            assert_eq!(own(&format!("{prefix}photos/a/*")), Some(Resource::Objects(glob("a/*"))));
            assert_eq!(own(&format!("{prefix}photos/*")), Some(Resource::Objects(glob("*"))));
            for pattern in ["*", "*/*", "photos*", "ph?tos/a", "p*/*.jpg"] {
                assert_eq!(own(&format!("{prefix}{pattern}")), Some(Resource::Any(glob(pattern), None)));
            }
            let home = own(&format!("{prefix}photos/${{aws:username}}/*")).unwrap();
            assert!(matches!(&home, Resource::Objects(Pattern::Open { .. })) && home.needs().count() == 1);
            for bad in ["photos${*}", "${aws:username}/a", "*${aws:username}/a", "photos/${aws:colour}"] {
                assert_eq!(own(&format!("{prefix}{bad}")), None, "{prefix}{bad}");
            }
            for bad in
                ["", "photo", "photos2", "photos2/a", "other/*", "o*", "?photos", "photos?/a", "Photos", "/photos"]
            {
                assert_eq!(own(&format!("{prefix}{bad}")), None, "{prefix}{bad}");
            }
        }
        assert_eq!(own("arn:aws:s3:eu:1:photos"), None);
        assert_eq!(own("obs:*:*:object:photos/*"), None);
    }

    #[test]
    fn a_keys_policy_names_any() {
        assert_eq!(any("*"), Some(Resource::Any(glob("*"), None)));
        assert_eq!(any("arn:aws:s3:::a*/x"), Some(Resource::Any(glob("a*/x"), None)));
        assert_eq!(any("arn:aws:s3:::a/x:y"), Some(Resource::Any(glob("a/x:y"), None)));
        assert_eq!(any("obs:*:*:object:a/x:y"), Some(Resource::Any(glob("a/x:y"), Some(Level::Object))));
        assert_eq!(any("obs:*:*:bucket:a"), Some(Resource::Any(glob("a"), Some(Level::Bucket))));
        assert!(any("arn:aws:s3:::home-${aws:username}/*").is_some_and(|found| found.needs().count() == 1));
        for bad in [
            "",
            "arn:aws:s3:::",
            "arn:aws:s3:::${s3:nothing}",
            "obs:*:*:bucket:",
            "obs:*:*:key:x",
            "obs:x",
            "arn:aws:iam::x",
        ] {
            assert_eq!(any(bad), None, "{bad}");
        }
    }
}

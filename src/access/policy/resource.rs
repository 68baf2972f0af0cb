//! What a statement is about: a bucket, or objects in it by wildcards. A bucket's policy speaks of its own bucket only,
//! by name or by wildcards that its name fits; an access key's of any.

use super::glob::{Fuel, Glob};
use super::parse::{Malformed, malformed};
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
    Objects(Glob),
    /// Of any bucket: `bucket` or `bucket/key` by wildcards; of one level only, if it says so.
    Any(Glob, Option<Level>),
}

impl Resource {
    pub(super) fn matches(&self, question: &Question<'_>, fuel: &Fuel) -> bool {
        match (self, question.key) {
            (Self::Bucket, None) => true,
            (Self::Objects(glob), Some(key)) => glob.matches(key, fuel),
            (Self::Any(glob, level), key) => {
                let is_level = level.is_none_or(|level| (level == Level::Object) == key.is_some());
                is_level
                    && match key {
                        None => glob.matches(question.bucket, fuel),
                        Some(key) => glob.matches(&[question.bucket, "/", key].concat(), fuel),
                    }
            }
            (Self::Bucket, Some(_)) | (Self::Objects(_), None) => false,
        }
    }
}

pub(super) fn parse(text: &str, kind: Kind<'_>) -> Result<Resource, Malformed> {
    let path = text.strip_prefix("arn:aws:s3:::").unwrap_or(text);
    match kind {
        Kind::Bucket(bucket) => parse_own(path, bucket)
            .ok_or_else(|| malformed(format!("{text:?} is neither the bucket {bucket} nor in it"))),
        Kind::Key => {
            let (path, level) = match text.strip_prefix("obs:").and_then(|rest| rest.split(':').nth(2)) {
                Some("bucket") => (after_colons(text), Some(Level::Bucket)),
                Some("object") => (after_colons(text), Some(Level::Object)),
                Some(_) => return Err(malformed(format!("{text:?} is no resource"))),
                None => (path, None),
            };
            // A bucket has no colon in its name; a key may.
            let bucket = path.split('/').next().unwrap_or_default();
            if bucket.is_empty() || bucket.contains(':') {
                return Err(malformed(format!("{text:?} is no resource")));
            }
            Ok(Resource::Any(Glob::new(path), level))
        }
    }
}

/// What follows `obs:REGION:DOMAIN:TYPE:`.
fn after_colons(text: &str) -> &str {
    text.splitn(5, ':').nth(4).unwrap_or_default()
}

fn parse_own(path: &str, bucket: &BucketName) -> Option<Resource> {
    let named = path.split('/').next().unwrap_or_default();
    if named.contains(['*', '?']) {
        let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
        // What a star takes may go beyond the name.
        let is_own = Glob::new(named).matches(bucket.as_str(), &fuel);
        return is_own.then(|| Resource::Any(Glob::new(path), None));
    }
    let rest = path.strip_prefix(bucket.as_str())?;
    if rest.is_empty() {
        return Some(Resource::Bucket);
    }
    rest.strip_prefix('/').map(|key| Resource::Objects(Glob::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Option<Resource> {
        parse(text, Kind::Bucket(&BucketName::parse("photos").unwrap())).ok()
    }

    fn any(text: &str) -> Option<Resource> {
        parse(text, Kind::Key).ok()
    }

    #[test]
    fn a_buckets_policy_names_its_own_bucket() {
        for prefix in ["", "arn:aws:s3:::"] {
            assert_eq!(own(&format!("{prefix}photos")), Some(Resource::Bucket));
            assert_eq!(own(&format!("{prefix}photos/a/*")), Some(Resource::Objects(Glob::new("a/*"))));
            assert_eq!(own(&format!("{prefix}photos/*")), Some(Resource::Objects(Glob::new("*"))));
            for pattern in ["*", "*/*", "photos*", "ph?tos/a", "p*/*.jpg"] {
                assert_eq!(own(&format!("{prefix}{pattern}")), Some(Resource::Any(Glob::new(pattern), None)));
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
        assert_eq!(any("*"), Some(Resource::Any(Glob::new("*"), None)));
        assert_eq!(any("arn:aws:s3:::a*/x"), Some(Resource::Any(Glob::new("a*/x"), None)));
        assert_eq!(any("arn:aws:s3:::a/x:y"), Some(Resource::Any(Glob::new("a/x:y"), None)));
        assert_eq!(any("obs:*:*:object:a/x:y"), Some(Resource::Any(Glob::new("a/x:y"), Some(Level::Object))));
        assert_eq!(any("obs:*:*:bucket:a"), Some(Resource::Any(Glob::new("a"), Some(Level::Bucket))));
        for bad in ["", "arn:aws:s3:::", "obs:*:*:bucket:", "obs:*:*:key:x", "obs:x", "arn:aws:iam::x"] {
            assert_eq!(any(bad), None, "{bad}");
        }
    }
}

//! `x-obs-copy-source`: which object a copy copies, `/bucket/key?versionId=id`. Whether it is there is not asked here.

use crate::error::{Code, Result};
use crate::name::{BucketName, ObjectKey};
use crate::wire::percent::{self, Plus};

/// What stands between key and version; in a key its question mark is escaped.
const VERSION: &str = "?versionId=";

/// The object that a copy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Where it is.
    pub bucket: BucketName,
    /// Under which key.
    pub key: ObjectKey,
    /// Which version, as sent; `None` is the current object.
    pub version: Option<String>,
}

impl CopySource {
    /// Reads the value of the header, with or without its leading slash. It is decoded exactly once. A `+` is a space,
    /// as OBS's Go SDK and s5cmd write one, and as S3 reads it; clients write a plus of a key `%2B`.
    ///
    /// Without bucket or key, or with a bad escape, it is 400 `InvalidArgument`; names that are none are refused as in
    /// an address.
    pub fn parse(sent: &str) -> Result<Self> {
        let (path, version) = sent.rsplit_once(VERSION).map_or((sent, None), |(path, id)| (path, Some(id)));
        let malformed = || Code::InvalidArgument.because("The copy source must be /bucket/key, percent-encoded.");
        let path = percent::decode(path, Plus::Space).map_err(|_| malformed())?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) =
            path.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()).ok_or_else(malformed)?;
        let version = version.map(|id| percent::decode(id, Plus::Literal)).transpose().map_err(|_| malformed())?;
        Ok(Self {
            bucket: BucketName::parse(bucket)?,
            key: ObjectKey::parse(key)?,
            version: version.map(std::borrow::Cow::into_owned),
        })
    }

    /// `/bucket/key`, for error documents.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("/{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(sent: &str) -> std::result::Result<(String, String, Option<String>), Code> {
        let source = CopySource::parse(sent).map_err(|error| error.code())?;
        Ok((source.bucket.to_string(), source.key.to_string(), source.version))
    }

    fn check(sent: &str, key: &str, version: Option<&str>) {
        let expected = ("photos".to_owned(), key.to_owned(), version.map(str::to_owned));
        assert_eq!(parsed(sent), Ok(expected), "{sent}");
    }

    #[test]
    fn bucket_key_and_version() {
        check("/photos/k", "k", None);
        check("photos/k", "k", None);
        check("photos/a/b//c/", "a/b//c/", None);
        check("photos//k", "/k", None);
        check("photos/a%2Fb", "a/b", None);
        check("%2Fphotos%2Fk", "k", None);
        check("/photos/k?versionId=null", "k", Some("null"));
        check("/photos/k?versionId=", "k", Some(""));
        check("/photos/k%3FversionId=1", "k?versionId=1", None);
        check("/photos/k%3FversionId%3D1?versionId=2", "k?versionId=1", Some("2"));
        check("/photos/k?x", "k?x", None);
        check("/photos/k%2Bk", "k+k", None);
        check("/photos/k+k?versionId=null", "k k", Some("null"));
        check("/photos/%25C3 é%C3%A9", "%C3 éé", None);
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for bad in ["", "/", "photos", "/photos", "photos/", "//k", "photos/%zz", "photos/%FF", "k?versionId=%"] {
            assert_eq!(parsed(bad), Err(Code::InvalidArgument), "{bad}");
        }
        for bad in ["arn:aws:s3:::photos/k", "Photos/k", "p/k"] {
            assert_eq!(parsed(bad), Err(Code::InvalidBucketName), "{bad}");
        }
        assert_eq!(parsed(&format!("photos/{}", "k".repeat(1025))), Err(Code::KeyTooLong));
    }

    proptest! {
        #[test]
        fn every_key_comes_through(key in ".{1,40}") {
            let mut encoded = String::from("/photos/");
            percent::encode_query(key.as_bytes(), &mut encoded);
            prop_assert_eq!(parsed(&encoded), Ok(("photos".to_owned(), key, None)));
        }

        #[test]
        fn no_value_is_too_much(sent in ".*") {
            let _ = parsed(&sent);
        }
    }
}

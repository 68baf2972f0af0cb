//! The request a form stands for: its fields as headers, its key as the address. What comes after the spine then
//! knows one kind of request.

use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES, HOST, HeaderMap,
    HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, ORIGIN, REFERER, USER_AGENT,
};

use super::Fields;
use crate::error::{Code, Result};
use crate::name::ObjectKey;
use crate::wire::Head;
use crate::wire::address::Target;
use crate::wire::dialect::Dialect;
use crate::wire::query::Query;

/// Headers of the form's own request that say something of its sender, or on what its file's storing depends.
const KEPT: [HeaderName; 6] = [HOST, IF_MATCH, IF_NONE_MATCH, ORIGIN, REFERER, USER_AGENT];
/// Fields that are headers of the object under the same name.
const STANDARD: [HeaderName; 7] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    HeaderName::from_static("content-md5"),
    CONTENT_TYPE,
    EXPIRES,
];
/// Fields that belong to the signature (tails).
const SIGNATURE_TAILS: [&str; 5] = ["algorithm", "credential", "date", "security-token", "signature"];
/// What stands for the file's name in a key.
const FILE_NAME: &str = "${filename}";

impl Fields {
    /// The key of the object, with the file's name put in where it is asked for; `None` where there is no such field.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.get("key").map(|key| key.replace(FILE_NAME, &self.file_name))
    }

    /// Whether there is a field of Signature Version 4.
    #[must_use]
    pub fn is_signed_v4(&self) -> bool {
        const FIELDS: [&str; 3] = ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"];
        FIELDS.iter().any(|name| self.get(name).is_some())
    }

    /// The vocabulary of the form: that of its signature, else of the first field with a prefix, else `fallback`.
    #[must_use]
    pub fn dialect(&self, fallback: Dialect) -> Dialect {
        let has = |names: &[&str]| names.iter().any(|name| self.get(name).is_some());
        if self.is_signed_v4() {
            Dialect::S3
        } else if has(&["AccessKeyId", "ObsAccessKeyId", "token"]) {
            Dialect::Obs
        } else if has(&["AWSAccessKeyId"]) {
            Dialect::AwsV2
        } else {
            self.iter().find_map(|(name, _)| Dialect::of_name(name)).unwrap_or(fallback)
        }
    }

    /// The request this form stands for, sent with `head`.
    ///
    /// A missing key is 400 `InvalidArgument`, a bad one as [`ObjectKey::parse`] says; a field that fits in no header is
    /// 400 `InvalidArgument`. Fields that name no header are not looked at.
    pub fn request(&self, head: &Head) -> Result<Head> {
        let dialect = self.dialect(head.dialect);
        let key = self.key().ok_or_else(|| Code::InvalidArgument.because("The form has no field key."))?;
        let mut headers = HeaderMap::new();
        for name in KEPT {
            if let Some(value) = head.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        for (name, value) in self.iter() {
            let Some(header) = header_of(name, dialect) else { continue };
            let parts = HeaderName::try_from(header).ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
            let (header, value) = parts
                .ok_or_else(|| Code::InvalidArgument.because(format!("The field {name} does not fit in a header.")))?;
            if headers.insert(header, value).is_some() {
                return Err(Code::InvalidArgument.because(format!("The form says {name} twice.")));
            }
        }
        Ok(Head {
            method: head.method.clone(),
            uri: head.uri.clone(),
            headers,
            target: Target { key: Some(ObjectKey::parse(&key)?), ..head.target.clone() },
            // What stands in the address is covered by no signature of a form.
            query: Query::default(),
            dialect,
            is_framed: true,
            has_framed_body: true,
        })
    }
}

/// The header a field stands for, in lower case.
fn header_of(name: &str, dialect: Dialect) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if name == "acl" {
        return Some([dialect.header_prefix(), &name].concat());
    }
    let tail = name.strip_prefix("x-obs-").or_else(|| name.strip_prefix("x-amz-"));
    match tail {
        Some(tail) => (!SIGNATURE_TAILS.contains(&tail)).then_some(name),
        None => STANDARD.iter().any(|standard| standard.as_str() == name).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn head() -> Head {
        let request = hyper::Request::post("/?x-obs-acl=private").header("host", "photos.obs.example.com");
        let request =
            request.header("user-agent", "browser").header("x-obs-acl", "private").header("content-length", "9");
        let endpoints = Endpoints::new(vec!["obs.example.com".into()]);
        Head::parse(request.body(()).unwrap().into_parts().0, &endpoints).unwrap()
    }

    #[test]
    fn fields_become_headers_and_the_key_the_address() {
        let mut fields: Fields = [
            ("Key", "dir/${filename}-${filename}"),
            ("Content-Type", "text/plain"),
            ("ACL", "public-read"),
            ("x-obs-meta-Colour", "grün"),
            ("x-obs-security-token", "token"),
            ("AccessKeyId", "AK"),
            ("submit", "Upload"),
            ("Authorization", "OBS a:b"),
            ("Content-Length", "1"),
        ]
        .into_iter()
        .collect();
        fields.file_name = "a b.txt".to_owned();
        let head = fields.request(&head()).unwrap();
        assert_eq!(head.target.resource(), "/photos/dir/a b.txt-a b.txt");
        assert_eq!((head.own("acl"), head.own("meta-colour")), (Some("public-read"), Some("grün")));
        let mut names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "host", "user-agent", "x-obs-acl", "x-obs-meta-colour"]);
        assert_eq!((head.content_length().unwrap(), head.dialect), (None, Dialect::Obs));
    }

    #[test]
    fn the_signature_says_the_dialect_then_prefixes() {
        let check = |names: &[&str], expected| {
            let fields: Fields = names.iter().map(|name| (*name, "")).collect();
            assert_eq!(fields.dialect(Dialect::Obs), expected, "{names:?}");
        };
        check(&[], Dialect::Obs);
        check(&["Accesskeyid", "x-amz-acl"], Dialect::Obs);
        check(&["ObsAccessKeyId"], Dialect::Obs);
        check(&["Token", "x-amz-acl"], Dialect::Obs);
        check(&["AwsAccesskeyid", "x-obs-acl"], Dialect::AwsV2);
        check(&["key", "X-Amz-Signature"], Dialect::S3);
        check(&["x-obs-acl", "X-Amz-Credential"], Dialect::S3);
        check(&["x-obs-acl", "x-amz-acl"], Dialect::Obs);
    }

    #[test]
    fn what_fits_in_no_request_is_refused() {
        let check = |fields: &[(&str, &str)], code| {
            let fields: Fields = fields.iter().copied().collect();
            assert_eq!(fields.request(&head()).unwrap_err().code(), code, "{fields:?}");
        };
        check(&[("acl", "private")], Code::InvalidArgument);
        check(&[("key", &"k".repeat(1025))], Code::KeyTooLong);
        check(&[("key", "${filename}")], Code::InvalidArgument);
        check(&[("key", "k"), ("x-obs-meta-a", "1\r\n2")], Code::InvalidArgument);
        check(&[("key", "k"), ("x-obs-meta-a b", "1")], Code::InvalidArgument);
        check(&[("key", "k"), ("acl", "private"), ("x-obs-acl", "private")], Code::InvalidArgument);
    }
}

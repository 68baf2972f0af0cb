//! The strings that OBS and AWS V2 signatures cover, and the variants of them that published clients sign.
//!
//! Pure string building: no keys, no digests, no clock.

use std::cmp::Ordering;

use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName};

use crate::name::BucketName;
use crate::wire::Head;
use crate::wire::address::Style;
use crate::wire::percent::{self, Plus};
use crate::wire::query::Query;

/// The parts of a request a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    method: &'a str,
    headers: &'a HeaderMap,
    query: &'a Query,
    raw_path: &'a str,
    host_bucket: Option<&'a str>,
    is_bucket: bool,
    /// `x-obs-` or `x-amz-`: whose headers and parameters are covered.
    prefix: &'static str,
    /// The dialect's own parameters are covered as the headers they stand for, not as part of the resource.
    moves_parameters: bool,
    /// The signature is in the URL, which others than its maker use.
    is_url: bool,
}

/// One way to write the resource. The default is what documents and nearly all clients agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    path: PathForm,
    /// A bucket's resource with its last slash added or taken away: boto3 requests `/bucket` and signs `/bucket/`,
    /// documents do both.
    other_slash: bool,
    /// Parameters that not every list of signed ones has are left out.
    without_disputed: bool,
    /// An empty value is signed as `name=`, as esdk-obs-python does, rather than `name`.
    with_empty: bool,
}

/// How the path is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PathForm {
    /// As on the wire.
    #[default]
    Raw,
    /// Decoded and encoded again by RFC 3986.
    Encoded,
    /// Decoded and encoded again as Java's `URLEncoder` does.
    Form,
}

impl<'a> Input<'a> {
    /// The parts of `head` that a signature with `prefix` covers.
    pub fn of(head: &'a Head, prefix: &'static str) -> Self {
        let bucket = head.target.bucket.as_ref();
        Self {
            method: head.method.as_str(),
            headers: &head.headers,
            query: &head.query,
            raw_path: head.raw_path(),
            host_bucket: bucket.filter(|_| head.target.style == Style::VirtualHost).map(BucketName::as_str),
            is_bucket: bucket.is_some() && head.target.key.is_none(),
            prefix,
            moves_parameters: false,
            is_url: false,
        }
    }

    /// The same parts as a signature in the URL covers them.
    #[must_use]
    pub fn in_url(self) -> Self {
        Self { is_url: true, ..self }
    }

    /// The same parts as botocore covers them in URLs: it signs `x-amz-` headers as such and then sends them as
    /// parameters. `None` where there is nothing to move, and where a header of the same name was sent too: then it
    /// would be open which of the two was signed.
    pub fn with_moved_parameters(&self) -> Option<Self> {
        let mut own = self.own_parameters().peekable();
        own.peek()?;
        let is_ambiguous = own.any(|(name, _)| self.headers.contains_key(name));
        (!is_ambiguous).then_some(Self { moves_parameters: true, ..*self })
    }

    fn own_parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = self.prefix;
        let own = self.query.iter().filter(move |(name, _)| has_prefix(name, prefix));
        own.map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// The `Date` slot of a header signature: empty when the dialect's own date header is there, because that one is
    /// covered as a header.
    pub fn date_slot(&self) -> &'a str {
        if self.own_date().is_some() { "" } else { header_text(self.headers, &DATE).unwrap_or_default() }
    }

    /// The date a header signature was made at, as sent.
    pub fn date(&self) -> Option<&'a str> {
        self.own_date().or_else(|| header_text(self.headers, &DATE))
    }

    fn own_date(&self) -> Option<&'a str> {
        let is_it = |name: &HeaderName| name.as_str().strip_prefix(self.prefix) == Some("date");
        let (_, value) = self.headers.iter().find(|(name, _)| is_it(name))?;
        str::from_utf8(value.as_bytes()).ok()
    }

    /// Appends everything before the resource: method, digest, type, date, each with a newline, then the headers.
    pub fn write_before_resource(&self, date_slot: &str, string: &mut Vec<u8>) {
        let mut by_name = self.headers.iter();
        let md5 =
            by_name.find(|(name, _)| name.as_str() == "content-md5").map_or(&b""[..], |(_, value)| value.as_bytes());
        let content_type = self.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        for slot in [self.method.as_bytes(), md5, content_type, date_slot.as_bytes()] {
            string.extend_from_slice(slot);
            string.push(b'\n');
        }
        self.write_headers(string);
    }

    /// `name:value` lines of the covered headers, sorted; values of one name joined by `,`.
    fn write_headers(&self, string: &mut Vec<u8>) {
        if self.moves_parameters {
            return self.write_headers_and_parameters(string);
        }
        let mut names: Vec<&str> = Vec::new();
        for name in self.headers.keys().map(HeaderName::as_str) {
            if name.starts_with(self.prefix) {
                names.push(name);
            }
        }
        names.sort_unstable();
        for name in names {
            string.extend_from_slice(name.as_bytes());
            let mut separator = b':';
            for value in self.headers.get_all(name) {
                string.push(separator);
                string.extend_from_slice(value.as_bytes().trim_ascii());
                separator = b',';
            }
            string.push(b'\n');
        }
    }

    /// As [`Input::write_headers`], with parameters among them; no name is both.
    fn write_headers_and_parameters(&self, string: &mut Vec<u8>) {
        let own_headers = self.headers.keys().filter(|name| name.as_str().starts_with(self.prefix));
        let mut lines: Vec<(String, Vec<u8>)> = own_headers
            .map(|name| {
                let values: Vec<_> =
                    self.headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii()).collect();
                (name.as_str().to_owned(), values.join(&b','))
            })
            .collect();
        let parameters = self.own_parameters();
        lines.extend(
            parameters.map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii().as_bytes().to_vec())),
        );
        lines.sort_unstable();
        for (name, value) in lines {
            string.extend_from_slice(name.as_bytes());
            string.push(b':');
            string.extend_from_slice(&value);
            string.push(b'\n');
        }
    }

    /// Appends the resource: path, then the signed parameters.
    pub fn write_resource(&self, variant: Variant, string: &mut Vec<u8>) {
        if let Some(bucket) = self.host_bucket {
            string.push(b'/');
            string.extend_from_slice(bucket.as_bytes());
        }
        self.write_path(variant.path, string);
        if variant.other_slash && string.pop_if(|last| *last == b'/').is_none() {
            string.push(b'/');
        }
        if self.query.is_empty() {
            return;
        }
        let mut separator = b'?';
        for (name, value) in self.signed_parameters(variant.without_disputed) {
            string.push(separator);
            string.extend_from_slice(name.as_bytes());
            if let Some(value) = value.filter(|value| variant.with_empty || !value.is_empty()) {
                string.push(b'=');
                string.extend_from_slice(value.as_bytes());
            }
            separator = b'&';
        }
    }

    fn write_path(&self, form: PathForm, string: &mut Vec<u8>) {
        let mut decoded = Vec::new();
        match form {
            // A path that does not decode was refused long before; as sent is as good as any then.
            _ if form == PathForm::Raw || percent::decode_into(self.raw_path, Plus::Literal, &mut decoded).is_err() => {
                string.extend_from_slice(self.raw_path.as_bytes());
            }
            PathForm::Form => percent::encode_form_path(&decoded, string),
            _ => percent::encode_path(&decoded, string),
        }
    }

    fn signed_parameters(&self, without_disputed: bool) -> Vec<(&'a str, Option<&'a str>)> {
        let mut signed: Vec<(&str, Option<&str>)> = Vec::new();
        for (name, value) in self.query.iter() {
            match self.standing(name) {
                Standing::Unsigned => {}
                Standing::Disputed if without_disputed => {}
                Standing::Signed | Standing::Disputed => signed.push((name, value)),
            }
        }
        signed.sort_unstable_by_key(|(name, _)| *name);
        signed
    }

    /// Every variant that differs from the default one for this request, which is tried first and apart.
    pub fn other_variants(&self) -> Vec<Variant> {
        let mut variants = vec![Variant::default()];
        let mut widen = |applies: bool, change: fn(&mut Variant)| {
            if applies {
                let changed: Vec<Variant> = variants
                    .iter()
                    .map(|variant| {
                        let mut variant = *variant;
                        change(&mut variant);
                        variant
                    })
                    .collect();
                variants.extend(changed);
            }
        };
        let has_disputed = self.query.iter().any(|(name, _)| self.standing(name) == Standing::Disputed);
        let has_empty =
            self.query.iter().any(|(name, value)| value == Some("") && self.standing(name) != Standing::Unsigned);
        widen(self.is_bucket, |variant| variant.other_slash = true);
        widen(has_disputed, |variant| variant.without_disputed = true);
        widen(has_empty, |variant| variant.with_empty = true);
        let path = |form| {
            let mut path = Vec::with_capacity(self.raw_path.len());
            self.write_path(form, &mut path);
            path
        };
        let (encoded, form) = (path(PathForm::Encoded), path(PathForm::Form));
        let is_new_form = form != encoded && form != self.raw_path.as_bytes();
        let plain = variants.clone();
        let with_path = |path: PathForm| plain.iter().map(move |variant| Variant { path, ..*variant });
        if encoded != self.raw_path.as_bytes() {
            variants.extend(with_path(PathForm::Encoded));
        }
        if is_new_form {
            variants.extend(with_path(PathForm::Form));
        }
        variants.remove(0);
        variants
    }

    fn standing(&self, name: &str) -> Standing {
        if has_prefix(name, self.prefix) {
            return if self.moves_parameters { Standing::Unsigned } else { Standing::Signed };
        }
        match SIGNED_PARAMETERS.binary_search_by(|(known, _)| compare_ignoring_case(known, name)) {
            Err(_) => Standing::Unsigned,
            Ok(at) => match SIGNED_PARAMETERS[at].1 {
                By::All => Standing::Signed,
                By::AllButBotocore if self.prefix == "x-obs-" => Standing::Signed,
                By::AllInUrls if self.is_url => Standing::Signed,
                By::AllButBotocore | By::AllInUrls | By::Some => Standing::Disputed,
            },
        }
    }
}

/// Whether a parameter is part of the resource.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Signed,
    Disputed,
    Unsigned,
}

/// Who signs a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Documents and SDKs alike.
    All,
    /// All but botocore, which knows V2 signatures only.
    AllButBotocore,
    /// Some SDKs or documents. It picks an operation: in a header its sender is who signed, but whoever was given a URL
    /// for one operation could make one for another of it, so there it has to be covered.
    AllInUrls,
    /// Some SDKs or documents.
    Some,
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok())
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Compares a lower-case name with one in any case.
fn compare_ignoring_case(known: &str, name: &str) -> Ordering {
    known.bytes().cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
}

/// Names of signed parameters in lower case, sorted: the union of the OBS reference's text and samples and of the
/// lists of esdk-obs-python, -java, -go and botocore. List parameters and those of the signature are in none.
const SIGNED_PARAMETERS: &[(&str, By)] = &[
    ("accelerate", By::Some),
    ("acl", By::All),
    ("analytics", By::Some),
    ("append", By::AllInUrls),
    ("attname", By::Some),
    ("attributes", By::AllInUrls),
    ("backtosource", By::Some),
    ("bucketstatus", By::AllInUrls),
    ("cdnnotifyconfiguration", By::Some),
    ("cors", By::All),
    ("customdomain", By::Some),
    ("defaultobjectacl", By::Some),
    ("delete", By::All),
    ("deletebucket", By::All),
    ("directcoldaccess", By::Some),
    ("dispolicy", By::Some),
    ("encryption", By::AllButBotocore),
    ("fileinterface", By::Some),
    ("getcontentsummary", By::Some),
    ("ignore-sign-in-query", By::Some),
    ("inventory", By::All),
    ("legal-hold", By::AllInUrls),
    ("length", By::All),
    ("lifecycle", By::All),
    ("listcontentsummary", By::Some),
    ("location", By::All),
    ("logging", By::All),
    ("metadata", By::All),
    ("metrics", By::Some),
    ("mirrorbacktosource", By::Some),
    ("mirrorrefresh", By::Some),
    ("modify", By::All),
    ("multilistcontentsummary", By::Some),
    ("name", By::All),
    ("notification", By::All),
    ("object-lock", By::AllInUrls),
    ("obsalias", By::Some),
    ("obsbucketalias", By::Some),
    ("obscompresspolicy", By::Some),
    ("obsworkflowtriggerpolicy", By::Some),
    ("orchestration", By::Some),
    ("ownershipcontrols", By::AllInUrls),
    ("partnumber", By::All),
    ("policy", By::All),
    ("policystatus", By::AllInUrls),
    ("position", By::All),
    ("publicaccessblock", By::AllInUrls),
    ("quota", By::All),
    ("readahead", By::Some),
    ("rename", By::All),
    ("replication", By::All),
    ("replication_progress", By::Some),
    ("requestpayment", By::All),
    ("response-cache-control", By::All),
    ("response-content-disposition", By::All),
    ("response-content-encoding", By::All),
    ("response-content-language", By::All),
    ("response-content-type", By::All),
    ("response-expires", By::All),
    ("restore", By::All),
    ("retention", By::AllInUrls),
    ("select", By::Some),
    ("select-type", By::Some),
    ("storageclass", By::All),
    ("storageinfo", By::All),
    ("storagepolicy", By::All),
    ("symlink", By::Some),
    ("tagging", By::All),
    ("torrent", By::All),
    ("truncate", By::All),
    ("uploadid", By::All),
    ("uploads", By::All),
    ("versionid", By::All),
    ("versioning", By::All),
    ("versions", By::All),
    ("website", By::All),
    ("x-image-process", By::Some),
    ("x-image-save-bucket", By::Some),
    ("x-image-save-object", By::Some),
    ("x-obs-accesslabel", By::Some),
    ("x-oss-process", By::Some),
    ("x-workflow-execution-state", By::Some),
    ("x-workflow-execution-type", By::Some),
    ("x-workflow-graph-name", By::Some),
    ("x-workflow-limit", By::Some),
    ("x-workflow-next-marker", By::Some),
    ("x-workflow-prefix", By::Some),
    ("x-workflow-start", By::Some),
    ("x-workflow-template-name", By::Some),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn head(uri: &str, host: &str, lines: &[(&str, &str)]) -> Head {
        let request = lines
            .iter()
            .fold(hyper::Request::get(uri).header("host", host), |request, line| request.header(line.0, line.1));
        let endpoints = Endpoints::new(vec!["obs.example.com".into()]);
        Head::parse(request.body(()).unwrap().into_parts().0, &endpoints).unwrap()
    }

    fn resources(head: &Head, prefix: &'static str) -> Vec<String> {
        let input = Input::of(head, prefix);
        let all = std::iter::once(Variant::default()).chain(input.other_variants());
        all.map(|variant| {
            let mut resource = Vec::new();
            input.write_resource(variant, &mut resource);
            String::from_utf8(resource).unwrap()
        })
        .collect()
    }

    fn check(uri: &str, host: &str, expected: &[&str]) {
        assert_eq!(resources(&head(uri, host, &[]), "x-obs-"), expected, "{host} {uri}");
    }

    #[test]
    fn the_table_is_sorted_and_lower_case() {
        assert!(SIGNED_PARAMETERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(SIGNED_PARAMETERS.iter().all(|(name, _)| *name == name.to_ascii_lowercase()));
    }

    #[test]
    fn resources_and_their_variants() {
        let (bucket, ip) = ("photos.obs.example.com", "192.0.2.10:9000");
        check("/", "obs.example.com", &["/"]);
        check("/?quota", bucket, &["/photos/?quota", "/photos?quota"]);
        check("/photos?quota", ip, &["/photos?quota", "/photos/?quota"]);
        check("/photos/?prefix=a&marker=b", ip, &["/photos/", "/photos"]);
        check("/k?versionId=1&acl", bucket, &["/photos/k?acl&versionId=1"]);
        check("/k?ACL&versionid=1", bucket, &["/photos/k?ACL&versionid=1"]);
        check("/k?acl=", bucket, &["/photos/k?acl", "/photos/k?acl="]);
        check("/k?attname=a", bucket, &["/photos/k?attname=a", "/photos/k"]);
        check("/k?x-obs-acl=private&X-Obs-A=1&x-amz-acl=a", bucket, &["/photos/k?X-Obs-A=1&x-obs-acl=private"]);
        check("/k?response-content-type=text%2Fplain+x", bucket, &["/photos/k?response-content-type=text/plain x"]);
        check("/a%20b*~", bucket, &["/photos/a%20b*~", "/photos/a%20b%2A~", "/photos/a+b*%7E"]);
        // It picks an operation, so no signature may leave it out.
        check("/?requestPayment", bucket, &["/photos/?requestPayment", "/photos?requestPayment"]);
        check("/photos//a/", ip, &["/photos//a/"]);
        check(
            "/?customdomain=",
            bucket,
            &[
                "/photos/?customdomain",
                "/photos?customdomain",
                "/photos/",
                "/photos",
                "/photos/?customdomain=",
                "/photos?customdomain=",
                "/photos/",
                "/photos",
            ],
        );
    }

    #[test]
    fn urls_cover_what_picks_an_operation() {
        let head = head("/k?retention", "photos.obs.example.com", &[]);
        assert_eq!(resources(&head, "x-amz-"), ["/photos/k?retention", "/photos/k"]);
        let url = Input::of(&head, "x-amz-").in_url();
        assert_eq!(url.other_variants(), []);
    }

    #[test]
    fn only_botocore_leaves_encryption_out() {
        let head = head("/photos/?encryption", "192.0.2.10", &[]);
        assert_eq!(resources(&head, "x-obs-").len(), 2);
        assert_eq!(resources(&head, "x-amz-"), ["/photos/?encryption", "/photos?encryption", "/photos/", "/photos"]);
    }

    #[test]
    fn headers_are_sorted_joined_and_trimmed() {
        let head = head(
            "/photos/k",
            "192.0.2.10",
            &[
                ("x-obs-meta-b", " 1 "),
                ("x-obs-acl", "Private"),
                ("x-amz-acl", "x"),
                ("x-obs-meta-b", "2"),
                ("content-type", "text/plain"),
                ("content-md5", "digest"),
                ("date", "then"),
                ("x-obs-meta-a", ""),
            ],
        );
        let check = |prefix, expected: &str| {
            let mut string = Vec::new();
            let input = Input::of(&head, prefix);
            input.write_before_resource(input.date_slot(), &mut string);
            assert_eq!(String::from_utf8(string).unwrap(), expected);
        };
        check("x-obs-", "GET\ndigest\ntext/plain\nthen\nx-obs-acl:Private\nx-obs-meta-a:\nx-obs-meta-b:1,2\n");
        check("x-amz-", "GET\ndigest\ntext/plain\nthen\nx-amz-acl:x\n");
    }

    #[test]
    fn the_own_date_header_empties_the_slot() {
        let head = head("/", "192.0.2.10", &[("date", "then"), ("x-obs-date", "now")]);
        let (obs, aws) = (Input::of(&head, "x-obs-"), Input::of(&head, "x-amz-"));
        assert_eq!((obs.date_slot(), obs.date()), ("", Some("now")));
        assert_eq!((aws.date_slot(), aws.date()), ("then", Some("then")));
    }
}

//! The policy of a signed form: until when it holds, what its fields may be, how large its file (OBS reference,
//! "Authentication of Signature Carried in a Table").
//!
//! Read liberally where the reference's own samples are no JSON, strictly where a policy would mean less than it says.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::clock::{UnixMillis, parse_iso_date};
use crate::error::{Code, Error, Result};
use crate::name::BucketName;
use crate::wire::form::Fields;

/// Fields no condition need cover.
const UNCOVERED: [&str; 9] = [
    "accesskeyid",
    "awsaccesskeyid",
    "bucket",
    "file",
    "obsaccesskeyid",
    "policy",
    "signature",
    "token",
    "x-amz-signature",
];

/// A policy, read.
#[derive(Debug, PartialEq, Eq)]
pub struct FormPolicy {
    expires_millis: UnixMillis,
    conditions: Vec<Condition>,
    length: RangeInclusive<u64>,
}

#[derive(Debug, PartialEq, Eq)]
struct Condition {
    /// In lower case.
    field: String,
    value: String,
    /// The field need only begin with the value.
    is_prefix: bool,
}

impl FormPolicy {
    /// Reads the Base64 text of a policy; 400 `InvalidPolicyDocument` says what is wrong with it.
    pub fn parse(base64: &str) -> Result<Self> {
        let compact: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let text = STANDARD.decode(compact).ok().and_then(|text| String::from_utf8(text).ok());
        let text = text.ok_or_else(|| invalid("it is not the Base64 of a text"))?;
        let document = serde_json::from_str(&as_json(&text)).map_err(|error| invalid(error.to_string()))?;
        let Value::Object(members) = document else { return Err(invalid("it is no JSON object")) };
        if let Some(unknown) = members.keys().find(|name| !["expiration", "conditions"].contains(&name.as_str())) {
            return Err(invalid(format!("it has a member {unknown}")));
        }
        let expiration = members.get("expiration").and_then(Value::as_str);
        let expires_millis = expiration.and_then(parse_expiration).ok_or_else(|| {
            invalid("its expiration is not of the form 2027-01-31T00:00:00Z or 2027-01-31T00:00:00.000Z")
        })?;
        let conditions = members.get("conditions").and_then(Value::as_array);
        let mut policy = Self { expires_millis, conditions: Vec::new(), length: 0..=u64::MAX };
        for condition in conditions.ok_or_else(|| invalid("it has no list of conditions"))? {
            policy.add(condition)?;
        }
        Ok(policy)
    }

    fn add(&mut self, condition: &Value) -> Result<()> {
        let not_one = || invalid(format!("{condition} is no condition"));
        match condition {
            Value::Object(members) => self.conditions.push(parse_equality(members).ok_or_else(not_one)?),
            Value::Array(parts) => {
                let [operator, first, second] = parts.as_slice() else { return Err(not_one()) };
                let operator = operator.as_str().ok_or_else(not_one)?.to_ascii_lowercase();
                if operator == "content-length-range" {
                    let (least, most) = parse_number(first).zip(parse_number(second)).ok_or_else(not_one)?;
                    if least > most {
                        return Err(not_one());
                    }
                    self.length = least.max(*self.length.start())..=most.min(*self.length.end());
                    return Ok(());
                }
                let is_prefix = match operator.as_str() {
                    "eq" => false,
                    "starts-with" => true,
                    _ => return Err(not_one()),
                };
                let field = first.as_str().and_then(|field| field.strip_prefix('$')).ok_or_else(not_one)?;
                let value = second.as_str().ok_or_else(not_one)?.to_owned();
                self.conditions.push(Condition { field: field.to_ascii_lowercase(), value, is_prefix });
            }
            _ => return Err(not_one()),
        }
        Ok(())
    }

    /// Whether the form, sent to `bucket`, is one the policy allows at `now`; gives how many bytes its file may have.
    ///
    /// A policy that has run out, a condition that does not hold, and a field that none covers are 403
    /// `AccessDenied`. The bucket, which is no field, has to be covered too.
    pub fn check(&self, fields: &Fields, bucket: &BucketName, now: UnixMillis) -> Result<RangeInclusive<u64>> {
        if self.expires_millis <= now {
            return Err(denied("Policy expired."));
        }
        let key = fields.key();
        for condition in &self.conditions {
            let found = match condition.field.as_str() {
                "bucket" => Some(bucket.as_str()),
                // With the name of the file in it: that is what will be stored.
                "key" => key.as_deref(),
                field => fields.get(field),
            };
            if !condition.holds(found) {
                return Err(denied(format!("Policy Condition failed for the field {}.", condition.field)));
            }
        }
        let has_condition = |field: &str| self.conditions.iter().any(|condition| condition.field == field);
        if !has_condition("bucket") {
            return Err(denied("Extra input fields: bucket."));
        }
        for (name, _) in fields.iter() {
            let name = name.to_ascii_lowercase();
            // A checksum says nothing of an object that its bytes do not; clients send it beside what they signed.
            let is_covered = name.starts_with("x-ignore-")
                || name.starts_with("x-amz-checksum-")
                || UNCOVERED.contains(&name.as_str())
                || has_condition(&name);
            if !is_covered {
                return Err(denied(format!("Extra input fields: {name}.")));
            }
        }
        Ok(self.length.clone())
    }
}

impl Condition {
    /// An absent field begins with nothing, and is equal to nothing.
    fn holds(&self, found: Option<&str>) -> bool {
        match found {
            // A list of types begins so only where each of them does (S3 reference, "Condition matching").
            Some(found) if self.is_prefix && self.field == "content-type" => {
                found.split(',').all(|kind| kind.trim_start().starts_with(&self.value))
            }
            Some(found) if self.is_prefix => found.starts_with(&self.value),
            Some(found) => found == self.value,
            None => self.is_prefix && self.value.is_empty(),
        }
    }
}

/// A number; libraries for browsers write it as a text, too.
fn parse_number(value: &Value) -> Option<u64> {
    let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    value.as_u64().or_else(|| value.as_str().filter(is_number)?.parse().ok())
}

/// `{"field": "value"}`.
fn parse_equality(members: &Map<String, Value>) -> Option<Condition> {
    let mut members = members.iter();
    let (field, value) = members.next()?;
    let is_one = members.next().is_none();
    let value = value.as_str()?.to_owned();
    is_one.then(|| Condition { field: field.to_ascii_lowercase(), value, is_prefix: false })
}

fn parse_expiration(text: &str) -> Option<UnixMillis> {
    let has_form = matches!(text.len(), 20 | 24) && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    if has_form { parse_iso_date(text) } else { None }
}

/// JSON without what the reference allows beyond it: `\$` and `\v` in texts, a comma after the last of several.
fn as_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut is_text = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if is_text => match rest.next() {
                Some('$') => json.push('$'),
                Some('v') => json.push_str("\\u000b"),
                escaped => {
                    json.push('\\');
                    json.extend(escaped);
                }
            },
            ',' if !is_text => {
                if !rest.as_str().trim_start().starts_with([']', '}']) {
                    json.push(',');
                }
            }
            _ => {
                is_text ^= c == '"';
                json.push(c);
            }
        }
    }
    json
}

fn invalid(what: impl Into<String>) -> Error {
    Code::InvalidPolicyDocument.because(format!("The policy of the form is not valid: {}.", what.into()))
}

fn denied(what: impl Into<String>) -> Error {
    Code::AccessDenied.because(format!("Invalid according to Policy: {}", what.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = 1_435_721_265_000;

    fn policy(json: &str) -> Result<FormPolicy> {
        FormPolicy::parse(&STANDARD.encode(json))
    }

    fn with_conditions(conditions: &str) -> Result<FormPolicy> {
        policy(&format!(r#"{{"expiration": "2015-07-01T04:00:00Z", "conditions": [{conditions}]}}"#))
    }

    fn judge(conditions: &str, fields: &[(&str, &str)]) -> Result<RangeInclusive<u64>> {
        let mut fields: Fields = fields.iter().copied().collect();
        fields.file_name = "a.txt".to_owned();
        with_conditions(conditions)?.check(&fields, &BucketName::parse("photos").unwrap(), NOW)
    }

    /// With a key that a condition of its own covers, and the bucket.
    fn check(conditions: &str, field: (&str, &str), code: Option<Code>) {
        let conditions = format!(r#"["starts-with", "$key", ""], ["starts-with", "$bucket", ""], {conditions}"#);
        let outcome = judge(&conditions, &[("key", "k"), field]);
        assert_eq!(outcome.err().map(|error| error.code()), code, "{conditions} {field:?}");
    }

    #[test]
    fn conditions_hold_or_not() {
        const NO: Option<Code> = Some(Code::AccessDenied);
        check(r#"{"acl": "private"}"#, ("acl", "private"), None);
        check(r#"{"ACL": "private"}"#, ("Acl", "private"), None);
        check(r#"{"acl": "private"}"#, ("acl", "Private"), NO);
        check(r#"["eq", "$acl", "private"]"#, ("acl", "private"), None);
        check(r#"["Eq", "$Acl", "private"]"#, ("acl", "privat"), NO);
        check(r#"["starts-with", "$Content-Type", "image/"]"#, ("content-type", "image/png"), None);
        check(r#"["Starts-With", "$Content-Type", "image/"]"#, ("content-type", "text/image/"), NO);
        check(r#"["starts-with", "$acl", ""]"#, ("acl", "anything"), None);
        // A field may be wanted that is not there.
        check(r#"{"acl": "private"}"#, ("x-ignore-a", ""), NO);
        check(r#"{"acl": ""}"#, ("x-ignore-a", ""), NO);
        check(r#"["starts-with", "$acl", "p"]"#, ("x-ignore-a", ""), NO);
        check(r#"["starts-with", "$acl", ""]"#, ("x-ignore-a", ""), None);
        // All must hold.
        check(r#"["starts-with", "$acl", "p"], {"acl": "private"}"#, ("acl", "public-read"), NO);
        check(r#"{"bucket": "photos"}"#, ("x-ignore-a", ""), None);
        check(r#"{"bucket": "photoz"}"#, ("x-ignore-a", ""), NO);
        check(r#"{"bucket": "photoz"}"#, ("bucket", "photoz"), NO);
        check(r#"["starts-with", "$bucket", ""]"#, ("bucket", "x"), None);
    }

    #[test]
    fn each_type_of_a_list_begins_as_it_has_to() {
        const IMAGES: &str = r#"["starts-with", "$Content-Type", "image/"]"#;
        check(IMAGES, ("Content-Type", "image/png, image/gif,image/webp"), None);
        for bad in ["image/png,text/html", "image/png, text/html", "image/png,", "text/html,image/png"] {
            check(IMAGES, ("Content-Type", bad), Some(Code::AccessDenied));
        }
        check(r#"["starts-with", "$x-amz-meta-a", "a"]"#, ("x-amz-meta-a", "a,b"), None);
        check(r#"{"Content-Type": "a/b,c/d"}"#, ("Content-Type", "a/b,c/d"), None);
    }

    #[test]
    fn a_policy_says_for_which_bucket_it_is() {
        let code = |conditions: &str| judge(conditions, &[("key", "k")]).err().map(|error| error.code());
        assert_eq!(code(r#"{"key": "k"}"#), Some(Code::AccessDenied));
        assert_eq!(code(r#"{"key": "k"}, {"bucket": "photos"}"#), None);
        assert_eq!(code(r#"{"key": "k"}, {"bucket": "photoz"}"#), Some(Code::AccessDenied));
        assert_eq!(code(r#"{"key": "k"}, ["starts-with", "$bucket", ""]"#), None);
    }

    #[test]
    fn every_field_is_covered() {
        const NO: Option<Code> = Some(Code::AccessDenied);
        for name in ["AccessKeyId", "obsaccesskeyid", "AWSAccessKeyId", "Signature", "POLICY", "token", "X-Ignore-This"]
        {
            check("", (name, "x"), None);
        }
        check("", ("X-Amz-Checksum-SHA256", "x"), None);
        for name in ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "tagging"] {
            check("", (name, "x"), NO);
            check(&format!(r#"{{"{name}": "x"}}"#), (name, "x"), None);
            check(&format!(r#"{{"{name}": "y"}}"#), (name, "x"), NO);
        }
        for name in ["acl", "x-obs-security-token", "success_action_status", "submit", "x-ignore"] {
            check("", (name, "x"), NO);
        }
        assert_eq!(judge("", &[("key", "k")]).unwrap_err().code(), Code::AccessDenied);
    }

    #[test]
    fn the_key_is_the_one_that_is_stored() {
        let pass = |condition: &str, key: &str| {
            judge(&format!(r#"{{"bucket": "photos"}}, {condition}"#), &[("key", key)]).is_ok()
        };
        assert!(pass(r#"["starts-with", "$key", "dir/"]"#, "dir/${filename}"));
        assert!(pass(r#"{"key": "dir/a.txt"}"#, "dir/${filename}"));
        assert!(!pass(r#"{"key": "dir/${filename}"}"#, "dir/${filename}"));
        assert!(!pass(r#"["starts-with", "$key", "dir/"]"#, "${filename}"));
    }

    #[test]
    fn ranges_narrow_each_other() {
        let range = |conditions: &str| {
            let conditions = format!(r#"{{"key": "k"}}, {{"bucket": "photos"}}, {conditions}"#);
            judge(&conditions, &[("key", "k")]).unwrap()
        };
        assert_eq!(range(""), 0..=u64::MAX);
        assert_eq!(range(r#"["content-length-range", 6, 10]"#), 6..=10);
        assert_eq!(range(r#"["Content-Length-Range", 0, 0]"#), 0..=0);
        assert_eq!(range(r#"["content-length-range", "6", "10"]"#), 6..=10);
        assert_eq!(range(r#"["content-length-range", 6, 10], ["content-length-range", 1, 8]"#), 6..=8);
    }

    #[test]
    fn a_policy_holds_until_its_instant() {
        let at = |now| {
            let fields: Fields = std::iter::empty::<(&str, &str)>().collect();
            let conditions = r#"[["starts-with", "$bucket", ""]]"#;
            let policy =
                policy(&format!(r#"{{"expiration": "2015-07-01T03:27:45.500Z", "conditions": {conditions}}}"#));
            let policy = policy.unwrap();
            policy.check(&fields, &BucketName::parse("photos").unwrap(), now).is_ok()
        };
        assert!(at(NOW + 499) && !at(NOW + 500));
    }

    #[test]
    fn samples_of_the_reference_are_read() {
        let lenient = "{ \"expiration\": \"2015-07-01T04:00:00Z\",\n \"conditions\": [ {\"bucket\": \"photos\"}, {\"key\": \"a\\$b\\v\\u0041\\\\\" , }, ] , }";
        let fields: Fields = [("key", "a$b\u{b}A\\")].into_iter().collect();
        let range = policy(lenient).unwrap().check(&fields, &BucketName::parse("photos").unwrap(), NOW);
        assert_eq!(range.unwrap(), 0..=u64::MAX);
        // Commas in texts stay.
        assert_eq!(judge(r#"{"bucket": "photos"}, {"key": "a,]\",}"}"#, &[("key", "a,]\",}")]).unwrap(), 0..=u64::MAX);
        let wrapped = STANDARD.encode(r#"{"expiration": "2015-07-01T04:00:00Z", "conditions": []}"#);
        FormPolicy::parse(&format!("{}\r\n{}\n", &wrapped[..20], &wrapped[20..])).unwrap();
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let refused = |outcome: Result<FormPolicy>, what: &str| {
            assert_eq!(outcome.unwrap_err().code(), Code::InvalidPolicyDocument, "{what}");
        };
        for conditions in [
            "{}",
            r#"{"a": "b", "c": "d"}"#,
            r#"{"a": 1}"#,
            r#"["eq", "acl", "private"]"#,
            r#"["eq", "$acl"]"#,
            r#"["eq", "$acl", "a", "b"]"#,
            r#"["ends-with", "$acl", "a"]"#,
            r#"["content-length-range", 0]"#,
            r#"["content-length-range", -1, 0]"#,
            r#"["content-length-range", "", "1"]"#,
            r#"["content-length-range", "+0", "1"]"#,
            r#"["content-length-range", "0", "18446744073709551616"]"#,
            r#"["content-length-range", 2, 1]"#,
            r#"["content-length-range", 0.5, 1]"#,
            r#""eq""#,
            "[]",
            "null",
        ] {
            refused(with_conditions(conditions), conditions);
        }
        for json in [
            "",
            "[]",
            "{}",
            r#"{"conditions": []}"#,
            r#"{"expiration": "2015-07-01T04:00:00Z"}"#,
            r#"{"Expiration": "2015-07-01T04:00:00Z", "conditions": []}"#,
            r#"{"expiration": "2015-07-01T04:00:00Z", "Conditions": []}"#,
            r#"{"expiration": "2015-07-01T04:00:00Z", "conditions": {}}"#,
            r#"{"expiration": "2015-07-01T04:00:00Z", "conditions": [], "callback": []}"#,
            r#"{"expiration": "2015-07-01T04:00:00+00:00", "conditions": []}"#,
            r#"{"expiration": "2015-07-01 04:00:00Z", "conditions": []}"#,
            r#"{"expiration": "2015-07-32T04:00:00Z", "conditions": []}"#,
            r#"{"expiration": 1435721265, "conditions": []}"#,
        ] {
            refused(policy(json), json);
        }
        refused(FormPolicy::parse("%%"), "no Base64");
        refused(FormPolicy::parse(&STANDARD.encode([0xff])), "no text");
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_refused(text in "([\\[\\]{},:\"\\\\$]|eq|expiration|conditions|\\PC)*") {
            let _ = policy(&text);
        }

        /// What is JSON already means the same.
        #[test]
        fn json_is_left_alone(texts in prop::collection::vec("\\PC{0,10}", 0..5)) {
            let json = serde_json::to_string(&texts).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&as_json(&json)).unwrap(), texts);
        }
    }
}

//! The grammar, line by line; what policies decide; and that neither order nor company changes it.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::access::testing::{NOW, caller, head, peer};
use crate::name::{BucketName, ObjectKey};
use crate::wire::Head;

const ALICE: &str = "0000000000000000000000000000000a";

fn photos() -> BucketName {
    BucketName::parse("photos").unwrap()
}

fn of_bucket(policy: &Value) -> Result<Policy> {
    Policy::of_bucket(policy.to_string().as_bytes(), &photos())
}

/// A policy of one statement that allows everyone everything, with `members` in place of its own; `null` removes one.
fn statement(members: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": ["photos", "photos/*"]
    });
    let (Value::Object(own), Value::Object(members)) = (&mut statement, members) else { unreachable!() };
    for (name, value) in members {
        if value.is_null() {
            own.remove(&name)
        } else {
            own.insert(name, value)
        };
    }
    statement
}

fn policy(members: Value) -> Value {
    json!({ "Statement": statement(members) })
}

/// What a policy says to alice about a request, asked as `action`.
fn decide(policy: &Policy, action: Action, head: &Head) -> Verdict {
    let caller = caller(10, "alice");
    let context = Context::new(head, peer("10.1.2.3"), NOW);
    let key = head.target.key.as_ref().map(ObjectKey::as_str);
    policy.decide(&Question { caller: &caller, action, bucket: "photos", key, context: &context })
}

fn allows(members: Value, action: Action, request: &str) -> bool {
    decide(&of_bucket(&policy(members)).unwrap(), action, &head(request)) == Verdict::Allow
}

fn check_grammar(policy: &Value, accepted: bool) {
    let found = of_bucket(policy);
    if let Err(error) = &found {
        assert_eq!(error.code(), Code::MalformedPolicy);
        assert!(error.message().starts_with("The policy is not valid: "), "{}", error.message());
    }
    assert_eq!(found.is_ok(), accepted, "{policy} {:?}", found.err());
}

#[test]
fn documents_have_statements() {
    let one = statement(json!({}));
    for good in [
        json!({ "Statement": one }),
        json!({ "Statement": [one] }),
        json!({ "Statement": [one, one], "Id": "x", "Version": "2008-10-17" }),
        json!({ "Statement": one, "Version": "2012-10-17" }),
        json!({ "Statement": one, "Version": "1.1" }),
        json!({ "Statement": one, "Version": "5.0" }),
    ] {
        check_grammar(&good, true);
    }
    for bad in [
        json!({}),
        json!([]),
        json!("x"),
        json!(null),
        json!({ "Statement": [] }),
        json!({ "Statement": {} }),
        json!({ "Statement": [one, {}] }),
        json!({ "Statement": [one, 7] }),
        json!({ "Statement": "x" }),
        json!({ "Statement": one, "Version": "2020-01-01" }),
        json!({ "Statement": one, "Version": 1.1 }),
        json!({ "Statement": one, "Id": 7 }),
        json!({ "Statement": one, "Statements": [] }),
        json!({ "statement": one }),
    ] {
        check_grammar(&bad, false);
    }
    for text in ["", "{", "{\"Statement\":[],}", "{}{}", "\u{feff}{}", "{\"Statement\":\"\\ud800\"}"] {
        assert_eq!(Policy::of_bucket(text.as_bytes(), &photos()).unwrap_err().code(), Code::MalformedPolicy, "{text}");
    }
    assert!(Policy::of_bucket(&[0xFF], &photos()).is_err());
    assert!(Policy::of_bucket("[".repeat(20_000).as_bytes(), &photos()).is_err());
}

#[test]
fn a_policy_has_at_most_20_kib() {
    let text = policy(json!({})).to_string();
    let padded = |length: usize| format!("{text}{}", " ".repeat(length - text.len()));
    assert!(Policy::of_bucket(padded(limits::POLICY_BYTES_MAX).as_bytes(), &photos()).is_ok());
    assert!(Policy::of_bucket(padded(limits::POLICY_BYTES_MAX + 1).as_bytes(), &photos()).is_err());
}

#[test]
fn statements_have_one_of_each_pair() {
    for good in [
        json!({}),
        json!({ "Sid": "x" }),
        json!({ "Effect": "Deny" }),
        json!({ "Principal": null, "NotPrincipal": { "ID": ALICE } }),
        json!({ "Action": null, "NotAction": "GetObject" }),
        json!({ "Resource": null, "NotResource": "photos/a" }),
        json!({ "Condition": {} }),
        json!({ "Action": ["getobject", "s3:PutObject", "S3:List*", "obs:object:GetObject", "obs:bucket:*", "*"] }),
        json!({ "Action": "s3:GetObjectTorrent" }),
        json!({ "Action": " GetObject " }),
        json!({ "Resource": "arn:aws:s3:::photos/*" }),
        json!({ "Resource": ["photos", "arn:aws:s3:::photos/a?c"] }),
    ] {
        check_grammar(&policy(good), true);
    }
    for bad in [
        json!({ "Sid": 7 }),
        json!({ "Effect": "allow" }),
        json!({ "Effect": null }),
        json!({ "Effect": ["Allow"] }),
        json!({ "Principal": null }),
        json!({ "NotPrincipal": "*" }),
        json!({ "Principal": "someone" }),
        json!({ "Action": null }),
        json!({ "NotAction": "*" }),
        json!({ "Action": [] }),
        json!({ "Action": "" }),
        json!({ "Action": 7 }),
        json!({ "Action": ["GetObject", null] }),
        json!({ "Action": "FlyToTheMoon" }),
        json!({ "Action": "Get Object" }),
        json!({ "Action": "iam:GetUser" }),
        json!({ "Action": "obs:GetObject" }),
        json!({ "Action": "obs:bucket:GetObject" }),
        json!({ "Action": "obs:object:ListBucket" }),
        json!({ "Action": "Probe" }),
        json!({ "Action": "*".repeat(1000) }),
        json!({ "Resource": null }),
        json!({ "NotResource": "photos" }),
        json!({ "Resource": [] }),
        json!({ "Resource": {} }),
        json!({ "Resource": "*" }),
        json!({ "Resource": "other/*" }),
        json!({ "Resource": ["photos", "other"] }),
        json!({ "Resource": "arn:aws:s3:::*" }),
        json!({ "Condition": [] }),
        json!({ "Condition": "x" }),
        json!({ "condition": {} }),
        json!({ "Users": "*" }),
    ] {
        check_grammar(&policy(bad), false);
    }
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let check = |members: Value, expected: &str| {
        let text = json!({ "Statement": [statement(json!({})), statement(members)] });
        assert_eq!(of_bucket(&text).unwrap_err().message(), expected);
    };
    check(json!({ "Effect": "x" }), "The policy is not valid: statement 2: Effect is Allow or Deny.");
    check(json!({ "Action": "X" }), "The policy is not valid: statement 2: there is no action \"X\".");
    check(
        json!({ "Resource": "other/*" }),
        "The policy is not valid: statement 2: \"other/*\" is neither the bucket photos nor in it.",
    );
    check(
        json!({ "Condition": { "StringEquals": { "colour": "red" } } }),
        "The policy is not valid: statement 2: there is no condition key \"colour\".",
    );
    check(
        json!({ "Condition": { "NumericEquals": { "prefix": "1" } } }),
        "The policy is not valid: statement 2: NumericEquals is not for Prefix.",
    );
}

#[test]
fn conditions_are_operators_for_their_keys() {
    let check = |operator: &str, key: &str, value: Value, accepted: bool| {
        check_grammar(&policy(json!({ "Condition": { operator: { key: value } } })), accepted);
    };
    let text = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike"];
    let text = [&text[..], &["StringNotLike", "streq", "strneq", "streqi", "strneqi", "strl", "strnl"]].concat();
    let number = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
    let short = ["eq", "neq", "lt", "lteq", "gt", "gteq"];
    let named = |long: &str, brief: &str| -> Vec<String> {
        let long = number.iter().map(|name| format!("{long}{name}"));
        long.chain(short.iter().map(|name| format!("{brief}{name}"))).collect()
    };
    let (number, date) = (named("Numeric", "num"), named("Date", "date"));
    let keys = [
        (vec!["UserAgent", "aws:Referer", "prefix", "s3:delimiter", "acl", "s3:x-amz-acl", "copy-source"], json!("x")),
        (vec!["EpochTime", "aws:EpochTime", "max-keys", "s3:max-keys", "Max-Keys"], json!("12")),
        (vec!["CurrentTime", "aws:CurrentTime"], json!("2015-07-01T12:00:00Z")),
        (vec!["SecureTransport", "aws:securetransport"], json!("true")),
        (vec!["SourceIp", "aws:SourceIp", "g:SourceIp"], json!("10.0.0.0/8")),
    ];
    for (kind, (keys, value)) in keys.iter().enumerate() {
        for key in keys {
            for operator in &text {
                check(operator, key, value.clone(), kind == 0);
            }
            for operator in &number {
                check(operator, key, value.clone(), kind == 1);
            }
            for operator in &date {
                check(operator, key, value.clone(), kind == 2);
            }
            check("Bool", key, value.clone(), kind == 3);
            check("IpAddress", key, value.clone(), kind == 4);
            check("NotIpAddress", key, value.clone(), kind == 4);
            check("Null", key, json!("true"), true);
        }
    }
    for operator in ["", "stringequals", "ArnLike", "StringEqual", "NullIfExists", "ForAnyValue:StringEquals"] {
        check(operator, "prefix", json!("x"), false);
    }
    check("StringEqualsIfExists", "prefix", json!("x"), true);
    for key in ["", "x", "aws:prefix", "s3:SourceIp", "s3:x-amz-storage-class", "aws:PrincipalArn", "iam:acl"] {
        check("StringEquals", key, json!("x"), false);
        check("Null", key, json!("true"), false);
    }
    for bad in [json!([]), json!({}), json!(null), json!([["x"]]), json!([null])] {
        check("StringEquals", "prefix", bad, false);
    }
    for bad in ["", "x", "1.5", "1e3", "0x1", "99999999999999999999"] {
        check("NumericEquals", "max-keys", json!(bad), false);
    }
    check("NumericEquals", "max-keys", json!([10, "20"]), true);
    check("Bool", "SecureTransport", json!(true), true);
    for good in ["2015-07-01", "2015-07-01T00:00:00Z", "2015-07-01T00:00:00.5+08:00", "2015-07-01T00:00:00"] {
        check("DateEquals", "CurrentTime", json!(good), true);
    }
    for bad in ["", "now", "1435721265", "2015-13-01", "01 Jul 2015"] {
        check("DateEquals", "CurrentTime", json!(bad), false);
    }
    for good in ["1.2.3.4", "0.0.0.0/0", "::1", "2001:db8::/32", "1.2.3.4/32"] {
        check("IpAddress", "SourceIp", json!(good), true);
    }
    for bad in ["", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/+8", "localhost", "1.2.3.*"] {
        check("IpAddress", "SourceIp", json!(bad), false);
    }
}

#[test]
fn actions_match_by_name_and_wildcard() {
    let check = |pattern: &str, action: Action, expected: bool| {
        let key = if action.level() == crate::access::Level::Object { "/k" } else { "" };
        let found = allows(json!({ "Action": pattern }), action, &format!("GET /photos{key}"));
        assert_eq!(found, expected, "{pattern} {action:?}");
    };
    check("GetObject", Action::GetObject, true);
    check("getobject", Action::GetObject, true);
    check("s3:GetObject", Action::GetObject, true);
    check("S3:GETOBJECT", Action::GetObject, true);
    check("obs:object:GetObject", Action::GetObject, true);
    check("GetObject", Action::GetObjectVersion, false);
    check("GetObject*", Action::GetObjectVersion, true);
    check("Get?bject", Action::GetObject, true);
    check("*", Action::PutBucketAcl, true);
    check("s3:*", Action::PutObject, true);
    check("obs:*:*", Action::PutObject, true);
    check("obs:object:*", Action::PutBucketAcl, false);
    check("obs:bucket:*", Action::PutBucketAcl, true);
    check("List*", Action::ListBucketVersions, true);
    check("List*", Action::GetObject, false);
    // S3 has no name of its own for these.
    check("s3:ListBucket", Action::HeadBucket, true);
    check("ListBucket", Action::HeadBucket, false);
    check("HeadBucket", Action::HeadBucket, true);
    check("s3:PutBucketTagging", Action::DeleteBucketTagging, true);
    check("s3:ReplicateObject", Action::PutObject, false);
    let not = |action| allows(json!({ "Action": null, "NotAction": ["GetObject", "Put*"] }), action, "GET /photos/k");
    assert!(!not(Action::GetObject) && !not(Action::PutObject) && not(Action::DeleteObject));
}

#[test]
fn resources_are_the_bucket_or_keys_in_it() {
    let check = |resource: Value, request: &str, expected: bool| {
        let found = allows(json!({ "Resource": resource }), Action::GetObject, request);
        assert_eq!(found, expected, "{resource} {request}");
    };
    check(json!("photos"), "GET /photos", true);
    check(json!("photos"), "GET /photos/k", false);
    check(json!("photos/*"), "GET /photos", false);
    check(json!("photos/*"), "GET /photos/a/b", true);
    check(json!("arn:aws:s3:::photos/a/*"), "GET /photos/a/b", true);
    check(json!("photos/a/*"), "GET /photos/b", false);
    check(json!("photos/A"), "GET /photos/a", false);
    check(json!(["photos/x", "photos/a?"]), "GET /photos/a%C3%A9", true);
    let not = |request| allows(json!({ "Resource": null, "NotResource": ["photos/a*"] }), Action::GetObject, request);
    assert!(!not("GET /photos/ab") && not("GET /photos/b") && not("GET /photos"));
}

/// Whether a condition holds for a request.
#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn holds(operator: &str, key: &str, value: Value, action: Action, request: &str) -> bool {
    allows(json!({ "Condition": { operator: { key: value } } }), action, request)
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the value in place")]
fn check_list(operator: &str, key: &str, value: Value, query: &str, expected: bool) {
    let found = holds(operator, key, value.clone(), Action::ListBucket, &format!("GET /photos{query}"));
    assert_eq!(found, expected, "{operator} {key} {value} {query}");
}

#[test]
fn string_operators_and_their_negations() {
    check_list("StringEquals", "prefix", json!("a"), "?prefix=a", true);
    check_list("StringEquals", "s3:prefix", json!(["b", "a"]), "?prefix=a", true);
    check_list("StringEquals", "prefix", json!("a"), "?prefix=A", false);
    check_list("StringEquals", "prefix", json!("a*"), "?prefix=ab", false);
    check_list("StringEquals", "prefix", json!(""), "?prefix=", true);
    check_list("StringNotEquals", "prefix", json!("a"), "?prefix=b", true);
    check_list("StringNotEquals", "prefix", json!(["a", "b"]), "?prefix=b", false);
    check_list("streqi", "prefix", json!("aÉ"), "?prefix=A%C3%A9", true);
    check_list("strneqi", "prefix", json!("a"), "?prefix=A", false);
    check_list("StringLike", "prefix", json!("a/*"), "?prefix=a/b", true);
    check_list("StringLike", "prefix", json!("a/*"), "?prefix=A/b", false);
    check_list("StringNotLike", "prefix", json!(["a*", "b*"]), "?prefix=bc", false);
    check_list("StringNotLike", "prefix", json!(["a*", "b*"]), "?prefix=c", true);
    check_list("StringEquals", "delimiter", json!("/"), "?delimiter=/", true);
    // Both have to hold.
    let both = json!({ "Condition": {
        "StringEquals": { "prefix": "a", "delimiter": "/" }, "NumericEquals": { "max-keys": 1 }
    }});
    assert!(allows(both.clone(), Action::ListBucket, "GET /photos?prefix=a&delimiter=/&max-keys=1"));
    assert!(!allows(both.clone(), Action::ListBucket, "GET /photos?prefix=a&delimiter=/"));
    assert!(!allows(both, Action::ListBucket, "GET /photos?prefix=a&delimiter=-&max-keys=1"));
}

#[test]
fn what_is_missing_fails_a_test_and_passes_its_negation() {
    check_list("StringEquals", "prefix", json!("a"), "", false);
    check_list("StringNotEquals", "prefix", json!("a"), "", true);
    check_list("StringLike", "prefix", json!("*"), "", false);
    check_list("StringNotLike", "prefix", json!("*"), "", true);
    check_list("StringEqualsIfExists", "prefix", json!("a"), "", true);
    check_list("StringEqualsIfExists", "prefix", json!("a"), "?prefix=b", false);
    check_list("NumericLessThan", "max-keys", json!(10), "", false);
    check_list("NumericNotEquals", "max-keys", json!(10), "", true);
    check_list("NumericEquals", "max-keys", json!(10), "?max-keys=ten", false);
    check_list("Null", "prefix", json!("true"), "", true);
    check_list("Null", "prefix", json!(false), "", false);
    check_list("Null", "prefix", json!("false"), "?prefix", true);
    check_list("Null", "SourceIp", json!("true"), "", false);
}

#[test]
fn null_is_a_missing_referer() {
    let check = |operator: &str, value: Value, referer: &str, expected: bool| {
        let found = holds(operator, "Referer", value.clone(), Action::GetObject, &format!("GET /photos/k{referer}"));
        assert_eq!(found, expected, "{operator} {value} {referer:?}");
    };
    let own = json!(["http://www.example.com/*", "${null}"]);
    check("StringLike", own.clone(), "\nreferer: http://www.example.com/page", true);
    check("StringLike", own.clone(), "", true);
    check("StringLike", own.clone(), "\nreferer: http://evil.example.org/", false);
    check("StringNotLike", own.clone(), "", false);
    check("StringNotLike", own, "\nreferer: http://evil.example.org/", true);
    check("StringEquals", json!("${null}"), "", true);
    check("StringEquals", json!("${null}"), "\nreferer: ${null}", false);
}

#[test]
fn numbers_dates_addresses_and_flags() {
    for (operator, below, same, above) in [
        ("Equals", false, true, false),
        ("NotEquals", true, false, true),
        ("LessThan", true, false, false),
        ("LessThanEquals", true, true, false),
        ("GreaterThan", false, false, true),
        ("GreaterThanEquals", false, true, true),
    ] {
        let number = format!("Numeric{operator}");
        check_list(&number, "max-keys", json!("10"), "?max-keys=9", below);
        check_list(&number, "max-keys", json!(10), "?max-keys=10", same);
        check_list(&number, "max-keys", json!("10"), "?max-keys=11", above);
        let date = format!("Date{operator}");
        // Now is 2015-07-01T03:27:45.482Z.
        check_list(&date, "CurrentTime", json!("2015-07-01T03:27:46Z"), "", below);
        check_list(&date, "aws:CurrentTime", json!("2015-07-01T03:27:45Z"), "", same);
        check_list(&date, "CurrentTime", json!("2015-07-01"), "", above);
        check_list(&number, "EpochTime", json!(1_435_721_265), "", same);
    }
    for (network, expected) in [
        ("10.1.2.3", true),
        ("10.1.2.4", false),
        ("10.0.0.0/8", true),
        ("10.1.2.0/31", false),
        ("10.1.2.2/31", true),
        ("0.0.0.0/0", true),
        ("::/0", false),
    ] {
        check_list("IpAddress", "SourceIp", json!(network), "", expected);
        check_list("NotIpAddress", "SourceIp", json!(["192.168.0.0/16", network]), "", !expected);
    }
    check_list("Bool", "SecureTransport", json!("false"), "", true);
    check_list("Bool", "SecureTransport", json!("true"), "", false);
    check_list("Bool", "SecureTransport", json!("perhaps"), "", true);
    check_list("StringLike", "UserAgent", json!("curl/*"), "\nuser-agent: curl/8", true);
}

#[test]
fn an_ipv4_address_in_ipv6_is_itself() {
    let policy = of_bucket(&policy(json!({ "Condition": { "IpAddress": { "SourceIp": "10.0.0.0/8" } } }))).unwrap();
    let (caller, head) = (caller(10, "alice"), head("GET /photos"));
    for (address, expected) in [("::ffff:10.1.2.3", Verdict::Allow), ("2001:db8::1", Verdict::Silent)] {
        let context = Context::new(&head, peer(address), NOW);
        let question =
            Question { caller: &caller, action: Action::ListBucket, bucket: "photos", key: None, context: &context };
        assert_eq!(policy.decide(&question), expected, "{address}");
    }
}

/// A parameter or header that belongs to some actions cannot open a door of others.
#[test]
fn keys_belong_to_their_actions() {
    let put = |key: &str, value: &str, action, header: &str| {
        holds("StringEquals", key, json!(value), action, &format!("PUT /photos/k\n{header}"))
    };
    assert!(put("acl", "private", Action::PutObject, "x-obs-acl: private"));
    assert!(put("s3:x-amz-acl", "private", Action::PutObjectAcl, "x-amz-acl: private"));
    assert!(!put("acl", "private", Action::PutObject, "x-obs-acl: public-read"));
    assert!(!put("acl", "private", Action::DeleteObject, "x-obs-acl: private"));
    assert!(put("s3:x-amz-grant-read", "id=1", Action::PutObject, "x-amz-grant-read: id=1"));
    for header in ["x-obs-copy-source: /src/a%20b", "x-obs-copy-source: src/a%20b?versionId=1"] {
        assert!(put("copy-source", "/src/a b", Action::PutObject, header));
        assert!(put("s3:x-amz-copy-source", "src/a b", Action::PutObject, header));
        assert!(!put("copy-source", "/src/a b", Action::DeleteObject, header));
    }
    assert!(put("metadata-directive", "COPY", Action::PutObject, "x-obs-metadata-directive: COPY"));
    for value in ["kms", "aws:kms"] {
        assert!(put("server-side-encryption", value, Action::PutObject, "x-obs-server-side-encryption: kms"));
        assert!(put(
            "s3:x-amz-server-side-encryption",
            value,
            Action::PutObject,
            "x-amz-server-side-encryption: aws:kms"
        ));
    }
    let get = |action| holds("StringEquals", "versionId", json!("v1"), action, "GET /photos/k?versionId=v1&prefix=a");
    assert!(get(Action::GetObjectVersion) && !get(Action::GetObject));
    assert!(!holds("StringEquals", "prefix", json!("a"), Action::GetObject, "GET /photos/k?prefix=a"));
    // The prefix belongs to the listing that was asked for, not to what is asked beside it.
    let listing = of_bucket(&policy(json!({ "Condition": { "StringEquals": { "prefix": "a" } } }))).unwrap();
    let (caller, head) = (caller(10, "alice"), head("GET /photos?prefix=a"));
    let context = Context::new(&head, peer(""), NOW).aside(Some("v"));
    let question =
        Question { caller: &caller, action: Action::ListBucket, bucket: "photos", key: None, context: &context };
    assert_eq!(listing.decide(&question), Verdict::Silent);
}

#[test]
fn of_two_values_of_a_key_the_last_is_kept() {
    let text = "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"photos\",\
                \"Condition\":{\"StringEquals\":{\"prefix\":\"a\",\"prefix\":\"b\"}}}}";
    let policy = Policy::of_bucket(text.as_bytes(), &photos()).unwrap();
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=b")), Verdict::Allow);
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=a")), Verdict::Silent);
}

#[test]
fn published_samples_decide_as_they_say() {
    // One user of another account may do everything but delete; nobody may without TLS from outside.
    let sample = json!({ "Version": "2008-10-17", "Id": "p", "Statement": [
        { "Sid": "1", "Effect": "Allow", "Principal": { "ID": [format!(" domain/{ALICE}:user/*")] },
          "NotAction": ["Delete*"], "Resource": ["photos", "photos/*"] },
        { "Sid": "2", "Effect": "Deny", "NotPrincipal": { "AWS": [format!("arn:aws:iam::{ALICE}:root")] },
          "Action": "s3:*", "Resource": ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"] }
    ]});
    let policy = of_bucket(&sample).unwrap();
    assert_eq!(decide(&policy, Action::GetObject, &head("GET /photos/k")), Verdict::Allow);
    assert_eq!(decide(&policy, Action::DeleteObject, &head("DELETE /photos/k")), Verdict::Silent);
    for other in [Caller::Anonymous, caller(11, "bob")] {
        let head = head("GET /photos/k");
        let context = Context::new(&head, peer(""), NOW);
        let question =
            Question { caller: &other, action: Action::GetObject, bucket: "photos", key: Some("k"), context: &context };
        assert_eq!(policy.decide(&question), Verdict::Deny);
    }
}

#[test]
fn the_policy_of_a_key_has_no_principal() {
    let of_key = |members: Value| Policy::of_key(policy(members).to_string().as_bytes());
    assert!(of_key(json!({})).is_err());
    assert!(of_key(json!({ "Principal": null, "NotPrincipal": { "ID": ALICE } })).is_err());
    let narrow = of_key(json!({ "Principal": null, "Action": ["obs:object:Get*", "s3:ListAllMyBuckets"],
        "Resource": ["obs:*:*:object:photos/a/*", "arn:aws:s3:::other/*", "*x"] }))
    .unwrap();
    let ask = |action, bucket, key| {
        let (caller, head) = (caller(10, "alice"), head("GET /"));
        let context = Context::new(&head, peer(""), NOW);
        narrow.decide(&Question { caller: &caller, action, bucket, key, context: &context }) == Verdict::Allow
    };
    assert!(ask(Action::GetObject, "photos", Some("a/b")));
    assert!(ask(Action::GetObject, "other", Some("b")));
    assert!(ask(Action::GetObject, "third", Some("x")));
    assert!(!ask(Action::GetObject, "photos", Some("b")));
    assert!(!ask(Action::PutObject, "photos", Some("a/b")));
    assert!(!ask(Action::ListAllMyBuckets, "", None));
    let anything = of_key(json!({ "Principal": null, "Resource": "*" })).unwrap();
    let (caller, head) = (caller(10, "alice"), head("GET /"));
    let context = Context::new(&head, peer(""), NOW);
    let question =
        Question { caller: &caller, action: Action::ListAllMyBuckets, bucket: "", key: None, context: &context };
    assert_eq!(anything.decide(&question), Verdict::Allow);
}

#[test]
fn what_is_public() {
    let check = |members: Value, expected: bool| {
        let parsed = of_bucket(&policy(members.clone())).unwrap();
        assert_eq!(parsed.is_public(), expected, "{members}");
    };
    check(json!({}), true);
    check(json!({ "Principal": { "AWS": "*" } }), true);
    check(json!({ "Effect": "Deny" }), false);
    check(json!({ "Principal": { "ID": ALICE } }), false);
    check(json!({ "Principal": null, "NotPrincipal": { "ID": ALICE } }), true);
    check(json!({ "Condition": { "IpAddress": { "SourceIp": "10.0.0.0/8" } } }), false);
    check(json!({ "Condition": { "IpAddress": { "SourceIp": ["10.0.0.0/8", "0.0.0.0/0"] } } }), true);
    check(json!({ "Condition": { "NotIpAddress": { "SourceIp": "10.0.0.0/8" } } }), true);
    check(json!({ "Condition": { "StringLike": { "Referer": "x" } } }), true);
}

#[test]
fn a_policy_that_wastes_time_denies() {
    let slow = |count: usize| {
        let resources = vec![format!("photos/*{}b", "a".repeat(500)); count];
        let deny = statement(json!({ "Effect": "Deny", "Resource": resources }));
        of_bucket(&json!({ "Statement": [statement(json!({})), deny] })).unwrap()
    };
    let request = head(&format!("GET /photos/{}", "a".repeat(limits::KEY_BYTES_MAX)));
    assert_eq!(decide(&slow(1), Action::GetObject, &request), Verdict::Allow);
    assert_eq!(decide(&slow(36), Action::GetObject, &request), Verdict::Deny);
}

#[test]
fn a_policy_that_cannot_be_read_any_more_denies() {
    let policies = Policies::default();
    let closed = policies.of_bucket(&photos(), b"{}");
    assert_eq!(decide(&closed, Action::GetObject, &head("GET /photos/k")), Verdict::Deny);
    assert_eq!(decide(&closed, Action::ListBucket, &head("GET /photos")), Verdict::Deny);
    assert!(Arc::ptr_eq(&closed, &policies.of_bucket(&photos(), b"{}")));
    let text = policy(json!({})).to_string();
    assert_eq!(
        decide(&policies.of_bucket(&photos(), text.as_bytes()), Action::GetObject, &head("GET /photos/k")),
        Verdict::Allow
    );
}

/// Statements that hold for some of the requests below.
fn any_statement() -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({ "ID": ALICE }),
        json!({ "ID": format!("{:032x}", 11) }),
        json!({ "AWS": ["*", ALICE] }),
    ]);
    let actions = subsequence(vec!["GetObject", "PutObject", "List*", "s3:Delete*", "*"], 1..3);
    let resources = subsequence(vec!["photos", "photos/*", "photos/a*", "photos/b", "arn:aws:s3:::photos/?"], 1..3);
    let conditions = select(vec![
        json!({}),
        json!({ "StringEquals": { "prefix": "a" } }),
        json!({ "IpAddress": { "SourceIp": "10.0.0.0/8" } }),
        json!({ "NotIpAddress": { "SourceIp": "10.0.0.0/8" } }),
        json!({ "Bool": { "SecureTransport": "false" } }),
    ]);
    let effects = select(vec!["Allow", "Deny"]);
    let negations = proptest::array::uniform3(any::<bool>());
    (effects, principals, actions, resources, conditions, negations).prop_map(
        |(effect, principals, actions, resources, conditions, [no_principal, no_action, no_resource])| {
            let name = |is_negated: bool, name: &str| if is_negated { format!("Not{name}") } else { name.to_owned() };
            json!({
                "Effect": effect,
                name(no_principal, "Principal"): principals,
                name(no_action, "Action"): actions,
                name(no_resource, "Resource"): resources,
                "Condition": conditions,
            })
        },
    )
}

const REQUESTS: [(Action, &str); 6] = [
    (Action::GetObject, "GET /photos/a"),
    (Action::PutObject, "PUT /photos/b"),
    (Action::DeleteObject, "DELETE /photos/c/d"),
    (Action::ListBucket, "GET /photos?prefix=a"),
    (Action::ListBucket, "GET /photos"),
    (Action::DeleteBucket, "DELETE /photos"),
];

fn verdicts(statements: &[Value]) -> Vec<Verdict> {
    let parsed = of_bucket(&json!({ "Statement": statements })).unwrap();
    REQUESTS.iter().map(|(action, request)| decide(&parsed, *action, &head(request))).collect()
}

proptest! {
    #[test]
    fn the_order_of_statements_does_not_matter(
        (statements, shuffled) in prop::collection::vec(any_statement(), 1..6)
            .prop_flat_map(|statements| (Just(statements.clone()), Just(statements).prop_shuffle()))
    ) {
        prop_assert_eq!(verdicts(&statements), verdicts(&shuffled));
    }

    /// A policy decides as its statements do one by one: any that denies wins, else any that allows.
    #[test]
    fn deny_beats_allow_beats_silence(statements in prop::collection::vec(any_statement(), 1..6)) {
        let alone: Vec<Vec<Verdict>> =
            statements.iter().map(|statement| verdicts(std::slice::from_ref(statement))).collect();
        for (index, together) in verdicts(&statements).into_iter().enumerate() {
            let has = |verdict| alone.iter().any(|verdicts| verdicts[index] == verdict);
            let expected = if has(Verdict::Deny) {
                Verdict::Deny
            } else if has(Verdict::Allow) {
                Verdict::Allow
            } else {
                Verdict::Silent
            };
            prop_assert_eq!(together, expected);
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\":,a-zA-Z*$ 0-9]{0,200}") {
        let _ = Policy::of_bucket(text.as_bytes(), &photos());
        let _ = Policy::of_key(text.as_bytes());
    }
}

//! The grammar, line by line.

use serde_json::{Value, json};

use super::{ALICE, of_bucket, photos, policy, statement};
use crate::access::policy::Policy;
use crate::error::Code;
use crate::limits;

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
fn nothing_is_said_twice() {
    let one = "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"photos\"}";
    let good = format!("{{\"Statement\":{one}}}");
    assert!(Policy::of_bucket(good.as_bytes(), &photos()).is_ok());
    for (member, twice) in [
        ("{\"Statement\":", format!("{{\"Statement\":{one},\"Statement\":")),
        ("\"Effect\":\"Allow\"", "\"Effect\":\"Deny\",\"Effect\":\"Allow\"".to_owned()),
        ("\"Principal\":\"*\"", "\"Principal\":{\"ID\":\"a\",\"ID\":\"*\"}".to_owned()),
        ("\"Resource\":\"photos\"", "\"Resource\":\"photos\",\"Condition\":{},\"Condition\":{}".to_owned()),
    ] {
        let text = good.replace(member, &twice);
        let error = Policy::of_bucket(text.as_bytes(), &photos()).unwrap_err();
        assert!(error.message().contains("comes twice"), "{text}");
    }
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
        json!({ "Action": ["s3:Get*", "s3:List*", "s3:Describe*", "s3:GetAccountPublicAccessBlock"] }),
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
        json!({ "Resource": "other/*" }),
        json!({ "Resource": ["photos", "other"] }),
        json!({ "Resource": "arn:aws:s3:::o*" }),
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
    for operator in ["", "stringequals", "ArnLike", "StringEqual", "NullIfExists", "ForAnyValue:Null", "For:StringLike"]
    {
        check(operator, "prefix", json!("x"), false);
    }
    for operator in ["StringEqualsIfExists", "ForAnyValue:StringEquals", "ForAllValues:StringNotLikeIfExists"] {
        check(operator, "prefix", json!("x"), true);
    }
    for operator in ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLikeIfExists", "StringLike", "StringEquals"] {
        check(operator, "aws:PrincipalArn", json!("arn:aws:iam::*:root"), true);
    }
    // These would match nothing.
    for bad in ["*", "", "arn:aws:iam::root", "arn:*:root"] {
        check("ArnLike", "aws:PrincipalArn", json!(bad), false);
        check("ArnNotEquals", "aws:PrincipalArn", json!(["arn:aws:iam::*:root", bad]), false);
    }
    check("ForAnyValue:NumericEquals", "max-keys", json!(1), false);
    check("ForAllValues:Bool", "SecureTransport", json!(true), false);
    for bad in [json!([]), json!({}), json!(null), json!([["x"]]), json!([null])] {
        check("StringEquals", "prefix", bad, false);
    }
    for bad in ["", "x", "1.5", "1e3", "0x1", "99999999999999999999"] {
        check("NumericEquals", "max-keys", json!(bad), false);
    }
    check("NumericEquals", "max-keys", json!([10, "20"]), true);
    check("Bool", "SecureTransport", json!(true), true);
    for good in
        ["2015-07-01", "2015-07-01T00:00:00Z", "2015-07-01T00:00:00.5+08:00", "2015-07-01T00:00:00", "1435721265"]
    {
        check("DateEquals", "CurrentTime", json!(good), true);
        check("DateEquals", "aws:EpochTime", json!(good), true);
    }
    for bad in ["", "now", "2015", "-1435721265", "2015-13-01", "01 Jul 2015"] {
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
fn keys_have_their_names() {
    let check = |key: &str, accepted: bool| {
        check_grammar(&policy(json!({ "Condition": { "StringEquals": { key: "x" } } })), accepted);
        check_grammar(&policy(json!({ "Condition": { "Null": { key: "true" } } })), accepted);
    };
    let long = format!("s3:ExistingObjectTag/{}", "k".repeat(128));
    for key in [
        "s3:ExistingObjectTag/a/b",
        "ExistingObjectTag/a",
        "s3:existingobjecttag/a",
        "s3:RequestObjectTag/a",
        "s3:RequestObjectTagKeys",
        "aws:username",
        "aws:userid",
        "aws:PrincipalAccount",
        "aws:PrincipalType",
        "s3:x-amz-storage-class",
        "s3:x-amz-object-ownership",
        "s3:ResourceAccount",
        "aws:ResourceAccount",
        "s3:authType",
        "s3:signatureversion",
        "s3:x-amz-content-sha256",
        "s3:x-amz-website-redirect-location",
        "s3:if-match",
        "s3:if-none-match",
        "s3:object-lock-mode",
        "s3:object-lock-legal-hold",
        &long,
        "s3:x-amz-server-side-encryption-customer-algorithm",
    ] {
        check(key, true);
    }
    let longer = format!("{long}k");
    for key in [
        "",
        "x",
        "aws:prefix",
        "s3:SourceIp",
        "iam:acl",
        "s3:PrincipalArn",
        "g:ResourceAccount ",
        "iam:ResourceAccount",
        "aws:authType",
        "aws:object-lock-mode",
        // These no request has.
        "aws:SourceVpce",
        "aws:PrincipalOrgID",
        "aws:MultiFactorAuthPresent",
        "s3:TlsVersion",
        "s3:ExistingObjectTag",
        "s3:ExistingObjectTag/",
        "aws:ExistingObjectTag/a",
        "s3:ObjectTag/a",
        &longer,
    ] {
        check(key, false);
    }
}

#[test]
fn variables_are_of_one_version() {
    let check = |version: &str, statement: Value, accepted: bool| {
        check_grammar(&json!({ "Version": version, "Statement": [statement] }), accepted);
    };
    let resource = |text: &str| statement(json!({ "Resource": text }));
    let condition = |text: &str| statement(json!({ "Condition": { "StringLike": { "prefix": ["x", text] } } }));
    for good in ["${aws:username}", "${aws:PrincipalAccount}", "${*}", "${s3:prefix, 'a'}"] {
        for version in ["2008-10-17", "2012-10-17", "5.0"] {
            check(version, resource(&format!("arn:aws:s3:::photos/{good}/*")), true);
            check(version, condition(good), true);
        }
    }
    for bad in ["${", "${aws:username", "${aws:PrincipalTag/team}", "${s3:ExistingObjectTag/a}", "${}"] {
        check("2008-10-17", resource(&format!("photos/{bad}")), true);
        check("2012-10-17", resource(&format!("photos/{bad}")), false);
        check("2012-10-17", condition(bad), false);
    }
    check("2012-10-17", condition("${null}"), true);
    check("2012-10-17", statement(json!({ "Resource": "arn:aws:s3:::${aws:username}/*" })), false);
    check(
        "2012-10-17",
        statement(json!({ "Condition": { "NumericEquals": { "max-keys": "${aws:EpochTime}" } } })),
        false,
    );
}

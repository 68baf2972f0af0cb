//! When conditions hold.

use serde_json::{Value, json};

use super::{allows, decide, of_bucket, photos, policy};
use crate::access::policy::{Policy, Question, Tagged, Verdict};
use crate::access::testing::{NOW, caller, head, peer};
use crate::access::{Action, Caller, Context};

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

/// A page is as long as the operation makes it, however its length is written.
#[test]
fn a_page_is_never_longer_than_the_policy_sees_it() {
    let huge = "?max-keys=99999999999999999999";
    for (dialect, below_one) in [("", true), ("\nx-amz-date: d", false)] {
        let check = |operator: &str, query: &str, expected: bool| {
            check_list(operator, "max-keys", json!(10), &format!("{query}{dialect}"), expected);
        };
        check("NumericGreaterThan", huge, true);
        check("NumericLessThanEquals", huge, false);
        // OBS makes whole pages of what is no length.
        check("NumericGreaterThan", "?max-keys=0", below_one);
        check("NumericLessThanEquals", "?max-keys=-1", !below_one);
        check("NumericGreaterThan", "?max-keys=-99999999999999999999", below_one);
        check("NumericLessThanEquals", "?max-keys=010", true);
    }
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
    let (caller, head) = (caller(10, "alice"), head("GET /photos"));
    let check = |network: &str, address: &str, expected| {
        let policy = of_bucket(&policy(json!({ "Condition": { "IpAddress": { "SourceIp": network } } }))).unwrap();
        let context = Context::new(&head, peer(address), NOW);
        let question =
            Question { caller: &caller, action: Action::ListBucket, bucket: "photos", key: None, context: &context };
        assert_eq!(policy.decide(&question), expected, "{network} {address}");
    };
    for network in ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:10.1.2.3"] {
        check(network, "::ffff:10.1.2.3", Verdict::Allow);
        check(network, "10.1.2.3", Verdict::Allow);
        check(network, "2001:db8::1", Verdict::Silent);
        check(network, "11.1.2.3", Verdict::Silent);
    }
}

/// What the operation makes nothing of makes no difference here either.
#[test]
fn values_are_read_as_the_operation_reads_them() {
    let put = |operator: &str, key: &str, value: &str, request: &str| {
        holds(operator, key, json!(value), Action::PutObject, &format!("PUT /photos/k{request}"))
    };
    assert!(put("StringEquals", "s3:x-amz-acl", "public-read", "?x-amz-acl=%20public-read%09"));
    assert!(!put("StringNotLike", "acl", "public*", "?x-obs-acl=%20public-read"));
    assert!(put("StringEquals", "s3:x-amz-grant-read", "id=1", "?x-amz-grant-read=%20id=1"));
    // A class has a name in each vocabulary.
    for request in ["\nx-obs-storage-class: WARM", "\nx-obs-storage-class: STANDARD_IA", "\nx-amz-storage-class: WARM"]
    {
        for (operator, value) in [
            ("StringEquals", "STANDARD_IA"),
            ("StringEquals", "WARM"),
            ("StringEqualsIgnoreCase", "standard_ia"),
            ("StringLike", "*_IA"),
            ("ForAllValues:StringEquals", "STANDARD_IA"),
        ] {
            let negated = operator.replace("String", "StringNot");
            for key in ["s3:x-amz-storage-class", "storage-class"] {
                assert!(put(operator, key, value, request), "{operator} {value} {request}");
                assert!(!put(&negated, key, value, request), "{negated} {value} {request}");
            }
            assert!(!put(operator, "storage-class", value, "\nx-obs-storage-class: COLD"));
            assert!(put(&negated, "storage-class", value, "\nx-obs-storage-class: COLD"));
        }
    }
    assert!(!put("StringLike", "server-side-encryption", "aws:*", "\nx-amz-server-side-encryption: AES256"));
    assert!(put("StringLike", "server-side-encryption", "aws:*", "\nx-obs-server-side-encryption: kms"));
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
fn a_key_of_several_values_is_asked_about_any_or_all() {
    let tags = |operator: &str, header: &str| {
        let values = json!(["a", "b"]);
        holds(operator, "s3:RequestObjectTagKeys", values, Action::PutObject, &format!("PUT /photos/k{header}"))
    };
    let check = |operator: &str, expected: [bool; 4]| {
        let headers = ["", "\nx-amz-tagging: a=1&b=2", "\nx-amz-tagging: a=1&c=2", "\nx-obs-tagging: c"];
        assert_eq!(headers.map(|header| tags(operator, header)), expected, "{operator}");
    };
    // Without tags, with both, with one and another, with another.
    check("StringEquals", [false, true, true, false]);
    check("StringNotEquals", [true, false, false, true]);
    check("ForAnyValue:StringEquals", [false, true, true, false]);
    check("ForAnyValue:StringNotEquals", [false, false, true, true]);
    check("ForAllValues:StringEquals", [true, true, false, false]);
    check("ForAllValues:StringNotEquals", [true, false, false, true]);
    check("ForAnyValue:StringLikeIfExists", [true, true, true, false]);
    let tag = |value: &str, action, header: &str| {
        holds("StringEquals", "s3:RequestObjectTag/a b", json!(value), action, &format!("PUT /photos/k\n{header}"))
    };
    assert!(tag("1", Action::PutObject, "x-amz-tagging: c=2&a%20b=1"));
    assert!(!tag("1", Action::PutObject, "x-amz-tagging: A%20b=1"));
    assert!(!tag("1", Action::PutObject, "x-amz-tagging: %"));
    assert!(!tag("1", Action::DeleteObject, "x-amz-tagging: a%20b=1"));
}

#[test]
fn who_asks() {
    let check = |operator: &str, key: &str, value: &str, expected: bool| {
        check_list(operator, key, json!(value), "", expected);
    };
    let arn = format!("arn:aws:iam::{}:root", super::ALICE);
    check("ArnEquals", "aws:PrincipalArn", &arn, true);
    check("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:root", true);
    check("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:root", false);
    check("StringEquals", "aws:PrincipalArn", "arn:aws:iam::*:root", false);
    check("StringEquals", "aws:username", "alice", true);
    check("StringEquals", "aws:userid", super::ALICE, true);
    check("StringEquals", "aws:PrincipalAccount", super::ALICE, true);
    check("StringEquals", "aws:PrincipalType", "Account", true);
    let members = json!({ "Condition": { "StringLike": { "aws:username": "*" } } });
    let (policy, head) = (of_bucket(&policy(members)).unwrap(), head("GET /photos"));
    let (caller, context) = (Caller::Anonymous, Context::new(&head, peer(""), NOW));
    let question =
        Question { caller: &caller, action: Action::ListBucket, bucket: "photos", key: None, context: &context };
    assert_eq!(policy.decide(&question), Verdict::Silent);
}

/// What a policy says before tags are known, the best they can make of it, and what of these.
#[test]
fn tags_decide_when_they_are_known() {
    use Verdict::{Allow, Deny, Silent};
    let tagged = |condition: Value, effect: &str| {
        json!({ "Effect": effect, "Principal": "*", "Action": "*", "Resource": ["photos", "photos/*"],
                "Condition": condition })
    };
    let existing = |value: &str| json!({ "StringEquals": { "s3:ExistingObjectTag/level": value } });
    let check = |statements: Value, action, expected: [Verdict; 3]| {
        let policy = of_bucket(&json!({ "Statement": statements })).unwrap();
        let (caller, head) = (caller(10, "alice"), head("GET /photos/k"));
        let context = Context::new(&head, peer(""), NOW);
        let question = Question { caller: &caller, action, bucket: "photos", key: Some("k"), context: &context };
        let opinion = policy.consider(&question);
        let tags = |value: &str| [("level".to_owned(), value.to_owned())];
        let settle = |value: &str| {
            let existing = tags(value);
            opinion.settle(&policy, action, &Tagged { existing: &existing, requested: &tags("new") })
        };
        assert_eq!([opinion.best(&policy), settle("low"), settle("high")], expected, "{statements} {action:?}");
    };
    let (allow, deny) = (tagged(existing("low"), "Allow"), tagged(existing("high"), "Deny"));
    let all = tagged(json!({}), "Allow");
    check(json!([allow]), Action::GetObject, [Allow, Allow, Silent]);
    check(json!([deny]), Action::GetObject, [Silent, Silent, Deny]);
    check(json!([deny, allow]), Action::GetObjectTagging, [Allow, Allow, Deny]);
    check(json!([all, deny, allow]), Action::PutObjectAcl, [Allow, Allow, Deny]);
    check(json!([all, tagged(json!({}), "Deny"), allow]), Action::GetObject, [Deny, Deny, Deny]);
    // Other operations ask about no object, and its tags are missing.
    check(json!([allow]), Action::DeleteObject, [Silent, Silent, Silent]);
    check(json!([deny]), Action::PutObject, [Silent, Silent, Silent]);
    let negated = json!({ "StringNotEquals": { "s3:ExistingObjectTag/level": "low" } });
    check(json!([tagged(negated, "Allow")]), Action::GetObject, [Allow, Silent, Allow]);
    let missing = json!({ "Null": { "s3:ExistingObjectTag/other": "true" } });
    check(json!([tagged(missing, "Allow")]), Action::GetObject, [Allow, Allow, Allow]);
    // Whatever else is asked holds or not already.
    let elsewhere =
        json!({ "StringEquals": { "s3:ExistingObjectTag/level": "low" }, "Bool": { "SecureTransport": true } });
    check(json!([tagged(elsewhere, "Allow")]), Action::GetObject, [Silent, Silent, Silent]);
    let requested = json!({ "StringEquals": { "s3:RequestObjectTag/level": "new" } });
    check(json!([tagged(requested.clone(), "Allow")]), Action::PutObjectTagging, [Allow, Allow, Allow]);
    check(json!([tagged(requested, "Allow")]), Action::GetObject, [Silent, Silent, Silent]);
    let keys = json!({ "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": "level" } });
    check(json!([tagged(keys, "Allow")]), Action::PutObjectVersionTagging, [Allow, Allow, Allow]);
}

#[test]
fn of_two_values_of_a_key_the_last_is_kept() {
    let text = "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"photos\",\
                \"Condition\":{\"StringEquals\":{\"prefix\":\"a\",\"prefix\":\"b\"}}}}";
    let policy = Policy::of_bucket(text.as_bytes(), &photos()).unwrap();
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=b")), Verdict::Allow);
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=a")), Verdict::Silent);
}

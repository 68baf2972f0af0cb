//! When conditions hold.

use serde_json::{Value, json};

use super::{allows, decide, of_bucket, photos, policy, statement};
use crate::access::policy::{Late, Policy, Question, Verdict};
use crate::access::testing::{NOW, caller, head, peer};
use crate::access::{Action, Caller, Context};
use crate::name::{AccountId, ObjectKey};
use crate::object_lock::{LegalHold, Lock, LockMode, Retention};

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
        let question = Question {
            caller: &caller,
            action: Action::ListBucket,
            bucket: "photos",
            owner: None,
            key: None,
            context: &context,
        };
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
    let question = Question {
        caller: &caller,
        action: Action::ListBucket,
        bucket: "photos",
        owner: None,
        key: None,
        context: &context,
    };
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
    let question = Question {
        caller: &caller,
        action: Action::ListBucket,
        bucket: "photos",
        owner: None,
        key: None,
        context: &context,
    };
    assert_eq!(policy.decide(&question), Verdict::Silent);
}

#[test]
fn how_it_is_signed_and_whose_the_bucket_is() {
    let of_account = |key: &str, request: &str, value: &str, expected: bool| {
        let found = holds("StringEquals", key, json!(value), Action::GetObject, &format!("GET /photos/k{request}"));
        assert_eq!(found, expected, "{key} {request}");
    };
    let v4 = "\nauthorization: AWS4-HMAC-SHA256 Credential=a";
    of_account("s3:signatureversion", v4, "AWS4-HMAC-SHA256", true);
    of_account("s3:signatureversion", "\nauthorization: AWS a:b", "AWS", true);
    of_account("s3:signatureversion", "\nauthorization: OBS a:b", "OBS", true);
    of_account("s3:authType", v4, "REST-HEADER", true);
    of_account("s3:authType", "?X-Amz-Algorithm=a", "REST-QUERY-STRING", true);
    of_account("s3:x-amz-content-sha256", "?X-Amz-Algorithm=a", "UNSIGNED-PAYLOAD", true);
    of_account("s3:x-amz-content-sha256", "?X-Amz-Algorithm=a&X-Amz-Content-Sha256=b", "b", true);
    of_account("s3:x-amz-content-sha256", &format!("{v4}\nx-amz-content-sha256: c"), "c", true);
    of_account("s3:x-amz-content-sha256", v4, "UNSIGNED-PAYLOAD", false);

    let members = json!({ "Condition": {
        "StringEquals": { "aws:ResourceAccount": super::ALICE }, "NumericLessThan": { "s3:signatureAge": 1000 }
    }});
    let (policy, head) = (of_bucket(&policy(members)).unwrap(), head("GET /photos"));
    let caller = caller(10, "alice");
    let check = |owner: Option<u128>, signed_at, expected| {
        let context = Context::new(&head, peer(""), NOW).signed_at_moment(signed_at);
        let owner = owner.map(AccountId);
        let action = Action::ListBucket;
        let question = Question { caller: &caller, action, bucket: "photos", owner, key: None, context: &context };
        assert_eq!(policy.decide(&question), expected, "{owner:?} {signed_at:?}");
    };
    check(Some(10), Some(NOW - 999), Verdict::Allow);
    check(Some(10), Some(NOW + 999), Verdict::Allow);
    check(Some(10), Some(NOW - 1000), Verdict::Silent);
    check(Some(10), None, Verdict::Silent);
    check(Some(11), Some(NOW), Verdict::Silent);
    check(None, Some(NOW), Verdict::Silent);
}

/// As the S3 guide has buckets take conditional writes alone, and parts of uploads without conditions.
#[test]
fn what_is_written_and_on_which_condition() {
    let all = statement(json!({}));
    let members = json!({ "Effect": "Deny", "Action": "s3:PutObject", "Condition": {
        "Null": { "s3:if-none-match": "true" }, "Bool": { "s3:ObjectCreationOperation": "true" }
    }});
    let policy = of_bucket(&json!({ "Statement": [all, statement(members)] })).unwrap();
    let check =
        |request: &str, action, expected| assert_eq!(decide(&policy, action, &head(request)), expected, "{request}");
    check("PUT /photos/k", Action::PutObject, Verdict::Deny);
    check("PUT /photos/k\nif-none-match: *", Action::PutObject, Verdict::Allow);
    check("POST /photos/k?uploads", Action::PutObject, Verdict::Allow);
    check("PUT /photos/k?uploadId=1&partNumber=1", Action::PutObject, Verdict::Allow);
    check("POST /photos/k?uploadId=1", Action::PutObject, Verdict::Deny);
    check("GET /photos/k", Action::GetObject, Verdict::Allow);
    let one = |key: &str, value: &str, action, request: &str| holds("StringEquals", key, json!(value), action, request);
    assert!(one("s3:if-match", "\"e\"", Action::PutObject, "PUT /photos/k\nif-match: \"e\""));
    assert!(one("s3:if-match", "*", Action::DeleteObjectVersion, "DELETE /photos/k\nif-match: *"));
    assert!(!one("s3:if-match", "*", Action::GetObject, "GET /photos/k\nif-match: *"));
    let to = "x-amz-website-redirect-location";
    assert!(one(&format!("s3:{to}"), "/x", Action::PutObject, &format!("PUT /photos/k\n{to}: /x")));
}

/// In the headers of a new object, and in the documents that protect one that is there.
#[test]
fn object_lock() {
    let until = "2015-07-11T03:27:45Z";
    let lock = |mode, until_millis, legal_hold| Lock { retention: Some(Retention { mode, until_millis }), legal_hold };
    let asked = lock(LockMode::Governance, 1_436_585_265_000, LegalHold::On);
    let headers = format!(
        "PUT /photos/k\nx-amz-object-lock-mode: GOVERNANCE\nx-amz-object-lock-retain-until-date: {until}\n\
         x-amz-object-lock-legal-hold: ON"
    );
    let check = |operator: &str, key: &str, value: Value, expected: [bool; 4]| {
        let members = json!({ "Condition": { operator: { format!("s3:object-lock-{key}"): value } } });
        let policy = of_bucket(&policy(members)).unwrap();
        let caller = caller(10, "alice");
        let ask = |request: &str, action, lock| {
            let head = head(request);
            let context = Context::new(&head, peer(""), NOW);
            let key = Some("k");
            let question = Question { caller: &caller, action, bucket: "photos", owner: None, key, context: &context };
            let late = Late { lock, now: NOW, ..Late::default() };
            policy.consider(&question).settle(&late) == Verdict::Allow
        };
        let of_document = if key == "legal-hold" { Action::PutObjectLegalHold } else { Action::PutObjectRetention };
        let found = [
            ask(&headers, Action::PutObject, Lock::default()),
            ask("PUT /photos/k", of_document, asked),
            ask("PUT /photos/k", Action::PutObject, asked),
            ask(&headers, Action::GetObject, asked),
        ];
        assert_eq!(found, expected, "{operator} {key} {value}");
    };
    let only = [true, true, false, false];
    check("StringEquals", "mode", json!("GOVERNANCE"), only);
    check("StringNotEquals", "mode", json!("COMPLIANCE"), [true; 4]);
    check("StringEquals", "mode", json!("COMPLIANCE"), [false; 4]);
    check("StringEqualsIfExists", "mode", json!("COMPLIANCE"), [false, false, true, true]);
    check("Null", "mode", json!("false"), only);
    check("StringEquals", "legal-hold", json!("ON"), only);
    check("DateEquals", "retain-until-date", json!(until), only);
    check("DateGreaterThan", "retain-until-date", json!("2015-07-11T03:27:44Z"), only);
    check("DateLessThanIfExists", "retain-until-date", json!(until), [false, false, true, true]);
    // Ten days less what has gone of a second.
    check("NumericEquals", "remaining-retention-days", json!(10), only);
    check("NumericGreaterThan", "remaining-retention-days", json!(9), only);
    check("NumericLessThan", "remaining-retention-days", json!(10), [false; 4]);
    check("Null", "remaining-retention-days", json!(true), [false, false, true, true]);
}

/// A variable stands for what this request has, also where the object's tags are waited for.
#[test]
fn variables_make_one_policy_of_many() {
    let policy = |statements: Value| of_bucket(&json!({ "Version": "2012-10-17", "Statement": statements })).unwrap();
    let ask = |policy: &Policy, caller: &Caller, request: &str, action, existing: &str| {
        let head = head(request);
        let context = Context::new(&head, peer(""), NOW);
        let key = head.target.key.as_ref().map(ObjectKey::as_str);
        let question = Question { caller, action, bucket: "photos", owner: None, key, context: &context };
        let existing = [("owner".to_owned(), existing.to_owned())];
        policy.consider(&question).settle(&Late { existing: &existing, ..Late::default() })
    };
    let (alice, bob) = (caller(10, "alice"), caller(11, "bob"));
    let home = policy(json!([
        statement(json!({ "Resource": "arn:aws:s3:::photos/home/${aws:username}/*" })),
        statement(json!({ "Resource": "photos", "Action": "s3:ListBucket",
            "Condition": { "StringLike": { "s3:prefix": ["home/${aws:username}/*", "${*}"] } } })),
    ]));
    let get = |caller, key: &str| ask(&home, caller, &format!("GET /photos/{key}"), Action::GetObject, "");
    assert_eq!(get(&alice, "home/alice/x"), Verdict::Allow);
    assert_eq!(get(&alice, "home/bob/x"), Verdict::Silent);
    assert_eq!(get(&bob, "home/bob/x"), Verdict::Allow);
    assert_eq!(get(&Caller::Anonymous, "home//x"), Verdict::Silent);
    let list = |prefix: &str| ask(&home, &alice, &format!("GET /photos?prefix={prefix}"), Action::ListBucket, "");
    assert_eq!(["home/alice/", "*"].map(list), [Verdict::Allow; 2]);
    assert_eq!(["home/bob/", "x"].map(list), [Verdict::Silent; 2]);
    let tagged = json!({ "Condition": { "StringEquals": { "s3:ExistingObjectTag/owner": "${aws:username}" } } });
    let tagged = policy(json!([statement(tagged)]));
    let of_tag = |caller, value: &str| ask(&tagged, caller, "GET /photos/k", Action::GetObject, value);
    assert_eq!((of_tag(&alice, "alice"), of_tag(&alice, "bob")), (Verdict::Allow, Verdict::Silent));
    assert_eq!(of_tag(&Caller::Anonymous, "${aws:username}"), Verdict::Silent);
    // What stands for nothing is no reason to allow, and one to deny.
    for (members, of_bob, of_nobody) in [
        (json!({ "Resource": null, "NotResource": "photos/${aws:username}/*" }), Verdict::Allow, Verdict::Silent),
        (
            json!({ "Effect": "Deny", "Resource": null, "NotResource": "photos/${aws:username}/*" }),
            Verdict::Deny,
            Verdict::Deny,
        ),
        (
            json!({ "Condition": { "StringNotEquals": { "aws:UserAgent": "${aws:username}" } } }),
            Verdict::Allow,
            Verdict::Silent,
        ),
        (
            json!({ "Effect": "Deny", "Condition": { "StringNotEquals": { "aws:UserAgent": "${aws:username}" } } }),
            Verdict::Deny,
            Verdict::Deny,
        ),
        (
            json!({ "Condition": { "StringNotEquals": { "s3:ExistingObjectTag/owner": "${aws:username}" } } }),
            Verdict::Allow,
            Verdict::Silent,
        ),
    ] {
        let policy = policy(json!([statement(members.clone())]));
        let one = |caller| ask(&policy, caller, "GET /photos/k", Action::GetObject, "x");
        assert_eq!((one(&bob), one(&Caller::Anonymous)), (of_bob, of_nobody), "{members}");
    }
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
        let question =
            Question { caller: &caller, action, bucket: "photos", owner: None, key: Some("k"), context: &context };
        let opinion = policy.consider(&question);
        let tags = |value: &str| [("level".to_owned(), value.to_owned())];
        let settle = |value: &str| {
            let existing = tags(value);
            opinion.settle(&Late { existing: &existing, requested: &tags("new"), ..Late::default() })
        };
        assert_eq!([opinion.best(), settle("low"), settle("high")], expected, "{statements} {action:?}");
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
    // As OBS documents it; S3 takes no such policy, and neither does a key.
    assert!(
        policy.what_s3_refuses().is_some()
            && Policy::of_key(text.replace("\"Principal\":\"*\",", "").as_bytes()).is_err()
    );
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=b")), Verdict::Allow);
    assert_eq!(decide(&policy, Action::ListBucket, &head("GET /photos?prefix=a")), Verdict::Silent);
}

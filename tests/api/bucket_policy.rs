//! `?policy` and `?policyStatus`: the text, its refusals, and that it decides from the next request on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use obs_gateway::blob::digest;
use obs_gateway::limits;
use serde_json::{Value, json};

use crate::form::Form;
use crate::support::{As, Gateway, both};

/// A policy of one statement about `photos` and everything in it.
fn policy(effect: &str, principal: &Value, action: &str) -> String {
    let policy = json!({ "Statement": [
        { "Effect": effect, "Principal": principal, "Action": [action], "Resource": ["photos", "photos/*"] }
    ]});
    format!("PUT /photos?policy\n\n{policy}")
}

async fn gateway_with(who: As, policy: &str) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway.check(who, policy, "204").await;
    gateway
}

#[tokio::test]
async fn the_text_is_kept_as_it_was_sent() {
    for (who, kind) in both("alice").into_iter().zip(["application/xml", "application/json"]) {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "GET /photos?policy", "404 NoSuchBucketPolicy").await;
        let text = "{\n \"Statement\" : {\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\n\
                    \"Resource\":\"arn:aws:s3:::photos/*\"}, \"Id\":\"ä\" }";
        let put = gateway.check(who, &format!("PUT /photos?policy\n\n{text}"), "204").await;
        assert_eq!(put.text(), "204 No Content");
        let read = gateway.check(who, "GET /photos?policy", "200").await;
        assert_eq!((read.body_text(), read.header("content-type")), (text, kind));
        gateway.check(who, "DELETE /photos?policy", "204").await;
        gateway.check(who, "DELETE /photos?policy", "204").await;
        gateway.check(who, "GET /photos?policy", "404 NoSuchBucketPolicy").await;
    }
}

#[tokio::test]
async fn bad_policies_are_refused_with_the_reason() {
    let good = policy("Deny", &json!("*"), "PutBucketLogging");
    let gateway = gateway_with(As::Obs("alice"), &good).await;
    let long = format!("{good}{}", " ".repeat(limits::POLICY_BYTES_MAX));
    for (index, (request, verdict)) in [
        ("PUT /photos?policy", "400 MissingRequestBodyError"),
        ("PUT /photos?policy\n\n{", "400 MalformedPolicy"),
        ("PUT /photos?policy\n\n{}", "400 MalformedPolicy"),
        ("PUT /photos?policy\n\n<Policy/>", "400 MalformedPolicy"),
        (&good.replace("photos/*", "other/*"), "400 MalformedPolicy"),
        (&good.replace("Deny", "deny"), "400 MalformedPolicy"),
        (&long, "400 EntityTooLarge"),
        (&good.replace("?policy", "?policy\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg=="), "400 BadDigest"),
        (&good.replace("?policy", "?policy&x=1"), "400 InvalidArgument"),
    ]
    .into_iter()
    .enumerate()
    {
        gateway.check(both("alice")[index % 2], request, verdict).await;
        let kept = gateway.check(As::Obs("alice"), "GET /photos?policy", "200").await;
        assert!(good.ends_with(kept.body_text()), "{request}");
    }
    let answer = gateway.check(As::Obs("alice"), &good.replace("\"*\"", "\"bob\""), "400 MalformedPolicy").await;
    assert_eq!(
        answer.element("Message"),
        Some("The policy is not valid: statement 1: a principal is \"*\" or an object.")
    );
}

#[tokio::test]
async fn everyone_may_what_everyone_is_allowed() {
    for who in both("alice") {
        let gateway = gateway_with(who, &policy("Allow", &json!("*"), "GetObject")).await;
        for other in both("bob").into_iter().chain([As::Nobody]) {
            assert_eq!(gateway.check(other, "GET /photos/k", "200").await.body_text(), "hello");
            gateway.check(other, "HEAD /photos/k", "200").await;
            // Whoever may not list learns no keys.
            gateway.check(other, "GET /photos/missing", "403 AccessDenied").await;
            gateway.check(other, "HEAD /photos/missing", "403 AccessDenied").await;
            for refused in ["GET /photos", "PUT /photos/k\n\nx", "DELETE /photos/k", "GET /photos?policy"] {
                gateway.check(other, refused, "403 AccessDenied").await;
            }
        }
        gateway.check(who, "DELETE /photos?policy", "204").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn whoever_may_list_learns_that_a_key_is_missing() {
    let gateway = gateway_with(As::Obs("alice"), &policy("Allow", &json!("*"), "*")).await;
    gateway.check(As::Nobody, "GET /photos/missing", "404 NoSuchKey").await;
    gateway.check(As::Nobody, "GET /photos/missing?versionId=x", "404 NoSuchVersion").await;
    gateway.check(As::Nobody, "GET /photos", "200").await;
}

#[tokio::test]
async fn one_account_may_and_others_may_not() {
    let gateway = Gateway::with_bucket().await;
    gateway.create_account("carol", false).await;
    let bob = gateway.account_id("bob").await;
    for principal in [
        json!({ "ID": bob }),
        json!({ "ID": format!("domain/{bob}") }),
        json!({ "ID": [format!("domain/{bob}:user/*")] }),
        json!({ "AWS": format!("arn:aws:iam::{bob}:root") }),
        json!({ "CanonicalUser": [bob] }),
    ] {
        gateway.check(As::Obs("alice"), &policy("Allow", &principal, "*"), "204").await;
        for who in both("bob") {
            gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
            gateway.check(who, "GET /photos?location", "200").await;
            gateway.check(who, "GET /photos?policy", "200").await;
            gateway.check(who, "DELETE /photos/k", "204").await;
            // Quotas are not a policy's to hand out.
            gateway.check(who, "GET /photos?quota", "403 AccessDenied").await;
            gateway
                .check(who, "PUT /photos?quota\n\n<Quota><StorageQuota>5</StorageQuota></Quota>", "403 AccessDenied")
                .await;
        }
        for other in [As::Obs("carol"), As::Nobody] {
            gateway.check(other, "GET /photos?location", "403 AccessDenied").await;
            gateway.check(other, "PUT /photos/k\n\nhello", "403 AccessDenied").await;
        }
    }
}

#[tokio::test]
async fn a_denial_beats_everything_but_the_owners_hold_on_the_policy() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write-delivered", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    let deny = policy("Deny", &json!("*"), "*");
    gateway.check(As::Obs("alice"), &deny, "204").await;
    for who in both("alice").into_iter().chain([As::Obs("bob"), As::Nobody]) {
        for request in ["GET /photos", "GET /photos/k", "PUT /photos/k\n\nx", "GET /photos?quota", "DELETE /photos"] {
            gateway.check(who, request, "403 AccessDenied").await;
        }
    }
    gateway.check(As::Obs("bob"), "DELETE /photos?policy", "403 AccessDenied").await;
    for who in both("alice") {
        gateway.check(who, "GET /photos?policy", "200").await;
        gateway.check(who, &deny, "204").await;
    }
    // The probe of the SDKs is nobody's secret.
    gateway.check(As::Nobody, "HEAD /photos?apiversion", "200").await;
    gateway.check(As::Aws("alice"), "DELETE /photos?policy", "204").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
}

#[tokio::test]
async fn conditions_see_the_request() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let put = |condition: Value, action: &str| {
        let policy = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": action,
            "Resource": ["photos", "photos/*"], "Condition": condition } });
        format!("PUT /photos?policy\n\n{policy}")
    };
    let cases = [
        (json!({ "IpAddress": { "SourceIp": "127.0.0.0/8" } }), "GetObject", "GET /photos/k", "200"),
        (json!({ "NotIpAddress": { "SourceIp": "127.0.0.0/8" } }), "GetObject", "GET /photos/k", "403 AccessDenied"),
        (json!({ "Bool": { "SecureTransport": "true" } }), "GetObject", "GET /photos/k", "403 AccessDenied"),
        (json!({ "DateLessThan": { "CurrentTime": "2015-07-02" } }), "GetObject", "GET /photos/k", "200"),
        (
            json!({ "DateGreaterThan": { "CurrentTime": "2015-07-02" } }),
            "GetObject",
            "GET /photos/k",
            "403 AccessDenied",
        ),
        (
            json!({ "StringLike": { "Referer": "http://a/*" } }),
            "GetObject",
            "GET /photos/k\nReferer: http://a/b",
            "200",
        ),
        (json!({ "StringLike": { "Referer": "http://a/*" } }), "GetObject", "GET /photos/k", "403 AccessDenied"),
        (json!({ "StringEquals": { "prefix": "a" } }), "ListBucket", "GET /photos?prefix=a", "200"),
        (json!({ "StringEquals": { "prefix": "a" } }), "ListBucket", "GET /photos?prefix=b", "403 AccessDenied"),
        (json!({ "NumericLessThan": { "s3:max-keys": "5" } }), "s3:ListBucket", "GET /photos?max-keys=4", "200"),
        (json!({ "NumericLessThan": { "s3:max-keys": "5" } }), "s3:ListBucket", "GET /photos", "403 AccessDenied"),
        (json!({}), "GetObjectVersion", "GET /photos/k?versionId=null", "200"),
        (json!({}), "GetObjectVersion", "GET /photos/k", "403 AccessDenied"),
        (json!({}), "GetObject", "GET /photos/k?versionId=null", "403 AccessDenied"),
    ];
    for (condition, action, request, verdict) in cases {
        gateway.check(As::Obs("alice"), &put(condition, action), "204").await;
        gateway.check(As::Nobody, request, verdict).await;
    }
}

/// Whether bob may do each, with an object tagged `level=open` and one that is not.
#[tokio::test]
async fn tags_of_the_object_decide() {
    let gateway = Gateway::with_bucket().await;
    let alice = As::Obs("alice");
    let tagging = |key: &str, tag: &str| {
        format!(
            "PUT /photos/{key}?tagging\nContent-SHA256: DIGEST\n\n<Tagging><TagSet><Tag><Key>level</Key>\
             <Value>{tag}</Value></Tag></TagSet></Tagging>"
        )
    };
    let tagging = |key: &str, tag: &str| {
        let request = tagging(key, tag);
        let body = request.split_once("\n\n").unwrap().1;
        request.replace("DIGEST", &STANDARD.encode(digest::sha256(body.as_bytes())))
    };
    let reset = async || {
        for key in ["open", "closed", "other"] {
            gateway.check(alice, &format!("PUT /photos/{key}\nx-obs-tagging: level={key}\n\nhello"), "200").await;
        }
    };
    let allow = |action: &str, condition: Value| {
        let policy = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": action,
            "Resource": ["photos/*"], "Condition": condition } });
        format!("PUT /photos?policy\n\n{policy}")
    };
    let existing = json!({ "StringEquals": { "s3:ExistingObjectTag/level": "open" } });
    for (action, request) in [
        ("s3:GetObject", "GET /photos/KEY"),
        ("s3:GetObject", "HEAD /photos/KEY"),
        ("s3:GetObjectAcl", "GET /photos/KEY?acl"),
        ("s3:GetObjectTagging", "GET /photos/KEY?tagging"),
        ("s3:GetObjectVersion", "GET /photos/KEY?versionId=null"),
        ("s3:GetObject", "PUT /mine/copy\nPREFIX-copy-source: /photos/KEY\nPREFIX-tagging-directive: REPLACE"),
    ] {
        reset().await;
        gateway.check(alice, &allow(action, existing.clone()), "204").await;
        for who in [As::Obs("bob"), As::Aws("bob"), As::S3("bob")] {
            gateway.check(who, "PUT /mine", "200").await;
            let request = request.replace("PREFIX-", who.prefix());
            gateway.check(who, &request.replace("KEY", "open"), "200").await;
            gateway.check(who, &request.replace("KEY", "closed"), "403 AccessDenied").await;
            gateway.check(who, &request.replace("KEY", "missing"), "403 AccessDenied").await;
        }
        gateway.check(alice, "GET /photos/closed", "200").await;
    }
    gateway.check(alice, &allow("PutObjectTagging", existing), "204").await;
    for who in [As::Obs("bob"), As::Aws("bob"), As::S3("bob")] {
        reset().await;
        gateway.check(who, &tagging("closed", "open"), "403 AccessDenied").await;
        gateway.check(who, &tagging("open", "closed"), "200").await;
        gateway.check(who, &tagging("open", "open"), "403 AccessDenied").await;
    }
    let requested = json!({ "StringEquals": { "s3:RequestObjectTag/level": "open" } });
    gateway.check(alice, &allow("PutObject*", requested), "204").await;
    for who in [As::Obs("bob"), As::Aws("bob"), As::S3("bob")] {
        let prefix = who.prefix();
        reset().await;
        gateway.check(who, &tagging("closed", "closed"), "403 AccessDenied").await;
        gateway.check(who, &tagging("closed", "open"), "200").await;
        gateway.check(who, "PUT /photos/new\n\nx", "403 AccessDenied").await;
        gateway.check(who, &format!("PUT /photos/new\n{prefix}tagging: level=shut\n\nx"), "403 AccessDenied").await;
        gateway.check(who, &format!("PUT /photos/new\n{prefix}tagging: level=open\n\nx"), "200").await;
    }
}

/// How many tags there are is told to whom the tags would be.
#[tokio::test]
async fn tags_of_the_object_decide_who_learns_their_number() {
    let gateway = Gateway::with_bucket().await;
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "photos/*" },
        { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObjectTagging", "Resource": "photos/*",
          "Condition": { "StringEquals": { "s3:ExistingObjectTag/level": "open" } } },
    ] });
    gateway.check(As::Obs("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for (key, bobs) in [("open", "1"), ("closed", "")] {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}\nx-obs-tagging: level={key}\n\nx"), "200").await;
        for who in [As::Obs("alice"), As::S3("alice"), As::Obs("bob"), As::S3("bob")] {
            let read = gateway.check(who, &format!("GET /photos/{key}"), "200").await;
            let expected = if matches!(who, As::Obs("alice") | As::S3("alice")) { "1" } else { bobs };
            assert_eq!(read.header(&format!("{}tagging-count", who.prefix())), expected, "{who:?} {key}");
        }
    }
}

/// A form's tags stand in a field of their own.
#[tokio::test]
async fn tags_of_a_form_are_seen() {
    let gateway = Gateway::with_bucket().await;
    let policy = json!({ "Statement": { "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "photos/*",
        "Condition": { "StringEquals": { "s3:RequestObjectTag/level": "secret" } } } });
    gateway.check(As::Obs("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for (value, verdict) in [("secret", "403 AccessDenied"), ("open", "204")] {
        let tags = format!("<Tagging><TagSet><Tag><Key>level</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
        let form = Form::new("k", "hello").field("tagging", &tags);
        gateway.check_post(As::Obs("alice"), &form, verdict).await;
        let form = Form::new("k", "hello").field("x-obs-tagging", &format!("level={value}"));
        gateway.check_post(As::Obs("alice"), &form, verdict).await;
    }
}

/// A denial by tags holds for the owner too, and whoever may list learns of missing keys.
#[tokio::test]
async fn tags_of_the_object_deny() {
    let gateway = Gateway::with_bucket().await;
    let policy = json!({ "Statement": { "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "photos/*",
        "Condition": { "StringNotEquals": { "s3:ExistingObjectTag/scanned": "clean" } } } });
    gateway.check(As::Obs("alice"), "PUT /photos/dirty\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/clean\nx-obs-tagging: scanned=clean\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for who in both("alice") {
        gateway.check(who, "GET /photos/clean", "200").await;
        gateway.check(who, "GET /photos/dirty", "403 AccessDenied").await;
        gateway.check(who, "GET /photos/missing", "404 NoSuchKey").await;
    }
}

/// The key is what a listing with it as prefix would show.
#[tokio::test]
async fn who_may_list_some_prefix_learns_what_is_missing_there() {
    let gateway = Gateway::with_bucket().await;
    let policy = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "photos",
        "Condition": { "StringLike": { "s3:prefix": "public/*" } } } });
    gateway.check(As::Obs("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for who in [As::Obs("bob"), As::S3("bob"), As::Nobody] {
        gateway.check(who, "GET /photos/public/a", "404 NoSuchKey").await;
        gateway.check(who, "HEAD /photos/private/a", "403 AccessDenied").await;
        // The parameter is a listing's.
        gateway.check(who, "GET /photos/private/a?prefix=public/x", "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn one_policy_may_be_for_many_buckets() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /phones", "200").await;
    gateway.check(As::Obs("alice"), "PUT /other", "200").await;
    let all = policy("Allow", &json!("*"), "ListBucket").replace("\"photos\",\"photos/*\"", "\"arn:aws:s3:::pho*\"");
    gateway.check(As::Obs("alice"), &all, "204").await;
    gateway.check(As::Obs("alice"), &all.replace("/photos", "/phones"), "204").await;
    gateway.check(As::Obs("alice"), &all.replace("/photos", "/other"), "400 MalformedPolicy").await;
    gateway.check(As::Nobody, "GET /photos", "200").await;
    gateway.check(As::Nobody, "GET /phones", "200").await;
    gateway.check(As::Nobody, "GET /other", "403 AccessDenied").await;
}

/// The owner is not locked out, whatever is confirmed.
#[tokio::test]
async fn a_confirmation_is_read_and_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    let deny = policy("Deny", &json!("*"), "*");
    for who in [As::Aws("alice"), As::S3("alice")] {
        let confirmed = |flag: &str| {
            let header = format!("?policy\nx-amz-confirm-remove-self-bucket-access: {flag}");
            deny.replacen("?policy", &header, 1)
        };
        gateway.check(who, &confirmed("perhaps"), "400 InvalidArgument").await;
        for flag in ["true", "false", "True"] {
            gateway.check(who, &confirmed(flag), "204").await;
            gateway.check(who, "GET /photos?policy", "200").await;
        }
        gateway.check(who, "DELETE /photos?policy", "204").await;
    }
}

#[tokio::test]
async fn the_requester_pays() {
    const PAYS: &str = "PUT /photos?requestPayment\n\n<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    let gateway = gateway_with(As::Obs("alice"), &policy("Allow", &json!("*"), "*")).await;
    gateway.check(As::Obs("alice"), PAYS, "200").await;
    for who in both("bob") {
        let prefix = who.prefix();
        gateway.check(who, "GET /photos/k", "403 RequestPayerDenied").await;
        gateway.check(who, &format!("GET /photos/k\n{prefix}request-payer: me"), "403 RequestPayerDenied").await;
        let paid = gateway.check(who, &format!("GET /photos/k\n{prefix}request-payer: requester"), "200").await;
        assert_eq!(paid.header(&format!("{prefix}request-charged")), "requester");
    }
    gateway.check(As::Nobody, "GET /photos/k\nx-obs-request-payer: requester", "403 RequestPayerDenied").await;
    // A stranger's unsigned request in the words of S3.
    gateway.check(As::Nobody, "GET /photos/k\nx-amz-request-payer: requester", "403 AccessDenied").await;
    let own = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
    assert_eq!(own.header("x-obs-request-charged"), "");
    gateway.check(As::Nobody, "HEAD /photos?apiversion", "200").await;
}

#[tokio::test]
async fn the_status_says_whether_anyone_may_anything() {
    let gateway = Gateway::with_bucket().await;
    let bob = gateway.account_id("bob").await;
    let check = async |who: As, setup: &str, verdict: &str, expected: &str| {
        gateway.check(As::Obs("alice"), setup, verdict).await;
        let answer = gateway.check(who, "GET /photos?policyStatus", "200").await;
        assert_eq!(answer.element("IsPublic"), Some(expected), "{setup}");
    };
    for who in both("alice") {
        check(who, "DELETE /photos?policy", "204", "false").await;
        check(who, &policy("Allow", &json!("*"), "GetObject"), "204", "true").await;
        check(who, &policy("Allow", &json!({ "ID": bob }), "GetObject"), "204", "false").await;
        check(who, &policy("Deny", &json!("*"), "GetObject"), "204", "false").await;
        check(who, "PUT /photos?acl\nx-obs-acl: authenticated-read", "200", "true").await;
        check(who, "PUT /photos?acl\nx-obs-acl: private", "200", "false").await;
    }
}

/// S3 refuses what OBS documents: to allow all but some.
#[tokio::test]
async fn allowing_all_but_some_is_for_obs() {
    let gateway = Gateway::with_bucket().await;
    let bob = gateway.account_id("bob").await;
    let all_but_bob = policy("Allow", &json!({ "ID": bob }), "ListBucket").replace("Principal", "NotPrincipal");
    for who in both("alice") {
        gateway.check(who, &all_but_bob, "204").await;
        gateway.check(As::Nobody, "GET /photos", "200").await;
        gateway.check(As::Obs("bob"), "GET /photos", "403 AccessDenied").await;
    }
}

/// A bucket that was deleted and made again has neither list nor policy.
#[tokio::test]
async fn nothing_is_left_of_a_bucket_that_went() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &policy("Allow", &json!("*"), "*"), "204").await;
    gateway.check(As::Obs("bob"), "DELETE /photos", "204").await;
    gateway.check(As::Obs("alice"), "PUT /photos", "200").await;
    gateway.check(As::Obs("bob"), "HEAD /photos", "403 AccessDenied").await;
    gateway.check(As::Obs("alice"), "GET /photos?policy", "404 NoSuchBucketPolicy").await;
}

/// What S3 takes in no policy is taken in OBS's words, as its reference has it.
#[tokio::test]
async fn s3_refuses_what_would_not_mean_what_it_says() {
    let gateway = Gateway::with_bucket().await;
    let statement = |effect: &str, action: &str, resource: &str| {
        format!(
            "PUT /photos?policy\n\n{{\"Statement\":{{\"Effect\":\"{effect}\",\"Principal\":\"*\",\
             \"Action\":[{action}],\"Resource\":[{resource}]}}}}"
        )
    };
    let condition = |keys: &str| {
        let text = statement("Allow", "\"s3:ListBucket\"", "\"photos\"");
        text.replace("\"Effect\"", &format!("\"Condition\":{{\"StringEquals\":{{{keys}}}}},\"Effect\""))
    };
    let (get, list) = ("\"s3:GetObject\"", "\"s3:ListBucket\"");
    for refused in [
        // These deny nothing.
        statement("Deny", get, "\"photos\""),
        statement("Deny", list, "\"photos/*\""),
        statement("Deny", &format!("{get},{list}"), "\"photos/*\""),
        condition("\"s3:prefix\":\"a\",\"s3:prefix\":\"b\""),
        statement("Allow", get, "\"photos/*\"").replace("\"Principal\":\"*\"", "\"NotPrincipal\":{\"AWS\":\"x\"}"),
    ] {
        gateway.check(As::S3("alice"), &refused, "400 MalformedPolicy").await;
        gateway.check(As::Obs("alice"), &refused, "204").await;
        gateway.check(As::Obs("alice"), "DELETE /photos?policy", "204").await;
    }
    for taken in [
        // Suites of S3 put policies that allow nothing.
        statement("Allow", get, "\"photos\""),
        statement("Deny", &format!("{get},{list}"), "\"photos\",\"photos/*\""),
        statement("Deny", &format!("{get},{list}"), "\"arn:aws:s3:::photos*\""),
        statement("Deny", "\"s3:*\",\"Get*\"", "\"photos/*\""),
        condition("\"s3:prefix\":\"a\",\"s3:delimiter\":\"b\""),
    ] {
        gateway.check(As::S3("alice"), &taken, "204").await;
    }
}

/// A policy decides by what the operation does, however the request spells it.
#[tokio::test]
async fn no_spelling_passes_a_policy() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let short = json!({ "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["photos", "photos/*"] },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket*", "Resource": "photos",
          "Condition": { "NumericGreaterThan": { "s3:max-keys": "1" } } },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "photos/*",
          "Condition": { "StringLike": { "s3:x-amz-acl": "public*" } } },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "photos/*",
          "Condition": { "StringEquals": { "s3:x-amz-storage-class": "GLACIER" } } },
    ]});
    gateway.check(As::S3("alice"), &format!("PUT /photos?policy\n\n{short}"), "204").await;
    for who in crate::support::all("bob") {
        for list in ["GET /photos?", "GET /photos?list-type=2&", "GET /photos?versions&"] {
            gateway.check(who, &format!("{list}max-keys=1"), "200").await;
            for long in ["2", "1001", "99999999999999999999"] {
                gateway.check(who, &format!("{list}max-keys={long}"), "403 AccessDenied").await;
            }
        }
        let prefix = who.prefix();
        for class in ["GLACIER", "COLD"] {
            let put = format!("PUT /photos/cold\n{prefix}storage-class: {class}\n\nhello");
            gateway.check(who, &put, "403 AccessDenied").await;
        }
        for list in ["public-read", "%20public-read", "public-read%09"] {
            gateway.check(who, &format!("PUT /photos/k?{prefix}acl={list}\n\nhello"), "403 AccessDenied").await;
        }
        gateway.check(who, &format!("PUT /photos/k2?{prefix}acl=%20private\n\nhello"), "200").await;
    }
    // A page of no length is a whole one in OBS's words.
    gateway.check(As::Obs("bob"), "GET /photos?max-keys=0", "403 AccessDenied").await;
    gateway.check(As::Obs("bob"), "GET /photos?max-keys=-1", "403 AccessDenied").await;
    gateway.check(As::S3("bob"), "GET /photos?max-keys=0", "200").await;
}

/// In the language that has variables one policy gives each account a folder of its own.
#[tokio::test]
async fn each_account_has_its_folder() {
    let gateway = Gateway::with_bucket().await;
    gateway.create_account("carol", false).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"],
          "Resource": "arn:aws:s3:::photos/home/${aws:username}/*" },
        { "Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::photos",
          "Condition": { "StringLike": { "s3:prefix": "home/${aws:username}/*" } } },
    ]});
    gateway.check(As::S3("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for who in crate::support::all("bob") {
        gateway.check(who, "PUT /photos/home/bob/k\n\nhello", "200").await;
        gateway.check(who, "GET /photos/home/bob/k", "200").await;
        gateway.check(who, "GET /photos/home/bob/none", "404 NoSuchKey").await;
        gateway.check(who, "GET /photos?prefix=home/bob/", "200").await;
        gateway.check(who, "GET /photos?prefix=home/carol/", "403 AccessDenied").await;
        gateway.check(who, "PUT /photos/home/carol/k\n\nhello", "403 AccessDenied").await;
    }
    for other in [As::Obs("carol"), As::Nobody] {
        gateway.check(other, "GET /photos/home/bob/k", "403 AccessDenied").await;
        gateway.check(other, "GET /photos/home//k", "403 AccessDenied").await;
    }
    let bad = policy.to_string().replace("aws:username", "aws:PrincipalTag/team");
    gateway.check(As::S3("alice"), &format!("PUT /photos?policy\n\n{bad}"), "400 MalformedPolicy").await;
}

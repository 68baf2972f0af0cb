//! What requests bring along: lists, tags, protection and settings have permissions of their own.

use crate::form::Form;
use crate::support::{As, Gateway, all};

const INITIATE: &str = "POST /photos/k?uploads";

/// A policy of a key: these actions, everywhere.
fn narrowing(actions: &str) -> String {
    format!("{{\"Statement\":{{\"Effect\":\"Allow\",\"Action\":[{actions}],\"Resource\":\"*\"}}}}")
}

async fn with_narrowed() -> Gateway {
    let gateway = Gateway::with_vault().await;
    gateway.lend("narrowed", None, false).await;
    gateway
}

/// With a key that may put objects, and with one that may the other thing, too.
async fn check_needs(gateway: &Gateway, request: &str, actions: (&str, &str)) {
    for who in all("narrowed") {
        let request = request.replace("x-", who.prefix());
        let (own, other) = actions;
        gateway.narrow("narrowed", Some(&narrowing(&format!("\"{own}\"")))).await;
        gateway.check(who, &request, "403 AccessDenied").await;
        gateway.narrow("narrowed", Some(&narrowing(&format!("\"{other}\"")))).await;
        gateway.check(who, &request, "403 AccessDenied").await;
        gateway.narrow("narrowed", Some(&narrowing(&format!("\"{own}\", \"{other}\"")))).await;
        gateway.check(who, &request, "200").await;
    }
}

#[tokio::test]
async fn a_key_that_may_put_may_not_publish_or_tag_what_it_puts() {
    let gateway = with_narrowed().await;
    gateway.check(As::Obs("alice"), "PUT /photos/source\n\nhello", "200").await;
    for line in ["x-acl: public-read", "x-grant-read: uri=http://acs.amazonaws.com/groups/global/AllUsers"] {
        let actions = ("PutObject", "PutObjectAcl");
        check_needs(&gateway, &format!("PUT /photos/k\n{line}\n\nhello"), actions).await;
        check_needs(&gateway, &format!("{INITIATE}\n{line}"), actions).await;
    }
    check_needs(&gateway, "PUT /photos/k\nx-tagging: a=1\n\nhello", ("PutObject", "PutObjectTagging")).await;
    check_needs(&gateway, &format!("{INITIATE}\nx-tagging: a=1"), ("PutObject", "PutObjectTagging")).await;
    let metadata = "PUT /photos/source?metadata\nx-metadata-directive: REPLACE_NEW\nx-tagging: a=1";
    check_needs(&gateway, metadata, ("ModifyObjectMetaData", "PutObjectTagging")).await;
    // In the address it is the same.
    check_needs(&gateway, "PUT /photos/k?x-acl=public-read\n\nhello", ("PutObject", "PutObjectAcl")).await;
    // Nothing was published on the way that was refused.
    gateway.narrow("narrowed", Some(&narrowing("\"PutObject\""))).await;
    for who in all("narrowed") {
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let refused = format!("PUT /photos/k\n{}acl: public-read\n\nother", who.prefix());
        gateway.check(who, &refused, "403 AccessDenied").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
        assert_eq!(&gateway.read("/photos/k").await[..], b"hello");
    }
}

#[tokio::test]
async fn of_a_form_the_fields_are_asked_about() {
    let gateway = with_narrowed().await;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    for (name, value, action) in [("acl", "public-read", "PutObjectAcl"), ("tagging", tags, "PutObjectTagging")] {
        for who in all("narrowed") {
            let form = Form::new("k", "hello".to_owned()).field(name, value);
            gateway.narrow("narrowed", Some(&narrowing("\"PutObject\""))).await;
            let refused = gateway.post(who, &form).await;
            assert_eq!(refused.verdict(), "403 AccessDenied", "{who:?} {name}");
            gateway.narrow("narrowed", Some(&narrowing(&format!("\"PutObject\", \"{action}\"")))).await;
            assert_eq!(gateway.post(who, &form).await.verdict(), "204", "{who:?} {name}");
        }
    }
}

/// Whoever the policy lets put may name a list and tags, as S3's suites expect; but not where it denies just that.
#[tokio::test]
async fn a_policy_that_denies_lists_or_tags_denies_them_in_headers_too() {
    for who in all("bob") {
        let gateway = Gateway::with_bucket().await;
        let allow = "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"PutObject\",\"Resource\":\"photos/*\"}";
        let deny = |action: &str, condition: &str| {
            format!(
                "PUT /photos?policy\n\n{{\"Statement\":[{allow},{{\"Effect\":\"Deny\",\"Principal\":\"*\",\
                 \"Action\":\"{action}\",\"Resource\":\"photos/*\",\"Condition\":{condition}}}]}}"
            )
        };
        let prefix = who.prefix();
        let put = |line: &str| format!("PUT /photos/k\n{prefix}{line}\n\nhello");
        let check = async |policy: &str, list: &str, tags: &str| {
            gateway.check(As::Obs("alice"), policy, "204").await;
            gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
            gateway.check(who, &put("acl: public-read"), list).await;
            gateway.check(who, &put("tagging: a=1"), tags).await;
        };
        check(&format!("PUT /photos?policy\n\n{{\"Statement\":{allow}}}"), "200", "200").await;
        check(&deny("PutObjectAcl", "{}"), "403 AccessDenied", "200").await;
        check(&deny("s3:PutObjectTagging", "{}"), "200", "403 AccessDenied").await;
        check(&deny("PutObjectAcl", "{\"StringEquals\":{\"acl\":\"public-read-write\"}}"), "200", "200").await;
        let tag = |value: &str| format!("{{\"StringEquals\":{{\"s3:RequestObjectTag/a\":\"{value}\"}}}}");
        check(&deny("s3:PutObjectTagging", &tag("1")), "200", "403 AccessDenied").await;
        check(&deny("s3:PutObjectTagging", &tag("2")), "200", "200").await;
        // The owner, too.
        gateway.check(As::Obs("alice"), &deny("PutObjectAcl", "{}"), "204").await;
        gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-acl: private\n\nhello", "403 AccessDenied").await;
    }
}

/// Who reads an object need not be one who reads its tags.
#[tokio::test]
async fn tags_go_along_with_a_copy_for_whom_they_are() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("bob"), "PUT /mine", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-tagging: secret=1\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/plain\n\nhello", "200").await;
    let policy = |actions: &str| {
        format!(
            "PUT /photos?policy\n\n{{\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[{actions}],\
             \"Resource\":\"photos/*\"}}}}"
        )
    };
    for who in all("bob") {
        gateway.check(As::Obs("alice"), &policy("\"GetObject\""), "204").await;
        let copy = |source: &str, directive: &str| {
            let prefix = who.prefix();
            format!("PUT /mine/k\n{prefix}copy-source: /photos/{source}\n{prefix}tagging-directive: {directive}")
        };
        gateway.check(who, &copy("k", "COPY"), "403 AccessDenied").await;
        gateway.check(who, &copy("k", "REPLACE"), "200").await;
        gateway.check(who, &copy("plain", "COPY"), "200").await;
        gateway.check(As::Obs("alice"), &policy("\"GetObject\", \"GetObjectTagging\""), "204").await;
        gateway.check(who, &copy("k", "COPY"), "200").await;
        let tags = gateway.check(who, "GET /mine/k?tagging", "200").await;
        assert_eq!(tags.elements("Key"), ["secret"]);
        // Where they come to, they may be denied.
        let deny = "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"PutObjectTagging\",\
                    \"Resource\":\"mine/*\",\"Condition\":{\"StringEquals\":{\"s3:RequestObjectTag/secret\":\"1\"}}}}";
        gateway.check(who, &format!("PUT /mine?policy\n\n{deny}"), "204").await;
        gateway.check(who, &copy("k", "COPY"), "403 AccessDenied").await;
        gateway.check(who, &copy("k", "REPLACE"), "200").await;
        gateway.check(who, "DELETE /mine?policy", "204").await;
    }
}

#[tokio::test]
async fn a_new_bucket_brings_what_its_maker_may_set() {
    let gateway = with_narrowed().await;
    let mut number = 0;
    for (line, action) in [
        ("acl: public-read", "\"PutBucketAcl\""),
        ("grant-read: id=ID", "\"PutBucketAcl\""),
        ("object-ownership: ObjectWriter", "\"PutBucketOwnershipControls\""),
        ("bucket-object-lock-enabled: true", "\"PutBucketObjectLockConfiguration\", \"PutBucketVersioning\""),
    ] {
        let line = line.replace("ID", &gateway.account_id("bob").await);
        for who in all("narrowed") {
            number += 1;
            let create = format!("PUT /made-{number}\n{}{line}", who.prefix());
            gateway.narrow("narrowed", Some(&narrowing("\"CreateBucket\""))).await;
            gateway.check(who, &create, "403 AccessDenied").await;
            gateway.check(who, &format!("PUT /plain-{number}\n{}acl: private", who.prefix()), "200").await;
            gateway.narrow("narrowed", Some(&narrowing(&format!("\"CreateBucket\", {action}")))).await;
            gateway.check(who, &create, "200").await;
        }
    }
}

/// `s3:object-lock-*`, of headers and of documents.
#[tokio::test]
async fn policies_bound_how_long_is_protected() {
    let gateway = Gateway::with_vault().await;
    gateway.check(As::Obs("alice"), "PUT /vault/k\n\nhello", "200").await;
    let deny = |operator: &str, key: &str, value: &str| {
        format!(
            "PUT /vault?policy\n\n{{\"Statement\":{{\"Effect\":\"Deny\",\"Principal\":\"*\",\
             \"Action\":[\"PutObjectRetention\",\"PutObjectLegalHold\"],\"Resource\":\"vault/*\",\
             \"Condition\":{{\"{operator}\":{{\"s3:object-lock-{key}\":\"{value}\"}}}}}}}}"
        )
    };
    // Ten days from now.
    let until = "2015-07-11T03:27:45Z";
    for who in all("alice") {
        let prefix = who.prefix();
        let document = format!(
            "PUT /vault/k?retention\n\n<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate>\
             </Retention>"
        );
        let headers = format!(
            "PUT /vault/new\n{prefix}object-lock-mode: COMPLIANCE\n\
             {prefix}object-lock-retain-until-date: {until}\n\nhello"
        );
        for (operator, key, value) in [
            ("NumericGreaterThan", "remaining-retention-days", "9"),
            ("StringEquals", "mode", "COMPLIANCE"),
            ("DateGreaterThan", "retain-until-date", "2015-07-11"),
        ] {
            gateway.check(As::Obs("alice"), &deny(operator, key, value), "204").await;
            gateway.check(who, &document, "403 AccessDenied").await;
            gateway.check(who, &headers, "403 AccessDenied").await;
        }
        for (operator, key, value) in [
            ("NumericGreaterThan", "remaining-retention-days", "10"),
            ("StringEquals", "mode", "GOVERNANCE"),
            ("StringEquals", "legal-hold", "OFF"),
        ] {
            gateway.check(As::Obs("alice"), &deny(operator, key, value), "204").await;
            gateway.check(who, &headers, "200").await;
        }
        gateway.check(As::Obs("alice"), &deny("StringEquals", "legal-hold", "OFF"), "204").await;
        let hold =
            |status: &str| format!("PUT /vault/k?legal-hold\n\n<LegalHold><Status>{status}</Status></LegalHold>");
        gateway.check(who, &hold("ON"), "200").await;
        gateway.check(who, &hold("OFF"), "403 AccessDenied").await;
    }
    gateway.check(As::Obs("alice"), "DELETE /vault?policy", "204").await;
    let head = gateway.check(As::S3("alice"), "HEAD /vault/k", "200").await;
    assert_eq!((head.header("x-amz-object-lock-mode"), head.header("x-amz-object-lock-legal-hold")), ("", "ON"));
}

#[tokio::test]
async fn a_list_is_named_once() {
    let gateway = Gateway::with_bucket().await;
    let bob = gateway.account_id("bob").await;
    for who in all("alice") {
        let prefix = who.prefix();
        for request in ["PUT /photos/k", "PUT /photos?acl", "POST /photos/k?uploads", "PUT /another"] {
            let twice = format!("{request}\n{prefix}grant-read: id={bob}\n{prefix}grant-read: id={bob}");
            gateway.check(who, &twice, "400 InvalidArgument").await;
            let twice = format!("{request}\n{prefix}acl: private\n{prefix}acl: public-read");
            gateway.check(who, &twice, "400 InvalidArgument").await;
        }
    }
    assert_eq!(gateway.keys("photos").await, [""; 0]);
}

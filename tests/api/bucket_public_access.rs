//! `?publicAccessBlock` and `?bucketStatus`: the setting, and each of its four switches.

use crate::form::Form;
use crate::support::{As, Gateway};

/// An account in every dialect.
fn all(name: &'static str) -> [As; 3] {
    [As::Obs(name), As::Aws(name), As::S3(name)]
}

/// A request that turns these switches on, and no others.
fn block(switches: &[&str]) -> String {
    let switches: String = switches.iter().flat_map(|name| ["<", name, ">true</", name, ">"]).collect();
    format!(
        "PUT /photos?publicAccessBlock\n\n<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>"
    )
}

fn policy(effect: &str, principal: &str, action: &str) -> String {
    format!(
        "PUT /photos?policy\n\n{{\"Statement\":{{\"Effect\":\"{effect}\",\"Principal\":{principal},\"Action\":\"{action}\",\
         \"Resource\":[\"photos\",\"photos/*\"]}}}}"
    )
}

async fn gateway_with(switches: &[&str]) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &block(switches), "200").await;
    gateway
}

#[tokio::test]
async fn the_setting_comes_and_goes() {
    for who in all("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "GET /photos?publicAccessBlock", "404 NoSuchPublicAccessBlockConfiguration").await;
        gateway.check(who, "DELETE /photos?publicAccessBlock", "204").await;
        let done = gateway.check(who, &block(&["IgnorePublicAcls", "RestrictPublicBuckets"]), "200").await;
        assert_eq!(done.text(), "200 OK\ncontent-length: 0");
        let read = gateway.check(who, "GET /photos?publicAccessBlock", "200").await;
        let switches = "<BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
                        <BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>";
        assert!(read.body_text().ends_with(&format!("{switches}</PublicAccessBlockConfiguration>")));
        gateway.check(who, &block(&[]), "200").await;
        let read = gateway.check(who, "GET /photos?publicAccessBlock", "200").await;
        assert!(!read.body_text().contains("true"));
        gateway.check(who, "DELETE /photos?publicAccessBlock", "204").await;
        gateway.check(who, "GET /photos?publicAccessBlock", "404 NoSuchPublicAccessBlockConfiguration").await;
    }
}

#[tokio::test]
async fn what_is_no_setting_changes_nothing() {
    let gateway = gateway_with(&["BlockPublicAcls"]).await;
    for who in all("alice") {
        for (request, verdict) in [
            ("PUT /photos?publicAccessBlock", "400 MissingRequestBodyError"),
            ("PUT /photos?publicAccessBlock\n\n<Other/>", "400 MalformedXML"),
            (&block(&["Block"]), "400 MalformedXML"),
            (&block(&["BlockPublicAcls", "BlockPublicAcls"]), "400 MalformedXML"),
            (&block(&["BlockPublicAcls"]).replace("true", "on"), "400 MalformedXML"),
            (&block(&[]).replace("Block\n", "Block\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\n"), "400 BadDigest"),
            (&block(&[]).replace("?public", "?x=1&public"), "400 InvalidArgument"),
            ("GET /photos/k?publicAccessBlock", "405 MethodNotAllowed"),
            ("PUT /photos?bucketStatus", "405 MethodNotAllowed"),
        ] {
            gateway.check(who, request, verdict).await;
        }
        let read = gateway.check(who, "GET /photos?publicAccessBlock", "200").await;
        assert_eq!(read.element("BlockPublicAcls"), Some("true"));
    }
    for request in [&block(&[]), "GET /photos?publicAccessBlock", "DELETE /photos?publicAccessBlock"] {
        gateway.check(As::S3("bob"), request, "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn no_public_list_is_set_where_that_is_blocked() {
    let gateway = gateway_with(&["BlockPublicAcls"]).await;
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for who in all("alice") {
        let prefix = who.prefix();
        let group = "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
        let requests = |list: &str| {
            [
                format!("PUT /photos?acl\n{prefix}{list}"),
                format!("PUT /photos/k?acl\n{prefix}{list}"),
                format!("PUT /photos/new\n{prefix}{list}\n\nhello"),
                format!("PUT /photos/new\n{prefix}copy-source: /photos/k\n{prefix}{list}"),
                format!("POST /photos/new?uploads\n{prefix}{list}"),
                format!("POST /photos/new?append&position=0\n{prefix}{list}\n\nhello"),
            ]
        };
        for list in
            ["acl: public-read", "acl: public-read-write", "acl: authenticated-read", &format!("grant-read: {group}")]
        {
            for request in requests(list) {
                gateway.check(who, &request, "403 AccessDenied").await;
            }
        }
        let everyone = "<Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>";
        for target in ["/photos", "/photos/k"] {
            let document = format!(
                "PUT {target}?acl\n\n<AccessControlPolicy><Owner><ID>{alice}</ID></Owner><AccessControlList><Grant>\
                 {everyone}<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
            );
            gateway.check(who, &document, "403 AccessDenied").await;
        }
        for target in ["/photos", "/photos/k"] {
            gateway.check(who, &format!("PUT {target}?acl\n{prefix}acl: private"), "200").await;
            gateway.check(who, &format!("PUT {target}?acl\n{prefix}grant-read: id={bob}"), "200").await;
            gateway.check(who, &format!("PUT {target}?acl\n{prefix}acl: log-delivery-write"), "200").await;
        }
    }
    let form = Form::new("new", "hello").field("x-obs-acl", "public-read");
    gateway.check_post(As::Obs("alice"), &form, "403 AccessDenied").await;
    assert_eq!(gateway.used("photos").await, (5, 1));
    // What is there stays open.
    gateway.check(As::Obs("alice"), &block(&[]), "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/k?acl\nx-obs-acl: public-read", "200").await;
    gateway.check(As::Obs("alice"), &block(&["BlockPublicAcls"]), "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
}

/// Such an object would be everyone's to read.
#[tokio::test]
async fn what_nobody_signs_for_is_not_public_where_that_is_blocked() {
    let gateway = gateway_with(&["BlockPublicAcls"]).await;
    gateway.check(As::Obs("alice"), &policy("Allow", "\"*\"", "PutObject"), "204").await;
    gateway.check(As::Nobody, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
}

#[tokio::test]
async fn public_grants_do_not_count_where_they_are_ignored() {
    let gateway = Gateway::with_bucket().await;
    let bob = gateway.account_id("bob").await;
    for list in ["public-read-write-delivered", "authenticated-read"] {
        gateway.check(As::Obs("alice"), &format!("PUT /photos?acl\nx-obs-acl: {list}"), "200").await;
        gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-acl: authenticated-read\n\nhello", "200").await;
        gateway.check(As::S3("bob"), "GET /photos", "200").await;
        gateway.check(As::S3("bob"), "GET /photos/k", "200").await;
        gateway.check(As::Obs("alice"), &block(&["IgnorePublicAcls"]), "200").await;
        for who in all("bob").into_iter().chain([As::Nobody]) {
            for request in ["GET /photos", "HEAD /photos", "GET /photos/k", "PUT /photos/new\n\nx", "DELETE /photos/k"]
            {
                gateway.check(who, request, "403 AccessDenied").await;
            }
        }
        gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        // They are shown all the same, and more can be set.
        let shown = gateway.check(As::S3("alice"), "GET /photos/k?acl", "200").await;
        assert_eq!(shown.elements("Permission"), ["READ", "FULL_CONTROL"]);
        gateway.check(As::S3("alice"), "PUT /photos/k?acl\nx-amz-acl: public-read", "200").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
        // Accounts that are named are not the public.
        gateway.check(As::S3("alice"), &format!("PUT /photos/k?acl\nx-amz-grant-read: id={bob}"), "200").await;
        gateway.check(As::S3("bob"), "GET /photos/k", "200").await;
        gateway.check(As::Obs("alice"), "DELETE /photos?publicAccessBlock", "204").await;
    }
}

#[tokio::test]
async fn no_public_policy_is_set_where_that_is_blocked() {
    let gateway = gateway_with(&["BlockPublicPolicy"]).await;
    let bob = format!("{{\"AWS\":\"{}\"}}", gateway.account_id("bob").await);
    for who in all("alice") {
        for principal in ["\"*\"", "{\"AWS\":\"*\"}", "{\"AWS\":[\"*\"]}"] {
            gateway.check(who, &policy("Allow", principal, "GetObject"), "403 AccessDenied").await;
        }
        gateway.check(who, "GET /photos?policy", "404 NoSuchBucketPolicy").await;
        gateway.check(who, &policy("Deny", "\"*\"", "PutBucketLogging"), "204").await;
        gateway.check(who, &policy("Allow", &bob, "GetObject"), "204").await;
        gateway.check(who, &policy("Allow", "{\"AWS\":\"arn:aws:iam::s3tenant1:root\"}", "GetObject"), "204").await;
        gateway.check(who, "DELETE /photos?policy", "204").await;
    }
    // One that is there goes on.
    gateway.check(As::Obs("alice"), &block(&[]), "200").await;
    gateway.check(As::Obs("alice"), &policy("Allow", "\"*\"", "ListBucket"), "204").await;
    gateway.check(As::Obs("alice"), &block(&["BlockPublicPolicy"]), "200").await;
    gateway.check(As::Nobody, "GET /photos", "200").await;
}

#[tokio::test]
async fn a_bucket_with_a_public_policy_is_its_accounts_where_it_is_restricted() {
    let gateway = gateway_with(&["RestrictPublicBuckets"]).await;
    let bob = format!("{{\"AWS\":\"{}\"}}", gateway.account_id("bob").await);
    gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-acl: public-read\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), &policy("Allow", &bob, "*"), "204").await;
    gateway.check(As::S3("bob"), "GET /photos", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    gateway.check(As::Obs("alice"), &policy("Allow", "\"*\"", "*"), "204").await;
    let delete_many = "POST /photos?delete\nContent-MD5: 2X7d95GONtMTgnIdS6VGjA==\n\n\
                       <Delete><Object><Key>k</Key></Object></Delete>";
    for who in all("bob").into_iter().chain([As::Nobody]) {
        for request in ["GET /photos", "GET /photos/k", "PUT /photos/k\n\nx", "HEAD /photos", "GET /photos/missing"] {
            gateway.check(who, request, "403 AccessDenied").await;
        }
        gateway.check(who, delete_many, "403 AccessDenied").await;
        gateway.check(who, "HEAD /photos?apiversion", "200").await;
    }
    for who in all("alice") {
        gateway.check(who, "GET /photos/k", "200").await;
        gateway.check(who, "GET /photos", "200").await;
    }
    gateway.check(As::Obs("alice"), &block(&[]), "200").await;
    gateway.check(As::Nobody, "GET /photos", "200").await;
}

#[tokio::test]
async fn the_status_is_of_what_counts() {
    for who in all("alice") {
        let gateway = Gateway::with_bucket().await;
        let check = async |setup: &str, expected: &str| {
            if !setup.is_empty() {
                gateway.send(who, setup).await;
            }
            let answer = gateway.check(who, "GET /photos?bucketStatus", "200").await;
            assert!(answer.body_text().contains("<BucketStatus "), "{}", answer.body_text());
            assert_eq!(answer.element("IsPublic"), Some(expected), "{who:?} {setup}");
        };
        check("", "false").await;
        check(&policy("Allow", "\"*\"", "GetObject"), "true").await;
        check(&block(&["RestrictPublicBuckets"]), "false").await;
        let policy_status = gateway.check(who, "GET /photos?policyStatus", "200").await;
        assert_eq!(policy_status.element("IsPublic"), Some("true"), "the policy is what it is");
        check("DELETE /photos?policy", "false").await;
        check(&format!("PUT /photos?acl\n{}acl: authenticated-read", who.prefix()), "true").await;
        check(&block(&["IgnorePublicAcls"]), "false").await;
        let policy_status = gateway.check(who, "GET /photos?policyStatus", "200").await;
        assert_eq!(policy_status.element("IsPublic"), Some("false"));
        check("DELETE /photos?publicAccessBlock", "true").await;
        check(&format!("PUT /photos?acl\n{}acl: private", who.prefix()), "false").await;
    }
}

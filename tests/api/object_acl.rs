//! `?acl` of objects, and the headers that give a new object its list.

use crate::support::{As, Gateway, both};

async fn with_object() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway
}

fn document(owner: &str, rest: &str, grants: &str) -> String {
    format!(
        "PUT /photos/k?acl\n\n<AccessControlPolicy><Owner><ID>{owner}</ID></Owner>{rest}<AccessControlList>{grants}\
         </AccessControlList></AccessControlPolicy>"
    )
}

fn grant(grantee: &str, permission: &str) -> String {
    format!("<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>")
}

async fn permissions(gateway: &Gateway, target: &str) -> Vec<String> {
    let answer = gateway.check(As::Obs("alice"), &format!("GET {target}"), "200").await;
    answer.elements("Permission").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_private_list_is_the_owner_alone() {
    let gateway = with_object().await;
    let alice = gateway.account_id("alice").await;
    let obs = gateway.check(As::Obs("alice"), "GET /photos/k?acl", "200").await;
    assert_eq!(
        obs.body_text().replace(&alice, "ALICE"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <AccessControlPolicy xmlns=\"http://obs.localhost/doc/2015-06-30/\"><Owner><ID>ALICE</ID></Owner>\
         <Delivered>true</Delivered><AccessControlList><Grant><Grantee><ID>ALICE</ID></Grantee>\
         <Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
    );
    let aws = gateway.check(As::Aws("alice"), "GET /photos/k?acl", "200").await;
    assert!(aws.body_text().contains("<DisplayName>alice</DisplayName>"), "{}", aws.body_text());
    assert!(!aws.body_text().contains("Delivered"), "{}", aws.body_text());
}

#[tokio::test]
async fn lists_by_header_say_who_may_read() {
    for who in both("alice") {
        let gateway = with_object().await;
        let bob = gateway.account_id("bob").await;
        let put = |header: &str| format!("PUT /photos/k?acl\n{}{header}", who.prefix());
        gateway.check(who, &put("acl: public-read"), "200").await;
        assert_eq!(permissions(&gateway, "/photos/k?acl").await, ["FULL_CONTROL", "READ"]);
        gateway.check(As::Nobody, "GET /photos/k", "200").await;
        gateway.check(As::Nobody, "GET /photos/k?acl", "403 AccessDenied").await;
        gateway.check(who, &put(&format!("grant-read-acp: id={bob}")), "200").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
        gateway.check(As::Obs("bob"), "GET /photos/k", "403 AccessDenied").await;
        gateway.check(As::Obs("bob"), "GET /photos/k?acl", "200").await;
        gateway.check(As::Obs("bob"), "PUT /photos/k?acl\nx-obs-acl: private", "403 AccessDenied").await;
        gateway.check(who, &put(&format!("grant-write-acp: id={bob}")), "200").await;
        // Who may write the list may give themselves the rest.
        gateway.check(As::Obs("bob"), &format!("PUT /photos/k?acl\nx-obs-grant-read: id={bob}"), "200").await;
        gateway.check(As::Obs("bob"), "GET /photos/k", "200").await;
        // A new object has a list of its own.
        gateway.check(who, &format!("PUT /photos/k\n{}acl: public-read\n\nhello", who.prefix()), "200").await;
        gateway.check(As::Nobody, "GET /photos/k", "200").await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

#[tokio::test]
async fn lists_by_document_and_what_the_bucket_delivers() {
    let gateway = with_object().await;
    let who = As::Obs("alice");
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    let granted = grant("<Canned>Everyone</Canned>", "READ") + &grant(&format!("<ID>{bob}</ID>"), "WRITE");
    gateway.check(who, &document(&alice, "", &granted), "200").await;
    assert_eq!(permissions(&gateway, "/photos/k?acl").await, ["READ", "WRITE"]);
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    // To write an object is the bucket's to grant.
    gateway.check(As::Obs("bob"), "PUT /photos/k\n\nhello", "403 AccessDenied").await;
    gateway.check(who, &document(&alice, "", ""), "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    gateway.check(who, "PUT /photos?acl\nx-obs-acl: public-read-delivered", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    gateway.check(who, &document(&alice, "<Delivered>false</Delivered>", ""), "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    let read = gateway.check(who, "GET /photos/k?acl", "200").await;
    assert_eq!(read.element("Delivered"), Some("false"));
}

#[tokio::test]
async fn each_version_has_its_own_list() {
    let gateway = with_object().await;
    let who = As::Obs("alice");
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, enable, "200").await;
    gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
    let old = gateway.check(who, "PUT /photos/k?acl&versionId=null\nx-obs-acl: public-read", "200").await;
    assert_eq!(old.header("x-obs-version-id"), "null");
    gateway.check(As::Nobody, "GET /photos/k?versionId=null", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    assert_eq!(permissions(&gateway, "/photos/k?acl&versionId=null").await.len(), 2);
    assert_eq!(permissions(&gateway, "/photos/k?acl").await.len(), 1);
    let marker = gateway.check(who, "DELETE /photos/k", "204").await;
    gateway.check(who, "GET /photos/k?acl", "404 NoSuchKey").await;
    let marker = format!("GET /photos/k?acl&versionId={}", marker.header("x-obs-version-id"));
    gateway.check(who, &marker, "405 MethodNotAllowed").await;
}

#[tokio::test]
async fn bad_lists_are_refused_and_the_old_one_stays() {
    let gateway = with_object().await;
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    let nobody = "0123456789abcdef0123456789abcdef";
    gateway.check(As::Obs("alice"), "PUT /photos/k?acl\nx-obs-acl: public-read", "200").await;
    for who in both("alice") {
        let put = |header: &str| format!("PUT /photos/k?acl\n{}{header}", who.prefix());
        for (request, verdict) in [
            ("PUT /photos/k?acl".to_owned(), "400 MissingRequestBodyError"),
            (put("acl: public"), "400 InvalidArgument"),
            (put(&format!("grant-read: id={nobody}")), "400 InvalidArgument"),
            (put(&format!("grant-read-delivered: id={bob}")), "400 InvalidArgument"),
            (put(&format!("acl: private\n{}grant-read: id={bob}", who.prefix())), "400 InvalidRequest"),
            (document(&bob, "", ""), "403 AccessDenied"),
            (document(&alice, "", &grant(&format!("<ID>{nobody}</ID>"), "READ")), "400 InvalidArgument"),
            (document(&alice, "", &grant("<Canned>Everyone</Canned>", "ALL")), "400 MalformedACLError"),
            ("PUT /photos/k?acl\n\nnot xml".to_owned(), "400 MalformedACLError"),
            (document(&alice, "", "").replace("/k?", "/no?"), "404 NoSuchKey"),
            (document(&alice, "", "").replace("?acl", "?acl&x"), "400 InvalidArgument"),
            (format!("PUT /photos/no\n{}grant-read: id={nobody}\n\nhello", who.prefix()), "400 InvalidArgument"),
        ] {
            gateway.check(who, &request, verdict).await;
        }
        let both = format!("PUT /photos/k?acl\n{}acl: private", who.prefix());
        let both = document(&alice, "", "").replace("PUT /photos/k?acl", &both);
        gateway.check(who, &both, "400 InvalidRequest").await;
    }
    assert_eq!(permissions(&gateway, "/photos/k?acl").await, ["FULL_CONTROL", "READ"]);
    assert_eq!(gateway.keys("photos").await, ["k"]);
}

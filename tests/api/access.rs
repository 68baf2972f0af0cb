//! Who may what with objects: lists given with them, objects of others in one's bucket, what nobody signed for, keys that
//! are hidden from those who may not list.

use crate::support::{As, Gateway, both};

/// A gateway in which anyone may put into `photos`, and bob and carol are strangers to it.
async fn writable() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.create_account("carol", false).await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write", "200").await;
    gateway
}

/// What alice, bob, carol and nobody get for a request.
async fn check_all(gateway: &Gateway, request: &str, verdicts: [&str; 4]) {
    let callers = [As::Obs("alice"), As::Aws("bob"), As::Obs("carol"), As::Nobody];
    for (who, verdict) in callers.into_iter().zip(verdicts) {
        let verdict = if verdict == "403" { "403 AccessDenied" } else { verdict };
        gateway.check(who, request, verdict).await;
    }
}

#[tokio::test]
async fn an_object_has_the_list_it_was_put_with() {
    for who in both("alice") {
        let gateway = writable().await;
        let bob = gateway.account_id("bob").await;
        let put = |headers: &str| format!("PUT /photos/k\n{}\n\nhello", headers.replace("x-", who.prefix()));
        for (headers, verdicts) in [
            ("", ["200", "403", "403", "403"]),
            ("x-acl: private", ["200", "403", "403", "403"]),
            ("x-acl: public-read", ["200", "200", "200", "200"]),
            ("x-acl: authenticated-read", ["200", "200", "200", "403"]),
            ("x-acl: bucket-owner-full-control", ["200", "403", "403", "403"]),
            (&format!("x-grant-read: id={bob}"), ["200", "200", "403", "403"]),
            (&format!("x-grant-full-control: id={bob}"), ["200", "200", "403", "403"]),
            (&format!("x-grant-read-acp: id={bob}"), ["200", "403", "403", "403"]),
        ] {
            gateway.check(who, put(headers).trim_start_matches('\n'), "200").await;
            for request in ["GET /photos/k", "HEAD /photos/k", "GET /photos/k\nRange: bytes=9-"] {
                let ranged = verdicts.map(|verdict| match (request.contains("Range"), verdict) {
                    (true, "200") => "416 InvalidRange",
                    (_, verdict) => verdict,
                });
                check_all(&gateway, request, ranged).await;
            }
        }
        for (headers, verdict) in [
            ("x-acl: everyone", "400 InvalidArgument"),
            ("x-grant-read: id=bob", "400 InvalidArgument"),
            ("x-grant-read: id=0000000000000000000000000000000f", "400 InvalidArgument"),
            ("x-grant-read-delivered: id=0000000000000000000000000000000f", "400 InvalidArgument"),
            ("x-grant-read: emailAddress=a@b", "400 UnresolvableGrantByEmailAddress"),
            (&format!("x-acl: private\nx-grant-read: id={bob}"), "400 InvalidRequest"),
        ] {
            gateway.check(who, &put(headers).replace("/k", "/refused"), verdict).await;
        }
        assert_eq!(gateway.keys("photos").await, ["k"]);
    }
}

#[tokio::test]
async fn conditions_tell_nothing_of_what_may_not_be_read() {
    let gateway = writable().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for header in ["If-None-Match: *", "If-Match: \"x\"", "If-Modified-Since: Wed, 01 Jul 2015 03:27:45 GMT"] {
        for method in ["GET", "HEAD"] {
            gateway.check(As::Nobody, &format!("{method} /photos/k\n{header}"), "403 AccessDenied").await;
        }
    }
}

#[tokio::test]
async fn an_object_of_anothers_is_anothers() {
    let gateway = writable().await;
    let denied = ["403", "200", "403", "403"];
    gateway.check(As::Obs("bob"), "PUT /photos/k\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", denied).await;
    gateway.check(As::Aws("bob"), "PUT /photos/k\nx-amz-acl: bucket-owner-full-control\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", ["200", "200", "403", "403"]).await;
    gateway.check(As::Aws("bob"), "PUT /photos/k\nx-amz-acl: bucket-owner-read\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", ["200", "200", "403", "403"]).await;
    // The owner of the bucket is charged for it, sees it in the listing, and may always delete it.
    assert_eq!(gateway.used("photos").await, (5, 1));
    let bob = gateway.account_id("bob").await;
    let listed = gateway.check(As::Obs("alice"), "GET /photos", "200").await;
    assert_eq!(listed.elements("ID").last(), Some(&&*bob));
    gateway.check(As::Obs("bob"), "PUT /photos/k\n\nhello", "200").await;
    check_all(&gateway, "HEAD /photos/k", denied).await;
    // What the bucket delivers goes for the objects of others too, its owner included.
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-delivered", "200").await;
    check_all(&gateway, "GET /photos/k", ["200"; 4]).await;
    gateway.check(As::Obs("bob"), "DELETE /photos/k", "403 AccessDenied").await;
    gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
    gateway.assert_sound();
}

#[tokio::test]
async fn a_policy_opens_the_objects_of_others_too() {
    let gateway = writable().await;
    gateway.check(As::Obs("bob"), "PUT /photos/k\n\nhello", "200").await;
    let allow = "PUT /photos?policy\n\n{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\
                 \"Action\":\"GetObject\",\"Resource\":\"photos/*\"}}";
    gateway.check(As::Obs("alice"), allow, "204").await;
    check_all(&gateway, "GET /photos/k", ["200"; 4]).await;
    // And closes them to their owners.
    gateway.check(As::Obs("alice"), &allow.replace("Allow", "Deny"), "204").await;
    check_all(&gateway, "GET /photos/k", ["403"; 4]).await;
}

#[tokio::test]
async fn what_nobody_signed_for_is_the_bucket_owners_to_handle() {
    let gateway = writable().await;
    gateway.check(As::Nobody, "PUT /photos/k\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", ["200"; 4]).await;
    gateway.check(As::Nobody, "PUT /photos/k\nx-obs-acl: private\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", ["200", "403", "403", "403"]).await;
    gateway.check(As::Nobody, "PUT /photos/k\nx-amz-acl: bucket-owner-full-control\n\nhello", "200").await;
    check_all(&gateway, "GET /photos/k", ["200", "403", "403", "403"]).await;
    assert_eq!(gateway.used("photos").await, (5, 1));
    gateway.check(As::Nobody, "DELETE /photos/k", "204").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read", "200").await;
    gateway.check(As::Nobody, "PUT /photos/k\n\nhello", "403 AccessDenied").await;
}

#[tokio::test]
async fn keys_are_hidden_from_those_who_may_not_list() {
    let gateway = writable().await;
    check_all(&gateway, "GET /photos/none", ["404 NoSuchKey"; 4]).await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: private", "200").await;
    let hidden = ["404 NoSuchKey", "403", "403", "403"];
    check_all(&gateway, "GET /photos/none", hidden).await;
    check_all(&gateway, "HEAD /photos/none", hidden).await;
    check_all(&gateway, "GET /photos/none?versionId=null", ["404 NoSuchVersion", "403", "403", "403"]).await;
    check_all(&gateway, "GET /missing/none", ["404 NoSuchBucket"; 4]).await;
}

#[tokio::test]
async fn delete_markers_are_hidden_likewise() {
    let gateway = Gateway::with_bucket().await;
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(As::Obs("alice"), enable, "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-acl: public-read\n\nhello", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "200").await;
    let marker = gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
    let named = format!("GET /photos/k?versionId={}", marker.header("x-obs-version-id"));
    gateway.check(As::Obs("alice"), &named, "405 MethodNotAllowed").await;
    for request in ["GET /photos/k", &named] {
        let answer = gateway.check(As::Nobody, request, "403 AccessDenied").await;
        assert_eq!((answer.header("x-obs-delete-marker"), answer.header("x-obs-version-id")), ("", ""));
    }
}

#[tokio::test]
async fn quota_details_are_the_bucket_owners() {
    let gateway = writable().await;
    gateway.check(As::Obs("alice"), "PUT /photos?quota\n\n<Quota><StorageQuota>4</StorageQuota></Quota>", "200").await;
    for (who, shown) in [(As::Obs("alice"), true), (As::Obs("bob"), false), (As::Nobody, false)] {
        let refused = gateway.check(who, "PUT /photos/k\n\nhello", "403 InsufficientStorageSpace").await;
        assert_eq!(refused.element("LimitValue").is_some(), shown, "{who:?}");
    }
}

//! `PUT /bucket/key?metadata`.

use crate::support::{As, Gateway, NOW, both};

const ENABLE: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

async fn with_object() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    let put = "PUT /photos/k\nContent-Type: text/plain\nCache-Control: no-store\nx-obs-meta-a: 1\nx-obs-meta-b: 2\n\
               x-obs-website-redirect-location: /old\nx-obs-persistent-headers: x-p:cA==\nx-obs-tagging: t=1\n\nhello";
    gateway.check(As::Obs("alice"), put, "200").await;
    gateway
}

fn metadata(who: As, directive: &str, rest: &str) -> String {
    let rest = rest.replace("own-", who.prefix());
    format!("PUT /photos/k?metadata\n{}metadata-directive: {directive}\n{rest}", who.prefix())
}

#[tokio::test]
async fn replace_new_sets_what_is_named_and_keeps_the_rest() {
    for who in both("alice") {
        let gateway = with_object().await;
        gateway.app.clock.set(NOW + 60_000);
        let change = "Content-Type: text/html\nContent-Language: de\nown-meta-b: 3\nown-meta-c: 4\nown-tagging: u=2&v";
        let answer = gateway.check(who, &metadata(who, "REPLACE_NEW", change), "200").await;
        assert_eq!(answer.header(&format!("{}metadata-directive", who.prefix())), "REPLACE_NEW");
        assert_eq!((answer.header("content-length"), answer.body_text()), ("0", ""));
        let read = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(read.text(), @r#"
            200 OK
            content-type: text/html
            content-language: de
            cache-control: no-store
            x-obs-meta-a: 1
            x-obs-meta-b: 3
            x-obs-meta-c: 4
            etag: "5d41402abc4b2a76b9719d911017c592"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes
            x-obs-website-redirect-location: /old
            x-p: p
            x-obs-tagging-count: 2

            hello
            "#);
        }
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

#[tokio::test]
async fn replace_drops_what_is_not_named() {
    for who in both("alice") {
        let gateway = with_object().await;
        let change = "Content-Language: de\nown-meta-c: 4\nown-website-redirect-location: https://new";
        let answer = gateway.check(who, &metadata(who, "REPLACE", change), "200").await;
        assert_eq!(answer.header(&format!("{}meta-c", who.prefix())), "4");
        let read = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(read.text(), @r#"
            200 OK
            content-type: binary/octet-stream
            content-language: de
            x-obs-meta-c: 4
            etag: "5d41402abc4b2a76b9719d911017c592"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes
            x-obs-website-redirect-location: https://new
            x-obs-tagging-count: 1

            hello
            "#);
        }
    }
}

#[tokio::test]
async fn each_version_has_its_own() {
    let gateway = with_object().await;
    let who = As::Obs("alice");
    gateway.check(who, ENABLE, "200").await;
    let newer = gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
    let newer = newer.header("x-obs-version-id");
    let old = metadata(who, "REPLACE", "own-meta-c: 4").replace("?metadata", "?metadata&versionId=null");
    assert_eq!(gateway.check(who, &old, "200").await.header("x-obs-version-id"), "null");
    assert_eq!(gateway.check(who, "HEAD /photos/k?versionId=null", "200").await.header("x-obs-meta-c"), "4");
    assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("x-obs-meta-c"), "");
    let current = gateway.check(who, &metadata(who, "REPLACE", "own-meta-d: 5"), "200").await;
    assert_eq!(current.header("x-obs-version-id"), newer);
    assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("x-obs-meta-d"), "5");
    let marker = gateway.check(who, "DELETE /photos/k", "204").await;
    gateway.check(who, &metadata(who, "REPLACE", ""), "404 NoSuchKey").await;
    let version = format!("?metadata&versionId={}", marker.header("x-obs-version-id"));
    gateway.check(who, &metadata(who, "REPLACE", "").replace("?metadata", &version), "405 MethodNotAllowed").await;
    assert_eq!(gateway.used("photos").await, (10, 2));
}

#[tokio::test]
async fn a_class_changes_with_replace_new_and_archives_are_restored_first() {
    let classes = [("STANDARD", "STANDARD"), ("WARM", "STANDARD_IA"), ("COLD", "GLACIER")];
    for who in both("alice") {
        let gateway = with_object().await;
        let header = format!("{}storage-class", who.prefix());
        let shown = |pair: (&'static str, &'static str)| if who.prefix() == "x-obs-" { pair.0 } else { pair.1 };
        for pair in [classes[1], classes[2]] {
            // Either spelling is understood, and a class may be named again.
            for class in [pair.0, pair.1] {
                let change = metadata(who, "REPLACE_NEW", &format!("own-storage-class: {class}"));
                assert_eq!(gateway.check(who, &change, "200").await.header(&header), shown(pair));
            }
        }
        let back = metadata(who, "REPLACE_NEW", "own-storage-class: STANDARD");
        gateway.check(who, &back, "403 InvalidObjectState").await;
        gateway.check(who, &metadata(who, "REPLACE", "own-storage-class: STANDARD"), "400 InvalidRequest").await;
        gateway.check(who, &metadata(who, "REPLACE", "own-storage-class: COLD"), "200").await;
        gateway.check(who, "POST /photos/k?restore\n\n<RestoreRequest><Days>1</Days></RestoreRequest>", "202").await;
        let answer = gateway.check(who, &back, "200").await;
        assert_eq!((answer.header(&header), answer.header(&format!("{}restore", who.prefix()))), ("", ""));
        gateway.check(who, "GET /photos/k", "200").await;
        // Archived again, it is not readable on the strength of what was before.
        gateway.check(who, &metadata(who, "REPLACE_NEW", "own-storage-class: COLD"), "200").await;
        gateway.check(who, "GET /photos/k", "403 InvalidObjectState").await;
    }
}

#[tokio::test]
async fn what_is_wrong_changes_nothing() {
    let gateway = with_object().await;
    let before = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.text();
    for who in both("alice") {
        let class = if who.prefix() == "x-obs-" { "400 InvalidArgument" } else { "400 InvalidStorageClass" };
        for (directive, rest, verdict) in [
            ("COPY", "", "400 InvalidArgument"),
            ("replace", "", "400 InvalidArgument"),
            ("REPLACE", "own-acl: public-read", "400 InvalidArgument"),
            ("REPLACE", "own-server-side-encryption: kms", "501 ServiceNotImplemented"),
            ("REPLACE_NEW", "own-storage-class: TEPID", class),
            ("REPLACE", "own-website-redirect-location: new", "400 InvalidRedirectLocation"),
            ("REPLACE", "x-obs-expires: 0", "400 InvalidArgument"),
            ("REPLACE", "x-obs-persistent-headers: x", "400 InvalidArgument"),
            ("REPLACE", "own-tagging: a=1&a=2", "400 InvalidTag"),
        ] {
            gateway.check(who, &metadata(who, directive, rest), verdict).await;
        }
        gateway.check(who, "PUT /photos/k?metadata", "400 InvalidArgument").await;
        gateway.check(who, &metadata(who, "REPLACE", "\n\nbody"), "400 UnexpectedContent").await;
        gateway.check(who, &metadata(who, "REPLACE", "").replace("/k?", "/no?"), "404 NoSuchKey").await;
        let unknown = metadata(who, "REPLACE", "").replace("?metadata", "?metadata&versionId=1");
        gateway.check(who, &unknown, "404 NoSuchVersion").await;
        gateway
            .check(who, &metadata(who, "REPLACE", "").replace("?metadata", "?metadata&x"), "400 InvalidArgument")
            .await;
        // What is kept counts beside what comes.
        let long = format!("own-meta-z: {}", "z".repeat(8190));
        gateway.check(who, &metadata(who, "REPLACE_NEW", &long), "400 MetadataTooLarge").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, &metadata(who, "REPLACE", ""), "403 AccessDenied").await;
    }
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.text(), before);
}

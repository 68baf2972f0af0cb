//! `?versioning`: the state as it is set and shown. What it does to objects is theirs.

use crate::support::{As, Gateway, both};

const ENABLE: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const SUSPEND: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";

async fn status(gateway: &Gateway) -> Option<String> {
    let answer = gateway.check(As::Obs("alice"), "GET /photos?versioning", "200").await;
    answer.element("Status").map(str::to_owned)
}

#[tokio::test]
async fn never_set_has_no_status() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?versioning", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <VersioningConfiguration xmlns="http://obs.localhost/doc/2015-06-30/"></VersioningConfiguration>
    "#);
    gateway.check(As::Aws("alice"), ENABLE, "200").await;
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "GET /photos?versioning", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>
    "#);
}

#[tokio::test]
async fn it_is_switched_to_and_fro_and_never_off() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        for (request, expected) in
            [(SUSPEND, "Suspended"), (ENABLE, "Enabled"), (ENABLE, "Enabled"), (SUSPEND, "Suspended")]
        {
            assert_eq!(gateway.check(who, request, "200").await.text(), "200 OK\ncontent-length: 0");
            assert_eq!(status(&gateway).await.as_deref(), Some(expected));
        }
        gateway.check(who, "DELETE /photos?versioning", "405 MethodNotAllowed").await;
        let with_mfa = "<VersioningConfiguration xmlns=\"http://x/\"><MfaDelete>Enabled</MfaDelete><Status>Enabled</Status></VersioningConfiguration>";
        gateway.check(who, &format!("PUT /photos?versioning\n\n{with_mfa}"), "200").await;
        assert_eq!(status(&gateway).await.as_deref(), Some("Enabled"));
    }
}

#[tokio::test]
async fn everything_else_is_refused_and_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    let put = |body: &str| format!("PUT /photos?versioning\n\n{body}");
    for who in both("alice") {
        for (body, verdict) in [
            ("", "400 MissingRequestBodyError"),
            ("<VersioningConfiguration/>", "400 MalformedXML"),
            ("<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", "400 MalformedXML"),
            ("<VersioningConfiguration><Status>Enabled</Status>", "400 MalformedXML"),
            ("<Status>Enabled</Status>", "400 MalformedXML"),
        ] {
            gateway.check(who, &put(body), verdict).await;
        }
        gateway.check(who, "PUT /photos?versioning&prefix=a", "400 InvalidArgument").await;
        gateway.check(who, "PUT /missing?versioning", "404 NoSuchBucket").await;
        assert_eq!(status(&gateway).await, None);
    }
}

#[tokio::test]
async fn where_versions_may_be_protected_they_are_kept() {
    for (who, bucket) in both("alice").into_iter().zip(["one", "two"]) {
        let gateway = Gateway::new().await;
        let lock = format!("PUT /{bucket}\n{}bucket-object-lock-enabled: true", who.prefix());
        gateway.check(who, &lock, "200").await;
        let body = SUSPEND.replace("/photos", &format!("/{bucket}"));
        gateway.check(who, &body, "409 InvalidBucketState").await;
        let shown = gateway.check(who, &format!("GET /{bucket}?versioning"), "200").await;
        assert_eq!(shown.element("Status"), Some("Enabled"));
        gateway.check(who, &ENABLE.replace("/photos", &format!("/{bucket}")), "200").await;
    }
}

#[tokio::test]
async fn file_systems_have_none() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for who in both("alice") {
        gateway.check(who, "GET /photos?versioning", "405 FsNotSupport").await;
        gateway.check(who, ENABLE, "405 FsNotSupport").await;
    }
}

#[tokio::test]
async fn what_fits_in_place_of_an_older_null_version_is_accepted() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        // The null version lies below one with an id, and for the append below a delete marker with an id.
        for request in ["PUT /photos/k\n\n0123456789", "PUT /photos/m\n\n0123456789", ENABLE, "PUT /photos/k\n\nx"] {
            gateway.check(who, request, "200").await;
        }
        gateway.check(who, "DELETE /photos/m", "204").await;
        gateway.check(who, SUSPEND, "200").await;
        gateway.limit("photos", 21).await;
        gateway.check(who, "PUT /photos/k\n\n01234567890", "403 InsufficientStorageSpace").await;
        gateway.check(who, "PUT /photos/k\n\nabcdefghij", "200").await;
        gateway.check(who, "POST /photos/m?append&position=0\n\n01234567890", "403 InsufficientStorageSpace").await;
        gateway.check(who, "POST /photos/m?append&position=0\n\nabcdefghij", "200").await;
        assert_eq!(gateway.used("photos").await, (21, 3));
        // Larger ones hold their room, which is no more than they need.
        gateway.limit("photos", 0).await;
        let large = bytes::Bytes::from(vec![b'x'; 70_000]);
        for request in ["PUT /photos/large", "PUT /photos/tail"] {
            assert_eq!(gateway.send_bytes(who, request, large.clone()).await.status, 200);
        }
        gateway.check(who, ENABLE, "200").await;
        gateway.check(who, "PUT /photos/large\n\nx", "200").await;
        gateway.check(who, "DELETE /photos/tail", "204").await;
        gateway.check(who, SUSPEND, "200").await;
        gateway.limit("photos", 140_022).await;
        assert_eq!(gateway.send_bytes(who, "PUT /photos/large", large.clone()).await.status, 200);
        assert_eq!(gateway.send_bytes(who, "POST /photos/tail?append&position=0", large.clone()).await.status, 200);
        assert_eq!(gateway.used("photos").await, (140_022, 6));
    }
}

//! `POST /bucket/key?uploads`.

use crate::support::{As, Gateway, both};
use crate::upload::part_bytes;

#[tokio::test]
async fn an_upload_has_an_id() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let answer = gateway.check(who, "POST /photos/a%20b?uploads", "200").await;
        let id = answer.element("UploadId").unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{id}");
        let namespace = answer.body_text().split('"').find(|text| text.starts_with("http")).unwrap();
        let text = answer.text().replace(id, "ID").replace(namespace, "NAMESPACE");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text, @r#"
            200 OK
            content-type: application/xml

            <InitiateMultipartUploadResult xmlns="NAMESPACE"><Bucket>photos</Bucket><Key>a b</Key><UploadId>ID</UploadId></InitiateMultipartUploadResult>
            "#);
        }
        let encoded = gateway.check(who, "POST /photos/a%20b?uploads&encoding-type=url", "200").await;
        assert_eq!((encoded.element("EncodingType"), encoded.element("Key")), (Some("url"), Some("a%20b")));
    }
    // Several uploads to one key, and nothing of them is seen.
    let usage = gateway.usage("photos").await;
    assert_eq!((usage.uploads, usage.used_bytes(), usage.used_objects()), (4, 0, 0));
    assert!(gateway.keys("photos").await.is_empty());
}

/// What is said of the object at the start is what it has at the end.
#[tokio::test]
async fn an_object_is_as_its_upload_was_begun() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let prefix = who.prefix();
        let headers = format!(
            "Content-Type: text/plain\nCache-Control: no-store\n{prefix}meta-colour: blue\n{prefix}storage-class: WARM\n\
             {prefix}acl: public-read\nx-obs-expires: 0"
        );
        let begun = gateway.check(who, &format!("POST /photos/k?uploads\n{headers}"), "200").await;
        let id = begun.element("UploadId").unwrap();
        let parts = vec![(1, gateway.put_part(who, "/photos/k", id, 1, part_bytes(1, 5)).await)];
        let listed = gateway.check(who, &format!("GET /photos/k?uploadId={id}"), "200").await;
        let class = if prefix == "x-obs-" { "WARM" } else { "STANDARD_IA" };
        assert_eq!(listed.element("StorageClass"), Some(class));
        assert_eq!(gateway.complete(who, "/photos/k", id, &parts).await.verdict(), "200");
        let got = gateway.check(As::Nobody, "GET /photos/k", "200").await;
        assert_eq!((got.header("content-type"), got.header("cache-control")), ("text/plain", "no-store"));
        assert_eq!(got.header("x-obs-meta-colour"), "blue");
        gateway.check(who, "DELETE /photos/k", "204").await;
    }
}

#[tokio::test]
async fn refusals() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let prefix = who.prefix();
        let class = format!("400 {}", if prefix == "x-obs-" { "InvalidArgument" } else { "InvalidStorageClass" });
        for (request, verdict) in [
            ("POST /photos/k?uploads\n\nbody", "400 UnexpectedContent"),
            ("POST /photos/k?uploads&encoding-type=base64", "400 InvalidArgument"),
            ("POST /photos/k?uploads&prefix=a", "400 InvalidArgument"),
            ("POST /nowhere/k?uploads", "404 NoSuchBucket"),
            ("POST /photos/k?uploads\nPREFIXacl: everyone", "400 InvalidArgument"),
            ("POST /photos/k?uploads\nPREFIXstorage-class: TEPID", &class),
            ("POST /photos/k?uploads\nPREFIXwebsite-redirect-location: nowhere", "400 InvalidRedirectLocation"),
            ("POST /photos/k?uploads\nPREFIXserver-side-encryption: kms", "501 ServiceNotImplemented"),
            ("POST /photos/k?uploads\nPREFIXobject-lock-mode: COMPLIANCE", "400 InvalidRequest"),
            ("POST /photos/k?uploads\nPREFIXchecksum-algorithm: SHA512", "501 ServiceNotImplemented"),
            ("POST /photos/k?uploads\nx-obs-expires: -1", "400 InvalidArgument"),
        ] {
            gateway.check(who, &request.replace("PREFIX", prefix), verdict).await;
        }
    }
    for who in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
        gateway.check(who, "POST /photos/k?uploads", "403 AccessDenied").await;
    }
    assert!(gateway.usage("photos").await.is_empty());
}

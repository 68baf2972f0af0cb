//! `?storageClass` and `?storagePolicy`: one class under two names.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn two_documents_show_one_class_in_the_words_of_the_caller() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?storageClass", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <StorageClass xmlns="http://obs.localhost/doc/2015-06-30/">STANDARD</StorageClass>
    "#);
    let put =
        gateway.check(As::Obs("alice"), "PUT /photos?storageClass\n\n<StorageClass>WARM</StorageClass>", "200").await;
    assert_eq!(put.text(), "200 OK\ncontent-length: 0");
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "GET /photos?storagePolicy", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <StoragePolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><DefaultStorageClass>STANDARD_IA</DefaultStorageClass></StoragePolicy>
    "#);
    let policy = |class: &str| {
        format!(
            "PUT /photos?storagePolicy\n\n<StoragePolicy><DefaultStorageClass>{class}</DefaultStorageClass></StoragePolicy>"
        )
    };
    gateway.check(As::Aws("alice"), &policy("GLACIER"), "200").await;
    let shown = gateway.check(As::Obs("alice"), "GET /photos?storageClass", "200").await;
    assert!(shown.body_text().ends_with(">COLD</StorageClass>"), "{}", shown.body_text());
    // Either spelling, either document, in either dialect.
    for who in both("alice") {
        for (class, obs, s3) in
            [("STANDARD_IA", "WARM", "STANDARD_IA"), ("COLD", "COLD", "GLACIER"), ("STANDARD", "STANDARD", "STANDARD")]
        {
            gateway.check(who, &policy(class), "200").await;
            gateway
                .check(who, &format!("PUT /photos?storageClass\n\n<StorageClass>{class}</StorageClass>"), "200")
                .await;
            assert_eq!(gateway.check(As::Obs("alice"), "HEAD /photos", "200").await.header("x-obs-storage-class"), obs);
            let head = gateway.check(As::Aws("alice"), "HEAD /photos", "200").await;
            assert_eq!(head.header("x-default-storage-class"), s3);
        }
    }
}

#[tokio::test]
async fn everything_else_is_refused_and_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for (request, verdict) in [
            ("storageClass", "400 MissingRequestBodyError"),
            ("storagePolicy", "400 MissingRequestBodyError"),
            ("storageClass\n\n<StorageClass>LUKEWARM</StorageClass>", "400 InvalidDefaultStorageClass"),
            ("storageClass\n\n<StorageClass></StorageClass>", "400 InvalidDefaultStorageClass"),
            (
                "storageClass\n\n<StoragePolicy><DefaultStorageClass>COLD</DefaultStorageClass></StoragePolicy>",
                "400 MalformedXML",
            ),
            ("storagePolicy\n\n<StorageClass>COLD</StorageClass>", "400 MalformedXML"),
            ("storagePolicy\n\n<StoragePolicy>COLD</StoragePolicy>", "400 MalformedXML"),
            (
                "storagePolicy\n\n<StoragePolicy><DefaultStorageClass>HOT</DefaultStorageClass></StoragePolicy>",
                "400 InvalidBucketStoragePolicy",
            ),
        ] {
            gateway.check(who, &format!("PUT /photos?{request}"), verdict).await;
        }
        gateway.check(who, "DELETE /photos?storageClass", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /photos?storagePolicy", "405 MethodNotAllowed").await;
        let shown = gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
        assert_eq!(shown.header("x-obs-storage-class"), "STANDARD");
    }
}

#[tokio::test]
async fn file_systems_have_none() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for who in both("alice") {
        for resource in ["storageClass", "storagePolicy"] {
            gateway.check(who, &format!("GET /photos?{resource}"), "405 FsNotSupport").await;
            gateway
                .check(who, &format!("PUT /photos?{resource}\n\n<StorageClass>COLD</StorageClass>"), "405 FsNotSupport")
                .await;
        }
    }
}

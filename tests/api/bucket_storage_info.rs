//! `?storageinfo`.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn bytes_and_objects_are_counted() {
    let gateway = Gateway::with_bucket().await;
    let empty = gateway.check(As::Obs("alice"), "GET /photos?storageinfo", "200").await;
    assert_eq!((empty.element("Size"), empty.element("ObjectNumber")), (Some("0"), Some("0")));
    gateway.check(As::Obs("alice"), "PUT /photos/a\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/b\n\nyou", "200").await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?storageinfo", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <GetBucketStorageInfoResult xmlns="http://obs.localhost/doc/2015-06-30/"><Size>8</Size><ObjectNumber>2</ObjectNumber></GetBucketStorageInfoResult>
    "#);
    let aws = gateway.check(As::Aws("alice"), "GET /photos/?storageinfo=", "200").await;
    assert_eq!((aws.element("Size"), aws.element("ObjectNumber")), (Some("8"), Some("2")));
    // For clients of S3 it is an extension, in their namespace.
    insta::assert_snapshot!(gateway.check(As::S3("alice"), "GET /photos?storageinfo", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <GetBucketStorageInfoResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Size>8</Size><ObjectNumber>2</ObjectNumber></GetBucketStorageInfoResult>
    "#);
    gateway.check(As::S3("bob"), "GET /photos?storageinfo", "403 AccessDenied").await;
}

#[tokio::test]
async fn refusals() {
    let gateway = Gateway::with_bucket().await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos?storageinfo", "403 AccessDenied").await;
        gateway.check(who, "GET /missing?storageinfo", "404 NoSuchBucket").await;
    }
    for method in ["PUT", "DELETE", "HEAD", "POST"] {
        gateway.check(As::Obs("alice"), &format!("{method} /photos?storageinfo"), "405 MethodNotAllowed").await;
    }
    gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
}

//! `?location`: each dialect has a document of its own.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn the_region_is_told_in_the_callers_words() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?location", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <Location xmlns="http://obs.localhost/doc/2015-06-30/">default</Location>
    "#);
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "GET /photos/?location=", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>default</LocationConstraint></CreateBucketConfiguration>
    "#);
    // The SDK for Go reads nothing else.
    insta::assert_snapshot!(gateway.check(As::S3("alice"), "GET /photos?location", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">default</LocationConstraint>
    "#);
}

#[tokio::test]
async fn refusals() {
    let gateway = Gateway::with_bucket().await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos?location", "403 AccessDenied").await;
        gateway.check(who, "GET /missing?location", "404 NoSuchBucket").await;
    }
    for method in ["PUT", "DELETE", "HEAD"] {
        gateway.check(As::Obs("alice"), &format!("{method} /photos?location"), "405 MethodNotAllowed").await;
    }
    gateway.check(As::Obs("alice"), "GET /photos?location\n\nbody", "400 UnexpectedContent").await;
    gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
}

//! `GET /`.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn an_account_sees_its_own_buckets_in_order() {
    let gateway = Gateway::new().await;
    for bucket in ["zoo", "api", "photos"] {
        gateway.check(As::Obs("alice"), &format!("PUT /{bucket}"), "200").await;
    }
    gateway.check(As::Obs("bob"), "PUT /bobs", "200").await;
    let id = gateway.account_id("alice").await;

    let obs = gateway.check(As::Obs("alice"), "GET /", "200").await;
    assert_eq!(obs.elements("Name"), ["api", "photos", "zoo"]);
    gateway.check(As::Obs("alice"), "DELETE /zoo", "204").await;
    gateway.check(As::Obs("alice"), "DELETE /api", "204").await;
    let obs = gateway.check(As::Obs("alice"), "GET /", "200").await;
    insta::assert_snapshot!(obs.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml

    <ListAllMyBucketsResult xmlns="http://obs.localhost/doc/2015-06-30/"><Owner><ID><alice></ID></Owner><Buckets><Bucket><Name>photos</Name><CreationDate>2015-07-01T03:27:45.482Z</CreationDate><Location>default</Location><BucketType>OBJECT</BucketType></Bucket></Buckets></ListAllMyBucketsResult>
    "#);
    let aws = gateway.check(As::Aws("alice"), "GET /", "200").await;
    insta::assert_snapshot!(aws.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml

    <ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID><alice></ID><DisplayName>alice</DisplayName></Owner><Buckets><Bucket><Name>photos</Name><CreationDate>2015-07-01T03:27:45.482Z</CreationDate><Location>default</Location><BucketType>OBJECT</BucketType></Bucket></Buckets></ListAllMyBucketsResult>
    "#);
}

/// A client's parser throws where `Buckets` is missing.
#[tokio::test]
async fn no_buckets_are_an_empty_element() {
    let gateway = Gateway::with_bucket().await;
    for who in both("bob") {
        let answer = gateway.check(who, "GET /", "200").await;
        assert!(answer.body_text().contains("<Buckets></Buckets>"), "{}", answer.body_text());
    }
}

#[tokio::test]
async fn file_systems_are_a_kind_there_is_none_of() {
    let gateway = Gateway::with_bucket().await;
    for (kind, names) in [("OBJECT", &["photos"][..]), ("POSIX", &[])] {
        for who in both("alice") {
            let answer = gateway.check(who, &format!("GET /\nx-obs-bucket-type: {kind}"), "200").await;
            assert_eq!(answer.elements("Name"), names, "{who:?} {kind}");
        }
    }
    gateway.check(As::Obs("alice"), "GET /\nx-obs-bucket-type: CUBE", "400 InvalidArgument").await;
}

#[tokio::test]
async fn only_active_accounts_have_a_list() {
    let gateway = Gateway::new().await;
    gateway.check(As::Nobody, "GET /", "403 AccessDenied").await;
    for who in both("frida") {
        gateway.check(who, "GET /", "403 InArrearOrInsufficientBalance").await;
    }
    for who in both("dora") {
        gateway.check(who, "GET /", "403 DeregisterUserId").await;
    }
}

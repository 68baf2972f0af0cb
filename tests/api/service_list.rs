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
async fn file_systems_are_a_kind_of_their_own() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /files\nx-obs-fs-file-interface: Enabled", "200").await;
    for who in both("alice") {
        let prefix = who.prefix();
        for (header, names, kinds) in [
            ("accept: */*".to_owned(), &["files", "photos"][..], &["POSIX", "OBJECT"][..]),
            (format!("{prefix}bucket-type: OBJECT"), &["photos"], &["OBJECT"]),
            ("x-obs-bucket-type: POSIX".to_owned(), &["files"], &["POSIX"]),
        ] {
            let answer = gateway.check(who, &format!("GET /\n{header}\n{prefix}location: true"), "200").await;
            assert_eq!(answer.elements("Name"), names, "{who:?} {header}");
            assert_eq!(answer.elements("BucketType"), kinds, "{who:?} {header}");
            assert_eq!(answer.elements("Location"), vec!["default"; names.len()]);
        }
    }
    gateway.check(As::Obs("alice"), "GET /\nx-obs-bucket-type: CUBE", "400 InvalidArgument").await;
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let gateway = Gateway::new().await;
    for bucket in ["a-1", "a-2", "b-1", "b-2", "b-3"] {
        gateway.check(As::Obs("alice"), &format!("PUT /{bucket}"), "200").await;
    }
    let list = async |who: As, query: &str| gateway.check(who, &format!("GET /?{query}"), "200").await;
    for who in both("alice") {
        for (query, names, next) in [
            ("max-keys=2", &["a-1", "a-2"][..], Some("a-2")),
            ("max-keys=2&marker=a-2", &["b-1", "b-2"], Some("b-2")),
            ("max-keys=2&marker=b-2", &["b-3"], None),
            ("max-keys=5", &["a-1", "a-2", "b-1", "b-2", "b-3"], None),
            ("max-keys=3&marker=a", &["a-1", "a-2", "b-1"], Some("b-1")),
            ("marker=b-3", &[], None),
            ("max-keys=1&prefix=b-&marker=a-2", &["b-1"], Some("b-1")),
        ] {
            let answer = list(who, query).await;
            assert_eq!(answer.elements("Name"), names, "{query}");
            assert_eq!(answer.element("NextMarker"), next, "{query}");
            assert_eq!(answer.element("IsTruncated"), Some(if next.is_some() { "true" } else { "false" }), "{query}");
            assert_eq!(answer.element("ContinuationToken"), None);
        }
        let marked = list(who, "max-keys=2&marker=a-1").await;
        assert_eq!((marked.element("Marker"), marked.element("MaxKeys")), (Some("a-1"), Some("2")));
        for (query, names, next) in [
            ("max-buckets=3", &["a-1", "a-2", "b-1"][..], Some("b-1")),
            ("max-buckets=3&continuation-token=b-1", &["b-2", "b-3"], None),
            ("max-buckets=1&prefix=b", &["b-1"], Some("b-1")),
            ("prefix=a", &["a-1", "a-2"], None),
            ("bucket-region=default&prefix=a-2", &["a-2"], None),
            ("bucket-region=mars", &[], None),
        ] {
            let answer = list(who, query).await;
            assert_eq!(answer.elements("Name"), names, "{query}");
            assert_eq!(answer.element("ContinuationToken"), next, "{query}");
            assert_eq!(answer.element("IsTruncated"), None);
        }
        assert_eq!(list(who, "prefix=a").await.element("Prefix"), Some("a"));
        for bad in ["max-keys=x", "max-buckets=0", "max-buckets=10001", "max-buckets=", "max-buckets=-1"] {
            gateway.check(who, &format!("GET /?{bad}"), "400 InvalidArgument").await;
        }
    }
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

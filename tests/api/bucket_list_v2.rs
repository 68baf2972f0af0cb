//! `GET /bucket?list-type=2`.

use crate::support::{As, Gateway, both};

async fn with_keys(keys: &[&str]) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    for key in keys {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}\n\n{key}"), "200").await;
    }
    gateway
}

#[tokio::test]
async fn a_page_in_both_dialects() {
    let gateway = with_keys(&["a", "b/1", "b/2", "c"]).await;
    let id = gateway.account_id("alice").await;
    let request = "GET /photos?list-type=2&delimiter=/&max-keys=2&start-after=0";
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), request, "200").await.text(), @r#"
    200 OK
    content-type: application/xml
    x-obs-bucket-location: default

    <ListBucketResult xmlns="http://obs.localhost/doc/2015-06-30/"><Name>photos</Name><Prefix></Prefix><StartAfter>0</StartAfter><NextContinuationToken>YWZ0ZXI6Yi8</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><Contents><Key>a</Key><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>
    "#);
    let request = "GET /photos?list-type=2&fetch-owner=true&continuation-token=YWZ0ZXI6Yi8&delimiter=/&start-after=0";
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), request, "200").await.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml
    x-amz-bucket-region: default

    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name><Prefix></Prefix><StartAfter>0</StartAfter><ContinuationToken>YWZ0ZXI6Yi8</ContinuationToken><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated><Contents><Key>c</Key><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"4a8a08f09d37b73795649038408b5f33"</ETag><Size>1</Size><Owner><ID><alice></ID><DisplayName>alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>
    "#);
}

#[tokio::test]
async fn tokens_lead_through_everything() {
    let gateway = with_keys(&["a", "b/1", "b/2", "c%20+", "d/1", "e"]).await;
    for who in both("alice") {
        for (delimiter, expected) in
            [("", vec!["a", "b/1", "b/2", "c +", "d/1", "e"]), ("/", vec!["a", "b/", "c +", "d/", "e"])]
        {
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let request =
                    format!("GET /photos?list-type=2&max-keys=1&delimiter={delimiter}&continuation-token={token}");
                let answer = gateway.check(who, &request, "200").await;
                assert_eq!(answer.element("KeyCount"), Some("1"));
                assert_eq!(answer.element("ContinuationToken"), Some(token.as_str()), "told as it was sent");
                let group = answer
                    .element("CommonPrefixes")
                    .map(|group| group.replace("<Prefix>", "").replace("</Prefix>", ""));
                seen.push(group.unwrap_or_else(|| answer.element("Key").expect("a key or a group").to_owned()));
                match answer.element("NextContinuationToken") {
                    Some(next) => token = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(seen, expected);
        }
    }
}

#[tokio::test]
async fn parameters_and_refusals() {
    let gateway = with_keys(&["a", "b"]).await;
    let who = As::Obs("alice");
    let check = async |query: &str, keys: &[&str]| {
        let answer = gateway.check(who, &format!("GET /photos?list-type=2&{query}"), "200").await;
        assert_eq!(answer.elements("Key"), keys, "{query}");
        answer
    };
    check("start-after=a", &["b"]).await;
    check("prefix=b", &["b"]).await;
    // The parameter of the other version is not one of this.
    check("marker=a", &["a", "b"]).await;
    assert_eq!(check("max-keys=0", &["a", "b"]).await.element("MaxKeys"), Some("1000"));
    assert_eq!(check("", &["a", "b"]).await.element("Owner"), None);
    assert_eq!(check("fetch-owner=false", &["a", "b"]).await.element("Owner"), None);
    let encoded = check("encoding-type=url&start-after=%20%2B&prefix=%C3%A9", &[]).await;
    assert_eq!((encoded.element("StartAfter"), encoded.element("Prefix")), (Some("%20%2B"), Some("%C3%A9")));
    for bad in ["list-type", "list-type=1", "list-type=two"] {
        gateway.check(who, &format!("GET /photos?{bad}"), "400 InvalidArgument").await;
    }
    let long = "k".repeat(1025);
    for bad in [
        "continuation-token=a",
        "fetch-owner=yes",
        "max-keys=ten",
        "encoding-type=base64",
        &format!("start-after={long}"),
    ] {
        gateway.check(who, &format!("GET /photos?list-type=2&{bad}"), "400 InvalidArgument").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos?list-type=2", "403 AccessDenied").await;
    }
    gateway.check(who, "GET /missing?list-type=2", "404 NoSuchBucket").await;
    gateway.check(who, "PUT /photos?list-type=2", "405 MethodNotAllowed").await;
}

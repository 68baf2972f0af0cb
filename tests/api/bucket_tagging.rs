//! `?tagging` of buckets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::blob::digest;

use crate::support::{As, Gateway, both};

fn put(set: &str) -> String {
    let body = format!("<Tagging><TagSet>{set}</TagSet></Tagging>");
    format!("PUT /photos?tagging\nContent-MD5: {}\n\n{body}", BASE64.encode(digest::md5(body.as_bytes())))
}

fn tag(key: &str, value: &str) -> String {
    format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
}

#[tokio::test]
async fn tags_are_set_shown_and_removed() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        gateway.check(who, "GET /photos?tagging", "404 NoSuchTagSet").await;
        let set = tag("b", "2 %28x%29") + &tag("a", "") + &tag("ключ", " é ");
        assert_eq!(gateway.check(who, &put(&set), "204").await.text(), "204 No Content");
        let shown = gateway.check(who, "GET /photos?tagging", "200").await;
        // As sent, in the order sent.
        assert!(shown.body_text().ends_with(&format!("<TagSet>{set}</TagSet></Tagging>")), "{}", shown.body_text());
        gateway.check(who, &put(&tag("c", "3")), "204").await;
        assert_eq!(gateway.check(who, "GET /photos?tagging", "200").await.elements("Key"), ["c"]);
        assert_eq!(gateway.check(who, "DELETE /photos?tagging", "204").await.text(), "204 No Content");
        gateway.check(who, "GET /photos?tagging", "404 NoSuchTagSet").await;
        gateway.check(who, "DELETE /photos?tagging", "204").await;
        // No tags are no set.
        gateway.check(who, &put(&tag("c", "3")), "204").await;
        gateway.check(who, &put(""), "204").await;
        gateway.check(who, "GET /photos?tagging", "404 NoSuchTagSet").await;
    }
}

#[tokio::test]
async fn the_document_has_the_namespace_of_the_caller() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Aws("alice"), &put(&tag("k", "v")), "204").await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?tagging", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <Tagging xmlns="http://obs.localhost/doc/2015-06-30/"><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>
    "#);
    let aws = gateway.check(As::Aws("alice"), "GET /photos?tagging", "200").await;
    assert!(aws.body_text().contains(r#"<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>"#));
}

#[tokio::test]
async fn bad_sets_are_refused_and_the_old_one_stays() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &put(&tag("old", "1")), "204").await;
    let many: String = (0..21).map(|number| tag(&number.to_string(), "")).collect();
    for who in both("alice") {
        for (set, verdict) in [
            (many.as_str(), "400 InvalidTagError"),
            (&tag("", "v"), "400 InvalidTagError"),
            (&tag("k/k", "v"), "400 InvalidTagError"),
            (&(tag("k", "v") + &tag("k", "w")), "400 InvalidTagError"),
            (&tag(&"k".repeat(37), "v"), "400 InvalidTagError"),
            (&tag("k", &"v".repeat(44)), "400 InvalidTagError"),
            ("<Tag><Key>k</Key></Tag>", "400 MalformedXMLError"),
        ] {
            gateway.check(who, &put(set), verdict).await;
        }
        assert_eq!(gateway.check(who, "GET /photos?tagging", "200").await.elements("Key"), ["old"]);
    }
}

#[tokio::test]
async fn the_digest_must_be_there_and_hold() {
    let gateway = Gateway::with_bucket().await;
    let body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let sha256 = BASE64.encode(digest::sha256(body.as_bytes()));
    for who in both("alice") {
        for (header, verdict) in [
            ("Accept: */*", "400 MissingRequiredHeader"),
            ("Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==", "400 BadDigest"),
            ("Content-MD5: x", "400 InvalidDigest"),
            ("Content-MD5:", "400 InvalidDigest"),
            ("Content-SHA256: x", "400 InvalidDigest"),
        ] {
            gateway.check(who, &format!("PUT /photos?tagging\n{header}\n\n{body}"), verdict).await;
            gateway.check(who, "GET /photos?tagging", "404 NoSuchTagSet").await;
        }
        // Strangers learn nothing of it.
        gateway.check(As::Obs("bob"), &format!("PUT /photos?tagging\n\n{body}"), "403 AccessDenied").await;
        gateway.check(who, &format!("PUT /photos?tagging\nContent-SHA256: {sha256}\n\n{body}"), "204").await;
        gateway.check(who, "DELETE /photos?tagging", "204").await;
    }
}

/// They go with their bucket.
#[tokio::test]
async fn a_bucket_made_again_has_none() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &put(&tag("k", "v")), "204").await;
    gateway.check(As::Obs("alice"), "DELETE /photos", "204").await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    gateway.check(As::Obs("alice"), "GET /photos?tagging", "404 NoSuchTagSet").await;
    // File systems have tags.
    gateway.check(As::Obs("alice"), &put(&tag("k", "v")), "204").await;
}

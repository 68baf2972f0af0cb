//! `?tagging` of objects, and the tags that come with an object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::blob::digest;

use crate::support::{As, Gateway, both};

fn put_on(target: &str, set: &str) -> String {
    let body = format!("<Tagging><TagSet>{set}</TagSet></Tagging>");
    format!("PUT {target}\nContent-MD5: {}\n\n{body}", BASE64.encode(digest::md5(body.as_bytes())))
}

fn put(set: &str) -> String {
    put_on("/photos/k?tagging", set)
}

fn tag(key: &str, value: &str) -> String {
    format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
}

async fn with_object() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway
}

#[tokio::test]
async fn tags_are_set_shown_counted_and_removed() {
    let gateway = with_object().await;
    for who in both("alice") {
        let is_obs = who.prefix() == "x-obs-";
        let none = if is_obs { "404 NoSuchTagSet" } else { "200" };
        let empty = gateway.check(who, "GET /photos/k?tagging", none).await;
        assert!(is_obs || empty.body_text().ends_with("<TagSet></TagSet></Tagging>"), "{}", empty.body_text());
        let set = tag("b", "2") + &tag("a", "") + &tag("ключ", "é");
        assert_eq!(gateway.check(who, &put(&set), "200").await.text(), "200 OK\ncontent-length: 0");
        let shown = gateway.check(who, "GET /photos/k?tagging", "200").await;
        // As sent, and in S3 in order.
        let expected = if is_obs { ["b", "a", "ключ"] } else { ["a", "b", "ключ"] };
        assert_eq!(shown.elements("Key"), expected);
        let read = gateway.check(who, "HEAD /photos/k", "200").await;
        assert_eq!(read.header(&format!("{}tagging-count", who.prefix())), "3");
        gateway.check(who, &put(&tag("c", "3")), "200").await;
        assert_eq!(gateway.check(who, "GET /photos/k?tagging", "200").await.elements("Key"), ["c"]);
        assert_eq!(gateway.check(who, "DELETE /photos/k?tagging", "204").await.text(), "204 No Content");
        gateway.check(who, "GET /photos/k?tagging", none).await;
        gateway.check(who, "DELETE /photos/k?tagging", "204").await;
        // No tags are no set.
        gateway.check(who, &put(&tag("c", "3")), "200").await;
        gateway.check(who, &put(""), "200").await;
        gateway.check(who, "GET /photos/k?tagging", none).await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn an_object_comes_with_its_tags() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let put = format!("PUT /photos/k\n{}tagging: TagA=A%20b&TagB\n\nhello", who.prefix());
        gateway.check(who, &put, "200").await;
        let shown = gateway.check(who, "GET /photos/k?tagging", "200").await;
        assert_eq!((shown.elements("Key"), shown.elements("Value")), (vec!["TagA", "TagB"], vec!["A b", ""]));
        // Nothing of them is left on a successor.
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("x-obs-tagging-count"), "");
    }
}

#[tokio::test]
async fn each_version_has_its_own_tags() {
    let gateway = with_object().await;
    let who = As::Obs("alice");
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, enable, "200").await;
    let newer = gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
    let newer = newer.header("x-obs-version-id");
    let old = gateway.check(who, &put_on("/photos/k?tagging&versionId=null", &tag("old", "")), "200").await;
    assert_eq!(old.header("x-obs-version-id"), "null");
    assert_eq!(gateway.check(who, &put(&tag("new", "")), "200").await.header("x-obs-version-id"), newer);
    let read = gateway.check(who, "GET /photos/k?tagging&versionId=null", "200").await;
    assert_eq!((read.elements("Key"), read.header("x-obs-version-id")), (vec!["old"], "null"));
    assert_eq!(gateway.check(who, "GET /photos/k?tagging", "200").await.elements("Key"), ["new"]);
    let gone = gateway.check(who, "DELETE /photos/k?tagging&versionId=null", "204").await;
    assert_eq!(gone.header("x-obs-version-id"), "null");
    gateway.check(who, "GET /photos/k?tagging&versionId=null", "404 NoSuchTagSet").await;
    gateway.check(who, "GET /photos/k?tagging&versionId=1", "404 NoSuchVersion").await;
    let marker = gateway.check(who, "DELETE /photos/k", "204").await;
    gateway.check(who, "GET /photos/k?tagging", "404 NoSuchKey").await;
    let marker = marker.header("x-obs-version-id");
    gateway.check(who, &format!("GET /photos/k?tagging&versionId={marker}"), "405 MethodNotAllowed").await;
    gateway.check(who, &put_on(&format!("/photos/k?tagging&versionId={marker}"), ""), "405 MethodNotAllowed").await;
}

#[tokio::test]
async fn bad_sets_are_refused_and_the_old_one_stays() {
    let gateway = with_object().await;
    gateway.check(As::Obs("alice"), &put(&tag("old", "1")), "200").await;
    let many: String = (0..11).map(|number| tag(&number.to_string(), "")).collect();
    for who in both("alice") {
        let is_obs = who.prefix() == "x-obs-";
        for (set, verdict) in [
            (tag("", "v"), "400 InvalidTag"),
            (tag("a", "1") + &tag("a", "2"), "400 InvalidTag"),
            (tag(&"k".repeat(if is_obs { 37 } else { 129 }), ""), "400 InvalidTag"),
            (tag("k", &"v".repeat(if is_obs { 44 } else { 257 })), "400 InvalidTag"),
            (many.clone(), if is_obs { "400 BadRequest" } else { "400 InvalidTag" }),
            ("<Tag><Key>a</Key></Tag>".to_owned(), "400 MalformedXML"),
        ] {
            gateway.check(who, &put(&set), verdict).await;
        }
        let pairs: Vec<String> = (0..11).map(|number| number.to_string()).collect();
        let many = if is_obs { "400 BadRequest" } else { "400 InvalidTag" };
        for (header, verdict) in
            [("a=1&a=2", "400 InvalidTag"), ("a=%zz", "400 InvalidArgument"), (&pairs.join("&"), many)]
        {
            let put = format!("PUT /photos/k\n{}tagging: {header}\n\nhello", who.prefix());
            gateway.check(who, &put, verdict).await;
        }
        gateway.check(who, "PUT /photos/k?tagging\n\n<Tagging><TagSet/></Tagging>", "400 MissingRequiredHeader").await;
        let wrong = put(&tag("a", "1")).replace("<Value>1", "<Value>2");
        gateway.check(who, &wrong, "400 BadDigest").await;
        gateway.check(who, &put_on("/photos/no?tagging", &tag("a", "1")), "404 NoSuchKey").await;
        gateway.check(who, "GET /photos/no?tagging", "404 NoSuchKey").await;
        gateway.check(who, "DELETE /photos/no?tagging", "404 NoSuchKey").await;
        gateway.check(who, "DELETE /photos/k?tagging&x", "400 InvalidArgument").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        for request in ["GET /photos/k?tagging", "DELETE /photos/k?tagging", &put(&tag("a", "1"))] {
            gateway.check(who, request, "403 AccessDenied").await;
        }
    }
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos/k?tagging", "200").await.elements("Key"), ["old"]);
}

#[tokio::test]
async fn who_may_not_read_tags_is_not_told_their_number() {
    let gateway = with_object().await;
    gateway.check(As::Obs("alice"), &put(&tag("a", "1")), "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/k?acl\nx-obs-acl: public-read", "200").await;
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.header("x-obs-tagging-count"), "1");
    for who in [As::Obs("bob"), As::Nobody] {
        assert_eq!(gateway.check(who, "GET /photos/k", "200").await.header("x-obs-tagging-count"), "");
    }
}

//! `GET` and `HEAD /bucket/key?partNumber`.

use obs_gateway::limits;

use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

/// An upload of parts of these numbers and lengths.
async fn complete(gateway: &Gateway, who: As, parts: &[(usize, usize)]) {
    let id = gateway.begin_upload(who, "/photos/k").await;
    let mut stored = Vec::new();
    for (number, length) in parts {
        let etag = gateway.put_part(who, "/photos/k", &id, *number, part_bytes(*number, *length)).await;
        stored.push((*number, etag));
    }
    let answer = gateway.complete(who, "/photos/k", &id, &stored).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.text());
}

#[tokio::test]
async fn parts_are_read_as_they_were_uploaded() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "GET /photos/k?partNumber=1", "404 NoSuchKey").await;
        // Numbers may have gaps.
        let parts = [(1, SMALLEST), (4, SMALLEST + 1), (9, 17)];
        complete(&gateway, who, &parts).await;
        let whole = gateway.check(who, "HEAD /photos/k", "200").await;
        let total: usize = parts.iter().map(|(_, length)| length).sum();
        let mut start = 0;
        for (number, length) in parts {
            let [get, head] = ["GET", "HEAD"].map(|method| format!("{method} /photos/k?partNumber={number}"));
            let got = gateway.check(who, &get, "206").await;
            assert!(got.body == part_bytes(number, length));
            let head = gateway.check(who, &head, "206").await;
            assert_eq!(head.header("content-length"), length.to_string());
            for answer in [got, head] {
                let range = format!("bytes {start}-{}/{total}", start + length - 1);
                assert_eq!(answer.header("content-range"), range);
                assert_eq!(answer.header(&format!("{}mp-parts-count", who.prefix())), "3");
                assert_eq!(answer.header("etag"), whole.header("etag"));
            }
            start += length;
        }
        for number in [2, 3, 10] {
            gateway.check(who, &format!("GET /photos/k?partNumber={number}"), "400 InvalidPart").await;
            gateway.check(who, &format!("HEAD /photos/k?partNumber={number}"), "400 InvalidPart").await;
        }
        let none = limits::PART_NUMBER_MAX + 1;
        for number in ["0", "", "one", "-1", "+1", &none.to_string()] {
            gateway.check(who, &format!("GET /photos/k?partNumber={number}"), "400 InvalidArgument").await;
        }
        gateway.check(who, "GET /photos/k?partNumber=1\nRange: bytes=0-1", "400 InvalidRequest").await;
        // Conditions are the object's.
        let etag = whole.header("etag");
        gateway.check(who, &format!("GET /photos/k?partNumber=4\nIf-None-Match: {etag}"), "304").await;
        gateway.check(who, "GET /photos/k?partNumber=4\nIf-Match: other", "412 PreconditionFailed").await;
        // The name picks nothing where it is not read.
        gateway.check(who, "DELETE /photos/k?partNumber=1", "405 MethodNotAllowed").await;
        gateway.check(who, "PUT /photos/k?partNumber=1\n\nhello", "400 InvalidArgument").await;
        gateway.check(who, "GET /photos?partNumber=1", "405 MethodNotAllowed").await;
    }
}

#[tokio::test]
async fn what_no_upload_made_is_its_own_first_part() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let count = format!("{}mp-parts-count", who.prefix());
        gateway.check(who, "PUT /photos/k\n\nbody", "200").await;
        let got = gateway.check(who, "GET /photos/k?partNumber=1", "206").await;
        assert_eq!((got.body_text(), got.header("content-range"), got.header(&count)), ("body", "bytes 0-3/4", ""));
        gateway.check(who, "GET /photos/k?partNumber=2", "400 InvalidPart").await;
        // Nothing is no range.
        gateway.check(who, "PUT /photos/k", "200").await;
        let got = gateway.check(who, "GET /photos/k?partNumber=1", "206").await;
        assert_eq!((got.body_text(), got.header("content-range"), got.header("content-length")), ("", "", "0"));
        // A copy is not an upload's either.
        complete(&gateway, who, &[(1, SMALLEST), (2, 3)]).await;
        let copy = format!("PUT /photos/copy\n{}copy-source: photos/k", who.prefix());
        gateway.check(who, &copy, "200").await;
        let got = gateway.check(who, "GET /photos/copy?partNumber=1", "206").await;
        assert_eq!((got.body.len(), got.header(&count)), (SMALLEST + 3, ""));
    }
}

#[tokio::test]
async fn an_upload_of_one_part_has_one() {
    let who = As::Aws("alice");
    let gateway = Gateway::with_bucket().await;
    for (parts, last) in [(&[(1, 5)][..], 1), (&[(1, 0)], 1), (&[(1, SMALLEST), (2, 0)], 2)] {
        complete(&gateway, who, parts).await;
        for (number, length) in parts {
            let got = gateway.check(who, &format!("GET /photos/k?partNumber={number}"), "206").await;
            assert!(got.body == part_bytes(*number, *length));
            assert_eq!(got.header("x-amz-mp-parts-count"), parts.len().to_string());
        }
        gateway.check(who, &format!("GET /photos/k?partNumber={}", last + 1), "400 InvalidPart").await;
        gateway.assert_sound();
    }
}

#[tokio::test]
async fn each_version_has_its_parts() {
    let who = As::S3("alice");
    let gateway = Gateway::with_bucket().await;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, &format!("PUT /photos?versioning\n\n{versioning}"), "200").await;
    complete(&gateway, who, &[(3, 7)]).await;
    let old = gateway.check(who, "HEAD /photos/k", "200").await.header("x-amz-version-id").to_owned();
    gateway.check(who, "PUT /photos/k\n\nbody", "200").await;
    let got = gateway.check(who, &format!("GET /photos/k?partNumber=3&versionId={old}"), "206").await;
    assert!(got.body == part_bytes(3, 7));
    gateway.check(who, "GET /photos/k?partNumber=3", "400 InvalidPart").await;
}

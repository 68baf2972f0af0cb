//! `PUT /bucket/key?partNumber&uploadId`.

use bytes::Bytes;
use obs_gateway::limits;

use crate::support::{As, Gateway, both, pattern};
use crate::upload::{SMALLEST, part_bytes};

#[tokio::test]
async fn a_part_counts_when_it_is_stored() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        // In the commit itself, in a segment, and of unknown length.
        for (number, length) in [(1, 10), (10_000, 70_000), (7, 0)] {
            let body = pattern(length);
            let answer = gateway.send_part(who, "/photos/k", &id, number, body.clone()).await;
            let pieces: Vec<Bytes> = body.chunks(7001).map(Bytes::copy_from_slice).collect();
            let request =
                format!("PUT /photos/k?partNumber={}&uploadId={id}", number - 1 + 2 * usize::from(number == 1));
            let streamed = gateway.send_chunked(who, &request, pieces).await;
            assert_eq!((answer.verdict(), streamed.verdict()), ("200".to_owned(), "200".to_owned()));
            assert_eq!(answer.header("etag"), streamed.header("etag"));
            assert!(!answer.header(&format!("{}checksum-crc64ecma", who.prefix())).is_empty());
        }
        let usage = gateway.usage("photos").await;
        assert_eq!((usage.part_bytes, usage.parts, usage.uploads), (2 * 70_010, 6, 1));
        assert_eq!(gateway.used("photos").await, (2 * 70_010, 0));
    }
}

#[tokio::test]
async fn the_last_part_of_a_number_stays() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        for length in [3_000_000, 5, SMALLEST, 0, 70_000] {
            gateway.put_part(who, "/photos/k", &id, 2, part_bytes(2, length)).await;
            assert_eq!(gateway.used("photos").await, (length as u64, 0));
        }
        let parts = vec![(2, gateway.put_part(who, "/photos/k", &id, 2, part_bytes(9, 70_001)).await)];
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        assert!(gateway.check(who, "GET /photos/k", "200").await.body == part_bytes(9, 70_001));
        assert_eq!(gateway.used("photos").await, (70_001, 1));
    }
}

#[tokio::test]
async fn refusals_store_nothing() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let prefix = who.prefix();
        let id = gateway.begin_upload(who, "/photos/k").await;
        let too_long = limits::PART_BYTES_MAX + 1;
        for (request, verdict) in [
            ("PUT /photos/k?partNumber=0&uploadId=ID\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=10001&uploadId=ID\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=-1&uploadId=ID\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=one&uploadId=ID\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=&uploadId=ID\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=1&uploadId=ID&versionId=null\n\nx", "400 InvalidArgument"),
            ("PUT /photos/k?partNumber=1&uploadId=1\n\nx", "404 NoSuchUpload"),
            ("PUT /photos/k?partNumber=1&uploadId=\n\nx", "404 NoSuchUpload"),
            ("PUT /photos/k?partNumber=1&uploadId=00051964BFE01234FFFD28739D419DA0\n\nx", "404 NoSuchUpload"),
            ("PUT /photos/other?partNumber=1&uploadId=ID\n\nx", "404 NoSuchUpload"),
            ("PUT /nowhere/k?partNumber=1&uploadId=ID\n\nx", "404 NoSuchBucket"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nContent-MD5: x\n\nx", "400 InvalidDigest"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nContent-MD5: AAAAAAAAAAAAAAAAAAAAAA==\n\nx", "400 BadDigest"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nPREFIXchecksum-crc64ecma: 1\n\nx", "400 BadDigest"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nContent-Length: 2\n\nx", "400 IncompleteBody"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nPREFIXacl: private\n\nx", "400 InvalidRequest"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nPREFIXgrant-read: id=1\n\nx", "400 InvalidRequest"),
            ("PUT /photos/k?partNumber=1&uploadId=ID\nPREFIXstorage-class: WARM\n\nx", "400 InvalidRequest"),
            (
                "PUT /photos/k?partNumber=1&uploadId=ID\nPREFIXserver-side-encryption-customer-algorithm: AES256\n\nx",
                "501 ServiceNotImplemented",
            ),
            (
                "PUT /photos/k?partNumber=1&uploadId=ID\nx-amz-checksum-sha512: NhCmhg==\n\nx",
                "501 ServiceNotImplemented",
            ),
            (&format!("PUT /photos/k?partNumber=1&uploadId=ID\nContent-Length: {too_long}\n\nx"), "400 EntityTooLarge"),
        ] {
            gateway
                .check(
                    who,
                    &request
                        .replace("ID\n", &format!("{id}\n"))
                        .replace("ID&", &format!("{id}&"))
                        .replace("PREFIX", prefix),
                    verdict,
                )
                .await;
        }
        for stranger in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
            gateway
                .check(stranger, &format!("PUT /photos/k?partNumber=1&uploadId={id}\n\nx"), "403 AccessDenied")
                .await;
        }
        let usage = gateway.usage("photos").await;
        assert_eq!((usage.parts, usage.part_bytes), (0, 0));
    }
}

/// In OBS's words an upload is its initiator's; the bucket's owner may only end it.
#[tokio::test]
async fn an_upload_is_its_initiators() {
    let gateway = Gateway::with_bucket().await;
    let acl = "PUT /photos?acl\nx-obs-acl: public-read-write";
    gateway.check(As::Obs("alice"), acl, "200").await;
    for [owner, other] in [[As::Obs("alice"), As::Obs("bob")], [As::Aws("alice"), As::Aws("bob")]] {
        let id = gateway.begin_upload(other, "/photos/k").await;
        let parts = vec![(1, gateway.put_part(other, "/photos/k", &id, 1, part_bytes(1, 5)).await)];
        for stranger in [owner, As::Nobody] {
            let refused = gateway.send_part(stranger, "/photos/k", &id, 2, part_bytes(2, 5)).await;
            assert_eq!(refused.verdict(), "403 AccessDenied");
            let refused = gateway.complete(stranger, "/photos/k", &id, &parts).await;
            assert_eq!(refused.verdict(), "403 AccessDenied");
        }
        gateway.check(As::Nobody, &format!("DELETE /photos/k?uploadId={id}"), "403 AccessDenied").await;
        assert_eq!(gateway.complete(other, "/photos/k", &id, &parts).await.verdict(), "200");
        // The object is the initiator's, too.
        let bob = gateway.account_id("bob").await;
        assert_eq!(gateway.check(owner, "GET /photos", "200").await.element("ID"), Some(&*bob));
        let id = gateway.begin_upload(other, "/photos/k").await;
        gateway.check(owner, &format!("DELETE /photos/k?uploadId={id}"), "204").await;
        let id = gateway.begin_upload(other, "/photos/k").await;
        gateway.check(other, &format!("DELETE /photos/k?uploadId={id}"), "204").await;
    }
    // What nobody began, nobody may go on with.
    let id = gateway.begin_upload(As::Nobody, "/photos/k").await;
    let parts = vec![(1, gateway.put_part(As::Nobody, "/photos/k", &id, 1, part_bytes(1, 5)).await)];
    assert_eq!(gateway.complete(As::Obs("alice"), "/photos/k", &id, &parts).await.verdict(), "403 AccessDenied");
    assert_eq!(gateway.complete(As::Nobody, "/photos/k", &id, &parts).await.verdict(), "200");
}

/// In S3's words the permission is enough. Without a signature, headers say whose words they are.
#[tokio::test]
async fn an_upload_in_s3_words_is_anyones_who_may_put() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write", "200").await;
    let begun = gateway.check(As::Nobody, "POST /photos/k?uploads\nx-amz-meta-a: 1", "200").await;
    let id = begun.element("UploadId").unwrap();
    let first = gateway.put_part(As::Obs("bob"), "/photos/k", id, 1, part_bytes(1, SMALLEST)).await;
    let second = gateway.put_part(As::Aws("alice"), "/photos/k", id, 2, part_bytes(2, 1)).await;
    let parts = vec![(1, first), (2, second)];
    // And S3's smallest part is larger.
    let refused = gateway.complete(As::Obs("alice"), "/photos/k", id, &parts).await;
    assert_eq!(refused.verdict(), "400 EntityTooSmall");
    assert_eq!((refused.element("PartNumber"), refused.element("MinSizeAllowed")), (Some("1"), Some("5242880")));
    let first = gateway.put_part(As::Nobody, "/photos/k", id, 1, part_bytes(1, 5 << 20)).await;
    let parts = vec![(1, first), parts[1].clone()];
    assert_eq!(gateway.complete(As::Obs("bob"), "/photos/k", id, &parts).await.verdict(), "200");
}

//! `PUT /bucket/key?partNumber&uploadId` with a copy source.

use crate::answer::Answer;
use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

impl Gateway {
    async fn copy_part(&self, who: As, id: &str, number: usize, lines: &str) -> Answer {
        let lines = lines.replace("PREFIX", who.prefix());
        self.send(who, &format!("PUT /photos/k?partNumber={number}&uploadId={id}\n{lines}")).await
    }
}

/// From a small body, a large one, and one made of parts; whole and in ranges that lie across parts.
#[tokio::test]
async fn parts_are_copied_of_any_body() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let (small, large) = (part_bytes(1, 5000), part_bytes(2, 300_000));
        gateway.send_bytes(who, "PUT /photos/small", small.clone()).await;
        gateway.send_bytes(who, "PUT /photos/large", large.clone()).await;
        let id = gateway.begin_upload(who, "/photos/made").await;
        let parts = gateway.put_parts(who, "/photos/made", &id, &[SMALLEST, 300_000]).await;
        assert_eq!(gateway.complete(who, "/photos/made", &id, &parts).await.verdict(), "200");
        let made = [part_bytes(1, SMALLEST), part_bytes(2, 300_000)].concat();
        let held = gateway.used("photos").await.0;

        let id = gateway.begin_upload(who, "/photos/k").await;
        let (mut parts, mut expected, mut sum) = (Vec::new(), Vec::new(), 0);
        for (number, source, bytes, from, until) in [
            (1, "large", &large[..], 0, 300_000),
            (2, "made", &made[..], SMALLEST - 70_000, SMALLEST + 70_000),
            (3, "large", &large[..], 100_000, 299_999),
            (4, "made", &made[..], 0, made.len()),
            (5, "small", &small[..], 17, 4711),
        ] {
            let is_whole = from == 0 && until == bytes.len();
            let range =
                if is_whole { String::new() } else { format!("\nPREFIXcopy-source-range: bytes={from}-{}", until - 1) };
            let copied =
                gateway.copy_part(who, &id, number, &format!("PREFIXcopy-source: photos/{source}{range}")).await;
            assert_eq!(copied.verdict(), "200", "{}", copied.text());
            let sent = gateway.send_part(who, "/photos/k", &id, 99, bytes[from..until].to_vec().into()).await;
            assert_eq!(copied.element("ETag"), Some(sent.header("etag")), "the digest of the same bytes");
            sum += until - from;
            assert_eq!(gateway.used("photos").await.0, held + (sum + until - from) as u64, "charged in full");
            parts.push((number, sent.header("etag").to_owned()));
            expected.extend_from_slice(&bytes[from..until]);
        }
        // Another in place of one that has many pieces.
        let copied = gateway.copy_part(who, &id, 4, "PREFIXcopy-source: /photos/large").await;
        parts[3].1 = copied.element("ETag").unwrap().to_owned();
        let expected = [&expected[..sum - 4694 - made.len()], &large[..], &expected[sum - 4694..]].concat();
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        // The sources may go.
        for key in ["small", "large", "made"] {
            gateway.check(who, &format!("DELETE /photos/{key}"), "204").await;
        }
        assert!(gateway.check(who, "GET /photos/k", "200").await.body == expected);
        assert_eq!(gateway.used("photos").await, (expected.len() as u64, 1));
        let crc64 = obs_gateway::blob::digest::crc64(&expected).to_string();
        let again = gateway.complete(who, "/photos/k", &id, &parts).await;
        assert_eq!(again.header(&format!("{}checksum-crc64ecma", who.prefix())), crc64);
    }
}

#[tokio::test]
async fn the_answer_names_the_digest_and_the_version() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/a%25b\n\nhello", "200").await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let answer = gateway.copy_part(who, &id, 1, "PREFIXcopy-source: /photos/a%25b").await;
        let namespace = answer.body_text().split('"').find(|text| text.starts_with("http")).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text().replace(namespace, "NAMESPACE").replace(who.prefix(), "x-"), @r#"
            200 OK
            content-type: application/xml
            x-checksum-crc64ecma: 11177612005948864433

            <CopyPartResult xmlns="NAMESPACE"><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></CopyPartResult>
            "#);
        }
        let status = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        gateway.check(who, &format!("PUT /photos?versioning\n\n{status}"), "200").await;
        gateway.check(who, "PUT /photos/a%25b\n\nnewer", "200").await;
        let name = format!("{}copy-source-version-id", who.prefix());
        let old = gateway.copy_part(who, &id, 1, "PREFIXcopy-source: /photos/a%25b?versionId=null").await;
        assert_eq!((old.header(&name), old.element("ETag")), ("null", Some("\"5d41402abc4b2a76b9719d911017c592\"")));
        let new = gateway.copy_part(who, &id, 1, "PREFIXcopy-source: /photos/a%25b").await;
        assert_eq!(new.header(&name).len(), 32);
    }
}

/// Nothing is a source as well as anything else.
#[tokio::test]
async fn an_empty_source_gives_an_empty_part() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/empty", "200").await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let answer = gateway.copy_part(who, &id, 1, "PREFIXcopy-source: /photos/empty").await;
        assert_eq!(answer.element("ETag"), Some("\"d41d8cd98f00b204e9800998ecf8427e\""));
        let range = "PREFIXcopy-source: /photos/empty\nPREFIXcopy-source-range: bytes=0-0";
        assert_eq!(gateway.copy_part(who, &id, 1, range).await.verdict(), "416 InvalidRange");
        assert_eq!(gateway.usage("photos").await.parts, 1);
    }
}

#[tokio::test]
async fn refusals_store_nothing() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/s\n\nhello", "200").await;
    gateway.check(As::Obs("bob"), "PUT /secrets", "200").await;
    gateway.check(As::Obs("bob"), "PUT /secrets/s\n\nhello", "200").await;
    let etag = "5d41402abc4b2a76b9719d911017c592";
    let before_now = "Wed, 01 Jul 2015 03:00:00 GMT";
    for who in both("alice") {
        let id = gateway.begin_upload(who, "/photos/k").await;
        let source = "PREFIXcopy-source: /photos/s\n";
        for (lines, verdict) in [
            ("PREFIXcopy-source: photos", "400 InvalidArgument"),
            ("PREFIXcopy-source: /nowhere/s", "404 NoSuchBucket"),
            ("PREFIXcopy-source: /photos/none", "404 NoSuchKey"),
            ("PREFIXcopy-source: /photos/s?versionId=x", "404 NoSuchVersion"),
            ("PREFIXcopy-source: /secrets/s", "403 AccessDenied"),
            ("PREFIXcopy-source: /secrets/none", "403 AccessDenied"),
            (&format!("{source}PREFIXcopy-source-range: bytes=0-5"), "416 InvalidRange"),
            (&format!("{source}PREFIXcopy-source-range: bytes=5-5"), "416 InvalidRange"),
            (&format!("{source}PREFIXcopy-source-range: bytes=0-"), "400 InvalidArgument"),
            (&format!("{source}PREFIXcopy-source-range: 0-2"), "400 InvalidArgument"),
            (&format!("{source}PREFIXcopy-source-if-match: other"), "412 PreconditionFailed"),
            (&format!("{source}PREFIXcopy-source-if-none-match: {etag}"), "412 PreconditionFailed"),
            (&format!("{source}PREFIXcopy-source-if-unmodified-since: {before_now}"), "412 PreconditionFailed"),
            (&format!("{source}Content-Length: 1\n\nx"), "400 MaxMessageLengthExceeded"),
            (&format!("{source}PREFIXstorage-class: WARM"), "400 InvalidRequest"),
        ] {
            let answer = gateway.copy_part(who, &id, 1, lines).await;
            assert_eq!(answer.verdict(), verdict, "{who:?} {lines}");
        }
        for (number, id, verdict) in [
            (0, &*id, "400 InvalidArgument"),
            (10_001, &id, "400 InvalidArgument"),
            (1, "x", "404 NoSuchUpload"),
            (1, "00051964BFE01234FFFD28739D419DA0", "404 NoSuchUpload"),
        ] {
            let answer = gateway.copy_part(who, id, number, source).await;
            assert_eq!(answer.verdict(), verdict, "{number} {id}");
        }
        assert_eq!(gateway.copy_part(As::Nobody, &id, 1, source).await.verdict(), "403 AccessDenied");
        let lines = format!("{source}PREFIXcopy-source-if-match: \"{etag}\"\nPREFIXcopy-source-range: bytes=1-3");
        assert_eq!(gateway.copy_part(who, &id, 1, &lines).await.verdict(), "200");
        gateway.check(who, &format!("DELETE /photos/k?uploadId={id}"), "204").await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Obs("alice");
    gateway.send_bytes(who, "PUT /photos/s", part_bytes(1, 100_000)).await;
    let id = gateway.begin_upload(who, "/photos/k").await;
    let quota = "<Quota><StorageQuota>150000</StorageQuota></Quota>";
    gateway.check(who, &format!("PUT /photos?quota\n\n{quota}"), "200").await;
    let range = |last: usize| format!("PREFIXcopy-source: /photos/s\nPREFIXcopy-source-range: bytes=0-{last}");
    assert_eq!(gateway.copy_part(who, &id, 1, &range(50_000)).await.verdict(), "403 InsufficientStorageSpace");
    assert_eq!(gateway.copy_part(who, &id, 1, &range(49_999)).await.verdict(), "200");
    assert_eq!(gateway.copy_part(who, &id, 2, &range(0)).await.verdict(), "403 InsufficientStorageSpace");
    assert_eq!(gateway.copy_part(who, &id, 1, &range(49_999)).await.verdict(), "200", "in place of its like");
    assert_eq!(gateway.used("photos").await, (150_000, 1));
}

//! `GET` and `HEAD /bucket/key`.

use bytes::Bytes;

use crate::support::{As, DATE, Gateway, NOW, both, pattern};

/// `photos/k` holds `0123456789`, stored at [`NOW`].
async fn with_digits() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\nContent-Type: text/plain\n\n0123456789", "200").await;
    gateway
}

const ETAG: &str = "781e5e245d69b566979b86e28d23f2c7";

#[tokio::test]
async fn an_object_is_read_in_both_dialects() {
    let gateway = with_digits().await;
    for who in both("alice") {
        let get = gateway.check(who, "GET /photos/k", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(get.text(), @r#"
            200 OK
            content-type: text/plain
            etag: "781e5e245d69b566979b86e28d23f2c7"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes

            0123456789
            "#);
        }
        let head = gateway.check(who, "HEAD /photos/k", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(head.text(), @r#"
            200 OK
            content-type: text/plain
            content-length: 10
            etag: "781e5e245d69b566979b86e28d23f2c7"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes
            "#);
        }
    }
}

#[tokio::test]
async fn refusals() {
    let gateway = with_digits().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos/a%3Cb", "404 NoSuchKey").await.text(), @r"
    404 Not Found
    content-type: application/xml

    <Error><Code>NoSuchKey</Code><Message>The resource you requested does not exist</Message><Resource>/photos/a&lt;b</Resource><RequestId><id></RequestId><HostId><id-2></HostId><Key>a&lt;b</Key></Error>
    ");
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "HEAD /photos/none", "404 NoSuchKey").await.text(), @r"
    404 Not Found
    content-length: 0
    x-amz-error-code: NoSuchKey
    x-amz-error-message: The resource you requested does not exist
    ");
    for method in ["GET", "HEAD"] {
        for who in both("bob").into_iter().chain([As::Nobody]) {
            // A stranger does not learn which keys there are.
            gateway.check(who, &format!("{method} /photos/k"), "403 AccessDenied").await;
            gateway.check(who, &format!("{method} /photos/none"), "403 AccessDenied").await;
        }
        gateway.check(As::Obs("frida"), &format!("{method} /photos/k"), "403 InArrearOrInsufficientBalance").await;
        gateway.check(As::Obs("dora"), &format!("{method} /photos/k"), "403 DeregisterUserId").await;
        for who in both("alice") {
            gateway.check(who, &format!("{method} /missing/k"), "404 NoSuchBucket").await;
            gateway.check(who, &format!("{method} /photos/k?versionId=v1"), "404 NoSuchVersion").await;
            gateway.check(who, &format!("{method} /photos/k?versionId=null"), "200").await;
            gateway.check(who, &format!("{method} /photos/k\n\nbody"), "400 UnexpectedContent").await;
            let key = format!("{}server-side-encryption-customer-algorithm: AES256", who.prefix());
            gateway.check(who, &format!("{method} /photos/k\n{key}"), "400 InvalidRequest").await;
        }
    }
}

#[tokio::test]
async fn ranges() {
    let gateway = with_digits().await;
    let check = async |range: &str, verdict: &str, content_range: &str, body: &str| {
        for who in both("alice") {
            let get = gateway.check(who, &format!("GET /photos/k\nRange: {range}"), verdict).await;
            assert_eq!((get.header("content-range"), get.header("accept-ranges")), (content_range, "bytes"), "{range}");
            assert_eq!(get.body_text(), body, "{range}");
            assert_eq!(get.header("etag"), format!("\"{ETAG}\""));
            let head = gateway.check(who, &format!("HEAD /photos/k\nRange: {range}"), verdict).await;
            assert_eq!(head.header("content-range"), content_range, "{range}");
            assert_eq!(head.header("content-length"), body.len().to_string(), "{range}");
        }
    };
    check("bytes=0-3", "206", "bytes 0-3/10", "0123").await;
    check("bytes=3-3", "206", "bytes 3-3/10", "3").await;
    check("bytes=8-99", "206", "bytes 8-9/10", "89").await;
    check("bytes=7-", "206", "bytes 7-9/10", "789").await;
    check("bytes=7", "206", "bytes 7-9/10", "789").await;
    check("bytes=-3", "206", "bytes 7-9/10", "789").await;
    check("bytes=-99", "206", "bytes 0-9/10", "0123456789").await;
    for ignored in ["bytes=5-3", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=--3", "bytes=-3-", "nonsense"] {
        check(ignored, "200", "", "0123456789").await;
    }
}

/// Who goes on with what they have of an object gets all of it where it is another by now, also by parts of it.
#[tokio::test]
async fn a_range_of_another_state_is_not_served() {
    let gateway = with_digits().await;
    let who = As::S3("alice");
    for method in ["GET", "HEAD"] {
        let range = |line: &str| format!("{method} /photos/k\nRange: bytes=3-4\nIf-Range: {line}");
        for same in [&format!("\"{ETAG}\""), DATE] {
            let part = gateway.check(who, &range(same), "206").await;
            assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 3-4/10", "2"));
        }
        for other in ["\"other\"", &format!("W/\"{ETAG}\""), "Wed, 01 Jul 2015 03:27:44 GMT", "yesterday"] {
            let whole = gateway.check(who, &range(other), "200").await;
            assert_eq!((whole.header("content-range"), whole.header("content-length")), ("", "10"), "{other}");
        }
        // Not even a range that is not there is looked at.
        let beyond = format!("{method} /photos/k\nRange: bytes=10-\nIf-Range: \"other\"");
        gateway.check(who, &beyond, "200").await;
    }
}

#[tokio::test]
async fn ranges_beyond_the_end() {
    let gateway = with_digits().await;
    gateway.check(As::Obs("alice"), "PUT /photos/empty", "200").await;
    for (key, range, length) in [
        ("k", "bytes=10-", 10),
        ("k", "bytes=10-20", 10),
        ("k", "bytes=-0", 10),
        ("empty", "bytes=0-", 0),
        ("empty", "bytes=-1", 0),
    ] {
        for method in ["GET", "HEAD"] {
            for who in both("alice") {
                let request = format!("{method} /photos/{key}\nRange: {range}");
                let answer = gateway.check(who, &request, "416 InvalidRange").await;
                assert_eq!(answer.header("content-range"), format!("bytes */{length}"));
                if method == "GET" {
                    let told = (answer.element("RangeRequested"), answer.element("ActualObjectSize"));
                    assert_eq!(told, (Some(range), Some(length.to_string().as_str())));
                }
            }
        }
    }
}

#[tokio::test]
async fn several_ranges_are_parts_in_obs_and_the_whole_in_s3() {
    let gateway = with_digits().await;
    let request = "GET /photos/k\nRange: bytes=0-1,8-";
    let obs = gateway.check(As::Obs("alice"), request, "206").await;
    let kind = obs.header("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges;boundary=").expect(kind);
    let expected = format!(
        "--{boundary}\r\nContent-type: text/plain\r\nContent-range: bytes 0-1/10\r\n\r\n01\r\n\
         --{boundary}\r\nContent-type: text/plain\r\nContent-range: bytes 8-9/10\r\n\r\n89\r\n--{boundary}--\r\n"
    );
    assert_eq!(obs.body_text(), expected);
    let head = gateway.check(As::Obs("alice"), "HEAD /photos/k\nRange: bytes=0-1,8-", "206").await;
    assert_eq!(head.header("content-length"), expected.len().to_string());
    let aws = gateway.check(As::Aws("alice"), request, "200").await;
    assert_eq!((aws.body_text(), aws.header("content-type")), ("0123456789", "text/plain"));
    // One that is left over is a plain part.
    let one = gateway.check(As::Obs("alice"), "GET /photos/k\nRange: bytes=0-1,20-", "206").await;
    assert_eq!((one.body_text(), one.header("content-range")), ("01", "bytes 0-1/10"));
}

#[tokio::test]
async fn ranges_of_large_objects_cross_blocks() {
    let gateway = Gateway::with_bucket().await;
    let body = pattern(3_000_000);
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", body.clone()).await;
    let block = 256 * 1024;
    for span in [0..1, block - 1..block + 1, block..2 * block, 1_000_000..2_900_000, 2_999_999..3_000_000, 0..3_000_000]
    {
        let request = format!("GET /photos/k\nRange: bytes={}-{}", span.start, span.end - 1);
        let answer = gateway.check(As::Obs("alice"), &request, "206").await;
        assert!(answer.body == body[span.clone()], "{span:?}");
    }
    let request = "GET /photos/k\nRange: bytes=0-9,2000000-2000009";
    let parts = gateway.check(As::Obs("alice"), request, "206").await;
    let holds = |wanted: &[u8]| parts.body.windows(wanted.len()).any(|window| window == wanted);
    assert!(holds(&body[0..10]) && holds(&body[2_000_000..2_000_010]));
}

#[tokio::test]
async fn conditions() {
    const BEFORE: &str = "Wed, 01 Jul 2015 03:27:44 GMT";
    const THEN: &str = "Wed, 01 Jul 2015 03:27:45 GMT";
    const FUTURE: &str = "Wed, 01 Jul 2015 03:27:56 GMT";
    let gateway = with_digits().await;
    gateway.app.clock.set(NOW + 10_000);
    let check = async |conditions: &str, verdict: &str| {
        let conditions = conditions.replace("ETAG", ETAG);
        for who in both("alice") {
            for method in ["GET", "HEAD"] {
                gateway.check(who, &format!("{method} /photos/k\n{conditions}"), verdict).await;
            }
        }
    };
    // The Python SDK percent-encodes the quotes of an ETag it hands back.
    for matching in ["\"ETAG\"", "ETAG", "%22ETAG%22", "*", "\"x\", \"ETAG\""] {
        check(&format!("If-Match: {matching}"), "200").await;
        check(&format!("If-None-Match: {matching}"), "304").await;
    }
    check("If-Match: \"x\"", "412 PreconditionFailed").await;
    check("If-None-Match: \"x\"", "200").await;
    check(&format!("If-Modified-Since: {BEFORE}"), "200").await;
    check(&format!("If-Modified-Since: {THEN}"), "304").await;
    check(&format!("If-Modified-Since: {FUTURE}"), "200").await;
    check("If-Modified-Since: Wednesday, 01-Jul-15 03:27:45 GMT", "304").await;
    check("If-Modified-Since: Wed Jul  1 03:27:45 2015", "304").await;
    check("If-Modified-Since: yesterday", "200").await;
    check(&format!("If-Unmodified-Since: {BEFORE}"), "412 PreconditionFailed").await;
    check(&format!("If-Unmodified-Since: {THEN}"), "200").await;
    check(&format!("If-Match: ETAG\nIf-Unmodified-Since: {BEFORE}"), "200").await;
    check(&format!("If-None-Match: x\nIf-Modified-Since: {THEN}"), "200").await;
    check(&format!("If-None-Match: ETAG\nIf-Modified-Since: {BEFORE}"), "304").await;
    check("If-Match: x\nIf-None-Match: ETAG", "412 PreconditionFailed").await;
    check("If-None-Match: ETAG\nRange: bytes=20-", "304").await;
    check("If-Match: x\nRange: bytes=20-", "412 PreconditionFailed").await;
    check("If-Range: \"x\"\nRange: bytes=0-1", "206").await;
}

#[tokio::test]
async fn not_modified_keeps_the_validators() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\nCache-Control: max-age=9\n\nhello", "200").await;
    let answer = gateway.check(As::Obs("alice"), "GET /photos/k\nIf-None-Match: *", "304").await;
    assert_eq!(answer.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(answer.header("last-modified"), "Wed, 01 Jul 2015 03:27:45 GMT");
    assert_eq!(answer.header("cache-control"), "max-age=9");
}

#[tokio::test]
async fn a_refused_condition_is_named() {
    let gateway = with_digits().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos/k\nIf-Match: x", "412 PreconditionFailed").await.text(), @r"
    412 Precondition Failed
    content-type: application/xml

    <Error><Code>PreconditionFailed</Code><Message>At least one of the preconditions you specified did not hold.</Message><Resource>/photos/k</Resource><RequestId><id></RequestId><HostId><id-2></HostId><Condition>If-Match</Condition></Error>
    ");
}

#[tokio::test]
async fn headers_of_the_answer_can_be_asked_for() {
    let gateway = with_digits().await;
    let query = "response-content-type=a%2Fb&response-content-language=de&response-expires=Thu%2C+01+Jan&\
                 response-cache-control=no-cache&response-content-disposition=attachment%3B%20filename%3D%22x%22&\
                 response-content-encoding=gzip";
    for who in both("alice") {
        for (method, range) in [("GET", ""), ("HEAD", ""), ("GET", "\nRange: bytes=0-1")] {
            let answer = gateway.send(who, &format!("{method} /photos/k?{query}{range}")).await;
            assert!(answer.status.is_success(), "{}", answer.text());
            let shown = [
                "content-type",
                "content-language",
                "expires",
                "cache-control",
                "content-disposition",
                "content-encoding",
            ]
            .map(|name| answer.header(name));
            assert_eq!(shown, ["a/b", "de", "Thu, 01 Jan", "no-cache", "attachment; filename=\"x\"", "gzip"]);
        }
        let request = "GET /photos/k?response-content-type=a%0d%0ax-evil:%201";
        gateway.check(who, request, "400 InvalidArgument").await;
        let named = gateway.check(who, "GET /photos/k?attname=%C3%A9%20%22.txt", "200").await;
        assert_eq!(named.header("content-disposition"), "attachment; filename*=utf-8''%C3%A9%20%22.txt");
        // Not an operation's own, and harmless in a read.
        gateway.check(who, "GET /photos/k?typo=1", "200").await;
    }
    gateway.check(As::Nobody, &format!("GET /photos/k?{query}"), "403 AccessDenied").await;
}

#[tokio::test]
async fn damaged_bytes_are_never_sent() {
    let gateway = Gateway::with_bucket().await;
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", pattern(200_000)).await;
    gateway.blobs.damage(1, 100);
    let answer = gateway.check(As::Obs("alice"), "GET /photos/k", "500 InternalError").await;
    assert!(!answer.body_text().contains("segment"), "{}", answer.body_text());
    assert_eq!(gateway.app.metrics.corrupt_blocks.get(), 1);
    // The other objects are none the worse for it.
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", pattern(200_000)).await;
    assert!(gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.body == pattern(200_000));
}

/// A reader that has begun gets the object it began with, whatever happens to the key meanwhile.
#[tokio::test]
async fn a_reader_keeps_its_object() {
    let gateway = Gateway::with_bucket().await;
    let body = pattern(5_000_000);
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", body.clone()).await;
    let mut reading = gateway.begin(As::Obs("alice"), "GET /photos/k").await;
    let mut received = reading.next().await.expect("the first piece").to_vec();
    gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", Bytes::from_static(b"new")).await;
    gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
    while let Some(piece) = reading.next().await {
        received.extend_from_slice(&piece);
    }
    assert!(received == body);
}

//! `PUT /bucket/key`.

use std::time::Duration;

use bytes::Bytes;
use obs_gateway::blob::BlobStore as _;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::limits;

use crate::support::{As, Gateway, both, pattern};

#[tokio::test]
async fn the_answer_is_the_md5() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let answer = gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r#"
            200 OK
            content-length: 0
            etag: "5d41402abc4b2a76b9719d911017c592"
            "#);
        }
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

/// Bodies of every size class, announced and not, come back as they went in.
#[tokio::test]
async fn bodies_come_back() {
    let gateway = Gateway::with_bucket().await;
    let inline = usize::try_from(limits::INLINE_BODY_BYTES_MAX).unwrap();
    let block = usize::try_from(limits::BLOCK_BYTES).unwrap();
    let buffer = limits::BODY_BUFFER_BYTES;
    let mut total = 0;
    for length in [0, 1, inline - 1, inline, inline + 1, block, block + 1, buffer, 3 * buffer + 17] {
        let body = pattern(length);
        let announced = gateway.send_bytes(As::Obs("alice"), "PUT /photos/announced", body.clone()).await;
        let pieces: Vec<Bytes> = body.chunks(10_007).map(Bytes::copy_from_slice).collect();
        let streamed = gateway.send_chunked(As::Aws("alice"), "PUT /photos/streamed", pieces).await;
        assert_eq!((announced.verdict(), streamed.verdict()), ("200".to_owned(), "200".to_owned()), "{length}");
        assert_eq!(announced.header("etag"), streamed.header("etag"));
        for key in ["announced", "streamed"] {
            let answer = gateway.check(As::Obs("alice"), &format!("GET /photos/{key}"), "200").await;
            assert!(answer.body == body, "{key} of {length} bytes");
            assert_eq!(answer.header("etag"), announced.header("etag"));
        }
        total = 2 * length as u64;
        assert_eq!(gateway.used("photos").await, (total, 2));
    }
    assert!(total > 0);
}

#[tokio::test]
async fn an_object_keeps_its_headers() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let prefix = who.prefix();
        let put = format!(
            "PUT /photos/k\nContent-Type: text/plain; charset=utf-8\nContent-Encoding: gzip\n\
             Content-Disposition: attachment; filename=\"a b\"\nContent-Language: de, en\nCache-Control: no-store\n\
             Expires: never\n{prefix}meta-One: 1\n{prefix}meta-one: 2\n{prefix}Meta-empty:\n{prefix}meta-text: %C3%A9+ é\n\n\
             hello"
        );
        gateway.check(who, &put, "200").await;
        // Whoever reads sees metadata in the words of the own dialect.
        let obs = gateway.check(As::Obs("alice"), "HEAD /photos/k", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(obs.text(), @r#"
            200 OK
            content-type: text/plain; charset=utf-8
            content-length: 5
            content-encoding: gzip
            content-disposition: attachment; filename="a b"
            content-language: de, en
            cache-control: no-store
            expires: never
            x-obs-meta-one: 1,2
            x-obs-meta-empty: 
            x-obs-meta-text: %C3%A9+ é
            etag: "5d41402abc4b2a76b9719d911017c592"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes
            "#);
        }
        let aws = gateway.check(As::Aws("alice"), "GET /photos/k", "200").await;
        assert_eq!((aws.header("x-amz-meta-one"), aws.header("x-obs-meta-one")), ("1,2", ""));
    }
    // Nothing of the old object is left on its successor, and the other dialect's headers are not looked at.
    gateway.check(As::Obs("alice"), "PUT /photos/k\nx-amz-meta-other: 1", "200").await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "HEAD /photos/k", "200").await.text(), @r#"
    200 OK
    content-type: binary/octet-stream
    content-length: 0
    etag: "d41d8cd98f00b204e9800998ecf8427e"
    last-modified: Wed, 01 Jul 2015 03:27:45 GMT
    accept-ranges: bytes
    "#);
}

#[tokio::test]
async fn metadata_has_a_bound() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let put = |key: &str, length: usize| {
            format!("PUT /photos/{key}\n{}meta-n: {}\n\nhello", who.prefix(), "v".repeat(length))
        };
        let fitting = limits::METADATA_BYTES_MAX - 1;
        gateway.check(who, &put("fits", fitting), "200").await;
        gateway.check(who, &put("long", fitting + 1), "400 MetadataTooLarge").await;
        let kept = gateway.check(who, "HEAD /photos/fits", "200").await;
        assert_eq!(kept.header(&format!("{}meta-n", who.prefix())).len(), fitting);
    }
    assert_eq!(gateway.keys("photos").await, ["fits"]);
}

/// Expects a refusal that leaves the stored object as it was, and the numbers with it.
async fn refused(gateway: &Gateway, who: As, request: &str, verdict: &str) {
    let before = gateway.used("photos").await;
    gateway.check(who, request, verdict).await;
    let kept = gateway.check(As::Obs("alice"), "GET /photos/kept", "200").await;
    assert_eq!((kept.body_text(), kept.header("x-obs-meta-a")), ("old", "1"));
    assert_eq!(gateway.used("photos").await, before);
}

async fn with_kept_object() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/kept\nx-obs-meta-a: 1\n\nold", "200").await;
    gateway
}

#[tokio::test]
async fn a_body_is_what_its_headers_say_or_is_not_stored() {
    let gateway = with_kept_object().await;
    let cases = [
        ("Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\n\nhello!", "400 BadDigest"),
        ("Content-MD5: XUFAKrxLKna5cZ2REBfF\n\nhello", "400 InvalidDigest"),
        ("Content-MD5: 5d41402abc4b2a76b9719d911017c592\n\nhello", "400 InvalidDigest"),
        ("Content-MD5: %\n\nhello", "400 InvalidDigest"),
        ("Content-Length: 6\n\nhello", "400 IncompleteBody"),
        ("Content-Length: 1\n\n", "400 IncompleteBody"),
        ("Content-Length: 65537\n\nhello", "400 IncompleteBody"),
        ("Content-Length: 5368709121\n\nhello", "400 EntityTooLarge"),
        ("Content-Length: five\n\nhello", "400 InvalidContentLength"),
        ("Content-Length: -5\n\nhello", "400 InvalidContentLength"),
        ("Content-Length: +5\n\nhello", "400 InvalidContentLength"),
        ("Content-Length: 99999999999999999999\n\nhello", "400 InvalidContentLength"),
        ("Content-Length: 5\nContent-Length: 5\n\nhello", "400 MultipleContentLengths"),
    ];
    for (rest, verdict) in cases {
        for who in both("alice") {
            refused(&gateway, who, &format!("PUT /photos/kept\n{rest}"), verdict).await;
        }
    }
    gateway.check(As::Obs("alice"), "PUT /photos/k\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\n\nhello", "200").await;
}

#[tokio::test]
async fn a_large_body_with_a_wrong_digest_is_given_back() {
    let gateway = Gateway::with_bucket().await;
    let body = pattern(300_000);
    let wrong = "PUT /photos/k\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==";
    let announced = gateway.send_bytes(As::Obs("alice"), wrong, body.clone()).await;
    let streamed = gateway.send_chunked(As::Obs("alice"), wrong, [body]).await;
    assert_eq!((announced.verdict().as_str(), streamed.verdict().as_str()), ("400 BadDigest", "400 BadDigest"));
    assert_eq!(gateway.used("photos").await, (0, 0));
    assert_eq!(gateway.keys("photos").await, [""; 0]);
    // The bytes go on a thread of their own.
    let given_back = async {
        while !gateway.blobs.segments().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_back).await.expect("refused bytes are given back");
}

#[tokio::test]
async fn a_length_must_be_known_or_chunked() {
    let gateway = Gateway::with_bucket().await;
    let (mut parts, ()) = hyper::Request::put("/photos/k").header("host", "localhost").body(()).unwrap().into_parts();
    let authorization = obs_gateway::auth::sign_header(
        obs_gateway::wire::dialect::Dialect::Obs,
        "PUT",
        "localhost",
        "/photos/k",
        &[("Date".to_owned(), crate::support::DATE.to_owned())],
        &gateway.app.endpoints,
        "AK-alice",
        "SK-alice",
    );
    parts.headers.insert("date", crate::support::DATE.parse().unwrap());
    parts.headers.insert("authorization", authorization.unwrap().parse().unwrap());
    let request = hyper::Request::from_parts(parts, obs_gateway::wire::body::RequestBody::empty());
    let response = obs_gateway::gateway::handle(
        &gateway.app,
        request,
        obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into()),
    )
    .await;
    assert_eq!(response.status(), 411);
    assert_eq!(gateway.used("photos").await, (0, 0));
}

#[tokio::test]
async fn what_cannot_be_honoured_is_not_ignored() {
    let gateway = with_kept_object().await;
    let own = [
        "server-side-encryption: kms",
        "server-side-encryption-customer-algorithm: AES256",
        "object-lock-event-hold: ON",
        "callback: e30=",
        "write-offset-bytes: 3",
    ];
    for who in both("alice") {
        for header in own {
            let put = format!("PUT /photos/kept\n{}{header}\n\nhello", who.prefix());
            refused(&gateway, who, &put, "501 ServiceNotImplemented").await;
        }
        refused(&gateway, who, "PUT /photos/kept\nx-obs-callback: e30=\n\nhello", "501 ServiceNotImplemented").await;
        for header in ["x-amz-checksum-sha512: NhCmhg==", "x-amz-checksum-xxhash3: NhCmhg=="] {
            refused(&gateway, who, &format!("PUT /photos/kept\n{header}\n\nhello"), "501 ServiceNotImplemented").await;
        }
        for query in ["prefix=a", "typo", "versionId=null", "response-content-type=a"] {
            refused(&gateway, who, &format!("PUT /photos/kept?{query}\n\nhello"), "400 InvalidArgument").await;
        }
    }
    // Framings are S3's.
    for header in [
        "obs-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "obs-trailer: x-amz-checksum-crc32",
        "amz-checksum-crc32: NhCmhg==",
    ] {
        let put = format!("PUT /photos/kept\nx-{header}\n\nhello");
        refused(&gateway, As::Obs("alice"), &put, "501 ServiceNotImplemented").await;
    }
    let fine = "PUT /photos/k?x-id=PutObject\nx-obs-acl: private\nx-obs-storage-class: STANDARD\n\nhello";
    gateway.check(As::Obs("alice"), fine, "200").await;
}

#[tokio::test]
async fn conditions_protect_what_is_there() {
    const OLD: &str = "149603e6c03516362a8da23f624db945";
    let gateway = with_kept_object().await;
    let other = "5d41402abc4b2a76b9719d911017c592";
    for condition in
        ["If-None-Match: *".to_owned(), format!("If-None-Match: \"{OLD}\""), format!("If-Match: \"{other}\"")]
    {
        refused(
            &gateway,
            As::Obs("alice"),
            &format!("PUT /photos/kept\n{condition}\n\nhello"),
            "412 PreconditionFailed",
        )
        .await;
        let answer = gateway.send(As::Aws("alice"), &format!("PUT /photos/kept\n{condition}\n\nhello")).await;
        assert_eq!(answer.element("Condition"), condition.split(':').next());
    }
    gateway.check(As::Obs("alice"), "PUT /photos/new\nIf-Match: *\n\nhello", "412 PreconditionFailed").await;
    gateway.check(As::Obs("alice"), "PUT /photos/new\nIf-None-Match: *\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/new\nIf-None-Match: *\n\nhello", "412 PreconditionFailed").await;
    gateway.check(As::Obs("alice"), &format!("PUT /photos/kept\nIf-Match: {OLD}\n\nhello"), "200").await;
    assert_eq!(gateway.used("photos").await, (10, 2));
}

#[tokio::test]
async fn the_owner_alone_stores() {
    let gateway = with_kept_object().await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        refused(&gateway, who, "PUT /photos/kept\n\nhello", "403 AccessDenied").await;
        refused(&gateway, who, "PUT /photos/new\n\nhello", "403 AccessDenied").await;
    }
    refused(&gateway, As::Obs("frida"), "PUT /photos/kept\n\nhello", "403 InArrearOrInsufficientBalance").await;
    refused(&gateway, As::Obs("dora"), "PUT /photos/kept\n\nhello", "403 DeregisterUserId").await;
    refused(&gateway, As::Obs("alice"), "PUT /missing/k\n\nhello", "404 NoSuchBucket").await;
    assert_eq!(gateway.keys("photos").await, ["kept"]);
}

#[tokio::test]
async fn a_full_store_is_not_a_full_bucket() {
    let gateway = Gateway::with_blobs(MemoryStore::with_capacity(100_000)).await;
    gateway.check(As::Obs("alice"), "PUT /photos", "200").await;
    let answer = gateway.send_bytes(As::Obs("alice"), "PUT /photos/k", pattern(200_000)).await;
    assert_eq!(answer.verdict(), "503 ServiceUnavailable");
    assert_eq!(gateway.used("photos").await, (0, 0));
    // Small bodies live elsewhere.
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
}

/// Keys are data: whatever can be sent comes back, and no two are one.
#[tokio::test]
async fn keys_are_opaque() {
    let gateway = Gateway::with_bucket().await;
    let long = "k".repeat(limits::KEY_BYTES_MAX);
    let keys = [
        ("a//b", "a//b"),
        ("/", "/"),
        ("/a", "/a"),
        ("a/", "a/"),
        ("..", ".."),
        ("a/../b", "a/../b"),
        ("a/./b", "a/./b"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("%C3%A9", "é"),
        ("%65%CC%81", "e\u{301}"),
        ("%F0%9F%8C%8D", "🌍"),
        ("%26%3C%3E%22'", "&amp;&lt;&gt;\"'"),
        ("%3Fquota", "?quota"),
        ("A", "A"),
        ("a", "a"),
        (long.as_str(), long.as_str()),
    ];
    for (path, _) in keys {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{path}\n\n{path}"), "200").await;
    }
    for (path, _) in keys {
        for who in both("alice") {
            assert_eq!(gateway.check(who, &format!("GET /photos/{path}"), "200").await.body_text(), path);
        }
    }
    let mut expected: Vec<&str> = keys.iter().map(|(_, key)| *key).collect();
    expected.sort_unstable();
    let listed: Vec<String> = gateway.keys("photos").await;
    let listed: Vec<String> = listed.iter().map(|key| key.replace("&quot;", "\"").replace("&apos;", "'")).collect();
    assert_eq!(listed, expected);
    gateway.check(As::Obs("alice"), &format!("PUT /photos/{long}k\n\nhello"), "400 KeyTooLongError").await;
    gateway
        .check(As::Obs("alice"), &format!("PUT /photos/{}\n\nhello", "%C3%A9".repeat(513)), "400 KeyTooLongError")
        .await;
    // OBS's S3-compatible reference has a spelling of its own.
    gateway.check(As::Aws("alice"), &format!("PUT /photos/{long}k\n\nhello"), "400 KeyTooLong").await;
    for bad in ["%", "%2", "%zz", "%FF", "a%C3"] {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{bad}\n\nhello"), "400 InvalidURI").await;
    }
    assert_eq!(gateway.used("photos").await.1, keys.len() as u64);
}

#[tokio::test]
async fn an_object_keeps_the_rarer_headers() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let prefix = who.prefix();
        // Persistent headers have OBS's prefix whoever sends them.
        let put = format!(
            "PUT /photos/k\n{prefix}storage-class: STANDARD_IA\n{prefix}website-redirect-location: /other\n\
             x-obs-persistent-headers: X-One:MQ==,x-two:w6k=\n\nhello"
        );
        let answer = gateway.check(who, &put, "200").await;
        let class = if prefix == "x-obs-" { "WARM" } else { "STANDARD_IA" };
        assert_eq!(answer.header(&format!("{prefix}storage-class")), class);
        let read = gateway.check(who, "GET /photos/k", "200").await;
        assert_eq!(read.header(&format!("{prefix}storage-class")), class);
        assert_eq!(read.header(&format!("{prefix}website-redirect-location")), "/other");
        assert_eq!((read.header("x-one"), read.header("x-two")), ("1", "=?UTF-8?B?w6k=?="));
    }
    // The class of the bucket is that of objects that name none.
    gateway.check(As::Obs("alice"), "PUT /photos?storageClass\n\n<StorageClass>WARM</StorageClass>", "200").await;
    let answer = gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    assert_eq!(answer.header("x-obs-storage-class"), "WARM");
    let answer = gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-storage-class: STANDARD\n\nhello", "200").await;
    assert_eq!(answer.header("x-obs-storage-class"), "");
    assert_eq!(gateway.check(As::Obs("alice"), "HEAD /photos/k", "200").await.header("x-obs-storage-class"), "");
}

#[tokio::test]
async fn bad_headers_are_refused_by_name() {
    let gateway = with_kept_object().await;
    for who in both("alice") {
        let class = if who.prefix() == "x-obs-" { "400 InvalidArgument" } else { "400 InvalidStorageClass" };
        let long = format!("x-obs-persistent-headers: a:{}", "YWFh".repeat(2731));
        for (header, verdict) in [
            ("own-storage-class: LUKEWARM", class),
            ("own-storage-class: ", class),
            ("own-website-redirect-location: other", "400 InvalidRedirectLocation"),
            ("x-obs-persistent-headers: a", "400 InvalidArgument"),
            ("x-obs-persistent-headers: content-length:MQ==", "400 InvalidArgument"),
            (&long, "400 MetadataTooLarge"),
            ("success-action-redirect: ftp://a", "400 InvalidArgument"),
            ("success-action-redirect: /a", "400 InvalidArgument"),
        ] {
            let put = format!("PUT /photos/kept\n{}\n\nhello", header.replace("own-", who.prefix()));
            refused(&gateway, who, &put, verdict).await;
        }
    }
}

#[tokio::test]
async fn further_digests_are_checked_and_the_checksum_is_kept() {
    let gateway = with_kept_object().await;
    let (small, large) = (Bytes::from_static(b"hello"), pattern(300_000));
    for who in both("alice") {
        let prefix = who.prefix();
        for body in [&small, &large] {
            let crc64 = obs_gateway::blob::digest::crc64(body).to_string();
            let sha256 = obs_gateway::wire::hex(&obs_gateway::blob::digest::sha256(body));
            let right = format!("PUT /photos/k\n{prefix}checksum-crc64ecma: {crc64}\n{prefix}content-sha256: {sha256}");
            let header = format!("{prefix}checksum-crc64ecma");
            let answer = gateway.send_bytes(who, &right, body.clone()).await;
            assert_eq!((answer.verdict().as_str(), answer.header(&header)), ("200", crc64.as_str()));
            for (request, expected) in [("GET /photos/k", crc64.as_str()), ("HEAD /photos/k", crc64.as_str())] {
                assert_eq!(gateway.check(who, request, "200").await.header(&header), expected);
            }
            // It is of all bytes, and no part of them.
            assert_eq!(gateway.check(who, "GET /photos/k\nRange: bytes=0-3", "206").await.header(&header), "");
            let before = gateway.used("photos").await;
            for wrong in
                [format!("{prefix}checksum-crc64ecma: 1"), format!("{prefix}content-sha256: {}", "0".repeat(64))]
            {
                let put = format!("PUT /photos/kept\n{wrong}");
                assert_eq!(gateway.send_bytes(who, &put, body.clone()).await.verdict(), "400 BadDigest");
                let streamed = gateway.send_chunked(who, &put, [body.clone()]).await;
                assert_eq!(streamed.verdict(), "400 BadDigest");
            }
            assert_eq!(gateway.used("photos").await, before);
        }
        refused(&gateway, who, &format!("PUT /photos/kept\n{prefix}content-sha256: x\n\nhello"), "400 InvalidDigest")
            .await;
        refused(
            &gateway,
            who,
            &format!("PUT /photos/kept\n{prefix}checksum-crc64ecma: x\n\nhello"),
            "400 InvalidDigest",
        )
        .await;
    }
}

#[tokio::test]
async fn a_success_may_lead_elsewhere() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for (url, expected) in [
            ("http://a/done", "http://a/done?bucket=photos&key=a%20b&etag=%225d41402abc4b2a76b9719d911017c592%22"),
            ("https://a/?x=1#y", "https://a/?x=1&bucket=photos&key=a%20b&etag=%225d41402abc4b2a76b9719d911017c592%22"),
        ] {
            let put = format!("PUT /photos/a%20b\nsuccess-action-redirect: {url}\n\nhello");
            let answer = gateway.check(who, &put, "303").await;
            assert_eq!(answer.header("location"), expected);
            assert_eq!(answer.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
        }
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

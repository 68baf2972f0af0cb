//! Signature Version 4 over whole requests: what it covers, what it does not hold for, and URLs made with it.

use bytes::Bytes;
use hyper::{Request, Version};
use obs_gateway::auth::{SIGNING_REGION, sign_header, sign_url_v4};
use obs_gateway::blob::digest;
use obs_gateway::config::{Config, SignatureRegion};
use obs_gateway::gateway;
use obs_gateway::wire::body::RequestBody;
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::{Peer, hex};

use crate::support::{As, DATE, Gateway, NOW, all};

const HOST: &str = "127.0.0.1:8080";

/// The `Authorization` line of a request by `access_key`.
fn authorization(gateway: &Gateway, line: &str, headers: &[(&str, &str)], keys: (&str, &str)) -> String {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    sign_header(Dialect::S3, method, HOST, target, &headers, &gateway.app.endpoints, keys.0, keys.1)
        .expect("it can be read")
}

#[tokio::test]
async fn only_the_right_secret_opens() {
    let gateway = Gateway::with_bucket().await;
    let line = "GET /photos?location";
    for (keys, verdict) in [
        (("AK-alice", "SK-alice"), "200"),
        (("AK-alice", "SK-bob"), "403 SignatureDoesNotMatch"),
        (("AK-bob", "SK-alice"), "403 SignatureDoesNotMatch"),
        (("AK-nobody", "SK-alice"), "403 InvalidAccessKeyId"),
    ] {
        let word = authorization(&gateway, line, &[("Date", DATE)], keys);
        gateway.check(As::Nobody, &format!("{line}\nAuthorization: {word}"), verdict).await;
    }
}

/// What a signature covers cannot be changed after it was made, and no header of the dialect can be added.
#[tokio::test]
async fn a_signature_is_for_one_request() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::S3("alice"), "PUT /photos/k\n\nhello", "200").await;
    let sha256 = hex(&digest::sha256(b"hello"));
    let headers = [
        ("Date", DATE),
        ("Content-Type", "text/plain"),
        ("x-amz-meta-a", "1"),
        ("x-amz-content-sha256", sha256.as_str()),
    ];
    let word = authorization(&gateway, "PUT /photos/new?x-id=PutObject", &headers, ("AK-alice", "SK-alice"));
    let sent = |date: &str, kind: &str, meta: &str, more: &str| {
        let own = format!("x-amz-meta-a: {meta}\nx-amz-content-sha256: {sha256}{more}");
        format!("Date: {date}\nContent-Type: {kind}\n{own}\nAuthorization: {word}")
    };
    let good = sent(DATE, "text/plain", "1", "");
    let wrong = "403 SignatureDoesNotMatch";
    for (line, headers, verdict) in [
        ("DELETE /photos/k?x-id=PutObject", good.clone(), wrong),
        ("PUT /photos/k?x-id=PutObject", good.clone(), wrong),
        ("PUT /photos/new", good.clone(), wrong),
        ("PUT /photos/new?x-id=PutObject&x-id=PutObject", good.clone(), wrong),
        ("PUT /photos/new?x-id=PutObject", sent("Wed, 01 Jul 2015 03:27:46 GMT", "text/plain", "1", ""), wrong),
        ("PUT /photos/new?x-id=PutObject", sent(DATE, "text/html", "1", ""), wrong),
        ("PUT /photos/new?x-id=PutObject", sent(DATE, "text/plain", "2", ""), wrong),
        ("PUT /photos/new?x-id=PutObject", sent(DATE, "text/plain", "1", "\nx-amz-acl: private"), "403 AccessDenied"),
    ] {
        gateway.check(As::Nobody, &format!("{line}\n{headers}\n\nhello"), verdict).await;
    }
    gateway
        .check(As::Nobody, &format!("PUT /photos/new?x-id=PutObject\n{good}\n\nhallo"), "400 XAmzContentSHA256Mismatch")
        .await;
    assert_eq!(gateway.keys("photos").await, ["k"]);
    gateway.check(As::Nobody, &format!("PUT /photos/new?x-id=PutObject\n{good}\n\nhello"), "200").await;
}

#[tokio::test]
async fn urls_hold_until_they_expire() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::S3("alice"), "PUT /photos/k%20+\n\nhello", "200").await;
    let sign = |method: &str, target: &str, headers: &[(String, String)], secret: &str, sent| {
        let keys = ("AK-alice", secret);
        sign_url_v4(method, HOST, target, headers, &gateway.app.endpoints, keys, SIGNING_REGION, (sent, 60)).unwrap()
    };
    let now = NOW / 1000 * 1000;
    gateway.app.clock.set(now);
    for target in ["/photos/k%20+", "/photos/k%20+?response-content-type=a/b", "/photos?prefix=a&list-type=2", "/"] {
        let get = async |url: &str, verdict| gateway.check(As::Nobody, &format!("GET {url}\nDate:"), verdict).await;
        get(&sign("GET", target, &[], "SK-alice", now - 60_000), "200").await;
        get(&sign("GET", target, &[], "SK-alice", now - 61_000), "403 AccessDenied").await;
        get(&sign("GET", target, &[], "SK-bob", now), "403 SignatureDoesNotMatch").await;
        get(&format!("{}&prefix=b", sign("GET", target, &[], "SK-alice", now)), "403 SignatureDoesNotMatch").await;
    }
    let url = sign("GET", "/photos/k%20+", &[], "SK-alice", now);
    gateway.check(As::Nobody, &format!("DELETE {url}"), "403 SignatureDoesNotMatch").await;
    gateway.check(As::Nobody, &format!("GET {url}\nx-amz-request-payer: requester"), "403 AccessDenied").await;
    gateway.check(As::S3("alice"), &format!("GET {url}"), "400 InvalidArgument").await;
    let put = sign("PUT", "/photos/p", &[("x-amz-acl".to_owned(), "public-read".to_owned())], "SK-alice", now);
    gateway.check(As::Nobody, &format!("PUT {put}\n\nhello"), "403 SignatureDoesNotMatch").await;
    gateway.check(As::Nobody, &format!("PUT {put}\nx-amz-acl: private\n\nhello"), "403 SignatureDoesNotMatch").await;
    gateway.check(As::Nobody, &format!("PUT {put}\nx-amz-acl: public-read\n\nhello"), "200").await;
    gateway.check(As::Nobody, "GET /photos/p", "200").await;
}

/// What OBS's SDKs send as `x-obs-` in every dialect counts, and so has to be covered too.
#[tokio::test]
async fn no_header_that_counts_can_be_added() {
    let gateway = Gateway::with_bucket().await;
    let sha256 = hex(&digest::sha256(b"hello"));
    let expires = ("x-obs-expires", "3");
    for covered in [false, true] {
        let mut headers = vec![("Date", DATE), ("x-amz-content-sha256", sha256.as_str())];
        headers.extend(covered.then_some(expires));
        let word = authorization(&gateway, "PUT /photos/k", &headers, ("AK-alice", "SK-alice"));
        let own = format!("Date: {DATE}\nx-amz-content-sha256: {sha256}\nx-obs-expires: 3\nAuthorization: {word}");
        let verdict = if covered { "200" } else { "403 AccessDenied" };
        gateway.check(As::Nobody, &format!("PUT /photos/k\n{own}\n\nhello"), verdict).await;
    }
    let now = NOW / 1000 * 1000;
    gateway.app.clock.set(now);
    let (endpoints, keys) = (&gateway.app.endpoints, ("AK-alice", "SK-alice"));
    let url = sign_url_v4("PUT", HOST, "/photos/k", &[], endpoints, keys, SIGNING_REGION, (now, 60)).unwrap();
    gateway.check(As::Nobody, &format!("PUT {url}\nx-obs-expires: 3\n\nhello"), "403 AccessDenied").await;
    // What means nothing to it may come along.
    gateway.check(As::Nobody, &format!("PUT {url}\nx-obs-acl: public-read\n\nhello"), "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
}

/// Lines of one name are signed as one value, and read as that.
#[tokio::test]
async fn a_header_in_two_lines_is_what_was_signed() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::S3("alice"), "PUT /photos/a\n\nshort", "200").await;
    gateway.check(As::S3("alice"), "PUT /photos/a,b\n\nlong", "200").await;
    for who in all("alice") {
        let source = format!("{}copy-source", who.prefix());
        gateway.check(who, &format!("PUT /photos/c\n{source}: /photos/a\n{source}: b"), "200").await;
        assert_eq!(gateway.read("/photos/c").await, "long", "{who:?}");
        let acl = format!("{}acl", who.prefix());
        gateway.check(who, &format!("PUT /photos/c\n{acl}: private\n{acl}: private"), "400 InvalidArgument").await;
    }
}

#[tokio::test]
async fn one_region_may_be_demanded() {
    let config = Config { signature_region: SignatureRegion::Own, ..Config::for_testing() };
    let gateway = Gateway::configured(config).await;
    let answer = gateway.check(As::S3("alice"), "GET /", "400 AuthorizationHeaderMalformed").await;
    let said = "The credential's region 'us-east-1' is wrong; expecting 'default'.";
    assert_eq!(answer.element("Message"), Some(said));
    assert_eq!(answer.element("Region"), Some("default"));
    let answer = gateway.check(As::S3("alice"), "HEAD /photos", "400 AuthorizationHeaderMalformed").await;
    assert_eq!(answer.header("x-amz-bucket-region"), "default");
    gateway.check(As::Obs("alice"), "GET /", "200").await;
    let config =
        Config { region: "us-east-1".to_owned(), signature_region: SignatureRegion::Own, ..Config::for_testing() };
    Gateway::configured(config).await.check(As::S3("alice"), "GET /", "200").await;
}

/// Who says nothing of a body has signed that there is none, however it would come: HTTP/2 needs no header for it.
#[tokio::test]
async fn a_body_that_nothing_covers_is_refused() {
    let gateway = Gateway::with_bucket().await;
    let word = authorization(&gateway, "PUT /photos/k", &[("Date", DATE)], ("AK-alice", "SK-alice"));
    let send = async |version: Version, length: Option<&str>, body: RequestBody| {
        let request = Request::put(format!("http://{HOST}/photos/k")).version(version);
        let mut request = request.header("host", HOST).header("date", DATE).header("authorization", &word);
        request = length.into_iter().fold(request, |request, length| request.header("content-length", length));
        let answer =
            gateway::handle(&gateway.app, request.body(body).unwrap(), Peer::plain([127, 0, 0, 1].into())).await;
        answer.status().as_u16()
    };
    let hello = || RequestBody::Pieces([Bytes::from_static(b"hello")].into());
    assert_eq!(send(Version::HTTP_2, None, hello()).await, 400);
    assert_eq!(send(Version::HTTP_2, Some("5"), hello()).await, 400);
    assert_eq!(send(Version::HTTP_11, Some("5"), hello()).await, 400);
    assert_eq!(gateway.used("photos").await, (0, 0));
    assert_eq!(send(Version::HTTP_11, Some("0"), RequestBody::empty()).await, 200);
    assert_eq!(send(Version::HTTP_2, None, RequestBody::empty()).await, 200);
    assert_eq!(gateway.used("photos").await, (0, 1));
}

/// A digest that the URL covers cannot be replaced by another in a header, which needs no cover.
#[tokio::test]
async fn the_digest_of_a_url_holds() {
    let gateway = Gateway::with_bucket().await;
    let now = NOW / 1000 * 1000;
    gateway.app.clock.set(now);
    let hello = hex(&digest::sha256(b"hello"));
    let hallo = hex(&digest::sha256(b"hallo"));
    let sign = |digest: &str| {
        let target = format!("/photos/k?X-Amz-Content-Sha256={digest}");
        let (endpoints, keys) = (&gateway.app.endpoints, ("AK-alice", "SK-alice"));
        sign_url_v4("PUT", HOST, &target, &[], endpoints, keys, SIGNING_REGION, (now, 60)).unwrap()
    };
    for (covered, header, body, verdict) in [
        (hello.as_str(), "", "hello", "200"),
        (&hello, "", "hallo", "400 XAmzContentSHA256Mismatch"),
        (&hello, &hello, "hello", "200"),
        (&hello, &hello, "hallo", "400 XAmzContentSHA256Mismatch"),
        (&hello, &hallo, "hallo", "403 AccessDenied"),
        (&hello, "UNSIGNED-PAYLOAD", "hallo", "403 AccessDenied"),
        (&hello, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "hallo", "403 AccessDenied"),
        ("UNSIGNED-PAYLOAD", "", "hallo", "200"),
        ("UNSIGNED-PAYLOAD", &hallo, "hallo", "200"),
        ("UNSIGNED-PAYLOAD", &hallo, "hello", "400 XAmzContentSHA256Mismatch"),
    ] {
        let line = if header.is_empty() { String::new() } else { format!("\nx-amz-content-sha256: {header}") };
        gateway.check(As::Nobody, &format!("PUT {}{line}\n\n{body}", sign(covered)), verdict).await;
    }
}

/// The AWS SDK for JavaScript signs the digest of the body that it does not have when it makes a URL.
#[tokio::test]
async fn a_url_with_the_digest_of_nothing_takes_any_body() {
    let gateway = Gateway::with_bucket().await;
    let now = NOW / 1000 * 1000;
    gateway.app.clock.set(now);
    let sign = |digest: &str| {
        let target =
            format!("/photos/k?x-amz-checksum-crc32={digest}&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject");
        let endpoints = &gateway.app.endpoints;
        sign_url_v4("PUT", HOST, &target, &[], endpoints, ("AK-alice", "SK-alice"), SIGNING_REGION, (now, 60)).unwrap()
    };
    let put = async |digest: &str, body: &str, verdict: &str| {
        gateway.check(As::Nobody, &format!("PUT {}\n\n{body}", sign(digest)), verdict).await
    };
    let answer = put("AAAAAA%3D%3D", "hello", "200").await;
    assert_eq!(answer.header("x-amz-checksum-crc32"), "NhCmhg==");
    put("AAAAAA%3D%3D", "", "200").await;
    put("NhCmhg%3D%3D", "hello", "200").await;
    put("NhCmhg%3D%3D", "hallo", "400 BadDigest").await;
}

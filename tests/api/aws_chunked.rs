//! Bodies in chunks of their own (`aws-chunked`), signed and not: whatever takes a body takes them, and what is wrong with
//! one leaves nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use obs_gateway::auth::{sign_header, sign_url_v4, signing_key};
use obs_gateway::blob::digest;
use obs_gateway::limits;
use obs_gateway::wire::aws_chunked::Chain;
use obs_gateway::wire::dialect::Dialect;
use tokio::io::AsyncWriteExt as _;

use crate::connection::Connection;
use crate::support::{As, DATE, Gateway, pattern};

const HOST: &str = "127.0.0.1:8080";
const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const TRAILER: &str = "x-amz-checksum-crc32";

/// A request of `alice` with a body in chunks.
#[derive(Clone)]
struct Sent {
    /// With its signature.
    head: String,
    /// What the chunks are signed with.
    chain: Chain,
    payload: &'static str,
    data: Bytes,
}

impl Sent {
    /// `lines` are the request's line and its own headers.
    fn new(gateway: &Gateway, lines: &str, payload: &'static str, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let mut head = format!("{lines}\nHost: {HOST}\nDate: {DATE}\nx-amz-content-sha256: {payload}");
        if !lines.contains("x-amz-decoded-content-length") {
            head.extend(["\nx-amz-decoded-content-length: ", &data.len().to_string()]);
        }
        if payload.ends_with("-TRAILER") && !lines.contains("x-amz-trailer") {
            head.extend(["\nx-amz-trailer: ", TRAILER]);
        }
        let mut parts = head.lines();
        let (method, target) = parts.next().and_then(|line| line.split_once(' ')).expect("a method and a target");
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers: Vec<_> = parts.filter_map(header).collect();
        let endpoints = &gateway.app.endpoints;
        let word = sign_header(Dialect::S3, method, HOST, target, &headers, endpoints, "AK-alice", "SK-alice");
        let word = word.expect("it can be read");
        let (_, seed) = word.split_once("Signature=").expect("a signature");
        let scope = "20150701/us-east-1/s3/aws4_request";
        let chain = Chain::new(&signing_key("SK-alice", scope), "20150701T032745Z", scope, seed);
        Self { head: format!("{head}\nAuthorization: {word}"), chain, payload, data }
    }

    /// The body in chunks of `size` bytes.
    fn body(&self, size: usize) -> Vec<u8> {
        let mut chain = self.chain.clone();
        let mut body = Vec::new();
        for chunk in self.data.chunks(size).chain([&[][..]]) {
            body.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
            if self.payload != UNSIGNED_TRAILER {
                let signature = chain.sign_chunk(digest::sha256(chunk));
                body.extend_from_slice(format!(";chunk-signature={signature}").as_bytes());
            }
            body.extend_from_slice(b"\r\n");
            body.extend_from_slice(chunk);
            body.extend_from_slice(if chunk.is_empty() { b"" } else { b"\r\n" });
        }
        let crc32 = BASE64.encode(u32::to_be_bytes(crc32(&self.data)));
        if self.payload != SIGNED {
            body.extend_from_slice(format!("{TRAILER}:{crc32}\r\n").as_bytes());
        }
        if self.payload == SIGNED_TRAILER {
            let lines = format!("{TRAILER}:{crc32}\n");
            let signature = chain.sign_trailer(digest::sha256(lines.as_bytes()));
            body.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body
    }

    async fn send(&self, gateway: &Gateway, body: Vec<u8>, verdict: &str) {
        let answer = gateway.send_bytes(As::Nobody, &self.head, body).await;
        assert_eq!(answer.verdict(), verdict, "{}\n{}", self.head, answer.text());
    }
}

fn crc32(data: &[u8]) -> u32 {
    u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, data)).expect("32 bits")
}

/// `hello world` in one framing.
fn hello(gateway: &Gateway, payload: &'static str) -> Sent {
    Sent::new(gateway, "PUT /photos/k", payload, "hello world")
}

#[tokio::test]
async fn the_data_is_stored_and_its_framing_is_not() {
    let gateway = Gateway::with_bucket().await;
    let inline = usize::try_from(limits::INLINE_BODY_BYTES_MAX).unwrap();
    for payload in [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] {
        hello(&gateway, payload).send(&gateway, hello(&gateway, payload).body(4), "200").await;
        assert_eq!(gateway.read("/photos/k").await, "hello world");
        assert_eq!(gateway.used("photos").await, (11, 1));
    }
    for length in [0, 1, inline, inline + 1, 300_000] {
        let sent = Sent::new(&gateway, "PUT /photos/k", SIGNED, pattern(length));
        for size in [1021, 65_536, 1_048_576] {
            sent.send(&gateway, sent.body(size), "200").await;
            assert!(gateway.read("/photos/k").await == sent.data, "{length} bytes in chunks of {size}");
            let pieces: Vec<Bytes> = sent.body(size).chunks(9973).map(Bytes::copy_from_slice).collect();
            let answer = gateway.send_chunked(As::Nobody, &sent.head, pieces).await;
            assert_eq!(answer.verdict(), "200", "{}", answer.text());
            assert!(gateway.read("/photos/k").await == sent.data, "{length} bytes in chunks of {size}, in pieces");
            assert_eq!(gateway.used("photos").await, (length as u64, 1));
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_leaves_nothing() {
    let gateway = Gateway::with_bucket().await;
    let room: usize = 200_000;
    gateway.limit("photos", room as u64).await;
    let framings = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER];
    for (payload, length) in framings.into_iter().flat_map(|payload| [(payload, 11), (payload, room)]) {
        let of = |lines: &str| Sent::new(&gateway, lines, payload, pattern(length));
        let sent = of("PUT /photos/k");
        let check = async |body: Vec<u8>, verdict| sent.send(&gateway, body, verdict).await;
        let body = sent.body(60_000);
        for end in [0, 1, length / 2 + 3] {
            check(body[..end].to_vec(), "400 IncompleteBody").await;
        }
        check([body.as_slice(), b"x"].concat(), "400 InvalidRequest").await;
        let mut bad = body.clone();
        let at = bad.windows(2).position(|window| window == b"\r\n").unwrap() + 5;
        bad[at] ^= 1;
        if payload == UNSIGNED_TRAILER {
            check(bad, "400 BadDigest").await;
        } else {
            check(bad, "403 SignatureDoesNotMatch").await;
            let other = Sent { chain: of("PUT /photos/other").chain, ..sent.clone() };
            check(other.body(60_000), "403 SignatureDoesNotMatch").await;
            let plain = Sent { payload: UNSIGNED_TRAILER, ..sent.clone() };
            check(plain.body(60_000), "403 SignatureDoesNotMatch").await;
        }
        if payload != SIGNED {
            let at = body.windows(TRAILER.len()).rposition(|window| window == TRAILER.as_bytes()).unwrap();
            check([&body[..at], b"\r\n"].concat(), "400 MalformedTrailerError").await;
            let mut other = body.clone();
            other[at..at + TRAILER.len()].copy_from_slice(b"x-amz-checksum-crc99");
            check(other, "400 MalformedTrailerError").await;
        }
        for (declared, verdict) in [(length - 1, "400 IncompleteBody"), (length + 1, "400 IncompleteBody")] {
            let sent = of(&format!("PUT /photos/k\nx-amz-decoded-content-length: {declared}"));
            // One byte more than there is room for is refused before it is read.
            let verdict = if declared > room { "403 QuotaExceeded" } else { verdict };
            sent.send(&gateway, sent.body(60_000), verdict).await;
        }
        assert_eq!(gateway.used("photos").await, (0, 0), "{payload} {length}");
    }
    // The room that was held is free again, to the byte.
    let all = Sent::new(&gateway, "PUT /photos/k", SIGNED, pattern(room));
    all.send(&gateway, all.body(65_536), "200").await;
}

#[tokio::test]
async fn a_head_that_makes_no_sense_is_refused() {
    let gateway = Gateway::with_bucket().await;
    for (lines, payload, verdict) in [
        ("PUT /photos/k", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "501 NotImplemented"),
        ("PUT /photos/k", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "501 NotImplemented"),
        ("PUT /photos/k", "STREAMING-UNSIGNED-PAYLOAD", "400 InvalidArgument"),
        ("PUT /photos/k", "hash", "400 InvalidArgument"),
        ("GET /photos", "hash", "400 InvalidArgument"),
        ("PUT /photos/k", "UNSIGNED-PAYLOAD", "400 InvalidRequest"),
        ("PUT /photos/k\nx-amz-trailer: x-amz-checksum-crc32", SIGNED, "400 InvalidRequest"),
        ("PUT /photos/k\nx-amz-trailer: x-amz-meta-a", SIGNED_TRAILER, "400 InvalidRequest"),
        ("PUT /photos/k\nx-amz-trailer: etag", UNSIGNED_TRAILER, "400 InvalidRequest"),
        ("PUT /photos/k\nx-amz-decoded-content-length: x", UNSIGNED_TRAILER, "400 InvalidContentLength"),
        ("PUT /photos/k\nx-amz-decoded-content-length: 5368709121", SIGNED, "400 EntityTooLarge"),
        ("DELETE /photos/k", SIGNED, "400 UnexpectedContent"),
    ] {
        let sent = Sent::new(&gateway, lines, payload, "hello world");
        let body = if lines.starts_with("GET") { Vec::new() } else { sent.body(5) };
        sent.send(&gateway, body, verdict).await;
    }
    for payload in [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] {
        let head = format!("PUT /photos/k\nx-amz-content-sha256: {payload}");
        gateway.check(As::S3("alice"), &format!("{head}\n\n0\r\n\r\n"), "411 MissingContentLength").await;
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// Chunks are signed with the signature in the header of the request; where there is none there is nothing to check.
#[tokio::test]
async fn only_signed_requests_have_signed_chunks() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-write", "200").await;
    let length = "x-amz-decoded-content-length: 11";
    for payload in [SIGNED, SIGNED_TRAILER] {
        let body = hello(&gateway, payload).body(5);
        let head = format!("PUT /photos/k\nx-amz-content-sha256: {payload}\n{length}");
        for who in [As::Nobody, As::Aws("alice")] {
            let answer = gateway.send_bytes(who, &head, body.clone()).await;
            assert_eq!(answer.verdict(), "400 InvalidRequest", "{who:?}");
        }
        let now = gateway.app.clock.now_millis();
        let headers = [("x-amz-decoded-content-length".to_owned(), "11".to_owned())];
        let endpoints = &gateway.app.endpoints;
        let keys = ("AK-alice", "SK-alice");
        let url = sign_url_v4("PUT", HOST, "/photos/k", &headers, endpoints, keys, "us-east-1", (now, 60)).unwrap();
        let head = head.replace("/photos/k", &url);
        let answer = gateway.send_bytes(As::Nobody, &head, body).await;
        assert_eq!(answer.verdict(), "400 InvalidRequest", "{}", answer.text());
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
    let body = hello(&gateway, UNSIGNED_TRAILER).body(5);
    let head = format!("PUT /photos/k\nx-amz-content-sha256: {UNSIGNED_TRAILER}\n{length}\nx-amz-trailer: {TRAILER}");
    for who in [As::Nobody, As::Aws("alice"), As::S3("alice")] {
        let answer = gateway.send_bytes(who, &head, body.clone()).await;
        assert_eq!(answer.verdict(), "200", "{who:?} {}", answer.text());
        assert_eq!(gateway.check(who, "GET /photos/k", "200").await.body_text(), "hello world");
        gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
    }
}

#[tokio::test]
async fn whatever_takes_a_body_takes_chunks() {
    let gateway = Gateway::with_bucket().await;
    let begun = gateway.check(As::S3("alice"), "POST /photos/parts?uploads", "200").await;
    let id = begun.element("UploadId").expect("an upload").to_owned();
    let text = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let md5 = "Content-MD5: jqzPL3CP1xqTN8blcrX3gg==";
    for payload in [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] {
        let part = format!("PUT /photos/parts?partNumber=1&uploadId={id}");
        let tagging = format!("PUT /photos?tagging\n{md5}");
        for (lines, data) in
            [(part.as_str(), "a part"), ("POST /photos/log?append&position=0", "a line"), (tagging.as_str(), text)]
        {
            let verdict = if data == text { "204" } else { "200" };
            let sent = Sent::new(&gateway, lines, payload, data);
            let body = sent.body(4);
            sent.send(&gateway, body[..5].to_vec(), "400 IncompleteBody").await;
            sent.send(&gateway, body, verdict).await;
        }
        let tags = gateway.check(As::S3("alice"), "GET /photos?tagging", "200").await;
        assert_eq!(tags.elements("Key"), ["a"]);
        assert_eq!(gateway.read("/photos/log").await, "a line");
        gateway.check(As::S3("alice"), "DELETE /photos?tagging", "204").await;
        gateway.check(As::S3("alice"), "DELETE /photos/log", "204").await;
        assert_eq!(gateway.used("photos").await, (6, 0));
    }
}

/// What a signature covers of a document is held against the document.
#[tokio::test]
async fn a_document_is_the_one_that_was_signed() {
    let gateway = Gateway::with_bucket().await;
    let quota = "<Quota><StorageQuota>5</StorageQuota></Quota>";
    let hash = obs_gateway::wire::hex(&digest::sha256(quota.as_bytes()));
    let head = format!("PUT /photos?quota\nx-amz-content-sha256: {hash}");
    let other = quota.replace('5', "6");
    gateway.check(As::S3("alice"), &format!("{head}\n\n{other}"), "400 XAmzContentSHA256Mismatch").await;
    gateway.check(As::S3("alice"), &format!("{head}\n\n"), "400 XAmzContentSHA256Mismatch").await;
    gateway.check(As::S3("alice"), &format!("{head}\n\n{quota}"), "200").await;
}

#[tokio::test]
async fn the_framing_is_no_encoding_of_the_object() {
    let gateway = Gateway::with_bucket().await;
    for (sent, stored) in [("aws-chunked", ""), ("gzip,aws-chunked", "gzip"), ("aws-chunked, gzip", "gzip")] {
        let framed = Sent::new(&gateway, &format!("PUT /photos/k\nContent-Encoding: {sent}"), SIGNED, "hello");
        framed.send(&gateway, framed.body(5), "200").await;
        assert_eq!(gateway.check(As::S3("alice"), "HEAD /photos/k", "200").await.header("content-encoding"), stored);
        // The word alone does not make a framing.
        gateway.check(As::S3("alice"), &format!("PUT /photos/k\nContent-Encoding: {sent}\n\n5"), "200").await;
        let plain = gateway.check(As::S3("alice"), "GET /photos/k", "200").await;
        assert_eq!((plain.header("content-encoding"), plain.body_text()), (stored, "5"));
    }
}

/// HTTP's chunks, and in them those of the body, cut at other places.
fn http_chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut framed = Vec::new();
    for chunk in body.chunks(size) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed
}

/// What botocore sends over TLS: HTTP's chunks around chunks, no length but that of the data, and a wait for `100`.
#[tokio::test]
async fn two_framings_lie_in_each_other() {
    let gateway = Gateway::with_bucket().await;
    for payload in [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] {
        let sent = Sent::new(&gateway, "PUT /photos/k", payload, pattern(100_000));
        let head = format!("{}\nTransfer-Encoding: chunked\nExpect: 100-continue", sent.head);
        let mut connection = Connection::open(&gateway);
        for size in [17, 1000, 70_000, 1_000_000] {
            connection.send_head(&gateway, As::Nobody, &head).await;
            connection.expect("100 Continue", "").await;
            let body = http_chunks(&sent.body(8192), size);
            connection.send(&body).await;
            connection.send(b"0\r\n\r\n").await;
            connection.expect("200 OK", "").await;
            assert!(gateway.read("/photos/k").await == sent.data);
            gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
        }
        // What is refused in the middle is read on, and the connection kept.
        let mut bad = sent.body(8192);
        bad[20_000] ^= 1;
        let verdict = if payload == UNSIGNED_TRAILER {
            bad[0] = b'x';
            ("400 Bad Request", "InvalidRequest")
        } else {
            ("403 Forbidden", "SignatureDoesNotMatch")
        };
        connection.send_head(&gateway, As::Nobody, &head).await;
        connection.expect("100 Continue", "").await;
        connection.send(&http_chunks(&bad, 5000)).await;
        connection.send(b"0\r\n\r\n").await;
        connection.expect(verdict.0, verdict.1).await;
        // HTTP's framing ends well, the inner one does not; then neither.
        connection.send_head(&gateway, As::Nobody, &head.replace("Expect: 100-continue", "x-none: 1")).await;
        connection.send(&http_chunks(&sent.body(8192)[..50_000], 5000)).await;
        connection.send(b"0\r\n\r\n").await;
        connection.expect("400 Bad Request", "IncompleteBody").await;
        connection.send_head(&gateway, As::Nobody, &head.replace("Expect: 100-continue", "x-none: 1")).await;
        connection.send(&http_chunks(&sent.body(8192)[..50_000], 5000)).await;
        connection.stream.shutdown().await.unwrap();
        connection.expect("400 Bad Request", "IncompleteBody").await;
        assert_eq!(gateway.used("photos").await, (0, 0), "{payload}");
    }
}

//! S3's checksums of objects, documents and parts: verified before anything is stored, kept, and shown to who asks.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use obs_gateway::blob::digest;
use obs_gateway::checksum::{Checksum, ChecksumAlgorithm};

use crate::answer::Answer;
use crate::form::Form;
use crate::support::{As, Gateway, pattern};
use crate::upload::SMALLEST;

/// Those who speak S3's words.
const S3: [As; 2] = [As::Aws("alice"), As::S3("alice")];
/// Longer than what is kept in the metadata.
const LARGE: usize = 200_000;

/// The header, and what it says of `data`.
fn line(algorithm: ChecksumAlgorithm, data: &[u8]) -> String {
    format!("{}: {}", algorithm.header(), digest::checksum(algorithm, data))
}

/// Which checksum an answer shows, and of which type.
fn shown(answer: &Answer) -> Option<(&'static str, String, String)> {
    let values = ChecksumAlgorithm::ALL.into_iter().filter_map(|algorithm| {
        let value = answer.header(algorithm.header());
        let kind = answer.header("x-amz-checksum-type").to_owned();
        (!value.is_empty()).then(|| (algorithm.name(), value.to_owned(), kind))
    });
    let values: Vec<_> = values.collect();
    assert!(values.len() <= 1, "{values:?}");
    values.into_iter().next()
}

async fn shown_by(gateway: &Gateway, who: As, resource: &str) -> Option<(&'static str, String, String)> {
    let request = |method| format!("{method} {resource}\nx-amz-checksum-mode: ENABLED");
    let [get, head] = [gateway.send(who, &request("GET")).await, gateway.send(who, &request("HEAD")).await];
    assert!(get.status.is_success(), "{}", get.text());
    assert_eq!(shown(&get), shown(&head));
    shown(&get)
}

/// What is shown of a checksum of bytes.
fn full(checksum: &Checksum) -> Option<(&'static str, String, String)> {
    Some(checksum).map(|checksum| (checksum.algorithm.name(), checksum.to_string(), "FULL_OBJECT".to_owned()))
}

#[tokio::test]
async fn what_is_sent_is_verified_kept_and_shown_to_who_asks() {
    for who in S3 {
        let gateway = Gateway::with_bucket().await;
        for (algorithm, length) in
            ChecksumAlgorithm::ALL.into_iter().flat_map(|algorithm| [(algorithm, 5), (algorithm, LARGE)])
        {
            let data = pattern(length);
            let checksum = digest::checksum(algorithm, &data);
            let line = line(algorithm, &data);
            let put = gateway.send_bytes(who, &format!("PUT /photos/k\n{line}"), data.clone()).await;
            assert_eq!((put.verdict().as_str(), shown(&put)), ("200", full(&checksum)), "{}", put.text());
            assert_eq!(shown_by(&gateway, who, "/photos/k").await, full(&checksum));
            // Not to who does not ask, and never of a stretch.
            for request in ["GET /photos/k", "HEAD /photos/k", "GET /photos/k\nx-amz-checksum-mode: DISABLED"] {
                assert_eq!(shown(&gateway.check(who, request, "200").await), None);
            }
            let range = "GET /photos/k\nx-amz-checksum-mode: ENABLED\nRange: bytes=0-3";
            assert_eq!(shown(&gateway.check(who, range, "206").await), None);
            let listed = gateway.check(who, "GET /photos", "200").await;
            assert_eq!(listed.element("ChecksumAlgorithm"), Some(algorithm.name()));
            assert_eq!(listed.element("ChecksumType"), Some("FULL_OBJECT"));
            let versions = gateway.check(who, "GET /photos?versions", "200").await;
            assert_eq!(versions.element("ChecksumAlgorithm"), Some(algorithm.name()));
            // OBS has no words for it.
            let obs = gateway.check(As::Obs("alice"), "GET /photos/k\nx-obs-checksum-mode: ENABLED", "200").await;
            assert_eq!(shown(&obs), None);
            assert_eq!(gateway.check(As::Obs("alice"), "GET /photos", "200").await.element("ChecksumType"), None);
            // The length is not announced.
            let pieces = data.chunks(7000).map(Bytes::copy_from_slice).collect::<Vec<_>>();
            let put = gateway.send_chunked(who, &format!("PUT /photos/z\n{line}"), pieces).await;
            assert_eq!((put.verdict().as_str(), shown(&put)), ("200", full(&checksum)), "{}", put.text());
        }
        gateway.assert_sound();
    }
}

#[tokio::test]
async fn a_body_that_is_another_is_not_stored() {
    for who in S3 {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/kept\n\nkept", "200").await;
        let before = gateway.fingerprint();
        let check = async |lines: &str, length: usize, verdict: &str| {
            let put = gateway.send_bytes(who, &format!("PUT /photos/kept\n{lines}"), pattern(length)).await;
            assert_eq!(put.verdict(), verdict, "{lines}");
            let pieces = [pattern(length)];
            let put = gateway.send_chunked(who, &format!("PUT /photos/kept\n{lines}"), pieces).await;
            assert_eq!(put.verdict(), verdict, "{lines}");
        };
        for length in [5, LARGE] {
            for algorithm in ChecksumAlgorithm::ALL {
                check(&line(algorithm, b"other"), length, "400 BadDigest").await;
                for bad in ["bad", "AAAA"] {
                    check(&format!("{}: {bad}", algorithm.header()), length, "400 BadDigest").await;
                }
            }
            let (crc32, sha1) = (ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Sha1);
            let right = line(crc32, &pattern(length));
            let two = format!("{right}\n{}", line(sha1, &pattern(length)));
            check(&two, length, "400 InvalidRequest").await;
            check(&format!("{right}\nContent-MD5: AAAAAAAAAAAAAAAAAAAAAA=="), length, "400 BadDigest").await;
            check("x-amz-sdk-checksum-algorithm: CRC32", length, "400 InvalidRequest").await;
            check("x-amz-trailer: x-amz-checksum-crc32", length, "400 InvalidRequest").await;
        }
        let not_implemented = if matches!(who, As::S3(_)) { "501 NotImplemented" } else { "501 ServiceNotImplemented" };
        check("x-amz-checksum-sha512: AAAA", 5, not_implemented).await;
        check("x-amz-checksum-md5: AAAA", 5, not_implemented).await;
        check("x-amz-checksum-crc16: AAAA", 5, "400 InvalidRequest").await;
        // Refused bytes go on a thread of their own.
        let given_back = async {
            while gateway.fingerprint() != before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), given_back).await.expect("nothing is left");
        // The value says which it is.
        let put =
            format!("PUT /photos/k\nx-amz-sdk-checksum-algorithm: SHA256\n{}", line(ChecksumAlgorithm::Crc32, b"a"));
        gateway.check(who, &format!("{put}\n\na"), "200").await;
    }
}

#[tokio::test]
async fn s3_has_a_checksum_of_everything() {
    let gateway = Gateway::with_bucket().await;
    for (who, has_one) in [(As::Obs("alice"), false), (As::Aws("alice"), false), (As::S3("alice"), true)] {
        for length in [0, 5, LARGE] {
            let put = gateway.send_bytes(who, "PUT /photos/k", pattern(length)).await;
            assert_eq!((put.verdict().as_str(), shown(&put)), ("200", None), "it was not asked for");
            let checksum = digest::checksum(ChecksumAlgorithm::Crc64Nvme, &pattern(length));
            let expected = full(&checksum).filter(|_| has_one);
            assert_eq!(shown_by(&gateway, As::S3("alice"), "/photos/k").await, expected, "{who:?}");
        }
    }
    // One can be chosen, too.
    let put = gateway.check(As::S3("alice"), "PUT /photos/k\nx-amz-checksum-algorithm: SHA1\n\nabc", "200").await;
    assert_eq!(shown(&put), full(&digest::checksum(ChecksumAlgorithm::Sha1, b"abc")));
}

#[tokio::test]
async fn documents_come_with_any_digest() {
    const BODY: &str = "<Delete><Object><Key>k</Key></Object></Delete>";
    for who in S3 {
        let gateway = Gateway::with_bucket().await;
        let delete = async |lines: &str, verdict: &str| {
            gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
            gateway.check(who, &format!("POST /photos?delete{lines}\n\n{BODY}"), verdict).await;
            let is_gone = gateway.send(who, "HEAD /photos/k").await.verdict().starts_with("404");
            assert_eq!(is_gone, verdict == "200", "{lines}");
        };
        for algorithm in ChecksumAlgorithm::ALL {
            delete(&format!("\n{}", line(algorithm, BODY.as_bytes())), "200").await;
            delete(&format!("\n{}", line(algorithm, b"other")), "400 BadDigest").await;
        }
        let missing = if matches!(who, As::S3(_)) { "400 InvalidRequest" } else { "400 MissingRequiredHeader" };
        delete("", missing).await;
        delete("\nx-amz-checksum-mode: ENABLED", missing).await;
        delete("\nx-amz-checksum-crc32: bad", "400 BadDigest").await;
        // Any other document is checked, if there is something to check it by.
        let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>";
        let put = |line: &str| format!("PUT /photos?tagging\n{line}\n\n{tags}");
        gateway.check(who, &put(&line(ChecksumAlgorithm::Crc32C, tags.as_bytes())), "204").await;
        gateway.check(who, &put(&line(ChecksumAlgorithm::Crc32C, b"other")), "400 BadDigest").await;
    }
    let tags = "PUT /photos?tagging\n\n<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>";
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::S3("alice"), tags, "204").await;
    gateway.check(As::Aws("alice"), tags, "400 MissingRequiredHeader").await;
}

#[tokio::test]
async fn a_form_brings_one_in_a_field() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Aws("alice");
    let sha256 = digest::checksum(ChecksumAlgorithm::Sha256, b"file");
    let form = |value: &str| Form::new("k", "file").field("x-amz-checksum-sha256", value);
    gateway.check_post(who, &form("sailorjerry"), "400 BadDigest").await;
    gateway.check_post(who, &form(&BASE64.encode([0; 32])), "400 BadDigest").await;
    gateway.check(who, "HEAD /photos/k", "404 NoSuchKey").await;
    gateway.check_post(who, &form(&sha256.to_string()), "204").await;
    assert_eq!(shown_by(&gateway, who, "/photos/k").await, full(&sha256));
}

#[tokio::test]
async fn a_copy_has_the_checksum_of_its_source_or_another() {
    for who in S3 {
        let gateway = Gateway::with_bucket().await;
        for length in [5, LARGE] {
            let data = pattern(length);
            let put = format!("PUT /photos/k\n{}", line(ChecksumAlgorithm::Crc32, &data));
            assert_eq!(gateway.send_bytes(who, &put, data.clone()).await.verdict(), "200");
            let copy = async |lines: &str, verdict: &str| {
                gateway.check(who, &format!("PUT /photos/copy\nx-amz-copy-source: photos/k{lines}"), verdict).await
            };
            let answer = copy("", "200").await;
            let crc32 = digest::checksum(ChecksumAlgorithm::Crc32, &data);
            assert_eq!(answer.element("ChecksumCRC32"), Some(crc32.to_string().as_str()));
            assert_eq!(answer.element("ChecksumType"), Some("FULL_OBJECT"));
            assert_eq!(shown_by(&gateway, who, "/photos/copy").await, full(&crc32));
            for algorithm in ChecksumAlgorithm::ALL {
                let answer = copy(&format!("\nx-amz-checksum-algorithm: {}", algorithm.name()), "200").await;
                let checksum = digest::checksum(algorithm, &data);
                assert_eq!(answer.element(algorithm.element()), Some(checksum.to_string().as_str()));
                assert_eq!(shown_by(&gateway, who, "/photos/copy").await, full(&checksum));
                assert!(gateway.read("/photos/copy").await == data);
            }
            copy("\nx-amz-checksum-algorithm: CRC16", "400 InvalidRequest").await;
            gateway.assert_sound();
        }
        // OBS does not ask, and is not told.
        let copy = "PUT /photos/copy\nx-obs-copy-source: photos/k";
        let answer = gateway.check(As::Obs("alice"), copy, "200").await;
        assert_eq!(answer.element("ChecksumCRC32"), None);
    }
}

/// What is appended keeps a CRC going, and nothing else does.
#[tokio::test]
async fn appended_bytes_are_joined() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Aws("alice");
    let append = async |position: usize, data: &[u8], algorithm| {
        let request = format!("POST /photos/log?append&position={position}\n{}", line(algorithm, data));
        let answer = gateway.send_bytes(who, &request, Bytes::copy_from_slice(data)).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.text());
    };
    let crc32 = |data: &[u8]| full(&digest::checksum(ChecksumAlgorithm::Crc32, data));
    append(0, b"hello", ChecksumAlgorithm::Crc32).await;
    assert_eq!(shown_by(&gateway, who, "/photos/log").await, crc32(b"hello"));
    append(5, b" world", ChecksumAlgorithm::Crc32).await;
    assert_eq!(shown_by(&gateway, who, "/photos/log").await, crc32(b"hello world"));
    append(11, b"!", ChecksumAlgorithm::Crc32C).await;
    assert_eq!(shown_by(&gateway, who, "/photos/log").await, None);
}

/// What AWS's clients send over TLS: the checksum behind the body, in its framing.
#[tokio::test]
async fn one_may_come_behind_the_body() {
    let who = As::S3("alice");
    let gateway = Gateway::with_bucket().await;
    let id = gateway.begin_upload(who, "/photos/parts").await;
    let part = format!("PUT /photos/parts?partNumber=1&uploadId={id}");
    let delete = Bytes::from_static(b"<Delete><Object><Key>none</Key></Object></Delete>");
    for algorithm in ChecksumAlgorithm::ALL {
        for (line, data) in [
            ("PUT /photos/k", pattern(5)),
            ("PUT /photos/k", pattern(LARGE)),
            (part.as_str(), pattern(LARGE)),
            ("POST /photos?delete", delete.clone()),
        ] {
            let (trailer, length) = (algorithm.header(), data.len());
            let send = async |announced: &str, value: &str| {
                let head = format!(
                    "{line}\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\n\
                     x-amz-decoded-content-length: {length}\nx-amz-trailer: {announced}\n\
                     x-amz-sdk-checksum-algorithm: {}",
                    algorithm.name()
                );
                let body = [
                    format!("{length:x}\r\n").as_bytes(),
                    &data,
                    format!("\r\n0\r\n{announced}:{value}\r\n\r\n").as_bytes(),
                ]
                .concat();
                gateway.send_bytes(who, &head, body).await
            };
            let right = digest::checksum(algorithm, &data);
            for wrong in [digest::checksum(algorithm, b"other").to_string(), "bad".to_owned()] {
                assert_eq!(send(trailer, &wrong).await.verdict(), "400 BadDigest", "{line} {trailer}");
            }
            let answer = send(trailer, &right.to_string()).await;
            assert_eq!(answer.verdict(), "200", "{line} {trailer} {}", answer.text());
            let is_told = !line.starts_with("POST");
            let told = shown(&answer).map(|(name, value, _)| (name, value));
            assert_eq!(told, is_told.then(|| (algorithm.name(), right.to_string())));
            if line == "PUT /photos/k" {
                assert_eq!(shown_by(&gateway, who, "/photos/k").await, full(&right));
            }
        }
    }
    gateway.assert_sound();
}

/// A part, its ETag and what the answer says of its checksum.
struct Sent {
    number: usize,
    etag: String,
    checksum: Option<(&'static str, String)>,
}

impl Sent {
    fn listed(&self, with_checksum: bool) -> String {
        let checksum = self.checksum.as_ref().filter(|_| with_checksum);
        let checksum = checksum.map(|(name, value)| format!("<Checksum{name}>{value}</Checksum{name}>"));
        let (number, etag) = (self.number, &self.etag);
        let checksum = checksum.unwrap_or_default();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{checksum}</Part>")
    }
}

fn list(parts: &[Sent], with_checksums: bool) -> String {
    let parts: String = parts.iter().map(|part| part.listed(with_checksums)).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

async fn begin(gateway: &Gateway, who: As, lines: &str) -> (String, Answer) {
    let answer = gateway.check(who, &format!("POST /photos/k?uploads{lines}"), "200").await;
    (answer.element("UploadId").expect("an id").to_owned(), answer)
}

async fn send(gateway: &Gateway, who: As, (id, number): (&str, usize), lines: &str, data: &Bytes) -> Sent {
    let request = format!("PUT /photos/k?partNumber={number}&uploadId={id}{lines}");
    let answer = gateway.send_bytes(who, &request, data.clone()).await;
    assert_eq!(answer.verdict(), "200", "{}", answer.text());
    let checksum = shown(&answer).map(|(name, value, _)| (name, value));
    Sent { number, etag: answer.header("etag").to_owned(), checksum }
}

/// Three parts of which the last is short.
fn bodies() -> [Bytes; 3] {
    let all = pattern(2 * SMALLEST + 1000);
    [all.slice(..SMALLEST), all.slice(SMALLEST..2 * SMALLEST), all.slice(2 * SMALLEST..)]
}

#[tokio::test]
async fn parts_make_the_checksum_their_upload_was_begun_with() {
    use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
    let who = As::Aws("alice");
    for (algorithm, kind) in [
        (Crc32, "COMPOSITE"),
        (Crc32, "FULL_OBJECT"),
        (Crc32C, "COMPOSITE"),
        (Crc32C, "FULL_OBJECT"),
        (Crc64Nvme, "FULL_OBJECT"),
        (Sha1, "COMPOSITE"),
        (Sha256, "COMPOSITE"),
    ] {
        let gateway = Gateway::with_bucket().await;
        let (name, bodies) = (algorithm.name(), bodies());
        let lines = format!("\nx-amz-checksum-algorithm: {name}\nx-amz-checksum-type: {kind}");
        let (id, answer) = begin(&gateway, who, &lines).await;
        assert_eq!(answer.header("x-amz-checksum-algorithm"), name);
        assert_eq!(answer.header("x-amz-checksum-type"), kind);
        let uploads = gateway.check(who, "GET /photos?uploads", "200").await;
        assert_eq!(uploads.element("ChecksumAlgorithm"), Some(name));
        assert_eq!(uploads.element("ChecksumType"), Some(kind));
        let mut parts = Vec::new();
        for (number, data) in (1..).zip(&bodies) {
            // The second comes without: it gets what the upload wants.
            let lines = if number == 2 { String::new() } else { format!("\n{}", line(algorithm, data)) };
            let part = send(&gateway, who, (&id, number), &lines, data).await;
            assert_eq!(part.checksum, Some((name, digest::checksum(algorithm, data).to_string())));
            parts.push(part);
        }
        let listed = gateway.check(who, &format!("GET /photos/k?uploadId={id}"), "200").await;
        assert_eq!(listed.element("ChecksumAlgorithm"), Some(name));
        let values: Vec<_> = bodies.iter().map(|data| digest::checksum(algorithm, data)).collect();
        let texts: Vec<_> = values.iter().map(Checksum::to_string).collect();
        assert_eq!(listed.elements(algorithm.element()), texts);
        let whole = if kind == "COMPOSITE" {
            digest::composite(algorithm, values.iter().map(|value| value.digest.as_slice()))
        } else {
            digest::checksum(algorithm, &bodies.concat())
        };
        let before = gateway.fingerprint();
        let complete = async |lines: &str, list: String, verdict: &str| {
            gateway.check(who, &format!("POST /photos/k?uploadId={id}{lines}\n\n{list}"), verdict).await
        };
        let header = algorithm.header();
        let wrong = list(&parts, true).replace(&texts[1], &texts[0]);
        complete("", wrong, "400 InvalidPart").await;
        let refusals = async || {
            let before = gateway.fingerprint();
            complete(&format!("\n{header}: bad"), list(&parts, true), "400 BadDigest").await;
            complete(&format!("\n{header}: bad"), list(&parts, false), "400 BadDigest").await;
            complete(&format!("\n{header}: {}", texts[0]), list(&parts, true), "400 BadDigest").await;
            let other_kind = if kind == "COMPOSITE" { "FULL_OBJECT" } else { "COMPOSITE" };
            complete(&format!("\nx-amz-checksum-type: {other_kind}"), list(&parts, true), "400 BadDigest").await;
            let other = if algorithm == Sha1 { Sha256 } else { Sha1 };
            complete(&format!("\n{}", line(other, b"")), list(&parts, true), "400 InvalidRequest").await;
            complete("\nx-amz-mp-object-size: 7", list(&parts, true), "400 InvalidRequest").await;
            complete("\nx-amz-checksum-crc64ecma: 7", list(&parts, true), "400 BadDigest").await;
            assert_eq!(gateway.fingerprint(), before);
        };
        refusals().await;
        assert_eq!(gateway.fingerprint(), before);
        let lines = format!("\n{header}: {whole}\nx-amz-checksum-type: {kind}");
        for (lines, list) in [(lines.as_str(), list(&parts, true)), ("", list(&parts, false))] {
            // The second time it is done already, and answered alike.
            let done = complete(lines, list, "200").await;
            assert_eq!(done.element(algorithm.element()), Some(whole.to_string().as_str()));
            assert_eq!(done.element("ChecksumType"), Some(kind));
        }
        // What is done is no other than it was announced to be.
        refusals().await;
        let expected = Some((name, whole.to_string(), kind.to_owned()));
        assert_eq!(shown_by(&gateway, who, "/photos/k").await, expected);
        for (number, text) in (1..).zip(texts) {
            let part = shown_by(&gateway, who, &format!("/photos/k?partNumber={number}")).await;
            assert_eq!(part, Some((name, text, kind.to_owned())));
        }
        gateway.assert_sound();
        // A copy has what its source has; asked for its own, it has that of its bytes.
        let copy = "PUT /photos/copy\nx-amz-copy-source: photos/k";
        gateway.check(who, copy, "200").await;
        assert_eq!(shown_by(&gateway, who, "/photos/copy").await, expected);
        gateway.check(who, &format!("{copy}\nx-amz-checksum-algorithm: {name}"), "200").await;
        let of_bytes = digest::checksum(algorithm, &bodies.concat());
        assert_eq!(shown_by(&gateway, who, "/photos/copy").await, full(&of_bytes));
        gateway.assert_sound();
    }
}

#[tokio::test]
async fn a_part_of_another_algorithm_is_refused() {
    for who in S3 {
        let gateway = Gateway::with_bucket().await;
        let (id, _) = begin(&gateway, who, "\nx-amz-checksum-algorithm: SHA1").await;
        let before = gateway.fingerprint();
        let put = format!("PUT /photos/k?partNumber=1&uploadId={id}\n");
        let other = line(ChecksumAlgorithm::Crc32, b"hello");
        gateway.check(who, &format!("{put}{other}\n\nhello"), "400 InvalidRequest").await;
        let wrong = line(ChecksumAlgorithm::Sha1, b"other");
        gateway.check(who, &format!("{put}{wrong}\n\nhello"), "400 BadDigest").await;
        assert_eq!(gateway.fingerprint(), before);
        for (lines, verdict) in [
            ("x-amz-checksum-algorithm: CRC16", "400 InvalidRequest"),
            ("x-amz-checksum-type: COMPOSITE", "400 InvalidRequest"),
            ("x-amz-checksum-algorithm: CRC64NVME\nx-amz-checksum-type: COMPOSITE", "400 InvalidRequest"),
            ("x-amz-checksum-algorithm: SHA256\nx-amz-checksum-type: FULL_OBJECT", "400 InvalidRequest"),
        ] {
            gateway.check(who, &format!("POST /photos/k?uploads\n{lines}"), verdict).await;
        }
    }
}

/// boto3 begins an upload without a word, and sends a CRC-32 with each part.
#[tokio::test]
async fn parts_of_one_algorithm_make_the_whole_that_nobody_asked_for() {
    use ChecksumAlgorithm::{Crc32, Crc64Nvme, Sha256};
    let (aws, s3, obs) = (As::Aws("alice"), As::S3("alice"), As::Obs("alice"));
    let bodies = bodies();
    for (begins, sends, sums, whole) in [
        (aws, aws, [Some(Crc32); 3], Some((Crc32, false))),
        (aws, aws, [Some(Sha256); 3], Some((Sha256, true))),
        (aws, aws, [Some(Crc32), None, Some(Crc32)], None),
        (aws, aws, [Some(Crc32), Some(Sha256), Some(Crc32)], None),
        (obs, obs, [None; 3], None),
        (obs, s3, [None; 3], Some((Crc64Nvme, false))),
    ] {
        let gateway = Gateway::with_bucket().await;
        let (id, answer) = begin(&gateway, begins, "").await;
        assert_eq!(answer.header("x-amz-checksum-algorithm"), "");
        let mut parts = Vec::new();
        for ((number, data), algorithm) in (1..).zip(&bodies).zip(sums) {
            let lines = algorithm.map(|algorithm| format!("\n{}", line(algorithm, data))).unwrap_or_default();
            parts.push(send(&gateway, sends, (&id, number), &lines, data).await);
        }
        let done =
            gateway.check(begins, &format!("POST /photos/k?uploadId={id}\n\n{}", list(&parts, true)), "200").await;
        let whole = whole.map(|(algorithm, is_composite)| {
            let values: Vec<_> = bodies.iter().map(|data| digest::checksum(algorithm, data)).collect();
            let composite = digest::composite(algorithm, values.iter().map(|value| value.digest.as_slice()));
            if is_composite { composite } else { digest::checksum(algorithm, &bodies.concat()) }
        });
        let expected = whole.as_ref().map(|whole| (whole.algorithm.name(), whole.to_string(), whole.kind().to_owned()));
        assert_eq!(shown_by(&gateway, s3, "/photos/k").await, expected);
        let of_answer = whole.as_ref().and_then(|whole| done.element(whole.algorithm.element()));
        let expected = whole.as_ref().filter(|_| !matches!(begins, As::Obs(_))).map(Checksum::to_string);
        assert_eq!(of_answer, expected.as_deref());
        gateway.assert_sound();
    }
}

#[tokio::test]
async fn copied_parts_have_checksums() {
    let who = As::Aws("alice");
    let gateway = Gateway::with_bucket().await;
    let data = pattern(LARGE);
    assert_eq!(gateway.send_bytes(who, "PUT /photos/source", data.clone()).await.verdict(), "200");
    let (id, _) = begin(&gateway, who, "\nx-amz-checksum-algorithm: SHA256").await;
    let copy = format!("PUT /photos/k?partNumber=1&uploadId={id}\nx-amz-copy-source: photos/source");
    let copied = gateway.check(who, &format!("{copy}\nx-amz-copy-source-range: bytes=10-150009"), "200").await;
    let first = digest::checksum(ChecksumAlgorithm::Sha256, &data[10..150_010]);
    assert_eq!(copied.element("ChecksumSHA256"), Some(first.to_string().as_str()));
    let tail = Bytes::from_static(b"tail");
    let second = send(&gateway, who, (&id, 2), "", &tail).await;
    let etag = copied.element("ETag").expect("an entity tag").to_owned();
    let parts = [Sent { number: 1, etag, checksum: Some(("SHA256", first.to_string())) }, second];
    let done = gateway.check(who, &format!("POST /photos/k?uploadId={id}\n\n{}", list(&parts, true)), "200").await;
    let second = digest::checksum(ChecksumAlgorithm::Sha256, &tail);
    let whole = digest::composite(ChecksumAlgorithm::Sha256, [first.digest.as_slice(), second.digest.as_slice()]);
    assert_eq!(done.element("ChecksumSHA256"), Some(whole.to_string().as_str()));
    // S3 has one of everything.
    let id = gateway.begin_upload(As::S3("alice"), "/photos/k2").await;
    let copy = format!("PUT /photos/k2?partNumber=1&uploadId={id}\nx-amz-copy-source: photos/source");
    let copied = gateway.check(As::S3("alice"), &copy, "200").await;
    let expected = digest::checksum(ChecksumAlgorithm::Crc64Nvme, &data);
    assert_eq!(copied.element("ChecksumCRC64NVME"), Some(expected.to_string().as_str()));
    gateway.assert_sound();
}

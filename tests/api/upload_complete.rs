//! `POST /bucket/key?uploadId`.

use bytes::Bytes;
use obs_gateway::limits;

use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes, part_list};

#[tokio::test]
async fn parts_become_an_object() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let lengths = [SMALLEST, 3_000_000, 17];
        let parts = gateway.put_parts(who, "/photos/k", &id, &lengths).await;
        gateway.check(who, "GET /photos/k", "404 NoSuchKey").await;
        let total: usize = lengths.iter().sum();
        assert_eq!(gateway.used("photos").await, (total as u64, 0), "parts count from the moment they are stored");
        let answer = gateway.complete(who, "/photos/k", &id, &parts).await;
        let namespace = answer.body_text().split('"').find(|text| text.starts_with("http")).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text().replace(namespace, "NAMESPACE").replace(who.prefix(), "x-"), @r#"
            200 OK
            content-type: application/xml
            x-checksum-crc64ecma: 9509848586459690348

            <CompleteMultipartUploadResult xmlns="NAMESPACE"><Location>http://127.0.0.1:8080/photos/k</Location><Bucket>photos</Bucket><Key>k</Key><ETag>"5aff5b98a4603945a0aaa4553b3a58ee-3"</ETag></CompleteMultipartUploadResult>
            "#);
        }
        assert_eq!(gateway.used("photos").await, (total as u64, 1));
        let got = gateway.check(who, "GET /photos/k", "200").await;
        let expected: Vec<u8> = (1..=3).flat_map(|number| part_bytes(number, lengths[number - 1])).collect();
        assert!(got.body == expected);
        assert_eq!(got.header("etag"), answer.element("ETag").unwrap());
        // A range that lies across all three.
        let request = format!("GET /photos/k\nRange: bytes={}-{}", SMALLEST - 2, total - 5);
        let got = gateway.check(who, &request, "206").await;
        assert!(got.body == expected[SMALLEST - 2..total - 4]);
        // The client that lost the answer sees by it that the upload is complete.
        let head = gateway.check(who, "HEAD /photos/k", "200").await;
        assert_eq!((head.header("x-obs-uploadid"), head.header("content-length")), (&*id, &*total.to_string()));
        assert_eq!(gateway.check(who, "GET /photos?uploads", "200").await.element("Upload"), None);
    }
}

/// The published example: digest of the digests, and their number.
#[tokio::test]
async fn the_entity_tag_is_made_of_the_parts() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Aws("alice");
    let id = gateway.begin_upload(who, "/photos/k").await;
    let mut parts = Vec::new();
    for (number, letter) in (1..).zip([b'A', b'B', b'C']) {
        let body = Bytes::from(vec![letter; 5 << 20]);
        parts.push((number, gateway.put_part(who, "/photos/k", &id, number, body).await));
    }
    let answer = gateway.complete(who, "/photos/k", &id, &parts).await;
    assert!(answer.element("ETag").unwrap().ends_with("-3\""), "{}", answer.text());
    let etag = answer.element("ETag").unwrap().to_owned();
    // Quoted, bare and in upper case: the same parts.
    let bare = |(number, etag): &(usize, String)| (*number, etag.trim_matches('"').to_ascii_uppercase());
    let again: Vec<_> = parts.iter().map(bare).collect();
    let answer = gateway.complete(who, "/photos/k", &id, &again).await;
    assert_eq!((answer.verdict(), answer.element("ETag")), ("200".to_owned(), Some(&*etag)));
}

/// The parts left out go, and with them what they counted.
#[tokio::test]
async fn only_the_parts_listed_are_in_the_object() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let lengths = [SMALLEST, 200_000, 5, SMALLEST, 70_000];
        let parts = gateway.put_parts(who, "/photos/k", &id, &lengths).await;
        let chosen = vec![parts[1].clone(), parts[3].clone(), parts[4].clone()];
        assert_eq!(gateway.complete(who, "/photos/k", &id, &chosen).await.verdict(), "200");
        let expected: Vec<u8> = [2, 4, 5].into_iter().flat_map(|at| part_bytes(at, lengths[at - 1])).collect();
        assert!(gateway.check(who, "GET /photos/k", "200").await.body == expected);
        assert_eq!(gateway.used("photos").await, (expected.len() as u64, 1));
    }
}

/// A file of no bytes is one empty part; the SDKs send it so.
#[tokio::test]
async fn an_object_may_be_empty() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[0]).await;
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        let got = gateway.check(who, "GET /photos/k", "200").await;
        assert_eq!((got.body.len(), got.header("etag")), (0, "\"59adb24ef3cdbe0297f05b395827453f-1\""));
        assert_eq!(gateway.used("photos").await, (0, 1));
        // An empty last part adds nothing.
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 0]).await;
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        assert!(gateway.check(who, "GET /photos/k", "200").await.body == part_bytes(1, SMALLEST));
    }
}

#[tokio::test]
async fn asked_again_it_answers_the_same() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let versioning = |status| {
            format!(
                "PUT /photos?versioning\n\n<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
            )
        };
        gateway.check(who, &versioning("Enabled"), "200").await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 3]).await;
        let first = gateway.complete(who, "/photos/k", &id, &parts).await;
        assert!(!first.header(&format!("{}version-id", who.prefix())).is_empty());
        let again = gateway.complete(who, "/photos/k", &id, &parts).await;
        assert_eq!(again.text(), first.text());
        // Not of other parts, and not another upload.
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts[..1]).await.verdict(), "404 NoSuchUpload");
        let other = format!("{}0", &id[..31]).replace("00", "01");
        assert_eq!(gateway.complete(who, "/photos/k", &other, &parts).await.verdict(), "404 NoSuchUpload");
        // As long as the version is there, current or not.
        gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
        gateway.check(who, "DELETE /photos/k", "204").await;
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.text(), first.text());
        let version = first.header(&format!("{}version-id", who.prefix())).to_owned();
        gateway.check(who, &format!("DELETE /photos/k?versionId={version}"), "204").await;
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "404 NoSuchUpload");
        let left = gateway.usage("photos").await;
        assert_eq!((left.uploads, left.parts, left.used_bytes()), (0, 0, 5));
    }
}

/// The table of the checks, each with what stands before it in order.
#[tokio::test]
async fn refusals_change_nothing() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, SMALLEST - 1, 1]).await;
        let before = gateway.usage("photos").await;
        let part =
            |number: &str, etag: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        let (one, two, three) = (&*parts[0].1, &*parts[1].1, &*parts[2].1);
        let list = |parts: &[(&str, &str)]| {
            let parts: String = parts.iter().map(|(number, etag)| part(number, etag)).collect();
            format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
        };
        let sound = list(&[("1", one), ("3", three)]);
        for (body, verdict) in [
            (String::new(), "400 MalformedXML"),
            ("<CompleteMultipartUpload/>".to_owned(), "400 MalformedXML"),
            ("<CompleteMultipartUpload>".to_owned(), "400 MalformedXML"),
            (list(&[("one", one)]), "400 MalformedXML"),
            (list(&[("", one)]), "400 MalformedXML"),
            (list(&[("-1", one)]), "400 MalformedXML"),
            (sound.replace("CompleteMultipartUpload", "Complete"), "400 MalformedXML"),
            (sound.replace("Part>", "Piece>"), "400 MalformedXML"),
            (
                "<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>".to_owned(),
                "400 MalformedXML",
            ),
            (sound.replace("<ETag>", "<Tag>").replace("</ETag>", "</Tag>"), "400 MalformedXML"),
            (list(&[("3", three), ("1", one)]), "400 InvalidPartOrder"),
            (list(&[("1", one), ("1", one)]), "400 InvalidPartOrder"),
            // Order comes before what is there.
            (list(&[("9", one), ("1", one)]), "400 InvalidPartOrder"),
            (list(&[("1", one), ("4", one)]), "400 InvalidPart"),
            (list(&[("0", one)]), "400 InvalidPart"),
            (list(&[("65537", one)]), "400 InvalidPart"),
            (list(&[("1", three)]), "400 InvalidPart"),
            (list(&[("1", "")]), "400 InvalidPart"),
            (list(&[("1", "nothing")]), "400 InvalidPart"),
            // What is there comes before its size.
            (list(&[("2", two), ("3", one)]), "400 InvalidPart"),
            (list(&[("2", two), ("3", three)]), "400 EntityTooSmall"),
            (list(&[("1", one), ("2", two), ("3", three)]), "400 EntityTooSmall"),
            (sound.replace("</Part>", "<ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>"), "400 InvalidPart"),
            (sound.replace("</Part>", "<ChecksumMD5>NhCmhg==</ChecksumMD5></Part>"), "501 ServiceNotImplemented"),
        ] {
            gateway.check(who, &format!("POST /photos/k?uploadId={id}\n\n{body}"), verdict).await;
        }
        let prefix = who.prefix();
        for (line, verdict) in [
            ("Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==".to_owned(), "400 BadDigest"),
            (format!("{prefix}checksum-crc64ecma: 1"), "400 BadDigest"),
            (format!("{prefix}checksum-crc64ecma: x"), "400 InvalidDigest"),
            (format!("{prefix}mp-object-size: {SMALLEST}"), "400 InvalidRequest"),
            (format!("{prefix}mp-object-size: many"), "400 InvalidArgument"),
            (format!("{prefix}callback: e30="), "501 ServiceNotImplemented"),
            (format!("{prefix}storage-class: WARM"), "400 InvalidRequest"),
            ("If-Match: *".to_owned(), "412 PreconditionFailed"),
        ] {
            gateway.check(who, &format!("POST /photos/k?uploadId={id}\n{line}\n\n{sound}"), verdict).await;
        }
        // An upload that is none comes before its document.
        for target in ["/photos/k?uploadId=x", "/photos/other?uploadId=ID", "/photos/k?uploadId="] {
            let request = format!("POST {}\n\nno document", target.replace("ID", &id));
            gateway.check(who, &request, "404 NoSuchUpload").await;
        }
        let too_long = " ".repeat(limits::PART_LIST_BYTES_MAX + 1);
        gateway.check(who, &format!("POST /photos/k?uploadId={id}\n\n{too_long}"), "400 EntityTooLarge").await;
        gateway
            .check(who, &format!("POST /photos/k?uploadId={id}&encoding-type=x\n\n{sound}"), "400 InvalidArgument")
            .await;
        gateway
            .check(who, &format!("POST /photos/k?uploadId={id}&partNumber=1\n\n{sound}"), "405 MethodNotAllowed")
            .await;
        for stranger in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
            gateway.check(stranger, &format!("POST /photos/k?uploadId={id}\n\n{sound}"), "403 AccessDenied").await;
        }
        assert_eq!(gateway.usage("photos").await, before);
        // And after all that it can still be completed, under conditions that hold.
        let lines = format!("If-None-Match: *\n{prefix}mp-object-size: {}", SMALLEST + 1);
        gateway.check(who, &format!("POST /photos/k?uploadId={id}\n{lines}\n\n{sound}"), "200").await;
        gateway.check(who, "DELETE /photos/k", "204").await;
        assert!(gateway.usage("photos").await.is_empty());
    }
}

/// The CRC-64 of the whole is made of those of the parts.
#[tokio::test]
async fn the_crc64_of_the_whole_is_known() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let name = format!("{}checksum-crc64ecma", who.prefix());
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 70_000, 9]).await;
        let whole: Vec<u8> =
            [(1, SMALLEST), (2, 70_000), (3, 9)].into_iter().flat_map(|(n, l)| part_bytes(n, l)).collect();
        let crc64 = obs_gateway::blob::digest::crc64(&whole).to_string();
        let list = [parts[0].clone(), parts[1].clone(), parts[2].clone()];
        // The second part is too small not to be the last.
        assert_eq!(gateway.complete(who, "/photos/k", &id, &list).await.verdict(), "400 EntityTooSmall");
        let larger = part_bytes(2, SMALLEST);
        let list =
            [parts[0].clone(), (2, gateway.put_part(who, "/photos/k", &id, 2, larger.clone()).await), parts[2].clone()];
        let whole: Vec<u8> = [part_bytes(1, SMALLEST), larger, part_bytes(3, 9)].concat();
        let right = obs_gateway::blob::digest::crc64(&whole).to_string();
        assert_ne!(right, crc64);
        let request = |crc64: &str| format!("POST /photos/k?uploadId={id}\n{name}: {crc64}\n\n{}", part_list(&list));
        gateway.check(who, &request(&crc64), "400 BadDigest").await;
        let answer = gateway.check(who, &request(&right), "200").await;
        assert_eq!(answer.header(&name), right);
    }
}

/// Ten thousand parts: the longest list there is.
#[tokio::test]
async fn the_longest_list_of_parts_is_read() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Obs("alice");
    let id = gateway.begin_upload(who, "/photos/k").await;
    let etag = gateway.put_part(who, "/photos/k", &id, 10_000, part_bytes(1, 1)).await;
    let mut parts: Vec<_> = (1..10_000).map(|number| (number, etag.clone())).collect();
    parts.push((10_000, etag));
    assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "400 InvalidPart");
    assert_eq!(gateway.complete(who, "/photos/k", &id, &parts[9_999..]).await.verdict(), "200");
}

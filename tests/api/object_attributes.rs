//! `GET /bucket/key?attributes`.

use obs_gateway::blob::digest;
use obs_gateway::checksum::ChecksumAlgorithm;

use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

const ALL: &str = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";

#[tokio::test]
async fn only_what_is_asked_for_is_told() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let ask = async |names: &str| {
            let request = format!("GET /photos/k?attributes\n{}object-attributes: {names}", who.prefix());
            gateway.check(who, &request, "200").await
        };
        let answer = ask(ALL).await;
        let namespace = answer.body_text().split('"').find(|text| text.starts_with("http")).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text().replace(namespace, "NAMESPACE"), @r#"
            200 OK
            content-type: application/xml
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT

            <GetObjectAttributesResponse xmlns="NAMESPACE"><ETag>5d41402abc4b2a76b9719d911017c592</ETag><StorageClass>STANDARD</StorageClass><ObjectSize>5</ObjectSize></GetObjectAttributesResponse>
            "#);
        }
        for (names, told) in [
            ("ETag", vec!["ETag"]),
            ("ObjectSize, StorageClass", vec!["StorageClass", "ObjectSize"]),
            ("ObjectParts,Checksum", vec![]),
        ] {
            let answer = ask(names).await;
            for name in ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] {
                assert_eq!(answer.element(name).is_some(), told.contains(&name), "{names} {name}");
            }
        }
    }
}

#[tokio::test]
async fn refusals() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let prefix = who.prefix();
        let names = format!("{prefix}object-attributes");
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        for (lines, verdict) in [
            (String::new(), "400 InvalidArgument"),
            (format!("\n{names}: etag"), "400 InvalidArgument"),
            (format!("\n{names}: ETag,Owner"), "400 InvalidArgument"),
            (format!("\n{names}: ETag\n{prefix}max-parts: x"), "400 InvalidArgument"),
            (format!("\n{names}: ETag\n{prefix}part-number-marker: x"), "400 InvalidArgument"),
            (
                format!("\n{names}: ETag\n{prefix}server-side-encryption-customer-algorithm: AES256"),
                "400 InvalidRequest",
            ),
        ] {
            gateway.check(who, &format!("GET /photos/k?attributes{lines}"), verdict).await;
        }
        let ask = |target: &str| format!("GET {target}\n{names}: ETag");
        gateway.check(who, &ask("/photos/none?attributes"), "404 NoSuchKey").await;
        gateway.check(who, &ask("/none/k?attributes"), "404 NoSuchBucket").await;
        gateway.check(who, &ask("/photos/k?attributes&versionId=none"), "404 NoSuchVersion").await;
        gateway.check(who, &ask("/photos/k?attributes").replace("GET", "PUT"), "405 MethodNotAllowed").await;
        gateway.check(As::Nobody, &ask("/photos/k?attributes"), "403 AccessDenied").await;
    }
}

/// Either permission alone is not enough; together they are.
#[tokio::test]
async fn who_may_not_read_the_bytes_may_not_learn_of_them() {
    let gateway = Gateway::with_bucket().await;
    let alice = As::Aws("alice");
    gateway.check(alice, "PUT /photos/k\n\nhello", "200").await;
    for (actions, verdict) in [
        (r#""s3:GetObjectAttributes""#, "403 AccessDenied"),
        (r#""s3:GetObject""#, "403 AccessDenied"),
        (r#""s3:GetObject", "s3:GetObjectAttributes""#, "200"),
    ] {
        let policy = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": "*", "Action": [{actions}], "Resource": "arn:aws:s3:::photos/*"}}}}"#
        );
        gateway.check(alice, &format!("PUT /photos?policy\n\n{policy}"), "204").await;
        let ask = "GET /photos/k?attributes\nx-amz-object-attributes: ETag";
        gateway.check(As::Aws("bob"), ask, verdict).await;
    }
}

#[tokio::test]
async fn parts_come_in_pages() {
    let who = As::Aws("alice");
    for algorithm in [None, Some(ChecksumAlgorithm::Sha256)] {
        let gateway = Gateway::with_bucket().await;
        let choice = algorithm.map(|algorithm| format!("\nx-amz-checksum-algorithm: {}", algorithm.name()));
        let begun = gateway.check(who, &format!("POST /photos/k?uploads{}", choice.unwrap_or_default()), "200").await;
        let id = begun.element("UploadId").expect("an id").to_owned();
        let mut lengths = vec![SMALLEST; 5];
        lengths.push(9);
        let parts = gateway.put_parts(who, "/photos/k", &id, &lengths).await;
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        let page = async |lines: &str| {
            let request = format!("GET /photos/k?attributes\nx-amz-object-attributes: {ALL}{lines}");
            gateway.check(who, &request, "200").await
        };
        let check = async |lines: &str, marker: &str, max: &str, numbers: &[usize], truncated: &str| {
            let answer = page(lines).await;
            let number = |name| answer.element(name).map(str::to_owned);
            assert_eq!(number("PartsCount").as_deref(), Some("6"));
            assert_eq!(number("PartNumberMarker").as_deref(), Some(marker));
            assert_eq!(number("MaxParts").as_deref(), Some(max));
            assert_eq!(number("IsTruncated").as_deref(), Some(truncated));
            let last = numbers.last().map_or("0".to_owned(), ToString::to_string);
            assert_eq!(number("NextPartNumberMarker"), Some(last));
            let found: Vec<usize> = answer.elements("PartNumber").iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(found, numbers);
            let sizes: Vec<usize> = answer.elements("Size").iter().map(|text| text.parse().unwrap()).collect();
            let expected: Vec<usize> = numbers.iter().map(|number| lengths[number - 1]).collect();
            assert_eq!(sizes, expected);
            let parts = answer.element("ObjectParts").expect("an upload made it");
            let has_checksums = parts.contains("Checksum");
            assert_eq!(has_checksums, algorithm.is_some() && !numbers.is_empty());
            if let Some(algorithm) = algorithm {
                for number in numbers {
                    let checksum = digest::checksum(algorithm, &part_bytes(*number, lengths[number - 1]));
                    assert!(parts.contains(&format!("<ChecksumSHA256>{checksum}</ChecksumSHA256>")), "{parts}");
                }
                let whole = answer.element("Checksum").expect("it has one");
                assert!(whole.contains("-6</ChecksumSHA256><ChecksumType>COMPOSITE</ChecksumType>"), "{whole}");
            }
        };
        check("", "0", "1000", &[1, 2, 3, 4, 5, 6], "false").await;
        check("\nx-amz-max-parts: 1\nx-amz-part-number-marker: 3", "3", "1", &[4], "true").await;
        check("\nx-amz-max-parts: 10\nx-amz-part-number-marker: 4", "4", "10", &[5, 6], "false").await;
        check("\nx-amz-max-parts: 2\nx-amz-part-number-marker: 4", "4", "2", &[5, 6], "false").await;
        check("\nx-amz-part-number-marker: 6", "6", "1000", &[], "false").await;
    }
}

#[tokio::test]
async fn each_version_has_its_attributes() {
    let who = As::S3("alice");
    let gateway = Gateway::with_bucket().await;
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, &format!("PUT /photos?versioning\n\n{versioning}"), "200").await;
    let put = gateway.check(who, "PUT /photos/k\n\nfoo", "200").await;
    let old = put.header("x-amz-version-id").to_owned();
    gateway.check(who, "PUT /photos/k\n\nlonger", "200").await;
    let ask = |query: &str| format!("GET /photos/k?attributes{query}\nx-amz-object-attributes: {ALL}");
    let answer = gateway.check(who, &ask(&format!("&versionId={old}")), "200").await;
    assert_eq!((answer.element("ObjectSize"), answer.header("x-amz-version-id")), (Some("3"), old.as_str()));
    assert_eq!(answer.element("ChecksumType"), Some("FULL_OBJECT"));
    assert_eq!(gateway.check(who, &ask(""), "200").await.element("ObjectSize"), Some("6"));
    gateway.check(who, "DELETE /photos/k", "204").await;
    let marked = gateway.check(who, &ask(""), "404 NoSuchKey").await;
    assert_eq!(marked.header("x-amz-delete-marker"), "true");
}

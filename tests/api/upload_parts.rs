//! `GET /bucket/key?uploadId`.

use crate::support::{As, Gateway, both};
use crate::upload::part_bytes;

#[tokio::test]
async fn parts_are_listed() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/a%20b").await;
        for (number, length) in [(10_000, 9), (2, 7), (30, 0)] {
            gateway.put_part(who, "/photos/a%20b", &id, number, part_bytes(1, length)).await;
        }
        let answer = gateway.check(who, &format!("GET /photos/a%20b?uploadId={id}"), "200").await;
        let alice = gateway.account_id("alice").await;
        let text = answer.text().replace(&id, "ID").replace(&alice, "ALICE");
        if who.prefix() == "x-obs-" {
            insta::assert_snapshot!(text, @r#"
            200 OK
            content-type: application/xml

            <ListPartsResult xmlns="http://obs.localhost/doc/2015-06-30/"><Bucket>photos</Bucket><Key>a b</Key><UploadId>ID</UploadId><Initiator><ID>domainID/ALICE:userID/ALICE</ID></Initiator><Owner><ID>ALICE</ID></Owner><StorageClass>STANDARD</StorageClass><PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>10000</NextPartNumberMarker><MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated><Part><PartNumber>2</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"aa03dd410e77870318ecac5ec03c57c1"</ETag><Size>7</Size></Part><Part><PartNumber>30</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag><Size>0</Size></Part><Part><PartNumber>10000</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"3dd974741fc93dc08b137b0455b5d83d"</ETag><Size>9</Size></Part></ListPartsResult>
            "#);
        } else {
            insta::assert_snapshot!(text, @r#"
            200 OK
            content-type: application/xml

            <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>photos</Bucket><Key>a b</Key><UploadId>ID</UploadId><Initiator><ID>ALICE</ID><DisplayName>alice</DisplayName></Initiator><Owner><ID>ALICE</ID><DisplayName>alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass><PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>10000</NextPartNumberMarker><MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated><Part><PartNumber>2</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"aa03dd410e77870318ecac5ec03c57c1"</ETag><Size>7</Size></Part><Part><PartNumber>30</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag><Size>0</Size></Part><Part><PartNumber>10000</PartNumber><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"3dd974741fc93dc08b137b0455b5d83d"</ETag><Size>9</Size></Part></ListPartsResult>
            "#);
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        for number in [1, 5, 300, 9_999] {
            gateway.put_part(who, "/photos/k", &id, number, part_bytes(number, 3)).await;
        }
        let check = async |query: &str, numbers: &[&str], next: &str, truncated: &str| {
            let answer = gateway.check(who, &format!("GET /photos/k?uploadId={id}&{query}"), "200").await;
            assert_eq!(answer.elements("PartNumber"), numbers, "{query}");
            assert_eq!(answer.element("NextPartNumberMarker"), Some(next), "{query}");
            assert_eq!(answer.element("IsTruncated"), Some(truncated), "{query}");
        };
        check("max-parts=3", &["1", "5", "300"], "300", "true").await;
        check("max-parts=3&part-number-marker=300", &["9999"], "9999", "false").await;
        check("max-parts=4", &["1", "5", "300", "9999"], "9999", "false").await;
        check("max-parts=1&part-number-marker=4", &["5"], "5", "true").await;
        check("part-number-marker=9999", &[], "0", "false").await;
        check("part-number-marker=70000", &[], "0", "false").await;
        check("max-parts=0", &["1", "5", "300", "9999"], "9999", "false").await;
        let encoded = gateway.check(who, &format!("GET /photos/k?uploadId={id}&encoding-type=url"), "200").await;
        assert_eq!((encoded.element("EncodingType"), encoded.element("Key")), (Some("url"), Some("k")));
        for (query, verdict) in [
            ("max-parts=-1", "400 InvalidArgument"),
            ("max-parts=x", "400 InvalidArgument"),
            ("part-number-marker=-1", "400 InvalidArgument"),
            ("part-number-marker=x", "400 InvalidArgument"),
            ("encoding-type=x", "400 InvalidArgument"),
        ] {
            gateway.check(who, &format!("GET /photos/k?uploadId={id}&{query}"), verdict).await;
        }
        gateway.check(who, "GET /photos/k?uploadId=1", "404 NoSuchUpload").await;
        gateway.check(who, &format!("GET /photos/other?uploadId={id}"), "404 NoSuchUpload").await;
        for stranger in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
            gateway.check(stranger, &format!("GET /photos/k?uploadId={id}"), "403 AccessDenied").await;
        }
    }
}

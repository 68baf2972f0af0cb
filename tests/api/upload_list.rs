//! `GET /bucket?uploads`.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn uploads_are_listed_by_key_and_age() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let b = gateway.begin_upload(who, "/photos/b").await;
        let a = gateway.begin_upload(who, "/photos/a%20b").await;
        let answer = gateway.check(who, "GET /photos?uploads&prefix=&encoding-type=url", "200").await;
        let alice = gateway.account_id("alice").await;
        let text = answer.text().replace(&a, "A").replace(&b, "B").replace(&alice, "ALICE");
        if who.prefix() == "x-obs-" {
            insta::assert_snapshot!(text, @r#"
            200 OK
            content-type: application/xml

            <ListMultipartUploadsResult xmlns="http://obs.localhost/doc/2015-06-30/"><Bucket>photos</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker><Prefix></Prefix><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Upload><Key>a%20b</Key><UploadId>A</UploadId><Initiator><ID>domainID/ALICE:userID/ALICE</ID></Initiator><Owner><ID>ALICE</ID></Owner><StorageClass>STANDARD</StorageClass><Initiated>2015-07-01T03:27:45.482Z</Initiated></Upload><Upload><Key>b</Key><UploadId>B</UploadId><Initiator><ID>domainID/ALICE:userID/ALICE</ID></Initiator><Owner><ID>ALICE</ID></Owner><StorageClass>STANDARD</StorageClass><Initiated>2015-07-01T03:27:45.482Z</Initiated></Upload></ListMultipartUploadsResult>
            "#);
        } else {
            insta::assert_snapshot!(text, @r#"
            200 OK
            content-type: application/xml

            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>photos</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker><Prefix></Prefix><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Upload><Key>a%20b</Key><UploadId>A</UploadId><Initiator><ID>ALICE</ID><DisplayName>alice</DisplayName></Initiator><Owner><ID>ALICE</ID><DisplayName>alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass><Initiated>2015-07-01T03:27:45.482Z</Initiated></Upload><Upload><Key>b</Key><UploadId>B</UploadId><Initiator><ID>ALICE</ID><DisplayName>alice</DisplayName></Initiator><Owner><ID>ALICE</ID><DisplayName>alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass><Initiated>2015-07-01T03:27:45.482Z</Initiated></Upload></ListMultipartUploadsResult>
            "#);
        }
        // Time passes: the second of one key is the younger.
        gateway.app.clock.set(gateway.app.clock.now_millis() + 1);
        let younger = gateway.begin_upload(who, "/photos/b").await;
        let answer = gateway.check(who, "GET /photos?uploads&prefix=b", "200").await;
        assert_eq!(answer.elements("UploadId"), [&*b, &*younger]);
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let mut ids = Vec::new();
        for key in ["a", "b/1", "b/2", "c", "c"] {
            gateway.app.clock.set(gateway.app.clock.now_millis() + 1);
            ids.push(gateway.begin_upload(who, &format!("/photos/{key}")).await);
        }
        let check = async |query: &str, keys: &[&str], groups: &[&str], next: Option<(&str, &str)>| {
            let answer = gateway.check(who, &format!("GET /photos?uploads&{query}"), "200").await;
            assert_eq!(answer.elements("Key"), keys, "{query}");
            let prefixes: Vec<_> = answer.elements("CommonPrefixes");
            let groups: Vec<_> = groups.iter().map(|group| format!("<Prefix>{group}</Prefix>")).collect();
            assert_eq!(prefixes, groups, "{query}");
            assert_eq!(answer.element("IsTruncated"), Some(if next.is_some() { "true" } else { "false" }));
            let (key, id) = next.unwrap_or_default();
            assert_eq!((answer.element("NextKeyMarker"), answer.element("NextUploadIdMarker")), (Some(key), Some(id)));
        };
        check("", &["a", "b/1", "b/2", "c", "c"], &[], None).await;
        check("max-uploads=2", &["a", "b/1"], &[], Some(("b/1", &ids[1]))).await;
        check("max-uploads=4", &["a", "b/1", "b/2", "c"], &[], Some(("c", &ids[3]))).await;
        check(&format!("key-marker=c&upload-id-marker={}", ids[3]), &["c"], &[], None).await;
        check(&format!("key-marker=c&upload-id-marker={}", ids[4]), &[], &[], None).await;
        check("key-marker=b/1", &["b/2", "c", "c"], &[], None).await;
        check("key-marker=c", &[], &[], None).await;
        check("key-marker=b", &["b/1", "b/2", "c", "c"], &[], None).await;
        // Without a key the marker's id says nothing.
        check(&format!("upload-id-marker={}", ids[3]), &["a", "b/1", "b/2", "c", "c"], &[], None).await;
        check("delimiter=/", &["a", "c", "c"], &["b/"], None).await;
        check("delimiter=/&max-uploads=2", &["a"], &["b/"], Some(("b/", ""))).await;
        check("delimiter=/&key-marker=b/", &["c", "c"], &[], None).await;
        check("prefix=b/&delimiter=/", &["b/1", "b/2"], &[], None).await;
        check("prefix=x", &[], &[], None).await;
        check("max-uploads=0", &["a", "b/1", "b/2", "c", "c"], &[], None).await;
        let long = "k".repeat(1025);
        for (query, verdict) in [
            ("max-uploads=-1", "400 InvalidArgument"),
            ("max-uploads=x", "400 InvalidArgument"),
            ("encoding-type=x", "400 InvalidArgument"),
            ("key-marker=a&upload-id-marker=x", "400 InvalidArgument"),
            (&format!("prefix={long}"), "400 InvalidArgument"),
        ] {
            gateway.check(who, &format!("GET /photos?uploads&{query}"), verdict).await;
        }
        gateway.check(who, "GET /nowhere?uploads", "404 NoSuchBucket").await;
        for stranger in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
            gateway.check(stranger, "GET /photos?uploads", "403 AccessDenied").await;
        }
    }
}

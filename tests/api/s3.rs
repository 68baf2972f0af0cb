//! What is told in S3's words alone, operation by operation, where the other dialects have words of their own or none.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use obs_gateway::blob::digest;
use obs_gateway::config::Config;

use crate::form::Form;
use crate::support::{As, Gateway};
use crate::upload::part_bytes;

const ALICE: As = As::S3("alice");
const BOB: As = As::S3("bob");

const ENABLED: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

/// Whose a bucket is has to be as the request says, whoever asks and whatever for.
#[tokio::test]
async fn the_owner_that_is_expected() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos?acl\nx-amz-acl: public-read-write", "200").await;
    gateway.check(ALICE, "PUT /photos/k\nx-amz-acl: public-read\n\nhello", "200").await;
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    let expecting = |request: &str, owner: &str| {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        format!("{head}\nx-amz-expected-bucket-owner: {owner}\n\n{body}")
    };
    for who in [ALICE, BOB, As::Nobody, As::Aws("alice")] {
        for request in ["GET /photos", "HEAD /photos", "GET /photos/k", "PUT /photos/k\n\nother", "DELETE /photos/k"] {
            for wrong in [&*bob, "123456789012", "", &alice.to_uppercase()] {
                gateway.check(who, &expecting(request, wrong), "403 AccessDenied").await;
            }
        }
        gateway.check(who, &expecting("GET /photos/k", &alice), "200").await;
        gateway.check(who, &expecting("GET /missing/k", &alice), "404 NoSuchBucket").await;
    }
    assert_eq!(gateway.read("/photos/k").await, "hello");
    // Another dialect's header says nothing here.
    gateway.check(As::Obs("alice"), &expecting("GET /photos/k", &bob), "200").await;

    gateway.check(ALICE, "PUT /copies", "200").await;
    for (source, target, verdict) in
        [(&alice, &alice, "200"), (&bob, &alice, "403 AccessDenied"), (&alice, &bob, "403 AccessDenied")]
    {
        let copy = format!("PUT /copies/k\nx-amz-copy-source: photos/k\nx-amz-source-expected-bucket-owner: {source}");
        gateway.check(ALICE, expecting(&copy, target).trim_end(), verdict).await;
    }
}

/// A stranger who may list some keys is told which of these there are not.
#[tokio::test]
async fn keys_are_missing_for_whom_a_listing_would_show_them() {
    let gateway = Gateway::with_bucket().await;
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::photos",
                     "Condition":{"StringLike":{"s3:prefix":"public/*"}}}}"#;
    gateway.check(ALICE, &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for who in [BOB, As::Obs("bob")] {
        for method in ["GET", "HEAD"] {
            gateway.check(who, &format!("{method} /photos/public/k"), "404 NoSuchKey").await;
            gateway.check(who, &format!("{method} /photos/private/k"), "403 AccessDenied").await;
            gateway.check(who, &format!("{method} /photos/public/"), "404 NoSuchKey").await;
            gateway.check(who, &format!("{method} /photos/public"), "403 AccessDenied").await;
            // What the request says it lists does not count where it lists nothing.
            gateway.check(who, &format!("{method} /photos/private/k?prefix=public/a"), "403 AccessDenied").await;
        }
        gateway.check(who, "GET /photos?prefix=public/", "200").await;
        gateway.check(who, "GET /photos", "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn what_is_missing_says_whether_it_is_marked() {
    let gateway = Gateway::with_bucket().await;
    let marker = async |key: &str| {
        let mut told = Vec::new();
        for method in ["GET", "HEAD"] {
            let answer = gateway.check(ALICE, &format!("{method} /photos/{key}"), "404 NoSuchKey").await;
            told.push(answer.header("x-amz-delete-marker").to_owned());
        }
        told
    };
    assert_eq!(marker("k").await, ["false", "false"]);
    gateway.check(ALICE, ENABLED, "200").await;
    assert_eq!(marker("k").await, ["false", "false"]);
    gateway.check(ALICE, "DELETE /photos/k", "204").await;
    assert_eq!(marker("k").await, ["true", "true"]);
    for who in [As::Obs("alice"), As::Aws("alice")] {
        let missing = gateway.check(who, "GET /photos/other", "404 NoSuchKey").await;
        assert_eq!(missing.header(&format!("{}delete-marker", who.prefix())), "");
    }
}

/// What is missing is named.
#[tokio::test]
async fn refusals_name_what_is_missing() {
    let gateway = Gateway::with_bucket().await;
    for (request, verdict, element, name) in [
        ("GET /missing", "404 NoSuchBucket", "BucketName", "missing"),
        ("PUT /missing/k\n\nhello", "404 NoSuchBucket", "BucketName", "missing"),
        ("GET /photos/a%26b", "404 NoSuchKey", "Key", "a&amp;b"),
        ("PUT /photos/k\nIf-Match: *\n\nhello", "404 NoSuchKey", "Key", "k"),
        ("PUT /photos/k\nx-amz-copy-source: photos/source", "404 NoSuchKey", "Key", "source"),
        ("PUT /photos/k\nx-amz-copy-source: none/source", "404 NoSuchBucket", "BucketName", "none"),
    ] {
        let answer = gateway.check(ALICE, request, verdict).await;
        assert_eq!(answer.elements(element), [name], "{request}");
    }
}

#[tokio::test]
async fn a_bucket_made_again_is_the_one_there_is() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(ALICE, "PUT /photos", "200").await;
    gateway.check(BOB, "PUT /photos", "409 BucketAlreadyExists").await;
    gateway.check(ALICE, "PUT /photos\nx-amz-acl: public-read", "409 BucketAlreadyExists").await;
    gateway.check(ALICE, "PUT /photos\nx-amz-bucket-object-lock-enabled: true", "409 BucketAlreadyOwnedByYou").await;
    gateway.check(ALICE, "PUT /public\nx-amz-acl: public-read", "200").await;
    gateway.check(ALICE, "PUT /public\nx-amz-acl: public-read", "200").await;
    gateway.check(ALICE, "PUT /public", "409 BucketAlreadyExists").await;
    assert_eq!(gateway.keys("photos").await, ["k"]);
    // The other dialects change nothing and refuse nothing.
    gateway.check(As::Aws("alice"), "PUT /public", "200").await;
    let acl = gateway.check(ALICE, "GET /public?acl", "200").await;
    assert!(acl.body_text().contains("AllUsers"));
}

#[tokio::test]
async fn unfinished_uploads_go_with_their_bucket() {
    let gateway = Gateway::with_bucket().await;
    for key in ["a", "a", "b/c"] {
        let id = gateway.begin_upload(ALICE, &format!("/photos/{key}")).await;
        gateway.put_parts(ALICE, &format!("/photos/{key}"), &id, &[5, 70_000]).await;
    }
    // Not where the bucket stays, and not in other words.
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(ALICE, "DELETE /photos", "409 BucketNotEmpty").await;
    gateway.check(BOB, "DELETE /photos", "403 AccessDenied").await;
    gateway.check(ALICE, "DELETE /photos/k", "204").await;
    for who in [As::Obs("alice"), As::Aws("alice")] {
        gateway.check(who, "DELETE /photos", "409 BucketNotEmpty").await;
    }
    assert_eq!(gateway.usage("photos").await.uploads, 3);
    gateway.check(ALICE, "DELETE /photos", "204").await;
    gateway.assert_sound();
    gateway.check(ALICE, "HEAD /photos", "404 NoSuchBucket").await;
    gateway.check(ALICE, "PUT /photos", "200").await;
    assert!(gateway.usage("photos").await.is_empty());
}

#[tokio::test]
async fn a_part_may_be_listed_again() {
    let gateway = Gateway::with_bucket().await;
    let id = gateway.begin_upload(ALICE, "/photos/k").await;
    let first = gateway.put_part(ALICE, "/photos/k", &id, 1, part_bytes(1, 8)).await;
    let last = gateway.put_part(ALICE, "/photos/k", &id, 1, part_bytes(2, 8)).await;
    let refused = gateway.complete(ALICE, "/photos/k", &id, &[(1, last.clone()), (1, first.clone())]).await;
    assert_eq!(refused.verdict(), "400 InvalidPart");
    let done = gateway.complete(ALICE, "/photos/k", &id, &[(1, first), (1, last)]).await;
    assert_eq!(done.verdict(), "200");
    assert_eq!(gateway.read("/photos/k").await, part_bytes(2, 8));
}

#[tokio::test]
async fn the_first_region_has_no_name() {
    for (region, told) in [("region-1", "region-1"), ("us-east-1", "")] {
        let gateway = Gateway::configured(Config { region: region.to_owned(), ..Config::for_testing() }).await;
        gateway.check(ALICE, "PUT /photos", "200").await;
        let answer = gateway.check(ALICE, "GET /photos?location", "200").await;
        let expected = format!(
            "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{told}</LocationConstraint>"
        );
        assert!(answer.body_text().ends_with(&expected), "{}", answer.body_text());
        for list in ["GET /".to_owned(), format!("GET /?bucket-region={region}")] {
            let buckets = gateway.check(ALICE, &list, "200").await;
            assert_eq!(buckets.element("BucketRegion"), Some(region));
            assert!(buckets.element("Location").is_none() && buckets.element("BucketType").is_none());
        }
        assert_eq!(gateway.check(ALICE, "HEAD /photos", "200").await.header("x-amz-bucket-region"), region);
    }
}

/// Owners have the names of their accounts; one that is gone goes by its id.
#[tokio::test]
async fn listings_name_owners() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos?acl\nx-amz-acl: public-read-write", "200").await;
    gateway.check(ALICE, "PUT /photos/a\n\nhello", "200").await;
    gateway.check(BOB, "PUT /photos/b\n\nhello", "200").await;
    gateway.check(As::Nobody, "PUT /photos/n\n\nhello", "200").await;
    gateway.begin_upload(BOB, "/photos/u").await;
    let nobody = "0".repeat(32);
    let named = async |request: &str| {
        let answer = gateway.check(ALICE, request, "200").await;
        answer.elements("DisplayName").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = ["alice", "bob", &nobody];
    assert_eq!(named("GET /photos").await, all);
    assert_eq!(named("GET /photos?versions").await, all);
    assert_eq!(named("GET /photos?list-type=2&fetch-owner=true").await, all);
    assert!(named("GET /photos?list-type=2").await.is_empty());
    assert_eq!(named("GET /photos?uploads").await, ["bob", "bob"]);
    assert_eq!(named("GET /").await, ["alice"]);
}

/// Slashes stay in encoded listings, and the prefix of the first kind is as it was sent.
#[tokio::test]
async fn encoded_listings_keep_slashes() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/a%2Bb/c%20d\n\nhello", "200").await;
    gateway.check(ALICE, "PUT /photos/a%2Bb/e/f\n\nhello", "200").await;
    for (list, prefix) in [("", "a+b/"), ("&list-type=2", "a%2Bb/"), ("&versions", "a%2Bb/")] {
        let query = format!("delimiter=/&encoding-type=url&prefix=a%2Bb/{list}");
        let answer = gateway.check(ALICE, &format!("GET /photos?{query}"), "200").await;
        assert_eq!(answer.elements("Key"), ["a%2Bb/c%20d"], "{list}");
        assert_eq!(answer.elements("Prefix"), [prefix, "a%2Bb/e/"], "{list}");
        assert_eq!((answer.element("Delimiter"), answer.element("EncodingType")), (Some("/"), Some("url")));
    }
    let aws = gateway.check(As::Aws("alice"), "GET /photos?encoding-type=url", "200").await;
    assert_eq!(aws.elements("Key"), ["a%2Bb%2Fc%20d", "a%2Bb%2Fe%2Ff"]);
}

#[tokio::test]
async fn listings_show_restores_if_asked() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/cold\nx-amz-storage-class: GLACIER\n\nhello", "200").await;
    gateway.check(ALICE, "PUT /photos/plain\n\nhello", "200").await;
    let list = async |query: &str| {
        let request = format!("GET /photos{query}\nx-amz-optional-object-attributes: RestoreStatus");
        let answer = gateway.check(ALICE, &request, "200").await;
        answer.elements("RestoreStatus").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let lists = ["", "?list-type=2", "?versions"];
    for query in lists {
        assert!(list(query).await.is_empty());
    }
    let body = "<RestoreRequest><Days>1</Days></RestoreRequest>";
    gateway.check(ALICE, &format!("POST /photos/cold?restore\n\n{body}"), "202").await;
    let head = gateway.check(ALICE, "HEAD /photos/cold", "200").await;
    let is_ready = head.header("x-amz-restore").contains("expiry-date");
    for query in lists {
        let shown = list(query).await;
        assert_eq!(shown.len(), 1, "{query}");
        let expected = format!("<IsRestoreInProgress>{}</IsRestoreInProgress>", !is_ready);
        assert!(shown[0].starts_with(&expected) && shown[0].contains("RestoreExpiryDate") == is_ready, "{shown:?}");
        assert!(gateway.check(ALICE, &format!("GET /photos{query}"), "200").await.element("RestoreStatus").is_none());
    }
    let typo = "GET /photos\nx-amz-optional-object-attributes: RestoreStatus, Colour";
    gateway.check(ALICE, typo, "400 InvalidArgument").await;
}

#[tokio::test]
async fn objects_have_no_torrents() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(ALICE, "GET /photos/k?torrent", "404 NoSuchKey").await;
    gateway.check(ALICE, "PUT /photos/k?torrent", "501 NotImplemented").await;
    gateway.check(ALICE, "GET /photos?torrent", "501 NotImplemented").await;
    gateway.check(As::Obs("alice"), "GET /photos/k?torrent", "501 ServiceNotImplemented").await;
}

/// A form says in a document what its file is tagged with.
#[tokio::test]
async fn a_form_has_tags() {
    let gateway = Gateway::with_bucket().await;
    let document = "<Tagging><TagSet><Tag><Key>a &amp; b</Key><Value>1</Value></Tag><Tag><Key>c</Key><Value/></Tag>\
                    </TagSet></Tagging>";
    for who in [As::Obs("alice"), As::Aws("alice")] {
        gateway.check_post(who, &Form::new("k", "hello").field("tagging", document), "204").await;
        let tags = gateway.check(who, "GET /photos/k?tagging", "200").await;
        assert_eq!(tags.elements("Key"), ["a &amp; b", "c"]);
        gateway.check(who, "DELETE /photos/k", "204").await;
    }
    let many: Vec<String> = (0..11).map(|number| format!("<Tag><Key>k{number}</Key><Value/></Tag>")).collect();
    let many = format!("<Tagging><TagSet>{}</TagSet></Tagging>", many.concat());
    let twice = Form::new("k", "hello").field("tagging", document);
    for (form, verdict) in [
        (Form::new("k", "hello").field("tagging", &many), "400 InvalidTag"),
        (Form::new("k", "hello").field("tagging", "a=1"), "400 MalformedXML"),
        (twice.field("x-amz-tagging", "a=1"), "400 InvalidArgument"),
    ] {
        gateway.check_post(As::Aws("alice"), &form, verdict).await;
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// Conditions are no reason to ask for less than a digest.
#[tokio::test]
async fn deletions_of_many_come_with_a_digest() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    let document = "<Delete><Object><Key>k</Key><Size>5</Size></Object></Delete>";
    gateway.check(ALICE, &format!("POST /photos?delete\n\n{document}"), "400 InvalidRequest").await;
    let md5 = BASE64.encode(digest::md5(document.as_bytes()));
    gateway.check(ALICE, &format!("POST /photos?delete\nContent-MD5: {md5}\n\n{document}"), "200").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// An id that no version was ever called is a mistake to be told of: who deletes by it would take the version for gone.
#[tokio::test]
async fn ids_that_no_version_has_are_refused() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(ALICE, ENABLED, "200").await;
    for id in ["", "abc", "NULL", "0123456789abcdef0123456789abcdef"] {
        for request in ["GET /photos/k?", "HEAD /photos/k?", "DELETE /photos/k?", "GET /photos/k?tagging&"] {
            gateway.check(ALICE, &format!("{request}versionId={id}"), "400 InvalidArgument").await;
        }
        let copy = format!("PUT /photos/copy\nx-amz-copy-source: photos/k?versionId={id}");
        gateway.check(ALICE, &copy, "400 InvalidArgument").await;
        gateway.check(As::Aws("alice"), &format!("GET /photos/k?versionId={id}"), "404 NoSuchVersion").await;
    }
    // One that could be a version's is that of nothing.
    let unknown = "0123456789ABCDEF0123456789ABCDEF";
    gateway.check(ALICE, &format!("GET /photos/k?versionId={unknown}"), "404 NoSuchVersion").await;
    gateway.check(ALICE, &format!("DELETE /photos/k?versionId={unknown}"), "204").await;
    assert_eq!(gateway.used("photos").await, (5, 1));

    let item = |id: &str| format!("<Object><Key>k</Key><VersionId>{id}</VersionId></Object>");
    let document = format!("<Delete>{}{}{}</Delete>", item("abc"), item(unknown), item("null"));
    let md5 = BASE64.encode(digest::md5(document.as_bytes()));
    let told = gateway.check(ALICE, &format!("POST /photos?delete\nContent-MD5: {md5}\n\n{document}"), "200").await;
    assert_eq!((told.elements("Code"), told.elements("Deleted").len()), (vec!["NoSuchVersion"], 2));
    assert_eq!(told.elements("VersionId"), ["abc", unknown, "null"]);
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// A bucket's tags may be as many and as long as S3 says, and what other tools write into them.
#[tokio::test]
async fn tags_of_buckets_are_those_of_s3() {
    let gateway = Gateway::with_bucket().await;
    let put = |tags: &[(String, String)]| {
        let tag = |(key, value): &(String, String)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        let tags: String = tags.iter().map(tag).collect();
        format!("PUT /photos?tagging\n\n<Tagging><TagSet>{tags}</TagSet></Tagging>")
    };
    let numbered = |count: usize| -> Vec<(String, String)> {
        (0..count).map(|at| (format!("{at:0128}"), "&quot;".repeat(256))).collect()
    };
    gateway.check(ALICE, &put(&[("example.com/team".into(), "a=b, c".into())]), "204").await;
    let shown = gateway.check(ALICE, "GET /photos?tagging", "200").await;
    assert_eq!((shown.element("Key"), shown.element("Value")), (Some("example.com/team"), Some("a=b, c")));
    gateway.check(ALICE, &put(&numbered(51)), "400 InvalidTag").await;
    gateway.check(ALICE, &put(&[("k".repeat(129), String::new())]), "400 InvalidTag").await;
    gateway.check(ALICE, &put(&[("k".into(), "v".repeat(257))]), "400 InvalidTag").await;
    assert_eq!(gateway.check(ALICE, "GET /photos?tagging", "200").await.elements("Key"), ["example.com/team"]);
    gateway.check(ALICE, &put(&numbered(50)), "204").await;
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos?tagging", "200").await.elements("Key").len(), 50);
}

/// What a reader says of encryption is refused, whole or in pieces; all of it belongs to writers.
#[tokio::test]
async fn readers_say_nothing_of_encryption() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    for request in ["GET /photos/k", "HEAD /photos/k", "GET /photos/k?attributes\nx-amz-object-attributes: ETag"] {
        for tail in ["customer-algorithm: AES256", "customer-key: a", "customer-key-MD5: a"] {
            let request = format!("{request}\nx-amz-server-side-encryption-{tail}");
            gateway.check(ALICE, &request, "400 InvalidRequest").await;
            gateway.check(As::Aws("alice"), &request, "400 InvalidRequest").await;
        }
        for tail in [": AES256", ": aws:kms", "-aws-kms-key-id: k", "-bucket-key-enabled: true"] {
            let request = format!("{request}\nx-amz-server-side-encryption{tail}");
            gateway.check(ALICE, &request, "400 InvalidArgument").await;
        }
    }
}

/// What would be passed over is refused: a range of a copy that is whole, a source's condition where there is no source,
/// a digest of bytes that are not sent.
#[tokio::test]
async fn copies_and_writes_are_told_apart() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(ALICE, "PUT /photos/k\n\nhello", "200").await;
    let id = gateway.begin_upload(ALICE, "/photos/c").await;
    let part = format!("PUT /photos/c?partNumber=1&uploadId={id}");
    let copy = "PUT /photos/c\nx-amz-copy-source: photos/k";
    gateway.check(ALICE, &format!("{copy}\nx-amz-copy-source-range: bytes=0-1"), "400 InvalidRequest").await;
    let part_copy = format!("{part}\nx-amz-copy-source: photos/k\nx-amz-copy-source-range: bytes=0-1");
    for copy in [copy, &part_copy] {
        gateway.check(ALICE, &format!("{copy}\nx-amz-checksum-crc32: AAAAAA=="), "501 NotImplemented").await;
    }
    for write in ["PUT /photos/c", &part] {
        for tail in ["if-match: x", "if-unmodified-since: x", "range: bytes=0-1"] {
            let request = format!("{write}\nx-amz-copy-source-{tail}\n\nhello");
            gateway.check(ALICE, &request, "400 InvalidRequest").await;
        }
    }
    let usage = gateway.usage("photos").await;
    assert_eq!((usage.used_objects(), usage.parts), (1, 0));
    gateway.check(ALICE, &part_copy, "200").await;
}

/// A marker that XML cannot hold would come back as another: pages would leave out what is after it, or never end.
#[tokio::test]
async fn pages_do_not_go_on_elsewhere() {
    let gateway = Gateway::with_bucket().await;
    for key in ["%01a", "%01b", "c", "%EF%BF%BFd"] {
        gateway.check(ALICE, &format!("PUT /photos/{key}"), "200").await;
        gateway.check(ALICE, &format!("POST /photos/{key}?uploads"), "200").await;
    }
    for (query, parameter, element) in [
        ("max-keys=1", "marker", "NextMarker"),
        ("versions&max-keys=1", "key-marker", "NextKeyMarker"),
        ("uploads&max-uploads=1", "key-marker", "NextKeyMarker"),
    ] {
        for who in [ALICE, As::Obs("alice")] {
            gateway.check(who, &format!("GET /photos?{query}"), "400 InvalidArgument").await;
            let (mut marker, mut keys) = (String::new(), Vec::new());
            loop {
                let page = format!("GET /photos?{query}&encoding-type=url&{parameter}={marker}");
                let page = gateway.check(who, &page, "200").await;
                keys.extend(page.element("Key").map(str::to_owned));
                if page.element("IsTruncated") == Some("false") {
                    break;
                }
                marker = page.element(element).expect("a page names the next").to_owned();
            }
            assert_eq!(keys, ["%01a", "%01b", "c", "%EF%BF%BFd"], "{query}");
        }
    }
    // A page that ends elsewhere, and a token, which says nothing to the reader.
    gateway.check(ALICE, "GET /photos?max-keys=3", "200").await;
    gateway.check(ALICE, "GET /photos?list-type=2&max-keys=1", "200").await;
}

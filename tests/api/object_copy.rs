//! `PUT /bucket/key` with a copy source.

use std::sync::Arc;

use obs_gateway::error::Error;
use obs_gateway::limits;
use obs_gateway::meta::{BlobId, Body, Object, ObjectState, Piece, Restore, Source, Stored};
use obs_gateway::name::{BucketName, ObjectKey};
use obs_gateway::storage_class::StorageClass;

use crate::support::{As, Gateway, all, both, pattern};

const VERSIONING: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

/// The request that copies `source` to `target` with further header lines, `x-` standing for the dialect's prefix.
fn copy(who: As, source: &str, target: &str, lines: &str) -> String {
    let lines = lines.replace("x-", who.prefix());
    format!("PUT {target}\n{}copy-source: {source}{lines}", who.prefix())
}

async fn object(gateway: &Gateway, bucket: &str, key: &str) -> Object {
    let (bucket, key) = (BucketName::parse(bucket).expect("a name"), ObjectKey::parse(key).expect("a key"));
    let read = gateway.app.store.read(|tx| {
        let bucket = tx.bucket(&bucket)?.expect("the bucket is there");
        Ok::<_, Error>(tx.object(bucket.id, &key)?.expect("the object is there"))
    });
    read.await.expect("memory does not fail")
}

/// Stores an object as no request could.
async fn plant(gateway: &Gateway, key: &str, change: impl Fn(&mut Object), stored: &Stored) {
    let name = BucketName::parse("photos").expect("a name");
    let key = ObjectKey::parse(key).expect("a key");
    gateway.check(As::Obs("alice"), "PUT /photos/template\n\nhello", "200").await;
    let mut object = object(gateway, "photos", "template").await;
    object.blob = BlobId::mint(1);
    object.body = stored.body();
    change(&mut object);
    let write = gateway.app.store.write(|tx| {
        let bucket = tx.bucket(&name)?.expect("the bucket is there");
        let slot = tx.slot(&bucket, &key)?;
        Ok::<_, Error>(tx.put_object(slot, &object, stored)?)
    });
    write.await.expect("memory does not fail");
    gateway.check(As::Obs("alice"), "DELETE /photos/template", "204").await;
}

#[tokio::test]
async fn bytes_of_any_size_are_copied_and_charged() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /other", "200").await;
        let inline = usize::try_from(limits::INLINE_BODY_BYTES_MAX).unwrap();
        for (at, length) in [0, 5, inline, inline + 1, 700_000].into_iter().enumerate() {
            let body = pattern(length);
            let put = gateway.send_bytes(who, "PUT /photos/k", body.clone()).await;
            let answer = gateway.check(who, &copy(who, "/photos/k", "/other/a%20b", ""), "200").await;
            assert_eq!(answer.element("ETag"), Some(put.header("etag")));
            assert_eq!(gateway.used("photos").await, (length as u64, 1));
            assert_eq!(gateway.used("other").await, (length as u64, 1), "copy {at}");
            // Neither depends on the other.
            gateway.check(who, "DELETE /photos/k", "204").await;
            let copied = gateway.check(who, "GET /other/a%20b", "200").await;
            assert!(copied.body == body, "{length}");
            assert_eq!(copied.header("etag"), put.header("etag"));
        }
    }
}

#[tokio::test]
async fn the_answer_in_either_dialect() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let obs = gateway.check(As::Obs("alice"), &copy(As::Obs("alice"), "photos/k", "/photos/c", ""), "200").await;
    insta::assert_snapshot!(obs.text(), @r#"
    200 OK
    content-type: application/xml

    <CopyObjectResult xmlns="http://obs.localhost/doc/2015-06-30/"><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></CopyObjectResult>
    "#);
    let aws = As::Aws("alice");
    let aws = gateway.check(aws, &copy(aws, "photos/k", "/photos/c", "\nx-storage-class: STANDARD_IA"), "200").await;
    insta::assert_snapshot!(aws.text(), @r#"
    200 OK
    content-type: application/xml
    x-amz-storage-class: STANDARD_IA

    <CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></CopyObjectResult>
    "#);
}

/// A small body is copied, of a large one there are two names; deleting either leaves the other.
/// s5cmd and OBS's Go SDK write it so, and Amazon reads it so; a plus of a key is `%2B`.
#[tokio::test]
async fn a_plus_in_the_source_is_a_space() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/a%20b\n\nspace", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/a%2Bb\n\nplus", "200").await;
    for who in all("alice") {
        for (source, bytes) in [("a+b", "space"), ("a%20b", "space"), ("a%2Bb", "plus")] {
            let prefix = who.prefix();
            gateway.check(who, &format!("PUT /photos/copy\n{prefix}copy-source: photos/{source}"), "200").await;
            assert_eq!(gateway.check(who, "GET /photos/copy", "200").await.body_text(), bytes, "{source}");
        }
    }
}

#[tokio::test]
async fn large_bodies_are_shared() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Obs("alice");
    for (length, is_shared) in [(5, false), (700_000, true)] {
        gateway.send_bytes(who, "PUT /photos/k", pattern(length)).await;
        gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "200").await;
        let blobs = [object(&gateway, "photos", "k").await.blob, object(&gateway, "photos", "c").await.blob];
        assert_eq!(blobs[0] == blobs[1], is_shared);
    }
    // Over itself, again and again.
    for _ in 0..3 {
        gateway.check(who, &copy(who, "photos/k", "/photos/k", "\nx-metadata-directive: REPLACE"), "200").await;
        gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "200").await;
    }
    assert_eq!(gateway.used("photos").await, (1_400_000, 2));
    gateway.check(who, "DELETE /photos/k", "204").await;
    assert!(gateway.check(who, "GET /photos/c", "200").await.body == pattern(700_000));
    assert_eq!(gateway.used("photos").await, (700_000, 1));
}

const SOURCE: &str = "PUT /photos/k\nContent-Type: text/plain\nCache-Control: no-cache\nx-meta-colour: blue\n\
                      x-tagging: a=1\nx-acl: public-read\nx-storage-class: WARM\n\
                      x-website-redirect-location: /r\nx-obs-expires: 3\nx-obs-persistent-headers: p:cQ==\n\nhello";

#[tokio::test]
async fn metadata_comes_from_the_source_or_from_the_request() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let put = SOURCE.replace("x-obs-", "\u{1}").replace("x-", who.prefix()).replace('\u{1}', who.prefix());
        gateway.check(who, &put, "200").await;
        let given = "\nContent-Type: text/html\nx-meta-size: large";
        for (directive, kind, metadata) in [
            ("", "text/plain", ("colour", "blue")),
            ("\nx-metadata-directive: COPY", "text/plain", ("colour", "blue")),
            ("\nx-metadata-directive: REPLACE", "text/html", ("size", "large")),
        ] {
            gateway.check(who, &copy(who, "photos/k", "/photos/c", &[directive, given].concat()), "200").await;
            let copied = object(&gateway, "photos", "c").await;
            assert_eq!(copied.headers.content_type.as_deref(), Some(kind), "{who:?}{directive}");
            assert_eq!(copied.headers.metadata, [(metadata.0.to_owned(), metadata.1.to_owned())]);
            assert_eq!(copied.headers.cache_control.is_some(), kind == "text/plain");
            let attributes = copied.attributes.map(|attributes| *attributes).unwrap_or_default();
            assert_eq!(attributes.persistent_headers.len(), usize::from(kind == "text/plain"));
            // What belongs to the source alone.
            assert_eq!((copied.storage_class, attributes.acl), (StorageClass::Standard, None));
            assert_eq!((attributes.redirect, attributes.expires_days), (None, None));
        }
    }
}

#[tokio::test]
async fn tags_go_along_where_the_dialect_says_so() {
    let tags = async |gateway: &Gateway| {
        let tags = object(gateway, "photos", "c").await.tags().to_vec();
        tags.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    };
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, &format!("PUT /photos/k\n{}tagging: a=1&b=\n\nhello", who.prefix()), "200").await;
        let by_default = if matches!(who, As::Aws(_)) { "a=1&b=" } else { "" };
        for (lines, expected) in [
            ("", by_default),
            ("\nx-tagging-directive: COPY", "a=1&b="),
            ("\nx-tagging-directive: REPLACE", ""),
            ("\nx-tagging-directive: REPLACE\nx-tagging: c=3", "c=3"),
        ] {
            gateway.check(who, &copy(who, "photos/k", "/photos/c", lines), "200").await;
            assert_eq!(tags(&gateway).await, expected, "{who:?}{lines}");
        }
        let contradiction = copy(who, "photos/k", "/photos/c", "\nx-tagging-directive: COPY\nx-tagging: c=3");
        gateway.check(who, &contradiction, "400 InvalidRequest").await;
        let silent = copy(who, "photos/k", "/photos/c", "\nx-tagging: c=3");
        gateway.check(who, &silent, if by_default.is_empty() { "200" } else { "400 InvalidRequest" }).await;
        assert_eq!(tags(&gateway).await, "c=3");
    }
}

#[tokio::test]
async fn the_copy_has_what_the_request_gives_it() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let lines = "\nx-acl: public-read\nx-storage-class: COLD\nx-website-redirect-location: /r\nx-expires: 3";
        gateway.check(who, &copy(who, "photos/k", "/photos/c", lines), "200").await;
        let copied = object(&gateway, "photos", "c").await;
        let attributes = copied.attributes.expect("it has some");
        assert_eq!((copied.storage_class, attributes.acl.is_some()), (StorageClass::Cold, true));
        assert_eq!((attributes.redirect.as_deref(), attributes.expires_days), (Some("/r"), Some(3)));
        let name = if matches!(who, As::Aws(_)) { "success_action_redirect" } else { "success-action-redirect" };
        let sent = copy(who, "photos/k", "/photos/c", &format!("\n{name}: http://a/b"));
        let answer = gateway.check(who, &sent, "303").await;
        let location = "http://a/b?bucket=photos&key=c&etag=%225d41402abc4b2a76b9719d911017c592%22";
        assert_eq!(answer.header("location"), location);
    }
}

#[tokio::test]
async fn conditions_on_source_and_target() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        gateway.check(who, "PUT /photos/c\n\nother", "200").await;
        let (etag, earlier) = ("5d41402abc4b2a76b9719d911017c592", "Wed, 01 Jul 2015 03:27:44 GMT");
        let check = async |lines: String, verdict: &str| {
            gateway.check(who, &copy(who, "photos/k", "/photos/c", &lines), verdict).await
        };
        check(format!("\nx-copy-source-if-match: \"{etag}\""), "200").await;
        check(format!("\nx-copy-source-if-match: \"{etag}\"\nx-copy-source-if-unmodified-since: {earlier}"), "200")
            .await;
        check("\nx-copy-source-if-none-match: other".to_owned(), "200").await;
        check(format!("\nx-copy-source-if-modified-since: {earlier}"), "200").await;
        gateway.check(who, "PUT /photos/c\n\nother", "200").await;
        for (lines, header) in [
            ("\nx-copy-source-if-match: other".to_owned(), "If-Match"),
            (format!("\nx-copy-source-if-none-match: {etag}"), "If-None-Match"),
            (format!("\nx-copy-source-if-unmodified-since: {earlier}"), "If-Unmodified-Since"),
            ("\nx-copy-source-if-modified-since: Wed, 01 Jul 2015 03:27:45 GMT".to_owned(), "If-Modified-Since"),
        ] {
            let refusal = check(lines, "412 PreconditionFailed").await;
            let header = format!("{}copy-source-{header}", who.prefix());
            assert_eq!(refusal.element("Condition"), Some(header.as_str()));
        }
        check(format!("\nx-copy-source-if-match: {etag}\nx-copy-source-if-none-match: a"), "400 InvalidRequest").await;
        check("\nIf-None-Match: *".to_owned(), "412 PreconditionFailed").await;
        check(format!("\nIf-Match: {etag}"), "412 PreconditionFailed").await;
        assert_eq!(gateway.check(who, "GET /photos/c", "200").await.body_text(), "other");
        check("\nIf-Match: *".to_owned(), "200").await;
    }
}

#[tokio::test]
async fn an_object_is_not_copied_to_itself_for_nothing() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        for lines in ["", "\nx-metadata-directive: COPY", "\nx-storage-class: STANDARD", "\nx-acl: public-read"] {
            gateway.check(who, &copy(who, "photos/k", "/photos/k", lines), "400 InvalidRequest").await;
        }
        gateway.check(who, &copy(who, "photos/k?versionId=null", "/photos/k", ""), "400 InvalidRequest").await;
        for lines in [
            "\nx-metadata-directive: REPLACE\nx-meta-a: b",
            "\nx-storage-class: WARM",
            "\nx-website-redirect-location: /r\nx-storage-class: WARM",
        ] {
            gateway.check(who, &copy(who, "photos/k", "/photos/k", lines), "200").await;
            assert_eq!(gateway.used("photos").await, (5, 1));
        }
        let kept = object(&gateway, "photos", "k").await;
        assert_eq!((kept.headers.metadata.len(), kept.storage_class), (1, StorageClass::Warm));
    }
    // In S3 a class that is named is enough, whichever.
    let (gateway, s3) = (Gateway::with_bucket().await, As::S3("alice"));
    gateway.check(s3, "PUT /photos/k\nx-amz-meta-a: b\n\nhello", "200").await;
    let class = "\nx-storage-class: STANDARD\nx-checksum-algorithm: SHA256";
    gateway.check(s3, &copy(s3, "photos/k", "/photos/k", "\nx-checksum-algorithm: SHA256"), "400 InvalidRequest").await;
    gateway.check(s3, &copy(s3, "photos/k", "/photos/k", class), "200").await;
    let kept = object(&gateway, "photos", "k").await;
    let checksum = kept.state.and_then(|state| state.checksum).expect("it was asked for");
    assert_eq!((checksum.algorithm.name(), kept.headers.metadata.len()), ("SHA256", 1));
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn versions_are_copied_by_their_ids() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let named = |name: &str| format!("{}{name}", who.prefix());
        gateway.check(who, "PUT /other", "200").await;
        gateway.check(who, "PUT /photos/k\n\nfirst", "200").await;
        gateway.check(who, VERSIONING, "200").await;
        let put = gateway.check(who, "PUT /photos/k\n\nsecond", "200").await;
        let second = put.header(&named("version-id")).to_owned();
        let copied = gateway.check(who, &copy(who, "photos/k", "/other/c", ""), "200").await;
        assert_eq!(copied.header(&named("copy-source-version-id")), second);
        assert_eq!(copied.header(&named("version-id")), "");
        // An older version over the newest of its own key.
        let back = gateway.check(who, &copy(who, "photos/k?versionId=null", "/photos/k", ""), "200").await;
        assert_eq!(back.header(&named("copy-source-version-id")), "null");
        assert_eq!(back.header(&named("version-id")).len(), 32);
        assert_eq!(gateway.check(who, "GET /photos/k", "200").await.body_text(), "first");
        assert_eq!(gateway.used("photos").await, (16, 3));
        let marker = gateway.check(who, "DELETE /photos/k", "204").await.header(&named("version-id")).to_owned();
        let check = async |source: String, verdict: &str| {
            gateway.check(who, &copy(who, &source, "/other/d", ""), verdict).await;
        };
        check("photos/k".to_owned(), "404 NoSuchKey").await;
        check(format!("photos/k?versionId={marker}"), "400 InvalidRequest").await;
        check("photos/k?versionId=nonsense".to_owned(), "404 NoSuchVersion").await;
        check("photos/k?versionId=".to_owned(), "404 NoSuchVersion").await;
        check(format!("photos/k?versionId={second}"), "200").await;
        assert_eq!(gateway.check(who, "GET /other/d", "200").await.body_text(), "second");
    }
}

#[tokio::test]
async fn archived_sources_are_restored_first() {
    let gateway = Gateway::with_bucket().await;
    let (who, now) = (As::Obs("alice"), gateway.app.clock.now_millis());
    let body = Stored::Inline("hello".into());
    for (restore, verdict) in [
        (None, "403 InvalidObjectState"),
        (Some((now + 1, now + 2)), "403 InvalidObjectState"),
        (Some((now - 2, now)), "403 InvalidObjectState"),
        (Some((now, now + 1)), "200"),
    ] {
        let restore = restore.map(|(ready_millis, expires_millis)| Restore { ready_millis, expires_millis });
        let archive = |object: &mut Object| {
            object.storage_class = StorageClass::Cold;
            object.state = ObjectState { restore, ..ObjectState::default() }.boxed();
        };
        plant(&gateway, "k", archive, &body).await;
        gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), verdict).await;
    }
    let copied = object(&gateway, "photos", "c").await;
    assert_eq!((copied.storage_class, copied.state), (StorageClass::Standard, None));
}

#[tokio::test]
async fn what_is_too_large_is_copied_in_parts() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Obs("alice");
    let hole = |length| Stored::Pieces(vec![Piece { length, part: 0, source: Source::Zeros }]);
    let largest = limits::OBJECT_PUT_BYTES_MAX;
    plant(&gateway, "k", |object| object.size = largest, &hole(largest)).await;
    gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "200").await;
    assert_eq!(object(&gateway, "photos", "c").await.body, Body::Pieces);
    plant(&gateway, "k", |object| object.size = largest + 1, &hole(largest + 1)).await;
    gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "400 InvalidRequest").await;
    assert_eq!(gateway.used("photos").await, (2 * largest + 1, 2));
}

#[tokio::test]
async fn a_copy_that_does_not_fit_is_refused() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.send_bytes(who, "PUT /photos/k", pattern(200_000)).await;
        gateway.check(who, "PUT /photos?quota\n\n<Quota><StorageQuota>500000</StorageQuota></Quota>", "200").await;
        gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "200").await;
        gateway.check(who, &copy(who, "photos/k", "/photos/d", ""), "403 InsufficientStorageSpace").await;
        // In its own place it takes no more than it has.
        gateway.check(who, &copy(who, "photos/k", "/photos/c", ""), "200").await;
        assert_eq!(gateway.used("photos").await, (400_000, 2));
        assert_eq!(gateway.keys("photos").await, ["c", "k"]);
    }
}

#[tokio::test]
async fn refusals_copy_nothing() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let check = async |source: &str, lines: &str, verdict: &str| {
            gateway.check(who, &copy(who, source, "/photos/c", lines), verdict).await;
        };
        for bad in ["", "photos", "/photos/", "photos/%zz"] {
            check(bad, "", "400 InvalidArgument").await;
        }
        check("Photos/k", "", "400 InvalidBucketName").await;
        check("missing/k", "", "404 NoSuchBucket").await;
        check("photos/none", "", "404 NoSuchKey").await;
        for directive in ["metadata-directive", "tagging-directive"] {
            check("photos/k", &format!("\nx-{directive}: copy"), "400 InvalidArgument").await;
        }
        check("photos/k", "\nx-metadata-directive: REPLACE_NEW", "400 InvalidArgument").await;
        check("photos/k", "\n\nbody", "400 MaxMessageLengthExceeded").await;
        check("photos/k", "\nx-acl: everyone", "400 InvalidArgument").await;
        check("photos/k", "\nsuccess-action-redirect: ftp://a", "400 InvalidArgument").await;
        check("photos/k", "\nx-copy-source-server-side-encryption-customer-key: a", "400 InvalidRequest").await;
        check("photos/k", "\nx-server-side-encryption: kms", "501 ServiceNotImplemented").await;
        let class = if matches!(who, As::Aws(_)) { "400 InvalidStorageClass" } else { "400 InvalidArgument" };
        check("photos/k", "\nx-storage-class: TEPID", class).await;
        gateway.check(who, &copy(who, "photos/k", "/missing/c", ""), "404 NoSuchBucket").await;
        gateway.check(who, &copy(who, "photos/k", "/photos/c?typo", ""), "400 InvalidArgument").await;
        assert_eq!(gateway.keys("photos").await, ["k"]);
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
    let gateway = Gateway::with_bucket().await;
    let aws = As::Aws("alice");
    gateway.check(aws, "PUT /photos/k\n\nhello", "200").await;
    let alice = gateway.account_id("alice").await;
    let checksum = copy(aws, "photos/k", "/photos/c", "\nx-checksum-algorithm: SHA512");
    gateway.check(aws, &checksum, "501 ServiceNotImplemented").await;
    for (owner, verdict) in [("0", "403 AccessDenied"), (alice.as_str(), "200")] {
        let lines = format!("\nx-source-expected-bucket-owner: {owner}");
        gateway.check(aws, &copy(aws, "photos/k", "/photos/c", &lines), verdict).await;
    }
}

/// Whoever copies may read the source and write the target.
#[tokio::test]
async fn both_ends_ask_for_leave() {
    let gateway = Gateway::with_bucket().await;
    let (alice, bob) = (As::Obs("alice"), As::Obs("bob"));
    gateway.check(alice, "PUT /photos/k\n\nhello", "200").await;
    gateway.check(alice, "PUT /photos/public\nx-obs-acl: public-read\n\nhello", "200").await;
    gateway.check(bob, "PUT /theirs", "200").await;
    gateway.check(bob, "PUT /theirs/k\n\ntheirs", "200").await;
    gateway.check(bob, &copy(bob, "photos/k", "/theirs/c", ""), "403 AccessDenied").await;
    gateway.check(bob, &copy(bob, "photos/none", "/theirs/c", ""), "403 AccessDenied").await;
    gateway.check(bob, &copy(bob, "theirs/k", "/photos/c", ""), "403 AccessDenied").await;
    gateway.check(bob, &copy(bob, "photos/public", "/theirs/c", ""), "200").await;
    gateway.check(As::Nobody, &copy(alice, "photos/public", "/photos/c", ""), "403 AccessDenied").await;
    let copied = object(&gateway, "theirs", "c").await;
    assert_eq!(copied.owner.to_string(), gateway.account_id("bob").await);
    // A policy that denies the source by its name, however it is written.
    let policy = r#"{"Statement":[{"Effect":"Deny","Principal":{"ID":["*"]},"Action":["PutObject"],"Resource":["photos/*"],
        "Condition":{"StringEquals":{"copy-source":["photos/a b"]}}}]}"#;
    gateway.check(alice, "PUT /photos/a%20b\n\nhello", "200").await;
    gateway.check(alice, &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    for source in ["photos/a b", "/photos/a%20b", "photos/a+b", "%2Fphotos%2Fa%20b"] {
        gateway.check(alice, &copy(alice, source, "/photos/d", ""), "403 AccessDenied").await;
    }
    gateway.check(alice, &copy(alice, "photos/k", "/photos/d", ""), "200").await;
}

/// A source that is replaced while it is copied is copied as it was or as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_in_motion_is_copied_whole() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    let who = As::Obs("alice");
    gateway.send_bytes(who, "PUT /photos/k", pattern(10)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_usize {
        let gateway = Arc::clone(&gateway);
        tasks.spawn(async move {
            for round in 0..12_usize {
                if task % 2 == 0 {
                    let length = if round % 2 == 0 { 10 + task } else { 70_000 + task };
                    let put = gateway.send_bytes(who, "PUT /photos/k", pattern(length)).await;
                    assert_eq!(put.verdict(), "200");
                    continue;
                }
                let target = format!("/photos/c{}", task % 3);
                gateway.check(who, &copy(who, "photos/k", &target, ""), "200").await;
                let copied = gateway.check(who, &format!("GET {target}"), "200").await;
                assert!(copied.body == pattern(copied.body.len()));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    gateway.used("photos").await;
}

#[tokio::test]
async fn who_may_not_list_is_not_told_of_a_delete_marker() {
    for who in both("bob") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(As::Obs("bob"), "PUT /bobs", "200").await;
        gateway.check(As::Obs("alice"), VERSIONING, "200").await;
        let marker = gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
        let id = marker.header("x-obs-version-id").to_owned();
        let copy = |id: &str| format!("PUT /bobs/k\n{}copy-source: /photos/k?versionId={id}", who.prefix());
        gateway.check(who, &copy("00000000000000010000000000000001"), "403 AccessDenied").await;
        gateway.check(who, &copy(&id), "403 AccessDenied").await;
    }
}

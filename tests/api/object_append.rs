//! `POST /bucket/key?append`.

use std::sync::Arc;

use bytes::Bytes;
use obs_gateway::limits;
use obs_gateway::meta::{Object, ObjectState};
use obs_gateway::name::ObjectKey;
use obs_gateway::storage_class::StorageClass;

use crate::support::{As, Gateway, NOW, both, pattern};

const EMPTY_MD5: &str = "\"d41d8cd98f00b204e9800998ecf8427e\"";

/// Changes the record of `/photos/k` behind the gateway's back.
async fn change(gateway: &Gateway, change: impl Fn(&mut Object)) {
    let changed = gateway.app.store.write(|tx| {
        let buckets = tx.buckets()?;
        let bucket = buckets.iter().find(|bucket| bucket.name.as_str() == "photos").expect("it was made");
        let slot = tx.slot(bucket, &ObjectKey::parse("k").expect("a key"))?;
        let mut object = slot.current().expect("it was put").clone();
        change(&mut object);
        tx.rewrite_version(slot, &object)
    });
    changed.await.expect("memory does not fail");
}

#[tokio::test]
async fn the_answer_says_where_to_go_on() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let first = gateway.check(who, "POST /photos/k?append&position=0\n\nhello", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(first.text(), @r#"
            200 OK
            content-length: 0
            etag: "5d41402abc4b2a76b9719d911017c592"
            x-obs-next-append-position: 5
            "#);
        }
        assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("etag"), first.header("etag"));
        let next = gateway.check(who, "POST /photos/k?position=5&append\n\n, world", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(next.text(), @r#"
            200 OK
            content-length: 0
            etag: "05d06389da66bdee5c1747dec04a89f0"
            x-obs-next-append-position: 12
            "#);
        }
        // The tag in the answer is that of what was appended; the object has one of its own.
        let read = gateway.check(who, "GET /photos/k", "200").await;
        assert_eq!(read.body_text(), "hello, world");
        assert!(read.header("etag").ends_with("-2\""), "{}", read.header("etag"));
        let nothing = gateway.check(who, "POST /photos/k?append&position=12\n\n", "200").await;
        assert_eq!((nothing.header("etag"), nothing.header("x-obs-next-append-position")), (EMPTY_MD5, "12"));
        assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("etag"), read.header("etag"));
        assert_eq!(gateway.used("photos").await, (12, 1));
    }
}

/// Bodies of every size class, announced and not, read back whole and across their seams.
#[tokio::test]
async fn appends_of_all_sizes_come_back() {
    let gateway = Gateway::with_bucket().await;
    let small = usize::try_from(limits::INLINE_BODY_BYTES_MAX).unwrap();
    let mut whole = Vec::new();
    for (index, size) in [1, small - 1, 1, small, small + 1, 0, 300_000, 5, 5, 1_500_000].into_iter().enumerate() {
        let body = pattern(size + index).slice(index..);
        let head = format!("POST /photos/k?append&position={}", whole.len());
        let answer = if index % 2 == 0 {
            gateway.send_bytes(As::Obs("alice"), &head, body.clone()).await
        } else {
            let pieces: Vec<Bytes> = body.chunks(10_007).map(Bytes::copy_from_slice).collect();
            gateway.send_chunked(As::Aws("alice"), &head, pieces).await
        };
        whole.extend_from_slice(&body);
        assert_eq!(answer.verdict(), "200", "{size}");
        assert_eq!(answer.header("x-obs-next-append-position"), whole.len().to_string());
        assert_eq!(gateway.used("photos").await, (whole.len() as u64, 1));
        assert!(gateway.read("/photos/k").await == whole, "{size}");
    }
    for (from, to) in [(0, 1), (small - 2, small + 2), (2 * small - 1, 2 * small + 1), (3 * small, whole.len())] {
        let range = format!("GET /photos/k\nRange: bytes={from}-{}", to - 1);
        let answer = gateway.check(As::Obs("alice"), &range, "206").await;
        assert!(answer.body == whole[from..to], "{from}..{to}");
    }
}

#[tokio::test]
async fn what_the_first_append_says_of_the_object_stays() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let first =
            format!("POST /photos/k?append&position=0\nContent-Type: text/plain\n{}meta-a: 1\n\na", who.prefix());
        gateway.check(who, &first, "200").await;
        let second =
            format!("POST /photos/k?append&position=1\nContent-Type: text/html\n{}meta-b: 2\n\nb", who.prefix());
        gateway.check(who, &second, "200").await;
        let read = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        assert_eq!((read.header("content-type"), read.header("x-obs-meta-a")), ("text/plain", "1"));
        assert_eq!(read.header("x-obs-meta-b"), "");
    }
}

#[tokio::test]
async fn the_time_is_that_of_the_last_append() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "POST /photos/k?append&position=0\n\na", "200").await;
    gateway.app.clock.set(NOW + 5_000);
    gateway.check(As::Obs("alice"), "POST /photos/k?append&position=1\n\nb", "200").await;
    let read = gateway.check(As::Obs("alice"), "HEAD /photos/k", "200").await;
    assert_eq!(read.header("last-modified"), "Wed, 01 Jul 2015 03:27:50 GMT");
}

/// The days after which an object goes count from its last change.
#[tokio::test]
async fn an_append_puts_its_days_off() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "POST /photos/k?append&position=0\nx-obs-expires: 3\n\na", "200").await;
    gateway.app.clock.set(NOW + 86_400_000);
    gateway.check(As::Obs("alice"), "POST /photos/k?append&position=1\n\nb", "200").await;
    // Held against the record is the row of when it goes.
    assert_eq!(gateway.used("photos").await, (2, 1));
}

/// The CRC-64 is that of the whole object, as long as each append brings its own.
#[tokio::test]
async fn checksums_are_joined() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let name = format!("{}checksum-crc64ecma", who.prefix());
        let append = async |position: usize, body: &str, crc64: Option<u64>| {
            let header = crc64.map_or(String::new(), |crc64| format!("\n{name}: {crc64}"));
            let request = format!("POST /photos/k?append&position={position}{header}\n\n{body}");
            gateway.check(who, &request, "200").await.header(&name).to_owned()
        };
        let crc64 = |text: &str| obs_gateway::blob::digest::crc64(text.as_bytes());
        assert_eq!(append(0, "1234", Some(crc64("1234"))).await, crc64("1234").to_string());
        assert_eq!(append(4, "56789", Some(crc64("56789"))).await, "11051210869376104954");
        assert_eq!(append(9, "", None).await, "11051210869376104954");
        let wrong = format!("POST /photos/k?append&position=9\n{name}: 1\n\nx");
        gateway.check(who, &wrong, "400 BadDigest").await;
        assert_eq!(append(9, "x", None).await, "");
        assert_eq!(append(10, "y", Some(crc64("y"))).await, "");
    }
}

/// Expects a refusal that leaves the bytes and the numbers as they were.
async fn refused(gateway: &Gateway, who: As, request: &str, verdict: &str) -> String {
    let before = gateway.used("photos").await;
    let answer = gateway.check(who, request, verdict).await;
    assert_eq!(gateway.read("/photos/k").await, "hello");
    assert_eq!(gateway.used("photos").await, before);
    answer.header("x-obs-next-append-position").to_owned()
}

async fn with_log() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "POST /photos/k?append&position=0\n\nhello", "200").await;
    gateway
}

#[tokio::test]
async fn the_position_is_the_length() {
    let gateway = with_log().await;
    for who in both("alice") {
        for position in [0, 4, 6, u64::MAX] {
            let request = format!("POST /photos/k?append&position={position}\n\nx");
            assert_eq!(refused(&gateway, who, &request, "409 PositionNotEqualToLength").await, "5");
        }
        let missing = "POST /photos/none?append&position=1\n\nx";
        assert_eq!(refused(&gateway, who, missing, "409 PositionNotEqualToLength").await, "0");
        for position in [
            "",
            "&position",
            "&position=",
            "&position=-5",
            "&position=+5",
            "&position=five",
            "&position=5.0",
            "&position=18446744073709551616",
        ] {
            let request = format!("POST /photos/k?append{position}\n\nx");
            refused(&gateway, who, &request, "400 InvalidArgument").await;
        }
    }
}

#[tokio::test]
async fn a_body_is_what_its_headers_say_or_is_not_appended() {
    let gateway = with_log().await;
    for who in both("alice") {
        for (rest, verdict) in [
            ("Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\n\nhello!", "400 BadDigest"),
            ("Content-MD5: %\n\nhello", "400 InvalidDigest"),
            ("Content-Length: 6\n\nhello", "400 IncompleteBody"),
            ("Content-Length: 5368709121\n\nhello", "400 EntityTooLarge"),
            ("If-Match: x\n\nhello", "412 PreconditionFailed"),
            ("If-None-Match: *\n\nhello", "412 PreconditionFailed"),
        ] {
            refused(&gateway, who, &format!("POST /photos/k?append&position=5\n{rest}"), verdict).await;
        }
        let kms = format!("POST /photos/k?append&position=5\n{}server-side-encryption: kms\n\nx", who.prefix());
        refused(&gateway, who, &kms, "501 ServiceNotImplemented").await;
        refused(&gateway, who, "POST /photos/k?append&position=5&typo\n\nx", "400 InvalidArgument").await;
        refused(&gateway, who, "POST /photos/k?append&position=5&uploads\n\nx", "400 InvalidArgument").await;
        refused(&gateway, who, "POST /photos/k?append&position=5&select\n\nx", "501 ServiceNotImplemented").await;
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            refused(&gateway, who, &format!("{method} /photos/k?append&position=5"), "405 MethodNotAllowed").await;
        }
        refused(&gateway, who, "POST /missing/k?append&position=5\n\nx", "404 NoSuchBucket").await;
    }
    let matching = "POST /photos/k?append&position=5\nIf-Match: 5d41402abc4b2a76b9719d911017c592\n\n!";
    gateway.check(As::Obs("alice"), matching, "200").await;
}

#[tokio::test]
async fn only_appendable_objects_are_appended_to() {
    let gateway = with_log().await;
    for who in both("alice") {
        // Put as a whole, it is an ordinary object.
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        refused(&gateway, who, "POST /photos/k?append&position=5\n\nx", "409 ObjectNotAppendable").await;
        refused(&gateway, who, "POST /photos/k?append&position=0\n\nx", "409 ObjectNotAppendable").await;
        gateway.check(who, "DELETE /photos/k", "204").await;
        gateway.check(who, "POST /photos/k?append&position=0\n\nhello", "200").await;
        for class in [StorageClass::Cold, StorageClass::DeepArchive] {
            change(&gateway, |object| object.storage_class = class).await;
            gateway.check(who, "POST /photos/k?append&position=5\n\nx", "409 ObjectNotAppendable").await;
        }
        change(&gateway, |object| object.storage_class = StorageClass::Warm).await;
        let warm = gateway.check(who, "POST /photos/k?append&position=5\n\n", "200").await;
        let class = if who.prefix() == "x-obs-" { "WARM" } else { "STANDARD_IA" };
        assert_eq!(warm.header(&format!("{}storage-class", who.prefix())), class);
        let set_count = |count| {
            move |object: &mut Object| {
                object.state = ObjectState { append_count: Some(count), ..ObjectState::default() }.boxed();
            }
        };
        change(&gateway, set_count(limits::APPEND_COUNT_MAX - 1)).await;
        gateway.check(who, "POST /photos/k?append&position=5\n\n", "200").await;
        refused(&gateway, who, "POST /photos/k?append&position=5\n\n", "409 ObjectNotAppendable").await;
    }
}

/// A hole makes the longest object there can be.
#[tokio::test]
async fn an_object_has_a_longest_length() {
    let gateway = with_log().await;
    let length = limits::OBJECT_BYTES_MAX - 1;
    let grown = gateway.app.store.write(|tx| {
        let buckets = tx.buckets()?;
        let slot = tx.slot(&buckets[0], &ObjectKey::parse("k").expect("a key"))?;
        let object = slot.current().expect("it was put").clone();
        tx.truncate_object(slot, &object, length)
    });
    grown.await.unwrap();
    for who in both("alice") {
        gateway.check(who, &format!("POST /photos/k?append&position={length}\n\nxx"), "400 AppendTooLarge").await;
        let chunked = format!("POST /photos/k?append&position={length}");
        let pieces = [Bytes::from_static(b"x"), Bytes::from_static(b"x")];
        assert_eq!(gateway.send_chunked(who, &chunked, pieces).await.verdict(), "400 AppendTooLarge");
    }
    gateway.check(As::Obs("alice"), &format!("POST /photos/k?append&position={length}\n\nx"), "200").await;
    assert_eq!(gateway.used("photos").await, (limits::OBJECT_BYTES_MAX, 1));
}

#[tokio::test]
async fn an_append_grows_by_its_length() {
    const FULL: &str = "403 InsufficientStorageSpace";
    for size in [100, 64 * 1024 + 1, 300_000] {
        let gateway = with_log().await;
        gateway.limit("photos", 5 + 2 * size as u64).await;
        let append = async |position: usize, length: usize| {
            let head = format!("POST /photos/k?append&position={position}");
            gateway.send_bytes(As::Obs("alice"), &head, pattern(length)).await.verdict()
        };
        let stream = async |position: usize, length: usize| {
            let head = format!("POST /photos/k?append&position={position}");
            let pieces: Vec<Bytes> = pattern(length).chunks(7001).map(Bytes::copy_from_slice).collect();
            gateway.send_chunked(As::Aws("alice"), &head, pieces).await.verdict()
        };
        assert_eq!(append(5, 2 * size + 1).await, FULL);
        assert_eq!(stream(5, 2 * size + 1).await, FULL);
        assert_eq!(append(5, size).await, "200");
        assert_eq!(append(5 + size, size + 1).await, FULL);
        assert_eq!(stream(5 + size, size).await, "200");
        assert_eq!(append(5 + 2 * size, 1).await, FULL);
        assert_eq!(append(5 + 2 * size, 0).await, "200");
        gateway.check(As::Obs("alice"), "POST /photos/new?append&position=0\n\nx", FULL).await;
        assert_eq!(gateway.used("photos").await, (5 + 2 * size as u64, 1));
    }
}

#[tokio::test]
async fn appends_stay_with_the_current_version() {
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for who in both("alice") {
        let gateway = with_log().await;
        gateway.check(who, enable, "200").await;
        let id = format!("{}version-id", who.prefix());
        // The null version stays the null version, which is not named.
        let null = gateway.check(who, "POST /photos/k?append&position=5\n\n!", "200").await;
        assert_eq!(null.header(&id), "");
        let first = gateway.check(who, "POST /photos/new?append&position=0\n\na", "200").await;
        let second = gateway.check(who, "POST /photos/new?append&position=1\n\nb", "200").await;
        assert_eq!(first.header(&id).len(), 32);
        assert_eq!(second.header(&id), first.header(&id));
        assert_eq!(gateway.used("photos").await, (8, 2), "no older version was kept");
        // Behind a delete marker it begins anew.
        gateway.check(who, "DELETE /photos/new", "204").await;
        gateway.check(who, "POST /photos/new?append&position=2\n\nc", "409 PositionNotEqualToLength").await;
        let third = gateway.check(who, "POST /photos/new?append&position=0\n\nc", "200").await;
        assert_ne!(third.header(&id), first.header(&id));
        assert_eq!(gateway.read("/photos/new").await, "c");
        let old = format!("/photos/new?versionId={}", first.header(&id));
        assert_eq!(gateway.read(&old).await, "ab");
        assert_eq!(gateway.used("photos").await, (9, 3));
    }
}

#[tokio::test]
async fn where_objects_may_be_locked_none_is_appended_to() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-bucket-object-lock-enabled: true", "200").await;
    for who in both("alice") {
        gateway.check(who, "POST /photos/k?append&position=0\n\nx", "403 AccessDenied").await;
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// Sixteen at one position: one is first, and the others are told where it left off.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_appends_at_one_position_wins() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    let mut length = 0;
    for round in 0..6 {
        // Small bodies, and large ones that are in segments before they lose.
        let size = if round % 2 == 0 { 100 } else { 70_000 };
        let appends: Vec<_> = (0..16_u8)
            .map(|index| {
                let gateway = Arc::clone(&gateway);
                tokio::spawn(async move {
                    let head = format!("POST /photos/k?append&position={length}");
                    gateway.send_bytes(As::Obs("alice"), &head, Bytes::from(vec![index; size])).await
                })
            })
            .collect();
        let before = length;
        length += size;
        let mut winner = None;
        for (index, append) in (0..).zip(appends) {
            let answer = append.await.unwrap();
            match answer.verdict().as_str() {
                "200" => assert_eq!(winner.replace(index), None, "two have won"),
                verdict => assert_eq!(verdict, "409 PositionNotEqualToLength"),
            }
            assert_eq!(answer.header("x-obs-next-append-position"), length.to_string());
        }
        let winner = winner.expect("one has won");
        assert_eq!(gateway.read("/photos/k").await[before..], vec![winner; size]);
        assert_eq!(gateway.used("photos").await, (length as u64, 1));
    }
}

#[tokio::test]
async fn strangers_do_not_append() {
    let gateway = with_log().await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        refused(&gateway, who, "POST /photos/k?append&position=5\n\nx", "403 AccessDenied").await;
        refused(&gateway, who, "POST /photos/k?append&position=0\n\nx", "403 AccessDenied").await;
    }
}

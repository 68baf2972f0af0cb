//! `PUT /bucket/key?modify`.

use bytes::Bytes;
use obs_gateway::limits;

use crate::support::{As, Gateway, both, pattern};

async fn with_file() -> Gateway {
    let gateway = Gateway::with_file_system().await;
    gateway.check(As::Obs("alice"), "PUT /files/f\nx-obs-meta-a: 1\n\nhello, world", "200").await;
    gateway
}

#[tokio::test]
async fn bytes_are_written_in_place() {
    for who in both("alice") {
        let gateway = with_file().await;
        let answer = gateway.check(who, "PUT /files/f?modify&position=7\n\nthere", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r#"
            200 OK
            content-length: 0
            etag: "d850f04cdb48312a9be171e214c0b4ee"
            "#);
        }
        let read = gateway.check(As::Obs("alice"), "GET /files/f", "200").await;
        assert_eq!((read.body_text(), read.header("x-obs-meta-a")), ("hello, there", "1"));
        assert!(read.header("etag").ends_with("-2\""), "{}", read.header("etag"));
        assert_eq!(gateway.used("files").await, (12, 1));
        // Past the end it grows, behind the end it leaves a hole, and nothing written is nothing changed.
        gateway.check(who, "PUT /files/f?position=11&modify\n\n!!", "200").await;
        assert_eq!(gateway.read("/files/f").await, "hello, ther!!");
        gateway.check(who, "PUT /files/f?modify&position=15\n\nx", "200").await;
        assert_eq!(gateway.read("/files/f").await, "hello, ther!!\0\0x");
        let before = gateway.check(who, "HEAD /files/f", "200").await;
        gateway.check(who, "PUT /files/f?modify&position=3\n\n", "200").await;
        let after = gateway.check(who, "HEAD /files/f", "200").await;
        assert_eq!(after.header("etag"), before.header("etag"));
        assert_eq!(gateway.used("files").await, (16, 1));
        // Written over as a whole, its tag is a digest again.
        let whole = gateway.check(who, "PUT /files/f?modify&position=0\n\nhello, hello, hello", "200").await;
        let read = gateway.check(who, "GET /files/f", "200").await;
        assert_eq!((read.body_text(), read.header("etag")), ("hello, hello, hello", whole.header("etag")));
    }
}

/// The same bytes at another place are another object.
#[tokio::test]
async fn tags_tell_places_apart() {
    let gateway = Gateway::with_file_system().await;
    for (key, position) in [("a", 1), ("b", 2)] {
        gateway.check(As::Obs("alice"), &format!("PUT /files/{key}\n\nhello"), "200").await;
        gateway.check(As::Obs("alice"), &format!("PUT /files/{key}?modify&position={position}\n\nx"), "200").await;
    }
    let tag = async |key: &str| {
        gateway.check(As::Obs("alice"), &format!("HEAD /files/{key}"), "200").await.header("etag").to_owned()
    };
    assert_ne!(tag("a").await, tag("b").await);
}

#[tokio::test]
async fn a_file_that_is_not_there_begins_empty() {
    for who in both("alice") {
        let gateway = Gateway::with_file_system().await;
        gateway.check(who, "PUT /files/d/f?modify&position=0\nContent-Type: text/plain\n\nhello", "200").await;
        let read = gateway.check(who, "GET /files/d/f", "200").await;
        assert_eq!((read.body_text(), read.header("content-type")), ("hello", "text/plain"));
        assert_eq!(read.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
        gateway.check(who, "PUT /files/d/hole?modify&position=3\n\nx", "200").await;
        assert_eq!(gateway.read("/files/d/hole").await, "\0\0\0x");
        gateway.check(who, "PUT /files/d/empty?modify&position=0\n\n", "200").await;
        assert_eq!(gateway.used("files").await, (9, 3));
    }
}

#[tokio::test]
async fn large_files_are_modified_in_place() {
    let gateway = Gateway::with_file_system().await;
    let mut whole = pattern(1_500_000).to_vec();
    gateway.send_bytes(As::Obs("alice"), "PUT /files/f", whole.clone()).await;
    for (position, size, is_chunked) in [
        (0, 1, false),
        (700_000, 100_000, false),
        (750_000, 10, true),
        (749_990, 30, false),
        (1_499_999, 200_000, true),
        (1_800_000, 66_000, true),
        (650_000, 500_000, false),
    ] {
        let body = Bytes::from(vec![u8::try_from(position % 251).unwrap(); size]);
        let head = format!("PUT /files/f?modify&position={position}");
        let answer = if is_chunked {
            let pieces: Vec<Bytes> = body.chunks(10_007).map(Bytes::copy_from_slice).collect();
            gateway.send_chunked(As::Aws("alice"), &head, pieces).await
        } else {
            gateway.send_bytes(As::Obs("alice"), &head, body.clone()).await
        };
        assert_eq!(answer.verdict(), "200", "{position}");
        whole.resize(whole.len().max(position + size), 0);
        whole[position..position + size].copy_from_slice(&body);
        assert!(gateway.read("/files/f").await == whole, "{position}");
        assert_eq!(gateway.used("files").await, (whole.len() as u64, 1));
    }
    let range = gateway.check(As::Obs("alice"), "GET /files/f\nRange: bytes=649990-1150010", "206").await;
    assert!(range.body == whole[649_990..=1_150_010]);
}

#[tokio::test]
async fn a_file_grows_by_what_lies_behind_its_end() {
    const FULL: &str = "403 InsufficientStorageSpace";
    let gateway = with_file().await;
    gateway.limit("files", 20).await;
    for (request, verdict) in [
        ("position=20\n\nx", FULL),
        ("position=8\n\n0123456789abc", FULL),
        ("position=0\n\n0123456789abcdefghijk", FULL),
        ("position=8\n\n0123456789ab", "200"),
        ("position=0\n\n0123456789abcdefghij", "200"),
        ("position=20\n\nx", FULL),
    ] {
        gateway.check(As::Obs("alice"), &format!("PUT /files/f?modify&{request}"), verdict).await;
    }
    let pieces = [Bytes::from_static(b"01234"), Bytes::from_static(b"56789")];
    let streamed = gateway.send_chunked(As::Obs("alice"), "PUT /files/f?modify&position=15", pieces).await;
    assert_eq!(streamed.verdict(), FULL);
    gateway.check(As::Obs("alice"), "PUT /files/new?modify&position=0\n\nx", FULL).await;
    assert_eq!(gateway.used("files").await, (20, 1));
    assert_eq!(gateway.read("/files/f").await, "0123456789abcdefghij");
}

#[tokio::test]
async fn refusals_leave_the_file() {
    let gateway = with_file().await;
    let end = limits::FILE_BYTES_MAX;
    for who in both("alice") {
        for (rest, verdict) in [
            ("&position=-1\n\nx", "400 InvalidArgument".to_owned()),
            ("&position\n\nx", "400 InvalidArgument".to_owned()),
            ("\n\nx", "400 InvalidArgument".to_owned()),
            ("&position=0&typo\n\nx", "400 InvalidArgument".to_owned()),
            (&format!("&position={end}\n\nx"), "400 EntityTooLarge".to_owned()),
            (&format!("&position={}\n\nx", u64::MAX), "400 EntityTooLarge".to_owned()),
            ("&position=0\nContent-Length: 5368709121\n\nx", "400 EntityTooLarge".to_owned()),
            ("&position=0\nContent-Length: 2\n\nx", "400 IncompleteBody".to_owned()),
            ("&position=0\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\n\nx", "400 BadDigest".to_owned()),
            ("&position=0\nIf-Match: x\n\nx", "412 PreconditionFailed".to_owned()),
        ] {
            gateway.check(who, &format!("PUT /files/f?modify{rest}"), &verdict).await;
        }
        gateway.check(who, "PUT /files/d/?modify&position=0\n\nx", "409 FsObjectConflict").await;
        gateway.check(who, "PUT /files/f/g?modify&position=0\n\nx", "409 FsObjectConflict").await;
        gateway.check(who, "POST /files/f?modify&position=0\n\nx", "405 MethodNotAllowed").await;
        gateway.check(who, "PUT /missing/f?modify&position=0\n\nx", "404 NoSuchBucket").await;
        // Other buckets do not have it.
        gateway.check(who, "PUT /photos/f?modify&position=0\n\nx", "405 MethodNotAllowed").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "PUT /files/f?modify&position=0\n\nx", "403 AccessDenied").await;
        gateway.check(who, "PUT /photos/f?modify&position=0\n\nx", "403 AccessDenied").await;
    }
    assert_eq!(gateway.read("/files/f").await, "hello, world");
    assert_eq!((gateway.used("files").await, gateway.used("photos").await), ((12, 1), (0, 0)));
}

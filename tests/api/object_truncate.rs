//! `PUT /bucket/key?truncate`.

use obs_gateway::limits;

use crate::support::{As, Gateway, both, pattern};

#[tokio::test]
async fn a_file_ends_where_it_is_said_to() {
    for who in both("alice") {
        let gateway = Gateway::with_file_system().await;
        gateway.check(who, &format!("PUT /files/f\n{}meta-a: 1\n\nhello, world", who.prefix()), "200").await;
        let answer = gateway.check(who, "PUT /files/f?truncate&length=5", "204").await;
        assert_eq!(answer.text(), "204 No Content");
        let read = gateway.check(As::Obs("alice"), "GET /files/f", "200").await;
        assert_eq!((read.body_text(), read.header("x-obs-meta-a")), ("hello", "1"));
        assert_eq!(gateway.used("files").await, (5, 1));
        // The documented sample has a body, of one byte.
        gateway.check(who, "PUT /files/f?length=8&truncate\n\n1", "204").await;
        let grown = gateway.check(who, "GET /files/f", "200").await;
        assert_eq!(grown.body_text(), "hello\0\0\0");
        assert_ne!(grown.header("etag"), read.header("etag"));
        gateway.check(who, "PUT /files/f?truncate&length=8", "204").await;
        assert_eq!(gateway.check(who, "HEAD /files/f", "200").await.header("etag"), grown.header("etag"));
        gateway.check(who, "PUT /files/f?truncate&length=0", "204").await;
        let empty = gateway.check(who, "GET /files/f", "200").await;
        assert_eq!((empty.body_text(), empty.header("etag")), ("", "\"d41d8cd98f00b204e9800998ecf8427e\""));
        assert_eq!(gateway.used("files").await, (0, 1));
    }
}

#[tokio::test]
async fn large_files_lose_their_end() {
    let gateway = Gateway::with_file_system().await;
    let body = pattern(1_000_000);
    gateway.send_bytes(As::Obs("alice"), "PUT /files/f", body.clone()).await;
    for length in [999_999, 300_000, 5] {
        gateway.check(As::Obs("alice"), &format!("PUT /files/f?truncate&length={length}"), "204").await;
        assert!(gateway.read("/files/f").await == body[..length]);
        assert_eq!(gateway.used("files").await, (length as u64, 1));
    }
    gateway.check(As::Obs("alice"), "PUT /files/f?truncate&length=200000", "204").await;
    let read = gateway.read("/files/f").await;
    assert!(read[..5] == body[..5] && read[5..].iter().all(|byte| *byte == 0) && read.len() == 200_000);
}

#[tokio::test]
async fn a_hole_counts_as_much_as_bytes() {
    let gateway = Gateway::with_file_system().await;
    gateway.check(As::Obs("alice"), "PUT /files/f\n\nhello", "200").await;
    gateway.limit("files", 10).await;
    gateway.check(As::Obs("alice"), "PUT /files/f?truncate&length=11", "403 InsufficientStorageSpace").await;
    gateway.check(As::Obs("alice"), "PUT /files/f?truncate&length=10", "204").await;
    gateway.limit("files", 3).await;
    gateway.check(As::Obs("alice"), "PUT /files/f?truncate&length=9", "204").await;
    assert_eq!(gateway.used("files").await, (9, 1));
    gateway.limit("files", 0).await;
    let longest = limits::FILE_BYTES_MAX;
    gateway.check(As::Obs("alice"), &format!("PUT /files/f?truncate&length={longest}"), "204").await;
    assert_eq!(gateway.used("files").await, (longest, 1));
    let range = gateway.check(As::Obs("alice"), "GET /files/f\nRange: bytes=-3", "206").await;
    assert_eq!(range.body_text(), "\0\0\0");
}

#[tokio::test]
async fn refusals_leave_the_file() {
    let gateway = Gateway::with_file_system().await;
    gateway.check(As::Obs("alice"), "PUT /files/f\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/f\n\nhello", "200").await;
    let too_long = format!("PUT /files/f?truncate&length={}", limits::FILE_BYTES_MAX + 1);
    let long_body = format!("PUT /files/f?truncate&length=1\n\n{}", "x".repeat(limits::DOCUMENT_BYTES_MAX + 1));
    for who in both("alice") {
        for (request, verdict) in [
            ("PUT /files/f?truncate", "400 InvalidArgument"),
            ("PUT /files/f?truncate&length=", "400 InvalidArgument"),
            ("PUT /files/f?truncate&length=-1", "400 InvalidArgument"),
            ("PUT /files/f?truncate&length=1x", "400 InvalidArgument"),
            ("PUT /files/f?truncate&length=1&typo", "400 InvalidArgument"),
            (&too_long, "400 InvalidArgument"),
            (&long_body, "400 EntityTooLarge"),
            ("PUT /files/none?truncate&length=1", "404 NoSuchKey"),
            ("PUT /files/d/?truncate&length=1", "409 FsObjectConflict"),
            ("PUT /files/f?truncate&length=1\nIf-Match: x", "412 PreconditionFailed"),
            ("POST /files/f?truncate&length=1", "405 MethodNotAllowed"),
            ("PUT /missing/f?truncate&length=1", "404 NoSuchBucket"),
            // Other buckets do not have it.
            ("PUT /photos/f?truncate&length=1", "405 MethodNotAllowed"),
        ] {
            gateway.check(who, request, verdict).await;
        }
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "PUT /files/f?truncate&length=1", "403 AccessDenied").await;
    }
    assert_eq!((gateway.used("files").await, gateway.used("photos").await), ((5, 1), (5, 1)));
}

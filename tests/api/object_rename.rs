//! `POST /bucket/key?rename`.

use std::sync::Arc;

use obs_gateway::limits;

use crate::support::{As, Gateway, NOW, both, pattern};

async fn with_files(keys: &[&str]) -> Gateway {
    let gateway = Gateway::with_file_system().await;
    for key in keys {
        gateway.check(As::Obs("alice"), &format!("PUT /files/{key}\n\n{key}"), "200").await;
    }
    gateway
}

#[tokio::test]
async fn a_file_has_its_new_name() {
    for who in both("alice") {
        let gateway = Gateway::with_file_system().await;
        gateway.check(who, &format!("PUT /files/a\n{}meta-a: 1\n\nhello", who.prefix()), "200").await;
        gateway.app.clock.set(NOW + 60_000);
        let answer = gateway.check(who, "POST /files/a?rename&name=d/b", "204").await;
        assert_eq!(answer.text(), "204 No Content");
        let read = gateway.check(As::Obs("alice"), "GET /files/d/b", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(read.text(), @r#"
            200 OK
            content-type: binary/octet-stream
            x-obs-meta-a: 1
            etag: "5d41402abc4b2a76b9719d911017c592"
            last-modified: Wed, 01 Jul 2015 03:27:45 GMT
            accept-ranges: bytes

            hello
            "#);
        }
        // A repetition finds nothing.
        gateway.check(who, "POST /files/a?rename&name=d/b", "404 NoSuchKey").await;
        // Parameters in any order, and the name from the root on.
        gateway.check(who, "POST /files/d/b?name=/c%20d&rename", "204").await;
        assert_eq!(gateway.keys("files").await, ["c d"]);
        assert_eq!(gateway.used("files").await, (5, 1));
    }
}

#[tokio::test]
async fn a_directory_moves_with_all_that_lies_under_it() {
    for who in both("alice") {
        let gateway = with_files(&["d/", "d/a", "d/e/b", "d0"]).await;
        gateway.send_bytes(As::Obs("alice"), "PUT /files/d/large", pattern(200_000)).await;
        let before = gateway.used("files").await;
        gateway.check(who, "POST /files/d/?rename&name=/n/m/", "204").await;
        assert_eq!(gateway.keys("files").await, ["d0", "n/m/", "n/m/a", "n/m/e/b", "n/m/large"]);
        assert!(gateway.read("/files/n/m/large").await == pattern(200_000));
        assert_eq!(gateway.read("/files/n/m/e/b").await, "d/e/b");
        assert_eq!(gateway.used("files").await, before);
    }
}

#[tokio::test]
async fn nothing_is_renamed_onto_something_else() {
    let keys = ["a", "b", "d/x", "e/"];
    let gateway = with_files(&keys).await;
    let long = "l".repeat(limits::KEY_BYTES_MAX);
    for who in both("alice") {
        for (request, verdict) in [
            ("a?rename&name=b", "409 FsObjectConflict"),
            ("a?rename&name=a", "409 FsObjectConflict"),
            ("a?rename&name=d", "409 FsObjectConflict"),
            ("a?rename&name=e", "409 FsObjectConflict"),
            ("a?rename&name=b/c", "409 FsObjectConflict"),
            ("a?rename&name=a/c", "409 FsObjectConflict"),
            ("a?rename&name=c/", "409 FsObjectConflict"),
            ("d/?rename&name=c", "409 FsObjectConflict"),
            ("d/?rename&name=e/", "409 FsObjectConflict"),
            ("d/?rename&name=d/", "409 FsObjectConflict"),
            ("d/?rename&name=d/f/", "409 FsObjectConflict"),
            ("d/?rename&name=b/", "409 FsObjectConflict"),
            ("none?rename&name=c", "404 NoSuchKey"),
            ("d?rename&name=c", "404 NoSuchKey"),
            ("a/?rename&name=c/", "404 NoSuchKey"),
            ("a?rename", "400 InvalidArgument"),
            ("a?rename&name=", "400 InvalidArgument"),
            ("a?rename&name=/", "400 InvalidArgument"),
            ("a?rename&name=//c", "400 InvalidArgument"),
            ("a?rename&name=c//d", "400 InvalidArgument"),
            ("a?rename&name=../c", "400 InvalidArgument"),
            ("a?rename&name=c&typo", "400 InvalidArgument"),
            (&format!("a?rename&name={long}"), "204"),
            (&format!("{long}?rename&name=/a"), "204"),
            ("a?rename&name=c\n\nbody", "400 UnexpectedContent"),
        ] {
            gateway.check(who, &format!("POST /files/{request}"), verdict).await;
            assert_eq!(gateway.used("files").await, (7, 4));
        }
        let too_long = if who.prefix() == "x-obs-" { "400 KeyTooLongError" } else { "400 KeyTooLong" };
        gateway.check(who, &format!("POST /files/a?rename&name={long}l"), too_long).await;
        gateway.check(who, &format!("POST /files/d/?rename&name={}/", &long[1..]), too_long).await;
        gateway.check(who, "PUT /files/a?rename&name=c", "405 MethodNotAllowed").await;
        gateway.check(who, "POST /missing/a?rename&name=c", "404 NoSuchBucket").await;
        // Other buckets do not have it.
        gateway.check(who, "POST /photos/a?rename&name=c", "405 MethodNotAllowed").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "POST /files/a?rename&name=c", "403 AccessDenied").await;
    }
    assert_eq!(gateway.keys("files").await, keys);
    for key in keys {
        assert_eq!(gateway.read(&format!("/files/{key}")).await, key);
    }
}

#[tokio::test]
async fn a_directory_may_hold_too_much_for_one_commit() {
    let gateway = Gateway::with_file_system().await;
    for index in 0..=limits::DIRECTORY_RENAME_COUNT_MAX {
        gateway.check(As::Obs("alice"), &format!("PUT /files/d/{index:04}"), "200").await;
    }
    gateway.check(As::Obs("alice"), "POST /files/d/?rename&name=e/", "400 InvalidRequest").await;
    gateway.check(As::Obs("alice"), "DELETE /files/d/0007", "204").await;
    gateway.check(As::Obs("alice"), "POST /files/d/?rename&name=e/", "204").await;
    assert_eq!(gateway.keys("files").await.first().map(String::as_str), Some("e/0000"));
}

/// Whoever may write some names cannot move to others, nor take along what lies under a directory and is not theirs.
#[tokio::test]
async fn all_names_must_be_the_callers_to_write() {
    let gateway = with_files(&["p/a", "p/d/b", "p/d/secret"]).await;
    let bob = gateway.account_id("bob").await;
    let statement = |effect: &str, resource: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":{{"ID":["domain/{bob}:user/*"]}},"Action":["PutObject"],"Resource":["{resource}"]}}"#
        )
    };
    let policy =
        format!(r#"{{"Statement":[{},{}]}}"#, statement("Allow", "files/p/*"), statement("Deny", "files/p/*secret"));
    gateway.check(As::Obs("alice"), &format!("PUT /files?policy\n\n{policy}"), "204").await;
    for who in both("bob") {
        gateway.check(who, "POST /files/p/a?rename&name=q/a", "403 AccessDenied").await;
        gateway.check(who, "POST /files/p/a?rename&name=p/secret", "403 AccessDenied").await;
        gateway.check(who, "POST /files/p/d/?rename&name=p/e/", "403 AccessDenied").await;
        gateway.check(who, "POST /files/p/a?rename&name=p/b", "204").await;
        gateway.check(who, "POST /files/p/b?rename&name=p/a", "204").await;
    }
    assert_eq!(gateway.keys("files").await, ["p/a", "p/d/b", "p/d/secret"]);
}

/// Many move one file to names of their own: it is found under one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_renames_wins() {
    let gateway = Arc::new(with_files(&["f"]).await);
    let renames: Vec<_> = (0..16)
        .map(|index| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                gateway.send(As::Obs("alice"), &format!("POST /files/f?rename&name=g{index}")).await.verdict()
            })
        })
        .collect();
    let mut won = Vec::new();
    for (index, rename) in renames.into_iter().enumerate() {
        match rename.await.unwrap().as_str() {
            "204" => won.push(format!("g{index}")),
            verdict => assert_eq!(verdict, "404 NoSuchKey"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(gateway.keys("files").await, won);
    assert_eq!(gateway.used("files").await, (1, 1));
}

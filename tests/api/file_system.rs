//! What sets parallel file systems apart from other buckets.

use crate::form::Form;
use crate::support::{As, Gateway, both, pattern};

#[tokio::test]
async fn what_file_systems_lack_is_refused() {
    let gateway = Gateway::with_file_system().await;
    gateway.check(As::Obs("alice"), "PUT /files/f\n\nhello", "200").await;
    for who in both("alice") {
        for request in [
            "POST /files/f?append&position=5\n\nx",
            "POST /files/new?append&position=0\n\nx",
            "GET /files?versioning",
            "GET /files?cors",
            "GET /files?storageClass",
            "GET /files?storagePolicy",
            "GET /files?versions",
            "GET /files/f?tagging",
            "POST /files/f?restore\n\n<RestoreRequest><Days>1</Days></RestoreRequest>",
            "OPTIONS /files/f\nOrigin: http://a\nAccess-Control-Request-Method: GET",
        ] {
            gateway.check(who, request, "405 FsNotSupport").await;
        }
        // Tags of the bucket it has.
        gateway.check(who, "GET /files?tagging", "404 NoSuchTagSet").await;
        gateway.check(who, "GET /files?quota", "200").await;
    }
    // Only who may ask at all is told.
    gateway.check(As::Obs("bob"), "POST /files/f?append&position=5\n\nx", "403 AccessDenied").await;
    gateway.check(As::Nobody, "GET /files?versioning", "403 AccessDenied").await;
    assert_eq!(gateway.used("files").await, (5, 1));
}

#[tokio::test]
async fn names_are_paths() {
    let gateway = Gateway::with_file_system().await;
    for who in both("alice") {
        for name in ["a//b", "a//", "//a", "../a", "a/../b", "a/./b", ".", "..", "a/.."] {
            gateway.check(who, &format!("PUT /files/{name}\n\nx"), "400 InvalidArgument").await;
            gateway.check(who, &format!("PUT /files/{name}?modify&position=0\n\nx"), "400 InvalidArgument").await;
            // There can be nothing, so there is nothing.
            gateway.check(who, &format!("GET /files/{name}"), "404 NoSuchKey").await;
            gateway.check(who, &format!("DELETE /files/{name}"), "204").await;
        }
        for name in ["a", "b/c", ".d", "e..f", "g/"] {
            gateway.check(who, &format!("PUT /files/{name}\n\n"), "200").await;
        }
    }
    assert_eq!(gateway.used("files").await, (0, 5));
}

#[tokio::test]
async fn a_name_is_a_file_or_a_directory() {
    let gateway = Gateway::with_file_system().await;
    gateway.check(As::Obs("alice"), "PUT /files/f\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /files/d/e/f\n\nhello", "200").await;
    for who in both("alice") {
        for name in ["f/g", "f/", "f/g/h", "d", "d/e", "d/e/f/g"] {
            gateway.check(who, &format!("PUT /files/{name}\n\nx"), "409 FsObjectConflict").await;
        }
        gateway.check(who, "PUT /files/d/\n\n", "200").await;
        gateway.check(who, "PUT /files/d/g\n\nhello", "200").await;
        gateway.check(who, "PUT /files/d/g\n\nthere", "200").await;
    }
    assert_eq!(gateway.keys("files").await, ["d/", "d/e/f", "d/g", "f"]);
    assert_eq!(gateway.used("files").await, (15, 4));
}

#[tokio::test]
async fn a_directory_goes_when_nothing_lies_under_it() {
    for who in both("alice") {
        let gateway = Gateway::with_file_system().await;
        for name in ["d/", "d/e/f", "d0", "h"] {
            gateway.check(who, &format!("PUT /files/{name}\n\n"), "200").await;
        }
        gateway.check(who, "DELETE /files/d/", "409 DirectoryNotEmpty").await;
        // It is there because of what lies under it.
        gateway.check(who, "DELETE /files/d/e/", "409 DirectoryNotEmpty").await;
        gateway.check(who, "DELETE /files/d/e/f", "204").await;
        gateway.check(who, "DELETE /files/d/e/", "204").await;
        gateway.check(who, "DELETE /files/d/", "204").await;
        gateway.check(who, "DELETE /files/d/", "204").await;
        assert_eq!(gateway.keys("files").await, ["d0", "h"]);
        // In other buckets a key is a key.
        gateway.check(who, "PUT /photos/d/\n\n", "200").await;
        gateway.check(who, "PUT /photos/d/e\n\n", "200").await;
        gateway.check(who, "DELETE /photos/d/", "204").await;
        assert_eq!(gateway.keys("photos").await, ["d/e"]);
    }
}

#[tokio::test]
async fn listings_part_names_at_slashes_only() {
    let gateway = Gateway::with_file_system().await;
    for name in ["d/", "d/e", "f"] {
        gateway.check(As::Obs("alice"), &format!("PUT /files/{name}\n\n"), "200").await;
    }
    for who in both("alice") {
        gateway.check(who, "GET /files?delimiter=e", "400 InvalidArgument").await;
        gateway.check(who, "GET /files?delimiter=//", "400 InvalidArgument").await;
        assert_eq!(gateway.check(who, "GET /files?delimiter=", "200").await.elements("Key"), ["d/", "d/e", "f"]);
        let listed = gateway.check(who, "GET /files?delimiter=/", "200").await;
        assert_eq!((listed.elements("Key"), listed.elements("CommonPrefixes").len()), (vec!["f"], 1));
    }
}

#[tokio::test]
async fn forms_make_files() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for who in both("alice") {
        gateway.check_post(who, &Form::new("d/f", "hello"), "204").await;
        gateway.check_post(who, &Form::new("d/", ""), "405 FsNotSupport").await;
        gateway.check_post(who, &Form::new("d//f", "hello"), "400 InvalidArgument").await;
        gateway.check_post(who, &Form::new("d/f/g", "hello"), "409 FsObjectConflict").await;
    }
    assert_eq!(gateway.keys("photos").await, ["d/f"]);
}

/// What is copied shares its bytes, and is changed without the other.
#[tokio::test]
async fn copies_and_uploads_are_modified_alone() {
    for who in both("alice") {
        let gateway = Gateway::with_file_system().await;
        let body = pattern(300_000);
        gateway.send_bytes(who, "PUT /photos/k", body.clone()).await;
        for (source, target) in [("photos/k", "files/a"), ("files/a", "files/b"), ("files/b", "photos/l")] {
            let copy = format!("PUT /{target}\n{}copy-source: /{source}", who.prefix());
            gateway.check(who, &copy, "200").await;
            if target == "files/a" {
                // Into pieces, which the next copies share.
                gateway.check(who, "PUT /files/a?modify&position=100000\n\nhello", "200").await;
            }
        }
        let mut modified = body.to_vec();
        modified[100_000..100_005].copy_from_slice(b"hello");
        gateway.check(who, "PUT /files/b?truncate&length=100003", "204").await;
        gateway.check(who, "DELETE /files/a", "204").await;
        assert!(gateway.read("/files/b").await == modified[..100_003]);
        assert!(gateway.read("/photos/l").await == modified);
        assert!(gateway.read("/photos/k").await == body);
        assert_eq!((gateway.used("files").await, gateway.used("photos").await), ((100_003, 1), (600_000, 2)));
        // A copy is an ordinary object, and what appends made stays what it is.
        gateway.check(who, "POST /photos/log?append&position=0\n\nhello", "200").await;
        gateway.check(who, &format!("PUT /photos/copy\n{}copy-source: /photos/log", who.prefix()), "200").await;
        gateway.check(who, "POST /photos/copy?append&position=5\n\n!", "409 ObjectNotAppendable").await;
        gateway.check(who, "POST /photos/log?append&position=5\n\n!", "200").await;
        gateway
            .check(who, &format!("PUT /files/d/..\n{}copy-source: /photos/k", who.prefix()), "400 InvalidArgument")
            .await;
    }
}

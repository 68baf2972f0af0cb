//! What sets parallel file systems apart from other buckets.

use crate::support::{As, Gateway, both};

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

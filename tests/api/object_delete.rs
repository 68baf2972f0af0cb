//! `DELETE /bucket/key`.

use crate::support::{As, Gateway, both, pattern};

#[tokio::test]
async fn what_is_deleted_is_gone_and_free_at_once() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for length in [0, 5, 200_000] {
            gateway.send_bytes(who, "PUT /photos/k", pattern(length)).await;
            assert_eq!(gateway.used("photos").await, (length as u64, 1));
            assert_eq!(gateway.check(who, "DELETE /photos/k", "204").await.text(), "204 No Content");
            assert_eq!(gateway.used("photos").await, (0, 0));
            gateway.check(who, "GET /photos/k", "404 NoSuchKey").await;
        }
        // Deleting what is not there is no error, and changes nothing.
        gateway.check(who, "DELETE /photos/k", "204").await;
        assert_eq!(gateway.used("photos").await, (0, 0));
    }
}

#[tokio::test]
async fn versions_are_null_or_nothing() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for version in ["0123456789abcdef0123456789abcdef", "", "NULL"] {
        gateway.check(As::Obs("alice"), &format!("DELETE /photos/k?versionId={version}"), "204").await;
        assert_eq!(gateway.used("photos").await, (5, 1), "{version}");
    }
    gateway.check(As::Obs("alice"), "DELETE /photos/k?versionId=null", "204").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
}

#[tokio::test]
async fn refusals_leave_the_object() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "DELETE /photos/k", "403 AccessDenied").await;
        gateway.check(who, "DELETE /photos/none", "403 AccessDenied").await;
    }
    gateway.check(As::Obs("frida"), "DELETE /photos/k", "403 InArrearOrInsufficientBalance").await;
    gateway.check(As::Obs("dora"), "DELETE /photos/k", "403 DeregisterUserId").await;
    for who in both("alice") {
        for query in ["typo", "prefix=a", "response-content-type=a", "versionId=null&typo"] {
            gateway.check(who, &format!("DELETE /photos/k?{query}"), "400 InvalidArgument").await;
        }
        gateway.check(who, "DELETE /photos/k\n\nbody", "400 UnexpectedContent").await;
        gateway.check(who, "DELETE /missing/k", "404 NoSuchBucket").await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
    // What SDKs add for themselves is no parameter.
    gateway.check(As::Obs("alice"), "DELETE /photos/k?x-id=DeleteObject", "204").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
}

/// What a deletion does and tells, by the state of the bucket.
#[tokio::test]
async fn deletions_by_versioning() {
    let versioning = |status: &str| {
        format!(
            "PUT /photos?versioning\n\n<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
        )
    };
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let prefix = who.prefix();
        // The version told, and whether it is said to be a delete marker.
        let check = async |query: &str| {
            let answer = gateway.check(who, &format!("DELETE /photos/k{query}"), "204").await;
            let marker = answer.header(&format!("{prefix}delete-marker")).to_owned();
            assert!(matches!(marker.as_str(), "" | "true"));
            (answer.header(&format!("{prefix}version-id")).to_owned(), !marker.is_empty())
        };
        let put = async || {
            let put = gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
            put.header(&format!("{prefix}version-id")).to_owned()
        };
        let usage = async || (gateway.used("photos").await, gateway.usage("photos").await.delete_markers);
        let told = |id: &str, is_marker| (id.to_owned(), is_marker);
        assert_eq!(check("").await, told("", false), "nothing to delete");
        put().await;
        assert_eq!(check("").await, told("", false));
        put().await;
        assert_eq!(check("?versionId=null").await, told("null", false));
        assert_eq!(usage().await, ((0, 0), 0));

        gateway.check(who, &versioning("Enabled"), "200").await;
        let (first, is_marker) = check("").await;
        assert!(first.len() == 32 && is_marker, "a marker, also for a key that is not there");
        let version = put().await;
        let (second, is_marker) = check("").await;
        assert!(second.len() == 32 && is_marker && second != first);
        assert_eq!(usage().await, ((5, 1), 2));
        assert_eq!(check(&format!("?versionId={second}")).await, (second.clone(), true));
        assert_eq!(gateway.check(who, "GET /photos/k", "200").await.body_text(), "hello");
        assert_eq!(check(&format!("?versionId={second}")).await, told("", false), "it is gone already");
        assert_eq!(check(&format!("?versionId={version}")).await, (version, false));
        gateway.check(who, "GET /photos/k", "404 NoSuchKey").await;
        assert_eq!(check(&format!("?versionId={first}")).await, (first, true));
        assert_eq!(usage().await, ((0, 0), 0));

        let version = put().await;
        gateway.check(who, &versioning("Suspended"), "200").await;
        assert_eq!(put().await, "");
        assert_eq!(usage().await, ((10, 2), 0));
        assert_eq!(check("").await, told("null", true), "in the place of the null version");
        assert_eq!(check("").await, told("null", true));
        assert_eq!(usage().await, ((5, 1), 1));
        assert_eq!(check("?versionId=null").await, told("null", true));
        assert_eq!(check(&format!("?versionId={version}")).await, (version, false));
        assert_eq!(usage().await, ((0, 0), 0));
    }
}

/// OBS has none; those of S3 are in `conditional`.
#[tokio::test]
async fn conditions_are_not_ignored() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for header in ["If-Match: *", "If-None-Match: *", "x-obs-if-match-size: 5", "x-obs-if-match-last-modified-time: a"]
    {
        let verdict = if header.ends_with(": a") { "400 InvalidArgument" } else { "501 ServiceNotImplemented" };
        gateway.check(As::Obs("alice"), &format!("DELETE /photos/k\n{header}"), verdict).await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
    gateway.check(As::Aws("alice"), "DELETE /photos/k\nIf-Match: other", "412 PreconditionFailed").await;
    gateway.check(As::Aws("alice"), "DELETE /photos/k\nIf-Match: *\nx-amz-if-match-size: 5", "204").await;
    assert_eq!(gateway.used("photos").await, (0, 0));
}

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

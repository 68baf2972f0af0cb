//! What is documented and not built is refused under every method, and nothing happens: a `PUT` with a sub-resource
//! does not make a bucket, a `DELETE` with one does not remove it.

use obs_gateway::ops::{RESERVED, Scope, TABLE};

use crate::support::{As, Gateway, both};

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// Whether buckets, or objects, have a row for what the others lack.
fn has_row(name: &str, scope: Scope) -> bool {
    let rows = TABLE.iter().filter(|op| op.scope == scope);
    rows.flat_map(|op| op.picked_parameters()).any(|picked| name.eq_ignore_ascii_case(picked))
}

#[tokio::test]
async fn no_reserved_sub_resource_falls_through() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for (index, name) in RESERVED.iter().enumerate() {
        let who = both("alice")[index % 2];
        for method in METHODS {
            // `unmade` and `new` must not come to be; `photos` and its object must not go.
            for (target, scope) in [
                ("/photos", Scope::Bucket),
                ("/photos/k", Scope::Object),
                ("/unmade", Scope::Bucket),
                ("/photos/new", Scope::Object),
            ] {
                if has_row(name, scope) {
                    continue;
                }
                gateway.check(who, &format!("{method} {target}?{name}"), "501 ServiceNotImplemented").await;
            }
        }
    }
    assert_untouched(&gateway).await;
}

#[tokio::test]
async fn spelling_and_company_do_not_help() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for query in ["website=", "website=x", "WEBSITE", "prefix=a&lifecycle", "website&quota", "%77ebsite", "x-obs-trash"]
    {
        for method in ["PUT", "DELETE"] {
            for target in ["/photos", "/photos/k", "/unmade"] {
                gateway
                    .check(As::Obs("alice"), &format!("{method} {target}?{query}"), "501 ServiceNotImplemented")
                    .await;
            }
        }
    }
    gateway.check(As::Obs("alice"), "GET /photos?quota&website", "501 ServiceNotImplemented").await;
    gateway.check(As::Obs("alice"), "DELETE /photos?quota&website", "405 MethodNotAllowed").await;
    assert_untouched(&gateway).await;
}

/// What buckets have and objects do not have yet is not there, rather than a method of nothing.
#[tokio::test]
async fn a_row_of_buckets_is_none_of_objects() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for who in both("alice") {
        for method in METHODS {
            gateway.check(who, &format!("{method} /photos/k?versioning"), "405 MethodNotAllowed").await;
            gateway.check(who, &format!("{method} /photos/k?cors"), "405 MethodNotAllowed").await;
            gateway.check(who, &format!("{method} /photos?uploadId=1"), "501 ServiceNotImplemented").await;
            gateway.check(who, &format!("{method} /photos?partNumber=1"), "405 MethodNotAllowed").await;
        }
        gateway.check(who, "POST /photos?tagging", "405 MethodNotAllowed").await;
        gateway.check(who, "POST /photos/k?tagging", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /photos/k?acl", "405 MethodNotAllowed").await;
        gateway.check(who, "GET /photos/k?metadata", "405 MethodNotAllowed").await;
        gateway.check(who, "PUT /photos/k?restore\n\nlost", "405 MethodNotAllowed").await;
        gateway.check(who, "PUT /photos?restore\n\nlost", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /photos?versioning", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /photos?storageClass", "405 MethodNotAllowed").await;
        gateway.check(who, "POST /photos?uploads", "405 MethodNotAllowed").await;
        gateway.check(who, "GET /photos/k?uploads", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /photos/k?partNumber=1", "405 MethodNotAllowed").await;
        gateway.check(who, "HEAD /photos/k?uploadId=1", "405 MethodNotAllowed").await;
        // Half of what names a part is no plain upload.
        gateway.check(who, "PUT /photos/k?uploadId=1\n\nlost", "400 InvalidArgument").await;
        gateway.check(who, "PUT /photos/k?partNumber=1\n\nlost", "400 InvalidArgument").await;
    }
    assert_untouched(&gateway).await;
}

#[tokio::test]
async fn methods_nothing_answers() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for target in ["/", "/photos", "/photos/k"] {
        // A bucket takes forms.
        let verdict =
            if target == "/photos" { "400 RequestIsNotMultiPartContent" } else { "501 ServiceNotImplemented" };
        gateway.check(As::Obs("alice"), &format!("POST {target}"), verdict).await;
        for method in ["PATCH", "TRACE", "PROPFIND"] {
            gateway.check(As::Obs("alice"), &format!("{method} {target}"), "405 MethodNotAllowed").await;
        }
    }
    gateway.check(As::Obs("alice"), "OPTIONS /", "501 ServiceNotImplemented").await;
    for method in ["PUT", "DELETE"] {
        gateway.check(As::Obs("alice"), &format!("{method} /"), "405 MethodNotAllowed").await;
    }
    assert_untouched(&gateway).await;
}

async fn assert_untouched(gateway: &Gateway) {
    assert_eq!(gateway.used("photos").await, (5, 1));
    assert_eq!(gateway.keys("photos").await, ["k"]);
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos/k", "200").await.body_text(), "hello");
    gateway.check(As::Obs("alice"), "HEAD /unmade", "404 NoSuchBucket").await;
}

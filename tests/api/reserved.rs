//! What is documented and not built is refused under every method, and nothing happens: a `PUT` with a sub-resource
//! does not make a bucket, a `DELETE` with one does not remove it.

use obs_gateway::ops::RESERVED;

use crate::support::{As, Gateway, both};

const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];

#[tokio::test]
async fn no_reserved_sub_resource_falls_through() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for (index, name) in RESERVED.iter().enumerate() {
        let who = both("alice")[index % 2];
        for method in METHODS {
            // `unmade` and `new` must not come to be; `photos` and its object must not go.
            for target in ["/photos", "/photos/k", "/unmade", "/photos/new"] {
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
    for query in [
        "acl=",
        "acl=x",
        "ACL",
        "Tagging",
        "uploadId=1&partNumber=1",
        "partNumber=1",
        "prefix=a&policy",
        "acl&quota",
        "%61cl",
        "storageClass",
        "x-obs-trash",
    ] {
        for method in ["PUT", "DELETE"] {
            for target in ["/photos", "/photos/k", "/unmade"] {
                gateway
                    .check(As::Obs("alice"), &format!("{method} {target}?{query}"), "501 ServiceNotImplemented")
                    .await;
            }
        }
    }
    gateway.check(As::Obs("alice"), "GET /photos?quota&acl", "501 ServiceNotImplemented").await;
    gateway.check(As::Obs("alice"), "DELETE /photos?quota&acl", "405 MethodNotAllowed").await;
    assert_untouched(&gateway).await;
}

#[tokio::test]
async fn methods_nothing_answers() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for target in ["/", "/photos", "/photos/k"] {
        for method in ["POST", "OPTIONS"] {
            gateway.check(As::Obs("alice"), &format!("{method} {target}"), "501 ServiceNotImplemented").await;
        }
        for method in ["PATCH", "TRACE", "PROPFIND"] {
            gateway.check(As::Obs("alice"), &format!("{method} {target}"), "405 MethodNotAllowed").await;
        }
    }
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

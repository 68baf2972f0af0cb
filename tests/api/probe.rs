//! `HEAD /?apiversion`.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn anyone_learns_the_version() {
    let gateway = Gateway::with_bucket().await;
    for target in ["/?apiversion", "/photos?apiversion", "/photos/?apiversion="] {
        let answer = gateway.check(As::Nobody, &format!("HEAD {target}"), "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r"
            200 OK
            content-length: 0
            x-obs-api: 3.0
            ");
        }
    }
    for who in both("alice").into_iter().chain(both("bob")) {
        assert_eq!(gateway.check(who, "HEAD /photos?apiversion", "200").await.header("x-obs-api"), "3.0");
    }
}

#[tokio::test]
async fn only_a_missing_bucket_is_missing() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Nobody, "HEAD /missing?apiversion", "404 NoSuchBucket").await;
    gateway.check(As::Nobody, "HEAD /No?apiversion", "400 InvalidBucketName").await;
    gateway.check(As::Nobody, "HEAD /", "405 MethodNotAllowed").await;
    for method in ["GET", "PUT", "DELETE"] {
        gateway.check(As::Obs("alice"), &format!("{method} /photos?apiversion"), "405 MethodNotAllowed").await;
    }
    gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
}

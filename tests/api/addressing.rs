//! Where the bucket's name is: path style by address, virtual host below an endpoint domain.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn a_bucket_is_one_under_all_its_addresses() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /\nHost: photos.obs.localhost:8080", "200").await;
    gateway.check(As::Aws("alice"), "PUT /k%20+\nHost: photos.obs.localhost\n\nhello", "200").await;
    for who in both("alice") {
        for (target, host) in [
            ("/photos/k%20+", "127.0.0.1:8080"),
            ("/photos/k%20+", "[::1]:8080"),
            ("/photos/k%20+", "localhost"),
            ("/photos/k%20%2B", "obs.localhost:80"),
            ("/k%20+", "photos.obs.localhost:8080"),
            ("/k%20+", "photos.OBS.localhost."),
        ] {
            let answer = gateway.check(who, &format!("GET {target}\nHost: {host}"), "200").await;
            assert_eq!(answer.body_text(), "hello", "{host}{target}");
        }
        for (target, host) in [("/photos", "192.0.2.1"), ("/photos/", "192.0.2.1"), ("/", "photos.obs.localhost")] {
            let answer = gateway.check(who, &format!("GET {target}?storageinfo\nHost: {host}"), "200").await;
            assert_eq!(answer.element("Size"), Some("5"), "{host}{target}");
        }
        let service = gateway.check(who, "GET /\nHost: obs.localhost", "200").await;
        assert_eq!(service.elements("Name"), ["photos"]);
    }
}

#[tokio::test]
async fn names_with_dots_are_hosts_too() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /a.b", "200").await;
    gateway.check(As::Obs("alice"), "HEAD /\nHost: a.b.obs.localhost", "200").await;
    gateway.check(As::Obs("alice"), "PUT /a.b/k\nHost: a.b.obs.localhost\n\nhello", "200").await;
    // In virtual-host style the whole path is the key.
    gateway.check(As::Obs("alice"), "GET /a.b/a.b/k", "200").await;
    gateway.check(As::Obs("alice"), "GET //a.b/k\nHost: a.b.obs.localhost", "404 NoSuchKey").await;
}

#[tokio::test]
async fn addresses_that_lead_nowhere() {
    let gateway = Gateway::with_bucket().await;
    let cases = [
        ("GET /\nHost: unknown.example.com", "404 NoSuchBucket"),
        ("GET /photos\nHost: obs.example.com", "404 NoSuchBucket"),
        ("GET /\nHost: un_known", "400 InvalidBucketName"),
        ("GET /\nHost: ab.obs.localhost", "400 InvalidBucketName"),
        // Lower-cased, it would be signed for another name than the one it was sent with.
        ("GET /\nHost: Photos.obs.localhost", "400 InvalidBucketName"),
        ("GET //k", "400 InvalidBucketName"),
        ("GET /photos/%zz", "400 InvalidURI"),
        ("GET /photos?prefix=%zz", "400 InvalidURI"),
        ("GET /photos?prefix=%FF", "400 InvalidURI"),
        ("GET /photos\nHost:", "400 BadRequest"),
        ("GET /photos\nHost: localhost\nHost: localhost", "400 BadRequest"),
    ];
    for (request, verdict) in cases {
        gateway.check(As::Nobody, request, verdict).await;
        gateway.check(As::Obs("alice"), request, verdict).await;
    }
    let long = "k".repeat(20_000);
    gateway.check(As::Obs("alice"), &format!("GET /photos?prefix={long}"), "414 Request-URI Too Large").await;
    let many = "a&".repeat(65);
    gateway.check(As::Obs("alice"), &format!("GET /photos?{many}"), "400 InvalidArgument").await;
}

//! `POST /bucket/key?restore`, and archived objects before and after.

use obs_gateway::config::Config;

use crate::support::{As, Gateway, NOW, both};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn restore(days: &str) -> String {
    format!("POST /photos/k?restore\n\n<RestoreRequest><Days>{days}</Days></RestoreRequest>")
}

async fn with_archived(who: As) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(who, &format!("PUT /photos/k\n{}storage-class: COLD\n\nhello", who.prefix()), "200").await;
    gateway
}

#[tokio::test]
async fn an_archived_object_is_restored_before_it_is_read() {
    for who in both("alice") {
        let gateway = with_archived(who).await;
        let shown = format!("{}restore", who.prefix());
        let class = if who.prefix() == "x-obs-" { "COLD" } else { "GLACIER" };
        let refused = gateway.check(who, "GET /photos/k", "403 InvalidObjectState").await;
        assert_eq!(refused.element("Resource"), Some("/photos/k"));
        let head = gateway.check(who, "HEAD /photos/k", "200").await;
        assert_eq!((head.header(&shown), head.header(&format!("{}storage-class", who.prefix()))), ("", class));
        assert_eq!(gateway.check(who, &restore("1"), "202").await.text(), "202 Accepted\ncontent-length: 0");
        let until = "ongoing-request=\"false\", expiry-date=\"Fri, 03 Jul 2015 00:00:00 GMT\"";
        let read = gateway.check(who, "GET /photos/k", "200").await;
        assert_eq!((read.body_text(), read.header(&shown)), ("hello", until));
        // Longer is fine, as long is, shorter is not.
        gateway.check(who, &restore("1"), "200").await;
        gateway.check(who, &restore("3"), "200").await;
        gateway.check(who, &restore("2"), "409 ObjectHasAlreadyRestored").await;
        let longer = gateway.check(who, "HEAD /photos/k", "200").await;
        assert_eq!(longer.header(&shown), "ongoing-request=\"false\", expiry-date=\"Sun, 05 Jul 2015 00:00:00 GMT\"");
        gateway.app.clock.set(NOW - NOW % DAY + 4 * DAY - 1);
        gateway.check(who, "GET /photos/k", "200").await;
        gateway.app.clock.set(NOW - NOW % DAY + 4 * DAY);
        gateway.check(who, "GET /photos/k", "403 InvalidObjectState").await;
        assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header(&shown), "");
        gateway.check(who, &restore("1"), "202").await;
        gateway.check(who, "GET /photos/k", "200").await;
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

#[tokio::test]
async fn a_restore_may_take_its_time() {
    let config = Config { restore_delay_millis: 60_000, ..Config::for_testing() };
    let gateway = with_archived(As::Obs("alice")).await.restarted(config).await;
    let who = As::Obs("alice");
    gateway.check(who, &restore("1"), "202").await;
    gateway.check(who, "GET /photos/k", "403 InvalidObjectState").await;
    assert_eq!(gateway.check(who, "HEAD /photos/k", "200").await.header("x-obs-restore"), "ongoing-request=\"true\"");
    gateway.check(who, &restore("30"), "409 RestoreAlreadyInProgress").await;
    gateway.app.clock.set(NOW + 60_000);
    gateway.check(who, "GET /photos/k", "200").await;
    gateway.check(who, &restore("30"), "200").await;
}

#[tokio::test]
async fn a_version_of_its_own_is_restored() {
    let gateway = with_archived(As::Obs("alice")).await;
    let who = As::Obs("alice");
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, enable, "200").await;
    gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
    gateway.check(who, &restore("1"), "403 InvalidObjectState").await;
    gateway.check(who, "GET /photos/k?versionId=null", "403 InvalidObjectState").await;
    let old = restore("1").replace("?restore", "?restore&versionId=null");
    assert_eq!(gateway.check(who, &old, "202").await.header("x-obs-version-id"), "null");
    assert_eq!(gateway.check(who, "GET /photos/k?versionId=null", "200").await.body_text(), "hello");
}

#[tokio::test]
async fn what_cannot_be_restored() {
    for who in both("alice") {
        let gateway = with_archived(who).await;
        for bad in ["0", "31", "-1"] {
            let refused = gateway.check(who, &restore(bad), "400 InvalidArgument").await;
            assert_eq!(refused.element("Message"), Some("restoration days should be at least 1 and at most 30"));
        }
        for bad in ["", "two", "1.5"] {
            gateway.check(who, &restore(bad), "400 MalformedXML").await;
        }
        gateway.check(who, "POST /photos/k?restore", "400 MalformedXML").await;
        gateway.check(who, "POST /photos/k?restore\n\nnot xml", "400 MalformedXML").await;
        gateway.check(who, &restore("1").replace("/k?", "/no?"), "404 NoSuchKey").await;
        gateway.check(who, &restore("1").replace("?restore", "?restore&versionId=1"), "404 NoSuchVersion").await;
        gateway.check(who, "PUT /photos/warm\n\nhello", "200").await;
        gateway.check(who, &restore("1").replace("/k?", "/warm?"), "403 InvalidObjectState").await;
        for other in both("bob").into_iter().chain([As::Nobody]) {
            gateway.check(other, &restore("1"), "403 AccessDenied").await;
        }
        gateway.check(who, "GET /photos/k", "403 InvalidObjectState").await;
    }
}

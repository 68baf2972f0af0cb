//! `x-obs-expires`: what answers say of it, and that the object goes on its day.

use obs_gateway::jobs::expiry;
use tokio::sync::watch;

use crate::support::{As, Gateway, NOW, both};

const DAY: u64 = 24 * 60 * 60 * 1000;
/// Two days after Wed, 01 Jul 2015 03:27 are over on the third; the end of that day.
const SHOWN: &str = "expiry-date=\"Sat, 04 Jul 2015 00:00:00 GMT\"";
const DUE: u64 = NOW - NOW % DAY + 3 * DAY;

async fn step(gateway: &Gateway) -> u64 {
    let (_stop, stopping) = watch::channel(false);
    expiry::step(&gateway.app, &stopping).await.expect("memory does not fail")
}

#[tokio::test]
async fn an_object_goes_at_the_end_of_its_last_day() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let name = format!("{}expiration", who.prefix());
        // The header has OBS's prefix whoever sends it.
        let put = gateway.check(who, "PUT /photos/k\nx-obs-expires: 2\n\nhello", "200").await;
        assert_eq!(put.header(&name), SHOWN);
        gateway.check(who, "PUT /photos/stays\n\nhello", "200").await;
        for method in ["GET", "HEAD"] {
            let read = gateway.check(who, &format!("{method} /photos/k"), "200").await;
            assert_eq!(read.header(&name), SHOWN);
            let read = gateway.check(who, &format!("{method} /photos/stays"), "200").await;
            assert_eq!(read.header(&name), "");
        }
        gateway.app.clock.set(DUE - 1);
        assert_eq!(step(&gateway).await, 0);
        gateway.check(who, "GET /photos/k", "200").await;
        gateway.app.clock.set(DUE);
        assert_eq!(step(&gateway).await, 1);
        gateway.check(who, "GET /photos/k", "404 NoSuchKey").await;
        assert_eq!(step(&gateway).await, 0);
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

#[tokio::test]
async fn where_versions_are_kept_a_marker_takes_its_place() {
    let gateway = Gateway::with_bucket().await;
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(As::Obs("alice"), enable, "200").await;
    let put = gateway.check(As::Obs("alice"), "PUT /photos/k\nx-obs-expires: 2\n\nhello", "200").await;
    gateway.app.clock.set(DUE);
    assert_eq!(step(&gateway).await, 1);
    let gone = gateway.check(As::Obs("alice"), "GET /photos/k", "404 NoSuchKey").await;
    assert_eq!(gone.header("x-obs-delete-marker"), "true");
    let version = put.header("x-obs-version-id");
    gateway.check(As::Obs("alice"), &format!("GET /photos/k?versionId={version}"), "200").await;
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn metadata_moves_the_day_and_a_new_object_has_its_own() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/moved\nx-obs-expires: 2\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/lifted\nx-obs-expires: 2\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/replaced\nx-obs-expires: 2\n\nhello", "200").await;
    let moved = "PUT /photos/moved?metadata\nx-obs-metadata-directive: REPLACE_NEW\nx-obs-expires: 3";
    let moved = gateway.check(As::Obs("alice"), moved, "200").await;
    assert_eq!(moved.header("x-obs-expiration"), "expiry-date=\"Sun, 05 Jul 2015 00:00:00 GMT\"");
    let lifted = "PUT /photos/lifted?metadata\nx-obs-metadata-directive: REPLACE";
    assert_eq!(gateway.check(As::Obs("alice"), lifted, "200").await.header("x-obs-expiration"), "");
    gateway.check(As::Obs("alice"), "PUT /photos/replaced\n\nhello", "200").await;
    gateway.app.clock.set(DUE);
    assert_eq!(step(&gateway).await, 0);
    assert_eq!(gateway.keys("photos").await, ["lifted", "moved", "replaced"]);
    gateway.app.clock.set(DUE + DAY);
    assert_eq!(step(&gateway).await, 1);
    assert_eq!(gateway.keys("photos").await, ["lifted", "replaced"]);
    gateway.assert_sound();
}

#[tokio::test]
async fn days_are_a_positive_number() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for bad in ["0", "-1", "1.5", "two", "36501", ""] {
            gateway.check(who, &format!("PUT /photos/k\nx-obs-expires: {bad}\n\nhello"), "400 InvalidArgument").await;
        }
    }
    assert_eq!(gateway.keys("photos").await, [""; 0]);
}

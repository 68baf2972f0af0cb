//! `?legal-hold`: protection that lasts until it is lifted.

use crate::support::{As, Gateway, all};

fn hold(target: &str, status: &str) -> String {
    format!("PUT {target}\n\n<LegalHold><Status>{status}</Status></LegalHold>")
}

#[tokio::test]
async fn a_hold_is_set_shown_and_lifted() {
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let prefix = who.prefix();
        let put = gateway.check(who, "PUT /vault/k\n\nhello", "200").await;
        let version = put.header(&format!("{prefix}version-id")).to_owned();
        let delete = format!("DELETE /vault/k?versionId={version}");
        gateway.check(who, "GET /vault/k?legal-hold", "404 NoSuchObjectLockConfiguration").await;
        for (status, deleted) in [("ON", "403 AccessDenied"), ("OFF", "204")] {
            let set = gateway.check(who, &hold("/vault/k?legal-hold", status), "200").await;
            assert_eq!(set.header(&format!("{prefix}version-id")), version);
            let shown = gateway.check(who, "GET /vault/k?legal-hold", "200").await;
            assert_eq!(shown.element("Status"), Some(status));
            let head = gateway.check(who, "HEAD /vault/k", "200").await;
            assert_eq!(head.header(&format!("{prefix}object-lock-legal-hold")), status);
            // No time ends it, and nobody may pass it over.
            gateway.app.clock.set(gateway.app.clock.now_millis() + (100 << 30));
            let bypassing = format!("{delete}\n{prefix}bypass-governance-retention: true");
            gateway.check(who, &bypassing, deleted).await;
        }
        assert_eq!(gateway.used("vault").await, (0, 0));
    }
}

#[tokio::test]
async fn a_hold_is_a_versions_own_and_leaves_its_retention() {
    let who = As::S3("alice");
    let gateway = Gateway::with_vault().await;
    let lock = "x-amz-object-lock-mode: COMPLIANCE\nx-amz-object-lock-retain-until-date: 2030-01-01T00:00:00Z";
    let put = gateway.check(who, &format!("PUT /vault/k\n{lock}\n\nhello"), "200").await;
    let version = put.header("x-amz-version-id").to_owned();
    gateway.check(who, "PUT /vault/k\n\nnewer", "200").await;
    gateway.check(who, &hold(&format!("/vault/k?legal-hold&versionId={version}"), "ON"), "200").await;
    gateway.check(who, "GET /vault/k?legal-hold", "404 NoSuchObjectLockConfiguration").await;
    let old = gateway.check(who, &format!("HEAD /vault/k?versionId={version}"), "200").await;
    let shown = ["mode", "retain-until-date", "legal-hold"];
    let shown = shown.map(|tail| old.header(&format!("x-amz-object-lock-{tail}")).to_owned());
    assert_eq!(shown, ["COMPLIANCE", "2030-01-01T00:00:00Z", "ON"]);
}

#[tokio::test]
async fn what_is_no_hold_is_refused() {
    let gateway = Gateway::with_vault().await;
    for who in all("alice") {
        gateway.check(who, "PUT /vault/k\n\nhello", "200").await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        for (request, verdict) in [
            (hold("/vault/k?legal-hold", "abc"), "400 MalformedXML"),
            (hold("/vault/k?legal-hold", "on"), "400 MalformedXML"),
            ("PUT /vault/k?legal-hold".to_owned(), "400 MalformedXML"),
            ("PUT /vault/k?legal-hold\n\n<LegalHold/>".to_owned(), "400 MalformedXML"),
            (hold("/photos/k?legal-hold", "ON"), "400 InvalidRequest"),
            ("GET /photos/k?legal-hold".to_owned(), "400 InvalidRequest"),
            (hold("/files/f?legal-hold", "ON"), "405 FsNotSupport"),
            (hold("/vault/none?legal-hold", "ON"), "404 NoSuchKey"),
            (hold("/vault/k?legal-hold&versionId=0123456789ABCDEF0123456789ABCDEF", "ON"), "404 NoSuchVersion"),
            ("DELETE /vault/k?legal-hold".to_owned(), "405 MethodNotAllowed"),
        ] {
            gateway.check(who, &request, verdict).await;
        }
        gateway.check(who, "GET /vault/k?legal-hold", "404 NoSuchObjectLockConfiguration").await;
    }
    for who in all("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, &hold("/vault/k?legal-hold", "ON"), "403 AccessDenied").await;
        gateway.check(who, "GET /vault/k?legal-hold", "403 AccessDenied").await;
    }
}

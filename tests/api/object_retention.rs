//! `?retention`: until when a version stays, and who may weaken that.

use crate::support::{As, Gateway, all};

/// `PUT ?retention` of a mode and a date.
fn retain(target: &str, mode: &str, until: &str) -> String {
    format!(
        "PUT {target}?retention\n\n<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
    )
}

fn is_obs(who: As) -> bool {
    who.prefix() == "x-obs-"
}

/// With an object, whose version it gives.
async fn with_object(who: As) -> (Gateway, String) {
    let gateway = Gateway::with_vault().await;
    let put = gateway.check(who, "PUT /vault/k\n\nhello", "200").await;
    let version = put.header(&format!("{}version-id", who.prefix())).to_owned();
    (gateway, version)
}

#[tokio::test]
async fn a_retention_is_set_shown_and_made_longer() {
    for who in all("alice") {
        let (gateway, version) = with_object(who).await;
        let prefix = who.prefix();
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
        let set = gateway.check(who, &retain("/vault/k", "COMPLIANCE", "2030-01-01T00:00:00Z"), "200").await;
        assert_eq!(set.header(&format!("{prefix}version-id")), version);
        let shown = gateway.check(who, "GET /vault/k?retention", "200").await;
        let inner = "<Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>";
        assert!(shown.body_text().ends_with(inner), "{}", shown.body_text());
        for method in ["GET", "HEAD"] {
            let read = gateway.check(who, &format!("{method} /vault/k"), "200").await;
            let header = |tail: &str| read.header(&format!("{prefix}object-lock-{tail}"));
            let lock = [header("mode"), header("retain-until-date"), header("legal-hold")];
            assert_eq!(lock, ["COMPLIANCE", "2030-01-01T00:00:00Z", ""]);
        }
        // Whatever the offset and the fraction, it is the second that is not before.
        let later = retain("/vault/k", "COMPLIANCE", "2030-01-01T02:00:00.5+02:00");
        gateway.check(who, &later, "200").await;
        let shown = gateway.check(who, "GET /vault/k?retention", "200").await;
        assert_eq!(shown.element("RetainUntilDate"), Some("2030-01-01T00:00:01Z"));
        // It is the version's, not the key's.
        gateway.check(who, "PUT /vault/k\n\nnewer", "200").await;
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
        let old = gateway.check(who, &format!("GET /vault/k?retention&versionId={version}"), "200").await;
        assert_eq!(old.element("Mode"), Some("COMPLIANCE"));
        let longer = retain("/vault/k", "COMPLIANCE", "2031-01-01T00:00:00Z");
        let longer = longer.replace("?retention", &format!("?retention&versionId={version}"));
        gateway.check(who, &longer, "200").await;
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
        assert_eq!(gateway.used("vault").await, (10, 2));
    }
}

#[tokio::test]
async fn what_is_no_retention_is_refused() {
    for who in all("alice") {
        let (gateway, _) = with_object(who).await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let obs = is_obs(who);
        let malformed = if obs { "400 MalformedObjectLockError" } else { "400 MalformedXML" };
        let past = if obs { "400 InvalidRequest" } else { "400 InvalidArgument" };
        let date = "2030-01-01T00:00:00Z";
        for (request, verdict) in [
            (retain("/vault/k", "abc", date), malformed),
            (retain("/vault/k", "compliance", date), malformed),
            (retain("/vault/k", "COMPLIANCE", "tomorrow"), malformed),
            (retain("/vault/k", "COMPLIANCE", "2015-07-01T03:27:45Z"), past),
            ("PUT /vault/k?retention".to_owned(), malformed),
            ("PUT /vault/k?retention\n\n<Quota/>".to_owned(), malformed),
            ("PUT /vault/k?retention\n\n<Retention><Mode>COMPLIANCE</Mode></Retention>".to_owned(), malformed),
            ("PUT /vault/k?retention\n\n<Retention/>".to_owned(), if obs { malformed } else { "200" }),
            (retain("/photos/k", "COMPLIANCE", date), "400 InvalidRequest"),
            ("GET /photos/k?retention".to_owned(), "400 InvalidRequest"),
            (retain("/files/f", "COMPLIANCE", date), "405 FsNotSupport"),
            (retain("/vault/none", "COMPLIANCE", date), "404 NoSuchKey"),
            (
                retain("/vault/k", "COMPLIANCE", date)
                    .replace("?retention", "?retention&versionId=0123456789ABCDEF0123456789ABCDEF"),
                "404 NoSuchVersion",
            ),
            ("GET /vault/k?retention&versionId=0123456789ABCDEF0123456789ABCDEF".to_owned(), "404 NoSuchVersion"),
            ("DELETE /vault/k?retention".to_owned(), "405 MethodNotAllowed"),
            ("PUT /vault?retention".to_owned(), "405 MethodNotAllowed"),
        ] {
            gateway.check(who, &request, verdict).await;
        }
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
        gateway.check(who, "DELETE /vault/k", "204").await;
        gateway.check(who, &retain("/vault/k", "COMPLIANCE", date), "404 NoSuchKey").await;
    }
}

#[tokio::test]
async fn obs_knows_compliance_only_and_dates_in_milliseconds() {
    let who = As::Obs("alice");
    let (gateway, _) = with_object(who).await;
    gateway.check(who, &retain("/vault/k", "GOVERNANCE", "1893456000000"), "400 MalformedObjectLockError").await;
    gateway.check(who, &retain("/vault/k", "COMPLIANCE", "1893456000000"), "200").await;
    let shown = gateway.check(who, "GET /vault/k?retention", "200").await;
    assert_eq!(shown.element("RetainUntilDate"), Some("2030-01-01T00:00:00Z"));
    for not_later in ["1893456000000", "1893455999000", "2016-01-01T00:00:00Z"] {
        gateway.check(who, &retain("/vault/k", "COMPLIANCE", not_later), "400 InvalidRequest").await;
    }
    gateway.check(As::S3("alice"), &retain("/vault/k", "COMPLIANCE", "1893456000001"), "400 MalformedXML").await;
    // What S3 governs is shown, and is not OBS's to change but by S3's rules.
    gateway.check(As::S3("alice"), "PUT /vault/k\n\nhello", "200").await;
    gateway.check(As::S3("alice"), &retain("/vault/k", "GOVERNANCE", "2016-01-01T00:00:00Z"), "200").await;
    assert_eq!(gateway.check(who, "HEAD /vault/k", "200").await.header("x-obs-object-lock-mode"), "GOVERNANCE");
    gateway.check(who, &retain("/vault/k", "COMPLIANCE", "1893456000000"), "403 AccessDenied").await;
}

#[tokio::test]
async fn compliance_is_never_weakened() {
    for who in [As::Aws("alice"), As::S3("alice")] {
        let (gateway, _) = with_object(who).await;
        gateway.check(who, &retain("/vault/k", "COMPLIANCE", "2030-01-03T00:00:00Z"), "200").await;
        let empty = "PUT /vault/k?retention\n\n<Retention/>".to_owned();
        for weaker in [
            retain("/vault/k", "COMPLIANCE", "2030-01-02T23:59:59Z"),
            retain("/vault/k", "GOVERNANCE", "2030-01-03T00:00:00Z"),
            retain("/vault/k", "GOVERNANCE", "2040-01-03T00:00:00Z"),
            empty.clone(),
        ] {
            let bypassing = weaker.replace("?retention", "?retention\nx-amz-bypass-governance-retention: true");
            for request in [&weaker, &bypassing] {
                gateway.check(who, request, "403 AccessDenied").await;
            }
        }
        gateway.check(who, &retain("/vault/k", "COMPLIANCE", "2030-01-03T00:00:00Z"), "200").await;
        // When it is over it is over.
        gateway.app.clock.set(1_893_628_800_000);
        gateway.check(who, &empty, "200").await;
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
    }
}

#[tokio::test]
async fn governance_is_weakened_by_who_may_and_says_so() {
    for who in [As::Aws("alice"), As::S3("alice")] {
        let (gateway, _) = with_object(who).await;
        let until = |mode: &str, date: &str| retain("/vault/k", mode, &format!("{date}T00:00:00Z"));
        let bypassing =
            |request: String| request.replace("?retention", "?retention\nx-amz-bypass-governance-retention: true");
        let empty = || "PUT /vault/k?retention\n\n<Retention/>".to_owned();
        gateway.check(who, &until("GOVERNANCE", "2030-01-02"), "200").await;
        gateway.check(who, &until("GOVERNANCE", "2030-01-03"), "200").await;
        for weaker in [until("GOVERNANCE", "2030-01-02"), until("COMPLIANCE", "2030-01-03"), empty()] {
            gateway.check(who, &weaker, "403 AccessDenied").await;
            let unsure = weaker.replace("?retention", "?retention\nx-amz-bypass-governance-retention: false");
            gateway.check(who, &unsure, "403 AccessDenied").await;
            let unclear = weaker.replace("?retention", "?retention\nx-amz-bypass-governance-retention: perhaps");
            gateway.check(who, &unclear, "400 InvalidArgument").await;
        }
        gateway.check(who, &bypassing(until("GOVERNANCE", "2030-01-01")), "200").await;
        let shown = gateway.check(who, "GET /vault/k?retention", "200").await;
        assert_eq!(shown.element("RetainUntilDate"), Some("2030-01-01T00:00:00Z"));
        gateway.check(who, &bypassing(empty()), "200").await;
        gateway.check(who, "GET /vault/k?retention", "404 NoSuchObjectLockConfiguration").await;
        gateway.check(who, &until("GOVERNANCE", "2030-01-01"), "200").await;
        gateway.check(who, &bypassing(until("COMPLIANCE", "2030-01-01")), "200").await;
        gateway.check(who, &bypassing(empty()), "403 AccessDenied").await;
    }
}

/// Bob may set retentions, and pass over governance where the policy says so.
#[tokio::test]
async fn passing_over_governance_is_a_right_of_its_own() {
    let (gateway, _) = with_object(As::S3("alice")).await;
    let allow = |actions: &str| {
        let principal = "\"Principal\":\"*\",\"Resource\":\"arn:aws:s3:::vault/*\"";
        format!("PUT /vault?policy\n\n{{\"Statement\":{{\"Effect\":\"Allow\",{principal},\"Action\":[{actions}]}}}}")
    };
    let weaken = "PUT /vault/k?retention\nx-amz-bypass-governance-retention: true\n\n<Retention/>";
    for who in [As::Aws("bob"), As::S3("bob")] {
        let set = retain("/vault/k", "GOVERNANCE", "2030-01-01T00:00:00Z");
        gateway.check(As::S3("alice"), "DELETE /vault?policy", "204").await;
        gateway.check(who, &set, "403 AccessDenied").await;
        gateway.check(who, "GET /vault/k?retention", "403 AccessDenied").await;
        gateway.check(As::S3("alice"), &allow("\"s3:PutObjectRetention\""), "204").await;
        gateway.check(who, &set, "200").await;
        gateway.check(who, weaken, "403 AccessDenied").await;
        gateway.check(who, "GET /vault/k?retention", "403 AccessDenied").await;
        let both = allow("\"s3:PutObjectRetention\",\"s3:BypassGovernanceRetention\"");
        gateway.check(As::S3("alice"), &both, "204").await;
        gateway.check(who, weaken, "200").await;
    }
    // The owner has the right, unless it is denied.
    let set = retain("/vault/k", "GOVERNANCE", "2030-01-01T00:00:00Z");
    gateway.check(As::S3("alice"), &set, "200").await;
    let deny = allow("\"s3:BypassGovernanceRetention\"").replace("Allow", "Deny");
    gateway.check(As::S3("alice"), &deny, "204").await;
    gateway.check(As::S3("alice"), weaken, "403 AccessDenied").await;
}

//! `?object-lock`: which buckets can protect versions, and what new versions are protected by of themselves.

use crate::support::{As, Gateway, NOW, all};

const DAY: u64 = 24 * 60 * 60 * 1000;

pub(crate) fn configure(bucket: &str, retention: &str) -> String {
    let rule = match retention {
        "" => String::new(),
        _ => format!("<Rule><DefaultRetention>{retention}</DefaultRetention></Rule>"),
    };
    let enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
    format!("PUT /{bucket}?object-lock\n\n<ObjectLockConfiguration>{enabled}{rule}</ObjectLockConfiguration>")
}

const WEEK: &str = "<Mode>COMPLIANCE</Mode><Days>7</Days>";

fn is_obs(who: As) -> bool {
    who.prefix() == "x-obs-"
}

#[tokio::test]
async fn a_bucket_is_made_with_object_lock() {
    for who in all("alice") {
        let gateway = Gateway::new().await;
        gateway.check(who, &format!("PUT /vault\n{}bucket-object-lock-enabled: true", who.prefix()), "200").await;
        let versioning = gateway.check(who, "GET /vault?versioning", "200").await;
        assert_eq!(versioning.element("Status"), Some("Enabled"));
        let suspend =
            "PUT /vault?versioning\n\n<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
        gateway.check(who, suspend, "409 InvalidBucketState").await;
        let bare = gateway.check(who, "GET /vault?object-lock", "200").await;
        assert_eq!((bare.element("ObjectLockEnabled"), bare.element("Rule")), (Some("Enabled"), None));
        assert_eq!(gateway.check(who, &configure("vault", WEEK), "200").await.text(), "200 OK\ncontent-length: 0");
        let set = gateway.check(who, "GET /vault?object-lock", "200").await;
        let shown = format!("<Rule><DefaultRetention>{WEEK}</DefaultRetention></Rule></ObjectLockConfiguration>");
        assert!(set.body_text().ends_with(&shown), "{}", set.body_text());
        gateway.check(who, &configure("vault", "<Mode>COMPLIANCE</Mode><Years>2</Years>"), "200").await;
        let years = gateway.check(who, "GET /vault?object-lock", "200").await;
        assert_eq!((years.element("Days"), years.element("Years")), (None, Some("2")));
        gateway.check(who, &configure("vault", ""), "200").await;
        assert_eq!(gateway.check(who, "GET /vault?object-lock", "200").await.element("Rule"), None);
        gateway.check(who, "DELETE /vault?object-lock", "405 MethodNotAllowed").await;
        gateway.check(who, "DELETE /vault", "204").await;
    }
}

#[tokio::test]
async fn a_bucket_without_it_gets_it_in_the_words_of_s3_once_it_keeps_versions() {
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let suspend = enable.replace("Enabled", "Suspended");
    for who in all("alice") {
        let gateway = Gateway::with_bucket().await;
        let missing = if is_obs(who) { "400 InvalidRequest" } else { "404 ObjectLockConfigurationNotFoundError" };
        let refused = if is_obs(who) { "400 InvalidRequest" } else { "409 InvalidBucketState" };
        gateway.check(who, "GET /photos?object-lock", missing).await;
        gateway.check(who, &configure("photos", WEEK), refused).await;
        gateway.check(who, enable, "200").await;
        gateway.check(who, &suspend, "200").await;
        gateway.check(who, &configure("photos", WEEK), refused).await;
        gateway.check(who, enable, "200").await;
        if is_obs(who) {
            gateway.check(who, &configure("photos", WEEK), refused).await;
            gateway.check(who, "GET /photos?object-lock", missing).await;
            continue;
        }
        gateway.check(who, &configure("photos", ""), "200").await;
        gateway.check(who, "GET /photos?object-lock", "200").await;
        gateway.check(who, &suspend, "409 InvalidBucketState").await;
        gateway.check(As::Obs("alice"), &configure("photos", WEEK), "200").await;
    }
}

#[tokio::test]
async fn what_is_no_configuration_changes_nothing() {
    let gateway = Gateway::with_vault().await;
    for who in all("alice") {
        let out_of_bounds = if is_obs(who) { "400 MalformedXML" } else { "400 InvalidRetentionPeriod" };
        let governance = if is_obs(who) { "400 MalformedXML" } else { "200" };
        gateway.check(who, &configure("vault", WEEK), "200").await;
        for (request, verdict) in [
            (configure("vault", "<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>"), "400 MalformedXML"),
            (configure("vault", "<Mode>governance</Mode><Days>1</Days>"), "400 MalformedXML"),
            (configure("vault", WEEK).replace(">Enabled<", ">Disabled<"), "400 MalformedXML"),
            (configure("vault", "<Mode>COMPLIANCE</Mode><Days>0</Days>"), out_of_bounds),
            (configure("vault", "<Mode>COMPLIANCE</Mode><Years>-1</Years>"), out_of_bounds),
            (configure("vault", "<Mode>COMPLIANCE</Mode><Years>101</Years>"), out_of_bounds),
            ("PUT /vault?object-lock".to_owned(), "400 MalformedXML"),
            ("PUT /vault?object-lock\n\n<Quota/>".to_owned(), "400 MalformedXML"),
            (configure("vault", WEEK).replace("?object-lock", "?object-lock&prefix=a"), "400 InvalidArgument"),
            (configure("files", WEEK), "405 FsNotSupport"),
            ("GET /files?object-lock".to_owned(), "405 FsNotSupport"),
            (configure("nowhere", WEEK), "404 NoSuchBucket"),
        ] {
            gateway.check(who, &request, verdict).await;
        }
        let kept = gateway.check(who, "GET /vault?object-lock", "200").await;
        assert_eq!((kept.element("Mode"), kept.element("Days")), (Some("COMPLIANCE"), Some("7")));
        gateway.check(who, &configure("vault", "<Mode>GOVERNANCE</Mode><Days>1</Days>"), governance).await;
    }
    for who in all("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /vault?object-lock", "403 AccessDenied").await;
        gateway.check(who, &configure("vault", ""), "403 AccessDenied").await;
    }
}

/// By whichever way a version comes, it has the default of the moment it is there.
#[tokio::test]
async fn new_versions_have_the_default_retention() {
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let prefix = who.prefix();
        let (mode, until) = (format!("{prefix}object-lock-mode"), format!("{prefix}object-lock-retain-until-date"));
        gateway.check(who, "PUT /vault/before\n\nhello", "200").await;
        let id = gateway.begin_upload(who, "/vault/uploaded").await;
        gateway.check(who, &format!("PUT /vault/uploaded?partNumber=1&uploadId={id}\n\nhello"), "200").await;
        gateway.check(who, &configure("vault", WEEK), "200").await;
        gateway.check(who, "PUT /vault/put\n\nhello", "200").await;
        gateway.check(who, &format!("PUT /vault/copied\n{prefix}copy-source: /vault/before"), "200").await;
        gateway.app.clock.set(NOW + DAY);
        let complete = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
                        <ETag>5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>";
        gateway.check(who, &format!("POST /vault/uploaded?uploadId={id}\n\n{complete}"), "200").await;
        for (key, shown) in [
            ("before", ["", ""]),
            ("put", ["COMPLIANCE", "2015-07-08T03:27:46Z"]),
            ("copied", ["COMPLIANCE", "2015-07-08T03:27:46Z"]),
            ("uploaded", ["COMPLIANCE", "2015-07-09T03:27:46Z"]),
        ] {
            let head = gateway.check(who, &format!("HEAD /vault/{key}"), "200").await;
            assert_eq!([head.header(&mode), head.header(&until)], shown, "{key}");
        }
        // A marker has none.
        let marker = gateway.check(who, "DELETE /vault/put", "204").await;
        let version = marker.header(&format!("{prefix}version-id")).to_owned();
        gateway.check(who, &format!("DELETE /vault/put?versionId={version}"), "204").await;
        gateway.assert_sound();
    }
}

//! What is protected stays, whichever operation or job asks for it to go; and new objects bring their protection along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::blob::digest;
use obs_gateway::jobs::expiry;
use tokio::sync::watch;

use crate::form::Form;
use crate::support::{As, Gateway, NOW, all};

const DAY: u64 = 24 * 60 * 60 * 1000;
/// 2030-01-01T00:00:00Z.
const UNTIL: u64 = 1_893_456_000_000;

/// Headers of a new object that is protected until [`UNTIL`].
fn retained(who: As, mode: &str) -> String {
    let prefix = who.prefix();
    format!("{prefix}object-lock-mode: {mode}\n{prefix}object-lock-retain-until-date: 2030-01-01T00:00:00Z")
}

/// What `HEAD` says of protection.
async fn lock(gateway: &Gateway, who: As, target: &str) -> [String; 3] {
    let head = gateway.check(who, &format!("HEAD {target}"), "200").await;
    let tails = ["mode", "retain-until-date", "legal-hold"];
    tails.map(|tail| head.header(&format!("{}object-lock-{tail}", who.prefix())).to_owned())
}

async fn put(gateway: &Gateway, who: As, key: &str, headers: &str) -> String {
    let answer = gateway.check(who, &format!("PUT /vault/{key}\n{headers}\n\nhello"), "200").await;
    answer.header(&format!("{}version-id", who.prefix())).to_owned()
}

#[tokio::test]
async fn new_objects_bring_their_protection() {
    const RETAINED: [&str; 2] = ["COMPLIANCE", "2030-01-01T00:00:00Z"];
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let (prefix, retained) = (who.prefix(), retained(who, "COMPLIANCE"));
        put(&gateway, who, "put", &format!("{retained}\n{prefix}object-lock-legal-hold: ON")).await;
        assert_eq!(lock(&gateway, who, "/vault/put").await, [RETAINED[0], RETAINED[1], "ON"]);
        // A copy has its own, or none.
        for (headers, expected) in [("", ["", ""]), (retained.as_str(), RETAINED)] {
            let copy = format!("PUT /vault/copy\n{prefix}copy-source: /vault/put\n{headers}");
            gateway.check(who, copy.trim_end(), "200").await;
            assert_eq!(lock(&gateway, who, "/vault/copy").await, [expected[0], expected[1], ""]);
        }
        let begun = gateway.check(who, &format!("POST /vault/parts?uploads\n{retained}"), "200").await;
        let id = begun.element("UploadId").expect("an id").to_owned();
        let part = format!("PUT /vault/parts?partNumber=1&uploadId={id}");
        gateway.check(who, &format!("{part}\n{retained}\n\nhello"), "400 InvalidRequest").await;
        gateway.check(who, &format!("{part}\n\nhello"), "200").await;
        let complete = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
                        <ETag>5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>";
        let complete_late = format!("POST /vault/parts?uploadId={id}\n{prefix}object-lock-legal-hold: ON");
        gateway.check(who, &format!("{complete_late}\n\n{complete}"), "400 InvalidRequest").await;
        let done = gateway.check(who, &format!("POST /vault/parts?uploadId={id}\n\n{complete}"), "200").await;
        assert_eq!(lock(&gateway, who, "/vault/parts").await, [RETAINED[0], RETAINED[1], ""]);
        let version = done.header(&format!("{prefix}version-id"));
        gateway.check(who, &format!("DELETE /vault/parts?versionId={version}"), "403 AccessDenied").await;
        gateway.assert_sound();
    }
}

#[tokio::test]
async fn a_form_brings_its_protection() {
    let gateway = Gateway::with_vault().await;
    for (who, date) in [
        (As::Obs("alice"), "2030-01-01T00:00:00Z"),
        // As the reference's sample has it.
        (As::Obs("alice"), "Tue, 01 Jan 2030 00:00:00 GMT"),
        (As::Aws("alice"), "2030-01-01T00:00:00Z"),
    ] {
        let prefix = who.prefix();
        let form = Form { bucket: "vault", ..Form::new("form", "hello") };
        let form = form.field(&format!("{prefix}object-lock-mode"), "COMPLIANCE");
        let posted = gateway.post(who, &form.field(&format!("{prefix}object-lock-retain-until-date"), date)).await;
        assert_eq!(posted.verdict(), "204", "{}", posted.text());
        assert_eq!(lock(&gateway, who, "/vault/form").await, ["COMPLIANCE", "2030-01-01T00:00:00Z", ""]);
    }
}

#[tokio::test]
async fn protection_that_makes_no_sense_is_refused() {
    let gateway = Gateway::with_vault().await;
    for who in all("alice") {
        let is_obs = who.prefix() == "x-obs-";
        let senseless = if is_obs { "400 InvalidRequest" } else { "400 InvalidArgument" };
        let governance = if is_obs { senseless } else { "200" };
        let date = "PREFIXobject-lock-retain-until-date: 2030-01-01T00:00:00Z";
        for (bucket, headers, verdict) in [
            ("photos", "PREFIXobject-lock-legal-hold: ON", "400 InvalidRequest"),
            ("photos", "PREFIXobject-lock-mode: COMPLIANCE", "400 InvalidRequest"),
            ("files", "PREFIXobject-lock-mode: COMPLIANCE", "400 InvalidRequest"),
            ("vault", "PREFIXobject-lock-mode: COMPLIANCE", senseless),
            ("vault", date, senseless),
            ("vault", &format!("PREFIXobject-lock-mode: compliance\n{date}"), senseless),
            ("vault", &format!("PREFIXobject-lock-mode: GOVERNANCE\n{date}"), governance),
            ("vault", "PREFIXobject-lock-mode: COMPLIANCE\nPREFIXobject-lock-retain-until-date: soon", senseless),
            (
                "vault",
                "PREFIXobject-lock-mode: COMPLIANCE\nPREFIXobject-lock-retain-until-date: 2015-07-01T00:00:00Z",
                senseless,
            ),
            ("vault", "PREFIXobject-lock-legal-hold: on", senseless),
            ("vault", "PREFIXobject-lock-event-hold: ON", "501 ServiceNotImplemented"),
        ] {
            let verdict = match (who, verdict) {
                (As::S3(_), "501 ServiceNotImplemented") => "501 NotImplemented",
                _ => verdict,
            };
            let headers = headers.replace("PREFIX", who.prefix());
            gateway.check(who, &format!("PUT /{bucket}/k\n{headers}\n\nhello"), verdict).await;
            gateway.check(who, &format!("POST /{bucket}/k?uploads\n{headers}"), verdict).await;
        }
    }
}

/// Who may only write could else keep others' buckets full for a hundred years.
#[tokio::test]
async fn who_protects_what_they_store_needs_the_right_to() {
    let gateway = Gateway::with_vault().await;
    gateway.check(As::Obs("alice"), "PUT /vault?acl\nx-obs-acl: public-read-write", "200").await;
    let allow = "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"PutObjectRetention\",\"Resource\":\"vault/*\"}}";
    for who in all("bob") {
        let retained = retained(who, "COMPLIANCE");
        let hold = format!("{}object-lock-legal-hold: OFF", who.prefix());
        gateway.check(As::Obs("alice"), "DELETE /vault?policy", "204").await;
        gateway.check(who, "PUT /vault/k\n\nhello", "200").await;
        gateway.check(who, &format!("PUT /vault/k\n{retained}\n\nhello"), "403 AccessDenied").await;
        gateway.check(who, &format!("POST /vault/k?uploads\n{retained}"), "403 AccessDenied").await;
        gateway.check(who, &format!("PUT /vault/k\n{hold}\n\nhello"), "403 AccessDenied").await;
        gateway.check(As::Obs("alice"), &format!("PUT /vault?policy\n\n{allow}"), "204").await;
        let shared = format!("{retained}\n{}acl: public-read", who.prefix());
        gateway.check(who, &format!("PUT /vault/k\n{shared}\n\nhello"), "200").await;
        gateway.check(who, &format!("PUT /vault/k\n{retained}\n{hold}\n\nhello"), "403 AccessDenied").await;
        // To be told of it is another right.
        assert_eq!(lock(&gateway, who, "/vault/k").await, ["", "", ""]);
        assert_eq!(lock(&gateway, As::Obs("alice"), "/vault/k").await, ["COMPLIANCE", "2030-01-01T00:00:00Z", ""]);
    }
}

#[tokio::test]
async fn a_protected_version_is_not_deleted() {
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let prefix = who.prefix();
        let version = put(&gateway, who, "k", &retained(who, "COMPLIANCE")).await;
        let delete = format!("DELETE /vault/k?versionId={version}");
        let refused = gateway.check(who, &delete, "403 AccessDenied").await;
        assert!(refused.body_text().contains("immutable"), "{}", refused.body_text());
        gateway.check(who, &format!("{delete}\n{prefix}bypass-governance-retention: true"), "403 AccessDenied").await;
        // What covers it goes; the bucket does not.
        let marker = gateway.check(who, "DELETE /vault/k", "204").await;
        gateway.check(who, &delete, "403 AccessDenied").await;
        let marker = marker.header(&format!("{prefix}version-id")).to_owned();
        gateway.check(who, &format!("DELETE /vault/k?versionId={marker}"), "204").await;
        gateway.check(who, "PUT /vault/k\n\nnewer", "200").await;
        gateway.check(who, &delete, "403 AccessDenied").await;
        gateway.check(who, "DELETE /vault", "409 BucketNotEmpty").await;
        assert_eq!(gateway.used("vault").await, (10, 2));
        gateway.app.clock.set(UNTIL - 1);
        gateway.check(who, &delete, "403 AccessDenied").await;
        gateway.app.clock.set(UNTIL);
        gateway.check(who, &delete, "204").await;
        assert_eq!(gateway.used("vault").await, (5, 1));
    }
}

#[tokio::test]
async fn governance_is_passed_over_by_who_may_and_says_so() {
    let gateway = Gateway::with_vault().await;
    gateway.check(As::Obs("alice"), "PUT /vault?acl\nx-obs-acl: public-read-write", "200").await;
    for who in [As::Aws("alice"), As::S3("alice")] {
        let version = put(&gateway, who, "k", &retained(who, "GOVERNANCE")).await;
        let delete = format!("DELETE /vault/k?versionId={version}");
        let bypassing = |word: &str| format!("{delete}\nx-amz-bypass-governance-retention: {word}");
        gateway.check(who, &delete, "403 AccessDenied").await;
        gateway.check(who, &bypassing("false"), "403 AccessDenied").await;
        gateway.check(who, &bypassing("perhaps"), "400 InvalidArgument").await;
        // Bob may delete, and has no other right.
        gateway.check(As::S3("bob"), &bypassing("true"), "403 AccessDenied").await;
        // OBS has no such header.
        let of_obs = format!("{delete}\nx-obs-bypass-governance-retention: true");
        gateway.check(As::Obs("alice"), &of_obs, "403 AccessDenied").await;
        gateway.check(who, &bypassing("True"), "204").await;
        assert_eq!(gateway.used("vault").await, (0, 0));
    }
}

#[tokio::test]
async fn of_many_those_that_are_protected_stay() {
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let is_obs = who.prefix() == "x-obs-";
        let mode = if is_obs { "COMPLIANCE" } else { "GOVERNANCE" };
        let locked = put(&gateway, who, "locked", &retained(who, mode)).await;
        let hold = format!("{}object-lock-legal-hold: ON", who.prefix());
        let held = put(&gateway, who, "held", &hold).await;
        let free = put(&gateway, who, "free", &hold.replace("ON", "OFF")).await;
        let items = [("locked", &locked), ("free", &free), ("held", &held)];
        let items =
            items.map(|(key, version)| format!("<Object><Key>{key}</Key><VersionId>{version}</VersionId></Object>"));
        let document = format!("<Delete>{}</Delete>", items.concat());
        let md5 = BASE64.encode(digest::md5(document.as_bytes()));
        let delete = |header: &str| format!("POST /vault?delete\nContent-MD5: {md5}{header}\n\n{document}");
        let answer = gateway.check(who, &delete(""), "200").await;
        assert_eq!(answer.elements("Key"), ["locked", "free", "held"]);
        assert_eq!(answer.elements("Code"), ["AccessDenied", "AccessDenied"]);
        assert_eq!(answer.body_text().matches("<Deleted>").count(), 1);
        assert_eq!(gateway.used("vault").await, (10, 2));
        let header = format!("\n{}bypass-governance-retention: ", who.prefix());
        let unclear = if is_obs { "200" } else { "400 InvalidArgument" };
        gateway.check(who, &delete(&format!("{header}perhaps")), unclear).await;
        let answer = gateway.check(who, &delete(&format!("{header}true")), "200").await;
        let refused = if is_obs { 2 } else { 1 };
        assert_eq!(answer.elements("Code").len(), refused);
        assert_eq!(gateway.used("vault").await.1, refused as u64);
    }
}

#[tokio::test]
async fn a_protected_version_does_not_change() {
    for who in all("alice") {
        let gateway = Gateway::with_vault().await;
        let prefix = who.prefix();
        put(&gateway, who, "k", &retained(who, "COMPLIANCE")).await;
        let amend =
            |header: &str| format!("PUT /vault/k?metadata\n{prefix}metadata-directive: REPLACE_NEW\n{prefix}{header}");
        gateway.check(who, &amend("meta-a: b"), "403 AccessDenied").await;
        gateway.check(who, &amend("storage-class: COLD"), "403 AccessDenied").await;
        gateway.check(who, &amend("object-lock-mode: COMPLIANCE"), "400 InvalidArgument").await;
        gateway.check(who, "POST /vault/k?append&position=5\n\n!", "403 AccessDenied").await;
        // Who may read it and what it is tagged with are not the object.
        gateway.check(who, &format!("PUT /vault/k?acl\n{prefix}acl: public-read"), "200").await;
        let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
        let md5 = BASE64.encode(digest::md5(tags.as_bytes()));
        gateway.check(who, &format!("PUT /vault/k?tagging\nContent-MD5: {md5}\n\n{tags}"), "200").await;
        assert_eq!(lock(&gateway, who, "/vault/k").await, ["COMPLIANCE", "2030-01-01T00:00:00Z", ""]);
        gateway.app.clock.set(UNTIL);
        gateway.check(who, &amend("meta-a: b"), "200").await;
    }
}

/// The job does not even find what is protected, and so does not come back to it.
#[tokio::test]
async fn days_to_live_wait_for_the_end_of_protection() {
    let gateway = Gateway::with_vault().await;
    let who = As::Obs("alice");
    let step = async || {
        let (_stop, stopping) = watch::channel(false);
        expiry::step(&gateway.app, &stopping).await.expect("memory does not fail")
    };
    let date = "x-obs-object-lock-mode: COMPLIANCE\nx-obs-object-lock-retain-until-date: 2015-08-01T00:00:00Z";
    put(&gateway, who, "free", "x-obs-expires: 1").await;
    put(&gateway, who, "retained", &format!("x-obs-expires: 1\n{date}")).await;
    put(&gateway, who, "held", "x-obs-expires: 1\nx-obs-object-lock-legal-hold: ON").await;
    let august = NOW - NOW % DAY + 31 * DAY;
    for (now, gone, left) in [
        (NOW + 3 * DAY, 1, vec!["held", "retained"]),
        (august - 1, 0, vec!["held", "retained"]),
        (august, 1, vec!["held"]),
    ] {
        gateway.app.clock.set(now);
        assert_eq!((step().await, step().await), (gone, 0));
        assert_eq!(gateway.keys("vault").await, left);
    }
    gateway.check(who, "PUT /vault/held?legal-hold\n\n<LegalHold><Status>OFF</Status></LegalHold>", "200").await;
    assert_eq!(step().await, 1);
    // Only covered: the versions are all there.
    assert_eq!(gateway.used("vault").await, (15, 3));
}

/// A version from before its bucket kept any is protected like any other, and never replaced.
#[tokio::test]
async fn the_null_version_is_protected_too() {
    let gateway = Gateway::with_bucket().await;
    let who = As::S3("alice");
    gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
    let enable =
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(who, enable, "200").await;
    gateway.check(who, &crate::bucket_object_lock::configure("photos", ""), "200").await;
    let hold = "PUT /photos/k?legal-hold&versionId=null\n\n<LegalHold><Status>ON</Status></LegalHold>";
    gateway.check(who, hold, "200").await;
    gateway.check(who, "PUT /photos/k\n\nnewer", "200").await;
    gateway.check(who, "DELETE /photos/k?versionId=null", "403 AccessDenied").await;
    assert_eq!(gateway.check(who, "GET /photos/k?versionId=null", "200").await.body_text(), "hello");
}

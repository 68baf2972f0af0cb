//! Bucket create, head, delete.

use obs_gateway::config::Config;
use obs_gateway::limits;

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn a_bucket_is_made_seen_and_removed() {
    let gateway = Gateway::new().await;
    for who in both("alice") {
        gateway.check(who, "HEAD /photos", "404 NoSuchBucket").await;
        let made = gateway.check(who, "PUT /photos", "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(made.text(), @r"
            200 OK
            content-length: 0
            location: /photos
            ");
        }
        gateway.check(who, "HEAD /photos", "200").await;
        let gone = gateway.check(who, "DELETE /photos", "204").await;
        assert_eq!(gone.text(), "204 No Content");
        gateway.check(who, "DELETE /photos", "404 NoSuchBucket").await;
    }
}

#[tokio::test]
async fn head_says_where_and_what() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "HEAD /photos", "200").await.text(), @r"
    200 OK
    content-type: application/xml
    content-length: 0
    x-obs-bucket-location: default
    x-obs-storage-class: STANDARD
    x-obs-version: 3.0
    x-obs-usage-current-bytes: 0
    x-obs-usage-noncurrent-bytes: 0
    x-obs-usage-part-bytes: 0
    x-obs-usage-reserved-bytes: 0
    x-obs-usage-objects: 0
    x-obs-quota-bytes: 0
    x-obs-quota-objects: 0
    ");
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "HEAD /photos", "200").await.text(), @r"
    200 OK
    content-type: application/xml
    content-length: 0
    x-amz-bucket-region: default
    x-default-storage-class: STANDARD
    x-obs-version: 3.0
    x-obs-usage-current-bytes: 0
    x-obs-usage-noncurrent-bytes: 0
    x-obs-usage-part-bytes: 0
    x-obs-usage-reserved-bytes: 0
    x-obs-usage-objects: 0
    x-obs-quota-bytes: 0
    x-obs-quota-objects: 0
    ");
}

#[tokio::test]
async fn the_region_may_be_named_in_either_word() {
    let gateway = Gateway::new().await;
    let make = |bucket: &str, element: &str, region: &str| {
        let place = format!("<{element}>{region}</{element}>");
        format!("PUT /{bucket}\n\n<CreateBucketConfiguration xmlns=\"http://x/\">{place}</CreateBucketConfiguration>")
    };
    for (index, who) in both("alice").into_iter().enumerate() {
        for element in ["Location", "LocationConstraint"] {
            let bucket = format!("b-{index}-{}", element.len());
            gateway.check(who, &make(&bucket, element, "mars"), "400 InvalidLocationConstraint").await;
            gateway.check(who, &format!("HEAD /{bucket}"), "404 NoSuchBucket").await;
            gateway.check(who, &make(&bucket, element, "default"), "200").await;
        }
        gateway.check(who, &make("empty", "Location", ""), "200").await;
    }
}

/// AWS's clients sign for the region they were told, and some of them ask for new buckets to be there too.
#[tokio::test]
async fn the_region_a_request_is_signed_for_is_here() {
    let gateway = Gateway::new().await;
    let who = As::S3("alice"); // signs for us-east-1
    let make = |parts: &str| format!("PUT /here\n\n<CreateBucketConfiguration>{parts}</CreateBucketConfiguration>");
    let there = make("<LocationConstraint>us-east-1</LocationConstraint>");
    let elsewhere = make("<LocationConstraint>mars</LocationConstraint>");

    let refused = gateway.check(who, &elsewhere, "400 InvalidLocationConstraint").await;
    assert_eq!(refused.element("Message"), Some("mars is not a region of this server: its own is default."));
    gateway.check(As::Aws("alice"), &there, "400 InvalidLocationConstraint").await;
    for unknown in [
        "<Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags>",
        "<Location><Name>use1-az4</Name><Type>AvailabilityZone</Type></Location>",
        "<Bucket><Type>Directory</Type></Bucket>",
    ] {
        gateway.check(who, &make(unknown), "501 NotImplemented").await;
    }
    gateway.check(who, "HEAD /here", "404 NoSuchBucket").await;
    gateway.check(who, &there, "200").await;
}

#[tokio::test]
async fn what_cannot_be_honoured_makes_no_bucket() {
    let gateway = Gateway::new().await;
    let cases = [
        ("\n\n<CreateBucketConfiguration><Location>", "400 MalformedXML"),
        ("\n\n<Other/>", "400 MalformedXML"),
        ("\n\nnot XML", "400 MalformedXML"),
        ("\nx-obs-storage-class: LUKEWARM", "400 InvalidDefaultStorageClass"),
        ("\nx-obs-acl: public", "400 InvalidArgument"),
        ("\nx-obs-grant-read: id=1", "400 InvalidArgument"),
        ("\nx-obs-bucket-type: CUBE", "400 InvalidArgument"),
        ("\nx-obs-bucket-type: OBJECT\nx-obs-fs-file-interface: Enabled", "400 InvalidArgument"),
        ("\nx-obs-fs-file-interface: Disabled", "400 InvalidArgument"),
        ("\nx-obs-fs-file-interface: Enabled\nx-obs-storage-class: COLD", "400 InvalidArgument"),
        ("\nx-obs-fs-file-interface: Enabled\nx-obs-bucket-object-lock-enabled: true", "400 InvalidArgument"),
        ("\nx-obs-bucket-object-lock-enabled: yes", "400 InvalidArgument"),
        ("\nx-obs-epid: 1", "501 ServiceNotImplemented"),
        ("\nx-obs-az-redundancy: 3az", "501 ServiceNotImplemented"),
        ("\nx-obs-bucket-redundancy: FUSION", "501 ServiceNotImplemented"),
        ("\nx-obs-fusion-allow-upgrade: true", "501 ServiceNotImplemented"),
        ("\nx-obs-fusion-allow-alternative: true", "501 ServiceNotImplemented"),
        ("\nx-obs-object-ownership: Mine", "400 InvalidArgument"),
        ("\nx-obs-server-side-encryption: kms", "501 ServiceNotImplemented"),
        ("\nx-obs-server-side-encryption-kms-key-id: 1", "501 ServiceNotImplemented"),
        ("\nx-obs-sse-kms-key-project-id: 1", "501 ServiceNotImplemented"),
        ("?prefix=a", "400 InvalidArgument"),
        ("?typo", "400 InvalidArgument"),
    ];
    for (rest, verdict) in cases {
        gateway.check(As::Obs("alice"), &format!("PUT /photos{rest}"), verdict).await;
        gateway.check(As::Obs("alice"), "HEAD /photos", "404 NoSuchBucket").await;
    }
    gateway.check(As::Aws("alice"), "PUT /photos\nx-amz-acl: public", "400 InvalidArgument").await;
    gateway
        .check(As::Aws("alice"), "PUT /photos\nx-default-storage-class: HOT", "400 InvalidDefaultStorageClass")
        .await;
    gateway.check(As::Aws("alice"), "PUT /photos\nx-obs-az-redundancy: 3az", "501 ServiceNotImplemented").await;
    let long = " ".repeat(limits::DOCUMENT_BYTES_MAX + 1);
    gateway.check(As::Obs("alice"), &format!("PUT /photos\n\n{long}"), "400 EntityTooLarge").await;
    gateway.check(As::Obs("alice"), "HEAD /photos", "404 NoSuchBucket").await;
    let harmless = "x-obs-acl: private\nx-obs-storage-class: STANDARD\nx-obs-bucket-type: OBJECT\nx-obs-epid: 0\nx-obs-bucket-redundancy: CLASSIC\nx-obs-fusion-allow-upgrade: false\nx-obs-bucket-object-lock-enabled: false";
    gateway.check(As::Obs("alice"), &format!("PUT /photos\n{harmless}"), "200").await;
    gateway.check(As::Obs("alice"), "GET /photos?versioning", "200").await;
}

#[tokio::test]
async fn a_bucket_is_made_as_asked_for() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /warm\nx-obs-storage-class: WARM", "200").await;
    gateway.check(As::Aws("alice"), "PUT /cold\nx-default-storage-class: GLACIER", "200").await;
    // Not this dialect's word for it.
    gateway.check(As::Aws("alice"), "PUT /plain\nx-obs-storage-class: COLD", "200").await;
    for (bucket, obs, s3) in
        [("warm", "WARM", "STANDARD_IA"), ("cold", "COLD", "GLACIER"), ("plain", "STANDARD", "STANDARD")]
    {
        let head = format!("HEAD /{bucket}");
        assert_eq!(gateway.check(As::Obs("alice"), &head, "200").await.header("x-obs-storage-class"), obs);
        let aws = gateway.check(As::Aws("alice"), &head, "200").await;
        assert_eq!(aws.header("x-default-storage-class"), s3);
        assert_eq!(aws.header("x-obs-fs-file-interface"), "");
    }
    for (who, request) in [
        (As::Obs("alice"), "PUT /files-1\nx-obs-fs-file-interface: Enabled"),
        (As::Aws("alice"), "PUT /files-2\nx-obs-fs-file-interface: Enabled"),
        (As::Obs("alice"), "PUT /files-3\nx-obs-bucket-type: POSIX"),
        (As::Aws("alice"), "PUT /files-4\nx-amz-bucket-type: POSIX\nx-amz-fs-file-interface: Enabled"),
    ] {
        gateway.check(who, request, "200").await;
        let bucket = request.split([' ', '\n']).nth(1).unwrap();
        for who in both("alice") {
            let head = gateway.check(who, &format!("HEAD {bucket}"), "200").await;
            assert_eq!(head.header("x-obs-fs-file-interface"), "Enabled", "{bucket}");
        }
    }
    for (who, bucket) in both("alice").into_iter().zip(["locked-1", "locked-2"]) {
        gateway.check(who, &format!("PUT /{bucket}\n{}bucket-object-lock-enabled: True", who.prefix()), "200").await;
        let versioning = gateway.check(who, &format!("GET /{bucket}?versioning"), "200").await;
        assert_eq!(versioning.element("Status"), Some("Enabled"));
    }
    // Made again, it stays what it was.
    gateway.check(As::Obs("alice"), "PUT /warm\nx-obs-storage-class: COLD", "200").await;
    let head = gateway.check(As::Obs("alice"), "HEAD /warm", "200").await;
    assert_eq!(head.header("x-obs-storage-class"), "WARM");
}

#[tokio::test]
async fn a_name_has_one_owner() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?quota\n\n<Quota><StorageQuota>7</StorageQuota></Quota>", "200").await;
    for who in both("bob") {
        gateway.check(who, "PUT /photos", "409 BucketAlreadyExists").await;
        gateway.check(who, "DELETE /photos", "403 AccessDenied").await;
        gateway.check(who, "HEAD /photos", "403 AccessDenied").await;
    }
    // Making it again changes nothing.
    gateway.check(As::Aws("alice"), "PUT /photos", "200").await;
    let quota = gateway.check(As::Obs("alice"), "GET /photos?quota", "200").await;
    assert_eq!(quota.element("StorageQuota"), Some("7"));
    gateway.check(As::Nobody, "PUT /photos", "403 AccessDenied").await;
    gateway.check(As::Nobody, "DELETE /photos", "403 AccessDenied").await;
    gateway.check(As::Obs("frida"), "PUT /fridas", "403 InArrearOrInsufficientBalance").await;
    gateway.check(As::Obs("dora"), "PUT /doras", "403 DeregisterUserId").await;
    for bucket in ["fridas", "doras"] {
        gateway.check(As::Obs("alice"), &format!("HEAD /{bucket}"), "404 NoSuchBucket").await;
    }
}

#[tokio::test]
async fn only_an_empty_bucket_goes() {
    let gateway = Gateway::with_bucket().await;
    // Objects without bytes count, too.
    gateway.check(As::Obs("alice"), "PUT /photos/empty", "200").await;
    for who in both("alice") {
        gateway.check(who, "DELETE /photos", "409 BucketNotEmpty").await;
    }
    assert_eq!(gateway.keys("photos").await, ["empty"]);
    gateway.check(As::Obs("alice"), "DELETE /photos/empty", "204").await;
    gateway.check(As::Obs("alice"), "DELETE /photos?typo", "400 InvalidArgument").await;
    gateway.check(As::Obs("alice"), "DELETE /photos\n\nbody", "400 UnexpectedContent").await;
    gateway.check(As::Obs("alice"), "DELETE /photos", "204").await;
    gateway.assert_sound();
}

#[tokio::test]
async fn uploads_do_not_keep_a_bucket_in_s3() {
    let gateway = Gateway::with_bucket().await;
    let (owner, delete) = (As::S3("alice"), "DELETE /photos");
    let small = gateway.begin_upload(owner, "/photos/a").await;
    gateway.put_parts(owner, "/photos/a", &small, &[7, 3_000_000]).await;
    let other = gateway.begin_upload(As::Obs("alice"), "/photos/b").await;
    // Whoever may not delete the bucket ends nothing, and an object keeps bucket and uploads.
    gateway.check(As::S3("bob"), delete, "403 AccessDenied").await;
    gateway.check(owner, "PUT /photos/kept", "200").await;
    gateway.check(owner, delete, "409 BucketNotEmpty").await;
    let left = gateway.check(owner, "GET /photos?uploads", "200").await;
    assert_eq!(left.elements("UploadId"), [&*small, &*other]);
    gateway
        .check(
            owner,
            "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            "200",
        )
        .await;
    gateway.check(owner, "DELETE /photos/kept?versionId=null", "204").await;
    gateway.check(owner, "DELETE /photos/gone", "204").await;
    gateway.check(owner, delete, "409 BucketNotEmpty").await;
    let listed = gateway.check(owner, "GET /photos?versions", "200").await;
    assert_eq!(listed.elements("VersionId").len(), 1);
    for marker in listed.elements("VersionId") {
        gateway.check(owner, &format!("DELETE /photos/gone?versionId={marker}"), "204").await;
    }
    for who in both("alice") {
        gateway.check(who, delete, "409 BucketNotEmpty").await;
    }
    gateway.check(owner, delete, "204").await;
    gateway.check(owner, &format!("GET /photos/a?uploadId={small}"), "404 NoSuchBucket").await;
    gateway.assert_sound();
}

#[tokio::test]
async fn a_bucket_made_again_is_another() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?quota\n\n<Quota><StorageQuota>7</StorageQuota></Quota>", "200").await;
    gateway.check(As::Obs("alice"), "DELETE /photos", "204").await;
    gateway.check(As::Obs("bob"), "PUT /photos", "200").await;
    let quota = gateway.check(As::Obs("bob"), "GET /photos?quota", "200").await;
    assert_eq!(quota.element("StorageQuota"), Some("0"));
    gateway.check(As::Obs("alice"), "GET /photos?quota", "403 AccessDenied").await;
}

#[tokio::test]
async fn an_account_has_a_hundred_buckets() {
    let gateway = Gateway::new().await;
    for index in 0..limits::BUCKETS_PER_ACCOUNT_MAX {
        gateway.check(As::Obs("alice"), &format!("PUT /bucket-{index}"), "200").await;
    }
    gateway.check(As::Obs("alice"), "PUT /one-more", "400 TooManyBuckets").await;
    gateway.check(As::Obs("alice"), "PUT /bucket-0", "200").await;
    gateway.check(As::Obs("bob"), "PUT /one-more", "200").await;
    gateway.check(As::Obs("alice"), "DELETE /bucket-0", "204").await;
    gateway.check(As::Obs("alice"), "PUT /bucket-0", "200").await;
}

#[tokio::test]
async fn or_as_many_as_the_settings_say() {
    let config = Config { buckets_per_account: 2, ..Config::for_testing() };
    let gateway = Gateway::configured(config).await;
    for (bucket, verdict) in [("one", "200"), ("two", "200"), ("three", "400 TooManyBuckets"), ("one", "200")] {
        gateway.check(As::Obs("alice"), &format!("PUT /{bucket}"), verdict).await;
    }
}

#[tokio::test]
async fn names_follow_the_rules() {
    let gateway = Gateway::new().await;
    let long = "a".repeat(limits::BUCKET_NAME_BYTES_MAX);
    for good in ["abc", "a.b-c", "0ab", "api", "metrics", &long] {
        gateway.check(As::Obs("alice"), &format!("PUT /{good}"), "200").await;
    }
    let too_long = format!("{long}a");
    for bad in ["ab", "-ab", "ab-", "a..b", "a.-b", "Abc", "a_b", "192.0.2.1", "a%20b", "%C3%A9bc", &too_long] {
        for method in ["PUT", "HEAD", "GET", "DELETE"] {
            gateway.check(As::Obs("alice"), &format!("{method} /{bad}"), "400 InvalidBucketName").await;
        }
    }
}

//! `?ownershipControls`: the setting itself, whose new objects are by it, and what becomes of lists.

use crate::form::Form;
use crate::support::{As, Gateway};

/// An account in every dialect.
fn all(name: &'static str) -> [As; 3] {
    [As::Obs(name), As::Aws(name), As::S3(name)]
}

fn put(ownership: &str) -> String {
    format!(
        "PUT /photos?ownershipControls\n\n<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>\
         </OwnershipControls>"
    )
}

const EVERYTHING: &str = "PUT /photos?policy\n\n{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\
                          \"Resource\":[\"photos\",\"photos/*\"]}}";

/// A bucket of alice's in which everyone may do everything.
async fn gateway_with(ownership: &str) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), EVERYTHING, "204").await;
    gateway.check(As::S3("alice"), &put(ownership), "200").await;
    gateway
}

/// The name of an object's owner.
async fn owner(gateway: &Gateway, key: &str) -> String {
    let list = gateway.check(As::S3("bob"), &format!("GET /photos/{key}?acl"), "200").await;
    list.element("DisplayName").unwrap_or_default().to_owned()
}

/// Writes an object in every way there is, with a canned list where one is named; whose each becomes.
async fn owners(gateway: &Gateway, who: As, canned: Option<&str>) -> Vec<String> {
    let header = canned.map_or(String::new(), |name| format!("\n{}acl: {name}", who.prefix()));
    gateway.check(who, &format!("PUT /photos/put{header}\n\nhello"), "200").await;
    gateway.check(who, &format!("PUT /photos/copy\n{}copy-source: /photos/put{header}", who.prefix()), "200").await;
    gateway.check(who, &format!("POST /photos/append?append&position=0{header}\n\nhello"), "200").await;
    let begun = gateway.check(who, &format!("POST /photos/parts?uploads{header}"), "200").await;
    let id = begun.element("UploadId").unwrap_or_default().to_owned();
    let shown = gateway.check(As::S3("bob"), &format!("GET /photos/parts?uploadId={id}"), "200").await;
    let part = format!("PUT /photos/parts?partNumber=1&uploadId={id}\n\nhello");
    gateway.check(who, &part, "200").await;
    let complete = format!(
        "POST /photos/parts?uploadId={id}\n\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
         <ETag>5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>"
    );
    gateway.check(who, &complete, "200").await;
    let mut owners = vec![shown.elements("DisplayName")[1].to_owned()];
    let mut keys = vec!["put", "copy", "append", "parts"];
    if !matches!(who, As::S3(_)) {
        let mut form = Form::new("form", "hello");
        if let Some(name) = canned {
            form = form.field(&format!("{}acl", who.prefix()), name);
        }
        gateway.check_post(who, &form, "204").await;
        keys.push("form");
    }
    for key in keys {
        owners.push(owner(gateway, key).await);
        gateway.check(As::Obs("alice"), &format!("DELETE /photos/{key}"), "204").await;
    }
    owners
}

async fn check_owners(ownership: &str, canned: Option<&str>, expected: &str) {
    let gateway = gateway_with(ownership).await;
    for who in all("bob") {
        let found = owners(&gateway, who, canned).await;
        assert!(found.iter().all(|owner| owner == expected), "{who:?} {ownership} {canned:?} {found:?}");
    }
    assert_eq!(gateway.used("photos").await, (0, 0));
}

#[tokio::test]
async fn the_setting_comes_and_goes() {
    for who in all("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "GET /photos?ownershipControls", "404 OwnershipControlsNotFoundError").await;
        gateway.check(who, "DELETE /photos?ownershipControls", "204").await;
        for ownership in ["ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"] {
            let done = gateway.check(who, &put(ownership), "200").await;
            assert_eq!(done.text(), "200 OK\ncontent-length: 0");
            let read = gateway.check(who, "GET /photos?ownershipControls", "200").await;
            let rule = format!("<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule></OwnershipControls>");
            assert!(read.body_text().ends_with(&rule), "{}", read.body_text());
        }
        gateway.check(who, "DELETE /photos?ownershipControls", "204").await;
        gateway.check(who, "GET /photos?ownershipControls", "404 OwnershipControlsNotFoundError").await;
    }
}

#[tokio::test]
async fn what_is_no_setting_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    for who in all("alice") {
        for (request, verdict) in [
            ("PUT /photos?ownershipControls", "400 MissingRequestBodyError"),
            ("PUT /photos?ownershipControls\n\nx", "400 MalformedXML"),
            ("PUT /photos?ownershipControls\n\n<OwnershipControls/>", "400 MalformedXML"),
            (&put("Mine"), "400 MalformedXML"),
            (&put("ObjectWriter").replace("?owner", "?x=1&owner"), "400 InvalidArgument"),
            (&put("ObjectWriter").replace("/photos?", "/photos/k?"), "405 MethodNotAllowed"),
            ("POST /photos?ownershipControls", "405 MethodNotAllowed"),
        ] {
            gateway.check(who, request, verdict).await;
        }
        gateway.check(who, "GET /photos?ownershipControls", "404 OwnershipControlsNotFoundError").await;
    }
    gateway.check(As::S3("bob"), &put("ObjectWriter"), "403 AccessDenied").await;
}

#[tokio::test]
async fn a_new_bucket_may_name_its_ownership() {
    for who in all("alice") {
        let gateway = Gateway::new().await;
        let prefix = who.prefix();
        let enforced = format!("{prefix}object-ownership: BucketOwnerEnforced");
        for (headers, verdict) in [
            (format!("{prefix}object-ownership: Mine"), "400 InvalidArgument"),
            (format!("{enforced}\n{prefix}acl: public-read"), "400 InvalidBucketAclWithObjectOwnership"),
        ] {
            gateway.check(who, &format!("PUT /photos\n{headers}"), verdict).await;
            gateway.check(who, "HEAD /photos", "404 NoSuchBucket").await;
        }
        gateway.check(who, &format!("PUT /photos\n{enforced}\n{prefix}acl: private"), "200").await;
        let read = gateway.check(who, "GET /photos?ownershipControls", "200").await;
        assert_eq!(read.element("ObjectOwnership"), Some("BucketOwnerEnforced"));
        // It went with its bucket.
        gateway.check(who, "DELETE /photos", "204").await;
        gateway.check(who, "PUT /photos", "200").await;
        gateway.check(who, "GET /photos?ownershipControls", "404 OwnershipControlsNotFoundError").await;
    }
}

#[tokio::test]
async fn an_object_is_its_writers_unless_the_bucket_says_otherwise() {
    for canned in [None, Some("bucket-owner-full-control"), Some("private")] {
        check_owners("ObjectWriter", canned, "bob").await;
    }
    check_owners("BucketOwnerPreferred", None, "bob").await;
    check_owners("BucketOwnerPreferred", Some("private"), "bob").await;
    check_owners("BucketOwnerPreferred", Some("bucket-owner-full-control"), "alice").await;
    check_owners("BucketOwnerEnforced", None, "alice").await;
    check_owners("BucketOwnerEnforced", Some("bucket-owner-full-control"), "alice").await;
}

#[tokio::test]
async fn what_nobody_signs_for_is_the_bucket_owners_too() {
    let gateway = gateway_with("BucketOwnerEnforced").await;
    gateway.check(As::Nobody, "PUT /photos/k\n\nhello", "200").await;
    assert_eq!(owner(&gateway, "k").await, "alice");
    gateway.check(As::Obs("alice"), "DELETE /photos?policy", "204").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
}

#[tokio::test]
async fn where_lists_are_disabled_none_is_taken() {
    const NO: &str = "400 AccessControlListNotSupported";
    let gateway = gateway_with("BucketOwnerEnforced").await;
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for who in all("alice").into_iter().chain(all("bob")) {
        let prefix = who.prefix();
        for list in ["acl: private", "acl: public-read", "acl: bucket-owner-read", &format!("grant-read: id={bob}")] {
            let list = format!("{prefix}{list}");
            for request in [
                format!("PUT /photos/new\n{list}\n\nhello"),
                format!("PUT /photos/new\n{prefix}copy-source: /photos/k\n{list}"),
                format!("POST /photos/new?append&position=0\n{list}\n\nhello"),
                format!("POST /photos/new?uploads\n{list}"),
                format!("PUT /photos/k?acl\n{list}"),
                format!("PUT /photos?acl\n{list}"),
            ] {
                gateway.check(who, &request, NO).await;
            }
        }
        for same in ["acl: bucket-owner-full-control", &format!("grant-full-control: id={alice}")] {
            gateway.check(who, &format!("PUT /photos/k?acl\n{prefix}{same}"), "200").await;
            gateway.check(who, &format!("PUT /photos?acl\n{prefix}{same}"), "200").await;
        }
        let document = |id: &str| {
            format!(
                "<AccessControlPolicy><Owner><ID>{alice}</ID></Owner><AccessControlList><Grant><Grantee><ID>{id}</ID>\
                 </Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
            )
        };
        for target in ["/photos", "/photos/k"] {
            gateway.check(who, &format!("PUT {target}?acl\n\n{}", document(&bob)), NO).await;
            gateway.check(who, &format!("PUT {target}?acl\n\n{}", document(&alice)), "200").await;
            let shown = gateway.check(who, &format!("GET {target}?acl"), "200").await;
            assert_eq!(shown.elements("Permission"), ["FULL_CONTROL"]);
        }
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn a_bucket_open_to_others_has_to_be_closed_before_lists_are_disabled() {
    let gateway = Gateway::with_bucket().await;
    let bob = gateway.account_id("bob").await;
    for list in
        ["acl: public-read", "acl: authenticated-read", "acl: log-delivery-write", &format!("grant-read: id={bob}")]
    {
        gateway.check(As::S3("alice"), &format!("PUT /photos?acl\nx-amz-{list}"), "200").await;
        gateway.check(As::S3("alice"), &put("BucketOwnerEnforced"), "400 InvalidBucketAclWithObjectOwnership").await;
        gateway.check(As::S3("alice"), &put("BucketOwnerPreferred"), "200").await;
    }
    gateway.check(As::S3("alice"), "PUT /photos?acl\nx-amz-acl: private", "200").await;
    gateway.check(As::S3("alice"), &put("BucketOwnerEnforced"), "200").await;
}

/// What is there keeps its owner and its list, for the day when they count again.
#[tokio::test]
async fn disabled_lists_count_again_when_the_setting_goes() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), EVERYTHING, "204").await;
    gateway.check(As::S3("bob"), "PUT /photos/bobs\nx-amz-acl: public-read\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "DELETE /photos?policy", "204").await;
    let read = async |expected: [&str; 3]| {
        for (who, verdict) in [As::S3("alice"), As::S3("bob"), As::Nobody].into_iter().zip(expected) {
            gateway.check(who, "GET /photos/bobs", verdict).await;
        }
    };
    let listed = async |expected: &str| {
        for listing in ["GET /photos", "GET /photos?list-type=2&fetch-owner=true", "GET /photos?versions"] {
            let listing = gateway.check(As::S3("alice"), listing, "200").await;
            assert_eq!(listing.element("DisplayName"), Some(expected), "{}", listing.text());
        }
    };
    let who_may_see_the_list = async |bob: &str, alice: &str| {
        gateway.check(As::S3("bob"), "GET /photos/bobs?acl", bob).await;
        gateway.check(As::S3("alice"), "GET /photos/bobs?acl", alice).await;
    };
    read(["200", "200", "200"]).await;
    listed("bob").await;
    who_may_see_the_list("200", "403 AccessDenied").await;
    gateway.check(As::S3("alice"), &put("BucketOwnerEnforced"), "200").await;
    read(["200", "403 AccessDenied", "403 AccessDenied"]).await;
    listed("alice").await;
    who_may_see_the_list("403 AccessDenied", "200").await;
    gateway.check(As::S3("alice"), "DELETE /photos?ownershipControls", "204").await;
    read(["200", "200", "200"]).await;
    listed("bob").await;
    who_may_see_the_list("200", "403 AccessDenied").await;
}

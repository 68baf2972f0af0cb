//! `?acl` of buckets, and the headers that give a new bucket its list: documents, refusals, and who may then do what.

use obs_gateway::meta::NewAccount;

use crate::support::{As, Gateway, NOW, both};

async fn grants(gateway: &Gateway) -> Vec<String> {
    let answer = gateway.check(As::Obs("alice"), "GET /photos?acl", "200").await;
    answer.elements("Permission").into_iter().map(str::to_owned).collect()
}

/// A document of `owner` with these grants.
fn document(owner: &str, grants: &str) -> String {
    format!(
        "PUT /photos?acl\n\n<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList>{grants}\
         </AccessControlList></AccessControlPolicy>"
    )
}

fn grant(grantee: &str, permission: &str) -> String {
    format!("<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>")
}

#[tokio::test]
async fn a_private_list_is_the_owner_alone() {
    let gateway = Gateway::with_bucket().await;
    let alice = gateway.account_id("alice").await;
    let obs = gateway.check(As::Obs("alice"), "GET /photos?acl", "200").await;
    assert_eq!(
        obs.body_text().replace(&alice, "ALICE"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <AccessControlPolicy xmlns=\"http://obs.localhost/doc/2015-06-30/\"><Owner><ID>ALICE</ID></Owner>\
         <AccessControlList><Grant><Grantee><ID>ALICE</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>\
         </AccessControlList></AccessControlPolicy>"
    );
    let aws = gateway.check(As::Aws("alice"), "GET /photos?acl", "200").await;
    assert!(aws.body_text().replace(&alice, "ALICE").ends_with(
        "<Owner><ID>ALICE</ID><DisplayName>alice</DisplayName></Owner><AccessControlList><Grant>\
         <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>ALICE</ID>\
         <DisplayName>alice</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>\
         </AccessControlPolicy>"
    ));
}

#[tokio::test]
async fn canned_lists_by_header_in_both_dialects() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let put = |name: &str| format!("PUT /photos?acl\n{}acl: {name}", who.prefix());
        assert_eq!(gateway.check(who, &put("public-read-write"), "200").await.text(), "200 OK\ncontent-length: 0");
        assert_eq!(grants(&gateway).await, ["FULL_CONTROL", "READ", "WRITE"]);
        gateway.check(As::Nobody, "HEAD /photos", "200").await;
        for bad in ["", "everyone", "Public-Read"] {
            gateway.check(who, &put(bad), "400 InvalidArgument").await;
        }
        assert_eq!(grants(&gateway).await.len(), 3);
        gateway.check(who, &put("private"), "200").await;
        assert_eq!(grants(&gateway).await, ["FULL_CONTROL"]);
        gateway.check(As::Nobody, "HEAD /photos", "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn the_header_of_the_other_dialect_is_no_header() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-amz-acl: public-read", "400 MissingRequestBodyError").await;
    gateway.check(As::Aws("alice"), "PUT /photos?acl\nx-obs-acl: public-read", "400 MissingRequestBodyError").await;
    assert_eq!(grants(&gateway).await, ["FULL_CONTROL"]);
}

#[tokio::test]
async fn documents_give_and_take() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
        let bob = grant(&format!("<ID>{bob}</ID>"), "READ");
        gateway.check(As::Obs("bob"), "GET /photos", "403 AccessDenied").await;
        gateway.check(who, &document(&alice, &bob), "200").await;
        gateway.check(As::Obs("bob"), "GET /photos", "200").await;
        gateway.check(As::Aws("bob"), "HEAD /photos", "200").await;
        gateway.check(As::Obs("bob"), "PUT /photos/k\n\nx", "403 AccessDenied").await;
        gateway.check(As::Obs("bob"), "GET /photos?acl", "403 AccessDenied").await;
        gateway.check(As::Nobody, "GET /photos", "403 AccessDenied").await;
        gateway.check(who, &document(&alice, ""), "200").await;
        assert!(grants(&gateway).await.is_empty());
        gateway.check(As::Obs("bob"), "GET /photos", "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn what_is_delivered_opens_the_objects() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read", "200").await;
    gateway.check(As::Nobody, "GET /photos", "200").await;
    gateway.check(As::Nobody, "GET /photos/k", "403 AccessDenied").await;
    gateway.check(As::Nobody, "HEAD /photos/k", "403 AccessDenied").await;
    gateway.check(As::Nobody, "GET /photos/missing", "404 NoSuchKey").await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read-delivered", "200").await;
    assert_eq!(gateway.check(As::Nobody, "GET /photos/k", "200").await.body_text(), "hello");
    let shown = gateway.check(As::Obs("alice"), "GET /photos?acl", "200").await;
    assert_eq!(shown.elements("Delivered"), ["true"]);
}

#[tokio::test]
async fn who_may_write_the_list_may_not_give_the_bucket_away() {
    let gateway = Gateway::with_bucket().await;
    let (alice, bob) = (gateway.account_id("alice").await, gateway.account_id("bob").await);
    let acp = grant(&format!("<ID>{bob}</ID>"), "WRITE_ACP");
    gateway.check(As::Obs("alice"), &document(&alice, &acp), "200").await;
    gateway.check(As::Obs("bob"), "GET /photos?acl", "403 AccessDenied").await;
    gateway.check(As::Obs("bob"), &document(&bob, &acp), "403 AccessDenied").await;
    let full = grant(&format!("<ID>{bob}</ID>"), "FULL_CONTROL");
    gateway.check(As::Obs("bob"), &document(&alice, &full), "200").await;
    for request in ["GET /photos?acl", "GET /photos", "HEAD /photos"] {
        gateway.check(As::Obs("bob"), request, "200").await;
    }
    for request in ["GET /photos?policy", "GET /photos?quota", "DELETE /photos", "GET /photos?location"] {
        gateway.check(As::Obs("bob"), request, "403 AccessDenied").await;
    }
    // The owner has lost nothing.
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nx", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: private", "200").await;
}

#[tokio::test]
async fn grants_by_header() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let bob = gateway.account_id("bob").await;
        let prefix = who.prefix();
        gateway.check(who, &format!("PUT /photos?acl\n{prefix}grant-read: id={bob}"), "200").await;
        assert_eq!(grants(&gateway).await, ["READ"]);
        gateway.check(As::Aws("bob"), "GET /photos", "200").await;
        for (headers, verdict) in [
            (format!("{prefix}grant-read: id={}", "0".repeat(31) + "f"), "400 InvalidArgument"),
            (format!("{prefix}grant-read: id=bob"), "400 InvalidArgument"),
            (format!("{prefix}grant-read: emailAddress=b@c"), "400 UnresolvableGrantByEmailAddress"),
            (format!("{prefix}grant-read: id={bob}\n{prefix}acl: private"), "400 InvalidRequest"),
        ] {
            gateway.check(who, &format!("PUT /photos?acl\n{headers}"), verdict).await;
            assert_eq!(grants(&gateway).await, ["READ"], "{headers}");
        }
    }
}

#[tokio::test]
async fn accounts_by_e_mail_are_shown_by_their_ids() {
    for who in [As::Obs("alice"), As::Aws("alice"), As::S3("alice")] {
        let gateway = Gateway::with_bucket().await;
        let new = NewAccount {
            name: "carol".to_owned(),
            email: Some("Carol@example.com".to_owned()),
            ..NewAccount::default()
        };
        let carol = gateway.app.store.write(|tx| tx.create_account(&new, NOW)).await.unwrap().unwrap().id.to_string();
        let (alice, prefix) = (gateway.account_id("alice").await, who.prefix());
        let email = |address: &str| grant(&format!("<EmailAddress>{address}</EmailAddress>"), "READ");
        let unknown = "400 UnresolvableGrantByEmailAddress";
        gateway.check(who, &document(&alice, &email("dora@example.com")), unknown).await;
        gateway.check(who, &document(&alice, &(email("carol@example.com") + &email("x"))), unknown).await;
        assert_eq!(grants(&gateway).await, ["FULL_CONTROL"]);
        for address in ["Carol@example.com", "carol@EXAMPLE.com"] {
            for request in [
                document(&alice, &email(address)),
                format!("PUT /photos?acl\n{prefix}grant-read: emailAddress=\"{address}\""),
            ] {
                gateway.check(who, "PUT /photos?acl\nx-obs-acl: private\nx-amz-acl: private", "200").await;
                gateway.check(who, &request, "200").await;
                let shown = gateway.check(As::S3("alice"), "GET /photos?acl", "200").await;
                assert_eq!(shown.elements("ID"), [&*alice, &*carol], "{request}");
                assert_eq!(shown.elements("DisplayName"), ["alice", "carol"]);
                assert_eq!(shown.element("EmailAddress"), None);
            }
        }
        // Wherever a list can be given.
        let header = format!("{prefix}grant-read: emailAddress=carol@example.com");
        gateway.check(who, &format!("PUT /second\n{header}"), "200").await;
        gateway.check(who, &format!("PUT /photos/k\n{header}\n\nhello"), "200").await;
        for target in ["/second", "/photos/k"] {
            let shown = gateway.check(who, &format!("GET {target}?acl"), "200").await;
            assert_eq!(shown.elements("ID"), [&*alice, &*carol], "{target}");
        }
    }
}

/// Published suites of S3 compare lists in this order.
#[tokio::test]
async fn groups_are_shown_first_in_s3() {
    let gateway = Gateway::with_bucket().await;
    let alice = gateway.account_id("alice").await;
    let mixed = grant(&format!("<ID>{alice}</ID>"), "FULL_CONTROL")
        + &grant("<URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI>", "WRITE");
    gateway.check(As::S3("alice"), &document(&alice, &mixed), "200").await;
    let order = async |who: As| {
        let shown = gateway.check(who, "GET /photos?acl", "200").await;
        shown.elements("Permission").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(order(As::S3("alice")).await, ["WRITE", "FULL_CONTROL"]);
    assert_eq!(order(As::Obs("alice")).await, ["FULL_CONTROL", "WRITE"]);
}

#[tokio::test]
async fn bad_documents_change_nothing() {
    let gateway = Gateway::with_bucket().await;
    let alice = gateway.account_id("alice").await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read", "200").await;
    let everyone = grant("<Canned>Everyone</Canned>", "READ");
    let many = document(&alice, &everyone.repeat(101));
    for (request, verdict) in [
        ("PUT /photos?acl".to_owned(), "400 MissingRequestBodyError"),
        ("PUT /photos?acl\n\nx".to_owned(), "400 MalformedACLError"),
        ("PUT /photos?acl\n\n<Other/>".to_owned(), "400 MalformedACLError"),
        ("PUT /photos?acl\n\n<AccessControlPolicy/>".to_owned(), "400 MalformedACLError"),
        (document(&alice, &grant("<Canned>Everyone</Canned>", "FLY")), "400 MalformedACLError"),
        (document(&alice, &grant("<ID>00000000000000000000000000000009</ID>", "READ")), "400 InvalidArgument"),
        (document("bob", ""), "403 AccessDenied"),
        (many, "400 MalformedACLError"),
        (format!("{}{}", document(&alice, ""), " ".repeat(50 * 1024)), "400 EntityTooLarge"),
        (document(&alice, "").replace("?acl", "?acl\nx-obs-acl: private"), "400 InvalidRequest"),
        (document(&alice, "").replace("?acl", "?acl&prefix=a"), "400 InvalidArgument"),
        (document(&alice, "").replace("PUT", "DELETE"), "405 MethodNotAllowed"),
    ] {
        gateway.check(As::Obs("alice"), &request, verdict).await;
        assert_eq!(grants(&gateway).await, ["FULL_CONTROL", "READ"], "{request}");
    }
    gateway.check(As::Obs("alice"), &document(&alice, &everyone.repeat(100)), "200").await;
}

#[tokio::test]
async fn a_new_bucket_has_the_list_its_headers_ask_for() {
    for who in both("alice") {
        let gateway = Gateway::new().await;
        let (bob, prefix) = (gateway.account_id("bob").await, who.prefix());
        for (headers, verdict) in [
            (format!("{prefix}acl: everyone"), "400 InvalidArgument"),
            (format!("{prefix}grant-read: id=bob"), "400 InvalidArgument"),
            (format!("{prefix}grant-read: id=0000000000000000000000000000000f"), "400 InvalidArgument"),
            (format!("{prefix}acl: private\n{prefix}grant-read: id={bob}"), "400 InvalidRequest"),
        ] {
            gateway.check(who, &format!("PUT /photos\n{headers}"), verdict).await;
            gateway.check(who, "HEAD /photos", "404 NoSuchBucket").await;
        }
        gateway.check(who, &format!("PUT /photos\n{prefix}acl: public-read"), "200").await;
        gateway.check(As::Nobody, "GET /photos", "200").await;
        // Repeating a creation changes nothing.
        gateway.check(who, &format!("PUT /photos\n{prefix}acl: private"), "200").await;
        gateway.check(As::Nobody, "GET /photos", "200").await;
        gateway.check(who, &format!("PUT /second\n{prefix}grant-read: id={bob}"), "200").await;
        gateway.check(As::Obs("bob"), "GET /second", "200").await;
        gateway.check(As::Nobody, "GET /second", "403 AccessDenied").await;
    }
}

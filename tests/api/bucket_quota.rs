//! `?quota`: the documents and who may read and write them. What the number does is `quota.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::limits;
use obs_gateway::meta::AccountStatus;

use crate::support::{As, Gateway, both};

async fn quota(gateway: &Gateway) -> String {
    let answer = gateway.check(As::Obs("alice"), "GET /photos?quota", "200").await;
    answer.element("StorageQuota").expect("always there").to_owned()
}

#[tokio::test]
async fn unset_is_zero_in_both_dialects() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?quota", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <Quota xmlns="http://obs.localhost/doc/2015-06-30/">
      <StorageQuota>0</StorageQuota>
    </Quota>
    "#);
    let aws = gateway.check(As::Aws("alice"), "GET /photos?quota", "200").await;
    assert!(aws.body_text().contains(r#"<Quota xmlns="http://s3.amazonaws.com/doc/2006-03-01/">"#));
    assert_eq!(aws.element("StorageQuota"), Some("0"));
}

#[tokio::test]
async fn what_is_put_is_read() {
    let gateway = Gateway::with_bucket().await;
    for (number, who) in ["1", "1073741824", "9223372036854775807", "0"].into_iter().zip(both("alice").repeat(2)) {
        let body = format!("<Quota><StorageQuota>{number}</StorageQuota></Quota>");
        let answer = gateway.check(who, &format!("PUT /photos?quota\n\n{body}"), "200").await;
        assert_eq!(answer.text(), "200 OK\ncontent-length: 0");
        assert_eq!(quota(&gateway).await, number);
    }
}

/// For clients of S3 it is an extension: its document is in their namespace, its refusals in their words.
#[tokio::test]
async fn it_is_asked_in_s3_words_too() {
    const SEVEN: &str = "PUT /photos?quota\n\n<Quota><StorageQuota>7</StorageQuota></Quota>";
    let gateway = Gateway::with_bucket().await;
    let answer = gateway.check(As::S3("alice"), SEVEN, "200").await;
    assert_eq!(answer.text(), "200 OK\ncontent-length: 0");
    assert!(answer.headers.contains_key("x-amz-request-id"));
    insta::assert_snapshot!(gateway.check(As::S3("alice"), "GET /photos?quota", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <Quota xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <StorageQuota>7</StorageQuota>
    </Quota>
    "#);
    let namespaced = r#"<Quota xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><StorageQuota>8</StorageQuota></Quota>"#;
    gateway.check(As::S3("alice"), &format!("PUT /photos?quota\n\n{namespaced}"), "200").await;
    assert_eq!(quota(&gateway).await, "8");
    gateway.check(As::S3("alice"), "PUT /photos?quota\n\n<Quota/>", "400 MalformedQuotaError").await;
    gateway.check(As::S3("alice"), "DELETE /photos?quota", "405 MethodNotAllowed").await;
    gateway.check(As::S3("bob"), "GET /photos?quota", "403 AccessDenied").await;
    gateway.check(As::S3("bob"), SEVEN, "403 AccessDenied").await;
    gateway.check(As::S3("alice"), "GET /missing?quota", "404 NoSuchBucket").await;
    assert_eq!(quota(&gateway).await, "8");
}

#[tokio::test]
async fn documents_are_read_as_clients_write_them() {
    let gateway = Gateway::with_bucket().await;
    let documents = [
        "<?xml version='1.0' encoding='UTF-8'?><Quota><StorageQuota>1</StorageQuota></Quota>",
        "<Quota xmlns=\"http://obs.region.example.com/doc/2015-06-30/\">\n <StorageQuota>1</StorageQuota>\n</Quota>\n",
        "<q:Quota xmlns:q=\"http://x/\"><q:StorageQuota> 1\r\n</q:StorageQuota></q:Quota>",
        "<Quota><!-- bytes --><Future/><StorageQuota>1</StorageQuota></Quota>",
    ];
    for document in documents {
        gateway
            .check(As::Obs("alice"), "PUT /photos?quota\n\n<Quota><StorageQuota>9</StorageQuota></Quota>", "200")
            .await;
        gateway.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{document}"), "200").await;
        assert_eq!(quota(&gateway).await, "1", "{document}");
    }
}

#[tokio::test]
async fn everything_else_is_malformed_and_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos?quota\n\n<Quota><StorageQuota>42</StorageQuota></Quota>", "200").await;
    let number = |text: &str| format!("<Quota><StorageQuota>{text}</StorageQuota></Quota>");
    let mut documents: Vec<String> =
        ["-1", "+5", "1.0", "1e3", "0x10", "ten", "", " ", "9223372036854775808", "1 2", "&#45;1", "<a/>"]
            .map(number)
            .to_vec();
    documents.extend(
        [
            "<Quota/>",
            "<Quota>5</Quota>",
            "<StorageQuota>5</StorageQuota>",
            "<Quota><StorageQuota>1</StorageQuota><StorageQuota>1</StorageQuota></Quota>",
            "<Quota><StorageQuota>5</StorageQuota>",
            "{\"StorageQuota\": 5}",
            "<!DOCTYPE Quota [<!ENTITY n \"5\">]><Quota><StorageQuota>&n;</StorageQuota></Quota>",
            "<!DOCTYPE Quota><Quota><StorageQuota>5</StorageQuota></Quota>",
        ]
        .map(str::to_owned),
    );
    documents.push(format!("{}5{}", "<Quota>".repeat(100), "</Quota>".repeat(100)));
    for (index, document) in documents.iter().enumerate() {
        let who = both("alice")[index % 2];
        gateway.check(who, &format!("PUT /photos?quota\n\n{document}"), "400 MalformedQuotaError").await;
        assert_eq!(quota(&gateway).await, "42", "{document}");
    }
}

#[tokio::test]
async fn the_body_is_there_and_not_too_long() {
    let gateway = Gateway::with_bucket().await;
    let fitting = |spaces| format!("<Quota><StorageQuota>5</StorageQuota>{}</Quota>", " ".repeat(spaces));
    let frame = fitting(0).len();
    let exact = fitting(limits::DOCUMENT_BYTES_MAX - frame);
    let long = fitting(limits::DOCUMENT_BYTES_MAX - frame + 1);
    gateway.check(As::Obs("alice"), "PUT /photos?quota", "400 MissingRequestBodyError").await;
    gateway.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{long}"), "400 EntityTooLarge").await;
    let pieces = long.as_bytes().chunks(1000).map(bytes::Bytes::copy_from_slice);
    let chunked = gateway.send_chunked(As::Obs("alice"), "PUT /photos?quota", pieces).await;
    assert_eq!(chunked.verdict(), "400 EntityTooLarge");
    assert_eq!(quota(&gateway).await, "0");
    gateway.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{exact}"), "200").await;
    assert_eq!(quota(&gateway).await, "5");
}

#[tokio::test]
async fn it_is_the_active_owners_alone() {
    const PUT: &str = "PUT /photos?quota\n\n<Quota><StorageQuota>5</StorageQuota></Quota>";
    let gateway = Gateway::with_bucket().await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos?quota", "403 AccessDenied").await;
        gateway.check(who, PUT, "403 AccessDenied").await;
        gateway.check(who, "GET /missing?quota", "404 NoSuchBucket").await;
    }
    for (status, verdict) in [
        (AccountStatus::Frozen, "403 InArrearOrInsufficientBalance"),
        (AccountStatus::Deregistered, "403 DeregisterUserId"),
    ] {
        gateway.set_status("alice", status).await;
        for who in both("alice") {
            gateway.check(who, "GET /photos?quota", verdict).await;
            gateway.check(who, PUT, verdict).await;
        }
    }
    gateway.set_status("alice", AccountStatus::Active).await;
    assert_eq!(quota(&gateway).await, "0");
}

#[tokio::test]
async fn there_is_no_delete_and_no_quota_of_objects() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for who in both("alice") {
        for request in [
            "DELETE /photos?quota",
            "HEAD /photos?quota",
            "POST /photos?quota",
            "GET /photos/k?quota",
            "PUT /photos/k?quota",
            "DELETE /photos/k?quota",
            "DELETE /photos?Quota",
        ] {
            gateway.check(who, request, "405 MethodNotAllowed").await;
        }
        gateway
            .check(
                who,
                "PUT /photos?quota&prefix=a\n\n<Quota><StorageQuota>5</StorageQuota></Quota>",
                "400 InvalidArgument",
            )
            .await;
    }
    let body = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
    assert_eq!(body.body_text(), "hello");
    assert_eq!(quota(&gateway).await, "0");
}

/// Digests are not asked for here; one that is sent is checked.
#[tokio::test]
async fn a_digest_that_comes_with_it_is_checked() {
    let gateway = Gateway::with_bucket().await;
    let put = |digest: &str| format!("PUT /photos?quota\n{digest}\n\n<Quota><StorageQuota>5</StorageQuota></Quota>");
    for (digest, verdict) in [
        ("Content-MD5: XUFAKrxLKna5cZ2REBfFkg==", "400 BadDigest"),
        ("Content-MD5: x", "400 InvalidDigest"),
        ("Content-SHA256: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "400 BadDigest"),
        ("Content-SHA256: x", "400 InvalidDigest"),
    ] {
        gateway.check(As::Obs("alice"), &put(digest), verdict).await;
        assert_eq!(quota(&gateway).await, "0", "{digest}");
    }
    let body = "<Quota><StorageQuota>5</StorageQuota></Quota>";
    let md5 = BASE64.encode(obs_gateway::blob::digest::md5(body.as_bytes()));
    let sha256 = BASE64.encode(obs_gateway::blob::digest::sha256(body.as_bytes()));
    gateway.check(As::Obs("alice"), &put(&format!("Content-MD5: {md5}\nContent-SHA256: {sha256}")), "200").await;
    assert_eq!(quota(&gateway).await, "5");
}

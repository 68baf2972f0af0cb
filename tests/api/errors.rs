//! How refusals look, in which order the checks come, and what every answer carries.

use crate::support::{As, Gateway, both};

#[tokio::test]
async fn a_refusal_is_a_document_in_the_callers_headers() {
    let gateway = Gateway::with_bucket().await;
    let document = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message>\
                    <Resource>/missing/k</Resource><RequestId><id></RequestId><HostId><id-2></HostId></Error>";
    for (who, request) in [
        (As::Obs("alice"), "GET /missing/k"),
        (As::Aws("alice"), "GET /missing/k"),
        (As::Nobody, "GET /missing/k"),
        (As::Nobody, "GET /missing/k\nx-amz-date: none"),
    ] {
        let answer = gateway.check(who, request, "404 NoSuchBucket").await;
        // In S3's words it says which.
        let is_s3 = request.contains("amz");
        let named = if is_s3 { "</HostId><BucketName>missing</BucketName>" } else { "</HostId>" };
        let document = document.replace("</HostId>", named);
        assert_eq!(answer.text(), format!("404 Not Found\ncontent-type: application/xml\n\n{document}"));
        let is_amz = request.contains("amz") || who.prefix() == "x-amz-";
        assert_eq!(answer.headers.contains_key("x-amz-request-id"), is_amz);
        assert_eq!(answer.headers.contains_key("x-obs-request-id"), !is_amz);
    }
}

#[tokio::test]
async fn a_refused_head_has_its_code_in_headers() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "HEAD /missing", "404 NoSuchBucket").await.text(), @r"
    404 Not Found
    content-length: 0
    x-obs-error-code: NoSuchBucket
    x-obs-error-message: The specified bucket does not exist
    ");
    insta::assert_snapshot!(gateway.check(As::Aws("bob"), "HEAD /photos/k", "403 AccessDenied").await.text(), @r"
    403 Forbidden
    content-length: 0
    x-amz-error-code: AccessDenied
    x-amz-error-message: Access Denied
    ");
    for request in ["HEAD /photos/%zz", "HEAD /No", "HEAD /photos?website", "HEAD /photos/k\nAuthorization: x"] {
        let answer = gateway.send(As::Nobody, request).await;
        assert!(!answer.header("x-obs-error-code").is_empty(), "{}", answer.text());
    }
}

/// What was asked, who asks, may they, is there a bucket, is the shape right: the first that fails answers.
#[tokio::test]
async fn checks_come_in_their_order() {
    let gateway = Gateway::with_bucket().await;
    let wrong = "Authorization: OBS AK-alice:d3Jvbmc=";
    let unknown = "Authorization: OBS AK-none:d3Jvbmc=";
    for (who, request, verdict) in [
        (As::Nobody, format!("GET /No/%zz?website\n{unknown}"), "400 InvalidBucketName"),
        (As::Nobody, format!("GET /missing?website\n{wrong}"), "501 ServiceNotImplemented"),
        (As::Nobody, format!("DELETE /missing?quota\n{wrong}"), "405 MethodNotAllowed"),
        (As::Nobody, format!("GET /missing?quota\n{unknown}"), "403 InvalidAccessKeyId"),
        (As::Nobody, format!("GET /missing?quota\n{wrong}"), "403 SignatureDoesNotMatch"),
        (
            As::Nobody,
            format!("GET /missing?quota\nDate: Thu, 01 Jan 1970 00:00:00 GMT\n{wrong}"),
            "403 RequestTimeTooSkewed",
        ),
        (As::Obs("frida"), "GET /missing?quota".to_owned(), "403 InArrearOrInsufficientBalance"),
        (As::Obs("bob"), "GET /missing?quota".to_owned(), "404 NoSuchBucket"),
        (As::Obs("bob"), "DELETE /photos?typo\n\nbody".to_owned(), "403 AccessDenied"),
        (As::Obs("bob"), "PUT /photos?quota\n\nnot XML".to_owned(), "403 AccessDenied"),
        (As::Obs("alice"), "DELETE /photos?typo\n\nbody".to_owned(), "400 UnexpectedContent"),
        (As::Obs("alice"), "PUT /photos/k\nContent-MD5: x\nIf-Match: x\n\nhello".to_owned(), "400 InvalidDigest"),
        (
            As::Obs("alice"),
            "PUT /photos/k\nContent-Length: 9\nIf-Match: x\n\nhello".to_owned(),
            "412 PreconditionFailed",
        ),
    ] {
        gateway.check(who, &request, verdict).await;
    }
}

#[tokio::test]
async fn request_ids_are_unique() {
    let gateway = Gateway::with_bucket().await;
    let mut ids = std::collections::BTreeSet::new();
    for who in both("alice") {
        for request in ["HEAD /photos", "GET /photos", "GET /missing", "DELETE /photos/none", "GET /%zz"] {
            for _ in 0..10 {
                let answer = gateway.send(who, request).await;
                let id = [answer.header("x-obs-request-id"), answer.header("x-amz-request-id")].concat();
                assert!(ids.insert(id));
            }
        }
    }
}

/// The document that the project began with, whole.
#[tokio::test]
async fn the_sample_answer() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /\nHost: examplebucket.obs.localhost", "200").await;
    let put =
        "PUT /?quota\nHost: examplebucket.obs.localhost\n\n<Quota><StorageQuota>10737418240</StorageQuota></Quota>";
    gateway.check(As::Obs("alice"), put, "200").await;
    let answer = gateway.check(As::Obs("alice"), "GET /?quota\nHost: examplebucket.obs.localhost", "200").await;
    let names: Vec<&str> = answer.headers.keys().map(hyper::header::HeaderName::as_str).collect();
    assert_eq!(names, ["server", "x-obs-request-id", "x-obs-id-2", "content-type", "date", "content-length"]);
    assert_eq!(
        answer.body_text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
         <Quota xmlns=\"http://obs.localhost/doc/2015-06-30/\">\n  <StorageQuota>10737418240</StorageQuota>\n</Quota>"
    );
}

//! `OPTIONS`, and what answers tell browsers about pages of other origins.

use crate::answer::Answer;
use crate::bucket_cors::put_cors;
use crate::support::{As, Gateway, both};

const RULES: &str = concat!(
    "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>",
    "<AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedHeader>x-obs-*</AllowedHeader>",
    "<AllowedHeader>Authorization</AllowedHeader><MaxAgeSeconds>100</MaxAgeSeconds>",
    "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-obs-version-id</ExposeHeader></CORSRule>",
    "<CORSRule><AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
);
const ORIGIN: &str = "Origin: https://www.example.com";

async fn gateway() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &put_cors("photos", RULES), "200").await;
    gateway
}

/// The headers of an answer that speak to browsers.
fn browser_headers(answer: &Answer) -> String {
    let is_one = |name: &str| name.starts_with("access-control-") || name == "vary";
    let names = answer.headers.keys().map(hyper::header::HeaderName::as_str).filter(|name| is_one(name));
    names.map(|name| [name, ": ", answer.header(name), "\n"].concat()).collect()
}

#[tokio::test]
async fn the_first_rule_that_allows_everything_answers() {
    let gateway = gateway().await;
    let asked = "Access-Control-Request-Method: PUT\nAccess-Control-Request-Headers: authorization, X-Obs-Date\nAccess-Control-Request-Headers: x-obs-acl";
    for target in ["/photos", "/photos/", "/photos/missing"] {
        let answer = gateway.check(As::Nobody, &format!("OPTIONS {target}\n{ORIGIN}\n{asked}"), "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r"
            200 OK
            content-length: 0
            access-control-allow-origin: https://www.example.com
            access-control-allow-credentials: true
            access-control-allow-methods: GET,PUT
            access-control-allow-headers: authorization,X-Obs-Date,x-obs-acl
            access-control-max-age: 100
            access-control-expose-headers: ETag,x-obs-version-id
            vary: Origin
            ");
        }
    }
    let anyone = "OPTIONS /photos\nOrigin: null\nAccess-Control-Request-Method: HEAD\nx-amz-date: now";
    insta::assert_snapshot!(gateway.check(As::Nobody, anyone, "200").await.text(), @r"
    200 OK
    content-length: 0
    access-control-allow-origin: *
    access-control-allow-methods: HEAD
    access-control-max-age: 3000
    vary: Origin
    ");
}

#[tokio::test]
async fn what_no_rule_allows_is_forbidden() {
    let gateway = gateway().await;
    gateway.check(As::Obs("alice"), "PUT /bare", "200").await;
    let many = vec!["x-obs-a"; 101].join(",");
    for (request, verdict) in [
        ("/photos\nAccess-Control-Request-Method: GET".to_owned(), "400 BadRequest"),
        (format!("/photos\n{ORIGIN}"), "400 BadRequest"),
        (format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method:"), "400 BadRequest"),
        (
            format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: {many}"),
            "400 BadRequest",
        ),
        (format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method: GET,DELETE"), "403 AccessForbidden"),
        (format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method: POST"), "403 AccessForbidden"),
        (format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method: get"), "403 AccessForbidden"),
        ("/photos\nOrigin: https://example.com\nAccess-Control-Request-Method: GET".to_owned(), "403 AccessForbidden"),
        (
            format!(
                "/photos/k\n{ORIGIN}\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: x-obs-a, range"
            ),
            "403 AccessForbidden",
        ),
        (format!("/bare\n{ORIGIN}\nAccess-Control-Request-Method: GET"), "403 AccessForbidden"),
        (format!("/missing\n{ORIGIN}\nAccess-Control-Request-Method: GET"), "404 NoSuchBucket"),
        (format!("/photos\n{ORIGIN}\nAccess-Control-Request-Method: GET\n\nbody"), "400 UnexpectedContent"),
    ] {
        let answer = gateway.check(As::Nobody, &format!("OPTIONS {request}"), verdict).await;
        assert_eq!(browser_headers(&answer), "", "{request}");
    }
    let answer = gateway.check(As::Nobody, "OPTIONS /photos", "400 BadRequest").await;
    assert_eq!(answer.element("Message"), Some("Insufficient information. Origin request header needed."));
    let answer = gateway.check(As::Nobody, &format!("OPTIONS /photos\n{ORIGIN}"), "400 BadRequest").await;
    assert_eq!(answer.element("Message"), Some("Invalid Access-Control-Request-Method: null"));
}

/// A browser asks for the very URL it is about to use, sub-resources and somebody's signature included.
#[tokio::test]
async fn neither_signature_nor_parameters_matter() {
    let gateway = gateway().await;
    for query in [
        "acl",
        "uploads",
        "uploadId=1&partNumber=2",
        "typo",
        "AccessKeyId=AK-alice&Expires=1&Signature=x",
        "x-amz-acl=private",
    ] {
        let request = format!("OPTIONS /photos/k?{query}\n{ORIGIN}\nAccess-Control-Request-Method: GET");
        gateway.check(As::Nobody, &request, "200").await;
    }
    for authorization in ["OBS AK-alice:bm9uZQ==", "AWS AK-nobody:bm9uZQ==", "Bearer x", "AWS4-HMAC-SHA256 x"] {
        let request =
            format!("OPTIONS /photos\nAuthorization: {authorization}\n{ORIGIN}\nAccess-Control-Request-Method: GET");
        gateway.check(As::Nobody, &request, "200").await;
    }
}

/// Whoever pays for requests, browsers do not ask them.
#[tokio::test]
async fn nobody_pays_for_a_preflight() {
    let gateway = gateway().await;
    let pays = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    gateway.check(As::Obs("alice"), &format!("PUT /photos?requestPayment\n\n{pays}"), "200").await;
    let request = format!("OPTIONS /photos\n{ORIGIN}\nAccess-Control-Request-Method: GET");
    let answer = gateway.check(As::Nobody, &request, "200").await;
    assert_eq!(answer.header("x-obs-request-charged"), "");
    let probe = gateway.check(As::Nobody, "HEAD /photos?apiversion", "200").await;
    assert_eq!(probe.header("x-obs-request-charged"), "");
}

#[tokio::test]
async fn answers_say_who_may_read_them() {
    let gateway = gateway().await;
    for who in both("alice") {
        let put = gateway.check(who, &format!("PUT /photos/k\n{ORIGIN}\n\nhello"), "200").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(browser_headers(&put), @r"
            access-control-allow-origin: https://www.example.com
            access-control-allow-credentials: true
            access-control-allow-methods: GET,PUT
            access-control-max-age: 100
            access-control-expose-headers: ETag,x-obs-version-id
            vary: Origin
            ");
        }
        assert!(!put.header("etag").is_empty());
        let expected = browser_headers(&put);
        // Refusals too, whoever is refused, and whether or not there is such an operation.
        for (as_whom, request, verdict) in [
            (who, "GET /photos/k", "200"),
            (who, "GET /photos", "200"),
            (who, "GET /photos/missing", "404 NoSuchKey"),
            (who, "GET /photos?cors", "200"),
            (who, "GET /photos?lifecycle", "501 ServiceNotImplemented"),
            (who, "PUT /photos?storageinfo", "405 MethodNotAllowed"),
            (As::Nobody, "GET /photos/k", "403 AccessDenied"),
            (As::Obs("mallory"), "GET /photos/k", "403 InvalidAccessKeyId"),
        ] {
            let answer = gateway.check(as_whom, &format!("{request}\n{ORIGIN}"), verdict).await;
            assert_eq!(browser_headers(&answer), expected, "{request}");
        }
        let head = gateway.check(who, "HEAD /photos\nOrigin: https://elsewhere", "200").await;
        assert_eq!(head.header("access-control-allow-origin"), "*");
        assert_eq!(head.header("access-control-allow-methods"), "HEAD");
    }
}

#[tokio::test]
async fn a_request_may_name_the_method_and_headers_it_stands_for() {
    let gateway = gateway().await;
    let asked = "Access-Control-Request-Method: GET\nAccess-Control-Request-Headers: x-obs-a,range";
    let answer = gateway.check(As::Obs("alice"), &format!("HEAD /photos\n{ORIGIN}\n{asked}"), "200").await;
    assert_eq!(answer.header("access-control-allow-methods"), "GET,PUT");
    assert_eq!(answer.header("access-control-allow-headers"), "x-obs-a");
}

#[tokio::test]
async fn nothing_is_said_where_nothing_is_allowed() {
    let gateway = gateway().await;
    gateway.check(As::Obs("alice"), "PUT /bare", "200").await;
    let many = vec!["x-obs-a"; 101].join(",");
    for who in both("alice") {
        for request in [
            "GET /photos".to_owned(),
            format!("GET /bare\n{ORIGIN}"),
            "GET /photos\nOrigin: https://elsewhere".to_owned(),
            "DELETE /photos/k\nOrigin: https://www.example.com".to_owned(),
            format!("GET /\n{ORIGIN}"),
            format!("GET /missing\n{ORIGIN}"),
            format!("GET /photos\n{ORIGIN}\nAccess-Control-Request-Headers: {many}"),
        ] {
            let answer = gateway.send(who, &request).await;
            assert_eq!(browser_headers(&answer), "", "{request}");
        }
    }
    gateway.check(As::Obs("alice"), "DELETE /photos?cors", "204").await;
    let answer = gateway.check(As::Obs("alice"), &format!("GET /photos\n{ORIGIN}"), "200").await;
    assert_eq!(browser_headers(&answer), "");
}

#[tokio::test]
async fn file_systems_have_no_preflight() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for target in ["/photos", "/photos/k"] {
        let request = format!("OPTIONS {target}\n{ORIGIN}\nAccess-Control-Request-Method: GET");
        gateway.check(As::Nobody, &request, "405 FsNotSupport").await;
    }
}

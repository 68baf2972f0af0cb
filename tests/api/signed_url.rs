//! Signed URLs of every operation, as the SDKs make them and as boto3 does: what they cover, and what stands in the
//! query for a header.

use obs_gateway::auth::{sign_string, sign_url};
use obs_gateway::ops::{BodyRule, Op, Scope, TABLE};
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::percent;

use crate::support::{As, Gateway, NOW};

const HOST: &str = "127.0.0.1:8080";
const MISMATCH: &str = "403 SignatureDoesNotMatch";
const EXPIRES: u64 = NOW / 1000 + 60;

fn sign(gateway: &Gateway, dialect: Dialect, method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let endpoints = &gateway.app.endpoints;
    sign_url(dialect, method, HOST, target, &headers, endpoints, "AK-alice", "SK-alice", EXPIRES)
        .expect("it can be read")
}

/// A target that the row answers.
fn target(op: &Op) -> String {
    let path = match op.scope {
        Scope::Service => "/",
        Scope::Bucket => "/photos",
        Scope::Object => "/photos/k%20%C3%A9~+",
    };
    let names = op.picked_parameters();
    let query = names.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Whatever becomes of the request, its signature is believed; and it is for that method and address alone.
#[tokio::test]
async fn every_operation_takes_a_signed_url() {
    let is_signed_so = |op: &&&Op| !op.action.is_unsigned() && !matches!(op.body, BodyRule::Form | BodyRule::Call);
    for op in TABLE.iter().filter(is_signed_so) {
        for (dialect, prefix) in [(Dialect::Obs, "x-obs-"), (Dialect::AwsV2, "x-amz-")] {
            let gateway = Gateway::with_bucket().await;
            gateway.check(As::Obs("alice"), "PUT /photos/k%20%C3%A9~+\n\nhello", "200").await;
            let url = sign(&gateway, dialect, op.verb.as_str(), &target(op), &[]);
            let ask = async |method: &str, url: &str| {
                gateway.send(As::Nobody, &format!("{method} {url}\nDate:")).await.verdict()
            };
            let method = op.verb.as_str();
            if op.scope != Scope::Service {
                let altered = url.replacen("/photos", "/photoz", 1);
                assert_eq!(ask(method, &altered).await, MISMATCH, "{} {altered}", op.name);
            }
            let added = format!("{url}&{prefix}meta-a=1");
            assert_eq!(ask(method, &added).await, MISMATCH, "{} {added}", op.name);
            // Not every method has a row at every address.
            let other = ask(if method == "GET" { "PUT" } else { "GET" }, &url).await;
            assert!([MISMATCH, "405 MethodNotAllowed"].contains(&&*other), "{} {url}: {other}", op.name);
            let verdict = ask(method, &url).await;
            assert!(!verdict.starts_with("403"), "{} {url}: {verdict}", op.name);
        }
    }
}

/// Who was given a URL for one operation has not been given another: what picks a row is covered, whatever some clients
/// leave out of the signatures in their headers.
#[tokio::test]
async fn a_url_does_not_stand_for_another_operation() {
    // These tell the same as the plain list does, or nothing.
    const HARMLESS: [&str; 2] = ["list-type", "apiversion"];
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k%20%C3%A9~+\n\nhello", "200").await;
    for op in TABLE.iter().filter(|op| !op.action.is_unsigned()) {
        for name in op.picked_parameters().filter(|name| !HARMLESS.contains(name)) {
            for dialect in [Dialect::Obs, Dialect::AwsV2] {
                let plain = target(op).replacen(&format!("{name}&"), "", 1);
                let plain = plain.replace(&format!("?{name}"), "").replace(&format!("&{name}"), "");
                let url = sign(&gateway, dialect, op.verb.as_str(), &plain, &[]);
                let url = format!("{url}&{name}");
                gateway.check(As::Nobody, &format!("{} {url}\nDate:", op.verb), MISMATCH).await;
            }
        }
    }
}

#[tokio::test]
async fn parameters_stand_for_headers() {
    for (dialect, prefix) in [(Dialect::Obs, "x-obs-"), (Dialect::AwsV2, "x-amz-")] {
        let gateway = Gateway::with_bucket().await;
        let target = format!("/photos/k?{prefix}meta-Colour=dark%20red&{prefix}meta-b=");
        let url = sign(&gateway, dialect, "PUT", &target, &[]);
        gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "200").await;
        let shown = gateway.check(As::Obs("alice"), "HEAD /photos/k", "200").await;
        assert_eq!((shown.header("x-obs-meta-colour"), shown.header("x-obs-meta-b")), ("dark red", ""));
        let unknown = sign(&gateway, dialect, "PUT", &format!("/photos/k?{prefix}server-side-encryption=AES256"), &[]);
        let refused = gateway.send(As::Nobody, &format!("PUT {unknown}\n\nhello")).await;
        assert!(refused.verdict().starts_with("501"), "{}", refused.text());
    }
}

/// `createSignedUrl` of the SDKs covers the headers it was given, and hands them out to be sent.
#[tokio::test]
async fn headers_sent_with_a_url_are_covered() {
    for (dialect, prefix) in [(Dialect::Obs, "x-obs-"), (Dialect::AwsV2, "x-amz-")] {
        let gateway = Gateway::with_bucket().await;
        let meta = format!("{prefix}meta-a");
        let url = sign(&gateway, dialect, "PUT", "/photos/k", &[("Content-Type", "text/plain"), (&meta, "1")]);
        for (headers, verdict) in [
            (format!("Content-Type: text/plain\n{meta}: 1"), "200"),
            (format!("Content-Type: text/plain\n{meta}: 2"), "403 SignatureDoesNotMatch"),
            (format!("Content-Type: text/html\n{meta}: 1"), "403 SignatureDoesNotMatch"),
            ("Content-Type: text/plain".to_owned(), "403 SignatureDoesNotMatch"),
        ] {
            gateway.check(As::Nobody, &format!("PUT {url}\n{headers}\n\nhello"), verdict).await;
        }
    }
}

/// A V2 URL as boto3 makes it: headers are signed as such and sent as parameters.
fn boto3_url(lines: &str, parameters: &str) -> String {
    let signature = sign_string("SK-alice", format!("PUT\n{lines}/photos/k").as_bytes());
    let mut url = format!("/photos/k?AWSAccessKeyId=AK-alice&Expires={EXPIRES}{parameters}&Signature=");
    percent::encode_query(signature.as_bytes(), &mut url);
    url
}

#[tokio::test]
async fn boto3_sends_signed_headers_as_parameters() {
    let gateway = Gateway::with_bucket().await;
    let lines = format!("XUFAKrxLKna5cZ2REBfFkg==\ntext/plain\n{EXPIRES}\nx-amz-meta-a:1\n");
    let parameters = "&content-md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&content-type=text%2Fplain&x-amz-meta-a=1";
    let url = boto3_url(&lines, parameters);
    gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "200").await;
    let shown = gateway.check(As::Aws("alice"), "HEAD /photos/k", "200").await;
    assert_eq!((shown.header("content-type"), shown.header("x-amz-meta-a")), ("text/plain", "1"));
    // They have their effect as headers, too.
    gateway.check(As::Nobody, &format!("PUT {url}\n\nother"), "400 BadDigest").await;
    for altered in [
        url.replace("meta-a=1", "meta-a=2"),
        url.replace("text%2Fplain", "text%2Fhtml"),
        format!("{url}&x-amz-acl=private"),
    ] {
        gateway.check(As::Nobody, &format!("PUT {altered}\n\nhello"), "403 SignatureDoesNotMatch").await;
    }
    // Beside a header of that name it would be open which of the two was signed.
    gateway.check(As::Nobody, &format!("PUT {url}\nx-amz-meta-a: 1\n\nhello"), "403 SignatureDoesNotMatch").await;
    let conflicting = format!("PUT {url}\nContent-Type: text/html\n\nhello");
    gateway.check(As::Nobody, &conflicting, "403 SignatureDoesNotMatch").await;
    let url = boto3_url(&format!("\n\n{EXPIRES}\n"), "&content-type=a%0Ab");
    gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "400 InvalidArgument").await;
}

/// Only boto3 does so, and only with V2.
#[tokio::test]
async fn other_urls_have_no_parameters_for_standard_headers() {
    let gateway = Gateway::with_bucket().await;
    let url = sign(&gateway, Dialect::Obs, "PUT", "/photos/k?content-type=text/plain", &[]);
    gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "400 InvalidArgument").await;
    let url = sign(&gateway, Dialect::AwsV2, "PUT", "/photos/k?content-language=de", &[]);
    gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "400 InvalidArgument").await;
}

#[tokio::test]
async fn a_url_signed_over_a_policy_is_refused_clearly() {
    let gateway = Gateway::with_bucket().await;
    for word in ["AccessKeyId", "AWSAccessKeyId"] {
        let line = format!("GET /photos/k?{word}=AK-alice&Policy=e30%3D&prefix=a&Signature=abc");
        gateway.check(As::Nobody, &line, "501 ServiceNotImplemented").await;
        let line = line.replace("/photos/k?", "/photos?").replace("GET", "DELETE");
        gateway.check(As::Nobody, &line, "501 ServiceNotImplemented").await;
    }
}

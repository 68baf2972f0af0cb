//! `?cors`: the configuration as it is set and shown. What it does is `preflight.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use obs_gateway::blob::digest;
use obs_gateway::limits;
use obs_gateway::wire::dialect::Dialect;

use crate::support::{As, Gateway, both};

/// A request that gives `bucket` these rules.
pub(crate) fn put_cors(bucket: &str, rules: &str) -> String {
    let body = format!("<CORSConfiguration>{rules}</CORSConfiguration>");
    format!("PUT /{bucket}?cors\nContent-MD5: {}\n\n{body}", BASE64.encode(digest::md5(body.as_bytes())))
}

const RULE: &str = "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>";

#[tokio::test]
async fn rules_are_set_shown_and_removed() {
    let gateway = Gateway::with_bucket().await;
    // In an order clients use; shown in the order of the reference.
    let rule = concat!(
        "<CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>",
        "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>100</MaxAgeSeconds><AllowedHeader>x-*</AllowedHeader><ID>one</ID></CORSRule>"
    );
    for who in both("alice") {
        gateway.check(who, "GET /photos?cors", "404 NoSuchCORSConfiguration").await;
        let put = gateway.check(who, &put_cors("photos", &[RULE, rule].concat()), "200").await;
        assert_eq!(put.text(), "200 OK\ncontent-length: 0");
        let shown = gateway.check(who, "GET /photos?cors", "200").await;
        let dialect = if who.prefix() == "x-obs-" { Dialect::Obs } else { Dialect::AwsV2 };
        let namespace = format!("xmlns=\"{}\"", gateway.app.namespace(dialect));
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown.text().replace(&namespace, "<ns>"), @r#"
            200 OK
            content-type: application/xml

            <CORSConfiguration <ns>><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule><CORSRule><ID>one</ID><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedHeader>x-*</AllowedHeader><MaxAgeSeconds>100</MaxAgeSeconds><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>
            "#);
        }
        gateway.check(who, &put_cors("photos", RULE), "200").await;
        assert_eq!(gateway.check(who, "GET /photos?cors", "200").await.elements("CORSRule").len(), 1);
        assert_eq!(gateway.check(who, "DELETE /photos?cors", "204").await.text(), "204 No Content");
        gateway.check(who, "DELETE /photos?cors", "204").await;
    }
}

#[tokio::test]
async fn bad_documents_are_refused_and_the_old_one_stays() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), &put_cors("photos", RULE), "200").await;
    let patch = RULE.replace("GET", "PATCH");
    let many = RULE.repeat(limits::CORS_RULE_COUNT_MAX + 1);
    let long = format!("{RULE}{}", " ".repeat(limits::CORS_DOCUMENT_BYTES_MAX));
    for who in both("alice") {
        for (rules, verdict) in [
            ("", "400 MalformedXML"),
            ("<CORSRule/>", "400 MalformedXML"),
            (&patch, "400 InvalidArgument"),
            (&many, "400 InvalidArgument"),
            (&long, "400 EntityTooLarge"),
        ] {
            gateway.check(who, &put_cors("photos", rules), verdict).await;
        }
        let undigested = format!("PUT /photos?cors\n\n<CORSConfiguration>{RULE}</CORSConfiguration>");
        gateway.check(who, &undigested, "400 MissingRequiredHeader").await;
        let shown = gateway.check(who, "GET /photos?cors", "200").await;
        assert!(shown.body_text().ends_with(&format!(">{RULE}</CORSConfiguration>")), "{}", shown.body_text());
    }
}

/// Longer than other documents may be.
#[tokio::test]
async fn a_document_may_be_long() {
    let gateway = Gateway::with_bucket().await;
    let frame = "<CORSConfiguration></CORSConfiguration>".len() + RULE.len();
    let exact = format!("{RULE}{}", " ".repeat(limits::CORS_DOCUMENT_BYTES_MAX - frame));
    gateway.check(As::Obs("alice"), &put_cors("photos", &exact), "200").await;
    gateway.check(As::Obs("alice"), &put_cors("photos", &format!("{exact} ")), "400 EntityTooLarge").await;
    let many = RULE.repeat(limits::CORS_RULE_COUNT_MAX);
    gateway.check(As::Obs("alice"), &put_cors("photos", &many), "200").await;
    assert_eq!(gateway.check(As::Obs("alice"), "GET /photos?cors", "200").await.elements("CORSRule").len(), 100);
}

#[tokio::test]
async fn file_systems_have_none() {
    let gateway = Gateway::new().await;
    gateway.check(As::Obs("alice"), "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for who in both("alice") {
        gateway.check(who, "GET /photos?cors", "405 FsNotSupport").await;
        gateway.check(who, &put_cors("photos", RULE), "405 FsNotSupport").await;
        gateway.check(who, "DELETE /photos?cors", "405 FsNotSupport").await;
    }
}

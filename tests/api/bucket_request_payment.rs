//! `?requestPayment`: who pays, as it is set and shown.

use crate::support::{As, Gateway, both};

fn put(payer: &str) -> String {
    let body = format!("<RequestPaymentConfiguration><Payer>{payer}</Payer></RequestPaymentConfiguration>");
    format!("PUT /photos?requestPayment\n\n{body}")
}

async fn payer(gateway: &Gateway, who: As) -> String {
    let answer = gateway.check(who, "GET /photos?requestPayment", "200").await;
    answer.element("Payer").expect("always there").to_owned()
}

#[tokio::test]
async fn the_owner_pays_until_told_otherwise() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?requestPayment", "200").await.text(), @r#"
    200 OK
    content-type: application/xml

    <RequestPaymentConfiguration xmlns="http://obs.localhost/doc/2015-06-30/"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>
    "#);
    for who in both("alice") {
        for name in ["Requester", "BucketOwner", "Requester"] {
            assert_eq!(gateway.check(who, &put(name), "200").await.text(), "200 OK\ncontent-length: 0");
            assert_eq!(payer(&gateway, who).await, name);
        }
        // Its owner goes on as before.
        gateway.check(who, "GET /photos", "200").await;
    }
}

#[tokio::test]
async fn everything_else_is_refused_and_changes_nothing() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        gateway.check(who, &put("requester"), "400 MalformedXML").await;
        gateway.check(who, &put(""), "400 MalformedXML").await;
        gateway.check(who, "PUT /photos?requestPayment\n\n<Payer>Requester</Payer>", "400 MalformedXML").await;
        gateway.check(who, "PUT /photos?requestPayment", "400 MissingRequestBodyError").await;
        gateway.check(who, "DELETE /photos?requestPayment", "405 MethodNotAllowed").await;
        assert_eq!(payer(&gateway, who).await, "BucketOwner");
    }
}

//! Who is let through by which token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::support::Gateway;

const ID: &str = "b4351ecc-ee1a-4455-bc94-2c3dbcc58538";

#[tokio::test]
async fn nobody_learns_nothing() {
    let gateway = Gateway::new().await;
    for authorization in ["", "\nAuthorization: Bearer", "\nAuthorization: Bearer Cr abc", "\nAuthorization: OBS a:b"] {
        let answer = gateway.send(&format!("GET /user/capacity{authorization}"), "").await;
        answer.assert_refused(401);
        assert_eq!(answer.body["msg"], "Login required");
    }
}

#[tokio::test]
async fn a_failure_has_the_callers_id_or_a_new_one() {
    let gateway = Gateway::new().await;
    let id = async |sent: &str| {
        let answer = gateway.send(&format!("GET /user/capacity\nX-Cr-Correlation-Id: {sent}"), "").await;
        answer.assert_refused(401);
        answer.body["correlation_id"].as_str().expect("an id").to_owned()
    };
    assert_eq!(id(ID).await, ID);
    let made = id("not-a-uuid").await;
    assert_ne!(made, id("not-a-uuid").await);
    assert_eq!((&made[14..15], made.len()), ("4", 36));
}

#[tokio::test]
async fn a_token_is_taken_with_or_without_its_word() {
    let gateway = Gateway::new().await;
    let signed = gateway.sign_in("bob").await;
    let send = async |authorization: &str| {
        gateway.send(&format!("GET /user/capacity\nAuthorization: {authorization}"), "").await
    };
    send(&format!("Bearer {}", signed.access)).await.assert_success();
    send(&signed.access).await.assert_success();
    send(&format!("bearer {}", signed.access)).await.assert_refused(401);
    send(&format!("Bearer  {}", signed.access)).await.assert_refused(401);
    send(&format!("Bearer {}", signed.refresh)).await.assert_refused(40020);
}

#[tokio::test]
async fn a_token_that_expired_or_was_tampered_with_is_none() {
    let gateway = Gateway::new().await;
    let access = gateway.sign_in("bob").await.access;
    let [header, payload, signature] = access.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let root = {
        let decoded = URL_SAFE_NO_PAD.decode(payload).expect("Base64");
        let mut claims: serde_json::Value = serde_json::from_slice(&decoded).expect("JSON");
        claims["sub"] = json!("0");
        URL_SAFE_NO_PAD.encode(claims.to_string())
    };
    for forged in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{root}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
    ] {
        gateway.capacity(&forged).await.assert_refused(401);
    }
    gateway.advance(3599 - 60);
    gateway.capacity(&access).await.assert_success();
    gateway.advance(61);
    gateway.capacity(&access).await.assert_refused(401);
}

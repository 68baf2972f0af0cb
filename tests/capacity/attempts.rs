//! Guessing passwords comes to an end.

use serde_json::json;

use crate::support::{Gateway, PASSWORD};

async fn attempt(gateway: &Gateway, peer: [u8; 4], email: &str, password: &str) -> u64 {
    let document = json!({ "email": email, "password": password }).to_string();
    gateway.send_from(peer, "POST /session/token", document).await.code()
}

#[tokio::test]
async fn after_ten_failures_even_the_right_password_waits() {
    let gateway = Gateway::new().await;
    // An address that nobody has is no different, or its difference would tell.
    for email in ["bob@example.com", "nobody@example.com"] {
        for number in 0..10 {
            assert_eq!(attempt(&gateway, [10, 0, 0, number], email, "wrong horse").await, 40080);
        }
        assert_eq!(attempt(&gateway, [10, 0, 0, 99], email, PASSWORD).await, 429);
        assert_eq!(attempt(&gateway, [10, 0, 0, 99], &email.to_uppercase(), PASSWORD).await, 429);
    }
    assert_eq!(attempt(&gateway, [10, 0, 0, 99], "alice@example.com", PASSWORD).await, 0);
    gateway.advance(600);
    assert_eq!(attempt(&gateway, [10, 0, 0, 99], "bob@example.com", PASSWORD).await, 0);
}

#[tokio::test]
async fn whoever_signs_in_may_have_mistyped_before() {
    let gateway = Gateway::new().await;
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(attempt(&gateway, [10, 0, 0, 1], "bob@example.com", "wrong horse").await, 40080);
        }
        assert_eq!(attempt(&gateway, [10, 0, 0, 1], "bob@example.com", PASSWORD).await, 0);
    }
}

#[tokio::test]
async fn a_network_address_that_asks_for_a_hundred_accounts_waits() {
    let gateway = Gateway::new().await;
    let prepare = async |peer, name: &str| {
        gateway.send_from(peer, &format!("GET /session/prepare?email={name}@example.com"), "").await.code()
    };
    for number in 0..100 {
        assert_eq!(prepare([10, 0, 0, 1], "bob").await, 0);
        assert_eq!(prepare([10, 0, 0, 1], &number.to_string()).await, 404);
    }
    assert_eq!(prepare([10, 0, 0, 1], "bob").await, 429);
    assert_eq!(attempt(&gateway, [10, 0, 0, 1], "bob@example.com", PASSWORD).await, 429);
    assert_eq!(attempt(&gateway, [10, 0, 0, 2], "bob@example.com", PASSWORD).await, 0);
}

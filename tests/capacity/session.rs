//! Signing in, refreshing, signing out, and what clients ask before.

use obs_gateway::meta::AccountStatus;
use obs_gateway::secrets::hash_password;
use serde_json::{Value, json};

use crate::support::{Gateway, PASSWORD, Signed};

#[tokio::test]
async fn a_client_finds_out_what_it_talks_to() {
    let gateway = Gateway::new().await;
    let ping = gateway.send("GET /api/v4/site/ping", "").await;
    ping.assert_success();
    assert!(ping.data().as_str().is_some_and(|version| version.starts_with("4.")));
    let login = gateway.send("GET /api/v4/site/config/login", "").await;
    login.assert_success();
    assert_eq!(login.data()["login_captcha"], false);
    let prepare = gateway.send("GET /api/v4/session/prepare?email=bob%40example.com", "").await;
    prepare.assert_success();
    assert_eq!(*prepare.data(), json!({ "webauthn_enabled": false, "password_enabled": true }));
    gateway.send("GET /session/prepare?email=nobody%40example.com", "").await.assert_refused(404);
    gateway.send("GET /session/prepare", "").await.assert_refused(40001);
}

#[tokio::test]
async fn whoever_signs_in_gets_a_user_and_a_pair_of_tokens() {
    let gateway = Gateway::new().await;
    let answer = gateway.try_sign_in("BOB@example.com", PASSWORD).await;
    answer.assert_success();
    let (user, token) = (&answer.data()["user"], &answer.data()["token"]);
    assert_eq!(
        (&user["nickname"], &user["email"], &user["status"]),
        (&json!("bob"), &json!("bob@example.com"), &json!("active"))
    );
    assert!(user["id"].is_string() && user["group"]["id"].is_string() && user["group"]["name"].is_string());
    assert_eq!(user["created_at"], "2015-07-01T03:27:45.482Z");
    assert_eq!(token["access_expires"], "2015-07-01T04:27:45.000Z");
    assert_eq!(token["refresh_expires"], "2015-07-15T03:27:45.000Z");
    gateway.capacity(&Signed::of(token).access).await.assert_success();
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_alike() {
    let gateway = Gateway::new().await;
    gateway.change("alice", |account| account.password_hash = None).await;
    let mut seen: Vec<Value> = Vec::new();
    for (email, password) in [
        ("bob@example.com", "wrong horse"),
        ("nobody@example.com", PASSWORD),
        ("alice@example.com", PASSWORD),
        ("bob@example.com", "correct horse "),
    ] {
        let answer = gateway.try_sign_in(email, password).await;
        answer.assert_refused(40080);
        seen.push(answer.body["msg"].clone());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn a_request_without_its_shape_is_refused() {
    let gateway = Gateway::new().await;
    gateway.try_sign_in("bob@example.com", "abc").await.assert_refused(40001);
    gateway.try_sign_in("bob@example.com", &"x".repeat(257)).await.assert_refused(40001);
    for email in ["bob.example.com", "@example.com", "bob@", ""] {
        gateway.try_sign_in(email, PASSWORD).await.assert_refused(40001);
    }
    let long = format!(r#"{{"email":"bob@example.com","password":"{PASSWORD}","more":"{}"}}"#, "x".repeat(16 * 1024));
    for body in ["", "{", "[]", r#"{"email":"bob@example.com"}"#, r#"{"email":1,"password":2}"#, &long] {
        gateway.send("POST /session/token", body.to_owned()).await.assert_refused(40001);
        gateway.send("POST /session/token/refresh", body.to_owned()).await.assert_refused(40001);
        gateway.send("DELETE /session/token", body.to_owned()).await.assert_refused(40001);
    }
    // What a client sends besides is not ours to judge.
    let document = json!({ "email": "bob@example.com", "password": PASSWORD, "captcha": "", "ticket": "" });
    gateway.send_json("POST /session/token", &document).await.assert_success();
}

#[tokio::test]
async fn paths_that_are_not_there_say_so_in_the_status_too() {
    let gateway = Gateway::new().await;
    for (head, status) in
        [("GET /api/v4/user/me", 404), ("POST /api/v4/user/capacity", 405), ("PUT /session/token", 405)]
    {
        let answer = gateway.send(head, "").await;
        assert_eq!((answer.parts.status.as_u16(), answer.code()), (status, u64::from(status)), "{head}");
        answer.assert_failure();
    }
}

#[tokio::test]
async fn an_account_that_may_not_act_does_not_sign_in() {
    let gateway = Gateway::new().await;
    let refresh = gateway.sign_in("bob").await.refresh;
    for (status, code, prepare) in [(AccountStatus::Frozen, 40017, 0), (AccountStatus::Deregistered, 40080, 404)] {
        gateway.change("bob", |account| account.status = status).await;
        gateway.try_sign_in("bob@example.com", PASSWORD).await.assert_refused(code);
        // Without the password nobody learns that the account is blocked.
        gateway.try_sign_in("bob@example.com", "wrong horse").await.assert_refused(40080);
        gateway.refresh(&refresh).await.assert_refused(40020);
        assert_eq!(gateway.send("GET /session/prepare?email=bob@example.com", "").await.code(), prepare);
    }
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_spares_the_old() {
    let gateway = Gateway::new().await;
    let old = gateway.sign_in("bob").await;
    gateway.advance(10);
    let answer = gateway.refresh(&old.refresh).await;
    answer.assert_success();
    let new = Signed::of(answer.data());
    assert_ne!((&new.access, &new.refresh), (&old.access, &old.refresh));
    for access in [&old.access, &new.access] {
        gateway.capacity(access).await.assert_success();
    }
    gateway.refresh(&old.refresh).await.assert_success();
    gateway.advance(14 * 24 * 3600 - 10);
    gateway.refresh(&old.refresh).await.assert_refused(40020);
    gateway.refresh(&new.refresh).await.assert_success();
    for bad in [&*new.access, "", "a.b.c"] {
        gateway.refresh(bad).await.assert_refused(40020);
    }
}

#[tokio::test]
async fn a_sign_out_ends_the_whole_chain_for_good() {
    let gateway = Gateway::new().await;
    let (first, other) = (gateway.sign_in("bob").await, gateway.sign_in("bob").await);
    let second = Signed::of(gateway.refresh(&first.refresh).await.data());
    let answer = gateway.sign_out(&first.refresh).await;
    answer.assert_success();
    assert_eq!(*answer.data(), "");
    let gateway = gateway.restart().await;
    for refresh in [&first.refresh, &second.refresh] {
        gateway.refresh(refresh).await.assert_refused(40020);
    }
    // Another sign-in of the same account goes on, and so does the access token for its hour.
    gateway.refresh(&other.refresh).await.assert_success();
    gateway.capacity(&second.access).await.assert_success();
    gateway.sign_out(&second.refresh).await.assert_success();
    for bad in [&*other.access, "", "a.b.c"] {
        gateway.sign_out(bad).await.assert_refused(40020);
    }
}

#[tokio::test]
async fn a_new_password_or_address_ends_every_chain() {
    let gateway = Gateway::new().await;
    let refresh = gateway.sign_in("bob").await.refresh;
    let hash = hash_password("another horse").expect("a password is hashed");
    gateway.change("bob", |account| account.password_hash = Some(hash.clone())).await;
    gateway.refresh(&refresh).await.assert_refused(40020);
    gateway.try_sign_in("bob@example.com", PASSWORD).await.assert_refused(40080);
    let answer = gateway.try_sign_in("bob@example.com", "another horse").await;
    answer.assert_success();
    let refresh = Signed::of(&answer.data()["token"]).refresh;
    gateway.change("bob", |account| account.email = Some("robert@example.com".to_owned())).await;
    gateway.refresh(&refresh).await.assert_refused(40020);
}

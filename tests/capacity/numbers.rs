//! The numbers themselves: what was stored a moment ago is in them, and they are what the other API says.

use std::sync::Arc;

use obs_gateway::meta::AccountStatus;

use crate::answer;
use crate::support::{Gateway, NOW};

#[tokio::test]
async fn an_account_sees_three_integers() {
    let gateway = Gateway::new().await;
    let signed = gateway.sign_in("alice").await;
    for path in ["/api/v4/user/capacity", "/user/capacity"] {
        let answer = gateway.send(&format!("GET {path}\nAuthorization: Bearer {}", signed.access), "").await;
        answer.assert_success();
        assert_eq!(answer::mismatch(&answer::capacity(), &answer.body), None);
        // No limit, and memory has no size: the largest number that every client counts exactly.
        let expected = serde_json::json!({ "total": 9_007_199_254_740_991_u64, "used": 0, "storage_pack_total": 0 });
        assert_eq!(*answer.data(), expected);
    }
}

#[tokio::test]
async fn what_was_just_stored_is_used() {
    let gateway = Gateway::new().await;
    let access = gateway.sign_in("bob").await.access;
    let put = async |target: &str, length: usize| {
        assert_eq!(gateway.object("bob", "PUT", target, vec![b'x'; length]).await.0, 200, "{target}");
    };
    put("/photos", 0).await;
    put("/papers", 0).await;
    for (target, length, used) in [
        ("/photos/a", 1000, 1000),
        ("/papers/b", 100_000, 101_000),
        ("/photos/a", 10, 100_010),
        ("/photos/c", 0, 100_010),
    ] {
        put(target, length).await;
        assert_eq!(gateway.used(&access).await, used, "{target}");
        assert_eq!(gateway.storage_info("bob", &["photos", "papers"]).await, used, "{target}");
    }
    assert_eq!(gateway.object("bob", "DELETE", "/papers/b", "").await.0, 204);
    assert_eq!(gateway.used(&access).await, 10);
    // Nobody pays for another's bytes.
    assert_eq!(gateway.used(&gateway.sign_in("alice").await.access).await, 0);
}

/// Parts count from the moment they are stored, in any bucket of the account, until their upload is aborted.
#[tokio::test]
async fn an_aborted_upload_uses_nothing() {
    let gateway = Gateway::new().await;
    let access = gateway.sign_in("bob").await.access;
    assert_eq!(gateway.object("bob", "PUT", "/photos", "").await.0, 200);
    let (status, begun) = gateway.object("bob", "POST", "/photos/a?uploads", "").await;
    assert_eq!(status, 200, "{begun}");
    let id = begun.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once("</UploadId>")).unwrap().0;
    for (number, length, used) in [(1, 1000, 1000), (7, 100_000, 101_000), (1, 10, 100_010)] {
        let target = format!("/photos/a?partNumber={number}&uploadId={id}");
        assert_eq!(gateway.object("bob", "PUT", &target, vec![b'x'; length]).await.0, 200, "{target}");
        assert_eq!(gateway.used(&access).await, used, "{target}");
        assert_eq!(gateway.storage_info("bob", &["photos"]).await, used, "{target}");
    }
    assert_eq!(gateway.object("bob", "DELETE", &format!("/photos/a?uploadId={id}"), "").await.0, 204);
    assert_eq!(gateway.used(&access).await, 0);
}

#[tokio::test]
async fn a_refused_upload_uses_nothing() {
    let gateway = Gateway::new().await;
    let access = gateway.sign_in("bob").await.access;
    assert_eq!(gateway.object("bob", "PUT", "/photos", "").await.0, 200);
    let quota = r#"<Quota xmlns="http://obs.localhost/doc/2015-06-30/"><StorageQuota>5</StorageQuota></Quota>"#;
    assert_eq!(gateway.object("bob", "PUT", "/photos?quota", quota).await.0, 200);
    assert_eq!(gateway.object("bob", "PUT", "/photos/a", "12345").await.0, 200);
    assert_eq!(gateway.object("bob", "PUT", "/photos/b", "6").await.0, 403);
    assert_eq!(gateway.used(&access).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_apis_agree_while_sixteen_write_and_after() {
    let gateway = Arc::new(Gateway::new().await);
    let access = gateway.sign_in("bob").await.access;
    for bucket in ["/photos", "/papers"] {
        assert_eq!(gateway.object("bob", "PUT", bucket, "").await.0, 200);
    }
    let writers: Vec<_> = (0..16_usize)
        .map(|writer| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                for round in 0..8 {
                    let target = format!("/{}/{}", ["photos", "papers"][round % 2], writer % 5);
                    let verb = if round == 5 { "DELETE" } else { "PUT" };
                    let body = if verb == "PUT" { vec![b'x'; 100 * writer + round] } else { Vec::new() };
                    let status = gateway.object("bob", verb, &target, body).await.0;
                    assert!(matches!(status, 200 | 204), "{verb} {target}: {status}");
                }
            })
        })
        .collect();
    // On the way the two can be asked only one after the other; each answer must still be one that was true.
    while writers.iter().any(|writer| !writer.is_finished()) {
        assert!(gateway.used(&access).await <= 10 * 1600);
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("no writer panicked");
    }
    let used = gateway.used(&access).await;
    assert_eq!(used, gateway.storage_info("bob", &["photos", "papers"]).await);
    assert!(used > 0);
}

#[tokio::test]
async fn a_good_token_is_not_enough_for_an_account_that_may_not_act() {
    let gateway = Gateway::new().await;
    let access = gateway.sign_in("bob").await.access;
    for status in [AccountStatus::Frozen, AccountStatus::Deregistered] {
        gateway.change("bob", |account| account.status = status).await;
        gateway.capacity(&access).await.assert_refused(50001);
    }
    gateway.change("bob", |account| account.status = AccountStatus::Active).await;
    gateway.capacity(&access).await.assert_success();
    // An account that is gone, and a subject that never was one.
    for subject in ["00000000000000000000000000000001", "1", "bob", ""] {
        let pair = gateway.app.tokens.issue(subject, "", uuid::Uuid::from_u128(1), NOW).expect("a token is made");
        gateway.capacity(&pair.access).await.assert_refused(50001);
    }
}

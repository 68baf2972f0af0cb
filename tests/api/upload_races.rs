//! Multipart uploads under a limit, and many clients at one upload: the numbers are true at every step.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

const FULL: &str = "403 InsufficientStorageSpace";

async fn set_quota(gateway: &Gateway, bytes: usize) {
    let quota = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
    gateway.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{quota}"), "200").await;
}

/// Every step moves the numbers by what it stores, and none takes them over the limit.
#[tokio::test]
async fn a_limit_holds_at_every_step() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let limit = 3 * SMALLEST;
        set_quota(&gateway, limit).await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let first = gateway.put_part(who, "/photos/k", &id, 1, part_bytes(1, SMALLEST)).await;
        let last = gateway.put_part(who, "/photos/k", &id, 2, part_bytes(2, 2 * SMALLEST)).await;
        assert_eq!(gateway.used("photos").await, (limit as u64, 0));
        let full = gateway.send_part(who, "/photos/k", &id, 3, part_bytes(3, 1)).await;
        assert_eq!(full.verdict(), FULL);
        let larger = gateway.send_part(who, "/photos/k", &id, 1, part_bytes(3, SMALLEST + 1)).await;
        assert_eq!(larger.verdict(), FULL);
        let head = format!("PUT /photos/k?partNumber=3&uploadId={id}");
        let refused = gateway.send_chunked(who, &head, [part_bytes(3, 1), part_bytes(4, 70_000)]).await;
        assert_eq!(refused.verdict(), FULL);
        gateway.check(who, "PUT /photos/other\n\nx", FULL).await;
        // What only changes its kind needs no room, not even where there is less of it by now.
        set_quota(&gateway, 1).await;
        let parts = [(1, first), (2, last)];
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        assert_eq!(gateway.used("photos").await, (limit as u64, 1));
        // In place of an object there is as much room as it had.
        set_quota(&gateway, 2 * limit).await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 2 * SMALLEST]).await;
        assert_eq!(gateway.used("photos").await, (2 * limit as u64, 1));
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        assert_eq!(gateway.used("photos").await, (limit as u64, 1));
        gateway.check(who, "DELETE /photos/k", "204").await;
        assert!(gateway.usage("photos").await.is_empty());
    }
}

/// A body that announces itself is refused before it is sent.
#[tokio::test]
async fn what_cannot_fit_is_not_read() {
    let gateway = Gateway::with_bucket().await;
    set_quota(&gateway, 1000).await;
    for who in both("alice") {
        let id = gateway.begin_upload(who, "/photos/k").await;
        // The body never comes: nothing that waited for it could answer.
        let head = format!("PUT /photos/k?partNumber=1&uploadId={id}\nContent-Length: 1001\nExpect: 100-continue");
        assert_eq!(gateway.send_bytes(who, &head, "").await.verdict(), FULL);
        let head = format!("PUT /photos/k?partNumber=1&uploadId={id}\nContent-Length: 1000\nExpect: 100-continue");
        assert_eq!(gateway.send_bytes(who, &head, "").await.verdict(), "400 IncompleteBody");
    }
    assert_eq!(gateway.usage("photos").await.parts, 0);
}

/// Sixteen clients store parts where there is room for five.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parts_race_for_the_last_room() {
    for length in [1000, 70_000] {
        let gateway = Arc::new(Gateway::with_bucket().await);
        set_quota(&gateway, 5 * length + length / 2).await;
        let id = gateway.begin_upload(As::Obs("alice"), "/photos/k").await;
        let mut tasks = JoinSet::new();
        for number in 1..=16 {
            let (gateway, id) = (Arc::clone(&gateway), id.clone());
            tasks.spawn(async move {
                let who = both("alice")[number % 2];
                let mut verdicts = Vec::new();
                // Room is held while a body arrives: who is refused for that may try again.
                for _ in 0..16 {
                    let answer = gateway.send_part(who, "/photos/k", &id, number, part_bytes(number, length)).await;
                    verdicts.push(answer.verdict());
                    if verdicts.last().is_some_and(|verdict| verdict == "200") {
                        break;
                    }
                }
                verdicts
            });
        }
        let verdicts: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
        assert!(verdicts.iter().all(|verdict| verdict == "200" || verdict == FULL), "{verdicts:?}");
        assert_eq!(verdicts.iter().filter(|verdict| *verdict == "200").count(), 5);
        let usage = gateway.usage("photos").await;
        assert_eq!((usage.parts, usage.used_bytes()), (5, 5 * i64::try_from(length).unwrap()));
    }
}

/// Sixteen clients store parts, complete and abort one upload: one end comes first, and what is left is right.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_end_comes_first() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    let who = As::Obs("alice");
    for round in 0..10 {
        let id = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 70_000 + round]).await;
        let mut tasks = JoinSet::new();
        for number in 3..19 {
            let (gateway, id, parts) = (Arc::clone(&gateway), id.clone(), parts.clone());
            tasks.spawn(async move {
                match number % 4 {
                    0 => ("complete", gateway.complete(who, "/photos/k", &id, &parts).await.verdict()),
                    1 => {
                        let abort = gateway.send(who, &format!("DELETE /photos/k?uploadId={id}")).await;
                        ("abort", abort.verdict())
                    }
                    _ => {
                        let part = gateway.send_part(who, "/photos/k", &id, number, part_bytes(number, 70_000)).await;
                        ("part", part.verdict())
                    }
                }
            });
        }
        let ends = tasks.join_all().await;
        let count = |what: &str, verdict: &str| ends.iter().filter(|end| end.0 == what && end.1 == verdict).count();
        assert!(ends.iter().all(|(_, verdict)| ["200", "204", "404 NoSuchUpload"].contains(&&**verdict)), "{ends:?}");
        let (completed, aborted) = (count("complete", "200"), count("abort", "204"));
        // Who completes what is completed is told the same.
        assert!((completed == 4 && aborted == 0) || (completed == 0 && aborted == 1), "{ends:?}");
        let usage = gateway.usage("photos").await;
        assert_eq!((usage.uploads, usage.parts, usage.part_bytes), (0, 0, 0));
        let expected = if completed > 0 { SMALLEST + 70_000 + round } else { 0 };
        assert_eq!(usage.used_bytes(), i64::try_from(expected).unwrap());
        gateway.check(who, "DELETE /photos/k", "204").await;
    }
}

/// Clients that end whole uploads of one key at once: the key has one object, and it is one of theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_of_one_key_replace_each_other() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    let who = As::Aws("alice");
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let gateway = Arc::clone(&gateway);
        tasks.spawn(async move {
            let id = gateway.begin_upload(who, "/photos/k").await;
            let body = part_bytes(number, 1000 + number);
            let parts = [(7, gateway.put_part(who, "/photos/k", &id, 7, body).await)];
            assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
        });
    }
    tasks.join_all().await;
    let body = gateway.check(who, "GET /photos/k", "200").await.body;
    assert!(body == part_bytes(body.len() - 1000, body.len()));
    assert_eq!(gateway.used("photos").await, (body.len() as u64, 1));
}

/// Parts are copied of a source that others replace and delete meanwhile: each part is of one state of it, and every
/// byte that is counted is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_race_with_changes_of_their_source() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    let who = As::Obs("alice");
    let id = gateway.begin_upload(who, "/photos/k").await;
    let states: Vec<_> = (0..3).map(|state| part_bytes(state, 150_000)).collect();
    gateway.send_bytes(who, "PUT /photos/source", states[0].clone()).await;
    let mut tasks = JoinSet::new();
    for number in 1..=16 {
        let (gateway, id, body) = (Arc::clone(&gateway), id.clone(), states[number % 3].clone());
        tasks.spawn(async move {
            let range = "x-obs-copy-source: /photos/source\nx-obs-copy-source-range: bytes=1000-130000";
            match number % 4 {
                0 => gateway.send_bytes(who, "PUT /photos/source", body).await.verdict(),
                1 if number == 13 => gateway.send(who, "DELETE /photos/source").await.verdict(),
                _ => {
                    let request = format!("PUT /photos/k?partNumber={number}&uploadId={id}\n{range}");
                    gateway.send(who, &request).await.verdict()
                }
            }
        });
    }
    let verdicts = tasks.join_all().await;
    let expected = ["200", "204", "404 NoSuchKey", "409 OperationAborted"];
    assert!(verdicts.iter().all(|verdict| expected.contains(&&**verdict)), "{verdicts:?}");
    gateway.check(who, "DELETE /photos/source", "204").await;
    let listed = gateway.check(who, &format!("GET /photos/k?uploadId={id}"), "200").await;
    let numbers = listed.elements("PartNumber").into_iter().map(|number| number.parse().unwrap());
    let etags = listed.elements("ETag").into_iter().map(str::to_owned);
    let parts: Vec<(usize, String)> = numbers.zip(etags).collect();
    assert_eq!(gateway.used("photos").await, (129_001 * parts.len() as u64, 0));
    if parts.is_empty() {
        return;
    }
    assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "200");
    let whole = gateway.check(who, "GET /photos/k", "200").await.body;
    for part in whole.chunks(129_001) {
        assert!(states.iter().any(|state| state[1000..130_001] == *part));
    }
    gateway.assert_sound();
}

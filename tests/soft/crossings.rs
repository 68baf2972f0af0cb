//! Every way over a soft limit raises exactly one event, and every way back one.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::StatusCode;
use obs_gateway::clock::iso_date;
use obs_gateway::jobs::edges::Edges;
use serde_json::json;

use crate::support::{Gateway, NOW};

#[tokio::test]
async fn growth_and_deletion_cross_in_both_directions() {
    let gateway = Gateway::new().await;
    gateway.put("a", 50).await;
    assert_eq!(gateway.events_after(0).await, [""; 0], "without a limit nothing is crossed");
    gateway.quota(100).await;
    gateway.put("b", 29).await;
    assert_eq!(gateway.events_after(0).await, [""; 0]);
    gateway.put("c", 1).await;
    assert_eq!(gateway.events_after(0).await, ["1 bucket bytes 80 up 80/100"]);
    gateway.put("b", 49).await;
    assert_eq!(gateway.events_after(1).await, ["2 bucket bytes 90 up 100/100", "3 bucket bytes 100 up 100/100"]);
    assert_eq!(gateway.put("d", 1).await, 403);
    assert_eq!(gateway.events_after(3).await, [""; 0], "a refusal crosses nothing");
    gateway.delete("c").await;
    assert_eq!(gateway.events_after(3).await, ["4 bucket bytes 100 down 99/100"]);
    gateway.delete("b").await;
    assert_eq!(gateway.events_after(4).await, ["5 bucket bytes 90 down 50/100", "6 bucket bytes 80 down 50/100"]);
    let event = &gateway.admin("GET", "events", "").await["events"][0];
    let bucket_name = (&event["name"], &event["time"]);
    assert_eq!(bucket_name, (&json!("photos"), &json!(iso_date(NOW))));
    assert_eq!(event["id"].as_str().map(str::len), Some(16));
}

#[tokio::test]
async fn changed_limits_cross_without_growth() {
    let gateway = Gateway::new().await;
    gateway.put("a", 85).await;
    gateway.quota(100).await;
    gateway.quota(50).await;
    gateway.quota(1000).await;
    let all = gateway.events_after(0).await;
    assert_eq!(all[..3], ["1 bucket bytes 80 up 85/100", "2 bucket bytes 90 up 85/50", "3 bucket bytes 100 up 85/50"]);
    assert_eq!(all.len(), 6);
    let shown = gateway.admin("PUT", "buckets/photos/quota", r#"{"soft_percents":[5,8]}"#).await;
    assert_eq!((&shown["soft_percents"], &shown["level_percent"]), (&json!([5, 8]), &json!(8)));
    assert_eq!(gateway.events_after(6).await, ["7 bucket bytes 5 up 85/1000", "8 bucket bytes 8 up 85/1000"]);
    gateway.quota(0).await;
    assert_eq!(gateway.events_after(8).await, ["9 bucket bytes 8 down 85/0", "10 bucket bytes 5 down 85/0"]);
    let objects = r#"{"object_limit":1,"soft_percents":[]}"#;
    let shown = gateway.admin("PUT", "buckets/photos/quota", objects).await;
    assert_eq!((&shown["soft_percents"], &shown["level_percent"]), (&json!([80, 90, 100]), &json!(100)));
    assert_eq!(gateway.events_after(10).await.first().unwrap(), "11 bucket objects 80 up 1/1");
    for bad in ["[0]", "[101]", "[90,80]", "[1,2,3,4,5,6,7,8,9]", "[\"80\"]"] {
        let (status, _) = gateway.ask("PUT", "buckets/photos/quota", &format!("{{\"soft_percents\":{bad}}}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn packs_that_run_out_cross_once_whatever_happens_before_the_job_looks() {
    let gateway = Gateway::new().await;
    let mut edges = Edges::default();
    gateway.admin("PUT", "accounts/alice/limits", r#"{"capacity_bytes":100}"#).await;
    let pack = format!(r#"{{"bytes":100,"expires":"{}"}}"#, iso_date(NOW + 60_000));
    gateway.admin("POST", "accounts/alice/packs", &pack).await;
    gateway.put("a", 85).await;
    gateway.put("b", 10).await;
    edges.step(&gateway.app).await.unwrap();
    assert_eq!(gateway.events_after(0).await, [""; 0]);
    gateway.advance(59_999);
    assert_eq!(edges.step(&gateway.app).await.unwrap(), 0);
    gateway.advance(1);
    // A change between the edge and the job sees the new limit, and what was already crossed is not crossed again.
    gateway.delete("b").await;
    assert_eq!(gateway.events_after(0).await, ["1 account bytes 80 up 85/100"]);
    assert_eq!(edges.step(&gateway.app).await.unwrap(), 1);
    assert_eq!(edges.step(&gateway.app).await.unwrap(), 0);
    assert_eq!(gateway.events_after(1).await, [""; 0]);

    let pack = format!(
        r#"{{"bytes":100,"starts":"{}","expires":"{}"}}"#,
        iso_date(gateway.now() + 1000),
        iso_date(gateway.now() + 2000)
    );
    gateway.admin("POST", "accounts/alice/packs", &pack).await;
    edges.step(&gateway.app).await.unwrap();
    gateway.advance(1000);
    edges.step(&gateway.app).await.unwrap();
    assert_eq!(gateway.events_after(1).await, ["2 account bytes 80 down 85/200"]);
    // An edge that comes while the gateway is stopped is seen at its start.
    let again = Gateway::over(Arc::clone(&gateway.engine), gateway.now() + 5000, None).await;
    let mut edges = Edges::default();
    assert_eq!(edges.step(&again.app).await.unwrap(), 1);
    assert_eq!(again.events_after(2).await, ["3 account bytes 80 up 85/100"]);
    assert_eq!(Edges::default().step(&again.app).await.unwrap(), 1);
    assert_eq!(again.events_after(3).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_crossing_is_one_event_among_64_writers() {
    let gateway = Arc::new(Gateway::new().await);
    gateway.quota(640).await;
    gateway.admin("PUT", "accounts/alice/limits", r#"{"capacity_bytes":6400,"soft_percents":[1,10]}"#).await;
    for _ in 0..2 {
        let from = gateway.admin("GET", "events", "").await["events"].as_array().unwrap().len() as u64;
        let run = async |writers: Vec<tokio::task::JoinHandle<()>>| {
            for writer in writers {
                writer.await.unwrap();
            }
        };
        let key = |index: u32| format!("k{index}");
        let puts = (0..64).map(|index| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { assert_eq!(gateway.put(&key(index), 10).await, 200) })
        });
        run(puts.collect()).await;
        let up: Vec<_> = gateway.events_after(from).await;
        let expected = ["account bytes 1 up 70", "bucket bytes 80 up 520", "bucket bytes 90 up 580"];
        assert_eq!(up.len(), 5, "{up:?}");
        for event in expected {
            assert_eq!(up.iter().filter(|line| line.contains(event)).count(), 1, "{up:?}");
        }
        let deletes = (0..64).map(|index| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { gateway.delete(&key(index)).await })
        });
        run(deletes.collect()).await;
        let down = gateway.events_after(from + 5).await;
        assert_eq!(down.len(), 5, "{down:?}");
        let numbers: BTreeSet<u64> =
            up.iter().chain(&down).map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (from + 1..=from + 10).collect());
    }
}

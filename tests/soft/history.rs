//! Samples are taken when something changed, thinned with age, and say when a limit will be met.

use obs_gateway::clock::parse_iso_date;
use obs_gateway::jobs::history::History;
use obs_gateway::jobs::webhook::Webhook;
use obs_gateway::limits::EVENT_AGE_MILLIS_MAX;
use serde_json::Value;

use crate::support::Gateway;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Age in minutes and bytes of the samples of `photos`, newest first, over all pages.
async fn samples(gateway: &Gateway) -> Vec<(u64, u64)> {
    let (mut samples, mut query) = (Vec::new(), String::new());
    loop {
        let page = gateway.admin("GET", &format!("buckets/photos/history{query}"), "").await;
        for sample in page["samples"].as_array().unwrap() {
            let millis = parse_iso_date(sample["time"].as_str().unwrap()).unwrap();
            samples.push((gateway.now() / MINUTE - millis / MINUTE, sample["used_bytes"].as_u64().unwrap()));
        }
        match page["next_before"].as_str() {
            Some(next) => query = format!("?before={next}"),
            None => return samples,
        }
    }
}

async fn thin(gateway: &Gateway, history: &mut History) {
    let mut idle = 0;
    // A whole round without anything to remove, whatever slice the sweep is at.
    while idle < 4 {
        idle = if history.thin(&gateway.app).await.unwrap() == 0 { idle + 1 } else { 0 };
    }
}

#[tokio::test]
async fn a_sample_is_taken_where_usage_changed_in_the_minute() {
    let gateway = Gateway::new().await;
    let mut history = History::default();
    gateway.put("a", 5).await;
    history.step(&gateway.app).await.unwrap();
    gateway.put("a", 7).await;
    history.step(&gateway.app).await.unwrap();
    assert_eq!(samples(&gateway).await, [(0, 5)], "one sample a minute");
    gateway.advance(MINUTE);
    history.step(&gateway.app).await.unwrap();
    for _ in 0..3 {
        gateway.advance(MINUTE);
        history.step(&gateway.app).await.unwrap();
    }
    assert_eq!(samples(&gateway).await, [(3, 7), (4, 5)]);
    // After a restart nothing that is known is stored again.
    History::default().step(&gateway.app).await.unwrap();
    assert_eq!(samples(&gateway).await.len(), 2);
    let account = gateway.admin("GET", "accounts/alice/history", "").await;
    assert_eq!(account["samples"][0]["used_bytes"], 7);
}

#[tokio::test]
async fn samples_are_thinned_with_age_and_go_with_their_bucket() {
    let gateway = Gateway::new().await;
    let mut history = History::default();
    for minute in 0..2 * 24 * 60_usize {
        gateway.put("a", minute + 1).await;
        history.step(&gateway.app).await.unwrap();
        gateway.advance(MINUTE);
    }
    thin(&gateway, &mut history).await;
    let kept = samples(&gateway).await;
    assert_eq!(kept.iter().filter(|(age, _)| *age < 1440).count(), 1439, "each minute of the last day");
    let older: Vec<_> = kept.iter().filter(|(age, _)| *age >= 1440).collect();
    assert!((95..=98).contains(&older.len()), "a quarter of an hour each: {}", older.len());
    assert!(older.windows(2).skip(1).all(|pair| pair[1].0 - pair[0].0 == 15));
    assert_eq!(kept[0].1, 2880);

    gateway.advance(30 * DAY);
    thin(&gateway, &mut history).await;
    let kept = samples(&gateway).await;
    assert!((48..=50).contains(&kept.len()), "an hour each: {}", kept.len());
    assert_eq!(kept[0].1, 2880, "the newest stays what it is");
    gateway.advance(400 * DAY);
    thin(&gateway, &mut history).await;
    assert!((2..=4).contains(&samples(&gateway).await.len()));
    gateway.advance(400 * DAY);
    thin(&gateway, &mut history).await;
    assert_eq!(samples(&gateway).await.len(), 1, "the newest stays for ever");

    gateway.delete("a").await;
    let rows = |tx: &mut obs_gateway::meta::Tx<'_>| tx.sample_rows(None, 100);
    let before = gateway.app.store.read(rows).await.unwrap().len();
    assert_eq!(gateway.send("DELETE", "/photos", "").await, 204);
    thin(&gateway, &mut history).await;
    assert_eq!(gateway.app.store.read(rows).await.unwrap().len(), before - 1, "the account's stay");
}

#[tokio::test]
async fn steady_growth_is_projected() {
    let gateway = Gateway::new().await;
    let mut history = History::default();
    gateway.admin("PUT", "accounts/alice/limits", r#"{"object_limit":200}"#).await;
    for hour in 0..20 {
        gateway.put(&format!("k{hour}"), 10).await;
        history.step(&gateway.app).await.unwrap();
        gateway.advance(HOUR);
    }
    let show = async |path: &'static str| gateway.admin("GET", path, "").await;
    assert_eq!(show("buckets/photos").await["projected_full"], Value::Null, "without a limit");
    gateway.quota(300).await;
    let full = show("buckets/photos").await["projected_full"].as_str().and_then(parse_iso_date).unwrap();
    let hours_left = (full - gateway.now()) / HOUR;
    assert!((9..=11).contains(&hours_left), "{hours_left}");
    let full = show("accounts/alice").await["projected_full"].as_str().and_then(parse_iso_date).unwrap();
    let hours_left = (full - gateway.now()) / HOUR;
    assert!((175..=185).contains(&hours_left), "180 objects are left, one an hour: {hours_left}");
    assert!(show("buckets").await["buckets"][0].get("projected_full").is_none());
    for hour in 0..20 {
        gateway.delete(&format!("k{hour}")).await;
        gateway.advance(MINUTE);
        history.step(&gateway.app).await.unwrap();
    }
    assert_eq!(show("buckets/photos").await["projected_full"], Value::Null, "what shrinks is never full");
}

#[tokio::test]
async fn events_go_after_thirty_days_and_their_numbers_are_not_used_again() {
    let gateway = Gateway::new().await;
    gateway.quota(100).await;
    gateway.put("a", 80).await;
    gateway.advance(EVENT_AGE_MILLIS_MAX);
    Webhook::default().step(&gateway.app).await.unwrap();
    assert_eq!(gateway.events_after(0).await.len(), 1);
    gateway.advance(1);
    Webhook::default().step(&gateway.app).await.unwrap();
    assert_eq!(gateway.events_after(0).await, [""; 0]);
    gateway.put("a", 90).await;
    assert_eq!(gateway.events_after(0).await, ["2 bucket bytes 90 up 90/100"]);
}

//! `POST /bucket/key?uploadId`.

use crate::support::{Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

#[tokio::test]
async fn parts_become_an_object() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let lengths = [SMALLEST, 3_000_000, 17];
        let parts = gateway.put_parts(who, "/photos/k", &id, &lengths).await;
        gateway.check(who, "GET /photos/k", "404 NoSuchKey").await;
        let total: usize = lengths.iter().sum();
        assert_eq!(gateway.used("photos").await, (total as u64, 0), "parts count from the moment they are stored");
        let answer = gateway.complete(who, "/photos/k", &id, &parts).await;
        assert_eq!(answer.verdict(), "200");
        assert_eq!(gateway.used("photos").await, (total as u64, 1));
        let got = gateway.check(who, "GET /photos/k", "200").await;
        let expected: Vec<u8> = (1..=3).flat_map(|number| part_bytes(number, lengths[number - 1])).collect();
        assert!(got.body == expected);
        assert_eq!(got.header("etag"), answer.element("ETag").unwrap());
    }
}

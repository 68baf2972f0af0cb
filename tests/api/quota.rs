//! A limit is a limit: what fits is accepted, what does not is refused, and a refusal changes nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use obs_gateway::blob::memory::MemoryStore;

use crate::gate::Gate;
use crate::support::{As, Gateway, both, pattern};

impl Gateway {
    async fn set_quota(&self, bytes: u64) {
        let body = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
        self.check(As::Obs("alice"), &format!("PUT /photos?quota\n\n{body}"), "200").await;
    }

    /// Puts a body of announced length.
    async fn put(&self, key: &str, length: usize) -> String {
        self.send_bytes(As::Obs("alice"), &format!("PUT /photos/{key}"), pattern(length)).await.verdict()
    }

    /// Puts a body of unknown length.
    async fn stream(&self, key: &str, length: usize) -> String {
        let pieces: Vec<Bytes> = pattern(length).chunks(7001).map(Bytes::copy_from_slice).collect();
        self.send_chunked(As::Aws("alice"), &format!("PUT /photos/{key}"), pieces).await.verdict()
    }

    /// Waits for the bytes that `?storageinfo` shows.
    async fn wait_until(&self, holds: impl Fn(u64) -> bool) {
        let waiting = async {
            while !holds(self.used("photos").await.0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes to hold");
    }

    async fn assert_used(&self, bytes: usize, objects: u64) {
        assert_eq!(self.used("photos").await, (bytes as u64, objects));
    }
}

const FULL: &str = "403 InsufficientStorageSpace";

/// Sizes whose bodies take different ways: in the commit, in a segment, in many blocks.
const SIZES: [usize; 4] = [100, 64 * 1024, 64 * 1024 + 1, 1_500_000];

#[tokio::test]
async fn an_exact_fit_passes_and_a_byte_more_does_not() {
    for size in SIZES {
        let gateway = Gateway::with_bucket().await;
        gateway.set_quota(2 * size as u64).await;
        assert_eq!(gateway.put("a", size).await, "200");
        assert_eq!(gateway.put("b", size + 1).await, FULL);
        assert_eq!(gateway.stream("b", size + 1).await, FULL);
        gateway.assert_used(size, 1).await;
        assert_eq!(gateway.stream("b", size).await, "200");
        gateway.assert_used(2 * size, 2).await;
        assert_eq!(gateway.put("c", 1).await, FULL);
        assert_eq!(gateway.stream("c", 1).await, FULL);
        // Nothing grows by an object without bytes.
        assert_eq!(gateway.put("c", 0).await, "200");
        assert_eq!(gateway.stream("d", 0).await, "200");
        gateway.assert_used(2 * size, 4).await;
    }
}

#[tokio::test]
async fn an_overwrite_is_charged_by_its_growth() {
    for size in SIZES {
        let gateway = Gateway::with_bucket().await;
        gateway.set_quota(size as u64).await;
        assert_eq!(gateway.put("k", size).await, "200");
        assert_eq!(gateway.put("k", size + 1).await, FULL);
        assert_eq!(gateway.stream("k", size + 1).await, FULL);
        let kept = gateway.check(As::Obs("alice"), "GET /photos/k", "200").await;
        assert!(kept.body == pattern(size));
        gateway.assert_used(size, 1).await;
        assert_eq!(gateway.put("k", size).await, "200");
        assert_eq!(gateway.stream("k", size).await, "200");
        assert_eq!(gateway.put("k", size - 40).await, "200");
        gateway.assert_used(size - 40, 1).await;
        assert_eq!(gateway.stream("k", size - 10).await, "200");
        assert_eq!(gateway.put("other", 11).await, FULL);
        assert_eq!(gateway.put("other", 10).await, "200");
        gateway.assert_used(size, 2).await;
    }
}

#[tokio::test]
async fn a_delete_frees_at_once() {
    for size in SIZES {
        let gateway = Gateway::with_bucket().await;
        gateway.set_quota(size as u64).await;
        for _ in 0..3 {
            assert_eq!(gateway.put("a", size).await, "200");
            assert_eq!(gateway.put("b", size).await, FULL);
            gateway.check(As::Obs("alice"), "DELETE /photos/a", "204").await;
            assert_eq!(gateway.stream("b", size).await, "200");
            gateway.check(As::Aws("alice"), "DELETE /photos/b", "204").await;
        }
        gateway.assert_used(0, 0).await;
    }
}

#[tokio::test]
async fn a_quota_below_usage_refuses_growth_only() {
    for size in SIZES {
        let gateway = Gateway::with_bucket().await;
        for key in ["a", "b", "c"] {
            assert_eq!(gateway.put(key, size).await, "200");
        }
        gateway.set_quota(1).await;
        gateway.assert_used(3 * size, 3).await;
        assert_eq!(gateway.put("d", 1).await, FULL);
        assert_eq!(gateway.stream("d", 1).await, FULL);
        assert_eq!(gateway.put("a", size + 1).await, FULL);
        // What does not grow passes, though usage stays above the limit.
        assert_eq!(gateway.put("a", size).await, "200");
        assert_eq!(gateway.stream("a", size - 1).await, "200");
        assert_eq!(gateway.put("d", 0).await, "200");
        gateway.check(As::Obs("alice"), "GET /photos/b", "200").await;
        gateway.check(As::Obs("alice"), "DELETE /photos/b", "204").await;
        gateway.assert_used(2 * size - 1, 3).await;
        gateway.set_quota(0).await;
        assert_eq!(gateway.put("e", size).await, "200");
    }
}

/// Who is over the limit learns by how much; other buckets and other accounts do not feel it.
#[tokio::test]
async fn a_refusal_names_the_limit() {
    let gateway = Gateway::with_bucket().await;
    gateway.set_quota(10).await;
    assert_eq!(gateway.put("a", 4).await, "200");
    for who in both("alice") {
        let answer = gateway.check(who, "PUT /photos/b\n\n1234567", FULL).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.text(), @r"
            403 Forbidden
            content-type: application/xml

            <Error><Code>InsufficientStorageSpace</Code><Message>Insufficient storage space.</Message><Resource>/photos/b</Resource><RequestId><id></RequestId><HostId><id-2></HostId><Limit>BucketBytes</Limit><LimitValue>10</LimitValue><Used>4</Used><Requested>7</Requested></Error>
            ");
        }
        gateway.check(who, "PUT /other", "200").await;
        gateway.check(who, "PUT /other/b\n\n1234567", "200").await;
    }
    let stranger = gateway.check(As::Obs("bob"), "PUT /photos/b\n\n1234567", "403 AccessDenied").await;
    assert_eq!(stranger.element("Limit"), None);
}

/// Conditions come before room: what would be refused anyway is refused for its own reason.
/// Whatever way the bytes come. Published clients of S3 look for this code; the status is the same for all.
#[tokio::test]
async fn clients_of_s3_are_told_quota_exceeded() {
    const EXCEEDED: &str = "403 QuotaExceeded";
    let gateway = Gateway::with_bucket().await;
    let who = As::S3("alice");
    gateway.check(who, "PUT /photos/a\n\nhello", "200").await;
    let upload = gateway.begin_upload(who, "/photos/big").await;
    gateway.set_quota(9).await;
    let part = format!("PUT /photos/big?partNumber=1&uploadId={upload}\n\nhello");
    for request in [
        "PUT /photos/b\n\nhello",
        "PUT /photos/a\n\n0123456789",
        "PUT /photos/b\nx-amz-copy-source: /photos/a",
        &part,
        &format!("PUT /photos/big?partNumber=1&uploadId={upload}\nx-amz-copy-source: /photos/a"),
    ] {
        let refused = gateway.check(who, request, EXCEEDED).await;
        let said = refused.element("Message").unwrap_or_default();
        assert!(said.starts_with("The bucket may hold 9 bytes: 5 are in use, and this asks for "), "{request}: {said}");
        assert_eq!(refused.element("Limit"), Some("BucketBytes"), "{request}");
    }
    let pieces = pattern(10).chunks(3).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    let streamed = gateway.send_chunked(who, "PUT /photos/b", pieces).await;
    assert_eq!(streamed.verdict(), EXCEEDED);
    gateway.assert_used(5, 1).await;
    gateway.set_quota(10).await;
    gateway.check(who, &part, "200").await;
    gateway.check(who, "PUT /photos/b\n\n!", EXCEEDED).await;
    gateway.check(who, "DELETE /photos/a", "204").await;
    gateway.check(who, "PUT /photos/b\n\n!", "200").await;
}

#[tokio::test]
async fn a_failed_condition_wins_over_a_full_bucket() {
    let gateway = Gateway::with_bucket().await;
    gateway.set_quota(4).await;
    assert_eq!(gateway.put("a", 4).await, "200");
    gateway.check(As::Obs("alice"), "PUT /photos/a\nIf-None-Match: *\n\nhello", "412 PreconditionFailed").await;
    gateway.check(As::Obs("alice"), "PUT /photos/b\nIf-None-Match: *\n\nhello", FULL).await;
    gateway.assert_used(4, 1).await;
}

/// Uploads that end badly leave no room held behind.
#[tokio::test]
async fn failed_uploads_give_their_room_back() {
    let gateway = Gateway::with_bucket().await;
    let size = 200_000;
    gateway.set_quota(size as u64).await;
    let wrong = "PUT /photos/k\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==";
    for _ in 0..5 {
        let announced = gateway.send_bytes(As::Obs("alice"), wrong, pattern(size)).await;
        assert_eq!(announced.verdict(), "400 BadDigest");
        let streamed = gateway.send_chunked(As::Obs("alice"), wrong, [pattern(size)]).await;
        assert_eq!(streamed.verdict(), "400 BadDigest");
        let short = format!("PUT /photos/k\nContent-Length: {size}");
        let short = gateway.send_bytes(As::Obs("alice"), &short, pattern(size - 1)).await;
        assert_eq!(short.verdict(), "400 IncompleteBody");
        gateway.assert_used(0, 0).await;
    }
    assert_eq!(gateway.put("k", size).await, "200");
}

/// As many writers as there are keys, at once, into room for `room` of them: exactly that many get in.
async fn race(size: usize, room: usize, is_streamed: bool) {
    const WRITERS: usize = 64;
    let gateway = Arc::new(Gateway::with_bucket().await);
    // A few bytes more than fit are no room.
    gateway.set_quota((size * room + size / 2) as u64).await;
    let start = Arc::new(tokio::sync::Barrier::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (gateway, start) = (Arc::clone(&gateway), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                let key = format!("k-{writer}");
                if is_streamed { gateway.stream(&key, size).await } else { gateway.put(&key, size).await }
            })
        })
        .collect();
    let mut stored = 0;
    for writer in writers {
        match writer.await.expect("no writer panics").as_str() {
            "200" => stored += 1,
            refused => assert_eq!(refused, FULL),
        }
    }
    assert_eq!(stored, room, "{WRITERS} writers of {size} bytes");
    gateway.assert_used(size * room, room as u64).await;
    assert_eq!(gateway.keys("photos").await.len(), room);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_small_writers_exactly_those_that_fit_get_in() {
    for room in [0, 1, 5, 63, 64] {
        race(100, room, false).await;
        race(100, room, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_large_writers_exactly_those_that_fit_get_in() {
    for room in [1, 2, 5, 63] {
        race(70_000, room, false).await;
        race(70_000, room, true).await;
    }
}

/// Writers that fight for one key: growth is counted from what is really replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_one_key_count_once() {
    let gateway = Arc::new(Gateway::with_bucket().await);
    gateway.set_quota(1000).await;
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                match writer % 4 {
                    0 => gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await.verdict(),
                    1 => gateway.stream("k", 900 + writer).await,
                    _ => gateway.put("k", 900 + writer).await,
                }
            })
        })
        .collect();
    for writer in writers {
        let verdict = writer.await.unwrap();
        assert!(["200", "204"].contains(&verdict.as_str()), "{verdict}");
    }
    let (bytes, objects) = gateway.used("photos").await;
    assert!(objects <= 1 && bytes <= 1000);
}

/// An upload that is counted already does not hold room besides: what fits after it is accepted.
#[tokio::test]
async fn no_upload_counts_twice() {
    const LARGE: usize = 70_000;
    for second in [LARGE, 60_000] {
        let gate = Arc::new(Gate::new());
        let gateway = Arc::new(Gateway::over(Arc::clone(&gate) as _, MemoryStore::new()).await);
        gateway.check(As::Obs("alice"), "PUT /photos", "200").await;
        gateway.set_quota((LARGE + second) as u64).await;
        gate.close();
        let put = |key, length| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { gateway.put(key, length).await })
        };
        let first = put("first", LARGE);
        gateway.wait_until(|bytes| bytes == LARGE as u64).await;
        let second_put = put("second", second);
        gateway.wait_until(|bytes| bytes == (LARGE + second) as u64 || second_put.is_finished()).await;
        gate.open();
        assert_eq!((first.await.unwrap().as_str(), second_put.await.unwrap().as_str()), ("200", "200"));
        gateway.assert_used(LARGE + second, 2).await;
    }
}

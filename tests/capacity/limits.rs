//! What an account may hold, set through the admin API: base capacity, storage packs, numbers of objects. A limit that
//! falls below what is stored refuses growth and deletes nothing.

use obs_gateway::clock::iso_date;
use serde_json::{Value, json};

use crate::answer;
use crate::support::{Gateway, NOW};

/// The largest number that clients written in JavaScript count exactly: 2^53 - 1.
const LARGEST: u64 = 9_007_199_254_740_991;

/// The account `bob` with two buckets, signed in.
struct World {
    gateway: Gateway,
    access: String,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::new().await;
        let access = gateway.sign_in("bob").await.access;
        let world = Self { gateway, access };
        for bucket in ["/photos", "/papers"] {
            world.expect("PUT", bucket, 0, 200).await;
        }
        world
    }

    async fn expect(&self, method: &str, target: &str, length: usize, status: u16) -> String {
        let (found, text) = self.gateway.object("bob", method, target, vec![b'x'; length]).await;
        assert_eq!(found, status, "{method} {target}: {text}");
        text
    }

    async fn put(&self, target: &str, length: usize) {
        self.expect("PUT", target, length, 200).await;
    }

    async fn delete(&self, target: &str) {
        self.expect("DELETE", target, 0, 204).await;
    }

    /// Puts what must not fit: the owner is told which limit it is and how far it goes, and nothing changes.
    async fn refuse(&self, target: &str, length: usize, limit: (&str, u64, u64, u64)) {
        let before = self.numbers().await;
        let text = self.expect("PUT", target, length, 403).await;
        let (name, value, used, requested) = limit;
        assert!(text.contains("<Code>InsufficientStorageSpace</Code>"), "{text}");
        let told = format!(
            "<Limit>{name}</Limit><LimitValue>{value}</LimitValue><Used>{used}</Used><Requested>{requested}</Requested>"
        );
        assert!(text.contains(&told), "{told} in {text}");
        assert_eq!(self.numbers().await, before);
    }

    async fn limit(&self, limits: Value) {
        self.gateway.admin("PUT", "accounts/bob/limits", limits).await;
    }

    /// Adds a pack that is valid between two moments, in milliseconds from [`NOW`]; its number.
    async fn pack(&self, bytes: u64, starts: Option<u64>, expires: Option<u64>) -> u64 {
        let mut pack = json!({ "bytes": bytes });
        for (field, moment) in [("starts", starts), ("expires", expires)] {
            if let Some(moment) = moment {
                pack[field] = json!(iso_date(NOW + moment));
            }
        }
        let account = self.gateway.admin("POST", "accounts/bob/packs", pack).await;
        account["packs"].as_array().and_then(|packs| packs.last()?["id"].as_u64()).expect("the new pack")
    }

    /// Moves the clock to some milliseconds after [`NOW`].
    fn at(&self, millis: u64) {
        self.gateway.app.clock.set(NOW + millis);
    }

    /// `total`, `used` and `storage_pack_total`. Whatever they are, the answer is a success of the very shape that
    /// clients read, and the admin API and `?storageinfo` say the same.
    async fn numbers(&self) -> (u64, u64, u64) {
        let answer = self.gateway.capacity(&self.access).await;
        answer.assert_success();
        assert_eq!(answer::mismatch(&answer::capacity(), &answer.body), None);
        let number = |name: &str| answer.data()[name].as_u64().expect("a number");
        let (total, used, packs) = (number("total"), number("used"), number("storage_pack_total"));
        let shown = self.gateway.admin("GET", "accounts/bob", Value::Null).await;
        assert_eq!((&shown["used_bytes"], &shown["packs_bytes"]), (&json!(used), &json!(packs)), "{shown}");
        assert_eq!(self.gateway.storage_info("bob", &["photos", "papers"]).await, used);
        (total, used, packs)
    }
}

/// V14, first half.
#[tokio::test]
async fn a_capacity_below_usage_is_shown_as_it_is_and_refuses_growth() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 1000 })).await;
    world.put("/photos/a", 600).await;
    world.put("/papers/b", 400).await;
    assert_eq!(world.numbers().await, (1000, 1000, 0));
    world.limit(json!({ "capacity_bytes": 700 })).await;
    assert_eq!(world.numbers().await, (700, 1000, 0));
    world.refuse("/photos/c", 1, ("AccountBytes", 700, 1000, 1)).await;
    world.refuse("/photos/a", 601, ("AccountBytes", 700, 1000, 1)).await;
    // What does not grow passes above the limit, and everything is still there.
    world.put("/photos/a", 600).await;
    world.put("/photos/c", 0).await;
    assert_eq!(world.expect("GET", "/papers/b", 0, 200).await.len(), 400);
    world.delete("/papers/b").await;
    assert_eq!(world.numbers().await, (700, 600, 0));
    world.refuse("/papers/b", 101, ("AccountBytes", 700, 600, 101)).await;
    world.put("/papers/b", 100).await;
    assert_eq!(world.numbers().await, (700, 700, 0));
}

#[tokio::test]
async fn sums_of_packs_end_at_the_largest_signed_integer() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 1000 })).await;
    let largest = i64::MAX.unsigned_abs();
    for _ in 0..3 {
        world.pack(largest, None, None).await;
        assert_eq!(world.numbers().await, (largest, 0, largest));
    }
    world.put("/photos/a", 1001).await;
    assert_eq!(world.numbers().await, (largest, 1001, largest));
}

/// V14, second half: to the millisecond, without a request or a job that takes the pack away.
#[tokio::test]
async fn a_pack_that_runs_out_lowers_the_total_at_that_instant() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 1000 })).await;
    world.pack(500, None, Some(60_000)).await;
    assert_eq!(world.numbers().await, (1500, 0, 500));
    world.put("/photos/a", 900).await;
    world.put("/papers/b", 500).await;
    world.at(59_999);
    assert_eq!(world.numbers().await, (1500, 1400, 500));
    world.refuse("/photos/c", 101, ("AccountBytes", 1500, 1400, 101)).await;
    world.put("/photos/c", 50).await;
    world.at(60_000);
    assert_eq!(world.numbers().await, (1000, 1450, 0));
    world.refuse("/photos/d", 1, ("AccountBytes", 1000, 1450, 1)).await;
    world.refuse("/photos/c", 51, ("AccountBytes", 1000, 1450, 1)).await;
    for (target, length) in [("/photos/a", 900), ("/papers/b", 500), ("/photos/c", 50)] {
        assert_eq!(world.expect("GET", target, 0, 200).await.len(), length, "{target}");
    }
    world.delete("/papers/b").await;
    assert_eq!(world.numbers().await, (1000, 950, 0));
    world.refuse("/photos/d", 51, ("AccountBytes", 1000, 950, 51)).await;
    world.put("/photos/d", 50).await;
}

#[tokio::test]
async fn a_pack_that_starts_later_is_nothing_until_then() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 1000 })).await;
    world.pack(500, Some(60_000), Some(120_000)).await;
    for (moment, total, packs) in
        [(0, 1000, 0), (59_999, 1000, 0), (60_000, 1500, 500), (119_999, 1500, 500), (120_000, 1000, 0)]
    {
        world.at(moment);
        assert_eq!(world.numbers().await, (total, 0, packs), "after {moment} ms");
        world.refuse("/photos/a", usize::try_from(total).unwrap() + 1, ("AccountBytes", total, 0, total + 1)).await;
        world.put("/photos/a", usize::try_from(total).unwrap()).await;
        world.delete("/photos/a").await;
    }
}

#[tokio::test]
async fn the_packs_that_are_valid_add_up() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 1000 })).await;
    let first = world.pack(10, None, None).await;
    let second = world.pack(200, None, Some(60_000)).await;
    let third = world.pack(3000, Some(30_000), None).await;
    assert_eq!(world.numbers().await, (1210, 0, 210));
    world.at(30_000);
    assert_eq!(world.numbers().await, (4210, 0, 3210));
    world.at(60_000);
    assert_eq!(world.numbers().await, (4010, 0, 3010));
    world.put("/photos/a", 4010).await;
    // One that is taken away is gone at once, as one that ran out.
    for (pack, total, packs) in [(second, 4010, 3010), (third, 1010, 10), (first, 1000, 0)] {
        world.gateway.admin("DELETE", &format!("accounts/bob/packs/{pack}"), Value::Null).await;
        assert_eq!(world.numbers().await, (total, 4010, packs));
    }
    world.refuse("/photos/b", 1, ("AccountBytes", 1000, 4010, 1)).await;
    let (status, answer) = world.gateway.try_admin("DELETE", "accounts/bob/packs/1", &Value::Null).await;
    assert_eq!((status, &answer["code"]), (404, &json!("NoSuchResource")));
}

/// V15.
#[tokio::test]
async fn big_numbers_are_told_to_the_byte() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": LARGEST })).await;
    world.put("/photos/a", 5).await;
    assert_eq!(world.numbers().await, (LARGEST, 5, 0));
    world.limit(json!({ "capacity_bytes": LARGEST - 7 })).await;
    let pack = world.pack(7, None, None).await;
    assert_eq!(world.numbers().await, (LARGEST, 5, 7));
    world.gateway.admin("DELETE", &format!("accounts/bob/packs/{pack}"), Value::Null).await;
    // Beyond what an integer holds there is no wrapping round.
    let largest = i64::MAX.unsigned_abs();
    world.limit(json!({ "capacity_bytes": largest })).await;
    world.pack(largest, None, None).await;
    assert_eq!(world.numbers().await, (largest, 5, largest));
    world.put("/photos/b", 5).await;
}

/// A pack is more of a limit; where there is none it limits nothing, and runs out without harm.
#[tokio::test]
async fn packs_of_an_account_without_a_limit_limit_nothing() {
    let world = World::new().await;
    world.pack(10, None, Some(60_000)).await;
    world.put("/photos/a", 1000).await;
    assert_eq!(world.numbers().await, (LARGEST, 1000, 10));
    world.at(60_000);
    world.put("/photos/b", 1000).await;
    assert_eq!(world.numbers().await, (LARGEST, 2000, 0));
}

#[tokio::test]
async fn objects_are_counted_over_all_buckets_of_an_account() {
    let world = World::new().await;
    world.limit(json!({ "object_limit": 2 })).await;
    world.put("/photos/a", 10).await;
    world.put("/papers/b", 0).await;
    for length in [0, 1] {
        world.refuse("/photos/c", length, ("AccountObjects", 2, 2, 1)).await;
    }
    // An overwrite is no further object, however it grows.
    world.put("/photos/a", 5000).await;
    world.limit(json!({ "object_limit": 1 })).await;
    world.delete("/photos/a").await;
    world.refuse("/photos/a", 1, ("AccountObjects", 1, 1, 1)).await;
    world.delete("/papers/b").await;
    world.put("/photos/a", 1).await;
    world.limit(json!({ "object_limit": 0 })).await;
    world.put("/photos/c", 1).await;
    world.put("/photos/d", 1).await;
}

#[tokio::test]
async fn objects_are_counted_in_a_bucket() {
    let world = World::new().await;
    world.gateway.admin("PUT", "buckets/photos/quota", json!({ "object_limit": 1 })).await;
    world.put("/photos/a", 10).await;
    world.refuse("/photos/b", 0, ("BucketObjects", 1, 1, 1)).await;
    world.put("/papers/b", 0).await;
    world.put("/photos/a", 20).await;
    world.delete("/photos/a").await;
    world.put("/photos/b", 0).await;
    assert_eq!(world.numbers().await, (LARGEST, 0, 0));
}

/// Whoever does not own the bucket learns nothing of its account's limits.
#[tokio::test]
async fn only_the_owner_is_told_the_limit() {
    let world = World::new().await;
    world.limit(json!({ "capacity_bytes": 5 })).await;
    world.refuse("/photos/a", 6, ("AccountBytes", 5, 0, 6)).await;
    let (status, text) = world.gateway.object("alice", "PUT", "/photos/a", vec![b'x'; 6]).await;
    assert_eq!(status, 403);
    assert!(text.contains("<Code>AccessDenied</Code>") && !text.contains("Limit"), "{text}");
    // Nor does another account's limit hold for them.
    assert_eq!(world.gateway.object("alice", "PUT", "/others", "").await.0, 200);
    assert_eq!(world.gateway.object("alice", "PUT", "/others/a", vec![b'x'; 6]).await.0, 200);
}

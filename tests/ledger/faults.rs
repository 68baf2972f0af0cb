//! Every call of the engine and of the store fails in its turn, n counting up until the operation succeeds. After
//! each failing round: a 500 and nothing else, counters that equal sums, no room held, no byte that cannot be had back.

use std::sync::Arc;

use obs_gateway::blob::faulty::Faulty;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::{BlobStore, Segment};
use obs_gateway::clock::Clock;
use obs_gateway::meta::faulty::FaultyEngine;
use obs_gateway::meta::{Engine, MemoryEngine};

use crate::check;
use crate::model::{body, etag};
use crate::support::{Answer, Ask, Gateway, START_MILLIS};
use crate::world::set_quota;

const ACCOUNT: &str = "anna";
/// Bytes the bucket may hold; leaves room for a large body beside every operation's own.
const QUOTA: u64 = LARGE + 300_000;
/// Lies in the commit itself.
const SMALL: u64 = 1000;
/// Goes to a segment in two writes.
const LARGE: u64 = (1 << 20) + 70_001;
const CAPACITY: u64 = 1 << 30;

/// What is done while something fails.
struct Operation {
    name: &'static str,
    ask: fn() -> Ask,
    /// It changes what is stored.
    changes: bool,
}

const fn operation(name: &'static str, changes: bool, ask: fn() -> Ask) -> Operation {
    Operation { name, ask, changes }
}

/// The bucket `vault` holds `small` and `large`; `empty` holds nothing.
const OPERATIONS: &[Operation] = &[
    operation("create a bucket", true, || Ask::new("PUT", "/fresh").body("")),
    operation("put a small object", true, || put("new", SMALL)),
    operation("put a large object", true, || put("new", 70_000)),
    operation("put a large object unannounced", true, || {
        Ask::object("PUT", "vault", "new").unannounced(body(70_000, 3))
    }),
    operation("overwrite small by small", true, || put("small", SMALL + 1)),
    operation("overwrite small by large", true, || put("small", 70_000)),
    operation("overwrite large by small", true, || put("large", SMALL)),
    operation("overwrite large by large", true, || put("large", LARGE - 1)),
    operation("put under conditions", true, || put("new", SMALL).header("If-None-Match", "*")),
    operation("delete a small object", true, || Ask::object("DELETE", "vault", "small")),
    operation("delete a large object", true, || Ask::object("DELETE", "vault", "large")),
    operation("set the quota", true, || set_quota("vault", QUOTA + 1)),
    operation("delete a bucket", true, || Ask::new("DELETE", "/empty")),
    operation("list objects", false, || Ask::new("GET", "/vault?delimiter=/")),
    operation("list buckets", false, || Ask::new("GET", "/")),
    operation("get the quota", false, || Ask::new("GET", "/vault?quota")),
    operation("get the storage info", false, || Ask::new("GET", "/vault?storageinfo")),
    operation("get a small object", false, || Ask::object("GET", "vault", "small")),
    operation("get a large object", false, || Ask::object("GET", "vault", "large")),
    operation("head an object", false, || Ask::object("HEAD", "vault", "large")),
];

fn put(key: &str, size: u64) -> Ask {
    Ask::object("PUT", "vault", key).body(body(size, 3))
}

/// One round: fresh stores, and a gateway whose stores fail as told.
struct Round {
    engine: Arc<MemoryEngine>,
    blobs: Arc<dyn BlobStore>,
    gateway: Gateway,
    /// Its id; another one in each round.
    account: String,
}

fn roomy() -> MemoryStore {
    MemoryStore::with_capacity(CAPACITY)
}

impl Round {
    /// Opens the gateway over what `wrap` makes of engine and store.
    async fn open(
        store: MemoryStore,
        wrap: impl FnOnce(Arc<dyn Engine>, Arc<dyn BlobStore>) -> (Arc<dyn Engine>, Arc<dyn BlobStore>),
    ) -> Self {
        let engine = Arc::new(MemoryEngine::new());
        let store: Arc<dyn BlobStore> = Arc::new(store);
        let clock = Clock::manual(START_MILLIS);
        let sound = Gateway::open(engine.clone(), Arc::clone(&store), clock.clone()).await;
        let account = sound.create_account(ACCOUNT).await.id.to_string();
        for ask in [
            Ask::new("PUT", "/vault").body(""),
            Ask::new("PUT", "/empty").body(""),
            set_quota("vault", QUOTA),
            Ask::object("PUT", "vault", "small").body(body(SMALL, 1)),
            Ask::object("PUT", "vault", "large").body(body(LARGE, 2)),
        ] {
            assert_eq!(sound.send(ACCOUNT, ask).await.outcome(), (200, String::new()));
        }
        let (faulty_engine, blobs) = wrap(engine.clone(), store);
        let gateway = Gateway::open(faulty_engine, Arc::clone(&blobs), clock).await;
        Self { engine, blobs, gateway, account }
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.gateway.send(ACCOUNT, ask).await
    }

    /// Everything a client can see, as text.
    async fn state(&self) -> String {
        let mut state = self.send(Ask::new("GET", "/")).await.text();
        for bucket in ["vault", "empty", "fresh"] {
            for query in ["?quota", "?storageinfo", ""] {
                let answer = self.send(Ask::new("GET", format!("/{bucket}{query}"))).await;
                // Error documents hold ids that differ from answer to answer.
                state += &answer.element("Code").unwrap_or_else(|| answer.text());
            }
        }
        state.replace(&self.account, ACCOUNT)
    }

    /// The invariants, with the fault over; `seen` is for the message of a failure.
    async fn check(&self, seen: &str) {
        check::settle(&self.gateway.app, &self.blobs).await;
        let writing = |segment: &Segment| segment.active;
        assert!(!self.blobs.segments().expect("segments").iter().any(writing), "{seen}: a writer is left open");
        assert_eq!(check::differences(&*self.engine, &*self.blobs, true), Vec::<String>::new(), "{seen}");
        self.check_bodies(seen).await;
        self.check_room(seen).await;
        check::settle(&self.gateway.app, &self.blobs).await;
        assert_eq!(check::leftover_bytes(&self.gateway.app, &*self.blobs, true).await, 0, "{seen}: bytes of nobody");
        self.check_bodies(seen).await;
        assert_eq!(self.gateway.app.metrics.panics.get(), 0, "{seen}");
    }

    /// Every object that is listed can be read, and is what its tag says.
    async fn check_bodies(&self, seen: &str) {
        let listing = self.send(Ask::new("GET", "/vault")).await;
        for (key, tag) in listing.elements("Key").iter().zip(listing.elements("ETag")) {
            let answer = self.send(Ask::object("GET", "vault", key)).await;
            let bytes = answer.body.as_ref().expect("a whole body");
            assert_eq!(tag.trim_matches('"').replace("&quot;", ""), etag(bytes), "{seen}: {key}");
        }
    }

    /// No reservation is left: what exactly fits is accepted, and not one byte more.
    async fn check_room(&self, seen: &str) {
        let number = |answer: Answer, name| answer.element(name).and_then(|text| text.parse::<u64>().ok());
        let used = number(self.send(Ask::new("GET", "/vault?storageinfo")).await, "Size").expect("a size");
        let quota = number(self.send(Ask::new("GET", "/vault?quota")).await, "StorageQuota").expect("a quota");
        let filler = |size| put("filler", size);
        let over = self.send(filler(quota - used + 1)).await;
        assert_eq!(over.outcome(), (403, "InsufficientStorageSpace".to_owned()), "{seen}");
        let fits = self.send(filler(quota - used)).await;
        assert_eq!(fits.outcome(), (200, String::new()), "{seen}: room is held by nobody");
        assert_eq!(self.send(Ask::object("DELETE", "vault", "filler")).await.outcome().0, 204, "{seen}");
    }
}

/// What a client saw of an operation: the answer's status, 0 where its body broke off.
fn status_of(answer: &Answer) -> u16 {
    if answer.body.is_err() { 0 } else { answer.status.as_u16() }
}

/// The states before and after `operation`, with nothing failing.
async fn states(operation: &Operation) -> (String, String) {
    let round = Round::open(roomy(), |engine, blobs| (engine, blobs)).await;
    let before = round.state().await;
    let answer = round.send((operation.ask)()).await;
    assert!(answer.status.is_success() && answer.body.is_ok(), "{}: {answer:?}", operation.name);
    let after = round.state().await;
    round.check(operation.name).await;
    assert_eq!(before != after, operation.changes, "{}", operation.name);
    (before, after)
}

/// Fails every call of the engine in turn. With `after`, a commit that fails was applied all the same.
async fn fail_engine(after: bool) {
    for operation in OPERATIONS {
        let (before, done) = states(operation).await;
        let mut applied_count = 0;
        for passing in 0.. {
            let seen = format!("{}, call {}, after: {after}", operation.name, passing + 1);
            let mut faulty = None;
            let round = Round::open(roomy(), |engine, blobs| {
                let engine = Arc::new(FaultyEngine::new(engine, passing, after));
                faulty = Some(Arc::clone(&engine));
                (engine, blobs)
            });
            let round = round.await;
            let faulty = faulty.expect("a faulty engine");
            let answer = round.send((operation.ask)()).await;
            if !faulty.has_failed() {
                assert!(answer.status.is_success(), "{seen}: {answer:?}");
                assert!(passing >= 3, "{seen}: key, account and bucket are read at least");
                break;
            }
            assert_eq!(status_of(&answer), 500, "{seen}: {answer:?}");
            let state = round.state().await;
            let is_applied = operation.changes && state == done;
            assert!(is_applied || state == before, "{seen}: neither done nor undone:\n{state}");
            assert!(after || !is_applied, "{seen}: a failed commit shows");
            applied_count += u32::from(is_applied);
            round.check(&seen).await;
        }
        assert_eq!(applied_count, u32::from(after && operation.changes), "{}: one commit", operation.name);
    }
}

#[tokio::test]
async fn every_engine_call_fails_in_its_turn() {
    fail_engine(false).await;
}

#[tokio::test]
async fn every_commit_is_applied_and_reported_as_failed() {
    fail_engine(true).await;
}

#[tokio::test]
async fn every_store_call_fails_in_its_turn() {
    for operation in OPERATIONS {
        let (before, _) = states(operation).await;
        for n in 1.. {
            let seen = format!("{}, store call {n}", operation.name);
            let mut faulty = None;
            let round = Round::open(roomy(), |engine, blobs| {
                let blobs = Faulty::new(blobs);
                faulty = Some(blobs.clone());
                (engine, Arc::new(blobs))
            });
            let round = round.await;
            let faulty = faulty.expect("a faulty store");
            faulty.fail_nth(n);
            let answer = round.send((operation.ask)()).await;
            if !faulty.has_failed() {
                assert!(answer.status.is_success() && answer.body.is_ok(), "{seen}: {answer:?}");
                assert_eq!(n > 1, operation.name.contains("large") && uses_store(operation), "{seen}");
                break;
            }
            // A body whose status is out already can only break off.
            let broken_off = !operation.changes && n > 1;
            assert_eq!(status_of(&answer), if broken_off { 0 } else { 500 }, "{seen}: {answer:?}");
            assert_eq!(round.state().await, before, "{seen}");
            round.check(&seen).await;
        }
    }
}

/// Large bodies that are written or read; those that are replaced or deleted are the sweep's.
fn uses_store(operation: &Operation) -> bool {
    !operation.name.starts_with("delete") && !operation.name.ends_with("by small")
}

/// Bytes that could not be given back when an upload was refused are found at the next start.
#[tokio::test]
async fn a_failing_clean_up_is_made_up_for() {
    let mut faulty = None;
    let round = Round::open(roomy(), |engine, blobs| {
        let blobs = Faulty::new(blobs);
        faulty = Some(blobs.clone());
        (engine, Arc::new(blobs))
    });
    let round = round.await;
    let faulty = faulty.expect("a faulty store");
    let before = check::fingerprint(&*round.engine);
    // Create, one write, seal; then the bytes are freed.
    faulty.fail_nth(4);
    let wrong = put("new", 70_000).header("Content-MD5", "AQEBAQEBAQEBAQEBAQEBAQ==");
    assert_eq!(round.send(wrong).await.outcome(), (400, "BadDigest".to_owned()));
    check::settle(&round.gateway.app, &round.blobs).await;
    assert!(faulty.has_failed(), "the clean-up failed");
    assert_eq!(check::fingerprint(&*round.engine), before);
    let segments = round.blobs.segments().expect("segments");
    assert_eq!(segments.iter().map(|segment| segment.written_bytes).sum::<u64>(), LARGE + 70_000);
    round.check("a failed clean-up").await;
}

/// A full disk is a 503, and leaves nothing.
#[tokio::test]
async fn a_full_store_refuses_and_forgets() {
    let round = Round::open(MemoryStore::with_capacity(LARGE + 100_000), |engine, blobs| (engine, blobs)).await;
    let before = round.state().await;
    for attempt in 0..3 {
        let answer = round.send(put("new", 100_001)).await;
        assert_eq!(answer.outcome(), (503, "ServiceUnavailable".to_owned()), "attempt {attempt}");
        assert_eq!(round.state().await, before);
        check::settle(&round.gateway.app, &round.blobs).await;
    }
    assert_eq!(round.blobs.capacity(), Some((LARGE + 100_000, 100_000)));
    assert_eq!(round.send(put("new", 100_000)).await.outcome().0, 200, "the room is there again");
}

/// Damage that a disk does to a block is a 500, or a body that breaks off; never wrong bytes.
#[tokio::test]
async fn a_damaged_block_is_never_sent() {
    let store = roomy();
    let round = Round::open(store.clone(), |engine, blobs| (engine, blobs)).await;
    let segment = store.segments().expect("segments")[0].number;
    let get = || round.send(Ask::object("GET", "vault", "large"));
    store.damage(segment, LARGE - 1);
    assert_eq!(status_of(&get().await), 0, "the last block: the body breaks off");
    store.damage(segment, 0);
    assert_eq!(get().await.outcome(), (500, "InternalError".to_owned()), "the first block");
    store.damage(segment, 0);
    store.damage(segment, LARGE - 1);
    assert_eq!(get().await.body.expect("a whole body"), body(LARGE, 2));
}

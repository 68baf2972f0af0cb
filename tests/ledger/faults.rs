//! Every call of the engine and of the store fails in its turn, n counting up until the operation succeeds. After
//! each failing round: a 500 and nothing else, counters that equal sums, no room held, no byte that cannot be had back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use obs_gateway::blob::faulty::Faulty;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::{BlobStore, Segment};
use obs_gateway::clock::Clock;
use obs_gateway::meta::faulty::FaultyEngine;
use obs_gateway::meta::{Engine, MemoryEngine};

use crate::check;
use crate::model::{body, etag};
use crate::requests::{complete_ask, part_ask};
use crate::support::{Answer, Ask, Gateway, START_MILLIS};
use crate::world::{create_bucket, set_quota, set_versioning};

const ACCOUNT: &str = "anna";
/// Bytes the bucket may hold; leaves room for a large body beside every operation's own.
const QUOTA: u64 = 2 * LARGE + 900_000;
/// Lies in the commit itself.
const SMALL: u64 = 1000;
/// Goes to a segment.
const MEDIUM: u64 = 102_400;
/// Goes to a segment in two writes.
const LARGE: u64 = (1 << 20) + 70_001;
const CAPACITY: u64 = 1 << 30;
/// Bytes that lie in segments before anything is done.
const STORED: u64 = LARGE + 5 * MEDIUM;

/// What is done while something fails.
struct Operation {
    name: &'static str,
    ask: fn(&Names) -> Ask,
    /// It changes what is stored.
    changes: bool,
    /// It reads or writes bytes of segments.
    moves_bytes: bool,
}

/// What the gateway named, in this round.
struct Names {
    /// The upload to `vault/up`: part 1 is in a segment, part 2 is small.
    upload: String,
    /// The older version of `old/key`, and the delete marker of `old/gone`.
    version: String,
    marker: String,
}

const fn changing(name: &'static str, ask: fn(&Names) -> Ask) -> Operation {
    Operation { name, ask, changes: true, moves_bytes: false }
}

const fn moving(name: &'static str, ask: fn(&Names) -> Ask) -> Operation {
    Operation { name, ask, changes: true, moves_bytes: true }
}

const fn reading(name: &'static str, moves_bytes: bool, ask: fn(&Names) -> Ask) -> Operation {
    Operation { name, ask, changes: false, moves_bytes }
}

/// The bucket `vault` holds `small` and `large`, the appendable `log` and `tail`, and the upload; `old` has versions;
/// `files` is a file system with `f` and `d/e`; `empty` holds nothing, and `begun` two uploads.
const OPERATIONS: &[Operation] = &[
    changing("create a bucket", |_| Ask::new("PUT", "/fresh").body("")),
    changing("put small", |_| put("new", SMALL)),
    moving("put large", |_| put("new", 70_000)),
    moving("put large unannounced", |_| Ask::object("PUT", "vault", "new").unannounced(body(70_000, 3))),
    changing("overwrite small by small", |_| put("small", SMALL + 1)),
    moving("overwrite small by large", |_| put("small", 70_000)),
    changing("overwrite large by small", |_| put("large", SMALL)),
    moving("overwrite large by large", |_| put("large", LARGE - 1)),
    changing("put under conditions", |_| put("new", SMALL).header("If-None-Match", "*")),
    changing("delete small", |_| Ask::object("DELETE", "vault", "small")),
    changing("delete large", |_| Ask::object("DELETE", "vault", "large")),
    changing("delete many", |_| delete_many(&["small", "large", "none"])),
    changing("copy small", |_| copy("new", "small")),
    changing("copy large", |_| copy("new", "large")),
    changing("copy over large", |_| copy("large", "tail")),
    changing("copy large onto itself", |_| {
        copy("large", "large").header("x-obs-metadata-directive", "REPLACE").header("x-obs-meta-a", "1")
    }),
    changing("begin an upload", |_| Ask::object("POST", "vault", "new").query("uploads", "")),
    changing("put a small part", |names| part(names, 3).body(body(SMALL, 4))),
    moving("put a large part", |names| part(names, 3).body(body(70_000, 4))),
    changing("replace a large part by a small one", |names| part(names, 1).body(body(SMALL, 4))),
    moving("replace a small part by a large one", |names| part(names, 2).body(body(70_000, 4))),
    moving("copy a part", |names| {
        part(names, 1).copy_source("vault", "large", None).header("x-obs-copy-source-range", "bytes=5-70004")
    }),
    changing("complete", |names| complete(names, &[1, 2])),
    changing("complete without the large part", |names| complete(names, &[2])),
    changing("abort", |names| Ask::object("DELETE", "vault", "up").query("uploadId", &names.upload)),
    changing("append first", |_| append("new", 0, SMALL)),
    changing("append small to small", |_| append("log", SMALL, SMALL)),
    moving("append large to small", |_| append("log", SMALL, 70_000)),
    changing("append small to large", |_| append("tail", MEDIUM, SMALL)),
    moving("append large to large", |_| append("tail", MEDIUM, 70_000)),
    changing("modify small in large", |_| modify(50_000, SMALL)),
    moving("modify large past the end", |_| modify(MEDIUM + 5, 70_000)),
    changing("truncate", |_| Ask::object("PUT", "files", "f").query("truncate", "").query("length", "70")),
    changing("truncate to nothing", |_| Ask::object("PUT", "files", "f").query("truncate", "").query("length", "0")),
    changing("rename", |_| Ask::object("POST", "files", "f").query("rename", "").query("name", "g")),
    changing("rename a directory", |_| Ask::object("POST", "files", "d/").query("rename", "").query("name", "x/")),
    changing("put a small version", |_| Ask::object("PUT", "old", "key").body(body(SMALL, 5))),
    moving("put a large version", |_| Ask::object("PUT", "old", "key").body(body(70_000, 5))),
    changing("put a delete marker", |_| Ask::object("DELETE", "old", "key")),
    changing("delete an older version", |names| version("key", &names.version)),
    changing("delete a delete marker", |names| version("gone", &names.marker)),
    changing("copy an older version", |names| {
        Ask::object("PUT", "old", "key").copy_source("old", "key", Some(&names.version))
    }),
    changing("suspend versioning", |_| set_versioning("old", false)),
    changing("set the quota", |_| set_quota("vault", QUOTA + 1)),
    changing("delete a bucket", |_| Ask::new("DELETE", "/empty")),
    changing("delete a bucket and its uploads", |_| Ask::new("DELETE", "/begun").in_s3()),
    changing("delete under conditions", |_| Ask::object("DELETE", "vault", "small").header("If-Match", "*").in_s3()),
    changing("put framed", |_| Ask::object("PUT", "vault", "new").framed(body(SMALL, 3)).in_s3()),
    moving("put large framed", |_| Ask::object("PUT", "vault", "new").framed(body(70_000, 3)).in_s3()),
    reading("list objects", false, |_| Ask::new("GET", "/vault?delimiter=/")),
    reading("list versions", false, |_| Ask::new("GET", "/old?versions")),
    reading("list uploads", false, |_| Ask::new("GET", "/vault?uploads")),
    reading("list buckets", false, |_| Ask::new("GET", "/")),
    reading("get the quota", false, |_| Ask::new("GET", "/vault?quota")),
    reading("get the storage info", false, |_| Ask::new("GET", "/vault?storageinfo")),
    reading("get small", false, |_| Ask::object("GET", "vault", "small")),
    reading("get large", true, |_| Ask::object("GET", "vault", "large")),
    reading("get an older version", true, |names| Ask::object("GET", "old", "key").query("versionId", &names.version)),
    reading("head", false, |_| Ask::object("HEAD", "vault", "large")),
];

fn put(key: &str, size: u64) -> Ask {
    Ask::object("PUT", "vault", key).body(body(size, 3))
}

fn copy(key: &str, source: &str) -> Ask {
    Ask::object("PUT", "vault", key).copy_source("vault", source, None)
}

fn part(names: &Names, number: u16) -> Ask {
    part_ask("vault", "up", &names.upload, number)
}

fn complete(names: &Names, numbers: &[u16]) -> Ask {
    let tag = |number: u16| if number == 1 { etag(&body(MEDIUM, 1)) } else { etag(&body(SMALL, 2)) };
    let listed = numbers.iter().map(|number| (*number, tag(*number))).collect();
    complete_ask("vault", "up", &names.upload, &listed)
}

fn append(key: &str, position: u64, size: u64) -> Ask {
    let ask = Ask::object("POST", "vault", key).query("append", "").query("position", &position.to_string());
    ask.body(body(size, 6))
}

fn modify(position: u64, size: u64) -> Ask {
    let ask = Ask::object("PUT", "files", "f").query("modify", "").query("position", &position.to_string());
    ask.body(body(size, 7))
}

fn version(key: &str, id: &str) -> Ask {
    Ask::object("DELETE", "old", key).query("versionId", id)
}

fn delete_many(keys: &[&str]) -> Ask {
    let objects: String = keys.iter().flat_map(|key| ["<Object><Key>", key, "</Key></Object>"]).collect();
    let document = format!("<Delete>{objects}</Delete>");
    let digest = STANDARD.encode(Md5::digest(document.as_bytes()));
    Ask::new("POST", "/vault?delete").header("Content-MD5", digest).body(document)
}

/// One round: fresh stores, and a gateway whose stores fail as told.
struct Round {
    engine: Arc<MemoryEngine>,
    blobs: Arc<dyn BlobStore>,
    gateway: Gateway,
    /// Its id; another one in each round.
    account: String,
    names: Names,
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
        let names = Self::fill(&sound).await;
        let (faulty_engine, blobs) = wrap(engine.clone(), store);
        let gateway = Gateway::open(faulty_engine, Arc::clone(&blobs), clock).await;
        Self { engine, blobs, gateway, account, names }
    }

    /// What every round begins with.
    async fn fill(gateway: &Gateway) -> Names {
        let send = async |ask: Ask| {
            let title = ask.title();
            let answer = gateway.send(ACCOUNT, ask).await;
            assert!(answer.status.is_success(), "{title}: {}", answer.text());
            answer
        };
        for ask in [
            create_bucket("vault", false),
            create_bucket("empty", false),
            create_bucket("old", false),
            create_bucket("files", true),
            set_quota("vault", QUOTA),
            set_versioning("old", true),
            put("small", SMALL),
            Ask::object("PUT", "vault", "large").body(body(LARGE, 2)),
            append("log", 0, SMALL),
            append("tail", 0, MEDIUM),
            Ask::object("PUT", "files", "f").body(body(MEDIUM, 1)),
            Ask::object("PUT", "files", "d/e").body(body(SMALL, 1)),
            Ask::object("PUT", "old", "gone").body(body(SMALL, 1)),
        ] {
            send(ask).await;
        }
        let version = send(Ask::object("PUT", "old", "key").body(body(MEDIUM, 1))).await;
        send(Ask::object("PUT", "old", "key").body(body(SMALL, 2))).await;
        let marker = send(Ask::object("DELETE", "old", "gone")).await;
        let begun = send(Ask::object("POST", "vault", "up").query("uploads", "")).await;
        let id = |answer: &Answer| answer.header("x-obs-version-id").to_owned();
        let upload = begun.element("UploadId").expect("an upload");
        let names = Names { upload, version: id(&version), marker: id(&marker) };
        send(part(&names, 1).body(body(MEDIUM, 1))).await;
        send(part(&names, 2).body(body(SMALL, 2))).await;
        send(Ask::new("PUT", "/begun").body("")).await;
        let begun = send(Ask::object("POST", "begun", "up").query("uploads", "")).await;
        let upload = begun.element("UploadId").expect("an upload");
        send(part_ask("begun", "up", &upload, 1).body(body(MEDIUM, 1))).await;
        send(Ask::object("POST", "begun", "up").query("uploads", "")).await;
        names
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.gateway.send(ACCOUNT, ask).await
    }

    /// Everything a client can see, as text.
    async fn state(&self) -> String {
        let mut state = self.send(Ask::new("GET", "/")).await.text();
        let parts = format!("/vault/up?uploadId={}", self.names.upload);
        for target in [
            "/vault?quota",
            "/vault?storageinfo",
            "/vault?uploads",
            &parts,
            "/old?storageinfo",
            "/old?versions",
            "/old?versioning",
            "/files?storageinfo",
            "/empty?storageinfo",
            "/begun?uploads",
            "/begun?storageinfo",
            "/fresh?storageinfo",
        ] {
            let answer = self.send(Ask::new("GET", target)).await;
            // Error documents hold ids that differ from answer to answer, and so do versions and uploads.
            let text = answer.element("Code").unwrap_or_else(|| answer.text());
            let ids = ["UploadId", "VersionId"].iter().flat_map(|name| answer.elements(name));
            state += &ids.fold(text, |text, id| text.replace(&id, "id"));
        }
        for bucket in ["vault", "old", "files"] {
            let listing = self.send(Ask::new("GET", format!("/{bucket}"))).await;
            state += &listing.text();
            for key in listing.elements("Key") {
                let object = self.send(Ask::object("GET", bucket, &key)).await;
                let digest = etag(object.body.as_ref().expect("a whole body"));
                state.extend([&key, " ", &digest, " ", object.header("x-obs-meta-a"), "\n"]);
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
        self.check_room(seen).await;
        check::settle(&self.gateway.app, &self.blobs).await;
        assert_eq!(check::leftover_bytes(&self.gateway.app, &*self.blobs, true).await, 0, "{seen}: bytes of nobody");
        self.check_bodies(seen).await;
        assert_eq!(self.gateway.app.metrics.panics.get(), 0, "{seen}");
    }

    /// Every version that is listed can be read, and is what its tag says, where that is a digest.
    async fn check_bodies(&self, seen: &str) {
        for bucket in ["vault", "old", "files"] {
            let listing = match bucket {
                "old" => {
                    self.send(Ask::new("GET", "/old?versions")).await.text().replace("<DeleteMarker>", "<Version>")
                }
                _ => self.send(Ask::new("GET", format!("/{bucket}"))).await.text().replace("Contents>", "Version>"),
            };
            for row in listing.split("<Version>").skip(1) {
                let element = |name: &str| {
                    let (_, rest) = row.split_once(&format!("<{name}>"))?;
                    rest.split_once("</").map(|(text, _)| text.replace("&quot;", "").replace('"', ""))
                };
                let (Some(key), Some(tag)) = (element("Key"), element("ETag")) else { continue };
                let ask = Ask::object("GET", bucket, &key);
                let ask = element("VersionId").map_or(ask.clone(), |id| ask.query("versionId", &id));
                let answer = self.send(ask).await;
                let bytes = answer.body.as_ref().expect("a whole body");
                assert_eq!(element("Size"), Some(bytes.len().to_string()), "{seen}: {key}");
                assert!(tag.contains('-') || tag == etag(bytes), "{seen}: {key}");
            }
        }
    }

    /// No reservation is left: what exactly fits is accepted, and not one byte more.
    async fn check_room(&self, seen: &str) {
        let number = |answer: Answer, name| answer.element(name).and_then(|text| text.parse::<u64>().ok());
        let used = number(self.send(Ask::new("GET", "/vault?storageinfo")).await, "Size").expect("a size");
        let quota = number(self.send(Ask::new("GET", "/vault?quota")).await, "StorageQuota").expect("a quota");
        let filler = |size| Ask::object("PUT", "vault", "filler").body(vec![0; usize::try_from(size).expect("a size")]);
        let over = self.send(filler(quota - used + 1)).await;
        assert_eq!(over.outcome(), (403, "InsufficientStorageSpace".to_owned()), "{seen}");
        let fits = self.send(filler(quota - used)).await;
        assert_eq!(fits.outcome(), (200, String::new()), "{seen}: room is held by nobody");
        assert_eq!(self.send(Ask::object("DELETE", "vault", "filler")).await.outcome().0, 204, "{seen}");
    }
}

/// What a client saw of an operation: the answer's status, 0 where its body broke off. Of several deletions each has its
/// own.
fn status_of(answer: &Answer) -> u16 {
    match &answer.body {
        Err(_) => 0,
        Ok(_) if answer.element("Code").as_deref() == Some("InternalError") => 500,
        Ok(_) => answer.status.as_u16(),
    }
}

/// The states before and after `operation`, with nothing failing.
async fn states(operation: &Operation) -> (String, String) {
    let round = Round::open(roomy(), |engine, blobs| (engine, blobs)).await;
    let before = round.state().await;
    let answer = round.send((operation.ask)(&round.names)).await;
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
            let answer = round.send((operation.ask)(&round.names)).await;
            if !faulty.has_failed() {
                assert!((200..300).contains(&status_of(&answer)), "{seen}: {answer:?}");
                assert!(passing >= 3, "{seen}: key, account and bucket are read at least");
                break;
            }
            assert_eq!(status_of(&answer), 500, "{seen}: {answer:?}");
            let state = round.state().await;
            let is_applied = operation.changes && state == done;
            assert!(is_applied || state == before, "{seen}: neither done nor undone:\n{state}");
            assert!(after || !is_applied, "{seen}: a failed commit shows");
            applied_count += u32::from(is_applied);
            // What failed without being applied has been looked at when nothing was.
            if is_applied || !after {
                round.check(&seen).await;
            }
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
            let answer = round.send((operation.ask)(&round.names)).await;
            if !faulty.has_failed() {
                assert!(answer.status.is_success() && answer.body.is_ok(), "{seen}: {answer:?}");
                assert_eq!(n > 1, operation.moves_bytes, "{seen}");
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
    assert_eq!(segments.iter().map(|segment| segment.written_bytes).sum::<u64>(), STORED + 70_000);
    round.check("a failed clean-up").await;
}

/// A full disk is a 503, and leaves nothing.
#[tokio::test]
async fn a_full_store_refuses_and_forgets() {
    let round = Round::open(MemoryStore::with_capacity(STORED + 100_000), |engine, blobs| (engine, blobs)).await;
    let before = round.state().await;
    for attempt in 0..3 {
        let answer = round.send(put("new", 100_001)).await;
        assert_eq!(answer.outcome(), (503, "ServiceUnavailable".to_owned()), "attempt {attempt}");
        assert_eq!(round.state().await, before);
        check::settle(&round.gateway.app, &round.blobs).await;
    }
    assert_eq!(round.blobs.capacity(), Some((STORED + 100_000, 100_000)));
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

//! Answers built of several looks while somebody else's commit comes between two of them: each is true of one state.

use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::clock::Clock;
use obs_gateway::meta::{Commit, Engine, Family, MemoryEngine, Result, Revision, Tier, View, Visit};

use crate::model::body;
use crate::requests::part_ask;
use crate::support::{Answer, Ask, Gateway, START_MILLIS};
use crate::world::{set_quota, set_versioning};

/// Something to be done before a look.
struct Meddling {
    /// At what.
    family: Family,
    /// After so many looks at it.
    left: usize,
    asks: Vec<Ask>,
    through: Gateway,
}

/// An engine over which another gateway does something between two looks of this one.
#[derive(Default)]
struct Torn {
    inner: Arc<MemoryEngine>,
    meddling: Mutex<Option<Meddling>>,
}

impl fmt::Debug for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Torn").finish_non_exhaustive()
    }
}

impl Torn {
    /// Meddles when it is time to.
    fn look(&self, at: Family) {
        let mut meddling = self.meddling.lock().expect("no test has failed");
        match meddling.as_mut() {
            Some(meddling) if meddling.family == at && meddling.left > 0 => {
                meddling.left -= 1;
                return;
            }
            Some(meddling) if meddling.family == at => {}
            _ => return,
        }
        let due = meddling.take();
        drop(meddling);
        for (ask, through) in
            due.into_iter().flat_map(|due| due.asks.into_iter().map(move |ask| (ask, due.through.clone())))
        {
            // Unconstrained: nothing makes it wait.
            let answer = tokio::task::unconstrained(through.send("anna", ask)).now_or_never();
            let answer = answer.expect("the engine in memory never waits");
            assert!(answer.status.is_success(), "{}", answer.text());
        }
    }
}

impl View for Torn {
    fn get(&self, family: Family, key: &[u8], tier: Tier, visit: &mut dyn FnMut(Option<&[u8]>)) -> Result<()> {
        self.look(family);
        self.inner.get(family, key, tier, visit)
    }

    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Option<&[u8]>, tier: Tier, visit: Visit<'_>) -> Result<()> {
        self.look(family);
        self.inner.scan(family, from, to, tier, visit)
    }
}

impl Engine for Torn {
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<Revision>> {
        self.inner.commit(commit)
    }

    fn snapshot(&self) -> Box<dyn View + '_> {
        self.inner.snapshot()
    }

    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn family_revision(&self, family: Family) -> Revision {
        self.inner.family_revision(family)
    }

    fn flush(&self) -> Result<()> {
        self.inner.flush()
    }

    fn failure(&self) -> Option<String> {
        self.inner.failure()
    }
}

/// A gateway that is meddled with, and the bucket `red` in it.
struct World {
    engine: Arc<Torn>,
    gateway: Gateway,
    other: Gateway,
}

impl World {
    async fn open() -> Self {
        let (engine, blobs) = (Arc::new(Torn::default()), Arc::new(MemoryStore::new()));
        let clock = Clock::manual(START_MILLIS);
        let gateway =
            Gateway::open(Arc::<Torn>::clone(&engine), Arc::<MemoryStore>::clone(&blobs), clock.clone()).await;
        let other = Gateway::open(Arc::<MemoryEngine>::clone(&engine.inner), blobs, clock).await;
        gateway.create_account("anna").await;
        let world = Self { engine, gateway, other };
        world.done(Ask::new("PUT", "/red").body("")).await;
        world
    }

    async fn done(&self, ask: Ask) -> Answer {
        let answer = self.gateway.send("anna", ask).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        answer
    }

    /// The outcome of `ask` by `who` for every moment that `asks` may come in between its looks at `family`: as often as
    /// there are such looks.
    async fn meddle(&self, family: Family, left: usize, asks: Vec<Ask>, who: Option<&str>, ask: Ask) -> Option<String> {
        let meddling = Meddling { family, left, asks, through: self.other.clone() };
        *self.engine.meddling.lock().expect("no test has failed") = Some(meddling);
        let answer = match who {
            Some(who) => self.gateway.send(who, ask).await,
            None => self.gateway.send_unsigned(ask).await,
        };
        let was_early = self.engine.meddling.lock().expect("no test has failed").take().is_none();
        let (status, code) = answer.outcome();
        was_early.then(|| format!("{status} {code}").trim_end().to_owned())
    }
}

/// Two versions of `k`; their ids, the older one first.
async fn versions(world: &World) -> [String; 2] {
    world.done(set_versioning("red", true)).await;
    let mut ids = [String::new(), String::new()];
    for (id, tag) in ids.iter_mut().zip(0..) {
        let put = world.done(Ask::object("PUT", "red", "k").body(body(5, tag))).await;
        put.header("x-obs-version-id").clone_into(id);
    }
    ids
}

fn version(method: &'static str, id: &str) -> Ask {
    Ask::object(method, "red", "k").query("versionId", id)
}

#[tokio::test]
async fn a_version_that_becomes_current_is_found_and_goes() {
    for family in [Family::Objects, Family::Versions] {
        for (method, expected) in [("GET", "200"), ("HEAD", "200"), ("DELETE", "204")] {
            for left in 0.. {
                let world = World::open().await;
                let [older, newest] = versions(&world).await;
                let asks = vec![version("DELETE", &newest)];
                let Some(outcome) = world.meddle(family, left, asks, Some("anna"), version(method, &older)).await
                else {
                    assert!(left > 0, "{method} does not look at {family:?}");
                    break;
                };
                assert_eq!(outcome, expected, "{method}, after {left} looks at {family:?}");
                if method == "DELETE" {
                    let listing = world.done(Ask::new("GET", "/red?versions")).await;
                    assert_eq!(listing.elements("VersionId"), [""; 0], "after {left} looks at {family:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_part_that_is_sent_twice_fits_in_its_own_place() {
    for left in 0.. {
        let world = World::open().await;
        world.done(set_quota("red", 100)).await;
        let begun = world.done(Ask::object("POST", "red", "k").query("uploads", "")).await;
        let id = begun.element("UploadId").expect("an upload");
        let part = || part_ask("red", "k", &id, 1).body(body(100, 1));
        let Some(outcome) = world.meddle(Family::Counters, left, vec![part()], Some("anna"), part()).await else {
            assert!(left > 0, "no counter is looked at");
            break;
        };
        assert_eq!(outcome, "200", "after {left} looks at counters");
    }
}

/// At first the policy is public and the block is on; at the end neither is. In between nobody may ever read.
#[tokio::test]
async fn nobody_reads_by_the_policy_of_one_moment_and_the_block_of_another() {
    let policy = |effect: &str| {
        let statement =
            format!(r#""Effect":"{effect}","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::red/*""#);
        Ask::new("PUT", "/red?policy").body(format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#))
    };
    let block = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets>\
                 </PublicAccessBlockConfiguration>";
    for left in 0.. {
        let world = World::open().await;
        world.done(Ask::object("PUT", "red", "k").body(body(5, 1))).await;
        world.done(policy("Allow")).await;
        world.done(Ask::new("PUT", "/red?publicAccessBlock").body(block)).await;
        let asks = vec![policy("Deny"), Ask::new("DELETE", "/red?publicAccessBlock")];
        let get = Ask::object("GET", "red", "k");
        let Some(outcome) = world.meddle(Family::Buckets, left, asks, None, get).await else {
            assert!(left > 0, "no bucket is looked at");
            break;
        };
        assert_eq!(outcome, "403 AccessDenied", "after {left} looks at buckets");
    }
}

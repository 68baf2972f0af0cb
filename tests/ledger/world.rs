//! A gateway and its model side by side: a step goes to both, and both must say the same.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use obs_gateway::blob::BlobStore;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::segment::SegmentStore;
use obs_gateway::clock::Clock;
use obs_gateway::meta::{Account, Engine, MemoryEngine, RocksEngine};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::check;
use crate::model::{Bucket, Conditions, Listing, Model, Object, Outcome, Page};
use crate::step::{ACCOUNTS, BUCKETS, Condition, Framing, Quota, Size, Step, Who};
use crate::support::{Answer, Ask, Gateway, START_MILLIS};

/// Of a step: `Err` says where gateway and model part.
pub(crate) type Checked = Result<(), TestCaseError>;

/// Engine and store under one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Backing {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) blobs: Arc<dyn BlobStore>,
}

impl Backing {
    pub(crate) fn in_memory() -> Self {
        Self { engine: Arc::new(MemoryEngine::new()), blobs: Arc::new(MemoryStore::with_capacity(1 << 40)) }
    }

    pub(crate) fn on_disk(folder: &Path) -> Self {
        let engine = RocksEngine::open(&folder.join("meta")).expect("a database");
        let blobs = SegmentStore::open(&folder.join("segments")).expect("segments");
        Self { engine: Arc::new(engine), blobs: Arc::new(blobs) }
    }
}

/// The two sides.
pub(crate) struct World {
    backing: Option<Backing>,
    folder: Option<tempfile::TempDir>,
    pub(crate) clock: Clock,
    pub(crate) gateway: Gateway,
    pub(crate) accounts: Vec<Account>,
    pub(crate) model: Model,
    step_count: u8,
}

impl World {
    pub(crate) async fn open(is_on_disk: bool) -> Self {
        let folder = is_on_disk.then(|| tempfile::tempdir().expect("a folder"));
        let backing = folder.as_ref().map_or_else(Backing::in_memory, |folder| Backing::on_disk(folder.path()));
        let clock = Clock::manual(START_MILLIS);
        let gateway = Gateway::open(Arc::clone(&backing.engine), Arc::clone(&backing.blobs), clock.clone()).await;
        let mut accounts = Vec::new();
        for name in ACCOUNTS {
            accounts.push(gateway.create_account(name).await);
        }
        Self { backing: Some(backing), folder, clock, gateway, accounts, model: Model::default(), step_count: 0 }
    }

    pub(crate) fn backing(&self) -> &Backing {
        self.backing.as_ref().expect("open between steps")
    }

    /// Takes a step on both sides, and compares everything there is.
    pub(crate) async fn take(&mut self, step: &Step) -> Checked {
        self.step_count = self.step_count.wrapping_add(1);
        let before = check::fingerprint(&*self.backing().engine);
        let outcome = self.apply(step).await?;
        if outcome.is_none_or(|status| status >= 400) {
            prop_assert_eq!(check::fingerprint(&*self.backing().engine), before, "something was written");
        }
        check::everything(self).await
    }

    /// The status, if the step was a request that may write.
    async fn apply(&mut self, step: &Step) -> Result<Option<u16>, TestCaseError> {
        match *step {
            Step::CreateBucket { who, bucket } => {
                let who = self.who(who, bucket);
                let expected = self.model.create_bucket(who, bucket);
                self.compare(who, Ask::new("PUT", format!("/{bucket}")).body(""), expected).await
            }
            Step::DeleteBucket { who, bucket } => {
                let who = self.who(who, bucket);
                let expected = self.model.delete_bucket(who, bucket);
                self.compare(who, Ask::new("DELETE", format!("/{bucket}")), expected).await
            }
            Step::SetQuota { who, bucket, quota } => {
                let (who, quota) = (self.who(who, bucket), self.quota(quota, bucket));
                let expected = self.model.set_quota(who, bucket, quota);
                self.compare(who, set_quota(bucket, quota), expected).await
            }
            Step::Delete { who, bucket, key } => {
                let who = self.who(who, bucket);
                let expected = self.model.delete(who, bucket, key);
                self.compare(who, Ask::object("DELETE", bucket, key), expected).await
            }
            Step::Put { who, bucket, key, size, condition, framing } => {
                let who = self.who(who, bucket);
                let size = self.size(size, bucket, key);
                self.put(who, bucket, key, size, condition, framing).await
            }
            Step::Get { who, bucket, key } => {
                let who = self.who(who, bucket);
                let answer = self.send(who, Ask::object("GET", bucket, key)).await;
                match self.model.get(who, bucket, key) {
                    Ok(object) => check::body(&answer, &object)?,
                    Err(outcome) => prop_assert_eq!(answer.outcome(), outcome),
                }
                Ok(None)
            }
            Step::List { .. } => self.list(step).await.map(|()| None),
            Step::Wait(millis) => {
                self.clock.set(self.clock.now_millis() + millis);
                Ok(None)
            }
            Step::Reopen => {
                self.reopen().await;
                Ok(None)
            }
        }
    }

    async fn put(
        &mut self,
        who: usize,
        bucket: &str,
        key: &str,
        size: u64,
        condition: Condition,
        framing: Framing,
    ) -> Result<Option<u16>, TestCaseError> {
        let object = Object::new(size, self.step_count);
        let conditions = self.conditions(condition, bucket, key);
        let mut ask = Ask::object("PUT", bucket, key);
        ask = if framing == Framing::Unannounced { ask.unannounced(object.body()) } else { ask.body(object.body()) };
        if framing == Framing::WrongDigest {
            ask = ask.header("Content-MD5", base64::engine::general_purpose::STANDARD.encode([1; 16]));
        }
        for (name, value) in [("If-Match", &conditions.if_match), ("If-None-Match", &conditions.if_none_match)] {
            if let Some(value) = value {
                ask = ask.header(name, value.clone());
            }
        }
        let is_digest_right = framing != Framing::WrongDigest;
        let expected = self.model.put(who, bucket, key, object, &conditions, is_digest_right);
        self.compare(who, ask, expected).await
    }

    async fn list(&mut self, step: &Step) -> Checked {
        let &Step::List { who, bucket, prefix, marker, delimited, max_keys } = step else { return Ok(()) };
        let who = self.who(who, bucket);
        let delimiter = if delimited { "/" } else { "" };
        let target = format!("/{bucket}?prefix={prefix}&marker={marker}&delimiter={delimiter}&max-keys={max_keys}");
        let answer = self.send(who, Ask::new("GET", target)).await;
        let page = Page { prefix: prefix.into(), marker: marker.into(), delimiter: delimiter.into(), max_keys };
        match self.model.list(who, bucket, &page) {
            Err(outcome) => prop_assert_eq!(answer.outcome(), outcome),
            Ok(expected) => {
                let shown = Listing {
                    keys: answer.elements("Key"),
                    prefixes: answer.elements("CommonPrefixes").iter().map(|it| inner(it)).collect(),
                    truncated: answer.element("IsTruncated").as_deref() == Some("true"),
                };
                prop_assert_eq!(shown, expected);
            }
        }
        Ok(())
    }

    pub(crate) async fn send(&self, who: usize, ask: Ask) -> Answer {
        self.gateway.send(ACCOUNTS[who], ask).await
    }

    async fn compare(&self, who: usize, ask: Ask, expected: Outcome) -> Result<Option<u16>, TestCaseError> {
        let answer = self.send(who, ask).await;
        prop_assert_eq!(answer.outcome(), expected.clone(), "{}", answer.text());
        Ok(Some(expected.0))
    }

    /// The gateway stops in order and starts again over what it stored.
    pub(crate) async fn reopen(&mut self) {
        self.settle().await;
        let app = std::mem::replace(&mut self.gateway, Gateway::open_empty().await);
        drop(app);
        if let Some(folder) = &self.folder {
            self.backing = None;
            self.backing = Some(Backing::on_disk(folder.path()));
        }
        let Backing { engine, blobs } = self.backing().clone();
        self.gateway = Gateway::open(engine, blobs, self.clock.clone()).await;
    }

    /// Waits until nothing works on behind the answers: uploads that were cut off are cleared up by then.
    pub(crate) async fn settle(&self) {
        check::settle(&self.gateway.app, &self.backing().blobs).await;
    }

    fn who(&self, who: Who, bucket: &str) -> usize {
        let somebody = BUCKETS.iter().position(|name| *name == bucket).unwrap_or_default() % ACCOUNTS.len();
        match who {
            Who::Owner => self.model.buckets.get(bucket).map_or(somebody, |bucket| bucket.owner),
            Who::Account(index) => index,
        }
    }

    fn quota(&self, quota: Quota, bucket: &str) -> u64 {
        let used = self.model.buckets.get(bucket).map_or(0, Bucket::used);
        match quota {
            Quota::Zero => 0,
            Quota::Used(more) => used.saturating_add_signed(more),
            Quota::Largest(more) => (1_u64 << 63).saturating_add_signed(more),
        }
    }

    fn size(&self, size: Size, bucket: &str, key: &str) -> u64 {
        match size {
            Size::Bytes(size) => size,
            Size::Room(more) => {
                let room = self.model.buckets.get(bucket).and_then(|bucket| bucket.room_for(key));
                // Without a limit, or with one nobody reaches, any size will do.
                room.filter(|room| *room < 1 << 22).map_or(77, |room| room.saturating_add_signed(more))
            }
        }
    }

    fn conditions(&self, condition: Condition, bucket: &str, key: &str) -> Conditions {
        let object = self.model.buckets.get(bucket).and_then(|bucket| bucket.objects.get(key));
        let tag = format!("\"{}\"", object.map_or("none", |object| &object.etag));
        let (if_match, if_none_match) = match condition {
            Condition::None => (None, None),
            Condition::Absent => (None, Some("*".to_owned())),
            Condition::Present => (Some("*".to_owned()), None),
            Condition::Same => (Some(tag), None),
            Condition::Stale => (Some("\"00000000000000000000000000000000\"".to_owned()), None),
            Condition::Other => (None, Some(tag)),
        };
        Conditions { if_match, if_none_match }
    }
}

/// `PUT ?quota`.
pub(crate) fn set_quota(bucket: &str, quota: u64) -> Ask {
    let document = format!("<Quota><StorageQuota>{quota}</StorageQuota></Quota>");
    Ask::new("PUT", format!("/{bucket}?quota")).body(document)
}

/// Text of the `Prefix` within a `CommonPrefixes`.
fn inner(prefixes: &str) -> String {
    prefixes.trim_start_matches("<Prefix>").trim_end_matches("</Prefix>").to_owned()
}

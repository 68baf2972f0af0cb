//! A gateway and its model side by side: a step goes to both, and both must say the same.

use std::path::Path;
use std::sync::Arc;

use obs_gateway::blob::BlobStore;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::segment::SegmentStore;
use obs_gateway::clock::Clock;
use obs_gateway::meta::{Account, Bucket, Engine, MemoryEngine, RocksEngine};
use obs_gateway::name::BucketName;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::check;
use crate::model::{Limits, Listing, Model, Outcome, Page, Versioning};
use crate::step::{ACCOUNTS, BUCKETS, Condition, FILES, LOCKED, Quota, Step, Who};
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
    pub(crate) step_count: u8,
    /// On what a request in S3's words depends that names nothing itself.
    pub(crate) condition: Condition,
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
        let model = Model { now: clock.now_millis(), ..Model::default() };
        Self {
            backing: Some(backing),
            folder,
            clock,
            gateway,
            accounts,
            model,
            step_count: 0,
            condition: Condition::None,
        }
    }

    pub(crate) fn backing(&self) -> &Backing {
        self.backing.as_ref().expect("open between steps")
    }

    /// Takes a step on both sides, and compares everything there is.
    pub(crate) async fn take(&mut self, step: &Step) -> Checked {
        self.step_count = self.step_count.wrapping_add(1);
        let before = check::fingerprint(&*self.backing().engine);
        let outcome = match step {
            Step::InS3 { step, condition } => {
                (self.model.is_s3, self.condition) = (true, *condition);
                let outcome = self.apply(step).await?;
                (self.model.is_s3, self.condition) = (false, Condition::None);
                outcome
            }
            step => self.apply(step).await?,
        };
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
                let expected = self.model.create_bucket(who, bucket, bucket == FILES, bucket == LOCKED);
                let ask = create_bucket(bucket, bucket == FILES);
                let header = ("x-obs-bucket-object-lock-enabled", "true");
                let ask = if bucket == LOCKED { ask.header(header.0, header.1) } else { ask };
                self.compare(who, ask, expected).await
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
            Step::SetVersioning { who, bucket, versioning } => {
                let who = self.who(who, bucket);
                let expected = self.model.set_versioning(who, bucket, versioning);
                self.compare(who, set_versioning(bucket, versioning == Versioning::Enabled), expected).await
            }
            Step::LimitObjects { bucket, more } => self.limit_objects(bucket, more).await.map(|()| Some(200)),
            Step::LimitAccount { account, bytes, objects } => {
                self.limit_account(account, bytes, objects).await.map(|()| Some(200))
            }
            Step::List { .. } => self.list(step).await.map(|()| None),
            Step::Wait(millis) => {
                self.clock.set(self.clock.now_millis() + millis);
                self.model.tick(self.clock.now_millis());
                Ok(None)
            }
            Step::Reopen => {
                self.reopen().await;
                Ok(None)
            }
            _ => self.request(step).await,
        }
    }

    /// As the administrator's API does it.
    async fn limit_objects(&mut self, name: &str, more: Option<u64>) -> Checked {
        let Some(bucket) = self.model.buckets.get_mut(name) else { return Ok(()) };
        let limit = more.map_or(0, |more| bucket.sums().objects() + more);
        bucket.limits.objects = limit;
        let name = BucketName::parse(name).expect("a name");
        let limited = self.gateway.app.store.write(|tx| {
            let bucket = tx.bucket(&name)?.expect("the model has it");
            tx.put_bucket(&Bucket { object_limit: limit, ..bucket })
        });
        limited.await.map_err(|error| TestCaseError::fail(error.to_string()))
    }

    async fn limit_account(&mut self, account: usize, bytes: Option<u64>, objects: Option<u64>) -> Checked {
        let sums = self.model.sums_of(account);
        let limits = Limits {
            bytes: bytes.map_or(0, |more| sums.used() + more),
            objects: objects.map_or(0, |more| sums.objects() + more),
        };
        self.model.accounts.insert(account, limits);
        let id = self.accounts[account].id;
        let limited = self.gateway.app.store.write(|tx| {
            let account = tx.account(id)?.expect("it was made");
            tx.put_account(&Account { capacity_bytes: limits.bytes, object_limit: limits.objects, ..account })
        });
        limited.await.map_err(|error| TestCaseError::fail(error.to_string()))
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
        self.gateway.send(ACCOUNTS[who], if self.model.is_s3 { ask.in_s3() } else { ask }).await
    }

    pub(crate) async fn compare(&self, who: usize, ask: Ask, expected: Outcome) -> Result<Option<u16>, TestCaseError> {
        self.answer(who, ask, &expected).await.map(|answer| Some(answer.status.as_u16()))
    }

    /// The answer, if it is what the model says.
    pub(crate) async fn answer(&self, who: usize, ask: Ask, expected: &Outcome) -> Result<Answer, TestCaseError> {
        let title = ask.title();
        let answer = self.send(who, ask).await;
        prop_assert_eq!(&answer.outcome(), expected, "{}: {}", title, answer.text());
        Ok(answer)
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

    pub(crate) fn who(&self, who: Who, bucket: &str) -> usize {
        let somebody = BUCKETS.iter().position(|name| *name == bucket).unwrap_or_default() % ACCOUNTS.len();
        match who {
            Who::Owner => self.model.buckets.get(bucket).map_or(somebody, |bucket| bucket.owner),
            Who::Account(index) => index,
        }
    }

    fn quota(&self, quota: Quota, bucket: &str) -> u64 {
        let used = self.model.buckets.get(bucket).map_or(0, |bucket| bucket.sums().used());
        match quota {
            Quota::Zero => 0,
            Quota::Used(more) => used.saturating_add_signed(more),
            Quota::Largest(more) => (1_u64 << 63).saturating_add_signed(more),
        }
    }
}

/// `PUT /bucket`.
pub(crate) fn create_bucket(bucket: &str, is_file_system: bool) -> Ask {
    let ask = Ask::new("PUT", format!("/{bucket}")).body("");
    if is_file_system { ask.header("x-obs-fs-file-interface", "Enabled") } else { ask }
}

/// `PUT ?versioning`.
pub(crate) fn set_versioning(bucket: &str, is_enabled: bool) -> Ask {
    let status = if is_enabled { "Enabled" } else { "Suspended" };
    let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    Ask::new("PUT", format!("/{bucket}?versioning")).body(document)
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

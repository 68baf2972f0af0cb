//! The gateway under test, and requests as text.
//!
//! A request is written as it looks on the wire: `PUT /photos/k\nContent-Type: text/plain\n\nbody`. What every request
//! carries (`Host`, `Date`, `Content-Length`, `Authorization`) is added where the text does not have it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Request, Response};
use obs_gateway::app::App;
use obs_gateway::auth::sign_header;
use obs_gateway::blob::digest;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::transfer::Blobs;
use obs_gateway::blob::{BlobStore, Manifest};
use obs_gateway::clock::{Clock, UnixMillis, http_date};
use obs_gateway::config::Config;
use obs_gateway::error::{Code, Error};
use obs_gateway::gateway;
use obs_gateway::meta::{
    self, AccountStatus, Engine, Family, MemoryEngine, NewAccessKey, NewAccount, Sealer, Store, Tier,
};
use obs_gateway::name::BucketName;
use obs_gateway::quota::Usage;
use obs_gateway::wire::address::Endpoints;
use obs_gateway::wire::body::{ReplyBody, RequestBody};
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::hex;

use crate::answer::Answer;
use crate::form::Form;

/// Wed, 01 Jul 2015 03:27:45.482 GMT.
pub(crate) const NOW: UnixMillis = 1_435_721_265_482;
/// The `Date` of [`NOW`].
pub(crate) const DATE: &str = "Wed, 01 Jul 2015 03:27:45 GMT";

/// Who sends a request, in which dialect. The access key of `name` is `AK-name`, its secret `SK-name`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As {
    Nobody,
    Obs(&'static str),
    /// By AWS's older signature.
    Aws(&'static str),
    /// By Signature Version 4.
    S3(&'static str),
}

/// An account in every way to sign.
pub(crate) fn all(name: &'static str) -> [As; 3] {
    [As::Obs(name), As::Aws(name), As::S3(name)]
}

/// An account in both dialects.
pub(crate) fn both(name: &'static str) -> [As; 2] {
    [As::Obs(name), As::Aws(name)]
}

impl As {
    /// `x-obs-` or `x-amz-`.
    pub(crate) fn prefix(self) -> &'static str {
        if matches!(self, Self::Aws(_) | Self::S3(_)) { "x-amz-" } else { "x-obs-" }
    }

    fn signer(self) -> Option<(Dialect, &'static str)> {
        match self {
            Self::Nobody => None,
            Self::Obs(name) => Some((Dialect::Obs, name)),
            Self::Aws(name) => Some((Dialect::AwsV2, name)),
            Self::S3(name) => Some((Dialect::S3, name)),
        }
    }
}

/// A gateway over memory, with the accounts `alice`, `bob`, `frida` (frozen) and `dora` (deregistered).
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) blobs: MemoryStore,
    engine: Arc<dyn Engine>,
}

impl Gateway {
    pub(crate) async fn new() -> Self {
        Self::with_blobs(MemoryStore::new()).await
    }

    /// A gateway in which `alice` owns an empty bucket `photos`.
    pub(crate) async fn with_bucket() -> Self {
        let gateway = Self::new().await;
        gateway.check(As::Obs("alice"), "PUT /photos", "200").await;
        gateway
    }

    /// The same, with an empty file system `files` beside it.
    pub(crate) async fn with_file_system() -> Self {
        let gateway = Self::with_bucket().await;
        gateway.check(As::Obs("alice"), "PUT /files\nx-obs-fs-file-interface: Enabled", "200").await;
        gateway
    }

    /// The same, with an empty bucket `vault` beside them that has object lock.
    pub(crate) async fn with_vault() -> Self {
        let gateway = Self::with_file_system().await;
        gateway.check(As::Obs("alice"), "PUT /vault\nx-obs-bucket-object-lock-enabled: true", "200").await;
        gateway
    }

    pub(crate) async fn with_blobs(blobs: MemoryStore) -> Self {
        Self::over(Arc::new(MemoryEngine::new()), blobs).await
    }

    /// A gateway with settings of its own.
    pub(crate) async fn configured(config: Config) -> Self {
        Self::open(config, Arc::new(MemoryEngine::new()), MemoryStore::new()).await
    }

    pub(crate) async fn over(engine: Arc<dyn Engine>, blobs: MemoryStore) -> Self {
        Self::open(Config::for_testing(), engine, blobs).await
    }

    async fn open(config: Config, engine: Arc<dyn Engine>, blobs: MemoryStore) -> Self {
        let store = Store::new(Arc::clone(&engine), Sealer::new(&[7; 32]));
        let transfer = Blobs::new(Arc::new(blobs.clone()));
        let app = App::new(config, store, transfer, Clock::manual(NOW)).await;
        let gateway = Self { app, blobs, engine };
        for name in ["alice", "bob", "frida", "dora"] {
            gateway.create_account(name, false).await;
        }
        gateway.set_status("frida", AccountStatus::Frozen).await;
        gateway.set_status("dora", AccountStatus::Deregistered).await;
        gateway
    }

    /// The gateway as it is after a restart with other settings.
    pub(crate) async fn restarted(self, config: Config) -> Self {
        let store = Store::new(Arc::clone(&self.engine), Sealer::new(&[7; 32]));
        let transfer = Blobs::new(Arc::new(self.blobs.clone()));
        let app = App::new(config, store, transfer, Clock::manual(self.app.clock.now_millis())).await;
        Self { app, ..self }
    }

    pub(crate) async fn create_account(&self, name: &str, root: bool) {
        let new = NewAccount { name: name.to_owned(), root, ..NewAccount::default() };
        let account = self.app.store.write(|tx| tx.create_account(&new, NOW)).await.expect("memory does not fail");
        let account = account.expect("the name is free");
        let new = NewAccessKey::permanent(format!("AK-{name}"), format!("SK-{name}"));
        let sealer = self.app.store.sealer();
        let key = self.app.store.write(|tx| tx.create_access_key(account.id, &new, sealer, NOW));
        assert!(key.await.expect("memory does not fail").is_some());
    }

    pub(crate) async fn set_status(&self, name: &str, status: AccountStatus) {
        let changed = self.app.store.write(|tx| {
            let mut account = tx.account_named(name)?.ok_or(Code::NoSuchAccount)?;
            account.status = status;
            Ok::<_, Error>(tx.put_account(&account)?)
        });
        changed.await.expect("the account exists");
    }

    /// The id under which XML shows an account.
    pub(crate) async fn account_id(&self, name: &str) -> String {
        let account = self.app.store.read(|tx| tx.account_named(name)).await.expect("memory does not fail");
        account.expect("the account exists").id.to_string()
    }

    /// Sends a request. `POST /photos form: KEY` with a body is the form of that key, signed in its fields.
    pub(crate) async fn send(&self, who: As, text: &str) -> Answer {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        if let Some(key) = head.strip_prefix("POST /photos form: ") {
            return self.post(who, &Form::new(key, body.to_owned())).await;
        }
        self.send_bytes(who, head, Bytes::copy_from_slice(body.as_bytes())).await
    }

    /// Sends a request whose body is no text, or long. A `Content-Length` in the head may lie.
    pub(crate) async fn send_bytes(&self, who: As, head: &str, body: impl Into<Bytes>) -> Answer {
        let body = body.into();
        let mut lines = Lines::of(head);
        let takes_body = !matches!(lines.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS");
        if !lines.has("content-length") && !lines.has("transfer-encoding") && (takes_body || !body.is_empty()) {
            lines.add("Content-Length", body.len().to_string());
        }
        self.dispatch(who, lines, RequestBody::Full(Some(body))).await
    }

    /// Sends a body of unknown length, piece by piece.
    pub(crate) async fn send_chunked(&self, who: As, head: &str, pieces: impl IntoIterator<Item = Bytes>) -> Answer {
        let mut lines = Lines::of(head);
        lines.add("Transfer-Encoding", "chunked".to_owned());
        let pieces: VecDeque<Bytes> = pieces.into_iter().collect();
        self.dispatch(who, lines, RequestBody::Pieces(pieces)).await
    }

    /// Sends a request without a body and leaves the answer's body to be read.
    pub(crate) async fn begin(&self, who: As, head: &str) -> Reading {
        Reading(self.handle(who, &mut Lines::of(head), RequestBody::empty()).await.into_body())
    }

    async fn dispatch(&self, who: As, mut lines: Lines, body: RequestBody) -> Answer {
        let (parts, body) = self.handle(who, &mut lines, body).await.into_parts();
        let body = body.collect().await.expect("the stored bytes are there").to_bytes();
        Answer::new(&lines.method, parts, body, self.app.clock.now_millis())
    }

    async fn handle(&self, who: As, lines: &mut Lines, body: RequestBody) -> Response<ReplyBody> {
        if matches!(who, As::S3(_)) && !lines.has("x-amz-content-sha256") {
            lines.add("x-amz-content-sha256", payload_of(&body));
        }
        lines.complete(who, &self.app.endpoints, self.app.clock.now_millis());
        let mut request = Request::builder().method(lines.method.as_str()).uri(&lines.target);
        for (name, value) in &lines.headers {
            request = request.header(name, value.as_bytes());
        }
        let request = request.body(body).unwrap_or_else(|error| panic!("{} {}: {error}", lines.method, lines.target));
        gateway::handle(&self.app, request, obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into())).await
    }

    /// Sends a request and expects its verdict: `200`, or `403 AccessDenied`.
    pub(crate) async fn check(&self, who: As, text: &str, verdict: &str) -> Answer {
        let answer = self.send(who, text).await;
        assert_eq!(answer.verdict(), verdict, "{who:?} {text}\n{}", answer.text());
        answer
    }

    /// Bytes and objects that `alice` is shown for a bucket, after everything stored was held against the counters.
    pub(crate) async fn used(&self, bucket: &str) -> (u64, u64) {
        self.assert_sound();
        let answer = self.check(As::Obs("alice"), &format!("GET /{bucket}?storageinfo"), "200").await;
        let number = |name| answer.element(name).and_then(|text| text.parse().ok()).expect("a number");
        (number("Size"), number("ObjectNumber"))
    }

    /// The bytes of an object, as its owner `alice` reads them.
    pub(crate) async fn read(&self, resource: &str) -> Bytes {
        self.check(As::Obs("alice"), &format!("GET {resource}"), "200").await.body
    }

    /// Sets the quota of a bucket of `alice`.
    pub(crate) async fn limit(&self, bucket: &str, bytes: u64) {
        let body = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
        self.check(As::Obs("alice"), &format!("PUT /{bucket}?quota\n\n{body}"), "200").await;
    }

    /// Everything that is counted of a bucket, whoever owns it.
    pub(crate) async fn usage(&self, bucket: &str) -> Usage {
        self.assert_sound();
        let name = BucketName::parse(bucket).expect("a bucket's name");
        let usage = self.app.store.read(|tx| match tx.bucket(&name)? {
            Some(bucket) => tx.bucket_usage(bucket.id),
            None => Ok(Usage::default()),
        });
        usage.await.expect("memory does not fail")
    }

    /// Recomputes every counter and reads every block.
    pub(crate) fn assert_sound(&self) {
        let mut read_all = |manifest: &Manifest| {
            let mut buffer = Vec::new();
            let blocks = 0..manifest.block_checksums.len() as u64;
            let read = |block| self.blobs.read_block(manifest, block, false, &mut buffer).err();
            blocks.into_iter().find_map(read).map(|error| error.to_string())
        };
        let verdict = meta::verify(&*self.engine, &mut read_all).expect("memory does not fail");
        assert_eq!(verdict.differences, []);
    }

    /// A digest of every row of metadata and of every segment there is.
    pub(crate) fn fingerprint(&self) -> u64 {
        let (snapshot, mut hasher) = (self.engine.snapshot(), DefaultHasher::new());
        for family in Family::ALL {
            let scanned = snapshot.scan(family, Bound::Unbounded, None, Tier::Disk, &mut |key, value| {
                (family.index(), key, value).hash(&mut hasher);
                Ok(meta::Step::Next)
            });
            scanned.expect("memory does not fail");
        }
        format!("{:?}", self.blobs.segments().expect("memory does not fail")).hash(&mut hasher);
        hasher.finish()
    }

    /// The keys of a bucket as its owner `alice` lists them.
    pub(crate) async fn keys(&self, bucket: &str) -> Vec<String> {
        let answer = self.check(As::Obs("alice"), &format!("GET /{bucket}"), "200").await;
        answer.elements("Key").into_iter().map(str::to_owned).collect()
    }
}

/// What is signed of a body: its digest, or that none is.
fn payload_of(body: &RequestBody) -> String {
    match body {
        RequestBody::Full(bytes) => hex(&digest::sha256(bytes.as_deref().unwrap_or_default())),
        _ => "UNSIGNED-PAYLOAD".to_owned(),
    }
}

/// An answer's body on its way.
pub(crate) struct Reading(ReplyBody);

impl Reading {
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.0.frame().await?.expect("the stored bytes are there");
        frame.into_data().ok()
    }
}

/// A request's line and headers.
pub(crate) struct Lines {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = text.lines();
        let (method, target) = lines.next().and_then(|line| line.split_once(' ')).expect("a method and a target");
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?} is no header"));
            (name.to_owned(), value.trim().to_owned())
        };
        Self { method: method.to_owned(), target: target.to_owned(), headers: lines.map(header).collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn add(&mut self, name: &str, value: String) {
        self.headers.push((name.to_owned(), value));
    }

    /// Adds `Host` (by address: path style), `Date` and the signature. An empty `Host` or `Date` line means none.
    pub(crate) fn complete(&mut self, who: As, endpoints: &Endpoints, now: UnixMillis) {
        if !self.has("host") {
            self.add("Host", "127.0.0.1:8080".to_owned());
        }
        if !self.has("date") {
            self.add("Date", http_date(now));
        }
        let is_none = |(name, value): &(String, String)| {
            value.is_empty() && (name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("host"))
        };
        self.headers.retain(|header| !is_none(header));
        let Some((dialect, name)) = who.signer() else { return };
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = host.map_or(String::new(), |(_, host)| host.clone());
        let (access_key, secret_key) = (format!("AK-{name}"), format!("SK-{name}"));
        let (method, target, headers) = (&self.method, &self.target, &self.headers);
        let signed = sign_header(dialect, method, &host, target, headers, endpoints, &access_key, &secret_key);
        // A request that no server can read is sent with a signature that is none.
        let none = match dialect {
            Dialect::Obs => format!("OBS {access_key}:bm9uZQ=="),
            Dialect::AwsV2 => format!("AWS {access_key}:bm9uZQ=="),
            Dialect::S3 => {
                let credential = format!("{access_key}/20150701/us-east-1/s3/aws4_request");
                format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders=host,Signature=none")
            }
        };
        self.add("Authorization", signed.unwrap_or(none));
    }

    /// The head as it goes over a connection.
    pub(crate) fn wire_text(&self) -> String {
        let mut text = [&self.method, " ", &self.target, " HTTP/1.1\r\n"].concat();
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text + "\r\n"
    }
}

/// Bytes that are no text and differ from place to place.
pub(crate) fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 256).expect("below 256")).collect()
}

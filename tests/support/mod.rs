//! A gateway within the test's own process: the real handlers over an engine and a store the test brings, a clock
//! that stands still until it is moved, and signed requests. Not here: what any test expects.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Request, StatusCode};
use obs_gateway::app::App;
use obs_gateway::auth;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::{BlobStore, Blobs};
use obs_gateway::clock::{Clock, http_date};
use obs_gateway::config::Config;
use obs_gateway::error::{Code, Error};
use obs_gateway::gateway;
use obs_gateway::meta::{Account, Engine, MASTER_KEY_BYTES, MemoryEngine, NewAccessKey, NewAccount, Sealer, Store};
use obs_gateway::wire::body::RequestBody;
use obs_gateway::wire::dialect::Dialect;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a manual clock starts.
pub(crate) const START_MILLIS: u64 = 1_435_721_265_000;
/// The domain in `Config::for_testing`: buckets are named in the path below it.
const HOST: &str = "obs.localhost";
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An open gateway without listeners.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
}

/// A request, still to be signed.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    dialect: Dialect,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Sent,
}

/// How a body arrives.
#[derive(Clone, Debug)]
enum Sent {
    Nothing,
    /// With its length announced, in pieces.
    Announced(Vec<Bytes>),
    /// Chunked, in pieces.
    Unannounced(Vec<Bytes>),
    /// In S3's own chunks, each of one piece, with a checksum behind them.
    Framed(Vec<Bytes>),
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// An error where the body broke off.
    pub(crate) body: io::Result<Bytes>,
}

/// Bytes of one piece of a body.
const PIECE_BYTES: usize = 40_000;

impl Gateway {
    /// A gateway over nothing, to stand in while another is closed.
    pub(crate) async fn open_empty() -> Self {
        let (engine, blobs) = (Arc::new(MemoryEngine::new()), Arc::new(MemoryStore::new()));
        Self::open(engine, blobs, Clock::manual(START_MILLIS)).await
    }

    /// Opens a gateway over `engine` and `blobs`.
    pub(crate) async fn open(engine: Arc<dyn Engine>, blobs: Arc<dyn BlobStore>, clock: Clock) -> Self {
        let store = Store::new(engine, Sealer::new(&[7; MASTER_KEY_BYTES]));
        Self { app: App::new(Config::for_testing(), store, Blobs::new(blobs), clock).await }
    }

    /// Makes an account with an access key; both, and the secret, are called `name`.
    pub(crate) async fn create_account(&self, name: &str) -> Account {
        let new = NewAccount { name: name.to_owned(), ..NewAccount::default() };
        let store = &self.app.store;
        let made = store.write(|tx| {
            let account = tx.create_account(&new, START_MILLIS)?.ok_or(Code::AccountAlreadyExists)?;
            tx.create_access_key(account.id, &NewAccessKey::permanent(name, name), store.sealer(), START_MILLIS)?;
            Ok::<_, Error>(account)
        });
        made.await.expect("an account")
    }

    /// Sends `ask`, signed by `account`, through the spine.
    pub(crate) async fn send(&self, account: &str, ask: Ask) -> Answer {
        self.dispatch(Some(account), ask).await
    }

    /// Sends `ask` without a signature.
    pub(crate) async fn send_unsigned(&self, ask: Ask) -> Answer {
        self.dispatch(None, ask).await
    }

    async fn dispatch(&self, account: Option<&str>, ask: Ask) -> Answer {
        let Ask { dialect, method, target, mut headers, body } = ask.spelled();
        headers.push(("Host".to_owned(), HOST.to_owned()));
        headers.push(("Date".to_owned(), http_date(self.app.clock.now_millis())));
        let body = match body {
            Sent::Nothing => RequestBody::empty(),
            Sent::Announced(pieces) => {
                let length: usize = pieces.iter().map(Bytes::len).sum();
                headers.push(("Content-Length".to_owned(), length.to_string()));
                RequestBody::Pieces(pieces.into())
            }
            Sent::Unannounced(pieces) => {
                headers.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
                RequestBody::Pieces(pieces.into())
            }
            Sent::Framed(pieces) => {
                let length: usize = pieces.iter().map(Bytes::len).sum();
                let framed = framed(&pieces);
                for (name, value) in [
                    ("Content-Length", framed.len().to_string()),
                    ("x-amz-decoded-content-length", length.to_string()),
                    ("x-amz-trailer", TRAILER.to_owned()),
                ] {
                    headers.push((name.to_owned(), value));
                }
                RequestBody::Pieces(split(framed).into())
            }
        };
        if let Some(account) = account {
            let endpoints = &self.app.endpoints;
            let signed = auth::sign_header(dialect, method, HOST, &target, &headers, endpoints, account, account);
            headers.push(("Authorization".to_owned(), signed.expect("a request that can be signed")));
        }
        let request = Request::builder().method(method).uri(target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = gateway::handle(
            &self.app,
            request.body(body).expect("a request"),
            obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into()),
        )
        .await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Ask {
    /// `target` is path and query, already encoded.
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self { dialect: Dialect::Obs, method, target: target.into(), headers: Vec::new(), body: Sent::Nothing }
    }

    /// A request for an object.
    pub(crate) fn object(method: &'static str, bucket: &str, key: &str) -> Self {
        Self::new(method, format!("/{bucket}/{}", utf8_percent_encode(key, PATH)))
    }

    /// Adds a parameter; the value is encoded here.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{separator}{name}={}", self.target, utf8_percent_encode(value, PATH));
        self
    }

    /// What is copied: an object, or one of its versions.
    pub(crate) fn copy_source(self, bucket: &str, key: &str, version: Option<&str>) -> Self {
        let version = version.map_or(String::new(), |id| format!("?versionId={id}"));
        self.header("x-obs-copy-source", format!("/{bucket}/{}{version}", utf8_percent_encode(key, PATH)))
    }

    /// Method and target, for the message of a failure.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A body whose length is announced.
    pub(crate) fn body(self, bytes: impl Into<Bytes>) -> Self {
        Self { body: Sent::Announced(split(bytes.into())), ..self }
    }

    /// A body in S3's own chunks; for S3's words only.
    pub(crate) fn framed(self, bytes: impl Into<Bytes>) -> Self {
        Self { body: Sent::Framed(split(bytes.into())), ..self }
    }

    /// The same in S3's words, signed with Signature Version 4. Headers are spelled as OBS has them.
    pub(crate) fn in_s3(self) -> Self {
        Self { dialect: Dialect::S3, ..self }
    }

    /// As it is sent: in S3's words with S3's names for headers, and what S3 says of bodies.
    fn spelled(mut self) -> Self {
        if self.dialect != Dialect::S3 {
            return self;
        }
        for (name, _) in &mut self.headers {
            if let Some(tail) = name.strip_prefix("x-obs-") {
                *name = format!("x-amz-{tail}");
            }
        }
        let is_framed = matches!(self.body, Sent::Framed(_));
        let payload = if is_framed { "STREAMING-UNSIGNED-PAYLOAD-TRAILER" } else { "UNSIGNED-PAYLOAD" };
        self.header("x-amz-content-sha256", payload)
    }

    /// A body that says its length only by ending.
    pub(crate) fn unannounced(self, bytes: impl Into<Bytes>) -> Self {
        Self { body: Sent::Unannounced(split(bytes.into())), ..self }
    }
}

/// The checksum that comes behind a framed body.
const TRAILER: &str = "x-amz-checksum-crc32";

/// Pieces in S3's framing, without signatures.
fn framed(pieces: &[Bytes]) -> Bytes {
    let mut framed = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        framed.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        framed.extend_from_slice(piece);
        framed.extend_from_slice(b"\r\n");
    }
    let crc32 = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &pieces.concat());
    let crc32 = STANDARD.encode(u32::try_from(crc32).expect("32 bits").to_be_bytes());
    framed.extend_from_slice(format!("0\r\n{TRAILER}:{crc32}\r\n\r\n").as_bytes());
    framed.into()
}

fn split(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while bytes.len() > PIECE_BYTES {
        pieces.push(bytes.split_to(PIECE_BYTES));
    }
    pieces.push(bytes);
    pieces
}

impl Answer {
    /// A header, in OBS's or in S3's words; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let in_s3 = || self.headers.get(name.replacen("x-obs-", "x-amz-", 1));
        self.headers.get(name).or_else(in_s3).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status, and the code of an error document; empty where there is none.
    pub(crate) fn outcome(&self) -> (u16, String) {
        let code = if self.status.is_success() { None } else { self.element("Code") };
        (self.status.as_u16(), code.unwrap_or_default())
    }

    /// The body as text; empty where it broke off.
    pub(crate) fn text(&self) -> String {
        self.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default()
    }

    /// Texts of the `ETag` elements, without quotes.
    pub(crate) fn tags(&self) -> Vec<String> {
        self.elements("ETag").iter().map(|tag| tag.replace("&quot;", "").replace('"', "")).collect()
    }

    /// Text of the first element called `name`.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        self.elements(name).into_iter().next()
    }

    /// Texts of the elements called `name`. The tests' names need no escapes, so none are undone.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (text, open, close) = (self.text(), format!("<{name}>"), format!("</{name}>"));
        let parts = text.split(&open).skip(1);
        parts.filter_map(|part| part.split_once(&close)).map(|(inner, _)| inner.to_owned()).collect()
    }
}

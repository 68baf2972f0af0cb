//! A gateway within the test's own process: the real handlers over an engine and a store the test brings, a clock
//! that stands still until it is moved, and signed requests. Not here: what any test expects.

use std::io;
use std::sync::Arc;

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
        let Ask { method, target, mut headers, body } = ask;
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
        };
        if let Some(account) = account {
            let endpoints = &self.app.endpoints;
            let signed = auth::sign_header(Dialect::Obs, method, HOST, &target, &headers, endpoints, account, account);
            headers.push(("Authorization".to_owned(), signed.expect("a request that can be signed")));
        }
        let request = Request::builder().method(method).uri(target).header("Host", HOST);
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
        Self { method, target: target.into(), headers: Vec::new(), body: Sent::Nothing }
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
        Self { body: Sent::Announced(pieces(bytes.into())), ..self }
    }

    /// A body that says its length only by ending.
    pub(crate) fn unannounced(self, bytes: impl Into<Bytes>) -> Self {
        Self { body: Sent::Unannounced(pieces(bytes.into())), ..self }
    }
}

fn pieces(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while bytes.len() > PIECE_BYTES {
        pieces.push(bytes.split_to(PIECE_BYTES));
    }
    pieces.push(bytes);
    pieces
}

impl Answer {
    /// A header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
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

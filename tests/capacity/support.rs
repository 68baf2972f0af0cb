//! The gateway under test: both listeners' handlers over one memory engine, accounts with passwords, a clock that
//! stands still until it is moved.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::header::AUTHORIZATION;
use obs_gateway::app::App;
use obs_gateway::auth::admin::{admin_signature, admin_string_to_sign};
use obs_gateway::auth::sign_header;
use obs_gateway::auth::token::Tokens;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::{Blobs, digest};
use obs_gateway::clock::{Clock, UnixMillis, http_date};
use obs_gateway::config::Config;
use obs_gateway::error::{Code, Error};
use obs_gateway::meta::{self, Account, MemoryEngine, NewAccessKey, NewAccount, Sealer, Store};
use obs_gateway::secrets::hash_password;
use obs_gateway::wire::body::RequestBody;
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::{admin, capacity, gateway};
use serde_json::{Value, json};

use crate::answer::Answer;

/// Wed, 01 Jul 2015 03:27:45.482 GMT.
pub(crate) const NOW: UnixMillis = 1_435_721_265_482;
pub(crate) const PASSWORD: &str = "correct horse";
const HOST: &str = "127.0.0.1:8080";

/// Hashing takes its time on purpose; once is enough.
static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| hash_password(PASSWORD).expect("a password is hashed"));

/// A gateway with the accounts `alice` (the root account) and `bob`; the e-mail address of `name` is
/// `name@example.com`, the access key `AK-name`, its secret `SK-name`.
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    engine: Arc<MemoryEngine>,
    blobs: MemoryStore,
}

/// What signing in gave.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Signed {
    pub(crate) fn of(token: &Value) -> Self {
        let text = |name| token[name].as_str().expect("a token").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

impl Gateway {
    pub(crate) async fn new() -> Self {
        let (engine, blobs) = (Arc::new(MemoryEngine::new()), MemoryStore::new());
        let app = open(&engine, &blobs, NOW).await;
        let gateway = Self { app, engine, blobs };
        gateway.create_account("alice", true).await;
        gateway.create_account("bob", false).await;
        gateway
    }

    /// The same data, opened anew: what was in memory alone is gone.
    pub(crate) async fn restart(self) -> Self {
        let app = open(&self.engine, &self.blobs, self.app.clock.now_millis()).await;
        Self { app, ..self }
    }

    async fn create_account(&self, name: &str, root: bool) {
        let (email, hash) = (format!("{name}@example.com"), PASSWORD_HASH.clone());
        let new = NewAccount { name: name.to_owned(), email: Some(email), password_hash: Some(hash), root };
        let account = self.app.store.write(|tx| tx.create_account(&new, NOW)).await.expect("memory does not fail");
        let account = account.expect("the name is free");
        let new = NewAccessKey::permanent(format!("AK-{name}"), format!("SK-{name}"));
        let sealer = self.app.store.sealer();
        let key = self.app.store.write(|tx| tx.create_access_key(account.id, &new, sealer, NOW));
        assert!(key.await.expect("memory does not fail").is_some());
    }

    /// Changes the record of an account.
    pub(crate) async fn change(&self, name: &str, change: impl Fn(&mut Account)) {
        let changed = self.app.store.write(|tx| {
            let mut account = tx.account_named(name)?.ok_or(Code::NoSuchAccount)?;
            change(&mut account);
            Ok::<_, Error>(tx.put_account(&account)?)
        });
        changed.await.expect("the account exists");
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.app.clock.set(self.app.clock.now_millis() + seconds * 1000);
    }

    /// Sends `GET /path`, with header lines below, to the console listener.
    pub(crate) async fn send(&self, head: &str, body: impl Into<Bytes>) -> Answer {
        self.send_from([127, 0, 0, 1], head, body).await
    }

    pub(crate) async fn send_from(&self, peer: [u8; 4], head: &str, body: impl Into<Bytes>) -> Answer {
        let mut lines = head.lines();
        let (method, target) = lines.next().and_then(|line| line.split_once(' ')).expect("a method and a path");
        let mut request = Request::builder().method(method).uri(target);
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let request = request.body(RequestBody::Full(Some(body.into()))).expect("a request");
        assert!(capacity::serves(request.uri().path()), "{head}");
        let response = capacity::handle(&self.app, request, SocketAddr::from((peer, 50_000))).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("it is all at hand").to_bytes();
        Answer { parts, body: serde_json::from_slice(&body).expect("JSON") }
    }

    /// Sends a JSON document.
    pub(crate) async fn send_json(&self, head: &str, document: &Value) -> Answer {
        self.send(head, document.to_string()).await
    }

    pub(crate) async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        let document = json!({ "email": email, "password": password });
        self.send_json("POST /api/v4/session/token", &document).await
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Signed {
        let answer = self.try_sign_in(&format!("{name}@example.com"), PASSWORD).await;
        answer.assert_success();
        Signed::of(&answer.data()["token"])
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.send_json("POST /api/v4/session/token/refresh", &json!({ "refresh_token": token })).await
    }

    pub(crate) async fn sign_out(&self, token: &str) -> Answer {
        self.send_json("DELETE /api/v4/session/token", &json!({ "refresh_token": token })).await
    }

    pub(crate) async fn capacity(&self, access: &str) -> Answer {
        self.send(&format!("GET /api/v4/user/capacity\nAuthorization: Bearer {access}"), "").await
    }

    /// What an account is shown to use.
    pub(crate) async fn used(&self, access: &str) -> u64 {
        let answer = self.capacity(access).await;
        answer.assert_success();
        answer.data()["used"].as_u64().expect("a number")
    }

    /// Sends a signed request to the data listener; its status and body.
    pub(crate) async fn object(&self, name: &str, method: &str, target: &str, body: impl Into<Bytes>) -> (u16, String) {
        let date = http_date(self.app.clock.now_millis());
        let body = body.into();
        let mut headers = vec![("Date".to_owned(), date)];
        if method == "PUT" {
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        let (access_key, secret_key) = (format!("AK-{name}"), format!("SK-{name}"));
        let endpoints = &self.app.endpoints;
        let signed = sign_header(Dialect::Obs, method, HOST, target, &headers, endpoints, &access_key, &secret_key);
        let mut request = Request::builder().method(method).uri(target).header("Host", HOST);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request = request.header(AUTHORIZATION, signed.expect("it can be signed"));
        let request = request.body(RequestBody::Full(Some(body))).expect("a request");
        let response =
            gateway::handle(&self.app, request, obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into()))
                .await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("the stored bytes are there").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends a JSON document, or nothing for `null`, to the admin API as the root account; its answer to what it did.
    pub(crate) async fn admin(&self, method: &str, path: &str, document: Value) -> Value {
        let (status, answer) = self.try_admin(method, path, &document).await;
        assert!(matches!(status, 200 | 201), "{method} {path} {document}: {status} {answer}");
        answer
    }

    pub(crate) async fn try_admin(&self, method: &str, path: &str, document: &Value) -> (u16, Value) {
        let body = if document.is_null() { String::new() } else { document.to_string() };
        let (target, date) = (format!("/admin/v1/{path}"), http_date(self.app.clock.now_millis()));
        let md5 = if body.is_empty() { String::new() } else { BASE64.encode(digest::md5(body.as_bytes())) };
        let signature = admin_signature("SK-alice", &admin_string_to_sign(method, &md5, "", &date, &target));
        let mut request = Request::builder().method(method).uri(&target).header("x-obs-date", &date);
        request = request.header(AUTHORIZATION, format!("OBS AK-alice:{signature}"));
        if !md5.is_empty() {
            request = request.header("Content-MD5", md5);
        }
        let request = request.body(RequestBody::Full(Some(body.into()))).expect("a request");
        let response = admin::handle(&self.app, request, SocketAddr::from(([127, 0, 0, 1], 50_000))).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("it is all at hand").to_bytes();
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// Sum of what `?storageinfo` says of some buckets.
    pub(crate) async fn storage_info(&self, name: &str, buckets: &[&str]) -> u64 {
        let mut sum = 0;
        for bucket in buckets {
            let (status, text) = self.object(name, "GET", &format!("/{bucket}?storageinfo"), "").await;
            let size = text.split_once("<Size>").and_then(|(_, rest)| rest.split_once("</Size>"));
            assert_eq!(status, 200, "{text}");
            sum += size.and_then(|(size, _)| size.parse::<u64>().ok()).expect("a size");
        }
        sum
    }
}

async fn open(engine: &Arc<MemoryEngine>, blobs: &MemoryStore, now: UnixMillis) -> Arc<App> {
    let store = Store::new(Arc::clone(engine) as Arc<dyn meta::Engine>, Sealer::new(&[7; 32]));
    let blobs = Blobs::new(Arc::new(blobs.clone()));
    App::with_tokens(Config::for_testing(), store, blobs, Clock::manual(now), Tokens::new(&[9; 32])).await
}

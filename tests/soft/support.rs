//! A gateway over memory with the accounts `root` and `alice`, and the two kinds of requests.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Request, StatusCode};
use obs_gateway::admin;
use obs_gateway::app::App;
use obs_gateway::auth::admin::{admin_signature, admin_string_to_sign};
use obs_gateway::auth::sign_header;
use obs_gateway::blob::digest;
use obs_gateway::blob::memory::MemoryStore;
use obs_gateway::blob::transfer::Blobs;
use obs_gateway::clock::{Clock, UnixMillis, http_date};
use obs_gateway::config::{Config, Webhook};
use obs_gateway::gateway;
use obs_gateway::meta::{Engine, MemoryEngine, NewAccessKey, NewAccount, Sealer, Store};
use obs_gateway::wire::body::RequestBody;
use obs_gateway::wire::dialect::Dialect;
use serde_json::Value;

/// Wed, 01 Jul 2015 03:27:45.482 GMT.
pub(crate) const NOW: UnixMillis = 1_435_721_265_482;
pub(crate) const SECRET: &str = "secret-of-hook";

pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) engine: Arc<dyn Engine>,
}

impl Gateway {
    /// With the bucket `photos` of `alice`.
    pub(crate) async fn new() -> Self {
        let gateway = Self::over(Arc::new(MemoryEngine::new()), NOW, None).await;
        for name in ["root", "alice"] {
            gateway.create_account(name).await;
        }
        assert_eq!(gateway.send("PUT", "/photos", "").await, 200);
        gateway
    }

    /// A gateway started again over what another left.
    pub(crate) async fn over(engine: Arc<dyn Engine>, now: UnixMillis, webhook: Option<SocketAddr>) -> Self {
        let webhook = webhook.map(|address| Webhook {
            url: format!("http://{address}/hook?from=test").parse().expect("an URL"),
            secret: SECRET.to_owned(),
        });
        let config = Config { webhook, ..Config::for_testing() };
        let store = Store::new(Arc::clone(&engine), Sealer::new(&[7; 32]));
        let app = App::new(config, store, Blobs::new(Arc::new(MemoryStore::new())), Clock::manual(now)).await;
        Self { app, engine }
    }

    async fn create_account(&self, name: &str) {
        let new = NewAccount { name: name.to_owned(), root: name == "root", ..NewAccount::default() };
        let account = self.app.store.write(|tx| tx.create_account(&new, NOW)).await.expect("memory does not fail");
        let id = account.expect("the name is free").id;
        let new = NewAccessKey::permanent(format!("AK-{name}"), format!("SK-{name}"));
        let sealer = self.app.store.sealer();
        let key = self.app.store.write(|tx| tx.create_access_key(id, &new, sealer, NOW));
        assert!(key.await.expect("memory does not fail").is_some());
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.app.clock.now_millis()
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.app.clock.set(self.now() + millis);
    }

    /// Sends a request of `alice`; the status of the answer.
    pub(crate) async fn send(&self, method: &str, target: &str, body: impl Into<Bytes>) -> u16 {
        let (host, body) = ("127.0.0.1:8080", body.into());
        let mut headers = vec![("Host".to_owned(), host.to_owned()), ("Date".to_owned(), http_date(self.now()))];
        if method == "PUT" {
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        let endpoints = &self.app.endpoints;
        let signed = sign_header(Dialect::Obs, method, host, target, &headers, endpoints, "AK-alice", "SK-alice");
        headers.push(("Authorization".to_owned(), signed.expect("a request that can be read")));
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request = request.body(RequestBody::Full(Some(body))).expect("a request");
        gateway::handle(&self.app, request, obs_gateway::wire::Peer::plain(std::net::Ipv4Addr::LOCALHOST.into()))
            .await
            .status()
            .as_u16()
    }

    /// Stores `length` bytes under a key of `photos`.
    pub(crate) async fn put(&self, key: &str, length: usize) -> u16 {
        self.send("PUT", &format!("/photos/{key}"), vec![b'x'; length]).await
    }

    pub(crate) async fn delete(&self, key: &str) {
        assert_eq!(self.send("DELETE", &format!("/photos/{key}"), "").await, 204);
    }

    pub(crate) async fn quota(&self, bytes: u64) {
        let document = format!("<Quota><StorageQuota>{bytes}</StorageQuota></Quota>");
        assert_eq!(self.send("PUT", "/photos?quota", document).await, 200);
    }

    /// Sends an admin request and expects it to be done.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let (target, date) = (format!("/admin/v1/{path}"), http_date(self.now()));
        let md5 = if body.is_empty() { String::new() } else { BASE64.encode(digest::md5(body.as_bytes())) };
        let text = admin_string_to_sign(method, &md5, "", &date, &target);
        let signature = admin_signature("SK-root", &text);
        let mut request = Request::builder().method(method).uri(&target).header("x-obs-date", &date);
        request = request.header("Authorization", format!("OBS AK-root:{signature}"));
        if !md5.is_empty() {
            request = request.header("Content-MD5", md5);
        }
        let body = RequestBody::Full(Some(Bytes::copy_from_slice(body.as_bytes())));
        let request = request.body(body).expect("a request");
        let response = admin::handle(&self.app, request, SocketAddr::from(([127, 0, 0, 1], 1))).await;
        let status = response.status();
        let body = response.into_body().collect().await.expect("a whole answer").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The events after number `after`, as `number holder measure percent direction used/limit`.
    pub(crate) async fn events_after(&self, after: u64) -> Vec<String> {
        let page = self.admin("GET", &format!("events?after={after}"), "").await;
        assert_eq!(page["next_after"], Value::Null);
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let line = |event: &Value| {
            let (holder, measure, direction) =
                (text(event, "holder"), text(event, "measure"), text(event, "direction"));
            let (number, percent) = (&event["number"], &event["percent"]);
            format!("{number} {holder} {measure} {percent} {direction} {}/{}", event["used"], event["limit"])
        };
        page["events"].as_array().expect("a list").iter().map(line).collect()
    }

    /// What `/metrics` says of one series.
    pub(crate) fn metric(&self, name: &str) -> String {
        let text = self.app.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).to_owned()
    }
}

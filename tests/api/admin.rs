//! The console listener: the admin API, signed with the root account's key, and what it does to the data listener.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use obs_gateway::admin;
use obs_gateway::auth::admin::{admin_signature, admin_string_to_sign};
use obs_gateway::blob::digest;
use obs_gateway::clock::http_date;
use obs_gateway::wire::body::RequestBody;
use serde_json::{Value, json};

use crate::support::{As, Gateway, NOW};

/// An admin request before it is signed; a test spoils what it is about.
struct Ask<'a> {
    line: &'a str,
    body: String,
    keys: (&'a str, &'a str),
    date: String,
    md5: Option<String>,
}

impl<'a> Ask<'a> {
    fn new(line: &'a str, body: &Value) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let md5 = (!body.is_empty()).then(|| BASE64.encode(digest::md5(body.as_bytes())));
        Self { line, body, keys: ("AK-root", "SK-root"), date: http_date(NOW), md5 }
    }
}

async fn gateway() -> Gateway {
    let gateway = Gateway::new().await;
    gateway.create_account("root", true).await;
    gateway
}

impl Gateway {
    async fn ask_console(&self, request: hyper::http::request::Builder, body: &str) -> (u16, String) {
        let body = RequestBody::Full(Some(Bytes::copy_from_slice(body.as_bytes())));
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let response = admin::handle(&self.app, request.body(body).expect("a request"), peer).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("it is in memory").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("the body is text"))
    }

    async fn ask(&self, ask: Ask<'_>) -> (u16, Value) {
        let (method, target) = ask.line.split_once(' ').expect("a method and a target");
        let md5 = ask.md5.as_deref().unwrap_or_default();
        let text = admin_string_to_sign(method, md5, "", &ask.date, target);
        let signature = admin_signature(ask.keys.1, &text);
        let mut request = Request::builder().method(method).uri(target).header("x-obs-date", &ask.date);
        request = request.header("authorization", format!("OBS {}:{signature}", ask.keys.0));
        if let Some(md5) = &ask.md5 {
            request = request.header("content-md5", md5);
        }
        let (status, body) = self.ask_console(request, &ask.body).await;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).expect("JSON") };
        (status, body)
    }

    /// Asks as root and expects this status.
    async fn root(&self, line: &str, body: Value, status: u16) -> Value {
        let (found, answer) = self.ask(Ask::new(line, &body)).await;
        assert_eq!(found, status, "{line} {body}: {answer}");
        answer
    }

    /// Expects a refusal: `403 AccessDenied`.
    async fn refused(&self, ask: Ask<'_>, verdict: &str) {
        let line = ask.line;
        let (status, answer) = self.ask(ask).await;
        assert_eq!(format!("{status} {}", answer["code"].as_str().unwrap_or_default()), verdict, "{line}: {answer}");
        assert_eq!(answer["request_id"].as_str().map(str::len), Some(32));
        assert!(!answer["message"].as_str().unwrap_or_default().is_empty());
    }
}

#[tokio::test]
async fn an_account_from_its_first_key_to_its_last() {
    let gateway = gateway().await;
    let new = json!({"name": "carol", "email": "carol@example.com", "password": "correct horse"});
    let made = gateway.root("POST /admin/v1/accounts", new.clone(), 201).await;
    assert_eq!((&made["status"], &made["used_bytes"]), (&json!("active"), &json!(0)));
    assert!(!made.to_string().contains("horse"), "{made}");
    gateway.refused(Ask::new("POST /admin/v1/accounts", &new), "409 AccountAlreadyExists").await;
    let pair = json!({"account": "carol", "access_key": "AK-carol", "secret_key": "SK-carol"});
    gateway.root("POST /admin/v1/keys", pair.clone(), 201).await;
    gateway.refused(Ask::new("POST /admin/v1/keys", &pair), "409 AccessKeyAlreadyExists").await;

    gateway.check(As::Obs("carol"), "PUT /carols", "200").await;
    gateway.check(As::Obs("carol"), "PUT /carols/k\n\nhello", "200").await;
    let shown = gateway.root("GET /admin/v1/accounts/carol", Value::Null, 200).await;
    assert_eq!(
        (&shown["used_bytes"], &shown["object_count"], &shown["bucket_count"]),
        (&json!(5), &json!(1), &json!(1))
    );

    for (verb, status, verdict) in [
        ("freeze", "frozen", "403 InArrearOrInsufficientBalance"),
        ("deregister", "deregistered", "403 DeregisterUserId"),
        ("activate", "active", "200"),
    ] {
        let line = format!("POST /admin/v1/accounts/carol/{verb}");
        assert_eq!(gateway.root(&line, Value::Null, 200).await["status"], status);
        gateway.check(As::Obs("carol"), "GET /carols?quota", verdict).await;
    }
    gateway.root("DELETE /admin/v1/keys/AK-carol", Value::Null, 204).await;
    gateway.check(As::Obs("carol"), "GET /carols?quota", "403 InvalidAccessKeyId").await;
    let keys = gateway.root("GET /admin/v1/keys?account=carol", Value::Null, 200).await;
    assert_eq!(keys["keys"][0]["status"], "revoked");
    assert!(!keys.to_string().contains("SK-carol"), "{keys}");
}

#[tokio::test]
async fn a_generated_key_works() {
    let gateway = gateway().await;
    let made = gateway.root("POST /admin/v1/keys", json!({"account": "alice"}), 201).await;
    let (access_key, secret_key) = (made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap());
    let authorization = obs_gateway::auth::sign_header(
        obs_gateway::wire::dialect::Dialect::Obs,
        "GET",
        "127.0.0.1:8080",
        "/",
        &[("Date".to_owned(), http_date(NOW))],
        &gateway.app.endpoints,
        access_key,
        secret_key,
    );
    let request = format!("GET /\nAuthorization: {}", authorization.unwrap());
    gateway.check(As::Nobody, &request, "200").await;
    for half in
        [json!({"account": "alice", "access_key": "AK-half"}), json!({"account": "alice", "secret_key": "SK-half"})]
    {
        gateway.refused(Ask::new("POST /admin/v1/keys", &half), "400 InvalidArgument").await;
    }
    gateway.refused(Ask::new("POST /admin/v1/keys", &json!({"account": "none"})), "404 NoSuchAccount").await;
}

/// The quota is one number, whichever side sets it; usage is one number, whichever side shows it.
#[tokio::test]
async fn both_listeners_show_the_same_numbers() {
    let gateway = gateway().await;
    gateway.check(As::Obs("alice"), "PUT /photos", "200").await;
    let max = i64::MAX as u64;
    for quota in [10, max, 0, 6] {
        let line = "PUT /admin/v1/buckets/photos/quota";
        let shown = gateway.root(line, json!({"quota_bytes": quota}), 200).await;
        assert_eq!(shown["quota_bytes"], quota);
        let answer = gateway.check(As::Obs("alice"), "GET /photos?quota", "200").await;
        assert_eq!(answer.element("StorageQuota"), Some(quota.to_string().as_str()));
    }
    for bad in [json!({"quota_bytes": max + 1}), json!({"quota_bytes": -1}), json!({"quota_bytes": "6"}), json!({})] {
        let (status, _) = gateway.ask(Ask::new("PUT /admin/v1/buckets/photos/quota", &bad)).await;
        assert_eq!(status, 400, "{bad}");
    }
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    gateway.check(As::Obs("alice"), "PUT /photos/l\n\nhello", "403 InsufficientStorageSpace").await;
    assert_eq!(gateway.used("photos").await, (5, 1));
    let bucket = gateway.root("GET /admin/v1/buckets/photos", Value::Null, 200).await;
    assert_eq!(
        (&bucket["used_bytes"], &bucket["object_count"], &bucket["quota_bytes"], &bucket["account"]),
        (&json!(5), &json!(1), &json!(6), &json!("alice"))
    );
    let usage = gateway.root("GET /admin/v1/usage?account=alice", Value::Null, 200).await;
    assert_eq!(usage["accounts"], json!([{"account": "alice", "used_bytes": 5, "object_count": 1, "bucket_count": 1}]));
    let all = gateway.root("GET /admin/v1/buckets", Value::Null, 200).await;
    assert_eq!(all["buckets"].as_array().map(Vec::len), Some(1));
    let none = gateway.root("GET /admin/v1/buckets?account=bob", Value::Null, 200).await;
    assert_eq!(none["buckets"], json!([]));
}

#[tokio::test]
async fn only_the_root_account_is_heard() {
    let gateway = gateway().await;
    let freeze = "POST /admin/v1/accounts/alice/freeze";
    let ask = || Ask::new(freeze, &Value::Null);
    gateway.refused(Ask { keys: ("AK-alice", "SK-alice"), ..ask() }, "403 AccessDenied").await;
    gateway.refused(Ask { keys: ("AK-root", "SK-alice"), ..ask() }, "403 SignatureDoesNotMatch").await;
    gateway.refused(Ask { keys: ("AK-none", "SK-root"), ..ask() }, "403 InvalidAccessKeyId").await;
    gateway.refused(Ask { date: String::new(), ..ask() }, "403 AccessDenied").await;
    let quarter = 15 * 60 * 1000;
    gateway.app.clock.set(NOW / 1000 * 1000);
    for sent in [NOW - quarter - 1000, NOW + quarter + 1000] {
        gateway.refused(Ask { date: http_date(sent), ..ask() }, "403 RequestTimeTooSkewed").await;
    }
    let (status, _) = gateway.ask_console(Request::post("/admin/v1/accounts/alice/freeze"), "").await;
    assert_eq!(status, 403);
    gateway.check(As::Obs("alice"), "GET /", "200").await;
    gateway.root(freeze, Value::Null, 200).await;
    gateway.check(As::Obs("alice"), "GET /", "403 InArrearOrInsufficientBalance").await;
}

#[tokio::test]
async fn a_body_is_covered_by_the_signature() {
    let gateway = gateway().await;
    let new = || Ask::new("POST /admin/v1/accounts", &json!({"name": "carol"}));
    gateway.refused(Ask { body: json!({"name": "mallory"}).to_string(), ..new() }, "400 BadDigest").await;
    gateway.refused(Ask { md5: None, ..new() }, "400 InvalidRequest").await;
    gateway.refused(Ask { md5: Some("x".to_owned()), ..new() }, "400 InvalidDigest").await;
    let (status, accounts) = gateway.ask(Ask::new("GET /admin/v1/accounts", &Value::Null)).await;
    assert_eq!((status, accounts["accounts"].as_array().map(Vec::len)), (200, Some(5)));
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let gateway = gateway().await;
    for (line, body, verdict) in [
        ("GET /admin/v1/planets", Value::Null, "404 NoSuchResource"),
        ("GET /admin/v2/accounts", Value::Null, "404 NoSuchResource"),
        ("GET /", Value::Null, "404 NoSuchResource"),
        ("DELETE /admin/v1/accounts/alice", Value::Null, "405 MethodNotAllowed"),
        ("GET /admin/v1/accounts/none", Value::Null, "404 NoSuchAccount"),
        ("POST /admin/v1/accounts/none/freeze", Value::Null, "404 NoSuchAccount"),
        ("DELETE /admin/v1/keys/none", Value::Null, "404 NoSuchAccessKey"),
        ("GET /admin/v1/buckets/none", Value::Null, "404 NoSuchBucket"),
        ("GET /admin/v1/buckets/No", Value::Null, "404 NoSuchBucket"),
        ("GET /admin/v1/usage?account=none", Value::Null, "404 NoSuchAccount"),
        ("GET /admin/v1/usage?acount=alice", Value::Null, "400 InvalidArgument"),
        ("POST /admin/v1/accounts", json!({"name": "carol", "emial": "c@x"}), "400 BadRequest"),
        ("POST /admin/v1/accounts", json!({}), "400 BadRequest"),
        ("POST /admin/v1/accounts", json!({"name": ""}), "400 InvalidArgument"),
        ("POST /admin/v1/accounts", json!({"name": "a/b"}), "400 InvalidArgument"),
        ("POST /admin/v1/accounts", json!({"name": "carol", "email": "nobody"}), "400 InvalidArgument"),
        ("POST /admin/v1/accounts", json!({"name": "carol", "password": "short"}), "400 InvalidArgument"),
        (
            "POST /admin/v1/keys",
            json!({"account": "alice", "access_key": "a b", "secret_key": "SK-long-enough"}),
            "400 InvalidArgument",
        ),
        ("POST /admin/v1/accounts/root/freeze", Value::Null, "400 InvalidArgument"),
        ("POST /admin/v1/accounts/root/deregister", Value::Null, "400 InvalidArgument"),
        ("DELETE /admin/v1/keys/AK-root", Value::Null, "400 InvalidArgument"),
    ] {
        gateway.refused(Ask::new(line, &body), verdict).await;
    }
    let (status, accounts) = gateway.ask(Ask::new("GET /admin/v1/accounts", &Value::Null)).await;
    assert_eq!((status, accounts["accounts"].as_array().map(Vec::len)), (200, Some(5)));
    // A stranger does not learn which routes there are.
    for path in ["/admin/v1/planets", "/admin/v1/accounts"] {
        assert_eq!(gateway.ask_console(Request::get(path), "").await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn health_and_metrics_are_open() {
    let gateway = gateway().await;
    assert_eq!(gateway.ask_console(Request::get("/healthz"), "").await, (200, "ok\n".to_owned()));
    assert_eq!(gateway.ask_console(Request::get("/readyz"), "").await, (200, "ready\n".to_owned()));
    gateway.check(As::Obs("alice"), "GET /", "200").await;
    let (status, metrics) = gateway.ask_console(Request::get("/metrics"), "").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("operation=\"ListBuckets\",code=\"OK\"} 1"), "{metrics}");
}

#[tokio::test]
async fn temporary_keys_are_made_shown_and_used() {
    let gateway = gateway().await;
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let ask = json!({"account": "alice", "duration_seconds": 900, "policy": policy});
    let made = gateway.root("POST /admin/v1/keys/temporary", ask, 201).await;
    assert_eq!((&made["expires"], &made["temporary"]), (&json!("2015-07-01T03:42:45.482Z"), &json!(true)));
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (access_key, secret_key, token) = (text("access_key"), text("secret_key"), text("security_token"));
    let key = gateway.app.store.read(|tx| tx.access_key(&access_key)).await.unwrap().unwrap();
    assert_eq!(key.narrowing.as_deref(), Some(policy));

    let ask = json!({"account": "alice", "duration_seconds": 900});
    let made = gateway.root("POST /admin/v1/keys/temporary", ask, 201).await;
    let headers = [
        ("Date".to_owned(), http_date(NOW)),
        ("x-obs-security-token".to_owned(), made["security_token"].as_str().unwrap().to_owned()),
    ];
    let authorization = obs_gateway::auth::sign_header(
        obs_gateway::wire::dialect::Dialect::Obs,
        "GET",
        "127.0.0.1:8080",
        "/",
        &headers,
        &gateway.app.endpoints,
        made["access_key"].as_str().unwrap(),
        made["secret_key"].as_str().unwrap(),
    );
    let request = format!("GET /\nx-obs-security-token: {}\nAuthorization: {}", headers[1].1, authorization.unwrap());
    gateway.check(As::Nobody, &request, "200").await;

    let keys = gateway.root("GET /admin/v1/keys?account=alice", Value::Null, 200).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3);
    let shown = keys["keys"].as_array().unwrap().iter().find(|key| key["access_key"] == access_key.as_str()).unwrap();
    assert_eq!((&shown["status"], &shown["policy"]), (&json!("active"), &json!(policy)));
    assert!(!keys.to_string().contains(&secret_key) && !keys.to_string().contains(&token), "{keys}");
    gateway.app.clock.set(NOW + 900_000);
    let fresh = Ask { date: http_date(NOW + 900_000), ..Ask::new("GET /admin/v1/keys?account=alice", &Value::Null) };
    let (_, keys) = gateway.ask(fresh).await;
    let states: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["status"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "expired").count(), 2, "{keys}");
}

#[tokio::test]
async fn bounds_of_keys_are_kept() {
    let gateway = gateway().await;
    for (path, ask, verdict) in [
        ("keys/temporary", json!({"account": "alice", "duration_seconds": 899}), "400 InvalidArgument"),
        ("keys/temporary", json!({"account": "alice", "duration_seconds": 86401}), "400 InvalidArgument"),
        ("keys/temporary", json!({"account": "alice", "duration_seconds": -1}), "400 BadRequest"),
        ("keys/temporary", json!({"account": "alice"}), "400 BadRequest"),
        ("keys/temporary", json!({"account": "none", "duration_seconds": 900}), "404 NoSuchAccount"),
        (
            "keys/temporary",
            json!({"account": "alice", "duration_seconds": 900, "policy": " ".repeat(2049)}),
            "400 InvalidArgument",
        ),
        ("keys", json!({"account": "alice", "policy": " ".repeat(2049)}), "400 InvalidArgument"),
        ("keys", json!({"account": "alice", "policy": "{}"}), "400 MalformedPolicy"),
        (
            "keys/temporary",
            json!({"account": "alice", "duration_seconds": 900, "policy": "{\"Statement\":[]}"}),
            "400 MalformedPolicy",
        ),
        ("keys", json!({"account": "alice", "expires": "2015-07-01T03:27:45.482Z"}), "400 InvalidArgument"),
        ("keys", json!({"account": "alice", "expires": "tomorrow"}), "400 InvalidArgument"),
    ] {
        gateway.refused(Ask::new(&format!("POST /admin/v1/{path}"), &ask), verdict).await;
    }
    let keys = gateway.root("GET /admin/v1/keys?account=alice", Value::Null, 200).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
}

/// What opens everything is not lent, and does not end with a key that does.
#[tokio::test]
async fn bounded_keys_of_root_are_no_way_in() {
    let gateway = gateway().await;
    let narrowed = json!({"account": "root", "access_key": "AK-narrow", "secret_key": "SK-narrow",
                          "policy": r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#});
    gateway.root("POST /admin/v1/keys", narrowed, 201).await;
    let list = || Ask::new("GET /admin/v1/keys", &Value::Null);
    gateway.refused(Ask { keys: ("AK-narrow", "SK-narrow"), ..list() }, "403 AccessDenied").await;
    let made =
        gateway.root("POST /admin/v1/keys/temporary", json!({"account": "root", "duration_seconds": 900}), 201).await;
    let keys = (made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap());
    gateway.refused(Ask { keys, ..list() }, "403 InvalidAccessKeyId").await;

    let expiring = json!({"account": "root", "access_key": "AK-short", "secret_key": "SK-short",
                          "expires": "2015-07-01T03:28:00Z"});
    gateway.root("POST /admin/v1/keys", expiring, 201).await;
    assert_eq!(gateway.ask(Ask { keys: ("AK-short", "SK-short"), ..list() }).await.0, 200);
    let revoke = Ask::new("DELETE /admin/v1/keys/AK-root", &Value::Null);
    gateway.refused(revoke, "400 InvalidArgument").await;
    gateway.app.clock.set(NOW + 60_000);
    gateway.refused(Ask { keys: ("AK-short", "SK-short"), ..list() }, "403 InvalidAccessKeyId").await;
    gateway.root("DELETE /admin/v1/keys/AK-short", Value::Null, 204).await;
}

//! Access keys that run out, need a token, or both: what they open, and how they are told no.

use obs_gateway::auth::sign_url;
use obs_gateway::clock::UnixMillis;
use obs_gateway::error::{Code, Error};
use obs_gateway::jobs::keys::ExpiredKeys;
use obs_gateway::meta::NewAccessKey;
use obs_gateway::wire::dialect::Dialect;

use crate::form::Form;
use crate::support::{As, Gateway, NOW, both};

const HOUR: UnixMillis = 60 * 60 * 1000;

impl Gateway {
    /// Makes a key `AK-<name>` of alice's with the secret `SK-<name>`; its token, if it has one, is `T-<name>`.
    pub(crate) async fn lend(&self, name: &str, expires_millis: Option<UnixMillis>, has_token: bool) {
        let new = NewAccessKey {
            expires_millis,
            token: has_token.then(|| format!("T-{name}")),
            ..NewAccessKey::permanent(format!("AK-{name}"), format!("SK-{name}"))
        };
        self.add_key(&new).await;
    }

    /// Gives alice a further key.
    pub(crate) async fn add_key(&self, new: &NewAccessKey) {
        let made = self.app.store.write(|tx| {
            let alice = tx.account_named("alice")?.ok_or(Code::NoSuchAccount)?;
            Ok::<_, Error>(tx.create_access_key(alice.id, new, self.app.store.sealer(), NOW)?)
        });
        assert!(made.await.expect("alice is there").is_some());
    }

    /// Gives the key a policy that narrows it, or none.
    pub(crate) async fn narrow(&self, name: &str, policy: Option<&str>) {
        let changed = self.app.store.write(|tx| {
            let mut key = tx.access_key(&format!("AK-{name}"))?.ok_or(Code::NoSuchAccessKey)?;
            key.narrowing = policy.map(Into::into);
            Ok::<_, Error>(tx.put_access_key(&key)?)
        });
        changed.await.expect("the key is there");
    }

    pub(crate) async fn with_lent_keys() -> Self {
        let gateway = Self::with_bucket().await;
        gateway.lend("lent", Some(NOW + HOUR), true).await;
        gateway.lend("other", Some(NOW + HOUR), true).await;
        gateway
    }
}

fn with_token(who: As, token: &str) -> String {
    format!("GET /photos?quota\n{}security-token: {token}", who.prefix())
}

#[tokio::test]
async fn a_temporary_key_opens_with_its_token_alone() {
    let gateway = Gateway::with_lent_keys().await;
    for who in both("lent") {
        gateway.check(who, &with_token(who, "T-lent"), "200").await;
        gateway.check(who, "GET /photos?quota", "403 InvalidAccessKeyId").await;
        for wrong in ["T-other", "T-len", "T-lentt", "t-lent", ""] {
            gateway.check(who, &with_token(who, wrong), "403 InvalidSecurity").await;
        }
        // The other dialect's header is not signed, and so not looked at.
        let foreign = if who.prefix() == "x-obs-" { "x-amz-" } else { "x-obs-" };
        let line = format!("GET /photos?quota\n{foreign}security-token: T-lent");
        gateway.check(who, &line, "403 InvalidAccessKeyId").await;
    }
}

#[tokio::test]
async fn a_token_beside_a_permanent_key_means_nothing() {
    let gateway = Gateway::with_lent_keys().await;
    for who in both("alice") {
        gateway.check(who, &with_token(who, "T-lent"), "200").await;
        gateway.check(who, &with_token(who, ""), "200").await;
    }
}

/// In S3 it is somebody else's.
#[tokio::test]
async fn a_token_belongs_to_its_key() {
    let gateway = Gateway::with_lent_keys().await;
    let (alice, lent) = (As::S3("alice"), As::S3("lent"));
    for token in ["T-lent", "T-alice"] {
        gateway.check(alice, &with_token(alice, token), "400 InvalidToken").await;
        let form = Form::new("k", "hello").field("x-amz-security-token", token);
        gateway.check_post(alice, &form, "400 InvalidToken").await;
    }
    gateway.check(alice, &with_token(alice, ""), "200").await;
    gateway.check(lent, &with_token(lent, "T-lent"), "200").await;
    gateway.check(lent, &with_token(lent, "T-other"), "400 InvalidToken").await;
}

/// The credential is in memory by then; the time is asked for each request.
#[tokio::test]
async fn a_temporary_key_runs_out_at_its_instant() {
    let gateway = Gateway::with_lent_keys().await;
    for who in both("lent") {
        gateway.app.clock.set(NOW + HOUR - 1);
        gateway.check(who, &with_token(who, "T-lent"), "200").await;
        gateway.app.clock.set(NOW + HOUR);
        let refused = gateway.check(who, &with_token(who, "T-lent"), "403 InvalidSecurity").await;
        assert_eq!(refused.element("Message"), Some("The security token has expired."));
        gateway.check(who, "GET /photos?quota", "403 InvalidAccessKeyId").await;
        gateway.check(who, &with_token(who, "T-other"), "403 InvalidSecurity").await;
    }
}

#[tokio::test]
async fn a_permanent_key_may_run_out_too() {
    let gateway = Gateway::with_bucket().await;
    gateway.lend("contract", Some(NOW + HOUR), false).await;
    for who in both("contract") {
        gateway.app.clock.set(NOW);
        gateway.check(who, "GET /photos?quota", "200").await;
        gateway.app.clock.set(NOW + HOUR);
        gateway.check(who, "GET /photos?quota", "403 InvalidAccessKeyId").await;
        gateway.check(who, &with_token(who, "T-lent"), "403 InvalidAccessKeyId").await;
    }
}

#[tokio::test]
async fn who_does_not_hold_the_secret_learns_nothing_of_the_token() {
    let gateway = Gateway::with_lent_keys().await;
    for token in ["T-lent", "T-other"] {
        let line = format!("GET /photos?quota\nx-obs-security-token: {token}\nAuthorization: OBS AK-lent:AAAA");
        gateway.check(As::Nobody, &line, "403 SignatureDoesNotMatch").await;
    }
}

#[tokio::test]
async fn signed_urls_carry_the_token_as_a_parameter() {
    let gateway = Gateway::with_lent_keys().await;
    let seconds = (NOW + HOUR) / 1000;
    for (dialect, prefix) in [(Dialect::Obs, "x-obs-"), (Dialect::AwsV2, "x-amz-")] {
        let sign = |method: &str, target: &str| {
            let endpoints = &gateway.app.endpoints;
            let host = "127.0.0.1:8080";
            sign_url(dialect, method, host, target, &[], endpoints, "AK-lent", "SK-lent", seconds + 60).unwrap()
        };
        let url = sign("PUT", &format!("/photos/k?{prefix}security-token=T-lent"));
        gateway.check(As::Nobody, &format!("PUT {url}\n\nhello"), "200").await;
        let url = sign("GET", &format!("/photos/k?{prefix}security-token=T-lent"));
        gateway.check(As::Nobody, &format!("GET {url}"), "200").await;
        let changed = url.replace("T-lent", "T-other");
        gateway.check(As::Nobody, &format!("GET {changed}"), "403 SignatureDoesNotMatch").await;
        let wrong = sign("GET", &format!("/photos/k?{prefix}security-token=T-other"));
        gateway.check(As::Nobody, &format!("GET {wrong}"), "403 InvalidSecurity").await;
        gateway.check(As::Nobody, &format!("GET {}", sign("GET", "/photos/k")), "403 InvalidAccessKeyId").await;
        // The URL would hold longer than the key it was signed with.
        gateway.app.clock.set(NOW + HOUR);
        gateway.check(As::Nobody, &format!("GET {url}"), "403 InvalidSecurity").await;
        gateway.app.clock.set(NOW);
    }
}

#[tokio::test]
async fn temporary_keys_go_a_day_after_they_have_run_out() {
    let gateway = Gateway::with_lent_keys().await;
    gateway.lend("later", Some(NOW + 2 * HOUR), true).await;
    gateway.lend("contract", Some(NOW + HOUR), false).await;
    let mut job = ExpiredKeys::default();
    let step = async |job: &mut ExpiredKeys, now| {
        gateway.app.clock.set(now);
        job.step(&gateway.app).await.unwrap()
    };
    assert_eq!(step(&mut job, NOW + HOUR).await, 0);
    assert_eq!(step(&mut job, NOW + 25 * HOUR - 1).await, 0);
    // The same hour as before: the job does not look.
    assert_eq!(step(&mut job, NOW + 25 * HOUR).await, 0);
    assert_eq!(step(&mut job, NOW + 26 * HOUR - 1).await, 2);
    let who = As::Obs("lent");
    gateway.check(who, &with_token(who, "T-lent"), "403 InvalidAccessKeyId").await;
    let who = As::Obs("later");
    gateway.check(who, &with_token(who, "T-later"), "403 InvalidSecurity").await;
    assert_eq!(step(&mut job, NOW + 27 * HOUR).await, 1);
    let left = gateway.app.store.read(|tx| tx.access_keys(None)).await.unwrap();
    let mut left: Vec<_> = left.into_iter().map(|key| key.access_key).collect();
    left.sort_unstable();
    assert_eq!(left, ["AK-alice", "AK-bob", "AK-contract", "AK-dora", "AK-frida"]);
}

#[tokio::test]
async fn a_narrowed_key_opens_what_its_policy_allows() {
    let gateway = Gateway::with_lent_keys().await;
    gateway.lend("reader", None, false).await;
    gateway.check(As::Obs("alice"), "PUT /photos/a\n\nhello", "200").await;
    let policy = r#"{"Statement":[{"Effect":"Allow","Action":["GetObject"],"Resource":["photos/a*"]}]}"#;
    for name in ["reader", "lent"] {
        gateway.narrow(name, Some(policy)).await;
        for who in both(name) {
            for (line, verdict) in [
                ("GET /photos/a", "200"),
                ("PUT /photos/a", "403 AccessDenied"),
                ("GET /photos/b", "403 AccessDenied"),
                ("DELETE /photos/a", "403 AccessDenied"),
                ("GET /photos?quota", "403 AccessDenied"),
                ("GET /photos", "403 AccessDenied"),
                ("GET /", "403 AccessDenied"),
                ("PUT /other", "403 AccessDenied"),
                ("GET /absent", "404 NoSuchBucket"),
            ] {
                gateway.check(who, &format!("{line}\n{}security-token: T-lent", who.prefix()), verdict).await;
            }
        }
    }
    for who in both("alice") {
        gateway.check(who, "DELETE /photos/b", "204").await;
    }
}

//! The token service: who gets a session, what it opens, and how calls are refused.

use futures_util::future::join_all;
use obs_gateway::auth::{SIGNING_REGION, sign_header, sign_url_v4};
use obs_gateway::blob::digest;
use obs_gateway::clock::{UnixMillis, http_date, iso_date};
use obs_gateway::config::{Config, SignatureRegion};
use obs_gateway::error::{Code, Error};
use obs_gateway::limits;
use obs_gateway::meta::{KeyStatus, NewAccessKey};
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::hex;

use crate::answer::Answer;
use crate::support::{As, DATE, Gateway, NOW, both};

const HOUR: UnixMillis = 60 * 60 * 1000;
const HOST: &str = "127.0.0.1:8080";
const READER: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}}"#;

/// A call as clients send it.
fn call(parameters: &str) -> String {
    let form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8";
    format!("POST /\n{form}\n\nVersion=2011-06-15&Action={parameters}")
}

/// A call by `who`, and one as the same for `GET`.
async fn check(gateway: &Gateway, parameters: &str, verdict: &str) {
    let who = As::S3("alice");
    gateway.check(who, &call(parameters), verdict).await;
    gateway.check(who, &format!("GET /?Version=2011-06-15&Action={parameters}"), verdict).await;
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    obs_gateway::wire::percent::encode_query(text.as_bytes(), &mut encoded);
    encoded
}

/// The keys of an answer: access key, secret key, token.
struct Keys(String, String, String);

impl Keys {
    fn of(answer: &Answer) -> Self {
        let text = |name| answer.element(name).expect("an answer has keys").to_owned();
        Self(text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken"))
    }

    /// Sends `line` as the session, with its token or another, and expects the verdict.
    async fn check(&self, gateway: &Gateway, dialect: Dialect, line: &str, token: &str, verdict: &str) {
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let prefix = dialect.header_prefix();
        let date = http_date(gateway.app.clock.now_millis());
        let headers = [("Date", date.as_str()), (&format!("{prefix}security-token"), token)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let endpoints = &gateway.app.endpoints;
        let word =
            sign_header(dialect, method, HOST, target, &headers, endpoints, &self.0, &self.1).expect("it is read");
        let lines = headers.map(|(name, value)| format!("{name}: {value}")).join("\n");
        gateway.check(As::Nobody, &format!("{line}\n{lines}\nAuthorization: {word}"), verdict).await;
    }

    async fn opens(&self, gateway: &Gateway, line: &str, verdict: &str) {
        for dialect in [Dialect::Obs, Dialect::AwsV2, Dialect::S3] {
            self.check(gateway, dialect, line, &self.2, verdict).await;
        }
    }
}

impl Gateway {
    async fn role(&self) -> String {
        format!("RoleArn=arn:aws:iam::{}:role/team/reader", self.account_id("alice").await)
    }
}

#[tokio::test]
async fn a_caller_is_told_its_account() {
    let gateway = Gateway::new().await;
    let answer = gateway.check(As::S3("alice"), &call("GetCallerIdentity"), "200").await;
    let (id, request_id) = (gateway.account_id("alice").await, answer.header("x-amz-request-id").to_owned());
    let expected = [
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>"#,
        &format!("<Arn>arn:aws:iam::{id}:root</Arn><UserId>{id}</UserId><Account>{id}</Account>"),
        "</GetCallerIdentityResult><ResponseMetadata>",
        &format!("<RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"),
    ];
    assert_eq!(answer.body_text(), expected.concat());
    check(&gateway, "GetCallerIdentity", "200").await;
}

#[tokio::test]
async fn a_session_opens_what_its_account_may_until_it_ends() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let answer = gateway.check(As::S3("alice"), &call("GetSessionToken&DurationSeconds=900"), "200").await;
    assert_eq!(answer.element("Expiration"), Some(iso_date(NOW + HOUR / 4).as_str()));
    let keys = Keys::of(&answer);
    keys.opens(&gateway, "GET /photos/k", "200").await;
    keys.opens(&gateway, "DELETE /photos/absent", "204").await;
    keys.check(&gateway, Dialect::S3, "GET /photos/k", "another", "400 InvalidToken").await;
    gateway.app.clock.set(NOW + HOUR / 4);
    keys.check(&gateway, Dialect::S3, "GET /photos/k", &keys.2, "400 ExpiredToken").await;
    for (action, millis) in
        [("GetSessionToken", 12 * HOUR), (&format!("AssumeRole&{}&RoleSessionName=me", gateway.role().await), HOUR)]
    {
        gateway.app.clock.set(NOW);
        let answer = gateway.check(As::S3("alice"), &call(action), "200").await;
        assert_eq!(answer.element("Expiration"), Some(iso_date(NOW + millis).as_str()), "{action}");
    }
}

#[tokio::test]
async fn a_role_is_the_account_narrowed() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let role = gateway.role().await;
    let assume = format!("AssumeRole&{role}&RoleSessionName=me@home&ExternalId=a:b&Policy={}", encoded(READER));
    let answer = gateway.check(As::S3("alice"), &call(&assume), "200").await;
    let id = gateway.account_id("alice").await;
    let arn = format!("arn:aws:sts::{id}:assumed-role/reader/me@home");
    assert_eq!(answer.element("Arn"), Some(arn.as_str()));
    assert_eq!(answer.element("AssumedRoleId"), Some(format!("{id}:me@home").as_str()));
    assert_eq!(answer.element("PackedPolicySize"), Some("5"));
    let keys = Keys::of(&answer);
    keys.opens(&gateway, "GET /photos/k", "200").await;
    for line in ["GET /photos", "DELETE /photos/k", "GET /photos?quota", "GET /"] {
        keys.opens(&gateway, line, "403 AccessDenied").await;
    }
    let whole = gateway.check(As::S3("alice"), &call(&format!("AssumeRole&{role}&RoleSessionName=me")), "200").await;
    assert_eq!(whole.element("PackedPolicySize"), None);
    Keys::of(&whole).opens(&gateway, "GET /photos?quota", "200").await;
}

#[tokio::test]
async fn roles_of_others_are_out_of_reach() {
    let gateway = Gateway::new().await;
    for account in [gateway.account_id("bob").await, "0".repeat(32), "123456789012".to_owned()] {
        let assume = format!("AssumeRole&RoleArn=arn:aws:iam::{account}:role/admin&RoleSessionName=me");
        check(&gateway, &assume, "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn a_session_cannot_lend_itself_on() {
    let gateway = Gateway::new().await;
    gateway.lend("lent", Some(NOW + HOUR), true).await;
    let role = gateway.role().await;
    let token = |parameters: &str| call(parameters).replace("\n\n", "\nx-amz-security-token: T-lent\n\n");
    let who = As::S3("lent");
    gateway.check(who, &token("GetCallerIdentity"), "200").await;
    gateway.check(who, &token("GetSessionToken"), "403 AccessDenied").await;
    gateway.check(who, &token(&format!("AssumeRole&{role}&RoleSessionName=me")), "403 AccessDenied").await;
    gateway.check(who, &call("GetCallerIdentity"), "403 InvalidClientTokenId").await;
    let wrong = token("GetCallerIdentity").replace("T-lent", "T-lost");
    gateway.check(who, &wrong, "403 InvalidClientTokenId").await;
    gateway.app.clock.set(NOW + HOUR);
    gateway.check(who, &token("GetCallerIdentity"), "403 ExpiredToken").await;
}

/// What bounds a key bounds its sessions.
#[tokio::test]
async fn a_session_is_no_more_than_the_key_that_asked() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    let who = As::S3("contract");
    gateway.lend("contract", Some(NOW + HOUR), false).await;
    gateway.narrow("contract", Some(READER)).await;
    let role = gateway.role().await;
    for action in ["GetSessionToken", &format!("AssumeRole&{role}&RoleSessionName=me&DurationSeconds=7200")] {
        let answer = gateway.check(who, &call(action), "200").await;
        assert_eq!(answer.element("Expiration"), Some(iso_date(NOW + HOUR).as_str()), "{action}");
        let keys = Keys::of(&answer);
        keys.opens(&gateway, "GET /photos/k", "200").await;
        keys.opens(&gateway, "DELETE /photos/k", "403 AccessDenied").await;
    }
    let wider = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let assume = format!("AssumeRole&{role}&RoleSessionName=me&Policy={}", encoded(wider));
    gateway.check(who, &call(&assume), "403 AccessDenied").await;
}

#[tokio::test]
async fn parameters_are_held_to_the_reference() {
    let gateway = Gateway::new().await;
    let role = gateway.role().await;
    let whole = format!("{role}&RoleSessionName=me");
    for (parameters, verdict) in [
        ("GetSessionToken&DurationSeconds=899", "400 ValidationError"),
        ("GetSessionToken&DurationSeconds=129601", "400 ValidationError"),
        ("GetSessionToken&SerialNumber=a&TokenCode=123456", "501 NotImplemented"),
        ("GetSessionToken&RoleArn=a", "400 ValidationError"),
        ("AssumeRole&RoleSessionName=me", "400 ValidationError"),
        (&format!("AssumeRole&{role}"), "400 ValidationError"),
        (&format!("AssumeRole&{role}&RoleSessionName=m"), "400 ValidationError"),
        (&format!("AssumeRole&{role}&RoleSessionName=m/e"), "400 ValidationError"),
        (&format!("AssumeRole&{role}&RoleSessionName={}", "m".repeat(65)), "400 ValidationError"),
        ("AssumeRole&RoleArn=reader&RoleSessionName=me", "400 ValidationError"),
        (&format!("AssumeRole&{whole}&DurationSeconds=43201"), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&ExternalId=a"), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&ExternalId=a%20b"), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&Policy="), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&Policy"), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&Policy=%7B%7D"), "400 MalformedPolicyDocument"),
        (&format!("AssumeRole&{whole}&Policy={}", "x".repeat(2049)), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&Tags.member.1.Key=a"), "501 NotImplemented"),
        (&format!("AssumeRole&{whole}&PolicyArns.member.1.arn=a"), "501 NotImplemented"),
        (&format!("AssumeRole&{whole}&Colour=red"), "400 ValidationError"),
        (&format!("AssumeRole&{whole}&{role}"), "400 ValidationError"),
        ("AssumeRoleWithWebIdentity", "501 NotImplemented"),
        ("CreateUser", "400 InvalidAction"),
        ("getsessiontoken", "400 InvalidAction"),
        ("", "400 MissingAction"),
    ] {
        check(&gateway, parameters, verdict).await;
    }
    let kept = gateway.app.store.read(|tx| tx.access_keys(None)).await.unwrap();
    assert!(kept.iter().all(|key| !key.is_temporary()), "a refused call makes no key");
    let long = "GetSessionToken&".to_owned() + &"&".repeat(20_000);
    gateway.check(As::S3("alice"), &call(&long), "400 EntityTooLarge").await;
    let address = call("GetSessionToken").replace("POST /", "POST /?DurationSeconds=900");
    gateway.check(As::S3("alice"), &address, "400 ValidationError").await;
    let body = "GET /?Action=GetCallerIdentity&Version=2011-06-15\n\nAction=GetSessionToken";
    gateway.check(As::S3("alice"), body, "400 UnexpectedContent").await;
    let other = call("GetCallerIdentity").replace("2011-06-15", "2010-05-08");
    gateway.check(As::S3("alice"), &other, "400 InvalidAction").await;
}

/// Refusals are documents of the query protocol, counted under the action's name.
#[tokio::test]
async fn a_refusal_is_an_error_response() {
    let gateway = Gateway::new().await;
    let answer =
        gateway.check(As::S3("alice"), &call("GetSessionToken&DurationSeconds=1"), "400 ValidationError").await;
    let request_id = answer.header("x-amz-request-id").to_owned();
    let expected = [
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>"#,
        "<Code>ValidationError</Code><Message>DurationSeconds is a number from 900 to 129600.</Message></Error>",
        &format!("<RequestId>{request_id}</RequestId></ErrorResponse>"),
    ];
    assert_eq!(answer.body_text(), expected.concat());
    gateway.check(As::S3("alice"), &call("Nonsense"), "400 InvalidAction").await;
    let metrics = gateway.app.metrics.render();
    assert!(metrics.contains("operation=\"GetSessionToken\",code=\"InvalidArgument\""), "{metrics}");
    assert!(metrics.contains("operation=\"none\",code=\"InvalidAction\""), "{metrics}");
}

#[tokio::test]
async fn calls_are_signed_with_version_4_for_this_service() {
    let gateway = Gateway::new().await;
    let identity = call("GetCallerIdentity");
    for who in both("alice") {
        gateway.check(who, &identity, "400 IncompleteSignature").await;
    }
    gateway.check(As::Nobody, &identity, "403 MissingAuthenticationToken").await;
    gateway.check(As::S3("nobody"), &identity, "403 InvalidClientTokenId").await;
    gateway.check(As::S3("frida"), &identity, "403 InArrearOrInsufficientBalance").await;
    gateway.check(As::S3("dora"), &identity, "403 DeregisterUserId").await;
    gateway.add_key(&NewAccessKey::permanent("AK-forged", "another")).await;
    let refused = gateway.check(As::S3("forged"), &identity, "403 SignatureDoesNotMatch").await;
    assert!(refused.element("StringToSign").is_some());
    // Signed for the other service, both ways.
    let endpoints = &gateway.app.endpoints;
    let sha256 = hex(&digest::sha256(b"Version=2011-06-15&Action=GetCallerIdentity"));
    let sign = |target: &str, lines: &[(&str, &str)]| {
        let headers: Vec<_> = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        sign_header(Dialect::S3, "POST", HOST, target, &headers, endpoints, "AK-alice", "SK-alice").unwrap()
    };
    let s3 = sign("/", &[("Date", DATE), ("x-amz-content-sha256", &sha256)]);
    assert!(s3.contains("/s3/aws4_request"));
    let line = format!("\nDate: {DATE}\nAuthorization: {s3}\nx-amz-content-sha256: {sha256}\n\n");
    gateway.check(As::Nobody, &identity.replace("\n\n", &line), "400 IncompleteSignature").await;
    let form = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    let sts = sign("/", &[("Date", DATE), form]).replace("POST", "GET");
    assert!(sts.contains("/sts/aws4_request"));
    let list = format!("GET /\nDate: {DATE}\nAuthorization: {sts}");
    gateway.check(As::Nobody, &list, "400 AuthorizationHeaderMalformed").await;
    let own = Config { signature_region: SignatureRegion::Own, ..Config::for_testing() };
    let gateway = Gateway::configured(own).await;
    gateway.check(As::S3("alice"), &identity, "400 IncompleteSignature").await;
}

/// Clients of the service need not send the digest of the body; it is part of what they sign all the same.
#[tokio::test]
async fn the_body_cannot_be_changed_after_it_was_signed() {
    let gateway = Gateway::new().await;
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let form = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let sha256 = ("x-amz-content-sha256".to_owned(), hex(&digest::sha256(body.as_bytes())));
    let sign = |headers: &[(String, String)]| {
        let endpoints = &gateway.app.endpoints;
        sign_header(Dialect::S3, "POST", HOST, "/", headers, endpoints, "AK-alice", "SK-alice").unwrap()
    };
    let date = ("Date".to_owned(), DATE.to_owned());
    let send = async |lines: &str, body: &str, verdict: &str| {
        gateway.check(As::Nobody, &format!("POST /\n{lines}\n\n{body}"), verdict).await;
    };
    let other = body.replace("GetCallerIdentity", "GetSessionToken");
    let word = sign(&[date.clone(), form.clone(), sha256.clone()]);
    let lines = |digest: &str| {
        format!("Date: {DATE}\nContent-Type: {}\nx-amz-content-sha256: {digest}\nAuthorization: {word}", form.1)
    };
    send(&lines(&sha256.1), body, "200").await;
    send(&lines(&sha256.1), &other, "400 XAmzContentSHA256Mismatch").await;
    send(&lines("UNSIGNED-PAYLOAD"), body, "400 XAmzContentSHA256Mismatch").await;
    // As botocore 1.44.5 signs it.
    let unsent = "X-Amz-Date: 20150701T032745Z\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\n\
                  Authorization: AWS4-HMAC-SHA256 Credential=AK-alice/20150701/us-east-1/sts/aws4_request, \
                  SignedHeaders=content-type;host;x-amz-date, \
                  Signature=d853f185677eae05bf9c72727d7f0f1e49983ea3e3481d9c04f1a9893f42f4f0";
    send(unsent, body, "200").await;
    send(unsent, &other, "403 SignatureDoesNotMatch").await;
    // Without a digest the helper signs an empty body.
    let empty = sign(&[date, form.clone()]);
    let lines = format!("Date: {DATE}\nContent-Type: {}\nAuthorization: {empty}", form.1);
    send(&lines, body, "403 SignatureDoesNotMatch").await;
}

#[tokio::test]
async fn signed_addresses_are_calls_too() {
    let gateway = Gateway::new().await;
    let target = "/?Action=GetCallerIdentity&Version=2011-06-15";
    let now = NOW / 1000 * 1000;
    let sign = |secret: &str| {
        let (endpoints, keys) = (&gateway.app.endpoints, ("AK-alice", secret));
        sign_url_v4("GET", HOST, target, &[], endpoints, keys, SIGNING_REGION, (now, 60)).unwrap()
    };
    gateway.app.clock.set(now);
    let url = sign("SK-alice");
    gateway.check(As::Nobody, &format!("GET {url}"), "200").await;
    let changed = url.replace("GetCallerIdentity", "GetSessionToken");
    gateway.check(As::Nobody, &format!("GET {changed}"), "403 SignatureDoesNotMatch").await;
    gateway.check(As::Nobody, &format!("GET {}", sign("SK-bob")), "403 SignatureDoesNotMatch").await;
    gateway.app.clock.set(now + 61_000);
    gateway.check(As::Nobody, &format!("GET {url}"), "403 AccessDenied").await;
}

/// Keys that have run out count as long as they are kept.
#[tokio::test]
async fn an_account_has_only_so_many_sessions() {
    let gateway = Gateway::new().await;
    let lend = async |numbers: std::ops::Range<u64>| {
        let made = gateway.app.store.write(|tx| {
            let alice = tx.account_named("alice")?.ok_or(Code::NoSuchAccount)?;
            for number in numbers.clone() {
                let new = NewAccessKey {
                    token: Some("T".to_owned()),
                    expires_millis: Some(NOW),
                    ..NewAccessKey::permanent(format!("L{number}"), "secret")
                };
                tx.create_access_key(alice.id, &new, gateway.app.store.sealer(), NOW)?;
            }
            Ok::<_, Error>(())
        });
        made.await.unwrap();
    };
    lend(5..limits::SESSIONS_PER_ACCOUNT_MAX).await;
    // To the one, however many ask at once.
    let wanted = call("GetSessionToken");
    let asked = (0..100).map(|_| gateway.send(As::S3("alice"), &wanted));
    let mut verdicts: Vec<_> = join_all(asked).await.iter().map(Answer::verdict).collect();
    verdicts.sort_unstable();
    let expected = [vec!["200"; 5], vec!["409 LimitExceeded"; 95]].concat();
    assert_eq!(verdicts, expected);
    gateway.assert_sound();
    gateway.check(As::S3("alice"), &call("GetCallerIdentity"), "200").await;
    gateway.check(As::S3("bob"), &call("GetSessionToken"), "200").await;
}

#[tokio::test]
async fn sessions_end_with_their_own_revocation() {
    let gateway = Gateway::with_bucket().await;
    let answer = gateway.check(As::S3("alice"), &call("GetSessionToken"), "200").await;
    let keys = Keys::of(&answer);
    keys.opens(&gateway, "GET /photos", "200").await;
    let revoked = gateway.app.store.write(|tx| {
        let mut key = tx.access_key(&keys.0)?.expect("it was made");
        key.status = KeyStatus::Revoked;
        tx.put_access_key(&key)
    });
    revoked.await.unwrap();
    keys.opens(&gateway, "GET /photos", "403 InvalidAccessKeyId").await;
}

/// Other requests of the service's address stay what they were.
#[tokio::test]
async fn what_is_no_call_is_none() {
    let gateway = Gateway::new().await;
    for who in both("alice").into_iter().chain([As::S3("alice")]) {
        let name = if matches!(who, As::S3(_)) { "501 NotImplemented" } else { "501 ServiceNotImplemented" };
        gateway.check(who, "POST /\n\nAction=GetCallerIdentity&Version=2011-06-15", name).await;
        gateway.check(who, "GET /?action=GetCallerIdentity", "200").await;
        gateway.check(who, "PUT /?Action=GetCallerIdentity", "405 MethodNotAllowed").await;
    }
}

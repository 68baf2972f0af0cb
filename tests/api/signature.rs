//! Who is believed: header and URL signatures of both dialects, over whole requests.

use obs_gateway::auth::{sign_header, sign_url};
use obs_gateway::clock::http_date;
use obs_gateway::meta::KeyStatus;
use obs_gateway::wire::dialect::Dialect;

use crate::support::{As, DATE, Gateway, NOW, both};

const HOST: &str = "127.0.0.1:8080";
const DIALECTS: [Dialect; 2] = [Dialect::Obs, Dialect::AwsV2];

/// The `Authorization` line of a request by `access_key`.
fn authorization(
    gateway: &Gateway,
    dialect: Dialect,
    line: &str,
    headers: &[(&str, &str)],
    keys: (&str, &str),
) -> String {
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    sign_header(dialect, method, HOST, target, &headers, &gateway.app.endpoints, keys.0, keys.1)
        .expect("it can be read")
}

#[tokio::test]
async fn only_the_right_secret_opens() {
    let gateway = Gateway::with_bucket().await;
    for dialect in DIALECTS {
        let line = "GET /photos?quota";
        for (keys, verdict) in [
            (("AK-alice", "SK-alice"), "200"),
            (("AK-alice", "SK-bob"), "403 SignatureDoesNotMatch"),
            (("AK-alice", "sk-alice"), "403 SignatureDoesNotMatch"),
            (("AK-bob", "SK-alice"), "403 SignatureDoesNotMatch"),
            (("ak-alice", "SK-alice"), "403 InvalidAccessKeyId"),
            (("AK-nobody", "SK-alice"), "403 InvalidAccessKeyId"),
        ] {
            let word = authorization(&gateway, dialect, line, &[("Date", DATE)], keys);
            gateway.check(As::Nobody, &format!("{line}\nAuthorization: {word}"), verdict).await;
        }
    }
}

/// What a signature covers cannot be changed after it was made.
#[tokio::test]
async fn a_signature_is_for_one_request() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    for dialect in DIALECTS {
        let prefix = dialect.header_prefix();
        let meta = format!("{prefix}meta-a");
        let headers = [("Date", DATE), ("Content-Type", "text/plain"), (meta.as_str(), "1")];
        let word = authorization(&gateway, dialect, "PUT /photos/new", &headers, ("AK-alice", "SK-alice"));
        let later = "Wed, 01 Jul 2015 03:27:46 GMT";
        for (line, headers) in [
            ("DELETE /photos/k", format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 1")),
            ("PUT /photos/k", format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 1")),
            ("PUT /photos/new?acl", format!("Date: {later}\nContent-Type: text/plain\n{meta}: 1")),
            ("PUT /photos/new", format!("Date: {later}\nContent-Type: text/plain\n{meta}: 1")),
            ("PUT /photos/new", format!("Date: {DATE}\nContent-Type: text/html\n{meta}: 1")),
            ("PUT /photos/new", format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 2")),
            ("PUT /photos/new", format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 1\n{prefix}acl: private")),
            ("PUT /photos/new", format!("Date: {DATE}\nContent-Type: text/plain")),
            (
                "PUT /photos/new",
                format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 1\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg=="),
            ),
        ] {
            let request = format!("{line}\n{headers}\nAuthorization: {word}\n\nhello");
            gateway.check(As::Nobody, &request, "403 SignatureDoesNotMatch").await;
        }
        assert_eq!(gateway.keys("photos").await, ["k"]);
        let sent = format!("Date: {DATE}\nContent-Type: text/plain\n{meta}: 1\nAuthorization: {word}\n\nhello");
        gateway.check(As::Nobody, &format!("PUT /photos/new\n{sent}"), "200").await;
        gateway.check(As::Obs("alice"), "DELETE /photos/new", "204").await;
    }
}

#[tokio::test]
async fn a_mismatch_shows_what_should_have_been_signed() {
    let gateway = Gateway::with_bucket().await;
    let word = authorization(&gateway, Dialect::Obs, "GET /photos?quota", &[("Date", DATE)], ("AK-alice", "wrong"));
    let answer = gateway.send(As::Nobody, &format!("GET /photos?quota\nAuthorization: {word}")).await;
    insta::assert_snapshot!(answer.text(), @r"
    403 Forbidden
    content-type: application/xml

    <Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided. Check your key and signing method.</Message><Resource>/photos</Resource><RequestId><id></RequestId><HostId><id-2></HostId><AccessKeyId>AK-alice</AccessKeyId><StringToSign>GET


    Wed, 01 Jul 2015 03:27:45 GMT
    /photos?quota</StringToSign></Error>
    ");
    assert!(!answer.body_text().contains("SK-alice"));
}

#[tokio::test]
async fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let gateway = Gateway::with_bucket().await;
    // The date says whole seconds; the clock stands on one.
    let now = NOW / 1000 * 1000;
    let quarter = 15 * 60 * 1000;
    gateway.app.clock.set(now);
    for (sent, verdict) in [
        (now - quarter, "200"),
        (now + quarter, "200"),
        (now - quarter - 1000, "403 RequestTimeTooSkewed"),
        (now + quarter + 1000, "403 RequestTimeTooSkewed"),
    ] {
        for who in both("alice") {
            gateway.check(who, &format!("GET /photos?quota\nDate: {}", http_date(sent)), verdict).await;
            let own = format!("GET /photos?quota\n{}date: {}\nDate:", who.prefix(), http_date(sent));
            gateway.check(who, &own, verdict).await;
        }
    }
}

#[tokio::test]
async fn dates_are_needed_and_read_liberally() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        for date in
            ["WED, 01 Jul 2015 03:27:45 GMT", "Wed, 01 Jul 2015 03:27:45 +0000", "Sat, 01 Jul 2015 03:27:45 GMT"]
        {
            gateway.check(who, &format!("GET /photos?quota\nDate: {date}"), "200").await;
        }
        gateway.check(who, "GET /photos?quota\nDate: yesterday", "403 AccessDenied").await;
        gateway.check(who, "GET /photos?quota\nDate:", "403 AccessDenied").await;
        // The own date wins over `Date`.
        let own = format!("GET /photos?quota\nDate: Thu, 01 Jan 1970 00:00:00 GMT\n{}date: {DATE}", who.prefix());
        gateway.check(who, &own, "200").await;
    }
}

#[tokio::test]
async fn words_that_are_none() {
    let gateway = Gateway::with_bucket().await;
    for (word, verdict) in [
        ("Bearer abc", "400 InvalidArgument"),
        ("Basic QUstYWxpY2U6U0stYWxpY2U=", "400 InvalidArgument"),
        ("OBS", "400 InvalidArgument"),
        ("OBS AK-alice", "400 InvalidArgument"),
        ("OBS :abc", "400 InvalidArgument"),
        ("AWS AK-alice:", "400 InvalidArgument"),
        ("obs AK-alice:abc", "400 InvalidArgument"),
        ("OBS AK-alice:%%%", "403 SignatureDoesNotMatch"),
        ("OBS AK-alice:=", "403 SignatureDoesNotMatch"),
    ] {
        gateway.check(As::Nobody, &format!("GET /photos?quota\nAuthorization: {word}"), verdict).await;
        // A claim that fails never becomes anonymous access.
        gateway.check(As::Nobody, &format!("HEAD /?apiversion\nAuthorization: {word}"), verdict).await;
    }
    // Published SDKs look for this sentence.
    let unknown = gateway.send(As::Nobody, "PUT /new\nAuthorization: Bearer abc").await;
    assert_eq!(unknown.element("Message"), Some("Unsupported Authorization Type"));
    let twice = "GET /photos?quota\nAuthorization: OBS a:b\nAuthorization: OBS a:b";
    gateway.check(As::Nobody, twice, "400 InvalidArgument").await;
}

#[tokio::test]
async fn signed_urls_hold_until_they_expire() {
    let gateway = Gateway::with_bucket().await;
    gateway.check(As::Obs("alice"), "PUT /photos/k%20+\n\nhello", "200").await;
    let seconds = NOW / 1000;
    for dialect in DIALECTS {
        let sign = |target: &str, secret: &str, expires| {
            let endpoints = &gateway.app.endpoints;
            sign_url(dialect, "GET", HOST, target, &[], endpoints, "AK-alice", secret, expires).unwrap()
        };
        for target in
            ["/photos/k%20+", "/photos/k%20+?response-content-type=a/b", "/photos?quota", "/photos?prefix=a", "/"]
        {
            let get = async |url: &str, verdict| gateway.check(As::Nobody, &format!("GET {url}\nDate:"), verdict).await;
            get(&sign(target, "SK-alice", seconds), "200").await;
            get(&sign(target, "SK-alice", seconds + 86_400 * 365), "200").await;
            get(&sign(target, "SK-alice", seconds - 1), "403 AccessDenied").await;
            get(&sign(target, "SK-bob", seconds), "403 SignatureDoesNotMatch").await;
            let later = sign(target, "SK-alice", seconds).replace(&seconds.to_string(), &(seconds + 1).to_string());
            get(&later, "403 SignatureDoesNotMatch").await;
        }
        let url = sign("/photos/k%20+?response-content-type=a/b", "SK-alice", seconds);
        assert_eq!(gateway.check(As::Nobody, &format!("GET {url}"), "200").await.header("content-type"), "a/b");
        gateway.check(As::Nobody, &format!("GET {}", url.replace("a/b", "a/c")), "403 SignatureDoesNotMatch").await;
        gateway.check(As::Nobody, &format!("DELETE {url}"), "403 SignatureDoesNotMatch").await;
        gateway.check(As::Nobody, &format!("HEAD {url}"), "403 SignatureDoesNotMatch").await;
        // One mechanism a request.
        gateway.check(As::Obs("alice"), &format!("GET {url}"), "400 InvalidArgument").await;
    }
    let expired = format!("GET /photos/k?AccessKeyId=AK-alice&Expires={}&Signature=abc", seconds - 1);
    let answer = gateway.check(As::Nobody, &expired, "403 AccessDenied").await;
    assert_eq!(answer.element("Message"), Some("Request has expired"));
    for query in [
        "AccessKeyId=AK-alice",
        "AccessKeyId=AK-alice&Signature=abc",
        "AccessKeyId=AK-alice&Expires=soon&Signature=abc",
    ] {
        gateway.check(As::Nobody, &format!("GET /photos/k?{query}"), "403 AccessDenied").await;
    }
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let gateway = Gateway::with_bucket().await;
    let set = async |status| {
        let changed = gateway.app.store.write(|tx| {
            let mut key = tx.access_key("AK-alice")?.unwrap();
            key.status = status;
            tx.put_access_key(&key)
        });
        changed.await.unwrap();
    };
    gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
    set(KeyStatus::Revoked).await;
    for who in both("alice") {
        gateway.check(who, "HEAD /photos", "403 InvalidAccessKeyId").await;
    }
    set(KeyStatus::Active).await;
    gateway.check(As::Obs("alice"), "HEAD /photos", "200").await;
}

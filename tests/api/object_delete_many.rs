//! `POST /bucket?delete`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use obs_gateway::blob::digest;

use crate::answer::Answer;
use crate::support::{As, Gateway, both};

const ENABLED: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const SUSPENDED: &str =
    "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";

fn delete(inner: &str) -> String {
    let body = format!("<Delete>{inner}</Delete>");
    format!("POST /photos?delete\nContent-MD5: {}\n\n{body}", BASE64.encode(digest::md5(body.as_bytes())))
}

fn keys(keys: &[&str]) -> String {
    keys.iter().map(|key| ["<Object><Key>", key, "</Key></Object>"].concat()).collect()
}

/// The answer's body without declaration and root.
fn told(answer: &Answer) -> &str {
    let text = answer.body_text();
    let start = text.find("<DeleteResult").expect("a result");
    let (_, inner) = text[start..].split_once('>').expect("a root");
    inner.trim_end_matches("</DeleteResult>")
}

#[tokio::test]
async fn keys_go_and_are_told_in_order() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        for key in ["a", "b", "c"] {
            gateway.check(who, &format!("PUT /photos/{key}\n\nhello"), "200").await;
        }
        let answer = gateway.check(who, &delete(&keys(&["c", "none", "a", "c"])), "200").await;
        assert_eq!(answer.header("content-type"), "application/xml");
        let deleted = ["c", "none", "a", "c"].map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).concat();
        assert_eq!(told(&answer), deleted);
        assert_eq!(gateway.keys("photos").await, ["b"]);
        assert_eq!(gateway.used("photos").await, (5, 1));
        let quiet = gateway.check(who, &delete(&["<Quiet>true</Quiet>", &keys(&["b", "none"])].concat()), "200").await;
        assert_eq!(told(&quiet), "");
        assert_eq!(gateway.used("photos").await, (0, 0));
        let (root, _) = quiet.body_text().split_once("<DeleteResult").expect("a result");
        assert!(root.starts_with("<?xml"));
    }
}

#[tokio::test]
async fn a_thousand_at_once() {
    let gateway = Gateway::with_bucket().await;
    let all: Vec<String> = (0..1000).map(|number| format!("k{number}")).collect();
    for key in all.iter().step_by(3) {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}\n\nhello"), "200").await;
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let answer = gateway.check(As::Obs("alice"), &delete(&keys(&all)), "200").await;
    assert_eq!(answer.elements("Key"), all);
    assert_eq!(gateway.used("photos").await, (0, 0));
    let one_more = keys(&[all.as_slice(), &["more"]].concat());
    gateway.check(As::Obs("alice"), &delete(&one_more), "400 MalformedXML").await;
}

#[tokio::test]
async fn keys_of_any_characters() {
    let gateway = Gateway::with_bucket().await;
    let who = As::Obs("alice");
    for key in ["%20a%0Ab%20", "a+b", "a%2Bb", "%26%3C%3E", "%C3%A9", "%01"] {
        gateway.check(who, &format!("PUT /photos/{key}\n\nhello"), "200").await;
    }
    let plain = gateway.check(who, &delete(&keys(&[" a\nb ", "&amp;&lt;&gt;", "é"])), "200").await;
    assert_eq!(plain.elements("Key"), [" a\nb ", "&amp;&lt;&gt;", "é"]);
    assert_eq!(gateway.used("photos").await, (10, 2), "a+b is one key");
    let encoded = ["<EncodingType>url</EncodingType>", &keys(&["a%2Bb", "%01"])].concat();
    let encoded = gateway.check(who, &delete(&encoded), "200").await;
    assert_eq!(
        told(&encoded),
        format!(
            "<EncodingType>url</EncodingType>{}",
            ["a%2Bb", "%01"].map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).concat()
        )
    );
    assert_eq!(gateway.used("photos").await, (0, 0));
}

#[tokio::test]
async fn versions_and_markers() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let named = |name: &str| format!("{}{name}", who.prefix());
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        gateway.check(who, ENABLED, "200").await;
        let marked = gateway.check(who, &delete(&keys(&["k"])), "200").await;
        let marker = marked.element("DeleteMarkerVersionId").expect("a marker was put").to_owned();
        assert_eq!(marker.len(), 32);
        let by_marker =
            format!("<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId>");
        assert_eq!(told(&marked), format!("<Deleted><Key>k</Key>{by_marker}</Deleted>"));
        assert_eq!(gateway.used("photos").await, (5, 1));

        // The marker, which is told again; a version; one that nobody has.
        let version = |id: &str| format!("<Object><Key>k</Key><VersionId>{id}</VersionId></Object>");
        let gone = gateway.check(who, &delete(&version(&marker)), "200").await;
        assert_eq!(told(&gone), format!("<Deleted><Key>k</Key><VersionId>{marker}</VersionId>{by_marker}</Deleted>"));
        gateway.check(who, "GET /photos/k", "200").await;
        let both = [version("null"), version("nonsense"), version(&marker), version("null")].concat();
        let both = gateway.check(who, &delete(&both), "200").await;
        let deleted = |id: &str| format!("<Deleted><Key>k</Key><VersionId>{id}</VersionId></Deleted>");
        assert_eq!(told(&both), [deleted("null"), deleted("nonsense"), deleted(&marker), deleted("null")].concat());
        assert_eq!(gateway.used("photos").await, (0, 0));

        gateway.check(who, SUSPENDED, "200").await;
        let suspended = gateway.check(who, &delete(&keys(&["k", "k"])), "200").await;
        let item = "<Deleted><Key>k</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>null\
                    </DeleteMarkerVersionId></Deleted>";
        assert_eq!(told(&suspended), [item, item].concat());
        let head = gateway.check(who, "HEAD /photos/k", "404 NoSuchKey").await;
        assert_eq!(head.header(&named("version-id")), "null");
        gateway.check(who, &delete(&version("null")), "200").await;
        gateway.check(who, "DELETE /photos", "204").await;
    }
}

/// Each key is asked about by itself.
#[tokio::test]
async fn some_may_go_and_some_may_not() {
    let gateway = Gateway::with_bucket().await;
    let (alice, bob) = (As::Obs("alice"), As::Aws("bob"));
    for key in ["public/a", "public/b", "private/c"] {
        gateway.check(alice, &format!("PUT /photos/{key}\n\nhello"), "200").await;
    }
    let asked = delete(&keys(&["public/a", "private/c"]));
    for who in [bob, As::Nobody] {
        gateway.check(who, &asked, "403 AccessDenied").await;
    }
    let policy = r#"{"Statement":[
        {"Effect":"Allow","Principal":{"ID":["*"]},"Action":["DeleteObject"],"Resource":["photos/public/*"]},
        {"Effect":"Deny","Principal":{"ID":["*"]},"Action":["DeleteObjectVersion"],"Resource":["photos/*"]}]}"#;
    gateway.check(alice, &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    let answer = gateway.check(bob, &asked, "200").await;
    let refused = "<Error><Key>private/c</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    assert_eq!(told(&answer), format!("<Deleted><Key>public/a</Key></Deleted>{refused}"));
    let quiet = ["<Quiet>true</Quiet>", &keys(&["private/c", "public/b"])].concat();
    assert_eq!(told(&gateway.check(As::Nobody, &delete(&quiet), "200").await), refused);
    // A version is another permission, the owner's too.
    let version = "<Object><Key>private/c</Key><VersionId>null</VersionId></Object>";
    let answer = gateway.check(alice, &delete(version), "200").await;
    assert_eq!(told(&answer), refused.replace("<Code>", "<VersionId>null</VersionId><Code>"));
    assert_eq!(gateway.keys("photos").await, ["private/c"]);
    gateway.check(As::Obs("frida"), &asked, "403 InArrearOrInsufficientBalance").await;
}

#[tokio::test]
async fn refusals_delete_nothing() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        gateway.check(who, "PUT /photos/k\n\nhello", "200").await;
        let k = keys(&["k"]);
        for (inner, verdict) in [
            (String::new(), "400 MalformedXML"),
            (format!("{k}<Typo/>"), "400 MalformedXML"),
            (format!("{k}<Object><Key></Key></Object>"), "400 MalformedXML"),
            (format!("{k}<Object><Key>{}</Key></Object>", "k".repeat(1025)), "400 MalformedXML"),
            (format!("{k}<EncodingType>base64</EncodingType>"), "400 InvalidArgument"),
            ("<Object><Key>k</Key><Size>many</Size></Object>".to_owned(), "400 InvalidArgument"),
        ] {
            gateway.check(who, &delete(&inner), verdict).await;
        }
        let good = format!("<Delete>{k}</Delete>");
        gateway.check(who, &format!("POST /photos?delete\n\n{good}"), "400 MissingRequiredHeader").await;
        let wrong = format!("POST /photos?delete\nContent-MD5: AAAAAAAAAAAAAAAAAAAAAA==\n\n{good}");
        gateway.check(who, &wrong, "400 BadDigest").await;
        let empty = format!("POST /photos?delete\nContent-MD5: {}", BASE64.encode(digest::md5(b"")));
        gateway.check(who, &empty, "400 MissingRequestBodyError").await;
        let other = delete(&k).replace("Delete>", "Remove>");
        let body = other.split_once("\n\n").expect("a body").1.to_owned();
        let other =
            format!("POST /photos?delete\nContent-MD5: {}\n\n{body}", BASE64.encode(digest::md5(body.as_bytes())));
        gateway.check(who, &other, "400 MalformedXML").await;
        gateway.check(who, &delete(&k).replace("?delete", "?delete&typo"), "400 InvalidArgument").await;
        gateway.check(who, &delete(&k).replace("/photos", "/missing"), "404 NoSuchBucket").await;
        gateway.check(who, &delete(&k).replace("POST", "GET"), "405 MethodNotAllowed").await;
        if matches!(who, As::Obs(_)) {
            let conditional = "<Object><Key>k</Key><ETag>a</ETag></Object>";
            gateway.check(who, &delete(conditional), "501 ServiceNotImplemented").await;
        }
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}

/// In a file system a directory goes when it is empty, which the deletions before it can make it.
#[tokio::test]
async fn directories_go_last() {
    let gateway = Gateway::new().await;
    let who = As::Obs("alice");
    gateway.check(who, "PUT /photos\nx-obs-fs-file-interface: Enabled", "200").await;
    for key in ["d/", "d/f"] {
        gateway.check(who, &format!("PUT /photos/{key}"), "200").await;
    }
    let answer = gateway.check(who, &delete(&keys(&["d/", "d/f"])), "200").await;
    assert_eq!((answer.elements("Code"), answer.elements("Key")), (vec!["DirectoryNotEmpty"], vec!["d/", "d/f"]));
    gateway.check(who, "PUT /photos/d/f", "200").await;
    let answer = gateway.check(who, &delete(&keys(&["d/f", "d/"])), "200").await;
    assert_eq!(answer.element("Error"), None);
    assert_eq!(gateway.used("photos").await, (0, 0));
}

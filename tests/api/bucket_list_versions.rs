//! `GET /bucket?versions`.

use crate::answer::Answer;
use crate::support::{As, Gateway, both};

fn versioning(status: &str) -> String {
    format!("PUT /photos?versioning\n\n<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

/// A bucket with an object from before versioning, and versions, markers and groups since.
async fn with_versions() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    let alice = As::Obs("alice");
    for request in [
        "PUT /photos/a\n\n1",
        "PUT /photos/b/x\n\n1",
        &versioning("Enabled"),
        "PUT /photos/a\n\n22",
        "PUT /photos/a\n\n333",
        "DELETE /photos/b/x",
        "PUT /photos/b/y\n\n1",
        "DELETE /photos/c",
        &versioning("Suspended"),
        "PUT /photos/d\nx-obs-storage-class: WARM\n\n4444",
        "DELETE /photos/d",
        "PUT /photos/e\nx-obs-storage-class: WARM\n\n55555",
    ] {
        let verdict = if request.starts_with("DELETE") { "204" } else { "200" };
        gateway.check(alice, request, verdict).await;
    }
    gateway
}

/// What a page shows, a row each: key, size or `-` for a marker, `null` where it is that, `*` for the newest; then the
/// groups.
fn rows(answer: &Answer) -> Vec<String> {
    let text = answer.body_text();
    let mut rows = Vec::new();
    for part in text.split("<Version>").flat_map(|part| part.split("<DeleteMarker>")).skip(1) {
        let field = |name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>"))?;
            Some(rest.split_once("</")?.0)
        };
        let size = field("Size").filter(|_| part.contains("</Version>")).unwrap_or("-");
        let null = if field("VersionId") == Some("null") { " null" } else { "" };
        let newest = if field("IsLatest") == Some("true") { " *" } else { "" };
        rows.push(format!("{} {size}{null}{newest}", field("Key").expect("a key")));
    }
    let groups = answer.elements("CommonPrefixes").into_iter();
    rows.extend(groups.map(|group| group.replace("<Prefix>", "").replace("</Prefix>", "")));
    rows
}

#[tokio::test]
async fn everything_there_is_newest_first() {
    let gateway = with_versions().await;
    for who in both("alice") {
        let all = gateway.check(who, "GET /photos?versions", "200").await;
        let expected =
            ["a 3 *", "a 2", "a 1 null", "b/x - *", "b/x 1 null", "b/y 1 *", "c - *", "d - null *", "e 5 null *"];
        assert_eq!(rows(&all), expected);
        assert_eq!(all.element("IsTruncated"), Some("false"));
        assert_eq!((all.element("NextKeyMarker"), all.element("NextVersionIdMarker")), (None, None));
        let class = if matches!(who, As::Aws(_)) { "STANDARD_IA" } else { "WARM" };
        assert_eq!(all.elements("StorageClass").last(), Some(&class));
        let grouped = gateway.check(who, "GET /photos?versions&delimiter=/", "200").await;
        assert_eq!(rows(&grouped), ["a 3 *", "a 2", "a 1 null", "c - *", "d - null *", "e 5 null *", "b/"]);
        let under = gateway.check(who, "GET /photos?versions&delimiter=/&prefix=b/", "200").await;
        assert_eq!(rows(&under), ["b/x - *", "b/x 1 null", "b/y 1 *"]);
    }
}

#[tokio::test]
async fn a_page_in_both_dialects() {
    let gateway = Gateway::with_bucket().await;
    let id = gateway.account_id("alice").await;
    gateway.check(As::Obs("alice"), "PUT /photos/k\n\nhello", "200").await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos?versions", "200").await.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml
    x-obs-bucket-location: default

    <ListVersionsResult xmlns="http://obs.localhost/doc/2015-06-30/"><Name>photos</Name><Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Version><Key>k</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag><Size>5</Size><Owner><ID><alice></ID></Owner><StorageClass>STANDARD</StorageClass></Version></ListVersionsResult>
    "#);
    gateway.check(As::Obs("alice"), &versioning("Suspended"), "200").await;
    gateway.check(As::Obs("alice"), "DELETE /photos/k", "204").await;
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), "GET /photos?versions", "200").await.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml
    x-amz-bucket-region: default

    <ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name><Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><DeleteMarker><Key>k</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2015-07-01T03:27:45.482Z</LastModified><Owner><ID><alice></ID><DisplayName>alice</DisplayName></Owner></DeleteMarker></ListVersionsResult>
    "#);
}

#[tokio::test]
async fn markers_lead_through_everything() {
    let gateway = with_versions().await;
    for who in both("alice") {
        for (size, delimiter) in [(1, ""), (2, ""), (4, ""), (1, "/"), (3, "/")] {
            let all = gateway.check(who, &format!("GET /photos?versions&delimiter={delimiter}"), "200").await;
            let mut seen = Vec::new();
            let (mut key, mut version) = (String::new(), String::new());
            loop {
                let request = format!(
                    "GET /photos?versions&delimiter={delimiter}&max-keys={size}&key-marker={key}&version-id-marker={version}"
                );
                let answer = gateway.check(who, &request, "200").await;
                assert_eq!(
                    (answer.element("KeyMarker"), answer.element("VersionIdMarker")),
                    (Some(&*key), Some(&*version))
                );
                seen.extend(rows(&answer));
                if answer.element("IsTruncated") == Some("false") {
                    break;
                }
                key = answer.element("NextKeyMarker").expect("where it goes on").to_owned();
                version = answer.element("NextVersionIdMarker").unwrap_or_default().to_owned();
                assert_eq!(version.is_empty(), key == "b/");
            }
            let mut expected = rows(&all);
            expected.sort();
            seen.sort();
            assert_eq!(seen, expected, "{size} {delimiter}");
        }
        let after = gateway.check(who, "GET /photos?versions&key-marker=b/x", "200").await;
        assert_eq!(rows(&after)[0], "b/y 1 *", "without a version, after all of the key");
        let unknown = gateway.check(who, "GET /photos?versions&key-marker=a&version-id-marker=nonsense", "200").await;
        assert_eq!(rows(&unknown)[0], "b/x - *", "what no version was called says nothing");
        let null = gateway.check(who, "GET /photos?versions&key-marker=b/x&version-id-marker=null", "200").await;
        assert_eq!(rows(&null)[0], "b/y 1 *");
    }
}

#[tokio::test]
async fn names_can_be_encoded() {
    let gateway = Gateway::with_bucket().await;
    for key in ["a%20b+c/1", "%C3%A9"] {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}\n\nhello"), "200").await;
    }
    let request = "GET /photos?versions&encoding-type=url&delimiter=/&key-marker=%20%2B&max-keys=1";
    let answer = gateway.check(As::Obs("alice"), request, "200").await;
    assert_eq!(answer.element("EncodingType"), Some("url"));
    assert_eq!((answer.element("KeyMarker"), answer.element("NextKeyMarker")), (Some("%20%2B"), Some("a%20b%2Bc%2F")));
    assert_eq!(rows(&answer), ["a%20b%2Bc%2F"]);
    let rest = gateway.check(As::Obs("alice"), "GET /photos?versions&encoding-type=url&prefix=%C3%A9", "200").await;
    assert_eq!((rest.element("Prefix"), rest.element("Key")), (Some("%C3%A9"), Some("%C3%A9")));
}

#[tokio::test]
async fn refusals() {
    let gateway = with_versions().await;
    let long = "k".repeat(1025);
    for who in both("alice") {
        for bad in [
            "version-id-marker=null",
            "max-keys=ten",
            "encoding-type=base64",
            &format!("key-marker={long}"),
            &format!("prefix={long}"),
        ] {
            gateway.check(who, &format!("GET /photos?versions&{bad}"), "400 InvalidArgument").await;
        }
        gateway.check(who, "GET /missing?versions", "404 NoSuchBucket").await;
        gateway.check(who, "PUT /photos?versions", "405 MethodNotAllowed").await;
        gateway.check(who, "GET /photos?versions\n\nbody", "400 UnexpectedContent").await;
    }
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos?versions", "403 AccessDenied").await;
    }
}

//! `GET /bucket`.

use obs_gateway::error::Error;
use obs_gateway::limits;
use obs_gateway::meta::ObjectState;
use obs_gateway::name::{BucketName, ObjectKey};

use crate::answer::Answer;
use crate::support::{As, Gateway, both};

async fn with_keys(keys: &[&str]) -> Gateway {
    let gateway = Gateway::with_bucket().await;
    for key in keys {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}\n\n{key}"), "200").await;
    }
    gateway
}

/// Keys, common prefixes and the next marker (empty where the page is the last).
fn page(answer: &Answer) -> (Vec<&str>, Vec<&str>, &str) {
    let groups = answer.elements("CommonPrefixes").into_iter();
    let groups = groups.map(|group| group.trim_start_matches("<Prefix>").trim_end_matches("</Prefix>")).collect();
    let truncated = answer.element("IsTruncated") == Some("true");
    assert_eq!(answer.element("NextMarker").is_some(), truncated);
    (answer.elements("Key"), groups, answer.element("NextMarker").unwrap_or_default())
}

#[tokio::test]
async fn an_empty_bucket() {
    let gateway = Gateway::with_bucket().await;
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), "GET /photos", "200").await.text(), @r#"
    200 OK
    content-type: application/xml
    x-obs-bucket-location: default

    <ListBucketResult xmlns="http://obs.localhost/doc/2015-06-30/"><Name>photos</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>
    "#);
}

#[tokio::test]
async fn a_page_in_both_dialects() {
    let gateway = with_keys(&["a", "b/1", "b/2", "c"]).await;
    let id = gateway.account_id("alice").await;
    let request = "GET /photos?delimiter=/&max-keys=2";
    insta::assert_snapshot!(gateway.check(As::Obs("alice"), request, "200").await.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml
    x-obs-bucket-location: default

    <ListBucketResult xmlns="http://obs.localhost/doc/2015-06-30/"><Name>photos</Name><Prefix></Prefix><Marker></Marker><NextMarker>b/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><Contents><Key>a</Key><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag><Size>1</Size><Owner><ID><alice></ID></Owner><StorageClass>STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>
    "#);
    insta::assert_snapshot!(gateway.check(As::Aws("alice"), request, "200").await.text().replace(&id, "<alice>"), @r#"
    200 OK
    content-type: application/xml
    x-amz-bucket-region: default

    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name><Prefix></Prefix><Marker></Marker><NextMarker>b/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><Contents><Key>a</Key><LastModified>2015-07-01T03:27:45.482Z</LastModified><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag><Size>1</Size><Owner><ID><alice></ID><DisplayName>alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>
    "#);
}

#[tokio::test]
async fn prefix_marker_delimiter() {
    let gateway = with_keys(&["abcd", "abcde", "b/", "b/1", "b/2/x", "b/2/y", "bbcde", "c/1", "d"]).await;
    let check = async |query: &str, keys: &[&str], groups: &[&str], next: &str| {
        for who in both("alice") {
            let answer = gateway.check(who, &format!("GET /photos?{query}"), "200").await;
            assert_eq!(page(&answer), (keys.to_vec(), groups.to_vec(), next), "{query}");
        }
    };
    check("prefix=b/", &["b/", "b/1", "b/2/x", "b/2/y"], &[], "").await;
    check("prefix=b/&delimiter=/", &["b/", "b/1"], &["b/2/"], "").await;
    check("prefix=b%2F2&delimiter=%2F", &[], &["b/2/"], "").await;
    check("prefix=zzz", &[], &[], "").await;
    check("delimiter=/", &["abcd", "abcde", "bbcde", "d"], &["b/", "c/"], "").await;
    // The reference's own example.
    check("delimiter=d&prefix=a", &[], &["abcd"], "").await;
    check("delimiter=d", &["b/", "b/1", "b/2/x", "b/2/y", "c/1"], &["abcd", "bbcd", "d"], "").await;
    check("delimiter=/2/", &["abcd", "abcde", "b/", "b/1", "bbcde", "c/1", "d"], &["b/2/"], "").await;
    // Strictly after the marker, whether or not it is a key.
    check("marker=bbcde", &["c/1", "d"], &[], "").await;
    check("marker=bbcd", &["bbcde", "c/1", "d"], &[], "").await;
    check("marker=zzz", &[], &[], "").await;
    check("marker=a&prefix=c", &["c/1"], &[], "").await;
    check("marker=c/1&prefix=c", &[], &[], "").await;
    // A marker that is a common prefix skips all that is under it; one inside a group does not.
    check("delimiter=/&marker=b/", &["bbcde", "d"], &["c/"], "").await;
    check("delimiter=/&marker=b/1", &["bbcde", "d"], &["b/", "c/"], "").await;
    check("marker=b/", &["b/1", "b/2/x", "b/2/y", "bbcde", "c/1", "d"], &[], "").await;
    // A page ends after a key or after a group, and the next one takes up there.
    check("delimiter=/&max-keys=3", &["abcd", "abcde"], &["b/"], "b/").await;
    check("delimiter=/&max-keys=1&marker=b/", &["bbcde"], &[], "bbcde").await;
    check("max-keys=8", &["abcd", "abcde", "b/", "b/1", "b/2/x", "b/2/y", "bbcde", "c/1"], &[], "c/1").await;
    check("max-keys=1&prefix=d", &["d"], &[], "").await;
    check("delimiter=/&max-keys=1&marker=bbcde", &[], &["c/"], "c/").await;
    check("delimiter=/&max-keys=1&marker=c/", &["d"], &[], "").await;
    // Empty parameters are as good as none.
    check(
        "prefix=&marker=&delimiter=&max-keys=&encoding-type=&prefix=b",
        &["abcd", "abcde", "b/", "b/1", "b/2/x", "b/2/y", "bbcde", "c/1", "d"],
        &[],
        "",
    )
    .await;
}

#[tokio::test]
async fn max_keys_is_a_number_within_bounds() {
    let gateway = with_keys(&["a", "b", "c"]).await;
    for (asked, used) in [
        ("1", "1"),
        ("2", "2"),
        ("0", "1000"),
        ("-1", "1000"),
        ("1000", "1000"),
        ("1001", "1000"),
        ("99999999999999999999", "1000"),
    ] {
        for who in both("alice") {
            let answer = gateway.check(who, &format!("GET /photos?max-keys={asked}"), "200").await;
            assert_eq!(answer.element("MaxKeys"), Some(used), "{asked}");
            assert_eq!(answer.elements("Key").len(), used.parse::<usize>().unwrap().min(3));
        }
    }
    for bad in ["ten", "1.5", "-", "0x1", "%201"] {
        gateway.check(As::Obs("alice"), &format!("GET /photos?max-keys={bad}"), "400 InvalidArgument").await;
    }
}

#[tokio::test]
async fn parameters_have_bounds() {
    let gateway = with_keys(&["a"]).await;
    let long = "k".repeat(limits::KEY_BYTES_MAX);
    for name in ["prefix", "marker", "delimiter"] {
        gateway.check(As::Obs("alice"), &format!("GET /photos?{name}={long}"), "200").await;
        gateway.check(As::Obs("alice"), &format!("GET /photos?{name}={long}k"), "400 InvalidArgument").await;
    }
    gateway.check(As::Obs("alice"), "GET /photos?encoding-type=base64", "400 InvalidArgument").await;
    gateway.check(As::Obs("alice"), "GET /photos\n\nbody", "400 UnexpectedContent").await;
    // A read ignores what it does not know.
    gateway.check(As::Obs("alice"), "GET /photos?typo=1", "200").await;
}

#[tokio::test]
async fn names_can_be_encoded() {
    let gateway = with_keys(&["a%20b+c/1", "%C3%A9&%3C", "ctl%01", "z"]).await;
    let request = "GET /photos?encoding-type=url&delimiter=/&max-keys=2&marker=%20%2B";
    let answer = gateway.check(As::Obs("alice"), request, "200").await;
    assert_eq!(answer.element("EncodingType"), Some("url"));
    assert_eq!(answer.element("Marker"), Some("%20%2B"));
    assert_eq!(answer.element("Delimiter"), Some("%2F"));
    assert_eq!(page(&answer), (vec!["ctl%01"], vec!["a%20b%2Bc%2F"], "ctl%01"));
    let rest = gateway.check(As::Obs("alice"), "GET /photos?encoding-type=url&marker=ctl%01", "200").await;
    assert_eq!(rest.elements("Key"), ["z", "%C3%A9%26%3C"]);
    // Unencoded, they are escaped as XML needs it.
    let plain = gateway.check(As::Obs("alice"), "GET /photos?prefix=%C3%A9&delimiter=%3C", "200").await;
    assert_eq!(page(&plain), (vec![], vec!["é&amp;&lt;"], ""));
    assert_eq!(plain.element("Delimiter"), Some("&lt;"));
}

/// Walking by `NextMarker` sees every key once, in byte order, whatever the page size; with a delimiter every group
/// once.
#[tokio::test]
async fn a_walk_sees_everything_once() {
    let gateway = Gateway::with_bucket().await;
    let mut keys: Vec<String> = (0..2500)
        .map(|number: u32| {
            let number = number.wrapping_mul(2_654_435_761) % 1_000_003;
            match number % 3 {
                0 => format!("dir-{}/{number}", number % 7),
                1 => format!("dir-{}/sub/{number}", number % 5),
                _ => format!("{number}"),
            }
        })
        .collect();
    for key in &keys {
        gateway.check(As::Obs("alice"), &format!("PUT /photos/{key}"), "200").await;
    }
    keys.sort_unstable();
    keys.dedup();
    let mut tops: Vec<&str> = keys.iter().map(|key| key.split_inclusive('/').next().unwrap()).collect();
    tops.dedup();
    assert!(keys.len() > 2400 && tops.len() < keys.len());
    for (size, delimiter, expected) in [
        (1000, "", keys.iter().map(String::as_str).collect()),
        (333, "", keys.iter().map(String::as_str).collect()),
        (1000, "/", tops.clone()),
        (7, "/", tops),
    ] as [(usize, &str, Vec<&str>); 4]
    {
        let mut seen = Vec::new();
        let mut marker = String::new();
        loop {
            let request = format!("GET /photos?max-keys={size}&delimiter={delimiter}&marker={marker}");
            let answer = gateway.check(As::Aws("alice"), &request, "200").await;
            let (found, groups, next) = page(&answer);
            let count = found.len() + groups.len();
            assert!(count <= size && (next.is_empty() || count == size), "{count} of {size}");
            let mut rows: Vec<String> = found.into_iter().chain(groups).map(str::to_owned).collect();
            rows.sort_unstable();
            seen.append(&mut rows);
            if next.is_empty() {
                break;
            }
            assert_eq!(seen.last().map(String::as_str), Some(next));
            marker = next.to_owned();
        }
        assert!(seen == expected, "pages of {size}, delimiter {delimiter:?}");
    }
}

#[tokio::test]
async fn refusals() {
    let gateway = with_keys(&["a"]).await;
    for who in both("bob").into_iter().chain([As::Nobody]) {
        gateway.check(who, "GET /photos", "403 AccessDenied").await;
        gateway.check(who, "GET /missing", "404 NoSuchBucket").await;
    }
    gateway.check(As::Obs("frida"), "GET /photos", "403 InArrearOrInsufficientBalance").await;
    gateway.check(As::Obs("dora"), "GET /photos", "403 DeregisterUserId").await;
}

/// Classes by the names of the dialect; objects that were appended to are said to be.
#[tokio::test]
async fn classes_and_types() {
    let gateway = Gateway::with_bucket().await;
    for (key, class) in [("a", "WARM"), ("b", "COLD"), ("c", "STANDARD")] {
        gateway
            .check(As::Obs("alice"), &format!("PUT /photos/{key}\nx-obs-storage-class: {class}\n\n{key}"), "200")
            .await;
    }
    let obs = gateway.check(As::Obs("alice"), "GET /photos", "200").await;
    assert_eq!(obs.elements("StorageClass"), ["WARM", "COLD", "STANDARD"]);
    let aws = gateway.check(As::Aws("alice"), "GET /photos", "200").await;
    assert_eq!(aws.elements("StorageClass"), ["STANDARD_IA", "GLACIER", "STANDARD"]);
    assert_eq!(obs.element("Type"), None);
    let (name, key) = (BucketName::parse("photos").unwrap(), ObjectKey::parse("c").unwrap());
    let appended = gateway.app.store.write(|tx| {
        let bucket = tx.bucket(&name)?.expect("it is there");
        let slot = tx.slot(&bucket, &key)?;
        let mut object = slot.current().expect("it is there").clone();
        object.state = ObjectState { append_count: Some(1), ..ObjectState::default() }.boxed();
        Ok::<_, Error>(tx.rewrite_version(slot, &object)?)
    });
    appended.await.unwrap();
    for who in both("alice") {
        for query in ["", "?list-type=2", "?versions"] {
            let answer = gateway.check(who, &format!("GET /photos{query}"), "200").await;
            assert_eq!(answer.elements("Type"), ["Appendable"]);
            assert!(answer.body_text().contains("<StorageClass>STANDARD</StorageClass><Type>"));
        }
    }
}

/// Requests of S3 proper, which nobody signs here.
#[tokio::test]
async fn s3_takes_numbers_at_their_word() {
    let gateway = with_keys(&["a", "b"]).await;
    gateway.check(As::Obs("alice"), "PUT /photos?acl\nx-obs-acl: public-read", "200").await;
    for query in ["", "&list-type=2", "&versions"] {
        let ask = |count: &str| format!("GET /photos?max-keys={count}{query}\nx-amz-date: 0");
        let empty = gateway.check(As::Nobody, &ask("0"), "200").await;
        assert_eq!((empty.element("MaxKeys"), empty.element("IsTruncated")), (Some("0"), Some("false")));
        assert_eq!(empty.element("Key"), None);
        gateway.check(As::Nobody, &ask("-1"), "400 InvalidArgument").await;
        assert_eq!(gateway.check(As::Nobody, &ask("1001"), "200").await.element("MaxKeys"), Some("1000"));
    }
    // Its clients do not decode the prefix of a listing of the first version.
    let request = "GET /photos?encoding-type=url&prefix=%C3%A9&marker=%C3%A9\nx-amz-date: 0";
    let answer = gateway.check(As::Nobody, request, "200").await;
    assert_eq!((answer.element("Prefix"), answer.element("Marker")), (Some("é"), Some("%C3%A9")));
}

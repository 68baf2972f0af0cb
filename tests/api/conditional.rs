//! Conditional writes and deletions in S3's words: what holds, what is refused and how, and who wins where many try.
//! Conditions in OBS's words stand with the operations.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use obs_gateway::blob::digest;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::support::{As, DATE, Gateway};
use crate::upload::part_list;

/// The tag of `hello`, that of `other`, and one of nothing that is there.
const HELLO: &str = "5d41402abc4b2a76b9719d911017c592";
const OTHER: &str = "795f3202b17cb6bc3d4b771d8c6c9eaf";
const EARLIER: &str = "Thu, 01 Jan 2015 00:00:00 GMT";

/// A gateway with a bucket for everyone.
async fn open() -> Gateway {
    let gateway = Gateway::new().await;
    gateway.check(As::Aws("alice"), "PUT /photos\nx-amz-acl: public-read-write", "200").await;
    gateway
}

async fn enable(gateway: &Gateway) {
    let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.check(As::Aws("alice"), &format!("PUT /photos?versioning\n\n{body}"), "200").await;
}

const ALICE: As = As::S3("alice");

/// Sends a request in S3's words.
async fn send(gateway: &Gateway, request: &str) -> Answer {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    gateway.send(ALICE, &format!("{}\n\n{body}", head.trim_end())).await
}

async fn check(gateway: &Gateway, request: &str, verdict: &str) -> Answer {
    let answer = send(gateway, request).await;
    assert_eq!(answer.verdict(), verdict, "{request}\n{}", answer.text());
    answer
}

/// Every way to write `hello` under `/photos/k`.
#[derive(Clone, Copy, Debug)]
enum Way {
    Put,
    Form,
    Copy,
    Complete,
}

const WAYS: [Way; 4] = [Way::Put, Way::Form, Way::Copy, Way::Complete];

impl Way {
    async fn write(self, gateway: &Gateway, lines: &str) -> Answer {
        match self {
            Self::Put => send(gateway, &format!("PUT /photos/k\n{lines}\n\nhello")).await,
            Self::Form => {
                let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x\r\nContent-Disposition: \
                            form-data; name=\"x-amz-acl\"\r\n\r\npublic-read\r\n--x\r\nContent-Disposition: form-data; \
                            name=\"file\"; filename=\"f\"\r\n\r\nhello\r\n--x--\r\n";
                let head = format!("POST /photos\nContent-Type: multipart/form-data; boundary=x\n{lines}");
                gateway.send(As::Nobody, &format!("{}\n\n{form}", head.trim_end())).await
            }
            Self::Copy => {
                check(gateway, "PUT /photos/source\n\nhello", "200").await;
                send(gateway, &format!("PUT /photos/k\nx-amz-copy-source: photos/source\n{lines}")).await
            }
            Self::Complete => {
                let (id, parts) = begun(gateway, "hello").await;
                complete(gateway, &id, &parts, lines).await
            }
        }
    }

    /// The verdict of what succeeds.
    fn done(self) -> &'static str {
        if matches!(self, Self::Form) { "204" } else { "200" }
    }
}

/// An upload to `/photos/k` with one part: its id and its document.
async fn begun(gateway: &Gateway, body: &str) -> (String, String) {
    let begun = check(gateway, "POST /photos/k?uploads", "200").await;
    let id = begun.element("UploadId").expect("an upload has an id").to_owned();
    let part = check(gateway, &format!("PUT /photos/k?partNumber=1&uploadId={id}\n\n{body}"), "200").await;
    (id, part_list(&[(1, part.header("etag").to_owned())]))
}

async fn complete(gateway: &Gateway, id: &str, document: &str, lines: &str) -> Answer {
    let head = format!("POST /photos/k?uploadId={id}\n{lines}");
    send(gateway, &format!("{}\n\n{document}", head.trim_end())).await
}

const FAILED: &str = "412 PreconditionFailed";

#[tokio::test]
async fn writes_depend_on_what_is_there() {
    for way in WAYS {
        let gateway = open().await;
        let write = async |lines: &str| way.write(&gateway, lines).await;
        let refused = async |lines: &str, verdict: &str| {
            let before = gateway.usage("photos").await.used_objects();
            let answer = write(lines).await;
            assert_eq!(answer.verdict(), verdict, "{way:?} {lines}\n{}", answer.text());
            let after = gateway.usage("photos").await.used_objects();
            assert!(after == before || matches!(way, Way::Copy), "{way:?} {lines}");
            answer
        };
        for lines in ["If-Match: *", &format!("If-Match: \"{HELLO}\"")] {
            let missing = refused(lines, "404 NoSuchKey").await;
            assert_eq!(missing.element("Key"), Some("k"), "{way:?}");
        }
        for lines in ["If-Match: *\nIf-None-Match: *", "If-Match:", "If-None-Match: ,"] {
            refused(lines, "400 InvalidArgument").await;
        }
        assert_eq!(write("If-None-Match: *").await.verdict(), way.done(), "{way:?}");
        check(&gateway, "PUT /photos/k\n\nother", "200").await;
        for lines in
            ["If-None-Match: *", &format!("If-None-Match: {OTHER}"), "If-Match: x", &format!("If-Match: \"{HELLO}\"")]
        {
            let failed = refused(lines, FAILED).await;
            assert_eq!(failed.element("Condition"), lines.split(':').next(), "{way:?}");
            assert_eq!(gateway.read("/photos/k").await, "other");
        }
        for lines in [format!("If-None-Match: {HELLO}"), format!("If-Match: \"{OTHER}\""), "If-Match: *".to_owned()] {
            check(&gateway, "PUT /photos/k\n\nother", "200").await;
            assert_eq!(write(&lines).await.verdict(), way.done(), "{way:?} {lines}");
            assert_eq!(gateway.read("/photos/k").await, "hello");
        }
        gateway.assert_sound();
    }
}

/// Where the newest version is a delete marker, there is no object.
#[tokio::test]
async fn a_delete_marker_is_no_object_to_writes() {
    for way in WAYS {
        let gateway = open().await;
        enable(&gateway).await;
        check(&gateway, "PUT /photos/k\n\nother", "200").await;
        check(&gateway, "DELETE /photos/k", "204").await;
        for lines in ["If-Match: *", &format!("If-Match: \"{OTHER}\"")] {
            assert_eq!(way.write(&gateway, lines).await.verdict(), "404 NoSuchKey", "{way:?}");
        }
        assert_eq!(way.write(&gateway, "If-None-Match: *").await.verdict(), way.done(), "{way:?}");
        assert_eq!(way.write(&gateway, "If-None-Match: *").await.verdict(), FAILED, "{way:?}");
        gateway.assert_sound();
    }
}

/// What a condition tells of a key is for who may list: a writer who may not is told no more than that it failed.
#[tokio::test]
async fn who_may_not_list_is_not_told_what_is_missing() {
    let gateway = Gateway::with_bucket().await;
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"PutObject","Resource":"photos/*"}}"#;
    gateway.check(As::Aws("alice"), &format!("PUT /photos?policy\n\n{policy}"), "204").await;
    let bob = As::S3("bob");
    gateway.check(bob, "PUT /photos/k\nIf-Match: *\n\nhello", "403 AccessDenied").await;
    gateway.check(bob, "PUT /photos/k\nIf-None-Match: *\n\nhello", "200").await;
    gateway.check(bob, "PUT /photos/k\nIf-None-Match: *\n\nhello", FAILED).await;
}

/// The conditions of a deletion, and those of one of many.
struct Terms {
    lines: String,
    members: String,
}

fn terms(etag: &str, time: &str, size: &str) -> Terms {
    let (mut lines, mut members) = (String::new(), String::new());
    for (header, member, value) in [
        ("If-Match", "ETag", etag),
        ("x-amz-if-match-last-modified-time", "LastModifiedTime", time),
        ("x-amz-if-match-size", "Size", size),
    ] {
        if !value.is_empty() {
            lines.extend([header, ": ", value, "\n"]);
            members.extend(["<", member, ">", value, "</", member, ">"]);
        }
    }
    Terms { lines, members }
}

/// Deletes `/photos/k`, or a version of it, alone or as one of many; whether the terms held, and the answer.
async fn delete(gateway: &Gateway, many: bool, version: &str, terms: &Terms) -> (bool, Answer) {
    if !many {
        let query = if version.is_empty() { String::new() } else { format!("?versionId={version}") };
        let answer = send(gateway, &format!("DELETE /photos/k{query}\n{}", terms.lines)).await;
        let held = answer.verdict() == "204";
        assert!(held || answer.verdict() == FAILED, "{}", answer.text());
        return (held, answer);
    }
    let version = if version.is_empty() { String::new() } else { format!("<VersionId>{version}</VersionId>") };
    let document = format!("<Delete><Object><Key>k</Key>{version}{}</Object></Delete>", terms.members);
    let md5 = BASE64.encode(digest::md5(document.as_bytes()));
    let answer = check(gateway, &format!("POST /photos?delete\nContent-MD5: {md5}\n\n{document}"), "200").await;
    let held = answer.element("Deleted").is_some();
    assert!(held || answer.element("Code") == Some("PreconditionFailed"), "{}", answer.text());
    (held, answer)
}

#[tokio::test]
async fn deletions_depend_on_what_is_there() {
    for many in [false, true] {
        let gateway = open().await;
        let held = async |terms: Terms| delete(&gateway, many, "", &terms).await.0;
        let is_there = async || gateway.used("photos").await == (5, 1);
        for fails in [
            terms("bad", "", ""),
            terms(&format!("W/\"{HELLO}\""), "", ""),
            terms("", EARLIER, ""),
            terms("", "", "4"),
            terms("*", DATE, "4"),
            terms("bad", DATE, "5"),
        ] {
            assert!(held(fails).await, "nothing there, nothing to hold it against");
        }
        for holds in [
            terms(&format!("\"{HELLO}\""), "", ""),
            terms(HELLO, "", ""),
            terms("*", "", ""),
            terms("", DATE, ""),
            terms("", "2015-07-01T03:27:45.482Z", ""),
            terms("", "", "5"),
            terms(HELLO, DATE, "5"),
        ] {
            check(&gateway, "PUT /photos/k\n\nhello", "200").await;
            for fails in [terms("bad", "", ""), terms("", EARLIER, ""), terms("", "", "4"), terms("*", DATE, "4")] {
                assert!(!held(fails).await);
                assert!(is_there().await);
            }
            let what = holds.lines.clone();
            assert!(held(holds).await, "{what}");
            assert_eq!(gateway.used("photos").await, (0, 0), "{what}");
        }
    }
}

#[tokio::test]
async fn deletions_depend_on_versions_and_markers() {
    for many in [false, true] {
        let gateway = open().await;
        enable(&gateway).await;
        let put = check(&gateway, "PUT /photos/k\n\nhello", "200").await;
        let version = put.header("x-amz-version-id").to_owned();
        check(&gateway, "PUT /photos/k\n\nother", "200").await;
        let held = async |version: &str, terms: Terms| delete(&gateway, many, version, &terms).await.0;
        assert!(!held(&version, terms(OTHER, "", "")).await, "of the version named, not of the newest");
        assert!(!held("", terms(HELLO, "", "")).await);
        assert!(!held(&version, terms("", EARLIER, "")).await && !held(&version, terms("", "", "4")).await);
        assert!(held(&version, terms(HELLO, DATE, "5")).await);
        assert_eq!(gateway.used("photos").await, (5, 1));
        assert!(held(&version, terms("bad", EARLIER, "4")).await, "it is gone already");

        // A marker has no tag and no size.
        assert!(held("", terms(OTHER, DATE, "5")).await);
        let usage = async || (gateway.used("photos").await, gateway.usage("photos").await.delete_markers);
        assert_eq!(usage().await, ((5, 1), 1));
        for fails in [terms(OTHER, "", ""), terms("", EARLIER, ""), terms("", "", "5"), terms("", "", "0")] {
            assert!(!held("", fails).await);
        }
        assert_eq!(usage().await, ((5, 1), 1));
        assert!(held("", terms("*", DATE, "")).await);
        assert_eq!(usage().await, ((5, 1), 2));
        let marker = check(&gateway, "HEAD /photos/k", "404 NoSuchKey").await;
        let marker = marker.header("x-amz-version-id").to_owned();
        assert!(!held(&marker, terms("", "", "0")).await);
        assert!(held(&marker, terms("*", "", "")).await);
        assert_eq!(usage().await, ((5, 1), 1));
    }
}

/// Nothing is there to hold the condition against: nothing happens, not even a delete marker.
#[tokio::test]
async fn a_conditional_deletion_marks_nothing_that_never_was() {
    let gateway = open().await;
    enable(&gateway).await;
    for many in [false, true] {
        assert!(delete(&gateway, many, "", &terms("*", "", "")).await.0);
        assert_eq!(gateway.usage("photos").await.delete_markers, 0);
    }
    check(&gateway, "DELETE /photos/k", "204").await;
    assert_eq!(gateway.usage("photos").await.delete_markers, 1);
}

#[tokio::test]
async fn each_of_many_is_held_against_its_own() {
    let gateway = open().await;
    for key in ["a", "b", "c"] {
        check(&gateway, &format!("PUT /photos/{key}\n\nhello"), "200").await;
    }
    let item = |key: &str, size: &str| format!("<Object><Key>{key}</Key><Size>{size}</Size></Object>");
    let document = format!("<Delete>{}{}{}</Delete>", item("a", "5"), item("b", "6"), item("c", " 5 "));
    let md5 = BASE64.encode(digest::md5(document.as_bytes()));
    let answer = check(&gateway, &format!("POST /photos?delete\nContent-MD5: {md5}\n\n{document}"), "200").await;
    assert_eq!((answer.elements("Deleted").len(), answer.elements("Error").len()), (2, 1));
    assert_eq!(answer.element("Code"), Some("PreconditionFailed"));
    assert_eq!(gateway.keys("photos").await, ["b"]);
}

#[tokio::test]
async fn conditions_that_cannot_be_read_delete_nothing() {
    let gateway = open().await;
    check(&gateway, "PUT /photos/k\n\nhello", "200").await;
    for (line, verdict) in [
        ("x-amz-if-match-size: many", "400 InvalidArgument"),
        ("x-amz-if-match-last-modified-time: once", "400 InvalidArgument"),
        ("If-None-Match: *", "501 NotImplemented"),
        ("If-Unmodified-Since: Wed, 01 Jul 2015 03:27:45 GMT", "501 NotImplemented"),
    ] {
        check(&gateway, &format!("DELETE /photos/k\n{line}"), verdict).await;
    }
    assert_eq!(gateway.used("photos").await, (5, 1));
}

#[tokio::test]
async fn an_upload_is_aborted_if_it_began_then() {
    let gateway = open().await;
    let (id, _) = begun(&gateway, "hello").await;
    let abort = |time: &str| format!("DELETE /photos/k?uploadId={id}\nx-amz-if-match-initiated-time: {time}");
    check(&gateway, &abort("once"), "400 InvalidArgument").await;
    let failed = check(&gateway, &abort(EARLIER), FAILED).await;
    assert_eq!(failed.element("Condition"), Some("x-amz-if-match-initiated-time"));
    assert_eq!(gateway.usage("photos").await.uploads, 1);
    check(&gateway, &abort(DATE), "204").await;
    assert_eq!(gateway.usage("photos").await.uploads, 0);
}

const CLIENTS: usize = 16;

/// Sends as many requests at once as there are clients; how many had each verdict.
async fn race<F: Future<Output = String> + Send + 'static>(request: impl Fn(usize) -> F) -> Vec<(String, usize)> {
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        tasks.spawn(request(client));
    }
    let mut verdicts = tasks.join_all().await;
    verdicts.sort();
    let counted = verdicts.chunk_by(|a, b| a == b).map(|same| (same[0].clone(), same.len()));
    counted.collect()
}

fn one_of_them(winner: &str) -> Vec<(String, usize)> {
    let mut expected = vec![(winner.to_owned(), 1), (FAILED.to_owned(), CLIENTS - 1)];
    expected.sort();
    expected
}

/// Many write under one key on a condition that the first of them ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_conditional_write_wins() {
    for way in WAYS {
        for round in 0..4 {
            let gateway = Arc::new(open().await);
            if round % 2 == 1 {
                enable(&gateway).await;
            }
            let go = |lines: &'static str| {
                let gateway = Arc::clone(&gateway);
                move |_| {
                    let gateway = Arc::clone(&gateway);
                    async move { way.write(&gateway, lines).await.verdict() }
                }
            };
            assert_eq!(race(go("If-None-Match: *")).await, one_of_them(way.done()), "{way:?}");
            check(&gateway, "PUT /photos/k\n\nother", "200").await;
            let lines = "If-Match: \"795f3202b17cb6bc3d4b771d8c6c9eaf\"";
            assert_eq!(race(go(lines)).await, one_of_them(way.done()), "{way:?}");
            assert_eq!(gateway.read("/photos/k").await, "hello");
            gateway.assert_sound();
        }
    }
}

/// Many delete what was one object, and mark it deleted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_conditional_deletion_wins() {
    for many in [false, true] {
        let gateway = Arc::new(open().await);
        enable(&gateway).await;
        check(&gateway, "PUT /photos/k\n\nhello", "200").await;
        let verdicts = race(|_| {
            let gateway = Arc::clone(&gateway);
            async move {
                let (held, _) = delete(&gateway, many, "", &terms(HELLO, "", "")).await;
                if held { "204" } else { FAILED }.to_owned()
            }
        });
        assert_eq!(verdicts.await, one_of_them("204"));
        assert_eq!(gateway.usage("photos").await.delete_markers, 1);
    }
}

/// What is replaced in time is not deleted: the object that is there at the end is the one that came last.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_spares_what_it_does_not_know() {
    for _ in 0..20 {
        let gateway = Arc::new(open().await);
        check(&gateway, "PUT /photos/k\n\nhello", "200").await;
        let verdicts = race(|client| {
            let gateway = Arc::clone(&gateway);
            async move {
                if client == 0 {
                    return send(&gateway, "PUT /photos/k\n\nother").await.verdict();
                }
                let (held, _) = delete(&gateway, client % 2 == 0, "", &terms(HELLO, "", "")).await;
                if held { "204" } else { FAILED }.to_owned()
            }
        });
        let verdicts = verdicts.await;
        assert!(verdicts.contains(&("200".to_owned(), 1)), "{verdicts:?}");
        assert_eq!(gateway.read("/photos/k").await, "other");
        assert_eq!(gateway.used("photos").await, (5, 1));
    }
}
